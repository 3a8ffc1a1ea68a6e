"""PURE. What a revision touches, as values: objects of a database, what is done to them, and what cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from branchmig.effects.change import Change

Kind = Literal[
    "table", "view", "sequence", "column", "index", "constraint", "type", "value", "schema", "function", "trigger",
    "extension",
]  # fmt: skip
Action = Literal["create", "drop", "rename", "alter", "use", "read", "write"]
Key = tuple[str, str, str, str]

# Tables, views and sequences share one set of names: PostgreSQL refuses a view named as a table is.
_RELATIONS = frozenset({"table", "view", "sequence"})
# What belongs to a table and has its name there; an index has its name in the schema.
_NAMED_WITHIN = frozenset({"column", "constraint", "trigger", "value"})
ANY_COLUMN = "any-column"
"""Aspect of a write whose columns are unknown: it may set any column of its table."""
EVERY_COLUMN = "every-column"
"""Aspect of an insert that names no columns: it has a value for each, in their order."""
COMPUTED_SCHEMA = "<schema>"
"""Stands for a schema that is known only when the file runs: it may be any."""

# Left out, or written out: on PostgreSQL, SQLite and SQL Server these are the same place.
_DEFAULT_SCHEMAS = frozenset({"", "public", "main", "dbo"})


@dataclass(frozen=True, slots=True)
class DbObject:
    """An object of a database, as a revision names it. `table` is what it belongs to; for a value, its type."""

    kind: Kind
    name: str
    table: str | None = None
    schema: str | None = None

    @property
    def key(self) -> Key:
        """What two names of one object have in common: letter case and the default schema do not count."""
        kind = "relation" if self.kind in _RELATIONS else self.kind
        within = folded(self.table or "") if self.kind in _NAMED_WITHIN else ""
        return kind, folded_schema(self.schema), within, folded(self.name)

    def __str__(self) -> str:
        parts = [self.schema, self.table if self.kind in _NAMED_WITHIN else None, self.name]
        return f"{self.kind} {'.'.join(part for part in parts if part)}"


def folded(name: str) -> str:
    """Return a name as most databases compare it."""
    return name.casefold()


def folded_schema(schema: str | None) -> str:
    """Return a schema's name for comparison; empty for what databases take if none is given."""
    name = folded(schema or "")
    return "" if name in _DEFAULT_SCHEMAS else name


def shown_name(schema: str | None, name: str) -> str:
    """Return a table's name, with its schema where that is not the default."""
    return f"{schema}.{name}" if schema and folded_schema(schema) else name


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that a revision does to one object.

    `aspects` say how: of an alter `type`, `nullable`, `default`, `comment`, …; of a use `reference`, `index`,
    `constraint`; of a write `insert`, `update`, `delete`, ANY_COLUMN, EVERY_COLUMN;
    of a create or drop `tolerant` (IF EXISTS) or `replace`.
    `what` says the whole of it in words: "adds column users.email", of which this object may be only a part.
    """

    object: DbObject
    action: Action
    line: int
    what: str
    aspects: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Opaque:
    """A place whose effect cannot be known without running it, and what stands there, in words."""

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class Footprint:
    """All that the upgrade of one revision touches, in the order of the file, and what could not be read.

    `changes` say the same as rules for hazards and checks need it, and `unread` what they lack: a statement may be
    known to the one and not to the other.
    """

    touches: tuple[Effect, ...] = ()
    opaque: tuple[Opaque, ...] = ()
    changes: tuple[Change, ...] = ()
    unread: tuple[Opaque, ...] = ()
