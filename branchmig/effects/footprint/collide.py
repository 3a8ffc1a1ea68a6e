"""PURE. Two sides' footprints to the pairs of touches on the same object.

Touches are compared by object, and on one object by what is done to it: the work grows with the number of touches,
not with its square.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement

from branchmig.effects.footprint.model import (
    ANY_COLUMN,
    COMPUTED_SCHEMA,
    EVERY_COLUMN,
    DbObject,
    Effect,
    Footprint,
    Key,
    folded,
    folded_schema,
)
from branchmig.effects.footprint.rules import BREAKS, LEVELS, ROWS, Found, Level, Sign, meaning


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a revision's file."""

    revision: str
    line: int


@dataclass(frozen=True, slots=True)
class Collision:
    """Something of ours and something of theirs that meet on one object, or what cannot be read of one side.

    `conflict`: at least one order of the two fails. `order`: both run, and the result depends on which is first.
    `opaque`: not known; then only the side that cannot be read has a place. `fails_both_ways`: no order works.
    """

    level: Level
    object: str
    ours: Place | None
    theirs: Place | None
    reason: str
    fails_both_ways: bool = False


def collisions(ours: Mapping[str, Footprint], theirs: Mapping[str, Footprint]) -> tuple[Collision, ...]:
    """Return the pairs of our and their touches on one object, worst first. The mappings are in upgrade order.

    Where several revisions of both sides meet on one object, each of them is named against the first of the other
    side, not against every one. What cannot be read is named once for each revision, unless the other side does
    nothing. Swapping the sides swaps them in the answer.
    """
    anywhere = _in_any_schema(ours, theirs)
    found = [*_collisions(_by_object(ours, anywhere), _by_object(theirs, anywhere)), *_opaque(ours, theirs)]
    order = {revision: at for at, revision in enumerate([*ours, *theirs])}

    def key(collision: Collision) -> tuple[int, str, list[tuple[int, int]], str]:
        places = [(order[place.revision], place.line) for place in (collision.ours, collision.theirs) if place]
        return LEVELS.index(collision.level), collision.object, places, collision.reason

    return tuple(sorted(found, key=key))


