"""SQL Server: an application lock owned by a session of our own. Written by the manual; no server was at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from branchmig.database.locks.base import DatabaseLock, Holder, Subject

if TYPE_CHECKING:
    from branchmig.database.run.side_connection import SideConnection, SideConnections


def lock_for(connection: Connection, subject: Subject, sides: SideConnections) -> DatabaseLock:
    """Return the lock of a version table; an application lock is one database's, its name has 255 characters."""
    side = sides.beside(connection)
    resource = f"branchmig:{subject.schema or ''}:{subject.table}"[:255]
    place = side.ask(lambda own: tuple(own.exec_driver_sql("SELECT @@SERVERNAME, DB_NAME()").one()))
    return _ApplicationLock(("mssql", *place), resource, side)


class _ApplicationLock(DatabaseLock):
    def __init__(self, place: tuple[object, ...], resource: str, side: SideConnection) -> None:
        self.identity, self._resource, self._side = (*place, resource), resource, side

    def try_take(self) -> bool:
        # 0: granted at once, 1: granted after others let go; below 0: not granted.
        taken = self._asked(
            "DECLARE @r int; EXEC @r = sp_getapplock @Resource = :name, @LockMode = 'Exclusive', "
            "@LockOwner = 'Session', @LockTimeout = 0; SELECT @r"
        )
        return isinstance(taken, int) and taken >= 0

    def current_holder(self) -> Holder | None:
        return None

    def is_held(self) -> bool:
        return self._asked("SELECT APPLOCK_MODE('public', :name, 'Session')") == "Exclusive"

    def release(self) -> None:
        try:
            self._asked(
                "DECLARE @r int; EXEC @r = sp_releaseapplock @Resource = :name, @LockOwner = 'Session'; SELECT @r"
            )
        except SQLAlchemyError:
            return  # the session is gone, and the lock with it

    def _asked(self, statement: str) -> object:
        def ask(own: Connection) -> object:
            return own.execute(text(f"SET NOCOUNT ON; {statement}"), {"name": self._resource}).scalar()

        return self._side.ask(ask)
