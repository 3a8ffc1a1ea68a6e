"""Shared by sync and switch: shows the plan, asks, runs it, and reports the outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

import click

from branchmig import terminal
from branchmig.commands.shared.flow import confirm as agree
from branchmig.commands.shared.flow import say
from branchmig.commands.shared.run_commands import announced
from branchmig.commands.shared.shared_states import keep_shared_apart
from branchmig.model import Plan
from branchmig.planning.orphans import origin_text
from branchmig.planning.sync import joined
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render.colours import answer_pieces
from branchmig.render.sync import outcome_line, sync_document, sync_entry, sync_lines
from branchmig.workflows.database_sync import SyncPlan, carry_out, refuse_obstacles

undo_option = click.option(
    "--undo",
    "undo",
    multiple=True,
    metavar="REVISION",
    help="Also undo this applied revision, given by its whole id, which the checkout lacks and which would stay.",
)
allow_empty_option = click.option(
    "--allow-empty", is_flag=True, help="Accept an empty downgrade(); what its upgrade() created stays in the database."
)


def show(project: Project, foreseen: Sequence[SyncPlan], format_: str) -> None:
    """Write what is foreseen, on standard output."""
    if format_ == "json":
        terminal.document(sync_document([sync_entry(plan, project.shown_path) for plan in foreseen]))
        return
    for plan in foreseen:
        terminal.painted_answer(sync_lines(plan, origins(plan), project.shown_path), answer_pieces)


def origins(foreseen: SyncPlan) -> Mapping[str, str]:
    """Say of each revision that the checkout lacks where it is."""
    return {source: origin_text(at) for source, at in foreseen.history.sources.items()}


def carry_out_all(
    project: Project,
    invocation: Invocation,
    foreseen: Sequence[SyncPlan],
    *,
    yes: bool,
    after: Sequence[Plan] = (),
    command: str = "sync",
    keep_rows: bool = False,
) -> None:
    """Run what was shown, if the answer is yes, and say what was done; `after` are plans that ran before it.

    Raises AnswerIsNo if the answer is no, CannotFollow before anything runs.
    """
    if command == "sync" and project.config.settings.drift_check:
        from branchmig.commands.shared.live_checks import refuse_drift

        refuse_drift(project, invocation)
    confirm(foreseen, yes=yes)
    keep_shared_apart(project, invocation, command)
    with announced(project, command, None) as outcome:
        listeners = []
        if keep_rows:
            from branchmig.database.keeping.rows import RowsSetAside

            listeners.append(RowsSetAside(terminal.note, is_agreed=yes))
        progress = terminal.Progress(not invocation.has_notes).step
        plans = carry_out(project, invocation, foreseen, progress, listeners)
        outcome.result = sync_document([sync_entry(plan, project.shown_path) for plan in foreseen])
    names = [f"{plan.identity}: " for plan in foreseen] if len(foreseen) > 1 else [""]
    for name, plan, before in zip_longest(names, plans, after):
        say(invocation, f"{name or ''}{outcome_line(joined(before, plan))}")


def confirm(foreseen: Sequence[SyncPlan], *, yes: bool) -> None:
    """Ask whether to run what was shown. Raises AnswerIsNo if the answer is no, CannotFollow if it cannot be run."""
    refuse_obstacles(foreseen)
    agree("Run these steps?", yes, hint="to run the steps without being asked: --yes")
