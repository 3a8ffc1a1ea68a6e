"""Watches the connections of env.py: which statement runs on which session, since when, and how to cancel it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import InvalidRequestError, SQLAlchemyError

from branchmig.database.locks.base import ask_quietly
from branchmig.database.run.run_listener import RunListener
from branchmig.effects.dialects import dialect_kind
from branchmig.effects.own_table_changes import own_table_in
from branchmig.errors import EnvironmentFailed, OwnTablesChanged
from branchmig.model import Step

if TYPE_CHECKING:
    from branchmig.database.run.side_connection import SideConnection, SideConnections

_CANCEL = {"postgresql": "SELECT pg_cancel_backend(:number)", "mysql": "KILL QUERY :number"}


SLOW_AFTER = 1.0  # seconds after which a statement is one of those that a run names as slow

_KEY = "branchmig_slow_statements"


def slow_statements(context: MigrationContext) -> list[tuple[str, float]]:
    """Return the statements of the step that runs now, or ran last, that were slow, each with its seconds."""
    return list(context.opts.get(_KEY, ()))


@dataclass(slots=True, eq=False)
class WatchedSession:
    """One connection of env.py; `number` is the server's for it, `statement` what runs there now."""

    connection: Connection
    driver: Any
    side: SideConnection | None
    number: int | None = None
    transaction: Any = None
    """The one in which the server was asked for its number."""
    statement: str | None = None
    since: float = 0.0
    count: int = 0
    """How many statements have begun: two may have the same text."""
    slow: list[tuple[str, float]] = field(default_factory=list)
    """What took SLOW_AFTER seconds or longer since the step began."""

    def begin(self, statement: str) -> None:
        """Note that a statement begins."""
        self.statement, self.since, self.count = statement, time.monotonic(), self.count + 1

    def cancel(self) -> None:
        """Have the server stop what runs here; from any thread. The statement fails then, where it was asked for."""
        if self.side is None:
            # sqlite3 may be interrupted from another thread; aiosqlite keeps it in one of its own.
            with suppress(Exception):  # closed meanwhile: each driver has its own error for it
                getattr(self.driver, "_conn", self.driver).interrupt()
            return
        statement = _CANCEL.get(dialect_kind(self.connection.dialect.name))
        if statement is not None and self.number is not None:
            order = text(statement.replace(":number", str(int(self.number))))
            with suppress(SQLAlchemyError, EnvironmentFailed, TimeoutError):  # it may be over by now
                self.side.ask(lambda own: own.execute(order), within=5.0)


@dataclass(slots=True)
class StatementWatch(RunListener):
    """Keeps a WatchedSession for each connection that env.py configures, for other listeners to look at."""

    sides: SideConnections
    before_statement: list[Callable[[], None]] = field(default_factory=list)
    """Called as a statement is about to run on one of the connections; what they raise comes out there."""
    sessions: list[WatchedSession] = field(default_factory=list)
    _listeners: list[tuple[Any, str, Callable[..., Any]]] = field(default_factory=list)

    def of(self, connection: Connection) -> WatchedSession | None:
        """Return the session of a connection."""
        return next((session for session in self.sessions if session.connection is connection), None)

    def running(self) -> list[WatchedSession]:
        """Return the sessions on which a statement runs now."""
        return [session for session in self.sessions if session.statement is not None]

    def configured(self, context: MigrationContext) -> None:
        """Watch the connection from now on."""
        connection = context.connection
        if connection is None or self.of(connection) is not None:
            return
        session = WatchedSession(connection, connection.connection.driver_connection, None)
        kind = dialect_kind(connection.dialect.name)
        if kind != "sqlite":
            with suppress(EnvironmentFailed):  # the lock has already reported why there is no second connection
                session.side = self.sides.beside(connection)
        if kind == "mysql":
            session.number = int(ask_quietly(connection, "SELECT CONNECTION_ID()")[0])
        elif kind == "postgresql":
            session.number = getattr(getattr(session.driver, "info", None), "backend_pid", None)
        self.sessions.append(session)
        self._listen(session)

    def step_begins(self, context: MigrationContext, step: Step) -> None:
        """Ask PostgreSQL for the session's number: a pooler shows a number of its own, and may change the session."""
        session = self.of(context.connection) if context.connection is not None else None
        if session is not None:
            session.slow.clear()
            context.opts[_KEY] = session.slow
        if session is None or session.connection.dialect.name != "postgresql":
            return
        transaction = session.connection.get_transaction()
        if transaction is None or transaction is not session.transaction:
            session.number = session.connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            session.transaction = transaction

    def ended(self) -> None:
        """Let go of the connections, and of the engines: a program may go on with them."""
        stop_listening(self._listeners)
        self.sessions.clear()
        self.before_statement.clear()

    def listen(self, target: Any, name: str, listener: Callable[..., Any]) -> None:
        """Listen to an event of a connection, or of its dialect, until the run has ended."""
        self._listeners.append(listen_to(target, name, listener))

    def _listen(self, session: WatchedSession) -> None:
        connection = session.connection

        def before(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            for call in self.before_statement:
                call()
            if (table := own_table_in(statement)) is not None:
                raise OwnTablesChanged(
                    f"a statement would drop or change {table}, in which branchmig keeps its journal: "
                    f"{' '.join(statement.split())[:200]}",
                    "take it out of the script; to keep no journal: journal = false, then drop the table by hand",
                )
            session.begin(statement)

        def after(*_: Any) -> None:
            seconds = time.monotonic() - session.since
            if session.statement is not None and seconds >= SLOW_AFTER:
                session.slow.append((session.statement, seconds))
            session.statement = None

        def failed(context: Any) -> None:
            if context.connection is connection:
                session.statement = None

        self.listen(connection, "before_cursor_execute", before)
        self.listen(connection, "after_cursor_execute", after)
        self.listen(connection.dialect, "handle_error", failed)


def listen_to(target: Any, name: str, listener: Callable[..., Any]) -> tuple[Any, str, Callable[..., Any]]:
    """Listen to an event of a connection, or of its dialect; return what stop_listening takes."""
    try:
        event.listen(target, name, listener)
    except InvalidRequestError:
        # SQLAlchemy 2.0 takes no listener for a connection of an engine that was given options.
        target, listener = _without_options(target.engine), _only_of(target, listener)
        event.listen(target, name, listener)
    return target, name, listener


def stop_listening(listeners: list[tuple[Any, str, Callable[..., Any]]]) -> None:
    """Let go of every event that listen_to has returned."""
    for target, name, listener in listeners:
        event.remove(target, name, listener)
    listeners.clear()


def _without_options(engine: Any) -> Any:
    while hasattr(engine, "_proxied"):
        engine = engine._proxied
    return engine


def _only_of(connection: Connection, listener: Callable[..., Any]) -> Callable[..., Any]:
    def listen(concerned: Connection, *rest: Any) -> None:
        if concerned is connection:
            listener(concerned, *rest)

    return listen
