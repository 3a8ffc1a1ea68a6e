"""Identifies the version table of a connection: the one answer that pins, journal, fleets, sync and locks share.

The server is asked, not the URL: two URLs may lead to one server (localhost, 127.0.0.1, a socket), and one URL to
several (`?host=`, `?service=`, $PGHOST, env.py's own choice).
"""

from __future__ import annotations

import hashlib
import os
import socket
from dataclasses import dataclass, field
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL, Connection
from sqlalchemy.exc import SQLAlchemyError

from branchmig.database.connecting import shown
from branchmig.effects.dialects import KINDS, dialect_kind

COPIED_FROM = "branchmig.identity"
"""A setting of a PostgreSQL database that `switch --keep` has made by copying: the server gives it another number."""

# The system identifier is made with the cluster, and outlives restarts. The time of its start distinguishes a server
# from its copies. Some roles may ask for neither.
POSTGRESQL = (
    "SELECT current_database(), current_schema(), CAST(pg_postmaster_start_time() AS text), "
    "(SELECT CAST(oid AS text) FROM pg_catalog.pg_database WHERE datname = current_database()), current_user, "
    f"pg_catalog.current_setting('{COPIED_FROM}', true)"
)
_CLUSTER = "SELECT CAST(system_identifier AS text) FROM pg_catalog.pg_control_system()"
_MAY_ASK = "SELECT has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')"
MYSQL_SERVER = "SELECT @@hostname, @@port, @@datadir"
_MYSQL = f"{MYSQL_SERVER}, DATABASE(), CURRENT_USER()"

