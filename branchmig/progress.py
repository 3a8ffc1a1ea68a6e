"""PURE. Reports the progress of long work to a listener, from any depth of calls; knows no screen and no clock."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Listener = Callable[[int, int, str], None]

Item = TypeVar("Item")

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Within the block, call `listener(number, total, text)` at each step of what tells of its progress."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def with_progress(items: Iterable[Item], total: int, text: str) -> Iterator[Item]:
    """Yield each of `total` items, and tell the listener, if there is one, which of them begins."""
    listener = _listener.get()
    if listener is None:
        yield from items
        return
    for number, item in enumerate(items, 1):
        listener(number, total, text)
        yield item
