"""Puts rows into a base, so that data migrations have rows to change: from a file, or made for the schema."""

from __future__ import annotations

import datetime
import decimal
import uuid
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.mysql import TINYINT
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.exc import SAWarning, SQLAlchemyError

from branchmig.database.run import failures
from branchmig.database.trial.reflection import schemas_of
from branchmig.effects.dialects import dialect_kind
from branchmig.effects.sql_statements import split_statements
from branchmig.errors import RevisionFileError

Table = tuple[str | None, str]

ROWS_EACH = 3
SPARE = ROWS_EACH  # the number of a row that is not among those which fill a base
FIRST_NUMBER = 9001  # high, so that a migration that inserts ids 1, 2, 3 still can; within SMALLINT


@dataclass(frozen=True, slots=True)
class Seed:
    """How to fill a base, and what it says of that."""

    fill: Callable[[Connection, Collection[Table]], str]
    """Fills the tables and returns what they hold now: "rows made up for 3 tables". Not the version tables."""
    is_made_up: bool


def no_seed() -> Seed:
    """Leave the base as its revisions made it."""
    return Seed(lambda connection, version_tables: "tables that only the revisions filled", is_made_up=False)


def made_up_rows(labels: Mapping[tuple[Table, str], Sequence[str]] | None = None) -> Seed:
    """Make a few rows for each table of the base: the same ones each time.

    `labels` are the only values that some text columns may have, by table and column: an Enum of the models, say.
    """
    return Seed(lambda connection, version_tables: _fill(connection, version_tables, labels or {}), is_made_up=True)


