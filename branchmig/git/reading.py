"""The revisions of a snapshot: from the cache where their blobs are known, else read from one git process."""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchmig.git.cache import HeaderCache
from branchmig.model import Problem, Revision
from branchmig.revision_file import conflict_marker_line, is_revision_file_name, read_revision

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from branchmig.git.places import Snapshot
    from branchmig.git.repository import Repository

# A file called ab12.py may have its id from its name, as in alembic before 0.2; the blob alone does not tell then.
_ID_IN_NAME = re.compile(r"[a-f0-9]+\.py")


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One revision file of a snapshot: its path from the top, its blob, and what it says."""

    path: str
    blob: str
    content: Revision | Problem
    marker_line: int | None = None
    """The line of a conflict marker outside the header, which does not keep the header from being read."""


def read_snapshot(
    repository: Repository, snapshot: Snapshot, folders: Sequence[str], *, is_recursive: bool
) -> list[FoundFile]:
    """Return every revision file of a snapshot; the paths in what they say are absolute, as in the work tree."""
    cache = HeaderCache(repository.common_dir)
    wanted = dict(_wanted(repository, snapshot, folders, is_recursive))
    top = str(repository.top)
    found: list[FoundFile] = []
    missing: dict[str, list[str]] = {}
    for path, blob in wanted.items():
        known = cache.revision(blob, f"{top}/{path}")
        if known is None or _ID_IN_NAME.fullmatch(posixpath.basename(path)):
            missing.setdefault(blob, []).append(path)
        else:
            found.append(FoundFile(path, blob, known))
    for blob, source in repository.blobs(list(missing), snapshot.more):
        for path in missing[blob]:
            file = _read(blob, source, path, top)
            found.append(file)
            if isinstance(file.content, Revision) and file.marker_line is None and _is_of_content(path):
                cache.remember(blob, file.content)
    cache.save(wanted.values())
    return found + [_unmerged(path, top) for path in snapshot.unmerged if _is_wanted(path, folders, is_recursive)]


def _wanted(
    repository: Repository, snapshot: Snapshot, folders: Sequence[str], is_recursive: bool
) -> Iterator[tuple[str, str]]:
    """Yield path and blob of each revision file, links followed; one that a link only repeats comes once."""
    own = {path: blob for path, blob in snapshot.blobs.items() if _is_wanted(path, folders, is_recursive)}
    yield from own.items()
    links = {path: blob for path, blob in snapshot.links.items() if _is_wanted(path, folders, is_recursive)}
    content = dict(repository.blobs(list(dict.fromkeys(links.values())), snapshot.more))
    for path, blob in links.items():
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), os.fsdecode(content[blob])))
        if target in own:
            continue
        found = repository.attempt("rev-parse", "--verify", "--quiet", f"{snapshot.prefix}{target}", more=snapshot.more)
        # A link that leads nowhere is read as what it is: a file whose text is a path, which is no revision.
        yield (path, blob) if found.returncode else (target, found.stdout.decode().strip())


def _is_wanted(path: str, folders: Sequence[str], is_recursive: bool) -> bool:
    folder, _, name = path.rpartition("/")
    if not name.endswith(".py") or not is_revision_file_name(name):
        return False
    if folder in folders:
        return True
    if not is_recursive or any(part.endswith("__pycache__") for part in folder.split("/")):
        return False
    return any(folder.startswith(f"{one}/") or not one for one in folders)


def _is_of_content(path: str) -> bool:
    return not _ID_IN_NAME.fullmatch(posixpath.basename(path))


def _read(blob: str, source: bytes, path: str, top: str) -> FoundFile:
    content = read_revision(source, f"{top}/{path}")
    line = conflict_marker_line(source) if isinstance(content, Revision) else None
    return FoundFile(path, blob, content, line)


def _unmerged(path: str, top: str) -> FoundFile:
    problem = Problem(
        "conflict-markers", f"{top}/{path} is in conflict", f"resolve it, then: git add {path}", (), (f"{top}/{path}",)
    )
    return FoundFile(path, "", problem)
