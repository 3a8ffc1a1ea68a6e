"""One project twice: branchmig runs in the one, alembic in the other, and both are looked at in the same way."""

from __future__ import annotations

import re
import sqlite3
import sys
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support import ProjectFolder, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

DATABASE = "test.db"


@dataclass(frozen=True)
class Outcome:
    """What a command line led to, in a form that two programs and two folders can be compared in."""

    is_done: bool
    stdout: tuple[str, ...]
    database: tuple[str, ...]
    files: tuple[tuple[str, str], ...]


@dataclass
class Pair:
    """Two copies of a project on SQLite."""

    ours: ProjectFolder
    theirs: ProjectFolder
    _states: dict[str, dict[str, bytes]] = field(default_factory=dict)
    _files: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def make(cls, folder: Path, shape: Callable[[ProjectFolder], None]) -> Pair:
        """Make a project of some shape, twice."""
        projects = []
        for name in ("ours", "them"):  # of one length: what wraps at a width wraps alike
            root = folder / name
            project = ProjectFolder(root, f"sqlite:///{root / DATABASE}")
            shape(project)
            projects.append(project)
        pair = cls(*projects)
        pair._files = contents(pair.ours.root)
        return pair

    def run(self, state: str, arguments: list[str]) -> tuple[Outcome, Outcome]:
        """Bring both databases to a state and run a command line in each copy; what it wrote is taken away again."""
        self._set_state(state)
        outcomes = []
        for project, run in ((self.ours, self.ours.branchmig), (self.theirs, self.theirs.alembic)):
            with _unchanged_interpreter():
                result = run(*[argument.replace("{root}", str(project.root)) for argument in arguments])
            outcomes.append(self._outcome(project, result))
            self._clean(project)
        return outcomes[0], outcomes[1]

    def _set_state(self, state: str) -> None:
        if state not in self._states:
            self._states[state] = self._made(state)
        wanted = self._states[state]
        for project in (self.ours, self.theirs):
            there = {path.name: path.read_bytes() for path in project.root.glob(f"{DATABASE}*")}
            # Writing is what takes the time, and most lines leave the database as it was.
            for name in there.keys() - wanted.keys():
                (project.root / name).unlink()
            for name, content in wanted.items():
                if there.get(name) != content:
                    (project.root / name).write_bytes(content)

    def _made(self, state: str) -> dict[str, bytes]:
        """Let alembic make a state: `base`, or the revisions to upgrade to, with a comma between them."""
        for path in self.theirs.root.glob(f"{DATABASE}*"):
            path.unlink()
        for target in [] if state == "base" else state.split(","):
            with _unchanged_interpreter():
                done = self.theirs.alembic("upgrade", target)
            assert done.exit_code == 0, done.stderr
        return {path.name: path.read_bytes() for path in self.theirs.root.glob(f"{DATABASE}*")}

    def _outcome(self, project: ProjectFolder, result: Result) -> Outcome:
        stdout = result.stdout.replace(str(project.root), "<root>")
        written = {
            name: content for name, content in contents(project.root).items() if content != self._before(project, name)
        }
        files = {name: content.decode() for name, content in written.items()}
        return Outcome(
            result.exit_code == 0,
            tuple(without_dates(stdout).splitlines()),
            tuple(sorted(line for path in project.root.glob(f"{DATABASE}*") for line in _dump(path))),
            tuple(sorted((name, without_dates(text)) for name, text in files.items())),
        )

    def _before(self, project: ProjectFolder, name: str) -> bytes | None:
        content = self._files.get(name)
        if content is None or project is self.ours:
            return content
        return content.replace(str(self.ours.root).encode(), str(project.root).encode())

    def _clean(self, project: ProjectFolder) -> None:
        for name in contents(project.root):
            before = self._before(project, name)
            if before is None:
                (project.root / name).unlink()
            elif (project.root / name).read_bytes() != before:
                (project.root / name).write_bytes(before)


def contents(root: Path) -> dict[str, bytes]:
    """Return every file of a project by its path, without databases and bytecode."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and DATABASE not in path.name and "__pycache__" not in path.parts
    }


def without_dates(text: str) -> str:
    """Return a text with every date of creation masked."""
    return re.sub(r"Create Date: .*", "Create Date: <date>", text)


def in_any_order(lines: Sequence[str]) -> list[str]:
    """Return lines sorted, and the lists within them: alembic prints sets in the order of their hashes."""
    return sorted(re.sub(r"[\w.]+(?:, [\w.]+)+", _sorted_list, line) for line in lines)


def _sorted_list(match: re.Match[str]) -> str:
    return ", ".join(sorted(match.group().split(", ")))


def _dump(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        suffix = path.name.removeprefix(DATABASE)
        dump = [line for line in connection.iterdump() if line not in ("BEGIN TRANSACTION;", "COMMIT;")]
        return [f"{suffix}{line}" for line in dump]
    finally:
        connection.close()


@contextmanager
def _unchanged_interpreter() -> Iterator[None]:
    path = list(sys.path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.path[:] = path
        for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
            del sys.modules[name]  # of the one copy; the other has its own
