"""The databases of linked work trees: made when a switch keeps rows there first, listed, and dropped.

A database that env.py opens in a linked work tree is the work tree's own if it is a SQLite file below its top, or if
the work tree's record names it. All others are shared with the main work tree, and stay as they are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from branchmig.database.keeping.first_state import first_state
from branchmig.database.keeping.places import sqlite_place
from branchmig.database.keeping.records import Active, KeptState, KeptStore, kept_folder
from branchmig.database.keeping.sqlite import SqliteKept, has_tables
from branchmig.database.keeping.worktrees import (
    OwnDatabase,
    WorktreeRecord,
    is_linked,
    new_record,
    record_here,
    records,
)
from branchmig.errors import CannotFollow
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.workflows.database_sync import SyncOptions
from branchmig.workflows.keeping import Database, Move, Switching, databases, named_states, start_of
from branchmig.workflows.state_notes import drop_state

if TYPE_CHECKING:
    from branchmig.database.keeping.servers import KeptServer
    from branchmig.git.repository import Repository

LONGEST = 60
"""Letters of a name: PostgreSQL cuts longer names off at 63, MariaDB refuses them from 65."""


@dataclass(frozen=True, slots=True)
class Branching:
    """A database that a linked work tree gets: a copy of a state, or of the shared database itself."""

    shared: Database
    origin: KeptState | None
    own: OwnDatabase


def missing(project: Project, found: Sequence[Database], switching: Switching) -> list[Branching]:
    """Return what a linked work tree lacks: a database of its own for each that it shares with others."""
    repository = project.tracked
    if not is_linked(repository):
        return []
    record = record_here(repository)
    known = set() if record is None else {own.name for own in record.databases}
    lacking = []
    for database in found:
        address = database.place.address
        if address is None or not address.database or address.database in known:
            continue
        shared, name = database, ""
        if database.place.kind == "sqlite" and _is_below(address.database, repository.top):
            source = _in_main_tree(repository, address.database)
            if source is None or has_tables(Path(address.database)):
                continue
            shared, name = replace(database, **_at(project, source)), address.database
        own = OwnDatabase(
            database.place.kind,
            address.server,
            _name(shared),
            name or _new_name(shared.server, _name(shared), repository.top.name),
        )
        lacking.append(Branching(shared, _origin(project, shared, switching, knows_rows=shared is database), own))
    return lacking


def drop_unfinished(project: Project, found: Sequence[Database]) -> None:
    """Drop what a run has left that was killed while it made databases for this work tree."""
    repository = project.tracked
    for record, _ in records(repository):
        if record.folder == str(repository.top) and not record.is_whole:
            _drop(project, record, found)


def make(project: Project, branchings: Sequence[Branching]) -> None:
    """Make the databases. The record is there before any of them, and is whole after all of them."""
    repository = project.tracked
    before = record_here(repository)
    made = tuple(branching.own for branching in branchings)
    record = new_record(repository.top, (*(() if before is None else before.databases), *made))
    replace(record, databases=made).write(repository)
    for branching in branchings:
        origin = branching.origin
        source, details = (None, ()) if origin is None else (origin.name, origin.details)
        branching.shared.server.branch_off(source, branching.own.name, details)
    replace(record, is_whole=True).write(repository)
    if before is not None:
        before.forget(repository)


def made_move(branching: Branching, database: Database, switching: Switching) -> Move:
    """Return the move of a database that was just made: it belongs to the branch that is entered."""
    branches = () if switching.target is None else (switching.target,)
    return Move(
        database, "make", Active(branches, database.applied), original=branching.origin, is_new=switching.is_new
    )


def note_databases(project: Project, found: Sequence[Database]) -> None:
    """Complete the record of this work tree by what its databases are called and where their states are."""
    record = record_here(project.tracked)
    if record is None:
        return
    places = {_name(database): database.place for database in found}
    noted = tuple(
        replace(own, shown=place.shown, key=place.key) if (place := places.get(own.name)) else own
        for own in record.databases
    )
    if noted != record.databases:
        replace(record, databases=noted).write(project.tracked)


def drop_left_behind(project: Project, invocation: Invocation, gone: Sequence[WorktreeRecord]) -> tuple[str, ...]:
    """Drop the databases of removed work trees with the states of these; return the names of the databases.

    Raises CannotFollow for a database on a server that env.py does not open.
    """
    kinds = {own.kind for record in gone for own in record.databases}
    with ExitStack() as stack:
        found: Sequence[Database] = ()
        if kinds - {"sqlite"}:
            found = stack.enter_context(databases(project, invocation, SyncOptions()))
        return tuple(name for record in gone for name in _drop(project, record, found))


def _drop(project: Project, record: WorktreeRecord, found: Sequence[Database]) -> list[str]:
    """Drop what a record names, unless a work tree that is there has it; then forget the record."""
    repository = project.tracked
    present = {(own.server, own.name) for other, is_there in records(repository) if is_there for own in other.databases}
    owned = [own for own in record.databases if (own.server, own.name) not in present]
    reached = [(own, server_for(project, own, found)) for own in owned]
    for own, server in reached:
        store = KeptStore(kept_folder(repository) / own.key)
        for state in store.states() if own.key else ():
            drop_state(repository, store, server, state.name)
        server.drop(own.name)
    record.forget(repository)
    return [own.name for own in owned]


def server_for(project: Project, own: OwnDatabase, found: Sequence[Database]) -> KeptServer:
    """Return the server of a work tree's own database. Raises CannotFollow where env.py opens no database there."""
    if own.kind == "sqlite":
        return SqliteKept(Path(own.source), kept_folder(project.tracked) / own.key)
    for database in found:
        address = database.place.address
        if address is not None and (database.place.kind, address.server) == (own.kind, own.server):
            return database.server
    raise CannotFollow(
        f"{own.name} is on {own.server}, which env.py does not open now",
        "let env.py open a database there, then drop it",
    )


