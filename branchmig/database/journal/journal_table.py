"""The journal's table: made, brought up to date in place, checked before a run, written, and read where needed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from alembic.runtime.migration import MigrationContext
from sqlalchemy import (
    Column,
    Connection,
    Executable,
    MetaData,
    Select,
    String,
    Table,
    delete,
    false,
    func,
    inspect,
    literal,
    literal_column,
    select,
    text,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import TypeEngine

from branchmig.database.journal.plain_inserts import plain_insert
from branchmig.database.journal.types import LONG, MOMENT, NUMBER, as_json, from_json
from branchmig.database.run import failures
from branchmig.database.run.transactions import left_as_it_was, savepoint
from branchmig.effects.dialects import dialect_kind
from branchmig.effects.own_table_changes import JOURNAL, OURS
from branchmig.errors import EnvironmentFailed, JournalFailed
from branchmig.planning.journal_state import Entry

# What journals of older versions lack; each is made when the next run writes, and may be NULL.
_LATER: dict[str, TypeEngine[Any]] = {
    "message": String(255),
    "detail": LONG,
    "role": String(255),
    "deployed_by": String(255),
    "database_url": String(512),
    "database_id": String(255),
    "in_commit": NUMBER,
    "clone": String(32),
}
_Row = TypeVar("_Row")

PAGE = 1000
"""Entries that are in memory at once where all of a journal is read."""

_LENGTHS = {"version_table": 255, "git_commit": 64, "git_branch": 255, "who": 255, "host": 255, "tool": 64}
_LENGTHS |= {name: type_.length for name, type_ in _LATER.items() if isinstance(type_, String) and type_.length}
_FIELDS = tuple(field.name for field in fields(Entry))


@cache  # SQLAlchemy compiles a statement once for each table object
def journal_table(schema: str | None) -> Table:
    """Return the journal's table: one name everywhere, so that one line of a filter names it."""
    return Table(
        JOURNAL,
        MetaData(),
        Column("id", NUMBER, primary_key=True),
        Column("version_table", String(255), nullable=False),
        Column("revision", String(255), nullable=False),
        Column("direction", String(16), nullable=False),
        Column("started_at", MOMENT, nullable=False),
        Column("duration_ms", NUMBER, nullable=False),
        Column("git_commit", String(64)),
        Column("git_branch", String(255)),
        Column("blob", String(64)),
        Column("fingerprint", String(64)),
        Column("parents", LONG),
        Column("rows_after", LONG),
        Column("who", String(255)),
        Column("host", String(255)),
        Column("tool", String(64)),
        *(Column(name, type_) for name, type_ in _LATER.items()),
        schema=schema,
    )


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries somebody wants to see: ids by how they begin, times from `since` to before `until`."""

    revision: str = ""
    commit: str = ""
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None


def read_journal(context: MigrationContext) -> tuple[Entry, ...]:
    """Return the last entry of each revision of a version table, oldest first: what a plan needs of the journal.

    Creates nothing, and leaves the connection in no transaction that it was not in. Raises EnvironmentFailed where
    the table cannot be read.
    """
    table = journal_table(context.version_table_schema)
    return _read(context, _all(table).where(table.c.id.in_(_last_ids(context, table))).order_by(table.c.id))


def chosen_entries(context: MigrationContext, chosen: EntryFilter) -> tuple[Entry, ...]:
    """Return the entries that somebody wants to see, newest first. Raises EnvironmentFailed."""
    table = journal_table(context.version_table_schema)
    wanted = _all(table).where(table.c.version_table == context.version_table).order_by(table.c.id.desc())
    if chosen.revision:
        wanted = wanted.where(table.c.revision.startswith(chosen.revision, autoescape=True))
    if chosen.commit:
        wanted = wanted.where(table.c.git_commit.startswith(chosen.commit, autoescape=True))
    if chosen.since is not None:
        wanted = wanted.where(table.c.started_at >= chosen.since)
    if chosen.until is not None:
        wanted = wanted.where(table.c.started_at < chosen.until)
    return _read(context, wanted.limit(chosen.limit))


def dispensable_period(context: MigrationContext, until: datetime | None) -> tuple[int, tuple[datetime, ...]]:
    """Return how many entries from before `until` no plan needs, and the times of the first and the last, if any."""
    table = journal_table(context.version_table_schema)
    at = table.c.started_at
    wanted = select(func.count(), func.min(at), func.max(at)).where(
        table.c.version_table == context.version_table,
        table.c.id.not_in(_last_ids(context, table)),
        *(() if until is None else (at < until,)),
    )
    for number, *times in _rows(context, wanted, lambda row: tuple(row.values())):
        return number, tuple(time for time in times if time is not None)
    return 0, ()


def dispensable_pages(context: MigrationContext, until: datetime | None) -> Iterator[tuple[Entry, ...]]:
    """Yield the entries from before `until` that no plan needs, oldest first, some at a time: a journal may be long.

    Raises EnvironmentFailed.
    """
    table = journal_table(context.version_table_schema)
    needed = {entry.id for entry in read_journal(context)}
    own = _all(table).where(table.c.version_table == context.version_table).order_by(table.c.id).limit(PAGE)
    own = own if until is None else own.where(table.c.started_at < until)
    last = -1
    while read := _read(context, own.where(table.c.id > last)):
        last = read[-1].id
        if page := tuple(entry for entry in read if entry.id not in needed):
            yield page


def remove_entries(context: MigrationContext, ids: Sequence[int]) -> None:
    """Delete entries, in the connection's transaction."""
    assert context.connection is not None
    table = journal_table(context.version_table_schema)
    for start in range(0, len(ids), 500):
        context.connection.execute(delete(table).where(table.c.id.in_(ids[start : start + 500])))


