"""Each statement of a step, recorded as it begins and ends, where the database cannot roll DDL back (MariaDB, MySQL).

The beginning, and the end of what commits itself, are recorded on a connection beside env.py's. The end of anything
else is recorded on env.py's own, in its transaction: the record is kept or lost with what it records. Rows are only
ever added or deleted, never changed: a snapshot older than a row forbids to change it (innodb_snapshot_isolation).
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, delete, event, inspect, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.schema import CreateTable

from branchmig.database.journal.journal_table import refuse_nothing
from branchmig.database.journal.plain_inserts import plain_insert
from branchmig.database.journal.shown_objects import looked_at, views_that_may_write
from branchmig.database.journal.types import LONG, MOMENT, NUMBER, as_json, from_json
from branchmig.database.run.side_connection import SideConnection
from branchmig.database.run.transactions import left_as_it_was
from branchmig.effects.ddl_facts import facts_of
from branchmig.effects.dialects import dialect_kind
from branchmig.effects.own_table_changes import STATEMENTS
from branchmig.effects.statement_kinds import Kind, kind_of, mentions, temporary_table
from branchmig.masking import masked
from branchmig.model import Step
from branchmig.planning.interrupted_step import Statement, Unfinished

KEPT = 16
"""Steps in one direction that may have come through and still be on record: asking for each costs two round trips.

