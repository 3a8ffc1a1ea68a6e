"""Reads the result of a run back on a connection of branchmig's own, before branchmig reports it."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect

from branchmig import terminal
from branchmig.database.identity import translated_schema
from branchmig.database.run.run_listener import RunListener
from branchmig.database.run.side_connection import SideConnections
from branchmig.database.run.statement_watch import StatementWatch, listen_to, stop_listening
from branchmig.database.run_state import CannotReadBack, read_back, version_table
from branchmig.effects.dialects import server_name
from branchmig.errors import NotCommitted
from branchmig.model import Step

if TYPE_CHECKING:
    from branchmig.database.run.environment import Environment
    from branchmig.database.run.runs import Run

ANSWER_WITHIN = 5.0
"""Seconds that the lock's session has to answer: its connection may have been lost without a word."""


class ReadBack(RunListener):
    """Follows the transactions of a run and, once env.py is over, compares the version rows with the plan's.

    It is the first of the listeners: it looks at each database before the lock on it is released.
    """

    def __init__(self, environment: Environment, others: Sequence[RunListener]) -> None:
        """Make one for a run; `others` are its other listeners, which may have a connection beside env.py's."""
        self._environment = environment
        self._sides = SideConnections()
        self._locks = next((listener.sides for listener in others if isinstance(listener, StatementWatch)), None)
        self._runs: list[Run] = []
        self._listeners: list[tuple[Any, str, Callable[..., Any]]] = []

    def follow(self, run: Run) -> None:
        """Follow a run_migrations() that is about to begin: which version table it writes to, and what it commits."""
        connection = run.context.connection
        if connection is None or run.context.as_sql:
            return
        run.table, run.is_nested = version_table(run.context), connection.in_nested_transaction()
        self._runs.append(run)

        def committed(_: Connection) -> None:
            run.committed = run.ended

        self._listeners.append(listen_to(connection, "commit", committed))

    def configured(self, context: MigrationContext) -> None:
        """Look at the databases that are done with, before the lock on them is released."""
        for run in self._runs:
            connection = run.context.connection
            if run.found is None and connection is not None and (connection.closed or not connection.in_transaction()):
                self._look(run)

    def step_ends(self, context: MigrationContext, step: Step) -> None:
        """Note how far the run came, and in which transaction."""
        for run in self._runs:
            if run.context is context and context.connection is not None:
                run.ended, run.transaction = run.begun, context.connection.get_transaction()
                if _commits_by_itself(context.connection):
                    run.committed = run.ended

    def succeeded(self) -> None:
        """Raise NotCommitted where a version table does not say what the run should have left."""
        self.look()
        for run in self._runs:
            # A database in memory has gone with the run: nobody can ask for it.
            if run.unread and run.table is not None and run.table.file != "":
                terminal.warning(
                    f"what is applied to {run.title} could not be read back: {run.unread}; "
                    "'branchmig current' shows the applied revisions"
                )
        last = {run.table: run for run in self._runs if run.table is not None}
        written = {run.table for run in self._runs if run.plan.steps or run.context.opts.get("purge")}
        lacking = [run for table, run in last.items() if table in written and self._is_lacking(run)]
        if lacking:
            raise self._not_committed(lacking, list(last.values()))

    def refuse_uncommitted(self) -> None:
        """Raise NotCommitted where what was written beside a plan, which no version row shows, was not committed."""
        for run in self._runs:
            connection = run.context.connection
            if connection is None or run.committed or _commits_by_itself(connection):
                continue
            if self._environment.is_typed or not run.is_open:
                path = Path(self._environment.scripts.dir) / "env.py"
                shown = self._environment.project.shown_path(str(path))
                cause, correction = _cause(run, shown, _given_connection(path))
                raise NotCommitted(f"{self._environment.command} left nothing in the database: {cause}", correction)

    def runs_again(self) -> None:
        """Look at what the run that is over has left, before somebody else may take the lock."""
        self.look()

    def look(self) -> None:
        """Read the version rows of each database that was written to, now that env.py is over."""
        for run in self._runs:
            if run.found is None:
                self._look(run)

    def ended(self) -> None:
        """Let go of env.py's connections, and close those that were opened beside them."""
        stop_listening(self._listeners)
        self._sides.close()

    def _look(self, run: Run) -> None:
        connection, table = run.context.connection, run.table
        if connection is None or table is None or run.is_open or run.unread:
            return
        if not (run.begun or run.context.opts.get("purge")):
            return
        if self._locks is not None and self._locks.is_open_beside(connection):
            with contextlib.suppress(CannotReadBack):  # the server may have ended that session
                run.found = read_back(table, connection, self._locks, within=ANSWER_WITHIN)
                return
        try:
            run.found = read_back(table, connection, self._sides)
        except CannotReadBack as reason:
            run.unread = str(reason)

    def _is_lacking(self, run: Run) -> bool:
        if run.is_open:
            # A program may commit its own transaction yet; of a command, nobody will.
            return self._environment.is_typed
        if run.found is None:
            return False
        if _unpadded(run.found) != _unpadded(run.plan.heads_after):
            return True
        # Where the rows are the same before and after, they prove nothing.
        return run.plan.applied == run.plan.heads_after and run.committed < len(run.plan.steps) and run.is_transactional

    def _not_committed(self, lacking: Sequence[Run], runs: Sequence[Run]) -> NotCommitted:
        first, path = lacking[0], Path(self._environment.scripts.dir) / "env.py"
        found = _rows(first.plan.applied if first.found is None else first.found)
        where = f" of {first.title}" if first.is_named or len(runs) > 1 else ""
        cause, correction = _cause(first, self._environment.project.shown_path(str(path)), _given_connection(path))
        details = []
        if len(runs) > 1:
            details += [f"{run.title}: {_described(run, run in lacking)}" for run in runs]
        if any(not run.context.impl.transactional_ddl for run in lacking):
            details.append(
                f"{server_name(lacking[0].context.dialect)} commits DDL by itself: tables that these revisions made "
                "may be there; drop them, or record them with "
                f"'branchmig stamp {' '.join(first.plan.heads_after) or 'base'}', before you run them again"
            )
        return NotCommitted(
            f"the version table{where} is at {found}, and not at {_rows(first.plan.heads_after)} "
            f"as {self._environment.command} should have left it{f': {cause}' if cause else ''}",
            correction,
            details,
        )


