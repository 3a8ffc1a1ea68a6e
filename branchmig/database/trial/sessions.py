"""Statements on a server by the driver alone: SQLAlchemy would cost more than the copy that they ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from branchmig.errors import EnvironmentFailed
from branchmig.terminal.known_secrets import without_secrets

if TYPE_CHECKING:
    from branchmig.database.trial.address import Address

_BATCH = 500_000  # characters that are sent to MariaDB together: its default limit for a packet is 16 MB


class Session(Protocol):
    """A connection on which every statement is a transaction of its own."""

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return what a query finds."""

    def run(self, statements: Sequence[str]) -> None:
        """Run statements in their order."""

    def close(self) -> None:
        """End the connection."""


def open_session(address: Address) -> Session:
    """Open a session on a database, with the first driver that is installed. Raises EnvironmentFailed."""
    with translated(address):
        if address.kind == "postgresql":
            for name in ("psycopg", "psycopg2"):
                if find_spec(name) is not None:
                    return _Postgres(name, address)
        elif find_spec("pymysql") is not None:
            return _Mysql(address)
        return _AnyDriver(address)


class SessionHolder:
    """Holds one session on the server at `address`, opened when it is first needed."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._kept: Session | None = None

    def close(self) -> None:
        """End the connection to the server."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    @contextmanager
    def _session(self) -> Iterator[Session]:
        if self._kept is None:
            self._kept = self._opened()
        try:
            with translated(self.address):
                yield self._kept
        except EnvironmentFailed:
            with suppress(Exception):  # it may be gone already, and every driver has errors of its own for that
                self.close()
            self._kept = None
            raise

    def _opened(self) -> Session:
        return open_session(self.address.named(None))


@contextmanager
def translated(address: Address) -> Iterator[None]:
    """Raise EnvironmentFailed with what the driver or the server says, without the password."""
    try:
        yield
    except Exception as error:  # every driver has errors of its own
        if type(error).__module__.partition(".")[0] not in _DRIVERS and not isinstance(error, OSError):
            raise
        said = without_secrets(" ".join(str(error).split()), [address.password] if address.password else [])
        raise EnvironmentFailed(
            f"{address.text()}: {said}",
            "is the server there, the driver installed, and may this user create databases? see scratch_url",
        ) from error


_PSYCOPG = frozenset({"", "psycopg", "psycopg2", "psycopg_async"})
_OF_LIBPQ = frozenset({"host", "port", "dbname", "sslmode", "sslrootcert", "sslcert", "sslkey", "service", "options"})
_OF_PYMYSQL = frozenset({"unix_socket", "charset", "ssl_ca", "ssl_cert", "ssl_key"})
_DRIVERS = frozenset({"psycopg", "psycopg2", "pymysql", "psycopg_binary"})


class _Postgres:
    def __init__(self, driver: str, address: Address) -> None:
        from importlib import import_module

        given = {
            "host": address.host,
            "port": address.port,
            "user": address.user,
            "password": address.password,
            "dbname": address.database or "postgres",
        }
        known = {name: value for name, value in given.items() if value not in (None, "")}
        options = address.options
        if address.driver.partition("+")[2] not in _PSYCOPG:  # asyncpg has options of its own
            options = {name: value for name, value in options.items() if name in _OF_LIBPQ}
        self._connection: Any = import_module(driver).connect(**{**known, **options})
        self._connection.autocommit = True

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            return [tuple(row) for row in cursor.fetchall()]

    def run(self, statements: Sequence[str]) -> None:
        with self._connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def close(self) -> None:
        self._connection.close()


class _Mysql:
    def __init__(self, address: Address) -> None:
        from importlib import import_module

        pymysql: Any = import_module("pymysql")

        options = {name: value for name, value in address.options.items() if name in _OF_PYMYSQL}
        self._connection: Any = pymysql.connect(
            host=address.host or "localhost",
            port=address.port or 3306,
            user=address.user,
            password=address.password or "",
            database=address.database,
            client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS,
            autocommit=True,
            conv={},  # every value as the server writes it: nothing is lost on the way to a dump
            **{"charset": "utf8mb4", **options},
        )

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def run(self, statements: Sequence[str]) -> None:
        """Run statements, many in one packet: 100 tables take half the time of 100 packets."""
        waiting: list[str] = []
        size = 0
        for statement in statements:
            if size + len(statement) > _BATCH:
                self._together(waiting)
                waiting, size = [], 0
            waiting.append(statement)
            size += len(statement)
        self._together(waiting)

    def _together(self, statements: Sequence[str]) -> None:
        if statements:
            with self._connection.cursor() as cursor:
                cursor.execute(";\n".join(statements))
                while cursor.nextset():
                    pass

    def close(self) -> None:
        self._connection.close()


class _AnyDriver:
    """What the project itself connects with, by SQLAlchemy, where no driver is there that this module knows."""

    def __init__(self, address: Address) -> None:
        from sqlalchemy import make_url

        self._url = make_url(address.text(shows_password=True))
        if address.kind == "postgresql" and not address.database:
            self._url = self._url.set(database="postgres")

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        from branchmig.database.connecting import on_connection

        return on_connection(
            self._url, lambda connection: [tuple(row) for row in connection.exec_driver_sql(statement)], autocommit=True
        )

    def run(self, statements: Sequence[str]) -> None:
        from branchmig.database.connecting import on_connection

        def work(connection: Any) -> None:
            for statement in statements:
                connection.exec_driver_sql(statement)

        on_connection(self._url, work, autocommit=True)

    def close(self) -> None:
        """Do nothing: each call has a connection of its own."""
