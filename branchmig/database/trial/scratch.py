"""Scratch databases: made for a proof, copied, and dropped on every way out; the configured one is never among them."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
from abc import ABC, abstractmethod
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from branchmig.database.connecting import on_connection, shown
from branchmig.database.dialects import dialect_kind
from branchmig.database.run import failures
from branchmig.database.trial.names import PREFIX, new_name
from branchmig.errors import ConfigurationError, EnvironmentFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection

_LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1"})
_DEFAULT_PORTS = {"postgresql": 5432, "mysql": 3306}


class Scratch(ABC):
    """A place for scratch databases, by kind of server. Databases are known by their URLs."""

    dialect: str

    def __init__(self, server: URL) -> None:
        self.server = server
        self.made: list[URL] = []

    def create(self) -> URL:
        """Make an empty database."""
        url = self.reserve()
        self._make(url)
        return url

    def reserve(self) -> URL:
        """Return the URL of a database that somebody is about to make; it is dropped with the others.

        Noted before it is made: an interrupt between the two must not leave it behind.
        """
        url = self._named(new_name())
        self.made.append(url)
        return url

    def copy(self, url: URL) -> URL | None:
        """Make a database that is like another; None where this kind of server cannot copy one."""
        twin = self._named(new_name())
        self.made.append(twin)
        return twin if self._copy(url, twin) else None

    @abstractmethod
    def drop_all(self) -> None:
        """Drop every database that was made here."""

    @abstractmethod
    def _named(self, name: str) -> URL: ...

    @abstractmethod
    def _make(self, url: URL) -> None: ...

    @abstractmethod
    def _copy(self, url: URL, twin: URL) -> bool: ...


class SqliteScratch(Scratch):
    """SQLite files in a folder of their own, which only this user can read."""

    dialect = "sqlite"

    def __init__(self, server: URL, parent: str | None) -> None:
        super().__init__(server)
        self._folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))

    def drop_all(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self.made.clear()

    def _named(self, name: str) -> URL:
        return self.server.set(database=str(self._folder / f"{name}.db"))

    def _make(self, url: URL) -> None:
        Path(str(url.database)).touch(mode=0o600)

    def _copy(self, url: URL, twin: URL) -> bool:
        shutil.copyfile(str(url.database), str(twin.database))
        # env.py may have asked for a write-ahead log, and a connection that is still open keeps it apart.
        if os.path.exists(log := f"{url.database}-wal"):
            shutil.copyfile(log, f"{twin.database}-wal")
        return True


class ServerScratch(Scratch):
    """Databases on a server; statements that make and drop them run outside of transactions."""

    def _named(self, name: str) -> URL:
        return self.server.set(database=name)

    def drop_all(self) -> None:
        """Drop every database that was made here, going on where one cannot be dropped. Raises EnvironmentFailed."""
        if self.made:
            on_connection(self.server, self._drop_on, autocommit=True)

    def _drop_on(self, connection: Connection) -> None:
        failure: SQLAlchemyError | None = None
        for url in list(self.made):
            try:
                self._end_connections(connection, str(url.database))
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {url.database}")
                self.made.remove(url)
            except SQLAlchemyError as error:
                failure = error
        if failure is not None:
            left = ", ".join(str(url.database) for url in self.made)
            raise EnvironmentFailed(
                f"scratch databases could not be dropped: {failures.summary(failure)}", f"drop them by hand: {left}"
            ) from failure

    def _make(self, url: URL) -> None:
        self._execute(f"CREATE DATABASE {url.database}{self._options}")

    def _execute(self, statement: str, leaving: str | None = None) -> None:
        def work(connection: Connection) -> None:
            if leaving is not None:
                self._end_connections(connection, leaving)
            connection.exec_driver_sql(statement)

        on_connection(self.server, work, autocommit=True)

    _options = ""

    def _end_connections(self, connection: Connection, database: str) -> None:
        """End what a pool in env.py still holds open: it would keep the database from being copied or dropped."""
        for process in connection.exec_driver_sql(self._connections.format(database)).scalars().all():
            with suppress(SQLAlchemyError):  # it ended by itself meanwhile
                connection.exec_driver_sql(self._kill.format(process))

    _connections: str
    _kill: str


class PostgresScratch(ServerScratch):
    """Databases on a PostgreSQL server, copied with TEMPLATE."""

    dialect = "postgresql"
    # template0 has no connections, ever; template1 may, and then cannot be copied.
    _options = " TEMPLATE template0"
    _connections = "SELECT pid FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()"
    _kill = "SELECT pg_terminate_backend({})"

    def __init__(self, server: URL) -> None:
        super().__init__(server if server.database else server.set(database="postgres"))

    def _copy(self, url: URL, twin: URL) -> bool:
        self._execute(f"CREATE DATABASE {twin.database} TEMPLATE {url.database}", leaving=str(url.database))
        return True


class MysqlScratch(ServerScratch):
    """Databases on a MariaDB or MySQL server, which knows no copy: what made one is run again."""

    dialect = "mysql"
    _options = " CHARACTER SET utf8mb4"
    _connections = "SELECT id FROM information_schema.processlist WHERE db = '{}' AND id <> CONNECTION_ID()"
    _kill = "KILL {}"

    def _copy(self, url: URL, twin: URL) -> bool:
        self.made.remove(twin)
        return False


@contextmanager
def scratch_databases(given: str | None, configured: str | None) -> Iterator[Scratch]:
    """Give a place for scratch databases, and drop all that was made there on every way out of the block.

    `given` is the scratch_url; without one, SQLite files in a temporary folder, through an async driver where the
    `configured` URL has one. SIGTERM and SIGHUP end the block as Ctrl-C does, and the process after it. Raises
    ConfigurationError for a URL that is no URL, names another kind of server, or is the configured database.
    """
    scratch = _scratch(_checked(given, configured))
    with _signals_as_interrupts():
        try:
            yield scratch
        finally:
            with _no_interrupts():
                scratch.drop_all()


def parsed(text: str | None) -> URL | None:
    """Return a URL, or None for what is none: a configured URL may be a placeholder, which names no database."""
    if not text:
        return None
    try:
        return make_url(text)
    except (SQLAlchemyError, ValueError):
        return None


def is_same_database(url: URL, other: URL) -> bool:
    """Return whether two URLs name one database, through whatever driver, user and spelling of this host."""
    if _backend(url) != _backend(other):
        return False
    if _backend(url) == "sqlite":
        return _sqlite_path(url) is not None and _sqlite_path(url) == _sqlite_path(other)
    return _address(url) == _address(other)


def is_same_kind(configured: str | None, url: URL) -> bool:
    """Return whether a configured URL is there and names the same kind of server as another."""
    own = parsed(configured)
    return own is not None and _backend(own) == _backend(url)


def _checked(given: str | None, configured: str | None) -> URL:
    own = parsed(configured)
    if not given:
        return make_url(_default_url(own))
    url = parsed(given)
    # The text may hold a password: it is not repeated.
    if url is None:
        raise ConfigurationError("scratch_url is no database URL", "e.g. postgresql+psycopg://user@localhost/")
    # A URL without a database names a server; libpq would go on to a database called like the user.
    if own is not None and url.database and is_same_database(url, own):
        raise ConfigurationError(
            f"scratch_url {shown(url)} is the configured database itself, where nothing is ever tried out",
            "name the server alone, without a database, or leave scratch_url out: SQLite in a temporary folder",
        )
    return url


def _scratch(url: URL) -> Scratch:
    kind = _backend(url)
    if kind == "postgresql":
        return PostgresScratch(url)
    if kind == "mysql":
        return MysqlScratch(url.set(database=None))
    if kind == "sqlite":
        folder = url.database if url.database != ":memory:" else None
        if folder and not os.path.isdir(folder):
            raise ConfigurationError(
                f"scratch_url {shown(url)} names no folder", "write sqlite:// alone, or a folder for scratch files"
            )
        return SqliteScratch(url, folder or None)
    raise ConfigurationError(
        f"scratch_url {shown(url)}: scratch databases are made on SQLite, PostgreSQL, MariaDB and MySQL",
        "leave scratch_url out: SQLite in a temporary folder",
    )


def _default_url(configured: URL | None) -> str:
    if configured is None:
        return "sqlite://"
    if configured.get_backend_name() == "sqlite":
        return f"{configured.drivername}://"
    try:
        return "sqlite+aiosqlite://" if configured.get_dialect().is_async else "sqlite://"
    except (SQLAlchemyError, ImportError):
        return "sqlite://"


def _backend(url: URL) -> str:
    return dialect_kind(url.get_backend_name())


def _sqlite_path(url: URL) -> str | None:
    if not url.database or url.database == ":memory:":
        return None
    return os.path.realpath(url.database.removeprefix("file:").partition("?")[0])


def _address(url: URL) -> tuple[Any, ...]:
    backend = _backend(url)
    host = (url.host or str(url.query.get("host", ""))).lower()
    port = url.port or url.query.get("port") or _DEFAULT_PORTS.get(backend)
    database = url.database or url.query.get("dbname") or url.username
    return "" if host in _LOCAL or host.startswith("/") else host, int(str(port or 0)), database


@contextmanager
def _signals_as_interrupts() -> Iterator[None]:
    """End the block on SIGTERM and SIGHUP as on Ctrl-C; once all is cleaned up, the process ends by that signal."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # A program that ignores or handles one of them (nohup) has a reason.
    known = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    ours = [number for number in known if signal.getsignal(number) == signal.SIG_DFL]
    received: list[int] = []

    def interrupt(number: int, _: object) -> None:
        received.append(number)
        raise KeyboardInterrupt

    for number in ours:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
        if received:
            signal.raise_signal(signal.Signals(received[0]))


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Do not let an impatient second Ctrl-C leave databases behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), signal.SIG_IGN) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
