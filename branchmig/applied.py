"""What a database has applied, as it was applied: the work tree's revisions, and from git those that it lacks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from branchmig.dag import RevisionDag
from branchmig.errors import GitError
from branchmig.fingerprint import fingerprint, git_blob, has_fingerprint, upgrade_fingerprint
from branchmig.model import Revision
from branchmig.revision_file import read_revision

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from branchmig.git.orphans import Location
    from branchmig.project import Project


@dataclass(frozen=True, slots=True)
class Record:
    """How a revision was applied, as far as is known: what it was put on top of, ids in full, and its script.

    `below` is None, and `blob` and `fingerprint` are empty, where that is not known.
    """

    below: tuple[str, ...] | None = None
    blob: str = ""
    fingerprint: str = ""


@dataclass(frozen=True)
class AppliedHistory:
    """The revisions that some version rows imply, with the parents that they were applied with.

    `sources` say where in git the scripts lie that are not the work tree's. `lost` are revisions that nobody has.
    """

    dag: RevisionDag
    sources: Mapping[str, Location] = field(default_factory=dict)
    lost: tuple[str, ...] = ()

    @property
    def orphans(self) -> tuple[str, ...]:
        """What is not the work tree's: found or lost, sorted."""
        return tuple(sorted({*self.sources, *self.lost}))


def applied_history(
    project: Project, here: RevisionDag, rows: Iterable[str], records: Mapping[str, Record]
) -> AppliedHistory:
    """Return what lies below some version rows, and they themselves.

    `here` are the revisions of the checkout; what it lacks is looked for in git, all refs first, then reflogs, then
    objects that no ref names. `records` are what a journal or a pin knows; they win over what the files say today.
    """
    search = _Search(project, here, records)
    known: dict[str, Revision] = {}
    waiting = set(rows)
    while waiting:
        search.look_for(waiting)
        for one in sorted(waiting):
            known[one] = search.revision(one)
        waiting = {below for one in waiting for below in known[one].parents} - known.keys()
    sources = search.where_written([one for one in known if one in search.sources])
    return AppliedHistory(RevisionDag(known.values()), sources, tuple(sorted(search.lost)))


class _Search:
    """Finds revisions by id, and remembers what it came across on the way."""

    def __init__(self, project: Project, here: RevisionDag, records: Mapping[str, Record]) -> None:
        self._project, self._here, self._records = project, here, records
        self.sources: dict[str, Location] = {}
        self.lost: set[str] = set()
        self._found: dict[str, Revision] = {}
        self._located: set[str] = set()

    def look_for(self, ids: Collection[str]) -> None:
        """Find those of some revisions that the checkout lacks."""
        absent = [one for one in ids if one not in self._here and one not in self._found]
        locations = self._versions(absent) if absent else {}
        self._located.update(locations)
        for commit in dict.fromkeys(location.commit for location in locations.values() if location.commit):
            self._read_commit(commit, {one: at for one, at in locations.items() if at.commit == commit})
        for one, at in locations.items():
            if one not in self._found:
                self._read_blob(one, at)
        self.lost |= {one for one in absent if one not in self._found}

    def _versions(self, ids: Collection[str]) -> dict[str, Location]:
        """Return where the version of each revision is that undoes it: the newest, if its upgrade does what was done.

        So a downgrade() that was mended since is the one that runs. Else it is the version that was applied.
        """
        found = dict(self._locate(ids, {}))
        recorded = {one: self._records[one].blob for one in ids if one in self._records and self._records[one].blob}
        others = {one: blob for one, blob in recorded.items() if one not in found or found[one].blob != blob}
        if not others or not self._is_tracked():
            return found
        newest = [found[one].blob for one in others if one in found]
        texts = {blob: text for blob, text in self._project.tracked.objects([*newest, *others.values()]) if text}
        as_applied = {
            one: blob
            for one, blob in others.items()
            if one not in found or _upgrade_of(texts, found[one].blob) != _upgrade_of(texts, blob)
        }
        return {**found, **(self._locate(as_applied, as_applied) if as_applied else {})}

    def _is_tracked(self) -> bool:
        try:
            return self._project.repository is not None
        except GitError:
            return False

    def where_written(self, ids: Sequence[str]) -> dict[str, Location]:
        """Return where some found revisions were written: what lay beside others in a commit is no work of that."""
        beside = [one for one in ids if one not in self._located]
        found = self._locate(beside, {one: self.sources[one].blob for one in beside}) if beside else {}
        exact = {one: at for one, at in found.items() if at.commit and at.blob == self.sources[one].blob}
        return {one: exact.get(one, self.sources[one]) for one in ids}

    def revision(self, revision_id: str) -> Revision:
        """Return a revision as it was applied: all below it as its parents, no labels."""
        record = self._records.get(revision_id)
        if revision_id in self._here:
            revision = self._here[revision_id]
            below = self._here.below(revision_id)
        else:
            revision = self._found.get(revision_id, Revision(revision_id))
            below = revision.parents
        recorded = None if record is None else record.below
        return replace(revision, parents=below if recorded is None else recorded, depends_on=(), labels=())

    def _locate(self, ids: Collection[str], blobs: Mapping[str, str]) -> Mapping[str, Location]:
        from branchmig.git.orphans import locate_all

        project = self._project
        try:
            repository = project.repository
        except GitError:
            return {}  # git is not here, or this is none of its repositories that can be read
        if repository is None:
            return {}
        # That git could not look everywhere is for the caller to hear: what it did not find may not be lost.
        is_recursive = project.config.is_recursive
        return locate_all(repository, project.folders_ever, ids, is_recursive=is_recursive, wanted_blobs=blobs)

    def _read_commit(self, commit: str, locations: Mapping[str, Location]) -> None:
        """Take the located revisions from a commit's tree, and others of that tree that are nowhere else."""
        view = self._project.tree_view(commit)
        labels = {label: one.id for one in view.revisions for label in one.labels}
        top = f"{self._project.tracked.top}/"
        for one in view.revisions:
            if one.id in self._here or one.id in self._found:
                continue
            path = (one.path or "").removeprefix(top)
            at = locations.get(one.id)
            if at is not None and at.path != path:
                continue
            near = next(iter(locations.values()))
            self.sources[one.id] = at or replace(near, path=path, blob=view.blobs[one.path or ""])
            needed = tuple(labels.get(name, name) for name in one.depends_on)
            self._found[one.id] = replace(one, parents=tuple(dict.fromkeys((*one.parents, *needed))))

    def _read_blob(self, revision_id: str, at: Location) -> None:
        """Take a revision that no commit holds, as one that was only staged."""
        for _, content in self._project.tracked.blobs([at.blob]):
            one = read_revision(content, f"{self._project.tracked.top}/{at.path or 'revision.py'}")
            if isinstance(one, Revision):
                self.sources[revision_id] = replace(at, commit="")
                needed = tuple(self._here.labels.get(name, name) for name in one.depends_on)
                self._found[revision_id] = replace(one, parents=tuple(dict.fromkeys((*one.parents, *needed))))


