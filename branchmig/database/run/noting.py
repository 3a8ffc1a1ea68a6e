"""Records for the hooks the version rows that a run has left in this machine's databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from branchmig.database.identity import identity_of
from branchmig.database.run.run_listener import RunListener
from branchmig.errors import GitError

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

    from branchmig.model import Plan
    from branchmig.project.project import Project


class RowsKeeper(RunListener):
    """Notes the rows that a run leaves. Without a repository, or where nothing can be written, it does nothing."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._rows: dict[str, tuple[str, ...]] = {}

    def planned(self, context: MigrationContext, plan: Plan) -> None:
        """Remember which database the run is on, and where it will be."""
        if context.connection is not None and (identity := identity_of(context)).is_local:
            self._rows[identity.name] = plan.heads_after

    def succeeded(self) -> None:
        """Note where the databases are now."""
        from branchmig.git.rows import note_rows

        try:
            if self._rows and self._project.repository is not None:
                note_rows(self._project.repository, self._rows)
        except (GitError, OSError):
            return
