"""PURE. The goal of a run for its targets, and the steps that are left for one of them after any interruption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from branchmig import identifiers
from branchmig.dag import RevisionDag
from branchmig.errors import VersionTableError
from branchmig.model import Plan
from branchmig.planning.plan import check_applied, plan_addition, plan_downgrade, plan_stamp, plan_upgrade

Command = Literal["upgrade", "downgrade", "stamp"]


@dataclass(frozen=True, slots=True)
class Goal:
    """A command with what was typed, and the `tag` for env.py.

    `revisions` are the ids that an upgrade's target named when the run began. They stay what they are while revisions
    are added: a run that is resumed goes where it went before. An upgrade that counts from what is applied (`+1`) has
    none. With `allows_ahead`, a database that has all of the checkout and more is at the goal.
    """

    command: Command
    targets: tuple[str, ...]
    revisions: tuple[str, ...] = ()
    tag: str | None = None
    allows_ahead: bool = False

    @property
    def text(self) -> str:
        """What was typed."""
        return f"{self.command} {' '.join(self.targets)}"

    def plan(self, dag: RevisionDag, rows: Sequence[str | None]) -> Plan:
        """Return the steps from some version rows to the goal. Raises as branchmig.planning.plan does."""
        if self.command == "stamp":
            return plan_stamp(dag, self.targets, rows)
        if self.command == "downgrade":
            return plan_downgrade(dag, self.targets[0], rows)
        if self.revisions:
            return plan_addition(dag, self.revisions, rows)
        return plan_upgrade(dag, self.targets[0], rows)


def set_goal(dag: RevisionDag, command: Command, targets: Sequence[str], tag: str | None = None) -> Goal:
    """Return the goal of a run that begins. Raises UnknownRevision, AmbiguousRevision, MultipleHeads."""
    parsed = [identifiers.parse(dag, target) for target in targets]
    if command != "upgrade" or parsed[0].is_relative_to_database or parsed[0].symbol == "current":
        for target, identifier in zip(targets, parsed, strict=True):
            if not identifier.is_relative_to_database and target != "current":
                dag.resolve(target)
        return Goal(command, tuple(targets), (), tag)
    return Goal(command, tuple(targets), dag.resolve(targets[0]), tag)


def remaining(dag: RevisionDag, goal: Goal, seen: Sequence[str | None], rows: Sequence[str | None]) -> Plan:
    """Return the steps that are left for a target which the run saw at `seen` and which is at `rows` now.

    A run that was cut off may have left it anywhere between. Counting again from there would take `+1` and `-1` too
    far; so what is left of the first plan is done. Raises VersionTableError where somebody else moved the target and
    the goal counts from what was applied; else as Goal.plan does.
    """
    whole = goal.plan(dag, seen)
    here = check_applied(dag, rows)
    states = [whole.applied, *(step.heads_after for step in whole.steps)]
    if here in states:
        return Plan(here, whole.steps[states.index(here) :])
    if goal.revisions or goal.command == "stamp":
        return goal.plan(dag, here)
    raise VersionTableError(
        f"it was at {', '.join(whole.applied) or 'base'} when the run began and is at {', '.join(here) or 'base'} now: "
        "somebody else moved it",
        f"look at it, then start a run of its own: branchmig fleet {goal.text}",
        rows,
    )


def distance(plan: Plan, rows: Sequence[str]) -> int:
    """Return how many steps of a plan lead to some rows; 0 where none do."""
    after = [step.heads_after for step in plan.steps]
    return after.index(tuple(rows)) + 1 if tuple(rows) in after else 0
