"""The work of a git hook after its shell has detected changed migrations: returns a few lines to print, or none."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from branchmig import terminal
from branchmig.commands.shared.hook_pushes import deleted_lines, pushed_by_framework, pushed_lines
from branchmig.errors import BranchmigError, NoProject
from branchmig.git.history import current_branch
from branchmig.git.hook_text import BLOCKING
from branchmig.git.repository import Repository
from branchmig.git.switching import FOLLOWED, is_rebase_beginning
from branchmig.planning.pushes import parse_deletions, parse_push
from branchmig.project.config import Config, ConfigFiles, Invocation
from branchmig.project.consent import following, follows_bisect, keeps, suggestion, unasked
from branchmig.project.project import INDEX, Project
from branchmig.project.settings import read_settings
from branchmig.render.problems import hook_lines, unchecked_lines
from branchmig.workflows.checks import inspect
from branchmig.workflows.fix_hooks import is_repairable, named_heads, occasion_of, prepared, repaired
from branchmig.workflows.hook_place import HookPlace, has_settings, open_at, refuse_what_moved
from branchmig.workflows.moved_checkout import lines_after_move

"""Lines that one place's problems may take: a hook is read in passing."""

_WHAT = {
    "pre-commit": "this commit would not leave a sound graph",
    "pre-merge-commit": "this merge would not leave a sound graph",
    "post-merge": "the merge left a graph that is not sound",
    "post-rewrite": "the rebase left a graph that is not sound",
    "post-checkout": "this branch's graph is not sound",
    "post-commit": "this commit left a graph that is not sound",
}
_WAY_OUT = {
    "pre-commit": "correct it, 'git add' it and commit again; 'git commit --no-verify' goes past this check",
    "pre-merge-commit": "correct it, 'git add' it and 'git commit'; or 'git merge --abort'",
}


def work(
    files: ConfigFiles,
    name: str,
    arguments: Sequence[str],
    lines: Sequence[str],
    place: HookPlace | None = None,
    note: Callable[[Project, str], None] | None = None,
) -> list[str]:
    """Return the lines that a hook prints: none if every rule holds.

    `arguments` are what git gave the hook, `lines` pre-push's standard input, `place` where an installed hook was
    started; `note` is called with each place whose settings were read. A hook that only reports prints nothing about
    what stops it from looking: it must never be in the way.
    """
    try:
        project, is_here = open_at(files, place)
        project = project.without_running() if is_here else project
        if not is_here and name != "pre-push":
            if place is not None and name in BLOCKING:
                refuse_what_moved(project, place)
            return []
        pushes = [push for push in parse_push(lines) if is_here or has_settings(project, push.new)]
        own_place = INDEX if name in BLOCKING else "HEAD"
        for at in [push.new for push in pushes] if name == "pre-push" else [own_place]:
            if note is not None:
                note(project, at)
        if name == "pre-commit" and os.environ.get("PRE_COMMIT_TO_REF"):
            return pushed_by_framework(project)
        if name == "pre-push":
            remote = arguments[0] if arguments else ""
            return [
                *pushed_lines(project, pushes, None, remote),
                *deleted_lines(project, parse_deletions(lines), remote),
            ]
        if place is not None and name in BLOCKING and _is_removed(project):
            refuse_what_moved(project, place)
            return []
        return _blocking(project, files, name) if name in BLOCKING else _reporting(project, files, name, arguments)
    except BranchmigError as error:
        if name not in BLOCKING:
            return []
        return [*error.lines("could not check the migrations"), "hint: --no-verify goes past this check"]


def _blocking(project: Project, files: ConfigFiles, name: str) -> list[str]:
    occasion = occasion_of(project.tracked, name, ())
    verdict = inspect(project, INDEX, sides=_sides() if occasion is None else None)
    if occasion is not None and is_repairable(verdict.problems):
        done = repaired(project, files, occasion)
        if not done.is_done:
            return [*done.lines, *([f"hint: {_WAY_OUT[name]}"] if name in _WAY_OUT else [])]
        terminal.note(*done.lines)
        verdict = replace(verdict, problems=())
    elif occasion is not None and verdict.problems:
        verdict = inspect(project, INDEX, sides=_sides())
    lines = hook_lines(project.shown_path, _WHAT[name], verdict.problems, _WAY_OUT.get(name))
    if not lines:
        # Nothing lands here yet: the push, and CI, refuse what could not be checked.
        for line in unchecked_lines(verdict.unchecked):
            terminal.warning(line)
    return lines


