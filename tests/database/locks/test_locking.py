from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A revision that says that it runs, and goes on when it is told to.
WAITS = """\
import os, time
open(os.environ["RUNS"], "a").write("x")
until = time.monotonic() + 20
while not os.path.exists(os.environ["GO_ON"]) and time.monotonic() < until:
    time.sleep(0.01)
op.create_table("t_aaa1", sa.Column("id", sa.Integer))
"""


def started(project: ProjectFolder, *arguments: str) -> subprocess.Popen[str]:
    """Start branchmig as a process of its own."""
    environment = {
        "PYTHONPATH": str(ROOT),
        "RUNS": str(project.root / "runs"),
        "GO_ON": str(project.root / "go_on"),
    }
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "branchmig", *arguments],
        cwd=project.root,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(question: object, seconds: float = 20.0) -> None:
    """Wait for what can be asked."""
    end = time.monotonic() + seconds
    while not question():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


@contextmanager
def holding(project: ProjectFolder) -> Iterator[subprocess.Popen[str]]:
    """Have a run in the middle of its first revision within the block."""
    project.revision("aaa1", upgrade=WAITS)
    holder = started(project, "upgrade", "heads")
    try:
        until((project.root / "runs").exists)
        yield holder
    finally:
        holder.kill()
        holder.communicate()


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> ProjectFolder:
    return ProjectFolder(tmp_path / "project", database_url)


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.readline()


@pytest.mark.heavy
def test_a_second_run_says_for_whom_it_waits_and_has_nothing_to_do_then(project: ProjectFolder) -> None:
    with holding(project) as holder:
        second = started(project, "upgrade", "heads")
        told = read_line(second)
        (project.root / "go_on").touch()
        assert (holder.wait(20), second.wait(20)) == (0, 0)
        assert second.communicate()[1] == "Nothing to do: the database is at aaa1.\n"
    assert told.startswith("waiting for ")
    assert ", which has been migrating this database since 20" in told
    if "mysql" not in project.url:
        assert "branchmig upgrade " in told
        assert f" pid {holder.pid}" in told
    assert (project.root / "runs").read_text() == "x"


@pytest.mark.heavy
def test_without_time_to_wait_every_command_that_writes_names_the_holder(project: ProjectFolder) -> None:
    with (project.root / "alembic.ini").open("a") as ini:
        ini.write("[branchmig]\nlock_timeout = 0\n")
    with holding(project):
        for command in (("upgrade", "heads"), ("downgrade", "base"), ("stamp", "heads"), ("ensure_version",)):
            second = project.branchmig(*command)
            assert second.exit_code == 3
            assert second.stderr.startswith("error: gave up waiting, after 0 s, for ")
            assert "hint:  wait until it is done, or give it more time with lock_timeout" in second.stderr
        assert project.branchmig("current").exit_code == 0


@pytest.mark.heavy
def test_a_killed_holder_frees_the_lock(project: ProjectFolder) -> None:
    with holding(project) as holder:
        second = started(project, "upgrade", "heads")
        assert read_line(second).startswith("waiting for ")
        (project.root / "go_on").touch()
        began = time.monotonic()
        holder.send_signal(signal.SIGKILL)
        assert second.wait(20) == 0, second.communicate()
        assert time.monotonic() - began < 5
        second.communicate()
    assert project.tables() == ["t_aaa1"]
