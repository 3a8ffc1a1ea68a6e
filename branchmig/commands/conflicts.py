"""`branchmig conflicts`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from branchmig import terminal
from branchmig.commands.options import format_option, pass_invocation
from branchmig.conflicts import compare
from branchmig.project import WORKTREE, Project
from branchmig.render.conflicts import conflict_lines, conflicts_document

if TYPE_CHECKING:
    from branchmig.config import Invocation


@click.command("conflicts")
@click.argument("place", default=WORKTREE, metavar="[PLACE]")
@click.option("--merged-with", metavar="REF", help="The other side, instead of the setting's target branch.")
@format_option
@pass_invocation
def command(invocation: Invocation, place: str, merged_with: str | None, format_: str) -> None:
    """Show what two sides both touch since they parted.

    PLACE (worktree, index, or any git ref or commit) and REF are read where they are: nothing is checked out, and
    no script is run. Without --merged-with, the heads of PLACE are compared with each other if it has too many,
    else PLACE with the target branch. Exits with 1 if an order of the two fails; where only the result depends on
    the order, or something cannot be read, with 0.
    """
    project = Project.open(invocation.files)
    comparison = compare(project, place, merged_with)
    if format_ == "json":
        terminal.document(conflicts_document(comparison))
    else:
        terminal.answer(conflict_lines(comparison, project.shown_path))
    if comparison.conflicts:
        raise click.exceptions.Exit(1)
