"""`branchmig show --schema`: the tables at some revisions, and what two sets of revisions differ in."""

from __future__ import annotations

from collections.abc import Iterable

from branchmig import terminal
from branchmig.commands.shared.readable import named, readable
from branchmig.dag import RevisionDag
from branchmig.errors import GitError, UnknownRevision
from branchmig.project.config import Invocation
from branchmig.project.project import Project, View
from branchmig.workflows.schema import ShownSchema, Side, schema_at, schema_between, side_at


def show_schema(
    invocation: Invocation, rev: str, at: str, merged_with: str | None, from_: str | None, format_: str
) -> None:
    """Show the tables at `rev`, or those that differ from what they are at `from_`: a revision, or a git ref."""
    project = Project.open(invocation.files)
    view = project.view(at, merged_with)
    with readable(view, project.shown_path) as dag:
        side = side_at(view, dag, named(project, invocation, dag, rev))
        before = None if from_ is None else _other_side(project, invocation, view, dag, from_)
    if before is None:
        schema = schema_at(project, invocation, side)
    else:
        schema = schema_between(project, invocation, before, side)
    if format_ == "json":
        from branchmig.render.schema import schema_document

        other = None if before is None else {"at": before.view.at, "revisions": list(before.heads)}
        terminal.document(schema_document(schema, view.at, side.heads, other))
        return
    terminal.answer(_lines(schema, format_))


def _other_side(project: Project, invocation: Invocation, view: View, dag: RevisionDag, name: str) -> Side:
    """Return the side of a revision of this place, else that of the heads of a git ref."""
    try:
        return side_at(view, dag, named(project, invocation, dag, name))
    except UnknownRevision as unknown:
        try:
            other = project.view(name)
        except GitError:
            raise unknown from None
        return side_at(other, other.readable_dag, other.readable_dag.heads())


def _lines(schema: ShownSchema, format_: str) -> Iterable[str]:
    if format_ == "mermaid":
        from branchmig.render.schema_mermaid import mermaid_schema_lines

        return mermaid_schema_lines(schema)
    from branchmig.render.schema import schema_lines

    return schema_lines(schema)
