"""PURE. What the upgrades of revisions destroy, or lock, on tables that hold rows; read from the scripts, never run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from branchmig.effects.footprint import read_footprint
from branchmig.effects.footprint.model import folded, folded_schema
from branchmig.progress import told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from branchmig.effects.footprint import DbObject, Effect, Opaque

HazardEffect = Literal["destroys", "may fail", "locks", "breaks running code"]
EFFECTS: tuple[HazardEffect, ...] = ("destroys", "may fail", "locks", "breaks running code")
"""What a hazard does, worst first."""

_Table = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a kind of change does, why that is, and the safer way; `dialects` are those it is so on, all if empty."""

    effect: HazardEffect
    why: str
    instead: str
    dialects: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Hazard:
    """One change to beware of: the code of its rule, what is done in words, and the place in its revision's file."""

    code: str
    what: str
    revision: str
    line: int

    @property
    def rule(self) -> Rule:
        """What is known of every such change."""
        return RULES[self.code]


@dataclass(frozen=True, slots=True)
class Hazards:
    """All that was found, worst first; `unread` are the places of each revision of which nothing can be told."""

    found: tuple[Hazard, ...] = ()
    unread: tuple[tuple[str, Opaque], ...] = ()


_LATER = "release code that does without it first, and drop it in a later release"
_POSTGRES = frozenset({"postgresql"})
_SERVERS = frozenset({"postgresql", "mysql", "mariadb", "mssql", "oracle"})
# https://www.postgresql.org/docs/current/sql-altertable.html says of each form which lock it takes and what it reads.
RULES: dict[str, Rule] = {
    "drops-schema": Rule("destroys", "all that is in it is gone", _LATER),
    "drops-table": Rule("destroys", "its rows are gone, and code that still runs reads it", _LATER),
    "drops-column": Rule("destroys", "its values are gone, and code that still runs reads it", _LATER),
    "deletes-rows": Rule("destroys", "no downgrade brings them back", "copy them into a table of their own first"),
    "adds-required-column": Rule(
        "may fail",
        "rows that are there have no value for it, and code that still runs writes rows without it",
        "give it a server_default; or add it nullable, fill it, and set nullable=False in a later revision",
    ),
    "sets-not-null": Rule(
        "may fail",
        "it fails if a row has NULL there, and reads every row while nothing else gets at the table",
        "fill it first; on PostgreSQL, add a check constraint with postgresql_not_valid=True and validate it before",
    ),
    "changes-type": Rule(
        "locks",
        "most changes of a type write the whole table and its indexes anew while nothing else gets at it",
        "add a new column, fill it in portions, let the code change over, and drop the old one later",
        _SERVERS,
    ),
    "rewrites-table": Rule(
        "locks",
        "a value that differs from row to row writes the whole table anew while nothing else gets at it",
        "add the column without it, set the default for new rows, and fill the others in portions",
        _SERVERS,
    ),
    "index-blocks-writes": Rule(
        "locks",
        "nothing can be written to the table until the index is built",
        "postgresql_concurrently=True, inside 'with op.get_context().autocommit_block():'",
        _POSTGRES,
    ),
    "constraint-blocks": Rule(
        "locks",
        "every row is checked while nothing can be written to the table",
        "postgresql_not_valid=True, and VALIDATE CONSTRAINT in a later revision, which lets others write",
        _POSTGRES,
    ),
    "unique-blocks": Rule(
        "locks",
        "its index is built while nothing else gets at the table",
        "create the unique index with postgresql_concurrently=True, then ADD CONSTRAINT … UNIQUE USING INDEX",
        _POSTGRES,
    ),
    "renames-table": Rule(
        "breaks running code",
        "code that still runs knows it by its old name",
        "leave a view of the old name, or add a new table and change over to it",
    ),
    "renames-column": Rule(
        "breaks running code",
        "code that still runs knows it by its old name",
        "add a new column, write both, change over, and drop the old one later",
    ),
}
# What a constraint's touch says of its kind, to the rule.
_CONSTRAINTS = {
    "check": "constraint-blocks",
    "foreign key": "constraint-blocks",
    "exclude": "unique-blocks",
    "primary key": "unique-blocks",
    "unique": "unique-blocks",
}


def hazards_of(scripts: Mapping[str, bytes], dialect: str | None = None) -> Hazards:
    """Return what the upgrades of some revisions, in the order in which they run, do that one should beware of.

    `dialect` is SQLAlchemy's name of the kind of database; where it is not known, what any of them would suffer from
    is told. What is done to tables that the same revisions make is no hazard: these are empty.
    """
    made: set[_Table] = set()
    found: list[Hazard] = []
    unread: list[tuple[str, Opaque]] = []
    for revision, script in told(scripts.items(), len(scripts), "reading what the upgrades do"):
        footprint = read_footprint(script)
        unread += [(revision, opaque) for opaque in footprint.opaque]
        for touch in footprint.touches:
            found += [Hazard(code, touch.what, revision, touch.line) for code in _codes(touch, made)]
            _note_made(touch, made)
    kept = [hazard for hazard in dict.fromkeys(found) if dialect is None or _applies(hazard.rule, dialect)]
    kept.sort(key=lambda hazard: EFFECTS.index(hazard.rule.effect))
    return Hazards(tuple(kept), tuple(unread))


def _applies(rule: Rule, dialect: str) -> bool:
    return not rule.dialects or dialect in rule.dialects


def _note_made(touch: Effect, made: set[_Table]) -> None:
    if touch.object.kind == "table" and touch.action == "create" and not touch.what.startswith("renames"):
        made.add(_table(touch.object))
    elif touch.object.kind == "column" and touch.action == "create":
        # A column that one of them has added holds nothing of anybody's yet.
        made.add((_table(touch.object)[0], f"{_table(touch.object)[1]}.{folded(touch.object.name)}"))


def _table(obj: DbObject) -> _Table:
    return folded_schema(obj.schema), folded(obj.name if obj.kind == "table" else obj.table or "")


def _codes(touch: Effect, made: set[_Table]) -> Iterator[str]:
    """Yield the rules that a touch is a case of."""
    obj, aspects = touch.object, touch.aspects
    schema, table = _table(obj)
    if (schema, table) in made or (obj.kind == "column" and (schema, f"{table}.{folded(obj.name)}") in made):
        return
    if touch.action == "drop" and obj.kind in ("schema", "table", "column"):
        yield f"drops-{obj.kind}"
    elif touch.action == "rename" and obj.kind in ("table", "column"):
        yield f"renames-{obj.kind}"
    elif touch.action == "write" and obj.kind == "table" and "delete" in aspects:
        yield "deletes-rows"
    elif obj.kind == "column":
        yield from _column_codes(touch)
    elif touch.action == "create" and obj.kind == "index" and "concurrently" not in aspects:
        yield "index-blocks-writes"
    elif touch.action == "create" and obj.kind == "constraint" and "not-valid" not in aspects:
        yield from sorted({code for kind, code in _CONSTRAINTS.items() if kind in aspects})


def _column_codes(touch: Effect) -> Iterator[str]:
    if touch.action == "create":
        if "required" in touch.aspects:
            yield "adds-required-column"
        if "rewrites" in touch.aspects:
            yield "rewrites-table"
    elif touch.action == "alter":
        if "not-null" in touch.aspects:
            yield "sets-not-null"
        if "type" in touch.aspects:
            yield "changes-type"
