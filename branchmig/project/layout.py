"""The layout of any place: where it keeps its revisions and what its settings say, read from its own settings files.

A place is the index, a commit, or a merge preview; nothing is checked out, and no code is imported. Settings files are
parsed once for each distinct pair of their blobs, so that 400 branches cost as many parses as they have settings.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from branchmig.errors import BranchmigError, ConfigurationError, GitError, NoProject
from branchmig.git.history import PRIVATE_REFS, is_object_id
from branchmig.git.paths import pathspecs
from branchmig.git.places import tree_snapshot
from branchmig.git.repository import split
from branchmig.model import Problem
from branchmig.project.config import Config, ConfigFiles, Texts, config_of
from branchmig.project.locations import as_path, is_in_package, package_folders

if TYPE_CHECKING:
    from branchmig.git.places import Snapshot
    from branchmig.git.repository import Repository

    Take = Callable[[Sequence[str]], Snapshot]


_CONFLICT = rb"(?ms)^<{7} [^\n]*\n(.*?)^(?:\|{7}[^\n]*\n.*?^)?={7}\r?\n(.*?)^>{7} [^\n]*\n?"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a place keeps its revisions, and what its settings say.

    `folders` are the version locations from the top of the repository, with forward slashes ("" is the top);
    `outside` are those that lie in no part of the repository, as in an installed package. `problems` say what keeps
    the settings of the place from being known; with `is_certain`, the folders are known all the same.
    """

    config: Config
    folders: tuple[str, ...]
    outside: tuple[Path, ...]
    problems: tuple[Problem, ...] = ()
    is_certain: bool = True

    def is_like(self, other: Layout) -> bool:
        """Return whether both places keep their revisions in the same folders."""
        is_recursive, others = self.config.is_recursive, other.config.is_recursive
        return (self.folders, self.outside, is_recursive) == (other.folders, other.outside, others)


