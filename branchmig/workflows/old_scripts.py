"""The scripts that a squash replaced, for databases in the middle of its range: from git, or from a bundle."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from branchmig.dag import RevisionDag
from branchmig.errors import CannotFollow, GitError
from branchmig.git.history import has_ancestor
from branchmig.git.paths import pathspecs
from branchmig.model import Plan, Revision, Step
from branchmig.planning.plan import plan_upgrade
from branchmig.planning.squash import squash_of, unfolded
from branchmig.project.project import Project, View
from branchmig.revisions.replaced import replaced_ids
from branchmig.revisions.squash_bundle import BUNDLE, FOLDER, Bundle, bundle_name, read_bundle

if TYPE_CHECKING:
    from branchmig.git.write_index import Write

MOST_COMMITS = 50
"""Commits before a squash that are looked at where its own parent lacks a script: it may have been made in steps."""


@dataclass(frozen=True)
class OldScripts:
    """The graph with the old revisions in the place of squashes, and where their scripts are.

    `sources` are by revision, as a step names them: `git:COMMIT:PATH`, or `bundle:COMMIT:REVISION` for a script of
    `texts`. `stamped` are squashes with an id of their own: the old scripts do all that they do.
    """

    dag: RevisionDag
    sources: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)
    stamped: frozenset[str] = frozenset()

    def settled(self, plan: Plan) -> Plan:
        """Return a plan over this graph with its sources, in which what the old scripts do is only recorded."""
        return replace(plan, steps=tuple(map(self._settled, plan.steps)))

    def plan(self, target: str, rows: Sequence[str | None]) -> Plan:
        """Return the plan of an upgrade."""
        return self.settled(plan_upgrade(self.dag, target, rows))

    def read(self, project: Project) -> Mapping[str, bytes]:
        """Return the scripts by their sources."""
        names = [source.removeprefix("git:") for source in self.sources.values() if source.startswith("git:")]
        found = dict(project.tracked.blobs(names)) if names else {}
        bundled = {source: text for source, (_, text) in self.texts.items()}
        return {**{f"git:{name}": text for name, text in found.items()}, **bundled}

    def _settled(self, step: Step) -> Step:
        if step.revision is None or step.direction != "upgrade":
            return step
        if step.revision.id in self.stamped:
            return replace(step, direction="stamp")
        return replace(step, source=self.sources.get(step.revision.id, step.source))


def is_within_squash(dag: RevisionDag, rows: Sequence[str | None]) -> bool:
    """Return whether some version rows are in the middle of ranges that squashes of this checkout have replaced."""
    orphans = [row for row in rows if row is not None and row not in dag]
    return bool(orphans) and all(squash_of(dag, row) is not None for row in orphans)


def old_scripts(project: Project, here: RevisionDag, rows: Sequence[str | None], commit: str = "HEAD") -> OldScripts:
    """Return the graph of a checkout, `here`, with the old revisions that some version rows are among.

    `commit` is the current checkout. Raises CannotFollow where a script is neither in its history nor in a bundle.
    """
    revisions = {revision.id: revision for revision in here}
    waiting = [str(row) for row in rows if row not in here]
    places = dict.fromkeys(revisions, commit)
    sources: dict[str, str] = {}
    texts: dict[str, tuple[str, bytes]] = {}
    stamped: set[str] = set()
    while waiting:
        wanted = waiting.pop()
        if wanted in revisions:
            continue
        squash = squash_of(revisions.values(), wanted)
        if squash is None:
            raise CannotFollow(
                f"revision {wanted!r} is in no squash of this checkout",
                "to see the applied revisions: branchmig status",
            )
        found = _before(project, squash, places.get(squash.id, ""))
        revisions = unfolded(revisions, squash, found.revisions)
        places |= dict.fromkeys((revision.id for revision in found.revisions), found.commit)
        sources |= found.sources
        texts |= found.texts
        stamped |= {squash.id}.difference(revision.id for revision in found.revisions)
        # What was squashed may have been a squash itself, which then hides what is looked for.
        waiting.append(wanted)
        waiting += [name for revision in found.revisions for name in revision.parents if name not in revisions]
    return OldScripts(RevisionDag(revisions.values()), sources, texts, frozenset(stamped))


@contextmanager
def with_old_scripts(project: Project, old: OldScripts) -> Iterator[Project]:
    """Give the project with the old scripts as files, for as long as the block."""
    from branchmig.database.run.script_checkout import scripts_of_sources

    with scripts_of_sources(project, old.dag, old.sources.values(), old.texts) as (placed, files):
        dag = RevisionDag(
            replace(revision, path=files[old.sources[revision.id]]) if revision.id in old.sources else revision
            for revision in old.dag
        )
        yield placed.with_dag(dag)


@dataclass(frozen=True, slots=True)
class Replaced:
    """The revisions that a squash replaced, with its own revision as it was; `commit` has all of them."""

    commit: str
    revisions: tuple[Revision, ...]
    sources: Mapping[str, str]
    texts: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)


def _before(project: Project, squash: Revision, commit: str) -> Replaced:
    reason = "there is no git repository"
    try:
        if project.repository is not None and commit:
            found = replaced_by(project, squash, commit, has_reflog=True)
            if found is not None:
                return found
            reason = "the history of this checkout does not have them"
            if project.repository.is_shallow:
                reason += ": this clone is shallow; git fetch --unshallow"
    except GitError as error:
        reason = error.message
    bundled = _in_bundle(project, squash)
    if bundled is not None:
        return bundled
    raise CannotFollow(
        f"the database is within the revisions that {squash.id} replaces, and the old scripts cannot be had: {reason}",
        "run the upgrade where the repository is, or write them to a file there: branchmig squash --bundle",
    )


def replaced_by(project: Project, squash: Revision, commit: str, *, has_reflog: bool = False) -> Replaced | None:
    """Return the revisions that a squash replaced, from the newest commit of the history that has all of them.

    With `has_reflog`, also as an earlier state of HEAD had it: an amend takes it out of the history.
    """
    writes, keeps_id = _writes(project, squash, commit)
    words = ("log", "--walk-reflogs", "--format=%H", f"--max-count={MOST_COMMITS}", "HEAD", "--")
    earlier = project.tracked.attempt(*words).stdout.decode().split() if has_reflog else []
    for before in chain(_commits_before(project, writes, commit), earlier):
        view = project.tree_view(before)
        old = _replaced_in(view, squash, keeps_id=keeps_id)
        if old is not None:
            paths = {revision.id: project.tracked.from_top(revision.path or "") for revision in old}
            sources = {name: f"git:{before}:{path}" for name, path in paths.items()}
            return Replaced(before, old, sources)
    return None


def _writes(project: Project, squash: Revision, commit: str) -> tuple[list[Write], bool]:
    """Return the commits of a history that wrote the squash, newest first, and whether one wrote its id otherwise."""
    from branchmig.git.orphans import writes_of

    repository, recursive = project.tracked, project.config.is_recursive
    found, _ = writes_of(repository, project.folders_ever, [squash.id], is_recursive=recursive)
    writes = [write for write in found.get(squash.id, ()) if has_ancestor(repository, commit, write.commit)]
    texts = dict(repository.blobs([write.blob for write in writes]))
    # Not by their order: of two commits at one second, git does not say which is newer.
    own = [write for write in writes if replaced_ids(texts[write.blob]) == squash.replaces]
    return own, len(own) < len(writes)


def _commits_before(project: Project, writes: Sequence[Write], commit: str) -> Iterator[str]:
    """Yield commits that may have what a squash replaced: the checkout's own, where the squash is not committed yet,
    the parents of what wrote it, newest first, and commits before these.
    """
    repository = project.tracked
    folders = pathspecs(project.folders_ever)
    found = dict.fromkeys([repository.commit(commit) or commit] if not writes else [])
    for write in writes:
        found |= dict.fromkeys(repository.attempt("rev-parse", f"{write.commit}^@").stdout.decode().split())
    yield from found
    if writes:
        words = ("rev-list", f"--max-count={MOST_COMMITS}", writes[0].commit, "--", *folders)
        yield from repository.attempt(*words).stdout.decode().split()


def _replaced_in(view: View, squash: Revision, *, keeps_id: bool) -> tuple[Revision, ...] | None:
    """Return what a squash replaced, as a place has it; None where the place lacks some of it, or has the squash."""
    known = {revision.id: revision for revision in view.revisions}
    own = known.get(squash.id)
    if keeps_id if own is None else own.replaces == squash.replaces:
        return None
    old = [revision for revision in known.values() if revision.id in squash.replaces or revision.id == squash.id]
    nested = {name for revision in old for name in revision.replaces}
    if not set(squash.replaces) <= known.keys() | nested:
        return None
    return tuple(old)


def _in_bundle(project: Project, squash: Revision) -> Replaced | None:
    path = bundle_path(project, squash.path or "", squash.id)
    if not os.path.isfile(path):
        return None
    bundle: Bundle = read_bundle(Path(path).read_bytes(), project.shown_path(path))
    home = os.path.dirname(squash.path or "")
    old = tuple(
        replace(revision, path=os.path.normpath(os.path.join(home, revision.path or "")))
        for revision in bundle.revisions
    )
    sources = {revision.id: f"{BUNDLE}{bundle.commit}:{revision.id}" for revision in old}
    texts = {sources[revision.id]: (revision.path or "", bundle.texts[revision.id]) for revision in old}
    return Replaced("", old, sources, texts)


def bundle_path(project: Project, path: str, revision_id: str) -> str:
    """Return the path of the bundle of the squash at `path`: beside the version folder."""
    folders = [str(location) for location in project.config.version_locations if path.startswith(f"{location}{os.sep}")]
    home = max(folders, key=len, default=os.path.dirname(path))
    return os.path.join(os.path.dirname(home), FOLDER, bundle_name(revision_id))
