"""Runs what the models of some code say on a scratch database: SELECT, INSERT, UPDATE and DELETE of each table.

All of it happens in savepoints that are rolled back. What fails though the values suit the schema is a break; where no
values can be found that suit it, the table is unchecked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice, product
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.sql import Executable

from branchmig.database.run.failures import summary
from branchmig.database.run.retryable_errors import sqlstate
from branchmig.database.trial.seeding import SPARE, made_up_rows, made_up_value

MOST_TRIES = 40  # rows that are tried for one table whose checks nobody can guess

_OF_VALUES = {"23505", "23503", "23514", "23P01"}
"""SQLSTATE of PostgreSQL: unique, foreign key, check, exclusion. They say something of values, not of the code."""
_NUMBERS_OF_VALUES = {1062, 1169, 1216, 1217, 1451, 1452, 1557, 1586, 3819, 4025}
_SQLITE_OF_VALUES = re.compile(r"\b(UNIQUE|FOREIGN KEY|CHECK) constraint failed|PRIMARY KEY must be unique")
_LITERAL = re.compile(r"'((?:[^']|'')*)'|(?<![\w.])(-?\d+(?:\.\d+)?)(?![\w.])")


@dataclass(frozen=True, slots=True)
class Break:
    """A statement of the code that fails on the schema."""

    table: str
    column: str | None
    statement: str
    error: str


@dataclass
class Trial:
    """What was found. `unchecked` are tables, with the statement, for which branchmig cannot tell, and why."""

    breaks: list[Break] = field(default_factory=list)
    unchecked: list[tuple[str, str, str]] = field(default_factory=list)
    tables: int = 0


def tried(connection: Connection, metadatas: Sequence[sa.MetaData], version_tables: Any) -> Trial:
    """Run the statements of every table of some metadata; the database is left with rows made up for it."""
    trial = Trial()
    _let_begin(connection)
    _make_transactional(connection)
    labels = {
        ((table.schema, table.name), column.name): column.type.enums
        for metadata in metadatas
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, sa.Enum)
    }
    made_up_rows(labels).fill(connection, version_tables)
    inspector = sa.inspect(connection)
    for metadata in metadatas:
        for table in sorted(metadata.tables.values(), key=str):
            if (table.schema, table.name) not in version_tables:
                trial.tables += 1
                _Table(connection, inspector, table, trial).run()
    connection.rollback()
    return trial


def _let_begin(connection: Connection) -> None:
    """Let SQLite's savepoints lie in a transaction: its driver begins none before them."""
    if connection.dialect.name == "sqlite":
        sa.event.listen(connection.engine, "begin", lambda own: own.exec_driver_sql("BEGIN"))
        connection.connection.driver_connection.isolation_level = None  # type: ignore[union-attr]  # sqlite3's own


def _make_transactional(connection: Connection) -> None:
    """Change tables of MariaDB and MySQL to InnoDB: other engines refuse savepoints."""
    if connection.dialect.name not in ("mysql", "mariadb"):
        return
    quoted = connection.dialect.identifier_preparer.quote_identifier
    asked = (
        "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() "
        "AND table_type = 'BASE TABLE' AND engine <> 'InnoDB'"
    )
    for name in connection.exec_driver_sql(asked).scalars().all():
        connection.exec_driver_sql(f"ALTER TABLE {quoted(name)} ENGINE = InnoDB")


