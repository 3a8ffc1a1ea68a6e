"""Reads what a scratch database consists of, and its rows, in the server's own words: to compare two of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, inspect

from branchmig.database.trial.catalog_mysql import mysql_objects
from branchmig.database.trial.catalog_postgresql import postgresql_objects
from branchmig.database.trial.catalog_sqlite import sqlite_objects
from branchmig.effects.own_table_changes import JOURNAL, is_own_table
from branchmig.effects.schema_snapshot import Catalog, Rows

VersionTables = Collection[tuple[str | None, str]]

MOST_ROWS = 10_000  # a table with more rows is not compared row by row


def read_catalog(connection: Connection, version_tables: VersionTables = ()) -> Catalog:
    """Return what a database consists of, the version tables and branchmig's own left out."""
    found = _READERS[connection.dialect.name](connection)
    hidden = {f"table {_qualified(schema, name)}" for schema, name in version_tables}
    objects = {name: parts for name, parts in found.items() if name not in hidden and not _is_own(name)}
    order = {
        name.removeprefix("table "): tuple(part.removeprefix("column ") for part in parts if part.startswith("column "))
        for name, parts in objects.items()
        if name.startswith("table ")
    }
    return Catalog(objects, order)


def _is_own(name: str) -> bool:
    last = name.rpartition(" ")[2].rpartition(".")[2]
    return is_own_table(last) or last == f"{JOURNAL}_id_seq"


def schemas_of(connection: Connection) -> list[str | None]:
    """Return the schemas that may have tables: None for the default one, and on PostgreSQL the others."""
    if connection.dialect.name != "postgresql":
        return [None]
    inspector = inspect(connection)
    standard = {"information_schema", inspector.default_schema_name}
    return [None, *(name for name in inspector.get_schema_names() if name not in standard)]


def read_rows(connection: Connection, tables: Iterable[str]) -> dict[str, Rows]:
    """Return the rows of some tables, named as in Catalog.column_order."""
    found = {}
    quote = connection.dialect.identifier_preparer.quote_identifier
    for table in tables:
        name = ".".join(quote(part) for part in table.split("."))
        result = connection.exec_driver_sql(f"SELECT * FROM {name} LIMIT {MOST_ROWS + 1}")
        values = tuple(tuple(_text(value) for value in row) for row in result)
        found[table] = Rows(tuple(result.keys()), values, len(values) <= MOST_ROWS)
    return found


def _text(value: object) -> str:
    return "NULL" if value is None else repr(value)


def _qualified(schema: str | None, name: str) -> str:
    return name if schema in (None, "public") else f"{schema}.{name}"


_READERS = {
    "sqlite": sqlite_objects,
    "postgresql": postgresql_objects,
    "mysql": mysql_objects,
    "mariadb": mysql_objects,
}
