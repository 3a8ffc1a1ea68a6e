"""A control database: the source of targets by a query, and optionally the place of the records of runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from branchmig.database.connecting import parsed_url, shown
from branchmig.database.run import failures
from branchmig.database.run.environment import Environment, silent
from branchmig.effects.dialects import dialect_kind
from branchmig.errors import EnvironmentFailed, FleetStopped
from branchmig.project.config import Invocation
from branchmig.project.project import Project

_SCHEMAS = {
    "postgresql": "SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname LIKE :pattern",
    "mysql": "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE :pattern",
}


def rows_of_query(url: str, variable: str, query: str) -> list[dict[str, Any]]:
    """Return what a query finds in the control database, row by row; nothing is committed.

    `variable` is where the URL came from: messages say that, not the URL. Raises FleetStopped.
    """
    with _control(url, variable) as connection:
        return [dict(row) for row in connection.execute(text(query)).mappings()]


def schemas_like(project: Project, invocation: Invocation, pattern: str, control: tuple[str, str] | None) -> list[str]:
    """Return the schemas whose name is LIKE a pattern, in the database that env.py connects to, or in `control`.

    `control` are a URL and the variable that it came from. Raises FleetStopped, and EnvironmentFailed where env.py
    does not connect by itself.
    """

    def look(_: tuple[str, ...], context: MigrationContext) -> list[str]:
        assert context.connection is not None
        return _schemas(context.connection, pattern)

    if control is not None:
        with _control(*control) as connection:
            return _schemas(connection, pattern)
    try:
        with silent():
            found = Environment(project, invocation, "current").ask(look)
    except EnvironmentFailed as error:
        raise EnvironmentFailed(
            f"the schemas cannot be listed: {error.message}",
            "if env.py runs for one schema alone, say where they are: --control-url-env VAR",
            error.details,
        ) from error
    return sorted({schema for schemas in found for schema in schemas})


class ControlDatabase:
    """A control database as the place of records."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement once for each of `rows`."""
        self._connection.execute(text(sql), [dict(row) for row in rows] if any(rows) else None)

    def ask(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Return what a query finds."""
        return [tuple(row) for row in self._connection.execute(text(sql), parameters)]

    def commit(self) -> None:
        """Make what was written last."""
        self._connection.commit()

    def rollback(self) -> None:
        """Forget what was not committed; the next statement opens a new connection where this one was lost."""
        self._connection.rollback()

    @contextmanager
    def lock(self, run: str) -> Iterator[bool | None]:
        """Hold the lock of a run in this session for the block; give whether it was free, None without such locks."""
        number = int.from_bytes(sha256(f"branchmig fleet {run}".encode()).digest()[:8], "big", signed=True)
        words = {
            "postgresql": f"SELECT pg_try_advisory_lock({number})",
            "mysql": f"SELECT GET_LOCK('branchmig fleet {number}', 0)",
        }.get(dialect_kind(self._connection.dialect.name))
        if words is None:
            yield None
            return
        is_free = self._connection.exec_driver_sql(words).scalar() in (True, 1)
        self._connection.commit()
        yield is_free  # the session ends with the run, and the lock with it


@contextmanager
def control_database(url: str, variable: str) -> Iterator[ControlDatabase]:
    """Give a control database for records. Raises FleetStopped where it does not answer."""
    with _control(url, variable) as connection:
        yield ControlDatabase(connection)


def _schemas(connection: Connection, pattern: str) -> list[str]:
    kind = dialect_kind(connection.dialect.name)
    if kind not in _SCHEMAS:
        raise FleetStopped(f"--schemas: {kind} has no schemas", "list the databases in a file: --targets FILE")
    return sorted(connection.execute(text(_SCHEMAS[kind]), {"pattern": pattern}).scalars().all())


@contextmanager
def _control(url: str, variable: str) -> Iterator[Connection]:
    parsed = parsed_url(url, f"${variable} is no database URL", "e.g. postgresql+psycopg://user@host/control")
    try:
        with create_engine(parsed, poolclass=NullPool).connect() as connection:
            yield connection
    except (SQLAlchemyError, ImportError, OSError) as error:
        raise FleetStopped(
            f"control database {shown(parsed)}: {failures.summary(error)}", f"it is the URL in ${variable}"
        ) from error
