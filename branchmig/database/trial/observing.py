"""Watches what env.py and scripts read while a state is built: files and variables, which its key then covers, and what
no key can cover: the clock, chance, the network and other programs.

Python's audit events show files, folders, sockets and processes. The clock and chance are calls of built-in
functions, which a profile function sees; a variable is a look-up in os.environ, the question whether a file is there a
call of os.stat. Whose doing it is, the stack says.
"""

from __future__ import annotations

import datetime
import importlib.machinery
import importlib.util
import os
import random
import re
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from sqlalchemy import Engine, event

from branchmig.database.trial.inputs import Digests, names_digest, presence_digest, text_at, variable_digest
from branchmig.database.trial.stack import Culprit, Stack

CLOCK, CHANCE = "reads the clock", "uses random numbers"
_PROGRAMS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty"})
_NETWORK = frozenset(
    {"socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request"}
)
_HEARD = frozenset({"open", "os.listdir", "os.scandir", "sqlite3.connect", "builtins.input", *_PROGRAMS, *_NETWORK})
_CLOCK = frozenset(
    {time.time, time.time_ns, time.localtime, time.gmtime, time.ctime, time.asctime, time.strftime, time.clock_gettime}
)
_CLOCK_NAMES = frozenset({"now", "utcnow", "today"})
_CHANCE = frozenset({"urandom", "getrandom", "generate_time_safe"})
_SHARED: Any = random._inst  # what random.random() and its like ask
# The server's clock and chance: the rows that such a statement writes are other ones each time.
_CHANGES_ROWS = re.compile(
    r"\s*(INSERT|UPDATE|REPLACE|MERGE|WITH|DELETE|DO|CALL|CREATE\s+TABLE\s.*\sSELECT)\b", re.IGNORECASE | re.DOTALL
)
_WRITES = re.compile(
    r"\s*(INSERT|UPDATE|REPLACE|MERGE|WITH|DELETE|DO|CALL|TRUNCATE|CREATE|ALTER|DROP|RENAME)\b", re.IGNORECASE
)
_IDEMPOTENT = re.compile(r"\bIF\s+(NOT\s+)?EXISTS\b|\bOR\s+REPLACE\b", re.IGNORECASE)
_STRING = re.compile(r"'(?:[^'\\]|''|\\.)*'")
_IN_SQL = re.compile(
    r"""\b(?:CURRENT_TIMESTAMP|CURRENT_DATE|CURRENT_TIME|LOCALTIMESTAMP|LOCALTIME|SYSDATE
    |(?:NOW|CLOCK_TIMESTAMP|STATEMENT_TIMESTAMP|TRANSACTION_TIMESTAMP|TIMEOFDAY|UNIX_TIMESTAMP|CURDATE|CURTIME
      |UTC_TIMESTAMP|UTC_DATE|UTC_TIME|RANDOM|RAND|RANDOMBLOB|GEN_RANDOM_UUID|GEN_RANDOM_BYTES|UUID_GENERATE_V[14]
      |UUIDV[47]|UUID|UUID_SHORT|SYS_GUID|UNIXEPOCH)\s*\()""",
    re.IGNORECASE | re.VERBOSE,
)
_NOW_OF_SQLITE = re.compile(r"\b(?:DATE|TIME|DATETIME|JULIANDAY|STRFTIME|UNIXEPOCH)\s*\([^)]*'now'", re.IGNORECASE)
_OF_THE_SESSION = re.compile(
    r"(PYTEST_|XDG_|SSH_|GIT_|GITHUB_|LC_|LS_|DBUS_|TERM|COLUMNS$|LINES$|PWD$|OLDPWD$|SHLVL$|_$|WINDOWID$|DISPLAY$"
    r"|HOSTNAME$|PYTHON|VIRTUAL_ENV|PS1$|TMPDIR$|INVOCATION_ID$|JOURNAL_STREAM$)"
)
"""Variables that differ from one terminal to the next; where all variables are read at once, these do not count."""


