"""`branchmig train`: open branches to an order in which they can land in the target; runs and writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from branchmig.errors import MultipleHeads
from branchmig.git.file_clashes import conflicts_in_order, file_clashes
from branchmig.git.history import commit_times, has_ancestor, short_ref, tags_beyond
from branchmig.model import Landing
from branchmig.planning.forecast import Outcome, outcomes
from branchmig.planning.guard import disallowed_heads
from branchmig.planning.train import Candidate, Clashes, Turn, plan_train, same_id_clashes
from branchmig.project.project import Project, View
from branchmig.revisions.escaping import in_shell
from branchmig.workflows.landings import Survey, ruled, survey


@dataclass(frozen=True, slots=True)
class Train:
    """The turns of branches that are to land in a target, at a commit of it; `idle` branches bring no revision."""

    target: str
    commit: str
    there: View
    policy: str
    branches: Mapping[str, str]
    candidates: tuple[Candidate, ...]
    clashes: Clashes
    turns: tuple[Turn, ...]
    idle: tuple[str, ...]
    order: Mapping[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    """Over which objects the order of two branches matters."""

    @property
    def stops(self) -> tuple[Turn, ...]:
        """The branches that cannot land."""
        return tuple(turn for turn in self.turns if turn.action == "stop")

    @property
    def is_unknown(self) -> bool:
        """Whether all that keeps branches from landing is that git cannot tell what they do."""
        return bool(self.stops) and all(turn.is_unknown for turn in self.stops)


def train(project: Project, target: str, commit: str, branches: Mapping[str, str]) -> Train:
    """Return an order in which branches, names with their commits, can land in the target, which is at a commit.

    Raises RevisionGraphError where the target is no lawful graph, MultipleHeads where it has heads that collide.
    """
    found = survey(project, target, commit, branches)
    _refuse_heads_in_conflict(found, target)
    candidates = _candidates(project, found, commit, branches)
    clashes: Clashes = {(pair[0], pair[1]): objects for pair, objects in found.clashes.items()}
    for pair, ids in same_id_clashes(candidates).items():
        clashes[pair] = (*ids, *clashes.get(pair, ()))
    elsewhere = {candidate.branch: candidate.landing.elsewhere for candidate in candidates if candidate.is_able}
    candidates = _in_conflict(candidates, {name: words for name, words in elsewhere.items() if words})
    able = [candidate for candidate in candidates if candidate.is_able]
    changed = {candidate.branch: candidate.landing.files for candidate in able}
    files = file_clashes(project.tracked, commit, {name: branches[name] for name in changed}, changed)
    for pair, paths in files.pairs.items():
        clashes.setdefault(pair, tuple(paths))
    planned = _planned(
        Train(target, commit, found.there, found.policy, branches, (), clashes, (), found.idle, found.order), candidates
    )
    while files.unknown:
        order = [turn.branch for turn in planned.turns if turn.action != "stop" and turn.branch in files.unknown]
        conflicts = conflicts_in_order(project.tracked, commit, {name: branches[name] for name in order})
        if not conflicts:
            break
        planned = without(planned, conflicts)
    return planned


def without(train: Train, conflicts: Mapping[str, tuple[str, ...]]) -> Train:
    """Return the train without branches that git cannot merge by itself, given with git's words."""
    return _planned(train, _in_conflict(train.candidates, conflicts))


def _planned(train: Train, candidates: Sequence[Candidate]) -> Train:
    turns = plan_train(train.there.dag, candidates, train.clashes, train.policy)
    return replace(train, candidates=tuple(candidates), turns=turns)


def _in_conflict(candidates: Sequence[Candidate], conflicts: Mapping[str, tuple[str, ...]]) -> list[Candidate]:
    return [
        replace(candidate, outcome=replace(candidate.outcome, merge_conflicts=conflicts[candidate.branch]))
        if candidate.branch in conflicts
        else candidate
        for candidate in candidates
    ]


