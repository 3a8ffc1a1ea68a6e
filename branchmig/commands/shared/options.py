"""Options and argument types that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    F = TypeVar("F", bound=Callable[..., Any])

Command = TypeVar("Command")

# `downgrade -1` would be an option to click; unknown ones are let through to the argument, which looks at them.
TAKES_RELATIVE_STEPS = {"ignore_unknown_options": True}


class RevisionArgument(click.ParamType):  # type: ignore[type-arg]  # generic only in click 8.4 and later
    """A revision identifier; `-1` is one, `--sqll` is a misspelt option."""

    name = "revision"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the identifier. Raises NoSuchOption for what looks like one."""
        if value.startswith("-") and not re.match(r"-\d+", value):
            raise click.NoSuchOption(value.partition("=")[0], ctx=ctx)
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the revisions, labels and words that it could become."""
        from branchmig.commands.shared.completions import revisions

        return revisions(ctx, incomplete)


class Suggested(click.ParamType):  # type: ignore[type-arg]  # as above
    """Any text; a function of completions.py, by its name, returns its completions."""

    name = "text"

    def __init__(self, suggestions: str) -> None:
        self._suggestions = suggestions

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return it as it is."""
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return what it could become."""
        from branchmig.commands.shared import completions

        found: list[CompletionItem] = getattr(completions, self._suggestions)(ctx, incomplete)
        return found


REVISION = RevisionArgument()
REVISION_TEXT = Suggested("revisions")
"""A revision, a range of them, or the like: what looks like an option is no misspelt one."""

REF, PLACE, BRANCH = Suggested("refs"), Suggested("places"), Suggested("switchable")
FILE = click.Path()
"""The name of a file, which need not be there."""


pass_invocation = click.pass_obj


def format_of(*names: str, text: str = "Format of the answer.") -> Callable[[F], F]:
    """Return the option --format with its choices; the first is the default."""
    choice = click.Choice(names)
    return click.option("--format", "format_", type=choice, default=names[0], show_default=True, help=text)


format_option = format_of("text", "json")
output_option = click.option(
    "-o", "--output", metavar="FILE", type=FILE, help="Where to write it, instead of to standard output."
)
rev_range_option = click.option(
    "-r", "--rev-range", metavar="[START]:[END]", type=REVISION_TEXT, help="Only this range, both ends included."
)
verbose_option = click.option("-v", "--verbose", is_flag=True, help="Show the whole header of each revision.")
sql_option = click.option("--sql", is_flag=True, help="Write the SQL to standard output instead of running it.")
tag_option = click.option("--tag", help="A name that env.py can ask for with get_tag_argument().")
message_option = click.option("-m", "--message", help="Message of the revision.")
splice_option = click.option("--splice", is_flag=True, help="Allow a parent that is no head: start a branch there.")
branch_label_option = click.option("--branch-label", help="Branch label that the revision carries.")
rev_id_option = click.option("--rev-id", help="Id of the revision, instead of a random one.")
plan_option = click.option(
    "--plan", "--dry-run", "plan_only", is_flag=True, help="Show what would run or change, and change nothing."
)
dry_run_option = click.option(
    "--dry-run", "--plan", "dry_run", is_flag=True, help="Show what would run or change, and change nothing."
)
from_option = click.option(
    "--from",
    "from_",
    multiple=True,
    metavar="REV",
    type=REVISION_TEXT,
    help="With --plan: plan for a database at REV (repeat for several rows), without a connection.",
)

log_format_option = click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    help="Log the run on standard error: one line for each step or target, with time, level, run and seconds.",
)
max_time_option = click.option(
    "--max-time",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Time for the whole run; then branchmig cancels the running step, as Ctrl-C does, and exits with 3.",
)

yes_option = click.option("-y", "--yes", "is_agreed", is_flag=True, help="Answer all questions with yes.")

at_option = click.option(
    "--at",
    default="worktree",
    show_default=True,
    metavar="PLACE",
    type=PLACE,
    help="Where to look: worktree, index, or any git ref or commit; checks nothing out.",
)
merged_with_option = click.option(
    "--with",
    "merged_with",
    metavar="REF",
    type=REF,
    help="Show the result of a merge with the git ref REF; nothing is written.",
)


def landing_option(name: str, what: str) -> Callable[[F], F]:
    """Return the option --target of what lands, as the parameter `name`."""
    text = f"Git branch that {what} in; default: the setting target."
    return click.option("--target", name, metavar="REF", type=REF, help=text)


def stacked(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Return several options as one decorator, in the order of the help."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


place_options = stacked(at_option, merged_with_option)
