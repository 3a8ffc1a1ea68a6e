"""Which work tree has which database, as the clone has noted it. Loads next to nothing: `status` and `states` ask."""

from __future__ import annotations

import os
from dataclasses import dataclass

from branchmig.database.keeping.records import is_interrupted
from branchmig.database.keeping.worktrees import WorktreeRecord, records
from branchmig.errors import GitError
from branchmig.git.history import current_branch
from branchmig.git.switching import branches_elsewhere
from branchmig.model import Problem
from branchmig.project.project import Project


@dataclass(frozen=True, slots=True)
class WorktreeUse:
    """Which databases a work tree has; `is_gone` once git has removed the work tree."""

    folder: str
    branch: str | None
    databases: tuple[str, ...]
    is_gone: bool = False


def uses(project: Project) -> list[WorktreeUse]:
    """Return the work trees with the databases that they have; nothing where no work tree has one of its own."""
    try:
        repository = project.repository
    except GitError:
        return []
    found = [] if repository is None else [item for item in records(repository) if item[0].is_whole]
    if repository is None or not found:
        return []
    branches = {os.path.realpath(folder): branch for branch, folder in branches_elsewhere(repository).items()}
    branches[str(repository.top)] = current_branch(repository) or ""
    main = str(repository.common_dir.parent)
    sources = tuple(dict.fromkeys(own.source for record, _ in found for own in record.databases))
    return [
        WorktreeUse(main, branches.get(main) or None, sources),
        *(
            WorktreeUse(
                record.folder,
                branches.get(record.folder) if is_there else None,
                tuple(own.shown or own.name for own in record.databases),
                is_gone=not is_there,
            )
            for record, is_there in found
        ),
    ]


def interrupted_switches(project: Project) -> list[Problem]:
    """Return the problem that a killed `switch --keep` has left, if there is one."""
    try:
        if project.repository is None or not is_interrupted(project.repository):
            return []
    except GitError:
        return []
    return [Problem("interrupted-switch", "a 'switch --keep' was killed while it moved a database", "branchmig repair")]


def left_behind(project: Project) -> list[WorktreeRecord]:
    """Return the records of work trees that git has removed, and of runs that were killed before one was complete."""
    repository = project.repository
    return [] if repository is None else [record for record, is_there in records(repository) if not is_there]