def _refuse_heads_in_conflict(found: Survey, target: str) -> None:
    """Refuse a target whose own heads collide, or cannot be put into one line: nothing can land on both."""
    from branchmig.workflows.conflicts import compare_heads

    groups = disallowed_heads(found.there.dag, found.policy)
    for heads in groups:
        if found.policy == "linear" or compare_heads(found.there, heads).conflicts:
            name = short_ref(target)
            raise MultipleHeads(
                f"{name} itself has {len(heads)} heads: {', '.join(heads)}",
                f"join them there first: git switch {in_shell(name)} && branchmig fix",
                heads,
            )


def _candidates(project: Project, found: Survey, commit: str, branches: Mapping[str, str]) -> list[Candidate]:
    dates = commit_times(project.tracked, [commit, *(branches[landing.branch] for landing in found.landings)])
    bringing: dict[str, list[Landing]] = {}
    for landing in found.landings:
        for name in landing.added:
            bringing.setdefault(name, []).append(landing)
    candidates = []
    for landing, alone in zip(found.landings, found.alone, strict=True):
        awaits = frozenset(name for name in _absent(found, landing) if name in bringing)
        lower = [bringing[name][0] for name in sorted(awaits)]
        outcome = _outcome_with(project, found, landing, lower, alone) if awaits else alone
        created = max(dates[commit], dates[branches[landing.branch]])
        candidates.append(Candidate(landing, outcome, created, awaits))
    if found.policy != "linear":
        return candidates
    held = _held(project, found.landings, commit)
    return [
        replace(
            candidate,
            contains=_contained(project, candidate, candidates, branches),
            held={name: held[name] for name in candidate.landing.added if name in held},
        )
        for candidate in candidates
    ]


def _held(project: Project, landings: Iterable[Landing], commit: str) -> dict[str, str]:
    """Return the revisions that tags have which are not in the target, each with such a tag."""
    tags = tags_beyond(project.tracked, commit)
    paths = {
        name: project.path_from_top(revision.path)
        for landing in landings
        for name, revision in landing.added.items()
        if revision.path
    }
    wanted = [(name, tag, f"refs/tags/{tag}:{path}") for name, path in paths.items() for tag in tags]
    there = project.tracked.ids_of([place for _, _, place in wanted])
    return {name: tag for (name, tag, _), blob in zip(wanted, there, strict=True) if blob}


def _contained(
    project: Project, candidate: Candidate, others: Iterable[Candidate], branches: Mapping[str, str]
) -> frozenset[str]:
    """Return the branches with revisions of a branch whose commits it has, too."""
    tip, own = branches[candidate.branch], candidate.landing.added.keys()
    sharing = (other.branch for other in others if other != candidate and not own.isdisjoint(other.landing.added))
    return frozenset(name for name in sharing if has_ancestor(project.tracked, tip, branches[name]))


def _absent(found: Survey, landing: Landing) -> Iterable[str]:
    """Return the revisions that a branch stands on, and that neither it nor the target has."""
    dag = found.there.dag
    names = {name for revision in landing.added.values() for name in (*revision.parents, *revision.depends_on)}
    own = {label for revision in landing.added.values() for label in revision.labels}
    return (name for name in names if name not in landing.added and name not in dag and name not in {*dag.labels, *own})


def _outcome_with(
    project: Project, found: Survey, landing: Landing, lower: Sequence[Landing], alone: Outcome
) -> Outcome:
    """Return what a branch would leave that stands on others, once these have landed."""
    added = {name: revision for other in (*reversed(lower), landing) for name, revision in other.added.items()}
    whole = replace(landing, added=added)
    [outcome] = outcomes(found.there.dag, [whole])
    top = f"{project.tracked.top}/"
    outcome = ruled(outcome, found.there.dag, [whole], found.policy, short_ref(found.there.at), top)
    return replace(outcome, conflicts=alone.conflicts)
