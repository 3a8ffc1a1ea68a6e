"""When the drift of a database was looked at last from this clone, and what there was: noted in git's own folder."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from branchmig.errors import GitError
from branchmig.project.project import Project

if TYPE_CHECKING:
    from branchmig.git.repository import Repository

MOST_NOTES = 100


def note_look(project: Project, numbers: Mapping[str, int]) -> None:
    """Note that some databases were looked at now, and how many differences each has."""
    with suppress(GitError, OSError):
        if project.repository is None:
            return
        new = {name: {"at": int(time.time()), "differences": number} for name, number in numbers.items()}
        known = {name: entry for name, entry in _notes(project.tracked).items() if name not in new}
        path = _path(project.tracked)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(dict([*known.items(), *new.items()][-MOST_NOTES:])))
        os.replace(part, path)


def last_look(project: Project, database: str) -> tuple[int, int] | None:
    """Return when the drift of a database was looked at last from this clone, and how many differences there were."""
    try:
        entry = {} if project.repository is None else _notes(project.tracked).get(database, {})
        return (int(entry["at"]), int(entry["differences"])) if entry else None
    except (GitError, KeyError, TypeError, ValueError):
        return None


def _notes(repository: Repository) -> dict[str, dict[str, int]]:
    try:
        found = json.loads(_path(repository).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _path(repository: Repository) -> Path:
    return repository.common_dir / "branchmig" / "drift.json"
