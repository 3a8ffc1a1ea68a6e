"""What is measured: each case, its goal, and what is put in order before each run."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    seconds: Callable[[Outcome], float] = lambda outcome: outcome.seconds
    answer: Callable[[Outcome], object] = lambda outcome: sorted(outcome.output.splitlines())
    """What both programs must agree on."""


def _command(*words: str) -> Callable[[str], tuple[str, ...]]:
    return lambda program: (program, *words)


def _forget_bytecode(folder: Path) -> None:
    shutil.rmtree(folder / "migrations" / "versions" / "__pycache__", ignore_errors=True)


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
        before_each=_forget_bytecode,
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
