"""A squash of any range of any history leaves every database where the old scripts would have brought it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from branchmig.dag import RevisionDag
from branchmig.errors import InvalidTarget
from branchmig.planning.plan import plan_upgrade
from branchmig.planning.squash import plan_squash, unfolded
from tests.oracle.histories import histories
from tests.oracle.test_real_histories import PROJECTS, revisions_of

if TYPE_CHECKING:
    from branchmig.planning.squash import SquashPlan


def squashes(dag: RevisionDag, base: str | None, last: str) -> SquashPlan | None:
    try:
        return plan_squash(dag, () if base is None else (base,), last)
    except InvalidTarget:
        return None


def check(dag: RevisionDag, plan: SquashPlan) -> None:
    after = plan.graph(dag)
    assert set(plan.after.replaces) == plan.ids - {plan.last.id}
    assert {revision.id for revision in after} == {revision.id for revision in dag} - set(plan.after.replaces)
    by_id = {revision.id: revision for revision in after}
    assert RevisionDag(unfolded(by_id, after[plan.last.id], plan.order).values()).order() == dag.order()
    whole = plan_upgrade(dag, "heads")
    for rows in [whole.applied, *(step.heads_after for step in whole.steps)]:
        left = {step.revision.id for step in plan_upgrade(dag, "heads", rows).steps if step.revision}
        if not plan.ids <= left and plan.ids & left:
            continue  # in the middle: the unfolded graph is the old one
        found = plan_upgrade(after, "heads", rows)
        assert {step.revision.id for step in found.steps if step.revision} == left - set(plan.after.replaces)
        assert found.heads_after == whole.heads_after


@settings(max_examples=60, deadline=None)
@given(histories(), st.data())
def test_every_state_outside_of_a_range_runs_the_squash_and_all_else(history: object, data: st.DataObject) -> None:
    dag = RevisionDag(history)  # type: ignore[arg-type]
    ids = [revision.id for revision in dag]
    last = data.draw(st.sampled_from(ids))
    base = data.draw(st.none() | st.sampled_from(sorted({*dag.ancestors([last], dependencies=False), last})))
    plan = squashes(dag, base, last)
    if plan is not None:
        check(dag, plan)


@pytest.mark.soak
def test_ranges_of_real_histories_become_one() -> None:
    number = 0
    for project in PROJECTS.values():
        dag = RevisionDag(revisions_of(project["revisions"]))
        order = dag.order()
        for start in range(0, len(order), max(1, len(order) // 3)):
            for base in (None, order[start]):
                plan = squashes(dag, base, order[min(start + 20, len(order) - 1)])
                if plan is not None:
                    number += 1
                    check(dag, plan)
    assert number > 10
