"""`branchmig train`."""

from __future__ import annotations

import click

from branchmig import terminal
from branchmig.commands.shared.flow import answer
from branchmig.commands.shared.open_branches import branches_to_land, target_of
from branchmig.commands.shared.options import REF, dry_run_option, format_option, landing_option, pass_invocation
from branchmig.git.history import short_ref
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render.colours import forecast_pieces
from branchmig.render.train import train_document, train_lines
from branchmig.workflows.train import train, write_train


@click.command("train")
@click.argument("branches", nargs=-1, metavar="[BRANCH]...", type=REF)
@landing_option("into", "they land")
@click.option("--pulls", is_flag=True, help="Take the fetched pull requests, not all branches.")
@click.option("--write", is_flag=True, help="Also write what would be pushed: refs/branchmig/train/BRANCH.")
@dry_run_option
@format_option
@pass_invocation
def command(
    invocation: Invocation,
    branches: tuple[str, ...],
    into: str | None,
    pulls: bool,
    write: bool,
    dry_run: bool,
    format_: str,
) -> None:
    """Show an order in which open git branches can land.

    Takes every local and remote branch, or the named ones; with --pulls, the pull requests that were fetched to
    refs/pull/*/head, refs/merge-requests/*/head and refs/remotes/*/pr/*. Shows what each branch needs at its turn:
    nothing, a merge revision, or a rebase under policy = linear; or why it cannot land. Stops as few branches as
    possible.

    With --write, writes the commit that would be pushed for each branch to refs/branchmig/train/BRANCH, with the
    template and the settings of the target. Checks nothing out and moves no branch. Without --write, or with --dry-run,
    writes nothing.

    Exits with 0 if all can land, 1 if one is stopped, 3 if git cannot merge one of them and all others can land.
    """
    project = Project.open(invocation.files)
    write = write and not dry_run
    target, commit = target_of(project, into, writes=write)
    found = train(project, target, commit, branches_to_land(project, branches, target, commit, pulls=pulls))
    written: dict[str, str] = {}
    if write:
        found, written = write_train(project, invocation, found)
    answer(
        format_,
        lambda: train_document(found, short_ref(target)),
        lambda: train_lines(found, short_ref(target), written),
        forecast_pieces,
    )
    if written and invocation.has_notes:
        terminal.note(f"Wrote {len(written)} refs: git for-each-ref refs/branchmig/train")
    if found.stops:
        raise click.exceptions.Exit(3 if found.is_unknown else 1)
