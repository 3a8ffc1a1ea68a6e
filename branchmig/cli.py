"""The root command: a lazy table of commands, and the one place where errors become exit codes."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from io import StringIO
from typing import TYPE_CHECKING, Any, NoReturn

import click

from branchmig import __version__, terminal
from branchmig.commands.shared.abbreviations import expand_abbreviations
from branchmig.commands.shared.help_texts import epilog_of, grouped
from branchmig.errors import OutputFailed
from branchmig.progress import heard_by
from branchmig.project.config import Invocation, again_where_env_moved, locate_files
from branchmig.revisions.escaping import for_terminal
from branchmig.terminal import standard_streams
from branchmig.terminal.known_secrets import without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from click.shell_completion import CompletionItem

    from branchmig.errors import BranchmigError

COLLECT_AFTER = 200_000
"""Containers made and not yet freed, after which Python looks for cycles among them."""

COMPLETION = "_BRANCHMIG_COMPLETE"
"""The variable that says which shell asks what a command line could become."""

UNKNOWN = "branchmig.unknown"
"""Notes in a context, for completion, that what was typed is no command."""

OUR_BUG = 70
INTERRUPTED = 130

# Name to the one line that --help shows: written here so that --help imports no command.
COMMANDS = {
    "adopt": "Set up branchmig in an existing Alembic project.",
    "audit": "List what ran on a database, newest first.",
    "branches": "Show the revisions at which the history forks.",
    "check": "Check whether the models differ from the database.",
    "compat": "Check whether other code still works on this checkout's schema.",
    "completion": "Print the completion script of a shell.",
    "conflicts": "Show the tables and columns that two branches both change.",
    "current": "Show the revisions that a database is at.",
    "downgrade": "Revert to a previous revision.",
    "drift": "Show how the live schema differs from the applied revisions.",
    "edit": "Open revision files in an editor.",
    "ensure_version": "Create the version table if it does not exist.",
    "fix": "Join several heads in one commit, by a merge or a rebase.",
    "fleet": "Run one project on many databases.",
    "forecast": "Show the graph that results if git branches land.",
    "fresh": "Create a new database at a place's heads, from a cached state.",
    "graph": "Draw the graph: in the terminal, or as Mermaid, DOT, SVG or HTML.",
    "guard": "Check that the graph has one head and that no landed revision changed.",
    "heads": "Show the heads of the revision graph.",
    "help": "Show the help of a command, or all commands as JSON.",
    "history": "List the revisions, newest first.",
    "hooks": "Install git hooks that stop a second head before it lands.",
    "identify": "Find the revisions that a schema corresponds to, without its version table.",
    "init": "Start a new migration environment.",
    "kept": "List what downgrades with --keep-rows have set aside in the database.",
    "list_templates": "List the templates that init knows.",
    "merge": "Join heads with a merge revision.",
    "pins": "List or drop the git refs that keep the files of applied revisions.",
    "rebase": "Put this branch's own revisions on top of the target's head.",
    "repair": "Resolve interrupted and edited revisions that the journal shows, and interrupted switches.",
    "report": "Describe the revisions of a pull request, in Markdown.",
    "revision": "Write a new revision file.",
    "show": "Show the whole header of revisions, or with --schema their tables.",
    "squash": "Replace a range of revisions by one revision.",
    "stamp": "Set the version table without running anything.",
    "states": "List, prune or drop cached states of databases.",
    "status": "Show git, the graph and the databases on one screen.",
    "switch": "Switch to another git branch and update the database to match.",
    "sync": "Update the database to match the checkout.",
    "train": "Show an order in which open git branches can land.",
    "upgrade": "Upgrade to a later revision.",
    "verify": "Try this branch's own revisions on a scratch database: up, down, up.",
}


OF_ALEMBIC = frozenset({
    *("branches", "check", "current", "downgrade", "edit", "ensure_version", "heads", "history", "init"),
    *("list_templates", "merge", "revision", "show", "stamp", "upgrade"),
})  # fmt: skip
"""Commands that alembic has: its log stays on the console, as it is with alembic."""


class LazyGroup(click.Group):
    """Commands by name, each imported when it is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; alembic spells `list_templates` with an underscore, most people with a dash."""
        name = cmd_name.replace("-", "_")
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"branchmig.commands.{name}").command
        return _with_examples(command, name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that some arguments begin with, and write its abbreviated options out."""
        name, command, rest = super().resolve_command(ctx, args)
        ctx.meta[UNKNOWN] = command is None
        if command is None:
            return name, command, rest
        own = click.Context(command, info_name=name, parent=ctx)
        return name, command, expand_abbreviations(command, rest, own)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands that a word could become, without importing one; and the program's own options."""
        from click.shell_completion import CompletionItem

        if ctx.meta.get(UNKNOWN):
            return []
        found = [
            CompletionItem(name, help=text) for name, text in sorted(COMMANDS.items()) if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands in groups, by what people do with them, without importing one."""
        width = max(map(len, COMMANDS))
        for title, names in grouped(COMMANDS):
            with formatter.section(title):
                formatter.write_dl([(f"{name:{width}}", COMMANDS[name]) for name in names])
        with formatter.section("Exit codes"):
            formatter.write_text(
                "0 done, or nothing to do; 1 the answer is no; 2 usage; 3 cannot proceed or cannot tell."
            )
        formatter.write_paragraph()
        formatter.write_text("'branchmig help COMMAND' shows the options of a command, with examples.")


def _with_examples(command: click.Command, words: str) -> click.Command:
    """Return a command whose help, and that of the commands below it, ends with examples."""
    command.epilog = epilog_of(words)
    if isinstance(command, click.Group):
        for name, under in command.commands.items():
            _with_examples(under, f"{words} {name}")
    return command


@click.group(
    cls=LazyGroup,
    # As wide as the terminal, up to 100 columns: click keeps two of them free.
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 102},
)
@click.version_option(__version__, prog_name="branchmig")
@click.option(
    "-c",
    "--config",
    multiple=True,
    metavar="FILE",
    type=click.Path(),
    help="Config file; default $ALEMBIC_CONFIG or alembic.ini. May be pyproject.toml, and given twice: one of each.",
)
@click.option("-n", "--name", default="alembic", show_default=True, help="Section of the ini file to use.")
@click.option("-x", "x", multiple=True, metavar="KEY=VALUE", help="Argument for env.py's get_x_argument().")
@click.option("--raiseerr", is_flag=True, help="Show the whole traceback of an error.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but answers and errors.")
@click.pass_context
def cli(
    ctx: click.Context, config: tuple[str, ...], name: str, x: tuple[str, ...], raiseerr: bool, quiet: bool
) -> None:
    """A git-aware branching migration manager for SQLAlchemy and Alembic projects.

    Runs an existing Alembic project unchanged: alias alembic=branchmig.
    """
    keeps_log = not quiet and (ctx.invoked_subcommand or "").replace("-", "_") in OF_ALEMBIC
    ctx.obj = Invocation(locate_files(config, name, os.environ), x, quiet, raiseerr, config, keeps_log=keeps_log)
    ctx.with_resource(heard_by(terminal.LoopProgress(quiet).step))


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the program and exit: 0 done, 1 the answer is no, 2 usage, 3 cannot proceed, 70 our bug, 130 interrupted."""
    standard_streams.make_lasting()
    arguments = list(sys.argv[1:] if argv is None else argv)
    if COMPLETION in os.environ:
        sys.exit(suggest(os.environ[COMPLETION], arguments))
    # What start-up makes lives as long as the process. From Python's own threshold on, 700, it would be walked again
    # and again while alembic is imported and 10,000 files are read, and nothing would be found: 6 % of the time.
    gc.set_threshold(COLLECT_AFTER)
    sys.excepthook = _show_traceback
    sys.exit(_with_answer(run(arguments)))


def _with_answer(exit_code: int) -> int:
    """Return the exit code, or 3 where a command was run for its answer, and that could not be written."""
    error = standard_streams.failed_answer()
    if error is None or exit_code not in (0, 1):
        return exit_code
    failure = OutputFailed(f"standard output cannot be written: {error.strerror}", "nothing else went wrong")
    terminal.failure(failure)
    return failure.exit_code


def suggest(shell: str, arguments: list[str]) -> int:
    """Answer a shell that completes a command line; into a half-typed line, nothing else is ever written."""
    from contextlib import redirect_stderr, redirect_stdout

    from branchmig.commands.shared.completions import suggestions

    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            lines = suggestions(cli, shell, arguments)
    except (Exception, KeyboardInterrupt, SystemExit):  # no settings, no git, a package that cannot be imported, …
        return 0
    text = "".join(f"{for_terminal(line)}\n" for line in lines)
    terminal.answer_bytes(text.encode("utf-8", "surrogateescape"))
    return 0


def run(arguments: list[str]) -> int:
    """Run the program and return its exit code."""

    def work() -> object:
        return cli.main(expand_abbreviations(cli, arguments), prog_name="branchmig", standalone_mode=False)

    return exit_code_of(work, arguments)


def exit_code_of(work: Callable[[], object], arguments: Sequence[str]) -> int:
    """Do the work of a command line; report what goes wrong with it, and return the exit code."""
    from branchmig.errors import BranchmigError, ConfigurationError

    raises = any(len(word) > 3 and "--raiseerr".startswith(word) for word in arguments)
    try:
        try:
            ended = again_where_env_moved(work)
        finally:
            terminal.end_progress()
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        return _report_usage(error, arguments)
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except terminal.ReaderWentAway:
        return 0  # it has seen enough (`branchmig history | head`)
    except BranchmigError as error:
        if raises:
            raise
        _report(error, arguments)
        return error.exit_code
    except Exception:
        if raises:
            raise
        if _is_nowhere():
            gone = ConfigurationError("the current folder is gone", "change to a folder that is there, e.g. cd ..")
            _report(gone, arguments)
            return gone.exit_code
        return _report_bug()
    # With standalone_mode=False click returns the code of ctx.exit() instead of raising it.
    return ended if isinstance(ended, int) else 0


def _is_nowhere() -> bool:
    """Return whether the current folder was removed, as `git switch` does to one that the other branch lacks."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _report(error: BranchmigError, arguments: Sequence[str]) -> None:
    from branchmig.errors import Cancelled

    if _wants_json(arguments):
        terminal.error_document(error)
    if isinstance(error, Cancelled):
        terminal.note(error.message)
    else:
        terminal.failure(error)


def _report_usage(error: click.ClickException, arguments: Sequence[str]) -> int:
    from branchmig.commands.shared.usage_errors import usage_error

    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        terminal.note(error.format_message())
    else:
        _report(usage_error(error), arguments)
    return error.exit_code


def _wants_json(arguments: Sequence[str]) -> bool:
    """Return whether `--format json` is among the arguments, in any of its spellings, right or wrong beside it."""
    pairs = zip(arguments, [*arguments[1:], ""], strict=False)
    words = [(pair, two) if "=" not in pair else pair.split("=", 1) for pair, two in pairs]
    return any(len(name) > 4 and "--format".startswith(name) and value == "json" for name, value in words)


def _show_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Write what --raiseerr shows, as Python would, with passwords masked: a driver's message may repeat the URL."""
    import traceback

    terminal.note(without_secrets("".join(traceback.format_exception(kind, error, trace)).rstrip("\n")))


def _report_bug() -> int:
    import traceback

    terminal.note(without_secrets(traceback.format_exc()).rstrip("\n"))
    terminal.note(f"error: this is a bug in branchmig {__version__}, not in your project")
    terminal.note("hint:  please report it with the lines above")
    return OUR_BUG


def command_table() -> dict[str, Any]:
    """Return every command by name, imported: for documentation and tests."""
    context = click.Context(cli)
    return {name: cli.get_command(context, name) for name in cli.list_commands(context)}
