"""PURE. Inspections of targets and how each target ended, brought together in groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from branchmig.dag import RevisionDag

Outcome = Literal[
    "done", "nothing to do", "failed", "timed out", "interrupted", "orphan", "unreachable", "refused", "lost",
    "not begun",
]  # fmt: skip
AT_GOAL: frozenset[Outcome] = frozenset({"done", "nothing to do"})

Rows = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as it travels between processes and into records: passwords masked. `details` stand between the two."""

    code: str
    message: str
    hint: str | None = None
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """What one visit found: for each version table that env.py opened, where it is and its rows; what was `skipped`.

    `interrupted` are revisions that a killed run has left half done.
    `identities` distinguish all version tables in the world; `places` say the same to people. Where there is a
    `failure`, `outcome` is its kind, and `is_transient`: a further attempt may go better.
    """

    name: str
    identities: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    """For a file, what is the same by all of its names: links lead to one file."""
    rows: tuple[Rows, ...] = ()
    skipped: Rows = ()
    interrupted: Rows = ()
    ahead: tuple[tuple[Rows, Rows], ...] = ()
    """Rows that the checkout lacks and may be left alone, each with all that is applied beyond the checkout."""
    failure: Failure | None = None
    outcome: Outcome = "unreachable"
    is_transient: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """How one target ended: rows before and after, how many steps this run carried out, in how many attempts.

    `other_steps` lie between the two and are not known to be this run's: another one's, or of an attempt that was cut
    off.
    """

    name: str
    group: str
    outcome: Outcome
    before: tuple[Rows, ...] = ()
    after: tuple[Rows, ...] = ()
    steps: int = 0
    attempts: int = 0
    seconds: float = 0.0
    failure: Failure | None = None
    identities: tuple[str, ...] = ()
    other_steps: int = 0
    ahead: Rows = ()
    """What the target has applied beyond the checkout, and the run has left there."""

    @property
    def is_at_goal(self) -> bool:
        """Whether the target is where the run was to take it."""
        return self.outcome in AT_GOAL


@dataclass(frozen=True, slots=True)
class MoveResult:
    """What a worker says after it moved one target, or tried to."""

    name: str
    outcome: Outcome
    after: tuple[Rows, ...] = ()
    steps: int = 0
    failure: Failure | None = None
    is_transient: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a target is on the graph. `state` is one of STATES."""

    state: str
    applied: Rows = ()
    pending: Rows = ()
    orphans: Rows = ()
    skipped: Rows = ()
    interrupted: Rows = ()


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """Targets that are in one place."""

    standing: Standing
    names: tuple[str, ...]
    failure: Failure | None = None


STATES = (
    "at head", "behind", "skipped", "interrupted", "orphan", "unsound", "failed", "refused", "timed out", "lost",
    "unreachable",
)  # fmt: skip


def standing(dag: RevisionDag, sighting: Observation) -> Standing:
    """Return where a target is: its rows, and what of the graph is not applied, in upgrade order.

    Where env.py opens several version tables, all of their rows count, and what any of them lacks is pending.
    """
    if sighting.failure is not None:
        return Standing(sighting.outcome)
    rows = tuple(sorted({str(row) for revision in sighting.rows for row in revision}))
    orphans = tuple(row for row in rows if row not in dag)
    if orphans:
        return Standing("orphan", rows, (), orphans)
    missing: set[str] = set()
    for revision in sighting.rows:
        if dag.maximal(revision) != tuple(sorted(revision)):
            return Standing("unsound", rows)
        missing |= set(dag.order()) - dag.ancestors(revision) - set(revision)
    left_out = tuple(revision_id for revision_id in dag.order() if revision_id in sighting.skipped)
    state = "skipped" if left_out else "behind" if missing else "at head"
    state = "interrupted" if sighting.interrupted else state
    pending = tuple(revision_id for revision_id in dag.order() if revision_id in missing)
    return Standing(state, rows, pending, (), left_out, sighting.interrupted)


def gathered(standings: Mapping[str, Standing], failures: Mapping[str, Failure]) -> tuple[TargetGroup, ...]:
    """Return the targets by where they are: sound places first, those with most pending last among them.

    Unreachable targets are grouped by the reason.
    """
    groups: dict[tuple[Standing, str], list[str]] = {}
    for name, standing in standings.items():
        reason = failures[name].message if name in failures else ""
        groups.setdefault((standing, reason), []).append(name)
    found = [
        TargetGroup(place, tuple(names), failures.get(names[0]) if reason else None)
        for (place, reason), names in groups.items()
    ]
    return tuple(
        sorted(
            found, key=lambda group: (STATES.index(group.standing.state), len(group.standing.pending), group.names[0])
        )
    )


def counted_outcomes(reports: Iterable[Report]) -> dict[str, int]:
    """Return how many targets ended in each way, in a fixed order, without those that none did."""
    counts = Counter(report.outcome for report in reports)
    return {outcome: counts[outcome] for outcome in get_args(Outcome) if counts[outcome]}


def first_double(seen: Mapping[str, tuple[str, str]], sighting: Observation) -> tuple[str, str] | None:
    """Return the name and the place of the target that a sighting shares a version table with; None if none.

    `seen` are the identities of those seen so far, each with its target's name and how people call the place.
    """
    shared = (seen[identity] for identity in (*sighting.identities, *sighting.files) if identity in seen)
    return next((item for item in shared if item[0] != sighting.name), None)
