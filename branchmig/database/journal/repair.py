"""Writes a person's decisions into the journal: accepted edits, resolved interrupted steps."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from alembic.runtime.migration import MigrationContext

from branchmig.database.journal.journal import Journal, ledger_of
from branchmig.database.journal.shown_objects import looked_at
from branchmig.database.journal.statements import OtherStatement, forget, is_running, mark_done
from branchmig.database.run.interrupted_steps import beside, left_behind
from branchmig.database.run.runner import run_plans, run_work
from branchmig.database.run.side_connection import SideConnection, SideConnections
from branchmig.effects.ddl_facts import facts_of, is_done
from branchmig.errors import BranchmigError, MigrationFailed, RevisionFileError, UnfinishedRevision, UnknownRevision
from branchmig.model import Plan, Step
from branchmig.planning.interrupted_step import Unfinished, ordinal, shown
from branchmig.planning.plan import check_applied

if TYPE_CHECKING:
    from branchmig.database.run.environment import Environment

Decision = Literal["resume", "applied", "not-applied"]

SESSION_ENDS_WITHIN = 10.0
"""Seconds. A server may notice late that a client was killed, and carries on with its last statement until then."""


def record_baseline(environment: Environment) -> list[str]:
    """Record the present scripts of what was applied before there was a journal; return the revisions, sorted."""
    project = environment.project
    recorded: set[str] = set()

    def work(rows: tuple[str, ...], context: MigrationContext) -> None:
        ledger = ledger_of(context, project, check_applied(project.dag, rows))
        chosen = [revision for revision in ledger.unknown if revision in project.dag]
        if chosen:
            Journal(project, environment.command).accept(context, ledger, chosen)
        recorded.update(chosen)

    run_work(environment, work, lambda: list(recorded))
    return sorted(recorded)


def accept_scripts(
    environment: Environment, revisions: Sequence[str], *, is_skipped_too: bool = False, is_dry_run: bool = False
) -> list[str]:
    """Record the present scripts and parents of some revisions as the applied ones; return which it concerned.

    With `is_dry_run`, only return which. Without `revisions`, ids in full, of all that were edited.
    Raises UnknownRevision for one that is not applied.
    """
    project = environment.project
    accepted: list[str] = []
    refused = (None,) if is_skipped_too else (None, "skipped")

    def work(rows: tuple[str, ...], context: MigrationContext) -> None:
        ledger = ledger_of(context, project, check_applied(project.dag, rows))
        wrong = [revision for revision in revisions if ledger.states.get(revision) in refused]
        if wrong:
            raise UnknownRevision(
                f"revision {wrong[0]!r} is not applied, so there is nothing of it to accept",
                "branchmig current -v shows what the database is at",
                wrong[0],
            )
        chosen = (
            [revision for revision in revisions if ledger.states[revision] != "applied"]
            if revisions
            else list(ledger.edited)
        )
        if chosen and not is_dry_run:
            Journal(project, environment.command).accept(context, ledger, chosen)
        accepted.extend(chosen)

    run_work(environment, work, lambda: accepted and not is_dry_run)
    return list(dict.fromkeys(accepted))


@dataclass(frozen=True, slots=True)
class Finding:
    """An unfinished step, and whether the statement that was under way is done; None where nothing shows it.

    It is None, too, where no statement was under way.
    """

    unfinished: Unfinished
    is_last_done: bool | None

    @property
    def is_certain(self) -> bool:
        """Whether it is known of each statement that it is done, or is not."""
        return self.unfinished.uncertain is None or self.is_last_done is not None


def unfinished_steps(environment: Environment) -> list[Finding]:
    """Return the interrupted steps of all databases of env.py, with the state of their tables.

    Raises UnfinishedRevision while the server still runs the last statement of one.
    """

    def look(rows: tuple[str, ...], context: MigrationContext) -> list[Finding]:
        unfinished = left_behind(context, ledger_of(context, environment.project, tuple(map(str, rows))))
        if not unfinished:
            return []
        with closing(SideConnections()) as sides:
            side = beside(sides, context)
            return [Finding(step, _look(side, step)) for step in unfinished]

    return [finding for findings in environment.ask(look) for finding in findings]


def settle(environment: Environment, finding: Finding, decision: Decision, announce: Any) -> None:
    """Settle an unfinished step as was decided. Raises what run_plans raises, and BranchmigError where it cannot be.

    `resume` runs the script from its first statement on, passing over those that are done.
    """
    step = finding.unfinished
    if decision == "resume":
        _refuse_resume(finding)
    environment.settled = step.step
    _forget(environment, finding, after=len(step.done) + bool(finding.is_last_done))
    if decision == "not-applied":
        _forget(environment, finding, after=0)
        return
    if decision == "applied" and step.heads_before == step.heads_after:
        accept_scripts(environment, [step.revision], is_skipped_too=True)
    else:
        _run_step(environment, step, decision, announce)
    if decision == "applied":
        _forget(environment, finding, after=0)


def _run_step(environment: Environment, unfinished: Unfinished, decision: Decision, announce: Any) -> None:
    dag, name = environment.project.dag, unfinished.revision
    if name not in dag:
        raise UnknownRevision(
            f"revision {name!r} is not in this checkout", "switch to the git branch that has it", name
        )
    direction: Any = unfinished.direction if decision == "resume" else "stamp"
    step = Step(direction, dag[name], unfinished.heads_before, unfinished.heads_after)
    try:
        run_plans(environment, lambda rows: _plan_with(environment, unfinished, step, rows), announce)
    except (OtherStatement, MigrationFailed) as error:
        other = error if isinstance(error, OtherStatement) else error.__cause__
        if isinstance(other, OtherStatement):
            raise _other(other, unfinished) from error
        raise


def _plan_with(environment: Environment, unfinished: Unfinished, step: Step, rows: Sequence[str | None]) -> Plan:
    at = check_applied(environment.project.dag, rows)
    if at != unfinished.heads_before:
        raise UnfinishedRevision(
            f"the version table says {', '.join(at) or 'base'}; "
            f"when {unfinished.direction} of {unfinished.revision!r} was interrupted it said "
            f"{', '.join(unfinished.heads_before) or 'base'}",
            "branchmig repair --mark-not-applied leaves it as it is now",
            unfinished.revision,
        )
    return Plan(at, (step,))


def _other(error: OtherStatement, step: Unfinished) -> BranchmigError:
    if error.found == error.expected.text:
        return UnfinishedRevision(
            f"{step.revision!r} cannot be resumed: its {ordinal(error.expected.number)} statement is done, and used a "
            f"temporary table, which ended with its session: {shown(error.found)}; nothing was run",
            "finish it by hand: branchmig repair --mark-applied, or --mark-not-applied once it is undone",
            step.revision,
        )
    return RevisionFileError(
        f"the script of {step.revision!r} does not begin as it did: its {ordinal(error.expected.number)} statement was "
        f"{shown(error.expected.text)}, and is {shown(error.found)}; nothing was run",
        "resume it by hand: branchmig repair --mark-applied, or --mark-not-applied once it is undone",
    )


def _refuse_resume(finding: Finding) -> None:
    step = finding.unfinished
    if not finding.is_certain:
        assert step.uncertain is not None
        raise UnfinishedRevision(
            f"branchmig cannot tell whether the {ordinal(step.uncertain.number)} statement is done: "
            f"{shown(step.uncertain.text)}",
            "look at the database, then give --under-way done, or --under-way not-done",
            step.revision,
        )
    if needed := step.needed_again:
        raise UnfinishedRevision(
            f"{step.revision!r} cannot be resumed: its {ordinal(needed.number)} statement is done, and what follows "
            f"may need what it left in its session: {shown(needed.text)}",
            "finish it by hand: branchmig repair --mark-applied, or --mark-not-applied once it is undone",
            step.revision,
        )
    if not step.is_in_order:
        raise UnfinishedRevision(
            f"{step.revision!r} cannot be resumed: a statement failed, and the script went on after it",
            "finish it by hand: branchmig repair --mark-applied, or --mark-not-applied once it is undone",
            step.revision,
        )


def _look(side: SideConnection, step: Unfinished) -> bool | None:
    until = time.monotonic() + SESSION_ENDS_WITHIN
    while side.ask(lambda own: is_running(own, step.session)):
        if time.monotonic() > until:
            raise UnfinishedRevision(
                f"the session that ran {step.direction} of revision {step.revision!r} is still there: {step.session}",
                f"wait until it has ended, or end it: KILL {step.session}",
                step.revision,
            )
        time.sleep(0.05)
    last = step.uncertain
    facts = None if last is None else facts_of(last.text)
    if last is None or facts is None:
        return None
    return is_done(facts, last.looked, side.ask(lambda own: looked_at(own, facts)))


def _forget(environment: Environment, finding: Finding, after: int) -> None:
    """Delete what is recorded of statements that are not done; record that the one under way is, where it is."""
    step = finding.unfinished

    def work(_: tuple[str, ...], context: MigrationContext) -> None:
        if context.version_table != step.version_table or context.connection is None:
            return
        with closing(SideConnections()) as sides:
            side = beside(sides, context)
            if finding.is_last_done and after and step.uncertain is not None:
                mark_done(side, context.version_table_schema, step, step.uncertain)
            forget(side, context.version_table_schema, [step.step], after)

    run_work(environment, work, dont_mutate=True)
