"""What upgrade and downgrade share: show the plan, run it, or write it as SQL."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from branchmig import terminal
from branchmig.commands.shared.flow import say_outcome, show_plans, warn_of_no_revisions
from branchmig.commands.shared.readable import looked_for_elsewhere
from branchmig.commands.shared.run_commands import announced
from branchmig.commands.shared.run_log import log_in, new_name
from branchmig.commands.shared.shared_states import keep_shared_apart
from branchmig.commands.shared.through_squash import needed_scripts, past_retired, run_through_squash
from branchmig.dag import RevisionDag
from branchmig.errors import Interrupted, InvalidTarget, OrphanRevision, PlanMoved, TimedOut
from branchmig.identifiers import parse
from branchmig.model import Plan, Revision
from branchmig.planning import plan_file
from branchmig.planning.plan import from_place
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.project.worktree import read_file
from branchmig.render.documents import slowest_text, statement_lines, statements_entry, timed_document
from branchmig.render.problems import relative

if TYPE_CHECKING:
    from branchmig.commands.shared.migrate_options import MigrateCommand, PlanOptions
    from branchmig.commands.shared.unrecorded import UnrecordedNotes
    from branchmig.database.run.environment import Environment
    from branchmig.database.run.run_listener import RunListener
    from branchmig.database.run.step_times import StepTimes
    from branchmig.planning.plan_file import ReviewedPlan
    from branchmig.workflows.old_scripts import OldScripts

MAX_TIME = "--max-time"


def travel(invocation: Invocation, journey: MigrateCommand, showing: PlanOptions) -> None:
    """Carry out an upgrade or a downgrade as its options say."""
    _refuse_mixtures(journey, showing)
    project = Project.open(invocation.files)
    if showing.plan_only or showing.check_only:
        invocation = replace(invocation, keeps_log=False)
    if showing.plan_only:
        _show(project, invocation, journey, showing)
        return
    if showing.check_only:
        from branchmig.commands.shared.live_checks import answer_check

        environment = _environment(project, invocation, journey)
        answer_check(environment, lambda rows: journey.plan_all(project.dag, journey.target, rows), showing.format_)
        return
    start, target = _range(journey)
    if not project.env_names_locations:
        with looked_for_elsewhere(project):
            for name in (target, *journey.others):
                _refuse_unknown(project.dag, name)
    for problem in project.worktree.markers:
        terminal.warning(relative(problem.message, problem, project.shown_path))
    if journey.as_sql:
        _carry_out(project, invocation, journey, showing, (start, target))
        return
    keep_shared_apart(project, invocation, journey.command)
    with announced(project, journey.command, " ".join((target, *journey.others))) as outcome:
        if project.config.settings.checks and journey.command == "upgrade":
            from branchmig.commands.shared.live_checks import refuse_violations

            environment = _environment(project, invocation, journey)
            refuse_violations(environment, lambda rows: journey.plan_all(project.dag, target, rows), target)
        if project.config.settings.drift_check and journey.command == "downgrade":
            from branchmig.commands.shared.live_checks import refuse_drift

            refuse_drift(project, invocation)
        outcome.facts["run"] = run = new_name()
        outcome.result = _carry_out(project, invocation, journey, showing, (start, target), run)


def _carry_out(
    project: Project,
    invocation: Invocation,
    journey: MigrateCommand,
    showing: PlanOptions,
    range_: tuple[str | None, str],
    run: str = "",
) -> dict[str, Any]:
    """Run, or write as SQL, and say what was done; return that as a document."""
    times, notes = _times(showing, run), _notes(project, journey)
    listeners = [*notes, *([] if journey.as_sql else [times])]
    if showing.keep_rows:
        from branchmig.database.keeping.rows import RowsSetAside

        listeners.append(RowsSetAside(terminal.note, is_agreed=showing.is_agreed))

    def run_it(at: Project, old: OldScripts | None) -> list[Plan]:
        return _run(_environment(at, invocation, journey), invocation, journey, range_, listeners, old)

    try:
        plans = run_through_squash(project, invocation, journey, run_it)
    except Interrupted as error:
        if MAX_TIME not in error.message:
            raise
        raise TimedOut(error.message, error.hint, error.details) from error
    warn_of_no_revisions(project.dag, project)
    document = timed_document(plans, times.times, times.seconds, project.shown_path)
    document["slow_statements"] = statements_entry(times.statements)
    if showing.format_ == "json":
        terminal.document(document)
    elif not journey.as_sql:
        say_outcome(plans, invocation, journey.done, [revision_id for note in notes for revision_id in note.skipped])
        slowest = slowest_text(times.times)
        if invocation.has_notes and slowest:
            terminal.note(slowest)
            terminal.note(*statement_lines(times.statements))
    return document


def _times(showing: PlanOptions, run: str) -> StepTimes:
    from branchmig.database.run.step_times import StepTimes

    log = None if showing.log_format is None else log_in(showing.log_format, run)
    return StepTimes(log, showing.max_time)


def _refuse_mixtures(journey: MigrateCommand, showing: PlanOptions) -> None:
    if not showing.plan_only:
        if showing.from_:
            raise click.UsageError("--from goes with --plan: a run asks the database where it is")
        if showing.merged_with or showing.at != "worktree":
            raise click.UsageError("--at and --with go with --plan: only the work tree's scripts are run")
    if (showing.plan_only or journey.as_sql) and (showing.log_format or showing.max_time):
        raise click.UsageError("--log-format and --max-time go with a run: leave out --plan and --sql")
    if journey.as_sql and (showing.plan_only or showing.format_ == "json"):
        raise click.UsageError("--sql writes SQL: leave out --plan and --format json")
    if journey.allows_ahead and (journey.as_sql or showing.plan_only):
        raise click.UsageError("--allow-ahead goes with a run: leave out --sql and --plan")


def _show(project: Project, invocation: Invocation, journey: MigrateCommand, showing: PlanOptions) -> None:
    """Show the plan of each version table, or of the rows that --from gives, at the place asked for."""
    from branchmig.commands.shared.plan_losses import plan_losses  # what reads scripts is half as large as SQLAlchemy

    view = project.view(showing.at, showing.merged_with)
    if not project.env_names_locations:
        with looked_for_elsewhere(project):
            _refuse_unknown(view.dag, journey.target)
    if showing.from_:
        rows = tuple(dict.fromkeys(row for name in showing.from_ for row in view.dag.resolve(name)))
        plans = [journey.plan(view.dag, journey.target, rows)]
        losses = [plan_losses(view, plans[0], None)]
    else:
        from branchmig.database.run.runner import read_plans

        environment = _environment(project, invocation, journey)
        databases: list[str] = []
        is_as_run = view is project.worktree and showing.out is None

        def plan(rows: Sequence[str | None]) -> Plan:
            databases.append(_database(environment))
            texts: Mapping[str, bytes] = {}
            try:
                made = journey.plan(view.dag, journey.target, rows)
            except OrphanRevision:
                past = past_retired(environment, journey, journey.target, rows) if is_as_run else None
                old = needed_scripts(project, journey, rows) if past is None and is_as_run else None
                past = past if old is None else old.plan(journey.target, rows)
                if past is None:
                    raise
                made = past
                texts = {} if old is None else old.read(project)
            losses.append(plan_losses(view, made, environment, texts))
            return made

        losses = []
        plans = read_plans(environment, plan, tag=journey.tag)
        if showing.out is not None:
            entries = [plan_file.entry(made, script_digest, at) for made, at in zip(plans, databases, strict=True)]
            terminal.answer_in_file(showing.out, plan_file.plan_document(journey.command, journey.target, entries))
    shown = [from_place(plan, view.source) for plan in plans]
    show_plans(shown, showing.format_, project.shown_path, losses=losses)


def _notes(project: Project, journey: MigrateCommand) -> list[UnrecordedNotes]:
    """Return who says, where no journal is kept, what git's pins know to be skipped or edited."""
    settings = project.config.settings
    if journey.command != "upgrade" or journey.as_sql or settings.journal or not settings.pins:
        return []
    from branchmig.commands.shared.unrecorded import UnrecordedNotes

    return [UnrecordedNotes(project)]


