"""`branchmig forecast`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from branchmig import terminal
from branchmig.commands.shared.options import REF, format_option, pass_invocation
from branchmig.project.project import Project
from branchmig.render.forecast import forecast_document, forecast_lines
from branchmig.workflows.landings import forecast

if TYPE_CHECKING:
    from branchmig.project.config import Invocation


@click.command("forecast")
@click.argument("branches", nargs=-1, metavar="[BRANCH]...", type=REF)
@click.option(
    "--into", metavar="REF", type=REF, help="Git branch that they would land in, instead of the setting's target."
)
@format_option
@pass_invocation
def command(invocation: Invocation, branches: tuple[str, ...], into: str | None, format_: str) -> None:
    """Show what the graph would be if git branches landed.

    Every local and remote branch, or those named: its heads in the target, and which two cannot both land as they
    are. Every rule of guard applies. Nothing is checked out or written. Exits with 1 if one of them cannot land as it
    is, 3 if git cannot merge one of them and all others can land.
    """
    from branchmig.git.history import short_ref

    project = Project.open(invocation.files)
    target, commit = _target(project, into)
    found = forecast(project, target, commit, _branches(project, branches, target, commit))
    facts: dict[str, Any] = {
        "target": short_ref(target),
        "outcomes": found.alone,
        "pairs": found.pairs,
        "idle": found.idle,
    }
    if format_ == "json":
        terminal.document(forecast_document(found.dag, found.allowed, **facts))
    else:
        terminal.answer(forecast_lines(found.dag, found.allowed, **facts))
    wrong = [outcome for outcome in found.alone if not outcome.is_fine(found.allowed)]
    if wrong:
        raise click.exceptions.Exit(3 if all(outcome.reason for outcome in wrong) else 1)


def _target(project: Project, into: str | None) -> tuple[str, str]:
    from branchmig.git.history import commit_of

    target = project.target(into, "--into")
    return target, commit_of(project.tracked, target)


def _branches(project: Project, names: tuple[str, ...], target: str, settled_at: str) -> dict[str, str]:
    """Return the branches to look at, with their commits."""
    from branchmig.git.history import commit_of
    from branchmig.git.landing import open_branches

    if names:
        return {name: commit_of(project.tracked, name) for name in names}
    return open_branches(project.tracked, target, settled_at)
