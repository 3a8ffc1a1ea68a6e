"""Copies of databases, by kind of server: a file, a template, or the statements that make one like it."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import closing
from pathlib import Path

from branchmig.database.trial.address import Address, scratch_address
from branchmig.database.trial.server import _CLONE, Server, StateGone
from branchmig.database.trial.sessions import Session, open_session
from branchmig.errors import ConfigurationError
from branchmig.project.config_facts import configured_url
from branchmig.project.consent import scratch_url
from branchmig.project.project import Project


class SqliteServer(Server):
    """SQLite files: in the folder that scratch_url names, or where states are kept."""

    ending = ".db"
    has_spares = False

    def version(self) -> str:
        """Return the version of the library."""
        import sqlite3

        return f"sqlite {sqlite3.sqlite_version}"

    def database(self, name: str) -> Address:
        """Return the address of the file of a name."""
        folder = Path(named_folder(self.address) or self.folder / "databases")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.address.named(str(folder / f"{name}.db"))

    def exists(self, database: Address) -> bool:
        """Return whether the file is there."""
        return os.path.exists(str(database.database))

    def create(self, database: Address) -> None:
        """Make an empty file."""
        Path(str(database.database)).touch(mode=0o600)

    def duplicate(self, source: Address, database: Address) -> bool:
        """Copy the file, and the write-ahead log that a connection which is still open keeps beside it."""
        copy_file(str(source.database), str(database.database))
        if os.path.exists(log := f"{source.database}-wal"):
            copy_file(log, f"{database.database}-wal")
        return True

    def copy(self, content: str, database: Address) -> None:
        """Copy the file; the new name appears when it is whole."""
        part = f"{database.database}.part"
        try:
            copy_file(self._path(content), part)
        except FileNotFoundError as error:
            raise StateGone from error
        os.replace(part, str(database.database))

    def keep(self, database: Address, content: str) -> None:
        """Copy the file, with what its write-ahead log holds."""
        import sqlite3

        with closing(sqlite3.connect(str(database.database))) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        part = self._path(f"{content}.part")
        copy_file(database.database or "", part)
        os.replace(part, self._path(content))

    def end_connections(self, database: Address) -> int:
        """Do nothing: a file that is open can be removed."""
        return 0

    def drop(self, database: Address) -> None:
        """Remove the file and what SQLite writes beside it."""
        for ending in ("", "-wal", "-shm", "-journal", ".part"):
            Path(f"{database.database}{ending}").unlink(missing_ok=True)


def named_folder(address: Address) -> str | None:
    """Return the folder that a scratch_url of SQLite names; None where it names none. Raises ConfigurationError."""
    given = address.database
    if not given or given == ":memory:":
        return None
    if not os.path.isdir(given):
        raise ConfigurationError(
            f"scratch_url {address.text()} names no folder", "write sqlite:// alone, or a folder for databases"
        )
    return os.path.abspath(given)


def copy_file(source: str | Path, target: str | Path) -> None:
    """Copy a file; the two share their blocks where the file system can do that."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(source, "rb") as reader, open(descriptor, "wb") as writer:
        try:
            from fcntl import ioctl

            ioctl(writer.fileno(), _CLONE, reader.fileno())
        except (ImportError, OSError):  # another file system, or another system
            shutil.copyfileobj(reader, writer, 1 << 20)


class PostgresServer(Server):
    """PostgreSQL, which copies a template.

    The server's default way to copy is the quickest: FILE_COPY waits for two checkpoints, which takes seconds.
    """

    def _opened(self) -> Session:
        return open_session(self.address)

    def content_of(self, key: str) -> str:
        """Return the name of a template, another one each time: the server is not this process's alone."""
        return f"branchmig_state_{key}_{secrets.token_hex(2)}"

    def version(self) -> str:
        """Return the server's version and what a new database gets by default."""
        with self._session() as session:
            ((number, encoding, collation),) = session.rows(
                "SELECT current_setting('server_version'), pg_encoding_to_char(encoding), datcollate "
                "FROM pg_database WHERE datname = 'template0'"
            )
        return f"postgresql {number} {encoding} {collation}"

    def exists(self, database: Address) -> bool:
        """Return whether the database is there."""
        with self._session() as session:
            return bool(session.rows(f"SELECT 1 FROM pg_database WHERE datname = '{database.database}'"))

    def create(self, database: Address) -> None:
        """Make an empty database; template0 has no connections, ever: template1 may, and then cannot be copied."""
        with self._session() as session:
            session.run([f'CREATE DATABASE "{database.database}" TEMPLATE template0'])

    def duplicate(self, source: Address, database: Address) -> bool:
        """Make a database with another as its template, whose connections end."""
        with self._session() as session:
            session.rows(_END_CONNECTIONS.format(source.database))
            session.run([f'CREATE DATABASE "{database.database}" TEMPLATE "{source.database}"'])
        return True

    def copy(self, content: str, database: Address) -> None:
        """Make a database with the state as its template."""
        with self._session() as session:
            if not session.rows(f"SELECT 1 FROM pg_database WHERE datname = '{content}'"):
                raise StateGone
            session.run([f'CREATE DATABASE "{database.database}" TEMPLATE "{content}"'])

    def keep(self, database: Address, content: str) -> None:
        """Make a template that nothing can connect to, so that nothing can change it."""
        self.duplicate(database, database.named(content))
        with self._session() as session:
            session.run([f'ALTER DATABASE "{content}" WITH ALLOW_CONNECTIONS false IS_TEMPLATE true'])

    def size(self, content: str) -> int:
        """Return the size of the template."""
        with self._session() as session:
            return int(session.rows(f"SELECT pg_database_size('{content}')")[0][0])

    def drop_content(self, content: str) -> None:
        """Drop the template."""
        self.drop(self.address.named(content))

    def drop(self, database: Address) -> None:
        """Drop the database and end the connections to it."""
        name = database.database
        with self._session() as connection:
            found = connection.rows(f"SELECT datistemplate FROM pg_database WHERE datname = '{name}'")
            if not found:
                return
            if found[0][0]:
                connection.run([f'ALTER DATABASE "{name}" WITH IS_TEMPLATE false'])
            connection.rows(_END_CONNECTIONS.format(name))
            connection.run([f'DROP DATABASE IF EXISTS "{name}"'])

    def end_connections(self, database: Address) -> int:
        """End the connections to a database."""
        with self._session() as session:
            return len(session.rows(_END_CONNECTIONS.format(database.database)))

    def leftovers(self, prefix: str) -> list[str]:
        """Return the names of databases that begin so."""
        with self._session() as session:
            return [str(row[0]) for row in session.rows("SELECT datname FROM pg_database") if row[0].startswith(prefix)]


_END_CONNECTIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()"
)


def server_of(project: Project, folder: Path) -> Server:
    """Return the server on which a project's databases for trials and tests are made."""
    return server_at(scratch_address(scratch_url(project), configured_url(project.config.files)), folder)


def server_at(address: Address, folder: Path) -> Server:
    """Return the server at an address; `folder` is where states are kept."""
    if address.kind == "mysql":
        from branchmig.database.trial.mysql_server import MysqlServer

        return MysqlServer(address, folder)
    return SqliteServer(address, folder) if address.kind == "sqlite" else PostgresServer(address, folder)
