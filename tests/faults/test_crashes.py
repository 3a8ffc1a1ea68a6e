"""An upgrade is killed after any statement, or around any COMMIT: the next one ends well, and nothing is lacking."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.conftest import POSTGRES, answering_engine, fresh_database
from tests.faults.processes import Starter, faults, record, synthetic
from tests.faults.test_starts_at_once import MODES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

TRANSACTIONAL = "sqlite_transactional_ddl = true"


@dataclass
class Tally:
    """What came out of some kills."""

    points: int = 0
    killed: int = 0
    stuck: list[int] = field(default_factory=list)
    wrong: list[int] = field(default_factory=list)
    waited: int = 0
    """How many of the second runs had to wait for the lock of the dead one at all."""
    first: str = ""


def kill(
    starter: Starter,
    folder: Path,
    database: str,
    points: Iterable[int] | None = None,
    *,
    mode: str = "default",
    settings: str = "",
    program: str = "branchmig",
) -> Tally:
    """Kill an upgrade at each point, all of them unless told, and run it again."""
    tally = Tally()
    with ExitStack() as stack:
        project = _project(folder / "count", database, stack, mode, settings)
        tally.points = starter.points(project, "upgrade", "head", program=program)
    for point in points or range(1, tally.points + 1):
        with ExitStack() as stack:
            project = _project(folder / f"{database}{point}", database, stack, mode, settings)
            (ended,) = starter.run(project, "upgrade", "head", program=program, kill_at=point)
            tally.killed += ended.code == -9
            (again,) = starter.run(project, "upgrade", "head", program=program)
            tally.waited += "waiting for" in again.output
            if again.code != 0:
                tally.stuck.append(point)
                tally.first = tally.first or again.output
            elif found := faults(project):
                tally.wrong.append(point)
                tally.first = tally.first or str(found)
    return tally


def _project(place: Path, database: str, stack: ExitStack, mode: str, settings: str):  # type: ignore[no-untyped-def]
    url = f"sqlite:///{place}/app.db"
    if database == "postgres":
        url = stack.enter_context(fresh_database(answering_engine(POSTGRES), POSTGRES))
    return synthetic(place, url, env_options=MODES[mode], settings=settings)


@pytest.mark.heavy
@pytest.mark.parametrize(("database", "settings"), [("sqlite", TRANSACTIONAL), ("postgres", "")])
def test_a_killed_upgrade_is_simply_run_again(starter: Starter, tmp_path: Path, database: str, settings: str) -> None:
    tally = kill(starter, tmp_path, database, (47,), mode="per migration", settings=settings)
    assert (tally.killed, tally.stuck, tally.wrong) == (1, [], []), tally.first


def test_without_transactional_ddl_a_killed_upgrade_is_stuck(starter: Starter, tmp_path: Path) -> None:
    tally = kill(starter, tmp_path, "sqlite", (28, 34))
    assert tally.stuck


@pytest.mark.soak
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("database", "settings"), [("sqlite", TRANSACTIONAL), ("postgres", "")])
def test_killed_at_any_point_it_is_simply_run_again(
    starter: Starter, tmp_path: Path, database: str, settings: str, mode: str
) -> None:
    tally = kill(starter, tmp_path, database, mode=mode, settings=settings)
    record("crashes", arm="branchmig", database=database, mode=mode, **{**vars(tally), "stuck": len(tally.stuck)})
    assert tally.killed == tally.points
    assert (tally.stuck, tally.wrong) == ([], []), tally.first


@pytest.mark.soak
@pytest.mark.parametrize("program", ["alembic", "branchmig"])
def test_control_without_transactional_ddl_many_are_stuck(starter: Starter, tmp_path: Path, program: str) -> None:
    tally = kill(starter, tmp_path, "sqlite", program=program)
    record(
        "crashes",
        arm=f"{program}, control",
        database="sqlite",
        mode="default",
        **{**vars(tally), "stuck": len(tally.stuck)},
    )
    assert len(tally.stuck) > tally.points / 10
