"""Finds revisions that a merge would leave in a folder that its settings do not name."""

from __future__ import annotations

import os

from branchmig.errors import NoProject
from branchmig.git.places import tree_snapshot
from branchmig.model import Problem
from branchmig.project.project import Project, View


def left_behind(project: Project, merge: View, at: str, merged_with: str) -> list[Problem]:
    """Return a problem for each revision of either side whose file the merge keeps where no revision is looked for.

    Git moves the new files of one side when the other renames their folder, but not always: not when some files
    stay in the old folder, nor when merge.directoryRenames is false.
    """
    assert merge.layout is not None
    problems = []
    seen = set(merge.ids)
    for place in (at, merged_with):
        try:
            if project.layout(place).is_like(merge.layout):
                continue
            view = project.view(place)
        except NoProject:
            continue
        lost = {revision.id: revision.path or "" for revision in view.revisions if revision.id not in seen}
        top = str(project.tracked.top) + os.sep
        paths = {path.removeprefix(top): revision_id for revision_id, path in lost.items() if path.startswith(top)}
        kept = tree_snapshot(project.tracked, merge.tree, list(paths), merge.more).blobs if paths else {}
        folders = ", ".join(merge.layout.folders)
        problems += [
            Problem(
                "left-behind",
                f"after the merge, revision {revision_id!r} of {place} is in {top}{path}, where no revision is read",
                f"merge, then move the file with 'git mv' to where the merged settings look: {folders}",
                (revision_id,),
                (top + path,),
            )
            for path, revision_id in sorted(paths.items())
            if path in kept and merge.layout.folders
        ]
        seen.update(lost)
    return problems
