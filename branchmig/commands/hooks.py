"""`branchmig hooks`."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import click

from branchmig import terminal
from branchmig.commands.shared.options import dry_run_option, format_option, pass_invocation, yes_option
from branchmig.errors import ConfigurationError
from branchmig.git.hook_text import BLOCKING, EVERY_HOOK, HOOKS, REPAIRING, Installation
from branchmig.git.repository import Repository
from branchmig.git_hooks import (
    hook_states,
    install_hooks,
    uninstall_hooks,
)
from branchmig.project.config import Invocation
from branchmig.project.consent import (
    HOW,
    agree_to_follow,
    agree_to_repair,
    is_suggested_only,
    repairing,
    withdraw_repair,
)
from branchmig.project.project import Project
from branchmig.render.colours import hook_pieces


@click.group("hooks")
def command() -> None:
    """Install git hooks that stop a second head before it lands.

    pre-commit, pre-merge-commit and pre-push block; post-merge, post-rewrite and post-checkout print a message. Each
    project of a repository (its config file and section) has its own part in a hook.
    """


@command.command("install")
@click.option("--force", is_flag=True, help="Install beside the hooks of another tool, or into a shared folder.")
@click.option("--fix", is_flag=True, help="Also let git's own merge and pull make several heads one.")
@dry_run_option
@yes_option
@pass_invocation
def install(invocation: Invocation, force: bool, fix: bool, dry_run: bool, is_agreed: bool) -> None:
    """Install the hooks; existing hooks stay and run first.

    Other projects of the repository keep their part. With --fix, a git merge that would leave several heads joins
    them, if their scripts do not collide: with a merge revision or, under policy = linear, with new parents. To
    turn that off: git config branchmig.fix false.
    """
    project = Project.open(invocation.files)
    if dry_run:
        states = hook_states(project.tracked, installation(project, invocation))
        wanted = [state.name for state in states if not (state.runs and state.is_current)]
        terminal.answer(
            [f"Would install {', '.join(wanted)}." if wanted else "The hooks are installed, and up to date."]
        )
        return
    if fix:
        agree_to_repair(project.tracked)
    written = install_hooks(project.tracked, installation(project, invocation), force=force)
    terminal.note(f"Installed {', '.join(written)}." if written else "The hooks are installed, and up to date.")
    if fix:
        terminal.note("A merge makes several heads one in this clone; to turn that off: git config branchmig.fix false")
    offer_to_follow(project, is_agreed=is_agreed)


def offer_to_follow(project: Project, *, is_agreed: bool = False) -> None:
    """Offer to set in the clone what the project suggests: that the database follows the checkout."""
    if not is_suggested_only(project):
        return
    question = "This project suggests that the database follows the checkout (sync = auto). Set that in this clone?"
    if is_agreed or terminal.confirmed(question):
        agree_to_follow(project.tracked)
        terminal.note("The database follows the checkout in this clone; to undo: git config --unset branchmig.sync")
    else:
        terminal.note(f"The project suggests that the database follows the checkout; to set that in this clone: {HOW}")


@command.command("uninstall")
@dry_run_option
@pass_invocation
def uninstall(invocation: Invocation, dry_run: bool) -> None:
    """Remove this project from the hooks. With the last project, restore the hooks from before.

    Works without the project's files, too.
    """
    if dry_run:
        project = Project.open(invocation.files)
        names = [state.name for state in hook_states(project.tracked, installation(project, invocation)) if state.runs]
        terminal.answer([f"Would remove {', '.join(names)}." if names else "No hooks of branchmig are installed."])
        return
    try:
        project = Project.open(invocation.files)
    except ConfigurationError:
        removed = _uninstall_deleted(invocation)
        if not removed:
            raise
    else:
        removed = uninstall_hooks(project.tracked, installation(project, invocation))
        if not (project.tracked.path("hooks") / REPAIRING).exists():
            withdraw_repair(project.tracked)
    terminal.note(f"Removed {', '.join(removed)}." if removed else "No hooks of branchmig are installed.")


def _uninstall_deleted(invocation: Invocation) -> list[str]:
    """Take a project out whose files are gone: its part of a hook has the name of its config file, and section."""
    repository = Repository.discover(Path.cwd())
    if repository is None:
        return []
    files, top = invocation.files, str(repository.top)
    names = [name for name, _ in files.named] or [os.fspath(files.ini), os.fspath(files.toml)]
    removed: list[str] = []
    for name in names:
        place = Installation("", (), (), (_within(top, top, name),), files.section, _state_folder(repository))
        removed += uninstall_hooks(repository, place)
    return removed


@command.command("status")
@format_option
@pass_invocation
def status(invocation: Invocation, format_: str) -> None:
    """Show which hooks check this project, and why the others do not.

    Exits with 1 if a hook does not check this project, or differs from what 'hooks install' writes.
    """
    project = Project.open(invocation.files)
    states = hook_states(project.tracked, installation(project, invocation))
    if format_ == "json":
        hooks = [
            {"name": state.name, "runs": state.runs, "current": state.is_current, "why": state.why} for state in states
        ]
        terminal.document({"version": 1, "hooks": hooks})
    else:
        terminal.painted_answer((f"{state.name:17} {state.why}" for state in states), hook_pieces)
    if not all(state.runs and state.is_current for state in states):
        raise click.exceptions.Exit(1)


@command.command("run", context_settings={"ignore_unknown_options": True})
@click.argument("name", type=click.Choice([*EVERY_HOOK, "pre-receive"]))
@click.argument("arguments", nargs=-1)
@click.option("--versions", multiple=True, metavar="DIR", help="pre-receive: folder of revision files.")
@click.option("--policy", help="pre-receive: single-head, one-head-per-label or linear.")
@click.option("--protected", multiple=True, metavar="GLOB", help="pre-receive: branches whose revisions must stay.")
@click.option("--folder", hidden=True, help="Where an installed hook starts, from the top of the work tree.")
@click.option("--path", "paths", multiple=True, hidden=True, help="A folder of revision files when it was installed.")
@pass_invocation
def run(
    invocation: Invocation,
    name: str,
    arguments: tuple[str, ...],
    versions: tuple[str, ...],
    policy: str | None,
    protected: tuple[str, ...],
    folder: str | None,
    paths: tuple[str, ...],
) -> None:
    """Do the work of the hook NAME; git's arguments and standard input are the hook's.

    A blocking hook exits with 1 to block. A hook that only prints a message always exits with 0.
    """
    from branchmig.commands.shared.hook_work import receive, work
    from branchmig.workflows.hook_place import HookPlace, note_settings

    place = None if folder is None else HookPlace("" if folder == os.curdir else folder, paths)

    def note(project: Project, at: str) -> None:
        note_settings(project, installation(project, invocation), place, at)

    # git ends lines with \n alone, and names of refs may hold bytes that are no text.
    given = sys.stdin.buffer.read() if name in ("pre-push", "pre-receive") else b""
    lines = [os.fsdecode(line) for line in given.split(b"\n")]
    if name == "pre-receive":
        found = receive(invocation.files, versions, policy, protected, lines)
    else:
        found = work(invocation.files, name, list(arguments), lines, place, note)
    terminal.note(*found)
    if found and (name in BLOCKING or name == "pre-receive"):
        raise click.exceptions.Exit(1)


def installation(project: Project, invocation: Invocation) -> Installation:
    """Say how a hook, which git starts at the top of the work tree, gets back to this project."""
    repository = project.tracked
    top = str(repository.top)
    here = os.path.realpath(os.curdir)
    # Started from elsewhere, with -c: then each work tree has its own config file, as seen from its top.
    start = here if f"{here}{os.sep}".startswith(top + os.sep) else top
    files = invocation.files
    options = [word for name in invocation.given for word in ("-c", _within(top, start, name))]
    if files.section != "alembic":
        options += ["-n", files.section]
    folder = os.path.relpath(start, top)
    # The file that names the project comes first.
    names = (files.ini, files.toml) if files.ini.is_file() or not files.toml.is_file() else (files.toml, files.ini)
    return Installation(
        "" if folder == os.curdir else folder,
        project.folders,
        tuple(options),
        tuple(_within(top, top, os.fspath(name)) for name in names),
        files.section,
        _state_folder(repository),
        hooks=HOOKS if repairing(repository) == "off" else EVERY_HOOK,
    )


def _state_folder(repository: Repository) -> str:
    """Return where the shell finds branchmig's own notes: beside the hooks, so that a repository can be moved."""
    if os.path.realpath(repository.path("hooks")) == os.path.realpath(repository.common_dir / "hooks"):
        return "${0%/*}/../branchmig"
    return shlex.quote(str(repository.common_dir / "branchmig"))


def _within(top: str, start: str, name: str) -> str:
    """Return a config file as named from `start` if it is in the work tree; absolute if it is not."""
    path = os.path.realpath(name)
    return os.path.relpath(path, start) if path.startswith(top + os.sep) else path
