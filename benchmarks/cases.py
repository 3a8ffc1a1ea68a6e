"""What is measured: each case, its goal, and what is put in order before each run."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import fresh, step_cost
from benchmarks.history import write_project
from benchmarks.processes import run_module

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.history import Shape
    from benchmarks.processes import Outcome

PROGRAMS = ("alembic", "branchmig")


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table. `goal` is the ratio to reach: branchmig's median time over alembic's."""

    name: str
    arguments: Callable[[str], tuple[str, ...]]
    """A program's name to what stands behind `python -m`."""
    goal: float | None = None
    project: tuple[Shape, int] = ("linear", 100)
    before_all: Callable[[Path, Path], object] = lambda folder, output: None
    before_each: Callable[[Path], object] = lambda folder: None
    after_all: Callable[[Path], object] = lambda folder: None
    seconds: Callable[[Outcome], float] = lambda outcome: outcome.seconds
    answer: Callable[[Outcome], object] = lambda outcome: sorted(outcome.output.splitlines())
    """What both programs must agree on."""
    is_possible: Callable[[], bool] = lambda: True
    """Whether what the case needs, a server, is there."""


def _command(*words: str) -> Callable[[str], tuple[str, ...]]:
    return lambda program: (program, *words)


def _instead(*words: str) -> Callable[[str], tuple[str, ...]]:
    """What alembic has no word for is measured beside its `heads`."""
    return lambda program: ("branchmig", *words) if program == "branchmig" else ("alembic", "heads")


def _forget_everything(folder: Path) -> None:
    shutil.rmtree(folder / "migrations" / "versions" / "__pycache__", ignore_errors=True)
    shutil.rmtree(os.environ["XDG_CACHE_HOME"], ignore_errors=True)


def _forget_headers(folder: Path) -> None:
    shutil.rmtree(folder / ".git" / "branchmig", ignore_errors=True)


def _commit(folder: Path, output: Path) -> None:
    """Put the project under git, with one more revision on a branch `side`."""
    if (folder / ".git").exists():
        return
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.org", "-c", "gc.auto=0"]
    newest = (folder / "migrations" / "versions" / "0side_one_more.py").resolve()
    head = run_module(["branchmig", "heads"], folder, output).output.split()[0]
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "history"]):
        subprocess.run([*git, *words], cwd=folder, check=True)
    subprocess.run([*git, "switch", "-q", "-c", "side"], cwd=folder, check=True)
    newest.write_text(f"revision = '0side'\ndown_revision = {head!r}\n")
    for words in (["add", "."], ["commit", "-q", "-m", "one more"], ["switch", "-q", "main"]):
        subprocess.run([*git, *words], cwd=folder, check=True)


def _stamp(folder: Path, output: Path) -> None:
    run_module(["alembic", "stamp", "heads"], folder, output)


CASES = (
    Case("`--help`", _command("--help"), answer=lambda outcome: None),
    Case("`heads`, 100 linear", _command("heads"), 0.45, ("linear", 100)),
    Case("`heads`, 1,000 linear", _command("heads"), 0.25, ("linear", 1_000)),
    Case("`heads`, 10,000 linear", _command("heads"), 0.10, ("linear", 10_000)),
    Case(
        "`heads`, 10,000 linear, first run ever",
        _command("heads"),
        0.10,
        ("linear", 10_000),
        before_each=_forget_everything,
    ),
    Case("`history`, 3,000 branchy", _command("history"), 0.10, ("branchy", 3_000)),
    Case(
        "`upgrade heads` with nothing to do, 10,000 linear",
        _command("upgrade", "heads"),
        0.15,
        ("linear", 10_000),
        before_all=_stamp,
    ),
    Case(
        "`guard --at index` beside `heads`, 10,000 linear, warm",
        _instead("guard", "--at", "index"),
        0.06,
        ("linear", 10_000),
        before_all=_commit,
        answer=lambda outcome: None,
    ),
    Case(
        "`guard --at index` beside `heads`, 10,000 linear, cold",
        _instead("guard", "--at", "index"),
        0.12,
        ("linear", 10_000),
        before_all=_commit,
        before_each=_forget_headers,
        answer=lambda outcome: None,
    ),
    Case(
        "`heads --with` beside `heads`, 10,000 linear, warm",
        _instead("heads", "--with", "side"),
        0.08,
        ("linear", 10_000),
        before_all=_commit,
        answer=lambda outcome: None,
    ),
    *(
        Case(
            f"processor time of {step_cost.REVISIONS} steps, {kind}{', with the journal' if has_journal else ''}",
            step_cost.arguments(kind, has_journal=has_journal),
            goals[has_journal],
            ("linear", step_cost.REVISIONS),
            before_all=step_cost.write_settings(kind),
            before_each=step_cost.make_database(kind),
            seconds=lambda outcome: outcome.processor_seconds,
            answer=lambda outcome: None,
            is_possible=step_cost.is_there(kind),
        )
        for kind, goals in step_cost.GOALS.items()
        for has_journal in (False, True)
    ),
    *(
        Case(
            f"second `fresh` beside `upgrade heads`, {kind}, {revisions:,} linear",
            fresh.arguments(kind),
            fresh.GOALS[kind][revisions],
            ("linear", revisions),
            before_all=fresh.prepare(kind),
            before_each=fresh.make_database(kind),
            after_all=fresh.drop(kind),
            answer=lambda outcome: None,
            is_possible=step_cost.is_there(kind),
        )
        for kind in fresh.GOALS
        for revisions in (100, 1_000)
    ),
    *(
        Case(
            f"a test on a database of its own beside a replay in process, {kind}, 100 linear",
            lambda program, kind=kind: ("benchmarks.fresh", program, kind),
            fresh.GOALS[kind]["test"],
            before_all=fresh.prepare(kind),
            after_all=fresh.drop(kind),
            seconds=lambda outcome: float(outcome.output),
            answer=lambda outcome: None,
            is_possible=step_cost.is_there(kind),
        )
        for kind in fresh.GOALS
    ),
    Case(
        "planning base → heads in process, 5,000 branchy",
        lambda program: ("benchmarks.planning", program, "5000"),
        0.005,
        seconds=lambda outcome: float(outcome.output.splitlines()[0]),
        answer=lambda outcome: outcome.output.splitlines()[1:],
    ),
)


class Projects:
    """The projects of one benchmark run, each made when it is first needed."""

    def __init__(self, top: Path) -> None:
        self._top = top

    def folder(self, shape: Shape, revisions: int) -> Path:
        """Return the folder of a project."""
        folder = self._top / f"{shape}-{revisions}"
        if not folder.exists():
            write_project(folder, shape, revisions)
        return folder
