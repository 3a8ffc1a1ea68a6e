"""Finds who reads something: the project's code on the stack, or a library that runs it."""

from __future__ import annotations

import os
import re
import site
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Literal

Kind = Literal["project", "library", "engine", "own", "logging"]

_ENGINE = re.compile(r"[/\\](sqlalchemy|alembic)[/\\]")
_OWN = re.compile(
    r"[/\\](branchmig|mako|psycopg\w*|pymysql|MySQLdb|asyncpg|aiomysql|asyncmy|aiosqlite|sqlite3|pg8000|mysql|greenlet"
    r"|_pytest|pluggy|xdist)[/\\]|[/\\](tempfile|warnings|linecache|traceback)\.py$"
)
_LOGGING = re.compile(r"[/\\]logging[/\\]\w+\.py$")
_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))) + os.sep


@dataclass(frozen=True, slots=True)
class Culprit:
    """A file of the project, the revision that runs, and whether a library is just being imported for it."""

    file: str
    revision: str | None
    is_import: bool


class Stack:
    """Reads stacks of a run of env.py. `scripts` are the paths of revision files with their ids."""

    def __init__(self, scripts: Mapping[str, str], own: tuple[str, ...]) -> None:
        self.scripts = scripts
        self._own = (*own, *_library_folders())
        self._kinds: dict[str, Kind] = {}

    def culprit(self, frame: FrameType | None, *, through_engine: bool = False) -> Culprit | None:
        """Return the project's code that caused a call; None if there is none.

        What sqlalchemy and alembic do is their own business, but for what they do on a script's behalf: then
        `through_engine`. What is logged changes no database.
        """
        file, is_import, revision = "", False, None
        at = frame
        while at is not None and revision is None:
            name = at.f_code.co_filename
            kind = self.kind(name)
            if kind == "logging":
                return None
            if not file:
                if kind == "own" or (kind == "engine" and not through_engine):
                    return None
                if kind == "project":
                    file = name
                elif kind == "library" and at.f_code.co_name == "<module>":
                    is_import = True
            revision = self.scripts.get(name)
            at = at.f_back
        return Culprit(file, revision, is_import) if file else None

    def kind(self, file: str) -> Kind:
        """Return whose code a file is."""
        found = self._kinds.get(file)
        if found is None:
            found = self._kinds[file] = self._looked_at(file)
        return found

    def is_import(self, frame: FrameType | None) -> bool:
        """Return whether Python's import machinery is at work."""
        return frame is not None and frame.f_code.co_filename.startswith("<frozen importlib")

    def counts(self, path: str) -> bool:
        """Return whether a key must cover a path: not what pip has installed, the scratch databases, or devices."""
        return not path.startswith((*self._own, "/proc/", "/dev/", "/sys/"))

    def _looked_at(self, file: str) -> Kind:
        real = os.path.realpath(file)
        if os.path.isabs(file) and real.endswith((".py", ".pyc")) and not real.startswith((*self._own, _PACKAGE)):
            return "project"
        if _LOGGING.search(file):
            return "logging"
        if _ENGINE.search(file):
            return "engine"
        return "own" if _OWN.search(file) else "library"


def _library_folders() -> tuple[str, ...]:
    """Return the folders of Python itself and of what pip has installed, which the key covers by its version."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    found = [sysconfig.get_path(name) for name in names] + site.getsitepackages() + [site.getusersitepackages()]
    found += [entry for entry in sys.path if os.path.basename(entry) in ("site-packages", "dist-packages")]
    return tuple(sorted({os.path.realpath(name) + os.sep for name in found if name}))
