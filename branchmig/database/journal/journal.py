"""The journal: a table beside the version table that keeps every step; written in each step's own transaction.

A step's entry comes after its last statement and just before its version rows, in the transaction of these. So both
are there or neither is, also where DDL is not transactional: the rows and the entry are plain data everywhere.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from branchmig import __version__, terminal
from branchmig.database.identity import Identity, identity_of
from branchmig.database.journal.journal_rules import refuse_own_tables, refuse_skipped, warn_of_edits
from branchmig.database.journal.journal_table import (
    add_entries,
    check_writable,
    journal_table,
    prepare_table,
    read_journal,
    row_of,
)
from branchmig.database.journal.run_context import Circumstances
from branchmig.database.run import failures
from branchmig.database.run.interrupted_steps import StepWatch, left_behind, unfinished_error
from branchmig.database.run.run_listener import RunListener
from branchmig.database.run.session import in_session, session_of
from branchmig.database.run.side_connection import SideConnection
from branchmig.errors import AppliedAlready, BranchmigError, OwnTablesChanged, SkippedRevisions
from branchmig.model import Plan, Revision, Step
from branchmig.planning.journal_state import Entry, Ledger
from branchmig.project.fingerprints import fingerprints
from branchmig.project.project import Project
from branchmig.project.worktree import source_of
from branchmig.revisions.fingerprint import fingerprint, git_blob


def ledger_of(context: MigrationContext, project: Project, rows: Sequence[str]) -> Ledger:
    """Return the journal beside `rows`, the rows of the version table, with the project's graph and scripts."""
    ledger = Ledger(read_journal(context), tuple(rows), project.dag, source_of)
    if all(record in project.checkout_dag for record in ledger.records):
        return ledger
    from branchmig.project.retired import excused

    return replace(ledger, excused=excused(project, ledger))


def warn_of_refusal(context: MigrationContext, project: Project, command: str, plan: Plan) -> None:
    """Warn where a run of a plan would be refused for what the journal knows: what was skipped, or left half done."""
    if any(row not in project.dag for row in plan.applied):
        return
    ledger = ledger_of(context, project, plan.applied)
    reasons = [unfinished_error(step, project).message for step in left_behind(context, ledger)]
    try:
        refuse_own_tables(project, plan)
        refuse_skipped(ledger, project, plan, command)
    except (AppliedAlready, OwnTablesChanged, SkippedRevisions) as error:
        reasons.append(error.message)
    for reason in reasons:
        terminal.warning(f"a run would be refused: {reason}")


FAILURE_WITHIN = 5.0  # seconds. A server that has gone away must not keep the program from ending.


