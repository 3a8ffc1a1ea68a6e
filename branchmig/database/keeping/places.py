"""Finds where a database is, and how to keep states of it there, from the connection that env.py has opened."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from branchmig.database.keeping.servers import CannotKeep, KeptServer
from branchmig.database.trial.address import Address, read_address
from branchmig.database.trial.store import digest
from branchmig.effects.dialects import dialect_kind

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

    from branchmig.database.identity import Identity


@dataclass(frozen=True, slots=True)
class Place:
    """A database: its kind, what distinguishes it whatever state it has, and how to reach its server."""

    kind: str
    key: str
    shown: str
    is_local: bool
    address: Address | None
    own: frozenset[int] = frozenset()
    """The server's numbers of env.py's own sessions."""


def place_of(context: MigrationContext, identity: Identity) -> Place:
    """Return the place of a context's database."""
    connection = context.connection
    if connection is None:
        return Place("", "", str(identity), identity.is_local, None)
    kind = dialect_kind(connection.dialect.name)
    address = read_address(connection.engine.url.render_as_string(hide_password=False))
    if kind == "sqlite":
        return replace(sqlite_place(identity.lasting), shown=identity.url, is_local=identity.is_local)
    if kind == "postgresql":
        name, number = connection.exec_driver_sql("SELECT current_database(), pg_backend_pid()").one()
    elif kind == "mysql":
        name, number = connection.exec_driver_sql("SELECT DATABASE(), CONNECTION_ID()").one()
    else:
        return Place(kind, "", identity.url, identity.is_local, None)
    # The database's own number is another one after each exchange.
    server = identity.lasting.partition("/")[0] if kind == "postgresql" else ""
    reached = None if address is None else address.named(str(name))
    where = "" if reached is None else reached.server
    return Place(
        kind, digest(kind, server, where, str(name)), identity.url, identity.is_local, reached, frozenset({number})
    )


def sqlite_place(path: str) -> Place:
    """Return the place of a SQLite file, as it is called once all links are resolved."""
    return Place("sqlite", digest("sqlite", path), f"sqlite:///{path}", True, Address("sqlite", database=path))


def kept_server(place: Place, folder: Path) -> KeptServer:
    """Return the server that keeps the states of a database. Raises CannotKeep for other kinds of server."""
    if place.address is None or not place.address.database:
        raise CannotKeep(f"{place.kind or 'this kind of database'} has no states that could be kept")
    # Each is loaded where it is needed: a switch on SQLite loads no driver.
    if place.kind == "sqlite":
        from branchmig.database.keeping.sqlite import SqliteKept

        return SqliteKept(Path(place.address.database), folder)
    if place.kind == "postgresql":
        from branchmig.database.keeping.postgresql import PostgresKept

        return PostgresKept(place.address, place.own)
    from branchmig.database.keeping.mysql import MysqlKept

    return MysqlKept(place.address, place.own)
