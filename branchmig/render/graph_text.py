"""A picture of the graph as lines for a terminal: pieces of text with the style that each is painted in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from branchmig.effects.summary import Summary
from branchmig.model import Piece
from branchmig.planning.lanes import Lane, Row, lay_out
from branchmig.planning.picture import APPLIED, ORPHAN, PENDING, Picture, first_line
from branchmig.render.chips import chips, in_ascii

_LANE_STYLES = ("cyan", "magenta", "green", "yellow", "bright_blue", "red")
_CHIP_STYLES = {"add": "green", "drop": "red", "rename": "cyan", "hazard": "bold yellow", "unread": "bold magenta"}
_STATE_STYLES = {APPLIED: "green", PENDING: "yellow", ORPHAN: "bold red"}

# Which sides of a character a line runs to.
_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters of a drawing. `joints` are by the sides that lines run to."""

    joints: str
    vertical: tuple[str, str]
    """A line of lineage, of a dependency."""
    horizontal: tuple[str, str]
    node: str
    states: tuple[tuple[str, str], ...]
    boundary: str
    left_out: str

    def of_state(self, state: str | None) -> str:
        """Return how a revision in some state is drawn."""
        return dict(self.states).get(state or "", self.node)


# By the sum of the sides: up 1, down 2, left 4, right 8.
UNICODE = Glyphs(
    joints=" │││─╯╮┤─╰╭├─┴┬┼",
    vertical=("│", "┊"),
    horizontal=("─", "╌"),
    node="●",
    states=((PENDING, "○"), (ORPHAN, "✗"), ("skipped", "◌"), ("edited", "◐")),
    boundary="◦",
    left_out="~",
)
ASCII = Glyphs(
    joints=" |||-'.+-'.+-'.+",
    vertical=("|", ":"),
    horizontal=("-", "."),
    node="*",
    states=((PENDING, "o"), (ORPHAN, "x"), ("skipped", "%"), ("edited", "!")),
    boundary="^",
    left_out="~",
)


def graph_lines(picture: Picture, glyphs: Glyphs = UNICODE, width: int = 100) -> Iterator[tuple[Piece, ...]]:
    """Yield the drawing line by line: each as soon as it is known. What a revision does is folded at a `width`."""
    texts = _Texts(picture)
    before: Row | None = None
    for row in lay_out(picture.nodes()):
        if before is not None and _seems_a_parent(row, before):
            yield _merged(_gap_line(row, glyphs))
        before = row
        yield _merged(chain(_node_line(row, glyphs, *texts.glyph(row, glyphs)), texts.words(row)))
        for line in texts.effects(row, glyphs, width - 2 * _columns(row)):
            yield _merged(chain(_passing_line(row, glyphs), line))
        if row.is_bent:
            yield _merged(_link_line(row, glyphs))


def _seems_a_parent(row: Row, before: Row) -> bool:
    """Return whether a row would stand right below one that has no line to it."""
    return row.column == before.column and not before.is_bent and _at(before.below, before.column) is None


class _Texts:
    """What is said of a revision beside its node."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._has_marks = picture.merged_with is not None

    def glyph(self, row: Row, glyphs: Glyphs) -> Piece:
        picture = self._picture
        if row.id.startswith(":"):
            return glyphs.left_out, "dim"
        if row.id in picture.boundary:
            return glyphs.boundary, "dim"
        colour = _LANE_STYLES[row.colour % len(_LANE_STYLES)]
        return glyphs.of_state(picture.states.get(row.id)), f"bold {colour}"

    def words(self, row: Row) -> Iterator[Piece]:
        if row.id.startswith(":"):
            return
        picture = self._picture
        revision = picture.dag[row.id]
        if self._has_marks:
            yield ("+ ", "bold green") if row.id in picture.added else ("  ", "")
        yield picture.short_ids[row.id], "dim" if row.id in picture.boundary else "bold yellow"
        if state := picture.states.get(row.id):
            yield " ", ""
            yield f"{state:<7}", _STATE_STYLES.get(state, "bold magenta")
        yield from self._decorations(row)
        if message := first_line(revision.message):
            yield f" {message}", "dim" if row.id in picture.boundary else ""

    def effects(self, row: Row, glyphs: Glyphs, width: int) -> Iterator[list[Piece]]:
        """Yield what the revision does, in lines of some width."""
        indent = "    " if self._has_marks else "  "
        line: list[Piece] = []
        for text, item in chips(self._picture.effects.get(row.id, Summary())).items():
            shown = in_ascii(text) if glyphs is ASCII else text
            if line and sum(len(piece) for piece, _ in line) + len(shown) + 2 > width:
                yield line
                line = []
            line += [
                ("  " if line else indent, ""),
                (shown, "dim" if item.allowed else _CHIP_STYLES.get(item.kind, "")),
            ]
        if line:
            yield line

    def _decorations(self, row: Row) -> Iterator[Piece]:
        """`(head of feature by Ada Author; users)`: what git's `--decorate` would say."""
        picture = self._picture
        marks: list[Piece] = []
        if row.id in picture.heads:
            marks.append((_head_words(picture, row.id), f"bold {_LANE_STYLES[row.colour % len(_LANE_STYLES)]}"))
        marks += [(printable, "bold cyan") for label in picture.marks(row.id) if (printable := first_line(label))]
        if not marks:
            return
        yield " (", "dim"
        for number, mark in enumerate(marks):
            if number:
                yield "; ", "dim"
            yield mark
        yield ")", "dim"


