"""Objects that no ref and no reflog names, but that git has not collected yet: commits, and files never committed."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from branchmig.git.written import Write

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from branchmig.git.repository import Repository

LARGEST = 1_000_000
"""Bytes. A larger left-over file is no revision."""

_PERSON = re.compile(rb"^(author|committer) (.*?) ?<[^>\n]*> (-?\d+)", re.MULTILINE)


def left_over_writes(repository: Repository, folders: Sequence[str], *, is_recursive: bool) -> list[Write]:
    """Return the files that left-over commits hold below some folders, and HEAD does not, newest commit first.

    Objects may lack parts that were collected already: those are passed over.
    """
    named = repository.attempt("rev-list", "--all", "--reflog").stdout.decode().split()
    commits_here = {one for one, kind in all_objects(repository).items() if kind == "commit"}
    left = sorted(commits_here.difference(named))
    head = repository.commit("HEAD")
    trees = _Trees(repository)
    commits = dict(_read_commits(repository, [*left, *([head] if head else [])]))
    held = trees.files({commit: tree for commit, (tree, _, _) in commits.items()}, folders, is_recursive)
    known = held.get(head or "", set())
    return sorted(
        (
            Write(time, commit, author, path, blob)
            for commit, (_, author, time) in commits.items()
            for path, blob in held.get(commit, set()) - known
        ),
        reverse=True,
    )


def left_over_files(repository: Repository, words: Collection[str]) -> dict[str, bytes]:
    """Return the loose files that hold one of some words, by blob id: `git add` leaves one each time."""
    lines = "".join(f"{one}\n" for one in _loose_objects(repository)).encode()
    form = "--batch-check=%(objectname) %(objecttype) %(objectsize)"
    answer = repository.run("cat-file", form, "--buffer", given=lines).decode().splitlines() if lines else []
    facts = [line.split(" ") for line in answer]
    blobs = [one for one, kind, *size in facts if kind == "blob" and int(size[0]) <= LARGEST]
    wanted = [word.encode("utf-8", "surrogateescape") for word in words]
    found = repository.objects(blobs)
    return {blob: text for blob, text in found if text is not None and any(word in text for word in wanted)}


def all_objects(repository: Repository) -> dict[str, str]:
    """Return the id of every object that lies here, with its type; nothing is fetched."""
    form = "--batch-check=%(objectname) %(objecttype)"
    listing = repository.run("cat-file", "--batch-all-objects", "--unordered", form).decode()
    return dict(line.split(" ", 1) for line in listing.splitlines())


def _read_commits(repository: Repository, commits: Sequence[str]) -> Iterator[tuple[str, tuple[str, str, int]]]:
    """Yield each commit with its tree, its author, and when it was made."""
    for commit, content in repository.objects(list(dict.fromkeys(commits))):
        if content is not None:
            header = content.partition(b"\n\n")[0]
            people = {kind: (name, int(time)) for kind, name, time in _PERSON.findall(header)}
            author = people.get(b"author", (b"", 0))[0].decode("utf-8", "replace")
            yield commit, (header.split(b"\n")[0].split(b" ")[1].decode(), author, people.get(b"committer", ("", 0))[1])


def _loose_objects(repository: Repository) -> list[str]:
    """Return the ids of objects in files of their own, and of those in the packs to which git gc moves left-overs."""
    folder = repository.path("objects")
    found = []
    for name in sorted(os.listdir(folder)) if folder.is_dir() else ():
        if len(name) == 2:
            found += [name + rest for rest in sorted(os.listdir(folder / name)) if not rest.startswith("tmp_")]
    for index in sorted((folder / "pack").glob("*.mtimes")):
        listing = repository.run("show-index", given=index.with_suffix(".idx").read_bytes())
        found += [line.split(" ")[1] for line in listing.decode().splitlines()]
    return found


class _Trees:
    """Tree objects, read a whole level at a time: one git process for each level of folders."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._entries: dict[str, list[tuple[str, bool, str]]] = {}

    def files(
        self, tops: Mapping[str, str], folders: Sequence[str], is_recursive: bool
    ) -> dict[str, set[tuple[str, str]]]:
        """Return path and blob of each file in or below some folders, for each commit; `tops` are their trees."""
        found: dict[str, set[tuple[str, str]]] = {}
        for folder in folders:
            trees = dict(tops)
            for part in folder.split("/") if folder else ():
                self._read(trees.values())
                trees = {
                    commit: there
                    for commit, tree in trees.items()
                    for name, is_tree, there in self._entries[tree]
                    if is_tree and name == part
                }
            below = self._below(set(trees.values()), f"{folder}/" if folder else "", is_recursive)
            for commit, tree in trees.items():
                found.setdefault(commit, set()).update(below[tree])
        return found

    def _below(self, trees: Collection[str], prefix: str, is_recursive: bool) -> dict[str, set[tuple[str, str]]]:
        """Return path and blob of what lies in each tree; also in the trees below it where folders are read so."""
        self._read(trees)
        found = {
            tree: {(prefix + name, blob) for name, is_tree, blob in self._entries[tree] if not is_tree}
            for tree in trees
        }
        subfolders = {(name, there) for tree in trees for name, is_tree, there in self._entries[tree] if is_tree}
        for name in sorted({name for name, _ in subfolders}) if is_recursive else ():
            deeper = self._below({there for one, there in subfolders if one == name}, f"{prefix}{name}/", is_recursive)
            for tree in trees:
                for one, is_tree, there in self._entries[tree]:
                    if is_tree and one == name:
                        found[tree] |= deeper[there]
        return found

    def _read(self, trees: Collection[str]) -> None:
        missing = [tree for tree in dict.fromkeys(trees) if tree not in self._entries]
        for tree, content in self._repository.objects(missing):
            self._entries[tree] = _entries(content or b"", len(tree) // 2)


def _entries(content: bytes, length: int) -> list[tuple[str, bool, str]]:
    """Return name, whether it is a tree, and id of each file and folder of a tree; links and submodules left out."""
    found = []
    for mode, name, oid in re.findall(rb"(\d+) ([^\0]+)\0(.{%d})" % length, content, re.DOTALL):
        if mode == b"40000" or (mode[:3] == b"100" and name.endswith((b".py", b".pyc"))):
            found.append((os.fsdecode(name), mode == b"40000", oid.hex()))
    return found
