"""A fleet's work on a Dask cluster, by the same interface as on this machine; no other module imports distributed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any

from distributed import CancelledError as LostResult
from distributed import Client, WorkerPlugin
from distributed.comm import CommClosedError
from distributed.scheduler import KilledWorker

from branchmig.errors import ConfigurationError
from branchmig.fleet.engine import Pool

CONNECT_WITHIN = 5  # seconds in which a scheduler has to answer

ASK_EVERY, ANSWER_WITHIN = 5.0, 10.0
"""Seconds between two questions whether a scheduler is still there, and for its answer."""


class DaskPool(Pool):
    """The workers of a Dask cluster. Dask itself gives the calls of a lost worker to others."""

    # A call may wait for its turn on a worker that has others.
    grace = 30.0

    def __init__(
        self, scheduler: str, size: int | None, key: str, shared: object, cancel: Callable[[Any, str], None]
    ) -> None:
        # A scheduler that is gone is reported here; its client would write tracebacks of it.
        for name in [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        try:
            self._client = Client(scheduler, timeout=CONNECT_WITHIN, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"no Dask scheduler answers at {scheduler}: {type(error).__name__}", "start one: dask scheduler"
            ) from error
        found = len(self._client.scheduler_info(n_workers=-1)["workers"])
        if not found:
            self._client.close()
            raise ConfigurationError(
                f"the Dask scheduler {scheduler} has no workers", f"start some: dask worker {scheduler} --nthreads 1"
            )
        self.size = min(size or found, found)
        self._key, self._cancel, self._address = key, cancel, scheduler
        self._asked, self._trouble = time.monotonic(), ""
        # A value that is scattered may lie on one worker alone and go with it; a plugin reaches late ones, too.
        self._client.register_plugin(_Share(key, shared))
        self._executor = self._client.get_executor(pure=False)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand a call to the scheduler."""
        future: Future[Any] = self._executor.submit(_call, self._key, function, *arguments)
        return future

    def ended(self, future: Future[Any]) -> None:
        """Do nothing: the scheduler knows which of its workers are free."""

    def trouble(self) -> str | None:
        """Return why the scheduler counts as lost: it has closed the connection, or does not answer any more."""
        if not self._trouble and self._client.status != "running":
            self._trouble = f"{self._address} has closed the connection"
        if not self._trouble and time.monotonic() - self._asked > ASK_EVERY:
            try:
                self._client.sync(self._client.scheduler.identity, callback_timeout=ANSWER_WITHIN)
            except Exception as error:  # of the event loop, of the connection, of the scheduler
                self._trouble = f"{self._address} does not answer: {type(error).__name__}"
            self._asked = time.monotonic()
        return self._trouble or None

    def cancel(self, future: Future[Any], name: str) -> None:
        """Have the worker that is at the target, whichever it is, cancel what it does."""
        self._client.run(_call, self._key, self._cancel, name, wait=False, on_error="ignore")

    def give_up(self, future: Future[Any]) -> None:
        """Wait no longer for a call: its worker cannot be ended from here."""
        future.cancel()

    def is_loss(self, error: BaseException) -> bool:
        """Return whether Dask gave up, which it does once a call has cost it several workers."""
        return isinstance(error, KilledWorker | LostResult | CommClosedError | CancelledError | OSError)

    def close(self, *, at_once: bool) -> None:
        """Leave the cluster, which stays."""
        self._executor.shutdown(wait=not at_once and not self._trouble)
        if self._trouble:
            # Its own way would be to wait for a scheduler that does not answer.
            self._client.sync(self._client._close, fast=True, callback_timeout=ANSWER_WITHIN)
            return
        if self._client.status == "running":
            self._client.unregister_worker_plugin(self._key)
        self._client.close()


_shared: dict[str, object] = {}


class _Share(WorkerPlugin):  # type: ignore[misc]  # a class without types
    """Gives each worker what all calls of a run need, for as long as the run lasts."""

    def __init__(self, key: str, value: object) -> None:
        self.name, self._value = key, value

    def setup(self, worker: object) -> None:
        """Keep the value in the worker's process."""
        _shared[self.name] = self._value

    def teardown(self, worker: object) -> None:
        """Forget the value."""
        _shared.pop(self.name, None)


def _call(key: str, function: Callable[..., Any], *arguments: Any) -> Any:
    return function(_shared[key], *arguments)
