"""The objects over which branches conflict: with the target, with each other, below their merges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from branchmig.dag import RevisionDag
from branchmig.effects.footprint import Footprint, conflicting_pairs, objects_in_conflict, read_footprint
from branchmig.model import Landing, Revision
from branchmig.planning.guard import CONFLICTING
from branchmig.progress import with_progress
from branchmig.project.project import Project, View
from branchmig.revisions.waivers import reason_for
from branchmig.workflows.conflicts import READING, Pair, in_order, lines_below, with_ancestors

_TARGET = ""
"""The target among branches: no branch has an empty name."""


def conflicts_with(
    project: Project, own: Mapping[str, bytes], branches: Mapping[str, str], landings: Sequence[Landing]
) -> dict[str, tuple[str, ...]]:
    """Return the branches that are in conflict with some scripts, given by revision, and over which objects."""
    ours = {revision: read_footprint(text) for revision, text in own.items() if reason_for(text, CONFLICTING) is None}
    sides = _landing_footprints(_landing_texts(project, branches, landings)) if ours else {}
    found = {branch: objects_in_conflict(ours, theirs) for branch, theirs in sides.items()}
    return {branch: objects for branch, objects in found.items() if objects}


@dataclass(frozen=True, slots=True)
class LandingConflicts:
    """Over which objects landings are in conflict: each with the target's revisions, and each two with each other.

    `naming_us` are the branches with scripts that name branchmig: in a waiver, or as a table of the journal.
    """

    with_target: Mapping[str, tuple[str, ...]]
    pairs: Mapping[tuple[str, ...], tuple[str, ...]]
    order: Mapping[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    """Over which objects each two branches do things that leave other rows in another order."""
    naming_us: frozenset[str] = frozenset()


def landing_conflicts(
    project: Project, target: View, branches: Mapping[str, str], landings: Sequence[Landing]
) -> LandingConflicts:
    """Return the conflicts of what branches, names with their commits, add; pairs in the order given.

    Of the target's revisions, those count that a branch does not stand on: whichever was applied first, the other may
    fail. So do the two lines below each merge revision that a branch adds. What a file allows does not count.
    """
    dag = target.dag
    beside: dict[str, tuple[str, ...]] = {}
    joined: dict[str, list[Pair]] = {}
    over: dict[frozenset[str], tuple[str, ...]] = {}
    for landing in landings:
        fresh = {revision_id: revision for revision_id, revision in landing.added.items() if revision_id not in dag}
        below = frozenset(parent for revision in fresh.values() for parent in revision.parents if parent in dag)
        if below:
            if below not in over:
                over[below] = in_order(dag, {each.id for each in dag} - with_ancestors(dag.below, below))
            beside[landing.branch] = over[below]
        joined[landing.branch] = _landing_lines(dag, fresh)
    lines = {id_ for pairs in joined.values() for pair in pairs for id_ in (*pair.ours, *pair.theirs)}
    wanted = {id_ for ids in beside.values() for id_ in ids} | {id_ for id_ in lines if id_ in dag}
    theirs = {revision_id: dag[revision_id] for revision_id in sorted(wanted)}
    whole = [*landings, Landing(_TARGET, theirs)] if theirs else landings
    texts = _landing_texts(project, {**branches, _TARGET: target.tree}, whole)
    found = _landing_footprints(texts)
    known = found.pop(_TARGET, {})
    against: dict[str, set[str]] = {}
    for branch, ids in beside.items():
        against[branch] = set(objects_in_conflict(found.get(branch, {}), _only(known, ids)))
    for branch, pairs in joined.items():
        every = {**known, **found.get(branch, {})}
        for pair in pairs:
            if reason_for(texts.get((branch, pair.name), b""), CONFLICTING) is None:
                objects = objects_in_conflict(_only(every, pair.ours), _only(every, pair.theirs))
                against.setdefault(branch, set()).update(objects)
    between = dict(conflicting_pairs(found))
    for names, ids in _diverged_pairs(texts, landings).items():
        between[names] = (*(f"revision {name}" for name in ids), *between.get(names, ()))
    naming_us = frozenset(branch for (branch, _), text in texts.items() if b"branchmig" in text.lower())
    with_target = {branch: tuple(sorted(objects)) for branch, objects in against.items() if objects}
    return LandingConflicts(with_target, between, conflicting_pairs(found, "order"), naming_us - {_TARGET})


def _diverged_pairs(
    texts: Mapping[tuple[str, str], bytes], landings: Sequence[Landing]
) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Return each two branches with one id, and one header, for scripts that do different things.

    Whichever lands second rewrites what has landed. Two headers are two revisions of one id, and reported as such.
    """
    from branchmig.revisions.fingerprint import fingerprint

    holders: dict[str, list[Landing]] = {}
    for landing in landings:
        for name in landing.added:
            holders.setdefault(name, []).append(landing)
    found: dict[tuple[str, ...], list[str]] = {}
    for name, branches in sorted(holders.items()):
        scripts = {text for landing in branches if (text := texts.get((landing.branch, name))) is not None}
        if len(scripts) < 2:
            continue
        does = {text: fingerprint(text) for text in scripts}
        for first, second in combinations(branches, 2):
            both = [does.get(texts.get((landing.branch, name), b"")) for landing in (first, second)]
            if None not in both and both[0] != both[1] and first.added[name] == second.added[name]:
                found.setdefault((first.branch, second.branch), []).append(name)
    return {names: tuple(ids) for names, ids in found.items()}


