"""Joins settings and places: what a command opens. Reads revision files, never runs one, never the database."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from branchmig.dag import RevisionDag
from branchmig.errors import GitError, NoProject, RevisionGraphError, UnknownRevision
from branchmig.model import Problem, Revision
from branchmig.project.config import LOCATIONS_OF_ENV, Config, ConfigFiles, read_config
from branchmig.project.config_facts import secret_texts
from branchmig.project.view import INDEX as INDEX
from branchmig.project.view import WORKTREE as WORKTREE
from branchmig.project.view import View as View
from branchmig.project.view import sorted_problems
from branchmig.project.worktree import may_leave_out, read_files, revision_paths, worktree_modules
from branchmig.terminal.known_secrets import keep_secret

if TYPE_CHECKING:
    from branchmig.git.repository import Repository
    from branchmig.project.layout import Layout, Layouts
    from branchmig.project.places import GitPlaces
    from branchmig.revisions.project_modules import ProjectModules


MOST_VIEWS = 4
"""Commits whose revisions are kept in memory: with 400 branches, not all."""


@dataclass(frozen=True)
class Project:
    """A project and the places that it can be seen at."""

    config: Config

    @classmethod
    def open(cls, files: ConfigFiles) -> Project:
        """Open the project that some config files describe. Raises ConfigurationError."""
        keep_secret(lambda: secret_texts(files))
        return cls(read_config(files))

    @property
    def env_names_locations(self) -> bool:
        """Whether env.py may set other version_locations than the settings: only running it shows which."""
        try:
            text = (self.config.script_location / "env.py").read_bytes()
        except OSError:
            return False
        return b"version_locations" in text and not LOCATIONS_OF_ENV.get()

    @property
    def hides_locations(self) -> bool:
        """Whether env.py sets version_locations, and the settings have none that could be the same."""
        if not self.env_names_locations or self.config.version_locations != (self.config.script_location / "versions",):
            return False
        text = (self.config.script_location / "env.py").read_bytes()
        return re.search(rb"\.version_locations\s*=(?!=)", text) is not None

    def without_running(self) -> Project:
        """Return the project such that no revision file is run for its header: a hook runs no code of a branch."""
        return replace(self, config=replace(self.config, settings=replace(self.config.settings, trust_headers="read")))

    @cached_property
    def worktree(self) -> View:
        """The work tree as it was when it was first asked for."""
        from branchmig.project.places import with_left_out

        config = self.config
        paths = revision_paths(config.version_locations, config.is_recursive, config.is_sourceless)
        revisions, problems, markers = read_files(paths, self._modules, self._header_runner())
        view = View(WORKTREE, None, tuple(revisions), sorted_problems(problems), sorted_problems(markers))
        if not may_leave_out(config.script_location) or self.repository is None:
            return view
        return with_left_out(view, self.repository, self.folders, config)

    @cached_property
    def dag(self) -> RevisionDag:
        """The graph of the work tree. Raises RevisionGraphError with every problem of every file."""
        with _collector_paused():
            return self.worktree.dag

    def rows_in_graph(self, check: Callable[[RevisionDag], tuple[str, ...]]) -> tuple[str, ...]:
        """Return what `check` says of the work tree's graph, of the files that can be read where some cannot.

        What it does not find may lie in the others, which are then the error: RevisionGraphError.
        """
        try:
            return check(self.worktree.readable_dag)
        except UnknownRevision as error:
            if not self.worktree.problems:
                raise
            raise RevisionGraphError(self.worktree.problems) from error

    def view(self, at: str = WORKTREE, merged_with: str | None = None) -> View:
        """Return the project at a place: `worktree`, `index`, or any git ref or commit.

        With `merged_with`, as a three-way merge of that ref into the place would leave it; nothing is checked
        out, and nothing is written into the repository. Raises GitError where git cannot say.
        """
        with _collector_paused():
            if at == WORKTREE and merged_with is None:
                return self.worktree
            return self._places.view(at, merged_with)

    @cached_property
    def layouts(self) -> Layouts:
        """What reads the layouts of places in git. Raises GitError if the project is in no repository."""
        from branchmig.project.layout import Layouts

        return Layouts(self.tracked, self.config)

    def layout(self, at: str = WORKTREE, merged_with: str | None = None) -> Layout:
        """Return where a place keeps its revisions and what its settings say, from its own settings files.

        Raises NoProject for a place without the project, ConfigurationError for settings that cannot be read there,
        GitError where git cannot say.
        """
        if at == WORKTREE and merged_with is None:
            return self.layouts.checkout
        return self._places.layout(at, merged_with)

    def layout_of(self, view: View) -> Layout:
        """Return the layout of what a view shows."""
        return self.layouts.checkout if view.layout is None else view.layout

    def config_of(self, view: View) -> Config:
        """Return the settings of what a view shows."""
        return self.config if view.layout is None else view.layout.config

    def tree_view(self, commit: str, like: View | None = None) -> View:
        """Return the project at a commit that git has named; without a revision and a layout where it is not there.

        Where the commit has no settings of the project, the layout of `like` says where its revisions are. A pin, and
        what a stash has of untracked files, holds no settings: revisions are in the folders of any commit.
        """
        if commit in self._tree_views:
            return self._tree_views[commit]
        from branchmig.git.history import is_object_id, is_stashed
        from branchmig.git.pins import is_pin
        from branchmig.git.places import Snapshot

        try:
            view = self._places.view(commit, None)
            if is_object_id(commit):
                if len(self._tree_views) == MOST_VIEWS:
                    del self._tree_views[next(iter(self._tree_views))]
                self._tree_views[commit] = view
            return view
        except NoProject:
            if is_pin(self.tracked, commit) or is_stashed(self.tracked, commit):
                return self._places.view(commit, None, replace(self.layouts.checkout, folders=self.folders_ever))
            if like is not None:
                return self._places.view(commit, None, self.layout_of(like))
            return View(commit, None, snapshot=Snapshot(f"{commit}:", {}))

    def ref_view(self, ref: str) -> View:
        """Return the project at the commit that a ref names, as tree_view does. Raises GitError for an unknown ref."""
        from branchmig.git.history import commit_of

        return self.tree_view(commit_of(self.tracked, ref))

    @cached_property
    def _tree_views(self) -> dict[str, View]:
        """The commits that were looked at last: the target and its merge base are asked for by each rule."""
        return {}

    def shown_path(self, path: str) -> str:
        """Return a file's path relative to the project's folder, with forward slashes; absolute if outside."""
        return _below(self._root_names, path)

    @cached_property
    def _root_names(self) -> tuple[str, ...]:
        return str(self.config.root), os.path.realpath(self.config.root)

    def path_from_top(self, path: str) -> str:
        """Return a file's path relative to the top of the repository; as shown_path where there is none."""
        return self.shown_path(path) if self.repository is None else _below((str(self.repository.top),), path)

    def with_scripts(
        self,
        dag: RevisionDag,
        names: Mapping[str, str],
        roots: Mapping[str, str] | None = None,
        checkout: RevisionDag | None = None,
    ) -> Project:
        """Return the project with the revisions of another place; `names` are what to call the files they lie in.

        `roots` are the folders that stand for the top of the repository where a file was laid out with what its
        commit has beside it. `checkout` are the revisions of the checkout where `dag` holds others, too.
        """
        return _PlacedProject(self.config, dag, names, roots or {}, checkout)

    @property
    def checkout_dag(self) -> RevisionDag:
        """The graph of the checkout alone."""
        return self.dag

    def with_dag(self, dag: RevisionDag) -> Project:
        """Return the project with another graph, whose scripts may lie where this project's do."""
        return self.with_scripts(dag, {}, None, self.dag)

    def root_of(self, path: str) -> str | None:
        """Return the folder that stands for the top of the repository for a script laid out; None for other files."""
        return None

    @property
    def places(self) -> tuple[str, ...]:
        """The folders that stand for the top of the repository, where scripts of some place are laid out as files."""
        return ()

    @cached_property
    def repository(self) -> Repository | None:
        """The git repository that holds the project, if one does. Raises GitError if git cannot say."""
        from branchmig.git.repository import Repository

        return Repository.discover(self.config.script_location)

    @property
    def tracked(self) -> Repository:
        """The git repository that holds the project. Raises GitError if none does."""
        if self.repository is None:
            raise GitError(f"{self.config.script_location} is in no git repository", "git init")
        return self.repository

    def target(self, given: str | None = None, option: str = "--target") -> str:
        """Return the ref that work lands in; `given` is what `option` of the command names.

        Raises GitError where there is none, naming the option.
        """
        from branchmig.git.targets import required_target

        return required_target(self.tracked, given, self.config.settings.target, option)

    @property
    def target_ref(self) -> str | None:
        """The full name of the ref that work lands in; None without a repository or such a ref. Raises GitError."""
        from branchmig.git.targets import target_branch

        return None if self.repository is None else target_branch(self.repository, self.config.settings.target)

    @cached_property
    def folders(self) -> tuple[str, ...]:
        """The folders of revision files, from the top of the repository, with forward slashes; "" is the top."""
        top = str(self.tracked.top)
        found = [os.path.relpath(os.path.realpath(path), top) for path in self.config.version_locations]
        inside = [name.replace(os.sep, "/") for name in found if not name.startswith(os.pardir)]
        return tuple("" if name == os.curdir else name for name in dict.fromkeys(inside))

    @property
    def folders_ever(self) -> tuple[str, ...]:
        """The same, and every folder that kept revisions at another commit: see Layouts.folders_ever."""
        return tuple(dict.fromkeys([*self.folders, *self.layouts.folders_ever]))

    def _header_runner(self) -> Callable[[str], Revision | Problem] | None:
        if self.config.settings.trust_headers != "import":
            return None
        from branchmig.project.header_import import run_header, runs_headers

        return run_header if runs_headers(self.config, self.repository) else None

    @cached_property
    def _modules(self) -> ProjectModules:
        """The modules of the project that revision files of the work tree can import."""
        return worktree_modules(self.config.root, self.config.version_locations)

    @cached_property
    def _places(self) -> GitPlaces:
        from branchmig.project.places import GitPlaces

        return GitPlaces(self.tracked, self.config, self.layouts, self.folders, self._modules)