def _run(
    environment: Environment,
    invocation: Invocation,
    journey: MigrateCommand,
    range_: tuple[str | None, str],
    listeners: Sequence[RunListener],
    old: OldScripts | None = None,
) -> list[Plan]:
    from branchmig.database.run.quiet import unless_logged
    from branchmig.database.run.runner import run_plans

    start, target = range_
    project = environment.project
    progress = terminal.Progress(not invocation.has_notes)
    environment.typed_start = start
    ahead = _ahead(environment, journey) if journey.allows_ahead else {}
    make_plan = _as_reviewed(environment, journey)

    def plan(rows: Sequence[str | None]) -> Plan:
        try:
            made = make_plan(project.dag, target, rows)
            return made if old is None else old.settled(made)
        except OrphanRevision:
            past = past_retired(environment, journey, target, rows)
            if past is None or journey.reviewed is not None:
                raise
            return past

    return run_plans(
        environment,
        lambda rows: Plan(at) if (at := tuple(sorted(map(str, rows)))) in ahead else plan(rows),
        unless_logged(progress.step),
        listeners,
        as_sql=journey.as_sql,
        starting_rev=None if start is None else offline_start(project.dag, start),
        destination_rev=(target, *journey.others) if journey.others else target,
        tag=journey.tag,
    )


