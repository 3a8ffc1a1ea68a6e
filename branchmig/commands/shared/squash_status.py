"""`branchmig squash --status`: whether a database is in the middle of what a squash replaced."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from branchmig import terminal
from branchmig.masking import masked
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render.squash import status_document, status_lines
from branchmig.workflows.old_scripts import bundle_path
from branchmig.workflows.squash_status import Asked, SquashStatus, status_of


def show_status(invocation: Invocation, urls: Sequence[str], file: str | None, format_: str) -> None:
    """Show each squash of the checkout with the databases: the project's own, or those of `urls`, or of a fleet.

    Exits with 1 where one is in the middle, with 3 where none is known to be and one is unknown.
    """
    project = Project.open(invocation.files)
    squashes = [revision for revision in project.dag if revision.replaces]
    asked = _asked(project, invocation, urls, file) if squashes else []
    found = [
        SquashStatus(
            squash,
            path if os.path.isfile(path := bundle_path(project, squash.path or "", squash.id)) else "",
            tuple(status_of(project.dag, squash, database) for database in asked),
        )
        for squash in squashes
    ]
    if format_ == "json":
        terminal.document(status_document(found, project.shown_path))
    else:
        terminal.answer(status_lines(found, project.shown_path))
    if any(status.is_in_use for status in found):
        raise click.exceptions.Exit(1)
    if any(status.is_unknown for status in found):
        raise click.exceptions.Exit(3)


def _asked(project: Project, invocation: Invocation, urls: Sequence[str], file: str | None) -> list[Asked]:
    """Return the rows of each version table. Raises EnvironmentFailed where the project's own cannot be asked."""
    if not urls and file is None:
        from branchmig.database.reader import read_rows_as_they_are

        found = read_rows_as_they_are(project, invocation, "current")
        return [Asked(rows.title or rows.url, rows.rows) for rows in found]
    from branchmig.commands.shared.fleet_commands import rows_of_targets
    from branchmig.fleet.targets import Target

    targets = [Target(name, url=url.replace("$", "$$")) for name, url in {masked(url): url for url in urls}.items()]
    return [Asked(*found) for found in rows_of_targets(project, invocation, file, targets)]
