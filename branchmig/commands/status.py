"""`branchmig status`."""

from __future__ import annotations

import click

from branchmig.commands.shared.flow import answer
from branchmig.commands.shared.options import format_option, pass_invocation
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render.colours import answer_pieces
from branchmig.render.status import status_document, status_lines
from branchmig.workflows.status import standing


@click.command("status")
@click.option(
    "--db/--no-db",
    "with_database",
    default=True,
    help="Look at the databases; with --no-db no code of the project runs.",
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 unless all is well, with 3 if branchmig cannot tell.")
@format_option
@pass_invocation
def command(invocation: Invocation, with_database: bool, exit_code: bool, format_: str) -> None:
    """Show git, the graph and the databases on one screen.

    Problems come first, each with the command that repairs it. If a database does not answer, the other parts are still
    shown.
    """
    if not with_database and exit_code:
        raise click.UsageError("--exit-code needs the databases: leave out --no-db")
    project = Project.open(invocation.files)
    found = standing(project, invocation, with_database=with_database)
    answer(
        format_,
        lambda: status_document(found, project.shown_path),
        lambda: status_lines(found, project.shown_path),
        answer_pieces,
    )
    if exit_code and not found.is_well:
        raise click.exceptions.Exit(3 if found.is_unknown else 1)
