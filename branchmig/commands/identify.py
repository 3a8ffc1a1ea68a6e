"""`branchmig identify`."""

from __future__ import annotations

import click

from branchmig.commands.shared.flow import answer
from branchmig.commands.shared.options import format_option, pass_invocation
from branchmig.commands.shared.proving import say_whose_code
from branchmig.project.config import Invocation
from branchmig.project.project import Project


@click.command("identify")
@click.argument("url", required=False, metavar="[URL]")
@format_option
@pass_invocation
def command(invocation: Invocation, url: str | None, format_: str) -> None:
    """Find the revisions that a schema corresponds to, without its version table.

    The checkout's revisions run on a scratch database of the same kind of server (scratch_url), which shows what each
    of them changes; the set that builds the schema at URL, or in env.py's database, is built once more to make sure.
    Nothing is written to that database. Exits with 1 if no set of revisions builds it, with 3 if branchmig cannot tell.
    """
    from branchmig.render.drift import identity_document, identity_lines
    from branchmig.workflows.identify import identify

    project = Project.open(invocation.files)
    say_whose_code(invocation, "all of its scripts")
    found = identify(project, invocation, url)
    answer(format_, lambda: identity_document(found), lambda: identity_lines(found))
    if found.heads is None:
        raise click.exceptions.Exit(1)
