"""Drives a schedule: hands targets to workers, waits for what ends, listens to Ctrl-C. Decides nothing itself."""

from __future__ import annotations

import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from branchmig.fleet.engine import Pool
from branchmig.fleet.schedule import Entry, Schedule, Verdict
from branchmig.fleet.troubles import SCHEDULER, TERMINAL, Troubles

if TYPE_CHECKING:
    from concurrent.futures import Future

LOOK_UP_EVERY = 0.5  # seconds between two looks at what takes too long, and two moves of what is shown

INTERRUPTED = "interrupted"
OUT_OF_TIME = "--max-time is over"


CANCEL_WITHIN = 10.0  # seconds that a worker has to cancel its statement on the server, before it is ended

STOP, CANCEL = "stop", "cancel"


class Interrupts:
    """Ctrl-C and SIGTERM: the first lets what runs end, the second cancels it, the third ends all at once.

    SIGHUP says that the terminal is gone, as often as it comes.
    """

    def __init__(self, report: Callable[[], None], troubles: Troubles) -> None:
        self._report, self._troubles = report, troubles
        self.events: queue.SimpleQueue[Future[Any] | str] = queue.SimpleQueue()
        self.count = 0

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Listen within the block; the ways of before come back after it."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
        numbers = [getattr(signal, name) for name in names]
        # nohup ignores SIGHUP, and means it.
        heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self._noted) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _noted(self, number: int, frame: object) -> None:
        if number == getattr(signal, "SIGHUP", None):
            self._troubles.note(TERMINAL, "it hung up (SIGHUP)")
            return
        self.count += 1
        if self.count > 2:
            raise KeyboardInterrupt
        # SimpleQueue.put may be called amid anything, SimpleQueue.get included.
        self.events.put(STOP if self.count == 1 else CANCEL)

    def report(self) -> None:
        """Report once that nothing new begins."""
        if self.count == 1:
            self._report()


