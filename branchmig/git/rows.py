"""The version rows of this machine's databases as branchmig last left them, noted in the work tree's own git folder.

A hook that may not run env.py learns from the note whether there is anything to do. It is a hint: another program may
have moved a database since.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from branchmig.git.repository import Repository

MOST_DATABASES = 100


def note_rows(repository: Repository, rows: Mapping[str, tuple[str, ...]], forgotten: Collection[str] = ()) -> None:
    """Note the rows of some databases, each named without a password; forget those of others. Raises OSError."""
    noted = noted_rows(repository)
    known = {name: found for name, found in noted.items() if name not in rows and name not in forgotten}
    wanted = known | {name: tuple(sorted(found)) for name, found in rows.items()}
    if wanted == noted:
        return
    path = _path(repository)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(dict(list(wanted.items())[-MOST_DATABASES:]), stream)
    os.replace(name, path)


def noted_rows(repository: Repository) -> dict[str, tuple[str, ...]]:
    """Return the rows of each database that was noted; nothing where the note cannot be read."""
    try:
        noted = json.loads(_path(repository).read_bytes())
        return {str(name): tuple(map(str, rows)) for name, rows in noted.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _path(repository: Repository) -> Path:
    return repository.git_dir / "branchmig" / "rows.json"
