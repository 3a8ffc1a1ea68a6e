"""What revisions do to the schema, as compact data that the page's schema.js follows as effects.schema_state does.

Each revision is `[id, numbers of those below, operations, what is unread]`. An operation is a letter, a table and more:

    T table, flags              makes a table: 1 tolerant, 2 like another, 4 temporary
    D table, flags              drops it: 1 tolerant
    R table, name               renames it, also into another schema
    S schema, name              renames a schema with its tables; without a name, drops it
    A table, column, type, nullable, is key, flags, target, its columns
                                adds a column: 1 tolerant, 2 in a CREATE TABLE
    X table, column, flags      drops a column: 1 tolerant
    N table, column, name       renames a column
    M table, column, {t, n}     changes type, nullable
    K table, name, kind, columns, target, its columns, flags
                                adds a primary (p) or foreign (f) key: 2 in a CREATE TABLE
    k table, name, kind         drops a constraint
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from branchmig.effects.entities import type_text
from branchmig.effects.footprint.model import folded, shown_name

if TYPE_CHECKING:
    from branchmig.effects.change import Change
    from branchmig.workflows.schema import SchemaStep

_KINDS = {"primary key": "p", "foreign key": "f"}


def schema_data(steps: Sequence[SchemaStep]) -> list[list[Any]]:
    """Return the revisions in upgrade order; a name is always written as it was first."""
    names = _Names()
    numbers = {step.id: number for number, step in enumerate(steps)}
    return [
        [
            step.id,
            [numbers[below] for below in step.below if below in numbers],
            [made for change in step.changes if (made := _operation(change, names)) is not None],
            [f"line {place.line}: {place.what}" for place in step.unread],
        ]
        for step in steps
    ]


class _Names:
    """Names that most databases take for one are one."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def one(self, name: str) -> str:
        return self._known.setdefault(folded(name), name)

    def table(self, schema: str | None, name: str) -> str:
        return self.one(shown_name(schema, name))

    def all(self, names: Sequence[str]) -> list[str]:
        return [self.one(name) for name in names]


def _operation(change: Change, names: _Names) -> list[Any] | None:
    write = _WRITERS.get(change.kind)
    if write is None or (change.kind == "add-constraint" and change.constraint not in _KINDS):
        return None
    letter, *more = write(change, names)
    if letter == "S":
        return [letter, *more]
    return [letter, names.table(change.schema, change.table), *more]


def _flags(change: Change, **numbers: int) -> int:
    return sum(number for name, number in numbers.items() if name.replace("_", "-") in change.flags)


def _added(change: Change, names: _Names) -> list[Any]:
    made = [
        "A",
        names.one(change.name),
        type_text(change.type),
        True if change.nullable is None else change.nullable,
        int("primary key" in change.flags),
        _flags(change, tolerant=1, new_table=2),
    ]
    if change.target:
        made += [names.table(change.target_schema, change.target), names.all(change.target_columns)]
    return made


def _altered(change: Change, names: _Names) -> list[Any]:
    changed: dict[str, Any] = {}
    if "type" in change.flags:
        changed["t"] = type_text(change.type)
    if "nullable" in change.flags:
        changed["n"] = change.nullable
    return ["M", names.one(change.name), changed]


def _constrained(change: Change, names: _Names) -> list[Any]:
    kind = _KINDS[change.constraint]
    target = names.table(change.target_schema, change.target) if kind == "f" else ""
    flags = _flags(change, new_table=2)
    return ["K", folded(change.name), kind, names.all(change.columns), target, names.all(change.target_columns), flags]


_WRITERS: dict[str, Callable[[Change, _Names], list[Any]]] = {
    "add-column": _added,
    "add-constraint": _constrained,
    "alter-column": _altered,
    "create-table": lambda change, _: ["T", _flags(change, tolerant=1, like=2, temporary=4)],
    "drop-column": lambda change, names: ["X", names.one(change.name), _flags(change, tolerant=1)],
    "drop-constraint": lambda change, _: ["k", folded(change.name), _KINDS.get(change.constraint, "")],
    "drop-schema": lambda change, names: ["S", names.one(change.name)],
    "drop-table": lambda change, _: ["D", _flags(change, tolerant=1)],
    "move-table": lambda change, names: ["R", names.table(change.new_name, change.table)],
    "rename-column": lambda change, names: ["N", names.one(change.name), names.one(change.new_name)],
    "rename-schema": lambda change, names: ["S", names.one(change.name), names.one(change.new_name)],
    "rename-table": lambda change, names: [
        "R",
        names.table(change.target_schema or change.schema, change.new_name),
    ],
}
