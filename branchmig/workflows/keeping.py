"""Branches that keep their rows: which state of each database a switch sets aside, and which one it brings.

A state belongs to branches, and has a set of applied revisions. Decided first, from what the databases have and what
is kept; moved then, each move noted before it begins and after it is done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from branchmig.database.keeping.first_state import first_state
from branchmig.database.keeping.places import Place, kept_server, place_of
from branchmig.database.keeping.records import Active, Intent, KeptState, KeptStore, kept_folder, new_name
from branchmig.database.keeping.servers import CannotKeep, Client, KeptServer
from branchmig.effects.losses import Losses
from branchmig.errors import GitError
from branchmig.git.switching import made_from, old_names
from branchmig.model import Plan
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.workflows.database_state import known_of
from branchmig.workflows.database_sync import SyncOptions, SyncPlan, foresee
from branchmig.workflows.state_notes import drop_state, exchange_notes, keep_notes, script_notes

if TYPE_CHECKING:
    from branchmig.database.surveying import VersionTable
    from branchmig.git.repository import Repository

How = Literal["stay", "make", "copy", "exchange", "exchange with a copy"]


@dataclass(frozen=True, slots=True)
class Database:
    """One database with all its version tables, and what the clone keeps of it."""

    place: Place
    plans: tuple[SyncPlan, ...]
    server: KeptServer
    store: KeptStore
    repository: Repository
    goal: tuple[str, ...] | None = None
    """The revisions of the checkout, where nothing was planned."""

    @property
    def applied(self) -> tuple[str, ...]:
        """The revisions that are applied, by all version tables."""
        return tuple(sorted({name for plan in self.plans for name in applied_in(plan)}))

    @property
    def wanted(self) -> tuple[str, ...]:
        """The revisions that the checkout would have applied."""
        planned = {name for plan in self.plans for name in applied_after(plan)}
        return tuple(sorted(planned)) if self.goal is None else self.goal

    @property
    def rows(self) -> dict[str, tuple[str, ...]]:
        """The rows of each version table of this machine, by the name that git's folder has for it."""
        return {plan.identity.name: plan.plan.applied for plan in self.plans if plan.identity.is_local}

    @property
    def heads(self) -> tuple[str, ...]:
        """The version rows."""
        return tuple(sorted({row for plan in self.plans for row in plan.plan.applied}))


@dataclass(frozen=True, slots=True)
class Move:
    """What a switch does with one database.

    `put` is the state that is set aside, `original` the one that the database gets or gets a copy of.
    """

    database: Database
    how: How
    active: Active
    put: KeptState | None = None
    original: KeptState | None = None
    is_new: bool = False
    """Whether a branch begins that older states of its name do not belong to."""

    @property
    def is_moving(self) -> bool:
        """Whether other programs must not be connected."""
        return self.how not in ("stay", "make")


@dataclass(frozen=True, slots=True)
class Switching:
    """From which branch to which; None is a commit on no branch. `is_new`: the branch is about to be made, here.

    `start` is the branch at which the branch is about to be made.
    """

    leaving: str | None
    target: str | None
    is_new: bool = False
    start: str | None = None


def applied_in(plan: SyncPlan) -> frozenset[str]:
    """Return the revisions that a database has applied."""
    return frozenset(revision.id for revision in plan.history.dag)


def applied_after(plan: SyncPlan) -> frozenset[str]:
    """Return the revisions that a database has applied once a plan has run."""
    names: dict[str, set[str]] = {"upgrade": set(), "downgrade": set()}
    for step in plan.plan.steps:
        if step.revision is not None and step.direction in names:
            names[step.direction].add(step.revision.id)
    return (applied_in(plan) - names["downgrade"]) | names["upgrade"]


