"""`branchmig help`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from branchmig.commands.shared.flow import answer
from branchmig.commands.shared.help_document import help_document
from branchmig.commands.shared.options import format_option


@click.command("help")
@click.argument("words", nargs=-1, metavar="[COMMAND]...")
@format_option
@click.pass_context
def command(context: click.Context, words: tuple[str, ...], format_: str) -> None:
    """Show the help of a command, or all commands as JSON.

    With --format json, one document for programs: commands, their options and arguments, and the exit codes.
    """
    asked = _asked(context.find_root(), words)
    answer(format_, lambda: help_document(asked), lambda: asked.get_help().splitlines())


def _asked(context: click.Context, words: Sequence[str]) -> click.Context:
    """Return a context of the command that the words name. Raises UsageError."""
    for word in words:
        group = context.command
        found = group.get_command(context, word) if isinstance(group, click.Group) else None
        if found is None:
            raise click.UsageError(f"No such command {word!r}.", context)
        context = click.Context(found, info_name=found.name, parent=context)
    return context
