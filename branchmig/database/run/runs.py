"""The progress of a run, and the report of a run that ended early: what was and was not applied."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from branchmig.database.journal.own_tables import RECORDED
from branchmig.database.run import failures
from branchmig.database.run.session import in_session, session_of
from branchmig.database.run.side_connection import SideConnection
from branchmig.database.run_state import SeenVersionTable
from branchmig.effects.dialects import server_name
from branchmig.errors import BranchmigError, EnvironmentFailed, Interrupted, LockLost, MigrationFailed
from branchmig.model import Plan, Step

if TYPE_CHECKING:
    from branchmig.database.run.environment import Environment

_INVALID = (
    "SELECT c.relname, CAST(CAST(i.indexrelid AS regclass) AS text) FROM pg_catalog.pg_index i "
    "JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid WHERE NOT i.indisvalid"
)
_TRACEBACK = "; --raiseerr shows the whole traceback"


@dataclass(slots=True)
class Run:
    """How far one run_migrations() of env.py came.

    `before` are the steps that an earlier run of env.py has done in the same database, and kept, by `first` rows on.
    `begun`, `ended` and `committed` count steps: begun, whose scripts have returned, that were committed.
    """

    plan: Plan
    context: MigrationContext
    before: tuple[Step, ...] = ()
    first: tuple[str, ...] = ()
    begun: int = 0
    is_over: bool = False
    table: SeenVersionTable | None = None
    ended: int = 0
    committed: int = 0
    transaction: Any = None
    """The one in which the last step ran."""
    found: tuple[str, ...] | None = None
    """The rows as another session has read them after the transaction was over."""
    unread: str = ""
    """Why they could not be read."""
    is_nested: bool = False

    @property
    def step(self) -> Step:
        """The step that began last."""
        return self.plan.steps[self.begun - 1]

    @property
    def whole_plan(self) -> Plan:
        """The plan of the command, however often env.py was run for it."""
        plan = Plan(self.first, (*self.before, *self.plan.steps)) if self.before else self.plan
        return replace(plan, database=self.title)

    @property
    def title(self) -> str:
        """How to call the database."""
        return "" if self.table is None else self.table.title

    @property
    def is_named(self) -> bool:
        """Whether it takes more than a URL to name the version table: one of several tenants, most likely."""
        return self.table is not None and self.table.is_named

    @property
    def is_outer(self) -> bool:
        """Whether env.py had begun a transaction before it configured the context: alembic commits none then."""
        return bool(getattr(self.context, "_in_external_transaction", False))

    @property
    def is_transactional(self) -> bool:
        """Whether DDL is rolled back with everything else."""
        return bool(self.context.impl.transactional_ddl)

    @property
    def is_open(self) -> bool:
        """Whether the transaction in which the last step ran is not over yet."""
        connection = self.context.connection
        if connection is None or connection.closed or self.transaction is None or self.committed == self.ended:
            return False
        transaction = connection.get_transaction()
        return transaction is not None and transaction is self.transaction and bool(transaction.is_active)

    def number_kept(self, rows: tuple[str, ...] | None) -> int:
        """Return how many steps of this run are in the database, whose rows are `rows` now; None if not known.

        Only what was committed counts, and where statements commit by themselves what the rows show of the steps
        that came to their end: something else may have moved the rows.
        """
        states = [self.plan.applied, *(step.heads_after for step in self.plan.steps)]
        bound = self.committed if self.is_transactional else self.ended
        return max((number for number in range(bound + 1) if states[number] == rows), default=self.committed)


def continued(plan: Plan, context: MigrationContext, earlier: Run | None) -> Run:
    """Return a run that begins, after an earlier one at the same place of env.py that is to be run again.

    The steps that the earlier one has committed are part of it.
    """
    if earlier is None:
        return Run(plan, context)
    kept = earlier.plan.steps[: earlier.number_kept(plan.applied if earlier.found is None else earlier.found)]
    done = [*earlier.before, *kept]
    first = earlier.first if earlier.before else earlier.plan.applied
    while done and not plan.steps and done[-1].heads_after != plan.applied:
        done.pop()
    return Run(plan, context, tuple(done), first)


def migration_failed(runs: Sequence[Run], error: BaseException, environment: Environment) -> MigrationFailed:
    """Return the report of a script, or a commit, that raised in the last of some runs."""
    run = runs[-1]
    step = run.step
    revision = step.revision
    name = "version rows" if revision is None else revision.id
    if revision is None or run.is_over:
        what = f"the transaction that ended with revision {name!r}"
        details = []
    else:
        title = f" ({revision.title})" if revision.message else ""
        what = f"revision {name!r}{title}"
        place = place_of(error, Path(revision.path or ""), environment)
        line = failures.source_line(error, revision.path or "")
        details = [f"at {place}, in {step.direction}(){f': {line}' if line else ''}"]
    sql = failures.statement(error)
    details += [f"SQL: {sql}"] if sql else []
    details += getattr(error, "__notes__", [])
    details += outcome(runs)
    where = f" in {run.title}" if len(runs) > 1 or run.is_named else ""
    return MigrationFailed(f"{what} failed{where}: {failures.summary(error)}", _way_on(run, step), details, name)


def outcome(runs: Sequence[Run]) -> list[str]:
    """Say what was applied to each database and what was not, as the version tables say that were read back."""
    if any(run.context.as_sql for run in runs):
        return ["no database was touched: this run only writes SQL"]
    if len(runs) == 1:
        return _outcome(runs[0])
    lines = [f"{run.title}: {'; '.join(_outcome(run))}" for run in runs]
    return [*lines, "what env.py opens after that was not reached"]


def _outcome(run: Run) -> list[str]:
    if not run.begun:
        return [f"nothing was run, the database is at: {_rows(run.plan.applied)}"]
    if run.found is None:
        return ["the version table cannot be read now; later: branchmig current"]
    kept, steps = run.number_kept(run.found), run.whole_plan.steps
    number_done = len(run.before) + kept
    lines = [
        f"done: {_ids(steps[:number_done]) or 'nothing of this run'}",
        f"not done: {_ids(steps[number_done:]) or 'nothing'}",
        f"the database is at: {_rows(run.found)}",
    ]
    expected = run.plan.steps[kept - 1].heads_after if kept else run.plan.applied
    if run.found != expected:
        lines.append(f"something else has moved the version table meanwhile: this run left it at {_rows(expected)}")
    return lines


def _rows(rows: Sequence[str]) -> str:
    return ", ".join(rows) or "base"


def _ids(steps: Sequence[Step]) -> str:
    """Name the revisions of some steps: all of up to ten, else both ends."""
    ids = [step.revision.id for step in steps if step.revision is not None]
    if len(ids) > 10:
        ids = [*ids[:5], f"… {len(ids) - 10} more …", *ids[-5:]]
    return ", ".join(ids)


def _way_on(run: Run, step: Step) -> str:
    context = run.context
    if left := _invalid_indexes(run, step):
        drops = "; ".join(f"DROP INDEX CONCURRENTLY {name}" for name in left)
        return f"an index was left invalid: {drops}; then run the same command again{_TRACEBACK}"
    if context.impl.transactional_ddl and not context.as_sql and b"autocommit_block" in _script(step):
        if context._in_external_transaction:
            return (
                "an autocommit_block() cannot commit within a transaction that env.py, or the program, has begun, and "
                "nothing was committed: in env.py write engine.connect() in the place of engine.begin(), then run the "
                f"same command again{_TRACEBACK}"
            )
        return (
            "what stands before its autocommit_block(), and in it, is committed: undo that, correct the script and run "
            f"the same command again{_TRACEBACK}"
        )
    if context.as_sql or context.impl.transactional_ddl:
        return f"correct the script and run the same command again{_TRACEBACK}"
    if context.opts.get(RECORDED):
        return (
            f"the journal has the finished statements: correct the script, then branchmig repair --resume{_TRACEBACK}"
        )
    way = "; sqlite_transactional_ddl = true prevents that" if context.dialect.name == "sqlite" else ""
    return (
        f"{server_name(context.dialect)} does not roll DDL back: undo what "
        f"{step.revision.id if step.revision else 'it'} did so far before you run it again{way}{_TRACEBACK}"
    )


def _invalid_indexes(run: Run, step: Step) -> tuple[str, ...]:
    """Return the indexes that a script names and that CREATE INDEX CONCURRENTLY has left invalid (PostgreSQL)."""
    connection, session, script = run.context.connection, session_of(run.context), _script(step)
    if connection is None or connection.dialect.name != "postgresql" or b"concurrently" not in script.lower():
        return ()

    def ask(plain: Connection) -> tuple[str, ...]:
        with in_session(plain, session) as own:
            found = own.exec_driver_sql(_INVALID).all()
        words = script.decode("utf-8", "replace")
        return tuple(sorted(shown for name, shown in found if str(name) in words))

    try:
        with closing(SideConnection.open(connection)) as side:
            return side.ask(ask)
    except (SQLAlchemyError, EnvironmentFailed):
        return ()


def _script(step: Step) -> bytes:
    path = None if step.revision is None else step.revision.path
    try:
        return b"" if path is None else Path(path).read_bytes()
    except OSError:
        return b""


def with_outcome(error: BranchmigError, runs: Sequence[Run]) -> BranchmigError:
    """Return an error that no step has raised, with what was and was not applied before it."""
    if any(run.begun for run in runs):
        error.details = (*error.details, *outcome(runs))
    return error


def lock_lost(runs: Sequence[Run], error: LockLost) -> LockLost:
    """Return the error with what was and was not applied."""
    is_begun = any(run.begun for run in runs)
    return LockLost(error.message, error.hint, outcome(runs) if is_begun else ["nothing was run"])


def interrupted(runs: Sequence[Run], by: str) -> Interrupted:
    """Return the report of a run that a signal has ended; `by` names it."""
    if not any(run.begun for run in runs):
        return Interrupted(f"interrupted by {by} before anything was run", "run the same command again", [])
    run = runs[-1]
    if not run.begun:
        again = "run the same command again"
        return Interrupted(f"interrupted by {by} between two databases", again, outcome(runs))
    step, name = run.step, run.step.revision.id if run.step.revision else "the version rows"
    if run.is_over:
        return Interrupted(f"interrupted by {by} after the last step", "run the same command again", outcome(runs))
    context = run.context
    is_clean = context.impl.transactional_ddl or step.direction == "stamp"
    if context.opts.get(RECORDED) and not is_clean:
        hint = "the journal has the finished statements; to see the ways out: branchmig repair"
    else:
        is_clean = is_clean and not _invalid_indexes(run, step)
        hint = "run the same command again" if is_clean else _way_on(run, step).removesuffix(_TRACEBACK)
    return Interrupted(f"interrupted by {by} in {step.direction} of {name}", hint, outcome(runs))


def place_of(error: BaseException, script: Path, environment: Environment) -> str:
    """Return file and line, as a user would type them, of where a script raised."""
    path, line = failures.last_place(error, script.name) or (str(script), None)
    return environment.project.shown_path(path) + (f":{line}" if line else "")
