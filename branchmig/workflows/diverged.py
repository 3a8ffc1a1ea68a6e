"""Finds revisions that two lines have under one id and that are not the same: backported with another parent, edited.

An id, what the script does and what it stands on make a revision. A database that has one of the two skips the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from branchmig.git.history import merge_base
from branchmig.model import Problem, Revision
from branchmig.planning import guard
from branchmig.project.project import INDEX, WORKTREE, Project, View
from branchmig.revisions.fingerprint import fingerprint

if TYPE_CHECKING:
    from branchmig.workflows.settled import Settled


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
