"""PURE. Which lane each revision of a drawing stands in, row by row; knows no characters, colours or pixels.

Rows come newest first, as `git log --graph` draws commits. A lane is a column that a line runs down in, on its way to
one revision: lines of the same kind to the same revision share one. What a row says is final when it is given, so that
a drawing of any length begins at once and needs memory for its lanes alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

EdgeKind = Literal["lineage", "dependency"]

COLOURS = 6
"""Colours of a drawing; lanes in columns beside each other never have the same."""

_LINEAGE: EdgeKind = "lineage"
_DEPENDENCY: EdgeKind = "dependency"


@dataclass(frozen=True, slots=True)
class Node:
    """What stands in a row, and what is below it: each node that it names has a row of its own, further down."""

    id: str
    parents: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lane:
    """A line on its way down to `target`; it keeps its `colour`, a number below COLOURS, while it runs by itself."""

    target: str
    kind: EdgeKind
    colour: int


@dataclass(frozen=True, slots=True)
class Row:
    """One node and the lanes around it, by column.

    `above` are the lanes that reach the row, `below` those that leave it. Lines of dependencies leave and reach a node
    sideways, in its own row; those of lineage part and join between this row and the next.
    """

    id: str
    column: int
    colour: int
    above: tuple[Lane | None, ...]
    below: tuple[Lane | None, ...]
    parents: tuple[int, ...] = ()
    """The column below of the lane to each parent."""
    dependencies: tuple[int, ...] = ()
    """The column below of the lane to each dependency."""
    ends: tuple[int, ...] = ()
    """The columns above, other than the node's, of lanes of dependencies that end in this node."""
    moved: tuple[int, int] | None = None
    """A lane that comes over to the node's column, as both lead to the same parent: its column above, and below."""

    @property
    def is_bent(self) -> bool:
        """Whether a line of lineage changes its column between this row and the next."""
        return self.moved is not None or any(column != self.column for column in self.parents)


def lay_out(nodes: Iterable[Node]) -> Iterator[Row]:
    """Yield a row for each node, in the order given: every node before those that it names.

    The same nodes always give the same rows.
    """
    layout = _Layout()
    for node in nodes:
        yield layout.place(node)


class _Layout:
    """The lanes below the last row."""

    def __init__(self) -> None:
        self._lanes: list[Lane | None] = []
        self._colours = 0

    def place(self, node: Node) -> Row:
        above = tuple(self._lanes)
        arriving = [column for column, lane in enumerate(above) if lane is not None and lane.target == node.id]
        # A line of lineage runs straight into its node; a dependency's turns aside to it where there are both.
        arriving.sort(key=lambda column: (_kind(above, column) != _LINEAGE, column))
        free = (at for at, lane in enumerate(above) if lane is None)
        column = arriving[0] if arriving else next(free, len(above))
        entered = above[column] if arriving else None
        colour = self._colour_for(column, above) if entered is None else entered.colour
        for ended in arriving:
            self._lanes[ended] = None
        parents = tuple(self._to_parent(parent, column, colour, above) for parent in dict.fromkeys(node.parents))
        moved = self._drawn_near(parents, column, colour)
        if moved is not None:
            parents = (column,)
        named = [revision_id for revision_id in dict.fromkeys(node.dependencies) if revision_id not in node.parents]
        sideways = tuple(self._to_dependency(name, column, above) for name in named)
        while self._lanes and self._lanes[-1] is None:
            self._lanes.pop()
        ends = tuple(sorted(arriving[1:]))
        return Row(node.id, column, colour, above, tuple(self._lanes), parents, sideways, ends, moved)

    def _to_parent(self, parent: str, column: int, colour: int, above: tuple[Lane | None, ...]) -> int:
        existing = self._lane_to(parent, _LINEAGE)
        if existing is not None:
            return existing
        if self._is_free(column):
            return self._start(column, Lane(parent, _LINEAGE, colour))
        beside = self._column_beside(column, ())
        return self._start(beside, Lane(parent, _LINEAGE, self._colour_for(beside, above)))

    def _to_dependency(self, wanted: str, column: int, above: tuple[Lane | None, ...]) -> int:
        existing = self._lane_to(wanted, _DEPENDENCY)
        if existing is not None:
            return existing
        # Never straight down: two rows that touch would look like child and parent.
        beside = self._column_beside(column, above)
        return self._start(beside, Lane(wanted, _DEPENDENCY, self._colour_for(beside, above)))

    def _drawn_near(self, parents: tuple[int, ...], column: int, colour: int) -> tuple[int, int] | None:
        """Bring the lane of an only parent over from the right: what goes on stays on the left, in its colour."""
        if len(parents) != 1 or parents[0] <= column:
            return None
        lane = self._lanes[parents[0]]
        assert lane is not None
        self._lanes[column], self._lanes[parents[0]] = Lane(lane.target, lane.kind, colour), None
        return parents[0], column

    def _start(self, column: int, lane: Lane) -> int:
        self._lanes.extend([None] * (column + 1 - len(self._lanes)))
        self._lanes[column] = lane
        return column

    def _lane_to(self, target: str, kind: EdgeKind) -> int | None:
        for column, lane in enumerate(self._lanes):
            if lane is not None and lane.target == target and lane.kind == kind:
                return column
        return None

    def _column_beside(self, column: int, above: tuple[Lane | None, ...]) -> int:
        """Return the nearest free column: to the right, else to the left, else a new one.

        A line that turns aside in the node's own row needs one that is free `above` it, too.
        """

        def is_free(number: int) -> bool:
            return self._is_free(number) and (number >= len(above) or above[number] is None)

        width = max(len(self._lanes), len(above), column + 1)
        nearest = (*range(column + 1, width), *range(column - 1, -1, -1))
        return next((item for item in nearest if is_free(item)), width)

    def _is_free(self, column: int) -> bool:
        return column >= len(self._lanes) or self._lanes[column] is None

    def _colour_for(self, column: int, above: tuple[Lane | None, ...]) -> int:
        """Return the next colour in turn that no lane in the columns beside has, above or below."""
        beside = [
            lanes[at] for lanes in (above, self._lanes) for at in (column - 1, column + 1) if 0 <= at < len(lanes)
        ]
        taken = {lane.colour for lane in beside if lane is not None}
        turn = (number % COLOURS for number in range(self._colours, self._colours + COLOURS))
        colour = next(number for number in turn if number not in taken)
        self._colours = colour + 1
        return colour


def _kind(lanes: tuple[Lane | None, ...], column: int) -> EdgeKind | None:
    lane = lanes[column]
    return None if lane is None else lane.kind
