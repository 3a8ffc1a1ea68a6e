"""`switch --keep`: asks, moves the states of the databases, lets git switch, applies what the branch has beyond."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from branchmig import terminal
from branchmig.commands.shared.flow import say
from branchmig.database.keeping.records import Active, is_interrupted
from branchmig.database.keeping.servers import CannotKeep
from branchmig.database.keeping.worktrees import is_linked
from branchmig.effects.losses import Losses
from branchmig.errors import AnswerIsNo, BranchmigError, CannotFollow, GitError
from branchmig.git.history import current_branch
from branchmig.git.switching import previous_branch
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render.states import move_line, planned_move_lines
from branchmig.render.sync import outcome_line, switch_document, sync_entry, sync_lines
from branchmig.render.text import rows_text
from branchmig.terminal import Progress
from branchmig.workflows.database_sync import SyncOptions, SyncPlan, carry_out, foresee, refuse_obstacles
from branchmig.workflows.keeping import (
    Database,
    Move,
    Switching,
    apart,
    carried,
    clients_of,
    copy_of,
    databases,
    decided,
    note_arrival,
    taken_back,
)
from branchmig.workflows.kept_states import beyond_limit, foreseen_moves
from branchmig.workflows.state_notes import drop_state
from branchmig.workflows.worktree_databases import Branching, drop_unfinished, made_move, make, missing, note_databases

__all__ = ["Asking", "CannotKeep", "Switching", "arrive", "keep_and_switch"]


@dataclass(frozen=True, slots=True)
class Asking:
    """Whether the user has agreed beforehand, whether --keep was typed, and whether somebody can be asked."""

    yes: bool = False
    is_explicit: bool = False
    asks: bool = True

    def agrees(self, question: str) -> bool:
        """Return whether the user agrees, or has."""
        return self.yes or (self.asks and terminal.confirmed(question))


def keep_and_switch(
    project: Project,
    invocation: Invocation,
    options: SyncOptions,
    switching: Switching,
    go: Callable[[], str],
    asking: Asking,
) -> dict[str, Any]:
    """Move the databases' states and call `go`, which lets git switch; return the document of what was done.

    Raises CannotKeep before anything is moved, where a database or a role has no way to keep states; AnswerIsNo and
    CannotFollow where another program is connected.
    """
    made = _own_databases(project, invocation, options, switching, asking)
    with databases(project, invocation, options, switching=switching) as found:
        moves = [
            made_move(made[_name(database)], database, switching)
            if _name(database) in made
            else decided(project, database, switching)
            for database in found
        ]
        _refuse_remote(moves, asking)
        for move in moves:
            if move.is_moving:
                move.database.server.refuse_unable()
            if move.original is None and not move.is_new:
                refuse_obstacles(move.database.plans)
        _end_clients(moves, asking)
        done, said = _moved(moves, go)
        say(invocation, *filter(None, [said, *(move_line(move) for move in done if move.how != "stay")]))
        arrived = arrive(project, invocation, done, is_new=switching.is_new)
        _respect_limit(project, done, asking)
        entries = [sync_entry(plan, project.shown_path) for plan in arrived]
        return switch_document(switching.leaving, switching.target, list(map(_entry, done)), entries)


def _moved(moves: Sequence[Move], go: Callable[[], str]) -> tuple[list[Move], str]:
    """Move the states, then let git switch; return what was moved and what git said. All goes back if git refuses."""
    done: list[Move] = []
    with ExitStack() as undo:
        for move, active in [(move, move.database.store.active()) for move in moves]:
            done.append(carried(move))
            undo.callback(taken_back, done[-1], active)
        try:
            said = go()
        except GitError as error:
            undo.close()
            if any(move.is_moving for move in done):
                raise GitError(f"{error.message}; the database was restored", error.hint) from error
            raise
        undo.pop_all()
    return done, said


def _own_databases(
    project: Project,
    invocation: Invocation,
    options: SyncOptions,
    switching: Switching,
    asking: Asking,
) -> dict[str, Branching]:
    """Make the databases that a linked work tree lacks; return them by name."""
    if not is_linked(project.tracked):
        return {}
    with databases(project, invocation, options) as found:
        drop_unfinished(project, found)
        lacking = missing(project, found, switching)
        # The shared database itself stays as it is: only a copy of it needs that nobody is connected.
        moves = [Move(branching.shared, "copy", Active((), ()), None, branching.origin) for branching in lacking]
        _refuse_remote(moves, asking)
        for move in moves:
            move.database.server.refuse_unable()
        if any(branching.origin is None for branching in lacking):
            _end_clients([move for move in moves if move.original is None], asking)
        if lacking:
            make(project, lacking)
    if lacking:
        with databases(project, invocation, options) as found:
            note_databases(project, found)
            _refuse_unreached(lacking, found)
    return {branching.own.name: branching for branching in lacking}


def _refuse_unreached(made: Sequence[Branching], found: Sequence[Database]) -> None:
    reached = {_name(database) for database in found}
    for branching in made:
        if branching.own.name not in reached:
            raise CannotFollow(
                f"env.py does not open {branching.own.name}, which was made for this work tree",
                f"let env.py open {branching.own.name} in this work tree",
            )


def _name(database: Database) -> str:
    address = database.place.address
    return "" if address is None else str(address.database)


def planned(project: Project, invocation: Invocation, options: SyncOptions, switching: Switching, format_: str) -> None:
    """Show what a switch would do with the databases. Raises CannotKeep as the switch would."""
    moves = foreseen_moves(project, invocation, options, switching)
    if format_ == "json":
        plans = [plan for move in moves if move.original is None for plan in move.database.plans]
        steps = [sync_entry(plan, project.shown_path) for plan in plans]
        terminal.document(switch_document(switching.leaving, switching.target, list(map(_entry, moves)), steps))
        return
    for move in moves:
        terminal.answer(planned_move_lines(move, project.shown_path))


def keep_after_checkout(project: Project, invocation: Invocation) -> list[str]:
    """Move the states for a branch that git has just checked out, as a hook does; return what to say.

    Nobody is asked: where a program is connected, the error says so. Raises CannotKeep.
    """
    switching = Switching(previous_branch(project.tracked), current_branch(project.tracked))
    document = keep_and_switch(project, invocation, SyncOptions(), switching, str, Asking(asks=False))
    moved = [entry for entry in document["databases"] if entry["action"] != "stay"]
    count = sum(len(entry["steps"]) for entry in document["steps"])
    steps = f", and ran {count} step{'' if count == 1 else 's'}" if count else ""
    own = [entry["database"] for entry in document["databases"] if entry["action"] == "make"]
    if own:
        return [f"branchmig: this work tree has a database of its own: {name}{steps}." for name in own]
    return [f"branchmig: kept the rows of {switching.leaving}, brought those of {switching.target}{steps}."] * bool(
        moved
    )


def settle_switches(project: Project, invocation: Invocation, *, is_dry_run: bool = False) -> bool:
    """Complete or take back what killed switches have left; return whether there was something."""
    if project.repository is None or not is_interrupted(project.repository):
        return False
    if is_dry_run:
        terminal.note("This was a dry run; it would complete or take back an interrupted switch.")
        return True
    said: list[str] = []
    with databases(project, invocation, SyncOptions(), said.append):
        pass
    say(invocation, *said)
    return bool(said)


def keep_apart(project: Project, invocation: Invocation, command: str) -> None:
    """Copy a state that other branches share, before `command` changes it for this one.

    Where that cannot be done the command goes on, and the user hears of it: no row is lost by that.
    """
    try:
        with databases(project, invocation, SyncOptions()) as found:
            for database in found:
                move = apart(project, database, current_branch(project.tracked))
                if move is None or (command == "upgrade" and database.applied == database.wanted):
                    continue
                database.server.refuse_unable()
                if clients := database.server.clients():
                    raise CannotKeep(f"other programs are connected: {'; '.join(map(str, clients))}")
                carried(move)
                if invocation.has_notes and move.put is not None:
                    terminal.note(f"Kept the rows of {', '.join(move.put.branches)} as they are.")
    except (CannotKeep, BranchmigError) as error:
        said = error.message if isinstance(error, BranchmigError) else str(error)
        terminal.warning(f"the rows of the branches that share this state are not kept apart: {said}")


def arrive(project: Project, invocation: Invocation, moves: Sequence[Move], *, is_new: bool = False) -> list[SyncPlan]:
    """Apply what the branch has beyond the states that its databases have now; return what was done."""
    if is_new:
        return []
    arrived = Project.open(invocation.files)
    foreseen = foresee(arrived, invocation)
    refuse_obstacles(foreseen)
    if any(plan.plan.steps for plan in foreseen):
        if any(plan.losses.certain for plan in foreseen):
            _copy_first(invocation, moves)
        for plan in foreseen:
            # What is undone here is undone in a copy: nothing is destroyed.
            say(invocation, *sync_lines(replace(plan, losses=Losses()), {}, arrived.shown_path))
        carry_out(arrived, invocation, foreseen, Progress(not invocation.has_notes).step)
    for plan in foreseen:
        at = f"The database is at {rows_text(plan.plan.applied)}."
        say(invocation, outcome_line(plan.plan) if plan.plan.steps else at)
    note_arrival(arrived, moves, foreseen)
    return foreseen


def _copy_first(invocation: Invocation, moves: Sequence[Move]) -> None:
    """Copy the states that were brought themselves, before steps take rows out of them, as of an amended revision."""
    for move in moves:
        if move.how == "exchange" and move.original is not None:
            copied = carried(copy_of(move))
            if invocation.has_notes and copied.put is not None:
                owners = ", ".join(move.original.branches) or "a commit on no branch"
                terminal.note(f"Kept a copy of the rows of {owners} as they were: {copied.put.name}.")


def _respect_limit(project: Project, moves: Sequence[Move], asking: Asking) -> None:
    """Drop what has no place within keep_size, with a yes: a branch's file may have set the limit."""
    for move, state in beyond_limit(project, moves):
        what = f"{state.name}, the rows of {', '.join(state.branches) or 'no branch'}"
        if not asking.agrees(f"keep_size is exceeded. Drop {what}?"):
            terminal.note(f"keep_size is exceeded; to drop {what}: branchmig states drop {state.name}")
            continue
        drop_state(project.tracked, move.database.store, move.database.server, state.name)
        terminal.note(f"Dropped {what}: keep_size is exceeded.")


