"""Runs any command for some targets of a fleet, one after another in this process; lists the records of runs."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

import click

from branchmig import terminal
from branchmig.commands.shared.fleet_start import project_text, source_in, store_of
from branchmig.commands.shared.run_commands import announced
from branchmig.errors import BranchmigError
from branchmig.fleet.sources import resolved, targets_of
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render import fleet as shown
from branchmig.terminal.known_secrets import without_secrets

if TYPE_CHECKING:
    from branchmig.fleet.targets import Address, Target

SOME_FAILED = 1

_WRITING = frozenset({"upgrade", "downgrade", "stamp", "sync"})
"""The commands around which a run for several targets is announced, once."""


def run_for_each(
    invocation: Invocation, program: click.Command, words: Sequence[str], format_: str, options: Mapping[str, Any]
) -> int:
    """Run `branchmig WORDS` for each target in turn; return 0 if all ended with 0, else 1, or their one other code."""
    if not words or words[0] in ("fleet", "--"):
        raise click.UsageError("Missing argument 'COMMAND': what is to be run for each target, after --")
    project = Project.open(invocation.files)
    if options.get("dry_run"):
        names = ", ".join(target.name for target in targets_of(source_in(options), project, invocation))
        terminal.answer([f"Would run 'branchmig {shlex.join(words)}' for: {names}"])
        return 0
    if words[0] not in _WRITING:
        return _run_for_each(project, invocation, program, words, format_, options)[0]
    with announced(project, "fleet run", shlex.join(words)) as outcome:
        outcome.exit_code, entries = _run_for_each(project, invocation, program, words, format_, options)
        outcome.result = {"version": 1, "targets": entries}
    return outcome.exit_code


def _run_for_each(
    project: Project,
    invocation: Invocation,
    program: click.Command,
    words: Sequence[str],
    format_: str,
    options: Mapping[str, Any],
) -> tuple[int, list[dict[str, Any]]]:
    entries: list[dict[str, Any]] = []
    for target in targets_of(source_in(options), project, invocation):
        if format_ == "json":
            with StringIO() as text:
                with terminal.answers_to(text), redirect_stdout(text):
                    code = _run_one(invocation, program, target, words)
                entries.append({"name": target.name, "exit": code, "output": _parsed(text.getvalue())})
        else:
            terminal.answer([f"== {target.name}"])
            code = _run_one(invocation, program, target, words)
            entries.append({"name": target.name, "exit": code})
    if format_ == "json":
        terminal.document({"version": 1, "targets": entries})
    codes = {int(entry["exit"]) for entry in entries} - {0}
    return SOME_FAILED if len(codes) > 1 else next(iter(codes), 0), entries


def _run_one(invocation: Invocation, program: click.Command, target: Target, words: Sequence[str]) -> int:
    from branchmig.database.run.held import held_to, target_url

    secrets: Sequence[str] = ()
    try:
        address = resolved(target)
        secrets = address.secrets
        with held_to(None if address.url is None else target_url(address.url)):
            code = program.main(_arguments(invocation, address, words), prog_name="branchmig", standalone_mode=False)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BranchmigError as error:
        error.message = without_secrets(error.message, secrets)
        error.hint = None if error.hint is None else without_secrets(error.hint, secrets)
        error.details = tuple(without_secrets(line, secrets) for line in error.details)
        terminal.failure(error)
        return error.exit_code
    return code if isinstance(code, int) else 0


def _arguments(invocation: Invocation, address: Address, words: Sequence[str]) -> list[str]:
    files = [word for given in invocation.given for word in ("-c", given)]
    x = [word for given in (*invocation.x, *address.x) for word in ("-x", given)]
    switches = ["-q"] * invocation.is_quiet + ["--raiseerr"] * invocation.raises
    return [*files, "-n", invocation.files.section, *x, *switches, *words]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def show_runs(invocation: Invocation, format_: str, options: Mapping[str, Any]) -> None:
    """Show the recorded runs of this project, the newest first."""
    project = Project.open(invocation.files)
    with store_of(options) as store:
        runs = [(run, store.states(run.run)) for run in store.runs("" if options["all"] else project_text(project))]
    if format_ == "json":
        terminal.document({"version": 1, "runs": [shown.recorded_entry(run, states) for run, states in runs]})
    elif not runs:
        terminal.answer([f"{store.place} records no run of this project"])
    else:
        terminal.answer(shown.recorded_line(run, states, time.localtime(run.began)) for run, states in runs)


def show_run(name: str, format_: str, options: Mapping[str, Any], project: str) -> None:
    """Show how far a recorded run came with each of its targets."""
    with store_of(options) as store:
        run, targets = store.load(name, project)
        states = store.states(run.run)
    if format_ == "json":
        entries = [shown.target_entry(record) for record in targets]
        terminal.document({"version": 1, **shown.recorded_entry(run, states), "targets": entries})
    else:
        terminal.answer([shown.recorded_line(run, states, time.localtime(run.began)), *shown.target_lines(targets)])
