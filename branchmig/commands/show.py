"""`branchmig show`."""

from __future__ import annotations

import click

from branchmig import terminal
from branchmig.commands.shared.options import (
    REVISION,
    REVISION_TEXT,
    TAKES_RELATIVE_STEPS,
    format_of,
    pass_invocation,
    place_options,
)
from branchmig.commands.shared.readable import named, readable
from branchmig.errors import RevisionGraphError, UsageError
from branchmig.identifiers import parse
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render.documents import revisions_document
from branchmig.render.problems import left_out
from branchmig.render.text import entry


@click.command("show", context_settings=TAKES_RELATIVE_STEPS)
@click.argument("rev", type=REVISION, required=False)
@place_options
@click.option("--schema", "shows_schema", is_flag=True, help="Show the tables at REV (all heads by default) instead.")
@click.option(
    "--from",
    "from_",
    metavar="REV|REF",
    type=REVISION_TEXT,
    help="With --schema: show how the tables differ from those at a revision or git ref.",
)
@format_of("text", "mermaid", "json", text="Format of the answer; mermaid is an entity diagram, with --schema.")
@pass_invocation
def command(
    invocation: Invocation,
    rev: str | None,
    at: str,
    merged_with: str | None,
    shows_schema: bool,
    from_: str | None,
    format_: str,
) -> None:
    """Show the whole header of revisions, or with --schema their tables.

    REV is anything that names revisions: an id, a prefix, a label, head, heads, or current (which asks the database).

    branchmig reads the tables from a cached state ('branchmig states') if REV has one, else from the scripts, which it
    does not run. The answer says which, and what could not be read.
    """
    if shows_schema:
        from branchmig.commands.shared.schema_showing import show_schema

        show_schema(invocation, rev or "heads", at, merged_with, from_, format_)
        return
    if from_ is not None or format_ == "mermaid":
        raise UsageError(f"{'--from' if from_ is not None else '--format mermaid'} goes with a schema", "add --schema")
    if rev is None:
        raise click.UsageError("Missing argument 'REV'.")
    project = Project.open(invocation.files)
    view = project.view(at, merged_with)
    if view.problems and parse(view.readable_dag, rev).symbol in {"head", "heads"}:
        raise RevisionGraphError(view.problems)  # one of them may be above what looks like a head
    with readable(view, project.shown_path) as dag:
        shown = [dag[revision_id] for revision_id in named(project, invocation, dag, rev)]
    if format_ == "json":
        more = left_out(view.problems, project.shown_path)
        terminal.document(revisions_document("revisions", dag, shown, project.shown_path, **more))
        return
    terminal.answer(entry(dag, revision, view.docstring_of(revision)) for revision in shown)
