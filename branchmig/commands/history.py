"""`branchmig history`."""

from __future__ import annotations

import click

from branchmig import terminal
from branchmig.commands.shared.options import (
    format_option,
    pass_invocation,
    place_options,
    rev_range_option,
    verbose_option,
)
from branchmig.commands.shared.readable import readable
from branchmig.planning.history import needs_database, select_history
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render.colours import revision_pieces
from branchmig.render.documents import revision_entry
from branchmig.render.problems import left_out
from branchmig.render.text import entry, history_line


@click.command("history")
@rev_range_option
@verbose_option
@click.option("-i", "--indicate-current", is_flag=True, help="Mark what the database is at.")
@place_options
@format_option
@pass_invocation
def command(
    invocation: Invocation,
    rev_range: str | None,
    verbose: bool,
    indicate_current: bool,
    at: str,
    merged_with: str | None,
    format_: str,
) -> None:
    """List the revisions, newest first."""
    project = Project.open(invocation.files)
    view = project.view(at, merged_with)
    with readable(view, project.shown_path) as dag:
        applied: tuple[str, ...] = ()
        if indicate_current or needs_database(rev_range) or project.config.revision_environment:
            from branchmig.database.reader import read_applied

            applied = read_applied(project, invocation, "history")
        shown = select_history(dag, rev_range, applied)
    marked = applied if indicate_current else ()
    if format_ == "json":
        entries = [
            revision_entry(dag, revision, project.shown_path) | {"current": revision.id in applied}
            for revision in shown
        ]
        more = left_out(view.problems, project.shown_path)
        terminal.document({"version": 1, "at": at, "merged_with": merged_with, "history": entries, **more})
    elif verbose:
        terminal.answer(entry(dag, revision, view.docstring_of(revision), marked) for revision in shown)
    else:
        terminal.painted_answer((history_line(dag, revision, marked) for revision in shown), revision_pieces)
