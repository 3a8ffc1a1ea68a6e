"""Upgrades a database whose rows a squash has replaced: past retired revisions, or with the old scripts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from branchmig.errors import CannotFollow, OrphanRevision
from branchmig.model import Plan
from branchmig.project.config import Invocation
from branchmig.project.project import Project

if TYPE_CHECKING:
    from branchmig.commands.shared.migrate_options import MigrateCommand
    from branchmig.database.run.environment import Environment
    from branchmig.workflows.old_scripts import OldScripts


def past_retired(
    environment: Environment, journey: MigrateCommand, target: str, rows: Sequence[str | None]
) -> Plan | None:
    """Return the plan of an upgrade where all rows that the checkout lacks are retired; None where one is not.

    None, too, where the old scripts of a squash must be run. Raises CannotFollow where the database is half-way in a
    squash that does not name what it replaced.
    """
    from branchmig.workflows.database_sync import plan_past_retired
    from branchmig.workflows.old_scripts import is_within_squash

    if not _may(journey) or journey.others:
        return None
    try:
        return plan_past_retired(environment, target, rows)
    except CannotFollow:
        if is_within_squash(environment.project.dag, rows):
            return None
        raise


def needed_scripts(project: Project, journey: MigrateCommand, rows: Sequence[str | None]) -> OldScripts | None:
    """Return the old scripts that an upgrade of a database in the middle of a squash runs; None for any other."""
    from branchmig.workflows.old_scripts import is_within_squash, old_scripts

    if not _may(journey) or not is_within_squash(project.dag, rows):
        return None
    return old_scripts(project, project.dag, rows)


def run_through_squash(
    project: Project,
    invocation: Invocation,
    journey: MigrateCommand,
    run: Callable[[Project, OldScripts | None], list[Plan]],
) -> list[Plan]:
    """Run an upgrade by `run`; of a database in the middle of a squash, again with the scripts that it replaced.

    The first time, nothing is run on such a database. Raises CannotFollow where the old scripts cannot be had.
    """
    try:
        return run(project, None)
    except OrphanRevision:
        if not _may(journey):
            raise
        from branchmig.database.reader import read_rows_as_they_are
        from branchmig.workflows.old_scripts import is_within_squash, old_scripts, with_old_scripts

        found = read_rows_as_they_are(project, invocation, "upgrade")
        rows = tuple(dict.fromkeys(row for database in found for row in database.rows))
        if not is_within_squash(project.dag, rows):
            raise
    old = old_scripts(project, project.dag, rows)
    with with_old_scripts(project, old) as placed:
        return run(placed, old)


def _may(journey: MigrateCommand) -> bool:
    return journey.command == "upgrade" and not journey.as_sql and journey.reviewed is None
