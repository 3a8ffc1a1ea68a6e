"""Locates revisions that the checkout lacks: refs, pins, reflogs, the index, objects that nothing names.

Only the headers of files are read, each blob once; nothing is run, and nothing is written but caches.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from branchmig.errors import GitError
from branchmig.git.cache import HeaderCache
from branchmig.git.history import BRANCHES, holders, short_ref
from branchmig.git.pins import pins
from branchmig.git.places import index_snapshot
from branchmig.git.reading import ids_of_blobs, is_revision_path
from branchmig.git.repository import Repository
from branchmig.git.targets import target_refs
from branchmig.git.unreachable_objects import all_objects, left_over_files, left_over_writes
from branchmig.git.write_index import Write, WrittenFiles
from branchmig.model import Location, Revision
from branchmig.revisions.revision_file import read_revision


def locate(repository: Repository, folders: Sequence[str], revision_id: str, *, is_recursive: bool) -> Location | None:
    """Return where a revision's file is, as `locate_all` does; None if nothing has it."""
    return locate_all(repository, folders, [revision_id], is_recursive=is_recursive).get(revision_id)


def locate_all(
    repository: Repository,
    folders: Sequence[str],
    revision_ids: Collection[str],
    *,
    is_recursive: bool,
    wanted_blobs: Mapping[str, str] | None = None,
) -> dict[str, Location]:
    """Return where git has the files of some revisions; lost revisions are left out.

    Looked for in what all refs lead to, in pins, in reflogs, in the index, and in objects that nothing names, until
    all are found. Of several versions the one in `wanted_blobs` (revision id to blob) wins, wherever it is, else the
    first place's newest. Raises GitError where one was not found and git could not read all there is.
    """
    search = _Search(repository, folders, frozenset(revision_ids), is_recursive, wanted_blobs or {})
    search.look_everywhere()
    if search.failures and not search.wanted <= search.finds.keys():
        hint = "git fetch --refetch --no-filter" if repository.is_partial else "see 'git fsck'"
        raise GitError(f"git could not look everywhere: {'; '.join(search.failures)}", hint)
    return {revision_id: search.location(revision_id) for revision_id in sorted(search.finds)}


def versions_of(
    repository: Repository,
    folders: Sequence[str],
    revision_ids: Collection[str],
    *,
    is_recursive: bool,
    wanted_blobs: Mapping[str, str],
) -> dict[str, list[Location]]:
    """Return every version of some revisions that refs have, newest first; else, as `locate_all` does, where one is.

    The version in `wanted_blobs` is among them, wherever it is, if it is anywhere.
    """
    search = _Search(repository, folders, frozenset(revision_ids), is_recursive, wanted_blobs)
    search.look_in_refs_thoroughly()
    search.look_everywhere()
    return {find: search.locations(find) for find in sorted(search.finds)}


def writes_of(
    repository: Repository, folders: Sequence[str], revision_ids: Collection[str], *, is_recursive: bool
) -> tuple[dict[str, list[Write]], list[str]]:
    """Return every version of some revisions that commits of refs wrote, newest first; and what git could not read."""
    search = _Search(repository, folders, frozenset(revision_ids), is_recursive, {})
    found: dict[str, list[Write]] = {}
    for revision_id, write in search.written_in_refs() if folders else ():
        found.setdefault(revision_id, []).append(write)
    search.remember_headers()
    return found, search.failures


_NOTHING = Write(0, "", "", "", "")


@dataclass(frozen=True, slots=True)
class _Find:
    """A version of a revision's file, and where it was found, best first."""

    write: Write
    found_in: tuple[str, ...]


