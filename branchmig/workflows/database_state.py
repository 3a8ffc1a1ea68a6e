"""The known state of one database: its rows, what they mean, and what git and a journal or a pin add."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from branchmig.dag import RevisionDag
from branchmig.errors import GitError, UnknownRevision
from branchmig.model import Location
from branchmig.planning.plan import check_applied
from branchmig.project.project import Project
from branchmig.project.retired import Question, absences
from branchmig.workflows.applied_history import (
    AppliedHistory,
    Changed,
    Record,
    applied_history,
    changed_scripts,
    ledger_records,
    noted_records,
    pinned_records,
    same_id_elsewhere,
)

if TYPE_CHECKING:
    from branchmig.database.surveying import VersionTable
    from branchmig.git.absence import Checkout
    from branchmig.planning.journal_state import Ledger
    from branchmig.planning.undoing import Absences


@dataclass(frozen=True)
class DatabaseState:
    """What can be known of one database: its rows, the revisions below them, and what a journal or a pin adds.

    `ledger` is None without a journal. `skipped` were never applied though the rows imply them; `changed` are the
    checkout's revisions whose script did something else when it was applied. `absences` are what applied revisions are
    that the checkout lacks; `clone_applied` those that this clone has applied, as far as that is recorded.
    """

    rows: tuple[str, ...]
    history: AppliedHistory
    ledger: Ledger | None
    skipped: frozenset[str]
    changed: Mapping[str, Changed]
    absences: Absences
    records: Mapping[str, Record]
    clone_applied: frozenset[str]
    unclear: Mapping[str, Location] = field(default_factory=dict)
    """Version rows whose id another branch has, too, where nothing records which of the two was applied."""

    @property
    def reused(self) -> dict[str, Location]:
        """The applied revisions that this branch removed, and whose ids it has used again."""
        return {name: change.at for name, change in self.changed.items() if change.is_reused}

    @property
    def recorded(self) -> frozenset[str]:
        """The revisions that a journal says are applied; nothing without one."""
        return frozenset() if self.ledger is None else self.ledger.applied_ids() - self.absences.taken_away


def known_of(
    project: Project,
    here: RevisionDag,
    surveyed: VersionTable,
    goal: RevisionDag | None = None,
    checkout: Checkout | None = None,
) -> DatabaseState:
    """Return what can be known of a database, seen from the work tree or from the checkout that it is to follow.

    Raises VersionTableError for rows that no sound database holds.
    """
    rows = sound_rows(here, surveyed.rows)
    noted = _noted(project, surveyed)
    records = noted_records(project, here, noted)
    records |= pinned_records(project, here, surveyed.identity.name) if surveyed.identity.is_local else {}
    ledger = surveyed.ledger(project, rows) if project.config.settings.journal else None
    if ledger is not None:
        records |= ledger_records(ledger)
    # What was run below an applied revision is no part of what that one was applied upon.
    known = frozenset(rows) if ledger is None else ledger.applied_ids().union(rows)
    history = applied_history(project, here, known, records)
    active = {revision.id for revision in history.dag}
    skipped = frozenset(ledger.skipped) & active if ledger is not None else frozenset()
    reverted = {} if ledger is None else ledger.reverted
    at = here if goal is None else goal
    found = _absences(project, at, history, active - skipped, checkout, reverted)
    if gone := found.taken_away:
        history = applied_history(project, here, known - gone, records)
        active = {revision.id for revision in history.dag}
        found = replace(_absences(project, at, history, active - skipped, checkout, reverted), taken_away=gone)
    changed = {
        name: change
        for name, change in changed_scripts(project, here, active - skipped, records).items()
        if change.is_reused or name not in found.settled.rewritten
    }
    changed, standing = _squashed_elsewhere(project, here, changed, active - skipped)
    found = replace(found, settled=replace(found.settled, standing={**found.settled.standing, **standing}))
    unclear = same_id_elsewhere(project, here, [row for row in rows if row not in records])
    own = _clone_applied(project, noted, ledger)
    return DatabaseState(rows, history, ledger, skipped, changed, found, records, own, unclear)


def _absences(
    project: Project,
    goal: RevisionDag,
    history: AppliedHistory,
    applied: Collection[str],
    checkout: Checkout | None,
    reverted: Mapping[str, frozenset[str]],
) -> Absences:
    lacking = [revision_id for revision_id in sorted(applied) if revision_id not in goal]
    located = {revision_id: history.sources.get(revision_id) for revision_id in lacking}
    kept_down = {
        revision_id for revision_id in lacking if any(above in goal for above in history.dag.descendants([revision_id]))
    }
    return absences(project, goal, Question(located, frozenset(applied), frozenset(kept_down), reverted), checkout)


def _squashed_elsewhere(
    project: Project, here: RevisionDag, changed: Mapping[str, Changed], applied: Collection[str]
) -> tuple[dict[str, Changed], dict[str, frozenset[str]]]:
    """Return the changed scripts, and the revisions that count as applied because another branch squashed them.

    What is applied is the squash, under the id of the last, and this checkout still has them all: nothing is to be run.
    """
    standing: dict[str, frozenset[str]] = {}
    squashes = set()
    for name, change in changed.items():
        lacking = here.ancestors([name]).difference(applied)
        if change.collides or not lacking or not change.at.commit:
            continue
        there = project.tree_view(change.at.commit).ids
        if swallowed := lacking - there:
            standing |= dict.fromkeys(swallowed, frozenset([name]))
            squashes.add(name)
    rest = {name: change for name, change in changed.items() if name not in squashes}
    return rest, standing


def _noted(project: Project, surveyed: VersionTable) -> dict[str, str]:
    """Return what this clone has applied to a database of this machine, with the scripts' blobs.

    Nothing where something else has moved the database since: it may have made it again.
    """
    from branchmig.git.clones import applied_by_clone
    from branchmig.git.rows import noted_rows

    try:
        if project.repository is None or not surveyed.identity.is_local:
            return {}
        name = surveyed.identity.name
        if sorted(noted_rows(project.repository).get(name, ())) != sorted(map(str, surveyed.rows)):
            return {}
        return applied_by_clone(project.repository, name)
    except GitError:
        return {}


def _clone_applied(project: Project, noted: Mapping[str, str], ledger: Ledger | None) -> frozenset[str]:
    from branchmig.git.clones import clone_id

    if ledger is None:
        return frozenset(noted)
    try:
        mark = None if project.repository is None else clone_id(project.repository)
    except GitError:
        return frozenset()
    runs = {record: entry for record, entry in ledger.records.items() if entry.direction == "upgrade"}
    own = {run for run, entry in runs.items() if mark and entry.clone == mark}
    return frozenset(own) | (noted.keys() - ledger.records.keys())


def sound_rows(dag: RevisionDag, rows: Sequence[str | None]) -> tuple[str, ...]:
    """Return the rows of a version table, also those that the checkout lacks.

    Raises VersionTableError for NULL, a row that is there twice, an abbreviated id, an ancestor beside its descendant.
    """
    known = [row for row in rows if row is None or row in dag]
    try:
        check_applied(dag, rows)
    except UnknownRevision:
        check_applied(dag, known)
    return tuple(sorted(str(row) for row in rows))
