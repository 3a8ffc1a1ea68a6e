"""The revision and settings files in which a place differs from a commit, without reading what is equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from branchmig.git.places import Snapshot, changed_blobs
from branchmig.git.reading import read_snapshot
from branchmig.model import Revision
from branchmig.project.project import Project, View
from branchmig.project.view import INDEX


def changed_files(project: Project, view: View, base: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the blobs by path, of revisions and settings, that a commit has otherwise than a place: both sides."""
    if base not in view.changes:
        paths = [*project.layout_of(view).folders, *project.layouts.paths]
        view.changes[base] = changed_blobs(project.tracked, _question(view, base), paths, view.more)
    return view.changes[base]


def revisions_of_changed_files(
    project: Project, view: View, base: str
) -> tuple[tuple[Revision, ...], Mapping[str, bytes], frozenset[str]]:
    """Return the revisions of the commit `base` whose files differ at the place of `view`, with their texts.

    Also the paths of the files at that place that `base` does not have, or has otherwise; without untracked files.
    """
    layout, top = project.layout_of(view), project.tracked.top
    before, after = changed_files(project, view, base)
    changed = frozenset(f"{top}/{path}" for path in after)
    if layout.config.names_package or not {*before, *after}.isdisjoint(project.layouts.paths):
        there = project.tree_view(base)
        # Without settings there, the folders of this place are the project all the same.
        if there.layout is not None and not there.layout.is_like(layout):
            texts = there.read([revision.path for revision in there.revisions if revision.path])
            return there.revisions, texts, changed
    files = read_snapshot(
        project.tracked, Snapshot(f"{base}:", before), layout.folders, is_recursive=layout.config.is_recursive
    )
    content = dict(project.tracked.blobs([file.blob for file in files]))
    readable = [(file.content, content[file.blob]) for file in files if isinstance(file.content, Revision)]
    return (
        tuple(revision for revision, _ in readable),
        {revision.path: text for revision, text in readable if revision.path},
        changed,
    )


def has_settings_of(project: Project, view: View, base: str) -> bool:
    """Return whether the settings at a place are the checkout's, and those of a commit, too."""
    is_checkout = project.layout_of(view) is project.layouts.checkout
    return is_checkout and all(
        side.keys().isdisjoint(project.layouts.paths) for side in changed_files(project, view, base)
    )


def _question(view: View, base: str) -> Sequence[str]:
    """Return the arguments of git for the differences between a commit and a place."""
    if view.tree:
        return "diff-tree", "-r", base, view.tree
    return ("diff-index", "--cached", base) if view.at == INDEX else ("diff-index", base)
