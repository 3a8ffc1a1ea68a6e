"""Filters env.py's logs: none if env.py runs only for an inspection; else without passwords and escape codes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from branchmig.masking import masked
from branchmig.revisions.escaping import for_terminal

STEPS = "alembic.runtime.migration"  # the logger that has a line for each step


@contextmanager
def without_log() -> Iterator[None]:
    """Drop what alembic logs within the block."""
    with _filtered(_loggers(), _nothing):
        yield


@contextmanager
def console_spared(*, has_steps_alone: bool = False) -> Iterator[None]:
    """Keep what alembic logs below a warning off the console within the block; other handlers get it.

    With `has_steps_alone`, only what STEPS logs, and not what autogenerate has detected.
    """
    with _filtered([STEPS] if has_steps_alone else _loggers(), _elsewhere):
        yield


def unless_logged(announce: Callable[[int, int, str], None]) -> Callable[[int, int, str], None]:
    """Return what announces a step only where no line of alembic's log on the console does."""

    def step(number: int, total: int, text: str) -> None:
        logger = logging.getLogger(STEPS)
        is_logged = logger.isEnabledFor(logging.INFO) and any(map(_is_console, _handlers(logger)))
        if not is_logged or _elsewhere in logger.filters:
            announce(number, total, text)

    return step


@contextmanager
def _filtered(names: Sequence[str], keep: Callable[[logging.LogRecord], bool]) -> Iterator[None]:
    # A filter, not a level: logging.config.fileConfig() in env.py sets levels again.
    loggers = [logging.getLogger(name) for name in names]
    loggers = [logger for logger in loggers if keep not in logger.filters]
    for logger in loggers:
        logger.addFilter(keep)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(keep)


def _loggers() -> list[str]:
    # A filter of a logger does not see what its children log.
    known = [name for name in logging.root.manager.loggerDict if name.startswith("alembic.")]
    return sorted({STEPS, "alembic.autogenerate.compare", *known})


def _elsewhere(record: logging.LogRecord) -> bool:
    """Return whether to keep a record: a warning, or one that a handler writes elsewhere than to the console."""
    if record.levelno > logging.INFO:
        return True
    return not all(map(_is_console, _handlers(logging.getLogger(record.name))))


def _is_console(handler: logging.Handler) -> bool:
    # A file's handler is a StreamHandler, too. A stream was sys.stderr when env.py ran, or is one that a test captures.
    return isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler)


def _handlers(logger: logging.Logger) -> Iterator[logging.Handler]:
    at: logging.Logger | None = logger
    while at is not None:
        yield from (handler for handler in at.handlers if not isinstance(handler, logging.NullHandler))
        at = at.parent if at.propagate else None


@contextmanager
def safe_log() -> Iterator[None]:
    """Mask passwords and write control characters out in what is logged within the block, by whatever handler.

    The handlers are the project's, and log the messages of revisions, and SQL.
    """
    given = logging.getLogRecordFactory()
    if given is not logging.LogRecord:  # the project has a factory of its own, or this is a block in a block
        yield
        return
    logging.setLogRecordFactory(_SafeRecord)
    try:
        yield
    finally:
        if logging.getLogRecordFactory() is _SafeRecord:
            logging.setLogRecordFactory(given)


class _SafeRecord(logging.LogRecord):
    """A record whose text, and that of its traceback, is safe to show."""

    _trace: str | None = None

    def getMessage(self) -> str:  # noqa: N802  # logging's name
        return _safe(super().getMessage())

    @property
    def exc_text(self) -> str | None:
        return self._trace

    @exc_text.setter
    def exc_text(self, text: str | None) -> None:
        self._trace = text and _safe(text)


def _safe(text: str) -> str:
    return for_terminal(masked(text))


def _nothing(_: logging.LogRecord) -> bool:
    return False
