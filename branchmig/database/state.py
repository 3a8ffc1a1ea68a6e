"""What the version table says, asked on a connection of its own after a run has failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Column, MetaData, String, Table, inspect, select
from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

    from branchmig.model import Plan, Step


def rows_after_failure(context: MigrationContext, plan: Plan, failing: Step) -> tuple[str, ...] | None:
    """Return the rows of the version table now, or None where they cannot be known.

    The answer is trusted only if the plan can have left it: all rolled back, or every step before the failing
    one kept. A tenant's search_path, set on env.py's connection, is not on ours, and would show other rows.
    """
    possible = {plan.applied, failing.heads_before, failing.heads_after}
    rows = _read_rows(context)
    return rows if rows in possible else None


def _read_rows(context: MigrationContext) -> tuple[str, ...] | None:
    connection = context.connection
    # An async engine's connection only works inside the event loop that env.py has left by now.
    if connection is None or connection.dialect.is_async:
        return None
    table = Table(
        context.version_table,
        MetaData(),
        Column("version_num", String(32)),
        schema=context.version_table_schema,
    )
    try:
        with connection.engine.connect() as own:
            own.execution_options(**connection.get_execution_options())
            if not inspect(own).has_table(table.name, schema=table.schema):
                return ()
            return tuple(sorted(row[0] for row in own.execute(select(table.c.version_num))))
    except SQLAlchemyError:
        return None
