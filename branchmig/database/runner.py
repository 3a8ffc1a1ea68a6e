"""Runs plans through env.py: the version rows in, a plan, its steps out, and one clear report when a script raises."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from branchmig.database import failures
from branchmig.database.imports import imports_of
from branchmig.database.listening import RunAgain
from branchmig.database.own_tables import RECORDED
from branchmig.database.scripts import load_module
from branchmig.database.state import rows_after_failure
from branchmig.database.steps import RunningStep
from branchmig.database.version_ids import AskedBeforePurge, refuse_uncarried
from branchmig.errors import BranchmigError, EnvironmentFailed, MigrationFailed, RevisionFileError
from branchmig.revision_file import conflict_marker_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from alembic.runtime.migration import MigrationContext

    from branchmig.database.environment import Environment
    from branchmig.database.listening import RunListener
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


def run_plans(
    environment: Environment,
    make_plan: MakePlan,
    announce: Announce,
    more_listeners: Sequence[RunListener] = (),
    **options: Any,
) -> list[Plan]:
    """Plan against the rows that each run_migrations() of env.py finds, and run the steps.

    Every script of a plan is imported before its first step, so that one that does not import stops the run
    while nothing has happened. `announce(number, total, text)` is called as each step begins. `more_listeners`
    hear of the run after the environment's own. `options` are those of alembic's EnvironmentContext. Returns the
    plans that ran.

    Raises MigrationFailed with what was and was not applied when a script raises; RevisionFileError,
    EnvironmentFailed and what `make_plan` raises.
    """
    listeners = [*([] if options.get("as_sql") else environment.writing_listeners()), *more_listeners]
    if options.get("purge"):
        listeners.append(AskedBeforePurge(make_plan))
    runs: list[_Run] = []

    def work(rows: tuple[str, ...], context: MigrationContext) -> Iterator[RunningStep]:
        plan = make_plan(rows)
        refuse_uncarried(context, plan)
        run = _Run(plan, context)
        runs.append(run)
        steps = _loaded(plan, environment, listeners, context)
        for listener in listeners:
            listener.planned(context, plan)
        for number, step in enumerate(steps, 1):
            announce(number, len(steps), str(step))
            run.begun = number
            if step.changes_rows:
                yield step
            else:
                _run_in_place(step, context, environment.script_arguments)
        run.is_over = True

    try:
        while _must_run_again(environment, work, listeners, runs, options):
            runs.clear()
        for listener in listeners:
            listener.succeeded()
    finally:
        for listener in listeners:
            listener.ended()
    return [run.plan for run in runs]


def _must_run_again(
    environment: Environment, work: Any, listeners: Sequence[RunListener], runs: list[_Run], options: dict[str, Any]
) -> bool:
    """Run env.py; return whether a listener wants it run again. Raises MigrationFailed, EnvironmentFailed."""
    try:
        environment.run(work, listeners, **options)
    except RunAgain:
        return True
    except EnvironmentFailed as error:
        run = runs[-1] if runs else None
        if run is None or not run.begun or error.__cause__ is None:
            raise
        step = run.plan.steps[run.begun - 1]
        if not run.is_over and any(one.failed(run.context, step, error.__cause__) for one in listeners):
            return True
        raise _failed(run, error.__cause__, environment) from error.__cause__
    return False


def _run_in_place(step: RunningStep, context: MigrationContext, arguments: Mapping[str, Any]) -> None:
    """Run a step that leaves the version rows as they are, as alembic runs the others: it knows no such steps."""
    log = logging.getLogger("alembic.runtime.migration")
    with context.begin_transaction(_per_migration=True):
        log.info("Running %s", step)
        if context.as_sql:
            context.impl.static_output(f"-- Running {step.short_log}")
        step.migration_fn(**arguments)
        for callback in context.on_version_apply_callbacks:
            callback(ctx=context, step=step.info, heads=set(step.heads), run_args=arguments)


def _loaded(
    plan: Plan, environment: Environment, listeners: Sequence[RunListener], context: MigrationContext
) -> list[RunningStep]:
    """Import the script of every step. Raises RevisionFileError before anything ran."""
    # By file: a sync may undo a revision as it was applied, and apply what it has become.
    modules: dict[str | None, Any] = {}
    loaded = []
    for step in plan.steps:
        revision = step.revision
        if step.direction == "stamp" or revision is None:
            loaded.append(RunningStep(step, _heard(_stamp_revision, step, listeners, context), environment.scripts))
            continue
        if revision.path not in modules:
            modules[revision.path] = _imported(revision, environment)
        function = getattr(modules[revision.path], step.direction, None)
        if not callable(function):
            shown = environment.project.shown_path(revision.path or "")
            raise RevisionFileError(
                f"{shown}: revision {revision.id!r} has no function {step.direction}()",
                f"add 'def {step.direction}():'",
            )
        at_home = _with_imports(function, environment, revision.path or "")
        loaded.append(RunningStep(step, _heard(at_home, step, listeners, context), environment.scripts))
    return loaded


def _with_imports(function: Callable[..., None], environment: Environment, path: str) -> Callable[..., None]:
    """Return a script's function such that what it imports as it runs comes from where the script is."""
    if environment.project.root_of(path) is None:
        return function

    def at_home(**arguments: Any) -> None:
        with imports_of(environment.project, path):
            function(**arguments)

    return at_home


