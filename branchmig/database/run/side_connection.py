"""A connection of branchmig's own beside env.py's, to the very database that env.py has connected to.

It is made by the same creator: driver, credentials, connect_args and do_connect events are env.py's. It lives in a
thread of its own, with an event loop of its own for async drivers, so that it outlives env.py's event loop and can be
asked from any thread, also while env.py's connection waits in the driver.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.util import greenlet_spawn

from branchmig.database.run import failures
from branchmig.errors import EnvironmentFailed

Answer = TypeVar("Answer")

OPEN_WITHIN = 30.0  # seconds. A pooler that has no connection left lets its clients wait, for minutes or for ever.

CLOSE_WITHIN = 5.0  # seconds. A server that has gone away must not keep the program from ending.

_SHARED: list[Any] = []
"""What turned out to be env.py's own connection: it would be closed, or rolled back, if it were collected."""


class SharedConnection(EnvironmentFailed):
    """env.py's engine was made with a creator that gives out one and the same connection."""


def no_second_connection() -> EnvironmentFailed:
    """Return the error for a pooler that lets our own connection wait."""
    return EnvironmentFailed(
        f"a second connection to the database was not given within {OPEN_WITHIN:g} s",
        "branchmig keeps its lock on a connection of its own: a pool, or a role, needs two (three for a "
        "journal on MariaDB and MySQL), and more for other clients",
    )


class SideConnection:
    """An open connection in AUTOCOMMIT. Make one with `open`, and `close` it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._jobs: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name="branchmig side connection", daemon=True)
        self._connection: Connection | None = None
        self._lock, self._is_closed = Lock(), False

    @classmethod
    def open(cls, connection: Connection) -> SideConnection:
        """Open a connection to the database of `connection`, which is not touched, and may be closed by now.

        Raises SharedConnection, and EnvironmentFailed where the server refuses it.
        """
        # A pool of env.py's own may be full, or hold one connection for all. Its events are copied.
        engine = Engine(connection.engine.pool.recreate(), connection.dialect, connection.engine.url)
        side = cls(engine)
        is_over = connection.closed or connection.invalidated
        theirs = None if is_over else connection.connection.driver_connection
        context = copy_context()
        side._thread.start()
        try:
            side._do(lambda: context.run(side._connect, theirs), OPEN_WITHIN)
        except BaseException as error:
            side._end()
            if isinstance(error, TimeoutError):
                raise no_second_connection() from error
            if isinstance(error, SQLAlchemyError | OSError):
                raise EnvironmentFailed(
                    f"a second connection to the database cannot be opened: {failures.summary(error)}",
                    "branchmig keeps its lock on a connection of its own: the role needs one more",
                ) from error
            raise
        return side

    def ask(self, work: Callable[[Connection], Answer], within: float | None = None) -> Answer:
        """Call `work` with the connection, in this connection's thread, and return what it returns.

        What `work` raises comes out as it is: SQLAlchemy's errors where the server is gone, or says no.
        Raises TimeoutError where it takes longer than `within` seconds; it goes on then.
        """
        return self._do(lambda: work(self._opened()), within)

    def is_silent(self) -> bool:
        """Return whether the connection is open, and the server has sent nothing that was not asked for.

        A session that ends says so, or closes the connection. Asks the operating system alone; False where it cannot.
        """
        connection = self._connection
        if connection is None or not hasattr(select, "poll"):
            return False
        driver: Any = connection.connection.driver_connection
        try:
            # PyMySQL has no fileno() of its own; other drivers than it and psycopg keep their sockets to themselves.
            number = driver.fileno() if hasattr(driver, "fileno") else driver._sock.fileno()
            poll = select.poll()
            poll.register(number, select.POLLIN)
            return not poll.poll(0)
        except Exception:  # closed: each driver has an error of its own for that
            return False

    def close(self) -> None:
        """Close the connection; the server lets go of what its session held. Closing twice does nothing."""
        self._end()
        self._thread.join(CLOSE_WITHIN)

    def _end(self) -> None:
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                self._jobs.put(None)

    def _do(self, job: Callable[[], Answer], within: float | None = None) -> Answer:
        future: Future[Answer] = Future()
        with self._lock:
            if self._is_closed:
                raise EnvironmentFailed("branchmig's own connection to the database is closed")
            self._jobs.put((job, future))
        return future.result(within)

    def _opened(self) -> Connection:
        assert self._connection is not None  # nobody has the object before it is open
        return self._connection

    def _connect(self, theirs: Any) -> None:
        connection = self._engine.connect()
        if connection.connection.driver_connection is theirs:
            _SHARED.append(connection)
            raise SharedConnection("env.py's engine gives out one and the same connection: there is no second one")
        # An engine of oslo.db turns each error into one of its own, which is none of SQLAlchemy's.
        connection = connection.execution_options(isolation_level="AUTOCOMMIT", skip_user_error_events=True)
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT 1")  # a pooler accepts clients that it has no connection for
        # psycopg prepares what it runs often, which a pooler between it and the server may not follow.
        driver: Any = connection.connection.driver_connection
        if hasattr(driver, "prepare_threshold"):
            driver.prepare_threshold = None
        self._connection = connection

    def _work(self) -> None:
        if not self._engine.dialect.is_async:
            self._serve(lambda job: job())
            return
        with asyncio.Runner() as runner:
            self._serve(lambda job: runner.run(greenlet_spawn(job)))

    def _serve(self, run: Callable[[Callable[[], Any]], Any]) -> None:
        while (item := self._jobs.get()) is not None:
            job, future = item
            try:
                future.set_result(run(job))
            except BaseException as error:  # whatever it is, the caller gets it
                future.set_exception(error)
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                run(connection.close)
            run(self._engine.dispose)
        except Exception:  # the server is gone, and every driver has errors of its own for that
            return


class SideConnections:
    """The side connections of one run: one for each engine of env.py, opened when first asked for."""

    def __init__(self) -> None:
        # The pool is kept: its id would be another's once it was collected.
        self._sides: dict[int, tuple[Any, SideConnection]] = {}

    def beside(self, connection: Connection) -> SideConnection:
        """Return the one beside a connection of env.py. Raises what SideConnection.open raises."""
        pool = connection.engine.pool
        if id(pool) not in self._sides:
            self._sides[id(pool)] = (pool, SideConnection.open(connection))
        return self._sides[id(pool)][1]

    def is_open_beside(self, connection: Connection) -> bool:
        """Return whether there is one beside a connection already."""
        return id(connection.engine.pool) in self._sides

    def close(self) -> None:
        """Close them all."""
        for _, side in self._sides.values():
            side.close()
        self._sides.clear()
