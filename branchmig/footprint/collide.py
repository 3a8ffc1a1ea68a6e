"""PURE. Two sides' footprints to what of the one meets what of the other: one table of rules, no object named in it.

Touches are compared by object, and on one object by what is done to it: the work grows with the number of touches,
not with its square.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Literal, NamedTuple

from branchmig.footprint.model import SQL_EXTRA, DbObject, Touch, folded, folded_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from branchmig.footprint.model import Footprint, Key

Level = Literal["conflict", "order", "opaque"]
LEVELS: tuple[Level, ...] = ("conflict", "order", "opaque")


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a revision's file."""

    revision: str
    line: int


@dataclass(frozen=True, slots=True)
class Collision:
    """Something of ours and something of theirs that meet on one object, or what cannot be read of one side.

    `conflict`: at least one order of the two fails. `order`: both run, and the result depends on which is first.
    `opaque`: not known; then only the side that cannot be read has a place.
    """

    level: Level
    object: str
    ours: Place | None
    theirs: Place | None
    reason: str


def collisions(ours: Mapping[str, Footprint], theirs: Mapping[str, Footprint]) -> tuple[Collision, ...]:
    """Return what of our revisions meets what of theirs, worst first. The mappings are in upgrade order.

    Where several revisions of both sides meet on one object, each of them is named against the first of the other
    side, not against every one. What cannot be read is named once for each revision, unless the other side does
    nothing. Swapping the sides swaps them in the answer.
    """
    found = [*_collisions(_by_object(ours), _by_object(theirs)), *_opaque(ours, theirs)]
    order = {revision: at for at, revision in enumerate([*ours, *theirs])}

    def key(one: Collision) -> tuple[int, str, list[tuple[int, int]], str]:
        places = [(order[place.revision], place.line) for place in (one.ours, one.theirs) if place]
        return LEVELS.index(one.level), one.object, places, one.reason

    return tuple(sorted(found, key=key))


