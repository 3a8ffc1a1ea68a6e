"""Objects that no ref and no reflog names, but that git has not collected yet: commits, and files never committed."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from branchmig.git.places import changed_between
from branchmig.git.repository import Repository
from branchmig.git.write_index import Write

LARGEST = 1_000_000
"""Bytes. A larger left-over file is no revision."""

_PERSON = re.compile(rb"^(author|committer) (.*?) ?<[^>\n]*> (-?\d+)", re.MULTILINE)


def left_over_writes(repository: Repository, folders: Sequence[str]) -> list[Write]:
    """Return the files that left-over commits hold below some folders, and HEAD does not, newest commit first.

    Commits that have lost those folders already, as git collects object by object, are passed over. Raises GitError
    where git cannot read on.
    """
    named = repository.attempt("rev-list", "--all", "--reflog").stdout.decode().split()
    commits_here = {name for name, kind in all_objects(repository).items() if kind == "commit"}
    left = dict(_read_commits(repository, sorted(commits_here.difference(named))))
    names = [f"{commit}:{folder}" for commit in left for folder in folders]
    whole = {name.partition(":")[0] for name, there in zip(names, repository.ids_of(names), strict=True) if there}
    trees = list(dict.fromkeys(left[commit].tree for commit in left if commit in whole))
    base = repository.commit("HEAD") or repository.run("hash-object", "-t", "tree", "--stdin").decode().strip()
    changes = changed_between(repository, base, trees, folders, {}, "--diff-filter=AM")
    held = {tree: after for tree, (_, after) in zip(trees, changes, strict=True)}
    writes = (
        Write(facts.time, commit, facts.author, path, blob)
        for commit, facts in left.items()
        for path, blob in held.get(facts.tree, {}).items()
    )
    return sorted(writes, reverse=True)


def left_over_files(repository: Repository, words: Collection[str]) -> dict[str, bytes]:
    """Return the loose files that hold one of some words, by blob id: `git add` leaves one each time."""
    lines = "".join(f"{loose_object}\n" for loose_object in _loose_objects(repository)).encode()
    form = "--batch-check=%(objectname) %(objecttype) %(objectsize)"
    answer = repository.run("cat-file", form, "--buffer", given=lines).decode().splitlines() if lines else []
    facts = [line.split(" ") for line in answer]
    blobs = [fact for fact, kind, *size in facts if kind == "blob" and int(size[0]) <= LARGEST]
    wanted = [word.encode("utf-8", "surrogateescape") for word in words]
    found = repository.objects(blobs)
    return {blob: text for blob, text in found if text is not None and any(word in text for word in wanted)}


def all_objects(repository: Repository) -> dict[str, str]:
    """Return the id of every object that this clone has, with its type; nothing is fetched."""
    form = "--batch-check=%(objectname) %(objecttype)"
    listing = repository.run("cat-file", "--batch-all-objects", "--unordered", form).decode()
    return dict(line.split(" ", 1) for line in listing.splitlines())


class _Commit(NamedTuple):
    tree: str
    author: str
    time: int


def _read_commits(repository: Repository, commits: Sequence[str]) -> Iterator[tuple[str, _Commit]]:
    for commit, content in repository.objects(commits):
        if content is not None:
            header = content.partition(b"\n\n")[0]
            people = {kind: (name, time) for kind, name, time in _PERSON.findall(header)}
            author, time = people.get(b"author", (b"", 0))[0], people.get(b"committer", (b"", 0))[1]
            tree = header.split(b"\n")[0].split(b" ")[1].decode()
            yield commit, _Commit(tree, author.decode("utf-8", "replace"), int(time))


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
