"""`branchmig repair`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from branchmig import terminal
from branchmig.commands.options import REVISION, pass_invocation
from branchmig.errors import ConfigurationError
from branchmig.project import Project

if TYPE_CHECKING:
    from branchmig.config import Invocation


@click.command("repair")
@click.argument("revisions", nargs=-1, type=REVISION)
@click.option(
    "--accept-edits",
    is_flag=True,
    help="Record the present scripts of REVISIONS (else of all edited ones) as those that were applied.",
)
@pass_invocation
def command(invocation: Invocation, revisions: tuple[str, ...], accept_edits: bool) -> None:
    """Settle what the journal finds wrong."""
    project = Project.open(invocation.files)
    if not project.config.settings.journal:
        raise ConfigurationError("there is no journal to repair", "keep one from now on: branchmig adopt")
    if not accept_edits:
        raise click.UsageError("say what to settle: --accept-edits")
    _accept_edits(project, invocation, revisions)


def _accept_edits(project: Project, invocation: Invocation, revisions: tuple[str, ...]) -> None:
    from branchmig.database.environment import Environment
    from branchmig.database.repairing import accept_scripts

    chosen = [one for name in revisions for one in project.dag.resolve(name)]
    accepted = accept_scripts(Environment(project, invocation, "repair"), chosen)
    if invocation.is_told:
        told = f"Accepted the present scripts of {', '.join(accepted)}." if accepted else "Nothing to accept."
        terminal.note(told)
