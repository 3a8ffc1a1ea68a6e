"""One run at a time: a lock taken before the version table is read, and held until env.py is over."""

from __future__ import annotations

import getpass
import os
import socket
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from branchmig.database.identity import translated_schema
from branchmig.database.locks import DatabaseLock, has_locks, lock_for
from branchmig.database.locks.base import Holder, NoLockPossible, Subject
from branchmig.database.run.run_listener import RunAgain, RunListener
from branchmig.database.run.side_connection import SharedConnection, SideConnections
from branchmig.errors import EnvironmentFailed, LockLost, LockTimeout
from branchmig.model import Step

Say = Callable[[str], None]

SAY_AGAIN = 30.0  # seconds after which a waiting run says once more for whom it waits

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0


@dataclass(slots=True)
class _Held:
    """A lock that is ours, the connection of env.py that it was taken for, and what was waited for meanwhile."""

    lock: DatabaseLock
    connection: Connection | None
    old_transaction: Any = None
    """The transaction that env.py's connection was in while another run held the lock."""


class MigrationLock(RunListener):
    """Takes the lock of each version table that env.py configures; a lock outlives the runs that start over.

    `say` and `warn` write for the user. Raises LockTimeout, naming who holds the lock, and LockLost.
    """

    def __init__(self, sides: SideConnections, command: str, timeout: float, say: Say, warn: Say) -> None:
        self._sides, self._timeout, self._say, self._warn = sides, timeout, say, warn
        self._label = session_label(command)
        self._held: dict[tuple[object, ...], _Held] = {}
        self._of: dict[int, tuple[Any, _Held]] = {}
        self._awaited: tuple[DatabaseLock, Any] | None = None
        self._warned: set[str] = set()

    def configured(self, context: MigrationContext) -> None:
        """Take the lock of the context's version table, and wait for it where another run has it."""
        connection = context.connection
        if connection is None:
            return
        lock = self._lock_for(context, connection)
        self._release_finished(lock)
        if lock is None:
            return
        held = self._held.get(lock.identity)
        if held is None:
            held = self._take(lock, connection)
        if held is None:
            return
        held.connection = connection
        self._of[id(context)] = (context, held)
        if held.old_transaction is not None and connection.get_transaction() is held.old_transaction:
            self._refuse_old_rows(context, connection)

    def runs_again(self) -> None:
        """Wait for the lock that was not free, now that env.py is over and no transaction of its own is open."""
        if self._awaited is not None:
            (lock, transaction), self._awaited = self._awaited, None
            self._wait(lock)
            self._held[lock.identity] = _Held(lock, None, transaction)

    def succeeded(self) -> None:
        """Raise EnvironmentFailed where env.py did not let itself be run again: nothing was run."""
        if self._awaited is not None:
            raise EnvironmentFailed(
                "env.py was to be run again, once another run was over, and caught what should have ended it",
                "let its 'except:' not catch BaseException; nothing was run",
            )

    def step_begins(self, context: MigrationContext, step: Step) -> None:
        """Raise LockLost where the lock is gone: the step must not run."""
        if id(context) not in self._of:
            return
        try:
            is_held = self._of[id(context)][1].lock.is_held()
        except (SQLAlchemyError, EnvironmentFailed):
            is_held = False
        if not is_held:
            name = step.revision.id if step.revision else "the next step"
            raise LockLost(
                f"the migration lock was lost before {name}, which was not run: another run may have begun",
                "see what ended the session that held it, and 'branchmig current'; then run the same command again",
            )

    def ended(self) -> None:
        """Release every lock and close the connections that held them."""
        for held in self._held.values():
            held.lock.release()
        self._held.clear()
        self._of.clear()
        self._sides.close()

    def _lock_for(self, context: MigrationContext, connection: Connection) -> DatabaseLock | None:
        dialect = connection.dialect.name
        if not has_locks(dialect):
            self._warn_once(f"there is no lock for {dialect}: see to it that no two runs migrate one database at once")
            return None
        try:
            lock = lock_for(
                connection,
                Subject(
                    translated_schema(connection, context.version_table_schema), context.version_table, self._label
                ),
                self._sides,
            )
        except SharedConnection as error:
            self._warn_once(f"there is no lock for this run: {error.message}")
            return None
        if lock is not None and lock.warning is not None:
            self._warn_once(lock.warning)
        return lock

    def _take(self, lock: DatabaseLock, connection: Connection) -> _Held | None:
        try:
            is_free = lock.try_take()
        except NoLockPossible as error:
            self._warn_once(error.message)
            return None
        if not is_free:
            if connection.in_transaction():
                # What it has read may be old when the lock is free, and its snapshot may be what others wait for.
                self._awaited = (lock, connection.get_transaction())
                raise RunAgain
            self._wait(lock)
        held = self._held[lock.identity] = _Held(lock, connection)
        return held

    def _wait(self, lock: DatabaseLock) -> None:
        began = time.monotonic()
        say_at, pause = 0.0, _FIRST_PAUSE
        while True:
            holder = _holder_of(lock)
            if lock.try_take():
                return
            waited = time.monotonic() - began
            if waited >= self._timeout:
                raise self._timed_out(holder)
            if waited >= say_at:
                self._say(f"waiting for {_described(holder)}")
                say_at = waited + SAY_AGAIN
            time.sleep(min(pause, self._timeout - waited))
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _timed_out(self, holder: Holder) -> LockTimeout:
        return LockTimeout(
            f"gave up waiting, after {self._timeout:g} s, for {_described(holder)}",
            "wait until it is done, or give it more time with lock_timeout; if it hangs, end that process or session: "
            "its lock goes with it",
            holder.who,
        )

    def _release_finished(self, wanted: DatabaseLock | None) -> None:
        """Release locks of connections that are done: closed, or with nothing left to commit."""
        for identity, held in list(self._held.items()):
            connection = held.connection
            if connection is None or (wanted is not None and identity == wanted.identity):
                continue
            if connection.closed or not connection.in_transaction():
                held.lock.release()
                del self._held[identity]

    def _refuse_old_rows(self, context: MigrationContext, connection: Connection) -> None:
        """Refuse a program's transaction that began before another run, and does not see what that run did."""
        schema = translated_schema(connection, context.version_table_schema)
        table = Table(context.version_table, MetaData(), Column("version_num", String(32)), schema=schema)

        def rows(own: Connection) -> set[str]:
            if not inspect(own).has_table(table.name, schema=schema):
                return set()
            return set(own.execute(select(table.c.version_num)).scalars())

        if set(context.get_current_heads()) != self._sides.beside(connection).ask(rows):
            raise EnvironmentFailed(
                "the connection that env.py was given is in a transaction that began before another run, "
                "and does not see what that run did",
                "end that transaction, begin a new one and call again; nothing was run",
            )

    def _warn_once(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self._warn(text)


def _holder_of(lock: DatabaseLock) -> Holder:
    """Return who has a lock; a role that may not look is not kept from waiting."""
    try:
        return lock.holder()
    except SQLAlchemyError:
        return Holder()


def current_holder(context: MigrationContext) -> Holder | None:
    """Return the run that holds the lock of a context's version table; None where none does, or there is no lock.

    Takes no lock and writes nothing. Raises EnvironmentFailed or SQLAlchemyError where it cannot be asked.
    """
    connection = context.connection
    if connection is None or not has_locks(connection.dialect.name):
        return None
    with closing(SideConnections()) as sides:
        subject = Subject(
            translated_schema(connection, context.version_table_schema), context.version_table, session_label("status")
        )
        lock = lock_for(connection, subject, sides)
        return None if lock is None else lock.current_holder()


def session_label(command: str) -> str:
    """Return what other runs, and the server's administrators, see of this one."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = str(os.getuid()) if hasattr(os, "getuid") else "?"
    host = socket.gethostname().partition(".")[0][:20]
    return f"branchmig {command} {user[:12]}@{host} pid {os.getpid()}"


def _described(holder: Holder) -> str:
    since = f" since {holder.since}" if holder.since else ""
    return f"{holder.who}, which has been migrating this database{since}"