def add_entries(context: MigrationContext, entries: Iterable[Entry], columns: Collection[str]) -> None:
    """Write entries, as far as the table has columns, in the connection's transaction. Raises JournalFailed."""
    connection = context.connection
    assert connection is not None
    table = journal_table(context.version_table_schema)
    there = journal_table(connection.schema_for_object(table))
    with writing(table):
        for entry in entries:
            row = row_of(entry, columns)
            plain_insert(there, connection.dialect, tuple(row)).run(connection, row)


def prepare_table(connection: Connection, table: Table, database: str | None = None) -> frozenset[str]:
    """Make the table, or the columns that an older version lacks; return the columns that it has.

    `database` is the session's current one, where that may be another than at first (MariaDB, MySQL). A role that may
    write and not alter leaves the columns out. Raises JournalFailed.
    """
    with writing(table):
        schema = connection.schema_for_object(table) or database
        if not inspect(connection).has_table(table.name, schema=schema):
            table.create(connection, checkfirst=False)
            return frozenset(table.c.keys())
        present = _columns(connection, table, schema)
        for name in [name for name in _LATER if name not in present]:
            _add_column(connection, table, name)
        return present if present.issuperset(_LATER) else _columns(connection, table, schema)


def check_writable(context: MigrationContext) -> None:
    """Raise JournalFailed where a run could not write its entries: asked before its first statement."""
    connection, table = context.connection, journal_table(context.version_table_schema)
    assert connection is not None
    if connection.dialect.name == "sqlite":
        return
    with left_as_it_was(connection), writing(table):
        if inspect(connection).has_table(table.name, schema=connection.schema_for_object(table)):
            _check_rights(connection, table)


@contextmanager
def writing(table: Table) -> Iterator[None]:
    """Name the journal, not the user's script, for what fails within the block."""
    try:
        yield
    except SQLAlchemyError as error:
        raise JournalFailed(
            f"the journal, table {table.fullname}, cannot be written: {failures.summary(error)}",
            f"GRANT SELECT, INSERT ON {table.fullname} to this role, or set journal = false",
        ) from error


def refuse_nothing(connection: Connection, table: Table) -> None:
    """Have the server check the right to insert, with a statement that inserts no row."""
    names = [column.name for column in table.columns if not column.nullable and column.name != "id"]
    nothing = select(*(literal(None).label(name) for name in names)).where(false())
    connection.execute(table.insert().from_select(names, nothing))


def _check_rights(connection: Connection, table: Table) -> None:
    if dialect_kind(connection.dialect.name) == "mysql":
        refuse_nothing(connection, table)
    if connection.dialect.name != "postgresql":
        return
    name = _full_name(connection, table)
    asked = text("SELECT has_table_privilege(:name, 'INSERT'), pg_get_serial_sequence(:name, 'id')")
    may_insert, sequence = connection.execute(asked, {"name": name}).one()
    if not may_insert:
        raise _denied(name, f"GRANT SELECT, INSERT ON {name} TO {{role}}", connection)
    if sequence is None:
        return
    if not connection.execute(text("SELECT has_sequence_privilege(:name, 'USAGE')"), {"name": sequence}).scalar():
        raise _denied(name, f"GRANT USAGE ON SEQUENCE {sequence} TO {{role}}", connection)
    last = text("SELECT pg_sequence_last_value(CAST(:name AS regclass))")
    used, highest = (
        connection.execute(last, {"name": sequence}).scalar(),
        connection.scalar(select(func.max(table.c.id))),
    )
    if highest is not None and (used or 0) < highest:
        raise JournalFailed(
            f"the journal, table {name}, cannot be written: its sequence {sequence} is behind its rows, as after a "
            f"restore: {used or 'unused'}, and the rows go up to {highest}",
            f"SELECT setval('{sequence}', (SELECT max(id) FROM {name}))",
        )


