"""The interface of every lock, and queries on env.py's connection that leave no trace on it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from branchmig.errors import EnvironmentFailed

ASK_EVERY = 0.25
"""Seconds for which a session whose connection is open and silent is taken to hold the lock that it held when asked.

A step of a migration takes less than that, as a rule, and a round trip costs as much as many a step. Where the network
has forgotten the connection, it takes the server a minute to notice: the lock is ours until then.
"""

if TYPE_CHECKING:
    from branchmig.database.run.side_connection import SideConnection


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock, in words, and since when, in words; nothing where it is unknown."""

    who: str = "another run of branchmig"
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of a lock: one version table, and the command that wants it."""

    schema: str | None
    table: str
    label: str
    """`branchmig upgrade ada@web-1 pid 4711`"""


class NoLockPossible(EnvironmentFailed):
    """There can be no lock here, and no migration that would need one."""


class DatabaseLock(ABC):
    """One lock on one version table. It belongs to the run that took it until it is released, or that process ends."""

    identity: tuple[object, ...]
    """The same for two locks on the same thing."""

    warning: str | None = None
    """What a user should know of how the lock is held."""

    @abstractmethod
    def try_take(self) -> bool:
        """Take the lock if it is free, and return whether it was; never wait."""

    @abstractmethod
    def current_holder(self) -> Holder | None:
        """Return who has the lock, without taking it; None where nobody has, or nobody can be seen."""

    def holder(self) -> Holder:
        """Return the holder, as far as it is known."""
        return self.current_holder() or Holder()

    @abstractmethod
    def is_held(self) -> bool:
        """Return whether it still is ours. What the driver raises comes out: it is not, then."""

    @abstractmethod
    def release(self) -> None:
        """Give it back; nothing happens where it was lost."""


class SessionLock(DatabaseLock):
    """A lock that ends with the session which took it."""

    _side: SideConnection
    _asked_at = -ASK_EVERY

    def is_held(self) -> bool:
        """Look at the session's connection; ask the server where that is not silent, or was not asked for a while."""
        now = time.monotonic()
        if now - self._asked_at < ASK_EVERY and self._side.is_silent():
            return True
        self._asked_at = -ASK_EVERY
        if self._is_held_by_session():
            self._asked_at = now
            return True
        return False

    @abstractmethod
    def _is_held_by_session(self) -> bool:
        """Ask the server whether it still is ours."""

    def release(self) -> None:
        """Give the lock back, and forget when the server was asked: the next run to take the lock asks again."""
        self._asked_at = -ASK_EVERY
        with suppress(SQLAlchemyError):  # the session is gone, and the lock with it
            self._give_back()

    @abstractmethod
    def _give_back(self) -> None:
        """Have the server release the lock."""


def ask_quietly(connection: Connection, statement: str) -> tuple[Any, ...]:
    """Return one row that env.py's connection answers, and leave the connection as it was."""
    with asked_quietly(connection, statement) as row:
        return row


@contextmanager
def asked_quietly(connection: Connection, statement: str) -> Iterator[tuple[Any, ...]]:
    """Give one row that env.py's connection answers, and leave the connection as it was after the block.

    Through the driver, not SQLAlchemy: that would begin a transaction, which alembic took for one of env.py's. The
    driver begins one, too, and it is ended here unless env.py was in one. The statement must take no snapshot.
    """
    raw: Any = connection.connection.dbapi_connection
    was_in_transaction = connection.in_transaction() or _driver_is_in_transaction(connection)
    cursor = raw.cursor()
    try:
        try:
            cursor.execute(statement)
            row = cursor.fetchone()
        finally:
            cursor.close()
        yield row_values(row)
    finally:
        if not was_in_transaction:
            raw.rollback()


def row_values(row: Any) -> tuple[Any, ...]:
    """Return the values of a driver's row: a connection may be set up to give its rows as dictionaries."""
    return tuple(row.values() if isinstance(row, dict) else row)


def _driver_is_in_transaction(connection: Connection) -> bool:
    """Return whether the driver is in a transaction that SQLAlchemy does not know of, where it can be asked."""
    driver: Any = connection.connection.driver_connection
    if hasattr(driver, "is_in_transaction"):  # asyncpg
        return bool(driver.is_in_transaction())
    # psycopg and psycopg2 number their states, idle is 0; sqlite3 and aiosqlite say yes or no.
    status = getattr(getattr(driver, "info", None), "transaction_status", 0)
    return bool(status or getattr(driver, "in_transaction", False))


def ask_at_once(own: Connection, statement: str) -> Any:
    """Return the one value that our own connection, in AUTOCOMMIT, answers; EnvironmentFailed where it does not.

    Of the driver itself: this is asked again and again, and SQLAlchemy would take as long for it as the server.
    """
    cursor = own.connection.cursor()
    try:
        cursor.execute(statement)
        return row_values(cursor.fetchone())[0]
    except Exception as error:  # each driver has errors of its own for a session that is gone
        raise EnvironmentFailed(f"the session of the lock does not answer: {type(error).__name__}") from error
    finally:
        cursor.close()
