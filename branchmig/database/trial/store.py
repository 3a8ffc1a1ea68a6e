"""The store of a project's states: markers, which make a state visible, and notes of every database that was made.

    KEY.state      the marker of a state; written last, so that what it names is whole
    KEY.db, KEY.json  what the state is kept in, where that is a file
    KEY.hits       one byte for each use
    made/NAME      a note of a database on a server, written before it is made
    spares/KEY/NAME  a copy made ahead; the process that removes the file owns the database
    place          where the project is
    digests.json   the bytes of scripts to what they do

Nothing is ever changed in place: files appear and disappear as a whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from branchmig.database.documents import read_document, write_document
from branchmig.project.project import Project

FORMAT = 1  # what keys and folders begin with: another way to compute keys gets another number

MOST_DIGESTS = 50_000


@dataclass(frozen=True, slots=True)
class State:
    """A database after some revisions, or only the reasons why it is not kept.

    `scripts` are the applied revisions with what each does; `read` is what scripts and env.py read besides, with the
    digest of each; `packages` are the installed packages that ran. `content` names what the state is kept in, and is
    empty where `reasons` say why a copy would not be what a replay makes; `impure` are the revisions among them.
    Where `env_writes` beside the steps, a state is no beginning for more steps: that would be one run of env.py more.
    """

    key: str
    base: str
    circumstances: str
    server: str
    dialect: str
    heads: tuple[str, ...]
    scripts: Mapping[str, str]
    read: tuple[tuple[str, str, str], ...] = ()
    packages: tuple[str, ...] = ()
    version_tables: tuple[tuple[str | None, str], ...] = ()
    content: str = ""
    size: int = 0
    made: float = 0.0
    seconds: float = 0.0
    reasons: tuple[str, ...] = ()
    impure: tuple[str, ...] = ()
    env_writes: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """A note of a database: `purpose` is fresh, spare or state. Until it `is_whole`, the process `pid` makes it."""

    name: str
    server: str
    purpose: str
    pid: int
    is_whole: bool = False
    key: str = ""
    path: str = ""
    """Where a SQLite file is."""
    made: float = field(default_factory=time.time)


class Store:
    """The states of one project, in a folder that only this user can read."""

    def __init__(self, folder: Path, place: str = "") -> None:
        self.folder, self.place = folder, place

    def abandoned(self) -> list[Store]:
        """Return the stores beside this one whose projects are gone."""
        found = []
        for path in sorted(self.folder.parent.glob("*/place")):
            place = path.read_text(encoding="utf-8", errors="surrogateescape")
            if place and not os.path.exists(place):
                found.append(Store(path.parent, place))
        return found

    # --- states

    def states(self) -> list[State]:
        """Return every state, by key."""
        return self.with_base("")

    def with_base(self, base: str) -> list[State]:
        """Return the states of some scripts in some circumstances, whatever else these read."""
        found = (_state(read_document(path)) for path in sorted(self.folder.glob(f"{base}*.state")))
        return [state for state in found if state is not None]

    def add(self, state: State) -> None:
        """Make a state visible; what it is kept in is whole."""
        self._write(f"{state.key}.state", asdict(state), is_lasting=True)

    def remove(self, state: State) -> None:
        """Make a state invisible, before what it is kept in goes."""
        (self.folder / f"{state.key}.state").unlink(missing_ok=True)
        (self.folder / f"{state.key}.hits").unlink(missing_ok=True)

    def hit(self, state: State) -> None:
        """Note that a state was used."""
        with suppress(OSError), open(self.folder / f"{state.key}.hits", "ab") as stream:
            stream.write(b".")

    def hits(self, state: State) -> tuple[int, float]:
        """Return how often a state was used, and when it was last: when it was made, if never."""
        try:
            facts = (self.folder / f"{state.key}.hits").stat()
        except OSError:
            return 0, state.made
        return facts.st_size, facts.st_mtime

    @contextmanager
    def building(self, base: str) -> Iterator[None]:
        """Let one process build a state at a time: the others wait, and find it."""
        from filelock import FileLock

        with FileLock(self._folder("locks") / f"{base}.lock", mode=0o600):
            yield

    # --- databases

    def note(self, made: Made) -> None:
        """Note a database, before it is made and again when it is whole."""
        self._folder("made")
        self._write(f"made/{made.name}", asdict(made))

    def forget(self, name: str) -> None:
        """Remove the note of a database that is gone."""
        (self.folder / "made" / name).unlink(missing_ok=True)

    def made(self) -> list[Made]:
        """Return the notes of all databases, by name."""
        paths = sorted((self.folder / "made").glob("*"))
        documents = (read_document(path) for path in paths if path.suffix != ".part")
        return [Made(**entry) for entry in documents if entry is not None]

    def offer(self, key: str, name: str) -> None:
        """Offer a whole copy of a state to the next process."""
        (self._folder("spares") / key).mkdir(mode=0o700, exist_ok=True)
        (self.folder / "spares" / key / name).touch(mode=0o600)

    def spares(self, key: str) -> list[str]:
        """Return the names of the available copies of a state."""
        return sorted(path.name for path in (self.folder / "spares" / key).glob("*"))

    def claim(self, key: str) -> str | None:
        """Return the name of a copy of a state that nobody else has; None if there is none."""
        for name in self.spares(key):
            with suppress(FileNotFoundError):  # somebody else has it
                (self.folder / "spares" / key / name).unlink()
                return name
        return None

    # --- what scripts do

    def digests(self) -> dict[str, str]:
        """Return the known texts: a digest of their bytes to a digest of their effects."""
        return read_document(self.folder / "digests.json") or {}

    def keep_digests(self, known: Mapping[str, str]) -> None:
        """Keep what is known of texts, the newest of them."""
        with suppress(OSError):
            self._write("digests.json", dict(list(known.items())[-MOST_DIGESTS:]))

    def _write(self, name: str, document: object, *, is_lasting: bool = False) -> None:
        self._begin()
        write_document(self.folder / name, document, is_lasting=is_lasting)

    def _folder(self, name: str) -> Path:
        self._begin()
        folder = self.folder / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _begin(self) -> None:
        """Make the folder, and write down whose it is: the states of a project that is gone are dropped."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = self.folder / "place"
        if not place.exists():
            place.write_text(self.place, encoding="utf-8", errors="surrogateescape")


