"""Starts or resumes a run over a fleet: records it before the first inspection, and compares it with the record."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import click

from branchmig import terminal
from branchmig.dag import RevisionDag
from branchmig.errors import BranchmigError, FleetStopped
from branchmig.fleet.goal import Command, Goal, remaining
from branchmig.fleet.owner import TAKE_OVER, owner, refuse_running
from branchmig.fleet.record import Resumption, RunRecord, TargetRecord, moved_away, resumption
from branchmig.fleet.reports import Failure, Observation, Report
from branchmig.fleet.run import address_mark
from branchmig.fleet.sources import control_url, targets_of
from branchmig.fleet.store import RunStore, file_store, new_run
from branchmig.fleet.targets import Target, chosen
from branchmig.fleet.tasks import Source
from branchmig.project.config import Invocation
from branchmig.project.project import Project


@dataclass(frozen=True, slots=True)
class Begun:
    """A run that is recorded: its targets in order, and what is known of them; `marks` are their addresses now."""

    run: RunRecord
    targets: tuple[Target, ...]
    resumption: Resumption
    canary_names: tuple[str, ...]
    records: Mapping[str, TargetRecord]
    marks: Mapping[str, str | None]


def begin(
    stack: ExitStack,
    store: RunStore,
    project: Project,
    goal: Goal,
    source: Source,
    targets: tuple[Target, ...],
    options: Mapping[str, Any],
) -> Begun:
    """Record a new run, before its first look: what dies while it looks can be resumed."""
    name = new_run()
    is_free = stack.enter_context(store.lock(name))
    canaries = options["canary"] or 0
    run = RunRecord(
        name,
        goal,
        source,
        os.getcwd(),
        owner(has_lock=is_free is True),
        time.time(),
        canaries,
        project=project_text(project),
    )
    marks = {target.name: address_mark(target) for target in targets}
    records = [TargetRecord(target.name, target.group, "pending", address=marks[target.name]) for target in targets]
    store.create(run, records)
    first = tuple(target.name for target in targets[:canaries])
    return Begun(run, targets, resumption(records), first, {record.name: record for record in records}, marks)


def resumed(
    stack: ExitStack,
    store: RunStore,
    project: Project,
    invocation: Invocation,
    command: Command,
    revisions: Sequence[str],
    options: Mapping[str, Any],
) -> Begun:
    """Return a recorded run, how far it came, and its targets, whose source is read again."""
    here = project_text(project)
    run, records = store.load(options["resume"], here)
    _refuse_other_project(run, here, is_agreed=options["take_over"])
    is_free = stack.enter_context(store.lock(run.run))
    if not options["take_over"]:
        refuse_running(run, store.place, is_free=is_free)
    if run.goal.command != command or (revisions and tuple(revisions) != run.goal.targets):
        raise FleetStopped(
            f"run {run.run} was to {run.goal.text}, not to {' '.join([command, *revisions])}",
            f"branchmig fleet {run.goal.command} --resume {run.run}",
        )
    if options.get("allow_ahead"):
        run = replace(run, goal=replace(run.goal, allows_ahead=True))
    targets = _targets_again(run, records, project, invocation, options)
    known = {record.name: record for record in records}
    kept = [known[target.name] for target in targets]
    if len(kept) < len(records):
        terminal.note(f"note:  {len(records) - len(kept)} other targets of run {run.run} are left as they are")
    store.take_over(run.run, owner(has_lock=is_free is True))
    begun = resumption(kept)
    if options["canary"] is None:
        first = [record.name for record in records[: run.canaries] if record.name in {two.name for two in targets}]
    else:
        first = [record.name for record in kept if not record.is_done][: options["canary"]]
    marks = {target.name: address_mark(target) for target in targets}
    return Begun(run, targets, begun, tuple(first), known, marks)


def _targets_again(
    run: RunRecord,
    records: Sequence[TargetRecord],
    project: Project,
    invocation: Invocation,
    options: Mapping[str, Any],
) -> tuple[Target, ...]:
    """Return the targets of a run, of which --only and --group may leave some out."""
    given = any(options[name] for name in ("targets", "targets_query", "targets_callable", "schemas"))
    control_url_env = options["control_url_env"] or run.source.control_url_env
    source = source_in(options) if given else replace(run.source, control_url_env=control_url_env)
    every = replace(source, only=() if given else run.source.only, groups=() if given else run.source.groups)
    found = {target.name: target for target in targets_of(every, project, invocation)}
    gone = [record.name for record in records if record.name not in found]
    if gone:
        raise FleetStopped(
            f"{len(gone)} of the run's targets are no longer there, e.g. {gone[0]!r}",
            "give their source as it was, or start a new run",
        )
    targets = [found[record.name] for record in records]
    return chosen(targets, options["only"], options["groups"])


def refuse_moved(begun: Begun, sightings: Mapping[str, Observation]) -> None:
    """Raise FleetStopped where a target that the run has seen leads to another database now."""
    for name, sighting in sightings.items():
        record, mark = begun.records[name], begun.marks[name]
        if moved_away(record, mark, sighting):
            was, now = ", ".join(record.places) or "elsewhere", ", ".join(sighting.places)
            raise FleetStopped(
                f"target {name!r} is another database than when run {begun.run.run} went there: it was {was}, "
                f"and {f'is {now}' if now else 'does not answer now'}; nothing was written anywhere",
                "give the targets as they were, or start a new run",
            )


def settled(dag: RevisionDag, goal: Goal, record: TargetRecord, sighting: Observation | None) -> Report:
    """Return how a target that the run has brought to the goal stands now; recorded is not the same as there."""
    before = record.report()
    if sighting is None:
        return before
    if sighting.failure is not None:
        return replace(before, outcome=sighting.outcome, failure=sighting.failure)
    if sighting.rows == record.after or _is_at_goal(dag, goal, record, sighting):
        return before
    failure = Failure(
        "version-table",
        f"this run has brought it to {_words(record.after)}, and it is at {_words(sighting.rows)} now: "
        "somebody else moved it",
        f"look at it, then start a run of its own: branchmig fleet {goal.text}",
    )
    return replace(before, outcome="failed", after=sighting.rows, failure=failure)


def _is_at_goal(dag: RevisionDag, goal: Goal, record: TargetRecord, sighting: Observation) -> bool:
    try:
        pairs = zip(record.seen or sighting.rows, sighting.rows, strict=True)
        return all(not remaining(dag, goal, seen, rows).steps for seen, rows in pairs)
    except (BranchmigError, ValueError):
        return False


def _words(rows: Sequence[Sequence[str]]) -> str:
    return "; ".join(", ".join(revision) or "base" for revision in rows) or "base"


def project_text(project: Project) -> str:
    """Return the identity of a checkout's project: its settings file, with the folders' links followed."""
    files = project.config.files
    place = files.ini if files.ini.exists() or not files.toml.exists() else files.toml
    return f"{os.path.realpath(place)} [{files.section}]"


def _refuse_other_project(run: RunRecord, here: str, *, is_agreed: bool) -> None:
    if run.project and run.project != here and not is_agreed:
        raise FleetStopped(
            f"run {run.run} is of another project: of {run.project}, and this is {here}",
            f"go on with it there: cd {run.folder}; or, if both are checkouts of the same commit: {TAKE_OVER}",
        )


def source_in(options: Mapping[str, Any]) -> Source:
    """Return where the targets come from, as the options say."""
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


@contextmanager
def store_of(options: Mapping[str, Any]) -> Iterator[RunStore]:
    """Give the records of runs: in a file, or in the control database."""
    if options["record"] == "local":
        with file_store(options["run_file"]) as store:
            if store.warning is not None:
                terminal.warning(store.warning)
            yield store
        return
    if options["run_file"]:
        raise click.UsageError("--record control and --run-file exclude one another")
    from branchmig.database.fleet_control import control_database

    url, variable = control_url(options["control_url_env"])
    with control_database(url, variable) as database:
        yield RunStore(database, f"the database in ${variable}")
