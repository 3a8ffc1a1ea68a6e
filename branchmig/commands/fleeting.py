"""What the commands of `fleet` share: their options to values, the flow of a run, and what is told on its way."""

from __future__ import annotations

import os
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import click

from branchmig import terminal
from branchmig.errors import BranchmigError, FleetStopped
from branchmig.fleet.goal import set_goal
from branchmig.fleet.record import RunRecord, TargetRecord, known_identities, resumption
from branchmig.fleet.reports import Failure, Gathering, Report, Standing, gathered, standing
from branchmig.fleet.tasks import Source
from branchmig.fleet_moves import Moving
from branchmig.fleet_run import TO_MOVE, Options, charge_of, gathered_fleet
from branchmig.fleet_sources import control_url, targets_of
from branchmig.fleet_store import RunStore, file_store, new_run, output_file, owner, refuse_running
from branchmig.project import Project
from branchmig.render import fleet as shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from branchmig.config import Invocation
    from branchmig.fleet.goal import Command, Goal
    from branchmig.fleet.record import Resumption
    from branchmig.fleet.reports import Rows, Sighting
    from branchmig.fleet.targets import Target
    from branchmig.fleet_run import Fleet
    from branchmig.model import Plan

    Formats = Literal["text", "json", "jsonl"]

INTERRUPTED = 130


def show_status(invocation: Invocation, format_: Formats, options: Mapping[str, Any], *, check_heads: bool) -> bool:
    """Show where every target is. Returns whether all could be asked; with `check_heads`, whether all are there."""
    project = Project.open(invocation.files)
    targets = targets_of(_source(options), project, invocation)
    with _fleet(project, invocation, targets, None, options) as (fleet, _):
        sightings = fleet.survey(list(fleet.targets), "looking")
        _refuse_interrupted(fleet)
    standings = {name: standing(project.dag, one) for name, one in sightings.items()}
    failures = {name: one.failure for name, one in sightings.items() if one.failure is not None}
    places = gathered(standings, failures)
    heads = project.dag.heads(dependencies=True)
    if format_ == "json":
        groups = {one.name: one.group for one in targets}
        terminal.document(shown.status_document(standings, sightings, groups, places, heads))
    else:
        terminal.answer(shown.status_lines(places, heads))
    wanted = {"at head"} if check_heads else {"at head", "behind", "skipped", "interrupted", "orphan", "unsound"}
    return all(one.state in wanted for one in standings.values())


def show_plan(
    invocation: Invocation, command: Command, revisions: Sequence[str], format_: Formats, options: Mapping[str, Any]
) -> bool:
    """Show the plan of each distinct state. Returns whether every target has one."""
    project = Project.open(invocation.files)
    goal = _goal(project, command, revisions)
    targets = targets_of(_source(options), project, invocation)
    with _fleet(project, invocation, targets, None, options) as (fleet, _):
        sightings = fleet.survey(list(fleet.targets), "looking", {})
        _refuse_interrupted(fleet)
    plans, problems = _planned(project, goal, sightings)
    if format_ == "json":
        terminal.document(shown.plan_document(plans, problems, project.shown_path))
    else:
        terminal.answer(shown.plan_text(plans, problems))
    return not problems


def carry_out(
    invocation: Invocation, command: Command, revisions: Sequence[str], format_: Formats, options: Mapping[str, Any]
) -> int:
    """Carry out an upgrade, a downgrade or a stamp on a fleet, or go on with one. Returns the exit code."""
    if options["max_connections"] is not None and options["max_connections"] < TO_MOVE:
        raise click.UsageError("--max-connections: a target takes two, env.py's and that of its lock")
    project = Project.open(invocation.files)
    with _store(options) as store:
        if options["resume"] is None:
            goal, source = _goal(project, command, revisions, options["tag"]), _source(options)
            targets = targets_of(source, project, invocation)
            run = RunRecord(new_run(), goal, source, os.getcwd(), owner(), time.time(), options["canary"])
            begun = resumption([TargetRecord(one.name, one.group, "pending") for one in targets])
        else:
            run, begun, targets = _resumed(store, project, invocation, command, revisions, options)
        flow = _Flow(project, invocation, store, run, begun, format_, options)
        return flow.carry_out(targets, is_new=options["resume"] is None)


