"""In CI, writes a revision with the template, hooks and settings of the target branch, not of a pull request.

script.py.mako is code, post_write_hooks are commands, and a `package:folder` location would be imported.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from branchmig import terminal
from branchmig.errors import ConfigurationError
from branchmig.git.history import short_ref
from branchmig.git.targets import find_target
from branchmig.project.config import Invocation
from branchmig.project.project import Project

if TYPE_CHECKING:
    from alembic.config import Config

TEMPLATE = "script.py.mako"


@contextmanager
def writing_as_target(project: Project, invocation: Invocation) -> Iterator[tuple[Project, Invocation, Path | None]]:
    """Give what a revision is to be written with, and the template; what was given where this is no CI.

    Raises ConfigurationError where env.py would have to run, or the target branch has no template.
    """
    repository = project.repository
    if repository is None or not is_ci() or invocation.files.loaded is not None:
        yield project, invocation, None
        return
    ref = find_target(repository, None).ref  # not what the checkout's own settings name
    commit = None if ref is None else repository.commit(ref)
    if ref is None or commit is None:
        terminal.warning("no target branch was found: the template, hooks and settings are those of this checkout")
        yield project, invocation, None
        return
    with writing_as(project, invocation, commit, short_ref(ref)) as given:
        if given[2] is not None:
            terminal.note(
                f"Template, post-write hooks and settings are those of {short_ref(ref)}, not of this checkout."
            )
        yield given


@contextmanager
def writing_as(
    project: Project, invocation: Invocation, commit: str, shown: str
) -> Iterator[tuple[Project, Invocation, Path | None]]:
    """Give what a revision is to be written with, and the template, as a commit has them; `shown` is what to call it.

    A file that is the same in the checkout, or that git does not track, is the checkout's. Raises ConfigurationError
    where env.py would have to run, or the commit has no template.
    """
    ours, theirs = texts_at(project, commit)
    if ours == theirs and not project.config.names_package:
        yield project, invocation, None
        return
    with tempfile.TemporaryDirectory(prefix="branchmig-") as folder:
        template = _laid_out(Path(folder), theirs, shown)
        config = _config(project, invocation, Path(folder), theirs)
        if (config.get_alembic_option("revision_environment") or "").strip().lower() in ("true", "1", "yes", "on"):
            raise ConfigurationError(
                "revision_environment = true would run env.py of this checkout, which is not trusted here",
                "write the revision on a machine that trusts this branch",
            )
        trusted = replace(project.config, import_path=(), revision_environment=False)
        files = replace(invocation.files, loaded=config)
        yield replace(project, config=trusted), replace(invocation, files=files), template


def texts_at(project: Project, commit: str) -> tuple[dict[str, bytes | None], dict[str, bytes | None]]:
    """Return config files and template, by `ini`, `toml` and TEMPLATE: as they lie here, and as a commit has them.

    A file that git does not track was written by the user, or the job, itself: it counts for both.
    """
    places = _places(project)
    ours = {name: path.read_bytes() if path.is_file() else None for name, path in places.items()}
    names = [f"{commit}:{project.path_from_top(str(path))}" for path in places.values()]
    found = [text for _, text in project.tracked.objects(names)]
    return ours, {
        name: text if text is not None else _untracked(project, path, ours[name])
        for (name, path), text in zip(places.items(), found, strict=True)
    }


def is_ci() -> bool:
    """Return whether this is a job of a CI system: its checkout may be anybody's."""
    named = (os.environ.get(name, "").strip().lower() for name in ("CI", "GITHUB_ACTIONS", "GITLAB_CI"))
    return any(value not in ("", "0", "false", "no") for value in named)


def _places(project: Project) -> dict[str, Path]:
    files = project.config.files
    found = {"ini": files.ini, "toml": files.toml, TEMPLATE: project.config.script_location / TEMPLATE}
    return {name: Path(os.path.realpath(path)) for name, path in found.items()}


def _untracked(project: Project, path: Path, ours: bytes | None) -> bytes | None:
    """Return a file that the commit lacks, as it is here, unless git tracks it."""
    repository, name = project.tracked, project.path_from_top(str(path))
    asked = (("ls-files",), ("ls-tree", "--full-tree", "HEAD"))
    is_tracked = any(repository.attempt(*words, "--", name).stdout for words in asked)
    return None if is_tracked else ours


def _laid_out(folder: Path, texts: dict[str, bytes | None], shown: str) -> Path:
    for name, text in texts.items():
        if text is not None:
            (folder / name).write_bytes(text)
    if texts[TEMPLATE] is None:
        raise ConfigurationError(
            f"{shown} has no {TEMPLATE} where this checkout has it, which is not trusted here",
            "write the revision on a machine that trusts this branch",
        )
    return folder / TEMPLATE


def _config(project: Project, invocation: Invocation, folder: Path, texts: dict[str, bytes | None]) -> Config:
    """Return alembic's Config of the target's files, with this checkout's folders, found without an import."""
    from alembic.config import Config

    given = {name: str(folder / name) for name in ("ini", "toml") if texts[name] is not None}
    config = Config(
        file_=given.get("ini"),
        toml_file=given.get("toml"),
        ini_section=invocation.files.section,
        stdout=sys.stdout,
    )
    locations = os.pathsep.join(map(str, project.config.version_locations))
    options = {
        "script_location": str(project.config.script_location),
        "path_separator": "os",
        "version_locations": locations,
        "prepend_sys_path": str(folder),
    }
    for name, value in options.items():
        config.set_main_option(name, value.replace("%", "%%"))
    return config
