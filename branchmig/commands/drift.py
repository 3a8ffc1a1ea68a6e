"""`branchmig drift`."""

from __future__ import annotations

import click

from branchmig import terminal
from branchmig.commands.shared.flow import answer
from branchmig.commands.shared.options import dry_run_option, format_option, message_option, pass_invocation
from branchmig.commands.shared.proving import say_whose_code
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render.colours import answer_pieces


@click.command("drift")
@click.option(
    "--write-revision", is_flag=True, help="Also write the revision that makes the differences part of the history."
)
@message_option
@dry_run_option
@format_option
@pass_invocation
def command(invocation: Invocation, write_revision: bool, message: str | None, dry_run: bool, format_: str) -> None:
    """Show how the live schema differs from the applied revisions.

    The applied revisions run on a scratch database of the same kind of server (scratch_url), with the scripts as they
    were applied; then the two schemas are compared. Nothing is written to the live database. Exits with 1 if something
    differs, with 3 if branchmig cannot tell. With --write-revision and --dry-run, prints the revision instead.
    """
    from branchmig.render.drift import drift_document, drift_lines
    from branchmig.workflows.drift import drift

    project = Project.open(invocation.files)
    say_whose_code(invocation, "the scripts that are applied")
    found = drift(project, invocation)
    answer(format_, lambda: drift_document(found), lambda: drift_lines(found), answer_pieces)
    if not any(database.drift for database in found):
        return
    if write_revision:
        _write(project, invocation, message or "take over what was changed by hand", dry_run=dry_run)
    raise click.exceptions.Exit(1)


def _write(project: Project, invocation: Invocation, message: str, *, dry_run: bool) -> None:
    """Write the revision, and say what it does not make part of the history; that has to be written by hand."""
    from branchmig.workflows.drift import write_drift_revision

    written = write_drift_revision(project, invocation, message, is_dry_run=dry_run)
    if dry_run:
        terminal.answer(written.text.splitlines())
    terminal.note(f"{'Would write' if dry_run else 'Wrote'} {terminal.shown_path(written.path)}.")
    for difference in written.left:
        terminal.warning(f"write this by hand, the revision does not have it: {difference.kind} {difference.object}")
    if not dry_run:
        terminal.note("The database has it already. Once the revision is right: branchmig stamp heads")
