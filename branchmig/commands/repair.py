"""`branchmig repair`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from branchmig import terminal
from branchmig.commands.shared.flow import confirm, say
from branchmig.commands.shared.options import REVISION, dry_run_option, pass_invocation, yes_option
from branchmig.errors import ConfigurationError
from branchmig.masking import masked
from branchmig.planning.interrupted_step import shown
from branchmig.project.config import Invocation
from branchmig.project.project import Project

if TYPE_CHECKING:
    from branchmig.database.journal.repair import Decision, Finding
    from branchmig.database.run.environment import Environment

_EFFECTS: dict[str, str] = {
    "resume": "run the script again and skip the statements that are done",
    "applied": "record the step as done, running nothing",
    "not-applied": "record the step as not done; its finished statements stay in the database",
}


@click.command("repair")
@click.argument("revisions", nargs=-1, type=REVISION)
@click.option(
    "--accept-edits",
    is_flag=True,
    help="Record the present scripts of REVISIONS (else of all edited ones) as those that were applied.",
)
@click.option("--resume", is_flag=True, help="Run the rest of an interrupted revision.")
@click.option("--mark-applied", is_flag=True, help="Record an interrupted revision as done.")
@click.option("--mark-not-applied", is_flag=True, help="Record an interrupted revision as not done.")
@click.option(
    "--under-way",
    type=click.Choice(["done", "not-done"]),
    help="Whether the interrupted statement is done, if the database does not show it.",
)
@dry_run_option
@yes_option
@pass_invocation
def command(
    invocation: Invocation,
    revisions: tuple[str, ...],
    accept_edits: bool,
    resume: bool,
    mark_applied: bool,
    mark_not_applied: bool,
    under_way: str | None,
    dry_run: bool,
    is_agreed: bool,
) -> None:
    """Resolve interrupted and edited revisions that the journal shows, and interrupted switches.

    Without an option, completes or takes back a 'switch --keep' that was killed, then lists the interrupted revisions
    and the ways to resolve them; exits with 1 if there is one.
    """
    from branchmig.commands.shared.keeping import settle_switches

    project = Project.open(invocation.files)
    if settle_switches(project, invocation, is_dry_run=dry_run) and not project.config.settings.journal:
        return
    if not project.config.settings.journal:
        raise ConfigurationError("there is no journal to repair", "to keep a journal from now on: branchmig adopt")
    decision = _decision(resume, mark_applied, mark_not_applied)
    if accept_edits:
        if decision or under_way:
            raise click.UsageError("--accept-edits goes with REVISIONS alone")
        _accept_edits(project, invocation, revisions, dry_run=dry_run)
        return
    if revisions:
        raise click.UsageError("REVISIONS go with --accept-edits")
    _settle(project, invocation, decision, under_way, dry_run=dry_run, is_agreed=is_agreed)


def _decision(resume: bool, mark_applied: bool, mark_not_applied: bool) -> Decision | None:
    given: dict[Decision, bool] = {"resume": resume, "applied": mark_applied, "not-applied": mark_not_applied}
    chosen = [name for name, is_given in given.items() if is_given]
    if len(chosen) > 1:
        raise click.UsageError(f"{' and '.join(map(_option, chosen))} exclude each other")
    return chosen[0] if chosen else None


def _accept_edits(project: Project, invocation: Invocation, revisions: tuple[str, ...], *, dry_run: bool) -> None:
    from branchmig.database.journal.repair import accept_scripts

    chosen = [text for name in revisions for text in project.dag.resolve(name)]
    accepted = accept_scripts(_environment(project, invocation), chosen, is_dry_run=dry_run)
    did = "This was a dry run; it would accept" if dry_run else "Accepted"
    done = f"{did} the present scripts of {', '.join(accepted)}." if accepted else "Nothing to accept."
    say(invocation, done)


def _settle(
    project: Project,
    invocation: Invocation,
    decision: Decision | None,
    under_way: str | None,
    *,
    dry_run: bool,
    is_agreed: bool,
) -> None:
    from branchmig.database.journal.repair import settle, unfinished_steps

    found = unfinished_steps(_environment(project, invocation))
    if not found:
        say(invocation, "Nothing to repair.")
        return
    if under_way:
        found = [
            finding if finding.is_certain else replace(finding, is_last_done=under_way == "done") for finding in found
        ]
    for finding in found:
        terminal.answer(_lines(finding, project))
    if decision is None:
        terminal.answer(["", *(f"{_option(name):19} {effect}" for name, effect in _EFFECTS.items())])
        raise click.exceptions.Exit(1)
    confirm(f"{_EFFECTS[decision].capitalize()}?", is_agreed, dry_run=dry_run)
    progress = terminal.Progress(not invocation.has_notes)
    for each_finding in found:
        settle(_environment(project, invocation), each_finding, decision, progress.step)
        step = each_finding.unfinished
        say(invocation, f"Settled {step.direction} of {step.revision}: {_PAST[decision]}.")


_PAST: dict[str, str] = {
    "resume": "it ran to its end",
    "applied": "it counts as done",
    "not-applied": "it counts as not done",
}


def _lines(finding: Finding, project: Project) -> Iterator[str]:
    step = finding.unfinished
    path = project.dag[step.revision].path if step.revision in project.dag else None
    where = f" ({project.shown_path(path)})" if path else ""
    yield f"{step.direction} of {step.revision}{where}, begun {step.started_at:%Y-%m-%d %H:%M:%S} UTC, was interrupted:"
    for statement in step.statements:
        yield f"  {_fate(finding, statement):12} {shown(masked(statement.text))}"
    if not finding.is_certain:
        yield "  branchmig cannot tell whether the last one is done: look, then give --under-way done, or not-done."


def _fate(finding: Finding, statement: Any) -> str:
    if statement.outcome is not None:
        return str(statement.outcome)
    if statement != finding.unfinished.uncertain:
        return "rolled back"
    return {True: "done", False: "not done", None: "under way"}[finding.is_last_done]


def _option(decision: str) -> str:
    return "--resume" if decision == "resume" else f"--mark-{decision}"


def _environment(project: Project, invocation: Invocation) -> Environment:
    from branchmig.database.run.environment import Environment

    return Environment(project, invocation, "repair")
