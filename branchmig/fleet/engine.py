"""The processes of this machine that do a fleet's work, by concurrent.futures' interface.

It knows nothing of databases: it is given functions, and says whether a worker was lost.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from branchmig.errors import FleetStopped
from branchmig.fleet.folders import prepare_temporary_files

Prepare = Callable[[Callable[[], object]], None]

PRELOADED = "branchmig.fleet.preload"
"""What the process that workers are forked from imports, so that it is paid for once."""

STILL_BORN = 5  # workers in a row that may be gone before their first call: more, and it is no accident


class Pool(ABC):
    """Workers that take one call after another; all get `shared` as the first argument."""

    size: int
    grace: float
    """Seconds that a call may outlast its time before its worker is given up."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        # Only who presses Ctrl-C again and again wants workers ended: an error of ours is no reason for it.
        self.close(at_once=kind is not None and not issubclass(kind, Exception))

    @abstractmethod
    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Begin a call in a worker that is free; there must be one."""

    @abstractmethod
    def ended(self, future: Future[Any]) -> None:
        """Take back the worker of a call that has ended. Raises FleetStopped if none can be had."""

    def trouble(self) -> str | None:
        """Return why no worker can answer any more; None while workers can."""
        return None

    @abstractmethod
    def cancel(self, future: Future[Any], name: str) -> None:
        """Have the worker of a call, which is about the target `name`, cancel what it does there."""

    @abstractmethod
    def give_up(self, future: Future[Any]) -> None:
        """End a call that takes too long, with its worker if need be."""

    @abstractmethod
    def is_loss(self, error: BaseException) -> bool:
        """Return whether a call ended because its worker did."""

    @abstractmethod
    def close(self, *, at_once: bool) -> None:
        """Let the workers end; `at_once`: whatever they do."""


@dataclass(frozen=True, slots=True)
class _Worker:
    executor: ProcessPoolExecutor
    process_id: Future[int]


class LocalPool(Pool):
    """Processes that stay. Each is an executor of its own: one that is lost takes no other with it."""

    grace = 2.0

    def __init__(self, size: int, shared: object, output: str | None, prepare: Prepare) -> None:
        self.size = size
        self._initial = (shared, output, prepare)
        method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        prepare_temporary_files()
        self._context = multiprocessing.get_context(method)
        if method == "forkserver":
            self._context.set_forkserver_preload([PRELOADED])
        self._idle: list[_Worker] = []
        self._busy: dict[Future[Any], _Worker] = {}
        self._still_born = 0

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Begin a call in a free process, a new one where there is none."""
        worker = self._idle.pop() if self._idle else self._hired()
        try:
            future = worker.executor.submit(_call, function, *arguments)
        except BrokenProcessPool:  # it ended while it had nothing to do
            worker = self._hired()
            future = worker.executor.submit(_call, function, *arguments)
        self._busy[future] = worker
        return future

    def ended(self, future: Future[Any]) -> None:
        """Keep the process for the next call, unless it is gone."""
        worker = self._busy.pop(future)
        if not future.cancelled() and not isinstance(future.exception(), BrokenProcessPool):
            self._still_born = 0
            self._idle.append(worker)
            return
        worker.executor.shutdown()
        self._still_born += worker.process_id.done() and worker.process_id.exception() is not None
        if self._still_born > STILL_BORN:
            output = self._initial[1]
            raise FleetStopped("worker processes end before they can work", f"why is in {output}" if output else None)

    def cancel(self, future: Future[Any], name: str) -> None:
        """Send the process the signal that it takes for this."""
        number = getattr(signal, "SIGUSR1", None)
        if number is None:
            self.give_up(future)
        elif future in self._busy:
            with suppress(BrokenProcessPool, CancelledError, TimeoutError, ProcessLookupError):
                os.kill(self._busy[future].process_id.result(timeout=5), number)

    def give_up(self, future: Future[Any]) -> None:
        """End the process; the call then counts as lost."""
        if future in self._busy:
            _kill(self._busy[future])

    def is_loss(self, error: BaseException) -> bool:
        """Return whether the process ended."""
        return isinstance(error, BrokenProcessPool | CancelledError)

    def close(self, *, at_once: bool) -> None:
        """Let the processes end."""
        workers = [*self._idle, *self._busy.values()]
        for worker in workers:
            if at_once:
                _kill(worker)
            worker.executor.shutdown(cancel_futures=True)
        self._idle.clear()
        self._busy.clear()

    def _hired(self) -> _Worker:
        try:
            executor = ProcessPoolExecutor(1, self._context, _serve, self._initial)
            return _Worker(executor, executor.submit(os.getpid))
        except (OSError, EOFError) as error:
            raise FleetStopped(
                f"a worker process cannot be started: {type(error).__name__}: {error}", "--workers NUMBER: fewer"
            ) from error


_given: list[object] = []


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(_given[0], *arguments)


def _serve(shared: object, output: str | None, prepare: Prepare) -> None:
    """Set a local worker up: signals are for the process that gives it work, and with that one it ends.

    What env.py prints goes to the file `output`. `prepare` gets a function that returns when that process is gone.
    """
    _given[:] = [shared]
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    if output is not None:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        if descriptor > 2:  # standard output was closed: this is it now
            os.close(descriptor)
    parent = multiprocessing.parent_process()
    if parent is not None:
        prepare(parent.join)


def _kill(worker: _Worker) -> None:
    with suppress(BrokenProcessPool, CancelledError, TimeoutError, ProcessLookupError):
        number = worker.process_id.result(timeout=5)
        os.kill(number, getattr(signal, "SIGKILL", signal.SIGTERM))
