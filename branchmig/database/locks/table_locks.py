"""How long a migration waits for a table: not long, since every reader of the table waits behind it.

A statement that needs a table which an open transaction uses waits, and all that come later wait behind it, though
they would not disturb that transaction. So the wait is cut off, what was done is rolled back, and it is tried again.
"""

from __future__ import annotations

import math
import random
import re
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from branchmig.database.run.retryable_errors import sqlstate
from branchmig.database.run.run_listener import RunListener
from branchmig.effects.dialects import dialect_kind
from branchmig.errors import EnvironmentFailed
from branchmig.model import Plan, Step

if TYPE_CHECKING:
    from branchmig.database.run.statement_watch import StatementWatch, WatchedSession

_LOCK_WAIT_TIMEOUT = 1205  # the number of the error on MariaDB and MySQL, for tables and for rows

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0

_BLOCKERS = text(
    "SELECT b.pid, b.usename, b.application_name, b.state, "
    "round(extract(epoch FROM now() - b.xact_start)) AS age, b.query "
    "FROM unnest(pg_blocking_pids(:number)) AS p(pid) JOIN pg_stat_activity b ON b.pid = p.pid ORDER BY b.pid"
)
# From the exact to the possible: MySQL's performance schema, MariaDB's plugin, then sessions with an open transaction.
_BLOCKERS_OF_MYSQL = (
    "SELECT p.id, p.user, '', p.command, p.time, p.info FROM sys.schema_table_lock_waits w "
    "JOIN information_schema.processlist p ON p.id = w.blocking_pid "
    "WHERE w.waiting_pid = :number AND w.blocking_pid <> :number",
    "SELECT DISTINCT p.id, p.user, '', p.command, p.time, p.info FROM information_schema.metadata_lock_info m "
    "JOIN information_schema.processlist p ON p.id = m.thread_id WHERE m.table_schema = "
    "(SELECT db FROM information_schema.processlist WHERE id = :number) AND m.thread_id <> :number",
    "SELECT p.id, p.user, '', p.command, TIMESTAMPDIFF(SECOND, t.trx_started, NOW()), p.info "
    "FROM information_schema.innodb_trx t JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id "
    "WHERE p.id NOT IN (:number, CONNECTION_ID())",
)
# On MariaDB and MySQL everything else commits what came before it, or writes.
_READS = re.compile(r"\s*(SELECT|SHOW|SET|DESCRIBE|DESC|EXPLAIN)\b", re.IGNORECASE)
_WRITES_ROWS = re.compile(r"\s*(INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)


class TableLocks(RunListener):
    """Sets the time-out, unless somebody else has set one, and has the run tried again where nothing of it is left.

    `timeout` 0 leaves the server's own. `budget` is for how long a revision is tried again.
    """

    def __init__(self, watch: StatementWatch, timeout: float, budget: float, say: Callable[[str], None]) -> None:
        self._watch, self._timeout, self._budget, self._say = watch, timeout, budget, say
        self._heard: list[Connection] = []
        self._set_in: Any = None
        self._is_autocommit = False
        self._name = ""
        self._restore: dict[int, tuple[Connection, str]] = {}
        self._in_step = self._is_committed = self._has_written = self._has_ddl = False
        self._last: Step | None = None
        self._first_failure: tuple[str, float] | None = None
        self._tries = 0
        self._blockers: dict[WatchedSession, tuple[int, list[str]]] = {}
        self._stop = Event()
        self._thread: Thread | None = None

    def configured(self, context: MigrationContext) -> None:
        """Hear of what the connection commits, and of what it has run."""
        connection = context.connection
        if connection is None or dialect_kind(connection.dialect.name) not in ("postgresql", "mysql"):
            return
        if any(connection is known for known in self._heard):
            return
        self._heard.append(connection)
        self._watch.listen(connection, "commit", self._committed)
        self._watch.listen(connection, "after_cursor_execute", self._executed)
        if self._timeout and connection.dialect.name != "postgresql":
            self._retry_statements(connection)
        self._set_in = None

    def planned(self, context: MigrationContext, plan: Plan) -> None:
        """Remember which step is the last."""
        self._last = plan.steps[-1] if plan.steps else None

    def step_begins(self, context: MigrationContext, step: Step) -> None:
        """Set the time-out for the step's transaction, or session."""
        connection = context.connection
        if connection is None:
            return
        kind = dialect_kind(connection.dialect.name)
        if self._timeout and kind == "postgresql":
            self._set_for_transaction(connection)
        elif self._timeout and kind == "mysql":
            self._set_for_session(connection)
        self._in_step, self._has_written, self._has_ddl = True, False, False
        self._name = step.revision.id if step.revision is not None else "the version rows"

    def step_ends(self, context: MigrationContext, step: Step) -> None:
        """Put a connection back that a program may use for other things after the last step."""
        self._in_step = False
        if step is self._last and context.connection is not None:
            self._put_back(context.connection)

    def failed(self, context: MigrationContext, step: Step, error: BaseException) -> bool:
        """Say who blocks, and wait a while before the next try, where there can be one."""
        self._in_step = False
        if context.connection is None or not _is_lock_timeout(error):
            return False
        obstacle = self._obstacle(context, error)
        if obstacle is None and self._pause(context.connection, "rolled back"):
            return True
        for line in self._blockers_at_failure(context.connection):
            error.add_note(line)
        error.add_note(obstacle or f"gave up after {self._budget:g} s (ddl_lock_budget)")
        return False

    def ended(self) -> None:
        """Put back what was set, on connections that are still open."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        for connection, _ in list(self._restore.values()):
            if not (connection.closed or connection.invalidated or connection.dialect.is_async):
                self._put_back(connection)

    def _retry_statements(self, connection: Connection) -> None:
        """Try a DDL statement again by itself on a server that has committed what came before it, as it began.

        One that waited for its table in vain has done nothing else.
        """
        dialect = connection.dialect

        def execute(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
            is_ours = self._in_step and context is not None and context.root_connection is connection
            if not is_ours or _READS.match(statement) or _WRITES_ROWS.match(statement):
                return False
            while True:
                try:
                    dialect.do_execute(cursor, statement, parameters, context)
                except dialect.loaded_dbapi.Error as error:
                    if error.args[:1] != (_LOCK_WAIT_TIMEOUT,) or not self._pause(connection, "nothing was changed"):
                        raise
                else:
                    return True

        def execute_without(cursor: Any, statement: str, context: Any) -> bool:
            return execute(cursor, statement, (), context)

        self._watch.listen(dialect, "do_execute", execute)
        self._watch.listen(dialect, "do_execute_no_params", execute_without)

    def _pause(self, connection: Connection, state: str) -> bool:
        """Say who blocks, wait a while and return True; return False where the budget is spent."""
        now = time.monotonic()
        if self._first_failure is None or self._first_failure[0] != self._name:
            self._first_failure, self._tries = (self._name, now), 0
        self._tries += 1
        pause = min(_FIRST_PAUSE * 1.5 ** (self._tries - 1), _LONGEST_PAUSE) * random.uniform(0.8, 1.2)
        if now + pause - self._first_failure[1] > self._budget:
            return False
        blockers = self._blockers_at_failure(connection)
        self._say(f"{self._name} could not have a table lock: {'; '.join(blockers) or 'it is not known who has it'}")
        self._say(f"{state}; trying again in {pause:.1f} s (ddl_lock_budget = {self._budget:g} s)")
        session = self._watch.of(connection)
        waiting = None if session is None else session.statement
        if session is not None:
            session.statement = None
        time.sleep(pause)
        if session is not None and waiting is not None:
            session.begin(waiting)
        return True

    def _set_for_transaction(self, connection: Connection) -> None:
        """Set it for the transaction alone.

        An autocommit_block() must wait, or leave an invalid index behind, and so must what follows one in the same
        revision: it could not be tried again.
        """
        self._is_autocommit = bool(getattr(connection.connection.dbapi_connection, "autocommit", False))
        transaction = connection.get_transaction()
        if self._is_autocommit or (transaction is not None and transaction is self._set_in):
            return
        self._set_in = transaction
        if connection.exec_driver_sql("SHOW lock_timeout").scalar() != "0":
            return  # somebody set it on purpose: in env.py, the URL, the role, the database
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {math.ceil(self._timeout * 1000)}")
        self._restore[id(connection)] = (connection, "SET LOCAL lock_timeout = 0")
        self._look_out()

    def _set_for_session(self, connection: Connection) -> None:
        self._is_autocommit = False
        if id(connection) in self._restore:
            return
        own, common = connection.exec_driver_sql("SELECT @@SESSION.lock_wait_timeout, @@GLOBAL.lock_wait_timeout").one()
        if own != common:
            return
        connection.exec_driver_sql(f"SET SESSION lock_wait_timeout = {math.ceil(self._timeout)}")
        self._restore[id(connection)] = (connection, f"SET SESSION lock_wait_timeout = {int(own)}")
        self._look_out()

    def _put_back(self, connection: Connection) -> None:
        _, statement = self._restore.pop(id(connection), (None, None))
        if statement is None:
            return
        self._set_in = None
        # Through the driver: SQLAlchemy would begin a transaction, and call listeners that may end the run.
        cursor = connection.connection.cursor()
        try:
            cursor.execute(statement)
        except connection.dialect.loaded_dbapi.Error:
            return  # the server has ended the session, or the transaction has failed
        finally:
            cursor.close()

    def _committed(self, _: Connection) -> None:
        # What is committed between two steps is whole: the version rows are in it.
        self._is_committed = self._in_step

    def _executed(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if self._in_step and not _READS.match(statement):
            self._has_written = True
            self._has_ddl = self._has_ddl or not _WRITES_ROWS.match(statement)

    def _obstacle(self, context: MigrationContext, error: BaseException) -> str | None:
        """Return why the step must not be tried again; None where nothing of it is left behind."""
        connection = context.connection
        assert connection is not None
        if not connection.closed and connection.in_transaction():
            return "not tried again: the transaction is the program's, which has to start it again"
        if connection.dialect.name == "postgresql":
            if self._is_autocommit:
                return "not tried again: in AUTOCOMMIT, what the revision did so far has stayed"
            if self._is_committed:
                return "not tried again: an autocommit_block() has committed a part of the revision"
            return None
        statement = str(error.statement or "") if isinstance(error, DBAPIError) else ""
        # A statement that is no INSERT, UPDATE or DELETE commits what came before, and only then waits.
        if not self._has_ddl and (_WRITES_ROWS.match(statement) or not self._has_written):
            return None
        return f"gave up after {self._budget:g} s (ddl_lock_budget); what the revision did before has stayed"

    def _look_out(self) -> None:
        if self._thread is None:
            self._thread = Thread(target=self._ask_who_blocks, name="branchmig table locks", daemon=True)
            self._thread.start()

    def _ask_who_blocks(self) -> None:
        """Ask who blocks a statement while it waits: afterwards, nobody does."""
        asked: dict[WatchedSession, tuple[int, float]] = {}
        while not self._stop.wait(self._timeout * 0.2):
            now = time.monotonic()
            for session in self._watch.running():
                age, (count, at) = now - session.since, asked.get(session, (0, 0.0))
                is_new = count != session.count
                if session.side is None or age < self._timeout * 0.4:
                    continue
                # One that has run for longer does not wait, most likely: it is asked less often.
                if is_new or age < self._timeout * 2 or now - at > 2.0:
                    asked[session] = (session.count, now)
                    self._note_blockers(session)

    def _note_blockers(self, session: WatchedSession) -> None:
        count, side = session.count, session.side
        if side is None or session.number is None:
            return
        try:
            found = side.ask(lambda own: _blockers(own, session.number), within=5.0)
        except (SQLAlchemyError, EnvironmentFailed, TimeoutError):
            return
        if found:
            self._blockers[session] = (count, found)

    def _blockers_at_failure(self, connection: Connection) -> list[str]:
        session = self._watch.of(connection)
        return [] if session is None else self._blockers.pop(session, (0, []))[1]


def _blockers(own: Connection, number: int | None) -> list[str]:
    if own.dialect.name == "postgresql":
        return [_described(row, "blocked by") for row in own.execute(_BLOCKERS, {"number": number})]
    for statement in _BLOCKERS_OF_MYSQL:
        try:
            rows = own.execute(text(statement), {"number": number}).all()
        except SQLAlchemyError:
            continue  # another server, another schema, or not for this role
        if rows:
            is_exact = statement is not _BLOCKERS_OF_MYSQL[-1]
            return [_described(row, "blocked by" if is_exact else "perhaps blocked by") for row in rows]
    return []


def _described(row: Any, verb: str) -> str:
    pid, user, program, state, age, query = row
    text_ = " ".join((query or "").split())
    shown = f": {text_[:100]}{'…' if len(text_) > 100 else ''}" if text_ else ""
    whose = f"{user}, {program}" if program else f"{user}"
    return f"{verb} session {pid} ({whose}, {state}), for {int(age or 0)} s{shown}"


def _is_lock_timeout(error: BaseException) -> bool:
    if not isinstance(error, DBAPIError) or error.orig is None:
        return False
    original = error.orig
    if sqlstate(original) == "55P03":
        return True
    return type(original).__module__.startswith(("pymysql", "MySQLdb", "mysql", "mariadb", "asyncmy", "aiomysql")) and (
        original.args[:1] == (_LOCK_WAIT_TIMEOUT,)
    )
