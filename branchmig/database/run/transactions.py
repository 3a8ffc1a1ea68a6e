"""Queries on env.py's connection that leave its transaction as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection


def savepoint(connection: Connection) -> AbstractContextManager[Any]:
    """Run in a savepoint on PostgreSQL, where a failing statement would end the whole transaction."""
    return connection.begin_nested() if connection.dialect.name == "postgresql" else nullcontext()


@contextmanager
def left_as_it_was(connection: Connection | None) -> Iterator[None]:
    """Roll back the transaction that the block begins; alembic would take it for one that env.py has begun."""
    was_in_transaction = connection is not None and connection.in_transaction()
    try:
        yield
    finally:
        if connection is not None and not was_in_transaction:
            connection.rollback()
