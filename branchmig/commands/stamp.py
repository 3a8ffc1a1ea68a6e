"""`branchmig stamp`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import click

from branchmig import terminal
from branchmig.commands.shared.flow import show_plans, warn_of_no_revisions
from branchmig.commands.shared.migrate import offline_start, refuse_asking, refuse_relative_start
from branchmig.commands.shared.options import (
    REVISION,
    TAKES_RELATIVE_STEPS,
    pass_invocation,
    plan_option,
    sql_option,
    tag_option,
)
from branchmig.errors import InvalidTarget
from branchmig.planning.plan import plan_stamp
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render.text import rows_text


@click.command("stamp", context_settings=TAKES_RELATIVE_STEPS)
@click.argument("revisions", nargs=-1, required=True, type=REVISION)
@sql_option
@tag_option
@plan_option
@click.option("--purge", is_flag=True, help="Delete every row of the version table first.")
@pass_invocation
def command(
    invocation: Invocation, revisions: tuple[str, ...], sql: bool, tag: str | None, plan_only: bool, purge: bool
) -> None:
    """Set the version table without running anything.

    REVISIONS are the rows to write: ids, 'heads', or 'base' for none.
    """
    from branchmig.database.run.environment import Environment
    from branchmig.database.run.runner import read_plans, run_plans

    if plan_only and sql:
        raise click.UsageError("--sql writes SQL: leave out --plan")
    if purge and sql:
        raise InvalidTarget("Can't use --purge with --sql mode", "leave one of them out")
    project = Project.open(invocation.files)
    start, targets = _offline_range(revisions) if sql else (None, revisions)
    if start is not None:
        refuse_asking(start)
        refuse_relative_start(start)
    options = {"revisions": list(revisions), "sql": sql, "tag": tag, "purge": purge}
    environment = Environment(
        project, replace(invocation, keeps_log=invocation.keeps_log and not plan_only), "stamp", options
    )
    environment.typed_start = start
    if plan_only:
        found = read_plans(environment, lambda rows: plan_stamp(project.dag, targets, () if purge else rows), tag=tag)
        show_plans(found, "text", project.shown_path, are_several=len(found) > 1)
        return
    plans = run_plans(
        environment,
        lambda rows: plan_stamp(project.dag, targets, rows),
        terminal.Progress(not invocation.has_notes).step,
        as_sql=sql,
        starting_rev=None if start is None else offline_start(project.dag, start),
        destination_rev=targets,
        tag=tag,
        purge=purge,
    )
    warn_of_no_revisions(project.dag, project)
    if not sql and invocation.has_notes:
        for plan in plans:
            name = f"{plan.database}: " if len(plans) > 1 and plan.database else ""
            verb = "Stamped: the" if plan.steps or purge else "Nothing to do: the"
            terminal.note(f"{name}{verb} version table says {rows_text(plan.heads_after)}.")


def _offline_range(revisions: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    starts: list[str] = []
    targets: list[str] = []
    for revision in revisions:
        start, colon, target = revision.rpartition(":")
        starts += [start] if colon else []
        targets.append(target)
    if len(set(starts)) > 1:
        raise InvalidTarget(
            "Stamp operation with --sql only supports a single starting revision at a time", "give one range"
        )
    return (starts[0] if starts else None), tuple(targets)