def _origin(project: Project, shared: Database, switching: Switching, *, knows_rows: bool) -> KeptState | None:
    """Return the state that a new database begins with; None for what the shared database holds now."""
    states = named_states(project, shared.store)
    own = next((state for state in states if switching.target is not None and switching.target in state.branches), None)
    # A file that another work tree's env.py opens is not asked: what was noted of it says what it has.
    noted = shared.store.active()
    applied = shared.applied if knows_rows else () if noted is None else noted.applied
    holders = () if noted is None else noted.branches
    return own or first_state(states, start_of(project, switching), holders, shared.wanted, applied)


def _at(project: Project, path: str) -> dict[str, Any]:
    """Return what differs for a SQLite file at another path."""
    place = sqlite_place(path)
    folder = kept_folder(project.tracked) / place.key
    return {"place": place, "server": SqliteKept(Path(path), folder), "store": KeptStore(folder)}


def _in_main_tree(repository: Repository, path: str) -> str | None:
    """Return the file of the main work tree that has the same place in it; None where there are no tables in it."""
    main = repository.common_dir.parent / Path(path).relative_to(repository.top)
    is_bare = repository.common_dir.name != ".git"
    return None if is_bare or not has_tables(main) else os.path.realpath(main)


def _new_name(server: KeptServer, shared: str, tree: str) -> str:
    """Return a name that is free, from the names of the shared database and of the work tree."""
    word = re.sub("[^a-z0-9]+", "_", tree.lower()).strip("_") or "worktree"
    stem, ending = os.path.splitext(shared) if server.kind == "sqlite" else (shared[: LONGEST - 22], "")
    for number in range(1, 1000):
        name = f"{stem}_{word[:18]}{f'_{number}' if number > 1 else ''}{ending}"
        if not server.exists(name):
            return name
    raise CannotFollow(f"a thousand databases are called like {stem}_{word}", "see 'branchmig states prune'")


def _name(database: Database) -> str:
    address = database.place.address
    return "" if address is None else str(address.database)


def _is_below(path: str, top: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(top))