@contextmanager
def databases(
    project: Project,
    invocation: Invocation,
    options: SyncOptions,
    say: Callable[[str], None] = lambda _: None,
    switching: Switching | None = None,
) -> Iterator[tuple[Database, ...]]:
    """Give each database of env.py, held against other switches; what an interrupted one left is settled first.

    `say` is called with a line for each that was settled. Raises CannotKeep where a database, or a role, has no way to
    keep states.
    """
    with ExitStack() as stack:
        found = looked(project, invocation, options, switching)
        for database in found:
            stack.callback(database.server.close)
            stack.enter_context(database.store.locked())
        outcomes = [(database.place.shown, settled(database)) for database in found]
        for shown, outcome in outcomes:
            if outcome:
                say(f"{shown}: an interrupted switch was {outcome}.")
        if any(outcome for _, outcome in outcomes):
            found = looked(project, invocation, options, switching)
            for database in found:
                stack.callback(database.server.close)
        yield found


def settled(database: Database) -> str:
    """Complete or take back what an interrupted switch was about to do; return what was done, in words, if anything."""
    store, server, intent = database.store, database.server, database.store.intent()
    if intent is None:
        return ""
    is_done = server.is_exchanged(intent) if intent.is_ready and intent.bring is not None else intent.is_ready
    if is_done:
        if intent.original is not None:
            is_moved = intent.bring == intent.original.name
            exchange_notes(database.repository, intent.put, intent.original, is_moved=is_moved)
        store.conclude(intent)
        return "completed"
    original = intent.original
    if is_done is None:
        store.add(intent.put)
        if original is not None and database.applied == original.applied != intent.put.applied:
            store.note_active(intent.active)
    else:
        drop_state(database.repository, store, server, intent.put.name)
    if intent.bring is not None and (original is None or intent.bring != original.name):
        server.drop(intent.bring)
    store.intend(None)
    return "taken back" if is_done is False else "ended; the database was changed since, so both states stay"


def decided(project: Project, database: Database, switching: Switching) -> Move:
    """Return what a switch does with one database. Raises CannotKeep where it cannot be moved."""
    active, target = database.store.active(), switching.target
    names = _names_now(project, database.store)
    leaving = _owners(names, database, active, switching)
    states = [_renamed(names, state) for state in database.store.states()]
    both = leaving if target is None else tuple(sorted({*leaving, target}))
    if switching.is_new:
        return Move(database, "stay", Active(both, database.applied), is_new=True)
    own = next((state for state in states if target is not None and target in state.branches), None)
    is_own = target is not None and target in leaving
    is_equal = database.applied == database.wanted
    if is_equal and (own is None or is_own):
        return Move(database, "stay", Active(both, database.applied))
    others = tuple(name for name in leaving if name != target)
    after = Active(() if target is None else (target,), database.applied)
    is_undone = any(plan.undone for plan in database.plans)
    if is_own and not others and not is_undone:
        return Move(database, "stay", after)
    put = _put(database, others)
    original = own
    if own is None:
        start = start_of(project, switching)
        original = first_state(states, start, leaving, database.wanted, database.applied)
    elif is_own:
        original = None
    if original is None:
        return Move(database, "copy", after, put)
    # What is to be undone would be gone: the state itself stays then, too.
    is_extended = set(original.branches) <= {target} and set(original.applied) <= set(database.wanted)
    is_whole = original.applied == database.wanted or is_extended
    branches = {*(original.branches if original.applied == database.wanted else ()), *after.branches}
    after = Active(tuple(sorted(branches)), original.applied)
    return Move(database, "exchange" if is_whole else "exchange with a copy", after, put, original)


def apart(project: Project, database: Database, branch: str | None) -> Move | None:
    """Return the move that keeps the state for other branches before this one changes it; None where none share it."""
    active = database.store.active()
    if active is None or active.applied != database.applied:
        return None
    names = _names_now(project, database.store)
    sharing = {names.get(name, name) for name in active.branches} - {branch}
    others = tuple(sorted(name for name in sharing if project.tracked.commit(f"refs/heads/{name}") is not None))
    if not others:
        return None
    after = Active(() if branch is None else (branch,), database.applied)
    return Move(database, "copy", after, _put(database, others))


