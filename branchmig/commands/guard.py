"""`branchmig guard`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from branchmig import terminal
from branchmig.commands.options import at_option, merged_with_option, pass_invocation
from branchmig.inspection import inspect
from branchmig.project import Project
from branchmig.render.problems import FORMATS, problems_as

if TYPE_CHECKING:
    from branchmig.config import Invocation


@click.command("guard")
@at_option
@merged_with_option
@click.option("--target", metavar="REF", help="Git branch that the work lands in, instead of the setting's.")
@click.option(
    "--format", "format_", type=click.Choice(FORMATS), default="text", show_default=True, help="How to answer."
)
@pass_invocation
def command(invocation: Invocation, at: str, merged_with: str | None, target: str | None, format_: str) -> None:
    """Check that the graph may land: one head, nothing rewritten.

    Exits with 0 if all rules hold, 1 if one is broken, 3 if it could not tell.
    """
    project = Project.open(invocation.files)
    verdict = inspect(project, at, merged_with, target)
    # GitHub looks for an annotation's file from the top of the repository, wherever the project lies in it.
    shown_path = project.path_from_top if format_ == "github" else project.shown_path
    terminal.answer(problems_as(format_, verdict.heads, verdict.problems, shown_path))
    if verdict.problems:
        raise click.exceptions.Exit(1)
