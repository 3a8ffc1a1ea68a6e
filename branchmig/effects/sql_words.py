"""PURE. SQL to words: names, strings, numbers and signs with their places, statements and their parts.

No grammar of one database: what all of them share. Comments are left out; what stands in quotes is one word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

WordKind = str  # "name" (bare), "quoted" (a name in quotes), "string", "number", "sign"

_PATTERN = r"""
  (?P<space>\s+ | --[^\n]* | (?:(?<=\n)|\A)[ \t]*\#[^\n]* | /\*(?![!M]).*?\*/ | /\*M?!\d* | \*/)
| (?P<dollar>\$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$)
| (?P<string>[eE]'(?:[^'\\]|''|\\.)*' | [nNxXbB]?'{inside}*')
| (?P<quoted>"(?:[^"]|"")*" | `(?:[^`]|``)*` | (?<![\w\])"])\[[^\W\d][\w ]*\])
| (?P<number>\d+(?:\.\d+)?)
| (?P<name>[^\W\d][\w$]*)
| (?P<sign>::|<=|>=|<>|!=|:=|\|\||.)
"""
_STANDARD = re.compile(_PATTERN.format(inside="(?:[^']|'')"), re.VERBOSE | re.DOTALL)
# MySQL: a backslash hides the quote after it.
_ESCAPED = re.compile(_PATTERN.format(inside=r"(?:[^'\\]|''|\\.)"), re.VERBOSE | re.DOTALL)


class Word(NamedTuple):
    """One word, its value without quotes, and where it stands in its text."""

    kind: WordKind
    value: str
    start: int
    end: int

    def is_(self, *words: str) -> bool:
        """Return whether this is one of some keywords or signs; a quoted name is no keyword."""
        return self.kind in ("name", "sign") and self.value.upper() in words


_END = Word("end", "", 0, 0)


def words_of(text: str) -> list[Word]:
    """Return the words of some SQL; a quote that is never closed is a sign."""
    found = list(_read(_STANDARD, text))
    if any(word.kind == "sign" and word.value == "'" for word in found):
        other = list(_read(_ESCAPED, text))
        if not any(word.kind == "sign" and word.value == "'" for word in other):
            return other
    return found


def _read(pattern: re.Pattern[str], text: str) -> Iterator[Word]:
    for match in pattern.finditer(text):
        kind, start, end = str(match.lastgroup), match.start(), match.end()
        written = match.group()
        if match["space"] is not None:
            continue
        if match["dollar"] is not None:
            size = len(match["tag"]) + 2
            yield Word("string", written[size:-size], start, end)
        elif kind == "string":
            yield Word("string", written[written.index("'") + 1 : -1].replace("''", "'"), start, end)
        elif kind == "quoted":
            yield Word("quoted", written[1:-1].replace(written[-1] * 2, written[-1]), start, end)
        else:
            yield Word(kind, written, start, end)


class Statement:
    """A cursor over the words of one statement, or of a part of it."""

    def __init__(self, text: str, words: Sequence[Word]) -> None:
        self.text, self.words, self.at = text, words, 0

    def __bool__(self) -> bool:
        return self.at < len(self.words)

    def peek(self, ahead: int = 0) -> Word:
        """Return a word without moving on; an empty one past the end."""
        at = self.at + ahead
        return self.words[at] if at < len(self.words) else _END

    def next(self) -> Word:
        """Return the next word, and move on."""
        word = self.peek()
        self.at += 1
        return word

    def follows(self, *words: str) -> bool:
        """Return whether some keywords stand here, one after the other."""
        return all(self.peek(number).is_(word) for number, word in enumerate(words))

    def take(self, *words: str) -> bool:
        """Move past some keywords if they stand here; return whether they did."""
        if not self.follows(*words):
            return False
        self.at += len(words)
        return True

    def take_any(self, *words: str) -> str:
        """Move past one keyword of several; return it, or nothing."""
        return self.next().value.upper() if self.peek().is_(*words) else ""

    def has(self, *words: str) -> bool:
        """Return whether some keywords stand together, outside of parentheses, from here on."""
        return self.find(*words) is not None

    def find(self, *words: str) -> int | None:
        """Return where some keywords stand together outside of parentheses; None if they do not."""
        depth = 0
        for at in range(self.at, len(self.words)):
            depth += self.words[at].is_("(") - self.words[at].is_(")")
            ahead = at - self.at
            if depth == 0 and all(self.peek(ahead + number).is_(word) for number, word in enumerate(words)):
                return at
        return None

    def name(self) -> tuple[str | None, str]:
        """Return the schema and the name that stand here."""
        parts = [self.next().value]
        while self.peek().is_(".") and self:
            self.at += 1
            parts.append(self.next().value)
        return (parts[-2] if len(parts) > 1 else None), parts[-1]

    def inside(self) -> Statement:
        """Move past the parentheses that open here; return what is inside."""
        assert self.peek().is_("(")
        depth, start = 0, self.at + 1
        while self:
            word = self.next()
            depth += word.is_("(") - word.is_(")")
            if depth == 0:
                return Statement(self.text, self.words[start : self.at - 1])
        return Statement(self.text, self.words[start:])

    def until(self, *stops: str) -> Statement:
        """Move up to one of some keywords outside of parentheses, or to the end; return what stands before it."""
        start, depth = self.at, 0
        while self:
            word = self.peek()
            if depth == 0 and word.is_(*stops):
                break
            depth += word.is_("(") - word.is_(")")
            self.at += 1
        return Statement(self.text, self.words[start : self.at])

    def parts(self, separator: str = ",") -> list[Statement]:
        """Return what stands between separators outside of parentheses, from here to the end."""
        found = []
        while self:
            found.append(self.until(separator))
            self.at += 1
        return found

    @property
    def sql(self) -> str:
        """What stands from here on, as it is written."""
        left = self.words[self.at :]
        return self.text[left[0].start : left[-1].end] if left else ""


def with_parameters(text: str, known: Mapping[str, str], unknown: str) -> str:
    """Return some SQL with what its parameters stand for: `:name`, `%s` and `%(name)s` outside of quotes."""
    words = words_of(text)
    found: list[tuple[int, int, str]] = []
    for at, word in enumerate(words):
        after = words[at + 1] if at + 1 < len(words) else _END
        is_joined = word.kind == "sign" and word.end == after.start
        if (
            word.value == ":"
            and is_joined
            and after.kind == "name"
            and not re.search(r"[\w\])\\]\Z", text[: word.start])
        ):
            found.append((word.start, after.end, known.get(after.value, unknown)))
        elif word.value == "%" and is_joined and after.value == "s":
            number = sum(text[start] == "%" and text[start + 1] == "s" for start, _, _ in found)
            found.append((word.start, after.end, known.get(str(number), unknown)))
        elif word.value == "%" and is_joined and after.value == "(" and text[words[at + 3].end :][:1] == "s":
            found.append((word.start, words[at + 4].end, known.get(words[at + 2].value, unknown)))
    for start, end, value in reversed(found):
        text = text[:start] + value + text[end:]
    return text


# Their bodies hold semicolons of their own.
_WITH_BODY = frozenset({"FUNCTION", "PROCEDURE", "TRIGGER", "EVENT", "PACKAGE"})


def statements_of(text: str) -> list[Statement]:
    """Return the statements of some SQL, each without its semicolon."""
    found: list[Statement] = []
    current: list[Word] = []
    words = words_of(text)
    for at, word in enumerate(words):
        if word.is_(";") and not _has_body(current):
            found.append(Statement(text, current))
            current = []
        elif not (word.is_(";") and at == len(words) - 1):
            current.append(word)
    found.append(Statement(text, current))
    return [statement for statement in found if statement]


def _has_body(words: Sequence[Word]) -> bool:
    """Return whether a statement makes a routine whose body is written out, not in quotes, and not over."""
    head = {word.value.upper() for word in words[:8] if word.kind == "name"}
    if "CREATE" not in head or not head & _WITH_BODY:
        return False
    pairs = list(zip(words, [*words[1:], _END], strict=True))
    opened = sum(
        word.is_("BEGIN", "CASE", "LOOP") or (word.is_("IF") and not after.is_("NOT", "EXISTS", "("))
        for word, after in pairs
    )
    closed = sum(word.is_("END") for word in words)
    # "END IF" closes one, and names it again.
    again = sum(word.is_("END") and after.is_("IF", "CASE", "LOOP") for word, after in pairs)
    return opened - again > closed


_MOST_SHOWN = 60


def shortened(text: str) -> str:
    """Return SQL on one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= _MOST_SHOWN else f"{line[: _MOST_SHOWN - 1]}…"
