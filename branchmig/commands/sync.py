"""`branchmig sync`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from branchmig.commands.shared.options import format_option, pass_invocation, plan_option
from branchmig.commands.shared.sync_shared import allow_empty_option, carry_out_all, show, undo_option
from branchmig.project.project import Project
from branchmig.workflows.database_sync import SyncOptions, foresee

if TYPE_CHECKING:
    from branchmig.project.config import Invocation


@click.command("sync")
@plan_option
@click.option("-y", "--yes", is_flag=True, help="Run the steps without asking.")
@allow_empty_option
@undo_option
@format_option
@pass_invocation
def command(
    invocation: Invocation, plan_only: bool, yes: bool, allow_empty: bool, undo: tuple[str, ...], format_: str
) -> None:
    """Bring the database to what the checkout says.

    Undoes what is applied and is other branches' unlanded work, with the scripts as git has them; then runs what is in
    the checkout and not applied. What landed here and was removed, what a sparse checkout leaves out, what is part of a
    release, and what git does not show stays: --undo names it. Shows the steps, and what they destroy, and asks; where
    nobody can be asked and --yes is not given, exits with 1.
    """
    project = Project.open(invocation.files)
    foreseen = foresee(project, invocation, SyncOptions(undo=frozenset(undo), allow_empty=allow_empty))
    if plan_only or format_ == "text":
        show(project, foreseen, format_)
    if not plan_only and any(plan.plan.steps or plan.obstacles for plan in foreseen):
        carry_out_all(project, invocation, foreseen, yes=yes)
    if not plan_only and format_ == "json":
        show(project, foreseen, format_)
