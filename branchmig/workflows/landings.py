"""The effects of git branches on the graph if they land, by every rule that guard applies; runs nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from branchmig.dag import RevisionDag
from branchmig.errors import BranchmigError, RevisionGraphError
from branchmig.git.history import short_ref
from branchmig.model import Landing, Revision
from branchmig.planning import guard
from branchmig.planning.forecast import Outcome, colliding_pairs, outcomes
from branchmig.project.project import Project, View
from branchmig.revisions.integrity import changed_revisions
from branchmig.workflows.landing_conflicts import landing_conflicts

if TYPE_CHECKING:
    from branchmig.git.landing import Project as Files

_ANY_NUMBER = 1_000_000_000

_ONLY_GUARD = frozenset({"left-behind", "no-revisions", "own-tables", "unused-waiver", "waiver-without-reason"})
"""The codes of guard that no outcome has a place of its own for."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What would be if each branch landed, each two of them, and which change nothing."""

    dag: RevisionDag
    policy: str
    allowed: int
    alone: tuple[Outcome, ...]
    pairs: tuple[Outcome, ...]
    idle: tuple[str, ...]
    order: Mapping[tuple[str, ...], tuple[str, ...]]
    """Over which objects the order of two branches matters."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What each branch alone would do to the target, and over what each two collide.

    `landings` and `alone` are of the branches that change the graph, in one order; `allowed` is how many heads may
    stand.
    """

    there: View
    policy: str
    allowed: int
    landings: tuple[Landing, ...]
    alone: tuple[Outcome, ...]
    idle: tuple[str, ...]
    clashes: Mapping[tuple[str, ...], tuple[str, ...]]
    order: Mapping[tuple[str, ...], tuple[str, ...]]
    """Over which objects the order of two branches matters."""


def survey(project: Project, target: str, commit: str, branches: Mapping[str, str]) -> Survey:
    """Return what some branches, names with their commits, would do to the target, at a commit.

    Raises RevisionGraphError where the target itself is no lawful graph.
    """
    there = project.tree_view(commit)
    dag, policy = there.dag, project.layout_of(there).config.settings.policy
    found = found_landings(project, there, branches)
    changing = [landing for landing in found if not landing.changes_nothing]
    allowed = max(1, len(dag.heads())) if policy != "one-head-per-label" else _ANY_NUMBER
    over = landing_conflicts(project, there, branches, changing)
    top = f"{project.tracked.top}/"
    alone = [
        replace(
            ruled(outcome, dag, [landing], policy, short_ref(target), top),
            conflicts=over.with_target.get(landing.branch, ()),
        )
        for landing, outcome in zip(changing, outcomes(dag, changing), strict=True)
    ]
    alone = [
        _as_guard_says(project, commit, branches[landing.branch], target, outcome)
        if landing.branch in over.naming_us or landing.has_other_settings
        else outcome
        for landing, outcome in zip(changing, alone, strict=True)
    ]
    idle = tuple(landing.branch for landing in found if landing.changes_nothing)
    return Survey(there, policy, allowed, tuple(changing), tuple(alone), idle, over.pairs, over.order)


def forecast(project: Project, target: str, commit: str, branches: Mapping[str, str]) -> Forecast:
    """Return what landing some branches, names with their commits, in the target would do.

    Raises RevisionGraphError where the target itself is no lawful graph.
    """
    found = survey(project, target, commit, branches)
    dag, allowed = found.there.dag, found.allowed
    fine = {outcome.branches[0] for outcome in found.alone if outcome.is_fine(allowed)}
    landing = [landing for landing in found.landings if landing.branch in fine]
    crowd = _crowding(dag) if found.policy == "one-head-per-label" else None
    pairs = colliding_pairs(dag, landing, allowed, found.clashes, crowd)
    return Forecast(dag, found.policy, allowed, found.alone, tuple(pairs), found.idle, found.order)


