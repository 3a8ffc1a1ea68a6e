"""Records the steps of a run where a kill may leave half of one behind, and finds such steps.

Whether a step came through is asked of the journal: its entry is committed with the version rows.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Table
from sqlalchemy.exc import SQLAlchemyError

from branchmig import terminal
from branchmig.database.journal.journal_table import writing
from branchmig.database.journal.own_tables import RECORDED
from branchmig.database.journal.statements import (
    StatementRecorder,
    are_recorded,
    forget,
    read_unfinished,
    statements_table,
)
from branchmig.database.locks.base import ask_quietly
from branchmig.database.run.session import use_database
from branchmig.database.run.side_connection import SideConnection, SideConnections
from branchmig.errors import UnfinishedRevision
from branchmig.model import Step
from branchmig.planning.interrupted_step import Unfinished, message_for
from branchmig.planning.journal_state import Ledger
from branchmig.project.project import Project


class StepWatch:
    """What the journal does besides, on MariaDB and MySQL; elsewhere it does nothing."""

    def __init__(self, project: Project, settled: str | None, journal_of: Callable[[str | None], Table]) -> None:
        """Watch the steps of a run; `settled` is the unfinished one that it settles, if any."""
        self._project, self._settled, self._journal_of = project, settled, journal_of
        self._sides = SideConnections()
        self._context: MigrationContext | None = None
        self._recorder: StatementRecorder | None = None
        self._resumed: Unfinished | None = None

    def planned(self, context: MigrationContext, ledger: Ledger) -> None:
        """Let go of the steps that came through. Raises UnfinishedRevision for one that did not."""
        self.over()
        if not are_recorded(context):
            return
        self._context = context
        context.opts[RECORDED] = True
        over: list[Unfinished] = []
        on_record = read_unfinished(context)
        for step in on_record:
            if step.step == self._settled:
                self._resumed = step
            elif is_through(step, ledger) or step.is_nothing:
                over.append(step)
            else:
                raise unfinished_error(step, self._project)
        if over:
            forget(beside(self._sides, context), context.version_table_schema, [step.step for step in over])
        # Those before the last came through, and were only still on record.
        if over and over[-1] is on_record[-1] and not over[-1].is_nothing:
            last = over[-1]
            terminal.note(f"note:  {last.direction} of {last.revision} was interrupted when it was done already")

    def begins(self, step: Step, started_at: datetime, fingerprint: str | None) -> None:
        """Record the statements of a step from here on."""
        context = self._context
        if context is None:
            return
        assert context.connection is not None
        if self._recorder is None:
            side, journal = beside(self._sides, context), self._journal_of(context.version_table_schema)
            with writing(statements_table(context.version_table_schema)):
                self._recorder = StatementRecorder(context, side, journal)
        self._recorder.begin(step, started_at, fingerprint, self._resumed)
        self._resumed = None

    def ends(self) -> None:
        """Record no more until the next step begins."""
        if self._recorder is not None:
            self._recorder.end()

    def failed(self, error: BaseException) -> None:
        """Record that a statement has failed."""
        if self._recorder is not None:
            self._recorder.failed(error)

    def over(self) -> None:
        """Let go of what is recorded of the steps that came through, and close what was opened."""
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.close()
            with suppress(SQLAlchemyError):  # the server is gone; the next run looks again
                recorder.forget_committed()
        self._sides.close()
        self._context = None


def beside(sides: SideConnections, context: MigrationContext) -> SideConnection:
    """Return a connection beside env.py's, in the database that env.py's session is in now."""
    connection = context.connection
    assert connection is not None
    database = ask_quietly(connection, "SELECT DATABASE()")[0]
    side = sides.beside(connection)
    if database is not None:
        side.ask(lambda own: use_database(own, str(database)))
    return side


def left_behind(context: MigrationContext, ledger: Ledger) -> tuple[Unfinished, ...]:
    """Return the steps of a version table that were interrupted and have left something behind, oldest first."""
    return tuple(step for step in read_unfinished(context) if not step.is_nothing and not is_through(step, ledger))


def is_through(step: Unfinished, ledger: Ledger) -> bool:
    """Return whether a step has come through: by its journal entry, or by the version rows."""
    rows = tuple(sorted(ledger.rows))
    if rows == step.heads_after != step.heads_before:
        return True
    return any(
        (entry.revision, entry.direction, entry.started_at) == (step.revision, step.direction, step.started_at)
        for entry in ledger.entries
    )


def unfinished_error(step: Unfinished, project: Project) -> UnfinishedRevision:
    """Return the error for a step that was interrupted."""
    dag = project.dag
    path = project.shown_path(dag[step.revision].path or "") if step.revision in dag else "not in this checkout"
    return UnfinishedRevision(
        f"{step.direction} of revision {step.revision!r} ({path}) was interrupted: {message_for(step)}",
        "branchmig repair shows what can be done",
        step.revision,
    )