class _Table:
    """One table of the code, and what the schema has under its name."""

    def __init__(self, connection: Connection, inspector: sa.Inspector, table: Table, trial: Trial) -> None:
        self._connection, self._table, self._trial = connection, table, trial
        self._label = f"{table.schema}.{table.name}" if table.schema else table.name
        name, schema = table.name, table.schema
        self._there: dict[str, Any] = {}
        self._keys: list[tuple[list[str], sa.TableClause, list[str]]] = []
        self._checks: list[str] = []
        try:
            self._there = {entry["name"]: entry for entry in inspector.get_columns(name, schema=schema)}
            for key in inspector.get_foreign_keys(name, schema=schema):
                other = sa.table(
                    key["referred_table"], *map(sa.column, key["referred_columns"]), schema=key["referred_schema"]
                )
                self._keys.append((key["constrained_columns"], other, key["referred_columns"]))
            self._checks = [check["sqltext"] for check in inspector.get_check_constraints(name, schema=schema)]
        except (SQLAlchemyError, NotImplementedError):
            self._checks = []

    def run(self) -> None:
        """Run everything."""
        self._select()
        written = [column for column in self._table.columns if _is_written(column)]
        needed = {
            column.name: self._value(column)
            for column in written
            if not column.nullable and column.default is None and column.server_default is None
        }
        as_orm = needed | {
            column.name: None
            for column in written
            if column.nullable and column.default is None and column.server_default is None and not column.primary_key
        }
        every = {column.name: self._value(column) for column in written}
        missing = [name for name, value in needed.items() if value is None]
        if missing:
            self._note_unchecked("INSERT", f"no value can be made up for {', '.join(missing)}")
            self._update(None)
            return
        with self._savepoint():
            self._insert(needed)
        with self._savepoint():
            self._insert(as_orm)
        with self._savepoint():
            row = self._insert({name: value for name, value in every.items() if value is not None})
            self._update(row)
            self._delete(row)

    def _select(self) -> None:
        statement = sa.select(self._table).limit(1)
        error = self._failure(statement)
        if error is not None:
            self._break(statement, error, [sa.select(column).limit(1) for column in self._table.columns])

    def _insert(self, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """Insert a row; return what it has, None where it is not there."""
        error: SQLAlchemyError | None = None
        statement: Any = None
        for attempt in self._attempts(values):
            statement = self._table.insert().values(attempt)
            found = self._failure(statement, keeps=True)
            if found is None:
                return attempt
            error = found if error is None or not _is_of_values(found) else error
            if not _is_of_values(found):
                break
        if error is not None and not _is_of_values(error):
            self._break(statement, error)
        elif error is not None:
            self._note_unchecked("INSERT", f"no row was found that suits it: {summary(error)}")
        return None

    def _attempts(self, values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the values with keys that are there, then with others that the checks name."""
        base = {**values, **self._key_values(values)}
        yield base
        options: dict[str, list[Any]] = {}
        for name in base:
            known = self._table.columns[name].type
            about = [check for check in self._checks if re.search(rf"\b{re.escape(name)}\b", check)]
            found = [value for check in about for value in _literals(check, known)]
            if found:
                options[name] = [base[name], *dict.fromkeys(found)]
        for chosen in islice(product(*options.values()), 1, MOST_TRIES):
            yield {**base, **dict(zip(options, chosen, strict=True))}

    def _key_values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values for foreign keys: those of a row that is there, if possible one that nobody refers to yet."""
        found: dict[str, Any] = {}
        for columns, other, names in self._keys:
            if any(values.get(column) is None for column in columns):
                continue
            wanted = sa.select(*(other.c[name] for name in names))
            own = sa.table(self._table.name, *map(sa.column, columns), schema=self._table.schema)
            taken = sa.exists().where(*(own.c[a] == other.c[b] for a, b in zip(columns, names, strict=True)))
            rows: Any = None
            for statement in (wanted.where(~taken).limit(1), wanted.limit(1)):
                with self._savepoint():
                    try:
                        rows = self._connection.execute(statement).first()
                    except SQLAlchemyError:
                        rows = None
                if rows is not None:
                    break
            if rows is not None:
                found |= dict(zip(columns, rows, strict=True))
        return {name: value for name, value in found.items() if name in values}

    def _place(self, row: Mapping[str, Any]) -> Any:
        keys = [column for column in self._table.primary_key.columns if row.get(column.name) is not None]
        given = keys if keys and len(keys) == len(self._table.primary_key.columns) else None
        if given is not None:
            return sa.and_(*(column == row[column.name] for column in given))
        comparable = [
            self._table.c[name]
            for name, value in row.items()
            if isinstance(value, (str, int)) and not isinstance(self._table.c[name].type, (sa.JSON, sa.ARRAY))
        ]
        return sa.and_(sa.true(), *(column == row[column.name] for column in comparable))

    def _update(self, row: Mapping[str, Any] | None) -> None:
        """Set each column of a row as it is; without a row of its own, of all rows that are there."""
        columns = [column for column in self._table.columns if _is_written(column) and not column.primary_key]
        place = sa.true() if row is None else self._place(row)
        values = {column.name: (row or {}).get(column.name, column) for column in columns}
        if not values:
            return
        statement = self._table.update().where(place).values(values)
        error = self._failure(statement)
        if error is not None and not _is_of_values(error):
            self._break(statement, error, [self._table.update().where(place).values({n: values[n]}) for n in values])
        elif error is not None:
            self._note_unchecked("UPDATE", f"no row was found that suits it: {summary(error)}")

    def _delete(self, row: Mapping[str, Any] | None) -> None:
        statement = self._table.delete().where(sa.false() if row is None else self._place(row))
        error = self._failure(statement)
        if error is not None and not _is_of_values(error):
            self._break(statement, error)
        elif error is not None:
            self._note_unchecked("DELETE", summary(error))

    def _failure(self, statement: Executable, *, keeps: bool = False) -> SQLAlchemyError | None:
        """Run a statement in a savepoint, which it `keeps` if it succeeds; return why it fails."""
        point = self._connection.begin_nested()
        try:
            result = self._connection.execute(statement)
            if result.returns_rows:
                result.fetchall()
        except Exception as error:  # a type or a default of the code may raise anything
            point.rollback()
            return error if isinstance(error, SQLAlchemyError) else SQLAlchemyError(f"{type(error).__name__}: {error}")
        if keeps:
            point.commit()
        else:
            point.rollback()
        return None

    def _break(self, statement: Any, error: SQLAlchemyError, alone: Sequence[Executable] = ()) -> None:
        """Note a break, or one for each column that fails alone; what the database has not refused is unchecked."""
        word = type(statement).__name__.upper()
        if not isinstance(error, DBAPIError):
            self._note_unchecked(word, f"the code's own types refuse the values: {summary(error)}")
            return
        if self._there:
            failing = [(each, found) for each in alone if isinstance(found := self._failure(each), DBAPIError)]
            if failing and len(failing) < len(alone):
                for each, found in failing:
                    self._note(word, each, found)
                return
        self._note(word, statement, error)

    def _note(self, word: str, statement: Any, error: DBAPIError) -> None:
        text = " ".join(str(error.statement or statement).split())
        names = [*self._table.columns.keys(), *self._there]
        found = Break(self._label, _column_of(error, names) if self._there else None, text[:300], summary(error))
        same = (found.table, found.column, word)
        if all((known.table, known.column, known.statement.split(" ")[0]) != same for known in self._trial.breaks):
            self._trial.breaks.append(found)

    def _note_unchecked(self, word: str, reason: str) -> None:
        if all(known[:2] != (self._label, word) for known in self._trial.unchecked):
            self._trial.unchecked.append((self._label, word, reason))

    @contextmanager
    def _savepoint(self) -> Iterator[None]:
        """Roll back what the block does."""
        point = self._connection.begin_nested()
        try:
            yield
        finally:
            if point.is_active:
                point.rollback()

    def _value(self, column: sa.Column[Any]) -> Any:
        """Return a value for a column that suits the code, and the schema as far as it can."""
        there = self._there.get(column.name)
        kind = column.type
        if there is not None:
            if isinstance(there["type"], sa.Enum) and isinstance(kind, sa.String) and not isinstance(kind, sa.Enum):
                kind = there["type"]
            elif isinstance(there["type"], sa.Enum) and isinstance(kind, sa.Enum):
                both = [label for label in kind.enums if label in there["type"].enums]
                return (both or kind.enums)[0]
        value = made_up_value(kind, SPARE)
        lengths = [getattr(each, "length", None) for each in (kind, there["type"] if there else None)]
        short = min((length for length in lengths if isinstance(length, int)), default=None)
        return value[:short] if isinstance(value, str) and short and not isinstance(kind, sa.Enum) else value


def _is_written(column: sa.Column[Any]) -> bool:
    """Return whether code gives a value: not to what the database counts or computes."""
    if column.computed is not None or (column.identity is not None and column.identity.always):
        return False
    return column is not column.table._autoincrement_column or bool(column.foreign_keys)


def _is_of_values(error: SQLAlchemyError) -> bool:
    """Return whether a constraint has refused the values, which others might satisfy."""
    cause: Any = getattr(error, "orig", None)
    number = cause.args[0] if cause is not None and cause.args else None
    if isinstance(number, int):
        return number in _NUMBERS_OF_VALUES
    state = sqlstate(cause)
    if state is not None:
        return state in _OF_VALUES
    return _SQLITE_OF_VALUES.search(str(cause)) is not None


def _column_of(error: DBAPIError, names: Sequence[str]) -> str | None:
    """Return the column that an error names."""
    named = getattr(getattr(error.orig, "diag", None), "column_name", None)
    if named:
        return str(named)
    text = str(error.orig)
    quoted = [name for name in names if re.search(rf"[\"'`.]{re.escape(name)}[\"'`]", text)]
    plain = [name for name in names if re.search(rf"(?<![\w]){re.escape(name)}(?!\w)", text)]
    return next(iter(quoted or sorted(plain, key=len, reverse=True)), None)


def _literals(check: str, kind: Any) -> Iterator[Any]:
    """Yield values that a check mentions, and those beside its numbers, as a type has them."""
    try:
        wanted = kind.python_type
    except NotImplementedError:
        return
    for text, number in _LITERAL.findall(check):
        if wanted is str and not number:
            yield text.replace("''", "'").replace("%", "x").replace("_", "x") if "LIKE" in check.upper() else text
        elif wanted is str and number and number.isdigit() and int(number) < 10_000:
            yield "7" * int(number)
        elif (number and wanted in (int, float)) or (number and wanted.__name__ == "Decimal"):
            yield from (wanted(float(number)) + step for step in (0, 1, -1))