class _Flow:
    """One run, from the first look to the summary."""

    def __init__(
        self,
        project: Project,
        invocation: Invocation,
        store: RunStore,
        run: RunRecord,
        begun: Resumption,
        format_: Formats,
        options: Mapping[str, Any],
    ) -> None:
        self._project, self._invocation, self._store = project, invocation, store
        self._run, self._begun, self._format = run, begun, format_
        self._options = {**options, "canary": run.canaries}
        self._began = time.monotonic()

    def carry_out(self, targets: Sequence[Target], *, is_new: bool) -> int:
        """Look at the targets, move them, tell of it; return the exit code."""
        names = [*self._begun.uncertain, *self._begun.others]
        with _fleet(self._project, self._invocation, targets, self._run.goal, self._options, self._run.run) as opened:
            fleet, teller = opened
            known = known_identities(self._begun.done)
            # Until every target was looked at, nothing is written: no run is recorded that two names for one
            # database keep from beginning.
            sightings = fleet.survey(names, "looking", known)
            if is_new:
                self._store.create(self._run, [TargetRecord(one.name, one.group, "pending") for one in targets])
            recorder = _Recorder(self._store, self._run.run, teller, self._format)
            moving = Moving(
                self._project.dag,
                self._run.goal,
                fleet.targets,
                sightings,
                self._begun.seen,
                recorder,
                self._options["timeout"],
            )
            fleet.carry_out(moving)
            reports = self._every_report(targets, moving.close())
            reason = fleet.stopped_because
            self._store.finish(self._run.run, time.time(), reason)
        self._show(reports, reason)
        if fleet.is_interrupted:
            return INTERRUPTED
        return 0 if all(one.is_at_goal for one in reports) else 1

    def _every_report(self, targets: Sequence[Target], moved: Iterable[Report]) -> list[Report]:
        ended = {one.name: one for one in moved}
        ended |= {one.name: one.report() for one in self._begun.done}
        return [ended.get(one.name) or Report(one.name, one.group, "not begun") for one in targets]

    def _show(self, reports: Sequence[Report], reason: str | None) -> None:
        told = (self._run.run, self._run.goal, reports, time.monotonic() - self._began, reason)
        if self._format == "json":
            terminal.document(shown.run_document(*told))
        elif self._format == "jsonl":
            terminal.document_line(shown.summary_document(*told))
        else:
            terminal.answer(shown.run_lines(*told))
        if self._invocation.is_told and not all(one.is_at_goal for one in reports):
            where = f" --run-file {self._options['run_file']}" if self._options["run_file"] else ""
            terminal.note(f"To go on: branchmig fleet {self._run.goal.command} --resume {self._run.run}{where}")


class _Teller:
    """Tells on standard error of what happens to a fleet."""

    def __init__(self, board: terminal.Board) -> None:
        self._board = board
        self._title, self._total, self._done = "", 0, 0
        self._counts: Counter[str] = Counter()
        self._running: Sequence[str] = ()

    def phase(self, title: str, total: int) -> None:
        self._title, self._total, self._done = title, total, 0
        self._counts.clear()

    def running(self, names: Sequence[str]) -> None:
        self._running = names
        self._show()

    def seen(self, sighting: Sighting) -> None:
        self._done += 1
        self._counts["reached" if sighting.failure is None else sighting.outcome] += 1
        if sighting.failure is not None:
            self._board.line(f"{sighting.name}: {sighting.outcome}: {sighting.failure.message}")

    def ended(self, report: Report) -> None:
        self._done += 1
        self._counts[report.outcome] += 1
        if report.failure is not None:
            self._board.line(f"{report.name}: {report.outcome}: {report.failure.message}")

    def again(self, name: str, failure: Failure | None) -> None:
        self._board.line(f"{name}: will be tried again: {failure.message if failure else ''}")

    def interrupted(self) -> None:
        self._board.line("Interrupted: what runs is finished, nothing new begins; once more, and all ends at once.")

    def _show(self) -> None:
        self._board.show(self._title, self._done, self._total, self._counts, self._running)


class _Recorder:
    """Records what happens, then tells of it."""

    def __init__(self, store: RunStore, run: str, teller: _Teller, format_: Formats) -> None:
        self._store, self._run, self._teller, self._format = store, run, teller, format_

    def begin(self, begun: Sequence[tuple[str, tuple[Rows, ...], tuple[str, ...]]]) -> None:
        self._store.begin(self._run, begun)

    def again(self, name: str, failure: Failure | None) -> None:
        self._teller.again(name, failure)

    def end(self, reports: Iterable[Report]) -> None:
        ended = list(reports)
        self._store.end(self._run, ended)
        for one in ended:
            self._teller.ended(one)
            if self._format == "jsonl":
                terminal.document_line(shown.report_line(one))


