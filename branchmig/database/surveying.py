"""Looks at each version table that env.py opens: which database that is, its rows, what a plan would take away.

Nothing is written, and no row is judged: what is odd about the rows is for those who ask to say.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Result, column, func, inspect, literal_column, select, table
from sqlalchemy.exc import SQLAlchemyError

from branchmig.database.identity import Identity, identity_of, translated_schema
from branchmig.database.locks import Holder
from branchmig.database.run.environment import Environment, silent
from branchmig.database.run.failures import summary
from branchmig.database.run.quiet import without_log
from branchmig.database.run.run_listener import RunListener
from branchmig.database.run.transactions import left_as_it_was, savepoint
from branchmig.errors import EnvironmentFailed
from branchmig.model import Plan
from branchmig.project.config import Invocation
from branchmig.project.project import Project

if TYPE_CHECKING:
    from branchmig.effects.losses import Loss
    from branchmig.planning.interrupted_step import Unfinished
    from branchmig.planning.journal_state import Ledger

TableName = tuple[str | None, str]

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class VersionTable:
    """A version table as it is now: its rows as they are, NULL and odd ones included, sorted.

    `context` is alembic's, on env.py's connection: it only lives as long as the call that it is given to.
    """

    identity: Identity
    rows: tuple[str | None, ...]
    context: MigrationContext = field(repr=False, compare=False)

    @property
    def exists(self) -> bool:
        """Return whether the database has this version table: without it there are no rows either."""
        connection = self.context.connection
        if connection is None:
            return False
        schema = translated_schema(connection, self.context.version_table_schema)
        return inspect(connection).has_table(self.context.version_table, schema)

    def ledger(self, project: Project, rows: Sequence[str]) -> Ledger:
        """Return the journal beside these rows, with the project's graph and scripts."""
        from branchmig.database.journal.journal import ledger_of

        return ledger_of(self.context, project, rows)

    def unfinished(self, ledger: Ledger) -> tuple[Unfinished, ...]:
        """Return the steps that were interrupted and have left something behind."""
        from branchmig.database.run.interrupted_steps import left_behind

        return left_behind(self.context, ledger)

    def is_ahead(self, project: Project) -> bool:
        """Return whether the journal shows that all of the checkout is applied here, and more above it."""
        from branchmig.database.journal.ahead import is_ahead_by_journal

        return is_ahead_by_journal(self.context, project, [row for row in self.rows if row is not None])

    @property
    def running(self) -> Holder | None:
        """The run that is going on now. Raises EnvironmentFailed where the database cannot be asked."""
        from branchmig.database.locks.locking import current_holder

        try:
            return current_holder(self.context)
        except SQLAlchemyError as error:
            raise EnvironmentFailed(f"whether another run is going on cannot be asked: {summary(error)}") from error

    def counted(self, losses: Sequence[Loss]) -> tuple[Loss, ...]:
        """Return losses with how many rows each table holds now, or each column has a value in."""
        connection = self.context.connection
        return tuple(losses) if connection is None else tuple(_counted(connection, loss) for loss in losses)


def survey(environment: Environment, consider: Callable[[VersionTable], Found]) -> list[Found]:
    """Run env.py and return what `consider` makes of each version table that it opens."""
    with without_log():
        return environment.ask(
            lambda rows, context: consider(VersionTable(identity_of(context), tuple(sorted(rows, key=str)), context))
        )


def empty_tables(project: Project, invocation: Invocation, tables: Collection[TableName]) -> frozenset[TableName]:
    """Return the tables of some that exist and have no row in every database that env.py opens.

    A table that cannot be asked, or is not there, is not among them.
    """

    def look(surveyed: VersionTable) -> frozenset[TableName]:
        connection = surveyed.context.connection
        if connection is None:
            return frozenset()
        return frozenset(name for name in tables if _is_empty(connection, *name))

    with silent():
        found = survey(Environment(project, invocation, "current"), look)
    return frozenset.intersection(*found) if found else frozenset()


class ForeseenPlans(RunListener):
    """Gives each version table the plan that was made for it before, and refuses to go on where it has moved since."""

    def __init__(self, plans: Sequence[tuple[Identity, Plan]]) -> None:
        self._plans = dict(plans)
        self._current: Identity | None = None

    def configured(self, context: MigrationContext) -> None:
        """Note which version table is next."""
        with left_as_it_was(context.connection):
            self._current = identity_of(context)

    def plan(self, rows: Sequence[str | None]) -> Plan:
        """Return the plan of the version table whose rows these are. Raises EnvironmentFailed if they are others."""
        plan = None if self._current is None else self._plans.get(self._current)
        if plan is None:
            raise EnvironmentFailed(
                f"env.py opens another database than it did a moment ago: {self._current}",
                "run the command again; does env.py choose its database by chance, or by the clock?",
            )
        if tuple(sorted(rows, key=str)) != plan.applied:
            raise EnvironmentFailed(
                f"somebody has migrated {self._current} since the plan was made: nothing was run",
                "run the command again, and look at the plan again",
            )
        return plan


def _is_empty(connection: Connection, schema: str | None, name: str) -> bool:
    try:
        if not inspect(connection).has_table(name, schema=schema):
            return False
        with savepoint(connection):
            found: Result[Any] = connection.execute(
                select(literal_column("1")).select_from(table(name, schema=schema)).limit(1)
            )
            return not found.all()
    except SQLAlchemyError:
        return False  # a role may change what it may not read


def _counted(connection: Connection, loss: Loss) -> Loss:
    what = table(loss.table, schema=loss.schema)
    number = func.count() if loss.column is None else func.count(column(loss.column))
    try:
        inspector = inspect(connection)
        if not inspector.has_table(loss.table, schema=loss.schema):
            return loss
        if loss.column is not None:
            names = {str(entry["name"]) for entry in inspector.get_columns(loss.table, schema=loss.schema)}
            if loss.column not in names:
                return loss
        with savepoint(connection):
            rows = connection.execute(select(number).select_from(what)).scalar_one()
    except SQLAlchemyError:
        return loss  # a role may drop what it may not read
    return replace(loss, rows=rows)
