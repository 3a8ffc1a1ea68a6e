"""Merges as trees, and the refs that `train --write` leaves: no work tree, no index and no branch changes."""

from __future__ import annotations

import os
from collections.abc import Mapping

from branchmig.errors import GitError
from branchmig.git.history import PRIVATE_REFS, listed_refs, short_ref
from branchmig.git.merge_words import MergedTree, read_merge
from branchmig.git.places import cannot_merge
from branchmig.git.repository import Repository, words_of

TRAIN = f"{PRIVATE_REFS}train/"


def merged_tree(repository: Repository, ours: str, theirs: str, names: Mapping[str, str]) -> MergedTree:
    """Write the tree of a merge, with the user's drivers, and return it with its conflicts; `names` are of commits."""
    words = ("--write-tree", "-z", "--allow-unrelated-histories", ours, theirs)
    done = repository.attempt("merge-tree", *words, as_user=True)
    if done.returncode not in (0, 1):
        raise cannot_merge(repository, done.stderr)
    return read_merge(done.stdout, names)


def train_ref(branch: str) -> str:
    """Return the ref under which a train has the commit of a branch."""
    return f"{TRAIN}{short_ref(branch)}"


def write_train_refs(repository: Repository, commits: Mapping[str, str]) -> None:
    """Make the refs of a train those of some commits, by branch; those of an earlier train go."""
    wanted = {train_ref(branch): commit for branch, commit in commits.items()}
    old = [ref for _, _, ref in listed_refs(repository, TRAIN) if ref not in wanted]
    # In one transaction git could not replace refs/…/a by refs/…/a/b.
    _update(repository, [f"delete {ref}\0\0" for ref in old])
    _update(repository, [f"update {ref}\0{commit}\0\0" for ref, commit in wanted.items()])


def _update(repository: Repository, lines: list[str]) -> None:
    given = os.fsencode("".join(lines))
    done = repository.attempt("update-ref", "--stdin", "-z", given=given) if lines else None
    if done is not None and done.returncode:
        words = words_of(done.stderr)
        raise GitError(f"the refs below {TRAIN} could not be written: {words}", "give branches by their names")
