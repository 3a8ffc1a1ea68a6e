"""Reads the revisions at a place that git holds: the index, a commit, a merge preview; what a sparse checkout lacks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from branchmig.git import places
from branchmig.git.history import commit_of, plain_name
from branchmig.git.paths import paths_from_top
from branchmig.git.reading import is_revision_path, read_snapshot
from branchmig.model import Problem, Revision
from branchmig.project.config import Config
from branchmig.project.view import INDEX, WORKTREE, View, sorted_problems
from branchmig.project.worktree import marker, read_files, revision_paths

if TYPE_CHECKING:
    from branchmig.git.merge_words import MergeConflict
    from branchmig.git.reading import FoundFile
    from branchmig.git.repository import Repository
    from branchmig.project.layout import Layout, Layouts, Take
    from branchmig.revisions.project_modules import ProjectModules


@dataclass(frozen=True)
class GitPlaces:
    """The places of one repository, as a project with the settings of the checkout sees them.

    `folders` hold the checkout's revisions, from the top; `modules` are what revision files outside git can import.
    """

    repository: Repository
    config: Config
    layouts: Layouts
    folders: tuple[str, ...]
    modules: ProjectModules

    def layout(self, at: str, merged_with: str | None) -> Layout:
        """Return where a place keeps its revisions. Raises NoProject, ConfigurationError, GitError."""
        return self.layouts.at(*self._place(at, merged_with))[1]

    def view(self, at: str, merged_with: str | None, layout: Layout | None = None) -> View:
        """Return the revisions at a place; with `layout`, in its folders, whatever the settings there say.

        Raises NoProject, ConfigurationError, GitError.
        """
        name, take = self._place(at, merged_with)
        snapshot, layout = self.layouts.at(name, take) if layout is None else (take(layout.folders), layout)
        files = read_snapshot(self.repository, snapshot, layout.folders, is_recursive=layout.config.is_recursive)
        revisions, problems, markers = read_files(
            revision_paths(layout.outside, layout.config.is_recursive, layout.config.is_sourceless), self.modules
        )
        problems += [file.content for file in files if isinstance(file.content, Problem)]
        markers += [marker(self._full(file.path), file.marker_line) for file in files if file.marker_line]
        # Where the two sides of settings in conflict name other folders, nobody knows the graph yet.
        (markers if layout.is_certain else problems).extend(layout.problems)
        conflicts = [found for found in snapshot.conflicts if any(self._is_own(path, layout) for path in found.paths)]
        if merged_with is not None:
            known = frozenset(self._full(path) for conflict in snapshot.conflicts for path in conflict.paths)
            problems, markers = self._previewed(problems, markers, known, conflicts, layout, merged_with)
        return View(
            at,
            merged_with,
            (*revisions, *(file.content for file in files if isinstance(file.content, Revision))),
            sorted_problems(problems),
            sorted_problems(markers),
            layout,
            self.repository,
            snapshot,
            {self._full(file.path): file.blob for file in files},
            conflicts,
        )

    def _place(self, at: str, merged_with: str | None) -> tuple[str, Take]:
        """Return what messages call a place, and what gives its files below some folders."""
        repository = self.repository
        theirs = None if merged_with is None else commit_of(repository, merged_with)
        if theirs is None:
            if at == INDEX:
                return "the index", lambda folders: places.index_snapshot(repository, folders)
            commit = commit_of(repository, at)
            return at, lambda folders: places.tree_snapshot(repository, commit, folders)
        if at == WORKTREE:
            config = self.config
            paths = revision_paths(config.version_locations, config.is_recursive, config.is_sourceless)
            present = paths_from_top(repository, {path: path for path in paths}).values()
            side = places.worktree_commit(repository, self.folders, [*present, *self.layouts.tracked])
        elif at == INDEX:
            side = places.staged_commit(repository)
        else:
            side = places.Commitish(commit_of(repository, at))
        ours_name, theirs_name = plain_name(repository, at), plain_name(repository, merged_with or "")
        merge = places.merged(repository, side, theirs, {side.commit: ours_name, theirs: theirs_name})
        return f"the merge of {theirs_name} into {ours_name}", lambda folders: places.merge_snapshot(merge, folders)

    def _previewed(
        self,
        problems: Sequence[Problem],
        markers: Sequence[Problem],
        known: frozenset[str],
        conflicts: Sequence[MergeConflict],
        layout: Layout,
        merged_with: str,
    ) -> tuple[list[Problem], list[Problem]]:
        """Return problems and markers for a merge that has not happened: it left nothing in the work tree to edit.

        `known` are the paths that git reports as conflicts. Those of revisions that nothing else reports are added.
        """
        from branchmig.planning.merge_preview import conflict_problem, previewed

        shown = plain_name(self.repository, merged_with)
        problems, markers = previewed(problems, shown, known), previewed(markers, shown, known)
        marked = {path for problem in (*problems, *markers) for path in problem.paths}
        for conflict in conflicts:
            paths = [self._full(path) for path in conflict.paths]
            if conflict.is_about_places or marked.intersection(paths):
                continue
            if any(is_revision_path(path, layout.folders, layout.config.is_recursive) for path in conflict.paths):
                problems.append(conflict_problem(paths, conflict.words, shown))
        return problems, markers

    def _is_own(self, path: str, layout: Layout) -> bool:
        """Return whether a path from the top is a file of this project: a revision, env.py beside it, its settings."""
        home = os.path.relpath(layout.config.script_location, self.repository.top)
        return path in self.layouts.paths or any(
            not folder or path.startswith(f"{folder}/") for folder in (*layout.folders, home)
        )

    def _full(self, path: str) -> str:
        return f"{self.repository.top}/{path}"


def with_left_out(view: View, repository: Repository, folders: Sequence[str], config: Config) -> View:
    """Return the view of the work tree with the files that a sparse checkout leaves out of it, from the index."""
    from branchmig.git.sparse import left_out

    snapshot = left_out(repository, folders)
    files: Sequence[FoundFile] = ()
    if snapshot.blobs:
        files = read_snapshot(repository, snapshot, folders, is_recursive=config.is_recursive)
    if not files:
        return view
    problems = (file.content for file in files if isinstance(file.content, Problem))
    return replace(
        view,
        revisions=(*view.revisions, *(file.content for file in files if isinstance(file.content, Revision))),
        problems=sorted_problems([*view.problems, *problems]),
        repository=repository,
        snapshot=snapshot,
        blobs={f"{repository.top}/{file.path}": file.blob for file in files},
    )
