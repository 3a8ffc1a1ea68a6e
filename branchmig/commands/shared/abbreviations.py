"""Long options by an unambiguous beginning, `--auto` for `--autogenerate`, as argparse and so alembic takes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

import click

OLD_NAMES = {"--merged-with": "--with", "--into": "--target", "--onto": "--target"}
"""Former names of options, which work as long as the command has no option of that name, and are not in the help."""

_RANGE = re.compile(r"-\d+:")


def expand_abbreviations(
    command: click.Command, arguments: Sequence[str], context: click.Context | None = None
) -> list[str]:
    """Return a command's arguments with abbreviated long options in full; values are left as they are.

    A group's options end at the first word that is none: the rest is its subcommand's. Raises UsageError,
    listing what it could be, for a beginning that several options share; `context` is the command's own.

    A range that begins with a relative step, as `-1:head`, is placed after `--`, since click
    would look for options in its letters.
    """
    options = _options(command)
    result: list[str] = []
    steps: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--" or (isinstance(command, click.Group) and not word.startswith("-")):
            return [*result, word, *steps, *words]
        if _RANGE.match(word) and command.context_settings.get("ignore_unknown_options"):
            steps.append(word)
            continue
        name, equals, value = word.partition("=")
        if word.startswith("--"):
            name = _full_name(name, options, context)
        result.append(name + equals + value)
        if not equals and _takes_next(name, options):
            result += islice(words, 1)
    return [*result, "--", *steps] if steps else result


def _options(command: click.Command) -> dict[str, click.Option]:
    found = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    return {name: option for option in found for name in (*option.opts, *option.secondary_opts)}


def _full_name(name: str, options: dict[str, click.Option], context: click.Context | None) -> str:
    if name in options or name == "--help":
        return name
    known = {option: option for option in (*options, "--help")}
    old = {old: new for old, new in OLD_NAMES.items() if new in options and old not in options}
    if name in old:
        return old[name]
    matches = sorted({new for option, new in (known | old).items() if option.startswith(name)})
    if len(matches) > 1:
        raise click.UsageError(f"ambiguous option: {name} could be {', '.join(matches)}", context)
    return matches[0] if matches else name


def _takes_next(name: str, options: dict[str, click.Option]) -> bool:
    if not name.startswith("--"):
        # In `-vm text`, the flags come first, and the last letter may want a value; `-mtext` brings its own.
        letters = [options.get(f"-{letter}") for letter in name[1:]]
        wanting = [number for number, option in enumerate(letters, 1) if option is not None and not option.is_flag]
        return bool(wanting) and wanting[0] == len(letters)
    return name in options and not options[name].is_flag
