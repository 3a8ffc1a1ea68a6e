"""Keeps alembic's own log quiet where env.py is only run to look at something."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

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


def _nothing(_: logging.LogRecord) -> bool:
    return False
