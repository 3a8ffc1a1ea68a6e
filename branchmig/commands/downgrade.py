"""`branchmig downgrade`."""

from __future__ import annotations

from typing import Any

import click

from branchmig import terminal
from branchmig.commands.shared.migrate import travel
from branchmig.commands.shared.migrate_options import MigrateCommand, PlanOptions, plan_options, run_options
from branchmig.commands.shared.options import REVISION, TAKES_RELATIVE_STEPS, pass_invocation, yes_option
from branchmig.planning.plan import plan_downgrade
from branchmig.project.config import Invocation


@click.command("downgrade", context_settings=TAKES_RELATIVE_STEPS)
@click.argument("revision", type=REVISION)
@plan_options
@run_options
@click.option(
    "--keep-rows", is_flag=True, help="Set aside the tables and columns that go; the next upgrade brings them back."
)
@yes_option
@pass_invocation
def command(invocation: Invocation, /, revision: str, sql: bool, tag: str | None, **showing: Any) -> None:
    """Revert to a previous revision.

    REVISION is an id, a prefix of one, a label, 'base', 'label@base', or relative: '-1', 'label@-1'. With --sql it
    must be a range, 'a:b'. Where --keep-rows cannot keep everything, branchmig
    refuses without --yes.
    """
    options = PlanOptions(**showing)
    if options.keep_rows and sql:
        raise click.UsageError("--keep-rows goes with a run: leave out --sql")
    travel(invocation, MigrateCommand("downgrade", "Reverted", plan_downgrade, revision, sql, tag), options)
    if options.keep_rows and options.plan_only and options.format_ == "text":
        terminal.note("With --keep-rows, the tables and columns that it destroys are set aside first.")
