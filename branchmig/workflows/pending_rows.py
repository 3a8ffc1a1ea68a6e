"""Asks the live rows what the steps of sync and switch need of them, where `checks = true`, before any step runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from branchmig.database.row_checks import CheckedRows, rows_checked
from branchmig.model import Plan
from branchmig.project.project import Project
from branchmig.project.view import WORKTREE, View
from branchmig.workflows.undo_sources import GIT, script_texts

if TYPE_CHECKING:
    from branchmig.database.surveying import VersionTable


def pending_rows(
    project: Project, database: VersionTable, plan: Plan, view: View, texts: Mapping[str, tuple[str, bytes]]
) -> CheckedRows:
    """Return what the rows of a database say to the upgrades of a plan, whose scripts are at `view`.

    `texts` has the scripts of a bundle by their sources.
    """
    steps = [step for step in plan.steps if step.direction == "upgrade" and step.revision is not None]
    blobs = [step.source.removeprefix(GIT) for step in steps if step.source.startswith(GIT)]
    found = dict(project.tracked.blobs(blobs)) if blobs else {}
    paths = [step.revision.path for step in steps if step.revision and step.revision.path and step.source == WORKTREE]
    there = view.read([path for path in paths if path in view.blobs])
    here = project.view().read([path for path in paths if path not in view.blobs])
    scripts: dict[str, bytes] = {}
    for step in steps:
        assert step.revision is not None
        if step.source in texts:
            scripts[step.revision.id] = texts[step.source][1]
        elif step.source.startswith(GIT):
            scripts[step.revision.id] = found[step.source.removeprefix(GIT)]
        elif step.revision.path is not None:
            scripts[step.revision.id] = {**there, **here}[step.revision.path]
    return rows_checked(database, scripts, project.config.settings.check_timeout, script_texts(project, plan))
