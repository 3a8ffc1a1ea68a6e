"""`branchmig branches`."""

from __future__ import annotations

import click

from branchmig import terminal
from branchmig.commands.shared.options import format_option, pass_invocation, place_options, verbose_option
from branchmig.commands.shared.readable import readable
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render.documents import revision_entry
from branchmig.render.problems import left_out
from branchmig.render.text import branch_lines, entry


@click.command("branches")
@verbose_option
@place_options
@format_option
@pass_invocation
def command(invocation: Invocation, verbose: bool, at: str, merged_with: str | None, format_: str) -> None:
    """Show the revisions at which the history forks."""
    project = Project.open(invocation.files)
    view = project.view(at, merged_with)
    with readable(view, project.shown_path) as dag:
        points = [dag[revision_id] for revision_id in reversed(dag.order()) if dag.is_branch_point(revision_id)]
    if format_ == "json":
        branches = [
            revision_entry(dag, point, project.shown_path) | {"children": list(dag.children(point.id))}
            for point in points
        ]
        more = left_out(view.problems, project.shown_path)
        terminal.document({"version": 1, "at": at, "merged_with": merged_with, "branches": branches, **more})
        return
    for point in points:
        full = entry(dag, point, view.docstring_of(point)) if verbose else None
        terminal.answer(branch_lines(dag, point, full))
