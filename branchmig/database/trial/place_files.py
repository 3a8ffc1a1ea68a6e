"""The files of git places, as scripts that are laid out from there read them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from branchmig.database.trial.inputs import Digests, WorktreeFiles, read_inputs, top_of
from branchmig.project.view import WORKTREE
from branchmig.project.worktree import read_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchmig.database.trial.inputs import Files, Inputs
    from branchmig.database.trial.server import Server
    from branchmig.database.trial.store import Store
    from branchmig.project.config import Invocation
    from branchmig.project.project import Project, View


def inputs_of(
    project: Project, invocation: Invocation, view: View, store: Store, server: Server, *others: View
) -> Inputs:
    """Return the inputs of a project whose scripts are files, of some places: see script_checkout.placed."""
    files = files_of(project, view, *others)
    return read_inputs(project, invocation, project.dag, read_all, files, server.identity(), Digests(store))


def files_of(project: Project, view: View, *others: View) -> Files:
    """Return the files that scripts of some places read."""
    if all(each_view.at == WORKTREE and each_view.merged_with is None for each_view in (view, *others)):
        return WorktreeFiles(top_of(project))
    return PlaceFiles(project, (view, *others))


class PlaceFiles:
    """The files of some places: below their script folders those of each place, elsewhere those of the work tree."""

    def __init__(self, project: Project, views: Sequence[View]) -> None:
        from branchmig.database.run.script_checkout import beside

        self._repository, self._views = project.tracked, views
        self._worktree = WorktreeFiles(top_of(project))
        top = f"{project.tracked.top}/"
        self._blobs = [
            {**beside(project, view), **{path.removeprefix(top): blob for path, blob in view.blobs.items()}}
            for view in views
        ]
        folders = [project.layout_of(view).folders for view in views]
        home = os.path.relpath(os.path.realpath(project.config.script_location), project.tracked.top)
        self._folders = tuple({home.replace(os.sep, "/"), *(name for each in folders for name in each)})

    def texts(self, by: str, path: str) -> list[bytes | None]:
        """Return the content of a path: in the work tree, in each place, or in all of them."""
        found = [] if self._is_of_place(by, path) and by == "place" else self._worktree.texts(by, path)
        if self._is_of_place(by, path):
            found += [self._text(view, blobs.get(path)) for view, blobs in zip(self._views, self._blobs, strict=True)]
        return found

    def names(self, by: str, path: str) -> list[tuple[str, ...]]:
        """Return the names in a folder: in the work tree, in each place, or in all of them."""
        found = [] if self._is_of_place(by, path) and by == "place" else self._worktree.names(by, path)
        if self._is_of_place(by, path):
            start = f"{path}/"
            found += [
                tuple({blob[len(start) :].split("/")[0] for blob in blobs if blob.startswith(start)})
                for blobs in self._blobs
            ]
        return found

    def present(self, by: str, path: str) -> list[bool]:
        """Return whether something is at a path."""
        found = [] if self._is_of_place(by, path) and by == "place" else self._worktree.present(by, path)
        if self._is_of_place(by, path):
            found += [any(blob == path or blob.startswith(f"{path}/") for blob in blobs) for blobs in self._blobs]
        return found

    def _is_of_place(self, by: str, path: str) -> bool:
        if by not in ("both", "place"):
            return False
        return any(not folder or path == folder or path.startswith(f"{folder}/") for folder in self._folders)

    def _text(self, view: View, blob: str | None) -> bytes | None:
        return None if blob is None else dict(self._repository.blobs([blob], view.more))[blob]
