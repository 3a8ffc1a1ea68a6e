"""Permissions of a clone: its git configuration, which no branch can change. A settings file only suggests.

A file is the branch's that is checked out, perhaps a stranger's. So it can lower what runs without being asked, and
cannot raise it. In a project without a git repository the file is the user's own, and counts.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from branchmig.errors import ConfigurationError, GitError
from branchmig.project.project import Project
from branchmig.project.settings import FOLLOWINGS, Following

if TYPE_CHECKING:
    from branchmig.git.repository import Repository

HOW = "git config branchmig.sync auto"
"""What switches on, in a clone, that the database follows the checkout."""

Repairing = Literal["off", "on", "prove"]

SCRATCH_URL = "BRANCHMIG_SCRATCH_URL"
"""The variable that names the server for scratch databases."""

BEFORE, AFTER, WEBHOOK = "before", "after", "webhook"

_RISING: tuple[Following, ...] = ("off", "tell", "auto")


def following(project: Project) -> Following:
    """Return what hooks do when the checkout moves: what the clone allows, or less if the settings file says so."""
    stated = project.config.settings.sync if "sync" in project.config.stated else None
    agreed = agreed_following(project.tracked)
    if stated is None:
        return agreed or "tell"
    return min(stated, agreed or "tell", key=_RISING.index)


def agreed_following(repository: Repository) -> Following | None:
    """Return what the clone allows; None if it has no known value."""
    said = (repository.setting("branchmig.sync") or "").strip().lower()
    return next((known for known in FOLLOWINGS if known == said), None)


def follows_bisect(project: Project) -> bool:
    """Return whether the clone agrees to follow a `git bisect`, too; a file that says no is heard."""
    if "sync_bisect" in project.config.stated and not project.config.settings.sync_bisect:
        return False
    return _is_true(project.tracked, "branchmig.syncBisect")


def unasked(project: Project) -> Project:
    """Return the project for what a hook runs unasked: it writes a journal only where the user's side says so, too.

    That is the clone, or the branch that work lands in; the file of the branch that was entered can switch it off.
    """
    settings = project.config.settings
    if not settings.journal or _is_true(project.tracked, "branchmig.journal") or _is_journaled(project):
        return project
    return replace(project, config=replace(project.config, settings=replace(settings, journal=False)))


def _is_journaled(project: Project) -> bool:
    from branchmig.git.targets import find_target

    ref = find_target(project.tracked, None).ref  # not the target that the file names
    try:
        return ref is not None and project.layout(ref).config.settings.journal
    except (ConfigurationError, GitError):
        return False


def keeps(project: Project) -> bool:
    """Return whether a switch keeps each branch's rows: where the clone agrees to that, and no file says no."""
    if "keep" in project.config.stated and not project.config.settings.keep:
        return False
    return _is_true(project.tracked, "branchmig.keep")


def is_suggested_only(project: Project) -> bool:
    """Return whether the file suggests to follow the checkout, and the clone has not said what it agrees to."""
    return project.config.settings.sync == "auto" and agreed_following(project.tracked) is None


def agree_to_follow(repository: Repository) -> None:
    """Set in the clone that the database follows the checkout."""
    repository.run("config", "--local", "branchmig.sync", "auto")


def suggestion(project: Project) -> list[str]:
    """Return the line that says how to follow the suggestion of the file: once in each clone."""
    if not is_suggested_only(project):
        return []
    note = project.tracked.common_dir / "branchmig" / "suggested-sync"
    try:
        note.parent.mkdir(mode=0o700, exist_ok=True)
        os.close(os.open(note, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError:  # it was said before, or nothing can be noted here
        return []
    return [f"branchmig: this project suggests that the database follows the checkout; to have that: {HOW}"]


def repairing(repository: Repository) -> Repairing:
    """Return whether hooks make several heads one in this clone: `prove` also lets them run scripts to find out."""
    said = (repository.setting("branchmig.fix") or "").strip().lower()
    if said == "prove":
        return "prove"
    return "on" if _is_true(repository, "branchmig.fix") else "off"


def agree_to_repair(repository: Repository) -> None:
    """Set in the clone that hooks make several heads one."""
    if repairing(repository) == "off":
        repository.run("config", "--local", "branchmig.fix", "true")


def withdraw_repair(repository: Repository) -> None:
    """Take back what agree_to_repair has set in the clone."""
    if repository.setting("branchmig.fix") == "true":
        repository.attempt("config", "--local", "--unset-all", "branchmig.fix")


def scratch_url(project: Project) -> str | None:
    """Return the server on which databases are made and dropped: the environment's, the clone's, else the file's.

    Raises ConfigurationError for a file's that only the branch which is checked out has committed.
    """
    if said := os.environ.get(SCRATCH_URL):
        return said
    repository, given = project.repository, project.config.settings.scratch_url
    if repository is None:
        return given
    own = repository.setting("branchmig.scratchUrl")
    if own or not given or not _is_this_branchs_alone(project, repository, given):
        return own or given
    raise ConfigurationError(
        "scratch_url is set by this branch alone, so branchmig does not make or drop databases there",
        "if it is right: git config branchmig.scratchUrl URL",
    )


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls around a run: a command line before it, one after it, and an address that gets the outcome."""

    before: str | None = None
    after: str | None = None
    webhook: str | None = None


def calls_of(project: Project) -> Calls:
    """Return what is called around a run, by the environment, else by git's settings; never by a file of the project.

    A file is the branch's, and a command in it would run wherever somebody deploys the branch.
    """
    names = (BEFORE, AFTER, WEBHOOK)
    given = {name: os.environ.get(variable(name)) for name in names}
    if None in given.values():
        try:
            repository = project.repository
        except GitError:
            repository = None
        agreed = {} if repository is None else dict(repository.settings)
        given |= {name: agreed.get(f"branchmig.{name}") for name in names if given[name] is None}
    return Calls(**{name: (value or "").strip() or None for name, value in given.items()})


def variable(name: str) -> str:
    """Return the variable of the environment that says what is called before or after a run."""
    return f"BRANCHMIG_{name.upper()}"


def named(name: str) -> str:
    """Return how messages name such a setting. Its value may hold a secret."""
    is_given = variable(name) in os.environ
    return f"${variable(name)}" if is_given else f"git's setting branchmig.{name}"


def _is_this_branchs_alone(project: Project, repository: Repository, url: str) -> bool:
    # Not the target that the file names: that is this branch's word, too.
    from branchmig.git.targets import find_target

    here, ref = repository.commit("HEAD"), find_target(repository, None).ref
    target = None if ref is None else repository.commit(ref)
    if here is None or target is None or here == target:
        return False
    return _states(project, repository, here, url) and not _states(project, repository, target, url)


def _states(project: Project, repository: Repository, commit: str, url: str) -> bool:
    for file in (project.config.files.ini, project.config.files.toml):
        path = project.path_from_top(os.path.realpath(file))
        content = repository.attempt("cat-file", "blob", f"{commit}:{path}").stdout
        if any(spelling.encode() in content for spelling in (url, url.replace("%", "%%"))):
            return True
    return False


def _is_true(repository: Repository, name: str) -> bool:
    return repository.attempt("config", "--type=bool", "--get", name).stdout.strip() == b"true"
