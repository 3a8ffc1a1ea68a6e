"""Classifies applied revisions that a checkout lacks, and what squashes made of them, from git and the graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from branchmig.dag import RevisionDag
from branchmig.errors import GitError, RevisionGraphError
from branchmig.model import Location, Presence, Removal
from branchmig.planning.undoing import (
    Absences,
    Absent,
    absent,
    replaced_by,
    settle,
    squashed_elsewhere,
    squashes,
    taken_away,
)
from branchmig.project.project import Project

if TYPE_CHECKING:
    from branchmig.git.absence import Checkout
    from branchmig.planning.journal_state import Ledger
    from branchmig.planning.undoing import Squash


@dataclass(frozen=True, slots=True)
class Question:
    """Which revisions are asked about: `located` where they are in git, if known; `applied` are all that is applied.

    `kept_down` are those on top of which something was applied that the checkout still has. `reverted` are revisions
    that a journal says were reverted, each with those that were applied before that.
    """

    located: Mapping[str, Location | None]
    applied: frozenset[str]
    kept_down: frozenset[str] = frozenset()
    reverted: Mapping[str, frozenset[str]] = field(default_factory=dict)


def absences(project: Project, here: RevisionDag, question: Question, checkout: Checkout | None = None) -> Absences:
    """Return the classes of some applied revisions that `here`, the revisions of a checkout, lacks.

    `checkout` is the current checkout, else HEAD with its index. Raises GitError where git cannot say.
    """
    if not question.located:
        return Absences()
    checkout = checkout or _head(project)
    if checkout is None:
        return Absences({name: absent(name, Presence()) for name in question.located})
    setting = project.config.settings.target
    presences = checkout.presences(question.located, question.kept_down, setting)
    found = {name: absent(name, presences[name]) for name in sorted(question.located)}
    retired = [fact for fact in found.values() if fact.place == "retired"]
    made = _squashes(project, here, retired, checkout)
    for squash in _named_squashes(project, here, found, question, checkout):
        made.append(squash)
        found |= {name: replaced_by(squash, found[name]) for name in squash.replaced if name in found}
    gone = taken_away(made, question.reverted)
    left = {name: fact for name, fact in found.items() if name not in gone}
    answer = Absences(left, settle(made, question.applied - gone), gone)
    newer = _squashes_elsewhere(project, here, answer, question, checkout)
    wanted = [revision.id for revision in here]
    return squashed_elsewhere(answer, newer, question.applied, wanted, question.reverted) if newer else answer


def _named_squashes(
    project: Project, here: RevisionDag, found: Mapping[str, Absent], question: Question, checkout: Checkout
) -> list[Squash]:
    """Return the squashes whose files name what they replace, where git shows that on another branch alone.

    So it is in a new clone of a branch that was rewritten: its history never had what was squashed.
    """
    unlanded = [fact for fact in found.values() if fact.place == "unlanded"]
    made: list[Squash] = []
    for tip, ref in _tips(project, unlanded, question).items():
        before = _graph_at(project, tip)
        if replaces := _replaces(here, before):
            gone = {fact.revision for fact in unlanded}.union(_lacking(here, before))
            gone |= _never_there(here, before, replaces)
            removal = Removal(branch=ref, last_commit=tip)
            known = frozenset[str]().union(*(squash.replaced for squash in made))
            kept = _kept(project, before, replaces)
            found_here = squashes(here, before, gone - known, (), replaces, removal, kept)
            own = [squash for squash in found_here if replaces.keys() >= {*squash.into}]
            made += [squash for squash in own if known.isdisjoint(squash.replaced)]
    return made


def _squashes_elsewhere(
    project: Project, here: RevisionDag, answer: Absences, question: Question, checkout: Checkout
) -> list[Squash]:
    """Return the squashes of other branches by which they removed what the checkout has."""
    found: list[Squash] = []
    unlanded = [answer.found[name] for name in sorted(answer.of("unlanded"))]
    for commit, ref in _tips(project, unlanded, question).items():
        there = _graph_at(project, commit)
        gone = _lacking(there, here)
        if not gone:
            continue
        other = checkout.at(commit, ref)
        presences = other.presences(dict.fromkeys(gone), (), project.config.settings.target)
        facts = [absent(name, presences[name]) for name in gone]
        found += _squashes(project, there, [fact for fact in facts if fact.place == "retired"], other)
    return found


def _tips(project: Project, facts: Iterable[Absent], question: Question) -> dict[str, str]:
    """Return the commits from which to look at absent revisions, with branches: what holds each, where it was made."""
    from branchmig.git.history import short_ref

    assert project.repository is not None
    found: dict[str, str] = {}
    for fact in facts:
        refs = [ref for ref in fact.found_in if ref.startswith("refs/")]
        found |= {at: short_ref(ref) for ref in refs[:1] if (at := project.repository.commit(ref))}
        made = question.located[fact.revision]
        if made is not None and made.commit:
            found.setdefault(made.commit, made.branch or "")
    return found


def excused(project: Project, ledger: Ledger) -> frozenset[str]:
    """Return the revisions of the checkout that only look skipped or edited, since they stand for retired ones.

    Nothing where git cannot be asked.
    """
    here = project.checkout_dag
    gone = [record for record in ledger.records if record not in here]
    if not gone or not (ledger.skipped or ledger.edited):
        return frozenset()
    applied = (frozenset(ledger.records) | ledger.active).difference(ledger.skipped)
    try:
        located = _located(project, gone)
        settled = absences(project, here, Question(located, applied, frozenset(gone))).settled
    except GitError:
        return frozenset()
    return settled.rewritten.union(settled.standing)


def _located(project: Project, ids: Sequence[str]) -> dict[str, Location | None]:
    from branchmig.git.orphans import locate_all

    if project.repository is None:
        return dict.fromkeys(ids)
    found = locate_all(project.repository, project.folders_ever, ids, is_recursive=project.config.is_recursive)
    return {revision_id: found.get(revision_id) for revision_id in ids}


def _head(project: Project) -> Checkout | None:
    from branchmig.git.absence import Checkout

    try:
        repository = project.repository
    except GitError:
        return None
    if repository is None or repository.commit("HEAD") is None:
        return None
    return Checkout.head(repository, project.folders_ever, is_recursive=project.config.is_recursive)


def _squashes(project: Project, here: RevisionDag, retired: Iterable[Absent], checkout: Checkout) -> list[Squash]:
    """Return what took the place of retired revisions, one commit that removed some after the other."""
    groups: dict[tuple[str, str], list[Absent]] = {}
    for fact in retired:
        if fact.removal is not None and fact.removal.last_commit:
            groups.setdefault((fact.removal.last_commit, fact.removal.commit), []).append(fact)
    brought = {commit: checkout.added_by(commit) for _, commit in groups if commit}
    between = frozenset[str]().union(*brought.values())
    found: list[Squash] = []
    for (last, commit), facts in sorted(groups.items()):
        before = _graph_at(project, last)
        added = brought[commit] if commit else frozenset(_lacking(before, here))
        replaces = _replaces(here, before)
        removal = facts[0].removal
        assert removal is not None
        # What is not applied was removed, too: then the database is half-way. What a squash brought and a later one
        # took away again need not be applied.
        removed = {*_lacking(here, before)} - between | {fact.revision for fact in facts}
        removed |= _never_there(here, before, replaces) - between
        found += squashes(here, before, removed, added, replaces, removal, _kept(project, before, replaces))
    return found


def _lacking(dag: RevisionDag, other: RevisionDag) -> list[str]:
    """Return the revisions of another graph that a graph lacks."""
    return [revision.id for revision in other if revision.id not in dag]


def _never_there(here: RevisionDag, before: RevisionDag, replaces: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Return what squashes replaced that the line of `before` did not have yet, as where it was merged in squashed."""
    named = frozenset[str]().union(*replaces.values())
    return frozenset(name for name in named if name not in here and name not in before)


def _kept(project: Project, before: RevisionDag, replaces: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Return the squashes whose id was another revision's before, on a line that `before` did not have yet."""
    from branchmig.git.orphans import writes_of
    from branchmig.revisions.replaced import replaced_ids

    new = [name for name in replaces if name not in before]
    if not new:
        return frozenset()
    repository = project.tracked
    writes, _ = writes_of(repository, project.folders_ever, new, is_recursive=project.config.is_recursive)
    texts = dict(repository.blobs([write.blob for found in writes.values() for write in found]))
    return frozenset(name for name, found in writes.items() if not all(replaced_ids(texts[w.blob]) for w in found))


def _graph_at(project: Project, commit: str) -> RevisionDag:
    try:
        return project.tree_view(commit).readable_dag
    except RevisionGraphError:
        return RevisionDag([])


def _replaces(here: RevisionDag, before: RevisionDag) -> dict[str, tuple[str, ...]]:
    """Return what the checkout's files that `before` has otherwise say that they replace."""
    return {
        name: revision.replaces
        for revision in here
        for name in [revision.id]
        if revision.replaces and (name not in before or set(here.below(name)) != set(before.below(name)))
    }
