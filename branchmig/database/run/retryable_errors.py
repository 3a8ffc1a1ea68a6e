"""Errors of drivers that a further attempt may avoid: no connection, a full server, a lock that another session has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from socket import gaierror

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# SQLSTATE: connection exceptions; serialization failure, deadlock; lock not available; too many connections;
# the server is shut down, or not yet up.
_SQLSTATES = re.compile(r"08...|40001|40P01|55P03|53300|57P0[123]")
# MariaDB and MySQL: too many connections; lock wait timeout, deadlock; cannot connect, gone away, lost.
_MYSQL = frozenset({1040, 1203, 1205, 1213, 2002, 2003, 2006, 2013})
# SQLite: SQLITE_BUSY, SQLITE_LOCKED.
_SQLITE = frozenset({5, 6})
# A connection that fails has no SQLSTATE with libpq: only its words show whether the server is down.
_WORDS = re.compile(
    r"connection refused|connection reset|timed? ?out|timeout expired|could not connect|server closed the connection"
    r"|is starting up|is shutting down|too many clients|remaining connection slots|no route to host"
    r"|temporary failure in name resolution",
    re.IGNORECASE,
)


def sqlstate(error: BaseException | None) -> object:
    """Return the SQLSTATE of a PostgreSQL driver's error; None where it has none."""
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)


def is_transient(error: BaseException) -> bool:
    """Return whether a further attempt may avoid an error or its cause."""
    return any(map(_is_transient, _causes(error)))


def is_of_connecting(error: BaseException) -> bool:
    """Return whether an error, or what caused it, came from making a connection: not from a statement on one."""
    return any(
        isinstance(cause, PoolTimeout | ConnectionError | gaierror | TimeoutError)
        or (isinstance(cause, DBAPIError) and (not cause.statement or cause.connection_invalidated))
        for cause in _causes(error)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        cause = waiting.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, cause.__context__ if cause.__cause__ is None else None]


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, PoolTimeout | ConnectionError):
        return True
    if not isinstance(error, DBAPIError) or error.orig is None:
        return False
    cause = error.orig
    state = sqlstate(cause)
    if isinstance(state, str):
        return _SQLSTATES.fullmatch(state) is not None
    code = getattr(cause, "sqlite_errorcode", None)
    if isinstance(code, int):
        return code & 0xFF in _SQLITE
    number = cause.args[0] if cause.args else None
    if isinstance(number, int):
        return number in _MYSQL
    return error.connection_invalidated or _WORDS.search(str(cause)) is not None
