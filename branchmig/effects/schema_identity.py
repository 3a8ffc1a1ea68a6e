"""PURE. Which revisions a schema is made of, when nothing records it: found from what each revision changes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from branchmig.effects.footprint import DbObject, Footprint
from branchmig.effects.footprint.model import folded
from branchmig.effects.schema_snapshot import Catalog

Part = tuple[str, str | None]
Parts = Mapping[Part, str]

MOST_CHOICES = 200_000
"""After so many, nobody waits for an answer any longer."""


class TooManyChoices(Exception):
    """So many sets of revisions could be meant that they were not all looked at."""


@dataclass(frozen=True, slots=True)
class Identified:
    """The revisions that build a schema. `undecided` are those of `applied` that leave no trace in it."""

    applied: frozenset[str]
    undecided: frozenset[str]


@dataclass(frozen=True, slots=True)
class Steps:
    """Revisions in the order in which they ran, and the catalog before them and after each.

    `below` are the ancestors of each. What a set of revisions builds is put together from what each of them changes.
    """

    order: tuple[str, ...]
    below: Mapping[str, frozenset[str]]
    catalogs: tuple[Catalog, ...]
    repeated: Mapping[str, Parts] = field(default_factory=dict)
    """What a revision would have made if another branch had not: CREATE TABLE IF NOT EXISTS in both."""


def repeated(steps: Steps, footprints: Mapping[str, Footprint]) -> dict[str, Parts]:
    """Return for each revision what its script makes, and what a revision that is no ancestor has made before."""
    makers: dict[Part, str] = {}
    found: dict[str, Parts] = {}
    levels = [_parts(catalog) for catalog in steps.catalogs]
    for name, (before, after) in zip(steps.order, pairwise(levels), strict=True):
        created = [effect.object for effect in footprints[name].touches if effect.action == "create"]
        same = [part for part, text in after.items() if before.get(part) == text and part in makers]
        own = {
            part: after[part]
            for part in same
            if makers[part] not in steps.below[name] and any(_is_of(part, each) for each in created)
        }
        if own:
            found[name] = own
        makers |= {part: name for part, text in after.items() if before.get(part) != text}
    return found


def _is_of(part: Part, made: DbObject) -> bool:
    """Return whether a part of the schema is an object, or is of the table that an object is."""
    whole = folded(part[0].partition(" ")[2].rpartition(".")[2])
    if whole == folded(made.name):
        return True
    own = folded((part[1] or "").rpartition(" ")[2])
    return own == folded(made.name) and (made.table is None or whole == folded(made.table))


def identified(steps: Steps, live: Catalog, left_out: Collection[str] = ()) -> Identified | None:
    """Return the largest set of revisions that builds a schema; None if there is none. Raises TooManyChoices.

    Objects of `left_out` do not count unless some revision makes them.
    """
    search = _Search(steps, _own(steps, live, left_out))
    largest = search.found(prefers_in=True)
    if largest is None:
        return None
    smallest = search.found(prefers_in=False)
    assert smallest is not None  # the same choices, in the other order
    return Identified(largest, largest - smallest)


def nearest(steps: Steps, live: Catalog, left_out: Collection[str] = ()) -> tuple[frozenset[str], int]:
    """Return the revisions up to one of them that build what is most like a schema, and how many parts differ."""
    wanted = _own(steps, live, left_out)
    changes = [dict(change) for change in _changes(steps)]
    best: tuple[int, frozenset[str]] | None = None
    for revision in ("", *steps.order):
        applied = (steps.below[revision] | {revision}) if revision else frozenset()
        parts = dict(_parts(steps.catalogs[0]))
        for number, name in enumerate(steps.order):
            if name in applied:
                parts |= {part: text for part, text in changes[number].items() if text is not None}
                parts = {part: text for part, text in parts.items() if changes[number].get(part, text) is not None}
        differing = sum(parts.get(part) != wanted.get(part) for part in {*parts, *wanted})
        if best is None or differing < best[0]:
            best = differing, frozenset(applied)
    assert best is not None
    return best[1], best[0]


def _own(steps: Steps, live: Catalog, left_out: Collection[str]) -> Parts:
    made = {whole for catalog in steps.catalogs for whole in catalog.objects}
    return {part: text for part, text in _parts(live).items() if part[0] in made or part[0] not in left_out}


def _parts(catalog: Catalog) -> Parts:
    """Return all parts in one level, and each object itself, which may have none."""
    found: dict[Part, str] = {}
    for whole, parts in catalog.objects.items():
        found[whole, None] = ""
        if not whole.startswith("extension "):  # which version it has is up to the server
            found |= {(whole, part): text for part, text in parts.items()}
    return found


def _changes(steps: Steps) -> list[dict[Part, str | None]]:
    """Return what each revision sets; None for what it takes away."""
    levels = [_parts(catalog) for catalog in steps.catalogs]
    changes = [
        {part: after.get(part) for part in {*before, *after} if before.get(part) != after.get(part)}
        for before, after in pairwise(levels)
    ]
    return [{**change, **steps.repeated.get(name, {})} for name, change in zip(steps.order, changes, strict=True)]


class _Search:
    """Decides from the last revision to the first: the last one that is applied has the last word on a part."""

    def __init__(self, steps: Steps, live: Parts) -> None:
        self._order, self._below, self._live = steps.order, steps.below, live
        self._changes = _changes(steps)
        self._start = _parts(steps.catalogs[0])
        self._makers: dict[Part, list[int]] = {}
        for number, change in enumerate(self._changes):
            for part, text in change.items():
                if text == live.get(part):
                    self._makers.setdefault(part, []).append(number)

    def found(self, *, prefers_in: bool) -> frozenset[str] | None:
        """Return a set of revisions that explains every part; None if there is none."""
        touched = {part for change in self._changes for part in change}
        if any(self._live.get(part) != self._start.get(part) for part in {*self._live, *self._start} - touched):
            return None
        applied: set[str] = set()
        settled: set[Part] = set()
        settled_by: dict[int, list[Part]] = {}
        if not self._order:
            return frozenset() if self._is_explained(settled, touched) else None
        left = [iter(self._choices(len(self._order) - 1, applied, settled, prefers_in=prefers_in))]
        tried = 0
        while left:
            number = len(self._order) - len(left)
            applied.discard(self._order[number])
            settled.difference_update(settled_by.pop(number, ()))
            choice = next(left[-1], None)
            if choice is None:
                left.pop()
                continue
            if choice:
                applied.add(self._order[number])
                settled_by[number] = [part for part in self._changes[number] if part not in settled]
                settled.update(settled_by[number])
            tried += 1
            if tried > MOST_CHOICES:
                raise TooManyChoices
            if number:
                left.append(iter(self._choices(number - 1, applied, settled, prefers_in=prefers_in)))
            elif self._is_explained(settled, touched):
                return frozenset(applied)
        return None

    def _choices(self, number: int, applied: set[str], settled: Collection[Part], *, prefers_in: bool) -> list[bool]:
        name = self._order[number]
        open_parts = [(part, text) for part, text in self._changes[number].items() if part not in settled]
        may_be_in = all(self._live.get(part) == text for part, text in open_parts)
        may_be_out = not any(name in self._below[other] for other in applied) and all(
            self._live.get(part) == self._start.get(part) or any(maker < number for maker in self._makers.get(part, ()))
            for part, _ in open_parts
        )
        choices = [True] if may_be_in else []
        choices += [False] if may_be_out else []
        return choices if prefers_in else choices[::-1]

    def _is_explained(self, settled: Collection[Part], touched: Collection[Part]) -> bool:
        return all(self._live.get(part) == self._start.get(part) for part in touched if part not in settled)
