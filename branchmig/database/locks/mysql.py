"""MariaDB and MySQL: GET_LOCK, polled on a connection of our own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection, text

from branchmig.database.identity import MYSQL_SERVER
from branchmig.database.locks.base import DatabaseLock, Holder, SessionLock, Subject, ask_at_once, ask_quietly
from branchmig.database.run.side_connection import SideConnection, SideConnections

_A_YEAR = 31536000


def lock_for(connection: Connection, subject: Subject, sides: SideConnections) -> DatabaseLock:
    """Return the lock of a version table: of its schema, or of the database that env.py's connection is in."""
    side = sides.beside(connection)
    database = subject.schema or str(ask_quietly(connection, "SELECT DATABASE()")[0])
    server = side.ask(_prepare)
    return _NamedLock(("mysql", *server), lock_name(database, subject.table), side)


def lock_name(database: str, table: str) -> str:
    """Return the name of a version table's lock on its whole server; 64 characters are allowed."""
    return f"branchmig:{sha256(chr(0).join((database, table)).encode()).hexdigest()[:40]}"


class _NamedLock(SessionLock):
    def __init__(self, server: tuple[object, ...], name: str, side: SideConnection) -> None:
        self.identity, self._name, self._side = (*server, name), name, side

    def try_take(self) -> bool:
        return self._asked("SELECT GET_LOCK(:name, 0)") == 1

    def current_holder(self) -> Holder | None:
        return self._side.ask(self._look)

    def _look(self, own: Connection) -> Holder | None:
        row = own.execute(
            text("SELECT id, user, host, time FROM information_schema.processlist WHERE id = IS_USED_LOCK(:name)"),
            {"name": self._name},
        ).first()
        if row is None:
            return None
        # The session asks for its lock now and then; no table says how long ago it took the lock.
        since = datetime.now(UTC) - timedelta(seconds=max(0, int(row[3] or 0)))
        return Holder(f"session {row[0]} of {row[1]} from {row[2]}", f"{since:%Y-%m-%dT%H:%M:%SZ} or longer")

    def _is_held_by_session(self) -> bool:
        # The name is of letters that need no escape.
        statement = f"SELECT IS_USED_LOCK('{self._name}') = CONNECTION_ID()"
        return bool(self._side.ask(lambda own: ask_at_once(own, statement)) == 1)

    def _give_back(self) -> None:
        self._asked("SELECT RELEASE_LOCK(:name)")

    def _asked(self, statement: str) -> object:
        return self._side.ask(lambda own: own.execute(text(statement), {"name": self._name}).scalar())


def _prepare(own: Connection) -> tuple[object, ...]:
    """Keep the session as long as the run may take, and return which server this is."""
    own.exec_driver_sql(f"SET SESSION wait_timeout = {_A_YEAR}")
    return tuple(own.exec_driver_sql(MYSQL_SERVER).one())
