"""The files, anywhere in the repository, over which git stops when branches land one after the other."""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from branchmig.git.landing import merges_of
from branchmig.git.merge_words import MergedTree
from branchmig.git.places import object_directory
from branchmig.git.repository import Repository

MOST_PAIRS = 500
"""Pairs that are merged for a look, those with the rarest files first; for more, the branches are merged in order."""

_SHA1_DIGITS = 40


@dataclass(frozen=True, slots=True)
class FileClashes:
    """The files that each two branches both change apart; `unknown` are the branches of pairs that were too many."""

    pairs: Mapping[tuple[str, str], tuple[str, ...]]
    unknown: frozenset[str] = frozenset()


def file_clashes(
    repository: Repository, target: str, branches: Mapping[str, str], files: Mapping[str, Mapping[str, str]]
) -> FileClashes:
    """Return where git cannot merge branches, names with their commits, into a commit one after the other.

    `files` are what each changes there, by path. git can merge each of them alone.
    """
    pairs = _sharing(files)
    looked_at = pairs[:MOST_PAIRS]
    if not looked_at:
        return FileClashes({}, frozenset(name for pair in pairs for name in pair))
    names = {commit: name for name, commit in reversed(list(branches.items()))} | {target: "the target"}
    with tempfile.TemporaryDirectory(prefix="branchmig-") as scratch:
        more = object_directory(repository, scratch)
        first = list(dict.fromkeys(branches[name] for name, _ in looked_at))
        merges = merges_of(repository, [(target, commit) for commit in first], more, names)
        landed = {
            commit: _landed(more["GIT_OBJECT_DIRECTORY"], merge.tree, [target, commit])
            for (_, commit), merge in merges.items()
            if isinstance(merge, MergedTree)
        }
        wanted = {(landed[branches[name]], branches[other]): (name, other) for name, other in looked_at}
        both = merges_of(repository, list(wanted), more, names)
    paths = {
        wanted[pair]: tuple(sorted({path for conflict in merge.conflicts for path in conflict.paths}))
        for pair, merge in both.items()
        if isinstance(merge, MergedTree) and merge.conflicts
    }
    return FileClashes(paths, frozenset(name for pair in pairs[MOST_PAIRS:] for name in pair))


def conflicts_in_order(repository: Repository, target: str, branches: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return git's words for each branch that it cannot merge into a commit after those before it, in their order."""
    names = {commit: name for name, commit in branches.items()}
    found = {}
    with tempfile.TemporaryDirectory(prefix="branchmig-") as scratch:
        more = object_directory(repository, scratch)
        for name, commit in branches.items():
            called = {**names, target: "what landed before"}
            merge = merges_of(repository, [(target, commit)], more, called)[target, commit]
            if isinstance(merge, MergedTree) and not merge.conflicts:
                target = _landed(more["GIT_OBJECT_DIRECTORY"], merge.tree, [target, commit])
            elif isinstance(merge, MergedTree):
                found[name] = tuple(conflict.words for conflict in merge.conflicts)
    return found


def _sharing(files: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str]]:
    """Return each two branches that change one file, and not to the same content: those with the rarest files first."""
    changing: dict[str, list[str]] = defaultdict(list)
    for name, own in files.items():
        for path in own:
            changing[path].append(name)
    found: dict[tuple[str, str], None] = {}
    for path, names in sorted(changing.items(), key=lambda item: (len(item[1]), item[0])):
        both = combinations(names, 2)
        found |= {(name, other): None for name, other in both if files[name][path] != files[other][path]}
    return list(found)


def _landed(folder: str, tree: str, parents: Sequence[str]) -> str:
    """Write the commit of a merge as a loose object, and return its id: git would take a process for each."""
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    person = "branchmig <branchmig@localhost> 0 +0000"
    text = "\n".join([*lines, f"author {person}", f"committer {person}", "", "preview", ""]).encode()
    content = b"commit %d\0%s" % (len(text), text)
    digest = hashlib.sha1 if len(tree) == _SHA1_DIGITS else hashlib.sha256
    name = digest(content).hexdigest()
    path = Path(folder, name[:2], name[2:])
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(zlib.compress(content, 1))
    return name
