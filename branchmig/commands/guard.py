"""`branchmig guard`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from branchmig import terminal
from branchmig.commands.shared.options import format_of, landing_option, pass_invocation, place_options
from branchmig.errors import ConfigurationError
from branchmig.model import Problem
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render.colours import answer_pieces
from branchmig.render.problems import FORMATS, problems_as
from branchmig.workflows.checks import inspect

if TYPE_CHECKING:
    from branchmig.workflows.hazards import TableName, Weighed


@click.command("guard")
@place_options
@landing_option("target", "the work lands")
@click.option(
    "--hazards",
    "with_hazards",
    is_flag=True,
    help="Also check what the new revisions destroy, lock or break; the setting hazards says which are errors.",
)
@click.option(
    "--db/--no-db",
    "with_database",
    default=False,
    help="Also check the journal of the database; runs env.py to connect.",
)
@format_of(*FORMATS)
@pass_invocation
def command(
    invocation: Invocation,
    at: str,
    merged_with: str | None,
    target: str | None,
    with_hazards: bool,
    with_database: bool,
    format_: str,
) -> None:
    """Check that the graph has one head and that no landed revision changed.

    With --hazards, also checks what the new revisions do to tables with rows and to code that still runs. With
    --db, also checks that every revision below an applied revision ran, and leaves out the hazards that do not
    concern empty tables.

    Exits with 0 if all rules hold, 1 if a rule is broken, 3 if no rule is broken but at least one could not be
    checked: the answer names the rule and the reason.
    """
    project = Project.open(invocation.files)
    verdict = inspect(project, at, merged_with, target)
    weighed = _weighed(project, invocation, (at, merged_with, target), with_database) if with_hazards else None
    if with_database and (project.config.settings.journal or not with_hazards):
        verdict = replace(verdict, problems=(*verdict.problems, *_skipped(project, invocation)))
    if weighed is not None:
        problems = (*verdict.problems, *weighed.faults, *map(weighed.problem, weighed.errors))
        waived, unchecked = (*verdict.waived, *weighed.waived), (*verdict.unchecked, *weighed.unchecked)
        verdict = replace(verdict, problems=problems, waived=waived, unchecked=unchecked)
    # GitHub looks for an annotation's file from the top of the repository, wherever the project is in it.
    shown_path = project.path_from_top if format_ == "github" else project.shown_path
    answer = problems_as(format_, verdict, shown_path, weighed)
    if format_ == "text":
        terminal.painted_answer(answer, answer_pieces)
    else:
        terminal.answer(answer)
    if weighed is not None and not weighed.paths and not weighed.unchecked and format_ == "text":
        terminal.note("No revision is new here, so there was nothing to check for hazards.")
    if not verdict.is_ok:
        raise click.exceptions.Exit(1 if verdict.problems else 3)


def _weighed(
    project: Project, invocation: Invocation, places: tuple[str, str | None, str | None], with_database: bool
) -> Weighed:
    """Return the hazards of what a place, merged with another, adds to the target; unchecked without a target."""
    from branchmig.workflows.hazards import weighed_against

    def empty_among(tables: Collection[TableName]) -> Collection[TableName]:
        from branchmig.database.surveying import empty_tables

        return empty_tables(project, invocation, tables)

    return weighed_against(project, invocation, *places, empty_among=empty_among if with_database else None)


def _skipped(project: Project, invocation: Invocation) -> list[Problem]:
    """Return a problem for each revision that a database has left out; warn of those that it has otherwise.

    Raises ConfigurationError without a journal, since then branchmig cannot tell.
    """
    from branchmig.database.journal.journal_rules import skipped_problem, warn_of_edits
    from branchmig.database.reader import read_version_rows

    if not project.config.settings.journal:
        raise ConfigurationError(
            "guard --db asks the journal, and this project keeps none", "to keep a journal from now on: branchmig adopt"
        )
    problems: dict[str, Problem] = {}
    for database in read_version_rows(project, invocation, "current"):
        if database.ledger is not None:
            warn_of_edits(database.ledger, project)
            problems |= {revision_id: skipped_problem(revision_id, project) for revision_id in database.ledger.skipped}
    return list(problems.values())