def _refuse_remote(moves: Sequence[Move], asking: Asking) -> None:
    for move in moves:
        if move.database.place.is_local:
            continue
        shown = move.database.place.shown
        if not (asking.is_explicit and asking.asks):
            raise CannotKeep(f"{shown} is not on this machine")
        if not asking.agrees(f"{shown} is not on this machine. Keep states of it there?"):
            raise AnswerIsNo(
                f"{shown} is not on this machine: nothing was moved", "to keep states of it there: switch --keep --yes"
            )


def _end_clients(moves: Sequence[Move], asking: Asking) -> None:
    for move, clients in clients_of(moves):
        named = "; ".join(map(str, clients))
        shown = move.database.place.shown
        message = f"{shown} cannot be moved while other programs are connected: {named}"
        if not all(client.can_end for client in clients):
            raise CannotFollow(message, "end them, then switch again")
        if not asking.agrees(f"{shown} has connections of other programs: {named}. End them?"):
            way = "end them; or let branchmig end them: --yes"
            raise CannotFollow(message, way if asking.asks else "end them, then: branchmig switch --keep BRANCH")
        move.database.server.end(clients)


def _entry(move: Move) -> dict[str, Any]:
    put = move.put
    return {
        "database": move.database.place.shown,
        "action": move.how,
        "branches": list(move.active.branches),
        "set_aside": put and {"name": put.name, "branches": list(put.branches), "heads": list(put.heads)},
        "brought": move.original and move.original.name,
    }


def warn_of(error: CannotKeep) -> None:
    """Say why the rows are not kept, and what happens in its place."""
    terminal.warning(f"the rows are not kept: {error}; the database is brought to the other branch's revisions")
