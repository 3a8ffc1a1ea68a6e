"""PURE. Collects touches while a revision file is read; knows the words for them, and nothing of Python or SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from branchmig.effects.change import Change
from branchmig.effects.footprint.model import ANY_COLUMN, Action, DbObject, Effect, Footprint, Kind, Opaque
from branchmig.masking import masked


class TableName(NamedTuple):
    """A table as a revision names it."""

    name: str
    schema: str | None = None

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name

    @property
    def object(self) -> DbObject:
        """The table itself."""
        return DbObject("table", self.name, None, self.schema)

    def part(self, kind: Kind, name: str) -> DbObject:
        """Return a column, an index or a constraint of the table."""
        return DbObject(kind, name, self.name, self.schema)


def listed(words: Iterable[str]) -> str:
    """`type, nullable and default`."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


class Unreadable(Exception):
    """Something that is known only when the file runs; `what` says it in words.

    `has_changes` says that its effects are noted, and only what it touches is not known.
    """

    def __init__(self, what: str, *, has_changes: bool = False) -> None:
        super().__init__(what)
        self.what, self.has_changes = what, has_changes


@dataclass
class Record:
    """What was found so far. `line` is where the reader is in the file, `autocommit` how many such blocks are open.

    Raw SQL is only parsed for what it touches if it `parses_sql`: that takes most of the time.
    """

    parses_sql: bool = True
    touches: list[Effect] = field(default_factory=list)
    opaque: list[Opaque] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    unread: list[Opaque] = field(default_factory=list)
    line: int = 0
    autocommit: int = 0

    @property
    def footprint(self) -> Footprint:
        """All that was found, each thing once."""
        # What cannot be read may quote a statement.
        opaque, unread = (
            tuple(dict.fromkeys(Opaque(place.line, masked(place.what)) for place in places))
            for places in (self.opaque, self.unread)
        )
        return Footprint(tuple(dict.fromkeys(self.touches)), opaque, tuple(self.changes), unread)

    def touch(self, obj: DbObject, action: Action, what: str, *aspects: str) -> None:
        """Note a touch at the current line."""
        self.touches.append(Effect(obj, action, self.line, what, frozenset(aspects)))

    def change(self, change: Change) -> None:
        """Note an effect, at the current line if it has none of its own."""
        self.changes.append(replace(change, line=change.line or self.line, in_transaction=not self.autocommit))

    def cannot_read(self, what: str, *, has_changes: bool = False) -> None:
        """Note at the current line what cannot be known, and whether its effects can."""
        self.opaque.append(Opaque(self.line, what))
        if not has_changes:
            self.unread.append(Opaque(self.line, what))

    @contextmanager
    def at(self, line: int) -> Iterator[None]:
        """Within the block, touches are at another line."""
        before, self.line = self.line, line
        try:
            yield
        finally:
            self.line = before

    def use(self, table: TableName, what: str, *aspects: str) -> None:
        """Note that something needs a table to be there."""
        self.touch(table.object, "use", what, *aspects)

    def use_columns(self, table: TableName, columns: Iterable[str], what: str, *aspects: str) -> None:
        """Note that something needs columns of a table to be there."""
        for column in columns:
            self.touch(table.part("column", column), "use", what, *aspects)

    def reference(self, table: TableName, columns: Iterable[str], what: str) -> None:
        """Note that a foreign key points to columns of a table."""
        self.use(table, what, "reference")
        self.use_columns(table, columns, what, "reference")

    def rename(self, before: DbObject, name: str, what: str) -> None:
        """Note that an object gives up one name and takes another."""
        self.touch(before, "rename", what)
        self.touch(DbObject(before.kind, name, before.table, before.schema), "create", what)

    def write(self, table: TableName, how: str, columns: Iterable[str] | None, what: str, *aspects: str) -> None:
        """Note that rows are written; `columns` are those that are set, None where that may be any."""
        known = [] if columns is None else list(columns)
        unknown = [ANY_COLUMN] if columns is None and how != "delete" else []
        is_complete = known and how == "update"
        self.touch(table.object, "write", what, how, *(["columns"] if is_complete else []), *unknown, *aspects)
        for column in known:
            self.touch(table.part("column", column), "write" if how == "update" else "use", what, "data")

    def read(self, table: TableName, columns: Iterable[str], what: str, *, is_complete: bool = True) -> None:
        """Note that rows are read; `is_complete` where no other columns are than those named."""
        known = list(columns)
        self.touch(table.object, "read", what, *(["columns"] if known and is_complete else []))
        for column in known:
            self.touch(table.part("column", column), "read", what)