class Observer:
    """What is read from when observing begins until it ends.

    `scripts` are the paths of revision files with their ids, `top` is where the project is, `places` are the folders
    that stand for it where scripts of another place are laid out. `own` are folders of branchmig's.
    """

    def __init__(
        self,
        scripts: Mapping[str, str],
        top: str,
        places: tuple[str, ...],
        env: str,
        own: tuple[str, ...],
        digests: Digests,
    ) -> None:
        self._stack = Stack(scripts, own)
        self._top, self._env, self._digests = top, env, digests
        self._places = tuple(os.path.realpath(place) for place in places)
        self._quiet = threading.local()
        self._seeded: set[str | None] = set()
        self.read: dict[tuple[str, str], str] = {}
        """What was read: kind and name to its digest when it was."""
        self.reasons: dict[str, None] = {}
        """Why a copy would not be what a replay makes."""
        self.beside: dict[tuple[str, str], None] = {}
        """Modules that read the clock or chance for env.py alone, and what they did: a script may import them, too."""

        self.env_writes = False
        """Whether env.py writes beside the steps: two runs of it are then not what one is."""
        self.impure: set[str] = set()
        """The revisions among those reasons."""

    def note_module(self, path: str, *, was_read: bool = False) -> str | None:
        """Note a module that was imported before, if it is the project's; return its digest.

        Of modules outside the project's folder, only those count that an earlier build has read.
        """
        if self._stack.kind(path) != "project" or not (was_read or path.startswith(self._top + os.sep)):
            return None
        kind, name = self._named(path)
        return self.read.setdefault((f"file {kind}", name), self._digests.of_file(path, text_at(path)))

    @contextmanager
    def observing(self) -> Iterator[None]:
        """Observe all that runs within the block, and compile modules of the project from their text alone."""
        _install()
        before = sys.getprofile()
        _active.append(self)
        event.listen(Engine, "before_cursor_execute", self._statement)
        with _own_bytecode(self._stack), _watched_variables(self), _watched_presence(self):
            sys.setprofile(self._called)
            threading.setprofile(self._called)
            try:
                yield
            finally:
                sys.setprofile(before)
                threading.setprofile(None)
                _active.remove(self)
                event.remove(Engine, "before_cursor_execute", self._statement)

    # --- what is heard

    def audited(self, name: str, arguments: tuple[Any, ...], frame: FrameType | None) -> None:
        """Hear of an audit event."""
        if getattr(self._quiet, "is_on", False):
            return
        self._quiet.is_on = True
        try:
            if name == "open":
                if isinstance(arguments[0], str | bytes) and not _writes_only(arguments[1], arguments[2]):
                    self._file(os.fsdecode(arguments[0]), frame)
            elif name in ("os.listdir", "os.scandir"):
                self._folder(os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes) else os.curdir, frame)
            elif name == "sqlite3.connect":
                if isinstance(arguments[0], str) and ":memory:" not in arguments[0]:
                    self._file(arguments[0], frame)
            elif name in _PROGRAMS:
                self._blame("runs another program", frame)
            elif name in _NETWORK:
                self._blame("reads the network", frame)
            elif name == "builtins.input":
                self._blame("reads standard input", frame)
        finally:
            self._quiet.is_on = False

    def variable(self, name: str, frame: FrameType | None) -> None:
        """Hear of a look-up of a variable of the environment; an empty name stands for all of them."""
        found = self._stack.culprit(frame)
        if found is None:
            return
        if found.revision is not None and not found.is_import:
            self._note(f"revision {found.revision} reads the environment{f': {name}' if name else ''}", found.revision)
        for text in [name] if name else [key for key in list(os.environ) if not _OF_THE_SESSION.match(key)]:
            self.read["variable", text] = variable_digest(text)

    def presence(self, path: Any, frame: FrameType | None) -> None:
        """Hear of the question whether a file is there."""
        if not isinstance(path, str | bytes | os.PathLike) or getattr(self._quiet, "is_on", False):
            return
        real = os.path.realpath(os.fsdecode(path))
        if self._stack.counts(real) and not _holds(real, self._top) and self._stack.culprit(frame) is not None:
            kind, name = self._named(real)
            self.read.setdefault((f"presence {kind}", name), presence_digest(os.path.lexists(real)))

    def _called(self, frame: FrameType, what: str, argument: Any) -> None:
        if what == "call":
            if frame.f_code.co_name == "seed" and frame.f_code.co_filename == random.__file__:
                self._seed(frame)
            return
        if what != "c_call" or getattr(self._quiet, "is_on", False):
            return
        name, owner = getattr(argument, "__name__", ""), getattr(argument, "__self__", None)
        if name in _CLOCK_NAMES:
            if isinstance(owner, type) and issubclass(owner, datetime.date):
                self._blame(CLOCK, frame, through_engine=True)
        elif owner is time:
            if argument in _CLOCK:
                self._blame(CLOCK, frame)
        elif name in _CHANCE or (owner is _SHARED and name in ("random", "getrandbits")):
            self._chance(frame, is_shared=owner is _SHARED)

    def _statement(self, connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if not self.env_writes and _WRITES.match(statement) and not _IDEMPOTENT.search(statement):
            culprit = self._stack.culprit(sys._getframe().f_back, through_engine=True)
            self.env_writes = culprit is not None and culprit.revision is None
        if not _CHANGES_ROWS.match(statement):
            return
        if _NOW_OF_SQLITE.search(statement) or _IN_SQL.search(_STRING.sub("''", statement)):
            self._blame("writes the server's clock or random numbers", sys._getframe().f_back, through_engine=True)

    def _seed(self, frame: FrameType) -> None:
        owner, value = frame.f_locals.get("self"), frame.f_locals.get("a")
        if value is None and not isinstance(owner, random.SystemRandom):
            self._blame(CHANCE, frame)
        elif owner is _SHARED and (found := self._stack.culprit(frame)) is not None:
            self._seeded.add(found.revision)

    def _chance(self, frame: FrameType | None, *, is_shared: bool) -> None:
        if not is_shared and frame is not None and self._stack.kind(frame.f_code.co_filename) == "engine":
            return  # SQLAlchemy makes up names of subqueries so; a default of the project's comes through its own frame
        found = self._stack.culprit(frame, through_engine=True)
        if found is not None and not (is_shared and found.revision in self._seeded):
            self._blame(CHANCE, frame, through_engine=True)

    def _blame(self, what: str, frame: FrameType | None, *, through_engine: bool = False) -> None:
        found = self._stack.culprit(frame, through_engine=through_engine)
        if found is None or found.is_import:
            return
        said = f"{self._shown(found)} {what}"
        real = os.path.realpath(found.file)
        if found.revision is None and real != self._env and what in (CLOCK, CHANCE):
            self.beside[real, said] = None
        else:
            self._note(said, found.revision)

    def _note(self, reason: str, revision: str | None) -> None:
        self.reasons[reason] = None
        self.impure |= {revision} if revision is not None else set()

    def _shown(self, found: Culprit) -> str:
        if found.revision is not None:
            return f"revision {found.revision}"
        real = os.path.realpath(found.file)
        return "env.py" if real == self._env else self._named(real)[1]

    # --- what was read

    def _file(self, path: str, frame: FrameType | None) -> None:
        real = _source(os.path.realpath(path))
        if real == self._env or not self._stack.counts(real) or self._stack.culprit(frame) is None:
            return
        # The key covers what scripts do; one that reads its own text, or another's, reads the comments, too.
        content = text_at(real)
        is_text = real in self._stack.scripts
        kind, name = self._named(real)
        digest = self._digests.of_bytes(content) if is_text else self._digests.of_file(real, content)
        self.read.setdefault((f"{'text' if is_text else 'file'} {kind}", name), digest)

    def _folder(self, path: str, frame: FrameType | None) -> None:
        real = os.path.realpath(path)
        if self._stack.is_import(frame) or not self._stack.counts(real) or self._stack.culprit(frame) is None:
            return
        kind, name = self._named(real)
        try:
            names = os.listdir(real)
        except OSError:
            names = []
        self.read.setdefault((f"folder {kind}", name), names_digest(names))

    def _named(self, path: str) -> tuple[str, str]:
        """Return who may mean a path, and its name from the top of the project: see inputs.Files."""
        for place in self._places:
            if path.startswith(place + os.sep):
                return "place", path[len(place) + 1 :].replace(os.sep, "/")
        if path.startswith(self._top + os.sep):
            return "tree" if self._places else "both", path[len(self._top) + 1 :].replace(os.sep, "/")
        return "outside", path


_active: list[Observer] = []  # the observer of the build that runs; there may be a second thread with another one
_installed: list[bool] = []


def _install() -> None:
    """Add the audit hook: Python cannot remove one, so there is one for all builds of the process."""
    if not _installed:
        _installed.append(True)
        sys.addaudithook(_hook)


def _hook(name: str, arguments: tuple[Any, ...]) -> None:
    # Only these: sys._getframe() is an event itself.
    if _active and name in _HEARD:
        _active[-1].audited(name, arguments, sys._getframe().f_back)


@contextmanager
def _own_bytecode(stack: Stack) -> Iterator[None]:
    """Compile the project's modules from their text: bytecode is known by size and time, which an edit may keep."""
    loader: Any = importlib.machinery.SourceFileLoader
    given = loader.path_stats

    def path_stats(self: Any, path: str) -> Any:
        if stack.kind(os.path.abspath(path)) == "project":
            raise OSError("the bytecode is not used")
        return given(self, path)

    loader.path_stats = path_stats
    try:
        yield
    finally:
        loader.path_stats = given


@contextmanager
def _watched_variables(observer: Observer) -> Iterator[None]:
    kind: Any = type(os.environ)
    look_up, iterate = kind.__getitem__, kind.__iter__

    def getitem(self: Any, key: Any) -> Any:
        if isinstance(key, str):
            observer.variable(key, sys._getframe().f_back)
        return look_up(self, key)

    def iterator(self: Any) -> Any:
        observer.variable("", sys._getframe().f_back)
        return iterate(self)

    kind.__getitem__, kind.__iter__ = getitem, iterator
    try:
        yield
    finally:
        kind.__getitem__, kind.__iter__ = look_up, iterate


@contextmanager
def _watched_presence(observer: Observer) -> Iterator[None]:
    given = os.stat

    def stat(path: Any, *arguments: Any, **named: Any) -> os.stat_result:
        observer.presence(path, sys._getframe().f_back)
        return given(path, *arguments, **named)

    os.stat = stat
    try:
        yield
    finally:
        os.stat = given


def _source(path: str) -> str:
    """Return the module's text for what was compiled from it."""
    return importlib.util.source_from_cache(path) if path.endswith(".pyc") and "__pycache__" in path else path


def _holds(folder: str, path: str) -> bool:
    """Return whether a folder is one that holds a path: those are always there."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _writes_only(mode: Any, flags: Any) -> bool:
    if isinstance(mode, str):
        return "r" not in mode and "+" not in mode
    return isinstance(flags, int) and bool(flags & os.O_WRONLY)
