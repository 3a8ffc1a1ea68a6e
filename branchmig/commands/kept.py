"""`branchmig kept`."""

from __future__ import annotations

import click

from branchmig.commands.shared.flow import answer, confirm, report_dropped
from branchmig.commands.shared.options import dry_run_option, format_option, pass_invocation, yes_option
from branchmig.project.config import Invocation
from branchmig.project.project import Project


@click.group("kept", invoke_without_command=True)
@format_option
@click.pass_context
def command(context: click.Context, format_: str) -> None:
    """List what downgrades with --keep-rows have set aside in the database.

    Rows come back with the next upgrade of the same revision. What does not fit then stays set aside.
    """
    if context.invoked_subcommand is None:
        _list(context.obj, format_)


@command.command("list")
@format_option
@pass_invocation
def list_(invocation: Invocation, format_: str) -> None:
    """List the tables and columns that are set aside, as 'kept' alone does."""
    _list(invocation, format_)


@command.command("drop")
@click.argument("numbers", nargs=-1, type=int, metavar="NUMBER…")
@click.option("--all", "all_", is_flag=True, help="Drop all that is set aside.")
@dry_run_option
@yes_option
@format_option
@pass_invocation
def drop(
    invocation: Invocation, numbers: tuple[int, ...], all_: bool, dry_run: bool, is_agreed: bool, format_: str
) -> None:
    """Drop what is set aside, by the numbers that 'kept list' shows."""
    from branchmig.database.keeping.setting_aside import chosen, drop_kept
    from branchmig.render.kept import kept_lines

    if all_ == bool(numbers):
        raise click.UsageError("say which: NUMBER…, or --all")
    project = Project.open(invocation.files)
    found = chosen(project, invocation, None if all_ else numbers)
    if any(rows for _, rows in found):
        shown = ["These will be dropped, with their rows:", *kept_lines(found)]
        confirm("Drop them?", is_agreed, "nothing was dropped", shown=shown, dry_run=dry_run)
        drop_kept(project, invocation, found)
    report_dropped(invocation, format_, [str(kept) for _, rows in found for kept in rows])


def _list(invocation: Invocation, format_: str) -> None:
    from branchmig.database.keeping.setting_aside import chosen
    from branchmig.render.kept import kept_document, kept_lines

    found = chosen(Project.open(invocation.files), invocation, None)
    answer(format_, lambda: kept_document(found), lambda: kept_lines(found), nothing="Nothing is set aside.")
