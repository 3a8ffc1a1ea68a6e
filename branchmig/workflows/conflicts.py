"""The objects that two sides, or the lines below a merge revision, both touch since they parted. Runs no file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from branchmig.dag import RevisionDag, reached
from branchmig.effects.footprint import LEVELS, Collision, Footprint, Place, collisions, read_footprint
from branchmig.git.history import short_ref
from branchmig.model import Problem, Revision
from branchmig.planning import guard
from branchmig.planning.obstacles import RENUMBER
from branchmig.progress import with_progress
from branchmig.project.project import WORKTREE, Project, View
from branchmig.revisions.escaping import in_shell
from branchmig.workflows.own_revisions import SameId, same_ids

READING = "reading what the revisions touch"


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
    joined_by: Mapping[Collision, str] = field(default_factory=dict)
    """The merge revision whose lines collide, by collision."""
    merges: tuple[str, ...] = ()
    """The merge revisions whose lines are compared, where these lines are not those of the two sides."""

    @property
    def conflicts(self) -> tuple[Collision, ...]:
        """The collisions of which at least one order fails."""
        return tuple(collision for collision in self.collisions if collision.level == "conflict")

    def sides(self, collision: Collision) -> list[tuple[str, Place, str]]:
        """Return `ours` and `theirs` with their places and files, as far as a collision has them."""
        theirs = {**self.paths, **self.their_paths}
        found = (("ours", collision.ours, self.paths), ("theirs", collision.theirs, theirs))
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
        merged_with = project.target(None, "--with")
    return _compare_views(project, view, project.view(merged_with), merged_with)


def conflict_problems(project: Project, at: str, merged_with: str) -> list[Problem]:
    """Return a problem for each conflict between a place and the ref that is looked at as merged into it."""
    comparison = compare(project, at, merged_with)
    return [
        _problem(
            collision,
            comparison.sides(collision),
            (at, merged_with),
            (merge, comparison.paths.get(merge, "")) if merge else None,
        )
        for collision in comparison.conflicts
        for merge in [comparison.joined_by.get(collision)]
    ]


def merge_problems(view: View, merges: Sequence[str], elsewhere: Collection[str], merged_with: str) -> list[Problem]:
    """Return a problem for each conflict between the two lines below some merge revisions of a place.

    `elsewhere` are the revisions of `merged_with`, which is what to compare the place with to see all of it.
    """
    lines = _merged_lines(view, merges, elsewhere)
    paths = _paths(view, [*merges, *(revision_id for _, pair in lines for revision_id in (*pair.ours, *pair.theirs))])
    return [
        _problem(
            collision,
            [
                (name, place, paths[place.revision])
                for name, place in (("ours", collision.ours), ("theirs", collision.theirs))
                if place
            ],
            (view.at, merged_with),
            (merge, paths.get(merge, "")),
        )
        for collision, merge in _line_collisions(lines).items()
        if collision.level == "conflict"
    ]


def _problem(
    collision: Collision,
    sides: Sequence[tuple[str, Place, str]],
    asked: tuple[str, str],
    merge: tuple[str, str] | None,
) -> Problem:
    """Return the problem that a conflict is; `merge` is the merge revision that joins the two, with its file."""
    at, merged_with = map(in_shell, asked)
    way_out = "change one of the two"
    if merge:
        way_out += (
            f", or say in the merge revision's file why it may stay: # branchmig: allow {guard.CONFLICTING}: REASON"
        )
    places = ", ".join(f"{path}:{place.line}" for _, place, path in sides)
    joined = f"; merge revision {merge[0]!r} joins them" if merge else ""
    return Problem(
        guard.CONFLICTING,
        f"{collision.reason} ({places}){joined}",
        f"{way_out}; all of it: branchmig conflicts {at} --with {merged_with}",
        tuple(dict.fromkeys([*(place.revision for _, place, _ in sides), *(merge[:1] if merge else ())])),
        tuple(dict.fromkeys([*(path for _, _, path in sides), *(path for path in (merge or ())[1:] if path)])),
    )


def _compare_views(project: Project, ours: View, theirs: View, ref: str) -> Comparison:
    from branchmig.workflows.landed_changes import diverged

    twice = same_ids(project, ours, theirs, short_ref(ref))
    known = {pair.revision for pair in twice}
    moved = [
        (revision, other)
        for revision, other in diverged(project, ours, theirs)
        if revision.id not in known and revision.parents != other.parents
    ]

    our_ids, their_ids = (view.ids for view in (ours, theirs))
    our_own = in_order(ours.dag, our_ids - their_ids)
    their_own = in_order(theirs.dag, their_ids - our_ids)
    # A side without revisions of its own parts from the other where all that it has ends.
    shared = with_ancestors(ours.dag.below, our_own or ours.dag.heads())
    shared &= with_ancestors(theirs.dag.below, their_own or theirs.dag.heads())
    base_dag = ours.dag
    found = list(collisions(_footprints(ours, our_own), _footprints(theirs, their_own)))
    merged = [*_merged_lines(ours, our_own, their_ids), *_merged_lines(theirs, their_own, our_ids)]
    joined_by = _line_collisions(merged)
    found += joined_by
    pairs = [Pair("both sides", our_own, their_own)] if our_own and their_own else []
    pairs += [pair for _, pair in merged]
    if merged and not (our_own and their_own):
        our_own = tuple(dict.fromkeys(revision_id for pair in pairs for revision_id in pair.ours))
        their_own = tuple(dict.fromkeys(revision_id for pair in pairs for revision_id in pair.theirs))
        base_dag = merged[0][0].dag
        below = [with_ancestors(base_dag.below, side) for pair in pairs for side in (pair.ours, pair.theirs)]
        shared = frozenset.intersection(*map(frozenset, below))
    is_by_side = their_ids.isdisjoint(our_own) and their_ids.issuperset(their_own)
    paths = {
        name: path
        for view, pair in merged
        for name, path in _paths(view, [*pair.ours, *pair.theirs, pair.name]).items()
    }
    return Comparison(
        our_name=ours.at,
        their_name=short_ref(ref),
        base=_ends(base_dag, shared),
        ours=our_own,
        theirs=their_own,
        collisions=_worst_first(
            [
                *(_same_id(pair) for pair in twice),
                *(_other_parents(revision, other) for revision, other in moved),
                *found,
            ]
        ),
        paths=_paths(ours, our_ids.intersection(our_own))
        | _paths(theirs, their_ids.intersection(their_own))
        | paths
        | {pair.revision: pair.our_path for pair in twice}
        | {revision.id: str(revision.path) for revision, _ in moved},
        their_paths={pair.revision: pair.their_path for pair in twice}
        | {other.id: str(other.path) for _, other in moved},
        pairs=tuple(pairs),
        joined_by=joined_by,
        merges=() if is_by_side else tuple(dict.fromkeys(pair.name for _, pair in merged)),
    )


def _other_parents(ours: Revision, theirs: Revision) -> Collision:
    """Return the collision of one revision that two lines have on different parents, as a backport is."""
    place = Place(ours.id, 1)
    reason = (
        f"revision {ours.id!r} is on both sides, there with {guard.difference_of(ours, theirs)}; "
        "a database of one side skips it on the other"
    )
    return Collision("conflict", f"revision {ours.id}", place, place, reason)


def _same_id(pair: SameId) -> Collision:
    place = Place(pair.revision, 1)
    return Collision("conflict", f"revision {pair.revision}", place, place, f"{pair.reason}; {RENUMBER}")


def _merged_lines(view: View, own: Sequence[str], elsewhere: Collection[str]) -> list[tuple[View, Pair]]:
    """Return the two lines below each merge revision among some, without what both have below them.

    A line that `elsewhere` has is theirs. Empty lines are left out: there is nothing to compare.
    """
    dag = view.dag
    return [
        (view, pair)
        for merge in own
        for pair in lines_below(merge, dag[merge].parents, dag.below, lambda ids: in_order(dag, ids), elsewhere)
    ]


def _line_collisions(lines: Sequence[tuple[View, Pair]]) -> dict[Collision, str]:
    """Return what collides between the lines below merge revisions, each with the first merge that joins the two."""
    found: dict[Collision, str] = {}
    for view, pair in lines:
        footprints = _footprints(view, [*pair.ours, *pair.theirs])
        sides = ({name: footprints[name] for name in side} for side in (pair.ours, pair.theirs))
        for collision in collisions(*sides):
            found.setdefault(collision, pair.name)
    return found


def _worst_first(found: Iterable[Collision]) -> tuple[Collision, ...]:
    return tuple(sorted(dict.fromkeys(found), key=lambda collision: LEVELS.index(collision.level)))


def compare_heads(view: View, heads: Sequence[str]) -> Comparison:
    """Compare each two heads of one place, each with what it brings since they parted."""
    dag = view.dag
    covered = {head: with_ancestors(dag.below, [head]) for head in heads}
    first, *others = heads
    ours = in_order(dag, covered[first].difference(*(covered[other] for other in others)))
    theirs = in_order(dag, frozenset().union(*(covered[other] for other in others)) - covered[first])
    shared = frozenset.intersection(*covered.values())
    footprints = _footprints(view, in_order(dag, frozenset().union(*covered.values()) - shared))
    found: dict[Collision, None] = {}
    for combination, other in combinations(heads, 2):
        sides = (
            in_order(dag, covered[combination] - covered[other]),
            in_order(dag, covered[other] - covered[combination]),
        )
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


def _ends(dag: RevisionDag, ids: frozenset[str]) -> tuple[str, ...]:
    """Return those of a set that holds all ancestors of its members which lie below no other member, sorted."""
    return tuple(sorted(ids.difference(*(dag.below(revision_id) for revision_id in ids))))


def _footprints(view: View, ids: Sequence[str]) -> dict[str, Footprint]:
    texts = view.scripts(view.dag[revision_id] for revision_id in ids)
    return {name: read_footprint(text) for name, text in with_progress(texts.items(), len(texts), READING)}


def _paths(view: View, ids: Iterable[str]) -> dict[str, str]:
    return {revision_id: path for revision_id in ids if (path := view.dag[revision_id].path) is not None}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two lines of revisions that were compared, in upgrade order; `name` is that of the merge revision above them."""

    name: str
    ours: tuple[str, ...]
    theirs: tuple[str, ...]


