"""What a place has otherwise than what has landed: revisions that it changed, squashed or took away, and diverged ones.

An id, what the script does and what it stands on make a revision. Two lines may have one id for two revisions, as of a
backport with another parent: a database that has one of the two skips the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from branchmig.git.history import merge_base
from branchmig.model import Problem, Revision
from branchmig.planning import guard
from branchmig.project.project import INDEX, WORKTREE, Project, View
from branchmig.revisions.fingerprint import fingerprint, upgrade_fingerprint
from branchmig.revisions.integrity import ChangedRevision, changed_revisions
from branchmig.workflows.changed_files import revisions_of_changed_files

if TYPE_CHECKING:
    from branchmig.workflows.settled import Settled


def landed_changes(project: Project, view: View, settled: Settled) -> tuple[list[Problem], frozenset[str]]:
    """Return what of the target's revisions was changed here since the branches parted, and all changed files."""
    before, texts, changed = revisions_of_changed_files(project, view, settled.base)
    if not before:
        return [], changed
    there = project.tree_view(settled.tip) if settled.tip != settled.base else None
    kept = {} if there is None else {revision.id: revision for revision in there.revisions}
    if there is not None:
        before = tuple(revision for revision in before if revision.id in kept)

    def is_same(revision: Revision, after: Revision) -> bool:
        assert revision.path is not None
        found = fingerprint(view.script(after))
        if fingerprint(texts[revision.path]) == found:
            return True
        # The target has changed it itself since, and this place has taken that over by a merge.
        return there is not None and fingerprint(there.script(kept[revision.id])) == found

    changes = changed_revisions(before, view.revisions, is_same)
    if settled.tip != settled.base:
        changes = not_as_landed(view, project.tree_view(settled.tip), changes)

    def is_only_moved(change: ChangedRevision) -> bool:
        assert change.after is not None
        if not project.tree_view(settled.tip).ids.issuperset(change.after.parents):
            return False
        return upgrade_fingerprint(texts[change.before.path or ""]) == upgrade_fingerprint(view.script(change.after))

    squashed = guard.squashes(changes, is_only_moved)
    settled_otherwise = {name for change, gone, _ in squashed for name in (change.before.id, *gone)}
    # A file that cannot be read is reported as such, not as a revision that is gone.
    unreadable = {path for problem in view.problems for path in problem.paths}
    name = settled.ref
    return [
        *(
            problem
            for change, _, is_named in squashed
            if is_named and change.after is not None
            for problem in _unkept(project, view, change.after, texts, before, settled)
        ),
        *(guard.squash_problem(change, gone, name) for change, gone, is_named in squashed if not is_named),
        *(
            guard.change_problem(change, settled.ref, settled.source)
            for change in changes
            if change.before.id not in settled_otherwise
            and (change.after is not None or change.before.path not in unreadable)
        ),
    ], changed


def not_as_landed(view: View, landed: View, changes: Sequence[ChangedRevision]) -> list[ChangedRevision]:
    """Return the changes without those that the target itself has landed: a merge includes them."""
    there = {revision.id: revision.path for revision in landed.revisions}

    def is_as_landed(change: ChangedRevision) -> bool:
        ours, theirs = change.after and change.after.path, there.get(change.before.id)
        if not ours or not theirs or change.after is None or change.after.id != change.before.id:
            return False
        return fingerprint(view.read([ours])[ours]) == fingerprint(landed.read([theirs])[theirs])

    return [change for change in changes if not is_as_landed(change)]


def _unkept(
    project: Project,
    view: View,
    after: Revision,
    texts: Mapping[str, bytes],
    before: Sequence[Revision],
    settled: Settled,
) -> list[Problem]:
    """Return the problems of a squash that names what it replaced: half-way databases run those scripts from git."""
    from branchmig.workflows.old_scripts import replaced_by

    places = [view.merged_with, "HEAD" if view.at in (WORKTREE, INDEX) else view.at]
    found = next((old for place in places if place and (old := replaced_by(project, after, place)) is not None), None)
    if found is None:
        return [guard.lost_before_squash(after, settled.ref)]
    there = project.tree_view(found.commit).scripts(found.revisions)
    digests = {name: fingerprint(text) for name, text in there.items()}
    known = {revision.id: fingerprint(texts[revision.path or ""]) for revision in before if revision.path in texts}
    changed = sorted(name for name, digest in digests.items() if known.get(name, digest) != digest)
    return [guard.changed_before_squash(changed, after, settled.ref, found.commit)] if changed else []


def diverged_from(project: Project, view: View, settled: Settled) -> list[Problem]:
    """Return a problem for each revision that a branch got since the merge base and that a place has otherwise.

    What the branch changed of older revisions is its own affair, and what it lacks or has alone is no other revision.
    """
    from branchmig.git.places import Snapshot, changed_blobs
    from branchmig.git.reading import read_snapshot

    if view.merged_with is not None or settled.tip == settled.base:
        return []
    repository, layout = project.tracked, project.layout_of(view)
    sides = changed_blobs(repository, ("diff-tree", "-r", settled.base, settled.tip), layout.folders)
    here = {revision.id: revision for revision in view.revisions if revision.path}
    before, after = (
        [
            file
            for file in read_snapshot(
                repository, Snapshot("", blobs), layout.folders, is_recursive=layout.config.is_recursive
            )
            if isinstance(file.content, Revision)
        ]
        for blobs in sides
    )
    old = {file.content.id for file in before if isinstance(file.content, Revision)}
    pairs = [
        (here[file.content.id], file.content, file.blob)
        for file in after
        if isinstance(file.content, Revision) and file.content.id in here and file.content.id not in old
    ]
    texts = dict(repository.blobs([blob for _, _, blob in pairs]))
    return [
        guard.diverged_revision(ours, theirs, settled.ref)
        for ours, theirs, blob in pairs
        if fingerprint(texts[blob]) != fingerprint(view.script(ours))
    ]


def diverged(project: Project, ours: View, theirs: View) -> list[tuple[Revision, Revision]]:
    """Return the revisions that two places have under one id, not the same, and not from before they parted."""
    there = {revision.id: revision for revision in theirs.revisions if revision.path}
    pairs = [
        (revision, there[revision.id])
        for revision in ours.revisions
        if revision.path
        and revision.id in there
        and ours.blobs.get(revision.path, "-") != theirs.blobs.get(str(there[revision.id].path))
    ]
    if not pairs:
        return []
    before, after = ours.scripts(revision for revision, _ in pairs), theirs.scripts(other for _, other in pairs)
    found = [pair for pair in pairs if fingerprint(before[pair[0].id]) != fingerprint(after[pair[0].id])]
    if not found:
        return []
    names = ["HEAD" if view.at in (WORKTREE, INDEX) else view.at for view in (ours, theirs)]
    base = merge_base(project.tracked, *names)
    old = frozenset() if base is None else project.tree_view(base, like=ours).ids
    return sorted((pair for pair in found if pair[0].id not in old), key=lambda pair: pair[0].id)
