"""Whoever reads what branchmig writes may go away at any moment: a run goes on to its end, and its exit code stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

LOUD = """\
print("a line " * 20000, flush=True)
import sys
print("another " * 20000, file=sys.stderr, flush=True)
op.create_table("t_{0}", sa.Column("id", sa.Integer))
"""
RUN = f"{sys.executable} -P -m branchmig"
LOSSES = {
    "no reader": "({run} {words}; echo $? > code) 2>&1 | true",
    "all closed": "{run} {words} <&- >&- 2>&-; echo $? > code",
    "output on a full disk": "{run} {words} >/dev/full 2>err; echo $? > code",
    "errors on a full disk": "{run} {words} 2>/dev/full >out; echo $? > code",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> ProjectFolder:
    folder = tmp_path_factory.mktemp("lost")
    project = ProjectFolder(folder / "project", f"sqlite:///{folder / 'test.db'}")
    project.revision("aaa1", upgrade=LOUD.format("aaa1"), downgrade="print('down')\nop.drop_table('t_aaa1')")
    project.revision("bbb2", "aaa1", upgrade=LOUD.format("bbb2"), downgrade="print('down')\nop.drop_table('t_bbb2')")
    return project


def exit_code(project: ProjectFolder, shell: str, words: str) -> int:
    code = project.root / "code"
    code.unlink(missing_ok=True)
    subprocess.run(
        ["sh", "-c", shell.format(run=RUN, words=words)],
        cwd=project.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
        check=True,
    )
    return int(code.read_text())


@pytest.mark.heavy
@pytest.mark.parametrize("shell", LOSSES.values(), ids=LOSSES.keys())
def test_a_run_goes_on_to_its_end_when_an_output_is_lost(project: ProjectFolder, shell: str) -> None:
    assert project.branchmig("downgrade", "base").exit_code == 0
    assert (exit_code(project, shell, "upgrade heads"), project.rows()) == (0, ["bbb2"])
    assert project.tables() == ["t_aaa1", "t_bbb2"]


def test_a_run_that_fails_says_so_by_its_exit_code_without_an_output(project: ProjectFolder) -> None:
    assert exit_code(project, LOSSES["no reader"], "upgrade nope") == 3
    assert exit_code(project, LOSSES["all closed"], "upgrade nope") == 3


def test_an_answer_that_cannot_be_written_is_an_error(project: ProjectFolder) -> None:
    assert exit_code(project, LOSSES["output on a full disk"], "upgrade heads --sql") == 3
    assert (
        (project.root / "err")
        .read_text()
        .endswith("error: standard output cannot be written: No space left on device\nhint:  nothing else went wrong\n")
    )
    assert exit_code(project, LOSSES["no reader"], "heads") == 0


def test_a_closed_output_is_not_written_into_the_database(project: ProjectFolder, tmp_path: Path) -> None:
    project.branchmig("downgrade", "base")
    project.revision("ccc3", "bbb2", upgrade="import os\nos.write(1, b'x' * 50)\nos.write(2, b'y' * 50)")
    try:
        assert exit_code(project, LOSSES["all closed"], "upgrade heads") == 0
        assert project.rows() == ["ccc3"]
        assert (project.root.parent / "test.db").read_bytes().startswith(b"SQLite format 3")
    finally:
        project.branchmig("downgrade", "bbb2")
        (project.versions / "ccc3.py").unlink()


def test_a_terminal_that_is_closed_ends_a_run_in_an_orderly_way(tmp_path: Path, sqlite_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.table("aaa1")
    project.revision("bbb2", "aaa1", upgrade="print('here', flush=True)\nimport time\ntime.sleep(60)")
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "branchmig", "upgrade", "heads"],
        cwd=project.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGHUP)
    _, words = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "error: interrupted by SIGHUP in upgrade of bbb2\n" in words
