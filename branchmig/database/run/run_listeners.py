"""The listeners of a run that writes, by the settings: the lock first, which the others rely on."""

from __future__ import annotations

from branchmig import terminal
from branchmig.database.journal.pinning import PinKeeper, RowsKeeper
from branchmig.database.locks.locking import MigrationLock
from branchmig.database.locks.table_locks import TableLocks
from branchmig.database.run.cascades import CascadeWatch
from branchmig.database.run.interruption import Interruption
from branchmig.database.run.run_listener import RunListener
from branchmig.database.run.side_connection import SideConnections
from branchmig.database.run.spans import Spans
from branchmig.database.run.sqlite_transactions import SqliteTransactions
from branchmig.database.run.statement_watch import StatementWatch
from branchmig.project.project import Project


def listeners_of(project: Project, command: str, settled: str | None, *, has_notes: bool) -> list[RunListener]:
    """Return new listeners for one run of `command`; `has_notes` says whether a user reads notes on standard error.

    `settled` is the unfinished step that the run settles.
    """
    settings, sides = project.config.settings, SideConnections()
    watch = StatementWatch(sides)

    def say(text: str) -> None:
        if has_notes:
            terminal.note(text)

    listeners: list[RunListener] = [
        MigrationLock(sides, command, settings.lock_timeout, say, terminal.warning),
        watch,
        Interruption(watch, say),
        CascadeWatch(watch),
        TableLocks(watch, settings.ddl_lock_timeout, settings.ddl_lock_budget, say),
    ]
    if settings.sqlite_transactional_ddl:
        listeners.append(SqliteTransactions(watch))
    if settings.journal:
        from branchmig.database.journal.journal import Journal  # it takes a tenth of the program's start

        listeners.append(Journal(project, command, settled))
    if settings.pins:
        listeners.append(PinKeeper(project, has_notes=has_notes))
    if command in ("upgrade", "sync", "switch"):
        from branchmig.database.keeping.rows import RowsBroughtBack  # other commands bring nothing back

        listeners.append(RowsBroughtBack(say))
    return [*listeners, RowsKeeper(project), Spans(command)]
