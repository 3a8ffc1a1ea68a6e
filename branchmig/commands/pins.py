"""`branchmig pins`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from branchmig.commands.shared.flow import answer, confirm, say
from branchmig.commands.shared.options import dry_run_option, format_option, pass_invocation, yes_option
from branchmig.errors import GitError
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render.pins import pin_lines, pins_document
from branchmig.render.text import counted

if TYPE_CHECKING:
    from branchmig.git.pins import Pin


@click.group("pins", invoke_without_command=True)
@format_option
@click.pass_context
def command(context: click.Context, format_: str) -> None:
    """List or drop the git refs that keep the files of applied revisions.

    A pin is a ref below refs/branchmig/pins/, one for each database. It keeps the files of applied revisions that
    the target branch lacks, so that branchmig can revert them after their branch was deleted. git does not push
    pins by default.
    """
    from branchmig.git.pins import pins

    if context.invoked_subcommand is not None:
        return
    invocation: Invocation = context.obj
    found = pins(Project.open(invocation.files).tracked)
    answer(format_, lambda: pins_document(found), lambda: pin_lines(found), nothing="No pins.")


@command.command("prune")
@click.option("--all", "all_", is_flag=True, help="Drop every pin.")
@click.option(
    "--database", "databases", multiple=True, metavar="TEXT", help="Drop the pin of this database, as listed (repeat)."
)
@dry_run_option
@yes_option
@pass_invocation
def prune(invocation: Invocation, all_: bool, databases: tuple[str, ...], dry_run: bool, is_agreed: bool) -> None:
    """Drop pins: all of them, or those of some databases.

    git's next garbage collection removes the files that only these pins keep.
    """
    from branchmig.git.pins import drop_pin, pins

    if all_ == bool(databases):
        raise click.UsageError("say which: --all, or --database TEXT")
    repository = Project.open(invocation.files).tracked
    chosen = _chosen(pins(repository), databases)
    if chosen:
        shown = ["These pins will be dropped:", *(f"  {line}" for line in pin_lines(chosen))]
        hint = "to go on without being asked: --yes"
        question = "Revisions that only these pins keep cannot be undone after that. Go on?"
        confirm(question, is_agreed, hint=hint, shown=shown, dry_run=dry_run)
    for pin in chosen:
        drop_pin(repository, pin)
    say(invocation, f"Dropped {counted(len(chosen), 'pin')}." if chosen else "No pins.")


def _chosen(found: Sequence[Pin], databases: tuple[str, ...]) -> list[Pin]:
    """Return the pins of some databases, by name or by ref; all without any. Raises GitError for one without a pin."""
    names = {name for pin in found for name in (pin.database, pin.ref) if name}
    unknown = [name for name in databases if name not in names]
    if unknown:
        raise GitError(f"no pin is of database {unknown[0]!r}", "see: branchmig pins")
    return [pin for pin in found if not databases or pin.database in databases or pin.ref in databases]
