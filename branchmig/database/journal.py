"""The journal: a table beside the version table that keeps every step; written in each step's own transaction.

A step's entry comes after its last statement and just before its version rows, in the transaction of these. So both
are there or neither is, also where DDL is not transactional: the rows and the entry are plain data everywhere.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, MetaData, String, Table, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from branchmig import __version__, terminal
from branchmig.database import failures
from branchmig.database.circumstances import Circumstances
from branchmig.database.listening import RunListener
from branchmig.database.own_tables import JOURNAL
from branchmig.database.record_rules import refuse_skipped, warn_of_edits
from branchmig.database.step_watch import StepWatch, left_behind, unfinished_error
from branchmig.database.types import LONG, MOMENT, NUMBER, as_json, from_json
from branchmig.errors import AppliedAlready, EnvironmentFailed, SkippedRevisions
from branchmig.fingerprint import fingerprint, git_blob
from branchmig.ledger import Entry, Ledger
from branchmig.model import Plan
from branchmig.worktree import read_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from alembic.runtime.migration import MigrationContext

    from branchmig.database.environment import Environment
    from branchmig.model import Revision, Step
    from branchmig.project import Project


@cache  # SQLAlchemy compiles a statement once for each table object
def journal_table(schema: str | None) -> Table:
    """Return the journal's table: one name everywhere, so that one line of a filter names it."""
    return Table(
        JOURNAL,
        MetaData(),
        Column("id", NUMBER, primary_key=True),
        Column("version_table", String(255), nullable=False),
        Column("revision", String(255), nullable=False),
        Column("direction", String(16), nullable=False),
        Column("started_at", MOMENT, nullable=False),
        Column("duration_ms", NUMBER, nullable=False),
        Column("git_commit", String(64)),
        Column("git_branch", String(255)),
        Column("blob", String(64)),
        Column("fingerprint", String(64)),
        Column("parents", LONG),
        Column("rows_after", LONG),
        Column("who", String(255)),
        Column("host", String(255)),
        Column("tool", String(64)),
        schema=schema,
    )


def read_journal(context: MigrationContext) -> tuple[Entry, ...]:
    """Return the entries of a version table's journal, oldest first; none where there is no journal.

    Creates nothing, and leaves the connection in no transaction that it was not in. Raises EnvironmentFailed where
    the table cannot be read.
    """
    connection = context.connection
    if connection is None:
        return ()
    was_within = connection.in_transaction()
    table = journal_table(context.version_table_schema)
    try:
        if not inspect(connection).has_table(table.name, schema=connection.schema_for_object(table)):
            return ()
        own = table.c.version_table == context.version_table
        return tuple(
            _entry(row) for row in connection.execute(select(table).where(own).order_by(table.c.id)).mappings()
        )
    except (SQLAlchemyError, ValueError) as error:
        raise EnvironmentFailed(
            f"the journal, table {table.fullname}, cannot be read: {failures.summary(error)}",
            f"may this user read it? GRANT SELECT ON {table.fullname}; see docs/journal.md for how to do without",
        ) from error
    finally:
        if not was_within:
            connection.rollback()


def ledger_of(context: MigrationContext, project: Project, rows: Sequence[str]) -> Ledger:
    """Return the journal beside `rows`, the rows of the version table, with the project's graph and scripts."""
    return Ledger(read_journal(context), tuple(rows), project.dag, source_of)


def source_of(revision: Revision) -> bytes | None:
    """Return the script of a revision as it lies there now; None where it does not."""
    try:
        return None if revision.path is None else read_file(revision.path)
    except OSError:
        return None


def add_entries(context: MigrationContext, entries: Iterable[Entry]) -> None:
    """Write entries into the journal, which must be there, in the connection's transaction."""
    rows = [_row(entry) for entry in entries]
    if rows:
        assert context.connection is not None
        context.connection.execute(journal_table(context.version_table_schema).insert(), rows)


def create_journal(context: MigrationContext) -> None:
    """Create the journal's table where it is missing."""
    assert context.connection is not None
    journal_table(context.version_table_schema).create(context.connection, checkfirst=True)


def warn_of_refusal(context: MigrationContext, environment: Environment, plan: Plan) -> None:
    """Warn where a run of a plan would be refused for what the journal knows: what was skipped, or left half done."""
    project = environment.project
    if any(row not in project.dag for row in plan.applied):
        return
    ledger = ledger_of(context, project, plan.applied)
    reasons = [unfinished_error(one, project).message for one in left_behind(context, ledger)]
    try:
        refuse_skipped(ledger, project, plan, environment.command)
    except (AppliedAlready, SkippedRevisions) as error:
        reasons.append(error.message)
    for reason in reasons:
        terminal.warning(f"a run would be refused: {reason}")


