"""What users' code and the database raise, in one line: where, what, and without a password."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic.util import CommandError
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from branchmig.errors import BranchmigError, EnvironmentFailed
from branchmig.terminal.known_secrets import without_secrets

_HINT = "--raiseerr shows the whole traceback"


@contextmanager
def translated(what: str, shown_path: Callable[[str], str] = str) -> Iterator[None]:
    """Turn whatever user code raises in the block into EnvironmentFailed, naming `what` and the user's line."""
    try:
        yield
    except BranchmigError:
        raise
    except CommandError as error:
        raise EnvironmentFailed(without_secrets(" ".join(str(error).split())), _HINT) from error
    # Users' env.py, plugins and drivers may raise anything at all; sys.exit() would end us with a code of its own.
    except (Exception, SystemExit) as error:
        lost = what if isinstance(error, ImportError) and what.endswith(".py") else getattr(error, "filename", None)
        if lost and str(lost).endswith(Path(what).name) and not Path(lost).exists():
            hint = "restore it, or copy one from a project that 'branchmig init' starts"
            raise EnvironmentFailed(f"there is no {shown_path(str(lost))}", hint) from error
        path, line = last_place(error, Path(what).name) or (what, None)
        if isinstance(error, ArgumentError) and (own := _own_place(error)) is not None:
            path, line = own  # what is wrong may be a model that env.py imports
        place = shown_path(path) + (f":{line}" if line else "")
        raise EnvironmentFailed(f"{place}: {summary(error)}", _way_out(error)) from error


def summary(error: BaseException) -> str:
    """Return an exception in one line: the driver's own words where SQLAlchemy wraps them, passwords masked."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    # str() of a SyntaxError repeats the file and the line.
    words = " ".join((cause.msg if isinstance(cause, SyntaxError) else str(cause)).split())
    text = f"{type(cause).__name__}: {words}" if words else type(cause).__name__
    return without_secrets(text)


def _way_out(error: BaseException) -> str:
    """Return what to look at first, by the kind of error."""
    if isinstance(error, OperationalError) and not error.statement:
        way = "does the server answer, does the database exist, are user and password of the URL right?"
    elif isinstance(error, NoSuchModuleError) or (isinstance(error, ArgumentError) and "URL" in str(error)):
        way = "see sqlalchemy.url: dialect+driver://user@host/database"
    elif isinstance(error, KeyError) and error.args == ("url",):
        way = "is sqlalchemy.url set in the config file?"
    elif isinstance(error, ImportError) and error.name:
        way = f"is {error.name.partition('.')[0]} installed where branchmig runs? pip install, or prepend_sys_path"
    else:
        return _HINT
    return f"{way} ({_HINT})"


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
    frames = reversed(traceback.extract_tb(error.__traceback__))
    return next(((frame.filename, frame.lineno) for frame in frames if Path(frame.filename).name == file_name), None)


def _own_place(error: BaseException) -> tuple[str, int | None] | None:
    """Return path and line of the innermost frame that is of no installed package; None if there is none."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        parts = Path(frame.filename).parts
        if not {"site-packages", "dist-packages", "branchmig"}.intersection(parts) and Path(frame.filename).is_file():
            return frame.filename, frame.lineno
    return None


def source_line(error: BaseException, path: str) -> str | None:
    """Return the text of the innermost line of `path` in a traceback."""
    frames = reversed(traceback.extract_tb(error.__traceback__))
    return next((frame.line for frame in frames if frame.filename == path), None)
