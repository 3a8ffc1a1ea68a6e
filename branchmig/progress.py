"""PURE. Reports the progress of long work to a listener, from any depth of calls; knows no screen and no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Announce = Callable[[int, int, str], None]
"""Called at each step of long work, with its number, the total, and what begins."""

Item = TypeVar("Item")

_listener: ContextVar[Announce | None] = ContextVar("listener", default=None)


@contextmanager
def heard_by(listener: Announce) -> Iterator[None]:
    """Within the block, call `listener(number, total, text)` at each step of what reports its progress."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def with_progress(items: Iterable[Item], total: int, text: str) -> Iterator[Item]:
    """Yield each of `total` items, and call the listener, if there is one, as each begins."""
    listener = _listener.get()
    if listener is None:
        yield from items
        return
    for number, item in enumerate(items, 1):
        listener(number, total, text)
        yield item
