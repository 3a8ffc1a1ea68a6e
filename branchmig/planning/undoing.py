"""PURE. Decides which applied revisions to revert, from what git shows of those that the work tree lacks.

Missing from the work tree is no proof that a revision belongs to another branch: sparse checkouts, squashes, other
clones and releases all look like that. Only unlanded work of another branch is undone without being named.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from branchmig.dag import RevisionDag, reached
from branchmig.model import Presence, Removal

Place = Literal["here", "retired", "squash", "unlanded", "released", "unknown"]
"""What an applied revision is that the work tree lacks.

`here`: the index or HEAD has it. `retired`: it landed in the history of HEAD and was removed there. `squash`: another
branch squashed revisions into it that the checkout still has. `unlanded`: work of another branch, or of one that was
deleted. `released`: a tag alone holds it. `unknown`: git does not show any of this.
"""

_WORK = ("refs/heads/", "refs/remotes/", "refs/stash", "refs/pull/", "refs/merge-requests/", "refs/changes/")
_LEFT_OVER = ("reflog", "unreachable", "refs/branchmig/pins/")
_TAG = "refs/tags/"


@dataclass(frozen=True, slots=True)
class Absent:
    """An applied revision that the work tree lacks: what it is, and the reason in words that follow its id."""

    revision: str
    place: Place
    reason: str
    removal: Removal | None = None
    found_in: tuple[str, ...] = ()
    stands_for: tuple[str, ...] = ()
    """The checkout's revisions that may be what a squash made, where the checkout has all of them."""


def absent(revision_id: str, presence: Presence) -> Absent:
    """Return the class of an applied revision that the work tree lacks."""
    if presence.here:
        reason = f"is not in the work tree, and the checkout has it: {presence.here}"
        return Absent(revision_id, "here", reason)
    if presence.removal is not None:
        return Absent(revision_id, "retired", _retired_reason(presence.removal), presence.removal)
    if presence.doubt:
        return Absent(revision_id, "unknown", f"may belong to this branch: {presence.doubt}")
    found = presence.found_in
    if any(ref.startswith(_WORK) for ref in found):
        return Absent(revision_id, "unlanded", "is unlanded work of another branch", found_in=found)
    if tags := [ref.removeprefix(_TAG) for ref in found if ref.startswith(_TAG)]:
        return Absent(revision_id, "released", f"is part of a release: only tag {tags[0]} holds it", found_in=found)
    if any(ref.startswith(_LEFT_OVER) for ref in found):
        return Absent(revision_id, "unlanded", "is work of a branch that is gone", found_in=found)
    return Absent(revision_id, "unknown", "is not in any branch that git has")


def _retired_reason(removal: Removal) -> str:
    name = removal.branch or "HEAD"
    if not removal.last_commit:
        return f"is retired: it landed on {name}, and {name} no longer has it"
    by = f" by {removal.author}" if removal.author else ""
    removed = f", and commit {removal.commit[:10]}{by} removed it" if removal.commit else f"{by}, before a rewrite"
    return f"is retired: {name} had it until commit {removal.last_commit[:10]}{removed}"


@dataclass(frozen=True, slots=True)
class Squash:
    """Retired revisions and what took their place.

    `into` are the checkout's revisions that stand for `replaced`. With `keeps_id`, `into` is the last of the range
    under its old id, and so does more than `replaced`. `above` are those whose parents it became. `tops` are the last
    of `replaced`, on which nothing else of it stands. `is_certain` is False where a commit removed some revisions and
    added others on top of the line, and nothing says that these do the same.
    """

    into: tuple[str, ...]
    replaced: frozenset[str]
    above: tuple[str, ...] = ()
    keeps_id: bool = False
    is_certain: bool = True
    removal: Removal = field(default_factory=Removal)
    tops: tuple[str, ...] = ()