def lines_below(
    merge: str,
    parents: Sequence[str],
    below: Callable[[str], Sequence[str]],
    in_order: Callable[[Iterable[str]], tuple[str, ...]],
    elsewhere: Collection[str] = (),
) -> Iterator[Pair]:
    """Yield each two lines below a merge revision, without what both have below them.

    A line that `elsewhere` has is theirs. Empty lines are left out: there is nothing to compare.
    """
    for combination, other in combinations(parents, 2):
        covered = [with_ancestors(below, [parent]) for parent in (combination, other)]
        lines = [in_order(covered[0] - covered[1]), in_order(covered[1] - covered[0])]
        lines.sort(key=lambda line: all(revision in elsewhere for revision in line))
        if all(lines):
            yield Pair(merge, lines[0], lines[1])


def in_order(dag: RevisionDag, ids: Iterable[str]) -> tuple[str, ...]:
    """Return revisions in upgrade order."""
    wanted = frozenset(ids)
    return tuple(revision_id for revision_id in dag.order() if revision_id in wanted) if wanted else ()


def with_ancestors(below: Callable[[str], Sequence[str]], ids: Iterable[str]) -> frozenset[str]:
    """Return revisions with all below them, by the checkout's links or those of applied revisions."""
    start = frozenset(ids)
    return start | reached(start, below)
