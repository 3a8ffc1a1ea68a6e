"""The completions of a half-typed command line that a shell shows, through click's own completion.

Each answer is a line: a value, and after a tab what it is; one without a value asks for the names of files. What a
shell gives, and takes, is known to its script in templates/ and to this file alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem, ShellComplete

from branchmig.commands.shared.abbreviations import expand_abbreviations

if TYPE_CHECKING:
    import click

FILES = "\tfile"

_ASSIGNMENT = re.compile(r"\w+=")
_SEPARATORS = ";|&(\n"
_UNSAFE = re.compile(r"([^\w./@:=+,%^-])")
_UNSAFE_IN_DOUBLE_QUOTES = re.compile(r'([\\"$`])')


@dataclass(frozen=True, slots=True)
class Typed:
    """A command line up to the cursor: the words before the last one, that one without its quotes, and a quote that is
    still open in it."""

    words: tuple[str, ...]
    incomplete: str
    quote: str = ""


def suggestions(cli: click.Group, shell: str, arguments: Sequence[str]) -> list[str]:
    """Return the lines that a shell's script reads. May raise any error of the project."""
    if shell == "bash":
        line, breaks = (*arguments, "", "")[:2]
        typed = typed_in(line)
        words = typed.words[1:]
    else:
        *before, last = arguments or [""]
        typed = Typed(tuple(before), typed_in(last).incomplete if shell == "fish" else last)
        words, breaks = typed.words, ""
    found = _completions(cli, words, typed.incomplete)
    return [name for item in found if (name := _line(item, typed, breaks, shell)) is not None]


def typed_in(line: str) -> Typed:
    """Split a command line up to the cursor as a shell does; what stands before the last command is left out."""
    words: list[str] = []
    word: str | None = None
    quote = ""
    letters = iter(line)
    for letter in letters:
        if letter == quote:
            quote = ""
        elif quote == "'" or (quote and letter != "\\"):
            word = f"{word or ''}{letter}"
        elif letter == "\\":
            word = f"{word or ''}{next(letters, '')}"
        elif letter in "'\"":
            word, quote = word or "", letter
        elif letter in _SEPARATORS:
            words, word = [], None
        elif letter.isspace():
            words, word = [*words, *([] if word is None else [word])], None
        else:
            word = f"{word or ''}{letter}"
    while words and _ASSIGNMENT.match(words[0]):
        del words[0]
    return Typed(tuple(words), word or "", quote)


def _completions(cli: click.Group, words: Sequence[str], incomplete: str) -> Iterator[CompletionItem]:
    """Yield what the last word could be, whole: click leaves out the option of `--option=value`."""
    found = ShellComplete(cli, {}, "branchmig", "").get_completions(_in_full(cli, words), incomplete)
    option, equals, _ = incomplete.partition("=")
    before = f"{option}=" if equals and option.startswith("-") else ""
    for item in found:
        item.value = f"{before}{item.value}"
        yield item


def _in_full(cli: click.Group, words: Sequence[str]) -> list[str]:
    """Write abbreviated options out: those of the program, then those of its command."""
    given = expand_abbreviations(cli, words)
    context = cli.make_context("branchmig", list(given), resilient_parsing=True)
    at = len(given) - len(context.args)
    command = cli.get_command(context, given[at - 1]) if at else None
    return given if command is None else [*given[:at], *expand_abbreviations(command, given[at:])]


def _line(item: CompletionItem, typed: Typed, breaks: str, shell: str) -> str | None:
    if item.type in ("file", "dir"):
        return FILES
    value = str(item.value)
    if not value.isprintable():
        return None
    if shell == "bash":
        return _for_bash(value, typed, breaks)
    return f"{value}\t{' '.join((item.help or '').split())}"


def _for_bash(value: str, typed: Typed, breaks: str) -> str | None:
    """Return what bash is to put in the place of the last word as it sees it: what follows the last break."""
    if typed.quote == "'":
        return None if "'" in value else value
    if typed.quote:
        return _UNSAFE_IN_DOUBLE_QUOTES.sub(r"\\\1", value)
    last = max(
        (typed.incomplete.rfind(name) for name in breaks if not name.isspace() and name not in "'\""), default=-1
    )
    # These two begin bash's last word, where they break one: its rl_special_prefixes.
    begins_word = last >= 0 and typed.incomplete[last] in "@$"
    return _UNSAFE.sub(r"\\\1", value[last if begins_word else last + 1 :])
