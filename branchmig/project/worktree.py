"""The revision files of the work tree: which they are, and what they say. Looks at no git, runs no file.

What a large folder said is remembered between runs by each file's identity and times, in the user's own cache folder:
at 10,000 files, looking at a file's facts costs half of reading it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from branchmig.git.cache import HeaderCache
from branchmig.git.installed_packages import modules_of
from branchmig.model import Problem, Revision
from branchmig.revisions.project_modules import ProjectModules, import_roots
from branchmig.revisions.revision_file import conflict_marker_line, is_revision_file_name, read_placed, read_revision

WORTH_REMEMBERING = 3_000
"""Files. Below this, reading them all is as quick as looking up what they said."""

SETTLED_AFTER = 2_000_000_000
"""Nanoseconds. A file that was written so lately may be written again within the same tick of the file system's clock,
which its times would not show; so it is read each time, as git does with what its index calls racy."""

_AT_ONCE = getattr(os, "O_NONBLOCK", 0)  # opening a pipe waits for somebody to write

_PLAIN_INDEX = 2
"""Versions of git's index up to this one have no room for the skip-worktree bit (gitformat-index)."""


def read_files(
    paths: Iterable[str], modules: ProjectModules | None = None, run: Callable[[str], Revision | Problem] | None = None
) -> tuple[list[Revision], list[Problem], list[Problem]]:
    """Return what the files say, those that cannot be read, and conflict markers in those that can.

    `run` is asked for what a file says that only running it shows.
    """
    modules = modules or ProjectModules(tuple, lambda _: ())
    every = list(paths)
    cache = _cache(os.path.dirname(every[0])) if len(every) >= WORTH_REMEMBERING else None
    revisions: list[Revision] = []
    problems: list[Problem] = []
    markers: list[Problem] = []
    for path in every:
        content, line = _read(path, cache, modules)
        if run is not None and needs_running(content):
            ran = run(path)
            content = content if isinstance(ran, Problem) and isinstance(content, Revision) else ran
        if isinstance(content, Problem):
            problems.append(content)
            continue
        revisions.append(content)
        if line is not None:
            markers.append(marker(path, line))
    if cache is not None:
        cache.save(())
    return revisions, problems, markers


def worktree_modules(root: Path, folders: Sequence[Path]) -> ProjectModules:
    """Return the modules that revision files in some folders can import from the project in the work tree.

    The project ends where its git repository does, or without one at `root`, the folder of its settings.
    """

    def read(paths: Sequence[str]) -> Iterator[bytes | None]:
        for path in paths:
            try:
                yield read_file(path)
            except OSError:
                yield None

    def roots() -> Iterator[str]:
        for folder in folders:
            real = Path(os.path.realpath(folder))
            tops = (path for path in (real, *real.parents) if (path / ".git").exists())
            yield from import_roots(next(tops, Path(os.path.realpath(root))).as_posix(), [real.as_posix()])

    return modules_of(roots, read)


def needs_running(content: Revision | Problem) -> bool:
    """Return whether a file states something that cannot be known without running it."""
    if isinstance(content, Revision):
        return bool(content.unknown_labels)
    return content.code == "unreadable-revision" and " is computed: " in content.message


def _read(path: str, cache: HeaderCache | None, modules: ProjectModules) -> tuple[Revision | Problem, int | None]:
    """Return what a file says, and the line of a conflict marker in it."""
    try:
        key = None if cache is None else _key(path)
        known = None if cache is None or key is None else cache.revision(key, path)
        if known is not None:
            return known, None
        source = read_file(path)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        return Problem("unreadable-revision", message, "restore or delete it", (), (path,)), None
    content, is_of_content = read_placed(source, path, modules)
    if isinstance(content, Problem):
        return content, None
    line = conflict_marker_line(source)
    if cache is not None and key is not None and line is None and is_of_content and _states_its_id(source, content):
        cache.remember(key, content)
    return content, line


def _states_its_id(source: bytes, content: Revision) -> bool:
    """Return whether the text alone gives the id: before alembic 0.2 the name of a file did."""
    if os.path.basename(content.path or "") != f"{content.id}.py":
        return True
    return isinstance(read_revision(source, "-.py"), Revision)


