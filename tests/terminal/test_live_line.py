"""The line that tells of progress on a terminal: it counts, lets everything else come out above it, and goes away."""

from __future__ import annotations

import os
import pty
import re
import select
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE = 60

_TOKEN = re.compile(r"\x1b\[(\??\d*(?:;\d+)*)([A-Za-z])|\r|\n|[^\x1b\r\n]+")


def screen(output: str) -> list[str]:
    """What a terminal shows in the end: it knows how to go back, up, and to erase a line."""
    lines, row, column = [""], 0, 0
    for found in _TOKEN.finditer(output):
        token = found.group()
        if token == "\r":
            column = 0
        elif token == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif found.group(2) == "A":
            row -= int(found.group(1) or 1)
        elif found.group(2) == "K":
            lines[row] = "" if found.group(1) == "2" else lines[row][:column]
        elif found.group(2) is None:
            line = lines[row].ljust(column)
            lines[row] = line[:column] + token + line[column + len(token) :]
            column += len(token)
        else:
            assert found.group(2) == "m", found  # colours
    return [line.rstrip() for line in lines if line.strip()]


def on_terminal(
    arguments: list[str], folder: Path, seen: Callable[[str, int], None] = lambda *_: None, term: str = "xterm"
) -> str:
    """Run Python on a terminal of its own; return all that it writes. `seen(output, terminal)` is told of each part."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": term, "COLUMNS": "100"}
        os.execve(sys.executable, [sys.executable, "-P", *arguments], environment)
    output = b""
    while select.select([terminal], [], [], PATIENCE)[0]:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the program has ended
            break
        output += part
        seen(output.decode("utf-8", "replace"), terminal)
    os.waitpid(pid, 0)
    os.close(terminal)
    return output.decode("utf-8", "replace")


HEAD = """
import logging, sys, time
from branchmig import terminal
from branchmig.terminal import live_line
terminal.PROGRESS_AFTER = 0
live_line.TICK = 0.01
logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(message)s", level="INFO")
progress = terminal.Progress()

def until(is_so):
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.005)

def shown():
    until(lambda: live_line._shown[0]._is_shown)
"""


@pytest.fixture
def project(tmp_path: Path, sqlite_url: str) -> ProjectFolder:
    return ProjectFolder(tmp_path / "project", sqlite_url)


def test_what_others_write_comes_out_above_it(tmp_path: Path) -> None:
    program = """
progress.step(1, 3, "upgrade a -> b")
shown()
logging.info("a line of the log")
shown()
print("printed by an env.py")
shown()
progress.step(2, 3, "upgrade b -> c\\x1b[2J\\n" + "x" * 200)
shown()
terminal.note("a note")
shown()
terminal.warning("a warning")
shown()
terminal.answer(["the answer"])
print(live_line._shown)
"""
    output = on_terminal(["-c", HEAD + program], tmp_path)
    assert screen(output) == [
        "INFO a line of the log",
        "printed by an env.py",
        "a note",
        "warning: a warning",
        "the answer",
        "[]",
    ]
    assert "[1/3] upgrade a -> b (0 s)" in output
    assert "[2/3] upgrade b -> c [2J xxx" in output
    assert "\x1b[2J" not in output
    assert "\x1b[?25" not in output  # the cursor is left alone: who is killed could not bring it back


def test_it_is_not_drawn_behind_what_somebody_has_begun_to_write(tmp_path: Path) -> None:
    program = """
progress.step(1, 3, "upgrade a -> b")
shown()
print("Password", end=": ", flush=True)
ticks = live_line._shown[0]._ended.wait
for _ in range(20):
    ticks(0.01)
assert not live_line._shown[0]._is_shown
print("given")
shown()
terminal.end_progress()
"""
    assert screen(on_terminal(["-c", HEAD + program], tmp_path)) == ["Password: given"]


def test_a_question_stands_alone(tmp_path: Path) -> None:
    program = """
progress.step(1, 3, "upgrade a -> b")
shown()
print(terminal.confirmed("Go on?"), live_line._shown)
progress.step(2, 3, "upgrade b -> c")
shown()
terminal.end_progress()
"""
    has_answered: list[bool] = []

    def answer(output: str, terminal: int) -> None:
        if "[y/N] " in output and not has_answered:
            has_answered.append(True)
            os.write(terminal, b"y\n")

    assert screen(on_terminal(["-c", HEAD + program], tmp_path, answer)) == ["Go on? [y/N] y", "True []"]


@pytest.mark.parametrize(("term", "quiet"), [("xterm", True), ("dumb", False)])
def test_a_quiet_or_dumb_terminal_has_none(term: str, quiet: bool, tmp_path: Path) -> None:
    program = f"""
progress = terminal.Progress({quiet})
progress.step(3, 3, "upgrade a -> b")
print(live_line._shown)
"""
    expected = [] if quiet else ["[3/3] upgrade a -> b (0 s)"]
    assert screen(on_terminal(["-c", HEAD + program], tmp_path, term=term)) == [*expected, "[]"]


def test_a_step_that_takes_long_is_told_of_while_it_runs(project: ProjectFolder, tmp_path: Path) -> None:
    """The script goes on once its line was seen: with the seconds, beside alembic's log, and gone in the end."""
    seen = tmp_path / "seen"
    wait = f"""\
import pathlib, time
end = time.monotonic() + {PATIENCE}
while not pathlib.Path({str(seen)!r}).exists():
    assert time.monotonic() < end
    time.sleep(0.01)
"""
    project.revision("aaa1", upgrade=wait, message="slow")
    env = project.migrations / "env.py"
    log = "import logging, sys\nlogging.basicConfig(stream=sys.stderr, format='%(message)s', level='INFO')\n"
    env.write_text(log + env.read_text())

    def look(output: str, _: int) -> None:
        if re.search(r"\[1/1\] upgrade  -> aaa1, slow \(\d+ s\)", output):
            seen.touch()

    output = on_terminal(["-m", "branchmig", "upgrade", "head"], project.root, look)
    told = [line for line in screen(output) if not line.startswith(("Context impl", "Will assume"))]
    assert told == ["Applied 1 revision; the database is at aaa1."]