class Layouts:
    """Reads the layouts of places of one repository, for the project whose settings the checkout has."""

    def __init__(self, repository: Repository, checkout: Config) -> None:
        self._repository = repository
        self._checkout = checkout
        self._known: dict[tuple[str | None, ...], Layout] = {}
        self._of_ids: dict[str, Layout | BranchmigError] = {}

    @cached_property
    def checkout(self) -> Layout:
        """The layout that the checkout's settings give to a place with the same settings."""
        return self._layout(self._checkout)

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The settings files that lie in the repository, from its top, whether or not they exist."""
        files = self._checkout.files
        return tuple(path for path in (self._inside(files.ini), self._inside(files.toml)) if path)

    def at(self, name: str, take: Take) -> tuple[Snapshot, Layout]:
        """Return the files of a place, and its layout; `take` gives the files below some folders and paths there.

        `name` is what messages call the place. Raises NoProject where it has no settings of this project,
        ConfigurationError where these cannot be read.
        """
        snapshot = take([*self.checkout.folders, *self.paths])
        layout = self._read(name, snapshot, take)
        if not set(layout.folders) <= set(self.checkout.folders):
            snapshot = take([*layout.folders, *self.paths])
        return self._through_links(snapshot, layout, take)

    def of_commits(
        self, commits: Mapping[str, str], more: Mapping[str, str] | None = None
    ) -> dict[str, Layout | BranchmigError]:
        """Return the layout of each of some commits or trees, given by the names of their branches, or why it has none.

        One git process for all, and one for each distinct settings file. `more` is the environment in which git finds
        the objects.
        """
        if len(commits) == 1 and next(iter(commits.values())) in self._of_ids:
            return {name: self._of_ids[commit] for name, commit in commits.items()}
        distinct = list(dict.fromkeys(commits.values()))
        ids = iter(self._repository.ids_of([f"{commit}:{path}" for commit in distinct for path in self.paths], more))
        blobs = {commit: tuple(next(ids) for _ in self.paths) for commit in distinct}
        found: dict[str, Layout | BranchmigError] = {}
        for name, commit in commits.items():
            known = self._known.get(blobs[commit])
            found[name] = known or self._of_commit(name, commit, more)
            if is_object_id(commit):
                self._of_ids[commit] = found[name]
        return found

    @cached_property
    def folders_ever(self) -> tuple[str, ...]:
        """Every folder that kept revisions in the checkout, or at a commit that a ref or a reflog leads to.

        A revision that the checkout lacks may be in a folder of another name: its branch renamed it, or did not.
        """
        words = ("log", "--full-history", f"--exclude={PRIVATE_REFS}*", "--all", "--reflog", "--format=%H")
        done = self._repository.attempt(*words, "--", *self.paths) if self.paths else None
        commits = done.stdout.decode().split() if done is not None and done.returncode == 0 else []
        layouts = self.of_commits({commit: commit for commit in commits}).values()
        others = [folder for layout in layouts if isinstance(layout, Layout) for folder in layout.folders]
        return tuple(dict.fromkeys([*self.checkout.folders, *others]))

    def _of_commit(self, name: str, commit: str, more: Mapping[str, str] | None) -> Layout | BranchmigError:
        try:
            return self.at(name, lambda folders: tree_snapshot(self._repository, commit, folders, more))[1]
        except BranchmigError as error:
            return error

    def _read(self, name: str, snapshot: Snapshot, take: Take) -> Layout:
        key = tuple(snapshot.blobs.get(path) for path in self.paths)
        if key in self._known:
            return self._known[key]
        files, texts = self._checkout.files, self._texts(snapshot)
        if texts == self._checkout.texts and not self._checkout.names_package:
            layout: Layout | None = self.checkout
        else:
            layout = self._parsed(name, files, texts, take)
        if layout is None:
            return self._moved(name, take, texts)
        if not layout.config.names_package:
            self._known[key] = layout
        return layout

    def _parsed(self, name: str, files: ConfigFiles, texts: Texts, take: Take) -> Layout | None:
        """Return what the texts of a place say; None where they name no project."""
        try:
            config = config_of(files, texts, lambda location, search: self._path(location, search, take))
        except ConfigurationError as error:
            if _side(texts, 1) == texts:
                raise ConfigurationError(f"{name}: {error.message}", error.hint) from error
            return self._of_sides(name, files, texts, take)
        if config is not None:
            return self._layout(config)
        is_by_program = files.loaded is not None and (texts.ini or texts.toml) is not None
        return self.checkout if is_by_program else None

    def _of_sides(self, name: str, files: ConfigFiles, texts: Texts, take: Take) -> Layout | None:
        """Return our side of settings that a merge has left in conflict; certain if theirs names the same folders."""
        ours, theirs = _side(texts, 1), _side(texts, 2)

        def path_of(location: str, search: Sequence[str]) -> Path:
            return self._path(location, search, take)

        own = config_of(files, ours, path_of)
        if own is None:
            return None
        layout = self._layout(own)
        try:
            other = config_of(files, theirs, path_of)
            is_certain = other is not None and layout.is_like(self._layout(other))
        except ConfigurationError:
            is_certain = False
        sides = ((self._inside(files.ini), texts.ini, ours.ini), (self._inside(files.toml), texts.toml, ours.toml))
        paths = [str(self._repository.top / path) for path, text, side in sides if text != side]
        hint = "merge, and resolve it there"
        problems = (Problem("merge-conflict", f"{file} is in conflict in {name}", hint, (), (file,)) for file in paths)
        return replace(layout, problems=tuple(problems), is_certain=is_certain)

    def _texts(self, snapshot: Snapshot) -> Texts:
        """Return the settings files of a place; as they are on disk where git does not keep them."""
        files, on_disk = self._checkout.files, self._checkout.texts
        return Texts(
            self._text(self._inside(files.ini), on_disk.ini, snapshot),
            self._text(self._inside(files.toml), on_disk.toml, snapshot),
        )

    def _text(self, path: str, on_disk: bytes | None, snapshot: Snapshot) -> bytes | None:
        if path in snapshot.unmerged:
            raise GitError(
                f"{path} is in conflict, so the settings there cannot be known", f"resolve it: git add {path}"
            )
        blob = snapshot.blobs.get(path) if path else None
        if blob is not None:
            from branchmig.revisions.fingerprint import git_blob

            # What is on disk is most often the same, and asking git for it costs a process.
            if on_disk is not None and git_blob(on_disk, blob) == blob:
                return on_disk
            return dict(self._repository.blobs([blob], snapshot.more))[blob]
        if path and (on_disk is None or path in self.tracked):
            return None
        return on_disk

    @cached_property
    def tracked(self) -> frozenset[str]:
        """The settings files, from the top of the repository, that the checkout's index has."""
        return frozenset(split(self._repository.attempt("ls-files", "-z", "--", *self.paths).stdout))

    def _moved(self, name: str, take: Take, texts: Texts) -> Layout:
        """Return the layout of a place whose settings file is elsewhere: the one that goes with our revisions.

        Raises NoProject.
        """
        files = self._checkout.files
        main = files.ini if self._checkout.texts.ini is not None or self._checkout.texts.toml is None else files.toml
        file = self._inside(main) or str(main)
        is_there = (texts.ini if main is files.ini else texts.toml) is not None
        section = f"[{files.section}]" if main is files.ini else "[tool.alembic]"
        lacking = f"{file} of {name} has no script_location in {section}" if is_there else f"{name} has no {file}"
        missing = NoProject(
            f"{lacking}: this project is not there", "name a branch that has it, or give its config file: -c FILE"
        )
        done = self._repository.attempt("ls-files", "-z", "--", *pathspecs(self.checkout.folders))
        here = {posixpath.basename(path) for path in split(done.stdout) if path.endswith(".py")}
        if not here:
            raise missing
        whole = take([""])
        tracked = frozenset(split(self._repository.attempt("ls-files", "-z").stdout))
        kinds = {main.name for main in (files.ini, files.toml) if main.name}
        candidates = [path for path in whole.blobs if posixpath.basename(path) in kinds and path not in tracked]
        found = [layout for path in candidates if (layout := self._elsewhere(name, path, whole, take)) is not None]
        fitting = [layout for layout in found if here & _scripts_below(whole, layout.folders)]
        if len(fitting) != 1:
            raise missing
        return fitting[0]

    def _elsewhere(self, name: str, path: str, whole: Snapshot, take: Take) -> Layout | None:
        text = dict(self._repository.blobs([whole.blobs[path]], whole.more))[whole.blobs[path]]
        file = self._repository.top / path
        files = self._checkout.files
        is_toml = file.name == files.toml.name
        there = replace(files, ini=Path() if is_toml else file, toml=file if is_toml else Path())
        try:
            return self._parsed(name, there, Texts(toml=text) if is_toml else Texts(ini=text), take)
        except ConfigurationError:
            return None  # another program's file of the same name

    def _path(self, location: str, search: Sequence[str], take: Take) -> Path:
        """Return where a location of a place would be if it were checked out; packages are looked for in the place."""
        if not is_in_package(location):
            # alembic reads a relative location from the current folder; a server has none that the project knows.
            base = self._checkout.files.ini.parent if self._repository.is_bare else os.curdir
            return as_path(os.path.join(base, location))
        package, _, resource = location.partition(":")
        inner = posixpath.join(*package.split("."), *resource.split(":"))
        root = os.path.abspath(self._checkout.files.ini.parent)
        here = [os.path.abspath(folder) for folder in search]
        installed = [os.path.dirname(folder) for folder in package_folders(package.partition(".")[0], search)]
        top = str(self._repository.top)
        bases = list(dict.fromkeys([*here, *installed, root, os.path.join(root, "src"), top, os.path.join(top, "src")]))
        inside = {base: path for base in bases if (path := self._relative(os.path.join(base, inner))) is not None}
        blobs = take(list(inside.values())).blobs
        for base, folder in inside.items():
            if any(path.startswith(f"{folder}/") for path in blobs):
                return Path(base, inner)
        return as_path(location, search)

    def _layout(self, config: Config) -> Layout:
        folders = {location: self._relative(str(location)) for location in config.version_locations}
        inside = dict.fromkeys(folder for folder in folders.values() if folder is not None)
        return Layout(config, tuple(inside), tuple(path for path, folder in folders.items() if folder is None))

    def _inside(self, file: Path) -> str:
        """Return a settings file from the top of the repository; empty if it is elsewhere, or has no name."""
        if not file.name:
            return ""
        return self._relative(os.path.realpath(file)) or ""

    def _relative(self, path: str) -> str | None:
        """Return a path from the top of the repository; None if it is elsewhere.

        Links below the top are not followed: they are the checkout's, and another place may have a folder there.
        """
        top = str(self._repository.top)
        path = os.path.normpath(path)
        for start in self._tops:
            if f"{path}{os.sep}".startswith(start + os.sep):
                found = os.path.relpath(path, start).replace(os.sep, "/")
                leads_inside = f"{os.path.realpath(path)}{os.sep}".startswith(top + os.sep)
                return None if os.path.exists(path) and not leads_inside else "" if found == os.curdir else found
        return None

    @cached_property
    def _tops(self) -> tuple[str, ...]:
        """The names under which the top of the repository may be met: with links above it followed, and as typed."""
        top = str(self._repository.top)
        found = [top]
        for folder in (str(self._checkout.root), os.path.abspath(os.curdir)):
            real = os.path.realpath(folder)
            if f"{real}{os.sep}".startswith(top + os.sep):
                below = real[len(top) :]
                if folder.endswith(below):
                    found.append(folder.removesuffix(below) if below else folder)
        return tuple(dict.fromkeys(found))

    def _through_links(self, snapshot: Snapshot, layout: Layout, take: Take) -> tuple[Snapshot, Layout]:
        """Follow a version location that is, or is below, a symbolic link at this place."""
        empty = [folder for folder in layout.folders if not _scripts_below(snapshot, [folder])]
        if not empty:
            return snapshot, layout
        # Each folder with those above it, the topmost first.
        parents = {folder: list(accumulate(folder.split("/"), "{}/{}".format)) for folder in empty}
        links = take([parent for each in parents.values() for parent in each if parent]).links
        if not links:
            return snapshot, layout
        texts = dict(self._repository.blobs(list(set(links.values())), snapshot.more))

        def followed(folder: str, link: str) -> str:
            place = posixpath.join(posixpath.dirname(link), os.fsdecode(texts[links[link]]))
            return posixpath.normpath(posixpath.join(place, posixpath.relpath(folder, link)))

        moved = {folder: followed(folder, link) for folder in empty for link in parents[folder] if link in links}
        folders = tuple(dict.fromkeys(moved.get(folder, folder) for folder in layout.folders))
        return take([*folders, *self.paths]), replace(layout, folders=folders)


def _side(texts: Texts, number: int) -> Texts:
    """Return settings with one side of each conflict that a merge has left in them: 1 is ours, 2 is theirs."""
    taken = rb"\%d" % number
    return Texts(*(None if text is None else re.sub(_CONFLICT, taken, text) for text in (texts.ini, texts.toml)))


def _scripts_below(snapshot: Snapshot, folders: Sequence[str]) -> set[str]:
    """Return the names of the scripts below some folders."""
    starts = tuple(f"{folder}/" if folder else "" for folder in folders)
    return {posixpath.basename(path) for path in snapshot.blobs if path.endswith(".py") and path.startswith(starts)}
