"""The files of git places, as scripts that are laid out from there read them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from branchmig.database.trial.inputs import Digests, Inputs, WorktreeFiles, read_inputs, top_of
from branchmig.database.trial.store import Store
from branchmig.project.config import Invocation
from branchmig.project.project import Project, View
from branchmig.project.view import WORKTREE
from branchmig.project.worktree import read_all

if TYPE_CHECKING:
    from branchmig.database.trial.server import Server


def inputs_of(project: Project, invocation: Invocation, views: Sequence[View], store: Store, server: Server) -> Inputs:
    """Return the inputs of a project whose scripts are files, of some places: see script_checkout.placed."""
    files = files_of(project, *views)
    return read_inputs(project, invocation, project.dag, read_all, files, server.identity(), Digests(store))


def inputs_at(project: Project, invocation: Invocation, view: View, server: Server, digests: Digests) -> Inputs:
    """Return the inputs of the scripts of a place, which need not be files. Raises RevisionFileError."""
    return read_inputs(project, invocation, view.dag, view.read, files_of(project, view), server.identity(), digests)


def files_of(project: Project, *views: View) -> WorktreeFiles:
    """Return the files that scripts of some places read."""
    if all(view.at == WORKTREE and view.merged_with is None for view in views):
        return WorktreeFiles(top_of(project))
    return PlaceFiles(project, views)


class PlaceFiles(WorktreeFiles):
    """The files of some places: below their script folders those of each place, elsewhere those of the work tree."""

    def __init__(self, project: Project, views: Sequence[View]) -> None:
        from branchmig.database.run.script_checkout import beside

        super().__init__(top_of(project))
        self._repository, self._views = project.tracked, views
        self._blobs = [
            {**beside(project, view), **{project.tracked.from_top(path): blob for path, blob in view.blobs.items()}}
            for view in views
        ]
        folders = [project.layout_of(view).folders for view in views]
        home = os.path.relpath(os.path.realpath(project.config.script_location), project.tracked.top)
        self._folders = tuple({home.replace(os.sep, "/"), *(name for each in folders for name in each)})

    def texts(self, by: str, path: str) -> list[bytes | None]:
        """Return the content of a path: in the work tree, in each place, or in all of them."""
        own = [self._text(view, blobs.get(path)) for view, blobs in self._places(by, path)]
        return own if own and by == "place" else [*super().texts(by, path), *own]

    def names(self, by: str, path: str) -> list[tuple[str, ...]]:
        """Return the names in a folder: in the work tree, in each place, or in all of them."""
        start = f"{path}/"
        own = [
            tuple({blob[len(start) :].split("/")[0] for blob in blobs if blob.startswith(start)})
            for _, blobs in self._places(by, path)
        ]
        return own if own and by == "place" else [*super().names(by, path), *own]

    def present(self, by: str, path: str) -> list[bool]:
        """Return whether something is at a path."""
        own = [
            any(blob == path or blob.startswith(f"{path}/") for blob in blobs) for _, blobs in self._places(by, path)
        ]
        return own if own and by == "place" else [*super().present(by, path), *own]

    def _places(self, by: str, path: str) -> list[tuple[View, Mapping[str, str]]]:
        """Return the places whose file a path may mean, with their blobs; none for a path beside the script folders."""
        is_below = any(not folder or path == folder or path.startswith(f"{folder}/") for folder in self._folders)
        return list(zip(self._views, self._blobs, strict=True)) if by in ("both", "place") and is_below else []

    def _text(self, view: View, blob: str | None) -> bytes | None:
        return None if blob is None else dict(self._repository.blobs([blob], view.more))[blob]
