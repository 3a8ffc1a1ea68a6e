"""PostgreSQL: a session advisory lock, polled on a connection of our own; knows of PgBouncer's pooling."""

from __future__ import annotations

import re
from abc import abstractmethod
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, text

from branchmig.database.identity import POSTGRESQL
from branchmig.database.locks.base import (
    DatabaseLock,
    Holder,
    SessionLock,
    Subject,
    ask_at_once,
    ask_quietly,
    asked_quietly,
)
from branchmig.database.run import side_connection
from branchmig.database.run.side_connection import SideConnection, SideConnections

_POOLED = (
    "a pooler hands each transaction to another session here (PgBouncer, pool_mode = transaction): the migration lock "
    "is held in an open transaction; connect migrations to the server itself if you can"
)
# An idle session must live as long as the run, also behind a router that forgets silent connections.
_LONG_LIVED = {
    "idle_session_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "tcp_keepalives_idle": "60",
}
_HOLDER = text(
    "SELECT l.pid, a.application_name, a.usename FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid "
    "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND l.classid::bigint = :upper AND l.objid::bigint = :lower"
)
_NAME_LENGTH = 63
_SINCE = re.compile(r"(branchmig .*) since (\S+)")


def lock_for(connection: Connection, subject: Subject, sides: SideConnections) -> DatabaseLock:
    """Return the lock of a version table: of its schema, found where env.py's connection finds it."""
    side = sides.beside(connection)
    path = str(ask_quietly(connection, "SHOW search_path")[0])
    is_pooled = pools_transactions(side, connection)
    server, database, schema = side.ask(lambda own: _place(own, path))
    schema = subject.schema or schema or path
    key = advisory_key(database, schema, subject.table)
    identity = ("postgresql", server, database, key)
    if is_pooled:
        return _PooledLock(identity, key, side, subject.label, connection)
    side.ask(lambda own: _prepare(own, subject.label))
    return _UnpooledLock(identity, key, side, subject.label)


def advisory_key(database: str, schema: str, table: str) -> int:
    """Return the 64 bits of a version table's lock: the first of a SHA-256, signed."""
    words = "\0".join(("branchmig", database, schema, table))
    return int.from_bytes(sha256(words.encode()).digest()[:8], "big", signed=True)


def pools_transactions(side: SideConnection, connection: Connection) -> bool:
    """Return whether a pooler gives each transaction of a connection to whatever session is free.

    Any pooler shows a process id of its own in the handshake. Behind one that pools transactions, a session that
    does nothing lends itself to others, or is another one the next time. No third connection is opened for it: a pool
    of two would let it wait for ever. Raises EnvironmentFailed behind a pool of one, which lets the second wait.
    """
    if side.ask(_pid_of_driver) == side.ask(_pid_of_server):
        return False
    seen = {side.ask(_pid_of_server)}
    for _ in range(4):
        with asked_quietly(connection, "SELECT pg_backend_pid()") as (busy,):
            try:
                seen.add(side.ask(_pid_of_server, side_connection.OPEN_WITHIN))
            except TimeoutError as error:
                raise side_connection.no_second_connection() from error
        if busy in seen or len(seen) > 1:
            return True
    return False


class _AdvisoryLock(SessionLock):
    """What both ways of holding it share."""

    def __init__(self, identity: tuple[object, ...], key: int, side: SideConnection, label: str) -> None:
        self.identity, self._key, self._side, self._label = identity, key, side, label
        self._pid: object = None

    def try_take(self) -> bool:
        return self._side.ask(self._try)

    @abstractmethod
    def _try(self, own: Connection) -> bool:
        """Take the lock on our own connection, if it is free."""

    def current_holder(self) -> Holder | None:
        return self._side.ask(lambda own: _holder(own, self._key))

    def _is_held_by_session(self) -> bool:
        return bool(self._side.ask(lambda own: ask_at_once(own, "SELECT pg_backend_pid()")) == self._pid)