def squashes(
    here: RevisionDag,
    before: RevisionDag,
    removed: Collection[str],
    added: Collection[str],
    replaces: Mapping[str, Sequence[str]],
    removal: Removal,
    kept: Collection[str] = (),
) -> list[Squash]:
    """Return what took the place of some revisions that one commit removed.

    `before` is the graph of the last commit that had them, `added` what the removing commit brought, `replaces` what
    the checkout's own files say of themselves; `kept` are those of them whose id was a revision's before, wherever
    that was. A squash that keeps the last id, and one with a new id in the middle:

        a - b - c - d        c' - d              b, c: into c'
        a - b - c - d        a - s - d           b, c: into s
    """
    gone = frozenset(removed)
    found = [
        Squash(
            (replace,),
            frozenset(ids) & gone,
            _rewired(here, before, replace),
            keeps_id=replace in before or replace in kept,
            removal=removal,
        )
        for replace, ids in replaces.items()
        if gone.intersection(ids)
    ]
    known = frozenset[str]().union(*(squash.replaced for squash in found))
    for revision_id in before.order():
        if revision_id in gone or revision_id not in here or gone.isdisjoint(before.below(revision_id)):
            continue
        replaced = (before.ancestors([revision_id]) & gone) - known
        if not replaced or set(here.below(revision_id)) == set(before.below(revision_id)):
            continue
        new = _new_below(here, before, revision_id)
        above = _rewired(here, before, *new)
        found.append(Squash(tuple(sorted(new)) or (revision_id,), replaced, above, not new, removal=removal))
        known |= replaced
    rest = gone - known
    tops = tuple(sorted(revision_id for revision_id in added if revision_id in here and revision_id not in before))
    taken = {revision_id for squash in found for revision_id in squash.into}
    if rest and (left := tuple(revision_id for revision_id in tops if revision_id not in taken)):
        found.append(Squash(left, rest, is_certain=False, removal=removal))
    return [replace(squash, tops=before.maximal(id_ for id_ in squash.replaced if id_ in before)) for squash in found]


def _rewired(here: RevisionDag, before: RevisionDag, *ids: str) -> tuple[str, ...]:
    """Return the revisions directly above some others that lay on other ones before."""
    above = {child for revision_id in ids for child in here.children(revision_id, dependencies=True)}
    return tuple(sorted(name for name in above if name in before and {*before.below(name)} != {*here.below(name)}))


def _new_below(here: RevisionDag, before: RevisionDag, revision_id: str) -> frozenset[str]:
    """Return the revisions between one and the first that `before` knows below it."""
    return reached([revision_id], lambda name: (below for below in here.below(name) if below not in before))


@dataclass(frozen=True, slots=True)
class Settled:
    """What squashes mean for one database.

    `standing` count as applied, each with the applied ones that do what it does; those of `replaced` are retired.
    `half` are squashes of whose revisions the database has some. `unclear` are removals of which nothing says whether
    the added revisions replace them. `rewritten` are those whose script or parents a squash changed: they are never run
    again for that.
    """

    standing: Mapping[str, frozenset[str]] = field(default_factory=dict)
    half: tuple[Squash, ...] = ()
    unclear: tuple[Squash, ...] = ()
    rewritten: frozenset[str] = frozenset()
    replaced: frozenset[str] = frozenset()
    stood: frozenset[str] = frozenset()
    """What counted as applied before, in the place of retired revisions: no journal knows how it ran."""


def settle(found: Sequence[Squash], applied: Collection[str]) -> Settled:
    """Return the effect of some squashes on a database that has applied some revisions."""
    has = frozenset(applied)
    standing: dict[str, frozenset[str]] = {}
    half: list[Squash] = []
    unclear: list[Squash] = []
    replaced = stood = frozenset[str]()
    for squash in found:
        if has.isdisjoint(squash.replaced):
            continue
        if has.issuperset(squash.into):
            stood = stood.union(squash.into)
            continue
        if not squash.is_certain and has.issuperset(squash.replaced):
            unclear.append(squash)
        elif has.issuperset(squash.replaced) and not squash.keeps_id:
            standing |= dict.fromkeys(squash.into, squash.replaced)
            replaced |= squash.replaced
        else:
            half.append(squash)
    rewritten = frozenset(name for squash in found if squash.is_certain for name in (*squash.into, *squash.above))
    return Settled(standing, tuple(half), tuple(unclear), rewritten, replaced, stood)


