"""Lanes: rows as they come, whole, and what holds of every drawing."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given

from branchmig.dag import RevisionDag
from branchmig.planning.lanes import COLOURS, Lane, Node, Row, lay_out
from branchmig.planning.picture import Picture
from branchmig.render.strokes import strokes
from tests.oracle.histories import histories

if TYPE_CHECKING:
    from collections.abc import Iterator

    from branchmig.model import Revision


def test_a_merge_and_a_dependency_as_rows() -> None:
    # b and c stand on a, m joins them and depends on a.
    nodes = [Node("m", ("b", "c"), ("a",)), Node("c", ("a",)), Node("b", ("a",)), Node("a")]
    to_b, to_c, needed = Lane("b", "lineage", 0), Lane("c", "lineage", 1), Lane("a", "dependency", 2)
    left, right = Lane("a", "lineage", 0), Lane("a", "lineage", 1)
    assert list(lay_out(nodes)) == [
        Row("m", 0, 0, (), (to_b, to_c, needed), parents=(0, 1), dependencies=(2,)),
        Row("c", 1, 1, (to_b, to_c, needed), (to_b, right, needed), parents=(1,)),
        Row("b", 0, 0, (to_b, right, needed), (left, None, needed), parents=(0,), moved=(1, 0)),
        Row("a", 0, 0, (left, None, needed), (), ends=(2,)),
    ]


def test_a_row_is_given_before_the_next_node_is_asked_for() -> None:
    asked: list[str] = []

    def nodes() -> Iterator[Node]:
        for name, below in (("b", ("a",)), ("a", ())):
            asked.append(name)
            yield Node(name, below)

    rows = lay_out(nodes())
    assert next(rows).id == "b"
    assert asked == ["b"]


def test_a_hundred_thousand_revisions_need_one_lane() -> None:
    ids = [str(number) for number in range(100_000)]
    nodes = [Node(above, (below,)) for above, below in pairwise(reversed(ids))]
    assert {(row.column, len(row.below), row.colour) for row in lay_out(nodes)} == {(0, 1, 0)}


def picture_of(revisions: tuple[Revision, ...]) -> Picture:
    dag = RevisionDag(revisions)
    return Picture(dag, tuple(reversed(dag.order())))


@given(histories(max_size=24))
def test_lanes_beside_each_other_never_have_one_colour(revisions: tuple[Revision, ...]) -> None:
    for row in lay_out(picture_of(revisions).nodes()):
        for lanes in (row.above, row.below):
            colours = {column: lane.colour for column, lane in enumerate(lanes) if lane is not None}
            # The node itself stands in its column, also where no lane leads to it or goes on from it.
            colours.setdefault(row.column, row.colour)
            assert [column for column in colours if colours[column] == colours.get(column + 1)] == []
            assert all(0 <= colour < COLOURS for colour in colours.values())


@given(histories(max_size=16))
def test_the_same_revisions_always_have_the_same_lanes(revisions: tuple[Revision, ...]) -> None:
    assert list(lay_out(picture_of(revisions).nodes())) == list(lay_out(picture_of(revisions[::-1]).nodes()))


@given(histories(max_size=16))
def test_no_two_lanes_lead_to_the_same_revision(revisions: tuple[Revision, ...]) -> None:
    for row in lay_out(picture_of(revisions).nodes()):
        ends = [(lane.target, lane.kind) for lane in row.below if lane is not None]
        assert len(ends) == len(set(ends))
        assert row.below == () or row.below[-1] is not None


@given(histories(max_size=16))
def test_strokes_lead_from_each_revision_to_all_below_it_and_nowhere_else(revisions: tuple[Revision, ...]) -> None:
    picture = picture_of(revisions)
    rows = list(lay_out(picture.nodes()))
    found = set()
    for number, row in enumerate(rows[:-1]):
        for stroke in strokes(row, rows[number + 1]):
            if stroke.start != row.column:
                continue
            # A piece that starts at a node is one of its lines; further down it runs from column to column.
            column, at = stroke.end, number + 1
            while column != rows[at].column:
                pieces = strokes(rows[at], rows[at + 1])
                (column,) = {
                    piece.end
                    for piece in pieces
                    if piece.start == column and piece.is_dependency == stroke.is_dependency
                }
                at += 1
            found.add((rows[at].id, row.id, "dependency" if stroke.is_dependency else "lineage"))
    assert found == {(edge.parent, edge.child, edge.kind) for edge in picture.edges()}
