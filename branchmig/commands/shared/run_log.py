"""The log of a run on standard error: a line for each event, with time, level and the run's id."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from branchmig import terminal

if TYPE_CHECKING:
    Log = Callable[[str, str, dict[str, object]], None]


def new_name() -> str:
    """Return an id for a run of one project."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"


def log_in(log_format: str, run: str) -> Log:
    """Return the function that writes an event: its level, its name, and its facts."""

    def log(level: str, event: str, facts: dict[str, object]) -> None:
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if log_format == "json":
            terminal.note(json.dumps({"time": moment, "level": level, "run": run, "event": event, **facts}))
            return
        words = " ".join(f"{name}={_plain(value)}" for name, value in facts.items())
        terminal.note(f"{moment} {level.upper()} run={run} {event}: {words}")

    return log


def _plain(value: object) -> str:
    text = ",".join(map(str, value)) or "base" if isinstance(value, list) else str(value)
    return text if text.isprintable() and " " not in text else json.dumps(text)
