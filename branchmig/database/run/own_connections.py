"""Connects env.py to the databases of a linked work tree, in the place of those that all work trees share.

A connection that env.py opens to the shared database gets the name of the work tree's own; nothing else changes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, event

from branchmig.database.keeping.worktrees import OwnDatabase
from branchmig.database.run.held import is_held
from branchmig.database.run.run_listener import RunListener
from branchmig.database.run.transactions import left_as_it_was
from branchmig.database.trial.address import Address, read_address
from branchmig.effects.dialects import dialect_kind
from branchmig.errors import CannotFollow

_NAMES = ("dbname", "database", "db")
_QUESTIONS = {
    "sqlite": "SELECT file FROM pragma_database_list WHERE name = 'main'",
    "postgresql": "SELECT current_database()",
    "mysql": "SELECT DATABASE()",
}


class OwnConnections(RunListener):
    """Connects env.py to the work tree's own databases for a whole run, what is read back afterwards included."""

    def __init__(self, databases: tuple[OwnDatabase, ...]) -> None:
        self._databases = databases
        self._open = ExitStack()

    def began(self) -> None:
        """Begin to give new connections the other name."""
        self._open.enter_context(connected_to(self._databases))

    def configured(self, context: MigrationContext) -> None:
        """Raise CannotFollow where env.py has come to the shared database all the same, as with a pool of its own."""
        connection = context.connection
        kind = "" if connection is None else dialect_kind(connection.dialect.name)
        if connection is None or kind not in _QUESTIONS or is_held():
            return
        with left_as_it_was(connection):
            name = connection.exec_driver_sql(_QUESTIONS[kind]).scalar()
        name = os.path.realpath(name) if kind == "sqlite" and name else name
        address = read_address(connection.engine.url.render_as_string(hide_password=False))
        server = "" if address is None else address.server  # "sqlite" for all files
        for own in self._databases:
            if (own.kind, own.server, own.source) == (kind, server, name):
                raise CannotFollow(
                    f"env.py opens {name}, which other work trees use; this work tree has {own.name}",
                    f"let env.py open {own.name} in this work tree",
                )

    def ended(self) -> None:
        """Leave new connections as they are."""
        self._open.close()


@contextmanager
def connected_to(databases: tuple[OwnDatabase, ...]) -> Iterator[None]:
    """Give each connection to a shared database the name of the work tree's own within the block."""
    if not databases:
        yield
        return

    def name(dialect: Any, _: Any, positional: list[Any], named: dict[str, Any]) -> None:
        kind = dialect_kind(dialect.name)
        for own in () if is_held() else databases:
            if own.kind != kind:
                continue
            if kind == "sqlite":
                if positional and os.path.realpath(positional[0]) == own.source:
                    positional[0] = own.name
                continue
            server = Address(kind, host=str(named.get("host") or ""), port=_number(named.get("port"))).server
            for key in _NAMES:
                if server == own.server and named.get(key) == own.source:
                    named[key] = own.name

    event.listen(Engine, "do_connect", name)
    try:
        yield
    finally:
        event.remove(Engine, "do_connect", name)


def _number(value: Any) -> int | None:
    return int(value) if str(value or "").isdigit() else None
