"""What env.py logs: nothing where it is only run to look at something; else no passwords and no escape codes."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from branchmig.revisions.escaping import for_terminal
from branchmig.terminal.known_secrets import without_shown_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOGGERS = ("alembic.runtime.migration", "alembic.autogenerate.compare")


@contextmanager
def without_log() -> Iterator[None]:
    """Drop what alembic logs within the block."""
    # A filter, not a level: logging.config.fileConfig() in env.py sets levels anew.
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(_nothing)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(_nothing)


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
    return for_terminal(without_shown_secrets(text))


def _nothing(_: logging.LogRecord) -> bool:
    return False