def store_of(project: Project) -> Store:
    """Return the store of a project: the one of its clone, which all work trees share, or of its folder without git."""
    import platformdirs

    home = os.path.realpath(project.config.script_location)
    repository = project.repository
    place = home
    if repository is not None:
        place = f"{os.path.realpath(repository.common_dir)}:{os.path.relpath(home, repository.top)}"
    name = f"{FORMAT}-{digest(place, project.config.files.section)}"
    folder = Path(platformdirs.user_cache_dir("branchmig")) / "states" / name
    return Store(folder, str(project.config.root if repository is None else repository.common_dir))


def digest(*parts: str | bytes) -> str:
    """Return a digest of some texts, which covers where each of them ends."""
    made = hashlib.blake2b(digest_size=10)
    for part in parts:
        content = part if isinstance(part, bytes) else part.encode("utf-8", "surrogateescape")
        made.update(b"%d:" % len(content))
        made.update(content)
    return made.hexdigest()


def digest_of(pairs: Iterable[tuple[str, ...]]) -> str:
    """Return a digest of some tuples of texts, in their order."""
    return digest(json.dumps(list(pairs)))


def is_running(pid: int) -> bool:
    """Return whether a process of this machine is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True


def _state(found: dict[str, Any] | None) -> State | None:
    if found is None:
        return None
    tuples = ("heads", "packages", "reasons", "impure")
    try:
        return State(
            **{
                **found,
                **{name: tuple(found[name]) for name in tuples},
                "read": tuple(tuple(item) for item in found["read"]),
                "version_tables": tuple(tuple(version_table) for version_table in found["version_tables"]),
            }
        )
    except (KeyError, TypeError):  # another version of branchmig wrote it
        return None