def carried(move: Move) -> Move:
    """Move what was decided; return the move with what it came to."""
    server, store = move.database.server, move.database.store
    if move.put is None:
        for state in move.database.store.states() if move.is_new else ():
            rest = tuple(name for name in state.branches if name not in move.active.branches)
            if rest != state.branches:
                store.add(replace(state, branches=rest))
        store.note_active(move.active)
        return move
    repository = move.database.repository
    notes = script_notes(repository, move.database.rows)
    put = replace(move.put, size=server.size(None), details=server.details(), tables=server.tables(), notes=notes)
    bring = None if move.original is None else move.original.name
    if move.how == "exchange with a copy":
        bring = new_name()
    details = () if move.original is None else move.original.details
    intent = Intent(put, bring, move.original, move.active, details=details)
    store.intend(intent)
    if move.how == "copy":
        keep_notes(repository, put)
        server.duplicate(None, put.name)
    elif move.how == "exchange with a copy":
        assert move.original is not None
        server.duplicate(move.original.name, str(bring))
    intent = replace(intent, is_ready=True)
    store.intend(intent)
    if bring is not None and move.original is not None:
        server.exchange(intent)
        exchange_notes(repository, put, move.original, is_moved=bring == move.original.name)
    store.conclude(intent)
    if move.how == "exchange with a copy" and move.original is not None:
        rest = tuple(name for name in move.original.branches if name not in move.active.branches)
        store.add(replace(move.original, branches=rest))
    return replace(move, put=put)


def copy_of(move: Move) -> Move:
    """Return the move that sets a copy aside of the state that a move has brought; the copy is no branch's."""
    assert move.original is not None
    put = replace(move.original, name=new_name(), branches=(), made=time.time())
    return Move(move.database, "copy", move.active, put)


def taken_back(move: Move, before: Active | None) -> None:
    """Move everything back, as git did not switch."""
    server, store, repository = move.database.server, move.database.store, move.database.repository
    if move.put is not None and move.original is None:
        drop_state(repository, store, server, move.put.name)
    elif move.put is not None and move.original is not None:
        is_copy = move.how == "exchange with a copy"
        back = replace(move.original, name=new_name()) if is_copy else move.original
        old = before or Active(move.put.branches, move.put.applied)
        intent = Intent(back, move.put.name, move.put, old, is_ready=True, details=move.put.details)
        store.intend(intent)
        server.exchange(intent)
        exchange_notes(repository, back, move.put, is_moved=True)
        store.conclude(intent)
        if is_copy:
            drop_state(repository, store, server, back.name)
            store.add(move.original)
    elif before is not None:
        store.note_active(before)


def clients_of(moves: Sequence[Move]) -> list[tuple[Move, list[Client]]]:
    """Return the other programs that are connected to databases that must move."""
    found = [(move, move.database.server.clients()) for move in moves if move.is_moving]
    return [(move, clients) for move, clients in found if clients]


def note_arrival(project: Project, moves: Sequence[Move], arrived: Sequence[SyncPlan]) -> None:
    """Note what the databases have applied now, and for the hooks where their rows are."""
    from branchmig.git.rows import note_rows

    for move in moves:
        own = [plan for plan in arrived if plan.identity.url == move.database.plans[0].identity.url]
        applied = tuple(sorted({name for plan in own for name in applied_after(plan)}))
        move.database.store.note_active(Active(move.active.branches, applied))
    rows = {plan.identity.name: plan.plan.heads_after for plan in arrived if plan.identity.is_local}
    # On a server, what is set aside is a database of its own: no hook has to say what that lacks.
    states = [state for move in moves for state in (move.put, move.original) if state is not None]
    aside = {name for state in states for name in state.notes or ()}
    try:
        note_rows(project.tracked, rows, aside)
    except (GitError, OSError):
        return