def replaced_by(squash: Squash, fact: Absent) -> Absent:
    """Return an absent revision as retired by a squash whose file names it."""
    reason = f"is retired: {', '.join(squash.into)} replaces it, as its file says"
    return Absent(fact.revision, "retired", reason, squash.removal, fact.found_in)


def squashed_elsewhere(
    absences: Absences,
    found: Sequence[Squash],
    applied: Collection[str],
    wanted: Collection[str],
    reverted: Mapping[str, frozenset[str]],
) -> Absences:
    """Return what absent revisions are, where they are squashes of a newer branch; `wanted` are the checkout's.

    Where the checkout has all that was squashed, these count as applied. Else the squash stays, and nothing of it is
    run. As of any squash, undoing it would take away what its own branch has landed. `reverted` are revisions whose
    downgrade() has run, each with those that were applied before that: so a squash may be taken away by its parts.
    """
    facts, settled, gone = dict(absences.found), absences.settled, absences.taken_away
    standing, replaced, rewritten = dict(settled.standing), settled.replaced, settled.rewritten
    for squash in found:
        new = [name for name in squash.into if name in facts and facts[name].place == "unlanded"]
        if not new or not squash.replaced.intersection(wanted) or not set(applied).issuperset(squash.into):
            continue
        if squash.keeps_id and not squash.replaced.isdisjoint(applied):
            continue  # the last of the range was applied on top of the others, before they were squashed into it
        undone = {name for name in squash.replaced if reverted.get(name, frozenset()).issuperset(squash.into)}
        if undone.issuperset(squash.replaced):
            facts = {name: fact for name, fact in facts.items() if name not in squash.into}
            gone = gone.union(squash.into)
            continue
        has_all = squash.replaced.issubset(wanted) and not squash.keeps_id
        reason = _squash_reason(squash, wanted)
        stands_for = tuple(sorted(squash.replaced)) if has_all else ()
        facts |= {name: Absent(name, "squash", reason, squash.removal, stands_for=stands_for) for name in new}
        if has_all and squash.is_certain:
            standing |= dict.fromkeys(squash.replaced - undone, frozenset(squash.into))
            replaced = replaced.union(new)
            rewritten = rewritten.union(squash.above)
    settled = replace(settled, standing=standing, replaced=replaced, rewritten=rewritten)
    return Absences(facts, settled, gone)


def _squash_reason(squash: Squash, wanted: Collection[str]) -> str:
    removal = squash.removal
    by = f", commit {removal.commit[:10]}{f' by {removal.author}' if removal.author else ''}" if removal.commit else ""
    is_or_may_be = "is" if squash.is_certain else "may be"
    here = sorted(squash.replaced.intersection(wanted))
    lacking = squash.keeps_id or squash.replaced.difference(wanted)
    has = f", of which this checkout has {', '.join(here)}" if lacking else ", which this checkout has"
    names = ", ".join(sorted({*squash.replaced, *(squash.into if squash.keeps_id else ())}))
    return f"{is_or_may_be} the squash of {names} on {removal.branch or 'HEAD'}{by}{has}"


def taken_away(found: Sequence[Squash], reverted: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return the replaced revisions that are applied no more, since what took their place was reverted.

    `reverted` are revisions whose downgrade() has run, each with those that were applied before that.
    """
    gone: set[str] = set()
    for squash in found:
        if squash.is_certain and all(revision_id in reverted for revision_id in squash.into):
            gone |= squash.replaced.intersection(*(reverted[revision_id] for revision_id in squash.into))
    return frozenset(gone)


@dataclass(frozen=True, slots=True)
class Absences:
    """The applied revisions that a checkout lacks, and what the squashes among them mean.

    `taken_away` only look applied: what took their place was reverted.
    """

    found: Mapping[str, Absent] = field(default_factory=dict)
    settled: Settled = field(default_factory=Settled)
    taken_away: frozenset[str] = frozenset()

    def of(self, *places: Place) -> frozenset[str]:
        """Return the revisions that are one of some things."""
        return frozenset(name for name, fact in self.found.items() if fact.place in places)
