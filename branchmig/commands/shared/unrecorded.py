"""Warnings of `upgrade` without a journal about skipped or edited revisions, in the words of `status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from branchmig import terminal
from branchmig.database.run.run_listener import RunListener
from branchmig.errors import BranchmigError
from branchmig.model import Plan
from branchmig.project.project import Project

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext


class UnrecordedNotes(RunListener):
    """Warns of what git's pins know of a database, before its steps run; `skipped` are the revisions that never ran."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self.skipped: dict[str, None] = {}

    def planned(self, context: MigrationContext, plan: Plan) -> None:
        """Look at the version table as `status` does. What cannot be known is left for `status` to say."""
        dag = self._project.dag
        if context.connection is None or not plan.applied or any(row not in dag for row in plan.applied):
            return
        # Nothing to look at, most often; the rest is a tenth of the program's start.
        from branchmig.database.identity import identity_of
        from branchmig.workflows.applied_history import pinned_records

        try:
            identity = identity_of(context)
            if not identity.is_local or not pinned_records(self._project, dag, identity.name):
                return
            from branchmig.database.surveying import VersionTable
            from branchmig.render.status import edited_lines, skipped_lines
            from branchmig.workflows.status import standing_of

            standing = standing_of(self._project, dag, VersionTable(identity, plan.applied, context))
        except BranchmigError:
            return
        coming = {step.revision.id for step in plan.steps if step.revision is not None}
        skipped = [revision_id for revision_id in standing.skipped if revision_id not in coming]
        self.skipped |= dict.fromkeys(skipped)
        for problem in standing.problems:
            terminal.warning(problem.message)
        for lines in (skipped_lines(standing) if skipped else [], edited_lines(standing)):
            for line in lines[:1]:
                terminal.warning(f"{standing.name}: {line.strip()}")
            terminal.note(*(f"         {way.strip()}" for way in lines[1:]))
