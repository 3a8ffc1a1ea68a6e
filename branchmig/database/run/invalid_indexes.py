"""Finds indexes that a failed or killed CREATE INDEX CONCURRENTLY left invalid."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from branchmig.database.run.session import in_session, session_of
from branchmig.database.run.side_connection import SideConnection
from branchmig.errors import EnvironmentFailed

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import Connection

_INVALID = (
    "SELECT c.relname, CAST(CAST(i.indexrelid AS regclass) AS text) FROM pg_catalog.pg_index i "
    "JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid WHERE NOT i.indisvalid"
)


def invalid_indexes(context: MigrationContext, script: bytes) -> tuple[str, ...]:
    """Return the indexes that a script names and that CREATE INDEX CONCURRENTLY has left invalid (PostgreSQL)."""
    connection, session = context.connection, session_of(context)
    if connection is None or connection.dialect.name != "postgresql" or b"concurrently" not in script.lower():
        return ()

    def ask(plain: Connection) -> tuple[str, ...]:
        with in_session(plain, session) as own:
            found = own.exec_driver_sql(_INVALID).all()
        words = script.decode("utf-8", "replace")
        return tuple(sorted(shown for name, shown in found if str(name) in words))

    try:
        with closing(SideConnection.open(connection)) as side:
            return side.ask(ask)
    except (SQLAlchemyError, EnvironmentFailed):
        return ()
