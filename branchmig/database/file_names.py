"""The name of a revision file by the project's `file_template`, as alembic would give it to another id."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path

from alembic.script import ScriptDirectory
from alembic.util import rev_id

from branchmig.database.run import failures
from branchmig.database.run.environment import alembic_config
from branchmig.model import Revision
from branchmig.project.config import Config, Invocation
from branchmig.revisions.revision_file import read_docstring

_CREATED = re.compile(r"^[ \t]*Create Date:[ \t]*(\S.*?)[ \t]*$", re.MULTILINE)
_NO_DATE = datetime(2000, 1, 1)
_DATE_FIELDS = ("epoch", "year", "month", "day", "hour", "minute", "second")
_ASIDE = "_own"  # what the hint of a conflict between two files of one name adds to the name of this branch's file

draw_id = rev_id


class FileNames:
    """Names revision files of a project."""

    def __init__(self, config: Config, invocation: Invocation) -> None:
        with failures.translated("the configuration"):
            self._scripts = ScriptDirectory.from_config(alembic_config(invocation, "revision", {}))
        self._locations = [os.path.realpath(path) for path in config.version_locations]

    def renamed(self, revision: Revision, source: bytes, new_id: str) -> str:
        """Return the path of a revision's file under another id, in the same version location.

        A name that the template gives, with the message and the date that the docstring has, becomes what it gives for
        the new id. In any other name the id alone changes, where the name has it.
        """
        path, location = revision.path or "", self._location(revision)
        now = self._by_template(location, revision, source, revision.id)
        if now is not None and path in (now, f"{now[:-3]}{_ASIDE}.py"):
            return self._by_template(location, revision, source, new_id) or path
        folder, name = os.path.split(path)
        word = re.compile(rf"(?<![0-9A-Za-z]){re.escape(revision.id)}(?![0-9A-Za-z])")
        return os.path.join(folder, word.sub(lambda _: new_id, name, count=1))

    def named(self, revision: Revision, source: bytes) -> str:
        """Return the path that the template gives a revision, in the version location of the path that it has."""
        location = self._location(revision)
        return self._by_template(location, revision, source, revision.id) or os.path.join(location, f"{revision.id}.py")

    def _location(self, revision: Revision) -> str:
        path = revision.path or ""
        return next((name for name in self._locations if path.startswith(name + os.sep)), os.path.dirname(path))

    def _by_template(self, location: str, revision: Revision, source: bytes, revision_id: str) -> str | None:
        date = _created(source)
        if date is None and any(f"%({field})" in self._scripts.file_template for field in _DATE_FIELDS):
            return None
        return str(self._scripts._rev_path(Path(location), revision_id, revision.message, date or _NO_DATE))


def _created(source: bytes) -> datetime | None:
    found = _CREATED.search(read_docstring(source))
    try:
        return None if found is None else datetime.fromisoformat(found[1])
    except ValueError:
        return None
