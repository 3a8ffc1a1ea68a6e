"""How the state of a database is moved, by kind of server: the database keeps its name, states have names of theirs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from branchmig.database.keeping.records import Intent


class CannotKeep(Exception):
    """This database, or this role, cannot keep states: the text says why."""


@dataclass(frozen=True, slots=True)
class Client:
    """Another program's connection to the database."""

    number: int
    words: str
    can_end: bool = True

    def __str__(self) -> str:
        return self.words


class KeptServer(ABC):
    """The database of a project, and the states beside it. States are known by their names."""

    kind: str

    @abstractmethod
    def clients(self) -> list[Client]:
        """Return the connections of other programs that keep the database from being moved."""

    @abstractmethod
    def end(self, clients: list[Client]) -> None:
        """End connections of other programs."""

    @abstractmethod
    def refuse_unable(self) -> None:
        """Raise CannotKeep where states cannot be made and moved."""

    @abstractmethod
    def duplicate(self, source: str | None, name: str) -> None:
        """Make a state that is like another one, or like the database itself. It is whole afterwards."""

    @abstractmethod
    def branch_off(self, source: str | None, name: str, details: tuple[str, ...]) -> None:
        """Make a database for another work tree from a state, or from the database itself.

        `details` are those of the state. The name of a SQLite database is its path.
        """

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Return whether a database of a name is there."""

    @abstractmethod
    def exchange(self, intent: Intent) -> None:
        """Set the database's state aside as `intent.put`, and bring `intent.bring`."""

    @abstractmethod
    def is_exchanged(self, intent: Intent) -> bool | None:
        """Return whether an interrupted exchange has happened, or complete it.

        None where nothing shows which state the database has: then nothing is dropped.
        """

    @abstractmethod
    def size(self, name: str | None) -> int:
        """Return how many bytes a state, or the database itself, takes."""

    @abstractmethod
    def drop(self, name: str) -> None:
        """Drop a state, if it is there."""

    def details(self) -> tuple[str, ...]:
        """Return the statements that make what the server cannot move."""
        return ()

    def tables(self) -> tuple[str, ...]:
        """Return the tables of the database, where the server moves them one by one."""
        return ()

    @abstractmethod
    def close(self) -> None:
        """End connections to the server."""
