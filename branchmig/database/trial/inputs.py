"""The key of a state: everything that decides which database a set of revisions leads to, read without running any."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from branchmig.dag import RevisionDag
from branchmig.database.trial.store import State, Store, digest, digest_of
from branchmig.errors import RevisionFileError
from branchmig.project.config import Invocation, Texts
from branchmig.project.config_facts import settings_for_env
from branchmig.project.config_texts import content_of
from branchmig.project.project import Project
from branchmig.project.worktree import read_file

ReadTexts = Callable[[Sequence[str]], Mapping[str, bytes]]

ABSENT = "absent"  # the digest of a file that is not there, and of a variable that is not set


@dataclass(frozen=True)
class Inputs:
    """The revisions of a place with what each does, and what all of them run in."""

    dag: RevisionDag
    scripts: Mapping[str, str]
    """Revision to a digest of its script's effect, parents and dependencies."""
    circumstances: str
    """A digest of env.py, settings, arguments, server and Python."""
    server: str
    files: WorktreeFiles = field(repr=False)
    digests: Digests = field(repr=False)
    again: Callable[[], Inputs] = field(repr=False)
    """Reads all of it again."""

    def still_holds(self) -> bool:
        """Return whether nothing was edited since it was read."""
        now = self.again()
        return (now.scripts, now.circumstances) == (self.scripts, self.circumstances)

    def base_of(self, ids: Iterable[str]) -> str:
        """Return the first part of the key of the state that some revisions lead to."""
        return digest(
            self.circumstances, digest_of((revision_id, self.scripts[revision_id]) for revision_id in sorted(ids))
        )

    def key_of(self, base: str, read: Sequence[tuple[str, str, str]]) -> str:
        """Return the key of a state: its scripts and circumstances, and what these read."""
        return base + digest_of(read)[:8]

    def is_current(self, state: State) -> bool:
        """Return whether a state's scripts, and all that they read, are as they were when it was made."""
        if state.circumstances != self.circumstances or state.server != self.server:
            return False
        if any(self.scripts.get(script) != known for script, known in state.scripts.items()):
            return False
        return installed().issuperset(state.packages) and all(self.has_read(*item) for item in state.read)

    def has_read(self, kind: str, what: str, known: str) -> bool:
        """Return whether what was read is as it was; `kind` is variable, or the kind of file and who may mean it."""
        if kind == "variable":
            return variable_digest(what) == known
        sort, _, by = kind.partition(" ")
        if sort == "folder":
            return all(names_digest(names) == known for names in self.files.names(by, what))
        if sort == "presence":
            return all(presence_digest(is_there) == known for is_there in self.files.present(by, what))
        of = self.digests.of_bytes if sort == "text" else lambda text: self.digests.of_file(what, text)
        return all(of(text) == known for text in self.files.texts(by, what))