def conflicting_pairs(
    sides: Mapping[str, Mapping[str, Footprint]], level: Level = "conflict"
) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Return each two sides that collide at a level, with the objects, in the order of the sides."""
    names, anywhere = list(sides), _in_any_schema(*sides.values())
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for number, other in sorted(_candidates([_by_object(side, anywhere) for side in sides.values()], level)):
        objects = objects_in_conflict(sides[names[number]], sides[names[other]], level)
        if objects:
            found[names[number], names[other]] = objects
    return found


def objects_in_conflict(
    entry: Mapping[str, Footprint], other: Mapping[str, Footprint], level: Level = "conflict"
) -> tuple[str, ...]:
    """Return what two sides collide over at a level, sorted.

    The revisions that both have do not count: one branch may stand on the other.
    """
    both = collisions(
        {revision: footprint for revision, footprint in entry.items() if revision not in other},
        {revision: footprint for revision, footprint in other.items() if revision not in entry},
    )
    return tuple(sorted({collision.object for collision in both if collision.level == level}))


def _candidates(sides: Sequence[_Objects], level: Level) -> set[tuple[int, int]]:
    """Return the pairs of sides that do things to one object which collide at a level."""
    doers: dict[tuple[str, ...], dict[Sign, list[int]]] = defaultdict(lambda: defaultdict(list))
    for at, side in enumerate(sides):
        for key, doings in side.items():
            for sign in doings:
                doers[key][sign].append(at)
    pairs: set[tuple[int, int]] = set()
    for key, signs in doers.items():
        for (each_sign, ones), (other, others) in combinations_with_replacement(signs.items(), 2):
            found = meaning(key[0], each_sign, other)
            if found is not None and found.level == level:
                pairs.update((min(a, b), max(a, b)) for a in ones for b in others if a != b)
    return pairs


# For each object, each kind of thing that is done to it, and by each revision the first place where it is done.
_Doings = dict[Sign, dict[str, Effect]]
_Objects = dict[tuple[str, ...], _Doings]


def _in_any_schema(*sides: Mapping[str, Footprint]) -> frozenset[str]:
    """Return the tables whose schema is computed somewhere: they may be those of any schema, and are compared so."""
    touches = (touch for side in sides for footprint in side.values() for touch in footprint.touches)
    return frozenset(_table(touch.object) for touch in touches if touch.object.schema == COMPUTED_SCHEMA)


def _placed(touch: Effect, anywhere: frozenset[str]) -> Effect:
    if touch.object.schema and _table(touch.object) in anywhere:
        return replace(touch, object=replace(touch.object, schema=None))
    return touch


def _table(obj: DbObject) -> str:
    return folded(obj.table or obj.name)


def _by_object(side: Mapping[str, Footprint], anywhere: frozenset[str]) -> _Objects:
    found: _Objects = defaultdict(lambda: defaultdict(dict))
    for revision, footprint in side.items():
        for touch in (_placed(effect, anywhere) for effect in footprint.touches):
            obj = touch.object
            sign = Sign(obj.kind, (folded(obj.table or ""), folded(obj.name)), touch.action, touch.aspects)
            for key in _keys(touch):
                found[key][sign].setdefault(revision, touch)
            if obj.schema and obj.kind != "schema" and folded_schema(obj.schema):
                schema = DbObject("schema", obj.schema)
                use = Effect(schema, "use", touch.line, touch.what)
                found[schema.key][Sign("schema", ("", ""), "use", frozenset())].setdefault(revision, use)
    return found


def _keys(touch: Effect) -> Iterator[tuple[str, ...]]:
    """Yield what a touch is compared by: its object, and what may exist once beside it."""
    obj = touch.object
    yield obj.key
    # A constraint without a name is called by its columns, `foreign key (id)`: that is no name to be taken twice.
    if touch.action == "create" and obj.kind in {"constraint", "index"} and not obj.name.endswith(")"):
        yield "name", folded_schema(obj.schema), folded(obj.name)
    if obj.kind == "column" or touch.aspects & {ANY_COLUMN, EVERY_COLUMN}:
        table = obj.table if obj.kind == "column" else obj.name
        yield "columns", folded_schema(obj.schema), folded(table or "")
    if touch.action == "create" and "primary key" in touch.aspects:
        yield "primary key", folded_schema(obj.schema), folded(obj.table or "")


@dataclass(frozen=True, slots=True)
class _Meeting:
    """A touch of ours and one of theirs, and what follows from them."""

    found: Found
    space: str
    our_id: str
    our: Effect
    their_id: str
    their: Effect

    @property
    def rank(self) -> tuple[int, list[tuple[int, str]]]:
        """The worst first, then what stands first in the files, whichever side is which."""
        lines = sorted([(self.our.line, self.our.what), (self.their.line, self.their.what)])
        return LEVELS.index(self.found.level), lines

    @property
    def object(self) -> str:
        met = [self.our.object, self.their.object]
        if self.space == "primary key":
            met = [DbObject("table", obj.table or "", None, obj.schema) for obj in met]
        # Of two spellings of one object always the same one.
        return min(str(obj) for obj in met)

    @property
    def collision(self) -> Collision:
        if self.our.what == self.their.what:
            verb, _, rest = self.our.what.partition(" ")
            reason = f"both {verb.removesuffix('s')} {rest}: {self.found.consequence}"
        else:
            reason = f"ours {self.our.what}, theirs {self.their.what}: {self.found.consequence}"
        ours, theirs = Place(self.our_id, self.our.line), Place(self.their_id, self.their.line)
        return Collision(self.found.level, self.object, ours, theirs, reason, self.found.fails_both_ways)


def _collisions(ours: _Objects, theirs: _Objects) -> list[Collision]:
    best: dict[tuple[str, str, str], _Meeting] = {}
    for key in sorted(ours.keys() & theirs.keys()):
        for meeting in _meetings(key[0], ours[key], theirs[key]):
            slot = (meeting.object, meeting.our_id, meeting.their_id)
            if slot not in best or meeting.rank < best[slot].rank:
                best[slot] = meeting
    return [meeting.collision for meeting in _without_parts(list(best.values()))]


def _meetings(space: str, ours: _Doings, theirs: _Doings) -> Iterator[_Meeting]:
    # What both sides make, each of them can use.
    is_made_twice = space != "columns" and all(any(sign.action == "create" for sign in side) for side in (ours, theirs))
    for our_sign, our_places in ours.items():
        for their_sign, their_places in theirs.items():
            if is_made_twice and (our_sign.action == "create") is not (their_sign.action == "create"):
                continue
            found = meaning(space, our_sign, their_sign)
            if found is not None:
                for (our_id, our), (their_id, their) in _pairs(our_places, their_places):
                    yield _Meeting(found, space, our_id, our, their_id, their)


def _pairs(
    ours: Mapping[str, Effect], theirs: Mapping[str, Effect]
) -> Iterator[tuple[tuple[str, Effect], tuple[str, Effect]]]:
    """Yield each revision of one side with the first of the other."""
    our_first, their_first = next(iter(ours.items())), next(iter(theirs.items()))
    for our in ours.items():
        yield our, their_first
    for their in list(theirs.items())[1:]:
        yield our_first, their


def _without_parts(found: Sequence[_Meeting]) -> list[_Meeting]:
    """Leave out what only follows from what the same two revisions do to the whole table."""
    whole = {
        (meeting.our.object.key, meeting.our_id, meeting.their_id, _scope(meeting))
        for meeting in found
        if meeting.space == "relation"
    }

    return [
        meeting
        for meeting in found
        if not all(_is_within(touch.object, meeting, whole) for touch in (meeting.our, meeting.their))
    ]


def _is_within(obj: DbObject, meeting: _Meeting, whole: set[tuple[Key, str, str, str]]) -> bool:
    if obj.table is None or obj.kind == "value":
        return False
    who = (DbObject("table", obj.table, None, obj.schema).key, meeting.our_id, meeting.their_id)
    return (*who, "all") in whole or (_scope(meeting) == "rows" and (*who, "rows") in whole)


def _scope(meeting: _Meeting) -> str:
    """Return what of a table a finding covers: all of it, its rows, or neither."""
    if meeting.found.level == "conflict" and meeting.found != BREAKS:
        return "all"
    return "rows" if meeting.found == ROWS else ""


def _opaque(ours: Mapping[str, Footprint], theirs: Mapping[str, Footprint]) -> Iterator[Collision]:
    for side, other, is_ours in ((ours, theirs, True), (theirs, ours, False)):
        if not any(footprint.touches or footprint.opaque for footprint in other.values()):
            continue
        for revision, footprint in side.items():
            if not footprint.opaque:
                continue
            first = min(footprint.opaque, key=lambda opaque: opaque.line)
            place = Place(revision, first.line)
            more = len(footprint.opaque) - 1
            reason = first.what + (f"; {more} more place{'s' * (more > 1)} in it cannot be read" if more else "")
            yield Collision("opaque", "unknown", place if is_ours else None, None if is_ours else place, reason)
