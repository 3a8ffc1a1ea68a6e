"""`branchmig upgrade`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from branchmig import terminal
from branchmig.commands.shared.flow import confirm, say_outcome, show_plans
from branchmig.commands.shared.migrate import reviewed_plan, travel
from branchmig.commands.shared.migrate_options import MigrateCommand, PlanOptions, plan_options, run_options
from branchmig.commands.shared.options import FILE, REVISION, TAKES_RELATIVE_STEPS, pass_invocation, yes_option
from branchmig.commands.shared.run_commands import announced
from branchmig.errors import BranchmigError, ConfigurationError
from branchmig.model import Plan
from branchmig.planning.plan import check_applied, plan_missing, plan_upgrade
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render.documents import plans_document

if TYPE_CHECKING:
    from branchmig.database.run.environment import Environment


@click.command("upgrade", context_settings=TAKES_RELATIVE_STEPS)
@click.argument("revision", type=REVISION, required=False)
@plan_options
@click.option("--missing", is_flag=True, help="Run the revisions below applied ones that never ran, by the journal.")
@click.option(
    "--allow-ahead", is_flag=True, help="Do nothing, and succeed, where the database is ahead of this checkout."
)
@run_options
@click.option("--out", "out", metavar="FILE", type=FILE, help="With --plan: write the plan to FILE, for --plan-file.")
@click.option(
    "--plan-file",
    metavar="FILE",
    type=FILE,
    help="Run the plan that --plan --out wrote; refuse if graph, scripts or database changed since.",
)
@click.option(
    "--check",
    "check_only",
    is_flag=True,
    help="Check the live rows for what the pending revisions need; run nothing. Exit with 1 if rows are in the way.",
)
@yes_option
@pass_invocation
def command(
    invocation: Invocation,
    /,
    revision: str | Sequence[str] | None,
    sql: bool,
    tag: str | None,
    missing: bool,
    allow_ahead: bool,
    plan_file: str | None,
    **showing: Any,
) -> None:
    """Upgrade to a later revision.

    REVISION is an id, a prefix of one, a label, 'heads', 'label@head', or relative: '+1', 'ae10+2'. With --sql it
    may be a range, 'a:b'. With --missing there is no REVISION: branchmig shows the revisions that were left out,
    asks, and runs them. With --check, REVISION defaults to 'heads': exits with 1 if rows are in the way, 3 if a
    check was not possible.
    """
    options = PlanOptions(**showing)
    if plan_file is not None and (revision or options.plan_only or sql or options.is_elsewhere or missing):
        raise click.UsageError("--plan-file says what is run: leave out REVISION, --plan, --sql and --missing")
    if options.out is not None and (not options.plan_only or options.is_elsewhere):
        raise click.UsageError("--out goes with --plan, of the database and the work tree")
    if missing:
        if revision or sql or options.is_elsewhere or allow_ahead or options.check_only:
            raise click.UsageError("--missing goes with --plan, --yes and --format alone")
        _run_missing(invocation, options)
        return
    if options.check_only:
        is_run = plan_file or options.max_time or options.log_format
        if options.plan_only or sql or options.is_elsewhere or is_run:
            words = "--check asks the database and runs nothing: leave out all but REVISION and --format"
            raise click.UsageError(words)
        revision = revision or "heads"
    reviewed = None if plan_file is None else reviewed_plan(plan_file)
    revision = revision if reviewed is None else reviewed.target
    if revision is None:
        raise click.UsageError("Missing argument 'REVISION': 'heads' applies everything.")
    first, *others = (revision,) if isinstance(revision, str) else revision or ("base",)
    journey = MigrateCommand("upgrade", "Applied", plan_upgrade, first, sql, tag, allow_ahead, tuple(others), reviewed)
    travel(invocation, journey, options)


def _run_missing(invocation: Invocation, options: PlanOptions) -> None:
    """Show what was left out below the version rows and, once that is agreed to, run it; the rows stay."""
    from branchmig.database.run.environment import Environment
    from branchmig.database.run.runner import read_plans, run_plans

    project = Project.open(invocation.files)
    if not project.config.settings.journal:
        raise ConfigurationError(
            "without the journal branchmig cannot tell which revisions were never applied",
            "to keep a journal from now on: branchmig adopt",
        )
    environment = Environment(project, invocation, "upgrade")
    shown = read_plans(environment, lambda rows: _plan(environment, rows))
    if options.plan_only or (options.format_ == "text" and any(plan.steps for plan in shown)):
        kept = [plan for plan in shown if plan.steps or options.plan_only]
        show_plans(kept, options.format_, project.shown_path, are_several=len(shown) > 1)
    if options.plan_only:
        return
    if any(plan.steps for plan in shown):
        confirm("Run these revisions, whose scripts were written for an earlier schema?", options.is_agreed)

    def agreed_plan(rows: Sequence[str | None]) -> Plan:
        plan = _plan(environment, rows)
        if plan not in shown:
            raise BranchmigError("the database was changed since the plan was shown", "run the command again")
        return plan

    with announced(project, "upgrade --missing", None) as outcome:
        plans = run_plans(environment, agreed_plan, terminal.Progress(not invocation.has_notes).step)
        outcome.result = plans_document(plans, project.shown_path)
    if options.format_ == "json":
        show_plans(plans, options.format_, project.shown_path)
    else:
        say_outcome(plans, invocation, "Applied")


def _plan(environment: Environment, rows: Sequence[str | None]) -> Plan:
    from branchmig.database.journal.journal import ledger_of

    project, context = environment.project, environment.context
    assert context is not None
    ledger = ledger_of(context, project, check_applied(project.dag, rows))
    return plan_missing(project.dag, ledger.applied_ids(), rows)
