"""`branchmig upgrade --missing`: run the revisions below applied ones that were never applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from branchmig import terminal
from branchmig.commands.shared.options import confirm, show_plans, tell_outcome
from branchmig.commands.shared.run_commands import announced
from branchmig.errors import BranchmigError, ConfigurationError
from branchmig.model import Plan
from branchmig.planning.plan import check_applied, plan_missing
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render.documents import plans_document

if TYPE_CHECKING:
    from branchmig.database.run.environment import Environment


def run_missing(invocation: Invocation, *, plan_only: bool, is_agreed: bool, format_: str) -> None:
    """Show what was left out below the version rows and, once that is agreed to, run it; the rows stay."""
    from branchmig.database.run.environment import Environment
    from branchmig.database.run.runner import read_plans, run_plans

    project = Project.open(invocation.files)
    if not project.config.settings.journal:
        raise ConfigurationError(
            "without the journal branchmig cannot tell which revisions were never applied",
            "to keep a journal from now on: branchmig adopt",
        )
    environment = Environment(project, invocation, "upgrade", {"revision": "heads", "sql": False, "tag": None})
    shown = read_plans(environment, lambda rows: _plan(environment, rows))
    if plan_only or (format_ == "text" and any(plan.steps for plan in shown)):
        kept = [plan for plan in shown if plan.steps or plan_only]
        show_plans(kept, format_, project.shown_path, are_several=len(shown) > 1)
    if plan_only:
        return
    if any(plan.steps for plan in shown):
        confirm("Run these revisions, whose scripts were written for an earlier schema?", is_agreed)

    def agreed_plan(rows: Sequence[str | None]) -> Plan:
        plan = _plan(environment, rows)
        if plan not in shown:
            raise BranchmigError("the database was changed since the plan was shown", "run the command again")
        return plan

    with announced(project, "upgrade --missing", None) as outcome:
        plans = run_plans(environment, agreed_plan, terminal.Progress(not invocation.is_told).step)
        outcome.result = plans_document(plans, project.shown_path)
    if format_ == "json":
        show_plans(plans, format_, project.shown_path)
    else:
        tell_outcome(plans, invocation, "Applied")


def _plan(environment: Environment, rows: Sequence[str | None]) -> Plan:
    from branchmig.database.journal.journal import ledger_of

    project, context = environment.project, environment.context
    assert context is not None
    ledger = ledger_of(context, project, check_applied(project.dag, rows))
    return plan_missing(project.dag, ledger.applied_ids(), rows)
