"""What a scratch database has come to, catalog and rows, and what two of them differ in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from branchmig.database.trial.reflection import VersionTables, read_catalog, read_rows
from branchmig.effects.schema_snapshot import (
    Catalog,
    Rows,
    order_differences,
    row_differences,
    schema_differences,
    volatile_columns,
)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database consists of, and the rows in it."""

    catalog: Catalog
    rows: dict[str, Rows]


def read_contents(connection: Connection, version_tables: VersionTables) -> Contents:
    """Return the catalog of a database and the rows of its tables."""
    catalog = read_catalog(connection, version_tables)
    return Contents(catalog, read_rows(connection, sorted(catalog.column_order)))


def volatile_in(
    state: Contents, other: Contents, names: tuple[str, str], again: Callable[[], Contents | None]
) -> set[tuple[str, str]]:
    """Return the columns whose values differ in a second run of the first steps: a clock, or chance.

    `again` runs them, and only where rows differ; None where that failed.
    """
    tables = row_differences(state.rows, other.rows, names)
    second = again() if tables else None
    if second is None:
        return set()
    return {(table, column) for table in tables for column in volatile_columns(state.rows[table], second.rows[table])}


def compared(
    state: Contents, other: Contents, names: tuple[str, str], volatile: set[tuple[str, str]]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a line for each difference, and what was not compared."""
    lines = schema_differences(state.catalog, other.catalog, names)
    lines += order_differences(state.catalog, other.catalog, names)
    lines += tuple(row_differences(state.rows, other.rows, names, volatile).values())
    columns = ", ".join(f"{table}.{column}" for table, column in sorted(volatile))
    basis: tuple[str, ...] = (f"not compared, since each run gives other values: {columns}",) if volatile else ()
    big = sorted(table for table, rows in state.rows.items() if not rows.is_whole)
    basis += (f"too many rows to compare: {', '.join(big)}",) if big else ()
    return lines, basis
