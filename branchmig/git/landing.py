"""What each git branch would change in the target if it were merged: many merges previewed in one git process."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from branchmig.errors import GitError
from branchmig.forecast import Landing
from branchmig.git.places import Snapshot, cannot_merge, changed_blobs, object_directory
from branchmig.git.reading import read_snapshot
from branchmig.model import Revision

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from branchmig.git.repository import Repository


def landings(
    repository: Repository,
    target: str,
    branches: Mapping[str, str],
    folders: Sequence[str],
    *,
    is_recursive: bool,
) -> list[Landing]:
    """Return what the merge of each branch into the commit `target` would add and remove, in the branches' order.

    `branches` are names with their commits. Branches whose revision folders are the target's, and merges that end
    in the same tree, are read once. Raises GitError where git cannot merge.
    """
    if repository.is_shallow:
        raise cannot_merge(repository, b"")
    unchanged = _with_same_folders(repository, target, branches, folders)
    commits = list(dict.fromkeys(commit for commit in branches.values() if commit not in unchanged))
    with tempfile.TemporaryDirectory(prefix="branchmig-") as scratch:
        more = object_directory(repository, scratch)
        trees = dict(zip(commits, _merged_trees(repository, target, commits, more), strict=True))
        found = {
            tree: _difference(repository, target, tree, folders, more, is_recursive)
            for tree in dict.fromkeys(trees.values())
        }
    nothing: tuple[dict[str, Revision], frozenset[str], tuple[str, ...]] = ({}, frozenset(), ())
    return [Landing(name, *(found[trees[commit]] if commit in trees else nothing)) for name, commit in branches.items()]


def _with_same_folders(
    repository: Repository, target: str, branches: Mapping[str, str], folders: Sequence[str]
) -> set[str]:
    """Return the commits whose revision folders are the very trees that the target has."""
    commits = list(dict.fromkeys([target, *branches.values()]))
    names = [f"{commit}:{folder}" for commit in commits for folder in folders]
    answer = repository.run(
        "cat-file",
        "--batch-check=%(objectname)",
        "--buffer",
        given="\n".join([*names, ""]).encode("utf-8", "surrogateescape"),
    )
    lines = answer.decode("utf-8", "surrogateescape").splitlines()
    width = len(folders)
    trees = {commit: tuple(lines[at * width : (at + 1) * width]) for at, commit in enumerate(commits)}
    missing = tuple(f"{target}:{folder} missing" for folder in folders)
    return {commit for commit, found in trees.items() if found == trees[target] != missing}


def _merged_trees(
    repository: Repository, target: str, commits: Sequence[str], more: Mapping[str, str]
) -> Iterator[str]:
    if not commits:
        return
    given = "".join(f"{target} {commit}\n" for commit in commits).encode()
    # An orphan branch (gh-pages) has nothing in common with the target, and would end the whole batch.
    words = ["--write-tree", "--stdin", "-z", "--no-messages", "--allow-unrelated-histories"]
    done = repository.attempt("merge-tree", *words, given=given, more=more)
    if done.returncode:
        raise cannot_merge(repository, done.stderr)
    fields = iter(done.stdout.split(b"\0"))
    for _ in commits:
        status, tree = next(fields), next(fields)
        if status not in (b"0", b"1"):
            raise GitError("git merge-tree answered in a way that is not understood", "report it, with git's version")
        yield tree.decode()
        # The paths in conflict follow, up to an empty field; what they hold is read like any other file.
        while next(fields):
            pass


def _difference(
    repository: Repository,
    target: str,
    tree: str,
    folders: Sequence[str],
    more: Mapping[str, str],
    is_recursive: bool,
) -> tuple[dict[str, Revision], frozenset[str], tuple[str, ...]]:
    """Return the revisions that a tree adds to the target's, those it takes away, and files that cannot be read."""
    before, after = changed_blobs(repository, ("diff-tree", "-r", target, tree), folders, more)
    gone = _revisions(repository, Snapshot("", before), folders, is_recursive)[0]
    here, unreadable = _revisions(repository, Snapshot("", after, more=more), folders, is_recursive)
    return here, frozenset(gone), unreadable


def _revisions(
    repository: Repository, snapshot: Snapshot, folders: Sequence[str], is_recursive: bool
) -> tuple[dict[str, Revision], tuple[str, ...]]:
    files = read_snapshot(repository, snapshot, folders, is_recursive=is_recursive)
    revisions = {file.content.id: file.content for file in files if isinstance(file.content, Revision)}
    return revisions, tuple(file.path for file in files if not isinstance(file.content, Revision) or file.marker_line)
