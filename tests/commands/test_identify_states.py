"""`branchmig identify` on random states of random histories, against a model that knows every set of revisions."""

from __future__ import annotations

import json
import re
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.commands.test_drift import project
from tests.conftest import MARIADB, POSTGRES, fresh_database
from tests.random_histories import History, random_history, random_sets, without_merge

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from tests.repositories import Checkout


def written(folder: Path, url: str, history: History) -> Checkout:
    checkout = project(folder, url)
    for step in history.steps:
        checkout.revision(step.id, *step.parents, upgrade="\n".join(step.lines) or "pass")
    return checkout


def expected(history: History, applied: frozenset[str]) -> tuple[int, frozenset[str], frozenset[str]]:
    """Return the exit code, and the largest and the smallest set of revisions that builds the same."""
    schema = history.schema(applied)
    same = [each for each in history.sets if history.schema(each) == schema]
    largest, smallest = max(same, key=len), min(same, key=len)
    assert all(smallest <= each <= largest for each in same), "the model has two answers of which neither has the other"
    empty = {step.id for step in history.steps if step.is_empty}
    return (0 if largest - smallest <= empty else 3), largest, smallest


def answer(checkout: Checkout, history: History) -> tuple[int, frozenset[str], frozenset[str]]:
    said = checkout.branchmig("identify", "--format", "json")
    heads: list[list[str]]
    undecided: list[str] = []
    if said.exit_code == 0:
        document = json.loads(said.stdout)
        heads, undecided = [document["heads"]], document["undecided"]
    else:
        found = re.search(r"the schema is the same at (.*) and at (.*)\n", said.stderr)
        assert found is not None, said
        heads = [[name for name in text.split(", ") if name != "base"] for text in found.groups()]
    sets = [frozenset[str]().union(*(history.below[name] for name in each)) for each in heads]
    return said.exit_code, sets[0], sets[-1] - set(undecided)


def look(folder: Path, url: str, seed: int, number: int) -> None:
    """Bring a database to some states of a random history, and ask for the revisions without the version table."""
    random = Random(seed)
    history = random_history(random)
    if random.random() < 0.5:
        history = without_merge(history)
    checkout = written(folder, url, history)
    for applied in random_sets(random, history, number):
        bring_to(checkout, history, applied, random)
        checkout.execute("DROP TABLE alembic_version")
        assert answer(checkout, history) == expected(history, applied), (seed, history.heads(applied))


def bring_to(checkout: Checkout, history: History, applied: frozenset[str], random: Random) -> None:
    """Empty the database, and upgrade it to some heads in any order."""
    empty(checkout)
    for head in random.sample(heads := history.heads(applied), len(heads)):
        done = checkout.branchmig("upgrade", head)
        assert done.exit_code == 0, done
    if not heads:
        checkout.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")


def empty(checkout: Checkout) -> None:
    import sqlalchemy as sa

    engine = sa.create_engine(checkout.url)
    with engine.begin() as connection:
        metadata = sa.MetaData()
        metadata.reflect(connection)
        metadata.drop_all(connection)
    engine.dispose()


@pytest.mark.parametrize("seed", [1, 2])
def test_three_states_of_a_history(tmp_path: Path, seed: int) -> None:
    look(tmp_path, "sqlite", seed, 3)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 125))
@pytest.mark.parametrize("kind", ["sqlite", "postgres", "mariadb"])
def test_a_hundred_states(tmp_path: Path, kind: str, seed: int, request: pytest.FixtureRequest) -> None:
    if kind == "sqlite":
        look(tmp_path, "sqlite", seed, 4)
        return
    engine: Engine = request.getfixturevalue(f"{kind}_engine")
    with fresh_database(engine, POSTGRES if kind == "postgres" else MARIADB) as url:
        look(tmp_path, url, seed, 4)
