"""Runs plans through env.py: the version rows in, a plan, its steps out, and one clear report when a script raises."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from branchmig.database import failures
from branchmig.database.scripts import load_module
from branchmig.database.state import rows_after_failure
from branchmig.database.steps import RunningStep
from branchmig.errors import BranchmigError, EnvironmentFailed, MigrationFailed, RevisionFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from alembic.runtime.migration import MigrationContext

    from branchmig.database.environment import Environment
    from branchmig.model import Plan, Revision, Step

    MakePlan = Callable[[Sequence[str | None]], Plan]
    Announce = Callable[[int, int, str], None]


@dataclass(slots=True)
class _Run:
    """How far one run_migrations() of env.py came."""

    plan: Plan
    context: MigrationContext
    begun: int = 0
    is_over: bool = False


def read_plans(environment: Environment, make_plan: MakePlan, **options: Any) -> list[Plan]:
    """Ask the database for its rows and return the plan of each run_migrations() of env.py; nothing is written."""
    plans: list[Plan] = []

    def look(rows: tuple[str, ...], context: MigrationContext) -> list[Any]:
        plans.append(make_plan(rows))
        return []

    environment.run(look, dont_mutate=True, **options)
    return plans


def run_plans(environment: Environment, make_plan: MakePlan, announce: Announce, **options: Any) -> list[Plan]:
    """Plan against the rows that each run_migrations() of env.py finds, and run the steps.

    Every script of a plan is imported before its first step, so that one that does not import stops the run
    while nothing has happened. `announce(number, total, text)` is called as each step begins. `options` are
    those of alembic's EnvironmentContext. Returns the plans that ran.

    Raises MigrationFailed with what was and was not applied when a script raises; RevisionFileError,
    EnvironmentFailed and what `make_plan` raises.
    """
    runs: list[_Run] = []

    def work(rows: tuple[str, ...], context: MigrationContext) -> Iterator[RunningStep]:
        plan = make_plan(rows)
        run = _Run(plan, context)
        runs.append(run)
        steps = _loaded(plan, environment)
        for number, step in enumerate(steps, 1):
            announce(number, len(steps), str(step))
            run.begun = number
            yield step
        run.is_over = True

    try:
        environment.run(work, **options)
    except EnvironmentFailed as error:
        run = runs[-1] if runs else None
        if run is None or not run.begun or error.__cause__ is None:
            raise
        raise _failed(run, error.__cause__, environment) from error.__cause__
    return [run.plan for run in runs]


def _loaded(plan: Plan, environment: Environment) -> list[RunningStep]:
    """Import the script of every step. Raises RevisionFileError before anything ran."""
    modules: dict[str, Any] = {}
    loaded = []
    for step in plan.steps:
        revision = step.revision
        if step.direction == "stamp" or revision is None:
            loaded.append(RunningStep(step, _stamp_revision, environment.scripts))
            continue
        if revision.id not in modules:
            modules[revision.id] = _imported(revision, environment)
        function = getattr(modules[revision.id], step.direction, None)
        if not callable(function):
            shown = environment.project.shown_path(revision.path or "")
            raise RevisionFileError(
                f"{shown}: revision {revision.id!r} has no function {step.direction}()",
                f"add 'def {step.direction}():'",
            )
        loaded.append(RunningStep(step, function, environment.scripts))
    return loaded


def _stamp_revision(**_: Any) -> None:
    """Do nothing: a stamp only moves the version rows."""


def _imported(revision: Revision, environment: Environment) -> Any:
    path = Path(revision.path or "")
    try:
        return load_module(path)
    except BranchmigError:
        raise
    except Exception as error:  # a script may raise anything when it is imported
        place = _place(error, path, environment)
        raise RevisionFileError(
            f"revision {revision.id!r} cannot be imported: {place}: {failures.summary(error)}",
            "nothing was run; mend the file and start again",
        ) from error


def _place(error: BaseException, script: Path, environment: Environment) -> str:
    path, line = failures.last_place(error, script.name) or (str(script), None)
    return environment.project.shown_path(path) + (f":{line}" if line else "")


def _failed(run: _Run, error: BaseException, environment: Environment) -> MigrationFailed:
    step = run.plan.steps[run.begun - 1]
    revision = step.revision
    name = "version rows" if revision is None else revision.id
    if revision is None or run.is_over:
        what = f"the transaction that ended with revision {name!r}"
        details = []
    else:
        title = f" ({revision.message.partition(chr(10))[0]})" if revision.message else ""
        what = f"revision {name!r}{title}"
        place = _place(error, Path(revision.path or ""), environment)
        line = failures.source_line(error, revision.path or "")
        details = [f"at {place}, in {step.direction}(){f': {line}' if line else ''}"]
    sql = failures.statement(error)
    details += [f"SQL: {sql}"] if sql else []
    details += _outcome(run, step)
    return MigrationFailed(f"{what} failed: {failures.summary(error)}", _way_on(run, step), details, name)


def _outcome(run: _Run, failing: Step) -> list[str]:
    """Say what this run applied and what it did not, from the version table itself where it can be asked."""
    if run.context.as_sql:
        return ["no database was touched: this run only writes SQL"]
    rows = rows_after_failure(run.context, run.plan, failing)
    if rows is None:
        return ["the version table cannot be asked what is applied; 'branchmig current' does"]
    states = [run.plan.applied, *(step.heads_after for step in run.plan.steps)]
    number_done = states.index(rows)
    return [
        f"done: {_ids(run.plan.steps[:number_done]) or 'nothing of this run'}",
        f"not done: {_ids(run.plan.steps[number_done:]) or 'nothing'}",
        f"the database is at: {', '.join(rows) or 'base'}",
    ]


def _ids(steps: Sequence[Step]) -> str:
    """Name the revisions of some steps: all of up to ten, else both ends."""
    ids = [step.revision.id for step in steps if step.revision is not None]
    if len(ids) > 10:
        ids = [*ids[:5], f"… {len(ids) - 10} more …", *ids[-5:]]
    return ", ".join(ids)


def _way_on(run: _Run, step: Step) -> str:
    context = run.context
    if context.as_sql or context.impl.transactional_ddl:
        return "mend the script and run the same command again; --raiseerr shows the whole traceback"
    name = "mariadb" if getattr(context.dialect, "is_mariadb", False) else context.dialect.name
    return (
        f"{name} does not roll DDL back: undo what {step.revision.id if step.revision else 'it'} "
        "did so far before you run it again; --raiseerr shows the whole traceback"
    )


def ensure_version_table(environment: Environment, *, as_sql: bool) -> None:
    """Create the version table where it is missing, or write its SQL."""

    def work(rows: tuple[str, ...], context: MigrationContext) -> list[Any]:
        context._ensure_version_table()
        return []

    environment.run(work, as_sql=as_sql)