def _heard(
    function: Callable[..., None], step: Step, listeners: Sequence[RunListener], context: MigrationContext
) -> Callable[..., None]:
    """Return a step's function with the listeners before and after it."""
    if not listeners:
        return function

    def heard(**arguments: Any) -> None:
        for listener in listeners:
            listener.step_begins(context, step)
        function(**arguments)
        for listener in listeners:
            listener.step_ends(context, step)

    return heard


def _stamp_revision(**_: Any) -> None:
    """Do nothing: a stamp only moves the version rows."""


def _imported(revision: Revision, environment: Environment) -> Any:
    path = Path(revision.path or "")
    try:
        with imports_of(environment.project, str(path)):
            return load_module(path)
    except BranchmigError:
        raise
    except (Exception, SystemExit) as error:  # a script may raise anything when it is imported
        place = _place(error, path, environment)
        line = conflict_marker_line(path.read_bytes()) if isinstance(error, SyntaxError) else None
        if line is not None:
            raise RevisionFileError(
                f"unresolved merge in {environment.project.shown_path(str(path))}:{line}",
                "nothing was run; edit the file until no <<<<<<<, ======= and >>>>>>> is left, then git add it",
            ) from error
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
    number_done = _number_done(run, rows)
    return [
        f"done: {_ids(run.plan.steps[:number_done]) or 'nothing of this run'}",
        f"not done: {_ids(run.plan.steps[number_done:]) or 'nothing'}",
        f"the database is at: {', '.join(rows) or 'base'}",
    ]


def _number_done(run: _Run, rows: tuple[str, ...]) -> int:
    """Return how many steps the rows show as done: as many as can be, where not all were in one transaction."""
    states = [run.plan.applied, *(step.heads_after for step in run.plan.steps)]
    possible = [number for number, state in enumerate(states) if state == rows and number <= run.begun]
    is_whole = run.context.impl.transactional_ddl and not run.context.opts.get("transaction_per_migration")
    if is_whole:
        return possible[0]
    if run.is_over:
        return possible[-1]
    # A step that left the rows as they were is done if the next one has begun.
    return max(number for number in possible if number < run.begun or number == possible[0])


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
    if context.opts.get(RECORDED):
        return (
            "what is done is recorded: mend the script, then branchmig repair --resume; "
            "--raiseerr shows the whole traceback"
        )
    name = "mariadb" if getattr(context.dialect, "is_mariadb", False) else context.dialect.name
    return (
        f"{name} does not roll DDL back: undo what {step.revision.id if step.revision else 'it'} "
        "did so far before you run it again; --raiseerr shows the whole traceback"
    )


def ensure_version_table(environment: Environment, *, as_sql: bool) -> None:
    """Create the version table where it is missing, or write its SQL."""
    listeners = [] if as_sql else environment.writing_listeners()

    def work(rows: tuple[str, ...], context: MigrationContext) -> list[Any]:
        context._ensure_version_table()
        return []

    try:
        environment.run(work, listeners, as_sql=as_sql)
    finally:
        for listener in listeners:
            listener.ended()
