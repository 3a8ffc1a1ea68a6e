"""INSERTs into branchmig's own tables, compiled once: SQLAlchemy takes as long for each as the server does."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection, Dialect, Table


class PlainInsert:
    """The text of an INSERT of one row with some columns, and what a driver takes for the values of a row."""

    def __init__(self, table: Table, dialect: Dialect, columns: tuple[str, ...]) -> None:
        self._table = table
        compiled: Any = table.insert().inline().compile(dialect=dialect, column_keys=columns)
        self.statement = str(compiled)
        self._order: tuple[str, ...] | None = tuple(compiled.positiontup) if compiled.positional else None
        found = [(name, table.c[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in columns]
        self._processors = [(name, process) for name, process in found if process is not None]

    def run(self, connection: Connection, row: dict[str, Any]) -> None:
        """Run it on a connection of SQLAlchemy's, with its transaction and its events."""
        connection.exec_driver_sql(self.statement, self._parameters(row))

    def run_at_once(self, own: Connection, row: dict[str, Any]) -> None:
        """Run it on a connection of our own, in AUTOCOMMIT, past SQLAlchemy. Raises SQLAlchemy's errors."""
        cursor = own.connection.cursor()
        try:
            cursor.execute(self.statement, self._parameters(row))
        except own.dialect.loaded_dbapi.Error:
            own.execute(self._table.insert(), row)  # fails again, with SQLAlchemy's error, which callers know
        finally:
            cursor.close()

    def _parameters(self, row: dict[str, Any]) -> Any:
        values = dict(row)
        for name, process in self._processors:
            values[name] = process(row[name])
        return values if self._order is None else tuple(values[name] for name in self._order)


@lru_cache(maxsize=16)
def plain_insert(table: Table, dialect: Dialect, columns: tuple[str, ...]) -> PlainInsert:
    """Return the INSERT; `table` has the schema that it is in, untranslated."""
    return PlainInsert(table, dialect, columns)
