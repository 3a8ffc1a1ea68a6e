"""The only writer to the screen: answers on standard output; errors, hints and progress on standard error."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from branchmig.errors import BranchmigError

PROGRESS_AFTER = 1.0
"""Seconds. Work that is done sooner says nothing on its way."""


_answers: ContextVar[TextIO | None] = ContextVar("answers", default=None)


def answer(lines: Iterable[str]) -> None:
    """Write an answer, line by line, to standard output. Raises ReaderWentAway where nobody reads on."""
    text = "".join(f"{line}\n" for line in lines)
    stream = _answers.get() or sys.stdout
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError as error:
        raise ReaderWentAway from error


class ReaderWentAway(Exception):
    """The other end of a pipe was closed (`branchmig history | head`): no failure.

    It is no OSError: click would end with 1.
    """


@contextmanager
def answers_to(stream: TextIO) -> Iterator[None]:
    """Within the block, write answers to `stream`: a program that calls branchmig says where it wants them."""
    token = _answers.set(stream)
    try:
        yield
    finally:
        _answers.reset(token)


def document(content: Mapping[str, Any]) -> None:
    """Write one JSON document to standard output, keys sorted, version first by name alone."""
    answer([json.dumps(content, sort_keys=True, ensure_ascii=False, indent=2)])


def note(text: str) -> None:
    """Say on standard error what was done, or what a user should know."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def warning(text: str) -> None:
    """Say on standard error what is not as it should be, though the command goes on."""
    note(f"{_painted('warning:', '33')} {text}")


def failure(error: BranchmigError) -> None:
    """Write an error with its details and its hint to standard error."""
    note(f"{_painted('error:', '31;1')} {error.message}")
    for line in error.details:
        note(f"       {line}")
    if error.hint:
        note(f"{_painted('hint:', '36')}  {error.hint}")


def error_document(error: BranchmigError) -> None:
    """Write an error as the one JSON document of standard output."""
    message = "\n".join([error.message, *error.details])
    document({"version": 1, "error": {"code": error.code, "message": message, "hint": error.hint}})


def confirmed(question: str) -> bool:
    """Ask on the terminal; without one the answer is no."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


class Progress:
    """Which of how many, on standard error, once the work takes longer than PROGRESS_AFTER seconds."""

    def __init__(self, is_quiet: bool = False) -> None:
        self._is_quiet = is_quiet
        self._began = self._last = time.monotonic()

    def step(self, number: int, total: int, text: str) -> None:
        """Tell that step `number` of `total` begins; at most one line a second."""
        now = time.monotonic()
        if self._is_quiet or now - self._began < PROGRESS_AFTER or (now - self._last < 1.0 and number != total):
            return
        self._last = now
        note(f"[{number}/{total}] {text} ({now - self._began:.0f} s)")


def _painted(text: str, colour: str) -> str:
    if os.environ.get("NO_COLOR") or not sys.stderr.isatty():
        return text
    return f"\033[{colour}m{text}\033[0m"


def shown_path(path: str) -> str:
    """Return a path as one would type it here: relative to the current folder if it lies below it."""
    here = os.path.realpath(os.curdir)
    real = os.path.realpath(path)
    return os.path.relpath(real, here) if real.startswith(here + os.sep) else path
