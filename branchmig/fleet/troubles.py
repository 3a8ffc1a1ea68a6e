"""PURE. The losses of a fleet's coordinator: its reader, its record, its terminal, its scheduler.

Such a loss is no reason to end a worker: nothing new begins, what runs may end, and the run ends with exit code 3.
"""

from __future__ import annotations

from collections.abc import Callable

STANDARD_OUTPUT, STANDARD_ERROR = "standard output", "standard error"
SCHEDULER = "the scheduler of the workers"
RECORD, TERMINAL, REPORT = "the record of the run", "the terminal", "the report"


class Troubles:
    """What was lost, each with the first reason for it."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self.reasons)

    @property
    def text(self) -> str | None:
        """What failed, in one line; None for nothing."""
        return "; ".join(f"{what} failed: {why}" for what, why in self.reasons.items()) or None

    def note(self, what: str, why: str) -> None:
        """Note a loss."""
        self.reasons.setdefault(what, why)

    def guarded(self, what: str, act: Callable[..., object], *arguments: object) -> bool:
        """Call `act`, which needs `what`; return whether it went well. What was lost before is not tried again."""
        if what in self.reasons:
            return False
        try:
            act(*arguments)
        except Exception as error:  # a disk, a driver, a terminal, a library that draws: whatever it is, workers go on
            self.note(what, reason_of(error))
            return False
        return True


def reason_of(error: BaseException) -> str:
    """Return an error in one line: what the operating system or the driver said."""
    cause = error.__cause__ if isinstance(error.__cause__, OSError) and not str(error) else error
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    words = str(getattr(cause, "orig", None) or cause).split()
    return " ".join(words) or type(cause).__name__
