"""The revisions that a database has applied, as they were applied: from the work tree, and from git for the others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from branchmig.dag import RevisionDag
from branchmig.errors import GitError, RevisionGraphError
from branchmig.git.history import commit_of, current_branch, has_ancestor, merge_base
from branchmig.model import Location, Revision
from branchmig.project.project import Project
from branchmig.revisions.fingerprint import fingerprint, git_blob, has_fingerprint, upgrade_fingerprint
from branchmig.revisions.revision_file import read_revision

if TYPE_CHECKING:
    from branchmig.planning.journal_state import Ledger


@dataclass(frozen=True, slots=True)
class Record:
    """How a revision was applied, as far as is known: what it was put on top of, ids in full, and its script.

    `below` is None, and `blob` and `fingerprint` are empty, where that is not known.
    """

    below: tuple[str, ...] | None = None
    blob: str = ""
    fingerprint: str = ""

    def is_of(self, source: bytes) -> bool:
        """Return whether a script is known to be, or to do, what was applied."""
        if not self.blob:
            return False
        return git_blob(source, self.blob) == self.blob or bool(has_fingerprint(source, self.fingerprint))


def ledger_records(ledger: Ledger) -> dict[str, Record]:
    """Return what a journal knows of how its revisions were applied."""
    return {name: Record(e.parents, e.blob or "", e.fingerprint or "") for name, e in ledger.records.items()}


@dataclass(frozen=True)
class AppliedHistory:
    """The revisions that some version rows imply, with the parents that they were applied with.

    `sources` say where in git the scripts lie that are not the work tree's. `lost` are revisions that nobody has.
    `newer` are versions that are not the ones to undo with, since their upgrade does not do what was applied.
    """

    dag: RevisionDag
    sources: Mapping[str, Location] = field(default_factory=dict)
    lost: tuple[str, ...] = ()
    newer: Mapping[str, Location] = field(default_factory=dict)

    @property
    def orphans(self) -> tuple[str, ...]:
        """What is not the work tree's: found or lost, sorted."""
        return tuple(sorted({*self.sources, *self.lost}))


def applied_history(
    project: Project, here: RevisionDag, rows: Iterable[str], records: Mapping[str, Record]
) -> AppliedHistory:
    """Return the revisions below some version rows, and the rows' own.

    `here` are the revisions of the checkout; what it lacks is looked for in git, all refs first, then reflogs, then
    objects that no ref names. `records` are what a journal or a pin knows; they win over what the files say today.
    """
    search = _Search(project, here, records)
    try:
        dag = search.below(rows)
    except RevisionGraphError:
        # An id that was used again after a squash: the records of those above it name the earlier revision.
        search = _Search(project, here, {})
        dag = search.below(rows)
    sources = {source: at for source, at in search.sources.items() if source in dag}
    sources, newer = _versions_in_git(project, sources, records)
    return AppliedHistory(dag, sources, tuple(sorted(search.lost)), newer)


class _Search:
    """Finds revisions by id, and remembers what it came across on the way."""

    def __init__(self, project: Project, here: RevisionDag, records: Mapping[str, Record]) -> None:
        self._project, self._here, self._records = project, here, records
        self.sources: dict[str, Location] = {}
        self.lost: set[str] = set()
        self._found: dict[str, Revision] = {}

    def below(self, rows: Iterable[str]) -> RevisionDag:
        """Return some version rows and all below them. Raises RevisionGraphError where the records form a cycle."""
        known: dict[str, Revision] = {}
        waiting = set(rows)
        while waiting:
            self.look_for(waiting)
            known |= {name: self.revision(name) for name in sorted(waiting)}
            waiting = {below for name in waiting for below in known[name].parents} - known.keys()
        return RevisionDag(known.values())

    def look_for(self, ids: Collection[str]) -> None:
        """Find those of some revisions that the checkout lacks."""
        absent = [
            revision_id for revision_id in ids if revision_id not in self._here and revision_id not in self._found
        ]
        locations = self._locate(absent, {}) if absent else {}
        for commit in dict.fromkeys(location.commit for location in locations.values() if location.commit):
            self._read_commit(commit, {location: at for location, at in locations.items() if at.commit == commit})
        for name, at in locations.items():
            if name not in self._found:
                self._read_blob(name, at)
        self.lost |= {name for name in absent if name not in self._found}

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
        labels = {label: revision.id for revision in view.revisions for label in revision.labels}
        for revision in view.revisions:
            if revision.id in self._here or revision.id in self._found:
                continue
            path = self._project.tracked.from_top(revision.path or "")
            at = locations.get(revision.id)
            if at is not None and at.path != path:
                continue
            near = next(iter(locations.values()))
            self.sources[revision.id] = at or replace(near, path=path, blob=view.blobs[revision.path or ""])
            needed = tuple(labels.get(name, name) for name in revision.depends_on)
            self._found[revision.id] = replace(revision, parents=tuple(dict.fromkeys((*revision.parents, *needed))))

    def _read_blob(self, revision_id: str, at: Location) -> None:
        """Take a revision that no commit holds, as one that was only staged."""
        for _, content in self._project.tracked.blobs([at.blob]):
            revision = read_revision(content, f"{self._project.tracked.top}/{at.path or 'revision.py'}")
            if isinstance(revision, Revision):
                self.sources[revision_id] = replace(at, commit="")
                self._found[revision_id] = replace(revision, parents=_below(revision, self._here))


