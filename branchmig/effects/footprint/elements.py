"""PURE. Columns, constraints, indexes and enum types, as SQLAlchemy's constructors spell them, to touches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from branchmig.effects.footprint.model import DbObject
from branchmig.effects.footprint.record import Record, TableName, Unreadable
from branchmig.effects.footprint.values import (
    Arguments,
    Built,
    LocalClass,
    Member,
    Mix,
    Ref,
    plain_text,
    schema_of,
    texts,
    words_in,
)

CONSTRAINTS = {
    "CheckConstraint": "check",
    "ExcludeConstraint": "exclude",
    "ForeignKeyConstraint": "foreign key",
    "PrimaryKeyConstraint": "primary key",
    "UniqueConstraint": "unique",
}


def add_table(record: Record, table: TableName, items: Iterable[object], *tolerant: str) -> None:
    """Note a new table with its columns, constraints, indexes and enum types."""
    record.touch(table.object, "create", f"creates table {table}", *tolerant)
    for item in items:
        if not isinstance(item, Built):
            continue
        with record.at(item.line):
            if item.name == "Column":
                add_column(record, table, item, is_new_table=True)
            elif item.name in CONSTRAINTS:
                _add_listed_constraint(record, table, item)
            elif item.name == "Index" and (name := plain_text(item.arguments.first("name"))):
                record.touch(table.part("index", name), "create", f"creates index {name} on {table}")


def add_column(record: Record, table: TableName, column: object, *tolerant: str, is_new_table: bool = False) -> None:
    """Note a new column, with the tables its foreign keys point to and the enum type it has.

    Raises Unreadable where its name is computed.
    """
    if not isinstance(column, Built) or column.name != "Column":
        raise Unreadable("the column is computed")
    name = plain_text(column.arguments.first("name"))
    if name is None:
        raise Unreadable("the column is computed")
    what = f"adds column {table}.{name}"
    record.touch(table.part("column", name), "create", what, *tolerant)
    if not is_new_table:
        record.use(table, what, *(["constraint"] if _rejects_rows(column.arguments) else []))
    for part in column.arguments.all():
        if isinstance(part, Built) and part.name in {"ForeignKey", "CheckConstraint"}:
            is_key = part.name == "ForeignKey"
            if is_key:
                _reference(record, [part.arguments.first("column")], f"{what}, which references", part.arguments)
            named = plain_text(part.arguments.keywords.get("name"))
            _constraint(record, table, named, "foreign key" if is_key else "check", what)
    types(record, column.arguments.all(), what, is_created=is_new_table)


def add_constraint(record: Record, table: TableName, name: str | None, kind: str, columns: Iterable[str]) -> None:
    """Note a new constraint over columns of a table that is there."""
    over = tuple(columns)
    listed = f" ({', '.join(over)})" if over and kind not in {"check", "exclude"} else ""
    what = " ".join(f"creates {_worded(kind)} {name or ''} on {table}{listed}".split())
    _constraint(record, table, name or (f"{kind}{listed}" if listed else None), kind, what)
    record.use(table, what, "constraint")
    record.use_columns(table, over, what, "constraint")


def add_index(
    record: Record, name: str | None, table: TableName, columns: Iterable[str], is_unique: bool, *how: str
) -> None:
    """Note a new index; `how` may say `tolerant`. A unique one refuses rows, as a constraint does."""
    over = tuple(columns)
    what = " ".join(f"creates {'unique ' if is_unique else ''}index {name or ''} on {table}".split())
    if name:
        record.touch(table.part("index", name), "create", what, *how)
    record.use(table, what, *(["constraint"] if is_unique else []))
    record.use_columns(table, over, what, "index")


def columns_of(value: object) -> tuple[str, ...]:
    """Return the columns that an index or a constraint lists; of an expression, the words that could be columns."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, tuple):
        return tuple(dict.fromkeys(column for item in value for column in columns_of(item)))
    if isinstance(value, Member):
        return (value.name,)
    if isinstance(value, Built) and value.name in {"column", "Column"}:
        return texts(value.arguments.first("text")) or ()
    return words_in(value)


def types(record: Record, values: Iterable[object], what: str, *, is_created: bool) -> None:
    """Note the enum types in some values.

    create_table makes them on PostgreSQL unless they say create_type=False; add_column and alter_column only
    need them to be there.
    """
    for built in _enums(values):
        obj = enum_of(built)
        if obj is None:
            continue
        if is_created and built.arguments.keywords.get("create_type") is not False:
            record.touch(obj, "create", f"creates {obj}")
        else:
            record.touch(obj, "use", f"{what}, of {obj}")


def enum_of(built: Built) -> DbObject | None:
    """Return the type that an Enum makes; None for one without a name, or one that is text with a check."""
    if built.arguments.keywords.get("native_enum") is False:
        return None
    name = plain_text(built.arguments.keywords.get("name"))
    if name is None:
        # SQLAlchemy names the type after the class, in small letters.
        given = built.arguments.first("enum")
        name = given.name.lower() if isinstance(given, Ref | LocalClass) else None
    schema = schema_of(built.arguments.keywords.get("schema"))
    return None if name is None else DbObject("type", name, None, schema)


def _enums(values: Iterable[object]) -> Iterator[Built]:
    for value in values:
        if isinstance(value, Built):
            if value.name in {"Enum", "ENUM"}:
                yield value
            else:
                yield from _enums((value.base, *value.arguments.all()))
        elif isinstance(value, Mix):
            yield from _enums(value.parts)


def _worded(kind: str) -> str:
    return f"{kind} constraint" if kind in {"unique", "check", "exclude"} else kind


def _rejects_rows(column: Arguments) -> bool:
    """Return whether rows written without this column fail: it is NOT NULL and has no default."""
    is_filled = any(column.keywords.get(key) is not None for key in ("server_default", "identity"))
    is_filled |= any(isinstance(part, Built) and part.name in {"Computed", "Identity"} for part in column.positional)
    return column.keywords.get("nullable") is False and not is_filled


def _reference(record: Record, columns: Iterable[object], what: str, options: Arguments) -> None:
    """Note foreign keys' targets, written `table.column` or `schema.table.column`."""
    for column in columns:
        words = (plain_text(column) or "").split(".")
        if len(words) < 2:
            continue
        target = TableName(words[-2], ".".join(words[:-2]) or schema_of(options.keywords.get("schema")))
        record.reference(target, [words[-1]], f"{what} {target}.{words[-1]}")


def _constraint(record: Record, table: TableName, name: str | None, kind: str, what: str) -> None:
    if name:
        record.touch(table.part("constraint", name), "create", what, kind)


def _add_listed_constraint(record: Record, table: TableName, item: Built) -> None:
    """Note a constraint of a new table: nothing else can need its columns, so only names and references count."""
    kind = CONSTRAINTS[item.name]
    name = plain_text(item.arguments.keywords.get("name"))
    _constraint(record, table, name, kind, f"creates {_worded(kind)} {name} on {table}")
    if kind == "foreign key":
        pointed = item.arguments.keywords.get("refcolumns", item.arguments.second())
        columns = pointed if isinstance(pointed, tuple) else ()
        _reference(record, columns, f"creates table {table}, which references", item.arguments)