The journal's last entry of a revision shows that its step came through, so a plan that goes down and up again lets go
of the one before the other.
"""


def are_recorded(context: MigrationContext) -> bool:
    """Return whether statements are recorded here: where a kill can leave half a step behind."""
    return context.connection is not None and dialect_kind(context.dialect.name) == "mysql"


@cache  # SQLAlchemy compiles a statement once for each table object
def statements_table(schema: str | None) -> Table:
    """Return the table: a row for each beginning and each end of a statement.

    Its key is no number that the server counts up: LAST_INSERT_ID() stays the scripts' own.
    """
    return Table(
        STATEMENTS,
        MetaData(),
        Column("step", String(32), primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("event", String(8), primary_key=True),
        Column("at", MOMENT, nullable=False),
        Column("version_table", String(255)),
        Column("revision", String(255)),
        Column("direction", String(16)),
        Column("heads_before", LONG),
        Column("heads_after", LONG),
        Column("started_at", MOMENT),
        Column("fingerprint", String(64)),
        Column("session", NUMBER),
        Column("kind", String(16)),
        Column("digest", String(64)),
        Column("looked", String(64)),
        Column("statement", LONG),
        schema=schema,
    )


def read_unfinished(context: MigrationContext) -> tuple[Unfinished, ...]:
    """Return the steps of a version table whose statements are on record, oldest first: begun, and not yet settled.

    Creates nothing, and leaves env.py's connection in no transaction that it was not in.
    """
    if not are_recorded(context):
        return ()
    connection = context.connection
    assert connection is not None
    table = statements_table(context.version_table_schema)
    with left_as_it_was(connection):
        if not inspect(connection).has_table(table.name, schema=connection.schema_for_object(table)):
            return ()
        rows = connection.execute(select(table).order_by(table.c.started_at, table.c.step, table.c.number)).mappings()
        steps: dict[str, list[Any]] = {}
        for row in rows:
            steps.setdefault(row["step"], []).append(row)
    found = [_unfinished(rows) for rows in steps.values()]
    own = [step for step in found if step is not None and step.version_table == context.version_table]
    return tuple(sorted(own, key=lambda step: (step.started_at, step.step)))


class StatementRecorder:
    """Records the statements of one step after another, on one context."""

    def __init__(self, context: MigrationContext, side: SideConnection, journal: Table) -> None:
        assert context.connection is not None
        self._connection, self._side = context.connection, side
        self._version_table = context.version_table
        self._table = statements_table(context.version_table_schema)
        self._journal = journal
        self._step: dict[str, Any] | None = None
        self._steps: list[dict[str, Any]] = []
        self._number = 0
        self._open: int | None = None
        self._is_writing = False
        self._to_skip: list[Statement] = []
        self._risky_views: frozenset[str] | None = None
        self._temporary: set[str] = set()
        self._session, self._is_autocommit = _session_of(self._connection)
        side.ask(lambda own: own.execute(CreateTable(self._table, if_not_exists=True)))
        side.ask(lambda own: refuse_nothing(own, self._table))
        event.listen(self._connection, "before_cursor_execute", self._before, retval=True)
        event.listen(self._connection, "after_cursor_execute", self._after)

    def begin(self, step: Step, started_at: datetime, fingerprint: str | None, resumed: Unfinished | None) -> None:
        """Record what follows as the statements of `step`; of a resumed one, pass over those that are done."""
        self._step = {
            "step": resumed.step if resumed else uuid.uuid4().hex,
            "version_table": self._version_table,
            "revision": step.revision.id if step.revision else "",
            "direction": step.direction,
            "heads_before": as_json(step.heads_before),
            "heads_after": as_json(step.heads_after),
            "started_at": started_at,
            "fingerprint": fingerprint,
            "session": self._session,
        }
        self._number, self._open = 0, None
        self._temporary.clear()
        self._to_skip = list(resumed.done) if resumed else []
        if len(self._steps) >= KEPT or any(entry["direction"] != step.direction for entry in self._steps):
            self.forget_committed()
        self._steps.append(self._step)

    def end(self) -> None:
        """Record no more: the script is over, its version rows come next."""
        self._step = None

    def failed(self, error: BaseException) -> None:
        """Record that the statement under way has failed; not where the connection was lost over it."""
        if self._open is not None and isinstance(error, DBAPIError) and not error.connection_invalidated:
            with suppress(SQLAlchemyError):  # who may not write may not record that either: the first error counts
                self._close_failed()
        self._step = None

    def forget_committed(self) -> None:
        """Delete what is recorded of the steps whose journal entries are there to stay."""
        if not self._steps:
            return
        entries = self._side.ask(self._entries)
        through = [step for step in self._steps if (step["revision"], step["direction"], step["started_at"]) in entries]
        if through:
            forget(self._side, self._table.schema, [step["step"] for step in through])
        self._steps = [step for step in self._steps if step not in through]

    def close(self) -> None:
        """Listen no more."""
        event.remove(self._connection, "before_cursor_execute", self._before)
        event.remove(self._connection, "after_cursor_execute", self._after)

    def _entries(self, own: Connection) -> set[tuple[object, ...]]:
        """Return what the journal has of the steps on record."""
        journal = self._journal.c
        found = select(journal.revision, journal.direction, journal.started_at).where(
            journal.version_table == self._version_table,
            journal.revision.in_({step["revision"] for step in self._steps}),
            journal.started_at >= min(step["started_at"] for step in self._steps),
        )
        return {tuple(row) for row in own.execute(found)}

    def _before(
        self, connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
    ) -> tuple[str, Any]:
        if self._step is None or self._is_writing:
            return statement, parameters
        kind = self._kind_of(connection, statement)
        if kind is None:
            if (name := temporary_table(statement)) is not None:
                self._temporary.add(name)
            return statement, parameters
        if self._open is not None:
            self._close_failed()  # the script has caught what it raised
        self._number += 1
        if self._to_skip:
            self._pass_over(statement)
            # A statement that does nothing; of many at once, none.
            return ("DO 0", [] if executemany else ())
        self._open, self._kind = self._number, kind
        shown = masked(statement)
        row = {
            **self._step,
            "number": self._number,
            "event": "began",
            "at": _now(),
            "kind": kind,
            "digest": digest_of(statement),
            "looked": None,
            "statement": shown if len(shown) <= 10_000 else f"{shown[:9_999]}…",
        }
        facts = facts_of(statement) if kind == "commits" else None

        def look_and_record(own: Connection) -> None:
            if facts is not None:
                row["looked"] = looked_at(own, facts)
            self._insert(own, row)

        self._side.ask(look_and_record)
        return statement, parameters

    def _kind_of(self, connection: Connection, statement: str) -> Kind | None:
        options = connection.get_execution_options()
        is_autocommit = self._is_autocommit or options.get("isolation_level") == "AUTOCOMMIT"
        kind = kind_of(statement, is_autocommit=is_autocommit)
        if kind is None:
            if self._risky_views is None:
                self._risky_views = self._side.ask(views_that_may_write)
            return kind_of(statement, is_autocommit=is_autocommit, risky_views=self._risky_views)
        if kind == "commits":
            self._risky_views = None  # it may make a view
        return kind

    def _after(self, connection: Connection, cursor: Any, statement: str, _: Any, context: Any, __: Any) -> None:
        if self._step is None or self._is_writing or self._open is None:
            return
        if self._kind != "commits" and getattr(context, "_is_server_side", False):
            self._open = None  # its rows are still to come on this connection: whether it is done cannot be recorded
            return
        row = self._mark("done")
        self._open = None
        if self._kind == "commits":
            self._side.ask(lambda own: self._insert(own, row))
            return
        self._is_writing = True
        try:
            connection.execute(self._table.insert(), row)
        finally:
            self._is_writing = False

    def _pass_over(self, statement: str) -> None:
        expected = self._to_skip[0]
        if digest_of(statement) != expected.digest or mentions(statement, self._temporary):
            # It stays in the list, so that nothing else gets through where the script catches this.
            raise OtherStatement(expected, masked(statement))
        self._to_skip.pop(0)

    def _close_failed(self) -> None:
        row = self._mark("failed")
        self._open = None
        self._side.ask(lambda own: self._insert(own, row))

    def _insert(self, own: Connection, row: dict[str, Any]) -> None:
        table = statements_table(own.schema_for_object(self._table))
        plain_insert(table, own.dialect, tuple(row)).run_at_once(own, row)

    def _mark(self, outcome: str) -> dict[str, Any]:
        assert self._step is not None
        return {"step": self._step["step"], "number": self._open, "event": outcome, "at": _now()}


class OtherStatement(Exception):
    """A script that is to be resumed does not run the statements that it has run."""

    def __init__(self, expected: Statement, found: str) -> None:
        super().__init__(found)
        self.expected, self.found = expected, found


def forget(side: SideConnection, schema: str | None, steps: Iterable[str], after: int = 0) -> None:
    """Delete what is recorded of some steps: all, or what came after a statement."""
    table = statements_table(schema)
    gone = delete(table).where(table.c.step.in_(list(steps)), table.c.number > after)
    side.ask(lambda own: own.execute(gone))


def mark_done(side: SideConnection, schema: str | None, unfinished: Unfinished, statement: Statement) -> None:
    """Record that a statement which was under way is done."""
    row = {"step": unfinished.step, "number": statement.number, "event": "done", "at": _now()}
    side.ask(lambda own: own.execute(statements_table(schema).insert(), row))


def is_running(connection: Connection, session: int | None) -> bool:
    """Return whether the server still has the session: it may carry on with the last statement of a dead client."""
    if session is None:
        return False
    listed = text("SELECT 1 FROM information_schema.processlist WHERE id = :id")
    return connection.execute(listed, {"id": session}).first() is not None


def digest_of(statement: str) -> str:
    """Return a digest of a text."""
    return hashlib.blake2b(statement.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _unfinished(rows: Sequence[Any]) -> Unfinished | None:
    began = [row for row in rows if row["event"] == "began"]
    if not began:
        return None
    ends = {row["number"]: row["event"] for row in rows if row["event"] != "began"}
    first, last = began[0], began[-1]  # two runs, where it was resumed and interrupted again
    return Unfinished(
        first["step"],
        first["version_table"],
        first["revision"],
        first["direction"],
        from_json(first["heads_before"]) or (),
        from_json(first["heads_after"]) or (),
        last["started_at"],
        last["fingerprint"],
        last["session"],
        tuple(
            Statement(
                row["number"], row["statement"], row["digest"], row["kind"], ends.get(row["number"]), row["looked"]
            )
            for row in began
        ),
    )


def _session_of(connection: Connection) -> tuple[int, bool]:
    """Return the server's number of a session, and whether each of its statements has a transaction of its own."""
    with left_as_it_was(connection):
        number, autocommit = connection.execute(text("SELECT CONNECTION_ID(), @@autocommit")).one()
    return number, bool(autocommit)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
