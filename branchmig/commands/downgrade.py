"""`branchmig downgrade`."""

from __future__ import annotations

import click

from branchmig import terminal
from branchmig.commands.shared.migrate import travel
from branchmig.commands.shared.migrate_options import MigrateCommand, PlanOptions
from branchmig.commands.shared.options import (
    REVISION,
    TAKES_RELATIVE_STEPS,
    at_option,
    format_option,
    from_option,
    log_format_option,
    max_time_option,
    merged_with_option,
    pass_invocation,
    plan_option,
    sql_option,
    tag_option,
    yes_option,
)
from branchmig.planning.plan import plan_downgrade
from branchmig.project.config import Invocation


@click.command("downgrade", context_settings=TAKES_RELATIVE_STEPS)
@click.argument("revision", type=REVISION)
@sql_option
@tag_option
@plan_option
@from_option
@at_option
@merged_with_option
@format_option
@log_format_option
@max_time_option
@click.option(
    "--keep-rows", is_flag=True, help="Set aside the tables and columns that go; the next upgrade brings them back."
)
@yes_option
@pass_invocation
def command(
    invocation: Invocation,
    revision: str,
    sql: bool,
    tag: str | None,
    plan_only: bool,
    from_: tuple[str, ...],
    at: str,
    merged_with: str | None,
    format_: str,
    log_format: str | None,
    max_time: float | None,
    keep_rows: bool,
    is_agreed: bool,
) -> None:
    """Revert to a previous revision.

    REVISION is an id, a prefix of one, a label, 'base', 'label@base', or relative: '-1', 'label@-1'. With --sql it
    must be a range, 'a:b'. Where --keep-rows cannot keep everything, branchmig
    refuses without --yes.
    """
    journey = MigrateCommand("downgrade", "Reverted", plan_downgrade, revision, sql, tag)
    if keep_rows and sql:
        raise click.UsageError("--keep-rows goes with a run: leave out --sql")
    options = PlanOptions(
        plan_only,
        from_,
        at,
        merged_with,
        format_,
        log_format=log_format,
        max_time=max_time,
        keep_rows=keep_rows,
        is_agreed=is_agreed,
    )
    travel(invocation, journey, options)
    if keep_rows and plan_only and format_ == "text":
        terminal.note("With --keep-rows, the tables and columns that it destroys are set aside first.")
