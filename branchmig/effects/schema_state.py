"""PURE. The schema that changes build, as far as they were read: what rules look up of a table from before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from branchmig.effects.change import Change
from branchmig.effects.footprint.model import folded, folded_schema

TableKey = tuple[str, str]


def table_key(schema: str | None, name: str) -> TableKey:
    """Return what two names of one table have in common."""
    return folded_schema(schema), folded(name)


def method_name(change: Change) -> str:
    """Return the method that follows changes of its kind, in each class that follows changes: `_add_column`."""
    return f"_{change.kind.replace('-', '_')}"


@dataclass
class TableState:
    """A table as revisions have made it: its columns, constraints and indexes, by their folded names.

    `made` is the change that made it, under the table's present name; None where that change was not read. `gone` are
    columns that a change drops and no change that was read adds.
    """

    made: Change | None = None
    columns: dict[str, Change] = field(default_factory=dict)
    constraints: dict[str, Change] = field(default_factory=dict)
    indexes: dict[str, Change] = field(default_factory=dict)
    gone: dict[str, Change] = field(default_factory=dict)

    def column(self, name: str) -> Change | None:
        """Return a column, as the change that would add it as it is now."""
        return self.columns.get(folded(name))

    def is_unique(self, columns: Iterable[str]) -> bool:
        """Return whether no two rows can have the same values in some columns."""
        wanted = {folded(column) for column in columns}
        kept = [change for change in self.constraints.values() if change.constraint in ("unique", "primary key")]
        kept += [index for index in self.indexes.values() if "unique" in index.flags and "partial" not in index.flags]
        keys = [{name} for name, column in self.columns.items() if column.flags & {"primary key", "unique"}]
        keys += [{*map(folded, change.columns)} for change in kept]
        return any(key and key <= wanted for key in keys)

    def has_index(self, column: str) -> bool:
        """Return whether an index or a key is over a column."""
        parts = [*self.indexes.values(), *(key for key in self.constraints.values() if key.constraint != "check")]
        return any(folded(column) in map(folded, change.columns) for change in parts)

    def has_bounds(self, bound: str) -> bool:
        """Return whether a valid check names all values of a partition's bound: its rows are not gone through."""
        values = re.findall(r"'(?:[^']|'')*'|\d+", bound)
        checks = [change for change in self.constraints.values() if change.constraint == "check"]
        conditions = [change.condition for change in checks if "not-valid" not in change.flags]
        return any(all(value in condition for value in values) for condition in conditions) and bool(values)

    def point(self, target: TableKey, moved: Callable[[Change], Change | None]) -> None:
        """Change each foreign key that points to a table; None for one that goes with the table."""
        for name, key in list(self.constraints.items()):
            if key.constraint == "foreign key" and table_key(key.target_schema, key.target) == target:
                now = moved(key)
                if now is None:
                    del self.constraints[name]
                else:
                    self.constraints[name] = now
        for name, column in list(self.columns.items()):
            if column.target and table_key(column.target_schema, column.target) == target:
                self.columns[name] = moved(column) or replace(column, target="", target_schema=None, target_columns=())

    def has_foreign_key(self, wanted: Change) -> bool:
        """Return whether rows are known to satisfy a foreign key: one like it is there, and valid."""
        return any(
            change.constraint == "foreign key"
            and "not-valid" not in change.flags
            and [*map(folded, change.columns)] == [*map(folded, wanted.columns)]
            and folded(change.target) == folded(wanted.target)
            for change in self.constraints.values()
        )

    def drop_unnamed(self, change: Change) -> None:
        """Drop a constraint that no script has named: by the server's name for it, or as the only such of its kind."""
        wanted = folded(change.name)
        # MySQL drops "the primary key", by no name.
        unnamed = {key: each for key, each in self.constraints.items() if key.startswith("#") or not wanted}
        names = {key: _server_name(change.table, each.columns, each.constraint) for key, each in unnamed.items()}
        named = [key for key, name in names.items() if name == wanted]
        alike = [key for key, each in unnamed.items() if each.constraint == change.constraint]
        for key in named or (alike if len(alike) == 1 else []):
            del self.constraints[key]
            return
        for key, column in self.columns.items():
            if column.target and wanted == _server_name(change.table, (column.name,), "foreign key"):
                self.columns[key] = replace(column, target="", target_schema=None, target_columns=())
        if change.constraint == "primary key" or wanted == f"{folded(change.table)}_pkey":
            for key, column in self.columns.items():
                self.columns[key] = replace(column, flags=column.flags - {"primary key"})

    def has_no_nulls(self, column: str) -> bool:
        """Return whether a valid check says that a column is not NULL."""
        valid = (change for change in self.constraints.values() if "not-valid" not in change.flags)
        return any(change.constraint == "check" and says_not_null(change.condition, column) for change in valid)


