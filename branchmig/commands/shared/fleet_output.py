"""Prints and records a fleet's run. A failure here starts no further target and ends no worker."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from branchmig import terminal
from branchmig.fleet.troubles import RECORD, REPORT, STANDARD_ERROR, STANDARD_OUTPUT, Troubles
from branchmig.terminal import standard_streams

if TYPE_CHECKING:
    from branchmig.commands.shared.run_log import Log
    from branchmig.fleet.reports import Failure, Observation, Report, Rows
    from branchmig.fleet.store import RunStore

NAMED = 5
"""Targets at work that a line of progress names."""


class Reporter:
    """Says on standard error what happens to a fleet."""

    def __init__(self, board: terminal.Board, troubles: Troubles) -> None:
        self._board, self._troubles = board, troubles
        self._title, self._total, self._done = "", 0, 0
        self._counts: Counter[str] = Counter()
        self._since: dict[str, float] = {}
        self._said: set[tuple[str, str]] = set()

    def phase(self, title: str, total: int) -> None:
        """Begin a phase of so many targets."""
        self._title, self._total, self._done = title, total, 0
        self._counts.clear()

    def running(self, names: Sequence[str]) -> None:
        """Show which targets are being worked on, those first that take longest."""
        now = time.monotonic()
        self._since = {name: self._since.get(name, now) for name in names}
        longest = sorted(names, key=lambda name: (self._since[name], name))
        words = [f"{name} ({now - self._since[name]:.0f} s)" for name in longest[:NAMED]]
        more = [f"{len(longest) - NAMED} more"] if len(longest) > NAMED else []
        self._say(self._board.show, self._title, self._done, self._total, self._counts, [*words, *more])

    def seen(self, sighting: Observation) -> None:
        """Count a target that was looked at."""
        self._done += 1
        self._counts["reached" if sighting.failure is None else sighting.outcome] += 1
        self._failed(sighting.name, sighting.outcome, sighting.failure)

    def ended(self, report: Report) -> None:
        """Count a target that has ended."""
        self._done += 1
        self._counts[report.outcome] += 1
        self._failed(report.name, report.outcome, report.failure)

    def again(self, name: str, failure: Failure | None) -> None:
        """Say that a target will be tried again."""
        self._line(f"{name}: will be tried again: {failure.message if failure else ''}")

    def interrupted(self) -> None:
        """Say what an interrupt does, and what further ones do."""
        self._line(
            "Interrupted: what runs is finished, nothing new begins; once more, and it is cancelled on the server."
        )

    def _failed(self, name: str, outcome: str, failure: Failure | None) -> None:
        if failure is not None and (name, failure.message) not in self._said:
            self._said.add((name, failure.message))
            self._line(f"{name}: {outcome}: {failure.message}")

    def _line(self, text: str) -> None:
        self._say(self._board.line, text)

    def _say(self, act: Callable[..., object], *arguments: object) -> None:
        if self._troubles.guarded(STANDARD_ERROR, act, *arguments):
            note_loss(self._troubles, STANDARD_ERROR, "stderr")


class LoggingReporter(Reporter):
    """Logs what happens to a fleet, in the place of progress. Errors are logged by their codes, as single runs do."""

    def __init__(self, log: Log, board: terminal.Board, troubles: Troubles) -> None:
        super().__init__(board, troubles)
        self._log = log

    def running(self, names: Sequence[str]) -> None:
        """Log the targets that are worked on since the last call."""
        now = time.monotonic()
        for name in names:
            if name not in self._since:
                self._write("info", "target begins", {"target": name, "phase": self._title})
        self._since = {name: self._since.get(name, now) for name in names}

    def seen(self, sighting: Observation) -> None:
        """Log a target that could not be looked at."""
        if sighting.failure is not None:
            self._write("error", "target not reached", _facts(sighting.name, sighting.outcome, sighting.failure))

    def ended(self, report: Report) -> None:
        """Log how a target ended."""
        facts = _facts(report.name, report.outcome, report.failure)
        facts |= {"steps": report.steps, "seconds": round(report.seconds, 3)}
        self._write("info" if report.is_at_goal else "error", "target ends", facts)

    def again(self, name: str, failure: Failure | None) -> None:
        """Log that a target will be tried again."""
        self._write("warning", "target again", _facts(name, "failed", failure))

    def interrupted(self) -> None:
        """Log what an interrupt does."""
        self._write("warning", "interrupted", {"running": list(self._since)})

    def _write(self, level: str, event: str, facts: dict[str, object]) -> None:
        self._say(self._log, level, event, facts)


class Recorder:
    """Records what happens, then says it."""

    def __init__(
        self,
        store: RunStore,
        run: str,
        reporter: Reporter,
        troubles: Troubles,
        stream: Callable[[Report], object] | None,
    ) -> None:
        """Make one; `stream` writes each target that ends to standard output."""
        self._store, self._run, self._reporter, self._troubles = store, run, reporter, troubles
        self._stream = stream
        self._unrecorded: list[Report] = []

    def saw(self, sightings: Iterable[Observation]) -> None:
        """Record which databases the targets are."""
        self._troubles.guarded(RECORD, self._store.saw, self._run, sightings)

    def begin(self, begun: Sequence[tuple[str, tuple[Rows, ...], tuple[str, ...]]]) -> bool:
        """Record that work on some targets begins; without that none does."""
        return self._troubles.guarded(RECORD, self._store.begin, self._run, begun)

    def again(self, name: str, failure: Failure | None) -> None:
        """Say that a target will be tried again."""
        self._reporter.again(name, failure)

    def end(self, reports: Iterable[Report]) -> None:
        """Record how some targets ended."""
        ended = list(reports)
        if not self._troubles.guarded(RECORD, self._store.end, self._run, ended):
            self._unrecorded += ended
        for report in ended:
            self._reporter.ended(report)
            if self._stream is not None:
                answer(self._troubles, self._stream, report)

    def finish(self, reason: str | None) -> None:
        """Record that the run is over, and what could not be recorded before: the disk may have room again."""
        try:
            self._store.forget_failure()
            self._store.end(self._run, self._unrecorded)
            self._store.finish(self._run, time.time(), reason)
        except Exception as error:  # of the disk, or of any driver
            self._troubles.guarded("the end of the record", _again, error)
        else:
            self._unrecorded.clear()


def answer(troubles: Troubles, write: Callable[..., object], *arguments: object) -> None:
    """Write to standard output, as long as somebody reads."""

    def written() -> None:
        try:
            write(*arguments)
        except terminal.ReaderWentAway as error:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) from error

    if troubles.guarded(STANDARD_OUTPUT, written):
        note_loss(troubles, STANDARD_OUTPUT, "stdout")


def note_loss(troubles: Troubles, what: str, name: str) -> None:
    """Note that a standard stream has lost its reader: it drops what is written since, and raises nothing."""
    error = standard_streams.lost(getattr(sys, name))
    if error is not None:
        troubles.note(what, os.strerror(error.errno) if error.errno else str(error))


@contextmanager
def suppress_drawing(board: terminal.Board, troubles: Troubles) -> Iterator[terminal.Board]:
    """Give a board for the block. A terminal that is gone when it is taken or given back ends nothing."""
    troubles.guarded(STANDARD_ERROR, board.__enter__)
    try:
        yield board
    finally:
        troubles.guarded(STANDARD_ERROR, board.__exit__, None, None, None)


def report(troubles: Troubles, show: Callable[[], object]) -> None:
    """Show the report, the last thing of a run, which may fail like all else."""
    if STANDARD_OUTPUT not in troubles.reasons and troubles.guarded(REPORT, show):
        note_loss(troubles, STANDARD_OUTPUT, "stdout")


def _again(error: Exception) -> None:
    raise error


def _facts(name: str, outcome: str, failure: Failure | None) -> dict[str, object]:
    return {"target": name, "outcome": outcome, **({} if failure is None else {"error": failure.code})}
