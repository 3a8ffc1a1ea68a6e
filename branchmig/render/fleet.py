"""The report of a fleet: as lines, grouped by where targets are or how they ended, and as JSON."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from time import strftime, struct_time
from typing import TYPE_CHECKING, Any

from branchmig.fleet.reports import Failure, Observation, Report, Standing, TargetGroup, counted_outcomes
from branchmig.model import Plan, ShownPath
from branchmig.project.config import Invocation
from branchmig.render.documents import VERSION, plans_document
from branchmig.render.text import counted, plan_lines, rows_text

if TYPE_CHECKING:
    from branchmig.fleet.goal import Goal
    from branchmig.fleet.record import RunRecord, TargetRecord
    from branchmig.fleet.tasks import Source

    Way = Callable[[str, Sequence[str]], str]

# The commands of one database that hints name; a fleet has its own `upgrade`, `plan` and so on, which are let be.
_COMMAND = re.compile(r"\bbranchmig (repair|audit|stamp|current|upgrade --missing|sync|pins|status)\b")

NAMES_SHOWN = 6
"""Targets named in a line of a group; JSON names all."""


def status_lines(gatherings: Sequence[TargetGroup], heads: Sequence[str]) -> Iterator[str]:
    """`fleet status`: one line for each place that targets are in, those at the head first."""
    total = sum(len(group.names) for group in gatherings)
    yield f"{counted(total, 'target')}; the head is {rows_text(tuple(heads))}"
    width = len(f"{total:,}")
    for group in gatherings:
        yield f"  {len(group.names):>{width},}  {_place(group.standing, group.failure)}"
        yield f"  {'':>{width}}  {_names(group.names)}"


def status_document(
    standings: Mapping[str, Standing],
    sightings: Mapping[str, Observation],
    groups: Mapping[str, str],
    gatherings: Sequence[TargetGroup],
    heads: Sequence[str],
) -> dict[str, Any]:
    """`fleet status --format json`: every target, and the places with the names of those that are there."""
    return {
        "version": VERSION,
        "heads": list(heads),
        "targets": [
            standing_entry(name, groups[name], standing, sightings[name]) for name, standing in standings.items()
        ],
        "places": [{**_standing(group.standing), "targets": list(group.names)} for group in gatherings],
    }  # fmt: skip


def standing_entry(name: str, group: str, standing: Standing, sighting: Observation) -> dict[str, Any]:
    """One target of `fleet status`."""
    return {
        "name": name,
        "group": group,
        **_standing(standing),
        "databases": list(sighting.places),
        "error": _error(sighting.failure),
    }


def plan_text(plans: Sequence[tuple[Plan, tuple[str, ...]]], failures: Sequence[TargetGroup]) -> Iterator[str]:
    """`fleet plan`: each distinct plan with the targets that it is for, then the targets that have none."""
    for plan, names in plans:
        yield f"{counted(len(names), 'target')} at {rows_text(plan.applied)}: {_names(names)}"
        yield from (f"  {line}" for line in plan_lines(plan))
    for group in failures:
        yield f"{counted(len(group.names), 'target')}: {_place(group.standing, group.failure)}: {_names(group.names)}"


def plan_document(
    plans: Sequence[tuple[Plan, tuple[str, ...]]], failures: Sequence[TargetGroup], shown_path: ShownPath
) -> dict[str, Any]:
    """`fleet plan --format json`."""
    entries = [{"targets": list(names), **plans_document([plan], shown_path)} for plan, names in plans]
    for entry in entries:
        del entry["version"]
    problems = [
        {"targets": list(group.names), "state": group.standing.state, "error": _error(group.failure)}
        for group in failures
    ]
    return {"version": VERSION, "plans": entries, "problems": problems}


def fleet_way(source: Source, invocation: Invocation) -> Way:
    """Return what makes of `branchmig repair`, which a hint names, a command that can be run for some targets.

    A worker speaks of one database: its hints name the commands of one.
    """
    files = [word for given in invocation.given for word in ("-c", given)]
    section = ["-n", invocation.files.section] if invocation.files.section != "alembic" else []
    where = shlex.join(source.words)

    def way(hint: str, names: Sequence[str]) -> str:
        only = shlex.join(word for name in names[:NAMES_SHOWN] for word in ("--only", name))
        start = " ".join(["branchmig", *map(shlex.quote, [*files, *section]), "fleet run", where, only, "--"])
        return _COMMAND.sub(lambda found: f"{start} {found[1]}", hint)

    return way


def run_lines(
    run: str, goal: Goal, reports: Sequence[Report], seconds: float, reason: str | None, way: Way
) -> Iterator[str]:
    """Say how a run ended: targets by outcome, failures by what went wrong."""
    stopped = f"; stopped: {reason}" if reason else ""
    yield f"Run {run}: {goal.text} on {counted(len(reports), 'target')} in {seconds:.1f} s{stopped}"
    width = len(f"{len(reports):,}")
    for outcome in counted_outcomes(reports):
        members = [report for report in reports if report.outcome == outcome]
        done = f": {_steps(members)}" if outcome == "done" else ""
        yield f"  {len(members):>{width},}  {outcome}{done}"
        if members[0].is_at_goal:
            yield from (f"  {'':>{width}}  {line}" for line in _ahead_lines(members))
            continue
        for failure, names in _by_failure(members):
            yield from (f"  {'':>{width}}  {line}" for line in _failure_lines(failure, names, way))


def _ahead_lines(reports: Sequence[Report]) -> Iterator[str]:
    """Name the targets that have more than the checkout, by what they have."""
    for beyond in sorted({report.ahead for report in reports if report.ahead}):
        names = [report.name for report in reports if report.ahead == beyond]
        yield f"ahead of this checkout, by {', '.join(beyond)}: {_names(names)}"


def _steps(reports: Sequence[Report]) -> str:
    own, others = sum(report.steps for report in reports), sum(report.other_steps for report in reports)
    more = f", and {others:,} by other runs or by attempts that were cut off" if others else ""
    return f"{counted(own, 'revision')}{more}"


def run_document(
    run: str, goal: Goal, reports: Sequence[Report], seconds: float, reason: str | None, way: Way
) -> dict[str, Any]:
    """Return how a run ended as one document."""
    summary = summary_document(run, goal, reports, seconds, reason)["summary"]
    return {"version": VERSION, **summary, "targets": [report_entry(report, way) for report in reports]}


def summary_document(
    run: str, goal: Goal, reports: Sequence[Report], seconds: float, reason: str | None
) -> dict[str, Any]:
    """Return the last line of `--format jsonl`."""
    return {
        "version": VERSION,
        "summary": {
            "run": run,
            "command": goal.command,
            "goal": list(goal.revisions or goal.targets),
            "outcomes": counted_outcomes(reports),
            "seconds": round(seconds, 3),
            "stopped": reason,
        },
    }


def report_line(report: Report, way: Way) -> dict[str, Any]:
    """Return a line of `--format jsonl`: how one target ended."""
    return {"version": VERSION, "target": report_entry(report, way)}


def report_entry(report: Report, way: Way) -> dict[str, Any]:
    """One target of a run. `from` and `to` are the rows of each version table that env.py opens."""
    return {
        "name": report.name,
        "group": report.group,
        "outcome": report.outcome,
        "from": [list(rows) for rows in report.before],
        "to": [list(rows) for rows in report.after],
        "steps": report.steps,
        "other_steps": report.other_steps,
        "ahead": list(report.ahead),
        "attempts": report.attempts,
        "seconds": round(report.seconds, 3),
        "error": _error(report.failure, [report.name], way),
    }


def recorded_line(run: RunRecord, states: Mapping[str, int], began: struct_time) -> str:
    """Return a recorded run in one line: when it began, what it was to do, and how far it came."""
    counts = ", ".join(f"{count:,} {state}" for state, count in states.items())
    end = f"stopped: {run.reason}" if run.reason else "over" if run.ended is not None else "no end is recorded"
    return f"{run.run}  {strftime('%Y-%m-%d %H:%M:%S', began)}  {run.goal.text}: {counts}; {end}"


def recorded_entry(run: RunRecord, states: Mapping[str, int]) -> dict[str, Any]:
    """A recorded run as JSON; times are seconds since 1970."""
    return {
        "run": run.run,
        "command": run.goal.command,
        "goal": list(run.goal.revisions or run.goal.targets),
        "project": run.project,
        "began": run.began,
        "ended": run.ended,
        "stopped": run.reason,
        "states": dict(states),
    }


def target_lines(targets: Sequence[TargetRecord]) -> Iterator[str]:
    """`fleet show`: a line for each target, with what went wrong."""
    width = max((len(record.name) for record in targets), default=0)
    for record in targets:
        state = record.outcome if record.state == "ended" else record.state
        at = "; ".join(rows_text(rows) for rows in record.after)
        where = f" at {at}" if at else ""
        yield f"  {record.name:{width}}  {state}{where}: {_steps([record.report()])}, {record.seconds:.1f} s"
        if record.failure is not None:
            yield f"  {'':{width}}  {record.failure.message}"


def target_entry(target: TargetRecord) -> dict[str, Any]:
    """One target of a recorded run; `state` is pending, begun or ended."""
    hint = target.failure.hint if target.failure else ""
    return {
        **report_entry(target.report(), lambda *_: hint or ""),
        "state": target.state,
        "databases": list(target.places),
    }


def _standing(standing: Standing) -> dict[str, Any]:
    return {
        "state": standing.state,
        "applied": list(standing.applied),
        "pending": list(standing.pending),
        "orphans": list(standing.orphans),
        "skipped": list(standing.skipped),
        "interrupted": list(standing.interrupted),
    }


def _place(standing: Standing, failure: Failure | None) -> str:
    at = f"at {rows_text(standing.applied)}"
    if standing.state == "at head":
        return f"{at} (head)"
    if standing.state == "behind":
        first, last = standing.pending[0], standing.pending[-1]
        span = first if first == last else f"{first} … {last}"
        return f"{at}, {len(standing.pending):,} pending: {span}"
    if standing.state == "skipped":
        return f"{at}, skipped: {', '.join(standing.skipped)}"
    if standing.state == "interrupted":
        return f"{at}, interrupted within {', '.join(standing.interrupted)}: branchmig repair"
    if standing.state == "orphan":
        return f"{at}, orphan: {', '.join(standing.orphans)}"
    if standing.state == "unsound":
        return f"{at}, which no sound database holds"
    return f"{standing.state}: {failure.message if failure else ''}"


def _names(names: Sequence[str]) -> str:
    if len(names) <= NAMES_SHOWN:
        return ", ".join(names)
    return f"{', '.join(names[: NAMES_SHOWN - 1])}, … {names[-1]}"


def _by_failure(reports: Iterable[Report]) -> list[tuple[Failure | None, list[str]]]:
    groups: dict[Failure | None, list[str]] = {}
    for report in reports:
        groups.setdefault(report.failure, []).append(report.name)
    return list(groups.items())


def _failure_lines(failure: Failure | None, names: Sequence[str], way: Way) -> Iterator[str]:
    if failure is None:
        yield _names(names)
        return
    yield f"{_names(names)}: {failure.message}"
    yield from (f"  {line}" for line in failure.details)
    if failure.hint:
        yield f"  hint: {way(failure.hint, names)}"


def _error(failure: Failure | None, names: Sequence[str] = (), way: Way | None = None) -> dict[str, Any] | None:
    if failure is None:
        return None
    hint = failure.hint and (way(failure.hint, names) if way is not None else failure.hint)
    return {"code": failure.code, "message": "\n".join([failure.message, *failure.details]), "hint": hint}
