"""A thousand tenants, and processes that are killed at random moments: minutes, not seconds."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import POSTGRES, ROOT, fresh_database
from tests.fleets import SchemaFleet, SqliteFleet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Cli

    Fleet = SqliteFleet | SchemaFleet

pytestmark = pytest.mark.soak

ROUNDS = 20
TENANTS, REVISIONS = 30, 6


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def test_a_thousand_sqlite_tenants_come_to_the_head(cli: Cli, tmp_path: Path) -> None:
    fleet = SqliteFleet(tmp_path / "project", tenants=1000, revisions=20, is_transactional=False)
    words = ("--targets", "targets.json", "--format", "json")
    result = cli("fleet", "upgrade", "heads", "--canary", "5", *words, cwd=fleet.root)
    assert (result.exit_code, json.loads(result.stdout)["outcomes"]) == (0, {"done": 1000})
    assert fleet.wrong_tenants() == {}
    status = json.loads(cli("fleet", "status", *words, cwd=fleet.root).stdout)
    assert [(place["state"], len(place["targets"])) for place in status["places"]] == [("at head", 1000)]


def test_two_hundred_postgresql_schemas_come_to_the_head(cli: Cli, tmp_path: Path, postgres_url: str) -> None:
    fleet = SchemaFleet(tmp_path / "project", postgres_url, tenants=200, revisions=20)
    result = cli("fleet", "upgrade", "heads", "--schemas", "tenant_%", "--format", "json", cwd=fleet.root)
    assert (result.exit_code, json.loads(result.stdout)["outcomes"]) == (0, {"done": 200})
    assert fleet.wrong_tenants() == {}


def children(process_id: int) -> list[int]:
    """Return the processes below one, in no order."""
    found: list[int] = []
    for task in Path(f"/proc/{process_id}/task").glob("*/children"):
        for child in task.read_text().split():
            found += [int(child), *children(int(child))]
    return found


def workers(process_id: int) -> list[int]:
    """Return the workers of a coordinator: what was forked from its fork server."""
    return [
        child
        for parent in children(process_id)
        if b"forkserver" in Path(f"/proc/{parent}/cmdline").read_bytes()
        for child in children(parent)
    ]


def begin(fleet: Fleet, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "branchmig", "-q", "fleet", "upgrade", *words],
        cwd=fleet.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def kill_at_random(process: subprocess.Popen[str], run_file: Path, whom: str, chance: random.Random) -> bool:
    """Kill the coordinator, or one of its workers, after a random number of targets; return whether it still ran."""
    wanted = chance.randrange(TENANTS)
    while len(states(run_file).get("ended", [])) < wanted or not states(run_file):
        if process.poll() is not None:
            return False
        time.sleep(0.005)
    time.sleep(chance.uniform(0, 0.1))
    if process.poll() is not None:
        return False
    with suppress(ProcessLookupError, FileNotFoundError, IndexError):  # ended meanwhile
        os.kill(process.pid if whom == "coordinator" else chance.choice(workers(process.pid)), signal.SIGKILL)
        return True
    return False


def states(run_file: Path) -> dict[str, list[str]]:
    """Return the targets of the newest run, by the state that they are in."""
    found: dict[str, list[str]] = {}
    if not run_file.exists():
        return found
    connection = sqlite3.connect(f"file:{run_file}?mode=ro", uri=True, timeout=30)
    try:
        for state, name in connection.execute("SELECT state, name FROM branchmig_fleet_target"):
            found.setdefault(state, []).append(name)
    except sqlite3.OperationalError:  # its tables are not there yet
        return {}
    finally:
        connection.close()
    return found


@dataclass
class Rounds:
    """What a number of rounds came to."""

    killed: int = 0
    done: int = 0
    begun: int = 0
    pending: int = 0
    touched: int = 0
    """Targets that were gone to a second time."""

    def count(self, left: dict[str, list[str]]) -> None:
        self.done += len(left.get("ended", []))
        self.begun += len(left.get("begun", []))
        self.pending += len(left.get("pending", []))


@contextmanager
def some_fleet(kind: str, root: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Fleet, tuple[str, ...]]]:
    """A new fleet of a kind, and the words that say where it is."""
    if kind == "sqlite":
        yield SqliteFleet(root, TENANTS, REVISIONS), ("--targets", "targets.json")
        return
    with fresh_database(request.getfixturevalue("postgres_engine"), POSTGRES) as url:
        yield SchemaFleet(root, url, TENANTS, REVISIONS), ("--schemas", "tenant_%")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("whom", ["coordinator", "worker"])
def test_killed_at_random_moments_every_tenant_ends_right_and_no_revision_runs_twice(
    tmp_path: Path, request: pytest.FixtureRequest, kind: str, whom: str
) -> None:
    chance = random.Random(f"{kind} {whom}")
    rounds = Rounds()
    for number in range(ROUNDS):
        root = tmp_path / f"round-{number}"
        run_file = root / "runs"
        with some_fleet(kind, root, request) as (fleet, source):
            words = ("--run-file", str(run_file), "--workers", "2", "--format", "json")
            process = begin(fleet, "heads", *source, *words)
            rounds.killed += kill_at_random(process, run_file, whom, chance)
            if whom == "coordinator":
                process.wait()
                rounds.count(states(run_file))
            out, err = process.communicate(timeout=300)
            if process.returncode != 0:
                # At once: workers that have lost their coordinator are still at work.
                again = begin(fleet, "--resume", "last", *words)
                out, err = again.communicate(timeout=300)
                assert again.returncode == 0, (number, out, err)
            rounds.touched += sum(target["attempts"] > 1 for target in json.loads(out)["targets"])
            assert fleet.wrong_tenants() == {}, (number, out, err)
    sys.stdout.write(f"\n{kind}, {whom}: {ROUNDS} rounds, {rounds}\n")
    assert rounds.killed > ROUNDS / 2


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_runs_at_once_do_not_get_in_each_others_way(
    tmp_path: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    with some_fleet(kind, tmp_path / "fleet", request) as (fleet, source):
        running = [begin(fleet, "heads", *source, "--workers", "2", "--format", "json") for _ in range(2)]
        ended = [process.communicate(timeout=300) for process in running]
        assert [process.returncode for process in running] == [0, 0], ended
        assert fleet.wrong_tenants() == {}
