"""What a clone notes of the databases that linked work trees have of their own.

The pointer in the work tree's own git folder goes with `git worktree remove`; the record in the common one stays, so
branchmig finds the database and can drop it. Neither has a password.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from branchmig.database.documents import read_document, write_document

if TYPE_CHECKING:
    from branchmig.git.repository import Repository

_POINTER = Path("branchmig") / "worktree.json"


@dataclass(frozen=True, slots=True)
class OwnDatabase:
    """A work tree's own database `name` in the place of `source`; for SQLite both are the paths of files."""

    kind: str
    server: str
    source: str
    name: str
    shown: str = ""
    """The database as people read it."""
    key: str = ""
    """The folder in which the clone keeps its states."""


@dataclass(frozen=True, slots=True)
class WorktreeRecord:
    """What a linked work tree has of its own. `is_whole` once the copies are complete."""

    id: str
    folder: str
    databases: tuple[OwnDatabase, ...]
    is_whole: bool = False

    def write(self, repository: Repository) -> None:
        """Write the record; once it is whole, the pointer of the work tree that is checked out here, too."""
        _write(_records(repository) / f"{self.id}.json", self)
        if self.is_whole:
            _write(repository.git_dir / _POINTER, self)

    def forget(self, repository: Repository) -> None:
        """Remove the record."""
        (_records(repository) / f"{self.id}.json").unlink(missing_ok=True)


def new_record(folder: Path, databases: tuple[OwnDatabase, ...]) -> WorktreeRecord:
    """Return a record for a work tree that has none."""
    return WorktreeRecord(secrets.token_hex(6), str(folder), databases)


def record_here(repository: Repository) -> WorktreeRecord | None:
    """Return the record of the work tree that is checked out here."""
    return _read(repository.git_dir / _POINTER)


def records(repository: Repository) -> list[tuple[WorktreeRecord, bool]]:
    """Return all records of a clone by folder, each with whether its work tree is there."""
    present = {
        pointer.id: _folder(path.parent.parent) or pointer.folder
        for path in repository.common_dir.glob(f"worktrees/*/{_POINTER}")
        if (pointer := _read(path))
    }
    read = [record for path in _records(repository).glob("*.json") if (record := _read(path))]
    found = [replace(record, folder=present.get(record.id, record.folder)) for record in read]
    return sorted(((record, record.id in present) for record in found), key=lambda item: (item[0].folder, item[0].id))


def is_linked(repository: Repository) -> bool:
    """Return whether this is a linked work tree, not the main one."""
    return repository.git_dir != repository.common_dir


def own_databases(folder: Path) -> tuple[OwnDatabase, ...]:
    """Return the databases of the linked work tree that a folder is in, without asking git."""
    real = folder.resolve()
    for place in (real, *real.parents):
        try:
            said = (place / ".git").read_bytes()
        except IsADirectoryError:
            return ()
        except OSError:
            continue
        git_dir = Path(os.fsdecode(said.removeprefix(b"gitdir:").strip()))
        record = _read((place / git_dir) / _POINTER)
        return () if record is None else record.databases
    return ()


def _folder(git_dir: Path) -> str:
    """Return where a linked work tree is now: `git worktree move` may have moved it."""
    try:
        return os.path.realpath(os.path.dirname(os.fsdecode((git_dir / "gitdir").read_bytes().strip())))
    except OSError:
        return ""


def _records(repository: Repository) -> Path:
    return repository.common_dir / "branchmig" / "worktrees"


def _write(path: Path, record: WorktreeRecord) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_document(path, asdict(record))


def _read(path: Path) -> WorktreeRecord | None:
    found = read_document(path)
    if found is None:
        return None
    try:
        return WorktreeRecord(**{**found, "databases": tuple(OwnDatabase(**own) for own in found["databases"])})
    except (TypeError, KeyError):  # another version of branchmig wrote it
        return None
