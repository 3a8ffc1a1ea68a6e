"""Refuses a batch operation on SQLite that would silently delete the rows of other tables.

Batch mode copies a table, drops it and renames the copy. With `PRAGMA foreign_keys = ON`, SQLite deletes a table's rows
before it drops it, and rows that refer to these with ON DELETE CASCADE or SET NULL are deleted, or change, with them:
https://www.sqlite.org/foreignkeys.html#fk_schemacommands
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from branchmig.database.run.run_listener import RunListener
from branchmig.effects.dialects import quoted

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import Connection

    from branchmig.database.run.statement_watch import StatementWatch

# The copy comes first: nothing is left behind where it is not made.
_COPY = re.compile(r"""\s*CREATE\s+TABLE\s+(?:\S+\.)?["`\[]?_alembic_tmp_(?P<name>[^"`\]\s(]+)""", re.IGNORECASE)
_quoted = partial(quoted, kind="sqlite")
_EFFECTS = {"CASCADE": "delete", "SET NULL": "set to NULL in", "SET DEFAULT": "set to the default in"}


class RowsWouldBeLost(Exception):
    """A batch operation would delete or change rows of other tables."""


class CascadeWatch(RunListener):
    """Looks at the tables that refer to one which batch mode is about to drop."""

    def __init__(self, watch: StatementWatch) -> None:
        self._watch = watch
        self._watched: list[Connection] = []

    def configured(self, context: MigrationContext) -> None:
        """Look at each statement on env.py's connection to SQLite."""
        connection = context.connection
        if connection is None or connection.dialect.name != "sqlite":
            return
        if not any(connection is known for known in self._watched):
            self._watched.append(connection)
            self._watch.listen(connection, "before_cursor_execute", _look_at)


def _look_at(connection: Connection, cursor: Any, statement: str, *_: Any) -> None:
    copied = _COPY.match(statement)
    if copied is None or not connection.exec_driver_sql("PRAGMA foreign_keys").scalar():
        return
    effects = list(_effects(connection, copied["name"]))
    if effects:
        raise RowsWouldBeLost(
            f"batch mode drops table {copied['name']!r} while PRAGMA foreign_keys is on, and SQLite would "
            f"{'; '.join(effects)}; nothing was changed; write into env.py, before "
            "context.configure(): connection.exec_driver_sql('PRAGMA foreign_keys=OFF'); connection.commit()"
        )


def _effects(connection: Connection, name: str) -> list[str]:
    """Return what deleting every row of a table does to the rows of others."""
    found = []
    tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
    for child in sorted(set(tables) - {name}):
        for key in connection.exec_driver_sql(f"PRAGMA foreign_key_list({_quoted(child)})").all():
            _, sequence, parent, column, _, _, on_delete, *_ = key
            if sequence or parent.casefold() != name.casefold() or on_delete not in _EFFECTS:
                continue
            question = f"SELECT count(*) FROM {_quoted(child)} WHERE {_quoted(column)} IS NOT NULL"
            number = connection.exec_driver_sql(question).scalar()
            if number:
                rows = f"{number} row{'' if number == 1 else 's'}"
                found.append(f"{_EFFECTS[on_delete]} {rows} of {child!r} (ON DELETE {on_delete})")
    return found
