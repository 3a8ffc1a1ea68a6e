"""Which files are staged as they lie in the work tree, and staging them again after an edit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from branchmig.git.repository import joined, split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchmig.git.repository import Repository


def staged_as_they_are(repository: Repository, paths: Sequence[str]) -> list[str]:
    """Return those of some paths, from the top, that are staged for the next commit and not changed since."""
    if not paths:
        return []
    staged = set(split(repository.run("diff-index", "--cached", "--name-only", "-z", _head(repository), "--", *paths)))
    changed = set(split(repository.run("diff-files", "--name-only", "-z", "--", *paths)))
    return sorted(staged - changed)


def stage(repository: Repository, paths: Sequence[str]) -> None:
    """Stage some files, by path from the top, as they lie in the work tree."""
    if paths:
        repository.run("update-index", "-z", "--stdin", given=joined(paths), as_user=True)


def unmerged(repository: Repository, folders: Sequence[str]) -> list[str]:
    """Return the paths below some folders that a merge or rebase has left in conflict."""
    lines = split(repository.run("ls-files", "-u", "-z", "--", *[folder or "." for folder in folders]))
    return sorted({line.partition("\t")[2] for line in lines})


def _head(repository: Repository) -> str:
    # The empty tree stands in for HEAD on a branch without a commit.
    return repository.commit("HEAD") or repository.run("hash-object", "-t", "tree", "--stdin").decode().strip()
