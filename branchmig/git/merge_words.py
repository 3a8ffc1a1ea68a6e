"""Parses the output of `git merge-tree`: the tree, and each conflict in git's own words."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from branchmig.errors import GitError


@dataclass(frozen=True, slots=True)
class MergeConflict:
    """One conflict of a merge: the paths that it is about, from the top, and git's words for it."""

    paths: tuple[str, ...]
    words: str

    @property
    def is_about_places(self) -> bool:
        """Whether git asks where a file belongs, since the other side renamed its folder: the content is certain."""
        return self.words.startswith("CONFLICT (file location)")


@dataclass(frozen=True, slots=True)
class MergedTree:
    """What a merge would leave: the id of its tree, and its conflicts."""

    tree: str
    conflicts: tuple[MergeConflict, ...] = ()


def read_merge(output: bytes, names: Mapping[str, str]) -> MergedTree:
    """Return what `merge-tree --write-tree -z` printed for one pair; `names` are what to call the commits."""
    fields = iter(output.split(b"\0"))
    tree = next(fields).decode()
    return MergedTree(tree, _conflicts(fields, names) if list(_stages(fields)) else ())


def read_merges(output: bytes, names: Mapping[str, str]) -> Iterator[MergedTree]:
    """Yield what `merge-tree --write-tree --stdin -z` printed for each pair."""
    fields = iter(output.split(b"\0"))
    for status in fields:
        if not status:
            return
        if status not in (b"0", b"1"):
            raise GitError("git merge-tree answered in a way that is not understood", "report it, with git's version")
        tree = next(fields).decode()
        for _ in _stages(fields):
            pass
        # A merge without conflicts has no messages; both kinds end with an empty field.
        yield MergedTree(tree, _conflicts(fields, names) if status == b"0" else ())


def _stages(fields: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the entries of the files in conflict, up to the empty field that ends them."""
    for field in fields:
        if not field:
            return
        yield field


def _conflicts(fields: Iterator[bytes], names: Mapping[str, str]) -> tuple[MergeConflict, ...]:
    found = []
    for count in fields:
        if not count.strip():
            break
        paths = tuple(os.fsdecode(next(fields)) for _ in range(int(count)))
        kind, words = next(fields), " ".join(os.fsdecode(next(fields)).split())
        if kind.startswith(b"CONFLICT"):
            for commit, name in names.items():
                words = words.replace(commit, name)
            found.append(MergeConflict(paths, words))
    return tuple(found)
