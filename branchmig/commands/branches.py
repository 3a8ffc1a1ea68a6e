"""`branchmig branches`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from branchmig import terminal
from branchmig.commands.options import format_option, pass_invocation, verbose_option
from branchmig.project import Project
from branchmig.render.documents import revision_entry
from branchmig.render.text import branch_lines, entry
from branchmig.revision_file import read_docstring

if TYPE_CHECKING:
    from branchmig.config import Invocation


@click.command("branches")
@verbose_option
@format_option
@pass_invocation
def command(invocation: Invocation, verbose: bool, format_: str) -> None:
    """Show the revisions at which the history forks."""
    project = Project.open(invocation.files)
    dag = project.dag
    points = [dag[revision_id] for revision_id in reversed(dag.order()) if dag.is_branch_point(revision_id)]
    if format_ == "json":
        branches = [
            revision_entry(dag, point, project.shown_path) | {"children": list(dag.children(point.id))}
            for point in points
        ]
        terminal.document({"version": 1, "branches": branches})
        return
    for point in points:
        full = entry(dag, point, read_docstring(project.source_of(point))) if verbose else None
        terminal.answer(branch_lines(dag, point, full))
