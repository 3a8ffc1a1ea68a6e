"""`branchmig fleet`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from branchmig.commands.shared.options import (
    REVISION,
    TAKES_RELATIVE_STEPS,
    dry_run_option,
    format_of,
    log_format_option,
    pass_invocation,
    stacked,
    tag_option,
    yes_option,
)
from branchmig.project.config import Invocation
from branchmig.project.project import Project

if TYPE_CHECKING:
    from branchmig.commands.shared.fleet_commands import Formats
    from branchmig.fleet.goal import Command

    F = TypeVar("F", bound=Callable[..., Any])


@click.group("fleet")
def command() -> None:
    """Run one project on many databases.

    Exactly one of --targets, --targets-query, --targets-callable and --schemas names the databases.
    """


def _once(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> str | None:
    """Return the value of an option that is given once. A second one would silently take the first one's place."""
    if len(values) > 1:
        raise click.UsageError(f"{parameter.opts[0]} is given {len(values)} times: give it once", context)
    return values[0] if values else None


_ONCE: dict[str, Any] = {"multiple": True, "callback": _once}

_control_option = click.option(
    "--control-url-env", metavar="VAR", help="Variable with the URL of the control database."
)
_source_options = stacked(
    click.option("--targets", **_ONCE, metavar="FILE", help="File of targets: TOML, JSON or CSV."),
    click.option(
        "--targets-query",
        multiple=True,
        callback=_once,
        metavar="SQL",
        help="Query on the control database; a row is a target.",
    ),
    click.option(
        "--targets-callable",
        multiple=True,
        callback=_once,
        metavar="MODULE:FUNCTION",
        help="Function that returns targets.",
    ),
    click.option(
        "--schemas",
        multiple=True,
        callback=_once,
        metavar="PATTERN",
        help="Schemas LIKE this, in the project's own database.",
    ),
    click.option(
        "--x-name",
        default="schema",
        show_default=True,
        metavar="NAME",
        help="With --schemas: each reaches env.py as -x NAME=SCHEMA.",
    ),
    _control_option,
    click.option("--only", multiple=True, metavar="NAME", help="Only targets so called; * and ? stand for letters."),
    click.option("--group", "groups", multiple=True, metavar="GROUP", help="Only this group; several: in this order."),
)
_work_options = stacked(
    click.option(
        "--engine", type=click.Choice(["local", "dask"]), default="local", show_default=True, help="Where workers run."
    ),
    click.option("--scheduler", metavar="ADDRESS", help="With --engine dask: its scheduler, tcp://HOST:PORT."),
    click.option("--workers", type=click.IntRange(1), help="Default: 4 for each processor, or all of the cluster's."),
    click.option("--max-connections", type=click.IntRange(1), help="At once to one server; a move takes 2."),
    click.option(
        "--timeout",
        type=click.FloatRange(0, min_open=True),
        metavar="SECONDS",
        help="Time for one target; without it a look has 60 s, and a move has no limit.",
    ),
    click.option(
        "--retries",
        type=click.IntRange(0),
        default=3,
        show_default=True,
        help="Further attempts at what may pass; three take up to 5 s beside the attempts themselves.",
    ),
)
_record_options = (
    click.option("--run-file", metavar="FILE", help="SQLite file that records runs; default: in your state folder."),
    click.option(
        "--record",
        type=click.Choice(["local", "control"]),
        default="local",
        show_default=True,
        help="Where runs are recorded: a file, or the control database.",
    ),
)
_care_options = stacked(
    dry_run_option,
    click.option("--canary", type=click.IntRange(0), help="So many first; the rest only if all are right."),
    click.option(
        "--max-failures",
        type=click.IntRange(0),
        default=10,
        show_default=True,
        help="When more have failed, nothing new begins.",
    ),
    click.option("--resume", metavar="RUN", help="Go on with a run that stopped: its id, or 'last'."),
    click.option(
        "--take-over",
        is_flag=True,
        help="With --resume: continue although the process that started the run may still work on it.",
    ),
    click.option(
        "--max-time",
        type=click.FloatRange(0, min_open=True),
        metavar="SECONDS",
        help="Time for the whole run: then nothing new begins, what runs is cancelled, and the run ends with 3.",
    ),
    log_format_option,
    *_record_options,
)


@command.command("status")
@_source_options
@_work_options
@click.option("-c", "--check-heads", is_flag=True, help="Exit with 1 unless every target is at the head.")
@format_of("text", "json")
@pass_invocation
def status(invocation: Invocation, /, check_heads: bool, format_: Formats, **options: Any) -> None:
    """Show where every target is: applied, pending, orphan, skipped, unreachable.

    Exits with 1 if a target cannot be reached.
    """
    from branchmig.commands.shared.fleet_commands import show_status

    if not show_status(invocation, format_, options, check_heads=check_heads):
        raise click.exceptions.Exit(1)


@command.command("plan", context_settings=TAKES_RELATIVE_STEPS)
@click.argument("revisions", nargs=-1, required=True, type=REVISION)
@click.option(
    "--command",
    "name",
    type=click.Choice(["upgrade", "downgrade", "stamp"]),
    default="upgrade",
    show_default=True,
    help="The command to plan.",
)
@_source_options
@_work_options
@click.option("--out", metavar="FILE", help="Write the plans to FILE, for fleet upgrade --plan-file.")
@format_of("text", "json")
@pass_invocation
def plan(
    invocation: Invocation, /, revisions: tuple[str, ...], name: Command, format_: Formats, **options: Any
) -> None:
    """Show the steps for each state that targets are in, and run nothing.

    Exits with 1 if a target cannot reach the goal.
    """
    from branchmig.commands.shared.fleet_commands import show_plan

    if not show_plan(invocation, name, revisions, format_, options):
        raise click.exceptions.Exit(1)