def has_version_table(context: MigrationContext) -> bool:
    """Return whether the version table is in the database, now that env.py is over; True where that cannot be asked."""
    connection = context.connection
    if connection is None or connection.dialect.name == "sqlite":
        return True  # SQLite commits DDL by itself
    with contextlib.closing(SideConnections()) as sides:
        schema = translated_schema(connection, context.version_table_schema)
        return bool(sides.beside(connection).ask(lambda own: inspect(own).has_table(context.version_table, schema)))


def _described(run: Run, is_lacking: bool) -> str:
    if is_lacking:
        return f"not applied: it is at {_rows(run.plan.applied if run.found is None else run.found)}"
    return f"at {_rows(run.plan.heads_after)}" + (
        "" if run.found is not None or not run.plan.steps else ", not read back"
    )


def _cause(run: Run, path: str, given: tuple[int, str, bool]) -> tuple[str, str]:
    """Return why a run's rows are not there, as far as the session shows, and the line that corrects env.py."""
    line, name, is_begun = given
    place = f"{path}:{line}" if line else path
    if run.found not in (None, run.plan.applied) and not _is_cut_short(run):
        return "", "something else has moved the version table, or env.py undid a part: branchmig current"
    if run.is_outer:
        cause = f"env.py began a transaction before context.configure() and never committed it ({place})"
        if run.is_nested:
            return cause, f"add the line '{name}.commit()' to {path}, after the block of begin_nested()"
        if is_begun:
            cause = f"env.py rolled back the transaction that it began before context.configure() ({place})"
            return cause, f"see what {path} does after context.run_migrations()"
        return cause, f"add the line '{name}.commit()' to {path}, just before context.configure()"
    if run.is_transactional and not run.committed:
        return (
            f"nothing of it was committed ({place})",
            f"in {path}, run context.run_migrations() in 'with context.begin_transaction():'",
        )
    return f"env.py rolled it back ({place})", f"see what {path} does after context.run_migrations()"


def _is_cut_short(run: Run) -> bool:
    """Return whether the rows are those of a step in the middle: the next one's DDL has committed what env.py did not.

    Where env.py commits nothing, that is how far such a server comes.
    """
    return run.is_outer and not run.is_transactional and run.found in [step.heads_after for step in run.plan.steps]


def _given_connection(path: Path) -> tuple[int, str, bool]:
    """Return the line in env.py of context.configure(), what it gives as the connection, and how that has begun.

    True: it is in a `with connection.begin():`, which commits unless something rolls it back.
    """
    try:
        module = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return 0, "connection", False
    begun = {
        id(inner)
        for node in ast.walk(module)
        if isinstance(node, ast.With) and any(_is_call(item.context_expr, "begin") for item in node.items)
        for inner in ast.walk(node)
    }
    for call in ast.walk(module):
        if isinstance(call, ast.Call) and _is_call(call, "configure"):
            given = next((keyword.value for keyword in call.keywords if keyword.arg == "connection"), None)
            if given is not None:
                return call.lineno, ast.unparse(given), id(call) in begun
    return 0, "connection", False


def _is_call(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name


def _commits_by_itself(connection: Connection) -> bool:
    """Return whether a connection is in AUTOCOMMIT: then nobody commits, and all is there."""
    ask = getattr(connection, "_is_autocommit_isolation", None)
    return True if ask is None else bool(ask())


def _unpadded(rows: Sequence[str | None]) -> list[str]:
    """Return ids without the spaces that a CHAR column fills them up with."""
    return [str(row).rstrip(" ") for row in rows]


def _rows(rows: Sequence[str]) -> str:
    return ", ".join(rows) or "base"
