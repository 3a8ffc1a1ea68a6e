"""What settings have a run ask the live database first: its rows (`upgrade --check`, `checks`), and its drift."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from branchmig import terminal
from branchmig.commands.shared.flow import answer
from branchmig.errors import AnswerIsNo, OrphanRevision
from branchmig.model import Plan
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render.row_checks import check_document, check_lines

if TYPE_CHECKING:
    from branchmig.database.row_checks import CheckedRows
    from branchmig.database.run.environment import Environment

    MakePlan = Callable[[Sequence[str | None]], Plan]


def answer_check(environment: Environment, make_plan: MakePlan, format_: str) -> None:
    """Say what the live rows say; exit with 1 if some are in the way, 3 if something could not be asked."""
    checked = _checked(environment, make_plan)
    answer(format_, lambda: check_document(checked), lambda: check_lines(checked))
    if not all(database.is_ok for database in checked):
        raise click.exceptions.Exit(1 if any(database.violations for database in checked) else 3)


def refuse_violations(environment: Environment, make_plan: MakePlan, target: str) -> None:
    """Go on only where no row is in the way. Raises AnswerIsNo, naming the rows; what could not be asked is a note."""
    from branchmig.database.row_checks import refuse_violations as refuse

    try:
        checked = _checked(environment, make_plan)
    except OrphanRevision as error:
        # Whether it can be upgraded all the same is for the run to say: past retired revisions, or from a squash.
        terminal.note(f"note:  the rows were not checked: {error.message}")
        return
    refuse(checked, f"settle these rows first; branchmig upgrade {target} --check asks again")
    for database in checked:
        for cannot in database.unchecked:
            place = f" of {cannot.object}" if cannot.object else ""
            terminal.note(f"note:  not checked: {cannot.code}{place}, revision {cannot.revision}: {cannot.reason}")


def _checked(environment: Environment, make_plan: MakePlan) -> list[CheckedRows]:
    from branchmig.database.row_checks import check_rows
    from branchmig.database.run.environment import silent

    with silent():
        return check_rows(environment, make_plan, environment.project.config.settings.check_timeout)


def refuse_drift(project: Project, invocation: Invocation) -> None:
    """Go on only where the live schema is what its applied revisions build. Raises AnswerIsNo with the differences."""
    from branchmig.render.drift import drift_lines
    from branchmig.workflows.drift import drift

    found = drift(project, invocation)
    if any(database.drift for database in found):
        raise AnswerIsNo(
            "the live schema is not what its applied revisions build: nothing was run",
            "settle these differences first; drift_check = false goes past them",
            [line.strip() for line in drift_lines(found)],
        )
