"""The completions of a half-typed command line that a shell shows, through click's own completion.

Each answer is a line: a value, and after a tab what it is; one without a value asks for the names of files. What a
shell gives, and takes, is known to its script in templates/ and to this file alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem, ShellComplete

from branchmig.commands.shared.abbreviations import expand_abbreviations
from branchmig.errors import BranchmigError, RevisionGraphError
from branchmig.git.history import ref_names, short_ref
from branchmig.git.repository import Repository
from branchmig.model import Revision
from branchmig.planning.picture import first_line
from branchmig.project.config import locate_files
from branchmig.project.project import INDEX, WORKTREE, Project, View

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


MOST_UNASKED, MOST = 100, 2_000
"""Revisions that are offered while nothing of the id is typed, the newest; and at all."""

_WORDS = {
    "head": "the head",
    "heads": "every head",
    "base": "before the first revision",
    "current": "what the database is at",
}
_KINDS = {"refs/heads/": "branch", "refs/remotes/": "remote branch", "refs/tags/": "tag"}


def revisions(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return words, labels and ids; of a range `a:b` and of `label@head` what the last part could be."""
    start = incomplete[: incomplete.rfind(":") + 1]
    label, at, typed = incomplete[len(start) :].rpartition("@")
    before = f"{start}{label}{at}"
    found = list(_WORDS.items())
    if not at:
        view = _project(ctx).view(ctx.params.get("at") or WORKTREE, ctx.params.get("merged_with"))
        labels = sorted({label for revision in view.revisions for label in revision.labels})
        found += [(f"{label}@head", "the head with this label") for label in labels] + _ids(view, typed)
    return _items(found, typed, before)


def refs(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return HEAD and every branch and tag."""
    return _items(_with_head(_repository(ctx)), incomplete)


def places(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return the work tree, the index, and every ref."""
    repository = _repository(ctx)
    index = [] if repository is None else [(INDEX, "what is staged")]
    return _items([(WORKTREE, "the files as they are"), *index, *_with_head(repository)], incomplete)


def switchable(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return what `git switch` takes: local branches, and those of remotes, of which it makes local ones."""
    names = _refs(_repository(ctx))
    local = [(name, kind) for name, kind in names if kind == "branch"]
    known = {name for name, _ in local}
    remote = [(name.partition("/")[2], kind) for name, kind in names if kind == "remote branch"]
    return _items([*local, *((name, kind) for name, kind in remote if name not in known)], incomplete)


def _items(found: Iterable[tuple[str, str]], typed: str, before: str = "") -> list[CompletionItem]:
    known = dict(reversed([(name, help_) for name, help_ in found if name.startswith(typed)]))
    return [CompletionItem(f"{before}{name}", help=help_) for name, help_ in reversed(known.items())]


def _project(ctx: click.Context) -> Project:
    given = ctx.find_root().params
    return Project.open(locate_files(given.get("config") or (), given.get("name") or "alembic", os.environ))


def _repository(ctx: click.Context) -> Repository | None:
    try:
        return _project(ctx).repository
    except BranchmigError:
        return Repository.discover(Path.cwd())


def _with_head(repository: Repository | None) -> list[tuple[str, str]]:
    return [] if repository is None else [("HEAD", "the current checkout"), *_refs(repository)]


def _refs(repository: Repository | None) -> list[tuple[str, str]]:
    names = [] if repository is None else ref_names(repository)
    return [
        (short_ref(name), next(kind for start, kind in _KINDS.items() if name.startswith(start)))
        for name in names
        if not name.endswith("/HEAD")
    ]


def _ids(view: View, typed: str) -> list[tuple[str, str]]:
    """Return the ids that begin as typed, newest first, with their messages; of a graph that is not sound, by id."""
    wanted = [revision for revision in view.revisions if revision.id.startswith(typed)]
    return [(revision.id, first_line(revision.message)) for revision in _newest_first(view, wanted)][
        : MOST if typed else MOST_UNASKED
    ]


def _newest_first(view: View, wanted: Sequence[Revision]) -> Iterator[Revision]:
    try:
        order = {revision_id: number for number, revision_id in enumerate(view.dag.order())}
    except RevisionGraphError:
        yield from sorted(wanted, key=lambda revision: revision.id)
        return
    yield from sorted(wanted, key=lambda each_revision: -order[each_revision.id])
