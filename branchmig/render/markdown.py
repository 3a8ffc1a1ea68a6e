"""Text of a repository as Markdown that only shows it: no markup, no HTML, no mention, no reference comes of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

_ZERO_WIDTH = "\N{ZERO WIDTH SPACE}"
_SPECIAL = re.compile(rf"(?![ ,./'\"();=?%:+{_ZERO_WIDTH}-]|(?<=[^\W_])_(?=[^\W_]))[\W_]")
"""What may mean something: all but letters, digits, some marks that mean nothing within a line, and a_name's line."""

_CODE = re.compile(r"[\w,./'\"();:=?%+@#\[\]{}!*$^&-]+( [\w,./'\"();:=?%+@#\[\]{}!*$^&-]+)*", re.ASCII)
"""What may stand between backticks: none of them, no `<`, and no `|`, which would end the cell of a table."""

# At the beginning of a line these would make a list, a rule, or a heading of the line above.
_OPENING = re.compile(r"[-+=:]|\d+(?=[.)])")
# GitHub and GitLab make links of these; a mention sends a mail. An entity stops neither: they read what is shown.
_LINKS = re.compile(r"(?<=[@#!$%&~])(?=\w)|(?<=\b[gG][hH])(?=-\d)|(?<=:)(?=//)|(?<=\b[wW]{3})(?=\.)")
_TICKS = re.compile("`+")


def escaped(text: str) -> str:
    """Return text as it is shown, in one line."""
    line = _LINKS.sub(_ZERO_WIDTH, one_line(text))
    opening = _OPENING.match(line)
    at = 0 if opening is None else opening.end()
    return _as_entities(line[:at]) + _SPECIAL.sub(_entity, line[at:])


def code(text: str) -> str:
    """Return text as code, in one line; it can be copied as it is."""
    line = one_line(text)
    return f"`{line}`" if _CODE.fullmatch(line) else html_code(line)


def html_code(text: str) -> str:
    """Return text as code within HTML, where Markdown is not read."""
    return f"<code>{_SPECIAL.sub(_entity, one_line(text))}</code>"


def path_code(path: str) -> str:
    """Return a path as code that may end a line after each `/`, `_` and `-`: a column of paths is as wide as a word."""
    parts = re.split(r"(?<=[/_-])", one_line(path))
    return f"<code>{'<wbr>'.join(_SPECIAL.sub(_entity, part) for part in parts)}</code>"


def fenced(language: str, text: str) -> Iterator[str]:
    """Yield lines of text as a block of code, fenced by more backticks than it holds."""
    longest = max((len(found.group()) for found in _TICKS.finditer(text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}{language}"
    yield from (_printable(line, "\t") for line in text.splitlines())
    yield fence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table whose cells are Markdown already."""
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def one_line(text: str) -> str:
    """Return text as one line of what can be seen; invisible letters, which change how others are read, are shown."""
    return _printable(" ".join(text.split()))


def _printable(line: str, also: str = "") -> str:
    return "".join(name if name.isprintable() or name in also else "\N{REPLACEMENT CHARACTER}" for name in line)


def _as_entities(text: str) -> str:
    return "".join(f"&#{ord(letter)};" for letter in text)


def _entity(found: re.Match[str]) -> str:
    return _as_entities(found.group())
