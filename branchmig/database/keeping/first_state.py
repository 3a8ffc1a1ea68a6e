"""PURE. Which state a branch begins with that has none of its own yet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from branchmig.database.keeping.records import KeptState


def first_state(
    states: Sequence[KeptState],
    start: str | None,
    holders: Collection[str],
    goal: Collection[str],
    applied: Collection[str],
) -> KeptState | None:
    """Return the state that a branch begins with; None for what the database has.

    That is the state of `start`, the branch that it was made from, if nothing in it is to be undone; else the nearest.
    `holders` are the branches whose rows the database has, `applied` its revisions, `goal` those of the new branch.
    """
    wanted = set(goal)
    if start in holders and wanted.issuperset(applied):
        return None
    of_start = next((state for state in states if start in state.branches and wanted.issuperset(state.applied)), None)
    return of_start or _nearest(states, wanted, applied)


def _nearest(states: Sequence[KeptState], wanted: set[str], applied: Collection[str]) -> KeptState | None:
    """Return the state from which the fewest steps lead on, undoing as little as can be; None for the database's."""

    def distance(names: Collection[str]) -> tuple[int, int]:
        return len(set(names) - wanted), len(wanted - set(names))

    best = min(states, key=lambda state: distance(state.applied), default=None)
    return None if best is None or distance(applied) <= distance(best.applied) else best
