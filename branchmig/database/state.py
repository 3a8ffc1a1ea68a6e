"""What the version table says, asked on a connection of its own after a run has failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Column, MetaData, String, Table, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from branchmig.database.session import in_session, session_of
from branchmig.database.side import SideConnection
from branchmig.errors import EnvironmentFailed

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import Connection

    from branchmig.model import Plan, Step


def rows_after_failure(context: MigrationContext, plan: Plan, failing: Step) -> tuple[str, ...] | None:
    """Return the rows of the version table now, or None where they cannot be known.

    They are asked for where env.py's session found them: with its search_path, its database, its translation of
    schemas. The answer is trusted only if the plan can have left it: all rolled back, or every step before the failing
    one kept.
    """
    if not session_of(context).is_known:
        return None
    possible = {plan.applied, failing.heads_before, failing.heads_after}
    rows = _read_rows(context)
    return rows if rows in possible else None


def _read_rows(context: MigrationContext) -> tuple[str, ...] | None:
    connection = context.connection
    if connection is None:
        return None
    table = Table(
        context.version_table,
        MetaData(),
        Column("version_num", String(32)),
        schema=context.version_table_schema,
    )

    session = session_of(context)

    def ask(plain: Connection) -> tuple[str, ...]:
        with in_session(plain, session) as own:
            schema = own.schema_for_object(table) or session.database
            if not inspect(own).has_table(table.name, schema=schema):
                return ()
            return tuple(sorted(row[0] for row in own.execute(select(table.c.version_num))))

    try:
        if connection.dialect.name == "sqlite" and not connection.dialect.is_async:
            with connection.engine.connect() as own:  # a database in memory is there for one pool alone
                return ask(own)
        # An async engine's connection only works inside the event loop that env.py has left by now.
        side = SideConnection.open(connection)
        try:
            return side.ask(ask)
        finally:
            side.close()
    except (SQLAlchemyError, EnvironmentFailed):
        return None
