"""Asks, before a run, whether other branches share the state that the run is about to change. Loads next to nothing."""

from __future__ import annotations

from branchmig.errors import GitError
from branchmig.project.config import Invocation
from branchmig.project.project import Project


def keep_shared_apart(project: Project, invocation: Invocation, command: str) -> None:
    """Have a state copied that branches share (`switch --keep`), before `command` changes it for one of them.

    What a killed switch has left is settled first.
    """
    try:
        repository = project.repository
        if repository is None:
            return
        from branchmig.database.keeping.records import is_interrupted, is_shared
        from branchmig.git.history import current_branch

        if not is_interrupted(repository) and not is_shared(repository, current_branch(repository)):
            return
    except (GitError, OSError):
        return
    from branchmig.commands.shared.keeping import keep_apart, settle_switches

    settle_switches(project, invocation)
    keep_apart(project, invocation, command)
