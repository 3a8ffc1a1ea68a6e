"""Objects that a partial clone (`git clone --filter`) left with its remote: all that an answer needs, in one fetch.

git 2.39 fetches each missing object by itself when `cat-file --batch` meets it: 61 revisions were 61 fetches.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from branchmig.errors import GitError

# What git itself fetches missing objects with (promisor-remote.c): no refs, no tags, nothing but these objects.
_FETCH = (
    *("-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head"),
    *("--recurse-submodules=no", "--filter=blob:none", "--no-auto-maintenance", "--stdin"),
)


class _Repository(Protocol):
    """What is asked of a `git.repository.Repository`."""

    @property
    def promisor(self) -> str | None: ...
    @property
    def common_dir(self) -> Path: ...
    def attempt(
        self, *words: str, given: bytes = ..., more: Mapping[str, str] | None = ...
    ) -> subprocess.CompletedProcess[bytes]: ...
    def run(self, *words: str, given: bytes = ..., more: Mapping[str, str] | None = ...) -> bytes: ...


def fetch_missing(repository: _Repository, ids: Sequence[str], more: Mapping[str, str] | None = None) -> None:
    """Fetch what this clone lacks of some objects, all in one fetch; nothing where it lacks none.

    Raises GitError where the remote does not answer, or has not all of them.
    """
    missing = missing_objects(repository, ids, more)
    if not missing:
        return
    remote = repository.promisor or "origin"
    done = repository.attempt(*_FETCH, remote, given="".join(f"{object_id}\n" for object_id in missing).encode())
    if done.returncode:
        words = " ".join(os.fsdecode(done.stderr).split()) or "no reason given"
        noun = "object is" if len(missing) == 1 else "objects are"
        raise GitError(
            f"this is a partial clone: {len(missing)} {noun} at its remote {remote!r} only, and git could not fetch "
            f"from there: {words}",
            f"run this where the remote answers, or fetch all of it once: git fetch --refetch --no-filter {remote}",
        )


def missing_objects(repository: _Repository, ids: Sequence[str], more: Mapping[str, str] | None) -> list[str]:
    """Return which objects are not on this machine, asked of a repository that knows no remote to fetch them from."""
    with tempfile.TemporaryDirectory(prefix="branchmig-") as folder:
        git_dir = Path(folder)
        (git_dir / "refs").mkdir()
        (git_dir / "HEAD").write_text("ref: refs/heads/main\n")
        is_sha256 = any(len(object_id) == 64 for object_id in ids)
        extension = "\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = sha256\n"
        (git_dir / "config").write_text("[core]\n" + (extension if is_sha256 else "\trepositoryformatversion = 0\n"))
        objects = str(repository.common_dir / "objects")
        alone = {"GIT_DIR": folder, "GIT_OBJECT_DIRECTORY": objects, **(more or {})}
        words = ("cat-file", "--batch-check=%(objecttype)", "--buffer")
        answer = repository.run(*words, given="".join(f"{object_id}\n" for object_id in ids).encode(), more=alone)
    lines = answer.decode().splitlines()
    return [object_id for object_id, line in zip(ids, lines, strict=True) if line.endswith(" missing")]


def ids_in_trees(
    repository: _Repository, names: Sequence[str], more: Mapping[str, str] | None = None
) -> list[str | None]:
    """Return the id of the object that each name, as `COMMIT:PATH`, stands for; None where there is none.

    `cat-file --batch-check` would fetch each object that it names. Trees are here, so one process for each place.
    """
    paths: dict[str, list[str]] = {}
    for name in names:
        place, path = _split(name)
        paths.setdefault(place, []).append(path)
    found = {place: _ids_at(repository, place, inside, more) for place, inside in paths.items()}
    return [found[place].get(path) for place, path in map(_split, names)]


def _split(name: str) -> tuple[str, str]:
    """Split a name into the place and the path there; of the index, `:0:PATH`, the place is empty."""
    place, _, path = name.removeprefix(":0").partition(":")
    return place, path


def _ids_at(
    repository: _Repository, place: str, paths: Sequence[str], more: Mapping[str, str] | None
) -> dict[str, str]:
    words = ("ls-tree", "-z", "--full-tree", place) if place else ("ls-files", "-s", "-z")
    inside = [path for path in dict.fromkeys(paths) if path]
    listing = repository.attempt(*words, "--", *inside, more=more).stdout if inside else b""
    found = {}
    for line in filter(None, os.fsdecode(listing).split("\0")):
        facts, _, path = line.partition("\t")
        found[path] = facts.split(" ")[2 if place else 1]
    if "" in paths:
        top = repository.attempt("rev-parse", "--verify", "--quiet", f"{place}^{{tree}}", more=more)
        found |= {"": top.stdout.decode().strip()} if top.returncode == 0 else {}
    return found
