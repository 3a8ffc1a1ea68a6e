"""What operators read of a run: a line for each step with its seconds, and an end when its time is over."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from branchmig.cli import run as run_here
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", f"sqlite:///{tmp_path}/project/one.db")
    project.table("aaa1")
    project.revision("bbb2", "aaa1", upgrade="import time\ntime.sleep(0.2)")
    project.revision("ccc3", "bbb2", upgrade="raise RuntimeError('a secret')")
    monkeypatch.chdir(project.root)
    return project


def test_each_step_has_a_line_with_time_level_run_and_seconds(
    project: ProjectFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(["-q", "upgrade", "bbb2", "--log-format", "json", "--format", "json"]) == 0
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in err.splitlines()]
    assert [(line["level"], line["event"], line.get("revision")) for line in lines] == [
        ("info", "run begins", None),
        ("info", "step done", "aaa1"),
        ("info", "step done", "bbb2"),
        ("info", "run ends", None),
    ]
    assert len({line["run"] for line in lines}) == 1
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) for line in lines)
    document = json.loads(out)
    assert document["steps"][1]["seconds"] >= 0.2
    assert document["slowest"][0]["revision"] == "bbb2"
    assert document["seconds"] >= document["steps"][1]["seconds"]


def test_a_step_that_fails_is_logged_without_the_words_of_its_error(
    project: ProjectFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(["-q", "upgrade", "heads", "--log-format", "text"]) == 3
    failed = [line for line in capsys.readouterr().err.splitlines() if " ERROR " in line]
    assert len(failed) == 1
    assert re.search(r" ERROR run=\S+ step failed: direction=upgrade revision=ccc3 seconds=\S+ error=", failed[0])
    assert "a secret" not in failed[0]


def test_a_run_whose_time_is_over_is_cancelled_and_says_what_is_applied(
    project: ProjectFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    path = next(project.versions.glob("bbb2*.py"))
    path.write_text(path.read_text().replace("sleep(0.2)", "sleep(30)"))
    assert run_here(["upgrade", "heads", "--max-time", "0.5"]) == 3
    err = capsys.readouterr().err
    assert "error: interrupted by --max-time in upgrade of bbb2" in err
    assert "done: aaa1" in err
    assert run_here(["upgrade", "heads", "--plan", "--max-time", "1"]) == 2