class Journal(RunListener):
    """Writes down what a run does; lets none begin that would leave a revision out, or run one twice."""

    def __init__(self, project: Project, command: str, settled: str | None = None) -> None:
        """Make one for a run; `settled` is the unfinished step that the run settles."""
        self._project, self._command = project, command
        self._circumstances = Circumstances(project)
        self._began = (datetime.now(UTC), time.monotonic())
        self._watch = StepWatch(project, settled, journal_table)
        self._identity: Identity | None = None
        self._columns: frozenset[str] = frozenset()
        self._digests: dict[bytes, str] = {}
        self._open: tuple[MigrationContext, Step, str] | None = None
        """What did not come through yet: the step that began last, and what has gone wrong with it."""

    def planned(self, context: MigrationContext, plan: Plan) -> None:
        """Compare the plan with what has really run. Raises SkippedRevisions, AppliedAlready.

        What the entries need is collected here, before the first statement: git, rights, files, and the modules that
        are imported for them. What fails afterwards may leave half a step behind.
        """
        refuse_own_tables(self._project, plan)
        self._plan, self._is_prepared = plan, False
        self._ledger = ledger_of(context, self._project, plan.applied)
        self._watch.planned(context, self._ledger)
        if all(step.direction != "stamp" for step in plan.steps):
            refuse_skipped(self._ledger, self._project, plan, self._command)
            if self._command == "upgrade":
                warn_of_edits(self._ledger, self._project)
        if plan.steps:
            self._collect(context)

    def step_begins(self, context: MigrationContext, step: Step) -> None:
        """Make the journal, and write down what something else did since, before the first step."""
        if not self._is_prepared:
            self._prepare(context)
        self._began = (datetime.now(UTC), time.monotonic())
        self._open = (context, step, "it did not come through")
        if step.direction != "stamp":
            self._watch.begins(step, self._began[0].replace(tzinfo=None), self._entries[id(step)][0].fingerprint)

    def step_ends(self, context: MigrationContext, step: Step) -> None:
        """Write the step down."""
        if step.direction == "stamp":
            if step is self._plan.steps[0]:
                add_entries(context, map(self._timed, self._entries[id(step)]), self._columns)
            return
        self._watch.ends()
        add_entries(context, map(self._timed, self._entries[id(step)]), self._columns)

    def failed(self, context: MigrationContext, step: Step, error: BaseException) -> bool:
        """Record how far the step came, where that stays in the database."""
        self._watch.failed(error)
        self._open = (context, step, failures.summary(error))
        return False

    def runs_again(self) -> None:
        """Forget what went wrong: it is tried again."""
        self._open = None

    def succeeded(self) -> None:
        """Note that everything came through."""
        self._open = None

    def ended(self) -> None:
        """Let go of what is recorded of the steps that came through, and leave an entry of the one that did not."""
        self._watch.over()
        if self._open is not None and self._open[1].direction != "stamp":
            # The first error counts, whatever becomes of its record.
            with suppress(SQLAlchemyError, BranchmigError, OSError, TimeoutError):
                self._record_failure(*self._open)
        self._open = None

    def _collect(self, context: MigrationContext) -> None:
        """Make every entry of the plan, but for its times. Raises JournalFailed where they could not be written."""
        self._identity = identity_of(context)
        check_writable(context)
        plan = self._plan
        # `stamp --purge` empties the version table itself: nothing else has.
        self._since = [] if context.opts.get("purge") else self._since_then(context)
        self._entries: dict[int, list[Entry]] = {}
        scripts = [source_of(step.revision) for step in plan.steps if step.revision and step.direction != "stamp"]
        self._digests = fingerprints(self._project.config.root, filter(None, scripts))
        # A sync may stamp rows and run scripts in one plan.
        if plan.steps[0].direction == "stamp":
            self._entries[id(plan.steps[0])] = self._stamped(context)
        for step in plan.steps:
            if step.direction == "stamp" or step.revision is None:
                continue
            name = step.revision.id
            self._entries[id(step)] = [self._entry(context, step.direction, name, step, step.heads_after)]

    def _timed(self, entry: Entry) -> Entry:
        started, clock = self._began
        took = round((time.monotonic() - clock) * 1000) if entry.direction in ("upgrade", "downgrade") else 0
        return replace(entry, started_at=started.replace(tzinfo=None), duration_ms=took)

    def _record_failure(self, context: MigrationContext, step: Step, what: str) -> None:
        """Write that a step failed, in a transaction of its own: the step's was rolled back, with all that it wrote."""
        (entry,) = self._entries[id(step)]
        done = self._timed(entry)
        entry = replace(done, direction="failed", rows_after=None, detail=f"{step.direction}: {what}")
        connection = context.connection
        assert connection is not None
        table = journal_table(context.version_table_schema)
        session = session_of(context)
        if not session.is_known:
            return
        facts = ("version_table", "revision", "direction", "started_at")
        written = select(func.count()).where(*(table.c[name] == getattr(done, name) for name in facts))

        def write(plain: Connection) -> None:
            with in_session(plain, session) as own:
                columns = prepare_table(own, table, session.database)
                if own.scalar(written):
                    return  # what failed came after the step, which was committed
                own.execute(table.insert(), [row_of(entry, columns)])

        if connection.dialect.name == "sqlite" and not connection.dialect.is_async:
            with connection.engine.begin() as own:  # a database in memory is there for one pool alone
                write(own)
            return
        with closing(SideConnection.open(connection)) as side:
            side.ask(write, within=FAILURE_WITHIN)

    def accept(self, context: MigrationContext, ledger: Ledger, revisions: Sequence[str]) -> None:
        """Write down that the present scripts of some revisions stand for what was applied, and commit it."""
        self._plan, self._ledger = Plan(tuple(sorted(ledger.rows))), ledger
        self._identity = identity_of(context)
        entries = self._together(context, [("accept", revision) for revision in revisions], self._plan.applied)
        self._since = self._since_then(context)
        with context.begin_transaction(_per_migration=True):
            self._prepare(context)
            add_entries(context, map(self._timed, entries), self._columns)

    def _prepare(self, context: MigrationContext) -> None:
        assert context.connection is not None
        table = journal_table(context.version_table_schema)
        self._columns = prepare_table(context.connection, table, session_of(context).database)
        self._is_prepared = True
        add_entries(context, map(self._timed, self._since), self._columns)

    def _since_then(self, context: MigrationContext) -> list[Entry]:
        """Return what something else than branchmig has applied, and taken away, since the last entry."""
        found = [("found", name) for name in self._ledger.unrecorded]
        gone = [("gone", name) for name in self._ledger.departed]
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
        leaving = [("unstamp", name) for name in sorted(before - after)]
        runs = {step.revision.id for step in self._plan.steps if step.revision and step.direction != "stamp"}
        coming = [
            ("stamp", revision_id) for revision_id in self._project.dag.order() if revision_id in after - known - runs
        ]
        return self._together(context, [*leaving, *coming], self._plan.heads_after)

    def _together(
        self, context: MigrationContext, events: Sequence[tuple[str, str]], rows: tuple[str, ...]
    ) -> list[Entry]:
        """Return an entry for each event, an action and a revision; the last has the rows after all of them."""
        entries = [self._entry(context, event, name, None, None) for event, name in events[:-1]]
        return [*entries, *(self._entry(context, event, name, None, rows) for event, name in events[-1:])]

    def _entry(
        self,
        context: MigrationContext,
        event: str,
        revision_id: str,
        step: Step | None,
        rows_after: tuple[str, ...] | None,
    ) -> Entry:
        revision = step.revision if step is not None else None
        if event in ("accept", "stamp") or (revision is None and revision_id in self._project.dag):
            revision = self._project.dag[revision_id]
        is_script = event not in ("found", "gone", "unstamp")
        source = source_of(revision) if revision is not None and is_script else None
        where, identity = self._circumstances, self._identity
        return Entry(
            context.version_table,
            revision_id,
            event,
            self._began[0].replace(tzinfo=None),
            0,
            where.commit_of(step),
            where.branch,
            None if source is None else git_blob(source),
            None if source is None else self._digests.get(source) or fingerprint(source),
            self._parents(revision_id, revision),
            rows_after,
            where.who,
            where.host,
            f"branchmig {__version__}",
            message=revision.title if revision is not None else None,
            role=identity.role if identity else None,
            deployed_by=where.deployed_by,
            database_url=str(identity) if identity else None,
            database_id=identity.recorded if identity else None,
            in_commit=where.is_in_commit(step),
            clone=where.clone,
        )

    def _parents(self, revision_id: str, revision: Revision | None) -> tuple[str, ...] | None:
        """Return the parents and dependencies of a revision; from its own file where it is not the checkout's."""
        if revision_id in self._project.dag:
            return self._project.dag.below(revision_id)
        return None if revision is None else tuple(dict.fromkeys((*revision.parents, *revision.depends_on)))
