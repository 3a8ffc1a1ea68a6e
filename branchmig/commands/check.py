"""`branchmig check`."""

from __future__ import annotations

import click

from branchmig import terminal
from branchmig.commands.shared.options import pass_invocation
from branchmig.project.config import Invocation
from branchmig.project.project import Project


@click.command("check")
@pass_invocation
def command(invocation: Invocation) -> None:
    """Check whether the models differ from the database.

    Exits with 1 if 'revision --autogenerate' would find something to write.
    """
    from branchmig.database.run.environment import Environment
    from branchmig.database.writer import check_models

    project = Project.open(invocation.files)
    check_models(Environment(project, invocation, "check"))
    if not invocation.is_quiet:
        terminal.answer(["No new upgrade operations detected."])
