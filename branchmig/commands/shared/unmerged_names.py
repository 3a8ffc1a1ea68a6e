"""Obstacles to new ids in the middle of a git merge or rebase: conflicts, and commits yet to come."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import TYPE_CHECKING

from branchmig.errors import RevisionFileError
from branchmig.git.staging import unmerged_stages
from branchmig.project.project import Project
from branchmig.revisions.escaping import in_shell
from branchmig.revisions.fingerprint import upgrade_fingerprint

if TYPE_CHECKING:
    from branchmig.git.repository import Repository

_BRINGS = frozenset({"pick", "p", "reword", "r", "edit", "e", "squash", "s", "fixup", "f", "merge", "m"})


def refuse_unfinished(project: Project, there: Collection[str], name: str) -> None:
    """Raise RevisionFileError for a file in conflict, and for own revisions that a git rebase is yet to bring.

    `there` are the ids of the target branch, called `name`.
    """
    stages = unmerged_stages(project.tracked, project.folders)
    for path, blobs in stages.items():
        if set(blobs) == {2, 3}:
            _refuse_one_name(project, path, blobs, name)
        raise RevisionFileError(f"{path} is in conflict", f"resolve it and 'git add {in_shell(path)}' first")
    if _has_more_to_come(project.tracked):
        before = project.tracked.commit(_orig_head(project.tracked)) or ""
        coming = project.tree_view(before).ids if before else frozenset()
        lacking = sorted(coming.difference(there, (revision.id for revision in project.view().revisions)))
        if lacking:
            raise RevisionFileError(
                f"the git rebase in progress has not added yet {', '.join(lacking)}",
                "finish it first: git rebase --continue; then: branchmig rebase --renumber",
            )


def _refuse_one_name(project: Project, path: str, blobs: dict[int, str], name: str) -> None:
    """Explain two revisions with one file name, each added on its own branch."""
    texts = dict(project.tracked.blobs(list(blobs.values())))
    if upgrade_fingerprint(texts[blobs[2]]) == upgrade_fingerprint(texts[blobs[3]]):
        return
    is_rebase = _is_rebasing(project.tracked)
    own, side = (3, "--ours") if is_rebase else (2, "--theirs")
    shown = project.shown_path(str(project.tracked.top / path))
    aside = f"{shown.removesuffix('.py')}_own.py"
    old, new = in_shell(shown), in_shell(aside)
    then = "git rebase --continue; branchmig rebase --renumber" if _has_more_to_come(project.tracked) else ""
    raise RevisionFileError(
        f"{path} is in conflict: {name} and this branch have each added a revision under this file name",
        f"keep both, then renumber: git show {in_shell(f':{own}:./{shown}')} > {new}; git checkout {side} -- {old}; "
        f"git add {old} {new}; {then or 'branchmig rebase --renumber'}",
    )


def _is_rebasing(repository: Repository) -> bool:
    return any(repository.path(folder).exists() for folder in ("rebase-merge", "rebase-apply"))


def _has_more_to_come(repository: Repository) -> bool:
    todo = repository.path("rebase-merge/git-rebase-todo")
    if todo.exists():
        return any(line.split(b" ")[0].decode("ascii", "replace") in _BRINGS for line in todo.read_bytes().splitlines())
    now, last = (repository.path(f"rebase-apply/{name}") for name in ("next", "last"))
    return now.exists() and last.exists() and int(now.read_text()) < int(last.read_text())


def _orig_head(repository: Repository) -> str:
    files = [repository.path(f"{folder}/orig-head") for folder in ("rebase-merge", "rebase-apply")]
    return next((os.fsdecode(file.read_bytes()).strip() for file in files if file.exists()), "")
