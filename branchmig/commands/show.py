"""`branchmig show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from branchmig import terminal
from branchmig.commands.shared.options import (
    REVISION,
    TAKES_RELATIVE_STEPS,
    at_option,
    format_option,
    merged_with_option,
    pass_invocation,
)
from branchmig.commands.shared.readable import readable
from branchmig.commands.shared.unknown_revision_hint import looked_for_elsewhere
from branchmig.errors import RevisionGraphError
from branchmig.identifiers import parse
from branchmig.project.project import Project
from branchmig.render.documents import revisions_document
from branchmig.render.problems import left_out
from branchmig.render.text import entry

if TYPE_CHECKING:
    from branchmig.project.config import Invocation


@click.command("show", context_settings=TAKES_RELATIVE_STEPS)
@click.argument("rev", type=REVISION)
@at_option
@merged_with_option
@format_option
@pass_invocation
def command(invocation: Invocation, rev: str, at: str, merged_with: str | None, format_: str) -> None:
    """Show the whole header of revisions.

    REV is anything that names revisions: an id, a prefix, a label, head, heads, or current (which asks the database).
    """
    project = Project.open(invocation.files)
    view = project.view(at, merged_with)
    if view.problems and parse(view.readable_dag, rev).symbol in {"head", "heads"}:
        raise RevisionGraphError(view.problems)  # one of them may be above what looks like a head
    with readable(view, project.shown_path) as dag:
        applied: tuple[str, ...] = ()
        if rev == "current" and rev not in dag.labels:
            from branchmig.database.reader import read_applied

            applied = read_applied(project, invocation, "show")
        with looked_for_elsewhere(project):
            shown = [dag[revision_id] for revision_id in dag.resolve(rev, applied)]
    if format_ == "json":
        more = left_out(view.problems, project.shown_path)
        terminal.document(revisions_document("revisions", dag, shown, project.shown_path, **more))
        return
    terminal.answer(entry(dag, revision, view.docstring_of(revision)) for revision in shown)
