"""The only writer to the screen: answers on standard output; errors, hints and progress on standard error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from itertools import islice
from typing import IO, Any, TextIO

from branchmig.errors import BranchmigError, OutputFailed, PagerFailed
from branchmig.model import Piece
from branchmig.revisions.escaping import encodable, for_terminal, json_text
from branchmig.terminal import live_line, standard_streams
from branchmig.terminal.known_secrets import without_secrets

PROGRESS_AFTER = 1.0
"""Seconds. Work that is done sooner says nothing on its way."""

REDRAWN_AFTER = 0.2
TOLD_AFTER = 2.0
"""Seconds between two pictures of a board, and between two lines where there is no terminal."""

_answers: ContextVar[TextIO | IO[str] | None] = ContextVar("answers", default=None)


def answer(lines: Iterable[str]) -> None:
    """Write an answer to standard output, read or not. Raises ReaderWentAway where a program gave another stream."""
    _write(for_terminal("".join(f"{line}\n" for line in lines)))


def painted_answer(lines: Iterable[str], paint: Callable[[str], Iterable[Piece]]) -> None:
    """Write an answer as `answer` does; on a terminal each line in the pieces and styles that `paint` makes of it."""
    if wants_colour("auto"):
        _write("".join(f"{line}\n" for line in _paint(list(paint(line)) for line in lines)))
    else:
        answer(lines)


def _write(text: str) -> None:
    """Write text whose control characters are our own."""
    end_progress()
    stream = _answers.get() or sys.stdout
    try:
        stream.write(encodable(text, getattr(stream, "encoding", None), getattr(stream, "errors", None)))
        stream.flush()
    except BrokenPipeError as error:
        raise ReaderWentAway from error


def answer_bytes(content: bytes) -> None:
    """Write an answer that is read by a program as it is, whatever the terminal's encoding."""
    with suppress(BrokenPipeError):  # the shell that asked has gone on
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


