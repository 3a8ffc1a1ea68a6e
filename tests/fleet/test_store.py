from __future__ import annotations

import sqlite3
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from branchmig.database.fleet_control import control_database
from branchmig.errors import FleetStopped
from branchmig.fleet.goal import Goal
from branchmig.fleet.record import RunRecord, TargetRecord
from branchmig.fleet.reports import Failure, Report
from branchmig.fleet.store import _TABLES, RunStore, file_store
from branchmig.fleet.tasks import Source

if TYPE_CHECKING:
    from pathlib import Path

RUN = RunRecord(
    "one", Goal("upgrade", ("heads",), ("c3",), "tag"), Source(file="t.toml", only=("a*",)), "/p", "host:1", 5.0, 2
)
SEEN = (("a1",),)


def write(store: RunStore) -> None:
    """a is done, b failed, c began, d did not."""
    store.create(RUN, [TargetRecord(name, "eu", "pending") for name in ("d", "c", "b", "a")])
    store.begin("one", [(name, SEEN, (f"id-{name}",)) for name in ("a", "b", "c")])
    failure = Failure("migration-failed", "no", "mend it", ("at x",))
    store.end("one", [Report("a", "eu", "done", SEEN, (("c3",),), 2, 1, 0.5, None, ("id-a",))])
    store.end("one", [Report("b", "eu", "failed", SEEN, (("b2",),), 1, 1, 0.25, failure, ("id-b",))])


EXPECTED = [
    TargetRecord("d", "eu", "pending"),
    TargetRecord("c", "eu", "begun", SEEN, ("id-c",), attempts=1),
    TargetRecord(
        "b", "eu", "ended", SEEN, ("id-b",), "failed", (("b2",),), 1, 1, 0.25,
        Failure("migration-failed", "no", "mend it", ("at x",)),
    ),
    TargetRecord("a", "eu", "ended", SEEN, ("id-a",), "done", (("c3",),), 2, 1, 0.5),
]  # fmt: skip


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "runs.sqlite3"
    with file_store(str(path)) as store:
        write(store)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with file_store(str(path)) as store:
        assert store.load("one") == (RUN, EXPECTED)
        assert store.load("last") == (RUN, EXPECTED)


def test_a_control_database_holds_the_same(database_url: str) -> None:
    with control_database(database_url, "CONTROL") as database:
        write(RunStore(database, "control"))
    with control_database(database_url, "CONTROL") as database:
        assert RunStore(database, "control").load("last") == (RUN, EXPECTED)


def test_the_rows_that_a_run_first_saw_stay_when_it_is_resumed(tmp_path: Path) -> None:
    with file_store(str(tmp_path / "runs")) as store:
        write(store)
        store.take_over("one", "host:2")
        store.begin("one", [("b", (("b2",),), ("id-b",))])
        run, targets = store.load("one")
        assert run.owner == "host:2"
        assert next((target.seen, target.attempts, target.state) for target in targets if target.name == "b") == (
            SEEN,
            2,
            "begun",
        )


def test_a_run_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    path = tmp_path / "runs"
    with file_store(str(path)) as store:
        with pytest.raises(FleetStopped) as refused:
            store.load("last")
        assert (refused.value.message, refused.value.hint) == (
            f"{path} records no run 'last'",
            "see --run-file and --record",
        )
        write(store)
        with pytest.raises(FleetStopped) as refused:
            store.load("two")
        assert refused.value.hint == "it knows: one"


def test_a_file_that_is_no_record_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs"
    path.write_text("something else altogether, and long enough to be told from a database\n" * 20)
    with pytest.raises(FleetStopped) as refused, file_store(str(path)):
        pass
    assert (refused.value.message, refused.value.hint) == (
        f"{path} cannot hold the record of a run: file is not a database",
        "name another file: --run-file",
    )


def test_a_record_of_an_earlier_version_gets_the_columns_that_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "runs"
    connection = sqlite3.connect(path)
    for name in ("project", "places", "address", "other_steps"):
        assert all(name not in table for table in _TABLES)
    for table in _TABLES:
        connection.execute(table)
    connection.close()
    with file_store(str(path)) as store:
        write(store)
        assert store.load("last") == (RUN, EXPECTED)


def test_the_last_run_is_that_of_the_project(tmp_path: Path) -> None:
    with file_store(str(tmp_path / "runs")) as store:
        mine, theirs = replace(RUN, run="mine", project="/a"), replace(RUN, run="theirs", project="/b", began=9.0)
        for run in (mine, theirs):
            store.create(run, [TargetRecord("a", "", "pending")])
        assert store.load("last", "/a")[0] == mine
        assert store.load("last")[0] == theirs
        assert [run.run for run in store.runs()] == ["theirs", "mine"]
        with pytest.raises(FleetStopped, match="records no run 'last' of this project"):
            store.load("last", "/c")
