"""`branchmig forecast`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from branchmig import terminal
from branchmig.commands.shared.open_branches import branches_to_land, target_of
from branchmig.commands.shared.options import REF, format_option, pass_invocation
from branchmig.project.project import Project
from branchmig.render.colours import forecast_pieces
from branchmig.render.forecast import forecast_document, forecast_lines
from branchmig.workflows.landings import forecast

if TYPE_CHECKING:
    from branchmig.project.config import Invocation


@click.command("forecast")
@click.argument("branches", nargs=-1, metavar="[BRANCH]...", type=REF)
@click.option(
    "--target",
    "into",
    metavar="REF",
    type=REF,
    help="Git branch that they would land in, instead of the setting's target.",
)
@format_option
@pass_invocation
def command(invocation: Invocation, branches: tuple[str, ...], into: str | None, format_: str) -> None:
    """Show what the graph would be if git branches landed.

    Every local and remote branch, or those named: its heads in the target, and which two cannot both land as they
    are. Every rule of guard applies. Nothing is checked out or written. Exits with 1 if one of them cannot land as it
    is, 3 if git cannot merge one of them and all others can land.
    """
    from branchmig.git.history import short_ref

    project = Project.open(invocation.files)
    target, commit = target_of(project, into)
    found = forecast(project, target, commit, branches_to_land(project, branches, target, commit))
    if format_ == "json":
        terminal.document(forecast_document(found, short_ref(target)))
    else:
        terminal.painted_answer(forecast_lines(found, short_ref(target)), forecast_pieces)
    wrong = [outcome for outcome in found.alone if not outcome.is_fine(found.allowed)]
    if wrong:
        raise click.exceptions.Exit(3 if all(outcome.reason for outcome in wrong) else 1)
