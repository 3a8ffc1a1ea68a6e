"""What the coordinator loses on its way ends no worker: no target is left half done, and the run can be resumed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from branchmig.cli import run as run_here
from tests.conftest import ROOT
from tests.fleets import SqliteFleet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Cli

TENANTS = 4


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


STEP_BY_STEP = """
import pathlib, time
name = pathlib.Path(op.get_bind().engine.url.database).stem
(pathlib.Path({place!r}) / f'begun-{{name}}').touch()
until = time.monotonic() + 60
while not (pathlib.Path({place!r}) / f'go-{{name}}').exists() and time.monotonic() < until:
    time.sleep(0.01)
"""


class Stepwise(SqliteFleet):
    """A fleet whose targets wait in the second of three revisions until the test lets each go on."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, tenants=TENANTS, revisions=3)
        path = self.versions / "r002.py"
        text = STEP_BY_STEP.format(place=str(root)).strip().replace("\n", "\n    ")
        path.write_text(path.read_text().replace("def upgrade():\n", f"def upgrade():\n    {text}\n"))

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                sys.executable, "-P", "-m", "branchmig", "fleet", "upgrade", "heads", "--targets", "targets.json",
                "--workers", "1", *words,
            ],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
            | options,
        )  # fmt: skip

    def wait_for(self, number: int, process: subprocess.Popen[str]) -> None:
        while not (self.root / f"begun-{self.names[number]}").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)

    def let_go(self, *numbers: int) -> None:
        for number in numbers:
            (self.root / f"go-{self.names[number]}").touch()

    def assert_first_two_done_and_the_rest_untouched(self) -> None:
        assert [self.version(name) for name in self.names] == [["r003"], ["r003"], [], []]
        assert set(self.wrong_tenants()) == set(self.names[2:])

    def assert_resumed(self, cli: Cli, *words: str) -> None:
        self.let_go(*range(TENANTS))
        resumed = cli("-q", "fleet", "upgrade", "--resume", "last", "--format", "json", *words, cwd=self.root)
        assert (resumed.exit_code, json.loads(resumed.stdout)["outcomes"]) == (0, {"done": TENANTS}), resumed
        assert self.wrong_tenants() == {}


def test_a_reader_that_goes_away_begins_nothing_new_and_ends_no_worker(tmp_path: Path, cli: Cli) -> None:
    fleet = Stepwise(tmp_path / "project")
    process = fleet.start("--format", "jsonl")
    fleet.let_go(0)
    assert process.stdout is not None
    assert process.stderr is not None
    assert json.loads(process.stdout.readline())["target"]["outcome"] == "done"
    fleet.wait_for(1, process)
    process.stdout.close()
    fleet.let_go(1)
    with process.stderr:
        err = process.stderr.read()
    assert process.wait(60) == 3, err
    assert "error: standard output failed: Broken pipe; nothing was begun after that, and what ran has ended" in err
    fleet.assert_first_two_done_and_the_rest_untouched()
    fleet.assert_resumed(cli)


def test_a_terminal_that_hangs_up_begins_nothing_new_and_ends_no_worker(tmp_path: Path) -> None:
    fleet = Stepwise(tmp_path / "project")
    ours, theirs = os.openpty()
    process = fleet.start("--format", "json", stderr=theirs, stdin=theirs, start_new_session=True)
    os.close(theirs)
    fleet.let_go(0)
    fleet.wait_for(1, process)
    os.close(ours)
    # Once for the terminal, and once more as its shell ends: that is no second Ctrl-C.
    for _ in range(2):
        os.killpg(process.pid, signal.SIGHUP)
    fleet.let_go(1)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, json.loads(out)["outcomes"]) == (3, {"done": 2, "not begun": 2})
    fleet.assert_first_two_done_and_the_rest_untouched()


def test_a_record_that_cannot_be_written_begins_nothing_new_and_ends_no_worker(tmp_path: Path, cli: Cli) -> None:
    fleet = Stepwise(tmp_path / "project")
    runs = tmp_path / "runs.db"
    process = fleet.start("--format", "json", "--run-file", str(runs))
    fleet.let_go(0)
    fleet.wait_for(1, process)
    record = sqlite3.connect(runs)
    record.execute(
        "CREATE TRIGGER full BEFORE UPDATE ON branchmig_fleet_target "
        "BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"
    )
    record.commit()
    fleet.let_go(1)
    out, err = process.communicate(timeout=60)
    document = json.loads(out)
    assert (process.returncode, document["outcomes"]) == (3, {"done": 2, "not begun": 2}), err
    assert document["stopped"] == "the record of the run failed: database or disk is full"
    fleet.assert_first_two_done_and_the_rest_untouched()
    record.execute("DROP TRIGGER full")
    record.commit()
    record.close()
    fleet.assert_resumed(cli, "--run-file", str(runs))


def test_a_control_connection_that_is_ended_begins_nothing_new_and_ends_no_worker(
    tmp_path: Path, cli: Cli, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("a file has no connections to end")
    monkeypatch.setenv("CONTROL", database_url)
    fleet = Stepwise(tmp_path / "project")
    words = ("--record", "control", "--control-url-env", "CONTROL")
    process = fleet.start("--format", "json", *words)
    fleet.let_go(0)
    fleet.wait_for(1, process)
    end_sessions(database_url)
    fleet.let_go(1)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, json.loads(out)["outcomes"]) == (3, {"done": 2, "not begun": 2}), err
    fleet.assert_first_two_done_and_the_rest_untouched()
    fleet.assert_resumed(cli, *words)


def end_sessions(url: str) -> None:
    """End every session in a database but the one that does it."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            return
        found = connection.exec_driver_sql(
            "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
        )
        for (number,) in found.all():
            connection.exec_driver_sql(f"KILL {int(number)}")


def test_a_report_that_cannot_be_drawn_leaves_everything_done_and_ends_with_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet = SqliteFleet(tmp_path / "project", tenants=2, revisions=1)
    monkeypatch.chdir(fleet.root)
    monkeypatch.setattr("branchmig.render.fleet.run_lines", _broken)
    assert run_here(["fleet", "upgrade", "heads", "--targets", "targets.json", "--workers", "1"]) == 3
    assert "error: the report failed: no colour left;" in capsys.readouterr().err
    assert fleet.wrong_tenants() == {}
    monkeypatch.undo()


def _broken(*_: object) -> Callable[[], None]:
    raise RuntimeError("no colour left")
