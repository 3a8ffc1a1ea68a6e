"""The commands of the manifests on the page, each as process 1 of a namespace with a read-only home."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.commands.test_fleet_losses import Stepwise
from tests.conftest import ROOT
from tests.fleets import SqliteFleet

if TYPE_CHECKING:
    from pathlib import Path

CONTAINER = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


@pytest.fixture(scope="module", autouse=True)
def namespaces() -> None:
    if shutil.which("unshare") is None or _fails([*CONTAINER, "true"]):
        pytest.skip("this user may make no process namespace")


def _fails(words: list[str]) -> bool:
    return subprocess.run(words, capture_output=True, check=False).returncode != 0


def environment(state: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_STATE_HOME")}
    return {**kept, "PYTHONPATH": str(ROOT), "HOME": "/proc/nowhere", "XDG_STATE_HOME": str(state)}


def commands() -> list[list[str]]:
    text = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    return [json.loads(found) for found in re.findall(r"command: (\[.*\])", text)]


@pytest.mark.soak
def test_every_command_of_the_page_ends_well_as_process_1(tmp_path: Path) -> None:
    fleet = SqliteFleet(tmp_path / "project", tenants=2, revisions=2)
    ini = fleet.root / "alembic.ini"
    ini.write_text(ini.read_text() + "\n[branchmig]\njournal = true\n")
    assert len(commands()) == 5
    for words in commands():
        result = subprocess.run(
            [*CONTAINER, sys.executable, "-P", "-m", *words],
            cwd=fleet.root,
            env=environment(tmp_path / "state"),
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        assert result.returncode == 0, (words, result)
    assert fleet.wrong_tenants() == {}


@pytest.mark.soak
def test_the_commands_for_one_database_end_well_after_a_rollback(tmp_path: Path) -> None:
    fleet = SqliteFleet(tmp_path / "project", tenants=1, revisions=2)
    ini = fleet.root / "alembic.ini"
    ini.write_text(ini.read_text() + "\n[branchmig]\njournal = true\n")
    probe = next(words for words in commands() if "--check-heads" in words)
    job = next(words for words in commands() if "upgrade" in words and "--allow-ahead" in words)
    newest = fleet.versions / f"{fleet.ids[-1]}.py"
    for is_old in (False, True):
        if is_old:
            newest.unlink()
        for words in (job, probe):
            result = subprocess.run(
                [*CONTAINER, sys.executable, "-P", "-m", *words],
                cwd=fleet.root,
                env=environment(tmp_path / "state"),
                capture_output=True,
                encoding="utf-8",
                timeout=120,
                check=False,
            )
            assert result.returncode == 0, (words, result)


def test_a_container_that_is_killed_and_started_anew_resumes_its_own_run(tmp_path: Path) -> None:
    fleet = Stepwise(tmp_path / "project")
    env = environment(tmp_path / "state")
    words = ("fleet", "upgrade", "heads", "--targets", "targets.json", "--workers", "1")
    program = [*CONTAINER, sys.executable, "-P", "-m", "branchmig", "-q"]
    with subprocess.Popen([*program, *words], cwd=fleet.root, env=env, stdout=subprocess.DEVNULL) as process:
        fleet.let_go(0)
        fleet.wait_for(1, process)  # type: ignore[arg-type]  # its output is not read
        process.send_signal(signal.SIGKILL)  # --kill-child: all of the namespace ends with it
    fleet.let_go(*range(4))
    again = subprocess.run(
        [*program, "fleet", "upgrade", "--resume", "last", "--format", "json"],
        cwd=fleet.root,
        env=env,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert (again.returncode, json.loads(again.stdout)["outcomes"]) == (0, {"done": 4}), again
    assert fleet.wrong_tenants() == {}