def _upgrade_of(texts: Mapping[str, bytes], blob: str) -> str:
    return upgrade_fingerprint(texts[blob]) if blob in texts else blob


def _versions_in_git(
    project: Project, found: Mapping[str, Location], records: Mapping[str, Record]
) -> tuple[dict[str, Location], dict[str, Location]]:
    """Return the version that undoes each revision that the checkout lacks, and newer ones that must not."""
    applied = {name: records[name].blob for name in found if name in records and records[name].blob}
    chosen, newer = undoing_versions(project, found, applied)
    return {**found, **chosen}, newer


def undoing_versions(
    project: Project, ids: Collection[str], applied: Mapping[str, str]
) -> tuple[dict[str, Location], dict[str, Location]]:
    """Return for each revision the file version whose downgrade() to run, and newer versions that must not run.

    That is the newest version in git whose upgrade does what was applied: a downgrade() that was corrected since is the
    one that runs. Where the newest does something else, it is in the second answer. `applied` are the blobs that
    were applied, as far as is known: of a revision without one the newest version counts.
    """
    from branchmig.git.orphans import versions_of

    if not ids:
        return {}, {}
    repository = project.tracked
    is_recursive = project.config.is_recursive
    found = versions_of(repository, project.folders_ever, ids, is_recursive=is_recursive, wanted_blobs=applied)
    blobs = {at.blob for some in found.values() for at in some}.union(applied.values())
    texts = {blob: text for blob, text in repository.objects(sorted(blobs)) if text is not None}
    chosen: dict[str, Location] = {}
    newer: dict[str, Location] = {}
    for name, versions in found.items():
        wanted = _upgrade_of(texts, applied.get(name, versions[0].blob))
        same = [at for at in versions if _upgrade_of(texts, at.blob) == wanted]
        chosen[name] = next((at for at in same if at.commit), (same or versions)[0])
        if versions[0] not in same:
            newer[name] = versions[0]
    return chosen, newer


def pinned_records(project: Project, here: RevisionDag, database: str) -> dict[str, Record]:
    """Return what the pin of a database says of how its revisions were applied; nothing without git, or a pin."""
    from branchmig.git.pins import pins

    try:
        repository = project.repository
        kept = (
            {}
            if repository is None
            else {name: at for pin in pins(repository) if pin.database == database for name, at in pin.kept.items()}
        )
        blobs = dict(project.tracked.blobs([at.blob for at in kept.values()])) if kept else {}
    except GitError:
        return {}
    records = {}
    for revision_id, at in kept.items():
        revision = read_revision(blobs[at.blob], at.path)
        if isinstance(revision, Revision):
            records[revision_id] = Record(_below(revision, here), at.blob, fingerprint(blobs[at.blob]))
    return records


def noted_records(project: Project, here: RevisionDag, noted: Mapping[str, str]) -> dict[str, Record]:
    """Return what this clone's notes say of how revisions were applied: ids, and the blobs of their scripts.

    Where another branch made the applied revision of an id that the checkout has, too, that branch's script says what
    was below it: the checkout's parents would hide a revision that only the applied one was put on top of.
    """
    records = {name: Record(None, blob) for name, blob in noted.items()}
    for name, change in changed_scripts(project, here, noted.keys(), records).items():
        if change.collides:
            text = next(content for _, content in project.tracked.blobs([noted[name]]))
            revision = read_revision(text, change.at.path or f"{name}.py")
            if isinstance(revision, Revision):
                records[name] = Record(_below(revision, here), noted[name])
    return records


def _below(revision: Revision, here: RevisionDag) -> tuple[str, ...]:
    """Return the parents and dependencies of a revision, which may name a label of the checkout."""
    needed = (here.labels.get(name, name) for name in revision.depends_on)
    return tuple(dict.fromkeys((*revision.parents, *needed)))


@dataclass(frozen=True, slots=True)
class Changed:
    """A revision of the checkout whose script did something else when it was applied, and where the applied one is.

    `collides` says that the applied one is another revision with the same id: one of another branch, or one that this
    branch removed before it used the id again. `is_rerun` is False for the latter, whose effects a squash may keep; and
    where the target branch has the revision: then all revisions above it would have to be undone, too.
    """

    at: Location
    collides: bool
    is_rerun: bool

    @property
    def is_reused(self) -> bool:
        """Whether this branch removed the applied revision and used its id again."""
        return self.collides and not self.is_rerun


