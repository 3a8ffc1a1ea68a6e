"""`branchmig compat`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from branchmig import terminal
from branchmig.commands.shared.flow import answer
from branchmig.commands.shared.options import REF, format_option, pass_invocation
from branchmig.errors import GitError
from branchmig.git.history import commit_of, short_ref
from branchmig.project.config import Invocation
from branchmig.project.project import Project

if TYPE_CHECKING:
    from branchmig.workflows.compat import Asked


@click.command("compat")
@click.option("--with", "with_", metavar="REF", type=REF, help="Whose code; the target branch's by default.")
@click.option("--deployed", is_flag=True, help="The code of the commit that the database's journal names last.")
@click.option("--reverse", is_flag=True, help="The other way round: this checkout's code on the schema of REF.")
@click.option(
    "--run",
    "command_line",
    metavar="COMMAND",
    help="Also run COMMAND, e.g. smoke tests, where that code is; $BRANCHMIG_URL and $DATABASE_URL name the database.",
)
@format_option
@pass_invocation
def command(
    invocation: Invocation, with_: str | None, deployed: bool, reverse: bool, command_line: str | None, format_: str
) -> None:
    """Check whether other code still works on this checkout's schema.

    During a rolling deploy, and after a rollback, old code runs on the new schema. branchmig writes the files of REF
    into a separate folder and runs its env.py in a separate process to get the models: this runs the code of REF. Then
    it runs SELECT, INSERT, UPDATE and DELETE on each table of the models, on a scratch database (scratch_url), in
    savepoints. A statement that also fails on the schema of REF is not reported. Exits with 1 if a statement breaks,
    with 3 if branchmig cannot tell.
    """
    from branchmig.render.compat import code_name, compat_document, compat_lines
    from branchmig.workflows.compat import compat

    if with_ is not None and deployed:
        raise click.UsageError("--with and --deployed both name the code: give one of them")
    project = Project.open(invocation.files)
    asked = _asked(project, invocation, with_, deployed=deployed, reverse=reverse, command_line=command_line)

    def announce() -> None:
        if invocation.has_notes:
            whose = "the work tree" if reverse else code_name(asked.name, asked.commit)
            terminal.note(f"Running env.py and models of {whose}, and the scripts of both, on scratch databases.")

    found = compat(project, invocation, asked, announce)
    answer(format_, lambda: compat_document(found), lambda: compat_lines(found))
    if not found.is_ok:
        raise click.exceptions.Exit(1)


def _asked(
    project: Project,
    invocation: Invocation,
    with_: str | None,
    *,
    deployed: bool,
    reverse: bool,
    command_line: str | None,
) -> Asked:
    from branchmig.workflows.compat import Asked, deployed_commit

    if deployed:
        commit = deployed_commit(project, invocation)
        return Asked(commit, commit, reverse, command_line)
    name = with_ or short_ref(project.target(None, "--with"))
    commit = commit_of(project.tracked, name)
    if with_ is None and commit == project.tracked.commit("HEAD") and not _has_own(project, commit):
        raise GitError(
            f"this checkout is at {name} itself, so nothing says which code to try",
            "name what runs now: --with REF, or --deployed",
        )
    return Asked(name, commit, reverse, command_line)


def _has_own(project: Project, commit: str) -> bool:
    there = project.view(commit).ids
    return any(revision.id not in there for revision in project.view().revisions)