@command.command("upgrade", context_settings=TAKES_RELATIVE_STEPS)
@click.argument("revision", required=False, type=REVISION)
@tag_option
@_source_options
@_work_options
@_care_options
@click.option(
    "--plan-file",
    metavar="FILE",
    help="Run what fleet plan --out wrote; refuse if graph, scripts or a target changed since.",
)
@click.option(
    "--allow-ahead",
    is_flag=True,
    help="Leave targets alone that have all of this checkout and more, as after a rollback; they are at the goal.",
)
@format_of("text", "json", "jsonl")
@pass_invocation
def upgrade(invocation: Invocation, /, revision: str | None, format_: Formats, **options: Any) -> None:
    """Upgrade every target to a later revision.

    Exits with 0 only when all are there. With --resume, REVISION and the targets are those of the run.
    """
    _move(invocation, "upgrade", () if revision is None else (revision,), format_, options)


@command.command("downgrade", context_settings=TAKES_RELATIVE_STEPS)
@click.argument("revision", required=False, type=REVISION)
@tag_option
@_source_options
@_work_options
@_care_options
@format_of("text", "json", "jsonl")
@pass_invocation
def downgrade(invocation: Invocation, /, revision: str | None, format_: Formats, **options: Any) -> None:
    """Revert every target to a previous revision."""
    _move(invocation, "downgrade", () if revision is None else (revision,), format_, options)


@command.command("stamp", context_settings=TAKES_RELATIVE_STEPS)
@click.argument("revisions", nargs=-1, type=REVISION)
@tag_option
@_source_options
@_work_options
@_care_options
@click.option("--purge", is_flag=True, help="Empty the version tables first, whatever they hold; no run is recorded.")
@format_of("text", "json", "jsonl")
@pass_invocation
def stamp(invocation: Invocation, /, revisions: tuple[str, ...], purge: bool, format_: Formats, **options: Any) -> None:
    """Set the version table of every target without running anything."""
    if purge:
        words = ("stamp", "--purge", *["--dry-run"] * options.pop("dry_run"), *revisions)
        _run_for_each(invocation, words, format_, options)
        return
    _move(invocation, "stamp", revisions, format_, options)


def _move(invocation: Invocation, name: Command, targets: tuple[str, ...], format_: Formats, options: Any) -> None:
    from branchmig.commands.shared.fleet_commands import carry_out, show_move

    if options.pop("dry_run"):
        if not show_move(invocation, name, targets, format_, options):
            raise click.exceptions.Exit(1)
        return
    code = carry_out(invocation, name, targets, format_, options)
    if code:
        raise click.exceptions.Exit(code)


@command.command("run")
@_source_options
@dry_run_option
@format_of("text", "json")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND...")
@pass_invocation
def run(invocation: Invocation, /, words: tuple[str, ...], format_: Formats, **options: Any) -> None:
    """Run any command for each target in turn, e.g. fleet run --targets FILE --only eu_1 -- current -v.

    Exits with 0 if all did, with their code if all others ended with the same, else with 1.
    """
    _run_for_each(invocation, words, format_, options)


def _alias(name: str, text: str) -> None:
    @command.command(name, context_settings={"ignore_unknown_options": True}, help=text)
    @_source_options
    @dry_run_option
    @yes_option
    @click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar=f"[OPTION OF {name}]...")
    @pass_invocation
    def alias(
        invocation: Invocation, /, words: tuple[str, ...], dry_run: bool, is_agreed: bool, **options: Any
    ) -> None:
        switches = ["--dry-run"] * dry_run + ["--yes"] * is_agreed
        _run_for_each(invocation, (name, *switches, *words), "text", options)


_alias("repair", "Resolve interrupted and edited revisions, for each target in turn; --only names some.")
_alias("audit", "Show the journal of each target in turn; --only names some.")


@command.command("runs")
@stacked(*_record_options)
@_control_option
@click.option("--all", is_flag=True, help="Of other projects and checkouts, too.")
@format_of("text", "json")
@pass_invocation
def runs(invocation: Invocation, /, format_: Formats, **options: Any) -> None:
    """List the recorded runs, the newest first."""
    from branchmig.commands.shared.fleet_single import show_runs

    show_runs(invocation, format_, options)


@command.command("show")
@click.argument("run", default="last")
@stacked(*_record_options)
@_control_option
@format_of("text", "json")
@pass_invocation
def show(invocation: Invocation, /, run: str, format_: Formats, **options: Any) -> None:
    """Show how far a recorded run came with each target: its id, or 'last'."""
    from branchmig.commands.shared.fleet_single import show_run
    from branchmig.commands.shared.fleet_start import project_text

    show_run(run, format_, options, project_text(Project.open(invocation.files)))


def _run_for_each(invocation: Invocation, words: tuple[str, ...], format_: str, options: Any) -> None:
    from branchmig.commands.shared.fleet_single import run_for_each

    code = run_for_each(invocation, click.get_current_context().find_root().command, words, format_, options)
    if code:
        raise click.exceptions.Exit(code)
