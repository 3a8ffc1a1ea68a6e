"""The notes of which file versions a state has applied: git's folder keeps them with the state, and restores them.

Without them a state that comes back would be compared with the scripts of the state that the database had last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from branchmig.database.keeping.records import KeptState, KeptStore, ScriptNote
from branchmig.errors import GitError
from branchmig.git.clones import applied_by_clone, set_applied
from branchmig.git.pins import drop_kept_pins, exchange_pins, keep_pins, pin_commits
from branchmig.git.rows import note_rows, noted_rows

if TYPE_CHECKING:
    from branchmig.database.keeping.servers import KeptServer
    from branchmig.git.repository import Repository


def script_notes(repository: Repository, rows: Mapping[str, tuple[str, ...]]) -> dict[str, ScriptNote]:
    """Return what is noted of each version table, by the name of its identity; `rows` are what they hold now."""
    noted, commits = noted_rows(repository), pin_commits(repository, rows)
    return {
        # Another program may have made the database again since branchmig left it: then nothing is known.
        name: ScriptNote(
            found,
            applied_by_clone(repository, name) if sorted(noted.get(name, ())) == sorted(found) else {},
            commits.get(name, ""),
        )
        for name, found in rows.items()
    }


def keep_notes(repository: Repository, state: KeptState) -> None:
    """Keep git from collecting the files that a state has applied, for as long as the state is kept."""
    keep_pins(repository, state.name, _pins(state))


def exchange_notes(repository: Repository, put: KeptState, brought: KeptState, *, is_moved: bool) -> None:
    """Note for the database what is noted for the state that it has now; `is_moved` if that state is no copy."""
    if brought.notes is None:
        keep_notes(repository, put)
        return  # an earlier version has kept it
    try:
        for name, note in brought.notes.items():
            set_applied(repository, name, note.scripts)
        note_rows(repository, {name: note.rows for name, note in brought.notes.items()})
        exchange_pins(repository, put.name, _pins(put), brought.name if is_moved else None, _pins(brought))
    except (GitError, OSError):
        return  # what is noted of other rows counts for nothing


def _pins(state: KeptState) -> dict[str, str]:
    return {name: note.pin for name, note in (state.notes or {}).items()}


def drop_state(repository: Repository, store: KeptStore, server: KeptServer, name: str) -> None:
    """Drop a kept state with its rows and notes."""
    store.remove(name)
    server.drop(name)
    drop_kept_pins(repository, name)
