"""PURE. One call of an operation of alembic: its arguments by name, and where to note what it does."""

from __future__ import annotations

from dataclasses import dataclass, replace

from branchmig.effects.change import Change
from branchmig.effects.footprint.record import Record, TableName, Unreadable
from branchmig.effects.footprint.values import plain_text, schema_of, texts


@dataclass
class Operation:
    """One call of an operation: its arguments by name, and where to note what it does."""

    given: dict[str, object]
    rest: tuple[object, ...]
    is_open: bool
    batch: TableName | None
    record: Record

    def note(self, change: Change) -> None:
        """Note a change, as of a batch block where it is in one."""
        self.record.change(change if self.batch is None else replace(change, flags=change.flags | {"batch"}))

    def value(self, name: str, default: object = None) -> object:
        """Return an argument. Raises Unreadable where a `*` or `**` may hide it."""
        if name not in self.given and self.is_open:
            raise Unreadable("its arguments are computed")
        return self.given.get(name, default)

    def text(self, name: str) -> str:
        """Return an argument that must be a string. Raises Unreadable where it is computed."""
        found = plain_text(self.value(name))
        if found is None:
            raise Unreadable(f"the {name.replace('_', ' ')} is computed")
        return found

    def optional_text(self, name: str) -> str | None:
        """Return an argument that is a string or None. Raises Unreadable where it is computed."""
        return None if self.value(name) is None else self.text(name)

    def columns(self, name: str) -> tuple[str, ...]:
        """Return an argument that lists column names. Raises Unreadable where it is computed."""
        found = texts(self.value(name))
        if found is None:
            raise Unreadable(f"the {name.replace('_', ' ')} are computed")
        return found

    def table(self, name: str = "table_name", schema: str = "schema") -> TableName:
        """Return the table of an operation: the batch block's, else the named one."""
        if self.batch is not None:
            return self.batch
        return TableName(self.text(name), self.schema(schema))

    def schema(self, name: str = "schema") -> str | None:
        """Return the schema of an operation, also a computed one. A `**options` counts as without a schema."""
        return schema_of(self.given.get(name))

    def tolerant(self, name: str) -> tuple[str, ...]:
        """Return the aspect of an operation that has nothing to say where there is nothing to do."""
        return ("tolerant",) if self.given.get(name) else ()
