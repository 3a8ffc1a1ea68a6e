"""Over which files, anywhere in the repository, git itself stops where branches land one after the other."""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from branchmig.git.landing import merges_of
from branchmig.git.merge_words import MergedTree
from branchmig.git.places import changed_between, object_directory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from branchmig.git.repository import Repository

MOST_PAIRS = 500
"""Pairs that are merged for a look, those with the rarest files first; for more, the branches are merged in order."""

_SHA1_DIGITS = 40


@dataclass(frozen=True, slots=True)
class FileClashes:
    """What git says of each branch's merge into the target, and the files that each two branches both change apart.

    `unknown` are the branches of pairs that were too many to be merged.
    """

    with_target: Mapping[str, tuple[str, ...]]
    pairs: Mapping[tuple[str, str], tuple[str, ...]]
    unknown: frozenset[str] = frozenset()


def file_clashes(repository: Repository, target: str, branches: Mapping[str, str]) -> FileClashes:
    """Return where git cannot merge branches, names with their commits, into a commit one after the other."""
    names = {commit: name for name, commit in reversed(list(branches.items()))} | {target: "the target"}
    with tempfile.TemporaryDirectory(prefix="branchmig-") as scratch:
        more = object_directory(repository, scratch)
        commits = list(dict.fromkeys(branches.values()))
        found = merges_of(repository, [(target, commit) for commit in commits], more, names)
        merges = {commit: merge for (_, commit), merge in found.items() if isinstance(merge, MergedTree)}
        with_target = {
            name: tuple(conflict.words for conflict in merges[commit].conflicts)
            for name, commit in branches.items()
            if commit in merges and merges[commit].conflicts
        }
        clean = {name: commit for name, commit in branches.items() if commit in merges and name not in with_target}
        pairs = _sharing(repository, target, {name: merges[commit].tree for name, commit in clean.items()}, more)
        landed = {
            name: _landed(more["GIT_OBJECT_DIRECTORY"], merges[clean[name]].tree, [target, clean[name]])
            for name in {first for first, _ in pairs[:MOST_PAIRS]}
        }
        wanted = {(landed[first], clean[second]): (first, second) for first, second in pairs[:MOST_PAIRS]}
        both = merges_of(repository, list(wanted), more, {**names, **{commit: name for name, commit in landed.items()}})
        paths = {
            wanted[pair]: tuple(sorted({path for conflict in merge.conflicts for path in conflict.paths}))
            for pair, merge in both.items()
            if isinstance(merge, MergedTree) and merge.conflicts
        }
    return FileClashes(with_target, paths, frozenset(name for pair in pairs[MOST_PAIRS:] for name in pair))


def conflicts_in_order(repository: Repository, target: str, branches: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return git's words for each branch that it cannot merge into a commit after those before it, in their order."""
    names = {commit: name for name, commit in branches.items()}
    found = {}
    with tempfile.TemporaryDirectory(prefix="branchmig-") as scratch:
        more = object_directory(repository, scratch)
        for name, commit in branches.items():
            merge = merges_of(repository, [(target, commit)], more, {**names, target: "what landed before"})[
                target, commit
            ]
            if isinstance(merge, MergedTree) and not merge.conflicts:
                target = _landed(more["GIT_OBJECT_DIRECTORY"], merge.tree, [target, commit])
            elif isinstance(merge, MergedTree):
                found[name] = tuple(conflict.words for conflict in merge.conflicts)
    return found


def _sharing(
    repository: Repository, target: str, trees: Mapping[str, str], more: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Return each two branches that change one file, and not to the same content: those with the rarest files first."""
    distinct = list(dict.fromkeys(trees.values()))
    changes = dict(zip(distinct, changed_between(repository, target, distinct, [""], more), strict=True))
    changing: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, tree in trees.items():
        before, after = changes[tree]
        for path in before.keys() | after.keys():
            changing[path].append((name, after.get(path, "")))
    found: dict[tuple[str, str], None] = {}
    order = {name: at for at, name in enumerate(trees)}
    for _, branches in sorted(changing.items(), key=lambda item: (len(item[1]), item[0])):
        branches.sort(key=lambda branch: order[branch[0]])
        found |= {(first[0], other[0]): None for first, other in combinations(branches, 2) if first[1] != other[1]}
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
