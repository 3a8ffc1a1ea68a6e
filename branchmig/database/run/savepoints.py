"""A savepoint where a failing statement would end the whole transaction: on PostgreSQL."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection


def savepoint(connection: Connection) -> AbstractContextManager[Any]:
    """Run in a savepoint on PostgreSQL."""
    return connection.begin_nested() if connection.dialect.name == "postgresql" else nullcontext()
