"""Where in git a revision lies that the checkout lacks: any branch, tag, remote branch or stash, and their history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchmig.git.history import branch_with
from branchmig.git.places import Snapshot
from branchmig.git.reading import read_snapshot
from branchmig.model import Revision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchmig.git.repository import Repository


@dataclass(frozen=True, slots=True)
class Location:
    """A commit that wrote a revision's file, its author, the branch it was made on, and the path from the top."""

    branch: str | None
    commit: str
    author: str
    path: str


def locate(repository: Repository, folders: Sequence[str], revision_id: str, *, is_recursive: bool) -> Location | None:
    """Return where the last version of a revision was written, among all that any ref leads to; None if nowhere.

    Only the headers of files are read, each blob once.
    """
    written = _written_blobs(repository, folders)
    paths = {path: blob for blob, (path, _, _) in written.items()}
    # Two blobs may have lain at one path: each must be asked, so each gets its own snapshot of the path.
    candidates = [Snapshot("", {path: blob}) for blob, (path, _, _) in written.items() if paths[path] != blob]
    for snapshot in [Snapshot("", paths), *candidates]:
        for file in read_snapshot(repository, snapshot, folders, is_recursive=is_recursive):
            if isinstance(file.content, Revision) and file.content.id == revision_id:
                path, commit, author = written[file.blob]
                return Location(branch_with(repository, commit, commit), commit, author, path)
    return None


def _written_blobs(repository: Repository, folders: Sequence[str]) -> dict[str, tuple[str, str, str]]:
    """Return each blob that a commit wrote below the folders, with its path, and its newest commit and author."""
    form = ["--raw", "--no-abbrev", "--no-renames", "-z", "--diff-filter=AM", "--format=%x01%H%x02%an"]
    places = [folder or "." for folder in folders]
    listing = repository.run("log", "--all", *form, "--", *places).decode("utf-8", "surrogateescape")
    found: dict[str, tuple[str, str, str]] = {}
    for entry in listing.split("\x01")[1:]:
        head, *fields = entry.replace("\n", "").split("\0")
        commit, _, author = head.partition("\x02")
        facts = [field for field in fields if field]
        for raw, path in zip(facts[::2], facts[1::2], strict=False):
            blob = raw.split(" ")[3]
            if raw.split(" ")[1].startswith("100"):
                found.setdefault(blob, (path, commit, author))
    return found