def looked(
    project: Project, invocation: Invocation, options: SyncOptions, switching: Switching | None = None
) -> tuple[Database, ...]:
    """Return each database of env.py. Raises CannotKeep where a database has no way to keep states.

    With `switching`, nothing is planned for a database that gets a state which the branch has of its own.
    """
    places: list[Place] = []
    goal = tuple(sorted(revision.id for revision in (project.dag if options.goal is None else options.goal)))

    def look(surveyed: VersionTable) -> SyncPlan | None:
        place = place_of(surveyed.context, surveyed.identity)
        places.append(place)
        store = KeptStore(kept_folder(project.tracked) / place.key)
        return _unplanned(project, surveyed) if _has_own(store, switching, goal) else None

    plans = foresee(project, invocation, options, look)
    grouped: dict[str, tuple[Place, list[SyncPlan], set[int]]] = {}
    for place, plan in zip(places, plans, strict=True):
        entry = grouped.setdefault(place.key, (place, [], set()))
        entry[1].append(plan)
        entry[2].update(place.own)
    if not grouped:
        raise CannotKeep("env.py opens no database")
    found = []
    for key, (place, own_plans, own) in grouped.items():
        folder = kept_folder(project.tracked) / key
        server, store = kept_server(replace(place, own=frozenset(own)), folder), KeptStore(folder)
        wanted = goal if _has_own(store, switching, goal) else None
        found.append(Database(place, tuple(own_plans), server, store, project.tracked, wanted))
    return tuple(found)


def _has_own(store: KeptStore, switching: Switching | None, goal: tuple[str, ...]) -> bool:
    """Return whether a switch brings a state that the branch has, without a question to git about what leaves."""
    if switching is None or switching.is_new or switching.target in (None, switching.leaving):
        return False
    active, target = store.active(), switching.target
    own = next((state for state in store.states() if target in state.branches), None)
    if own is None or (active is not None and target in active.branches):
        return False
    return own.applied == goal or (own.branches == (target,) and set(own.applied) <= set(goal))


def _unplanned(project: Project, surveyed: VersionTable) -> SyncPlan:
    """Return what a version table has, without what a sync would do."""
    known = known_of(project, project.dag, surveyed)
    return SyncPlan(surveyed.identity, known.history, Plan(known.rows), Losses(), ())


def _owners(
    names_now: Mapping[str, str], database: Database, active: Active | None, switching: Switching
) -> tuple[str, ...]:
    """Return the branches whose state the database has: those that were noted, if nothing has moved it since."""
    here = () if switching.leaving is None else (switching.leaving,)
    if active is None or active.applied != database.applied:
        return here
    return tuple(sorted({names_now.get(name, name) for name in active.branches})) or here


def _put(database: Database, branches: tuple[str, ...]) -> KeptState:
    place = database.place
    return KeptState(new_name(), branches, database.applied, database.heads, database=place.shown, kind=place.kind)


def start_of(project: Project, switching: Switching) -> str | None:
    """Return the branch that the entered branch was made from, as far as that is known."""
    if switching.start is not None or switching.target is None:
        return switching.start
    return made_from(project.tracked, switching.target)


def named_states(project: Project, store: KeptStore) -> list[KeptState]:
    """Return kept states with the names that their branches have now."""
    names = _names_now(project, store)
    return [_renamed(names, state) for state in store.states()]


def _renamed(names_now: Mapping[str, str], state: KeptState) -> KeptState:
    """Return a state with the names that its branches have now."""
    return replace(state, branches=tuple(sorted({names_now.get(name, name) for name in state.branches})))


def _names_now(project: Project, store: KeptStore) -> dict[str, str]:
    """Return the present names of branches that are noted and were renamed since."""
    active = store.active()
    noted = {name for state in store.states() for name in state.branches}.union(active.branches if active else ())
    if all(project.tracked.commit(f"refs/heads/{name}") is not None for name in noted):
        return {}
    return old_names(project.tracked)