def _as_guard_says(project: Project, commit: str, branch: str, target: str, outcome: Outcome) -> Outcome:
    """Add what only a whole look at the merge shows: waivers, the journal's tables, revisions left behind."""
    from branchmig.workflows.checks import inspect

    if outcome.reason or outcome.unreadable or outcome.merge_conflicts:
        return outcome
    try:
        verdict = inspect(project, commit, branch, target, sides=None)
    except BranchmigError as error:
        return replace(outcome, reason=error.message)
    top = f"{project.tracked.top}/"
    more = tuple(problem.message.replace(top, "") for problem in verdict.problems if problem.code in _ONLY_GUARD)
    codes = {problem.code for problem in verdict.problems}
    if verdict.unchecked and not codes:
        return replace(outcome, reason="; ".join(unchecked.reason for unchecked in verdict.unchecked))
    waived = {waived.problem.code for waived in verdict.waived} - codes
    return replace(
        outcome,
        broken=(*outcome.broken, *(words for words in more if words not in outcome.broken)),
        crowded=() if "multiple-heads" in waived else outcome.crowded,
        bent=() if "not-linear" in waived else outcome.bent,
    )


def found_landings(project: Project, target: View, branches: Mapping[str, str]) -> list[Landing]:
    """Return what the merge of each branch into the target, a view of a commit, would add and remove.

    A branch that changes the settings is looked at as guard does, with the layout that the merge would have.
    """
    from branchmig.git.landing import landings

    found = landings(project.tracked, target.at, branches, _files(project, target))
    found = [
        _by_its_own_layout(project, target, branches, landing) if landing.has_other_settings else landing
        for landing in found
    ]
    return [
        _without_allowed(project, target, branches, landing) if landing.deleted or landing.rewritten else landing
        for landing in found
    ]


def _without_allowed(project: Project, target: View, branches: Mapping[str, str], landing: Landing) -> Landing:
    """Leave out what guard lets a branch do to the target's revisions: a squash that names them, a waiver."""
    from branchmig.workflows.checks import inspect

    if landing.merge_conflicts or landing.unreadable or landing.reason:
        return landing
    try:
        verdict = inspect(project, branches[landing.branch], target.at, target.at)
    except BranchmigError as error:
        return replace(landing, added={}, removed=frozenset(), deleted=(), rewritten=(), reason=error.message)
    if verdict.unchecked or not verdict.heads:
        return landing
    wrong = {revision for problem in verdict.problems for revision in problem.revisions}
    return replace(
        landing,
        deleted=tuple(name for name in landing.deleted if name in wrong),
        rewritten=tuple(name for name in landing.rewritten if name in wrong),
    )


def _files(project: Project, target: View) -> Files:
    from branchmig.git.landing import Project as Files

    layout = project.layout_of(target)
    home = os.path.relpath(layout.config.script_location, project.tracked.top)
    is_inside = not home.startswith(os.pardir)
    return Files(layout.folders, layout.config.is_recursive, tuple(project.layouts.paths), home if is_inside else "")


def _by_its_own_layout(project: Project, target: View, branches: Mapping[str, str], landing: Landing) -> Landing:
    from branchmig.git.landing import defects

    try:
        merged = project.view(target.at, branches[landing.branch])
    except BranchmigError as error:
        return replace(landing, added={}, removed=frozenset(), reason=error.message)
    by_views = landing_of_views(project, landing.branch, merged, target)
    before = [revision for revision in target.revisions if revision.id in by_views.removed]
    broken = {path for problem in (*merged.problems, *merged.markers) for path in problem.paths}

    def is_same(revision: Revision, after: Revision) -> bool:
        from branchmig.revisions.fingerprint import fingerprint

        return fingerprint(target.script(revision)) == fingerprint(merged.script(after))

    changed = changed_revisions(
        [revision for revision in before if revision.path not in broken], merged.revisions, is_same
    )
    if merged.layout is not None and not merged.layout.is_certain:
        changed = []  # nobody knows yet in which folders the merge will look
    unreadable = {project.path_from_top(path) for path in broken}.difference(project.layouts.paths)
    return replace(
        by_views,
        deleted=tuple(change.before.id for change in changed if change.after is None),
        rewritten=tuple(change.before.id for change in changed if change.after is not None),
        merge_conflicts=landing.merge_conflicts,
        files=landing.files,
        elsewhere=landing.elsewhere,
        unreadable=tuple(
            sorted(
                path
                for path in unreadable
                if not any(path in merge_conflict for merge_conflict in landing.merge_conflicts)
            )
        ),
        defects=defects(merged.problems),
    )


def landing_of_views(project: Project, branch: str, merged: View, target: View) -> Landing:
    """Return what a merge, as a view, would change in the target."""

    def changed(revision: Revision) -> bool:
        path = revision.path or ""
        return merged.blobs.get(path) != target.blobs.get(path)

    return Landing(
        branch,
        {revision.id: revision for revision in merged.revisions if changed(revision)},
        frozenset(revision.id for revision in target.revisions if changed(revision)),
        tuple(project.path_from_top(path) for problem in merged.problems for path in problem.paths),
        blobs={
            revision.id: merged.blobs[revision.path]
            for revision in merged.revisions
            if revision.path and revision.path in merged.blobs
        },
    )


