"""SQLite's DDL in a transaction: `sqlite_transactional_ddl`. BEGIN IMMEDIATE is written by us, not left to sqlite3.

Python's driver begins a transaction before the first INSERT, UPDATE or DELETE, so that DDL before it is committed by
itself, and alembic takes SQLite for a database whose DDL is not transactional. Both are put right here for a run.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from branchmig.database.run.run_listener import RunListener
from branchmig.errors import EnvironmentFailed
from branchmig.model import Step

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import Connection

    from branchmig.database.run.statement_watch import StatementWatch

_FOREIGN_KEYS = re.compile(r"\s*PRAGMA\s+(?:\w+\.)?foreign_keys\s*(?:=\s*|\(\s*)'?(\w+)", re.IGNORECASE)
_ON = ("1", "on", "true", "yes")
_READ_ONLY = 8
_BEGINS = re.compile(r"\s*BEGIN\b", re.IGNORECASE)


class SqliteTransactions(RunListener):
    """Has every transaction on env.py's SQLite connections begin with BEGIN IMMEDIATE, DDL and all."""

    def __init__(self, watch: StatementWatch) -> None:
        self._watch = watch
        self._changed: list[tuple[Connection, Any]] = []

    def configuring(self, options: dict[str, Any]) -> None:
        """Have alembic treat DDL as transactional, unless env.py itself says whether it is."""
        connection = options.get("connection")
        if connection is None or connection.dialect.name != "sqlite":
            return
        if getattr(_driver(connection), "autocommit", None) is not True:  # since Python 3.12
            options.setdefault("transactional_ddl", True)

    def configured(self, context: MigrationContext) -> None:
        """Take the driver's own BEGIN away, and write one where SQLAlchemy believes to be in a transaction already."""
        connection = context.connection
        if connection is None or connection.dialect.name != "sqlite" or not context.impl.transactional_ddl:
            return
        # Since Python 3.12 `autocommit` may say that transactions are not controlled by isolation_level.
        is_left_to_driver = getattr(_driver(connection), "autocommit", -1) not in (True, False)
        if any(connection is known for known, _ in self._changed) or not is_left_to_driver:
            return
        self._changed.append((connection, _driver(connection).isolation_level))
        self._watch.listen(connection, "before_cursor_execute", _before)
        if connection.in_transaction():
            _begin(connection)

    def step_begins(self, context: MigrationContext, step: Step) -> None:
        """Have the step's transaction begun, though its script may go to the driver itself."""
        if any(context.connection is known for known, _ in self._changed):
            assert context.connection is not None
            _begin(context.connection)

    def failed(self, context: MigrationContext, step: Step, error: BaseException) -> bool:
        """Say what to do about a statement that wants to be outside of a transaction."""
        if self._changed and "vacuum from within a transaction" in str(error).lower():
            error.add_note("VACUUM must be outside of a transaction: with op.get_context().autocommit_block(): …")
        return False

    def ended(self) -> None:
        """Give connections that are still open back to the driver's own ways."""
        for connection, level in self._changed:
            if not (connection.closed or connection.dialect.is_async):
                _driver(connection).isolation_level = level
        self._changed.clear()


def _before(connection: Connection, cursor: Any, statement: str, *_: Any) -> None:
    """Begin a transaction with its first statement, which may be the BEGIN of a recipe of env.py's own."""
    _begin(connection, is_begun=_BEGINS.match(statement) is not None)
    _refuse_ineffective(connection, cursor, statement)


def _begin(connection: Connection, *, is_begun: bool = False) -> None:
    if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
        return  # an autocommit_block()
    raw: Any = connection.connection.dbapi_connection
    if raw.isolation_level is not None:  # it comes back after an autocommit_block()
        raw.isolation_level = None
    if is_begun or _driver(connection).in_transaction:
        return
    cursor = raw.cursor()
    try:
        cursor.execute("BEGIN IMMEDIATE")
    except connection.dialect.loaded_dbapi.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF != _READ_ONLY:
            raise EnvironmentFailed(
                f"no write transaction can begin on {connection.engine.url.database}: {error}",
                "another program writes to it: try again when it is done",
            ) from error
        cursor.execute("BEGIN")  # there may be nothing to do
    finally:
        cursor.close()


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _refuse_ineffective(connection: Connection, cursor: Any, statement: str) -> None:
    """Refuse what SQLite would silently ignore in a transaction: rows may be deleted that were to be kept."""
    wanted = _FOREIGN_KEYS.match(statement)
    if wanted is None or not _driver(connection).in_transaction:
        return
    cursor.execute("PRAGMA foreign_keys")
    if bool(cursor.fetchone()[0]) != (wanted[1].lower() in _ON):
        raise EnvironmentFailed(
            f"{' '.join(statement.split())}: SQLite ignores this within a transaction (sqlite_transactional_ddl)",
            "write it in env.py, before context.configure(), so that it holds for the whole run",
        )
