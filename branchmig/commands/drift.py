"""`branchmig drift`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from branchmig import terminal
from branchmig.commands.shared.options import format_option, pass_invocation
from branchmig.commands.shared.proving import tell_whose_code
from branchmig.project.project import Project
from branchmig.render.colours import answer_pieces

if TYPE_CHECKING:
    from branchmig.project.config import Invocation


@click.command("drift")
@format_option
@pass_invocation
def command(invocation: Invocation, format_: str) -> None:
    """Show how the live schema differs from the applied revisions.

    The applied revisions run on a scratch database of the same kind of server (scratch_url), with the scripts as they
    were applied; then the two schemas are compared. Nothing is written to the live database. Exits with 1 if something
    differs, with 3 if branchmig cannot tell.
    """
    from branchmig.render.drift import drift_document, drift_lines
    from branchmig.workflows.drift import drift

    project = Project.open(invocation.files)
    tell_whose_code(invocation, "the scripts that are applied")
    found = drift(project, invocation)
    if format_ == "json":
        terminal.document(drift_document(found))
    else:
        terminal.painted_answer(drift_lines(found), answer_pieces)
    if any(database.drift for database in found):
        raise click.exceptions.Exit(1)
