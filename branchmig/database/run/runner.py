"""Runs plans through env.py: the version rows in, a plan, its steps out, and one clear report when a script raises."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic.runtime.migration import MigrationContext

from branchmig.database.run import failures
from branchmig.database.run.imports import imports_of
from branchmig.database.run.readback import ReadBack, has_version_table
from branchmig.database.run.run_listener import RunAgain, RunListener, accompanied
from branchmig.database.run.runs import Run, continued, interrupted, lock_lost, migration_failed, place_of, with_outcome
from branchmig.database.run.session import note_session
from branchmig.database.run.steps import RunningStep
from branchmig.database.run.version_ids import AskedBeforePurge, refuse_uncarried, with_width_checked
from branchmig.database.run_state import version_table
from branchmig.errors import (
    BranchmigError,
    EnvironmentFailed,
    LockLost,
    RevisionFileError,
)
from branchmig.model import Plan, Revision, Step
from branchmig.revisions.revision_file import conflict_marker_line

if TYPE_CHECKING:
    from branchmig.database.run.environment import Environment, Work

MakePlan = Callable[[Sequence[str | None]], Plan]
Announce = Callable[[int, int, str], None]


def read_plans(environment: Environment, make_plan: MakePlan, **options: Any) -> list[Plan]:
    """Ask the database for its rows and return the plan of each run_migrations() of env.py; nothing is written."""

    def look(rows: tuple[str, ...], context: MigrationContext) -> Plan:
        plan, table = make_plan(rows), version_table(context)
        if environment.project.config.settings.journal:
            # A tenth of the program's start, for those that keep one.
            from branchmig.database.journal.journal import warn_of_refusal

            warn_of_refusal(context, environment.project, environment.command, plan)
        return plan if table is None else replace(plan, database=table.title)

    return environment.ask(look, **options)


def run_plans(
    environment: Environment,
    make_plan: MakePlan,
    announce: Announce,
    more_listeners: Sequence[RunListener] = (),
    **options: Any,
) -> list[Plan]:
    """Plan against the rows that each run_migrations() of env.py finds, run the steps, and return the plans.

    Every script of a plan is imported before its first step, so that one that does not import stops the run
    while nothing has happened. `announce(number, total, text)` is called as each step begins. `more_listeners`
    hear of the run after the environment's own. `options` are those of alembic's EnvironmentContext.

    Raises MigrationFailed with what was and was not applied when a script raises; NotCommitted where a version table
    is not where the plan leads, once env.py is over; RevisionFileError, EnvironmentFailed and what `make_plan` raises;
    Interrupted, LockLost and LockTimeout of the listeners.
    """
    purging = [AskedBeforePurge(make_plan)] if options.get("purge") else []
    execution = _Execution(environment, options, [*more_listeners, *purging])

    def work(rows: tuple[str, ...], context: MigrationContext) -> Iterator[RunningStep]:
        plan = make_plan(rows)
        if plan.steps:
            note_session(context)
        refuse_uncarried(context, plan)
        run = execution.begun(plan, context)
        steps = _loaded(plan, environment, execution.listeners, context)
        for listener in execution.listeners:
            listener.planned(context, plan)
        for number, step in enumerate(steps, 1):
            announce(number, len(steps), str(step))
            run.begun = number
            if step.changes_rows:
                yield step
            else:
                _run_in_place(step, context, environment.script_arguments)
        run.is_over = True

    with accompanied(execution.listeners):
        execution.repeat(work)
        for listener in execution.listeners:
            listener.succeeded()
        execution.raise_interrupted()
    return [run.whole_plan for run in execution.runs]


def run_work(environment: Environment, work: Work, has_written: Callable[[], object] = bool, **options: Any) -> None:
    """Run env.py for what writes beside a plan, with the environment's listeners; `options` are alembic's.

    `work` is called again where env.py has to be run again. Raises NotCommitted where `has_written` says that there
    is something to commit, and env.py has not committed it.
    """
    execution = _Execution(environment, options)

    def followed(rows: tuple[str, ...], context: MigrationContext) -> Iterable[Any] | None:
        run = Run(Plan(tuple(sorted(rows, key=str))), context, ended=1)
        execution.readback.follow(run)
        steps = work(rows, context)
        if context.connection is not None and not context.as_sql:
            run.transaction = context.connection.get_transaction()
        return steps

    with accompanied(execution.listeners):
        execution.repeat(followed)
        if has_written():
            execution.readback.refuse_uncommitted()


class _Execution:
    """Runs env.py for one command, as often as its listeners want, and knows how far each run_migrations() came."""

    def __init__(
        self, environment: Environment, options: dict[str, Any], more_listeners: Sequence[RunListener] = ()
    ) -> None:
        own = [] if options.get("as_sql") else environment.writing_listeners()
        self._environment, self._options = environment, options
        self.readback = ReadBack(environment, own)
        # The look at what a run has left comes before the release of the lock, which is the first of its own.
        self.listeners: list[RunListener] = [] if options.get("as_sql") else [self.readback, *own]
        self.listeners += more_listeners
        self.runs: list[Run] = []
        self._earlier: list[Run] = []

    def begun(self, plan: Plan, context: MigrationContext) -> Run:
        """Return a new run of a plan. An env.py that is run again calls run_migrations() in the same order."""
        number = len(self.runs)
        run = continued(plan, context, self._earlier[number] if number < len(self._earlier) else None)
        self.readback.follow(run)
        self.runs.append(run)
        return run

    def repeat(self, work: Work) -> None:
        """Run env.py until no listener wants it run again. Raises MigrationFailed, EnvironmentFailed."""
        while self._must_run_again(work):
            self._earlier[: len(self.runs)] = self.runs
            self.runs.clear()
            for listener in self.listeners:
                listener.runs_again()

    def raise_interrupted(self) -> None:
        """Raise Interrupted if a listener has heard a signal meanwhile."""
        for signal in filter(None, (listener.interrupted_by for listener in self.listeners)):
            raise interrupted(self._looked_at(), signal)

    def _must_run_again(self, work: Work) -> bool:
        try:
            self._environment.run(work, self.listeners, **self._options)
        except RunAgain:
            return True
        except KeyboardInterrupt:
            self.raise_interrupted()
            raise
        except LockLost as error:
            raise lock_lost(self._looked_at(), error) from error
        except EnvironmentFailed as error:
            return self._is_retried(error)
        except BranchmigError as error:
            raise with_outcome(error, self._looked_at()) from error.__cause__
        return False

    def _is_retried(self, error: EnvironmentFailed) -> bool:
        """Return True where a listener wants a failed run tried again; else raise the report of its end."""
        run, cause = self.runs[-1] if self.runs else None, error.__cause__
        if run is None or not run.begun or cause is None or (run.is_over and not _is_in_commit(cause)):
            self.raise_interrupted()
            raise with_outcome(error, self._looked_at()) from cause
        wishes = [] if run.is_over else [listener.failed(run.context, run.step, cause) for listener in self.listeners]
        self.raise_interrupted()
        if any(wishes):
            return True
        raise migration_failed(self._looked_at(), cause, self._environment) from cause

    def _looked_at(self) -> Sequence[Run]:
        """Return the runs, whose version tables are read back now that env.py is over."""
        self.readback.look()
        return self.runs


def _is_in_commit(error: BaseException) -> bool:
    return any(frame.name == "do_commit" for frame in traceback.extract_tb(error.__traceback__))


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
        at_home = with_width_checked(at_home, context, step, partial(_names_versions, revision.path or "", context))
        loaded.append(RunningStep(step, _heard(at_home, step, listeners, context), environment.scripts))
    return loaded


def _names_versions(path: str, context: MigrationContext) -> bool:
    """Return whether a script names the version table or its column: it may change them."""
    text = Path(path).read_bytes()
    return b"version_num" in text or context.version_table.encode() in text


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

    begins = [
        listener.step_begins for listener in listeners if type(listener).step_begins is not RunListener.step_begins
    ]
    ends = [listener.step_ends for listener in listeners if type(listener).step_ends is not RunListener.step_ends]

    def heard(**arguments: Any) -> None:
        for call in begins:
            call(context, step)
        function(**arguments)
        for call in ends:
            call(context, step)

    return heard


def _stamp_revision(**_: Any) -> None:
    """Do nothing: a stamp only moves the version rows."""


def _imported(revision: Revision, environment: Environment) -> Any:
    path = Path(revision.path or "")
    try:
        with imports_of(environment.project, str(path)):
            return environment.load(path)
    except BranchmigError:
        raise
    except (Exception, SystemExit) as error:  # a script may raise anything when it is imported
        place = place_of(error, path, environment)
        line = conflict_marker_line(path.read_bytes()) if isinstance(error, SyntaxError) else None
        if line is not None:
            raise RevisionFileError(
                f"unresolved merge in {environment.project.shown_path(str(path))}:{line}",
                "nothing was run; edit the file until no <<<<<<<, ======= and >>>>>>> is left, then git add it",
            ) from error
        if isinstance(error, FileNotFoundError) and not path.exists():
            raise RevisionFileError(
                f"the file of revision {revision.id!r} is not in the work tree: "
                f"{environment.project.shown_path(str(path))}",
                "nothing was run; a sparse checkout leaves it out: git sparse-checkout add FOLDER, "
                "or git update-index --no-skip-worktree PATH and git checkout PATH",
            ) from error
        raise RevisionFileError(
            f"revision {revision.id!r} cannot be imported: {place}: {failures.summary(error)}",
            "nothing was run; correct the file and start again",
        ) from error


def ensure_version_table(environment: Environment, *, as_sql: bool) -> None:
    """Create the version table where it is missing, or write its SQL.

    Raises NotCommitted where env.py leaves nothing of it.
    """
    written: list[MigrationContext] = []

    def work(_: tuple[str, ...], context: MigrationContext) -> None:
        written.append(context)
        context._ensure_version_table()

    def is_lacking() -> bool:
        return any(not has_version_table(context) for context in written if not context.as_sql)

    run_work(environment, work, is_lacking, as_sql=as_sql)
