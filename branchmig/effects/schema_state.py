"""PURE. The schema that changes build, as far as they were read: what rules look up of a table from before."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from branchmig.effects.footprint.model import folded, folded_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from branchmig.effects.change import Change

TableKey = tuple[str, str]


def table_key(schema: str | None, name: str) -> TableKey:
    """Return what two names of one table have in common."""
    return folded_schema(schema), folded(name)


@dataclass
class TableState:
    """A table as revisions have made it: its columns, constraints and indexes, by their folded names."""

    columns: dict[str, Change] = field(default_factory=dict)
    constraints: dict[str, Change] = field(default_factory=dict)
    indexes: dict[str, Change] = field(default_factory=dict)

    def column(self, name: str) -> Change | None:
        """Return a column, as the change that would add it as it is now."""
        return self.columns.get(folded(name))

    def is_unique(self, columns: Iterable[str]) -> bool:
        """Return whether no two rows can have the same values in some columns."""
        wanted = {folded(column) for column in columns}
        kept = [change for change in self.constraints.values() if change.constraint in ("unique", "primary key")]
        kept += [
            change for change in self.indexes.values() if "unique" in change.flags and "partial" not in change.flags
        ]
        keys = [
            {name} for name, change in self.columns.items() if "primary key" in change.flags or "unique" in change.flags
        ]
        return any(
            key and key <= wanted for key in [*keys, *({folded(name) for name in change.columns} for change in kept)]
        )

    def has_foreign_key(self, wanted: Change) -> bool:
        """Return whether rows are known to satisfy a foreign key: one like it is there, and valid."""
        return any(
            change.constraint == "foreign key"
            and "not-valid" not in change.flags
            and [*map(folded, change.columns)] == [*map(folded, wanted.columns)]
            and folded(change.target) == folded(wanted.target)
            for change in self.constraints.values()
        )

    def has_no_nulls(self, column: str) -> bool:
        """Return whether a valid check says that a column is not NULL."""
        return any(
            change.constraint == "check" and "not-valid" not in change.flags and says_not_null(change.condition, column)
            for change in self.constraints.values()
        )


def says_not_null(condition: str, column: str) -> bool:
    """Return whether a condition is `column IS NOT NULL`, alone or beside others that hold with it."""
    words = condition.replace('"', "").replace("`", "").replace("(", " ").replace(")", " ").casefold().split()
    if "or" in words:
        return False
    wanted = [folded(column), "is", "not", "null"]
    return any(words[at : at + 4] == wanted for at in range(len(words)))


class Schema:
    """What is known of each table. Applying an change changes it."""

    def __init__(self, changes: Iterable[Change] = ()) -> None:
        self.tables: dict[TableKey, TableState] = {}
        for change in changes:
            self.apply(change)

    def table(self, change: Change) -> TableState:
        """Return the table that an change is on; an empty one where nothing is known of it."""
        return self.tables.get(table_key(change.schema, change.table)) or TableState()

    def apply(self, change: Change) -> None:
        """Follow one change."""
        follow = _FOLLOWED.get(change.kind)
        if follow is not None:
            follow(self, change)

    def _own(self, change: Change) -> TableState:
        return self.tables.setdefault(table_key(change.schema, change.table), TableState())

    def _create_table(self, change: Change) -> None:
        key = table_key(change.schema, change.table)
        if "tolerant" not in change.flags or key not in self.tables:
            self.tables[key] = TableState()

    def _drop_table(self, change: Change) -> None:
        self.tables.pop(table_key(change.schema, change.table), None)

    def _rename_table(self, change: Change) -> None:
        moved = self.tables.pop(table_key(change.schema, change.table), None)
        if moved is not None:
            self.tables[table_key(change.target_schema or change.schema, change.new_name)] = moved

    def _move_table(self, change: Change) -> None:
        moved = self.tables.pop(table_key(change.schema, change.table), None)
        if moved is not None:
            self.tables[table_key(change.new_name, change.table)] = moved

    def _add_column(self, change: Change) -> None:
        self._own(change).columns[folded(change.name)] = change

    def _drop_column(self, change: Change) -> None:
        self._own(change).columns.pop(folded(change.name), None)

    def _rename_column(self, change: Change) -> None:
        columns = self._own(change).columns
        before = columns.pop(folded(change.name), None)
        if before is not None:
            columns[folded(change.new_name)] = replace(before, name=change.new_name)

    def _alter_column(self, change: Change) -> None:
        table = self._own(change)
        before = table.column(change.name)
        if before is None:
            # Nothing is known of it but what this says.
            before = replace(change, kind="add-column", flags=frozenset({"altered"}))
            if "nullable" not in change.flags:
                before = replace(before, nullable=None)
        now = before
        if "type" in change.flags:
            now = replace(now, type=change.type)
        if "nullable" in change.flags:
            now = replace(now, nullable=change.nullable)
        if "default" in change.flags:
            now = replace(now, default=change.default)
        table.columns[folded(change.name)] = now

    def _add_constraint(self, change: Change) -> None:
        constraints = self._own(change).constraints
        constraints[folded(change.name) or f"#{len(constraints)}"] = change

    def _drop_constraint(self, change: Change) -> None:
        self._own(change).constraints.pop(folded(change.name), None)

    def _validate(self, change: Change) -> None:
        constraints = self._own(change).constraints
        known = constraints.get(folded(change.name))
        if known is not None:
            constraints[folded(change.name)] = replace(known, flags=known.flags - {"not-valid"})

    def _create_index(self, change: Change) -> None:
        self._own(change).indexes[folded(change.name)] = change

    def _drop_index(self, change: Change) -> None:
        for table in [self._own(change)] if change.table else self.tables.values():
            table.indexes.pop(folded(change.name), None)


_FOLLOWED: dict[str, Callable[[Schema, Change], None]] = {
    "add-column": Schema._add_column,
    "add-constraint": Schema._add_constraint,
    "alter-column": Schema._alter_column,
    "create-index": Schema._create_index,
    "create-table": Schema._create_table,
    "drop-column": Schema._drop_column,
    "drop-constraint": Schema._drop_constraint,
    "drop-index": Schema._drop_index,
    "drop-table": Schema._drop_table,
    "move-table": Schema._move_table,
    "rename-column": Schema._rename_column,
    "rename-table": Schema._rename_table,
    "validate-constraint": Schema._validate,
}