class Journal(RunListener):
    """Writes down what a run does; lets none begin that would leave a revision out, or run one twice."""

    def __init__(self, project: Project, command: str, settled: str | None = None) -> None:
        """Make one for a run; `settled` is the unfinished step that the run settles."""
        self._project, self._command = project, command
        self._circumstances = Circumstances(project)
        self._began = (datetime.now(UTC), time.monotonic())
        self._watch = StepWatch(project, settled, journal_table)

    def planned(self, context: MigrationContext, plan: Plan) -> None:
        """Compare the plan with what has really run. Raises SkippedRevisions, AppliedAlready."""
        self._plan, self._is_prepared = plan, False
        self._ledger = ledger_of(context, self._project, plan.applied)
        self._watch.planned(context, self._ledger)
        if self._is_stamp(plan):
            return
        refuse_skipped(self._ledger, self._project, plan, self._command)
        if self._command == "upgrade":
            warn_of_edits(self._ledger, self._project)

    def step_begins(self, context: MigrationContext, step: Step) -> None:
        """Make the journal, and write down what something else did since, before the first step."""
        if not self._is_prepared:
            self._prepare(context)
        self._began = (datetime.now(UTC), time.monotonic())
        if step.direction != "stamp":
            self._watch.begins(step, self._began[0].replace(tzinfo=None))

    def step_ends(self, context: MigrationContext, step: Step) -> None:
        """Write the step down."""
        if step.direction == "stamp":
            if step is self._plan.steps[0]:
                add_entries(context, self._stamped(context))
            return
        assert step.revision is not None
        self._watch.ends()
        add_entries(context, [self._entry(context, step.direction, step.revision.id, step, step.heads_after)])

    def failed(self, context: MigrationContext, step: Step, error: BaseException) -> bool:
        """Record how far the step came, where that stays in the database."""
        self._watch.failed(error)
        return False

    def ended(self) -> None:
        """Let go of what is recorded of the steps that have come through."""
        self._watch.over()

    def accept(self, context: MigrationContext, ledger: Ledger, revisions: Sequence[str]) -> None:
        """Write down that the present scripts of some revisions stand for what was applied, and commit it."""
        self._plan, self._ledger = Plan(tuple(sorted(ledger.rows))), ledger
        with context.begin_transaction(_per_migration=True):
            self._prepare(context)
            add_entries(context, self._together(context, [("accept", one) for one in revisions], self._plan.applied))

    def _prepare(self, context: MigrationContext) -> None:
        create_journal(context)
        self._is_prepared = True
        # `stamp --purge` has emptied the version table itself by now: nothing else has.
        if not context.opts.get("purge"):
            add_entries(context, self._since_then(context))

    def _since_then(self, context: MigrationContext) -> list[Entry]:
        """Return what something else than branchmig has applied, and taken away, since the last entry."""
        found = [("found", one) for one in self._ledger.unrecorded]
        gone = [("gone", one) for one in self._ledger.departed]
        return self._together(context, [*gone, *found], self._plan.applied)

    def _stamped(self, context: MigrationContext) -> list[Entry]:
        """Return what a stamp says of each revision whose state it changes."""
        ledger = self._ledger
        after = Ledger((), self._plan.heads_after, self._project.dag, source_of).active
        if context.opts.get("purge"):
            before = known = frozenset(ledger.records)
        else:
            # A stamp from row to row says nothing of what was left out below both.
            before, known = ledger.active.difference(ledger.skipped), ledger.active
        leaving = [("unstamp", one) for one in sorted(before - after)]
        coming = [("stamp", one) for one in self._project.dag.order() if one in after - known]
        return self._together(context, [*leaving, *coming], self._plan.heads_after)

    def _together(
        self, context: MigrationContext, told: Sequence[tuple[str, str]], rows: tuple[str, ...]
    ) -> list[Entry]:
        entries = [self._entry(context, event, one, None, None) for event, one in told[:-1]]
        return [*entries, *(self._entry(context, event, one, None, rows) for event, one in told[-1:])]

    def _entry(
        self,
        context: MigrationContext,
        event: str,
        revision_id: str,
        step: Step | None,
        rows_after: tuple[str, ...] | None,
    ) -> Entry:
        started, clock = self._began
        revision = step.revision if step is not None else None
        if event in ("accept", "stamp"):
            revision = self._project.dag[revision_id]
        source = None if revision is None else source_of(revision)
        where = self._circumstances
        return Entry(
            context.version_table,
            revision_id,
            event,
            started.replace(tzinfo=None),
            round((time.monotonic() - clock) * 1000) if step is not None else 0,
            where.commit_of(step),
            where.branch,
            None if source is None else git_blob(source, where.commit_of(step)),
            None if source is None else fingerprint(source),
            self._parents(revision_id, revision),
            rows_after,
            where.who,
            where.host,
            f"branchmig {__version__}",
        )

    def _parents(self, revision_id: str, revision: Revision | None) -> tuple[str, ...] | None:
        """Return what a revision lies upon; from its own file where it is not the checkout's."""
        if revision_id in self._project.dag:
            return self._project.dag.below(revision_id)
        return None if revision is None else tuple(dict.fromkeys((*revision.parents, *revision.depends_on)))

    @staticmethod
    def _is_stamp(plan: Plan) -> bool:
        return any(step.direction == "stamp" for step in plan.steps)


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "version_table": _cut(entry.version_table, 255),
        "revision": entry.revision,
        "direction": entry.direction,
        "started_at": entry.started_at,
        "duration_ms": entry.duration_ms,
        "git_commit": _cut(entry.git_commit, 64),
        "git_branch": _cut(entry.git_branch, 255),
        "blob": entry.blob,
        "fingerprint": entry.fingerprint,
        "parents": as_json(entry.parents),
        "rows_after": as_json(entry.rows_after),
        "who": _cut(entry.who, 255),
        "host": _cut(entry.host, 255),
        "tool": _cut(entry.tool, 64),
    }


def _entry(row: Any) -> Entry:
    return Entry(**{**row, "parents": from_json(row["parents"]), "rows_after": from_json(row["rows_after"])})


def _cut(text: str | None, length: int) -> str | None:
    """Cut a name that nobody looks anything up by; what drivers cannot encode is shown as an escape."""
    if text is None:
        return None
    plain = text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "")
    return plain if len(plain) <= length else f"{plain[: length - 1]}…"
