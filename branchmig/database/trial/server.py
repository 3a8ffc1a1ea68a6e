"""A server that keeps states as databases: what each kind of server must be able to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from branchmig.database.trial.sessions import Session, SessionHolder, open_session, translated

if TYPE_CHECKING:
    from branchmig.database.trial.address import Address

_CLONE = 0x40049409  # FICLONE (linux/fs.h): the two files share their blocks until one of them is written


class StateGone(Exception):
    """What a state was kept in is not there any more: it is built again."""


class Server(SessionHolder, ABC):
    """Where databases are made. A state is kept under the name `content`: of a file in `folder`, or of a database."""

    ending = ""
    """What the name of a state's content ends with."""
    has_spares = True
    """Whether a copy takes long enough to make one ahead."""

    def __init__(self, address: Address, folder: Path) -> None:
        super().__init__(address)
        self.folder = folder

    def database(self, name: str) -> Address:
        """Return the address of the database of a name."""
        return self.address.named(name)

    def content_of(self, key: str) -> str:
        """Return a name for what a state is kept in."""
        return f"{key}{self.ending}"

    def identity(self) -> str:
        """Return which server this is, and what of it decides how scripts run."""
        return f"{self.address.server} {self.version()}"

    @abstractmethod
    def version(self) -> str:
        """Return what of the server decides how scripts run on it. Raises EnvironmentFailed if it does not answer."""

    @abstractmethod
    def exists(self, database: Address) -> bool:
        """Return whether a database is there."""

    @abstractmethod
    def create(self, database: Address) -> None:
        """Make an empty database."""

    def duplicate(self, source: Address, database: Address) -> bool:
        """Make a database that is like another; return False where this kind of server cannot copy one."""
        return False

    @abstractmethod
    def copy(self, content: str, database: Address) -> None:
        """Make a database that is like a state. Raises StateGone."""

    @abstractmethod
    def keep(self, database: Address, content: str) -> None:
        """Make a state of a database."""

    def size(self, content: str) -> int:
        """Return how many bytes a state takes."""
        return self._path(content).stat().st_size

    def drop_content(self, content: str) -> None:
        """Drop what a state was kept in, if it is there."""
        self._path(content).unlink(missing_ok=True)

    @abstractmethod
    def drop(self, database: Address) -> None:
        """Drop a database, if it is there, whatever is still connected to it."""

    def leftovers(self, prefix: str) -> list[str]:
        """Return the names of databases that begin so."""
        return []

    @abstractmethod
    def end_connections(self, database: Address) -> int:
        """End the connections to a database, where these keep it from being dropped; return how many there were."""

    @contextmanager
    def session_on(self, database: Address) -> Iterator[Session]:
        """Give a session on a database of this server."""
        session = open_session(database)
        try:
            with translated(database):
                yield session
        finally:
            session.close()

    def _path(self, content: str) -> Path:
        return self.folder / content
