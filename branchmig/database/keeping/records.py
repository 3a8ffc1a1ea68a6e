"""What a clone notes of the states that its branches keep of one database. Every file appears and goes as a whole.

NAME.json     a kept state; it is written when the state is whole
NAME.db       where a SQLite state is
active.json   which branches the state in the database itself belongs to
intent.json   what a switch is about to move, until all is noted
lock          held by a switch
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from branchmig.database.documents import read_document, write_document
from branchmig.errors import EnvironmentFailed

if TYPE_CHECKING:
    from branchmig.git.repository import Repository

LOCK_WITHIN = 10.0  # seconds to wait for another switch on the same database


@dataclass(frozen=True, slots=True)
class ScriptNote:
    """What git's folder says of a version table: its rows, the blobs of applied scripts, the commit of its pin."""

    rows: tuple[str, ...]
    scripts: Mapping[str, str]
    pin: str = ""


@dataclass(frozen=True, slots=True)
class KeptState:
    """A state that is set aside: the branches that it belongs to, and the revisions that are applied in it."""

    name: str
    branches: tuple[str, ...]
    applied: tuple[str, ...]
    heads: tuple[str, ...]
    size: int = 0
    made: float = field(default_factory=time.time)
    database: str = ""
    """The database that it is a state of, as people read it."""
    kind: str = ""
    details: tuple[str, ...] = ()
    """Statements that make what a server cannot move: views, routines, triggers, events of MariaDB."""
    tables: tuple[str, ...] = ()
    """The tables that are moved, where a server moves them one by one."""
    notes: Mapping[str, ScriptNote] | None = None
    """What is noted of its scripts, by the name of each version table; None where nobody has looked."""


@dataclass(frozen=True, slots=True)
class Active:
    """Whose state the database itself has."""

    branches: tuple[str, ...]
    applied: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be moved: `put` gets the database's state, which gets that of `bring`, if there is one.

    `bring` is `original` itself, or a copy of it that goes under a name of its own. `is_ready` once all copies are
    whole; nothing but copies was made before.
    """

    put: KeptState
    bring: str | None
    original: KeptState | None
    active: Active
    is_ready: bool = False
    details: tuple[str, ...] = ()


class KeptStore:
    """The records of one database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def states(self) -> list[KeptState]:
        """Return the kept states, the newest first."""
        documents = map(read_document, self.folder.glob("branchmig_kept_*.json"))
        found = [_state(document) for document in documents if document]
        return sorted(found, key=lambda state: (-state.made, state.name))

    def add(self, state: KeptState) -> None:
        """Make a state visible, or note it as it is now."""
        self._write(f"{state.name}.json", asdict(state))

    def remove(self, name: str) -> None:
        """Make a state invisible."""
        (self.folder / f"{name}.json").unlink(missing_ok=True)

    def active(self) -> Active | None:
        """Return whose state the database has, as far as a switch has noted it."""
        found = read_document(self.folder / "active.json")
        return None if found is None else Active(tuple(found["branches"]), tuple(found["applied"]))

    def note_active(self, active: Active) -> None:
        """Note whose state the database has."""
        if active != self.active():
            self._write("active.json", asdict(active))

    def intent(self) -> Intent | None:
        """Return what a switch that was interrupted was about to move."""
        found = read_document(self.folder / "intent.json")
        if found is None:
            return None
        original = found["original"]
        return Intent(
            _state(found["put"]),
            found["bring"],
            None if original is None else _state(original),
            Active(tuple(found["active"]["branches"]), tuple(found["active"]["applied"])),
            found["is_ready"],
            tuple(found["details"]),
        )

    def intend(self, intent: Intent | None) -> None:
        """Note what is about to be moved; None once all is noted."""
        if intent is None:
            (self.folder / "intent.json").unlink(missing_ok=True)
        else:
            self._write("intent.json", asdict(intent))

    def conclude(self, intent: Intent) -> None:
        """Note that what was intended has been done."""
        self.add(intent.put)
        if intent.original is not None and intent.bring == intent.original.name:
            self.remove(intent.original.name)
        self.note_active(intent.active)
        self.intend(None)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other switches off. Raises EnvironmentFailed where one goes on."""
        from filelock import FileLock, Timeout

        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / "lock", timeout=LOCK_WITHIN, mode=0o600):
                yield
        except Timeout as error:
            raise EnvironmentFailed(
                "another switch of this database goes on in this clone", "wait for it, then run the command again"
            ) from error

    def _write(self, name: str, document: dict[str, Any]) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_document(self.folder / name, document, is_lasting=True)


def new_name() -> str:
    """Return a name for a state: of a database, or of a file."""
    return f"branchmig_kept_{secrets.token_hex(5)}"


def kept_folder(repository: Repository) -> Path:
    """Return the folder of a clone in which there is one for each database. It is no cache: rows are in it."""
    return repository.common_dir / "branchmig" / "kept"


def stores(repository: Repository) -> list[KeptStore]:
    """Return the records of all databases of a clone."""
    return [KeptStore(path) for path in sorted(kept_folder(repository).glob("*")) if path.is_dir()]


def is_interrupted(repository: Repository) -> bool:
    """Return whether a switch was killed while it moved a database of a clone."""
    return any(kept_folder(repository).glob("*/intent.json"))


def is_shared(repository: Repository, branch: str | None) -> bool:
    """Return whether the state that a database has now belongs to another branch, too."""
    found = [store.active() for store in stores(repository)]
    return any(active is not None and set(active.branches) - {branch} for active in found)


def _state(found: dict[str, Any]) -> KeptState:
    tuples = ("branches", "applied", "heads", "details", "tables")
    notes = found.get("notes")
    read = notes and {
        name: ScriptNote(tuple(note["rows"]), note["scripts"], note["pin"]) for name, note in notes.items()
    }
    return KeptState(**{**found, **{name: tuple(found[name]) for name in tuples}, "notes": read})
