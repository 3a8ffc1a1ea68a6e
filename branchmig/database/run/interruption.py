"""Ctrl-C and SIGTERM during a run: cancels the statement on the server, and ends the run in order.

Python runs signal handlers in the main thread alone, and not while a driver waits there in C. So a thread of our own
hears of a signal, too, through the wake-up descriptor, and cancels the statement from a side connection.
"""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread, current_thread, main_thread
from types import FrameType
from typing import TYPE_CHECKING, Any

from branchmig.database.run.run_listener import RunListener
from branchmig.model import Step

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

    from branchmig.database.run.statement_watch import StatementWatch

AT_ONCE = 130  # the exit code of a program that was interrupted a second time

CANCEL_EVERY = 0.2  # seconds. A statement may have been about to begin when it was cancelled.

_NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}
if hasattr(signal, "SIGHUP"):  # a terminal that was closed; Windows has none, and under nohup it is ignored
    _NAMES[signal.SIGHUP] = "SIGHUP"

if hasattr(signal, "SIGALRM"):
    _NAMES[signal.SIGALRM] = "--max-time"

BREAK_OFF = getattr(signal, "SIGUSR1", None)
"""What the coordinator of a fleet sends to a worker that is to cancel what it does."""

_of_worker = {"is_at_work": False}


def heed_coordinator() -> None:
    """Have this process, a worker, heed BREAK_OFF while it is at work, and ignore it else."""
    if BREAK_OFF is not None:
        signal.signal(BREAK_OFF, _break_off)
        _NAMES[BREAK_OFF] = "the coordinator"


@contextmanager
def at_work() -> Iterator[None]:
    """Within the block, BREAK_OFF raises KeyboardInterrupt, or ends the run that listens."""
    _of_worker["is_at_work"] = True
    try:
        yield
    finally:
        _of_worker["is_at_work"] = False


def _break_off(number: int, frame: FrameType | None) -> None:
    if _of_worker["is_at_work"]:
        raise KeyboardInterrupt


class Interruption(RunListener):
    """Ends the run when a signal comes, and the program at once when a second one does.

    Only signals that nobody else handles are taken, only in the main thread, and only until the run has ended.
    """

    def __init__(self, watch: StatementWatch, say: Callable[[str], None]) -> None:
        self._watch, self._say = watch, say
        self._previous: dict[int, Any] = {}
        self._reader: socket.socket | None = None
        self._writer: socket.socket | None = None
        self._thread: Thread | None = None
        self._previous_descriptor = -1

    def began(self) -> None:
        """Listen to the signals."""
        self._watch.before_statement.append(self._end_here)
        if current_thread() is not main_thread():
            return
        for number in _NAMES:
            default = {signal.SIGINT: signal.default_int_handler, BREAK_OFF: _break_off}.get(number, signal.SIG_DFL)
            if signal.getsignal(number) == default:
                self._previous[number] = signal.signal(number, self._heard)
        if self._previous:
            self._reader, self._writer = socket.socketpair()
            self._reader.setblocking(False)
            self._writer.setblocking(False)
            self._previous_descriptor = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
            self._thread = Thread(target=self._listen, name="branchmig signals", daemon=True)
            self._thread.start()

    def step_begins(self, context: MigrationContext, step: Step) -> None:
        """End the run before a step, if a signal came while something was committed."""
        self._end_here()

    def step_ends(self, context: MigrationContext, step: Step) -> None:
        """End the run before a step's version rows are written."""
        self._end_here()

    def ended(self) -> None:
        """Restore the previous handlers of the signals."""
        for number, previous in self._previous.items():
            signal.signal(number, previous)
        self._previous.clear()
        if self._reader is not None and self._writer is not None and self._thread is not None:
            signal.set_wakeup_fd(self._previous_descriptor)
            self._writer.close()  # the thread reads the end of it
            self._thread.join()
            self._reader.close()
            self._reader = None

    def break_off(self, by: str) -> None:
        """End the run from another thread, where no signal can: in a thread of a Dask worker."""
        self.interrupted_by = self.interrupted_by or by
        for session in self._watch.running():
            session.cancel()

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self.interrupted_by = self.interrupted_by or _NAMES[signal.Signals(number)]
        # A driver that is torn out of an answer leaves a connection that cannot be used, and nobody knows what the
        # server did. Its statement is being cancelled, and ends with an error; a COMMIT is waited for.
        if not (self._watch.running() or _is_in_driver(frame)):
            raise KeyboardInterrupt

    def _end_here(self) -> None:
        if self.interrupted_by is not None:
            raise KeyboardInterrupt

    def _listen(self) -> None:
        """Cancel what runs, again and again, once a signal has come; end the program when another one comes."""
        assert self._reader is not None
        signals = 0
        while True:
            ready, _, _ = select.select([self._reader], [], [], CANCEL_EVERY if signals else None)
            if ready:
                heard = self._reader.recv(64)
                if not heard:
                    return
                signals += sum(number in self._previous for number in heard)
                if signals > 1:
                    self._say("interrupted again: stopped at once; 'branchmig current' shows the applied revisions")
                    os._exit(AT_ONCE)
            if signals:
                for session in self._watch.running():
                    session.cancel()


def _is_in_driver(frame: FrameType | None) -> bool:
    """Return whether a frame was called, at whatever depth, by what SQLAlchemy does with a driver: do_commit, …"""
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if frame.f_code.co_name.startswith("do_") and str(name).startswith("sqlalchemy."):
            return True
        frame = frame.f_back
    return False