def _denied(name: str, grant: str, connection: Connection) -> JournalFailed:
    role = str(connection.scalar(text("SELECT quote_ident(current_user)")))
    return JournalFailed(
        f"the journal, table {name}, cannot be written: role {role} lacks a right", grant.format(role=role)
    )


def _add_column(connection: Connection, table: Table, name: str) -> None:
    type_ = _LATER[name].compile(connection.dialect)
    statement = f"ALTER TABLE {_full_name(connection, table)} ADD COLUMN {name} {type_} {OURS}"
    try:
        with savepoint(connection):
            connection.exec_driver_sql(statement)
    except SQLAlchemyError:
        return  # it may not be altered by this role, or another run was faster: entries are written without it


def _full_name(connection: Connection, table: Table) -> str:
    named = Table(table.name, MetaData(), schema=connection.schema_for_object(table))
    return connection.dialect.identifier_preparer.format_table(named)


def _columns(connection: Connection, table: Table, schema: str | None) -> frozenset[str]:
    found = inspect(connection).get_columns(table.name, schema=schema)
    return frozenset(str(column["name"]) for column in found)


def _all(table: Table) -> Select[Any]:
    """Select whatever columns the table has: an older version's lacks some."""
    return select(literal_column("*")).select_from(table)


def _last_ids(context: MigrationContext, table: Table) -> Select[Any]:
    own = (table.c.version_table == context.version_table) & (table.c.direction != "failed")
    return select(func.max(table.c.id)).where(own).group_by(table.c.revision)


def _read(context: MigrationContext, wanted: Select[Any]) -> tuple[Entry, ...]:
    return _rows(context, wanted, _entry)


def _rows(context: MigrationContext, wanted: Executable, made: Callable[[Any], _Row]) -> tuple[_Row, ...]:
    connection = context.connection
    if connection is None:
        return ()
    table = journal_table(context.version_table_schema)
    try:
        with left_as_it_was(connection):
            if not inspect(connection).has_table(table.name, schema=connection.schema_for_object(table)):
                return ()
            return tuple(made(row) for row in connection.execute(wanted).mappings())
    except (SQLAlchemyError, ValueError) as error:
        raise EnvironmentFailed(
            f"the journal, table {table.fullname}, cannot be read: {failures.summary(error)}",
            f"may this user read it? GRANT SELECT ON {table.fullname}; see docs/journal.md for how to do without",
        ) from error


def row_of(entry: Entry, columns: Collection[str]) -> dict[str, Any]:
    """Return an entry as a row, without what the table has no column for."""
    row = {name: getattr(entry, name) for name in _FIELDS if name != "id" and name in columns}
    row |= {"parents": as_json(entry.parents), "rows_after": as_json(entry.rows_after)}
    if "in_commit" in row:
        row["in_commit"] = None if entry.in_commit is None else int(entry.in_commit)
    return {name: _cut(value, _LENGTHS[name]) if name in _LENGTHS else value for name, value in row.items()}


def _entry(row: Any) -> Entry:
    known: dict[str, Any] = {name: value for name, value in row.items() if name in _FIELDS}
    if isinstance(known["started_at"], str):  # SQLite keeps times as text
        known["started_at"] = datetime.fromisoformat(known["started_at"])
    if known.get("in_commit") is not None:
        known["in_commit"] = bool(known["in_commit"])
    return Entry(**{**known, "parents": from_json(known["parents"]), "rows_after": from_json(known["rows_after"])})


def _cut(value: str | None, length: int) -> str | None:
    """Cut a name that nobody looks anything up by; what drivers cannot encode is shown as an escape."""
    if value is None:
        return None
    plain = value
    if not value.isascii() or "\0" in value:
        plain = value.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "")
    return plain if len(plain) <= length else f"{plain[: length - 1]}…"