def _below(tops: Sequence[str], path: str) -> str:
    return next((path[len(top) + 1 :] for top in tops if path.startswith(f"{top}/")), path)


@dataclass(frozen=True)
class _PlacedProject(Project):
    """A project whose scripts were taken from some place and lie elsewhere for the moment."""

    placed: RevisionDag
    names: Mapping[str, str]
    roots: Mapping[str, str]
    checkout: RevisionDag | None = None

    @property
    def checkout_dag(self) -> RevisionDag:
        return self.placed if self.checkout is None else self.checkout

    @cached_property
    def dag(self) -> RevisionDag:
        return self.placed

    def root_of(self, path: str) -> str | None:
        return self.roots.get(path)

    @property
    def places(self) -> tuple[str, ...]:
        top = f"{self.tracked.top}/" if self.names else ""
        return tuple(sorted({there.removesuffix(f"/{path[len(top) :]}") for there, path in self.names.items()}))

    def with_dag(self, dag: RevisionDag) -> _PlacedProject:
        return replace(self, placed=dag, checkout=self.checkout_dag)

    def rows_in_graph(self, check: Callable[[RevisionDag], tuple[str, ...]]) -> tuple[str, ...]:
        return check(self.placed)

    def shown_path(self, path: str) -> str:
        return super().shown_path(self.names.get(path, path))


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause cyclic garbage collection: reading makes many small values and no cycles, and each pass walks them all."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