def reviewed_plan(name: str) -> ReviewedPlan:
    """Return the plan that a file holds. Raises PlanMoved for a file that holds none."""
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise PlanMoved(f"{name} cannot be read: {reason}", "branchmig upgrade REVISION --plan --out FILE") from error
    return plan_file.read_plan(text, name)


def script_digest(revision: Revision) -> str | None:
    """Return a digest of the text of a revision's script."""
    return None if revision.path is None else hashlib.sha256(read_file(revision.path)).hexdigest()


def _database(environment: Environment) -> str:
    from branchmig.database.identity import identity_of

    assert environment.context is not None
    return str(identity_of(environment.context))


def _as_reviewed(
    environment: Environment, journey: MigrateCommand
) -> Callable[[RevisionDag, str, Sequence[str | None]], Plan]:
    """Return the planner; it refuses, under the lock and before the first step, what was not reviewed."""
    reviewed = journey.reviewed
    if reviewed is None:
        return journey.plan_all
    left = {plan["database"]: plan for plan in reviewed.plans if "database" in plan}
    begun: set[str] = set()

    def plan(dag: RevisionDag, target: str, rows: Sequence[str | None]) -> Plan:
        made, database = journey.plan(dag, target, rows), _database(environment)
        entry = left.get(database) or (reviewed.plans[0] if len(reviewed.plans) == 1 else None)
        if entry is not None and database in begun:
            # env.py is run again after a wait for a table: what of the plan is done was committed by this very run.
            entry = {
                **entry,
                "from": list(made.applied),
                "steps": entry["steps"][len(entry["steps"]) - len(made.steps) :],
            }
        plan_file.refuse_moved(entry, made, script_digest, database)
        begun.add(database)
        return made

    return plan


def _ahead(environment: Environment, journey: MigrateCommand) -> Mapping[tuple[str, ...], tuple[str, ...]]:
    """Return the rows of the databases that are ahead of this checkout, and say what is."""
    from branchmig.database.reader import databases_ahead

    found = databases_ahead(environment, tag=journey.tag)
    for rows, beyond in found.items():
        terminal.note(
            f"note:  the database is ahead of this checkout: it is at {', '.join(rows)}; it has also "
            f"applied {', '.join(beyond)}"
        )
    return found


def _environment(project: Project, invocation: Invocation, journey: MigrateCommand) -> Environment:
    from branchmig.database.run.environment import Environment

    options = {"revision": journey.target, "sql": journey.as_sql, "tag": journey.tag}
    return Environment(project, invocation, journey.command, options)


def _range(journey: MigrateCommand) -> tuple[str | None, str]:
    """Split `a:b`, which only --sql takes. Raises InvalidTarget with alembic's words."""
    start, colon, target = journey.target.partition(":")
    if not colon:
        if journey.as_sql and journey.command == "downgrade":
            raise InvalidTarget("downgrade with --sql requires <fromrev>:<torev>", "e.g. head:-1, or ae10:base")
        return None, journey.target
    if not journey.as_sql:
        raise InvalidTarget("Range revision not allowed", "name the target alone; a range goes with --sql")
    if not start or not target or ":" in target:
        raise InvalidTarget(f"{journey.target!r} is no range", "give both ends, e.g. base:head")
    for end in (start, target):
        refuse_asking(end)
    refuse_relative_start(start)
    return start, target


def refuse_asking(name: str) -> None:
    """Refuse `current` where no database is asked. Raises InvalidTarget."""
    if name.rpartition("@")[2].partition("+")[0].partition("-")[0] == "current":
        raise InvalidTarget(
            f"{name!r} cannot be known with --sql: no database is asked",
            "'branchmig current' shows the revision to write in its place",
        )


def refuse_relative_start(start: str) -> None:
    """Refuse a start that counts from what is applied: no database is asked. Raises InvalidTarget."""
    if start.rpartition("@")[2][:1] in ("+", "-"):
        raise InvalidTarget(
            f"the start {start!r} of a range counts from what is applied, and with --sql no database is asked",
            "name the revision, e.g. base:head",
        )


def _refuse_unknown(dag: RevisionDag, target: str) -> None:
    """Refuse a target that names nothing before env.py connects anywhere."""
    if not parse(dag, target).is_relative_to_database and target != "current":
        dag.resolve(target)


def offline_start(dag: RevisionDag, start: str) -> str | tuple[str, ...]:
    """Return the start of a range as alembic's starting_rev takes it."""
    found = dag.resolve(start)
    return found[0] if len(found) == 1 else found or "base"
