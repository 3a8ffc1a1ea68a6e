"""The revisions of a snapshot: from the cache where their blobs are known, else read from one git process."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from branchmig.git.cache import HeaderCache
from branchmig.git.installed_packages import modules_of
from branchmig.git.places import Snapshot
from branchmig.git.repository import Repository
from branchmig.model import Problem, Revision
from branchmig.progress import with_progress
from branchmig.revisions.project_modules import ProjectModules, import_roots
from branchmig.revisions.revision_file import conflict_marker_line, is_revision_file_name, read_placed, read_revision

READING = "reading revision files"

_ANY_NAME = "revision.py"
"""A name that says nothing."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One revision file of a snapshot: its path from the top, its blob, and what it says."""

    path: str
    blob: str
    content: Revision | Problem
    marker_line: int | None = None
    """The line of a conflict marker outside the header, which does not keep the header from being read."""


def read_snapshot(
    repository: Repository,
    snapshot: Snapshot,
    folders: Sequence[str],
    *,
    is_recursive: bool,
    cache: HeaderCache | None = None,
) -> list[FoundFile]:
    """Return every revision file of a snapshot; the paths in what they say are absolute, as in the work tree.

    With a `cache` of the caller's, it is for the caller to save.
    """
    wanted = dict(_wanted(repository, snapshot, folders, is_recursive))
    unmerged = [path for path in snapshot.unmerged if _is_wanted(path, folders, is_recursive)]
    top = str(repository.top)
    found = [_unmerged(path, top) for path in unmerged]
    if not wanted:
        return found
    known = HeaderCache(repository.common_dir) if cache is None else cache
    modules = _modules(repository, snapshot, folders)
    missing: dict[str, list[str]] = {}
    for path, blob in wanted.items():
        revision = known.revision(blob, f"{top}/{path}")
        if revision is None:
            missing.setdefault(blob, []).append(path)
        else:
            found.append(FoundFile(path, blob, revision))
    for blob, source in with_progress(repository.blobs(list(missing), snapshot.more), len(missing), READING):
        found += _read(blob, source, missing[blob], top, known, modules)
    if cache is None:
        known.save(wanted.values())
    return found


def _modules(repository: Repository, snapshot: Snapshot, folders: Sequence[str]) -> ProjectModules:
    """Return the modules that the revision files of a snapshot can import, as the snapshot's place has them."""
    top = str(repository.top)

    def read(paths: Sequence[str]) -> Iterator[bytes | None]:
        names = [f"{snapshot.prefix}{path[len(top) + 1 :]}" for path in paths]
        ids = list(repository.ids_of(names, snapshot.more))
        texts = dict(repository.objects([blob for blob in dict.fromkeys(ids) if blob is not None], snapshot.more))
        return (texts.get(blob) if blob is not None else None for blob in ids)

    below = [f"{top}/{folder}".rstrip("/") for folder in folders] if snapshot.prefix else []
    return modules_of(lambda: import_roots(top, below), read)


def fill_cache(repository: Repository, blobs: Iterable[str], more: Mapping[str, str], cache: HeaderCache) -> None:
    """Read blobs that the cache does not know, from one git process."""
    unknown = [blob for blob in dict.fromkeys(blobs) if blob not in cache]
    for blob, source in with_progress(repository.blobs(unknown, more), len(unknown), READING):
        _read(blob, source, (), "", cache)


def ids_of_blobs(repository: Repository, paths: Mapping[str, str], cache: HeaderCache) -> dict[str, str]:
    """Return the revision id of each blob that holds a revision, from one git process at most.

    `paths` are the blobs with the paths at which they lie; those that are not in the repository are left out.
    """
    found = {blob: revision_id for blob in paths if (revision_id := cache.revision_id(blob)) is not None}
    for blob, source in repository.objects([blob for blob in paths if blob not in found]):
        for file in [] if source is None else _read(blob, source, [paths[blob]], str(repository.top), cache):
            if isinstance(file.content, Revision):
                found[blob] = file.content.id
    return found


def is_revision_path(path: str, folders: Sequence[str], is_recursive: bool) -> bool:
    """Return whether a path from the top is one at which a revision file would lie, compiled ones included."""
    return _is_wanted(path.removesuffix("c") if path.endswith(".pyc") else path, folders, is_recursive)


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
    return any(folder.startswith(f"{name}/") or not name for name in folders)


def _read(
    blob: str, source: bytes, paths: Sequence[str], top: str, cache: HeaderCache, modules: ProjectModules | None = None
) -> list[FoundFile]:
    """Read one blob as the file at each of `paths`, and remember what does not depend on where it is."""
    content = read_revision(source, f"{top}/{_ANY_NAME}")
    if not isinstance(content, Revision) or content.unknown_labels:
        # The file's name counts: as an id (a file called ab12.py, before alembic 0.2), and in what is wrong with it.
        # So does what it imports from the project.
        around = modules or ProjectModules(tuple, lambda _: ())
        several = [(path, read_placed(source, f"{top}/{path}", around)[0]) for path in paths]
        return [FoundFile(path, blob, item, _marker_line(source, item)) for path, item in several]
    line = conflict_marker_line(source)
    if line is None:
        cache.remember(blob, content)
    return [FoundFile(path, blob, replace(content, path=f"{top}/{path}"), line) for path in paths]


def _marker_line(source: bytes, content: Revision | Problem) -> int | None:
    return conflict_marker_line(source) if isinstance(content, Revision) else None


def _unmerged(path: str, top: str) -> FoundFile:
    problem = Problem(
        "conflict-markers", f"{top}/{path} is in conflict", f"resolve it, then: git add {path}", (), (f"{top}/{path}",)
    )
    return FoundFile(path, "", problem)