def _cache(folder: str) -> HeaderCache:
    """Return what is remembered of the files of a folder: each has a cache of its own, not to load what others said."""
    import platformdirs

    digest = hashlib.blake2b(os.fsencode(folder), digest_size=8).hexdigest()
    return HeaderCache(Path(platformdirs.user_cache_dir()), f"headers-{digest}")


def _key(path: str) -> str | None:
    """Return a key that each version of a file has alone, or None while its times are too new for that."""
    facts = os.stat(path)
    if time.time_ns() - max(facts.st_mtime_ns, facts.st_ctime_ns) < SETTLED_AFTER:
        return None
    return f"{facts.st_dev}:{facts.st_ino}:{facts.st_size}:{facts.st_mtime_ns}:{facts.st_ctime_ns}"


def marker(path: str, line: int) -> Problem:
    """Return the problem that a conflict marker in a file is."""
    return Problem("conflict-markers", f"unresolved merge in {path}:{line}", "resolve it", (), (path,))


def revision_paths(locations: Iterable[Path], is_recursive: bool, is_sourceless: bool) -> Iterator[str]:
    """Yield the path of each revision file in some version locations, each file once."""
    seen: set[str] = set()
    for location in locations:
        for folder in _folders_below(location, is_recursive):
            yield from _paths_in(folder, seen)
            if is_sourceless:
                from branchmig.project.sourceless import bytecode_paths

                yield from bytecode_paths(folder)


def _folders_below(location: Path, is_recursive: bool) -> Iterator[str]:
    """Yield the folders of a version location, links followed: itself, and those below it where it is recursive."""
    if not location.is_dir():
        return
    if not is_recursive:
        yield os.path.realpath(location)
        return
    for folder, names, _ in os.walk(location):
        names[:] = sorted(name for name in names if not name.endswith("__pycache__"))
        yield os.path.realpath(folder)


def _paths_in(folder: str, seen: set[str]) -> Iterator[str]:
    """Yield the path of each revision file. A file that two locations or links lead to counts once."""
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if not name.endswith(".py") or not is_revision_file_name(name):
                continue
            path = f"{folder}{os.sep}{name}"
            if entry.is_symlink():
                if os.path.isdir(path):
                    continue
                # A dangling link is reported by its own name.
                path = os.path.realpath(path) if os.path.isfile(path) else path
            elif entry.is_dir():
                continue
            if path not in seen:
                seen.add(path)
                yield path


def read_all(paths: Sequence[str]) -> Mapping[str, bytes]:
    """Return the contents of files by path."""
    return {path: read_file(path) for path in paths}


def source_of(revision: Revision) -> bytes | None:
    """Return the present script of a revision; None if it has none."""
    try:
        return None if revision.path is None else read_file(revision.path)
    except OSError:
        return None


def read_file(path: str) -> bytes:
    """Return a whole file. os.read, not open(): a third of the time, which at 10,000 files is what one waits for.

    Raises OSError, for a pipe or a device too: these may never end.
    """
    descriptor = os.open(path, os.O_RDONLY | _AT_ONCE)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", path)
        chunk = os.read(descriptor, 65536)
        if len(chunk) < 65536:
            return chunk
        chunks = [chunk]
        while chunk:
            chunk = os.read(descriptor, 1 << 20)
            chunks.append(chunk)
        return b"".join(chunks)
    finally:
        os.close(descriptor)


def may_leave_out(folder: Path) -> bool:
    """Return whether the checkout that holds a folder may leave files out; starts no process.

    The index says so in its first twelve bytes: with a skip-worktree bit it is of version 3 or later.
    """
    given = os.environ.get("GIT_INDEX_FILE")
    index = Path(given) if given else index_above(folder)
    if index is None:
        return "GIT_DIR" in os.environ
    try:
        with index.open("rb") as stream:
            header = stream.read(12)
    except OSError:
        return False
    return header[:4] == b"DIRC" and int.from_bytes(header[4:8], "big") > _PLAIN_INDEX


def index_above(folder: Path) -> Path | None:
    """Return the index of the work tree that holds a folder, by its `.git` folder or file."""
    for above in (folder, *folder.parents):
        place = above / ".git"
        if place.is_dir():
            return place / "index"
        if place.is_file():
            name = os.fsdecode(place.read_bytes()).removeprefix("gitdir:").strip()
            return (above / name) / "index"
    return None