def answer_in_file(path: str, lines: Iterable[str]) -> None:
    """Write an answer into a file, in UTF-8, once all of it is known. Raises OutputFailed."""
    text = for_terminal("".join(f"{line}\n" for line in lines))
    try:
        with open(path, "w", encoding="utf-8", errors="replace", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise OutputFailed(f"{path} cannot be written: {error.strerror}", "name another file: -o FILE") from error


def stream(lines: Iterable[Sequence[Piece]], *, is_coloured: bool, pager: str | None = None) -> None:
    """Write lines as they come to standard output, through a pager if one is given and this is a terminal.

    Raises ReaderWentAway, though not where it was the pager that was left; PagerFailed.
    """
    end_progress()
    words = _paint(lines) if is_coloured else (for_terminal("".join(text for text, _ in line)) for line in lines)
    if pager is None or not is_terminal():
        _write_as_they_come(words)
        return
    # As git does it: the setting is a shell's command line, and less goes away where all fits on the screen.
    with subprocess.Popen(
        pager,
        shell=True,
        stdin=subprocess.PIPE,
        env={"LESS": "FRX", "LV": "-c", **os.environ},
        encoding=sys.stdout.encoding,
        errors="replace",
    ) as process:
        assert process.stdin is not None
        try:
            with answers_to(process.stdin):
                _write_as_they_come(words)
        except (ReaderWentAway, KeyboardInterrupt):
            pass  # the reader has seen enough
        finally:
            _let_end(process)
    if process.returncode in (126, 127):
        raise PagerFailed(f"the pager cannot be run: {pager}", "set BRANCHMIG_PAGER, or give --no-pager")


def _write_as_they_come(lines: Iterable[str]) -> None:
    encoding = getattr(_answers.get() or sys.stdout, "encoding", None) or "utf-8"
    rest, size = iter(lines), 64
    while chunk := list(islice(rest, size)):
        _write("".join(f"{line}\n" for line in chunk).encode(encoding, "replace").decode(encoding))
        _stop_if_nobody_reads()
        size = 1024


def _stop_if_nobody_reads() -> None:
    if standard_streams.lost(_answers.get() or sys.stdout):
        raise ReaderWentAway


def _let_end(process: subprocess.Popen[str]) -> None:
    """Wait for a pager: an interrupt is for it, and it goes on after one."""
    try:
        assert process.stdin is not None
        process.stdin.close()
    except BrokenPipeError:
        pass
    while True:
        try:
            process.wait()
        except KeyboardInterrupt:
            continue
        return


def _paint(lines: Iterable[Sequence[Piece]]) -> Iterator[str]:
    """Paint with the 16 colours that every terminal has, so that its own theme decides what they look like."""
    from rich.color import ColorSystem
    from rich.style import Style

    styles: dict[str, Style] = {}
    for line in lines:
        words = []
        for text, name in line:
            style = styles.get(name) or styles.setdefault(name, Style.parse(name))
            words.append(style.render(for_terminal(text), color_system=ColorSystem.STANDARD))
        yield "".join(words)


def is_terminal() -> bool:
    """Return whether the answer goes to a terminal."""
    return _answers.get() is None and sys.stdout.isatty()


def wants_colour(choice: str) -> bool:
    """Return whether to paint, by `auto`, `always` or `never`; NO_COLOR wins."""
    if os.environ.get("NO_COLOR") or choice == "never":
        return False
    return choice == "always" or (is_terminal() and os.environ.get("TERM") != "dumb")


def can_write(letters: str) -> bool:
    """Return whether standard output has a way to write some letters."""
    try:
        letters.encode(getattr(_answers.get() or sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def pager_command(core_pager: str | None) -> str | None:
    """Return the pager to use, chosen as git chooses its own; `core_pager` is git's setting. None for none."""
    given = [os.environ.get("BRANCHMIG_PAGER"), os.environ.get("GIT_PAGER"), core_pager, os.environ.get("PAGER")]
    chosen = next((name for name in given if name is not None), None)
    if chosen is None:
        import shutil

        chosen = "less" if shutil.which("less") else ""
    return None if chosen.strip() in ("", "cat") else chosen


class ReaderWentAway(Exception):
    """The other end of a pipe was closed (`branchmig history | head`); no OSError, for which click would end with 1."""


@contextmanager
def answers_to(stream: TextIO | IO[str]) -> Iterator[None]:
    """Within the block, write answers to `stream`: a program that calls branchmig says where it wants them."""
    token = _answers.set(stream)
    try:
        yield
    finally:
        _answers.reset(token)


def document(content: Mapping[str, Any]) -> None:
    """Write one JSON document to standard output, keys sorted, version first by name alone."""
    answer([json_text(content)])


def note(*texts: str) -> None:
    """Say on standard error what was done, or what a user should know, a text a line."""
    from branchmig.masking import masked  # `--help` loads nothing that it does not need

    for text in texts:
        _say(for_terminal(masked(text)))


def _say(text: str) -> None:
    """Write text whose control characters are our own to standard error."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()  # alembic leaves the end of a line in the buffer ("Generating … done")
    with suppress(OSError, ValueError, AttributeError):  # its reader is gone, it is closed, or there is none
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def warning(text: str) -> None:
    """Say on standard error what is not as it should be, though the command goes on."""
    _say(f"{_painted('warning:', '33')} {_on_one_line(without_secrets(text))}")


def failure(error: BranchmigError) -> None:
    """Write an error with its details and its hint to standard error."""
    _say(f"{_painted('error:', '31;1')} {_on_one_line(without_secrets(error.message))}")
    for line in error.details:
        note(f"       {_on_one_line(without_secrets(line))}")
    if error.hint:
        _say(f"{_painted('hint:', '36')}  {_on_one_line(without_secrets(error.hint))}")


def document_line(content: Mapping[str, Any]) -> None:
    """Write one JSON document in one line to standard output: one of many. Raises ReaderWentAway."""
    answer([json.dumps(content, sort_keys=True, ensure_ascii=False)])
    _stop_if_nobody_reads()


def error_document(error: BranchmigError) -> None:
    """Write an error as the one JSON document of standard output."""
    message = without_secrets("\n".join([error.message, *error.details]))
    hint = error.hint and without_secrets(error.hint)
    document({"version": 1, "error": {"code": error.code, "message": message, "hint": hint}})


def _on_one_line(text: str) -> str:
    """Return a text with what would end the line, or move the cursor, written out: names may hold anything."""
    if text.isprintable():
        return text
    return "".join(name if name.isprintable() else name.encode("unicode_escape").decode() for name in text)


def can_ask() -> bool:
    """Return whether there is a terminal for a question and its answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirmed(question: str) -> bool:
    """Ask on the terminal; without one the answer is no."""
    if not can_ask():
        return False
    end_progress()
    sys.stderr.write(f"{for_terminal(question)} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


class Progress:
    """Which of how many, on standard error, once the work takes longer than PROGRESS_AFTER seconds.

    On a terminal a line that counts the seconds, and goes away; elsewhere plain lines, at most one a second.
    """

    def __init__(self, is_quiet: bool = False) -> None:
        self._is_quiet = is_quiet
        self._began = self._last = time.monotonic()

    def step(self, number: int, total: int, text: str) -> None:
        """Show that step `number` of `total` begins."""
        if self._is_quiet or Board.is_up:
            return
        if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            live_line.show(f"[{number}/{total}] {text}", self._began, PROGRESS_AFTER)
            return
        now = time.monotonic()
        if now - self._began < PROGRESS_AFTER or (now - self._last < 1.0 and number != total):
            return
        self._last = now
        note(f"[{number}/{total}] {text} ({now - self._began:.0f} s)")


class LoopProgress(Progress):
    """Progress of one loop after another: each has a second of its own before anything is said."""

    def step(self, number: int, total: int, text: str) -> None:
        """Show that step `number` of `total` begins; with the first one, a loop does."""
        if number == 1:
            self._began = self._last = time.monotonic()
        super().step(number, total, text)


def end_progress() -> None:
    """Take the line of progress away, if there is one: the work is over, or a question is asked."""
    if (live_line := sys.modules.get("branchmig.terminal.live_line")) is not None:
        live_line.end()


class Board:
    """How far a work on many things has come: on a terminal a table that is redrawn, elsewhere a line now and then.

    Everything goes to standard error.
    """

    is_up = False
    """Whether one is on the terminal: it leaves no room for a line of progress."""

    def __init__(self, is_quiet: bool = False) -> None:
        self._is_quiet = is_quiet
        self._live: Any = None
        self._began = self._last = time.monotonic()

    def __enter__(self) -> Board:
        """Take the terminal, where there is one."""
        if not self._is_quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            from rich.console import Console
            from rich.live import Live

            end_progress()
            Board.is_up = True
            console = Console(stderr=True, no_color=bool(os.environ.get("NO_COLOR")), highlight=False)
            self._live = Live(console=console, auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""
        if self._live is not None:
            self._live.stop()
            self._live = None
            Board.is_up = False

    def show(self, title: str, done: int, total: int, counts: Mapping[str, int], running: Sequence[str]) -> None:
        """Show that `done` of `total` are done, how many ended in which way, and what runs now; not too often."""
        now = time.monotonic()
        between = REDRAWN_AFTER if self._live is not None else TOLD_AFTER
        if self._is_quiet or now - self._last < between:
            return
        self._last = now
        seconds = now - self._began
        if self._live is not None:
            from branchmig.terminal.live_line import board_table

            shown = [for_terminal(name) for name in running]
            self._live.update(board_table(title, done, total, counts, shown, seconds), refresh=True)
        elif done < total:
            ended = ", ".join(f"{count} {word}" for word, count in counts.items())
            at = f"; at {', '.join(running)}" if running else ""
            note(f"[{done}/{total}] {title}{f': {ended}' if ended else ''} ({seconds:.0f} s){at}")

    def line(self, text: str) -> None:
        """Say something that stays."""
        if self._is_quiet:
            return
        if self._live is not None:
            self._live.console.print(for_terminal(text), markup=False, soft_wrap=True)
        else:
            note(text)


def _painted(text: str, colour: str) -> str:
    if os.environ.get("NO_COLOR") or not sys.stderr.isatty():
        return text
    return f"\033[{colour}m{text}\033[0m"


def shown_path(path: str) -> str:
    """Return a path as one would type it here: relative to the current folder if it is below it."""
    here = os.path.realpath(os.curdir)
    real = os.path.realpath(path)
    return os.path.relpath(real, here) if real.startswith(here + os.sep) else path