def says_not_null(condition: str, column: str) -> bool:
    """Return whether a condition is `column IS NOT NULL`, alone or beside others that hold with it."""
    words = condition.replace('"', "").replace("`", "").replace("(", " ").replace(")", " ").casefold().split()
    if "or" in words:
        return False
    wanted = [folded(column), "is", "not", "null"]
    return any(words[at : at + 4] == wanted for at in range(len(words)))


def _server_name(table: str, columns: Iterable[str], kind: str) -> str:
    """Return how PostgreSQL names a constraint that has no name."""
    ending = {"foreign key": "fkey", "primary key": "pkey", "unique": "key", "check": "check"}.get(kind, "")
    return folded("_".join([table, *(columns if kind != "primary key" else ()), ending]))


class Schema:
    """What is known of each table. Applying a change changes it, one of a kind such as `add-column` by `_add_column`.

    `gone` are tables that a change drops and no change that was read makes. `functions` are those that a change makes,
    and whether only triggers call them.
    """

    def __init__(self, changes: Iterable[Change] = ()) -> None:
        self.tables: dict[TableKey, TableState] = {}
        self.gone: dict[TableKey, Change] = {}
        self.functions: dict[str, bool] = {}
        self._passed_over: TableKey | None = None
        for change in changes:
            self.apply(change)

    def table(self, change: Change) -> TableState:
        """Return the table that a change is on; an empty one where nothing is known of it."""
        return self.tables.get(table_key(change.schema, change.table)) or TableState()

    def part(self, changes: Iterable[Change]) -> Schema:
        """Return a copy of the tables that some changes name, as they are now."""
        part = Schema()
        part.functions = dict(self.functions)
        for key in {table_key(change.schema, change.table) for change in changes} & self.tables.keys():
            table = self.tables[key]
            part.tables[key] = TableState(
                table.made, dict(table.columns), dict(table.constraints), dict(table.indexes), dict(table.gone)
            )
        return part

    def apply(self, change: Change) -> None:
        """Follow one change."""
        if follow := getattr(self, method_name(change), None):
            follow(change)

    def _own(self, change: Change) -> TableState:
        return self.tables.setdefault(table_key(change.schema, change.table), TableState())

    def _create_table(self, change: Change) -> None:
        key = table_key(change.schema, change.table)
        known = self.tables.get(key)
        is_there = "tolerant" in change.flags and known is not None and known.made is not None
        self._passed_over = key if is_there else None
        if not is_there:
            self.tables[key] = TableState(change)

    def _is_passed_over(self, change: Change) -> bool:
        """Return whether a change is a part of a CREATE TABLE IF NOT EXISTS of a table that is there."""
        return "new-table" in change.flags and table_key(change.schema, change.table) == self._passed_over

    def _drop_table(self, change: Change) -> None:
        key = table_key(change.schema, change.table)
        known = self.tables.pop(key, None)
        if (known is None or known.made is None) and "tolerant" not in change.flags:
            self.gone[key] = change
        for table in self.tables.values():
            table.point(key, lambda change: None)

    def _rename_table(self, change: Change) -> None:
        self._move(change, change.target_schema or change.schema, change.new_name)

    def _move_table(self, change: Change) -> None:
        self._move(change, change.new_name, change.table)

    def _move(self, change: Change, schema: str | None, name: str) -> None:
        before = table_key(change.schema, change.table)
        moved = self.tables.pop(before, None)
        if moved is not None:
            self.tables[table_key(schema, name)] = moved
            if moved.made is not None:
                moved.made = replace(moved.made, schema=schema, table=name)
        for table in self.tables.values():
            table.point(before, lambda change: replace(change, target=name, target_schema=schema))

    def _drop_schema(self, change: Change) -> None:
        for key, table in list(self.tables.items()):
            if key[0] == folded(change.name) and table.made is not None:
                self._drop_table(table.made)

    def _rename_schema(self, change: Change) -> None:
        for key, table in list(self.tables.items()):
            if key[0] == folded(change.name) and table.made is not None:
                self._move(table.made, change.new_name, table.made.table)

    def _add_column(self, change: Change) -> None:
        columns = self._own(change).columns
        is_there = "tolerant" in change.flags and folded(change.name) in columns
        if not is_there and not self._is_passed_over(change):
            columns[folded(change.name)] = change

    def _drop_column(self, change: Change) -> None:
        table, name = self._own(change), folded(change.name)
        if table.columns.pop(name, None) is None and table.made is None and "tolerant" not in change.flags:
            table.gone[name] = change
        table.constraints = {
            key: each for key, each in table.constraints.items() if name not in map(folded, each.columns)
        }

    def _rename_column(self, change: Change) -> None:
        table, name = self._own(change), folded(change.name)

        def renamed(columns: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(change.new_name if folded(each) == name else each for each in columns)

        # It stays where it was among the others.
        columns = table.columns.items()
        table.columns = {
            folded(column.name): column
            for key, each in columns
            for column in [replace(each, name=change.new_name) if key == name else each]
        }
        for parts in (table.constraints, table.indexes):
            parts |= {key: replace(each, columns=renamed(each.columns)) for key, each in parts.items()}
        own = table_key(change.schema, change.table)
        for other in self.tables.values():
            other.point(own, lambda key: replace(key, target_columns=renamed(key.target_columns)))

    def _alter_column(self, change: Change) -> None:
        table = self._own(change)
        before = table.column(change.name)
        if before is None:
            # Nothing is known of it but what this says.
            before = replace(change, kind="add-column", flags=frozenset({"altered"}))
            if "nullable" not in change.flags:
                before = replace(before, nullable=None)
        said = {"type": change.type, "nullable": change.nullable, "default": change.default}
        changed: dict[str, Any] = {part: value for part, value in said.items() if part in change.flags}
        table.columns[folded(change.name)] = replace(before, **changed)

    def _add_constraint(self, change: Change) -> None:
        if self._is_passed_over(change):
            return
        constraints = self._own(change).constraints
        number = next(number for number in count() if f"#{number}" not in constraints)
        constraints[folded(change.name) or f"#{number}"] = change

    def _drop_constraint(self, change: Change) -> None:
        table = self._own(change)
        if table.constraints.pop(folded(change.name), None) is None:
            table.drop_unnamed(change)

    def _validate_constraint(self, change: Change) -> None:
        constraints = self._own(change).constraints
        known = constraints.get(folded(change.name))
        if known is not None:
            constraints[folded(change.name)] = replace(known, flags=known.flags - {"not-valid"})

    def _create_function(self, change: Change) -> None:
        self.functions[folded(change.name)] = "trigger" in change.flags

    def _create_index(self, change: Change) -> None:
        self._own(change).indexes[folded(change.name)] = change

    def _drop_index(self, change: Change) -> None:
        for table in [self._own(change)] if change.table else self.tables.values():
            table.indexes.pop(folded(change.name), None)
