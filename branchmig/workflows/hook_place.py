"""Opens a project for a hook, also on a git branch that lacks it; notes what the settings say of the folders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from branchmig.errors import BranchmigError, GitError
from branchmig.git.repository import Repository, split
from branchmig.git_hooks import forget_seen_settings, note_known_settings
from branchmig.project.config import Config, ConfigFiles
from branchmig.project.project import INDEX, Project
from branchmig.project.settings import Settings

if TYPE_CHECKING:
    from branchmig.git.hook_text import Installation


@dataclass(frozen=True, slots=True)
class HookPlace:
    """Where an installed hook was started: the project's folder, and its folders of revisions when it was installed."""

    folder: str
    paths: tuple[str, ...]


def open_at(files: ConfigFiles, place: HookPlace | None) -> tuple[Project, bool]:
    """Return the project, and whether this branch has it: gh-pages does not, and pushes branches that do."""
    if place is None:
        return Project.open(files), True
    repository = Repository.discover(Path.cwd())
    if repository is None:
        return Project.open(files), True
    files = _from_folder(files, repository, place)
    names = [os.path.relpath(os.path.realpath(file), repository.top) for file in (files.ini, files.toml)]
    names = [name for name in names if not name.startswith(os.pardir)]
    is_here = files.ini.is_file() or files.toml.is_file() or bool(_tracked(repository, names))
    if is_here:
        return Project.open(files), True
    top = repository.top
    config = Config(
        files=replace(files, named=()),
        root=top / place.folder,
        script_location=top / place.folder,
        version_locations=tuple(top / path for path in place.paths),
        is_recursive=False,
        is_sourceless=False,
        revision_environment=False,
        settings=Settings(),
    )
    project = Project(config)
    project.__dict__["repository"] = repository
    return project, False


def has_settings(project: Project, commit: str) -> bool:
    """Return whether a commit has a config file of the project, for a project that the work tree lacks."""
    names = [f"{commit}:{path}" for path in project.layouts.paths]
    return any(found is not None for found in project.tracked.ids_of(names))


def refuse_what_moved(project: Project, place: HookPlace) -> None:
    """Raise GitError where a commit takes the settings away and leaves revisions, or moves them elsewhere.

    Without either, the project goes as a whole, or was not there before.
    """
    repository = project.tracked
    left = [path for path in _tracked(repository, [path or "." for path in place.paths]) if path.endswith(".py")]
    if left:
        raise GitError(
            f"{left[0]} is a revision, and the settings of its project are not in the index",
            "git add the config file, or remove the revisions too",
        )
    if repository.commit("HEAD") is None:
        return
    words = ("--cached", "--find-renames", "--name-status", "--diff-filter=R", "-z", "HEAD")
    fields = split(repository.run("diff", *words))
    for old, new in zip(fields[1::3], fields[2::3], strict=True):
        if old.endswith(".py") and any(old.startswith(f"{path}/") for path in place.paths):
            raise GitError(
                f"{old} moves to {new}, whose project has no hooks yet",
                "install them there: branchmig -c CONFIG hooks install; then uninstall these",
            )


def note_settings(project: Project, installation: Installation, place: HookPlace | None, at: str) -> None:
    """Note what the settings at a place say of the folders, for the shell of the hooks that are installed."""
    if place is None:
        return
    try:
        layout = project.layout(at)
    except BranchmigError:
        return
    if layout.folders == place.paths:
        note_known_settings(project.tracked, replace(installation, paths=layout.folders), at)
    elif at in (INDEX, "HEAD"):
        forget_seen_settings(project.tracked, replace(installation, paths=place.paths))


def _tracked(repository: Repository, names: Sequence[str]) -> list[str]:
    return split(repository.run("ls-files", "-z", "--", *names)) if names else []


def _from_folder(files: ConfigFiles, repository: Repository, place: HookPlace) -> ConfigFiles:
    """Return the files as named from the project's folder, where the shell could not enter it."""
    folder = repository.top / place.folder
    if os.path.realpath(os.curdir) == os.path.realpath(folder):
        return files
    named = tuple((os.path.join(folder, name), source) for name, source in files.named)
    return replace(files, ini=folder / files.ini, toml=folder / files.toml, named=named)
