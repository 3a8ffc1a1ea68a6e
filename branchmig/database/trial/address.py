"""The address of a database, read from its URL without SQLAlchemy, which a copy of a state does not need."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, quote, unquote

from branchmig.effects.dialects import KINDS
from branchmig.errors import ConfigurationError

_PORTS = {"postgresql": 5432, "mysql": 3306}
_LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1"})
_URL = re.compile(
    r"""
    (?P<driver>\w[\w+]*)://
    (?:(?P<user>[^:/]*)(?::(?P<password>[^@]*))?@)?
    (?:\[(?P<six>[^/?\]]+)\]|(?P<host>[^/:?]*))?(?::(?P<port>\d*))?
    (?:/(?P<database>[^?]*))?(?:\?(?P<query>.*))?
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Address:
    """A URL in its parts. `kind` is sqlite, postgresql or mysql; a SQLite file is its `database`."""

    driver: str
    user: str | None = None
    password: str | None = None
    host: str = ""
    port: int | None = None
    database: str | None = None
    query: str = ""

    @property
    def kind(self) -> str:
        """The kind of server, whatever the driver."""
        return KINDS.get(self.driver.partition("+")[0], "")

    @property
    def options(self) -> dict[str, str]:
        """What stands behind the question mark."""
        return dict(parse_qsl(self.query))

    @property
    def server(self) -> str:
        """The server, without user and password: the same for two URLs of the same server."""
        if self.kind == "sqlite":
            return "sqlite"
        host = (self.host or self.options.get("host", "")).lower()
        local = "localhost" if host in _LOCAL or host.startswith("/") else host
        return f"{self.kind} {local}:{self.port or self.options.get('port') or _PORTS.get(self.kind, 0)}"

    def is_same_database(self, other: Address) -> bool:
        """Return whether two addresses name one database, through whatever driver, user and spelling of this host."""
        if self.kind == "sqlite":
            return self._file is not None and (self.kind, self._file) == (other.kind, other._file)
        return (self.server, self._name) == (other.server, other._name)

    @property
    def _file(self) -> str | None:
        if not self.database or self.database == ":memory:":
            return None
        return os.path.realpath(self.database.removeprefix("file:").partition("?")[0])

    @property
    def _name(self) -> str | None:
        return self.database or self.options.get("dbname") or self.user

    def named(self, database: str | None) -> Address:
        """Return the address of another database of the same server."""
        return replace(self, database=database)

    def text(self, *, shows_password: bool = False) -> str:
        """Return the URL; without `shows_password`, with *** in the place of the password and of all options."""
        password = "" if self.password is None else f":{quote(self.password, safe='') if shows_password else '***'}"
        user = "" if self.user is None else f"{quote(self.user, safe='')}{password}@"
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        database = "" if self.database is None else f"/{self.database}"
        query = "" if not self.query else f"?{self.query if shows_password else '…'}"
        return f"{self.driver}://{user}{host}{port}{database}{query}"


def read_address(text: str | None) -> Address | None:
    """Return the address that a URL names; None for what is no URL of a database: a placeholder, or nothing."""
    found = _URL.fullmatch(text or "")
    if found is None:
        return None
    given = found.groupdict()
    return Address(
        given["driver"],
        None if given["user"] is None else unquote(given["user"]),
        None if given["password"] is None else unquote(given["password"]),
        given["six"] or given["host"] or "",
        int(given["port"]) if given["port"] else None,
        given["database"] or None,
        given["query"] or "",
    )


def scratch_address(given: str | None, configured: str | None) -> Address:
    """Return where databases are made: on the server of `given`, the scratch_url; without one, as SQLite files.

    Raises ConfigurationError for a URL that is no URL, names another kind of server, or is the configured database.
    """
    own = read_address(configured)
    if not given:
        # An async env.py needs an async driver; there is one for SQLite.
        is_async = own is not None and own.driver.partition("+")[2] in _ASYNC
        return Address("sqlite+aiosqlite" if is_async else "sqlite")
    found = read_address(given)
    # The text may hold a password: it is not repeated.
    if found is None:
        raise ConfigurationError("scratch_url is no database URL", "e.g. postgresql+psycopg://user@localhost/")
    if not found.kind:
        raise ConfigurationError(
            f"scratch_url {found.text()}: scratch databases are made on SQLite, PostgreSQL, MariaDB and MySQL",
            "leave scratch_url out: SQLite in a temporary folder",
        )
    # A URL without a database names a server; libpq would go on to a database called like the user.
    if own is not None and found.database and found.is_same_database(own):
        raise ConfigurationError(
            f"scratch_url {found.text()} is the configured database itself, where nothing is ever tried out",
            "name the server alone, without a database, or leave scratch_url out: SQLite in a temporary folder",
        )
    return found


_ASYNC = frozenset({"aiosqlite", "asyncpg", "aiomysql", "asyncmy", "psycopg_async", "aioodbc", "oracledb_async"})
