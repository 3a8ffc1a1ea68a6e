"""Reads the tables and views of a MariaDB or MySQL server: is a statement done, and which may write."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import Connection, text

from branchmig.database.locks.base import row_values
from branchmig.effects.ddl_facts import Fact, states_of
from branchmig.effects.dialects import quoted
from branchmig.effects.statement_kinds import may_not_write


def looked_at(connection: Connection, facts: Sequence[Fact]) -> str | None:
    """Return the states of some facts now; None where the server does not show them to this role."""
    try:
        return states_of(facts, lambda table: _described(connection, table))
    except connection.dialect.loaded_dbapi.Error:
        return None


def _described(connection: Connection, name: str) -> str | None:
    """Return how the server describes a table; None where there is none."""
    parts = re.findall(r"`[^`]+`|\"[^\"]+\"|[\w$]+", name)
    path = ".".join(quoted(part.strip('`"'), "mysql") for part in parts)
    cursor = connection.connection.cursor()
    try:
        cursor.execute(f"SHOW CREATE TABLE {path}")
        return str(row_values(cursor.fetchone())[1])
    except connection.dialect.loaded_dbapi.Error as error:
        if error.args[:1] in ((1146,), (1049,)):
            return None
        raise
    finally:
        cursor.close()


def views_that_may_write(connection: Connection) -> frozenset[str]:
    """Return the names of the views whose reading may write."""
    listed = text(
        "SELECT table_name, view_definition FROM information_schema.views "
        "WHERE table_schema NOT IN ('sys', 'mysql', 'information_schema', 'performance_schema')"
    )
    views = {str(name).lower(): str(definition or "") for name, definition in connection.execute(listed)}
    risky: frozenset[str] = frozenset()
    while True:
        found = frozenset(name for name, words in views.items() if not words or not may_not_write(words, risky))
        if found == risky:
            return risky
        risky = found
