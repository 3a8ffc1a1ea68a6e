"""PURE. A step that was interrupted where DDL cannot be rolled back: which of its statements are done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from branchmig.effects.statement_kinds import Kind, makes_session

Outcome = Literal["done", "failed"]

LOOKS_LONG = 120
"""Characters of a statement that are shown."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a step. `digest` is a hash of its text; `looked` are the states of its facts before it.

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
    """A step of which something may be in the database, and whose end the version rows do not show."""

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
        return tuple(statement for statement in self.statements if statement.outcome == "done")

    @property
    def uncertain(self) -> Statement | None:
        """The statement of which nobody has recorded whether it is done."""
        unknown = (each for each in self.statements if each.outcome is None and each.kind != "waits")
        return next(unknown, None)

    @property
    def is_nothing(self) -> bool:
        """Whether nothing of the step can be in the database: it may simply be run again."""
        return not self.done and self.uncertain is None

    @property
    def needed_again(self) -> Statement | None:
        """A statement that is done and cannot be passed over: the script may need what it left in its session."""
        return next((statement for statement in self.done if makes_session(statement.text)), None)

    @property
    def is_in_order(self) -> bool:
        """Whether what is done are the first statements of the script, so that it can be resumed after them."""
        count = len(self.done)
        return all(statement.outcome == "done" for statement in self.statements[:count])


def message_for(unfinished: Unfinished) -> str:
    """Say how far a step came: "1 statement done: CREATE TABLE t10 …; the second was under way: ALTER TABLE …"."""
    done, last = unfinished.done, unfinished.uncertain
    number = f"{len(done)} statement{'' if len(done) == 1 else 's'} done" if done else "no statement done for certain"
    parts = [f"{number}{f': {shown(done[-1].text)}' if done else ''}"]
    failed = next((statement for statement in unfinished.statements if statement.outcome == "failed"), None)
    if last is not None:
        parts.append(f"the {ordinal(last.number)} was under way: {shown(last.text)}")
    elif failed is not None:
        parts.append(f"the {ordinal(failed.number)} failed: {shown(failed.text)}")
    elif len(done) < len(unfinished.statements):
        after = unfinished.statements[len(done)]
        parts.append(f"the {ordinal(after.number)} was rolled back: {shown(after.text)}")
    return "; ".join(parts)


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
