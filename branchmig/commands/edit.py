"""`branchmig edit`."""

from __future__ import annotations

import os

import click

from branchmig import terminal
from branchmig.commands.shared.options import REVISION, TAKES_RELATIVE_STEPS, dry_run_option, pass_invocation
from branchmig.errors import EnvironmentFailed, UnknownRevision
from branchmig.project.config import Invocation
from branchmig.project.project import Project


@click.command("edit", context_settings=TAKES_RELATIVE_STEPS)
@click.argument("rev", type=REVISION)
@dry_run_option
@pass_invocation
def command(invocation: Invocation, rev: str, dry_run: bool = False) -> None:
    """Open revision files in an editor.

    REV is anything that names revisions, as for show; the editor is $EDITOR, $VISUAL or the system's.
    With --dry-run, prints the paths.
    """
    project = Project.open(invocation.files)
    applied: tuple[str, ...] = ()
    if rev == "current" and rev not in project.dag.labels:
        from branchmig.database.reader import read_applied

        applied = read_applied(project, invocation, "edit")
    found = project.dag.resolve(rev, applied)
    if not found:
        raise UnknownRevision(f"No revision files indicated by symbol {rev!r}", "'branchmig history' lists them", rev)
    paths = [project.dag[revision_id].path or "" for revision_id in found]
    if dry_run:
        terminal.answer(map(terminal.shown_path, paths))
        return
    for path in paths:
        _edit(path)


def _edit(path: str) -> None:
    try:
        # click would look at $VISUAL first; alembic looks at $EDITOR first.
        click.edit(filename=path, editor=os.environ.get("EDITOR"))
    except click.ClickException as error:
        raise EnvironmentFailed(f"the editor failed: {error.message}", "set $EDITOR to the one you use") from error
