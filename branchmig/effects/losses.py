"""PURE. What a plan would destroy: tables, columns and rows, read from the scripts and never run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from branchmig.effects.change import Change
from branchmig.effects.footprint import read_changes
from branchmig.effects.plan_state import PlanState

Way = Literal["drop", "delete", "update"]


@dataclass(frozen=True, slots=True, order=True)
class Loss:
    """A table, or a column of one, that a revision drops; or a table whose rows it deletes or changes.

    `rows` is how many hold something now: of rows that are deleted or changed, the most that it can be. It is None
    where that is not known: not asked yet, or the table is not there.
    """

    table: str
    column: str | None = None
    schema: str | None = None
    revision: str = ""
    rows: int | None = None
    way: Way = "drop"

    @property
    def is_whole(self) -> bool:
        """Whether the whole table is dropped."""
        return self.column is None and self.way == "drop"

    def __str__(self) -> str:
        name = ".".join(part for part in (self.schema, self.table, self.column) if part)
        if self.way != "drop":
            return f"rows {_WORDS[self.way]} table {name}"
        return f"{'column' if self.column else 'table'} {name}"


_WORDS = {"delete": "deleted from", "update": "changed in"}


@dataclass(frozen=True, slots=True)
class Losses:
    """The losses, in the order of the steps; `unclear` are revisions that could not be read in full, and why."""

    certain: tuple[Loss, ...] = ()
    unclear: tuple[tuple[str, str], ...] = ()


def losses_of(sources: Mapping[str, bytes], function: str = "downgrade", dialect: str | None = None) -> Losses:
    """Return what some revisions' downgrade(), or upgrade(), takes away, in the order in which they run.

    A column of a table that goes, too, is no loss of its own, and neither is what one of them has made itself.
    """
    plan = PlanState(())
    found: list[Loss] = []
    unclear: list[tuple[str, str]] = []
    for revision, source in sources.items():
        footprint = read_changes(source, function, dialect)
        places = [f"line {place.line}: {place.what}" for place in footprint.unread]
        for change in footprint.changes:
            if change.kind == "drop-schema" or (change.kind == "drop-object" and "cascade" in change.flags):
                places.append(f"line {change.line}: it {change.what}, with all that is in it or depends on it")
            found += _lost(revision, change, plan)
            plan.follow(change)
        if places:
            more = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
            unclear.append((revision, f"{places[0]}{more}"))
    tables = {(loss.schema, loss.table) for loss in found if loss.is_whole}
    certain = [loss for loss in found if loss.is_whole or (loss.schema, loss.table) not in tables]
    return Losses(tuple(dict.fromkeys(certain)), tuple(unclear))


def _lost(revision: str, change: Change, plan: PlanState) -> Iterator[Loss]:
    """Yield what one change takes away of what was there before the plan."""
    if plan.is_made(change):
        return
    table = Loss(change.table, None, change.schema, revision)
    if change.kind == "drop-table" or (change.kind == "create-table" and "replace" in change.flags):
        yield table
    elif change.kind == "drop-column" and plan.added_column(change, change.name) is None:
        yield replace(table, column=change.name)
    elif change.kind in ("delete", "truncate"):
        yield replace(table, way="delete")
    elif change.kind == "update":
        names = [name for name, text in change.values if text.strip('"` ') != name]
        if not change.values or any(plan.added_column(change, name) is None for name in names):
            yield replace(table, way="update")