@contextmanager
def _fleet(
    project: Project,
    invocation: Invocation,
    targets: Sequence[Target],
    goal: Goal | None,
    options: Mapping[str, Any],
    run: str | None = None,
) -> Iterator[tuple[Fleet, _Teller]]:
    key = run or new_run()
    output = output_file(key)
    charge = charge_of(project, invocation, key, goal)
    with terminal.Board(not invocation.is_told) as board:
        teller = _Teller(board)
        with gathered_fleet(project, targets, charge, _work_options(options), teller, output) as fleet:
            yield fleet, teller
    if os.path.exists(output) and not os.path.getsize(output):
        os.remove(output)
    elif os.path.exists(output) and invocation.is_told:
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
        options.get("canary", 0),
        options["timeout"],
        options["retries"],
    )


def _source(options: Mapping[str, Any]) -> Source:
    source = Source(
        options["targets"],
        options["targets_query"],
        options["targets_callable"],
        options["schemas"],
        options["control_url_env"],
        options["x_name"],
        options["only"],
        options["groups"],
    )
    if len(source.kinds) != 1:
        kinds = "--targets, --targets-query, --targets-callable, --schemas"
        raise click.UsageError(f"give one of {kinds}" + (f", not {' and '.join(source.kinds)}" if source.kinds else ""))
    return source


def _goal(project: Project, command: Command, revisions: Sequence[str], tag: str | None = None) -> Goal:
    if not revisions:
        raise click.UsageError("Missing argument 'REVISION': it may be left out with --resume alone")
    return set_goal(project.dag, command, revisions, tag)


@contextmanager
def _store(options: Mapping[str, Any]) -> Iterator[RunStore]:
    if options["record"] == "local":
        with file_store(options["run_file"]) as store:
            yield store
        return
    if options["run_file"]:
        raise click.UsageError("--record control and --run-file exclude one another")
    from branchmig.database.fleet_control import control_database

    url, variable = control_url(options["control_url_env"])
    with control_database(url, variable) as database:
        yield RunStore(database, f"the database in ${variable}")


def _resumed(
    store: RunStore,
    project: Project,
    invocation: Invocation,
    command: Command,
    revisions: Sequence[str],
    options: Mapping[str, Any],
) -> tuple[RunRecord, Resumption, tuple[Target, ...]]:
    """Return a recorded run, how far it came, and its targets, whose source is read again."""
    run, records = store.load(options["resume"])
    refuse_running(run, store.place)
    if run.goal.command != command or (revisions and tuple(revisions) != run.goal.targets):
        raise FleetStopped(
            f"run {run.run} was to {run.goal.text}, not to {' '.join([command, *revisions])}",
            f"branchmig fleet {run.goal.command} --resume {run.run}",
        )
    given = any(options[name] for name in ("targets", "targets_query", "targets_callable", "schemas"))
    source = _source(options) if given else replace(run.source, **_control(options))
    found = {one.name: one for one in targets_of(source, project, invocation)}
    gone = [one.name for one in records if one.name not in found]
    if gone:
        raise FleetStopped(
            f"{len(gone)} of the run's targets are no longer there, e.g. {gone[0]!r}",
            "give their source as it was, or start a new run",
        )
    store.take_over(run.run, owner())
    targets = tuple(found[one.name] for one in records)
    return replace(run, owner=owner()), resumption(records), targets


def _control(options: Mapping[str, Any]) -> dict[str, Any]:
    return {"control_url_env": options["control_url_env"]} if options["control_url_env"] else {}


def _planned(
    project: Project, goal: Goal, sightings: Mapping[str, Sighting]
) -> tuple[list[tuple[Plan, tuple[str, ...]]], tuple[Gathering, ...]]:
    """Return each distinct state's plan with its targets, and the targets that cannot come to the goal."""
    states: dict[Rows, list[str]] = {}
    standings: dict[str, Standing] = {}
    failures: dict[str, Failure] = {}
    for name, one in sightings.items():
        if one.failure is not None:
            standings[name], failures[name] = Standing("unreachable"), one.failure
        for rows in one.rows:
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


def _refuse_interrupted(fleet: Fleet) -> None:
    if fleet.is_interrupted:
        raise KeyboardInterrupt