def ruled(
    outcome: Outcome, dag: RevisionDag, landings: Sequence[Landing], policy: str, target: str, top: str
) -> Outcome:
    """Add what makes the revisions no graph, and what the policies say that look at more than the number of heads."""
    wrong = [*(words for landing in landings for words in landing.defects), *_broken(dag, landings)]
    outcome = replace(outcome, broken=tuple(words.replace(top, "") for words in wrong))
    if policy == "single-head":
        return outcome
    if policy == "one-head-per-label":
        return _crowding(dag)(outcome, landings) if not outcome.broken else replace(outcome, crowded=())
    merged = _stubs(dag, landings)
    if merged is None:
        return outcome
    settled = frozenset(revision.id for revision in dag)
    bent = guard.not_linear(merged, dag.heads(), settled, target)
    return replace(outcome, bent=tuple(sorted({revision for problem in bent for revision in problem.revisions})))


def _broken(dag: RevisionDag, landings: Sequence[Landing]) -> tuple[str, ...]:
    """Return the problems of the landed graph, besides missing parents and duplicate ids.

    Of the target's revisions, what is named stands for itself, without parents: the target is a graph.
    """
    added = {revision.id: revision for landing in landings for revision in landing.added.values()}
    gone = frozenset().union(*(landing.removed for landing in landings)) | added.keys()
    named = {name for revision in added.values() for name in (*revision.parents, *revision.depends_on)}
    stubs = [
        Revision(revision.id, labels=revision.labels, path=revision.path)
        for revision in dag
        if revision.id not in gone and (revision.labels or revision.id in named)
    ]
    try:
        RevisionDag([*stubs, *added.values()])
    except RevisionGraphError as error:
        known = ("missing-parent", "duplicate-revision")
        return tuple(problem.message for problem in error.problems if problem.code not in known)
    return ()


def _stubs(dag: RevisionDag, landings: Sequence[Landing]) -> RevisionDag | None:
    """Return the graph of what lands on the target's heads, for questions about these alone: 400 branches land.

    A revision of the target that is no head has no head below it, so that its own parents do not matter.
    """
    if any(landing.removed for landing in landings):
        return _merged(dag, landings)
    added = {name: revision for landing in landings for name, revision in landing.added.items()}
    named = {name for revision in added.values() for name in (*revision.parents, *revision.depends_on)}
    lower = [dag.labels.get(name, name) for name in named]
    known = {*dag.heads(), *(name for name in lower if name in dag)}
    try:
        return RevisionDag([*(replace(dag[name], parents=(), depends_on=()) for name in known), *added.values()])
    except RevisionGraphError:
        return None


def _merged(dag: RevisionDag, landings: Sequence[Landing]) -> RevisionDag | None:
    """Return the graph after some landings; None where it is none, which the outcome says by what is missing."""
    gone = frozenset().union(*(landing.removed for landing in landings))
    added: dict[str, Revision] = {}
    for landing in landings:
        added |= landing.added
    try:
        return RevisionDag(
            [*(revision for revision in dag if revision.id not in gone and revision.id not in added), *added.values()]
        )
    except RevisionGraphError:
        return None


@lru_cache(maxsize=1)
def _crowding(dag: RevisionDag) -> Callable[[Outcome, Sequence[Landing]], Outcome]:
    """Return what says of an outcome which heads have a label in common, or none."""
    known = guard.labels_below({revision.id: revision for revision in dag})

    def crowd(outcome: Outcome, landings: Sequence[Landing]) -> Outcome:
        if outcome.missing or outcome.duplicates:
            return replace(outcome, crowded=())
        if any(landing.removed for landing in landings):
            merged = _merged(dag, landings)
            groups = () if merged is None else guard.disallowed_heads(merged, "one-head-per-label")
        else:
            added = {name: revision for landing in landings for name, revision in landing.added.items()}
            own = guard.labels_below(added, known)
            groups = guard.heads_beside(outcome.heads, lambda head: sorted(own[head] if head in own else known[head]))
        return replace(outcome, crowded=tuple(dict.fromkeys(head for group in groups for head in group)))

    return crowd
