"""PURE. The tables of a schema as an entity diagram shows them, and how two schemas differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from branchmig.effects.change import Change
from branchmig.effects.footprint.model import folded, shown_name
from branchmig.effects.schema_state import Schema, TableState, table_key

Mark = Literal["", "added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `type` is in lower case, and empty where it is not known, as `nullable` is None."""

    name: str
    type: str = ""
    nullable: bool | None = True
    is_key: bool = False
    """Whether it is of the primary key."""
    is_made: bool = True
    """Whether a change that was read adds it; else changes only alter it, or drop it: then it `is_gone`."""
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """The columns of a foreign key, and the table and the columns that they name; none where only the table is said."""

    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table, by its name with its schema. Where it is not `is_whole`, it may have more than is known.

    It `is_made` by a change that was read; else changes only alter it, or drop it: then it `is_gone`.
    """

    name: str
    columns: tuple[Column, ...] = ()
    keys: tuple[ForeignKey, ...] = ()
    is_whole: bool = True
    is_made: bool = True
    is_gone: bool = False


Tables = tuple[Table, ...]
"""The tables of a schema, sorted by name."""


@dataclass(frozen=True, slots=True)
class ShownColumn:
    """A column with what became of it; `before` is what a changed one was."""

    column: Column
    mark: Mark = ""
    before: Column | None = None


@dataclass(frozen=True, slots=True)
class ShownTable:
    """A table with what became of it, of its columns and of its foreign keys."""

    name: str
    mark: Mark = ""
    columns: tuple[ShownColumn, ...] = ()
    keys: tuple[tuple[ForeignKey, Mark], ...] = ()
    is_whole: bool = True


def tables_of(changes: Iterable[Change]) -> Tables:
    """Return the tables that changes leave, as far as they say it; temporary tables are none."""
    schema = Schema(changes)
    found = [
        _table(name, state)
        for name, state in schema.tables.items()
        if state.made is None or "temporary" not in state.made.flags
    ]
    found += [
        Table(shown_name(change.schema, change.table), is_whole=False, is_made=False, is_gone=True)
        for name, change in schema.gone.items()
        if name not in schema.tables
    ]
    return sorted_tables(table for table in found if table.is_made or table.is_gone or table.columns or table.keys)


def sorted_tables(tables: Iterable[Table]) -> Tables:
    """Return tables by their names."""
    return tuple(sorted(tables, key=lambda table: (folded(table.name), table.name)))


def as_they_are(tables: Tables) -> tuple[ShownTable, ...]:
    """Return tables without any mark."""
    shown = (replace(table, columns=tuple(each for each in table.columns if not each.is_gone)) for table in tables)
    return tuple(_shown(table, "") for table in shown if not table.is_gone)


def differences(before: Tables, after: Tables) -> tuple[ShownTable, ...]:
    """Return the tables that two schemas differ in, with marks; names are compared as most databases do."""
    first, second = _by_name(before), _by_name(after)
    found = []
    for name in sorted({*first, *second}):
        was, now = first.get(name), second.get(name)
        if was is not None and now is not None:
            shown = _changed(was, now)
        elif now is not None and now.is_gone:
            shown = _shown(now, "removed")
        elif now is not None:
            shown = _shown(now, "added") if now.is_made else _altered(now)
        else:
            assert was is not None
            shown = ShownTable("") if was.is_gone else _shown(was, "removed")
        if shown.mark:
            found.append(shown)
    return tuple(found)


def _by_name(tables: Tables) -> Mapping[str, Table]:
    return {folded(table.name): table for table in tables}


def _shown(table: Table, mark: Mark) -> ShownTable:
    columns = tuple(ShownColumn(column, mark) for column in table.columns)
    return ShownTable(table.name, mark, columns, tuple((key, mark) for key in table.keys), table.is_whole)


def _altered(table: Table) -> ShownTable:
    """Return a table that was there before, of which only what changed is known."""
    columns = tuple(_column_between(None, column) for column in table.columns)
    keys: list[tuple[ForeignKey, Mark]] = [(key, "added") for key in table.keys]
    return ShownTable(table.name, "changed", columns, tuple(keys), is_whole=False)


def _changed(was: Table, now: Table) -> ShownTable:
    """Return a table with the marks of its parts: present columns in their order, each removed one after them."""
    if was.is_gone or now.is_gone:
        if was.is_gone:
            return _shown(now, "" if now.is_gone else "added")
        return _shown(was, "removed")
    before = {folded(column.name): column for column in was.columns}
    columns = [_column_between(before.pop(folded(column.name), None), column) for column in now.columns]
    columns += [ShownColumn(column, "removed") for column in before.values() if not column.is_gone]
    keys: list[tuple[ForeignKey, Mark]] = [(key, "" if key in was.keys else "added") for key in now.keys]
    keys += [(key, "removed") for key in was.keys if key not in now.keys]
    is_changed = any(column.mark for column in columns) or any(mark for _, mark in keys)
    mark: Mark = "changed" if is_changed else ""
    return ShownTable(now.name, mark, tuple(columns), tuple(keys), was.is_whole and now.is_whole)


def _column_between(was: Column | None, now: Column) -> ShownColumn:
    if was is None:
        return ShownColumn(now, "removed" if now.is_gone else "added" if now.is_made else "changed")
    is_same = replace(was, name=now.name) == now
    return ShownColumn(now) if is_same else ShownColumn(now, "changed", was)


def _table(key: tuple[str, str], state: TableState) -> Table:
    parts = [state.made, *state.columns.values(), *state.constraints.values(), *state.indexes.values()]
    named = next((part for part in parts if part is not None and table_key(part.schema, part.table) == key), None)
    name = shown_name(*key) if named is None else shown_name(named.schema, named.table)
    primary = _primary(state)
    columns = tuple(_column(column, is_key=each in primary) for each, column in state.columns.items())
    columns += tuple(
        Column(change.name, "", None, is_made=False, is_gone=True)
        for each, change in state.gone.items()
        if each not in state.columns
    )
    is_whole = state.made is not None and "like" not in state.made.flags and bool(columns)
    return Table(name, columns, tuple(dict.fromkeys(_keys(state))), is_whole, state.made is not None)


def _primary(state: TableState) -> Sequence[str]:
    own = [each for each, column in state.columns.items() if "primary key" in column.flags]
    return own + [
        folded(name) for key in state.constraints.values() if key.constraint == "primary key" for name in key.columns
    ]


def _column(column: Change, *, is_key: bool) -> Column:
    nullable, is_made = column.nullable, "altered" not in column.flags
    if nullable is None and is_made:
        nullable = True  # it is what SQL takes if nothing is said
    return Column(column.name, type_text(column.type), False if is_key else nullable, is_key, is_made)


def type_text(text: str) -> str:
    """Return a type in lower case, the values in quotes as they are."""
    parts = text.split("'")
    return "'".join(part if at % 2 else " ".join(part.lower().split()) for at, part in enumerate(parts))


def _keys(state: TableState) -> Iterable[ForeignKey]:
    for column in state.columns.values():
        if column.target:
            yield ForeignKey((column.name,), shown_name(column.target_schema, column.target), column.target_columns)
    for key in state.constraints.values():
        if key.constraint == "foreign key" and key.target:
            yield ForeignKey(key.columns, shown_name(key.target_schema, key.target), key.target_columns)
