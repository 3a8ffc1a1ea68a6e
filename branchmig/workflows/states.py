"""The states of a project and the databases made from them: listed, pruned, dropped."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from branchmig.database.trial.address import Address
from branchmig.database.trial.names import own_prefix, process_of
from branchmig.database.trial.servers import SqliteServer, server_at, server_of
from branchmig.database.trial.store import Made, State, Store, is_running, store_of
from branchmig.errors import ConfigurationError, EnvironmentFailed
from branchmig.project.project import Project
from branchmig.workflows.kept_states import all_states
from branchmig.workflows.worktrees import WorktreeUse, uses

if TYPE_CHECKING:
    from branchmig.database.keeping.records import KeptState, KeptStore
    from branchmig.database.trial.server import Server


MOST_STATES = 64
"""States that a project keeps without being asked to prune them."""


@dataclass(frozen=True, slots=True)
class Kept:
    """States with how often and when each was used last, and the databases that `fresh` has made."""

    states: tuple[tuple[State, int, float], ...]
    databases: tuple[Made, ...]
    branches: tuple[tuple[KeptStore, KeptState], ...] = ()
    """The states that branches keep."""
    worktrees: tuple[WorktreeUse, ...] = ()
    """The work trees with the databases that they have."""


def kept(project: Project) -> Kept:
    """Return the cached states of a project, most recently used first."""
    store = store_of(project)
    states = [(state, *store.hits(state)) for state in store.states()]
    states.sort(key=lambda item: (-item[2], item[0].key))
    return Kept(
        tuple(states),
        tuple(made for made in store.made() if made.purpose == "fresh" and made.is_whole),
        tuple(all_states(project)),
        tuple(uses(project)),
    )


def chosen(project: Project, names: Sequence[str] | None) -> Kept:
    """Return the states and databases that some names mean; all without names. Raises ConfigurationError."""
    found = kept(project)
    if names is None:
        return found
    states: dict[str, tuple[State, int, float]] = {}
    branches: dict[str, tuple[KeptStore, KeptState]] = {}
    databases: dict[str, Made] = {}
    for name in names:
        kept_states = {state.name: (at, state) for at, state in found.branches if state.name == name}
        if kept_states:
            branches |= kept_states
            continue
        own = [made for made in found.databases if made.name == name]
        keys = [state for state in found.states if state[0].key.startswith(name)]
        if not own and len(keys) != 1:
            said = f"{len(keys)} states have keys that begin with" if keys else "no state and no database of 'fresh' is"
            raise ConfigurationError(f"{said} {name!r}", "see: branchmig states")
        databases |= {made.name: made for made in own}
        states |= {} if own else {keys[0][0].key: keys[0]}
    return Kept(tuple(states.values()), tuple(databases.values()), tuple(branches.values()))


def drop_chosen(project: Project, found: Kept) -> tuple[str, ...]:
    """Drop states and databases; return their names. Raises ConfigurationError for those of another server."""
    if not found.databases and not found.states:
        return ()
    store = store_of(project)
    server = server_of(project, store.folder)
    _refuse_elsewhere(server, found)
    with closing(server):
        for made in found.databases:
            _drop_database(store, server, made)
        for state, _, _ in found.states:
            _drop_state(store, server, state)
    return (*(made.name for made in found.databases), *(state.key for state, _, _ in found.states))


@dataclass(frozen=True, slots=True)
class _Removal:
    """Something that prune drops; `may_fail` where a server that refuses is no reason to stop."""

    name: str
    carry_out: Callable[[], object]
    may_fail: bool = False

    def is_done(self) -> bool:
        """Drop it; return whether it is gone."""
        try:
            self.carry_out()
        except EnvironmentFailed:
            if not self.may_fail:
                raise
            return False
        return True


def pruned(
    project: Project, older_than: float | None, keep_size: float | None, *, is_dry_run: bool = False
) -> tuple[str, ...]:
    """Drop what killed runs have left, and states by age in seconds and size in bytes; return what was dropped.

    What is on another server than scratch_url names stays. With `is_dry_run` nothing is dropped.
    """
    store = store_of(project)
    server = server_of(project, store.folder)
    room = float("inf") if keep_size is None else keep_size
    with closing(server):
        found = [*_left_behind(store, server)]
        for other in store.abandoned():
            found += _abandoned(other, server_at(server.address, other.folder))
        for state, _, used in kept(project).states:
            is_old = older_than is not None and time.time() - used > older_than
            room -= state.size
            if (is_old or room < 0) and _is_here(server, state):
                found.append(_Removal(state.key, partial(_drop_state, store, server, state)))
        return tuple(removal.name for removal in found if is_dry_run or removal.is_done())


def drop_surplus(store: Store, server: Server) -> None:
    """Drop the states that were used least lately, so that edits do not fill the disk: what is left is MOST_STATES."""
    used = sorted(((store.hits(state)[1], state.key, state) for state in store.states()), reverse=True)
    for _, _, state in used[MOST_STATES:]:
        if _is_here(server, state):
            _drop_state(store, server, state)


def _is_here(server: Server, state: State) -> bool:
    """Return whether what a state is kept in can be dropped from here: on this server, or as a file."""
    is_file = state.dialect != "postgresql" or not state.content
    return is_file or state.server.startswith(f"{server.address.server} ")


def _abandoned(store: Store, server: Server) -> Iterator[_Removal]:
    """Yield all states and databases of a project that is gone, but for those on other servers."""
    for state in store.states():
        if _is_here(server, state):
            yield _Removal(state.key, partial(_drop_abandoned, store, server, partial(_drop_state, state=state)))
    for made in store.made():
        if _is_within_reach(made, server):
            yield _Removal(made.name, partial(_drop_abandoned, store, server, partial(_drop_database, made=made)))


def _drop_abandoned(store: Store, server: Server, drop: Callable[[Store, Server], object]) -> None:
    """Drop something of a project that is gone, and with the last of it the store."""
    with closing(server):
        drop(store, server)
    if not store.states() and not store.made():
        shutil.rmtree(store.folder, ignore_errors=True)


def _is_within_reach(made: Made, server: Server) -> bool:
    return bool(made.path) or made.server == server.address.server


def _drop_database(store: Store, server: Server, made: Made) -> None:
    if made.path:
        SqliteServer(Address("sqlite"), store.folder).drop(Address("sqlite", database=made.path))
    else:
        server.drop(server.database(made.name))
    store.forget(made.name)


def _drop_state(store: Store, server: Server, state: State) -> None:
    """Drop a state: first what makes it visible, then the copies made ahead, then what it is kept in."""
    store.remove(state)
    while (name := store.claim(state.key)) is not None:
        server.drop(server.database(name))
        store.forget(name)
    with suppress(OSError):
        (store.folder / "spares" / state.key).rmdir()
    if state.content:
        if state.dialect == server.address.kind:
            server.drop_content(state.content)
        else:
            (store.folder / state.content).unlink(missing_ok=True)
        store.forget(state.content)


def _left_behind(store: Store, server: Server) -> Iterator[_Removal]:
    """Yield the databases and files that nobody will finish: of processes that have ended before they were whole."""
    visible = {state.content for state in store.states()}
    offered = {name for folder in (store.folder / "spares").glob("*") for name in store.spares(folder.name)}
    for made in store.made():
        is_lost = not made.is_whole or (made.purpose == "spare" and made.name not in offered)
        if made.name in visible or not _is_within_reach(made, server) or is_running(made.pid):
            continue
        if is_lost:
            drop = _drop_content if made.purpose == "state" else _drop_database
            yield _Removal(made.name, partial(drop, store, server, made), may_fail=True)
    for name in server.leftovers(own_prefix()):
        process = process_of(name)
        if process is not None and not is_running(process):
            yield _Removal(name, partial(server.drop, server.database(name)))
    for path in store.folder.glob("**/*.part"):
        if time.time() - path.stat().st_mtime > 3600:
            yield _Removal(path.name, partial(os.unlink, path))


def _drop_content(store: Store, server: Server, made: Made) -> None:
    server.drop_content(made.name)
    store.forget(made.name)


def _refuse_elsewhere(server: Server, found: Kept) -> None:
    others = {made.server for made in found.databases if not _is_within_reach(made, server)}
    others |= {state.server for state, _, _ in found.states if not _is_here(server, state)}
    if others:
        raise ConfigurationError(
            f"some of them are on another server than scratch_url names: {', '.join(sorted(others))}",
            "let scratch_url name that server, then drop them",
        )
