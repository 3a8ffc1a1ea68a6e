"""`branchmig hooks`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from branchmig import terminal
from branchmig.commands.options import format_option, pass_invocation
from branchmig.git_hooks import (
    BLOCKING,
    HOOKS,
    Installation,
    hook_states,
    install_hooks,
    uninstall_hooks,
)
from branchmig.project import Project

if TYPE_CHECKING:
    from branchmig.config import Invocation


@click.group("hooks")
def command() -> None:
    """Install git hooks that see two heads before they land.

    pre-commit, pre-merge-commit and pre-push block; post-merge, post-rewrite and post-checkout tell.
    """


@command.command("install")
@click.option("--force", is_flag=True, help="Install beside the hooks of another tool, or into a shared folder.")
@pass_invocation
def install(invocation: Invocation, force: bool) -> None:
    """Write the hooks; those that are there already are kept and run first."""
    project = Project.open(invocation.files)
    written = install_hooks(project.tracked, installation(project, invocation), force=force)
    terminal.note(f"Installed {', '.join(written)}." if written else "The hooks are installed, and up to date.")


@command.command("uninstall")
@pass_invocation
def uninstall(invocation: Invocation) -> None:
    """Take the hooks away and put back what was there before."""
    removed = uninstall_hooks(Project.open(invocation.files).tracked)
    terminal.note(f"Removed {', '.join(removed)}." if removed else "No hooks of branchmig are installed.")


@command.command("status")
@format_option
@pass_invocation
def status(invocation: Invocation, format_: str) -> None:
    """Show which hooks run, and why the others do not. Exits with 1 if one does not."""
    states = hook_states(Project.open(invocation.files).tracked)
    if format_ == "json":
        hooks = [{"name": one.name, "runs": one.runs, "why": one.why} for one in states]
        terminal.document({"version": 1, "hooks": hooks})
    else:
        terminal.answer(f"{one.name:17} {one.why}" for one in states)
    if not all(one.runs for one in states):
        raise click.exceptions.Exit(1)


@command.command("run", context_settings={"ignore_unknown_options": True})
@click.argument("name", type=click.Choice([*HOOKS, "pre-receive"]))
@click.argument("arguments", nargs=-1)
@click.option("--versions", multiple=True, metavar="DIR", help="pre-receive: folder of revision files.")
@click.option("--policy", help="pre-receive: single-head, one-head-per-label or linear.")
@pass_invocation
def run(
    invocation: Invocation, name: str, arguments: tuple[str, ...], versions: tuple[str, ...], policy: str | None
) -> None:
    """Do what the hook NAME does; git's arguments and standard input are the hook's.

    A hook that blocks exits with 1 to block; one that tells always exits with 0.
    """
    from branchmig.hook_work import receive, work

    # git ends lines with \n alone, and names of refs may hold bytes that are no text.
    given = sys.stdin.buffer.read() if name in ("pre-push", "pre-receive") else b""
    lines = [os.fsdecode(line) for line in given.split(b"\n")]
    if name == "pre-receive":
        told = receive(versions, policy, lines)
    else:
        told = work(invocation.files, name, list(arguments), lines)
    for line in told:
        terminal.note(line)
    if told and (name in BLOCKING or name == "pre-receive"):
        raise click.exceptions.Exit(1)


def installation(project: Project, invocation: Invocation) -> Installation:
    """Say how a hook, which git starts at the top of the work tree, gets back to this project."""
    top = str(project.tracked.top)
    here = os.path.realpath(os.curdir)
    # Started from elsewhere, with -c: then each work tree has its own config file, as seen from its top.
    start = here if f"{here}{os.sep}".startswith(top + os.sep) else top
    options = [word for name in invocation.given for word in ("-c", _within(top, start, name))]
    if invocation.files.section != "alembic":
        options += ["-n", invocation.files.section]
    folder = os.path.relpath(start, top)
    return Installation("" if folder == os.curdir else folder, project.folders, tuple(options))


def _within(top: str, start: str, name: str) -> str:
    """Return a config file as named from `start` if it lies in the work tree; absolute if it does not."""
    path = os.path.realpath(name)
    return os.path.relpath(path, start) if path.startswith(top + os.sep) else path
