"""Settings of env.py's session that a second connection lacks: search_path, current database, schema translation.

It is noted as a plan begins, while env.py's connection is there, and asked for when the run has failed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from branchmig.effects.dialects import dialect_kind

_KEY = "branchmig_session"


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """Where names without a schema lead to; `is_known` is False where the server could not be asked."""

    search_path: str | None = None
    database: str | None = None
    translation: Any = None
    is_known: bool = True


def note_session(context: MigrationContext) -> None:
    """Note the session of a context's connection, which is in a transaction: the version table was just read."""
    connection = context.connection
    if connection is None or context.as_sql:
        return
    translation = connection.get_execution_options().get("schema_translate_map")
    kind = dialect_kind(connection.dialect.name)
    try:
        path = str(connection.exec_driver_sql("SHOW search_path").scalar()) if kind == "postgresql" else None
        database = connection.exec_driver_sql("SELECT DATABASE()").scalar() if kind == "mysql" else None
        session = SessionSettings(path, database, translation)
    except SQLAlchemyError:
        session = SessionSettings(translation=translation, is_known=False)
    context.opts[_KEY] = session


def session_of(context: MigrationContext) -> SessionSettings:
    """Return what was noted of a context's session."""
    found = context.opts.get(_KEY)
    return found if isinstance(found, SessionSettings) else SessionSettings(is_known=False)


@contextmanager
def in_session(own: Connection, session: SessionSettings) -> Iterator[Connection]:
    """Give a connection in AUTOCOMMIT on which names lead where they lead in a session; one transaction, committed.

    The settings end with the transaction: a pooler may give the server's session to somebody else.
    """
    own = own.execution_options(schema_translate_map=session.translation)
    if session.database is not None:
        use_database(own, session.database)
    if session.search_path is None:
        yield own
        return
    own.exec_driver_sql("BEGIN")
    try:
        own.execute(text("SELECT set_config('search_path', :path, true)"), {"path": session.search_path})
        yield own
    except BaseException:
        own.exec_driver_sql("ROLLBACK")
        raise
    own.exec_driver_sql("COMMIT")


def use_database(own: Connection, database: str) -> None:
    """Make a database the current one of a MariaDB or MySQL session."""
    own.exec_driver_sql(f"USE {own.dialect.identifier_preparer.quote_identifier(database)}".replace("%", "%%"))
