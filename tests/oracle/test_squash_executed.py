"""Real histories squashed and run: from each state that a database can be in, it comes to one catalog.

Only the graphs are public: each revision makes a table of its own, and an index on that of its first parent.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from branchmig.dag import RevisionDag
from branchmig.errors import InvalidTarget
from branchmig.planning.plan import plan_upgrade
from branchmig.planning.squash import plan_squash
from tests.oracle.test_real_histories import PROJECTS, revisions_of

if TYPE_CHECKING:
    from branchmig.planning.squash import SquashPlan
    from tests.repositories import Checkout

MOST = 45
"""Revisions of a history that are run: the first in upgrade order, which have all that they need below them."""


def written(made: Checkout, name: str) -> RevisionDag:
    """Write the scripts of a history."""
    whole = RevisionDag(revisions_of(PROJECTS[name]["revisions"]))
    dag = RevisionDag([whole[revision_id] for revision_id in whole.order()[:MOST]])
    for revision in dag:
        key = f"t_{revision.id}"
        up = [f'op.execute("CREATE TABLE \\"{key}\\" (id INTEGER PRIMARY KEY, n INTEGER)")']
        down = [f'op.execute("DROP TABLE \\"{key}\\"")']
        for parent in revision.parents[:1]:
            up.append(f'op.execute("CREATE INDEX \\"i_{revision.id}\\" ON \\"t_{parent}\\" (n)")')
            down.insert(0, f'op.execute("DROP INDEX \\"i_{revision.id}\\"")')
        made.revision(
            revision.id,
            *revision.parents,
            depends_on=revision.depends_on,
            labels=revision.labels,
            upgrade="\n".join(up),
            downgrade="\n".join(down),
        )
    made.commit("all of it")
    return dag


def longest(dag: RevisionDag) -> SquashPlan:
    """Return the squash of the longest range that begins above the first third of a history."""
    order = dag.order()
    for last in reversed(order):
        for base in order[len(order) // 3 :]:
            try:
                plan = plan_squash(dag, (base,), last)
            except InvalidTarget:
                continue
            if plan is not None and len(plan.ids) > 2:
                return plan
    raise AssertionError("no range of this history can be squashed")


def catalog(made: Checkout) -> list[str]:
    with closing(sqlite3.connect(made.root / "app.db")) as connection:
        return sorted(connection.iterdump())


def every_state_comes_to_one_catalog(made: Checkout, name: str) -> None:
    dag = written(made, name)
    plan = longest(dag)
    states: dict[tuple[str, ...], bytes] = {(): b""}
    database = made.root / "app.db"
    for step in plan_upgrade(dag, "heads").steps:
        assert step.revision is not None
        assert made.branchmig("upgrade", step.revision.id).exit_code == 0
        states[step.heads_after] = database.read_bytes()
    end, rows = catalog(made), made.rows()
    (base,) = plan.after.parents
    done = made.branchmig("squash", f"{base}..{plan.last.id}", "--format", "json")
    assert (done.exit_code, sorted(json.loads(done.stdout)["replaces"])) == (0, sorted(plan.ids - {plan.last.id})), (
        done.stderr
    )
    made.git("add", "--all")
    made.commit("squash")
    for heads, content in states.items():
        database.write_bytes(content)
        upgraded = made.branchmig("upgrade", "heads")
        assert (upgraded.exit_code, made.rows()) == (0, rows), (heads, upgraded.stderr)
        assert catalog(made) == end, heads


@pytest.mark.soak
@pytest.mark.parametrize("name", sorted(PROJECTS))
def test_every_state_of_a_real_history_comes_to_the_same_catalog(repo: Checkout, name: str) -> None:
    every_state_comes_to_one_catalog(repo, name)
