"""Identifies this clone, and records what it has applied to databases of this machine, in the common git directory.

A clone is a repository with its linked work trees. Nothing here is pushed or fetched.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Mapping
from pathlib import Path

from branchmig.git.cache import store, stored
from branchmig.git.repository import Repository


def clone_id(repository: Repository) -> str | None:
    """Return the mark of this clone, made when it is first asked for; None where it cannot be kept."""
    file = repository.common_dir / "branchmig" / "clone.json"
    known = stored(file)
    if not isinstance(known, str) or not known:
        store(file, secrets.token_hex(8))
        known = stored(file)
    return known if isinstance(known, str) and known else None


def applied_by_clone(repository: Repository, database: str) -> dict[str, str]:
    """Return the revisions that this clone has applied to a database and not undone since, with their blobs."""
    known = stored(_file(repository, database))
    return {str(item): str(blob) for item, blob in known.items()} if isinstance(known, dict) else {}


def note_applied(repository: Repository, database: str, applied: Mapping[str, str], undone: Collection[str]) -> None:
    """Remember what this clone has applied to a database, with the scripts' blobs, and forget what was undone."""
    before = applied_by_clone(repository, database)
    now = {name: blob for name, blob in before.items() if name not in undone} | dict(applied)
    if now != before:
        set_applied(repository, database, now)


def set_applied(repository: Repository, database: str, applied: Mapping[str, str]) -> None:
    """Remember just these revisions as what this clone has applied to a database."""
    store(_file(repository, database), dict(applied))


def _file(repository: Repository, database: str) -> Path:
    digest = hashlib.blake2b(database.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return repository.common_dir / "branchmig" / f"applied-{digest}.json"
