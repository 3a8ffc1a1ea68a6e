"""How the lanes of a drawing run between two rows, for what is drawn with lines instead of characters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from branchmig.planning.lanes import Row


@dataclass(frozen=True, slots=True)
class Stroke:
    """A piece of one line between a row and the next: the columns where it begins, runs, and ends.

    A line of lineage bends on its whole way from `start` to `end`. A dependency leaves a node sideways to the column
    `via`, runs down in it, and reaches a node sideways from there.
    """

    start: int
    via: int
    end: int
    colour: int
    is_dependency: bool


def strokes(row: Row, following: Row) -> Iterator[Stroke]:
    """Yield the pieces of all lines between a row and the one that follows it."""
    for column, lane in enumerate(row.below):
        if lane is None:
            continue
        is_dependency = lane.kind == "dependency"
        end = following.column if lane.target == following.id else column
        if column in row.parents or column in row.dependencies:
            yield Stroke(row.column, column, end, lane.colour, is_dependency)
        if column < len(row.above) and row.above[column] == lane:
            yield Stroke(column, column, end, lane.colour, is_dependency)
        if row.moved is not None and column == row.moved[1]:
            came = row.above[row.moved[0]]
            yield Stroke(row.moved[0], column, end, lane.colour if came is None else came.colour, is_dependency)
