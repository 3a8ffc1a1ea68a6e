"""Joins settings and places: what a command opens. Reads revision files, never runs one, never the database."""

from __future__ import annotations

import gc
import os
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from branchmig.config import Config, read_config
from branchmig.dag import RevisionDag
from branchmig.errors import RevisionGraphError
from branchmig.model import Problem, Revision
from branchmig.revision_file import is_revision_file_name, read_revision

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from branchmig.config import ConfigFiles


@dataclass(frozen=True)
class Project:
    """A project as it lies in the work tree."""

    config: Config

    @classmethod
    def open(cls, files: ConfigFiles) -> Project:
        """Open the project that some config files describe. Raises ConfigurationError."""
        return cls(read_config(files))

    @cached_property
    def dag(self) -> RevisionDag:
        """The graph of all revision files. Raises RevisionGraphError with every problem of every file."""
        with _collector_paused():
            found = [self._revision_at(path) for path in self._paths()]
            broken = [one for one in found if isinstance(one, Problem)]
            revisions = [one for one in found if isinstance(one, Revision)]
            return _checked(revisions, sorted(broken, key=lambda problem: problem.paths))

    def source_of(self, revision: Revision) -> bytes:
        """Return the text of a revision's file, as bytes."""
        assert revision.path is not None
        return _read(revision.path)

    def shown_path(self, path: str) -> str:
        """Return a file's path relative to the project's folder, with forward slashes; absolute if outside."""
        root = str(self.config.root)
        real_root = os.path.realpath(root)
        for top in (root, real_root):
            if path.startswith(top + os.sep):
                return path[len(top) + 1 :].replace(os.sep, "/")
        return path.replace(os.sep, "/")

    def _paths(self) -> Iterator[str]:
        seen: set[str] = set()
        for location in self.config.version_locations:
            for folder in _folders(location, self.config.is_recursive):
                yield from _paths_in(folder, seen)

    def _revision_at(self, path: str) -> Revision | Problem:
        try:
            source = _read(path)
        except OSError as error:
            return Problem(
                "unreadable-revision",
                f"{path} cannot be read: {error.strerror}",
                "restore or delete it",
                (),
                (path,),
            )
        return read_revision(source, path)


def _checked(revisions: Sequence[Revision], broken: Sequence[Problem]) -> RevisionDag:
    """Build the graph. Files that cannot be read are reported before what their absence seems to break."""
    try:
        dag = RevisionDag(revisions)
    except RevisionGraphError as error:
        raise RevisionGraphError([*broken, *error.problems]) from None
    if broken:
        raise RevisionGraphError(broken)
    return dag


def _folders(location: Path, is_recursive: bool) -> Iterator[str]:
    if not location.is_dir():
        return
    if not is_recursive:
        yield os.path.realpath(location)
        return
    for folder, names, _ in os.walk(location):
        names[:] = sorted(name for name in names if not name.endswith("__pycache__"))
        yield os.path.realpath(folder)


def _paths_in(folder: str, seen: set[str]) -> Iterator[str]:
    """Yield the path of each revision file. A file that two locations or links lead to counts once."""
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if not name.endswith(".py") or not is_revision_file_name(name) or entry.is_dir():
                continue
            path = f"{folder}{os.sep}{name}"
            if entry.is_symlink():
                path = os.path.realpath(path)
            if path not in seen:
                seen.add(path)
                yield path


def _read(path: str) -> bytes:
    """Return a whole file. os.read, not open(): a third of the time, which at 10,000 files is what one waits for."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        chunk = os.read(descriptor, 65536)
        if len(chunk) < 65536:
            return chunk
        chunks = [chunk]
        while chunk:
            chunk = os.read(descriptor, 1 << 20)
            chunks.append(chunk)
        return b"".join(chunks)
    finally:
        os.close(descriptor)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause cyclic garbage collection: reading makes many small values and no cycles, and each pass walks them all."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
