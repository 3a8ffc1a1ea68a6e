"""Reads the rows of live tables: whether some have rows at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import inspect, literal_column, select, table
from sqlalchemy.exc import SQLAlchemyError

from branchmig.database.run.environment import Environment, silent
from branchmig.database.run.transactions import savepoint
from branchmig.database.surveying import survey

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Result

    from branchmig.database.surveying import VersionTable
    from branchmig.project.config import Invocation
    from branchmig.project.project import Project

    TableName = tuple[str | None, str]


def empty_tables(project: Project, invocation: Invocation, tables: Collection[TableName]) -> frozenset[TableName]:
    """Return the tables of some that exist and have no row in every database that env.py opens.

    A table that cannot be asked, or is not there, is not among them.
    """

    def look(surveyed: VersionTable) -> frozenset[TableName]:
        return frozenset(table for table in tables if _is_empty(surveyed, table))

    with silent():
        found = survey(Environment(project, invocation, "current"), look)
    return frozenset.intersection(*found) if found else frozenset()


def _is_empty(surveyed: VersionTable, name: TableName) -> bool:
    connection = surveyed.context.connection
    schema, own = name
    try:
        if connection is None or not inspect(connection).has_table(own, schema=schema):
            return False
        with savepoint(connection):
            rows: Result[Any] = connection.execute(
                select(literal_column("1")).select_from(table(own, schema=schema)).limit(1)
            )
            return not rows.all()
    except SQLAlchemyError:
        return False  # a role may change what it may not read
