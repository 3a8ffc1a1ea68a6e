"""Engines and connections for tests, on databases that are dropped after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from branchmig.errors import EnvironmentFailed

_MARK = "branchmig_test"


def engine_of(url: str) -> Any:
    """Return an engine; an AsyncEngine where the driver is async."""
    if not make_url(url).get_dialect().is_async:
        return create_engine(url)
    from sqlalchemy.ext.asyncio import create_async_engine

    # A pooled connection belongs to the event loop of the test, which has ended when the engine is let go.
    return create_async_engine(url, poolclass=NullPool)


def let_go(engine: Any) -> None:
    """Close what an engine's pool holds."""
    getattr(engine, "sync_engine", engine).dispose()


@contextmanager
def rolled_back(url: str) -> Iterator[Connection]:
    """Give a connection in a transaction that is rolled back.

    Raises EnvironmentFailed where something has ended that transaction: on MariaDB, any DDL does.
    """
    engine = create_engine(url, poolclass=NullPool)
    if engine.dialect.name == "sqlite":
        _let_sqlite_begin(engine)
    with engine.connect() as connection:
        transaction = connection.begin()
        connection.exec_driver_sql(f"SAVEPOINT {_MARK}")
        yield connection
        is_whole = _is_marked(connection)
        if transaction.is_active:
            transaction.rollback()
    if not is_whole:
        raise EnvironmentFailed(
            "the test has ended the transaction of branchmig_connection, so its rows stay for the tests after it",
            "use branchmig_url or branchmig_engine in this test: each test has a database of its own",
        )


def _is_marked(connection: Connection) -> bool:
    """Return whether the transaction is the one that the mark was set in: DDL may have ended it unseen."""
    try:
        connection.exec_driver_sql(f"ROLLBACK TO SAVEPOINT {_MARK}")
    except SQLAlchemyError:
        return False
    return True


def _let_sqlite_begin(engine: Any) -> None:
    """Let SQLAlchemy begin transactions, not the driver, which begins none before DDL or a savepoint."""

    @event.listens_for(engine, "connect")
    def connect(dbapi_connection: Any, _: Any) -> None:
        dbapi_connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")
