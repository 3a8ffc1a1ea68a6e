"""Standard output and standard error that outlive their readers: a migration must not stop because `head` has ended."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import Any

_state = {"answer_counts": True}


class LastingOutput(io.RawIOBase):
    """The file below a standard stream. After the first error it drops what is written; `lost` is that error."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self.lost: OSError | None = None

    def write(self, data: Any) -> int:
        """Write all of `data`, or none of it once the file is lost; never raise."""
        rest = memoryview(data).cast("B")
        while self.lost is None and rest:
            try:
                written = self._file.write(rest)
                if written is None:  # another process has made the terminal or the pipe non-blocking
                    select.select([], [self._file], [])
                rest = rest[written or 0 :]
            except OSError as error:
                self.lost = error
        return len(data)

    def writable(self) -> bool:
        """Return True: it takes whatever comes."""
        return True

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._file.fileno()

    def isatty(self) -> bool:
        """Return whether a terminal is below."""
        return self._file.isatty()


def make_lasting() -> None:
    """Let this process's standard streams outlive their readers; give it the null device for those that are closed.

    A closed one's descriptor would be given to the next file that is opened, a SQLite database perhaps, and what any
    library writes to standard error would be written into it.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number: this one
        if getattr(sys, name) is None:
            stream = open(number, mode, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115  # for good
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)  # kept, as Python keeps its own: collected, it would close the file
    for name in ("stdout", "stderr"):
        setattr(sys, name, _lasting(getattr(sys, name)))


def lost(stream: object) -> OSError | None:
    """Return the error by which a standard stream lost its reader; None for one that still has it."""
    raw = getattr(getattr(stream, "buffer", None), "raw", getattr(stream, "buffer", None))
    return raw.lost if isinstance(raw, LastingOutput) else None


def count_the_work() -> None:
    """Let the exit code be that of the work from here on, whether or not its answer can be written."""
    _state["answer_counts"] = False


def failed_answer() -> OSError | None:
    """Return why the answer could not be written, where that matters: not once databases were moved.

    A reader that has seen enough, and closed the pipe, is no failure.
    """
    sys.stdout.flush()
    error = lost(sys.stdout)
    return error if _state["answer_counts"] and error is not None and error.errno != errno.EPIPE else None


def _lasting(stream: Any) -> Any:
    """Return the same stream over a LastingOutput; a stream that is not a file's stays as it is."""
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)
    if not isinstance(raw, io.FileIO):
        return stream
    lasting = LastingOutput(raw)
    is_unbuffered = buffer is raw  # python -u
    return io.TextIOWrapper(
        lasting if is_unbuffered else io.BufferedWriter(lasting),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=is_unbuffered,
    )