class Digests:
    """What texts do, remembered by their bytes: to parse 1,000 scripts takes a second."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known = store.digests()
        self._new: dict[str, str] = {}

    def of_script(self, source: bytes) -> str:
        """Return a digest of what a revision file does."""
        return self._of("s", source)

    def of_file(self, path: str, content: bytes | None) -> str:
        """Return a digest of a file: of a module without comments, of anything else its bytes."""
        if content is None or not path.endswith(".py"):
            return self.of_bytes(content)
        return self._of("m", content)

    def keep(self) -> None:
        """Remember what was new."""
        if self._new:
            self._store.keep_digests({**self._known, **self._new})

    def of_bytes(self, content: bytes | None) -> str:
        """Return a digest of what a file holds, to the letter."""
        return ABSENT if content is None else digest(content)

    def _of(self, kind: str, source: bytes) -> str:
        key = kind + digest(source)
        found = self._known.get(key) or self._new.get(key)
        if found is None:
            from branchmig.revisions.fingerprint import fingerprint, module_fingerprint

            found = fingerprint(source) if kind == "s" else module_fingerprint(source)
            self._new[key] = found
        return found


def read_inputs(
    project: Project,
    invocation: Invocation,
    dag: RevisionDag,
    read: ReadTexts,
    files: WorktreeFiles,
    server: str,
    digests: Digests,
) -> Inputs:
    """Read what decides which databases the revisions of `dag` lead to; `read` gives the texts of their files.

    Raises RevisionFileError for a revision whose file is not there.
    """
    config = project.config
    texts = Texts(content_of(config.files.ini), content_of(config.files.toml))
    circumstances = digest(
        digests.of_file("env.py", text_at(str(config.script_location / "env.py"))),
        digest_of(settings_for_env(config.files, texts)),
        config.files.section,
        digest_of((name,) for name in invocation.x),
        server,
        ".".join(map(str, sys.version_info[:2])),
    )
    return Inputs(
        dag,
        _scripts(dag, read, digests),
        circumstances,
        server,
        files,
        digests,
        lambda: read_inputs(project, invocation, dag, read, files, server, digests),
    )


def _scripts(dag: RevisionDag, read: ReadTexts, digests: Digests) -> dict[str, str]:
    try:
        texts = read([revision.path for revision in dag if revision.path])
    except OSError as error:
        raise RevisionFileError(f"{error.filename} cannot be read: {error.strerror}", "restore it") from error
    found = {}
    for revision in dag:
        effect = digests.of_script(texts[revision.path or ""])
        found[revision.id] = digest(effect, *sorted(revision.parents), "|", *dag.dependencies(revision.id))
    return found


def nearest(inputs: Inputs, states: Iterable[State], wanted: Collection[str]) -> State | None:
    """Return the largest state that is on the way to some revisions; None if there is none."""
    names = frozenset(wanted)
    on_the_way = (
        state
        for state in states
        if state.content
        and names.issuperset(state.scripts)
        and not (state.env_writes and len(state.scripts) < len(names))
        and inputs.is_current(state)
    )
    return max(on_the_way, key=lambda state: (len(state.scripts), state.key), default=None)


def variable_digest(name: str) -> str:
    """Return a digest of a variable of the environment; of the URL of a database only its kind and options.

    Nothing is connected to at that URL: a scratch database stands for it.
    """
    from branchmig.database.trial.address import read_address

    value = os.environ.get(name)
    if value is None:
        return ABSENT
    address = read_address(value)
    return digest(value if address is None or not address.kind else f"{address.driver}?{address.query}")


def presence_digest(is_there: bool) -> str:
    """Return the digest for the presence of a file."""
    return "present" if is_there else ABSENT


def names_digest(names: Iterable[str]) -> str:
    """Return a digest of the names in a folder, without what Python and editors leave there."""
    kept = {name for name in names if name != "__pycache__" and not name.endswith((".pyc", "~")) and name[0] != "."}
    return digest_of((name,) for name in sorted(kept))


@cache
def installed() -> frozenset[str]:
    """Return what pip has installed: the names of the folders that say name and version."""
    found: set[str] = set()
    for entry in sys.path:
        if os.path.basename(entry) in ("site-packages", "dist-packages"):
            try:
                found.update(name for name in os.listdir(entry) if name.endswith((".dist-info", ".egg-info")))
            except OSError:
                continue
    return frozenset(found)


class WorktreeFiles:
    """The files of the work tree, by paths from its top; `by` says who may mean a path: see PlaceFiles."""

    def __init__(self, top: str) -> None:
        self._top = top

    def texts(self, by: str, path: str) -> list[bytes | None]:
        """Return the content of a path; several texts where it may be meant in several places."""
        return [text_at(os.path.join(self._top, path))]

    def names(self, by: str, path: str) -> list[tuple[str, ...]]:
        """Return the names in a folder."""
        return [names_at(os.path.join(self._top, path))]

    def present(self, by: str, path: str) -> list[bool]:
        """Return whether something is at a path."""
        return [os.path.lexists(os.path.join(self._top, path))]


def text_at(path: str) -> bytes | None:
    """Return the content of a file; None if it is no file."""
    try:
        return read_file(path)
    except OSError:
        return None


def names_at(path: str) -> tuple[str, ...]:
    """Return the names in a folder; none where there is none."""
    try:
        return tuple(os.listdir(path))
    except OSError:
        return ()


def top_of(project: Project) -> str:
    """Return the folder that the paths of what scripts read begin at, links followed."""
    repository = project.repository
    return os.path.realpath(project.config.root if repository is None else repository.top)
