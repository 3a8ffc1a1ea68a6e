"""`branchmig sync`."""

from __future__ import annotations

import click

from branchmig.commands.shared.options import format_option, pass_invocation, plan_option
from branchmig.commands.shared.sync_shared import allow_empty_option, carry_out_all, show, undo_option
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.workflows.database_sync import SyncOptions, foresee


@click.command("sync")
@plan_option
@click.option("-y", "--yes", is_flag=True, help="Run the steps without asking.")
@allow_empty_option
@undo_option
@click.option(
    "--keep-rows", is_flag=True, help="Set aside the tables and columns that go; the next upgrade brings them back."
)
@format_option
@pass_invocation
def command(
    invocation: Invocation,
    plan_only: bool,
    yes: bool,
    allow_empty: bool,
    undo: tuple[str, ...],
    keep_rows: bool,
    format_: str,
) -> None:
    """Update the database to match the checkout.

    Reverts the applied revisions that are unlanded work of other branches, with their scripts from git. Then runs
    the revisions of the checkout that are not applied. Revisions stay applied if they landed and were removed
    later, if a sparse checkout leaves them out, if a release has them, or if git does not show where they come
    from; --undo reverts them by name. Shows the steps and what they destroy, and asks first. Without a terminal and
    without --yes, exits with 1.
    """
    project = Project.open(invocation.files)
    foreseen = foresee(project, invocation, SyncOptions(undo=frozenset(undo), allow_empty=allow_empty))
    if plan_only or format_ == "text":
        show(project, foreseen, format_)
    if not plan_only and any(plan.plan.steps or plan.obstacles for plan in foreseen):
        carry_out_all(project, invocation, foreseen, yes=yes, keep_rows=keep_rows)
    if not plan_only and format_ == "json":
        show(project, foreseen, format_)
