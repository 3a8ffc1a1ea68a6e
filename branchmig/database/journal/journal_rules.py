"""The errors and warnings that a journal gives for a plan; knows only the ledger and asks no database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from branchmig import terminal
from branchmig.effects.own_table_changes import own_tables_changed
from branchmig.errors import AppliedAlready, OwnTablesChanged, SkippedRevisions
from branchmig.model import Plan, Problem
from branchmig.project.project import Project
from branchmig.project.worktree import read_file

if TYPE_CHECKING:
    from branchmig.planning.journal_state import Ledger


def refuse_skipped(ledger: Ledger, project: Project, plan: Plan, command: str) -> None:
    """Raise SkippedRevisions where a plan would leave a revision out for ever, or revert one that never ran.

    Raises AppliedAlready where it would run one that has run.
    """
    upward = {step.revision.id for step in plan.steps if step.revision and step.direction == "upgrade"}
    downward = {step.revision.id for step in plan.steps if step.revision and step.direction == "downgrade"}
    if upward or command == "upgrade":
        left_out = [revision_id for revision_id in ledger.skipped if revision_id not in upward | downward]
        if left_out:
            raise skipped_error(left_out, project)
    if never := [revision_id for revision_id in ledger.skipped if revision_id in downward]:
        raise skipped_error(never, project)
    if twice := sorted(upward.intersection(ledger.beyond) - downward):
        raise _applied_already(twice, ledger, project)


def refuse_own_tables(project: Project, plan: Plan) -> None:
    """Raise OwnTablesChanged where a script of a plan would drop or change the journal's tables."""
    for step in plan.steps:
        path = step.revision.path if step.revision else None
        if path is None or step.direction == "stamp":
            continue
        try:
            found = own_tables_changed(read_file(path), step.direction)
        except OSError:
            continue  # it will not be run either
        if found and step.revision:
            shown = project.shown_path(path)
            raise OwnTablesChanged(
                f"revision {step.revision.id!r} ({shown}:{found[0].line}) would drop or change {found[0].table}, in "
                "which branchmig keeps its journal; nothing was run",
                f"take that line out of {shown}; and keep autogenerate from proposing it: branchmig adopt",
            )


def skipped_problem(revision_id: str, project: Project) -> Problem:
    """Return the problem that a skipped revision is for guard."""
    path = project.dag[revision_id].path or ""
    return Problem(
        "skipped-revision",
        f"revision {revision_id!r} was never applied, but a revision above it is: {path}",
        "to run it: branchmig upgrade --missing",
        (revision_id,),
        (path,),
    )


def skipped_error(skipped: Sequence[str], project: Project) -> SkippedRevisions:
    """Return the error for revisions that lie below applied ones and were never applied."""
    first, *more = (
        f"{revision_id!r} ({project.shown_path(project.dag[revision_id].path or '')})" for revision_id in skipped
    )
    return SkippedRevisions(
        f"revision {first} was never applied, but a revision above it is",
        "to run it: branchmig upgrade --missing; if its changes were made by hand: branchmig stamp --purge REVISION",
        [f"also: revision {name}" for name in more],
        skipped,
    )


def edit_warnings(ledger: Ledger, project: Project) -> list[str]:
    """Return a line for each revision that has changed since it was applied."""
    return [
        f"revision {revision_id!r} has changed since it was applied: {ledger.change_of(revision_id)}: "
        f"{project.shown_path(project.dag[revision_id].path or '')}"
        for revision_id in ledger.edited
    ]


def warn_of_edits(ledger: Ledger, project: Project) -> None:
    """Say which revisions are not as they were applied, and how to settle it."""
    lines = edit_warnings(ledger, project)
    for line in lines[:5]:
        terminal.warning(line)
    if len(lines) > 5:
        terminal.warning(f"and {len(lines) - 5} more revisions have changed since they were applied")
    if lines:
        terminal.note("         if the change is right: branchmig repair --accept-edits")


def _applied_already(twice: Sequence[str], ledger: Ledger, project: Project) -> AppliedAlready:
    first = twice[0]
    record = ledger.records[first]
    rows = sorted({*ledger.rows, *twice})
    return AppliedAlready(
        f"revision {first!r} ({project.shown_path(project.dag[first].path or '')}) was applied at "
        f"{record.started_at:%Y-%m-%d %H:%M} UTC; in this graph it is no longer below the rows of the version table",
        f"to record it without running it again: branchmig stamp {' '.join(rows)}",
        [f"also: revision {name!r}" for name in twice[1:]],
        twice,
    )
