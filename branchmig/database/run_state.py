"""Reads where a run's version table is and its rows, on a connection of branchmig's own."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from branchmig.database.identity import Identity, translated_schema, url_shown
from branchmig.database.run import failures
from branchmig.database.run.side_connection import SideConnections
from branchmig.effects.dialects import dialect_kind
from branchmig.errors import EnvironmentFailed

# What a session's search_path leads to is asked for while that session is there: another one has its own.
_POSTGRESQL = text(
    "SELECT coalesce((SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
    "ON n.oid = c.relnamespace WHERE c.oid = to_regclass(CAST(:name AS text))), current_schema()), "
    "current_setting('role'), current_database()"
)


class CannotReadBack(Exception):
    """No other session can see the version table, or may read it; the text says why."""


@dataclass(frozen=True, slots=True)
class SeenVersionTable:
    """A version table as env.py's session finds it, with all that another session needs to find the same one.

    `schema` is named wherever the session's settings lead to it: search_path, USE, a schema_translate_map. `role` is
    the one that the session has taken on. `file` is SQLite's file of the schema, empty for a database in memory.
    """

    name: str
    schema: str | None
    title: str
    """How to call it: a URL without a password, and the table where that does not say it all."""
    is_named: bool
    """Whether the title says more than the URL."""
    role: str | None = None
    file: str | None = None
    driver: Any = field(default=None, repr=False, compare=False)


def version_table(context: MigrationContext) -> SeenVersionTable | None:
    """Return where the version table of a context is; None where there is no connection. Its session is asked once."""
    connection = context.connection
    if connection is None or context.as_sql:
        return None
    schema = translated_schema(connection, context.version_table_schema)
    url, kind, name = connection.engine.url, dialect_kind(connection.dialect.name), context.version_table
    database = str(url.database)
    role = file = None
    shown_schema = schema
    if kind == "postgresql":
        quoted = connection.dialect.identifier_preparer.quote(name)
        found, role, database = connection.execute(_POSTGRESQL, {"name": quoted}).one()
        schema = shown_schema = schema or found
    elif kind == "mysql" and schema is None:
        schema = connection.exec_driver_sql("SELECT DATABASE()").scalar_one()
        shown_schema = None if schema == url.database else schema
        database = str(schema)
    elif kind == "sqlite":
        files = connection.exec_driver_sql("PRAGMA database_list").all()
        file = next((str(row[2] or "") for row in files if row[1] == (schema or "main")), "")
    identity = Identity(url_shown(connection, database), name, shown_schema, is_local=False)
    return SeenVersionTable(
        name,
        schema,
        str(identity),
        str(identity) != identity.url,
        None if role in (None, "none") else role,
        file,
        connection.connection.driver_connection,
    )


def read_back(
    table: SeenVersionTable, connection: Connection, sides: SideConnections, within: float | None = None
) -> tuple[str, ...]:
    """Return the rows that the version table has now, sorted; none where there is no such table.

    `connection` is env.py's, which may be closed by now, and is not used unless nothing else can see the database.
    Raises CannotReadBack.
    """
    try:
        if connection.dialect.name == "sqlite" and not connection.dialect.is_async:
            return _read_sqlite(table, connection, sides)
        if table.file == "":
            raise CannotReadBack("a database in memory is there for one connection alone")
        # An async engine's connection only works inside the event loop that env.py has left by now.
        return sides.beside(connection).ask(lambda own: _rows(own, table), within)
    except (SQLAlchemyError, OSError) as error:
        raise CannotReadBack(failures.summary(error)) from error
    except EnvironmentFailed as error:
        raise CannotReadBack(error.message) from error


def _read_sqlite(table: SeenVersionTable, connection: Connection, sides: SideConnections) -> tuple[str, ...]:
    is_main = table.schema in (None, "main")
    if table.file and (not connection.closed or not is_main):
        return sides.beside(connection).ask(lambda own: _rows(own, table))
    if not connection.closed:  # in memory, and env.py's transaction is over
        try:
            return _rows(connection, table)
        finally:
            connection.rollback()
    with connection.engine.connect() as own:
        if not table.file and own.connection.driver_connection is not table.driver:
            raise CannotReadBack("the database was in memory, and went with its connection")
        return _rows(own, table)


def _rows(own: Connection, table: SeenVersionTable) -> tuple[str, ...]:
    columns = Table(table.name, MetaData(), Column("version_num", String(32)), schema=table.schema)
    if own.dialect.name == "sqlite":
        _attach(own, table)
    if table.role is not None:
        own.exec_driver_sql("BEGIN")
        own.execute(text("SELECT set_config('role', :role, true)"), {"role": table.role})
    try:
        return tuple(sorted((_text(row[0]) for row in own.execute(select(columns.c.version_num))), key=str))
    except DBAPIError:
        if table.role is not None:
            own.exec_driver_sql("ROLLBACK")
        if inspect(own).has_table(table.name, schema=table.schema):
            raise
        return ()  # it was made in a transaction that was rolled back
    finally:
        if table.role is not None:
            own.exec_driver_sql("ROLLBACK")


def _text(value: Any) -> Any:
    """Return a row's id as text, also from a binary column, as VARBINARY gives it."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _attach(own: Connection, table: SeenVersionTable) -> None:
    """Attach the file that env.py attached, unless an event of its engine has done so here, too."""
    if table.schema in (None, "main") or not table.file or not os.path.exists(table.file):
        return
    if all(row[1] != table.schema for row in own.exec_driver_sql("PRAGMA database_list").all()):
        name = own.dialect.identifier_preparer.quote_identifier(str(table.schema))
        own.exec_driver_sql(f"ATTACH DATABASE ? AS {name}", (table.file,))
