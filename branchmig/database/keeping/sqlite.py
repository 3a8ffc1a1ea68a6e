"""States of a SQLite database: files in the clone's git folder, which names are given to, or that are copied."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from branchmig.database.keeping.servers import CannotKeep, Client, KeptServer
from branchmig.database.trial.servers import copy_file
from branchmig.errors import EnvironmentFailed

if TYPE_CHECKING:
    from branchmig.database.keeping.records import Intent

BUSY = 2.0  # seconds to wait for another program's transaction

_BESIDE = ("-wal", "-shm", "-journal")


class SqliteKept(KeptServer):
    """A SQLite file. Where another program has it open, the state is written into the file that it has open."""

    kind = "sqlite"

    def __init__(self, path: Path, folder: Path) -> None:
        self._path, self._folder = path, folder

    def clients(self) -> list[Client]:
        """Return none: a program that has the file open sees the other state in its next transaction."""
        return []

    def end(self, clients: list[Client]) -> None:
        """Do nothing."""

    def refuse_unable(self) -> None:
        """Raise CannotKeep for a file that is not there or not ours to write."""
        if not os.access(self._path, os.R_OK | os.W_OK) or not os.access(self._path.parent, os.W_OK):
            raise CannotKeep(f"{self._path} cannot be written")

    def duplicate(self, source: str | None, name: str) -> None:
        """Copy the file, with what its write-ahead log holds."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = Path(f"{self._state(name)}.part")
        _copy(self._path if source is None else self._state(source), part)
        _sync(part)
        os.replace(part, self._state(name))

    def branch_off(self, source: str | None, name: str, details: tuple[str, ...]) -> None:
        """Copy the file to a path, with the access rights that the database has."""
        self.duplicate(source, name)
        _like(Path(name), self._path)

    def exists(self, name: str) -> bool:
        """Return whether there is a file."""
        return self._state(name).exists()

    def exchange(self, intent: Intent) -> None:
        """Give the file a second name and put the other in its place; where that is impossible, copy contents."""
        assert intent.bring is not None
        put, bring = self._state(intent.put.name), self._state(intent.bring)
        if _settled(self._path) and not _is_open(self._path) and self._linked(put):
            _like(bring, self._path)
            os.replace(bring, self._path)
            return
        self.duplicate(None, intent.put.name)
        with closing(sqlite3.connect(bring)) as source, closing(sqlite3.connect(self._path, timeout=BUSY)) as target:
            try:
                source.backup(target)
            except sqlite3.OperationalError as error:
                raise EnvironmentFailed(
                    f"another program is in a transaction on {self._path}: {error}", "end that, then switch again"
                ) from error
            finally:
                target.rollback()
        bring.unlink()

    def is_exchanged(self, intent: Intent) -> bool | None:
        """Return whether the file has the other state: by name, else by what it holds."""
        put = self._state(intent.put.name)
        if not put.exists():
            return False
        if os.path.samefile(put, self._path):
            put.unlink()
            return False
        bring = self._state(intent.bring or "")
        if not bring.exists():
            return True
        if _is_equal(self._path, put):
            put.unlink()
            return False
        if _is_equal(self._path, bring):
            bring.unlink()
            return True
        return None

    def size(self, name: str | None) -> int:
        """Return the size of the file."""
        return (self._path if name is None else self._state(name)).stat().st_size

    def drop(self, name: str) -> None:
        """Remove the file and what SQLite writes beside it."""
        for ending in ("", ".part", *_BESIDE):
            Path(f"{self._state(name)}{ending}").unlink(missing_ok=True)

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def _state(self, name: str) -> Path:
        return Path(name) if os.path.isabs(name) else self._folder / f"{name}.db"

    def _linked(self, put: Path) -> bool:
        try:
            os.link(self._path, put)
        except OSError:  # another file system, or one without links
            return False
        return True


def _is_equal(path: Path, other: Path) -> bool:
    """Return whether two files hold the same tables and rows; False where they cannot be read."""
    with (
        closing(sqlite3.connect(path, timeout=BUSY)) as own,
        closing(sqlite3.connect(other, timeout=BUSY)) as another,
        suppress(sqlite3.Error),
    ):
        return all(a == b for a, b in zip_longest(own.iterdump(), another.iterdump()))
    return False


def has_tables(path: Path) -> bool:
    """Return whether a file is a database that is not empty, or something else that must stay."""
    if not path.exists() or not path.stat().st_size:
        return False
    with closing(sqlite3.connect(path, timeout=BUSY)) as connection, suppress(sqlite3.DatabaseError):
        return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    return True


def _settled(path: Path) -> bool:
    """Bring what a log holds into the file, and return whether nothing is beside it any more."""
    with closing(sqlite3.connect(path, timeout=BUSY)) as connection, suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        connection.execute("SELECT count(*) FROM sqlite_master").fetchall()  # rolls a hot journal back
    return not any(os.path.exists(f"{path}{ending}") for ending in _BESIDE)


def _copy(origin: Path, part: Path) -> None:
    """Copy a database while nobody can write it; page by page where a log keeps something apart."""
    part.unlink(missing_ok=True)
    is_apart = not _settled(origin)
    try:
        with closing(sqlite3.connect(origin, timeout=BUSY, isolation_level=None)) as source:
            if is_apart or os.path.exists(f"{origin}-wal"):
                with closing(sqlite3.connect(part)) as target:
                    source.backup(target)
                return
            source.execute("BEGIN IMMEDIATE")
            copy_file(origin, part)
    except sqlite3.OperationalError as error:
        raise EnvironmentFailed(
            f"another program is in a transaction on {origin}: {error}", "end that, then run the command again"
        ) from error


def _like(path: Path, other: Path) -> None:
    """Give a file the access rights of another."""
    with suppress(OSError):
        os.chmod(path, other.stat().st_mode & 0o7777)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_open(path: Path) -> bool:
    """Return whether any program has a file open, this one included; True where the system does not show it."""
    facts = path.stat()
    if not os.path.isdir("/proc/self/fd"):
        return True
    for folder in Path("/proc").glob("[0-9]*/fd"):
        with suppress(OSError):
            for entry in os.scandir(folder):
                with suppress(OSError):
                    found = os.stat(entry.path)
                    if (found.st_dev, found.st_ino) == (facts.st_dev, facts.st_ino):
                        return True
    return False