def seed_file(path: Path) -> Seed:
    """Run an SQL file on the base. Raises RevisionFileError for a file that cannot be read or does not run."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RevisionFileError(f"seed {path} cannot be read: {failures.summary(error)}", "--seed FILE.sql") from error

    def fill(connection: Connection, _: Collection[Table]) -> str:
        own = connection.execution_options(no_parameters=True)
        is_mysql = dialect_kind(connection.dialect.name) == "mysql"
        for statement in split_statements(text, has_backslash_escapes=is_mysql):
            try:
                own.exec_driver_sql(statement)
            except SQLAlchemyError as error:
                shown = " ".join(statement.split())[:200]
                raise RevisionFileError(
                    f"seed {path} does not run on the base: {failures.summary(error)}",
                    "its statements meet the schema as it is below both sides",
                    [f"SQL: {shown}"],
                ) from error
        connection.commit()
        return f"the rows of {path.name}"

    return Seed(fill, is_made_up=False)


def _fill(
    connection: Connection, version_tables: Collection[Table], labels: Mapping[tuple[Table, str], Sequence[str]]
) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)
        tables = _tables(connection, version_tables)
    for table in tables:
        for column in table.columns:
            own = labels.get((table.key, column["name"]))
            if own and isinstance(column["type"], sa.String) and not isinstance(column["type"], sa.Enum):
                column["type"] = sa.Enum(*own, native_enum=False)
    filled: dict[Table, list[dict[str, Any]]] = {}
    for table in tables:
        rows = table.rows(filled)
        if rows and _insert(connection, table, rows):
            filled[table.key] = rows
    if not tables:
        return "no rows, since there is no table yet to put them into"
    number = f"{len(filled)} table{'' if len(filled) == 1 else 's'}"
    left_out = len(tables) - len(filled)
    return f"rows made up for {number}" + (f", {left_out} left empty" if left_out else "")


def _insert(connection: Connection, table: _Table, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Insert rows; where a check or a trigger that nobody can guess objects, leave the table as it was."""
    target = sa.table(
        table.key[1], *(sa.column(entry["name"], entry["type"]) for entry in table.columns), schema=table.key[0]
    )
    try:
        connection.execute(target.insert(), list(rows))
        connection.commit()
    except Exception:  # drivers raise errors of their own for values that they cannot bind
        connection.rollback()
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Table:
    key: Table
    columns: tuple[ReflectedColumn, ...]
    keys: Mapping[str, tuple[Table, str]]
    """Columns that refer to another table's column."""

    def rows(self, filled: Mapping[Table, list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """Return the rows to insert; none where a column must have a value that cannot be made up."""
        rows = []
        for number in range(ROWS_EACH):
            row = {}
            for column in self.columns:
                value = self._value(column, number, filled)
                if value is not None:
                    row[column["name"]] = value
                elif not column["nullable"] and column["default"] is None:
                    return []
            rows.append(row)
        # One statement inserts them all: each must have the same columns.
        return rows if all(row.keys() == rows[0].keys() for row in rows) and rows[0] else []

    def _value(self, column: ReflectedColumn, number: int, filled: Mapping[Table, list[dict[str, Any]]]) -> Any:
        if column["name"] in self.keys:
            table, other = self.keys[column["name"]]
            return filled[table][number].get(other) if table in filled else None
        return made_up_value(column["type"], number)


def _tables(connection: Connection, version_tables: Collection[Table]) -> list[_Table]:
    """Return the tables that rows are made for, referred-to ones first."""
    inspector = sa.inspect(connection)
    found = {}
    for schema in schemas_of(connection):
        keys = inspector.get_multi_foreign_keys(schema=schema)
        for table, columns in inspector.get_multi_columns(schema=schema).items():
            if table not in version_tables:
                found[table] = _Table(
                    table, tuple(entry for entry in columns if _is_writable(entry)), _references(keys.get(table, ()))
                )
    return _sorted(found)


def _is_writable(column: ReflectedColumn) -> bool:
    identity = column.get("identity")
    return not column.get("computed") and (identity is None or not identity.get("always"))


def _references(keys: Sequence[Any]) -> dict[str, tuple[Table, str]]:
    return {
        column: ((key["referred_schema"], key["referred_table"]), other)
        for key in keys
        for column, other in zip(key["constrained_columns"], key["referred_columns"], strict=False)
    }


def _sorted(tables: Mapping[Table, _Table]) -> list[_Table]:
    """Sort tables so that what others refer to comes first; in a circle by name. Long chains must not recurse."""
    waiting = {
        key: {other for other, _ in table.keys.values() if other in tables and other != key}
        for key, table in sorted(tables.items(), key=lambda item: (item[0][0] or "", item[0][1]))
    }
    done: list[_Table] = []
    while waiting:
        ready = [key for key, needed in waiting.items() if not needed & waiting.keys()] or [next(iter(waiting))]
        for key in ready:
            del waiting[key]
            done.append(tables[key])
    return done


def made_up_value(kind: Any, number: int) -> Any:
    """Return the value of row `number`, up to SPARE, for a column of a type; None where none can be made up."""
    if isinstance(kind, sa.Enum):
        return kind.enums[number % len(kind.enums)] if kind.enums else None
    if isinstance(kind, sa.JSON):
        return {"number": number}
    if isinstance(kind, sa.ARRAY):
        return []
    if isinstance(kind, TINYINT):
        return number % 2  # MySQL's boolean; 9001 would not fit in either
    if isinstance(kind, sa.Numeric) and not isinstance(kind, sa.Float):
        return decimal.Decimal(number + 1)
    try:
        python_type = kind.python_type
    except NotImplementedError:
        return None
    if isinstance(kind, sa.Uuid) and not kind.as_uuid:
        return str(uuid.UUID(int=number + 1))
    if python_type is str:
        # Upper and lower case, and different from the first letter on, for columns that are short and unique.
        return f"{'aBcD'[number]} Row {number + 1}"[: kind.length or None]
    return _SIMPLE.get(python_type, (None,) * (SPARE + 1))[number]


_DAY = datetime.datetime(2001, 2, 3, 4, 5, 6)
_SIMPLE: dict[Any, tuple[Any, ...]] = {
    int: tuple(FIRST_NUMBER + number for number in range(SPARE + 1)),
    float: (0.5, 1.5, 2.5, 3.5),
    bool: (True, False, True, False),
    bytes: (b"a", b"b", b"c", b"d"),
    datetime.datetime: tuple(_DAY + datetime.timedelta(days=number) for number in range(SPARE + 1)),
    datetime.date: tuple((_DAY + datetime.timedelta(days=number)).date() for number in range(SPARE + 1)),
    datetime.time: tuple(datetime.time(number, 30) for number in range(SPARE + 1)),
    datetime.timedelta: tuple(datetime.timedelta(hours=number + 1) for number in range(SPARE + 1)),
    uuid.UUID: tuple(uuid.UUID(int=number + 1) for number in range(SPARE + 1)),
}