def _head_words(picture: Picture, revision_id: str) -> str:
    known = picture.authorships.get(revision_id)
    if known is None:
        return "head"
    branch = f" of {first_line(known.branch)}" if known.branch else ""
    return f"head{branch} by {first_line(known.author)}" if known.author else f"head{branch}, not committed yet"


def _columns(row: Row) -> int:
    """Return how many columns stand before the words of a row."""
    sideways = [column for column in (*row.dependencies, *row.ends) if column != row.column]
    return max(len(row.above), max([row.column, *sideways]) + 1)


def _passing_line(row: Row, glyphs: Glyphs) -> Iterator[Piece]:
    """The lanes beside what is written below a node, before lines part and join."""
    for column in range(_columns(row)):
        lane = _passing(row, column)
        if column == row.column:
            yield (glyphs.vertical[0], _style(row.colour)) if row.parents else (" ", "")
        else:
            yield (" ", "") if lane is None else (_vertical(lane, glyphs), _lane_style(lane))
        yield " ", ""


def _node_line(row: Row, glyphs: Glyphs, node: str, style: str) -> Iterator[Piece]:
    """The node among the lanes that pass it; lines of dependencies run to and from it sideways."""
    sideways = [column for column in (*row.dependencies, *row.ends) if column != row.column]
    first, last = min([row.column, *sideways]), max([row.column, *sideways])
    own = _style(row.colour)
    for column in range(_columns(row)):
        lane = _at(row.above, column)
        if column == row.column:
            yield node, style
        elif column in sideways:
            up = 0 if lane is None else _UP
            down = 0 if column in row.ends else _DOWN
            sides = (_RIGHT if column < row.column or column < last else 0) | (
                _LEFT if column > row.column or column > first else 0
            )
            yield glyphs.joints[up | down | sides], own if lane is None else _lane_style(lane)
        elif lane is not None and lane.target != row.id:
            yield _vertical(lane, glyphs), _lane_style(lane)
        else:
            yield (glyphs.horizontal[1], own) if first < column < last else (" ", "")
        yield (glyphs.horizontal[1], own) if first <= column < last else (" ", "")


def _gap_line(row: Row, glyphs: Glyphs) -> Iterator[Piece]:
    for lane in row.above:
        yield (" ", "") if lane is None else (_vertical(lane, glyphs), _lane_style(lane))
        yield " ", ""


def _link_line(row: Row, glyphs: Glyphs) -> Iterator[Piece]:
    """How lines of lineage part and join between a node and the next."""
    targets = [column for column in row.parents if column != row.column]
    if row.moved is not None:
        targets.append(row.moved[0])
    first, last = min([row.column, *targets]), max([row.column, *targets])
    for column in range(max(len(row.above), len(row.below), last + 1)):
        before, after = _passing(row, column), _at(row.below, column)
        if column == row.column or column in targets:
            up = _UP if before is not None or column == row.column else 0
            down = 0 if after is None else _DOWN
            sides = (_LEFT if column > first else 0) | (_RIGHT if column < last else 0)
            yield glyphs.joints[up | down | sides], _joint_style(row, before, after)
        elif before is not None:
            yield _vertical(before, glyphs), _lane_style(before)
        else:
            yield (glyphs.horizontal[0], _toward(row, column)) if first < column < last else (" ", "")
        yield (glyphs.horizontal[0], _toward(row, column + 1)) if first <= column < last else (" ", "")


def _passing(row: Row, column: int) -> Lane | None:
    """Return the lane that comes down to the link line in a column, other than the node's own."""
    if column in row.dependencies:
        return _at(row.below, column)
    lane = _at(row.above, column)
    return None if lane is None or lane.target == row.id else lane


def _toward(row: Row, column: int) -> str:
    """Return the style of a horizontal line: that of the lane which it leads to or comes from."""
    if row.moved is not None:
        return _lane_style(_at(row.above, row.moved[0]))
    beyond = [number for number in row.parents if (number >= column if column > row.column else number < column)]
    if not beyond:
        return _style(row.colour)
    return _lane_style(_at(row.below, min(beyond) if column > row.column else max(beyond)))


def _joint_style(row: Row, before: Lane | None, after: Lane | None) -> str:
    lane = after or before
    return _style(row.colour) if lane is None else _lane_style(lane)


def _vertical(lane: Lane, glyphs: Glyphs) -> str:
    return glyphs.vertical[lane.kind == "dependency"]


def _lane_style(lane: Lane | None) -> str:
    return "" if lane is None else _style(lane.colour)


def _style(colour: int) -> str:
    return _LANE_STYLES[colour % len(_LANE_STYLES)]


def _at(lanes: tuple[Lane | None, ...], column: int) -> Lane | None:
    return lanes[column] if column < len(lanes) else None


def _merged(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Join neighbours of one style; a line does not end in blanks."""
    merged: list[Piece] = []
    for text, style in pieces:
        if merged and (merged[-1][1] == style or not text.strip()):
            merged[-1] = merged[-1][0] + text, merged[-1][1]
        else:
            merged.append((text, style))
    if merged:
        merged[-1] = merged[-1][0].rstrip(), merged[-1][1]
    return tuple(merged)