class Loop:
    """One pass over the targets of a schedule. Whatever fails here, what runs may end: see Troubles."""

    def __init__(
        self, pool: Pool, interrupts: Interrupts, troubles: Troubles, timeout: float | None, ends: float | None = None
    ) -> None:
        self._pool, self._interrupts, self._troubles = pool, interrupts, troubles
        self._timeout, self._ends = timeout, ends
        self._running: dict[Future[Any], Entry] = {}
        self._until: dict[Future[Any], float] = {}
        self._cancelled: dict[Future[Any], tuple[float, type[OSError]]] = {}
        """When the worker of a call that was cancelled is ended, and as what the call counts then."""
        self._given_up: dict[Future[Any], type[OSError]] = {}

    def run(
        self,
        schedule: Schedule,
        function: Callable[..., Any],
        begin: Callable[[Sequence[Entry]], Sequence[Any] | None],
        end: Callable[[Entry, object], Verdict],
        show: Callable[[], None],
    ) -> None:
        """Run the schedule to its end.

        `begin` notes that targets begin and returns what `function` is called with for each; None where that could
        not be noted. `end` gets how an attempt ended: what the worker returned, or the error; TimeoutError where it
        took too long, InterruptedError where a signal ended it, ConnectionError where the worker was lost. `show` is
        called now and then.
        """
        if self._interrupts.count:
            schedule.stop(INTERRUPTED)
        while not schedule.is_over:
            self._stop(schedule)
            entries = schedule.begin(time.monotonic())
            if entries:
                self._begin(schedule, entries, function, begin)
            show()
            for event in self._waited(schedule):
                if isinstance(event, str):
                    schedule.stop(INTERRUPTED)
                    self._interrupts.report()
                    if event == CANCEL:
                        self._cancel(list(self._running), InterruptedError)
                elif event in self._running:
                    self._end(schedule, event, end)
            self._cancel_late_ones()
            self._leave_lost_pool(schedule, end)

    def _stop(self, schedule: Schedule) -> None:
        if self._troubles:
            schedule.stop(self._troubles.text or "")
        elif self._ends is not None and time.monotonic() > self._ends:
            schedule.stop(OUT_OF_TIME)

    def _begin(
        self,
        schedule: Schedule,
        entries: Sequence[Entry],
        function: Callable[..., Any],
        begin: Callable[[Sequence[Entry]], Sequence[Any] | None],
    ) -> None:
        tasks = begin(entries)
        if tasks is None:
            for entry in entries:
                schedule.take_back(entry.name)
            return
        for entry, task in zip(entries, tasks, strict=True):
            if not self._troubles.guarded("the start of a worker", self._submit, entry, function, task):
                schedule.take_back(entry.name)

    def _submit(self, entry: Entry, function: Callable[..., Any], task: object) -> None:
        future = self._pool.submit(function, task)
        self._running[future] = entry
        if self._timeout is not None:
            self._until[future] = time.monotonic() + self._timeout + self._pool.grace
        future.add_done_callback(self._interrupts.events.put)

    def _end(self, schedule: Schedule, future: Future[Any], end: Callable[[Entry, object], Verdict]) -> None:
        entry = self._running.pop(future)
        result = self._result(future)
        self._troubles.guarded("a worker", self._pool.ended, future)
        self._note_end(schedule, entry, result, end)

    def _note_end(
        self, schedule: Schedule, entry: Entry, result: object, end: Callable[[Entry, object], Verdict]
    ) -> None:
        verdict: Verdict = "wrong"

        def noted() -> None:
            nonlocal verdict
            verdict = end(entry, result)

        self._troubles.guarded(f"how {entry.name} ended", noted)
        self._stop(schedule)
        schedule.end(entry.name, verdict, time.monotonic())

    def _waited(self, schedule: Schedule) -> list[Future[Any] | str]:
        """Return what happened: futures that ended, STOP or CANCEL for a signal; nothing where only time has passed."""
        now = time.monotonic()
        wakes = schedule.wakes_at(now)
        seconds = LOOK_UP_EVERY if wakes is None else min(LOOK_UP_EVERY, wakes - now)
        events = self._interrupts.events
        found: list[Future[Any] | str] = []
        with suppress(queue.Empty):
            found.append(events.get(timeout=seconds))
            while True:
                found.append(events.get_nowait())
        return found

    def _result(self, future: Future[Any]) -> object:
        self._until.pop(future, None)
        self._cancelled.pop(future, None)
        given_up = self._given_up.pop(future, None)
        error = ConnectionError() if future.cancelled() else future.exception()
        if error is None:
            return future.result()
        if given_up is not None:
            return given_up()
        return ConnectionError(f"{type(error).__name__}: {error}") if self._pool.is_loss(error) else error

    def _cancel_late_ones(self) -> None:
        now = time.monotonic()
        if self._ends is not None and now > self._ends + self._pool.grace:
            self._cancel(list(self._running), TimeoutError)
        self._cancel([future for future, until in self._until.items() if until < now], TimeoutError)
        for future in [future for future, (until, _) in self._cancelled.items() if until < now]:
            _, self._given_up[future] = self._cancelled.pop(future)
            self._pool.give_up(future)

    def _cancel(self, futures: Sequence[Future[Any]], why: type[OSError]) -> None:
        """Have workers cancel what they do on the server, as Ctrl-C does in a run of one database."""
        for future in futures:
            self._until.pop(future, None)
            if future not in self._cancelled and future not in self._given_up:
                self._cancelled[future] = (time.monotonic() + CANCEL_WITHIN, why)
                name = self._running[future].name
                self._troubles.guarded(f"the cancelling of {name}", self._pool.cancel, future, name)

    def _leave_lost_pool(self, schedule: Schedule, end: Callable[[Entry, object], Verdict]) -> None:
        """Wait no longer for workers that nothing can be heard of any more."""
        reason = self._pool.trouble()
        if reason is None:
            return
        self._troubles.note(SCHEDULER, reason)
        self._stop(schedule)
        for entry in list(self._running.values()):
            self._note_end(schedule, entry, ConnectionError(f"{reason}; it may go on there"), end)
        self._running.clear()
