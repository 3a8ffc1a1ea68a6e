"""Which version table a connection has before it, told so that no two in the world are taken for one another.

The server is asked, not the URL: two URLs may lead to one server, and one URL to several databases by way of env.py.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import Connection

# When it was started tells a server from its copies, and is the same by whatever name and address it is reached.
_POSTGRESQL = "SELECT current_database(), current_schema(), CAST(pg_postmaster_start_time() AS text)"
_MYSQL = "SELECT DATABASE(), @@hostname, @@port, @@datadir"


def version_table_identity(context: MigrationContext) -> tuple[str, str]:
    """Return what tells the version table of a context apart, and the same in people's words."""
    connection = context.connection
    assert connection is not None
    schema = translated_schema(connection, context.version_table_schema)
    database, default_schema, server, shown = _asked(connection)
    table = f"{schema or default_schema or ''}.{context.version_table}"
    where = f", schema {schema or default_schema}" if schema or default_schema else ""
    return f"{connection.dialect.name}|{server}|{database}|{table}", f"{shown}{where}, table {context.version_table}"


def translated_schema(connection: Connection, schema: str | None) -> str | None:
    """Return the schema that a schema_translate_map of env.py puts in the place of another, or of none."""
    names: Any = connection.get_execution_options().get("schema_translate_map") or {}
    found = names.get(schema, schema)
    return None if found is None else str(found)


def _asked(connection: Connection) -> tuple[str, str | None, str, str]:
    """Return database, default schema, what tells the server apart, and how to call the database."""
    url, kind = connection.engine.url, connection.dialect.name
    address = f"{url.host or 'localhost'}{f':{url.port}' if url.port else ''}"
    if kind == "postgresql":
        database, schema, started = connection.exec_driver_sql(_POSTGRESQL).one()
        return database, schema, started, f"{database} on {address}"
    if kind in ("mysql", "mariadb"):
        database, host, port, folder = connection.exec_driver_sql(_MYSQL).one()
        return str(database), None, f"{host}:{port}{folder}", f"{database} on {address}"
    if kind == "sqlite":
        rows = connection.exec_driver_sql("PRAGMA database_list").all()
        path = next((str(row[2]) for row in rows if row[1] == "main" and row[2]), "")
        return os.path.realpath(path) if path else "", None, "", path or "a database in memory"
    return str(url.database), connection.dialect.default_schema_name, address, f"{url.database} on {address}"
