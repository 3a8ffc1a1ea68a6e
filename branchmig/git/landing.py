"""What each git branch would change in the target if it were merged: many merges previewed in one git process."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from branchmig.errors import GitError
from branchmig.forecast import Landing
from branchmig.git.cache import HeaderCache
from branchmig.git.history import branches, short_ref
from branchmig.git.places import Snapshot, cannot_merge, changed_between, object_directory
from branchmig.git.reading import fill_cache, read_snapshot
from branchmig.model import Revision

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from branchmig.git.repository import Repository

# Revisions added, ids removed, files that cannot be read.
_Difference = tuple[dict[str, Revision], frozenset[str], tuple[str, ...]]


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
        found = _differences(repository, target, list(dict.fromkeys(trees.values())), folders, more, is_recursive)
    nothing: _Difference = ({}, frozenset(), ())
    return [Landing(name, *(found[trees[commit]] if commit in trees else nothing)) for name, commit in branches.items()]


def open_branches(repository: Repository, target: str, settled_at: str) -> dict[str, str]:
    """Return each local and remote branch but the target, whose commit is given, with its commit, by short name.

    A remote branch that a local one equals comes once.
    """
    own_name = short_ref(target)
    skipped = {target, f"refs/heads/{own_name}"}
    # The other end of the target, here or on the remote, while it is at the same commit.
    twins = {f"refs/heads/{own_name.partition('/')[2]}", f"refs/remotes/origin/{own_name}"}
    found: dict[str, str] = {}
    local = {}
    for ref, commit in branches(repository).items():
        name = short_ref(ref)
        if ref in skipped or (ref in twins and commit == settled_at):
            continue
        if ref.startswith("refs/heads/"):
            local[name] = commit
        elif local.get(name.partition("/")[2]) == commit:
            continue
        found[name] = commit
    return found


def _with_same_folders(
    repository: Repository, target: str, branches: Mapping[str, str], folders: Sequence[str]
) -> set[str]:
    """Return the commits whose revision folders are the very trees that the target has."""
    commits = list(dict.fromkeys([target, *branches.values()]))
    names = [f"{commit}:{folder}" for commit in commits for folder in folders]
    found = iter(repository.ids_of(names))
    trees = {commit: tuple(next(found) for _ in folders) for commit in commits}
    return {commit for commit, own in trees.items() if own == trees[target] and any(own)}


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


def _differences(
    repository: Repository,
    target: str,
    trees: Sequence[str],
    folders: Sequence[str],
    more: Mapping[str, str],
    is_recursive: bool,
) -> dict[str, _Difference]:
    """Return for each tree the revisions that it adds to the target's, those it takes away, and unreadable files."""
    changes = dict(zip(trees, changed_between(repository, target, trees, folders, more), strict=True))
    cache = HeaderCache(repository.common_dir)
    scripts = [
        blob for sides in changes.values() for side in sides for path, blob in side.items() if path[-3:] == ".py"
    ]
    fill_cache(repository, scripts, more, cache)

    def revisions(blobs: Mapping[str, str], at: str) -> tuple[dict[str, Revision], tuple[str, ...]]:
        snapshot = Snapshot(f"{at}:", blobs, more=more)
        files = read_snapshot(repository, snapshot, folders, is_recursive=is_recursive, cache=cache)
        found = {file.content.id: file.content for file in files if isinstance(file.content, Revision)}
        broken = (file.path for file in files if not isinstance(file.content, Revision) or file.marker_line)
        return found, tuple(broken)

    found: dict[str, _Difference] = {}
    for tree, (before, after) in changes.items():
        here, unreadable = revisions(after, tree)
        found[tree] = here, frozenset(revisions(before, target)[0]), unreadable
    cache.save(())
    return found
