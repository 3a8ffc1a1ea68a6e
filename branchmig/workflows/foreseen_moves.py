"""What `switch --keep` would do with the states of databases; moves nothing, and settles nothing."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.workflows.keeping import Move, Switching, decided, looked
from branchmig.workflows.kept_states import all_states

if TYPE_CHECKING:
    from branchmig.database.keeping.records import KeptState
    from branchmig.workflows.database_sync import SyncOptions


def foreseen_moves(
    project: Project, invocation: Invocation, options: SyncOptions, switching: Switching
) -> tuple[Move, ...]:
    """Return the move of each database. Raises CannotKeep where a database has no way to keep states."""
    with ExitStack() as stack:
        found = looked(project, invocation, options)
        for database in found:
            stack.callback(database.server.close)
        return tuple(decided(project, database, switching) for database in found)


def kept_for(project: Project, branch: str | None) -> tuple[KeptState, ...]:
    """Return the states that are set aside for a branch."""
    return tuple(state for _, state in all_states(project) if branch is not None and branch in state.branches)