def conflicting_pairs(sides: Mapping[str, Mapping[str, Footprint]]) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Return, of many sides, each two that are in conflict, with the objects; in the order of the sides."""
    names = list(sides)
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for one, other in sorted(_candidates([_by_object(side) for side in sides.values()])):
        objects = objects_in_conflict(sides[names[one]], sides[names[other]])
        if objects:
            found[names[one], names[other]] = objects
    return found


def objects_in_conflict(one: Mapping[str, Footprint], other: Mapping[str, Footprint]) -> tuple[str, ...]:
    """Return what two sides are in conflict over, sorted.

    The revisions that both have do not count: one branch may stand on the other.
    """
    both = collisions(
        {revision: footprint for revision, footprint in one.items() if revision not in other},
        {revision: footprint for revision, footprint in other.items() if revision not in one},
    )
    return tuple(sorted({collision.object for collision in both if collision.level == "conflict"}))


def _candidates(sides: Sequence[_Objects]) -> set[tuple[int, int]]:
    """Return the pairs of sides that do things to one object which are in conflict."""
    doers: dict[tuple[str, ...], dict[_Sign, list[int]]] = defaultdict(lambda: defaultdict(list))
    for at, side in enumerate(sides):
        for key, doings in side.items():
            for sign in doings:
                doers[key][sign].append(at)
    pairs: set[tuple[int, int]] = set()
    for key, signs in doers.items():
        for (one, ones), (other, others) in combinations_with_replacement(signs.items(), 2):
            found = _found(key[0], one, other)
            if found is not None and found.level == "conflict":
                pairs.update((min(a, b), max(a, b)) for a in ones for b in others if a != b)
    return pairs


class _Sign(NamedTuple):
    """What the level of a meeting depends on, besides the object."""

    kind: str
    name: tuple[str, str]
    action: str
    aspects: frozenset[str]


class _Found(NamedTuple):
    level: Level
    consequence: str


# For each object, each kind of thing that is done to it, and by each revision the first place where it is done.
_Doings = dict[_Sign, dict[str, Touch]]
_Objects = dict[tuple[str, ...], _Doings]


def _by_object(side: Mapping[str, Footprint]) -> _Objects:
    found: _Objects = defaultdict(lambda: defaultdict(dict))
    for revision, footprint in side.items():
        for touch in footprint.touches:
            one = touch.object
            sign = _Sign(one.kind, (folded(one.table or ""), folded(one.name)), touch.action, touch.aspects)
            for key in _keys(touch):
                found[key][sign].setdefault(revision, touch)
            if one.schema and one.kind != "schema" and folded_schema(one.schema):
                schema = DbObject("schema", one.schema)
                use = Touch(schema, "use", touch.line, touch.what)
                found[schema.key][_Sign("schema", ("", ""), "use", frozenset())].setdefault(revision, use)
    return found


def _keys(touch: Touch) -> Iterator[tuple[str, ...]]:
    """Yield what a touch is compared by: its object, and what may exist once beside it."""
    one = touch.object
    yield one.key
    if touch.action == "create" and one.kind in {"constraint", "index"}:
        yield "name", folded_schema(one.schema), folded(one.name)
    if touch.action == "create" and "primary key" in touch.aspects:
        yield "primary key", folded_schema(one.schema), folded(one.table or "")


@dataclass(frozen=True, slots=True)
class _Meeting:
    """A touch of ours and one of theirs, and what follows from them."""

    found: _Found
    space: str
    our_id: str
    our: Touch
    their_id: str
    their: Touch

    @property
    def rank(self) -> tuple[int, list[tuple[int, str]]]:
        """The worst first, then what stands first in the files, whichever side is which."""
        lines = sorted([(self.our.line, self.our.what), (self.their.line, self.their.what)])
        return LEVELS.index(self.found.level), lines

    @property
    def object(self) -> str:
        met = [self.our.object, self.their.object]
        if self.space == "primary key":
            met = [DbObject("table", one.table or "", None, one.schema) for one in met]
        # Of two spellings of one object always the same one.
        return min(str(one) for one in met)

    @property
    def collision(self) -> Collision:
        if self.our.what == self.their.what:
            verb, _, rest = self.our.what.partition(" ")
            reason = f"both {verb.removesuffix('s')} {rest}: {self.found.consequence}"
        else:
            reason = f"ours {self.our.what}, theirs {self.their.what}: {self.found.consequence}"
        ours, theirs = Place(self.our_id, self.our.line), Place(self.their_id, self.their.line)
        return Collision(self.found.level, self.object, ours, theirs, reason)


def _collisions(ours: _Objects, theirs: _Objects) -> list[Collision]:
    best: dict[tuple[str, str, str], _Meeting] = {}
    for key in sorted(ours.keys() & theirs.keys()):
        for one in _meetings(key[0], ours[key], theirs[key]):
            slot = (one.object, one.our_id, one.their_id)
            if slot not in best or one.rank < best[slot].rank:
                best[slot] = one
    return [one.collision for one in _without_parts(list(best.values()))]


def _meetings(space: str, ours: _Doings, theirs: _Doings) -> Iterator[_Meeting]:
    # What both sides make, each of them can use.
    is_made_twice = all(any(sign.action == "create" for sign in side) for side in (ours, theirs))
    for our_sign, our_places in ours.items():
        for their_sign, their_places in theirs.items():
            if is_made_twice and (our_sign.action == "create") is not (their_sign.action == "create"):
                continue
            found = _found(space, our_sign, their_sign)
            if found is not None:
                for (our_id, our), (their_id, their) in _pairs(our_places, their_places):
                    yield _Meeting(found, space, our_id, our, their_id, their)


def _pairs(
    ours: Mapping[str, Touch], theirs: Mapping[str, Touch]
) -> Iterator[tuple[tuple[str, Touch], tuple[str, Touch]]]:
    """Yield each revision of one side with the first of the other."""
    our_first, their_first = next(iter(ours.items())), next(iter(theirs.items()))
    for our in ours.items():
        yield our, their_first
    for their in list(theirs.items())[1:]:
        yield our_first, their


def _without_parts(found: Sequence[_Meeting]) -> list[_Meeting]:
    """Leave out what only follows from what the same two revisions do to the whole table."""
    whole = {(one.our.object.key, one.our_id, one.their_id, _scope(one)) for one in found if one.space == "relation"}

    def is_part(one: _Meeting) -> bool:
        return all(_is_within(touch.object, one, whole) for touch in (one.our, one.their))

    return [one for one in found if not is_part(one)]


def _is_within(one: DbObject, meeting: _Meeting, whole: set[tuple[Key, str, str, str]]) -> bool:
    if one.table is None or one.kind == "value":
        return False
    who = (DbObject("table", one.table, None, one.schema).key, meeting.our_id, meeting.their_id)
    return (*who, "all") in whole or (_scope(meeting) == "rows" and (*who, "rows") in whole)


def _scope(one: _Meeting) -> str:
    """Return what of a table a finding covers: all of it, its rows, or neither."""
    if one.found.level == "conflict":
        return "all"
    return "rows" if one.found == _ROWS else ""


def _opaque(ours: Mapping[str, Footprint], theirs: Mapping[str, Footprint]) -> Iterator[Collision]:
    for side, other, is_ours in ((ours, theirs, True), (theirs, ours, False)):
        if not any(footprint.touches or footprint.opaque for footprint in other.values()):
            continue
        for revision, footprint in side.items():
            if not footprint.opaque:
                continue
            first = min(footprint.opaque, key=lambda one: (SQL_EXTRA not in one.what, one.line))
            place = Place(revision, first.line)
            reason = first.what + _more(len(footprint.opaque) - 1)
            yield Collision("opaque", "unknown", place if is_ours else None, None if is_ours else place, reason)


def _more(number: int) -> str:
    return f"; {number} more place{'s' if number > 1 else ''} in it cannot be read" if number else ""


# --- the rules

_GONE = _Found("conflict", "the other fails once it is gone")
_RENAMED = _Found("conflict", "the other fails once it has its new name")
_SECOND_FAILS = _Found("conflict", "the second of the two fails")
_LAST_STAYS = _Found("order", "what comes last stays")
_ROWS = _Found("order", "the rows depend on which comes first")
_INDEX_NAME = _Found("conflict", "a schema may have one index of that name, but on MySQL and SQL Server")
_NEEDED = _Found("order", "the one needs the other to be there first")
_IN_ONE_ORDER = _Found("conflict", "only one order of the two works")


def _found(space: str, ours: _Sign, theirs: _Sign) -> _Found | None:
    """Return what it means that both sides do something to one object."""
    if space == "name":
        return _same_name(ours, theirs)
    if space == "primary key":
        return None if ours.name == theirs.name else _SECOND_FAILS
    for one, other in ((ours, theirs), (theirs, ours)):
        rule = _RULES.get((one.action, other.action))
        if rule is not None:
            return rule(one, other)
    return None


def _same_name(ours: _Sign, theirs: _Sign) -> _Found | None:
    """Return what it means that a constraint or index of the same name is made on two tables, or as two things."""
    if (ours.kind, ours.name[0]) == (theirs.kind, theirs.name[0]) or ours.kind == theirs.kind == "index":
        return None
    with_index = {"unique", "primary key", "exclude"}
    if all(one.kind == "index" or one.aspects & with_index for one in (ours, theirs)):
        return _Found("conflict", "both names are of indexes, and a schema may have one of that name")
    if ours.kind == theirs.kind:
        return _Found("order", "the second fails where a schema may have one constraint of that name, as on MySQL")
    return None


def _create_create(ours: _Sign, theirs: _Sign) -> _Found | None:
    lenient = [one.aspects & {"tolerant", "replace"} for one in (ours, theirs)]
    if not all(lenient):
        return _SECOND_FAILS if ours.kind != "index" or ours.name == theirs.name else _INDEX_NAME
    if all("tolerant" in one for one in lenient):
        # An extension or a schema is what its name says; of a table, the second's definition would be left out.
        return None if ours.kind in {"extension", "schema", "value"} else _Found("order", "what comes first stays")
    return _LAST_STAYS


def _drop_drop(ours: _Sign, theirs: _Sign) -> _Found | None:
    return None if "tolerant" in ours.aspects & theirs.aspects else _SECOND_FAILS


def _rename_use(_: _Sign, use: _Sign) -> _Found:
    if use.kind == "column" and use.aspects & {"index", "constraint"}:
        return _Found("order", "an index or constraint follows the column if it is there first, and else fails")
    return _RENAMED


def _alter_use(alter: _Sign, use: _Sign) -> _Found | None:
    if "data" in use.aspects:
        return _alter_data(alter, use)
    if "type" in alter.aspects and use.aspects & {"index", "constraint", "reference"}:
        return _Found("order", "what is possible with the column depends on its type")
    return None


def _alter_data(alter: _Sign, _: _Sign) -> _Found | None:
    return None if alter.aspects <= {"comment"} else _ROWS


def _alter_alter(ours: _Sign, theirs: _Sign) -> _Found | None:
    if ours.kind == "type":
        return _Found("order", "the values stand in the order in which they are added")
    if ours.aspects & theirs.aspects:
        return _LAST_STAYS
    if ours.kind != "column":
        return None
    return _Found("order", "what comes last stays where the whole column is restated, as on MySQL")


def _write_data(ours: _Sign, theirs: _Sign) -> _Found | None:
    # What is known to the column is compared by the column.
    return None if "columns" in ours.aspects & theirs.aspects else _ROWS


def _write_use(write: _Sign, use: _Sign) -> _Found | None:
    if write.kind == "table" and "constraint" in use.aspects and write.aspects & {"insert", "update"}:
        return _Found("order", "rows that break it fail in one order")
    return None


# Two actions, in either order of the sides, to what they mean together; those that are not here do not meet.
_RULES: dict[tuple[str, str], Callable[[_Sign, _Sign], _Found | None]] = {
    ("create", "create"): _create_create,
    ("create", "drop"): lambda *_: _IN_ONE_ORDER,
    ("create", "rename"): lambda *_: _IN_ONE_ORDER,
    **{("create", action): lambda *_: _NEEDED for action in ("alter", "use", "read", "write")},
    ("drop", "drop"): _drop_drop,
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