def changed_scripts(
    project: Project, here: RevisionDag, active: Collection[str], records: Mapping[str, Record]
) -> dict[str, Changed]:
    """Return the applied revisions of this checkout whose script did something else when it was applied.

    Left out are those whose applied script nothing has any more.
    """
    suspects = {}
    for name in sorted(set(active) & records.keys()):
        if name not in here or not records[name].blob or here[name].path is None:
            continue
        source = project.view().script(here[name])
        if not records[name].is_of(source):
            suspects[name] = upgrade_fingerprint(source)
    if not suspects:
        return {}
    try:
        return _changed(project, here, suspects, records)
    except GitError:
        return {}


def _changed(
    project: Project, here: RevisionDag, suspects: Mapping[str, str], records: Mapping[str, Record]
) -> dict[str, Changed]:
    from branchmig.git.orphans import locate_all

    repository = project.tracked
    wanted = {suspect: records[suspect].blob for suspect in suspects}
    is_recursive = project.config.is_recursive
    found = locate_all(repository, project.folders_ever, wanted, is_recursive=is_recursive, wanted_blobs=wanted)
    exact = {name: at for name, at in found.items() if at.blob == wanted[name]}
    before = dict(repository.blobs([at.blob for at in exact.values()]))
    different = {name: at for name, at in exact.items() if upgrade_fingerprint(before[at.blob]) != suspects[name]}
    if not different:
        return {}
    there = target_ids(project)
    changed = {}
    for name, at in different.items():
        collides = _collides(project, name, at)
        is_other = collides or _is_made_again(project, here, name, at, before[at.blob])
        changed[name] = Changed(at, is_other, is_rerun=collides or not (is_other or name in there))
    return changed


def target_ids(project: Project) -> frozenset[str]:
    """Return the ids of the target branch's revisions; nothing where there is no such branch."""
    return project.ref_view(project.target_ref).ids if project.target_ref else frozenset()


def same_id_elsewhere(project: Project, here: RevisionDag, ids: Iterable[str]) -> dict[str, Location]:
    """Return where other branches have made revisions of their own under some of the checkout's ids, if they have.

    Where nothing records which script was applied, branchmig cannot tell which of the two it was.
    """
    from branchmig.git.orphans import versions_of

    paths = {name: path for name in ids if name in here and (path := here[name].path)}
    try:
        if not paths or project.repository is None:
            return {}
        texts = project.view().read(list(paths.values()))
        blobs = {name: git_blob(texts[path]) for name, path in paths.items()}
        is_recursive = project.config.is_recursive
        found = versions_of(project.tracked, project.folders_ever, paths, is_recursive=is_recursive, wanted_blobs=blobs)
        others = {name: [at for at in found.get(name, ()) if at.commit and at.blob != blobs[name]] for name in paths}
        there = dict(project.tracked.blobs([at.blob for versions in others.values() for at in versions]))
        return {
            name: at
            for name, versions in others.items()
            for at in reversed(versions)
            if upgrade_fingerprint(there[at.blob]) != upgrade_fingerprint(texts[paths[name]])
            and (_collides(project, name, at) or _is_made_again(project, here, name, at, there[at.blob]))
        }
    except GitError:
        return {}


def _collides(project: Project, revision_id: str, at: Location) -> bool:
    """Return whether another branch made its own revision of that id: it has it, and where they part nothing has."""
    repository = project.tracked
    if at.branch is None or not at.commit or at.branch.removeprefix("origin/") == current_branch(repository):
        return False
    head = commit_of(repository, "HEAD")
    if has_ancestor(repository, head, at.commit):
        return False
    base = merge_base(repository, head, at.commit)
    return base is None or revision_id not in project.tree_view(base).ids


def _is_made_again(project: Project, here: RevisionDag, revision_id: str, at: Location, text: bytes) -> bool:
    """Return whether HEAD's history removed the revision at a commit, and the checkout's came later, on other parents.

    A squash removes revisions whose effects it keeps; the next revision may then be given an id that is free again.
    """
    from branchmig.git.orphans import writes_of

    repository = project.tracked
    revision = read_revision(text, at.path or "revision.py")
    is_moved = isinstance(revision, Revision) and set(_below(revision, here)) != set(here.below(revision_id))
    head = commit_of(repository, "HEAD")
    if not is_moved or not at.commit or not has_ancestor(repository, head, at.commit):
        return False
    writes, _ = writes_of(repository, project.folders_ever, [revision_id], is_recursive=project.config.is_recursive)
    later = [write.commit for write in writes.get(revision_id, ()) if has_ancestor(repository, head, write.commit)]
    names = [head, *(parent for commit in later if (parent := repository.commit(f"{commit}^")))]
    return any(
        has_ancestor(repository, name, at.commit) and revision_id not in project.tree_view(name).ids for name in names
    )
