"""PURE. What a plan's downgrades would destroy: tables and columns, read from the scripts and never run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from branchmig.effects.footprint import read_footprint

Way = Literal["drop", "delete", "update"]

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from branchmig.effects.footprint import Footprint


@dataclass(frozen=True, slots=True, order=True)
class Loss:
    """A table, or a column of one, that a revision's downgrade drops; or a table whose rows it deletes or changes.

    `rows` is how many hold something now: of rows that are deleted or changed, the most that it can be. It is None
    where that is not known: not asked yet, or the table is not there.
    """

    table: str
    column: str | None = None
    schema: str | None = None
    revision: str = ""
    rows: int | None = None
    way: Way = "drop"

    def __str__(self) -> str:
        name = ".".join(part for part in (self.schema, self.table, self.column) if part)
        if self.way != "drop":
            return f"rows {_WORDS[self.way]} table {name}"
        return f"{'column' if self.column else 'table'} {name}"


_WORDS = {"delete": "deleted from", "update": "changed in"}


@dataclass(frozen=True, slots=True)
class Losses:
    """What is lost, in the order in which it goes; `unclear` are revisions of which not all could be read, and why."""

    certain: tuple[Loss, ...] = ()
    unclear: tuple[tuple[str, str], ...] = ()


def losses_of(sources: Mapping[str, bytes]) -> Losses:
    """Return what the downgrade() of some revisions, in the order in which they run, drops.

    A column of a table that goes, too, is no loss of its own, and neither is what one of them has made itself.
    """
    read = [(revision, read_footprint(source, "downgrade")) for revision, source in sources.items()]
    dropped = [loss for revision, footprint in read for loss in _dropped(revision, footprint)]
    tables = {(loss.schema, loss.table) for loss in dropped if loss.column is None and loss.way == "drop"}
    is_whole = [loss.column is None and loss.way == "drop" for loss in dropped]
    certain = [
        loss for loss, whole in zip(dropped, is_whole, strict=True) if whole or (loss.schema, loss.table) not in tables
    ]
    unclear = [(revision, _unclear(footprint)) for revision, footprint in read if footprint.opaque]
    return Losses(tuple(dict.fromkeys(certain)), tuple(unclear))


def _dropped(revision: str, footprint: Footprint) -> Sequence[Loss]:
    found: list[Loss] = []
    made: set[tuple[str, str]] = set()
    for touch in footprint.touches:
        obj = touch.object
        if touch.action in ("create", "rename"):
            made.add((obj.kind, obj.name))
        if touch.action == "write" and obj.kind == "table" and (obj.kind, obj.name) not in made:
            ways: list[Way] = [way for way in ("delete", "update") if way in touch.aspects]
            found += [Loss(obj.name, None, obj.schema, revision, way=way) for way in ways]
        if touch.action != "drop" or (obj.kind, obj.name) in made:
            continue
        if obj.kind == "table":
            found.append(Loss(obj.name, None, obj.schema, revision))
        elif obj.kind == "column" and obj.table:
            found.append(Loss(obj.table, obj.name, obj.schema, revision))
    return found


def _unclear(footprint: Footprint) -> str:
    first = footprint.opaque[0]
    more = f" (and {len(footprint.opaque) - 1} more)" if len(footprint.opaque) > 1 else ""
    return f"line {first.line}: {first.what}{more}"
