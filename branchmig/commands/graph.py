"""`branchmig graph`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from branchmig import terminal
from branchmig.commands.shared.options import (
    FILE,
    REF,
    format_of,
    output_option,
    pass_invocation,
    place_options,
    rev_range_option,
)
from branchmig.errors import UsageError
from branchmig.project.config import Invocation
from branchmig.project.project import Project, View
from branchmig.revisions.escaping import json_text
from branchmig.workflows.graph import (
    GraphOptions,
    blame_of,
    databases_for,
    draw,
    scripts_of,
    with_authors,
    with_databases,
    with_refs,
)

if TYPE_CHECKING:
    from branchmig.planning.picture import Picture


@click.command("graph")
@place_options
@rev_range_option
@click.option(
    "--since", metavar="REF", type=REF, help="Only the revisions that the git ref REF lacks, and their parents."
)
@click.option("--touching", metavar="TABLE", help="Only the revisions that touch this table.")
@click.option(
    "--effects/--no-effects",
    default=None,
    help="Also show what each revision changes, and its hazards. The page does, without being asked.",
)
@click.option("--db/--no-db", "db", default=False, help="Also show which revisions are applied, pending or orphans.")
@click.option(
    "--refs/--no-refs",
    default=None,
    help="Also show which git branches and tags are at each revision. The page does, without being asked.",
)
@click.option(
    "--targets", metavar="FILE", type=FILE, help="Also show where the databases of a fleet's targets file are."
)
@format_of("text", "mermaid", "dot", "json", "svg", "html", text="How to draw it.")
@output_option
@click.option("--sql", is_flag=True, help="In html: the SQL of each revision too; runs the scripts as --sql does.")
@click.option("--blame", is_flag=True, help="In html: git blame of every script, not only of what the target lacks.")
@click.option("--no-pager", is_flag=True, help="Do not show it page by page.")
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Whether to paint; NO_COLOR wins.",
)
@pass_invocation
def command(
    invocation: Invocation,
    at: str,
    merged_with: str | None,
    rev_range: str | None,
    since: str | None,
    touching: str | None,
    effects: bool | None,
    db: bool,
    refs: bool | None,
    targets: str | None,
    format_: str,
    output: str | None,
    sql: bool,
    blame: bool,
    no_pager: bool,
    color: str,
) -> None:
    """Draw the graph: in the terminal, or as Mermaid, DOT, SVG or HTML.

    The newest revision comes first, as in git log --graph. Dotted lines are dependencies (depends_on). Each head
    shows its git branch and author. With --with, a plus marks the revisions that the merge adds.
    """
    _refuse_mixtures(format_, output, sql=sql, blame=blame)
    options = GraphOptions(at, merged_with, rev_range, since, db)
    project = Project.open(invocation.files)
    if refs:
        _ = project.tracked  # raises GitError where there is no repository to ask
    view = project.view(at, merged_with)
    picture = draw(project, view, options, databases_for(project, invocation, options))
    shows_effects = format_ == "html" if effects is None else effects
    if shows_effects or touching is not None:
        picture = _read(project, invocation, view, picture, touching)
    picture = _placed(project, invocation, picture, format_ == "html" if refs is None else refs, targets)
    for lost in picture.unplaced if refs else [lost for lost in picture.unplaced if lost.kind == "database"]:
        terminal.warning(f"not in this graph: {lost.kind} {lost.name}: {lost.reason}")
    wants_all = format_ in ("json", "html")
    picture = with_authors(project, view, picture, picture.shown if wants_all else picture.heads)
    if not shows_effects:
        picture = replace(picture, effects={})
    if format_ == "text" and output is None:
        _show(project, picture, color, has_pager=not no_pager)
        return
    if format_ == "html":
        _write([_page(project, invocation, view, picture, has_sql=sql, blames_all=blame)], output)
    else:
        _write(_lines(format_, project, picture), output)


def _placed(project: Project, invocation: Invocation, picture: Picture, with_git: bool, targets: str | None) -> Picture:
    if targets is not None:
        from branchmig.commands.shared.fleet_commands import rows_of_targets

        picture = with_databases(picture, rows_of_targets(project, invocation, targets))
    return with_refs(project, picture) if with_git else picture


def _read(project: Project, invocation: Invocation, view: View, picture: Picture, table: str | None) -> Picture:
    from branchmig.planning.touching import touching
    from branchmig.workflows.hazards import with_effects

    picture = with_effects(project, invocation, view, picture, scripts_of(project, view, picture))
    if table is None:
        return picture
    picture = touching(picture, table)
    if picture.unclear:
        terminal.note(
            f"{len(picture.unclear)} of these are here because their scripts cannot be read in full; "
            f"branchmig cannot tell whether they touch {table}"
        )
    return picture


def _refuse_mixtures(format_: str, output: str | None, *, sql: bool, blame: bool) -> None:
    if format_ != "html" and (sql or blame):
        raise UsageError(f"{'--sql' if sql else '--blame'} goes with a page", "add --format html")
    if format_ == "html" and output is None and terminal.is_terminal():
        raise UsageError("a page is not to be read in a terminal", "name a file: -o graph.html")


def _show(project: Project, picture: Picture, color: str, *, has_pager: bool) -> None:
    from shutil import get_terminal_size

    from branchmig.render.graph_text import ASCII, UNICODE, graph_lines

    glyphs = UNICODE if terminal.can_write("●○✗◌◐◦┊╌╭╮╯╰├┤┬┴┼→\u2212⚠") else ASCII
    core_pager = None
    if has_pager and terminal.is_terminal() and project.repository is not None:
        core_pager = project.repository.setting("core.pager")
    terminal.stream(
        graph_lines(picture, glyphs, get_terminal_size((100, 24)).columns),
        is_coloured=terminal.wants_colour(color),
        pager=terminal.pager_command(core_pager) if has_pager else None,
    )


def _lines(format_: str, project: Project, picture: Picture) -> Iterable[str]:
    if format_ == "text":
        from branchmig.render.graph_text import graph_lines

        return ("".join(text for text, _ in line) for line in graph_lines(picture))
    if format_ == "mermaid":
        return _mermaid(picture)
    if format_ == "dot":
        from branchmig.render.graph_dot import dot_lines

        return dot_lines(picture)
    if format_ == "json":
        from branchmig.render.graph_json import graph_document

        return [json_text(graph_document(picture, project.shown_path))]
    from branchmig.render.graph_svg import svg_lines

    return svg_lines(picture)


def _page(
    project: Project, invocation: Invocation, view: View, picture: Picture, *, has_sql: bool, blames_all: bool
) -> str:
    from branchmig.render.graph_html import Details, page
    from branchmig.render.schema_page import schema_data
    from branchmig.workflows.schema import steps_of

    step = terminal.Progress(not invocation.has_notes).step
    sources = scripts_of(project, view, picture)
    scripts = {name: script.decode("utf-8", "replace").replace("\r\n", "\n") for name, script in sources.items()}
    schema = schema_data(steps_of(project, invocation, view, picture, sources)) if picture.effects else []
    sql: dict[str, str] = {}
    if has_sql:
        from branchmig.database.run.offline import sql_of_each
        from branchmig.database.run.script_checkout import placed

        with placed(project, view) as there:
            sql = sql_of_each(there, invocation, frozenset(picture.shown), step)
    blame = blame_of(project, view, picture, step, is_of_all=blames_all)
    details = Details(scripts, sql, blame, schema)
    return page(picture, project.config.root.name, details, project.shown_path).rstrip("\n")


def _mermaid(picture: Picture) -> Iterable[str]:
    from branchmig.render.graph_mermaid import MOST_EDGES, MOST_LETTERS, mermaid_lines

    lines, number = list(mermaid_lines(picture)), len(picture.edges())
    letters = sum(len(line) + 1 for line in lines)
    if number > MOST_EDGES or letters > MOST_LETTERS:
        terminal.warning(
            f"mermaid draws at most {MOST_EDGES} lines from {MOST_LETTERS:,} letters, and this is {number} from "
            f"{letters:,}: narrow it down with --since or -r"
        )
    return lines


def _write(lines: Iterable[str], output: str | None) -> None:
    if output is None:
        terminal.stream(([(line, "")] for line in lines), is_coloured=False)
    else:
        terminal.answer_in_file(output, lines)
