"""How far a run came, and what is told of one that ended early: what was and what was not applied."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from branchmig.database import failures
from branchmig.database.own_tables import RECORDED
from branchmig.database.state import rows_after_failure
from branchmig.errors import Interrupted, LockLost, MigrationFailed
from branchmig.model import Plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alembic.runtime.migration import MigrationContext

    from branchmig.database.environment import Environment
    from branchmig.model import Step


_TRACEBACK = "; --raiseerr shows the whole traceback"


@dataclass(slots=True)
class Run:
    """How far one run_migrations() of env.py came.

    `before` are the steps that an earlier run of env.py has done in the same database, and kept, by `first` rows on.
    """

    plan: Plan
    context: MigrationContext
    before: tuple[Step, ...] = ()
    first: tuple[str, ...] = ()
    begun: int = 0
    is_over: bool = False

    @property
    def step(self) -> Step:
        """The step that began last."""
        return self.plan.steps[self.begun - 1]

    @property
    def whole_plan(self) -> Plan:
        """The plan of the command, however often env.py was run for it."""
        return Plan(self.first, (*self.before, *self.plan.steps)) if self.before else self.plan


def continued(plan: Plan, context: MigrationContext, earlier: Run | None) -> Run:
    """Return a run that begins, after an earlier one at the same place of env.py that is to be run again.

    What that one did shows in the rows that are found now: a step whose rows are there was kept.
    """
    if earlier is None:
        return Run(plan, context)
    if _is_one_transaction(context) and plan.applied == earlier.plan.applied:
        kept: tuple[Step, ...] = ()
    else:
        kept = earlier.plan.steps[: earlier.begun if earlier.is_over else max(earlier.begun - 1, 0)]
    done = [*earlier.before, *kept]
    first = earlier.first if earlier.before else earlier.plan.applied
    while done and done[-1].heads_after != plan.applied:
        done.pop()
    return Run(plan, context, tuple(done), first)


def migration_failed(run: Run, error: BaseException, environment: Environment) -> MigrationFailed:
    """Return the report of a script, or a commit, that raised."""
    step = run.step
    revision = step.revision
    name = "version rows" if revision is None else revision.id
    if revision is None or run.is_over:
        what = f"the transaction that ended with revision {name!r}"
        details = []
    else:
        title = f" ({revision.message.partition(chr(10))[0]})" if revision.message else ""
        what = f"revision {name!r}{title}"
        place = place_of(error, Path(revision.path or ""), environment)
        line = failures.source_line(error, revision.path or "")
        details = [f"at {place}, in {step.direction}(){f': {line}' if line else ''}"]
    sql = failures.statement(error)
    details += [f"SQL: {sql}"] if sql else []
    details += getattr(error, "__notes__", [])
    details += outcome(run)
    return MigrationFailed(f"{what} failed: {failures.summary(error)}", _way_on(run, step), details, name)


def outcome(run: Run) -> list[str]:
    """Say what this run applied and what it did not, from the version table itself where it can be asked."""
    if run.context.as_sql:
        return ["no database was touched: this run only writes SQL"]
    rows = rows_after_failure(run.context, run.plan, run.step)
    if rows is None:
        return ["the version table cannot be asked what is applied; 'branchmig current' does"]
    steps = run.whole_plan.steps
    number_done = len(run.before) + _number_done(run, rows)
    return [
        f"done: {_ids(steps[:number_done]) or 'nothing of this run'}",
        f"not done: {_ids(steps[number_done:]) or 'nothing'}",
        f"the database is at: {', '.join(rows) or 'base'}",
    ]


def _number_done(run: Run, rows: tuple[str, ...]) -> int:
    """Return how many steps the rows show as done: as many as can be, where not all were in one transaction."""
    states = [run.plan.applied, *(step.heads_after for step in run.plan.steps)]
    possible = [number for number, state in enumerate(states) if state == rows and number <= run.begun]
    if _is_one_transaction(run.context):
        return possible[0]
    if run.is_over:
        return possible[-1]
    # A step that left the rows as they were is done if the next one has begun.
    return max(number for number in possible if number < run.begun or number == possible[0])


def _is_one_transaction(context: MigrationContext) -> bool:
    return bool(context.impl.transactional_ddl and not context.opts.get("transaction_per_migration"))


def _ids(steps: Sequence[Step]) -> str:
    """Name the revisions of some steps: all of up to ten, else both ends."""
    ids = [step.revision.id for step in steps if step.revision is not None]
    if len(ids) > 10:
        ids = [*ids[:5], f"… {len(ids) - 10} more …", *ids[-5:]]
    return ", ".join(ids)


def _way_on(run: Run, step: Step) -> str:
    context = run.context
    if context.impl.transactional_ddl and not context.as_sql and _commits_amid(step):
        return (
            "what stands before its autocommit_block(), and in it, is committed: undo that, mend the script and run "
            f"the same command again{_TRACEBACK}"
        )
    if context.as_sql or context.impl.transactional_ddl:
        return f"mend the script and run the same command again{_TRACEBACK}"
    if context.opts.get(RECORDED):
        return f"what is done is recorded: mend the script, then branchmig repair --resume{_TRACEBACK}"
    name = "mariadb" if getattr(context.dialect, "is_mariadb", False) else context.dialect.name
    return (
        f"{name} does not roll DDL back: undo what {step.revision.id if step.revision else 'it'} "
        f"did so far before you run it again{_TRACEBACK}"
    )


def _commits_amid(step: Step) -> bool:
    path = None if step.revision is None else step.revision.path
    try:
        return path is not None and b"autocommit_block" in Path(path).read_bytes()
    except OSError:
        return False


def lock_lost(run: Run | None, error: LockLost) -> LockLost:
    """Return the error with what was and was not applied."""
    return LockLost(error.message, error.hint, outcome(run) if run is not None and run.begun else ["nothing was run"])


def interrupted(run: Run | None, by: str) -> Interrupted:
    """Return the report of a run that a signal has ended; `by` names it."""
    if run is None or not run.begun:
        return Interrupted(f"interrupted by {by} before anything was run", "run the same command again", [])
    step, name = run.step, run.step.revision.id if run.step.revision else "the version rows"
    if run.is_over:
        return Interrupted(f"interrupted by {by} after the last step", "run the same command again", outcome(run))
    context = run.context
    is_clean = context.impl.transactional_ddl or step.direction == "stamp"
    if context.opts.get(RECORDED) and not is_clean:
        hint = "what is done is recorded: branchmig repair shows what can be done"
    else:
        hint = "run the same command again" if is_clean else _way_on(run, step).removesuffix(_TRACEBACK)
    return Interrupted(f"interrupted by {by} in {step.direction} of {name}", hint, outcome(run))


def place_of(error: BaseException, script: Path, environment: Environment) -> str:
    """Return file and line, as a user would type them, of where a script raised."""
    path, line = failures.last_place(error, script.name) or (str(script), None)
    return environment.project.shown_path(path) + (f":{line}" if line else "")
