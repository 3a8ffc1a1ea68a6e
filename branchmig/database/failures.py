"""What users' code and the database raise, told in one line: where, what, and without a password."""

from __future__ import annotations

import re
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from branchmig.errors import BranchmigError, EnvironmentFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PASSWORD_IN_URL = re.compile(r"(://[^:/@\s]*):[^@\s]*@")


@contextmanager
def translated(what: str, shown_path: Callable[[str], str] = str) -> Iterator[None]:
    """Turn whatever user code raises in the block into EnvironmentFailed, naming `what` and the user's line."""
    try:
        yield
    except BranchmigError:
        raise
    except CommandError as error:
        raise EnvironmentFailed(str(error), "--raiseerr shows the whole traceback") from error
    except Exception as error:  # users' env.py, plugins and drivers may raise anything at all
        path, line = last_place(error, Path(what).name) or (what, None)
        place = shown_path(path) + (f":{line}" if line else "")
        raise EnvironmentFailed(f"{place}: {summary(error)}", "--raiseerr shows the whole traceback") from error


def summary(error: BaseException) -> str:
    """Return an exception in one line: the driver's own words where SQLAlchemy wraps them, passwords masked."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    # str() of a SyntaxError repeats the file and the line.
    words = " ".join((cause.msg if isinstance(cause, SyntaxError) else str(cause)).split())
    text = f"{type(cause).__name__}: {words}" if words else type(cause).__name__
    return _PASSWORD_IN_URL.sub(r"\1:***@", text)


def statement(error: BaseException) -> str | None:
    """Return the SQL statement that failed, in one line of at most 200 characters, if it was one."""
    if not isinstance(error, DBAPIError) or not error.statement:
        return None
    text = " ".join(error.statement.split())
    return text if len(text) <= 200 else f"{text[:199]}…"


def last_place(error: BaseException, file_name: str) -> tuple[str, int | None] | None:
    """Return path and line of the innermost frame of a traceback in a file of that name."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename).name == file_name:
            return frame.filename, frame.lineno
    return None


def source_line(error: BaseException, path: str) -> str | None:
    """Return the text of the innermost line of `path` in a traceback."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == path:
            return frame.line
    return None
