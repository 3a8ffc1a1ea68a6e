"""Brings places and footprints together: what two sides both touch since they parted. Reads files, runs none."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

from branchmig import guard
from branchmig.footprint import (
    LEVELS,
    Collision,
    Place,
    collisions,
    conflicting_pairs,
    objects_in_conflict,
    read_footprint,
)
from branchmig.forecast import Landing
from branchmig.model import Problem
from branchmig.obstacles import RENUMBER
from branchmig.progress import told
from branchmig.project import WORKTREE
from branchmig.same_ids import same_ids

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from branchmig.dag import RevisionDag
    from branchmig.footprint import Footprint
    from branchmig.model import Revision
    from branchmig.project import Project, View
    from branchmig.same_ids import SameId

READING = "reading what the revisions touch"

_TARGET = ""
"""The target among branches: no branch has an empty name."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two lines of revisions that were compared, in upgrade order; `name` is that of the merge revision above them."""

    name: str
    ours: tuple[str, ...]
    theirs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides since their merge bases, and where they collide.

    `ours` and `theirs` are the revisions, in upgrade order, that only this side has; of several heads in one
    place, the first head is ours and all others are theirs. Where one side is empty, they are the lines below the
    merge revisions that the other side brings. The names say what the sides are; `paths` where the revisions
    lie, `their_paths` where theirs lie whose id one of ours has, too.
    `pairs` are the two lines of each comparison that was made, with a name: none where there is nothing to compare.
    """

    our_name: str
    their_name: str
    base: tuple[str, ...]
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    collisions: tuple[Collision, ...]
    paths: Mapping[str, str]
    their_paths: Mapping[str, str] = field(default_factory=dict)
    pairs: tuple[Pair, ...] = ()

    @property
    def conflicts(self) -> tuple[Collision, ...]:
        """The collisions of which at least one order fails."""
        return tuple(one for one in self.collisions if one.level == "conflict")

    def sides(self, one: Collision) -> list[tuple[str, Place, str]]:
        """Return `ours` and `theirs` with their places and files, as far as a collision has them."""
        theirs = {**self.paths, **self.their_paths}
        found = (("ours", one.ours, self.paths), ("theirs", one.theirs, theirs))
        return [(side, place, paths[place.revision]) for side, place, paths in found if place is not None]


def compare(project: Project, at: str = WORKTREE, merged_with: str | None = None) -> Comparison:
    """Compare a place with a ref; without one, its heads if it has too many, else it and the target branch.

    Raises GitError where there is nothing to compare with, RevisionGraphError where a side is no lawful graph.
    """
    view = project.view(at)
    if merged_with is None:
        heads = next(iter(guard.disallowed_heads(view.dag, project.config_of(view).settings.policy)), ())
        if heads:
            return compare_heads(view, heads)
        merged_with = project.target(None, "--merged-with")
    return _compare_views(project, view, project.view(merged_with), merged_with)


def conflict_problems(project: Project, at: str, merged_with: str) -> list[Problem]:
    """Return a problem for each conflict between a place and the ref that is looked at as merged into it."""
    comparison = compare(project, at, merged_with)
    return [
        Problem(
            "conflicting-revisions",
            f"{one.reason} ({', '.join(f'{path}:{place.line}' for _, place, path in sides)})",
            f"change one of the two; all of it: branchmig conflicts {at} --merged-with {merged_with}",
            tuple(dict.fromkeys(place.revision for _, place, _ in sides)),
            tuple(path for _, _, path in sides),
        )
        for one in comparison.conflicts
        for sides in [comparison.sides(one)]
    ]


def conflicts_with(
    project: Project, own: Mapping[str, bytes], branches: Mapping[str, str], landings: Sequence[Landing]
) -> dict[str, tuple[str, ...]]:
    """Return the branches that are in conflict with some scripts, given by revision, and over which objects."""
    ours = {revision: read_footprint(text) for revision, text in own.items()}
    sides = _landing_footprints(project, branches, landings) if ours else {}
    found = {branch: objects_in_conflict(ours, theirs) for branch, theirs in sides.items()}
    return {branch: objects for branch, objects in found.items() if objects}


@dataclass(frozen=True, slots=True)
class LandingConflicts:
    """Over which objects landings are in conflict: each with the target's revisions, and each two with each other."""

    with_target: Mapping[str, tuple[str, ...]]
    pairs: Mapping[tuple[str, ...], tuple[str, ...]]


