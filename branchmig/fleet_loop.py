"""Drives a schedule: hands targets to workers, waits for what ends, listens to Ctrl-C. Decides nothing itself."""

from __future__ import annotations

import queue
import signal
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from branchmig.fleet.schedule import Entry, Schedule, Verdict
    from branchmig.fleet_engine import Pool

LOOK_UP_EVERY = 0.5
"""Seconds between two looks at what takes too long, and two moves of what is shown."""

INTERRUPTED = "interrupted"


class Interrupts:
    """Ctrl-C, SIGTERM and SIGHUP: the first lets what runs end, the second ends all at once."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell
        self.events: queue.SimpleQueue[Future[Any] | None] = queue.SimpleQueue()
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
        self.count += 1
        if self.count > 1:
            raise KeyboardInterrupt
        # SimpleQueue.put may be called amid anything, SimpleQueue.get included.
        self.events.put(None)

    def told(self) -> None:
        """Say once that the rest is left, as soon as something may be said."""
        if self.count == 1:
            self._tell()


class Loop:
    """One pass over the targets of a schedule."""

    def __init__(self, pool: Pool, interrupts: Interrupts, timeout: float | None = None) -> None:
        self._pool, self._interrupts, self._timeout = pool, interrupts, timeout
        self._running: dict[Future[Any], Entry] = {}
        self._until: dict[Future[Any], float] = {}
        self._given_up: set[Future[Any]] = set()

    def run(
        self,
        schedule: Schedule,
        begin: Callable[[Sequence[Entry]], Sequence[Future[Any]]],
        end: Callable[[Entry, object], Verdict],
        show: Callable[[], None],
    ) -> None:
        """Run the schedule to its end.

        `begin` hands targets to the pool. `end` is told how an attempt ended: what the worker returned, or the
        error; TimeoutError where it took too long, ConnectionError where the worker was lost. `show` is called
        now and then.
        """
        if self._interrupts.count:
            schedule.stop(INTERRUPTED)
        while not schedule.is_over:
            entries = schedule.begin(time.monotonic())
            if entries:
                for entry, future in zip(entries, begin(entries), strict=True):
                    self._follow(entry, future)
            show()
            for ended in self._waited(schedule):
                if ended is None:
                    schedule.stop(INTERRUPTED)
                    self._interrupts.told()
                elif ended in self._running:
                    entry = self._running[ended]
                    schedule.end(entry.name, end(entry, self._result(ended)), time.monotonic())
            self._give_up_late_ones()

    def _follow(self, entry: Entry, future: Future[Any]) -> None:
        self._running[future] = entry
        if self._timeout is not None:
            self._until[future] = time.monotonic() + self._timeout + self._pool.grace
        future.add_done_callback(self._interrupts.events.put)

    def _waited(self, schedule: Schedule) -> list[Future[Any] | None]:
        """Return what happened: futures that ended, None for a signal; nothing where it is only time to go on."""
        now = time.monotonic()
        wakes = schedule.wakes_at(now)
        seconds = LOOK_UP_EVERY if wakes is None else min(LOOK_UP_EVERY, wakes - now)
        events = self._interrupts.events
        found: list[Future[Any] | None] = []
        with suppress(queue.Empty):
            found.append(events.get(timeout=seconds))
            while True:
                found.append(events.get_nowait())
        return found

    def _result(self, future: Future[Any]) -> object:
        del self._running[future]
        self._until.pop(future, None)
        was_given_up = future in self._given_up
        self._given_up.discard(future)
        self._pool.ended(future)
        error = ConnectionError() if future.cancelled() else future.exception()
        if error is None:
            return future.result()
        if was_given_up:
            return TimeoutError()
        return ConnectionError(f"{type(error).__name__}: {error}") if self._pool.is_loss(error) else error

    def _give_up_late_ones(self) -> None:
        now = time.monotonic()
        for future in [one for one, until in self._until.items() if until < now]:
            del self._until[future]
            self._given_up.add(future)
            self._pool.give_up(future)
