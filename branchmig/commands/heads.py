"""`branchmig heads`."""

from __future__ import annotations

import click

from branchmig import terminal
from branchmig.commands.shared.options import format_option, pass_invocation, place_options, verbose_option
from branchmig.commands.shared.readable import warn_of_unknown_labels
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render.colours import revision_pieces
from branchmig.render.documents import revisions_document
from branchmig.render.text import entry, head_line


@click.command("heads")
@verbose_option
@click.option("--resolve-dependencies", is_flag=True, help="Leave out heads that another revision depends on.")
@place_options
@format_option
@pass_invocation
def command(
    invocation: Invocation, verbose: bool, resolve_dependencies: bool, at: str, merged_with: str | None, format_: str
) -> None:
    """Show the heads of the revision graph."""
    project = Project.open(invocation.files)
    view = project.view(at, merged_with)
    dag = view.dag
    heads = [dag[head] for head in dag.heads(dependencies=resolve_dependencies)]
    warn_of_unknown_labels(dag, project.shown_path)
    if format_ == "json":
        terminal.document(revisions_document("heads", dag, heads, project.shown_path, at=at, merged_with=merged_with))
    elif verbose:
        terminal.answer(entry(dag, head, view.docstring_of(head)) for head in heads)
    else:
        terminal.painted_answer((head_line(dag, head) for head in heads), revision_pieces)
