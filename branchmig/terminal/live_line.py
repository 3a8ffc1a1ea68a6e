"""What is redrawn at the end of a terminal while work goes on, and goes away; terminal.py's, for it alone.

Whatever else is written beside the line of progress, alembic's log, an env.py's prints, comes out above it, whole.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.live import Live

TICK = 0.25
"""Seconds between two looks at the clock, and how long it must have been quiet for the line to come back."""


_shown: list[LiveLine] = []
"""The line, while there is one: a screen has no room for two."""


def show(text: str, began: float, after: float) -> None:
    """Show a text, with the seconds since `began`, a reading of the monotonic clock, once they exceed `after`."""
    if not _shown:
        _shown.append(LiveLine(after, [item for item in (sys.stderr, sys.stdout) if item.isatty()]))
    _shown[0].show(text, began)


def end() -> None:
    """Take the line away, if there is one."""
    while _shown:
        _shown.pop().end()


class LiveLine:
    """Shown on the first of some streams, which are all the same terminal, once so many seconds are over."""

    def __init__(self, after: float, streams: Sequence[TextIO]) -> None:
        self._after = after
        self._text, self._began = "", time.monotonic()
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._is_shown = False
        self._is_at_start = True
        self._last_written = 0.0
        self._writes: dict[TextIO, Callable[[str], int]] = {stream: stream.write for stream in dict.fromkeys(streams)}
        self._live: Live | None = None
        for stream, write in self._writes.items():
            # Handlers of a log hold the very object, so that nothing less would see what they write.
            stream.write = self._watched(write)  # type: ignore[method-assign]
        self._thread = threading.Thread(target=self._tick, daemon=True)
        self._thread.start()

    def show(self, text: str, began: float) -> None:
        """Show another text from the next tick on, and the seconds since `began`, a reading of the monotonic clock."""
        with self._lock:
            self._text, self._began = text, began

    def end(self) -> None:
        """Take the line away for good."""
        self._ended.set()
        with self._lock:
            self._hide()
            for stream in self._writes:
                del stream.write
        self._thread.join()

    def _watched(self, write: Callable[[str], int]) -> Callable[[str], int]:
        def written(text: str) -> int:
            with self._lock:
                self._hide()
                self._last_written = time.monotonic()
                if text:
                    self._is_at_start = text.endswith("\n")
                return write(text)

        return written

    def _tick(self) -> None:
        while not self._ended.wait(TICK):
            with self._lock:
                now = time.monotonic()
                is_time = now - self._began >= self._after and now - self._last_written >= TICK
                # Not behind what somebody has begun to write, a question perhaps.
                if is_time and self._is_at_start and not self._ended.is_set():
                    self._show()

    def _show(self) -> None:
        from rich.text import Text

        if self._live is None:
            self._live = _live(_Terminal(*next(iter(self._writes.items()))))
        if not self._is_shown:
            self._live.start()
            self._is_shown = True
        words = f"{self._text} ({time.monotonic() - self._began:.0f} s)"
        plain = "".join(word if word.isprintable() else " " for word in words)
        self._live.update(Text(plain, no_wrap=True, overflow="ellipsis"), refresh=True)

    def _hide(self) -> None:
        if self._is_shown and self._live is not None:
            self._is_shown = False
            self._live.stop()


def board_table(
    title: str, done: int, total: int, counts: Mapping[str, int], running: Sequence[str], seconds: float
) -> Any:
    """Return the table of a Board: how many of a total are done, how they ended, and what runs now."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    left = f", {seconds / done * (total - done):.0f} s left" if done and done < total else ""
    table.add_row(title, ProgressBar(total=max(total, 1), completed=done, width=30), f"{done:,} of {total:,}{left}")
    for word, count in counts.items():
        table.add_row("", word, f"{count:,}")
    if running:
        more = f" and {len(running) - 8} more" if len(running) > 8 else ""
        table.add_row("", "at work", ", ".join(running[:8]) + more)
    return table


class _Terminal:
    """A stream with its own way to write, past the watch that is kept on it."""

    def __init__(self, stream: TextIO, write: Callable[[str], int]) -> None:
        self._stream, self.write = stream, write

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _live(file: Any) -> Live:
    from rich.console import Console
    from rich.live import Live

    class Screen(Console):
        def show_cursor(self, show: bool = True) -> bool:
            """Leave it as it is: who is killed meanwhile could not bring it back."""
            return False

    screen = Screen(file=file, highlight=False)
    return Live(console=screen, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False)
