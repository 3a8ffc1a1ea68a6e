"""Lays the scripts of a git place out as real files, with what lies beside them, so that they can be run."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from branchmig.git.places import index_snapshot, tree_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from branchmig.project import Project, View


@contextmanager
def placed(project: Project, view: View) -> Iterator[Project]:
    """Give the project with the scripts of a place as files; those of the work tree where they are.

    Scripts of git blobs, with all that the place has below script_location and the version folders, lie in a
    folder that only this user can read, for as long as the block: `Path(__file__).parent / "seed.sql"` is that of
    the place. env.py, and modules that a script imports, are the work tree's.
    """
    if not view.blobs:
        yield project.with_scripts(view.dag, {})
        return
    with tempfile.TemporaryDirectory(prefix="branchmig-") as folder:  # made with mode 0700
        top = str(project.tracked.top)
        _write(folder, _blobs(project, view), project, view)
        moved = {path: f"{folder}{path[len(top) :]}" for path in view.blobs}
        revisions = [replace(one, path=moved.get(one.path or "", one.path)) for one in view.dag]
        yield project.with_scripts(type(view.dag)(revisions), {there: path for path, there in moved.items()})


def _blobs(project: Project, view: View) -> Mapping[str, str]:
    """Return the blobs, by path from the top, of all that lies beside the scripts, and of the scripts."""
    repository = project.tracked
    top = str(repository.top)
    home = os.path.relpath(os.path.realpath(project.config.script_location), top)
    folders = list(dict.fromkeys([*project.folders, *([] if home.startswith(os.pardir) else [home])]))
    if view.tree:
        beside = tree_snapshot(repository, view.tree, folders, view.more)
    else:
        beside = index_snapshot(repository, folders)
    return {**beside.blobs, **{path[len(top) + 1 :]: blob for path, blob in view.blobs.items()}}


def _write(folder: str, blobs: Mapping[str, str], project: Project, view: View) -> None:
    content = dict(project.tracked.blobs(list(dict.fromkeys(blobs.values())), view.more))
    for path, blob in blobs.items():
        place = os.path.join(folder, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "wb") as stream:
            stream.write(content[blob])
