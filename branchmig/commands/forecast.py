"""`branchmig forecast`."""

from __future__ import annotations

import click

from branchmig.commands.shared.flow import answer
from branchmig.commands.shared.open_branches import branches_to_land, target_of
from branchmig.commands.shared.options import REF, format_option, landing_option, pass_invocation
from branchmig.git.history import short_ref
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render.colours import forecast_pieces
from branchmig.render.forecast import forecast_document, forecast_lines
from branchmig.workflows.landings import forecast


@click.command("forecast")
@click.argument("branches", nargs=-1, metavar="[BRANCH]...", type=REF)
@landing_option("into", "they land")
@format_option
@pass_invocation
def command(invocation: Invocation, branches: tuple[str, ...], into: str | None, format_: str) -> None:
    """Show the graph that results if git branches land.

    For each local and remote branch, or each named BRANCH: the heads in the target branch after the merge. Then the
    pairs that cannot both land without a change. Checks every rule of guard. Checks nothing out and writes nothing.
    Exits with 0 if all can land as they are, 1 if a branch or a pair of them cannot, 3 if git cannot merge a branch and
    all others can land.
    """
    project = Project.open(invocation.files)
    target, commit = target_of(project, into)
    found = forecast(project, target, commit, branches_to_land(project, branches, target, commit))
    answer(
        format_,
        lambda: forecast_document(found, short_ref(target)),
        lambda: forecast_lines(found, short_ref(target)),
        forecast_pieces,
    )
    wrong = [*(outcome for outcome in found.alone if not outcome.is_fine(found.allowed)), *found.pairs]
    if wrong:
        raise click.exceptions.Exit(3 if all(outcome.reason for outcome in wrong) else 1)
