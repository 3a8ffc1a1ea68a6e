"""Finds files that are staged as they are in the work tree, and stages them again after an edit."""

from __future__ import annotations

from collections.abc import Sequence

from branchmig.git.paths import pathspecs
from branchmig.git.repository import Repository, joined, split


def staged_as_they_are(repository: Repository, paths: Sequence[str]) -> list[str]:
    """Return those of some paths, from the top, that are staged for the next commit and not changed since."""
    if not paths:
        return []
    staged = set(split(repository.run("diff-index", "--cached", "--name-only", "-z", _head(repository), "--", *paths)))
    changed = set(split(repository.run("diff-files", "--name-only", "-z", "--", *paths)))
    return sorted(staged - changed)


def stage(repository: Repository, paths: Sequence[str]) -> None:
    """Stage some files, by path from the top, as they are in the work tree: new, changed or deleted."""
    if paths:
        repository.run("update-index", "--add", "--remove", "-z", "--stdin", given=joined(paths), as_user=True)


def intend_to_add(repository: Repository, paths: Sequence[str]) -> None:
    """Make new files known to git without their content, so that `git commit --all` does not leave them out."""
    if paths:
        repository.run("add", "--intent-to-add", "--force", "--", *paths, as_user=True)


def tracked_files(repository: Repository, paths: Sequence[str]) -> set[str]:
    """Return those of some paths, from the top, that the index holds."""
    return set(split(repository.run("ls-files", "-z", "--", *paths))) if paths else set()


def unmerged(repository: Repository, folders: Sequence[str]) -> list[str]:
    """Return the paths below some folders that a merge or rebase has left in conflict."""
    return sorted(unmerged_stages(repository, folders))


def unmerged_stages(repository: Repository, folders: Sequence[str]) -> dict[str, dict[int, str]]:
    """Return the same paths, each with the blobs of its sides: 1 is where they parted, 2 is HEAD's, 3 the other."""
    found: dict[str, dict[int, str]] = {}
    for line in split(repository.run("ls-files", "-u", "-z", "--", *pathspecs(folders))):
        facts, _, path = line.partition("\t")
        _, blob, stage_ = facts.split(" ")
        found.setdefault(path, {})[int(stage_)] = blob
    return found


def _head(repository: Repository) -> str:
    # The empty tree stands in for HEAD on a branch without a commit.
    return repository.commit("HEAD") or repository.run("hash-object", "-t", "tree", "--stdin").decode().strip()
