"""Records of fleet runs, in SQL that every database takes; by itself it opens a SQLite file of this user's alone.

No URL and no secret is recorded: targets by name, their version rows, and how each ended.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from branchmig.errors import FleetStopped
from branchmig.fleet.folders import writable_folder
from branchmig.fleet.goal import Goal
from branchmig.fleet.owner import run_lock
from branchmig.fleet.record import RunRecord, TargetRecord, as_text, from_text, restored
from branchmig.fleet.reports import Failure, Observation, Report, Rows
from branchmig.fleet.tasks import Source

FILE_NAME = "fleet.sqlite3"
BUSY_FOR = 30.0  # seconds to wait while another run writes to the same file

_TABLES = (
    """CREATE TABLE IF NOT EXISTS branchmig_fleet_run (
        run VARCHAR(64) NOT NULL PRIMARY KEY, goal TEXT NOT NULL, source TEXT NOT NULL, folder TEXT NOT NULL,
        owner VARCHAR(255) NOT NULL, canaries INTEGER NOT NULL, began DOUBLE PRECISION NOT NULL,
        ended DOUBLE PRECISION, reason TEXT)""",
    """CREATE TABLE IF NOT EXISTS branchmig_fleet_target (
        run VARCHAR(64) NOT NULL, name VARCHAR(255) NOT NULL, position INTEGER NOT NULL, grp VARCHAR(255) NOT NULL,
        state VARCHAR(16) NOT NULL, seen TEXT, identities TEXT, outcome VARCHAR(32), after_rows TEXT,
        steps INTEGER NOT NULL, attempts INTEGER NOT NULL, seconds DOUBLE PRECISION NOT NULL, failure TEXT,
        PRIMARY KEY (run, name))""",
)
_MORE = {
    "branchmig_fleet_run": {"project": "TEXT"},
    "branchmig_fleet_target": {"places": "TEXT", "address": "VARCHAR(64)", "other_steps": "INTEGER"},
}
"""Columns that earlier versions did not make."""

_RUN = "run, goal, source, folder, owner, began, canaries, ended, reason, COALESCE(project, '')"
_TARGET = (
    "name, grp, state, seen, identities, outcome, after_rows, steps, attempts, seconds, failure, places, address, "
    "other_steps"
)


class Database(Protocol):
    """Where records go: SQL with `:name` parameters; rows come back as tuples."""

    def execute(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement once for each of `rows`."""

    def ask(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Return what a query finds."""

    def commit(self) -> None:
        """Make what was written last."""

    def rollback(self) -> None:
        """Forget what was not committed; connect again with the next statement, where the connection was lost."""

    def lock(self, run: str) -> AbstractContextManager[bool | None]:
        """Hold the lock of a run for a block, or until this process ends; give whether it was free, None if none is."""


class RunStore:
    """The records of runs in one database."""

    def __init__(self, database: Database, place: str, warning: str | None = None) -> None:
        self._database, self.place, self.warning = database, place, warning
        for table in _TABLES:
            database.execute(table, [{}])
        database.commit()
        for name, columns in _MORE.items():
            for column, kind in columns.items():
                self._add_column(name, column, kind)

    def _add_column(self, table: str, column: str, kind: str) -> None:
        try:
            self._database.ask(f"SELECT {column} FROM {table} WHERE 1 = 0")
        except Exception:  # each driver has an error of its own for it
            self._database.rollback()
            self._database.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}", [{}])
        self._database.commit()

    def create(self, run: RunRecord, targets: Iterable[TargetRecord]) -> None:
        """Record a run that begins."""
        values = {
            "run": run.run,
            "goal": as_text(run.goal),
            "source": as_text(run.source),
            "folder": run.folder,
            "owner": run.owner,
            "canaries": run.canaries,
            "began": run.began,
            "project": run.project,
        }
        self._database.execute(
            "INSERT INTO branchmig_fleet_run (run, goal, source, folder, owner, canaries, began, project) "
            "VALUES (:run, :goal, :source, :folder, :owner, :canaries, :began, :project)",
            [values],
        )
        self._write(
            "INSERT INTO branchmig_fleet_target (run, name, position, grp, state, steps, attempts, seconds, address) "
            "VALUES (:run, :name, :position, :grp, 'pending', 0, 0, 0, :address)",
            [
                {
                    "run": run.run,
                    "name": target.name,
                    "position": position,
                    "grp": target.group,
                    "address": target.address,
                }
                for position, target in enumerate(targets)
            ],
        )

    def take_over(self, run: str, owner: str) -> None:
        """Record that another process goes on with a run."""
        self._write(
            "UPDATE branchmig_fleet_run SET owner = :owner, ended = NULL, reason = NULL WHERE run = :run",
            [{"run": run, "owner": owner}],
        )

    def saw(self, run: str, sightings: Iterable[Observation]) -> None:
        """Record which databases some targets turned out to be."""
        self._write(
            "UPDATE branchmig_fleet_target SET identities = :identities, places = :places "
            "WHERE run = :run AND name = :name",
            [
                {
                    "run": run,
                    "name": observation.name,
                    "identities": as_text(observation.identities),
                    "places": as_text(observation.places),
                }
                for observation in sightings
                if observation.failure is None
            ],
        )

    def begin(self, run: str, begun: Iterable[tuple[str, tuple[Rows, ...], tuple[str, ...]]]) -> None:
        """Record that work on some targets begins, each with the rows it is at: before it does.

        The rows of a target that began before, in a run that was cut off, stay: its plan was made from them.
        """
        self._write(
            "UPDATE branchmig_fleet_target SET state = 'begun', attempts = attempts + 1, "
            "seen = COALESCE(seen, :seen), identities = :identities WHERE run = :run AND name = :name",
            [
                {"run": run, "name": name, "seen": as_text(seen), "identities": as_text(identities)}
                for name, seen, identities in begun
            ],
        )

    def end(self, run: str, reports: Iterable[Report]) -> None:
        """Record how some targets ended."""
        self._write(
            "UPDATE branchmig_fleet_target SET state = 'ended', outcome = :outcome, after_rows = :after, "
            "identities = :identities, steps = :steps, seconds = seconds + :seconds, failure = :failure, "
            "other_steps = :other_steps WHERE run = :run AND name = :name",
            [
                {
                    "run": run,
                    "name": report.name,
                    "outcome": report.outcome,
                    "after": as_text(report.after),
                    "identities": as_text(report.identities),
                    "steps": report.steps,
                    "seconds": report.seconds,
                    "failure": None if report.failure is None else as_text(report.failure),
                    "other_steps": report.other_steps,
                }
                for report in reports
            ],
        )

    def finish(self, run: str, ended: float, reason: str | None) -> None:
        """Record that a run is over."""
        self._write(
            "UPDATE branchmig_fleet_run SET ended = :ended, reason = :reason WHERE run = :run",
            [{"run": run, "ended": ended, "reason": reason}],
        )

    def _write(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement for each of some rows, and commit; without rows, do nothing."""
        if rows:
            self._database.execute(sql, rows)
            self._database.commit()

    def lock(self, run: str) -> AbstractContextManager[bool | None]:
        """Hold the lock of a run for a block; give whether it was free: True, False, or None where there is none."""
        return self._database.lock(run)

    def forget_failure(self) -> None:
        """Be ready to record again, after that has failed."""
        self._database.rollback()

    def load(self, run: str, project: str = "") -> tuple[RunRecord, list[TargetRecord]]:
        """Return a run and its targets in order; `last` is the one of `project` that began last.

        Raises FleetStopped if there is none.
        """
        runs = self.runs(project) if run == "last" else [recorded for recorded in self.runs() if recorded.run == run]
        if not runs:
            is_elsewhere = run == "last" and bool(project)
            of_project = " of this project" if is_elsewhere else ""
            raise FleetStopped(
                f"{self.place} records no run {run!r}{of_project}", self._known_runs(is_elsewhere=is_elsewhere)
            )
        targets = self._database.ask(
            f"SELECT {_TARGET} FROM branchmig_fleet_target WHERE run = :run ORDER BY position", run=runs[0].run
        )
        self._database.commit()
        return runs[0], [_target(row) for row in targets]

    def runs(self, project: str = "") -> list[RunRecord]:
        """Return the runs, of one project if it is given, the newest first."""
        found = self._database.ask(f"SELECT {_RUN} FROM branchmig_fleet_run ORDER BY began DESC, run DESC")
        self._database.commit()
        every = (
            RunRecord(run, restored(Goal, goal), restored(Source, source), *rest) for run, goal, source, *rest in found
        )
        return [recorded for recorded in every if not project or recorded.project in ("", project)]

    def states(self, run: str) -> dict[str, int]:
        """Return how many targets of a run are in which state: how they ended, begun, or pending."""
        found = self._database.ask(
            "SELECT CASE WHEN state = 'ended' THEN outcome ELSE state END, COUNT(*) FROM branchmig_fleet_target "
            "WHERE run = :run GROUP BY 1 ORDER BY 1",
            run=run,
        )
        self._database.commit()
        return {str(state): int(count) for state, count in found}

    def _known_runs(self, *, is_elsewhere: bool) -> str:
        found = self._database.ask("SELECT run FROM branchmig_fleet_run ORDER BY began DESC LIMIT 5")
        if not found:
            return "see --run-file and --record"
        whose = "it has runs of other checkouts, which go on there" if is_elsewhere else "it knows"
        return f"{whose}: {', '.join(run for (run,) in found)}"


class _File:
    def __init__(self, connection: sqlite3.Connection, place: Path) -> None:
        self._connection, self._place = connection, place

    def execute(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        self._connection.executemany(sql, rows) if any(rows) else self._connection.execute(sql)

    def ask(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, parameters).fetchall()

    def commit(self) -> None:
        self._connection.commit()

    def rollback(self) -> None:
        self._connection.rollback()

    def lock(self, run: str) -> AbstractContextManager[bool | None]:
        return run_lock(f"{self._place}.{run}.lock")


@contextmanager
def file_store(path: str | None) -> Iterator[RunStore]:
    """Give the records in a SQLite file; without a path, the one in this user's state folder.

    Raises FleetStopped for a file that is no such database or cannot be written.
    """
    folder, warning = (Path(), None) if path else writable_folder()
    place = Path(path) if path else folder / FILE_NAME
    connection = _opened(place)
    try:
        yield RunStore(_File(connection, place), str(place), warning)
    except sqlite3.Error as error:
        raise _unusable(place, error) from error
    finally:
        connection.close()


def _opened(place: Path) -> sqlite3.Connection:
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Names of databases and errors of scripts are nobody else's business.
        os.close(os.open(place, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(place, timeout=BUSY_FOR)
        # A crash of this program loses nothing so, and a target costs no wait for the disk.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    except (sqlite3.Error, OSError) as error:
        raise _unusable(place, error) from error
    return connection


def _unusable(place: Path, error: Exception) -> FleetStopped:
    return FleetStopped(f"{place} cannot hold the record of a run: {error}", "name another file: --run-file")


def new_run() -> str:
    """Return the id of a new run: when it began, and what distinguishes it from others of that second."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def _target(row: Sequence[Any]) -> TargetRecord:
    name, group, state, seen, identities, outcome, after, steps, attempts, seconds, *rest = row
    failure, places, address, others = rest
    return TargetRecord(
        name,
        group,
        state,
        None if seen is None else from_text(seen),
        from_text(identities),
        outcome,
        from_text(after),
        steps,
        attempts,
        seconds,
        None if failure is None else restored(Failure, failure),
        from_text(places),
        address,
        others or 0,
    )
