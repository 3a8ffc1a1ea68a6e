"""PURE. The result of two sides changing one object: one table of rules, no object named in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from branchmig.effects.footprint.model import ANY_COLUMN, EVERY_COLUMN

Level = Literal["conflict", "order", "opaque"]
LEVELS: tuple[Level, ...] = ("conflict", "order", "opaque")


class Sign(NamedTuple):
    """What the level of a meeting depends on, besides the object."""

    kind: str
    name: tuple[str, str]
    action: str
    aspects: frozenset[str]


class Found(NamedTuple):
    """The combined effect of two changes of one object."""

    level: Level
    consequence: str
    fails_both_ways: bool = False


_GONE = Found("conflict", "the other fails once it is gone")
_RENAMED = Found("conflict", "the other fails once it has its new name")
_SECOND_FAILS = Found("conflict", "the second of the two fails", fails_both_ways=True)
_LAST_STAYS = Found("order", "what comes last stays")
ROWS = Found("order", "the rows depend on which comes first")
BREAKS = Found("conflict", "rows that break it fail in one order")
_INDEX_NAME = Found("conflict", "a schema may have one index of that name, but on MySQL and SQL Server", True)
_CONSTRAINT_NAME = Found(
    "conflict", "the second fails where a schema may have one constraint of that name, as on MySQL", True
)
_NEEDED = Found("conflict", "the one needs the other to be there first, and fails without it")
_IN_ONE_ORDER = Found("conflict", "only one order of the two works")


def meaning(space: str, ours: Sign, theirs: Sign) -> Found | None:
    """Return what it means that both sides do something to one object."""
    if space == "name":
        return _same_name(ours, theirs)
    if space == "primary key":
        return None if ours.name == theirs.name else _SECOND_FAILS
    if space == "columns":
        return _any_column(ours, theirs) or _any_column(theirs, ours)
    for sign, other in ((ours, theirs), (theirs, ours)):
        rule = _RULES.get((sign.action, other.action))
        if rule is not None:
            return rule(sign, other)
    return None


def _any_column(write: Sign, other: Sign) -> Found | None:
    """Return what it means that one side writes to unknown columns, and the other changes a column."""
    if other.kind != "column" or not write.aspects & {ANY_COLUMN, EVERY_COLUMN}:
        return None
    if other.action in ("drop", "rename"):
        return Found("conflict", "branchmig cannot tell which columns are written: it may be this one")
    if other.action == "create" and EVERY_COLUMN in write.aspects:
        return Found("conflict", "an insert without column names has a value for each, so one order fails")
    return _alter_data(other, write) if other.action == "alter" else None


def _same_name(ours: Sign, theirs: Sign) -> Found | None:
    """Return what it means that a constraint or index of the same name is made on two tables, or as two things."""
    if (ours.kind, ours.name[0]) == (theirs.kind, theirs.name[0]) or ours.kind == theirs.kind == "index":
        return None
    with_index = {"unique", "primary key", "exclude"}
    if all(sign.kind == "index" or sign.aspects & with_index for sign in (ours, theirs)):
        return Found("conflict", "both names are of indexes, and a schema may have one of that name", True)
    return _CONSTRAINT_NAME if ours.kind == theirs.kind else None


def _create_create(ours: Sign, theirs: Sign) -> Found | None:
    lenient = [sign.aspects & {"tolerant", "replace"} for sign in (ours, theirs)]
    if not all(lenient):
        return _SECOND_FAILS if ours.kind != "index" or ours.name == theirs.name else _INDEX_NAME
    if all("tolerant" in item for item in lenient):
        # An extension or a schema is what its name says; of a table, the second's definition would be left out.
        return None if ours.kind in {"extension", "schema", "value"} else Found("order", "what comes first stays")
    return _LAST_STAYS


def _rename_use(_: Sign, use: Sign) -> Found:
    if use.kind == "column" and use.aspects & {"index", "constraint"}:
        return Found("conflict", "an index or constraint follows the column if it is there first, and else fails")
    return _RENAMED


def _alter_use(alter: Sign, use: Sign) -> Found | None:
    if "data" in use.aspects:
        return _alter_data(alter, use)
    if "type" in alter.aspects and use.aspects & {"index", "constraint", "reference"}:
        return Found("order", "what is possible with the column depends on its type")
    return None


def _alter_data(alter: Sign, _: Sign) -> Found | None:
    return None if alter.aspects <= {"comment"} else ROWS


def _alter_alter(ours: Sign, theirs: Sign) -> Found | None:
    if ours.kind == "type":
        return Found("order", "the values stand in the order in which they are added")
    if ours.aspects & theirs.aspects:
        return _LAST_STAYS
    if ours.kind != "column":
        return None
    return Found("order", "what comes last stays where the whole column is restated, as on MySQL")


def _write_data(ours: Sign, theirs: Sign) -> Found | None:
    # What is known to the column is compared by the column.
    return None if "columns" in ours.aspects & theirs.aspects else ROWS


def _write_use(write: Sign, use: Sign) -> Found | None:
    if write.kind == "table" and "constraint" in use.aspects and write.aspects & {"insert", "update"}:
        return BREAKS
    return None


# Two actions, in either order of the sides, to what they mean together; those that are not here do not meet.
_RULES: dict[tuple[str, str], Callable[[Sign, Sign], Found | None]] = {
    ("create", "create"): _create_create,
    ("create", "drop"): lambda *_: _IN_ONE_ORDER,
    ("create", "rename"): lambda *_: _IN_ONE_ORDER,
    **{("create", action): lambda *_: _NEEDED for action in ("alter", "use", "read", "write")},
    ("drop", "drop"): lambda ours, theirs: None if "tolerant" in ours.aspects & theirs.aspects else _SECOND_FAILS,
    ("drop", "rename"): lambda *_: _SECOND_FAILS,
    **{("drop", action): lambda *_: _GONE for action in ("alter", "use", "read", "write")},
    ("rename", "rename"): lambda *_: _SECOND_FAILS,
    **{("rename", action): _rename_use for action in ("alter", "use", "read", "write")},
    ("alter", "alter"): _alter_alter,
    ("alter", "use"): _alter_use,
    ("alter", "read"): _alter_data,
    ("alter", "write"): _alter_data,
    ("write", "write"): _write_data,
    ("write", "use"): _write_use,
    ("write", "read"): _write_data,
}
