"""`branchmig states`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from branchmig import terminal
from branchmig.commands.shared.flow import answer, confirm, report_dropped
from branchmig.commands.shared.options import dry_run_option, format_option, pass_invocation, yes_option
from branchmig.project.config import Invocation
from branchmig.project.project import Project

if TYPE_CHECKING:
    from branchmig.workflows.states import Kept

_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SIZES = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


class _Quantity(click.ParamType):  # type: ignore[type-arg]  # generic only in click 8.4 and later
    """A number with a unit."""

    def __init__(self, name: str, units: dict[str, int], example: str) -> None:
        self.name, self._units, self._example = name, units, example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number of seconds or bytes."""
        found = re.fullmatch(r"([\d.]+)\s*([A-Za-z]*)", str(value))
        units = {unit.lower(): size for unit, size in self._units.items()}
        if found is None or found[2].lower() not in units or found[1].count(".") > 1:
            self.fail(f"{value!r} is no {self.name}, e.g. {self._example}", param, ctx)
        return float(found[1]) * units[found[2].lower()]


@click.group("states", invoke_without_command=True)
@format_option
@click.pass_context
def command(context: click.Context, format_: str) -> None:
    """List, prune or drop cached states of databases.

    A state is the database that a set of revisions builds. branchmig copies it as long as the scripts, env.py, the
    settings and all files that they read are unchanged. Also lists the databases that 'fresh' created.
    """
    if context.invoked_subcommand is None:
        _list(context.obj, format_)


@command.command("list")
@format_option
@pass_invocation
def list_(invocation: Invocation, format_: str) -> None:
    """List the states and databases, as 'states' alone does."""
    _list(invocation, format_)


def _list(invocation: Invocation, format_: str) -> None:
    from branchmig.render.states import state_lines, states_document
    from branchmig.workflows.states import kept

    found = kept(Project.open(invocation.files))
    answer(format_, lambda: states_document(found), lambda: state_lines(found), nothing="No states.")


@command.command("prune")
@click.option(
    "--older-than",
    type=_Quantity("time", _UNITS, "14d"),
    metavar="TIME",
    help="Drop the states that were not used for so long: 14d, 12h.",
)
@click.option(
    "--keep-size",
    type=_Quantity("size", _SIZES, "5GB"),
    metavar="SIZE",
    help="Drop the states that were used least lately until the others take no more: 5GB.",
)
@dry_run_option
@yes_option
@format_option
@pass_invocation
def prune(
    invocation: Invocation,
    older_than: float | None,
    keep_size: float | None,
    dry_run: bool,
    is_agreed: bool,
    format_: str,
) -> None:
    """Drop states by age or size, and the remains of killed runs.

    Databases that 'fresh' created stay. branchmig builds a state again when it needs it. States that 'switch
    --keep' set aside for deleted branches, and databases of work trees that git has removed, have rows: branchmig
    drops them with --yes, or a yes at a terminal.
    """
    from branchmig.workflows.kept_states import drop_states, unneeded
    from branchmig.workflows.states import pruned
    from branchmig.workflows.worktree_databases import drop_left_behind
    from branchmig.workflows.worktrees import left_behind

    project = Project.open(invocation.files)
    gone = pruned(project, older_than, keep_size, is_dry_run=dry_run)
    found, removed = unneeded(project), left_behind(project)
    if found or removed:
        terminal.note("No branch and no work tree needs these now:")
        for _, state in found:
            terminal.note(f"  {state.name}, of {', '.join(state.branches) or 'no branch'}")
        for record in removed:
            terminal.note(*(f"  {own.name}, of the work tree {record.folder}" for own in record.databases))
        if dry_run:
            terminal.note("To drop them, with the rows in them: branchmig states prune --yes")
        elif is_agreed or terminal.confirmed("Drop them, with the rows in them?"):
            gone += drop_states(project, invocation, found) + drop_left_behind(project, invocation, removed)
        else:
            terminal.note("They stay; to drop them: branchmig states prune --yes")
    report_dropped(invocation, format_, gone, dry_run=dry_run)


@command.command("drop")
@click.argument("names", nargs=-1, metavar="NAME…")
@click.option("--all", "all_", is_flag=True, help="Drop every state and every database that 'fresh' has made.")
@dry_run_option
@yes_option
@format_option
@pass_invocation
def drop(
    invocation: Invocation, names: tuple[str, ...], all_: bool, dry_run: bool, is_agreed: bool, format_: str
) -> None:
    """Drop states by key, and databases that 'fresh' created by name.

    A key may be abbreviated. branchmig drops databases with --yes, or a yes at a terminal.
    """
    from branchmig.workflows.kept_states import drop_states
    from branchmig.workflows.states import chosen, drop_chosen

    if all_ == bool(names):
        raise click.UsageError("say which: NAME…, or --all")
    project = Project.open(invocation.files)
    found: Kept = chosen(project, None if all_ else names)
    if found.databases or found.branches:
        terminal.note("These databases will be dropped, with their rows:")
        for _, state in found.branches:
            terminal.note(f"  {state.name}, the rows of {', '.join(state.branches) or 'no branch'}")
        terminal.note(*(f"  {made.name} on {made.server}" for made in found.databases))
    if found.states and dry_run:
        terminal.note(f"States to be dropped: {', '.join(state.key for state, _, _ in found.states)}")
    if found.databases or found.branches or dry_run:
        confirm("Drop them?", is_agreed, "nothing was dropped", dry_run=dry_run)
    dropped = drop_states(project, invocation, found.branches)
    report_dropped(invocation, format_, (*drop_chosen(project, found), *dropped))