def landing_conflicts(
    project: Project, target: View, branches: Mapping[str, str], landings: Sequence[Landing]
) -> LandingConflicts:
    """Return the conflicts of what branches, names with their commits, add; pairs in the order given.

    Of the target's revisions, those count that a branch does not stand on: whichever was applied first, the other may
    fail.
    """
    dag = target.dag
    beside: dict[str, tuple[str, ...]] = {}
    for one in landings:
        fresh = [revision for revision_id, revision in one.added.items() if revision_id not in dag]
        below = {parent for revision in fresh for parent in revision.parents if parent in dag}
        if below:
            beside[one.branch] = _in_order(dag, {each.id for each in dag} - _with_ancestors(dag, below))
    theirs = {revision_id: dag[revision_id] for ids in beside.values() for revision_id in ids}
    whole = [*landings, Landing(_TARGET, theirs)] if theirs else landings
    found = _landing_footprints(project, {**branches, _TARGET: target.tree}, whole)
    known = found.pop(_TARGET, {})
    against = {
        branch: objects_in_conflict(found.get(branch, {}), {one: known[one] for one in ids if one in known})
        for branch, ids in beside.items()
    }
    return LandingConflicts(
        {branch: objects for branch, objects in against.items() if objects}, conflicting_pairs(found)
    )


def _landing_footprints(
    project: Project, branches: Mapping[str, str], landings: Iterable[Landing]
) -> dict[str, dict[str, Footprint]]:
    top = f"{project.tracked.top}/"
    # What the branch has at that path; where the merge has the file in another folder, what the merge has.
    names = {
        (one.branch, revision.id): (
            f"{branches[one.branch]}:{revision.path.removeprefix(top)}",
            *([one.blobs[revision.id]] if revision.id in one.blobs else []),
        )
        for one in landings
        for revision in one.added.values()
        if revision.path
    }
    wanted = dict.fromkeys(name for each in names.values() for name in each)
    contents = {name: text for name, text in project.tracked.objects(list(wanted)) if text is not None}
    texts = {key: next((contents[name] for name in each if name in contents), None) for key, each in names.items()}
    distinct = {text for text in texts.values() if text is not None}
    read = {text: read_footprint(text) for text in told(distinct, len(distinct), READING)}
    found: dict[str, dict[str, Footprint]] = {}
    for (branch, revision_id), text in texts.items():
        if text is not None:
            found.setdefault(branch, {})[revision_id] = read[text]
    return found


def _compare_views(project: Project, ours: View, theirs: View, ref: str) -> Comparison:
    from branchmig.diverged import diverged
    from branchmig.git.history import short_ref

    twice = same_ids(project, ours, theirs, short_ref(ref))
    known = {one.revision for one in twice}
    moved = [
        (one, other)
        for one, other in diverged(project, ours, theirs)
        if one.id not in known and one.parents != other.parents
    ]

    our_ids, their_ids = ({revision.id for revision in view.revisions} for view in (ours, theirs))
    our_own = _in_order(ours.dag, our_ids - their_ids)
    their_own = _in_order(theirs.dag, their_ids - our_ids)
    # A side without revisions of its own parts from the other where all that it has ends.
    shared = _with_ancestors(ours.dag, our_own or ours.dag.heads())
    shared &= _with_ancestors(theirs.dag, their_own or theirs.dag.heads())
    found = list(collisions(_footprints(ours, our_own), _footprints(theirs, their_own)))
    merged = [*_merged_lines(ours, our_own, their_ids), *_merged_lines(theirs, their_own, our_ids)]
    texts = [_footprints(view, [*pair.ours, *pair.theirs]) for view, pair in merged]
    for (_, pair), footprints in zip(merged, texts, strict=True):
        found += collisions(*({one: footprints[one] for one in side} for side in (pair.ours, pair.theirs)))
    pairs = [Pair("both sides", our_own, their_own)] if our_own and their_own else []
    pairs += [pair for _, pair in merged]
    if merged and not (our_own and their_own):
        our_own = tuple(dict.fromkeys(one for pair in pairs for one in pair.ours))
        their_own = tuple(dict.fromkeys(one for pair in pairs for one in pair.theirs))
        shared = _with_ancestors(merged[0][0].dag, our_own) & _with_ancestors(merged[0][0].dag, their_own)
    paths = {one: path for view, pair in merged for one, path in _paths(view, [*pair.ours, *pair.theirs]).items()}
    return Comparison(
        our_name=ours.at,
        their_name=short_ref(ref),
        base=_ends(ours.dag, shared),
        ours=our_own,
        theirs=their_own,
        collisions=_worst_first(
            [*(_same_id(one) for one in twice), *(_other_parents(one, other) for one, other in moved), *found]
        ),
        paths=_paths(ours, our_ids.intersection(our_own))
        | _paths(theirs, their_ids.intersection(their_own))
        | paths
        | {one.revision: one.our_path for one in twice}
        | {one.id: str(one.path) for one, _ in moved},
        their_paths={one.revision: one.their_path for one in twice} | {other.id: str(other.path) for _, other in moved},
        pairs=tuple(pairs),
    )


