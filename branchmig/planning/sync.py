"""PURE. From what a database has applied, as it was applied, to what a checkout wants: down, then up.

Two graphs take part. The revisions as they were applied may have had other parents than the checkout gives them now
(after a rebase), and some of them the checkout lacks. What goes down goes by the first graph, what comes up by the
second; between the two the version rows are brought from one way of counting to the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from branchmig.dag import RevisionDag
from branchmig.model import Plan, Step
from branchmig.planning.plan import check_applied, downgrade_steps, upgrade_steps


@dataclass(frozen=True, slots=True)
class Applied:
    """The applied state of a database: its version rows, and its revisions with their parents at that time.

    `dag` may hold more than is applied. `missing` are ids that the rows imply and that were never applied, as far as
    a record says so. `changed` are those whose script did something else when it was applied, and is to be run again.
    `beside` are applied, as a record says, though the rows do not imply them. `kept` stay though the checkout lacks
    them. `standing` are revisions of the checkout that count as applied for as long as some others stay, which do what
    they do; where these are `replaced`, they are no rows any more.
    """

    rows: tuple[str, ...]
    dag: RevisionDag
    missing: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    standing: Mapping[str, frozenset[str]] = field(default_factory=dict)
    replaced: frozenset[str] = frozenset()

    @property
    def ids(self) -> frozenset[str]:
        """All that is applied."""
        return self.dag.including(self.rows).union(self.beside) - self.missing


def plan_sync(wanted: RevisionDag, applied: Applied, heads: Sequence[str] | None = None) -> Plan:
    """Return the steps that bring a database to all that `wanted` holds, or to some of its revisions and all below.

    What is applied and not wanted goes, but for what is kept, with what was applied on top of it, and nothing else;
    what is wanted and not applied comes, below an applied revision too. Raises VersionTableError for rows that no sound
    database holds.
    """
    rows = check_applied(applied.dag, applied.rows)
    tips = wanted.heads(dependencies=True) if heads is None else tuple(heads)
    goal = wanted.including(tips)
    active = applied.ids
    unwanted = (active - goal - applied.kept) | (applied.changed & active)
    leaving = applied.dag.descendants(unwanted).union(unwanted) & active
    down = downgrade_steps(applied.dag, rows, leaving, active)
    left = down[-1].heads_after if down else rows
    stay = active - leaving
    standing = {name for name, others in applied.standing.items() if others <= stay}
    present = frozenset(name for name in stay | standing if name in wanted)
    counted = _counted(wanted, applied, left, present)
    up = upgrade_steps(wanted, counted, goal - present, wanted.ancestors(present))
    return Plan(rows, (*down, *_moves(wanted, left, counted), *up))


def _counted(wanted: RevisionDag, applied: Applied, left: tuple[str, ...], present: frozenset[str]) -> tuple[str, ...]:
    """Return the rows by the checkout's parents: what it lacks and is kept stays a row, above what it covers."""
    others = [row for row in left if row not in wanted and row not in applied.replaced]
    covered = applied.dag.ancestors(others)
    return tuple(sorted({*others, *wanted.maximal(present)} - (covered - {*others})))


def joined(first: Plan | None, second: Plan | None) -> Plan:
    """Return two plans of one database as one, the second after the first; either may be missing."""
    if first is None or second is None:
        return first or second or Plan(())
    return Plan(first.applied, (*first.steps, *second.steps)) if first.steps else second


def _moves(dag: RevisionDag, before: tuple[str, ...], after: tuple[str, ...]) -> list[Step]:
    """Return the stamps that turn rows into others, one row at a time, what comes before what goes."""
    steps: list[Step] = []
    heads = before
    coming, going = sorted(set(after) - set(before)), sorted(set(before) - set(after))
    for revision_id in coming:
        taken = going[:1]
        del going[:1]
        next_heads = tuple(sorted({*heads, revision_id}.difference(taken)))
        steps.append(Step("stamp", dag[revision_id], heads, next_heads))
        heads = next_heads
    for name in going:
        next_heads = tuple(head for head in heads if head != name)
        steps.append(Step("stamp", None, heads, next_heads))
        heads = next_heads
    return steps
