"""Drawings of graphs as text, and a reader of them that knows nothing of how they were made: only the characters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchmig.planning.picture import Picture
from branchmig.render.graph_text import UNICODE, Glyphs, graph_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from branchmig.dag import RevisionDag

NODES = "●○✗◌◐◦~"
RUNS_UP, RUNS_DOWN = "│┊╯┤╰├┴┼", "│┊╮┤╭├┬┼"
DOTTED, SOLID = "╌", "─"


def drawing(picture: Picture | RevisionDag, glyphs: Glyphs = UNICODE) -> list[str]:
    """Return a picture, or all of a graph, as plain lines."""
    if not isinstance(picture, Picture):
        picture = Picture(picture, tuple(reversed(picture.order())))
    return ["".join(text for text, _ in line) for line in graph_lines(picture, glyphs)]


@dataclass
class Reader:
    """Follows the lines of a drawing from each node downward, as an eye does."""

    lines: Sequence[str]

    def edges(self) -> set[tuple[str, str, str]]:
        """Return parent, child and kind of every line, by what stands beside its two ends."""
        found = set()
        for number, line in enumerate(self.lines):
            column = self.node(number)
            if column is None:
                continue
            child = self.name(number)
            for start in self.sideways(line, column, DOTTED):
                if self.at(number, start) in RUNS_DOWN:
                    found.add((self.end(number, start), child, "dependency"))
            for start in self.starts_below(number, column):
                found.add((self.end(*start), child, "lineage"))
        return found

    def node(self, number: int) -> int | None:
        """Return the column of the node in a line."""
        line = self.lines[number] if number < len(self.lines) else ""
        lanes = len(line) - len(line.lstrip(" │┊╌╮╯╰╭├┤┬┴┼"))
        return lanes // 2 if lanes < len(line) and line[lanes] in NODES else None

    def name(self, number: int) -> str:
        """Return the first word beside a node; what is left out below a revision has none, and a name of its own."""
        words = self.lines[number].translate(str.maketrans("", "", NODES + RUNS_UP + RUNS_DOWN + DOTTED)).split()
        return words[0] if words else f"left out in line {number}"

    def at(self, number: int, column: int) -> str:
        line = self.lines[number] if number < len(self.lines) else ""
        return line[2 * column : 2 * column + 1] or " "

    def sideways(self, line: str, column: int, stroke: str) -> Iterator[int]:
        """Yield the columns that a horizontal line leads to or past, to both sides of one."""
        for step in (1, -1):
            at = column
            while line[2 * at + step : 2 * at + step + 1] == stroke and 2 * at + step >= 0:
                at += step
                # A vertical line that is only crossed is another's.
                if self._is_joint(line[2 * at]):
                    yield at

    def starts_below(self, number: int, column: int) -> Iterator[tuple[int, int]]:
        """Yield where the lines of lineage of a node begin: line and column from which they run down."""
        if not self.is_link(number + 1):
            if self.at(number + 1, column) in RUNS_UP or self.node(number + 1) == column:
                yield number, column
            return
        if self.at(number + 1, column) in RUNS_DOWN:
            yield number + 1, column
        for sideway in self.sideways(self.lines[number + 1], column, SOLID):
            if self.at(number + 1, sideway) in RUNS_DOWN:
                yield number + 1, sideway

    def is_link(self, number: int) -> bool:
        return number < len(self.lines) and self.node(number) is None and SOLID in self.lines[number]

    def end(self, number: int, column: int) -> str:
        """Follow a line down from a place in the drawing to the node that it ends in."""
        while True:
            number += 1
            here = self.at(number, column)
            node = self.node(number)
            if node == column:
                return self.name(number)
            assert here in RUNS_UP, f"a line ends in nothing, in line {number}, column {column}"
            if node is not None and here not in RUNS_DOWN:
                return self.name(number)
            if node is None and here not in RUNS_DOWN:
                # It goes over to the lane of the node above.
                origin = self.node(number - 1)
                assert origin is not None
                column = origin

    @staticmethod
    def _is_joint(letter: str) -> bool:
        return letter in "╮╯╰╭├┤┬┴┼"