def _other_parents(ours: Revision, theirs: Revision) -> Collision:
    """Return the collision of one revision that two lines have on different parents, as a backport is."""
    place = Place(ours.id, 1)
    reason = (
        f"revision {ours.id!r} is on both sides, there with {guard.difference_of(ours, theirs)}; "
        "a database of one side skips it on the other"
    )
    return Collision("conflict", f"revision {ours.id}", place, place, reason)


def _same_id(one: SameId) -> Collision:
    place = Place(one.revision, 1)
    return Collision("conflict", f"revision {one.revision}", place, place, f"{one.reason}; {RENUMBER}")


def _merged_lines(view: View, own: Sequence[str], elsewhere: Collection[str]) -> list[tuple[View, Pair]]:
    """Return the two lines below each merge revision among some, without what both have below them.

    A line that `elsewhere` has is theirs. Empty lines are left out: there is nothing to compare.
    """
    found = []
    for merge in own:
        for one, other in combinations(view.dag[merge].parents, 2):
            reached = [_with_ancestors(view.dag, [parent]) for parent in (one, other)]
            lines = [_in_order(view.dag, reached[0] - reached[1]), _in_order(view.dag, reached[1] - reached[0])]
            lines.sort(key=lambda line: all(revision in elsewhere for revision in line))
            if all(lines):
                found.append((view, Pair(merge, lines[0], lines[1])))
    return found


def _worst_first(found: Iterable[Collision]) -> tuple[Collision, ...]:
    return tuple(sorted(dict.fromkeys(found), key=lambda collision: LEVELS.index(collision.level)))


def compare_heads(view: View, heads: Sequence[str]) -> Comparison:
    """Compare each two heads of one place, each with what it brings since they parted."""
    dag = view.dag
    reached = {head: _with_ancestors(dag, [head]) for head in heads}
    first, *others = heads
    ours = _in_order(dag, reached[first].difference(*(reached[one] for one in others)))
    theirs = _in_order(dag, frozenset().union(*(reached[one] for one in others)) - reached[first])
    shared = frozenset.intersection(*reached.values())
    footprints = _footprints(view, _in_order(dag, frozenset().union(*reached.values()) - shared))
    found: dict[Collision, None] = {}
    for one, other in combinations(heads, 2):
        sides = (_in_order(dag, reached[one] - reached[other]), _in_order(dag, reached[other] - reached[one]))
        found |= dict.fromkeys(collisions(*({id_: footprints[id_] for id_ in side} for side in sides)))
    return Comparison(
        our_name=first,
        their_name=", ".join(others),
        base=_ends(dag, shared),
        ours=ours,
        theirs=theirs,
        collisions=_worst_first(found),
        paths=_paths(view, footprints),
        pairs=(Pair("", ours, theirs),) if ours and theirs else (),
    )


def _in_order(dag: RevisionDag, ids: Iterable[str]) -> tuple[str, ...]:
    wanted = frozenset(ids)
    return tuple(one for one in dag.order() if one in wanted) if wanted else ()


def _with_ancestors(dag: RevisionDag, ids: Iterable[str]) -> frozenset[str]:
    """Return revisions with all below them: RevisionDag.ancestors, without the 0.2 s that networkx takes to import."""
    reached = set(ids)
    waiting = list(reached)
    while waiting:
        below = [one for one in dag.below(waiting.pop()) if one not in reached]
        reached.update(below)
        waiting += below
    return frozenset(reached)


def _ends(dag: RevisionDag, ids: frozenset[str]) -> tuple[str, ...]:
    """Return those of a set that holds all ancestors of its members which lie below no other member, sorted."""
    return tuple(sorted(ids.difference(*(dag.below(one) for one in ids))))


def _footprints(view: View, ids: Sequence[str]) -> dict[str, Footprint]:
    paths = _paths(view, ids)
    texts = view.read(list(paths.values())) if paths else {}
    return {one: read_footprint(texts[path]) for one, path in told(paths.items(), len(paths), READING)}


def _paths(view: View, ids: Iterable[str]) -> dict[str, str]:
    return {one: path for one in ids if (path := view.dag[one].path) is not None}
