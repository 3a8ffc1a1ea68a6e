"""SQLite: a lock file beside the database while a run goes on; what it says of its holder is for people."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Connection

from branchmig.database.locks.base import DatabaseLock, Holder, NoLockPossible, Subject, ask_quietly
from branchmig.errors import EnvironmentFailed

SUFFIX = ".branchmig-lock"


def lock_for(connection: Connection, subject: Subject) -> DatabaseLock | None:
    """Return the lock of the file that env.py's connection has open; None for a database in memory.

    SQLite itself is asked for the file: a URL may be relative, a `file:` URI, or hidden in a creator.
    """
    file = ask_quietly(connection, "PRAGMA database_list")[2]
    return _FileLock(Path(os.path.realpath(os.fsdecode(file))), subject.label) if file else None


class _FileLock(DatabaseLock):
    def __init__(self, database: Path, label: str) -> None:
        self._path = Path(f"{database}{SUFFIX}")
        self.identity = ("sqlite", str(self._path))
        self._label = label
        # As SQLite does with its own files: who may write to the database may lock it, and nobody else. Another
        # thread may end the run than the one in which env.py configures itself.
        mode = (database.stat().st_mode & 0o666) | 0o600
        self._lock = FileLock(self._path, mode=mode, thread_local=False, fallback_to_soft=False)
        self._number: tuple[int, int] | None = None

    def try_take(self) -> bool:
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        except OSError as error:
            raise self._refusal(error) from error
        self._number = _number(self._path)
        if self._number is None:  # its last holder has just removed it
            self._lock.release()
            return False
        self._write(json.dumps({"who": self._label, "since": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}))
        return True

    def current_holder(self) -> Holder | None:
        if not self._path.exists():
            return None
        # A killed run leaves the file behind, and not the lock.
        is_free = FileLock(self._path, mode=0o600, thread_local=False, fallback_to_soft=False)
        try:
            with is_free.acquire(timeout=0):
                return None
        except (Timeout, OSError):
            return self.holder()

    def holder(self) -> Holder:
        try:
            words = json.loads(self._path.read_text("utf-8"))
            return Holder(str(words["who"]), str(words["since"]))
        except (OSError, ValueError, KeyError, TypeError):
            return Holder()  # it is just being written, or Windows keeps what is locked from being read

    def is_held(self) -> bool:
        # A run that deleted the file would let others lock a new one.
        return self._lock.is_locked and _number(self._path) == self._number

    def release(self) -> None:
        # Removed while it is held: filelock lets go of a file that has no name any more, and takes the new one. One
        # that stays behind, after a kill, would show up in `git status` and harms nobody.
        if self._lock.is_locked and _number(self._path) == self._number:
            with suppress(OSError):  # Windows keeps what is open
                self._path.unlink()
        self._lock.release()

    def _write(self, words: str) -> None:
        try:
            with open(os.open(self._path, os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)), "wb", buffering=0) as file:
                file.truncate()
                file.write(words.encode())
        except OSError:
            return  # the lock holds without it

    def _refusal(self, error: OSError) -> EnvironmentFailed:
        if self._path.is_symlink():
            return EnvironmentFailed(
                f"{self._path} is a symbolic link: no lock is taken through one, and its target was not touched",
                "remove it; branchmig makes a file of that name beside the database",
            )
        if not self._path.exists() and not os.access(self._path.parent, os.W_OK):
            return NoLockPossible(
                f"{self._path.parent} cannot be written to, so there is no lock, nor a way to migrate"
            )
        return EnvironmentFailed(
            f"{self._path}: no lock can be taken: {error.strerror or error}",
            "SQLite needs a folder that it may write to, too, on a file system that knows locks",
        )


def _number(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
