"""`branchmig list_templates`."""

from __future__ import annotations

import click

from branchmig import terminal
from branchmig.commands.shared.options import pass_invocation
from branchmig.project.config import Invocation


@click.command("list_templates")
@pass_invocation
def command(invocation: Invocation) -> None:
    """List the templates that init knows."""
    from branchmig.database.starter import list_templates

    templates = list_templates(invocation)
    usage = "Templates are used via the 'init' command, e.g.:"
    terminal.answer(
        ["Available templates:", "", *templates, "", usage, "", "  branchmig init --template generic ./scripts"]
    )