class _UnpooledLock(_AdvisoryLock):
    """Held by an idle session, in no transaction: it keeps no snapshot that others would have to wait for."""

    def _try(self, own: Connection) -> bool:
        if not own.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": self._key}).scalar():
            return False
        self._pid = _pid_of_server(own)
        _name_session(own, self._label, is_holding=True)
        return True

    def _give_back(self) -> None:
        self._side.ask(lambda own: own.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": self._key}))


class _PooledLock(_AdvisoryLock):
    """Held by a transaction on a connection of the lock's own: the pooler must keep that one session for it."""

    warning = _POOLED

    def __init__(
        self, identity: tuple[object, ...], key: int, side: SideConnection, label: str, connection: Connection
    ) -> None:
        super().__init__(identity, key, side, label)
        self._shared, self._connection = side, connection
        self._opened = False

    def try_take(self) -> bool:
        if not self._opened:
            self._side, self._opened = SideConnection.open(self._connection), True
        if super().try_take():
            return True
        self.release()
        return False

    def _try(self, own: Connection) -> bool:
        own.exec_driver_sql("BEGIN")
        if not own.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": self._key}).scalar():
            own.exec_driver_sql("ROLLBACK")
            return False
        self._pid = _pid_of_server(own)
        _set(own, _LONG_LIVED, is_local=True)
        _name_session(own, self._label, is_holding=True, is_local=True)
        return True

    def is_held(self) -> bool:
        return self._is_held_by_session()  # the pooler may keep our connection, and lend another session to it

    def _give_back(self) -> None:
        if self._opened:
            self._side.close()
            self._side, self._opened = self._shared, False


def _place(own: Connection, path: str) -> tuple[str, str, str | None]:
    """Return server, database and schema; in a transaction, since a pooler's next client gets what a session sets."""
    own.exec_driver_sql("BEGIN")
    own.execute(text("SELECT set_config('search_path', :path, true)"), {"path": path})
    database, schema, started, *_ = own.exec_driver_sql(POSTGRESQL).one()
    own.exec_driver_sql("ROLLBACK")
    return started, database, schema


def _prepare(own: Connection, label: str) -> None:
    _set(own, _LONG_LIVED)
    _name_session(own, label, is_holding=False)


def _set(own: Connection, settings: dict[str, str], *, is_local: bool = False) -> None:
    """Set what the server knows: idle_session_timeout came with version 14."""
    own.execute(
        text("SELECT set_config(name, :value, :local) FROM pg_settings WHERE name = :name"),
        [{"name": name, "value": value, "local": is_local} for name, value in settings.items()],
    )


def _name_session(own: Connection, label: str, *, is_holding: bool, is_local: bool = False) -> None:
    """Let pg_stat_activity say who this is; the server cuts the name."""
    since = f" since {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}" if is_holding else ""
    name = f"{label[: _NAME_LENGTH - len(since)]}{since}"
    own.execute(text("SELECT set_config('application_name', :name, :local)"), {"name": name, "local": is_local})


def _holder(own: Connection, key: int) -> Holder | None:
    bits = key % 2**64
    row = own.execute(_HOLDER, {"upper": bits >> 32, "lower": bits % 2**32}).first()
    if row is None:
        return None
    pid, name, user = row
    found = _SINCE.fullmatch(name or "")
    if found:
        return Holder(f"{found[1]} (session {pid})", found[2])
    return Holder(f"session {pid} of {user or 'another role'}{f' ({name})' if name else ''}")


def _pid_of_server(own: Connection) -> Any:
    return own.exec_driver_sql("SELECT pg_backend_pid()").scalar()


def _pid_of_driver(own: Connection) -> Any:
    """Return the process id of the server's side, from the handshake; None where the driver keeps it."""
    driver: Any = own.connection.driver_connection
    if hasattr(driver, "get_server_pid"):
        return driver.get_server_pid()
    return getattr(getattr(driver, "info", None), "backend_pid", None)
