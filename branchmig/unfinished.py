"""PURE. A step that was interrupted where DDL cannot be rolled back: which of its statements are done for certain.

What a statement is to the transaction that it runs in decides it (MariaDB, MySQL):
`commits`: it commits what came before it, and itself (DDL). Its end is recorded beside the transaction.
`waits`: it is kept or lost with its transaction (INSERT). Its end is recorded within that very transaction, so that the
record is kept or lost with it.
`opaque`: nobody can know (CALL may do either).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

Kind = Literal["commits", "waits", "opaque"]
Outcome = Literal["done", "failed"]

LOOKS_LONG = 120
"""Characters of a statement that are shown."""

_COMMENTS = re.compile(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|#[^\n]*(?:\n|\Z)|/\*(?!!).*?\*/)+", re.DOTALL)
_TEMPORARY = re.compile(r"(CREATE|DROP)\s+(OR\s+REPLACE\s+)?TEMPORARY\b", re.IGNORECASE)
_SESSION = frozenset({"DESC", "DESCRIBE", "EXPLAIN", "SELECT", "SET", "SHOW", "USE"})
_WAITS = frozenset({"DELETE", "INSERT", "REPLACE", "UPDATE", "WITH"})
_COMMITS = frozenset({"ALTER", "ANALYZE", "CREATE", "DROP", "GRANT", "OPTIMIZE", "RENAME", "REVOKE", "TRUNCATE"})
_SEVERAL = re.compile(r";\s*\S")
_NAME = r"((?:`[^`]+`|\"[^\"]+\"|[\w$]+)(?:\s*\.\s*(?:`[^`]+`|\"[^\"]+\"|[\w$]+))?)"
_TABLE = re.compile(
    rf"""(?:(?:CREATE|DROP|ALTER|RENAME)\s+(?:OR\s+REPLACE\s+)?(?:ONLINE\s+)?(?:IGNORE\s+)?TABLE\s+
    (?:IF\s+(?:NOT\s+)?EXISTS\s+)?{_NAME}
    | (?:CREATE\s+(?:OR\s+REPLACE\s+)?(?:ONLINE\s+)?(?:UNIQUE\s+|FULLTEXT\s+|SPATIAL\s+)?|DROP\s+)INDEX\s+
    (?:IF\s+(?:NOT\s+)?EXISTS\s+)?(?:`[^`]+`|\S+)\s+ON\s+{_NAME})""",
    re.IGNORECASE | re.VERBOSE,
)
_SECRET = re.compile(
    r"(\b(?:IDENTIFIED\s+(?:BY|VIA\s+\S+\s+(?:USING|AS))|PASSWORD\s*[=(])\s*(?:PASSWORD\s+)?)'(?:[^'\\]|\\.|'')*'",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a step. `digest` tells its text from any other; `looked` is what its table was before it.

    `outcome` is None for one that was under way, and for one whose end was lost with its transaction.
    """

    number: int
    text: str
    digest: str
    kind: Kind
    outcome: Outcome | None = None
    looked: str | None = None


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A step of which something may be in the database, and of which the version rows do not tell."""

    step: str
    version_table: str
    revision: str
    direction: str
    heads_before: tuple[str, ...]
    heads_after: tuple[str, ...]
    started_at: datetime
    fingerprint: str | None
    session: int | None
    statements: tuple[Statement, ...]

    @property
    def done(self) -> tuple[Statement, ...]:
        """The statements that are in the database for certain, in order."""
        return tuple(one for one in self.statements if one.outcome == "done")

    @property
    def uncertain(self) -> Statement | None:
        """The statement of which nobody has recorded whether it is done."""
        return next((one for one in self.statements if one.outcome is None and one.kind != "waits"), None)

    @property
    def is_nothing(self) -> bool:
        """Whether nothing of the step can be in the database: it may simply be run again."""
        return not self.done and self.uncertain is None

    @property
    def is_in_order(self) -> bool:
        """Whether what is done are the first statements of the script, so that it can be resumed after them."""
        count = len(self.done)
        return all(one.outcome == "done" for one in self.statements[:count])


def is_done_by(statement: Statement, looked: str | None) -> bool | None:
    """Return whether a statement that was under way is done, by what its table is now; None where nothing tells."""
    return None if statement.looked is None or looked is None else statement.looked != looked


def told(unfinished: Unfinished) -> str:
    """Say how far a step came: "1 statement done: CREATE TABLE t10 …; the second was under way: ALTER TABLE …"."""
    done, last = unfinished.done, unfinished.uncertain
    number = f"{len(done)} statement{'' if len(done) == 1 else 's'} done" if done else "no statement done for certain"
    parts = [f"{number}{f': {shown(done[-1].text)}' if done else ''}"]
    failed = next((one for one in unfinished.statements if one.outcome == "failed"), None)
    if last is not None:
        parts.append(f"the {ordinal(last.number)} was under way: {shown(last.text)}")
    elif failed is not None:
        parts.append(f"the {ordinal(failed.number)} failed: {shown(failed.text)}")
    elif len(done) < len(unfinished.statements):
        after = unfinished.statements[len(done)]
        parts.append(f"the {ordinal(after.number)} was rolled back: {shown(after.text)}")
    return "; ".join(parts)


def kind_of(statement: str, *, is_autocommit: bool = False) -> Kind | None:
    """Return what a statement is to its transaction; None where it changes nothing but its own session."""
    text = _COMMENTS.sub("", statement)
    word = (re.match(r"\w+", text) or [""])[0].upper()
    if word in _SESSION or _TEMPORARY.match(text):
        return None
    if _SEVERAL.search(_without_strings(text)):
        return "opaque"
    if word in _COMMITS:
        return "commits"
    return "waits" if word in _WAITS and not is_autocommit else "opaque"


def table_of(statement: str) -> str | None:
    """Return the table that a statement of DDL changes, as it is written there."""
    found = _TABLE.match(_COMMENTS.sub("", statement))
    return None if found is None else next(name for name in found.groups() if name)


def without_secrets(statement: str) -> str:
    """Return a statement with the passwords in it masked."""
    return _SECRET.sub(r"\1'***'", statement)


def shown(text: str) -> str:
    """Return a statement in one line that is not too long."""
    line = " ".join(text.split())
    return line if len(line) <= LOOKS_LONG else f"{line[: LOOKS_LONG - 1]}…"


def ordinal(number: int) -> str:
    """`first`, `second`, … `11th`."""
    words = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
    if number <= len(words):
        return words[number - 1]
    last = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"{number}{last}"


def _without_strings(text: str) -> str:
    return re.sub(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`", "''", text, flags=re.DOTALL)