def _upgrade_of(texts: Mapping[str, bytes], blob: str) -> str:
    return upgrade_fingerprint(texts[blob]) if blob in texts else blob


def pinned_records(project: Project, here: RevisionDag, database: str) -> dict[str, Record]:
    """Return what the pin of a database says of how its revisions were applied; nothing without git, or a pin."""
    from branchmig.git.pins import pins

    try:
        repository = project.repository
        kept = (
            {}
            if repository is None
            else {one: at for pin in pins(repository) if pin.database == database for one, at in pin.kept.items()}
        )
        blobs = dict(project.tracked.blobs([at.blob for at in kept.values()])) if kept else {}
    except GitError:
        return {}
    records = {}
    for revision_id, at in kept.items():
        revision = read_revision(blobs[at.blob], at.path)
        if isinstance(revision, Revision):
            needed = tuple(here.labels.get(name, name) for name in revision.depends_on)
            below = tuple(dict.fromkeys((*revision.parents, *needed)))
            records[revision_id] = Record(below, at.blob, fingerprint(blobs[at.blob]))
    return records


def changed_scripts(
    project: Project, here: RevisionDag, active: Collection[str], records: Mapping[str, Record]
) -> dict[str, Location]:
    """Return this branch's own applied revisions whose script did something else when it was applied, with where the
    applied one is.

    Left out are revisions that the target branch has, since all that is above them would have to be undone, too; and
    those whose applied script nothing has any more.
    """
    suspects = {}
    for one in sorted(set(active) & records.keys()):
        if one not in here or not records[one].blob or here[one].path is None:
            continue
        source = project.view().read([here[one].path or ""])[here[one].path or ""]
        blob = records[one].blob
        if git_blob(source, blob) != blob and not has_fingerprint(source, records[one].fingerprint):
            suspects[one] = upgrade_fingerprint(source)
    if not suspects:
        return {}
    return _differing(project, suspects, records)


def _differing(project: Project, suspects: Mapping[str, str], records: Mapping[str, Record]) -> dict[str, Location]:
    from branchmig.git.history import commit_of, target_branch
    from branchmig.git.orphans import locate_all

    try:
        repository = project.tracked
        target = target_branch(repository, project.config.settings.target)
        there = (
            set() if target is None else {one.id for one in project.tree_view(commit_of(repository, target)).revisions}
        )
        wanted = {one: records[one].blob for one in suspects if one not in there}
        found = (
            locate_all(
                repository, project.folders_ever, wanted, is_recursive=project.config.is_recursive, wanted_blobs=wanted
            )
            if wanted
            else {}
        )
        exact = {one: at for one, at in found.items() if at.blob == wanted[one]}
        before = dict(repository.blobs([at.blob for at in exact.values()]))
    except GitError:
        return {}
    return {one: at for one, at in exact.items() if upgrade_fingerprint(before[at.blob]) != suspects[one]}
