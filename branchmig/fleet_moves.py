"""The moves of a run over a fleet: which targets have how far to go, and how each ended. Opens nothing itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from branchmig.errors import BranchmigError, OrphanRevision
from branchmig.fleet.goal import remaining
from branchmig.fleet.reports import Arrival, Failure, Report
from branchmig.fleet.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from branchmig.dag import RevisionDag
    from branchmig.fleet.goal import Goal
    from branchmig.fleet.reports import Outcome, Rows, Sighting
    from branchmig.fleet.schedule import Schedule, Verdict
    from branchmig.fleet.targets import Target
    from branchmig.model import Plan


class Recorder(Protocol):
    """Who records what happens to targets, and tells of it."""

    def begin(self, begun: Sequence[tuple[str, tuple[Rows, ...], tuple[str, ...]]]) -> None:
        """Work on some targets begins now: names, version rows, identities."""

    def again(self, name: str, failure: Failure | None) -> None:
        """An attempt failed, and there will be another one."""

    def end(self, reports: Iterable[Report]) -> None:
        """Some targets have ended."""


class Moving:
    """The moves of a run: which targets have how far to go, and how each ended. Every change is recorded first.

    `seen` are rows that a run which is resumed found before its own first step.
    """

    def __init__(
        self,
        dag: RevisionDag,
        goal: Goal,
        targets: Mapping[str, Target],
        sightings: Mapping[str, Sighting],
        seen: Mapping[str, tuple[Rows, ...]],
        recorder: Recorder,
        timeout: float | None,
    ) -> None:
        self.goal, self._dag, self._recorder, self._timeout = goal, dag, recorder, timeout
        self._targets = targets
        self._sightings = sightings
        self._seen = {name: seen.get(name, one.rows) for name, one in sightings.items()}
        self._plans: dict[tuple[Rows, Rows], Plan] = {}
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

    def begin(self, names: Sequence[str]) -> list[Task]:
        """Record that work on some targets begins and return what the workers are told."""
        self._recorder.begin([(name, self._seen[name], self._sightings[name].identities) for name in names])
        return [self.tasks[name] for name in names]

    def end(self, name: str, result: object, schedule: Schedule) -> Verdict:
        """Note how an attempt ended, and record it if it was the last one."""
        arrival = result if isinstance(result, Arrival) else _broken_off(name, result)
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

    def _sort(self, target: Target, sighting: Sighting) -> None:
        """Tell whether a target has anywhere to go."""
        name, group = target.name, target.group
        if sighting.failure is not None:
            outcome = sighting.outcome
            self.reports[name] = Report(name, group, outcome, attempts=1, failure=sighting.failure)
            return
        unsettled = _unsettled(sighting, self.goal)
        if unsettled is not None:
            self.reports[name] = Report(
                name, group, "failed", sighting.rows, sighting.rows, failure=unsettled, identities=sighting.identities
            )
            return
        try:
            plans = [self._left(seen, rows) for seen, rows in zip(self._seen[name], sighting.rows, strict=True)]
        except BranchmigError as error:
            failure = Failure(error.code, error.message, error.hint, error.details)
            outcome = "orphan" if isinstance(error, OrphanRevision) else "failed"
            self.reports[name] = Report(
                name, group, outcome, sighting.rows, sighting.rows, failure=failure, identities=sighting.identities
            )
            return
        if any(plan.steps for plan in plans):
            self.tasks[name] = Task(target, self._seen[name], sighting.identities, self._timeout)
        else:
            # A run that was cut off may have done it all before it could note that.
            before, steps = self._seen[name], self._steps_done(self._seen[name], sighting.rows)
            outcome = "done" if steps else "nothing to do"
            self.reports[name] = Report(
                name, group, outcome, before, sighting.rows, steps, identities=sighting.identities
            )

    def _left(self, seen: Rows, rows: Rows) -> Plan:
        """Return the steps that are left; made once for each state that targets are in."""
        if (seen, rows) not in self._plans:
            self._plans[seen, rows] = remaining(self._dag, self.goal, seen, rows)
        return self._plans[seen, rows]

    def _steps_done(self, seen: Sequence[Rows], now: Sequence[Rows]) -> int:
        """Return how many steps of its plan a target has behind it, since the run first saw it."""
        return sum(_distance(self._left(before, before), after) for before, after in zip(seen, now, strict=True))

    def _report(self, arrival: Arrival, attempts: int) -> Report:
        name = arrival.name
        before = self._seen[name]
        steps = arrival.steps
        if arrival.after and len(arrival.after) == len(before):
            steps = self._steps_done(before, arrival.after)
        outcome = arrival.outcome
        if arrival.failure is None:
            outcome = "done" if steps else "nothing to do"
        return Report(
            name,
            self._targets[name].group,
            outcome,
            before,
            arrival.after,
            steps,
            attempts,
            arrival.seconds,
            arrival.failure,
            self._sightings[name].identities,
        )

    def _not_begun(self, name: str) -> Report:
        sighting = self._sightings[name]
        return Report(name, self._targets[name].group, "not begun", sighting.rows, sighting.rows)


def _unsettled(sighting: Sighting, goal: Goal) -> Failure | None:
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
            f"{', '.join(sighting.skipped)} was never applied, and lies below what is",
            "run it there: branchmig upgrade --missing",
        )
    return None


def lost(result: object) -> Failure:
    """Return what is said of a call that its worker gave no answer to."""
    if isinstance(result, TimeoutError):
        return Failure("timed-out", "it took too long and was broken off", "--timeout SECONDS gives it longer")
    if isinstance(result, ConnectionError):
        reason = f": {result}" if str(result) else ""
        return Failure("lost", f"the worker ended amid the work{reason}", "was it killed, for lack of memory?")
    return Failure("bug", f"the worker failed: {type(result).__name__}: {result}", "please report this")


def _broken_off(name: str, result: object) -> Arrival:
    outcome: Outcome = "timed out" if isinstance(result, TimeoutError) else "failed"
    if isinstance(result, ConnectionError):
        outcome = "lost"
    return Arrival(name, outcome, failure=lost(result), is_transient=outcome == "lost")


def _distance(plan: Plan, rows: Rows) -> int:
    """Return how many steps of a plan lead to some rows; 0 where none do."""
    after = [step.heads_after for step in plan.steps]
    return after.index(rows) + 1 if rows in after else 0
