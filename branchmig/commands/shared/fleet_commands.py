"""What the commands of `fleet` share: their options to values, and the flow of a run."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import click

from branchmig import terminal
from branchmig.commands.shared.fleet_output import LoggingReporter, Recorder, Reporter, report, suppress_drawing
from branchmig.commands.shared.fleet_start import Begun, begin, refuse_moved, resumed, settled, source_in, store_of
from branchmig.commands.shared.migrate import reviewed_plan, script_digest
from branchmig.commands.shared.run_commands import announced
from branchmig.commands.shared.run_log import log_in
from branchmig.errors import BranchmigError, FleetStopped, TimedOut
from branchmig.fleet.folders import output_file
from branchmig.fleet.goal import Command, Goal, set_goal
from branchmig.fleet.loop import OUT_OF_TIME
from branchmig.fleet.moves import Moving
from branchmig.fleet.reports import Failure, Observation, Report, Rows, Standing, TargetGroup, gathered, standing
from branchmig.fleet.run import TO_MOVE, Fleet, Options, gathered_fleet, run_context_of
from branchmig.fleet.sources import targets_of
from branchmig.fleet.store import RunStore, new_run
from branchmig.fleet.tasks import Source
from branchmig.fleet.troubles import SCHEDULER, STANDARD_ERROR, Troubles
from branchmig.model import Plan
from branchmig.planning import plan_file
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render import fleet as shown
from branchmig.render.fleet import fleet_way

if TYPE_CHECKING:
    from branchmig.fleet.targets import Target
    from branchmig.planning.plan_file import ReviewedPlan

    Formats = Literal["text", "json", "jsonl"]

INTERRUPTED = 130
_LOOKING = {
    "engine": "local",
    "scheduler": None,
    "workers": None,
    "max_connections": None,
    "timeout": None,
    "retries": 1,
}
"""How targets are looked at where no option says it."""


def show_status(invocation: Invocation, format_: Formats, options: Mapping[str, Any], *, check_heads: bool) -> bool:
    """Show where every target is. Returns whether all could be asked; with `check_heads`, whether all are there."""
    project = Project.open(invocation.files)
    targets = targets_of(source_in(options), project, invocation)
    sightings = observed(project, invocation, targets, options)
    standings = {name: standing(project.dag, observation) for name, observation in sightings.items()}
    failures = {name: observation.failure for name, observation in sightings.items() if observation.failure is not None}
    places = gathered(standings, failures)
    heads = project.dag.heads(dependencies=True)
    if format_ == "json":
        groups = {target.name: target.group for target in targets}
        terminal.document(shown.status_document(standings, sightings, groups, places, heads))
    else:
        terminal.answer(shown.status_lines(places, heads))
    wanted = {"at head"} if check_heads else {"at head", "behind", "skipped", "interrupted", "orphan", "unsound"}
    return all(standing.state in wanted for standing in standings.values())


def observed(
    project: Project, invocation: Invocation, targets: Sequence[Target], options: Mapping[str, Any] = _LOOKING
) -> dict[str, Observation]:
    """Return where each target is, by name. Raises FleetStopped where not every one was looked at."""
    troubles = Troubles()
    with _fleet(project, invocation, targets, None, options, troubles) as (fleet, _):
        found = fleet.survey(list(fleet.targets), "looking")
        _refuse_partial(fleet, troubles)
    return found


def rows_of_targets(
    project: Project, invocation: Invocation, file: str | None, targets: Sequence[Target] = ()
) -> list[tuple[str, tuple[str, ...] | None, str]]:
    """Return the rows of each version table of a targets file, or of `targets`, by name; None with the reason why."""
    chosen = targets if file is None else targets_of(Source(file=file), project, invocation)
    found: list[tuple[str, tuple[str, ...] | None, str]] = []
    for name, observation in observed(project, invocation, chosen).items():
        if observation.failure is not None:
            found.append((name, None, observation.failure.message))
        several = len(observation.rows) > 1
        for place, rows in zip(observation.places, observation.rows, strict=True):
            found.append((f"{name} ({place})" if several else name, tuple(map(str, rows)), ""))
    return found


def show_plan(
    invocation: Invocation, command: Command, revisions: Sequence[str], format_: Formats, options: Mapping[str, Any]
) -> bool:
    """Show the plan of each distinct state. Returns whether every target has one."""
    project = Project.open(invocation.files)
    goal = _goal(project, command, revisions)
    targets = targets_of(source_in(options), project, invocation)
    troubles = Troubles()
    with _fleet(project, invocation, targets, None, options, troubles) as (fleet, _):
        sightings = fleet.survey(list(fleet.targets), "looking", {})
        _refuse_partial(fleet, troubles)
    plans, problems = _planned(project, goal, sightings)
    if options["out"] is not None:
        entries = [plan_file.entry(plan, script_digest, targets=names) for plan, names in plans]
        terminal.answer_in_file(options["out"], plan_file.plan_document(command, " ".join(revisions), entries))
    if format_ != "text":
        terminal.document(shown.plan_document(plans, problems, project.shown_path))
    else:
        terminal.answer(shown.plan_text(plans, problems))
    return not problems


def show_move(
    invocation: Invocation, command: Command, revisions: Sequence[str], format_: Formats, options: Mapping[str, Any]
) -> bool:
    """Show what a move would run, and record no run. Returns whether every target has a plan."""
    if options["resume"] is not None or options.get("plan_file") is not None:
        raise click.UsageError("--dry-run plans from REVISION: leave out --resume and --plan-file")
    return show_plan(invocation, command, revisions, format_, {**options, "out": None})


def carry_out(
    invocation: Invocation, command: Command, revisions: Sequence[str], format_: Formats, options: Mapping[str, Any]
) -> int:
    """Carry out an upgrade, a downgrade or a stamp on a fleet, or go on with one. Returns the exit code."""
    if options["max_connections"] is not None and options["max_connections"] < TO_MOVE:
        raise click.UsageError("--max-connections: a target takes two, env.py's and that of its lock")
    project = Project.open(invocation.files)
    reviewed = None if options.get("plan_file") is None else reviewed_plan(options["plan_file"])
    if reviewed is not None:
        if revisions or options["resume"] is not None:
            raise click.UsageError("--plan-file says what is run: leave out REVISION and --resume")
        revisions = (reviewed.target,)
    target = " ".join(revisions) or options["resume"]
    with announced(project, f"fleet {command}", target) as outcome, ExitStack() as stack:
        if options["resume"] is not None:
            store = stack.enter_context(store_of(options))
            begun = resumed(stack, store, project, invocation, command, revisions, options)
        else:
            if options["take_over"]:
                raise click.UsageError("--take-over goes with --resume")
            goal, source = _goal(project, command, revisions, options["tag"]), source_in(options)
            goal = replace(goal, allows_ahead=bool(options.get("allow_ahead")))
            targets = targets_of(source, project, invocation)
            store = stack.enter_context(store_of(options))
            begun = begin(stack, store, project, goal, source, targets, options)
        outcome.facts["run"] = begun.run.run
        flow = _Flow(project, invocation, store, begun, format_, options, reviewed)
        outcome.exit_code = flow.carry_out()
        outcome.result = flow.document
    return outcome.exit_code


class _Flow:
    """One run, from the first look to the summary."""

    def __init__(
        self,
        project: Project,
        invocation: Invocation,
        store: RunStore,
        begun: Begun,
        format_: Formats,
        options: Mapping[str, Any],
        reviewed: ReviewedPlan | None,
    ) -> None:
        self._project, self._invocation, self._store, self._reviewed = project, invocation, store, reviewed
        self._begun, self._run, self._format = begun, begun.run, format_
        self._options = options
        self._began = time.monotonic()
        self._troubles = Troubles()
        self._way = fleet_way(self._run.source, invocation)
        self.document: dict[str, Any] = {}
        """How the run ended, once it has."""

    def carry_out(self) -> int:
        """Look at the targets, move them, say how that ended; return the exit code."""
        targets, is_interrupted = self._begun.targets, False
        with _fleet(
            self._project, self._invocation, targets, self._run.goal, self._options, self._troubles, self._run.run
        ) as (fleet, reporter):
            stream = self._stream if self._format == "jsonl" else None
            recorder = Recorder(self._store, self._run.run, reporter, self._troubles, stream)
            try:
                reports = self._moved(fleet, recorder)
            except BranchmigError as error:
                recorder.finish(error.message)
                raise
            reason, is_interrupted = fleet.stopped_because, fleet.is_interrupted
            recorder.finish(reason)
        facts = (self._run.run, self._run.goal, reports, time.monotonic() - self._began, reason)
        self.document = shown.run_document(*facts, self._way)
        report(self._troubles, lambda: self._show(reports, reason))
        self._report_troubles()
        if is_interrupted:
            return INTERRUPTED
        if self._troubles:
            return FleetStopped.exit_code
        if all(report.is_at_goal for report in reports):
            return 0
        return TimedOut.exit_code if reason == OUT_OF_TIME else 1

    def _moved(self, fleet: Fleet, recorder: Recorder) -> list[Report]:
        """Look at all targets, then move those that have anywhere to go; return how each of them ended."""
        begun = self._begun.resumption
        names = [*begun.uncertain, *begun.others]
        done = {record.name: record for record in begun.done}
        # Until every target was looked at, nothing is written to any.
        sightings = fleet.survey([*names, *done], "looking", {})
        refuse_moved(self._begun, sightings)
        self._refuse_other_plans(sightings)
        recorder.saw(sightings.values())
        ended = [
            settled(self._project.dag, self._run.goal, record, sightings.get(name)) for name, record in done.items()
        ]
        seen = {name: observation for name, observation in sightings.items() if name not in done}
        moving = Moving(
            self._project.dag, self._run.goal, fleet.targets, seen, begun, recorder, self._options["timeout"]
        )
        fleet.carry_out(moving, self._begun.canary_names)
        reports = {report.name: report for report in (*ended, *moving.close())}
        return [
            reports.get(target.name) or Report(target.name, target.group, "not begun") for target in self._begun.targets
        ]

    def _refuse_other_plans(self, sightings: Mapping[str, Observation]) -> None:
        """Raise PlanMoved where what would run at a target is not what was reviewed."""
        if self._reviewed is None:
            return
        for name, observation in sightings.items():
            ahead = {rows for rows, _ in observation.ahead}
            for rows in observation.rows:
                if rows in ahead:
                    continue
                made = self._run.goal.plan(self._project.dag, rows)
                plan_file.refuse_moved(self._reviewed.of_target(name), made, script_digest, name=name)

    def _stream(self, ended: Report) -> None:
        terminal.document_line(shown.report_line(ended, self._way))

    def _show(self, reports: Sequence[Report], reason: str | None) -> None:
        facts = (self._run.run, self._run.goal, reports, time.monotonic() - self._began, reason)
        if self._format == "json":
            terminal.document(self.document)
        elif self._format == "jsonl":
            terminal.document_line(shown.summary_document(*facts))
        else:
            terminal.answer(shown.run_lines(*facts, self._way))
        if self._invocation.has_notes and not all(report.is_at_goal for report in reports):
            terminal.note(f"To go on: {self._way_on()}")

    def _way_on(self) -> str:
        where = f" --run-file {shlex.quote(self._options['run_file'])}" if self._options["run_file"] else ""
        if self._options["record"] == "control":
            where = f" --record control --control-url-env {self._options['control_url_env']}"
        return f"branchmig fleet {self._run.goal.command} --resume {self._run.run}{where}"

    def _report_troubles(self) -> None:
        if self._troubles and STANDARD_ERROR not in self._troubles.reasons:
            ran = "what ran may go on there" if SCHEDULER in self._troubles.reasons else "what ran has ended"
            terminal.failure(
                FleetStopped(
                    f"{self._troubles.text}; nothing was begun after that, and {ran}",
                    f"branchmig fleet show {self._run.run} shows what is recorded; to go on: {self._way_on()}",
                )
            )


@contextmanager
def _fleet(
    project: Project,
    invocation: Invocation,
    targets: Sequence[Target],
    goal: Goal | None,
    options: Mapping[str, Any],
    troubles: Troubles,
    run: str | None = None,
) -> Iterator[tuple[Fleet, Reporter]]:
    key = run or new_run()
    output = output_file(key)
    shared = run_context_of(project, invocation, key, goal)
    log_format = options.get("log_format")
    with suppress_drawing(terminal.Board(not invocation.has_notes or log_format is not None), troubles) as board:
        reporter = Reporter(board, troubles)
        if log_format is not None:
            reporter = LoggingReporter(log_in(log_format, key), board, troubles)
        with gathered_fleet(project, targets, shared, _work_options(options), reporter, output, troubles) as fleet:
            yield fleet, reporter
    if output == os.devnull:
        return
    if os.path.exists(output) and not os.path.getsize(output):
        os.remove(output)
    elif os.path.exists(output) and invocation.has_notes:
        terminal.note(f"What env.py and the scripts printed is in {output}")


def _work_options(options: Mapping[str, Any]) -> Options:
    is_dask = options["engine"] == "dask"
    if is_dask != (options["scheduler"] is not None):
        raise click.UsageError("--engine dask and --scheduler ADDRESS go together")
    return Options(
        options["scheduler"],
        options["workers"],
        options["max_connections"],
        options.get("max_failures"),
        options["timeout"],
        options["retries"],
        None if options.get("max_time") is None else time.monotonic() + options["max_time"],
    )


def _goal(project: Project, command: Command, revisions: Sequence[str], tag: str | None = None) -> Goal:
    if not revisions:
        raise click.UsageError("Missing argument 'REVISION': it may be left out with --resume alone")
    return set_goal(project.dag, command, revisions, tag)


def _planned(
    project: Project, goal: Goal, sightings: Mapping[str, Observation]
) -> tuple[list[tuple[Plan, tuple[str, ...]]], tuple[TargetGroup, ...]]:
    """Return each distinct state's plan with its targets, and the targets that cannot come to the goal."""
    states: dict[Rows, list[str]] = {}
    standings: dict[str, Standing] = {}
    failures: dict[str, Failure] = {}
    for name, observation in sightings.items():
        if observation.failure is not None:
            standings[name], failures[name] = Standing(observation.outcome), observation.failure
        for rows in observation.rows:
            states.setdefault(rows, []).append(name)
    plans: list[tuple[Plan, tuple[str, ...]]] = []
    for rows, names in states.items():
        try:
            plans.append((goal.plan(project.dag, rows), tuple(names)))
        except BranchmigError as error:
            for name in names:
                standings[name] = standing(project.dag, sightings[name])
                failures[name] = Failure(error.code, error.message, error.hint, error.details)
    return plans, gathered(standings, failures)


def _refuse_partial(fleet: Fleet, troubles: Troubles) -> None:
    """Raise if not every target was looked at: an answer about some is none."""
    if fleet.is_interrupted:
        raise KeyboardInterrupt
    if fleet.stopped_because is not None:
        raise FleetStopped(f"not every target was looked at: {troubles.text or fleet.stopped_because}")
