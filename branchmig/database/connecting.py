"""Connections of branchmig's own, by URL, whatever driver the project uses: sync or async."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from branchmig.database.run import failures
from branchmig.errors import ConfigurationError, EnvironmentFailed

Answer = TypeVar("Answer")


def on_connection(url: URL, work: Callable[[Connection], Answer], *, autocommit: bool = False) -> Answer:
    """Open a connection, give it to `work` and return what that returns; nothing is committed unless `work` does.

    Raises EnvironmentFailed for a driver that is not installed and a server that does not answer.
    """
    options: dict[str, Any] = {"poolclass": NullPool}
    if autocommit:
        options["isolation_level"] = "AUTOCOMMIT"
    with _translated(url):
        if url.get_dialect().is_async:
            return asyncio.run(_on_async_connection(url, work, options))
        engine = create_engine(url, **options)
        _hurry(engine)
        with engine.connect() as connection:
            return work(connection)


def parsed_url(text: str, refusal: str, hint: str) -> URL:
    """Return a URL. Raises ConfigurationError with `refusal`: the text is not repeated, it may hold a password."""
    try:
        return make_url(text)
    except (ArgumentError, ValueError):
        raise ConfigurationError(refusal, hint) from None


def shown(url: URL) -> str:
    """Return a URL as it may be printed: the password masked, and so is everything after a question mark."""
    text = url.set(query={}).render_as_string(hide_password=True)
    return f"{text}?…" if url.query else text


def make_careless(dbapi_connection: Any) -> None:
    """Let a SQLite database that nobody will miss be written without waiting for the disk."""
    cursor = dbapi_connection.cursor()
    cursor.execute("PRAGMA synchronous = OFF")
    cursor.close()


def _hurry(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: make_careless(connection))


async def _on_async_connection(url: URL, work: Callable[[Connection], Answer], options: dict[str, Any]) -> Answer:
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(url, **options)
    _hurry(engine.sync_engine)
    async with engine.connect() as connection:
        return await connection.run_sync(work)


@contextmanager
def _translated(url: URL) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, ImportError, OSError) as error:
        raise EnvironmentFailed(
            f"scratch database {shown(url)}: {failures.summary(error)}",
            "is the server there, the driver installed, and may this user create databases? see scratch_url",
        ) from error