def _landing_lines(dag: RevisionDag, fresh: Mapping[str, Revision]) -> list[Pair]:
    """Return the two lines below each merge revision among what is added to a graph: not built, 400 branches land."""

    def below(text: str) -> Sequence[str]:
        if text not in fresh:
            return dag.below(text) if text in dag else ()
        return [*fresh[text].parents, *(dag.labels.get(name, name) for name in fresh[text].depends_on)]

    def sort(ids: Iterable[str]) -> tuple[str, ...]:
        own = fresh.keys() & ids
        return (*in_order(dag, ids), *sorted(own, key=lambda name: (len(with_ancestors(below, [name])), name)))

    merges = [name for name in fresh if len(fresh[name].parents) > 1]
    return [pair for merge in merges for pair in lines_below(merge, fresh[merge].parents, below, sort)]


def _only(footprints: Mapping[str, Footprint], ids: Iterable[str]) -> dict[str, Footprint]:
    return {revision_id: footprints[revision_id] for revision_id in ids if revision_id in footprints}


def _landing_texts(
    project: Project, branches: Mapping[str, str], landings: Iterable[Landing]
) -> dict[tuple[str, str], bytes]:
    """Return the scripts of what branches add, by branch and revision."""
    # What the branch has at that path; where the merge has the file in another folder, what the merge has.
    names = {
        (landing.branch, revision.id): (
            f"{branches[landing.branch]}:{project.tracked.from_top(revision.path)}",
            *([landing.blobs[revision.id]] if revision.id in landing.blobs else []),
        )
        for landing in landings
        for revision in landing.added.values()
        if revision.path
    }
    wanted = dict.fromkeys(name for each in names.values() for name in each)
    contents = {name: text for name, text in project.tracked.objects(list(wanted)) if text is not None}
    texts = {key: next((contents[name] for name in each if name in contents), None) for key, each in names.items()}
    return {key: text for key, text in texts.items() if text is not None}


def _landing_footprints(texts: Mapping[tuple[str, str], bytes]) -> dict[str, dict[str, Footprint]]:
    """Return what scripts touch, by branch and revision, without those whose file allows that they collide."""
    distinct = {text for text in texts.values() if reason_for(text, CONFLICTING) is None}
    read = {text: read_footprint(text) for text in with_progress(distinct, len(distinct), READING)}
    found: dict[str, dict[str, Footprint]] = {}
    for (branch, revision_id), text in texts.items():
        if text in read:
            found.setdefault(branch, {})[revision_id] = read[text]
    return found
