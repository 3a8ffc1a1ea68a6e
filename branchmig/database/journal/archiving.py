"""Moves the journal entries that no plan needs into a file: writes the file first, then deletes the rows."""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from alembic.runtime.migration import MigrationContext

from branchmig.database.journal.journal_table import dispensable_pages, remove_entries
from branchmig.database.run.runner import run_work
from branchmig.errors import OutputFailed
from branchmig.planning.journal_state import Entry

if TYPE_CHECKING:
    from branchmig.database.run.environment import Environment


def archive(environment: Environment, path: str, until: datetime | None) -> int:
    """Move what no plan needs, of each version table of env.py, into a new file; return how many entries.

    Raises OutputFailed, and then the journal is as it was.
    """
    number = 0

    def work(_: tuple[str, ...], context: MigrationContext) -> None:
        nonlocal number
        ids = _written(path, dispensable_pages(context, until))
        with context.begin_transaction(_per_migration=True):
            remove_entries(context, ids)
        number += len(ids)

    run_work(environment, work)
    return number


def _written(path: str, pages: Iterable[tuple[Entry, ...]]) -> array[int]:
    """Write entries into a file and return their ids, once the disk has them."""
    ids = array("q")
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8") as file:
            for page in pages:
                ids.extend(entry.id for entry in page)
                file.writelines(json.dumps(asdict(entry), default=str, sort_keys=True) + "\n" for entry in page)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OutputFailed(
            f"{path} cannot be written: {error.strerror}", "name another file: --archive FILE"
        ) from error
    return ids
