"""Which files of the work tree the target branch lacks or has otherwise, and writing files into git's objects."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from branchmig.git.history import commit_of
from branchmig.git.paths import pathspecs
from branchmig.git.places import changed_blobs, tree_snapshot
from branchmig.git.repository import Repository, split
from branchmig.git.targets import target_branch

_PATHS_IN_COMMAND = 400
"""Paths of up to 4 KB each, which Linux takes as arguments of one process (2 MB)."""
LARGEST = 1_000_000
"""Bytes. A bigger file beside revisions is a dump or the like, and is not kept by a pin."""


def own_paths(repository: Repository, target: str | None, folders: Sequence[str], paths: Collection[str]) -> set[str]:
    """Return those of some paths of the work tree, from the top, that the target branch does not have just so.

    `target` is the setting; without any target branch, all of them. Raises GitError.
    """
    ref = target_branch(repository, target)
    if ref is None:
        return set(paths)
    commit = commit_of(repository, ref)
    settled = tree_snapshot(repository, commit, folders).blobs
    _, changed = changed_blobs(repository, ("diff-index", commit), folders)
    return {path for path in paths if path not in settled or path in changed}


def files_beside(repository: Repository, folders: Sequence[str], revisions: Collection[str]) -> list[str]:
    """Return the files of some folders of the work tree beside revision files, ignored files left out, from the top."""
    words = ("--cached", "--others", "--exclude-standard", "-z")
    listed = split(repository.run("ls-files", *words, "--", *pathspecs(folders)))
    found = dict.fromkeys(path for path in listed if path not in revisions)
    places = {path: repository.top / path for path in found}
    return [path for path, at in places.items() if at.is_file() and not at.is_symlink() and at.stat().st_size < LARGEST]


def write_blobs(repository: Repository, paths: Sequence[str]) -> dict[str, str]:
    """Write files of the work tree, by path from the top and as they are, into git's objects; return their blobs."""
    if not paths:
        return {}
    ids: list[str] = []
    for start in range(0, len(paths), _PATHS_IN_COMMAND):
        # Not --stdin-paths: it reads lines, so a path that ends in "\r" or begins with '"' would be another path.
        some = paths[start : start + _PATHS_IN_COMMAND]
        ids += repository.run("hash-object", "-w", "--no-filters", "--", *some).decode().split()
    return dict(zip(paths, ids, strict=True))
