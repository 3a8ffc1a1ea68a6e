"""PURE. The colours of codes, verdicts and ids in an answer. The words are complete without the colour.

The styles are among the 16 colours of the terminal's own theme, without blue, white and black: each of them can be
read on light and on dark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from branchmig.model import Piece

GOOD, BAD, OPEN, HINT, ID = "green", "bold red", "yellow", "cyan", "magenta"

_GOOD = r"All is well\.|ok\b|no conflicts\b|commutes\b|upgrade\b|runs\b|nothing to do\b|Nothing to do\b|done\b|fits\b"
_BAD = (
    r"conflict\b|fails\b|differs\b|destroys\b|in the way\b|lost\b|orphan\b|skipped\b|edited\b|interrupted\b|failed\b|"
    r"stop\b|error\b|missing\b|cycle\b|[2-9]\d* heads\b|1\d+ heads\b"
)
_OPEN = (
    r"Open\b|warning\b|not checked\b|cannot tell\b|order\b|opaque\b|pending\b|retired\b|unknown\b|running\b|unlanded\b|"
    r"not checked out\b|ignored by git\b|downgrade\b|stamp\b|unstamp\b|accept\b|found\b|gone\b|stays\b|note\b|"
    r"out of date\b|no journal\b|changed\b|added\b"
)
# Texts: re compiles each when a line is painted, which on no terminal is none, and keeps it.
_LEADING = rf"(\s*)(?:({_GOOD})|({_BAD})|({_OPEN})|(->|safer:|also:)|([a-z]+(?:-[a-z]+)+)(?=:))"
_AUDIT = rf"(.*?\d\d:\d\d:\d\d UTC  )(?:({_GOOD})|({_BAD})|({_OPEN}))"
_STATE = rf"(\s*[^:]+: )(?:({_GOOD})|({_BAD}|\d+ heads\b|not one line\b)|({_OPEN}))"
_HOOK = rf"([a-z-]+ +)(?:({_GOOD})|({_OPEN})|(.+))"
_MARK = r"\((?:effective head|head|current|branchpoint|mergepoint|replaces \d+)\)"
_HISTORY = r"^(?:.* -> )?([^\s,(]+)"


def answer_pieces(line: str) -> Iterator[Piece]:
    """Paint a line by the word that it begins with: a verdict, a code, a step of a plan, a way out."""
    found = re.match(_LEADING, line)
    yield from _painted(line, found, (GOOD, BAD, OPEN, HINT, BAD))


def audit_pieces(line: str) -> Iterator[Piece]:
    """Paint what an entry of the journal says: the word after the time."""
    yield from _painted(line, re.match(_AUDIT, line), (GOOD, BAD, OPEN))


def forecast_pieces(line: str) -> Iterator[Piece]:
    """Paint the verdict after the branches that it is on."""
    found = re.match(_STATE, line)
    yield from _painted(line, found, (GOOD, BAD, OPEN)) if found else answer_pieces(line)


def hook_pieces(line: str) -> Iterator[Piece]:
    """Paint whether a hook runs."""
    yield from _painted(line, re.match(_HOOK, line), (GOOD, OPEN, BAD))


def revision_pieces(line: str) -> Iterator[Piece]:
    """Paint the id and the marks of a revision: `ae10fc (users) (head)`, or `27c6 -> ae10fc (head), message`."""
    revision = re.match(_HISTORY, line)
    at = 0
    if revision is not None:
        yield line[: revision.start(1)], ""
        yield revision[1], ID
        at = revision.end(1)
    message = line.find("), ", at)
    end = len(line) if message < 0 else message + 1
    for mark in re.compile(_MARK).finditer(line, at, end):
        yield line[at : mark.start()], ""
        yield mark[0], GOOD if "head" in mark[0] else OPEN
        at = mark.end()
    yield line[at:], ""


def _painted(line: str, found: re.Match[str] | None, styles: tuple[str, ...]) -> Iterator[Piece]:
    """Paint the first group after the indent that has matched, in the style of its place."""
    if found is None:
        yield line, ""
        return
    for number, style in enumerate(styles, 2):
        if found[number] is not None:
            yield line[: found.start(number)], ""
            yield found[number], style
            yield line[found.end(number) :], ""
            return
