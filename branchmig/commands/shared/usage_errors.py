"""Usage errors of click in the form of branchmig's own errors: error, hint, what to type."""

from __future__ import annotations

import re
from collections.abc import Collection
from difflib import get_close_matches

import click

from branchmig.errors import UsageError

_EXTRA = re.compile(r"Got unexpected extra arguments? \((--[^ =)]+)")
_NO_COMMAND = re.compile(r"No such command '(.*?)'\.")


def usage_error(error: click.ClickException) -> UsageError:
    """Return the error to report: its hint names what was probably meant, and the help to read."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context is not None else "branchmig"
    hint = f"{command} --help"
    if (option := _unknown_option(error)) is not None:
        meant = nearest(option, _options(context))
        message = f"{command} has no option {option}"
        return UsageError(message, f"did you mean {meant}? The options: {hint}" if meant else f"the options: {hint}")
    if (
        context is not None
        and (unknown := _NO_COMMAND.match(error.message))
        and isinstance(context.command, click.Group)
    ):
        meant = nearest(unknown[1], context.command.list_commands(context))
        message = f"{command} has no command '{unknown[1]}'"
        ways = f"did you mean '{command} {meant}'? The commands: {hint}" if meant else f"the commands: {hint}"
        return UsageError(message, ways)
    return UsageError(" ".join(error.format_message().split()), f"what the command takes: {hint}")


def _unknown_option(error: click.ClickException) -> str | None:
    """Return the option that does not exist; a command that takes `-1` gets every unknown one as an argument."""
    if isinstance(error, click.NoSuchOption):
        return error.option_name
    extra = _EXTRA.match(error.format_message())
    return extra[1] if extra else None


def nearest(word: str, words: Collection[str]) -> str | None:
    """Return the word that was probably meant, if one is near: the nearest, then the first in the alphabet."""
    found = get_close_matches(word, sorted(words), n=1, cutoff=0.6)
    begun = sorted(known for known in words if len(word.strip("-")) > 1 and known.startswith(word))
    return begun[0] if begun else found[0] if found else None


def _options(context: click.Context | None) -> list[str]:
    if context is None:
        return []
    shown = [param for param in context.command.params if isinstance(param, click.Option) and not param.hidden]
    return ["--help", *(name for option in shown for name in (*option.opts, *option.secondary_opts))]
