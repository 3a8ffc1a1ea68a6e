"""The upgrades of a run over a fleet: the steps left for each target, and how each ended. Opens nothing itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from branchmig.dag import RevisionDag
from branchmig.errors import BranchmigError, OrphanRevision
from branchmig.fleet.goal import Goal, distance, remaining
from branchmig.fleet.record import Resumption
from branchmig.fleet.reports import Failure, MoveResult, Observation, Outcome, Report, Rows
from branchmig.fleet.schedule import Schedule, Verdict
from branchmig.fleet.targets import Target
from branchmig.fleet.tasks import Task
from branchmig.model import Plan


class Recorder(Protocol):
    """Records what happens to targets, and shows it."""

    def begin(self, begun: Sequence[tuple[str, tuple[Rows, ...], tuple[str, ...]]]) -> bool:
        """Work on some targets begins now: names, version rows, identities. Returns whether that is recorded."""

    def again(self, name: str, failure: Failure | None) -> None:
        """An attempt failed, and there will be another one."""

    def end(self, reports: Iterable[Report]) -> None:
        """Some targets have ended."""


class Moving:
    """The moves of a run: which targets have how far to go, and how each ended. Every change is recorded first.

    `begun` is what a run that is resumed has recorded of its targets: their rows before its own first step, say.
    """

    def __init__(
        self,
        dag: RevisionDag,
        goal: Goal,
        targets: Mapping[str, Target],
        sightings: Mapping[str, Observation],
        begun: Resumption,
        recorder: Recorder,
        timeout: float | None,
    ) -> None:
        self.goal, self._dag, self._recorder, self._timeout = goal, dag, recorder, timeout
        self._targets = targets
        self._sightings = sightings
        self._seen = {name: begun.seen.get(name, observation.rows) for name, observation in sightings.items()}
        self._own = {name: begun.steps.get(name, 0) for name in sightings}
        self._cut_off = set(begun.uncertain)
        self._plans: dict[tuple[Rows, Rows], Plan] = {}
        self._ahead = {rows for observation in sightings.values() for rows, _ in observation.ahead}
        self.reports: dict[str, Report] = {}
        self._last: dict[str, Report] = {}
        self.tasks: dict[str, Task] = {}
        for name, sighting in sightings.items():
            self._sort(targets[name], sighting)
        recorder.end(self.reports.values())

    @property
    def missed(self) -> list[str]:
        """The targets that cannot come to the goal, as is known without an attempt."""
        return [name for name, report in self.reports.items() if not report.is_at_goal]

    def begin(self, names: Sequence[str]) -> list[Task] | None:
        """Record that work on some targets begins and return what the workers get; None if it cannot be recorded."""
        begun = [(name, self._seen[name], self._sightings[name].identities) for name in names]
        return [self.tasks[name] for name in names] if self._recorder.begin(begun) else None

    def end(self, name: str, result: object, schedule: Schedule) -> Verdict:
        """Note how an attempt ended, and record it if it was the last one."""
        if isinstance(result, MoveResult):
            arrival = result
        else:
            outcome, failure = unanswered(result)
            arrival = MoveResult(name, outcome, failure=failure, is_transient=outcome == "lost")
            self._cut_off.add(name)
        self._own[name] += arrival.steps
        report = self._report(arrival, schedule.attempts(name))
        if arrival.is_transient and schedule.may_try_again(name):
            self._last[name] = report
            self._recorder.again(name, arrival.failure)
            return "again"
        self._settle(report)
        return "right" if report.is_at_goal else "wrong"

    def close(self) -> list[Report]:
        """Return how every target that was looked at ended, in their order; those not begun included."""
        for name in self.tasks:
            if name not in self.reports and name in self._last:
                self._settle(self._last[name])
        return [self.reports.get(name) or self._not_begun(name) for name in self._sightings]

    def _settle(self, report: Report) -> None:
        self.reports[report.name] = report
        self._recorder.end([report])

    def _sort(self, target: Target, sighting: Observation) -> None:
        """Make the task for a target that has somewhere to go, and the report of any other."""
        name, group = target.name, target.group
        if sighting.failure is not None:
            self.reports[name] = Report(name, group, sighting.outcome, attempts=1, failure=sighting.failure)
            return
        outcome: Outcome = "failed"
        failure, plans = _unsettled(sighting, self.goal), []
        if failure is None:
            try:
                plans = [self._left(seen, rows) for seen, rows in zip(self._seen[name], sighting.rows, strict=True)]
            except BranchmigError as error:
                failure = Failure(error.code, error.message, error.hint, error.details)
                outcome = "orphan" if isinstance(error, OrphanRevision) else "failed"
        if failure is not None:
            self.reports[name] = Report(
                name, group, outcome, sighting.rows, sighting.rows, failure=failure, identities=sighting.identities
            )
        elif any(plan.steps for plan in plans):
            ahead = tuple(rows for rows, _ in sighting.ahead)
            self.tasks[name] = Task(target, self._seen[name], sighting.identities, self._timeout, ahead)
        else:
            # A run that was cut off may have done it all before it could note that.
            self.reports[name] = self._report(MoveResult(name, "done", sighting.rows), 0)

    def _left(self, seen: Rows, rows: Rows) -> Plan:
        """Return the steps that are left; made once for each state that targets are in."""
        if (seen, rows) not in self._plans:
            is_ahead = rows in self._ahead
            self._plans[seen, rows] = Plan(rows) if is_ahead else remaining(self._dag, self.goal, seen, rows)
        return self._plans[seen, rows]

    def _report(self, arrival: MoveResult, attempts: int) -> Report:
        name = arrival.name
        before, own, others = self._seen[name], self._own[name], 0
        if arrival.after and len(arrival.after) == len(before):
            done = sum(distance(self._left(rows, rows), now) for rows, now in zip(before, arrival.after, strict=True))
            others = max(0, done - own)
        outcome = arrival.outcome
        if arrival.failure is None:
            outcome = "done" if own or (others and name in self._cut_off) else "nothing to do"
        return Report(
            name,
            self._targets[name].group,
            outcome,
            before,
            arrival.after,
            own,
            attempts,
            arrival.seconds,
            arrival.failure,
            self._sightings[name].identities,
            others,
            tuple(revision for _, beyond in self._sightings[name].ahead for revision in beyond),
        )

    def _not_begun(self, name: str) -> Report:
        sighting = self._sightings[name]
        return Report(name, self._targets[name].group, "not begun", sighting.rows, sighting.rows)


def _unsettled(sighting: Observation, goal: Goal) -> Failure | None:
    """Return what must be settled at a target before anything is done there, whatever its version rows say."""
    if sighting.interrupted:
        return Failure(
            "unfinished-revision",
            f"a run was killed within {', '.join(sighting.interrupted)}, and half of it is there",
            "settle it there: branchmig repair",
        )
    if sighting.skipped and goal.command == "upgrade":
        return Failure(
            "skipped-revision",
            f"{', '.join(sighting.skipped)} was never applied, but a revision above it is",
            "run it there: branchmig upgrade --missing",
        )
    return None


def unanswered(result: object) -> tuple[Outcome, Failure]:
    """Return how a call ended that its worker gave no answer to, and the report of it."""
    if isinstance(result, ConnectionError):
        reason = f": {result}" if str(result) else ""
        hint = "was it killed, for lack of memory, or its scheduler?"
        return "lost", Failure("lost", f"its worker was lost amid the work{reason}", hint)
    if not isinstance(result, TimeoutError | InterruptedError):
        words = f"the worker failed: {type(result).__name__}: {result}"
        return "failed", Failure("bug", words, "please report this")
    is_late = isinstance(result, TimeoutError)
    failure = Failure(
        "timed-out" if is_late else "interrupted",
        f"{'it took too long' if is_late else 'interrupted'}; its worker did not cancel what it did, and was ended: "
        "whether the server goes on is not known",
        "look at the server's sessions, then branchmig current; --timeout SECONDS gives it longer",
    )
    return "timed out" if is_late else "interrupted", failure


def unseen(name: str, result: object) -> Observation:
    """Return what is known of a target whose look its worker gave no answer to."""
    outcome, failure = unanswered(result)
    return Observation(name, failure=failure, outcome=outcome, is_transient=outcome == "lost")