class _Search:
    """The places, looked through one after the other; `finds` are in the order in which they were looked through."""

    def __init__(
        self,
        repository: Repository,
        folders: Sequence[str],
        wanted: frozenset[str],
        is_recursive: bool,
        wanted_blobs: Mapping[str, str],
    ) -> None:
        self.wanted = wanted
        self.finds: dict[str, list[_Find]] = {}
        self._repository, self._folders, self._is_recursive = repository, folders, is_recursive
        self._wanted_blobs = wanted_blobs
        self._written = WrittenFiles(repository, folders)
        self._cache = HeaderCache(repository.common_dir)
        self._failures: list[str] = []
        self._pins = pins(repository)

    @cached_property
    def _targets(self) -> tuple[str, ...]:
        return target_refs(self._repository, None)

    @property
    def failures(self) -> list[str]:
        """What kept git from reading all there is."""
        return list(dict.fromkeys([*self._written.failures, *self._failures]))

    @property
    def open_ids(self) -> frozenset[str]:
        """The revisions to go on looking for: not found, or not in the version that is wanted."""
        return self.wanted.difference(
            revision_id
            for revision_id, finds in self.finds.items()
            if any(find.write.blob == self._wanted_blobs.get(revision_id, find.write.blob) for find in finds)
        )

    def look_everywhere(self) -> None:
        """Look through one place after the other until all is found, and keep the headers for the next run."""
        for look in self._stages():
            if not self.open_ids:
                break
            look()
        self.remember_headers()

    def _stages(self) -> Iterator[Callable[[], None]]:
        if self._folders:
            yield lambda: self._look_in_refs(self._written.recent())
            yield lambda: self._look_in_refs(self._written.earlier())
        yield self._look_in_pins
        if self._folders:
            yield lambda: self._look_in(self._written.in_reflogs(), "reflog")
            yield self._look_in_index
            yield self._look_in_left_over_commits
        yield self._look_in_left_over_files

    def written_in_refs(self) -> list[tuple[str, Write]]:
        """Return every version of the revisions that what refs lead to has, or once had."""
        return self._matches([*self._written.recent(), *self._written.earlier()])

    def remember_headers(self) -> None:
        """Keep for the next run what was read."""
        self._cache.save(())

    def location(self, revision_id: str) -> Location:
        """Return the best of what was found of a revision."""
        finds = self.finds[revision_id]
        wanted = self._wanted_blobs.get(revision_id)
        return self._located(revision_id, next((find for find in finds if find.write.blob == wanted), finds[0]))

    def locations(self, revision_id: str) -> list[Location]:
        """Return all that was found of a revision, each version once, as it was found."""
        versions: dict[str, _Find] = {}
        for find in self.finds[revision_id]:
            versions.setdefault(find.write.blob, find)
        return [self._located(revision_id, find) for find in versions.values()]

    def look_in_refs_thoroughly(self) -> None:
        """Find every version that what refs lead to has, whether or not it is wanted."""
        wanted, self._wanted_blobs = self._wanted_blobs, dict.fromkeys(self.wanted, "")
        self._look_in_refs([*self._written.recent(), *self._written.earlier()])
        self._wanted_blobs = wanted

    def _located(self, revision_id: str, find: _Find) -> Location:
        write, ref = find.write, find.found_in[0]
        path = write.path or next((other.write.path for other in self.finds[revision_id] if other.write.path), "")
        branch = short_ref(ref) if ref.startswith(BRANCHES) else None
        pins = [pin.ref for pin in self._pins if pin.kept.get(revision_id, _NOTHING).blob == write.blob]
        found_in = tuple(dict.fromkeys([*find.found_in, *pins]))
        return Location(branch, write.commit, write.author, path, write.blob, found_in, write.branch)

    def _look_in_refs(self, writes: Iterable[Write]) -> None:
        """Look through what refs lead to; the index of it also has what they led to once."""
        matches = self._matches(writes)
        refs = holders(self._repository, {write.commit for _, write in matches}, self._targets) if matches else {}
        for revision_id, write in matches:
            if refs[write.commit]:
                self._add(revision_id, _Find(write, refs[write.commit]))

    def _look_in(self, writes: Iterable[Write], place: str) -> None:
        for revision_id, write in self._matches(writes):
            self._add(revision_id, _Find(write, (place,)))

    def _look_in_pins(self) -> None:
        for pin in self._pins:
            for revision_id, kept in pin.kept.items():
                if revision_id in self.open_ids:
                    self._add(revision_id, _Find(kept._replace(commit=pin.commit), (pin.ref,)))

    def _look_in_index(self) -> None:
        blobs = index_snapshot(self._repository, self._folders).blobs
        self._look_in([Write(0, "", "", path, blob) for path, blob in blobs.items()], "index")

    def _look_in_left_over_commits(self) -> None:
        try:
            self._look_in(left_over_writes(self._repository, self._folders), "unreachable")
        except GitError as error:
            self._failures.append(error.message)

    def _look_in_left_over_files(self) -> None:
        """Look through files that were never committed, and for the very blobs that are wanted."""
        candidates = {
            self._wanted_blobs[revision_id]: revision_id
            for revision_id in self.open_ids
            if revision_id in self._wanted_blobs
        }
        there = {blob for blob, content in self._repository.objects(list(candidates)) if content is not None}
        for blob, text in left_over_files(self._repository, self.open_ids).items():
            content = read_revision(text, "revision.py")
            if isinstance(content, Revision) and content.id in self.open_ids:
                candidates[blob] = content.id
                there.add(blob)
        if not there:
            return
        written = {write.blob: write for write in reversed(self._written.elsewhere(there))}
        refs = holders(self._repository, {write.commit for write in written.values()}, self._targets)
        for blob in sorted(there):
            write = written.get(blob)
            if write is None:
                self._add(candidates[blob], _Find(Write(0, "", "", "", blob), ("unreachable",)))
            elif blob in self._wanted_blobs.values():
                self._add(candidates[blob], _Find(write, refs[write.commit] or ("reflog",)))

    def _add(self, revision_id: str, find: _Find) -> None:
        self.finds.setdefault(revision_id, []).append(find)

    def _matches(self, writes: Iterable[Write]) -> list[tuple[str, Write]]:
        """Return those of some files that are one of the revisions still looked for."""
        open_ids = self.open_ids
        here = [write for write in writes if is_revision_path(write.path, self._folders, self._is_recursive)]
        paths = {write.blob: write.path for write in here}
        ids = ids_of_blobs(self._repository, self._readable(paths), self._cache)
        return [(ids[write.blob], write) for write in here if ids.get(write.blob) in open_ids]

    def _readable(self, paths: dict[str, str]) -> dict[str, str]:
        """Leave out what a partial clone would fetch file by file, unless the name says that it is looked for."""
        if not self._repository.is_partial:
            return paths
        own = {blob: path for blob, path in paths.items() if blob in self._cache or blob in self._objects_here}
        named = {
            blob: path for blob, path in paths.items() if any(revision_id in path for revision_id in self.open_ids)
        }
        if len({**own, **named}) < len(paths):
            self._failures.append("this clone is partial, and lacks files of other commits")
        return {**own, **named}

    @cached_property
    def _objects_here(self) -> frozenset[str]:
        return frozenset(all_objects(self._repository))