_LOCAL_HOSTS = frozenset({None, "", "localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Identity:
    """One version table: the database, as a URL without a password, its schema, and the table's name.

    `lasting` is what the server says of itself and of the database: the same by whatever name it is reached, and after
    a restart. `moment` distinguishes it from its copies, too, and ends with a restart.
    """

    url: str
    version_table: str
    schema: str | None
    is_local: bool
    """Whether the database belongs to this machine: a SQLite file, or a server on it."""
    lasting: str = ""
    moment: str = ""
    role: str | None = None
    """The database's name for who is connected."""
    recorded: str = ""
    """What the journal calls the database: `lasting`, or that of the database that `switch --keep` has copied."""
    stable: str = ""
    """What to call the database wherever it is reached from, with what distinguishes it."""
    kind: str = ""
    database: str = ""
    """The database as its server names it; the path of a SQLite file."""
    place: str = field(default="", compare=False)
    """The host and port that the connection has reached."""

    def __str__(self) -> str:
        return self._with_table(self.url)

    @property
    def name(self) -> str:
        """One name for one version table, by whatever URL and role it is reached: for what is kept of it in git."""
        return self._with_table(self.stable or self.url)

    @property
    def instant(self) -> str:
        """What distinguishes the version table from all others until the server is started again."""
        return f"{self.kind}|{self.moment}|{self.database}|{self.schema or ''}.{self.version_table}"

    @property
    def words(self) -> str:
        """Where the version table is, for people."""
        database = self.database or "a database in memory"
        where = f", schema {self.schema}" if self.schema else ""
        return (
            f"{database if self.kind == 'sqlite' else f'{database} on {self.place}'}{where}, table {self.version_table}"
        )

    def _with_table(self, database: str) -> str:
        # Most databases have one version table, by its usual name, where it is looked for: then the URL says it all.
        name = ".".join(part for part in (self.schema, self.version_table) if part)
        return database if name in ("alembic_version", "public.alembic_version") else f"{database} ({name})"


@dataclass(frozen=True, slots=True)
class _Answer:
    database: str
    schema: str | None
    lasting: str
    moment: str
    role: str | None = None
    recorded: str = ""


def identity_of(context: MigrationContext) -> Identity:
    """Return which version table a context is about, as its connection's server says."""
    connection, schema = context.connection, context.version_table_schema
    if connection is None:
        return Identity("", context.version_table, schema, is_local=False)
    url, answer = connection.engine.url, _asked(connection)
    host, port = _reached(connection)
    schema = translated_schema(connection, schema) or answer.schema
    return Identity(
        _named(url, host, port, answer),
        context.version_table,
        schema,
        is_local=_is_local(connection, host, answer),
        lasting=answer.lasting,
        moment=answer.moment,
        role=answer.role,
        recorded=answer.recorded or answer.lasting,
        stable=_stable(connection, host, port, answer),
        kind=connection.dialect.name,
        database=answer.database,
        place=f"{host or 'localhost'}{f':{port}' if port else ''}",
    )


def url_shown(connection: Connection, database: str) -> str:
    """Return how to call the database of a connection, without asking it: `database` is what it has answered."""
    return _named(connection.engine.url, *_reached(connection), _Answer(database, None, "", ""))


def is_local(url: URL) -> bool:
    """Return whether a URL names a database of this machine, as far as a URL shows."""
    if url.get_backend_name() == "sqlite":
        return url.database not in (None, "", ":memory:")
    return url.host in _LOCAL_HOSTS


def translated_schema(connection: Connection, schema: str | None) -> str | None:
    """Return the schema that a schema_translate_map of env.py puts in the place of another, or of none."""
    names: Any = connection.get_execution_options().get("schema_translate_map") or {}
    found = names.get(schema, schema)
    return None if found is None else str(found)


def _asked(connection: Connection) -> _Answer:
    kind = dialect_kind(connection.dialect.name)
    if kind == "postgresql":
        database, schema, started, number, role, copied = connection.exec_driver_sql(POSTGRESQL).one()
        return _Answer(database, schema, f"{_cluster(connection) or '?'}/{number}", started, role, copied or "")
    if kind == "mysql":
        host, port, folder, database, role = connection.exec_driver_sql(_MYSQL).one()
        server = f"{host}:{port}{folder}"
        return _Answer(str(database), None, f"{server}{database}", server, str(role))
    if kind == "sqlite":
        rows = connection.exec_driver_sql("PRAGMA database_list").all()
        path = next((str(row[2]) for row in rows if row[1] == "main" and row[2]), "")
        path = os.path.realpath(path) if path else ""
        return _Answer(path, None, path, "")
    url = connection.engine.url
    address = f"{url.host or 'localhost'}{f':{url.port}' if url.port else ''}"
    return _Answer(str(url.database), connection.dialect.default_schema_name, f"{address}/{url.database}", address)


def _cluster(connection: Connection) -> str | None:
    """Return the identifier of a PostgreSQL cluster; None where this role may not ask, or a pooler answers."""
    if not connection.exec_driver_sql(_MAY_ASK).scalar():
        return None
    return str(connection.exec_driver_sql(_CLUSTER).scalar())


def _reached(connection: Connection) -> tuple[str | None, str | None]:
    """Return host, or folder of a socket, and port that the driver has connected to; else what the URL says."""
    url, driver = connection.engine.url, connection.connection.driver_connection
    try:
        info: Any = getattr(driver, "info", None)
        if connection.dialect.name == "postgresql" and getattr(info, "host", None):  # psycopg, psycopg2
            return str(info.host), str(info.port)
        if url.query.get("unix_socket"):
            return str(url.query["unix_socket"]), None
        if isinstance(getattr(driver, "host", None), str):  # PyMySQL
            return driver.host, str(driver.port)  # type: ignore[union-attr]
    except (AttributeError, SQLAlchemyError, OSError):
        pass
    host = url.host or _text(url.query.get("host"))
    port = url.port or _text(url.query.get("port"))
    return host, None if port is None else str(port)


def _stable(connection: Connection, host: str | None, port: str | None, answer: _Answer) -> str:
    """Return one name for a server's database: what the server says of itself distinguishes it."""
    url = connection.engine.url
    if connection.dialect.name == "sqlite":
        return _named(url, host, port, answer)
    place = "localhost" if host in _LOCAL_HOSTS or str(host).startswith(("/", "@")) else host
    # A role that may not ask for the cluster's identifier leaves only the address.
    kind = dialect_kind(connection.dialect.name)
    says_all = kind in ("postgresql", "mysql") and not answer.lasting.startswith("?")
    known = answer.lasting if says_all else f"{place}:{port}/{answer.lasting}"
    digest = hashlib.blake2b(known.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{kind}://{place}/{answer.database} ({digest})"


def _text(value: Any) -> str | None:
    return str(value[0] if isinstance(value, tuple) else value) if value else None


def _is_local(connection: Connection, host: str | None, answer: _Answer) -> bool:
    kind = dialect_kind(connection.dialect.name)
    if kind == "sqlite":
        return bool(answer.database)
    if kind == "mysql" and connection.engine.url.query.get("read_default_file"):
        return answer.lasting.startswith(f"{socket.gethostname()}:")
    return host in _LOCAL_HOSTS or str(host).startswith(("/", "@"))


def _named(url: URL, host: str | None, port: str | None, answer: _Answer) -> str:
    """Return the URL, the same from wherever it is read, with where it leads if it does not say so itself."""
    if url.get_backend_name() == "sqlite":
        name = url.database
        is_file = name and name != ":memory:" and not name.startswith("file:")
        return shown(url.set(database=answer.database or os.path.realpath(str(name)))) if is_file else shown(url)
    if url.database and answer.database and url.get_backend_name() in KINDS:
        # A linked work tree has a database of its own, and env.py does not know that.
        url = url.set(database=answer.database)
    leads_elsewhere = host is not None and host != url.host and (url.query or host not in _LOCAL_HOSTS)
    if not leads_elsewhere or (not url.query and str(host).startswith("/")):
        return shown(url)
    database = "" if url.database == answer.database else f"{answer.database} "
    return f"{shown(url)} ({database}at {host}{f':{port}' if port else ''})"
