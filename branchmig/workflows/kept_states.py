"""The states that branches keep: listed, dropped, and what `switch --keep` would do with them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from branchmig.database.keeping.records import Active, KeptState, KeptStore, stores
from branchmig.database.keeping.sqlite import SqliteKept
from branchmig.database.keeping.worktrees import records
from branchmig.errors import CannotFollow
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.workflows.database_sync import SyncOptions
from branchmig.workflows.keeping import Database, Move, Switching, databases, decided, looked, named_states
from branchmig.workflows.state_notes import drop_state
from branchmig.workflows.worktree_databases import missing, server_for

if TYPE_CHECKING:
    from branchmig.database.keeping.servers import KeptServer


def all_states(project: Project) -> list[tuple[KeptStore, KeptState]]:
    """Return every kept state of a clone, the newest first."""
    if project.repository is None:
        return []
    found = []
    for store in stores(project.repository):
        found += [(store, state) for state in named_states(project, store)]
    return sorted(found, key=lambda item: (-item[1].made, item[1].name))


def drop_states(
    project: Project, invocation: Invocation, chosen: Sequence[tuple[KeptStore, KeptState]]
) -> tuple[str, ...]:
    """Drop kept states, on a server that env.py opens; return their names. Raises CannotFollow for another one."""
    if not chosen:
        return ()
    with ExitStack() as stack:
        found: Sequence[Database] = ()
        if any(state.kind != "sqlite" for _, state in chosen):
            found = stack.enter_context(databases(project, invocation, SyncOptions()))
        servers = {store.folder: _server(project, store, state, found) for store, state in chosen}
        unreached = [state for store, state in chosen if servers[store.folder] is None]
        if unreached:
            state, *others = unreached
            raise CannotFollow(
                f"{state.name} is a state of {state.database}, which env.py does not open now: nothing was dropped",
                "let env.py open that database, then drop it; to drop another state: branchmig states drop NAME",
                [f"also: {other.name}, a state of {other.database}" for other in others],
            )
        for store, state in chosen:
            if server := servers[store.folder]:
                drop_state(project.tracked, store, server, state.name)
    return tuple(state.name for _, state in chosen)


def _server(project: Project, store: KeptStore, state: KeptState, found: Sequence[Database]) -> KeptServer | None:
    """Return the server that has the states of a store: of what env.py opens, or beside it for another work tree."""
    if state.kind == "sqlite":
        return SqliteKept(store.folder, store.folder)
    own = next((database.server for database in found if database.store.folder == store.folder), None)
    elsewhere = [own for record, _ in records(project.tracked) for own in record.databases]
    try:
        of_tree = [server_for(project, its, found) for its in elsewhere if its.key == store.folder.name]
    except CannotFollow:
        of_tree = []
    return own or next(iter(of_tree), None)


def unneeded(project: Project) -> list[tuple[KeptStore, KeptState]]:
    """Return the kept states whose branches are all gone."""
    return [(store, state) for store, state in all_states(project) if not is_needed(project, state)]


def foreseen_moves(
    project: Project, invocation: Invocation, options: SyncOptions, switching: Switching
) -> tuple[Move, ...]:
    """Return the move of each database. Raises CannotKeep where a database has no way to keep states."""
    with ExitStack() as stack:
        found = looked(project, invocation, options, switching)
        for database in found:
            stack.callback(database.server.close)
        made = {branching.own.name: branching for branching in missing(project, found, switching)}
        shared = {id(branching.shared): branching for branching in made.values()}
        moves = []
        for database in found:
            address = database.place.address
            branching = shared.get(id(database)) or made.get("" if address is None else str(address.database))
            if branching is None:
                moves.append(decided(project, database, switching))
            else:
                after = Active((), database.applied)
                moves.append(Move(branching.shared, "make", after, original=branching.origin))
        return tuple(moves)


def kept_for(project: Project, branch: str | None) -> tuple[KeptState, ...]:
    """Return the states that are set aside for a branch."""
    return tuple(state for _, state in all_states(project) if branch is not None and branch in state.branches)


def beyond_limit(project: Project, moves: Sequence[Move]) -> list[tuple[Move, KeptState]]:
    """Return the states that have no place within `keep_size`.

    Those that no branch needs go first, then the oldest; the one that was just set aside stays.
    """
    limit, found = project.config.settings.keep_size, []
    for move in moves if limit is not None else ():
        states = named_states(project, move.database.store)
        room = (limit or 0.0) - sum(state.size for state in states)
        rated = [(is_needed(project, state), state.made, state) for state in states if move.put != state]
        for _, _, state in sorted(rated, key=lambda item: item[:2]):
            if room < 0 and (move.put is None or state.name != move.put.name):
                room += state.size
                found.append((move, state))
    return found


def is_needed(project: Project, state: KeptState) -> bool:
    """Return whether a branch is there that a state belongs to."""
    return any(project.tracked.commit(f"refs/heads/{name}") is not None for name in state.branches)
