from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.commands.test_fleet_losses import Stepwise
from tests.conftest import ROOT
from tests.fleets import SqliteFleet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Cli

# Not importorskip: every test process would import it, which takes half a second.
pytestmark = pytest.mark.skipif(
    find_spec("distributed") is None, reason="Dask's distributed is not installed: pip install 'branchmig[dask]'"
)

WAIT = """
import os, pathlib, time
place = pathlib.Path({place!r})
try:
    (place / 'first').open('x').write(str(os.getpid()))
except FileExistsError:
    pass
else:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        time.sleep(0.01)
"""


@contextmanager
def started(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Run a part of Dask, with what it says in a file, and end it."""
    log = folder / f"{words[0]}-{time.monotonic_ns()}.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            encoding="utf-8",
        )
    try:
        yield process, log
    finally:
        process.kill()
        process.wait()


def told(process: subprocess.Popen[str], log: Path, pattern: str) -> str:
    """Return what a process says of itself, when it does."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found = re.search(pattern, log.read_text())
        if found is not None:
            return found[1]
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(log.read_text())


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[str]:
    """A scheduler and worker processes on the loopback interface."""
    folder.mkdir()
    words = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")
    with started(folder, "scheduler", *words) as scheduler:
        address = told(*scheduler, r"Scheduler at:\s+(tcp://\S+)")
        worker = ("worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny", "--host", "127.0.0.1")
        with started(folder, *worker) as item, started(folder, *worker) as two:
            for process in (item, two)[:workers]:
                told(*process, r"(Registered to)")
            yield address


@pytest.mark.soak
def test_the_fleet_runs_on_a_dask_cluster_and_a_lost_workers_targets_are_taken_up(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    fleet = SqliteFleet(tmp_path / "project", tenants=12, revisions=3)
    path = fleet.versions / "r002.py"
    wait = WAIT.format(place=str(fleet.root)).strip().replace("\n", "\n    ")
    path.write_text(path.read_text().replace("def upgrade():\n", f"def upgrade():\n    {wait}\n"))
    with cluster(tmp_path / "dask", 2) as address:
        process = subprocess.Popen(
            [
                sys.executable, "-P", "-m", "branchmig", "-q", "fleet", "upgrade", "heads", "--targets", "targets.json",
                "--engine", "dask", "--scheduler", address, "--format", "json",
            ],
            cwd=fleet.root,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )  # fmt: skip
        while not (fleet.root / "first").exists() or not (fleet.root / "first").read_text():
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        # Amid a revision; the other worker goes on, and takes the target up.
        os.kill(int((fleet.root / "first").read_text()), signal.SIGKILL)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, (out, err)
    assert json.loads(out)["outcomes"] == {"done": 12}
    assert fleet.wrong_tenants() == {}


@pytest.mark.soak
def test_a_scheduler_that_does_not_answer_is_an_error(tmp_path: Path, cli: Cli) -> None:
    fleet = SqliteFleet(tmp_path / "project", tenants=1, revisions=1)
    words = ("fleet", "status", "--targets", "targets.json", "--engine", "dask")
    alone = cli(*words, cwd=fleet.root)
    assert (alone.exit_code, alone.stderr.splitlines()[-2]) == (
        2,
        "error: --engine dask and --scheduler ADDRESS go together",
    )
    refused = cli(*words, "--scheduler", "tcp://127.0.0.1:1", cwd=fleet.root)
    assert (refused.exit_code, refused.stderr.splitlines()[-2:]) == (
        3,
        [
            "error: no Dask scheduler answers at tcp://127.0.0.1:1: OSError",
            "hint:  start one: dask scheduler",
        ],
    )


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.soak)], ids=["killed", "stopped"]
)
def test_a_scheduler_that_is_lost_ends_the_run_with_what_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    fleet = Stepwise(tmp_path / "project")
    folder = tmp_path / "dask"
    folder.mkdir()
    words = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")
    with started(folder, "scheduler", *words) as scheduler:
        address = told(*scheduler, r"Scheduler at:\s+(tcp://\S+)")
        worker = ("worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny", "--host", "127.0.0.1")
        with started(folder, *worker) as process:
            told(*process, r"(Registered to)")
            run = fleet.start("--engine", "dask", "--scheduler", address, "--format", "json")
            fleet.let_go(0)
            fleet.wait_for(1, run)
            scheduler[0].send_signal(number)
            out, err = run.communicate(timeout=120)
    document = json.loads(out)
    assert (run.returncode, document["outcomes"]) == (3, {"done": 1, "lost": 1, "not begun": 2}), err
    assert document["stopped"].startswith("the scheduler of the workers failed: tcp://127.0.0.1:")
    assert "Traceback" not in err