def _reporting(project: Project, files: ConfigFiles, name: str, arguments: Sequence[str]) -> list[str]:
    if name == "post-checkout" and _is_on_its_way(project, arguments):
        return []
    if name == "post-rewrite" and arguments[:1] == ["amend"]:
        return _followed(project, files, arguments)  # pre-commit has looked at the graph
    occasion = occasion_of(project.tracked, name, arguments)
    is_squash = name == "post-merge" and arguments[:1] == ["1"]
    if occasion is None and (name == "post-commit" or is_squash):
        return []
    done = prepared(project) if name == "post-merge" and occasion is not None else None
    if done is not None:
        return [*done.lines, *_followed(project, files, arguments)]
    place = "HEAD" if occasion is None else occasion.at
    problems = inspect(project, place, sides=_sides() if occasion is None else None).problems
    if occasion is not None and is_repairable(problems):
        lines = list(repaired(project, files, occasion).lines)
    elif occasion is not None and problems:
        lines = hook_lines(project.shown_path, _WHAT[name], inspect(project, place, sides=_sides()).problems, None)
    else:
        lines = hook_lines(project.shown_path, _WHAT[name], problems, None)
    return [*lines, *([] if name == "post-commit" or is_squash else _followed(project, files, arguments))]


def _is_removed(project: Project) -> bool:
    """Return whether what is staged takes the whole project away, or never had it."""
    try:
        project.layout(INDEX)
    except NoProject:
        return True
    return False


def receive(
    files: ConfigFiles, versions: Sequence[str], policy: str | None, protected: Sequence[str], lines: Sequence[str]
) -> list[str]:
    """Return the lines that a server's pre-receive hook prints about the pushed branches.

    The server has no work tree: where the revision files lie, and the policy, come from the settings of what is
    pushed, unless the hook's options say so.
    """
    repository = Repository.bare(Path(os.environ.get("GIT_DIR", os.curdir)))
    top = repository.top
    settings = read_settings({"policy": policy} if policy else {}, "--policy")
    settings = replace(settings, protected=tuple(protected) or None)
    none = Path("")
    config = Config(
        files=replace(files, ini=none, toml=none)
        if versions
        else replace(files, ini=top / files.ini, toml=top / files.toml),
        root=top,
        script_location=top,
        version_locations=tuple(top / folder for folder in versions),
        is_recursive=False,
        is_sourceless=False,
        revision_environment=False,
        settings=settings,
    )
    project = Project(config)
    project.__dict__["repository"] = repository
    found = pushed_lines(project, parse_push(lines), settings.policy if policy or versions else None)
    return [*found, *deleted_lines(project, parse_deletions(lines))]


def _followed(project: Project, files: ConfigFiles, arguments: Sequence[str]) -> list[str]:
    """Update the database if the clone allows that, else name the command to run; return the lines to print."""
    # While `branchmig switch` runs git, the database is its business.
    wanted = following(project)
    if len(arguments) == 3 and FOLLOWED not in os.environ and not _is_only_visited(project) and keeps(project):
        return _kept(project, files)
    if wanted == "off" or FOLLOWED in os.environ:
        return []
    # A new work tree comes from nowhere: what its database is, or whether it has one, is not known yet.
    if len(arguments) == 3 and set(arguments[0]) == {"0"}:
        return []
    if wanted == "tell" or (len(arguments) == 3 and _is_only_visited(project)):
        lines = lines_after_move(project, _before(arguments))
        return [*lines, *suggestion(project)] if lines else []
    from branchmig.render.sync import silent_lines
    from branchmig.workflows.database_sync import follow_silently

    try:
        done = follow_silently(unasked(project), Invocation(files, is_quiet=True))
        return [f"branchmig: {line}" for line in silent_lines(done)]
    except BranchmigError as error:
        return error.lines("the database was not updated")


def _kept(project: Project, files: ConfigFiles) -> list[str]:
    """Bring the rows of the branch that was checked out; where they cannot be kept, say what to type."""
    from branchmig.commands.shared.keeping import CannotKeep, keep_after_checkout

    try:
        return keep_after_checkout(unasked(project), Invocation(files, is_quiet=True))
    except (CannotKeep, BranchmigError) as error:
        reason = error if isinstance(error, BranchmigError) else BranchmigError(str(error), "branchmig sync")
        return reason.lines("the rows of this branch were not brought")


def _before(arguments: Sequence[str]) -> str:
    """Return where HEAD was before the move that a post-* hook reports."""
    if len(arguments) == 3:
        return arguments[0]
    return "HEAD@{1}" if arguments[:1] == ["amend"] else "ORIG_HEAD"


def _is_only_visited(project: Project) -> bool:
    """Return whether a commit was checked out, and no branch: who looks at an old one wants nothing undone for that.

    At the end of a rebase by the apply backend HEAD is on no branch yet, so this is for a checkout alone.
    """
    if follows_bisect(project) and project.tracked.path("BISECT_LOG").exists():
        return False
    return current_branch(project.tracked) is None


def _is_on_its_way(project: Project, arguments: Sequence[str]) -> bool:
    """Return whether files alone were checked out, or HEAD will move on: in a rebase, or a bisect unless asked for.

    The hooks that branchmig installs ask part of this in the shell already; those of husky or lefthook do not.
    """
    if arguments[2:] == ["0"]:
        return True
    repository = project.tracked
    bisect = () if following(project) == "auto" and follows_bisect(project) else ("BISECT_LOG",)
    if any(repository.path(name).exists() for name in ("rebase-merge", "rebase-apply", *bisect)):
        return True
    return is_rebase_beginning(repository)


def _sides() -> tuple[str, ...]:
    return ("MERGE_HEAD", *named_heads())
