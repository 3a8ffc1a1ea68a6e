"""The steps that commands share: show the answer or the plan, ask for agreement to it, say what was done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from branchmig import terminal
from branchmig.dag import RevisionDag
from branchmig.errors import AnswerIsNo, Cancelled
from branchmig.model import Piece, Plan, ShownPath
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render.colours import answer_pieces
from branchmig.render.text import counted, plan_lines, rows_text

if TYPE_CHECKING:
    from branchmig.effects.losses import Losses


def answer(
    format_: str,
    document: Callable[[], Mapping[str, Any]],
    lines: Callable[[], Iterable[str]],
    paint: Callable[[str], Iterable[Piece]] | None = None,
    nothing: str = "",
) -> None:
    """Write an answer as JSON or as text; `nothing` is said on standard error where there are no lines."""
    if format_ == "json":
        terminal.document(document())
    elif found := list(lines()):
        terminal.painted_answer(found, paint) if paint else terminal.answer(found)
    elif nothing:
        terminal.note(nothing)


def say(invocation: Invocation, *lines: str) -> None:
    """Say on standard error what was done, unless --quiet was given or a program calls."""
    if invocation.has_notes:
        terminal.note(*lines)


def report_dropped(invocation: Invocation, format_: str, names: Sequence[str], *, dry_run: bool = False) -> None:
    """Say what was dropped, or would be."""
    did = "would_drop" if dry_run else "dropped"
    if format_ == "json":
        terminal.document({"version": 1, did: list(names)})
    else:
        words = did.replace("_", " ").capitalize()
        say(invocation, f"{words}: {', '.join(names)}." if names else "Nothing to drop.")


def confirm(
    question: str,
    is_agreed: bool,
    so_far: str = "nothing was changed",
    hint: str = "--yes agrees to what is shown",
    *,
    shown: Iterable[str] = (),
    dry_run: bool = False,
) -> None:
    """Go on if --yes was given, or a person at a terminal says yes; with `dry_run`, end the command here, with 0.

    `shown` are lines that say what is agreed to; `so_far` is what happened until now. Raises Cancelled if the person
    says no, and AnswerIsNo where there is no terminal.
    """
    terminal.note(*shown)
    if dry_run:
        terminal.note("This was a dry run; nothing was changed.")
        raise click.exceptions.Exit(0)
    if is_agreed:
        return
    if not terminal.can_ask():
        raise AnswerIsNo(f"{so_far}: there is no terminal to ask for a yes", hint)
    if not terminal.confirmed(question):
        raise Cancelled(so_far)


def show_plans(
    plans: Sequence[Plan],
    format_: str,
    shown_path: ShownPath,
    *,
    are_several: bool = False,
    losses: Sequence[Losses] | None = None,
) -> None:
    """Write plans as text or as one JSON document; `are_several` where env.py has databases that are left out here.

    `losses` are what each plan destroys.
    """
    from branchmig.render.documents import plans_document

    if format_ == "json":
        terminal.document(plans_document(plans, shown_path, losses))
        return
    from branchmig.commands.shared.plan_losses import loss_lines

    for at, plan in enumerate(plans):
        terminal.painted_answer(plan_lines(plan, is_named=are_several or len(plans) > 1), answer_pieces)
        terminal.painted_answer(loss_lines(losses[at : at + 1] if losses else ()), answer_pieces)


def warn_of_no_revisions(dag: RevisionDag, project: Project) -> None:
    """Say that there is nothing to run: a wrong checkout would look like success."""
    if not len(dag):
        places = ", ".join(project.shown_path(str(path)) for path in project.config.version_locations)
        terminal.warning(f"there are no revisions in {places}: is it the right checkout?")


def say_outcome(plans: Sequence[Plan], invocation: Invocation, verb: str, skipped: Sequence[str] = ()) -> None:
    """Say in one line for each database what was done; `skipped` were never run, and are not now."""
    if not invocation.has_notes:
        return
    for plan in plans:
        name = f"{plan.database}: " if len(plans) > 1 and plan.database else ""
        if plan.steps:
            done = counted(len(plan.steps), "revision")
            terminal.note(f"{name}{verb} {done}; the database is at {rows_text(plan.heads_after)}.")
        else:
            what = f"Nothing was run, and {', '.join(skipped)} never was" if skipped else "Nothing to do"
            terminal.note(f"{name}{what}: the database is at {rows_text(plan.applied)}.")
