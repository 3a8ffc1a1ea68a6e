"""PURE. What is given to `execute`: SQLAlchemy's statements to touches; text goes on to sql.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from branchmig.effects.change import UNKNOWN_SQL
from branchmig.effects.footprint.core_sql import core_sql
from branchmig.effects.footprint.element_changes import object_change, on_table, rows_change, table_changes
from branchmig.effects.footprint.elements import add_table, enum_of
from branchmig.effects.footprint.model import DbObject, Kind, Opaque
from branchmig.effects.footprint.record import Record, TableName, Unreadable
from branchmig.effects.footprint.values import (
    UNKNOWN,
    Built,
    Ref,
    columns_in,
    declared_columns,
    is_known,
    plain_text,
    schema_of,
    table_of,
    tables_in,
)
from branchmig.effects.sql_changes import changes_in
from branchmig.effects.sql_words import shortened

_DDL_ELEMENTS: dict[str, tuple[str, Kind]] = {
    "CreateSchema": ("create", "schema"),
    "DropSchema": ("drop", "schema"),
    "CreateSequence": ("create", "sequence"),
    "DropSequence": ("drop", "sequence"),
    "CreateTable": ("create", "table"),
    "DropTable": ("drop", "table"),
}
_WRITES = {"insert": "inserts rows into", "update": "updates", "delete": "deletes rows from"}


def execute(value: object, record: Record, parameters: tuple[object, ...] = ()) -> None:
    """Note what running a statement, with some parameters, touches. Raises Unreadable where it is computed."""
    if isinstance(value, str):
        _execute_text(value, record, _bound(parameters))
        return
    links = list(_links(value))
    if not links:
        raise Unreadable("the statement is computed")
    root = links[0]
    if root.name in {"text", "DDL"}:
        bound = [link.arguments.keywords for link in links if link.name == "bindparams"]
        execute(root.arguments.first("text"), record, (*parameters, *bound))
    elif root.name in _DDL_ELEMENTS:
        _define(root, record)
    elif root.name in _WRITES:
        _write(root, links, record, parameters)
    elif root.name in {"select", "exists", "with_only_columns"}:
        _note_reads([part for link in links for part in link.arguments.all()], None, "", record)
    elif isinstance(root.function, Ref) and root.function.path.startswith("sqlalchemy.func."):
        raise Unreadable(f"the function {root.name} is called")
    else:
        raise Unreadable("the statement is computed")


def _bound(parameters: tuple[object, ...]) -> dict[str, str]:
    """Return the values of parameters that are known, as SQL; there are none where a statement runs for many rows."""
    given = [row for row in parameters if isinstance(row, Mapping)]
    # Those of a driver have numbers instead of names; a tuple of rows has no values for one statement.
    given += [dict(enumerate(row)) for row in parameters if isinstance(row, tuple) and is_known(row)]
    return {str(name): core_sql(value) for row in given for name, value in row.items()}


def _execute_text(text: str, record: Record, parameters: Mapping[str, str]) -> None:
    for item in changes_in(text, parameters):
        if isinstance(item, str):
            record.unread.append(Opaque(record.line, f"SQL that cannot be read: {shortened(item)}"))
        else:
            record.change(item)
    if not record.parses_sql:
        return
    # Imported when there is SQL to read: sqlglot takes 0.1 s.
    from branchmig.effects.footprint import sql

    try:
        sql.read(text, record)
    except Unreadable as reason:
        raise Unreadable(reason.what, has_changes=True) from reason


def define(action: str, built: Built, arguments: object, record: Record) -> bool:
    """Note what `mood.create(bind)` or `.drop(bind)` touches; return whether that is known."""
    tolerant = () if arguments is False else ("tolerant",)
    if built.name in {"Enum", "ENUM"}:
        obj = enum_of(built)
    elif built.name in {"Sequence", "Index"}:
        name = plain_text(built.arguments.first("name"))
        schema = schema_of(built.arguments.keywords.get("schema"))
        kind: Kind = "sequence" if built.name == "Sequence" else "index"
        obj = None if name is None else DbObject(kind, name, None, schema)
    else:
        return _define_table(action, built, tolerant, record)
    if obj is None:
        return False
    _note(action, obj, record, *tolerant)
    return True


def _note(action: str, obj: DbObject, record: Record, *tolerant: str) -> None:
    record.touch(obj, "create" if action == "create" else "drop", f"{action}s {obj}", *tolerant)
    made = object_change(action, obj.kind, obj.name, obj.schema)
    if made is not None:
        record.change(made)


def _define_table(action: str, built: Built, tolerant: tuple[str, ...], record: Record) -> bool:
    table = table_of(built)
    if table is None:
        return False
    if action == "create":
        add_table(record, table, built.arguments.positional[1:], *tolerant)
        for change in table_changes(table, built.arguments.positional[1:], *tolerant):
            record.change(change)
    else:
        record.touch(table.object, "drop", f"drops table {table}", *tolerant)
        record.change(on_table("drop-table", f"drops table {table}", table, table.name))
    return True


def _define(root: Built, record: Record) -> None:
    action, kind = _DDL_ELEMENTS[root.name]
    given = root.arguments.first("element")
    option = root.arguments.keywords.get("if_not_exists" if action == "create" else "if_exists", False)
    name = plain_text(given)
    if not isinstance(given, Built) and name is not None:
        _note(action, DbObject(kind, name), record, *(["tolerant"] if option else []))
    elif not isinstance(given, Built) or not define(action, given, option, record):
        raise Unreadable(f"the {kind} is computed")


def _links(value: object) -> Iterator[Built]:
    """Yield the calls of a chain, first to last: `users.update().where(…).values(…)`."""
    chain: list[Built] = []
    while isinstance(value, Built) and table_of(value) is None:
        chain.append(value)
        value = value.base
    yield from reversed(chain)


def _write(root: Built, links: list[Built], record: Record, parameters: tuple[object, ...]) -> None:
    """Note rows that a Core statement writes, and what it reads for that."""
    given = root.arguments.first("table") if isinstance(root.function, Ref) else root.base
    table = table_of(given)
    if table is None:
        raise Unreadable(f"the table of its {root.name} is computed")
    columns, others = _assignments(links)
    rows = [_keys(parameter) for parameter in parameters]
    if root.name == "insert" or (root.name == "update" and not columns):
        columns = _merged([columns, *rows])
    if root.name == "insert" and columns is None:
        columns = declared_columns(given)
    elif root.name == "update" and not columns:
        columns = None
    over = f" ({', '.join(columns)})" if columns else ""
    what = f"{_WRITES[root.name]} {table}{over}"
    record.write(table, root.name, columns, what)
    record.change(rows_change(root.name, table, columns, what, _condition(links, table), _new_values(links)))
    for link in links:
        if link.name in _UPSERTS:
            record.write(table, "update", _upserted(link), f"updates {table}")
            record.changes[-1] = replace(record.changes[-1], flags=frozenset({"upsert"}))
    _note_reads(others, table, what, record)


def _condition(links: list[Built], table: TableName) -> str | None:
    """Return the WHERE of a Core statement; UNKNOWN_SQL where it reads other tables or computed values."""
    parts = [part for link in links if link.name in ("where", "filter") for part in link.arguments.all()]
    if not any(link.name in ("where", "filter") for link in links):
        return None
    if any(other != table for part in parts for other in tables_in(part)):
        return UNKNOWN_SQL
    return " AND ".join(map(core_sql, parts)) or UNKNOWN_SQL


def _new_values(links: list[Built]) -> dict[str, str]:
    """Return what the values of an UPDATE are, by column, as far as they are known."""
    found: dict[str, str] = {}
    for link in links:
        if link.name == "values":
            rows = [row for row in link.arguments.positional if isinstance(row, dict)]
            pairs = [*link.arguments.keywords.items(), *(pair for row in rows for pair in row.items())]
            found |= {name: core_sql(value) for key, value in pairs if (name := _column_name(key)) is not None}
    return found


def note_insert(record: Record, table: TableName, given: object, rows: tuple[object, ...]) -> None:
    """Note the rows of op.bulk_insert: the keys that they have, else every column that the table declares."""
    columns = _merged(map(_keys, rows)) or declared_columns(given)
    record.write(table, "insert", columns, f"inserts rows into {table}")


_UPSERTS = frozenset({"on_conflict_do_update", "on_duplicate_key_update"})


def _upserted(link: Built) -> tuple[str, ...] | None:
    """Return the columns that an insert updates where a row is there already."""
    if link.name == "on_conflict_do_update":
        return _keys(link.arguments.keywords.get("set_", UNKNOWN))
    if link.arguments.positional:
        return _keys(link.arguments.first())
    return None if link.arguments.is_open else tuple(link.arguments.keywords)


def _assignments(links: list[Built]) -> tuple[tuple[str, ...] | None, list[object]]:
    """Return the columns that `.values(…)` and the like set, None where that may be any; and all other values."""
    columns: list[tuple[str, ...] | None] = []
    others: list[object] = []
    for at, link in enumerate(links):
        if link.name not in {"values", "ordered_values", "from_select"}:
            others += [*link.arguments.all()] if at else []
            continue
        given = link.arguments.positional
        if link.name == "from_select":
            others += given[1:]
            columns.append(_names(link.arguments.first("names")))
            continue
        if link.name == "ordered_values":
            given = tuple(dict([item]) if isinstance(item, tuple) and len(item) == 2 else UNKNOWN for item in given)
        others += [*link.arguments.keywords.values(), *_values_of(given)]
        columns += [tuple(link.arguments.keywords), *map(_keys, given), *([None] if link.arguments.is_open else [])]
    return _merged(columns), others


def _keys(rows: object) -> tuple[str, ...] | None:
    """Return the columns that a row, or some rows, have values for, by the keys; None if not all are known."""
    if isinstance(rows, dict):
        return _names(tuple(rows))
    # Rows without keys have a value for each column: which ones, only the table says.
    return _merged(map(_keys, rows)) if isinstance(rows, tuple) else None


def _names(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, tuple):
        return None
    return _merged([None if (name := _column_name(item)) is None else (name,) for item in value])


def _values_of(rows: object) -> Iterator[object]:
    """Yield the values in some rows."""
    if isinstance(rows, dict):
        yield from rows.values()
    elif isinstance(rows, tuple):
        for row in rows:
            yield from _values_of(row)


def _merged(columns: Iterable[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """Return all columns, each once; None if one of the lists is."""
    found: dict[str, None] = {}
    for some in columns:
        if some is None:
            return None
        found |= dict.fromkeys(some)
    return tuple(found)


def _column_name(key: object) -> str | None:
    named = next(columns_in(key), None)
    return named[1] if named else plain_text(key)


def _note_reads(parts: list[object], own: TableName | None, what: str, record: Record) -> None:
    """Note the tables and columns in some values as read; of the table that is written, the columns alone."""
    seen: dict[TableName, list[str]] = {table: [] for part in parts for table in tables_in(part)}
    for part in parts:
        for table, column in columns_in(part):
            seen.setdefault(table, []).append(column)
    for table, columns in seen.items():
        if table == own:
            for column in dict.fromkeys(columns):
                record.touch(table.part("column", column), "read", what)
        else:
            record.read(table, dict.fromkeys(columns), what or f"reads {table}")
