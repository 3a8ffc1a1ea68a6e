"""The graph in the terminal: whole drawings, and that every line of the graph is in them."""

from __future__ import annotations

import textwrap
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from branchmig.dag import RevisionDag
from branchmig.effects.summary import NO_SCRIPT, Item, Summary
from branchmig.errors import RevisionGraphError
from branchmig.model import Origin, Revision
from branchmig.planning.picture import Picture, since
from branchmig.render.graph_text import ASCII, UNICODE, graph_lines
from tests.drawings import Reader, drawing
from tests.graphs import graph, line
from tests.oracle.histories import histories


def drawn(text: str) -> list[str]:
    """A drawing as it stands in a test: indented, its first and last line break not part of it."""
    return textwrap.dedent(text).strip("\n").split("\n")


def test_a_line() -> None:
    assert drawing(graph(a="", b="a", c="b")) == ["● c (head)", "● b", "● a"]


def test_an_empty_graph_is_no_line() -> None:
    assert drawing(graph()) == []


def test_a_fork() -> None:
    assert drawing(graph(a="", b="a", c="a", d="a")) == drawn(
        """
        ● d (head)
        │ ● c (head)
        ├─╯
        │ ● b (head)
        ├─╯
        ● a
        """
    )


def test_a_merge() -> None:
    assert drawing(graph(a="", b="a", c="a", m="b c", n="m")) == drawn(
        """
        ● n (head)
        ● m
        ├─╮
        │ ● c
        ● │ b
        ├─╯
        ● a
        """
    )


def test_a_criss_cross() -> None:
    assert drawing(graph(a="", b="a", c="a", m="b c", n="c b", x="m", y="n")) == drawn(
        """
        ● y (head)
        ● n
        ├─╮
        │ │ ● x (head)
        │ │ ● m
        ├─┼─╯
        ● │ c
        │ ● b
        ├─╯
        ● a
        """
    )


def test_an_octopus() -> None:
    assert drawing(graph(a="", b="a", c="a", d="a", e="a", m="b c d e")) == drawn(
        """
        ● m (head)
        ├─┬─┬─╮
        │ │ │ ● e
        │ │ ● │ d
        │ │ ├─╯
        │ ● │ c
        │ ├─╯
        ● │ b
        ├─╯
        ● a
        """
    )


def test_a_dependency_runs_dotted_from_side_to_side() -> None:
    assert drawing(graph(depends_on={"y2": "b"}, a="", b="a", c="b", x1="", y2="x1")) == drawn(
        """
        ●╌╮ y2 (head)
        ● ┊ x1
          ┊
        ● ┊ c (head)
        ●╌╯ b
        ● a
        """
    )


def test_a_dependency_crosses_lanes_and_joins_another_to_the_same_revision() -> None:
    assert drawing(graph(depends_on={"d": "a", "e": "a"}, a="", b="a", c="b", d="b", e="b")) == drawn(
        """
        ●╌╮ e (head)
        │ ├╌● d (head)
        ├─┊─╯
        │ ┊ ● c (head)
        ├─┊─╯
        ● ┊ b
        ●╌╯ a
        """
    )


def test_a_revision_with_a_dependency_alone_is_no_child() -> None:
    assert drawing(graph(depends_on={"b": "a"}, a="", b="")) == drawn(
        """
        ●╌╮ b (head)
          ● a (head)
        """
    )


def test_several_bases_do_not_look_like_one_line() -> None:
    assert drawing(graph(a="", b="a", x="", y="x", m="b y", z="")) == drawn(
        """
        ● z (head)

        ● m (head)
        ├─╮
        │ ● y
        │ ● x
        ● b
        ● a
        """
    )


def test_long_lived_branches_that_are_merged_again_and_again() -> None:
    told = drawing(graph(a="", m1="a", m2="m1", m3="m2", f1="a", f2="f1", g1="m1", g2="g1", m4="m3 f2", m5="m4 g2"))
    assert told == drawn(
        """
        ● m5 (head)
        ├─╮
        │ ● g2
        │ ● g1
        ● │ m4
        ├─│─╮
        │ │ ● f2
        │ │ ● f1
        ● │ │ m3
        ● │ │ m2
        ├─╯ │
        ●   │ m1
        ├───╯
        ● a
        """
    )


def test_the_parts_of_a_line() -> None:
    dag = RevisionDag(
        [
            Revision("aaaaaaaa1", message="first\n\nmore"),
            Revision("aaaaaaaa2", ("aaaaaaaa1",), labels=("users", "orders"), message="tab\there, \x1b[31mred"),
            Revision("b" * 12, ("aaaaaaaa1",), message="  padded  "),
        ]
    )
    authors = {"aaaaaaaa2": Origin("feature/x", "c0ffee", "Ada Author"), "b" * 12: Origin("main")}
    picture = Picture(
        dag,
        tuple(reversed(dag.order())),
        merged_with="feature/x",
        added=frozenset({"aaaaaaaa2"}),
        states={"aaaaaaaa1": "applied", "aaaaaaaa2": "pending", "b" * 12: "orphan"},
        authorships=authors,
    )
    assert drawing(picture) == drawn(
        """
        ✗   bbbbbbb orphan  padded
        │ ○ + aaaaaaaa2 pending (head of feature/x by Ada Author; users; orders) tab here,  [31mred
        ├─╯
        ●   aaaaaaaa1 applied first
        """
    )


def test_a_head_that_is_not_committed() -> None:
    picture = Picture(graph(a=""), ("a",), authorships={"a": Origin("main")})
    assert drawing(picture) == ["● a (head of main, not committed yet)"]
    detached = Picture(graph(a=""), ("a",), authorships={"a": Origin()})
    assert drawing(detached) == ["● a (head, not committed yet)"]


def test_what_a_range_leaves_out() -> None:
    dag = graph(depends_on={"d": "x"}, a="", b="a", c="b", d="c", e="c", m="d e", x="")
    assert drawing(Picture(dag, ("m", "e", "d", "c"))) == drawn(
        """
        ● m (head)
        ├─╮
        │ ● e
        ●╌│╌╮ d
        ├─╯ ┊
        │   ~
        ● c
        ~
        """
    )


def test_what_another_ref_lacks_stands_on_what_it_has() -> None:
    dag = graph(a="", b="a", c="b", d="b", e="d")
    shown, boundary = since(dag, {"a", "b", "c"})
    assert (shown, boundary) == (("e", "d", "b"), {"b"})
    assert drawing(Picture(dag, shown, boundary=boundary)) == ["● e (head)", "● d", "◦ b"]


def test_ascii_where_nothing_else_can_be_written() -> None:
    dag = graph(depends_on={"d": "b"}, a="", b="a", c="a", d="a", m="b c")
    picture = Picture(dag, tuple(reversed(dag.order())), states={"d": "pending"})
    assert drawing(picture, ASCII) == drawn(
        """
        * m (head)
        +-.
        | * c
        | | o.. d pending (head)
        | +-' :
        *.|...' b
        +-'
        * a
        """
    )


LEFT_OUT = Picture(graph(a="", b="a", c="b"), ("c", "b"))


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_no_line_ends_in_blanks(glyphs: object) -> None:
    lines = drawing(LEFT_OUT, glyphs)  # type: ignore[arg-type]
    assert lines == [line.rstrip() for line in lines]


@settings(max_examples=80)
@given(histories(max_size=16), st.randoms(use_true_random=False))
def test_every_edge_is_drawn_and_no_other(revisions: tuple[Revision, ...], random: object) -> None:
    try:
        dag = RevisionDag(revisions)
    except RevisionGraphError:
        return
    part = [revision_id for revision_id in reversed(dag.order()) if random.random() < 0.8]  # type: ignore[attr-defined]
    for shown in (tuple(reversed(dag.order())), tuple(part)):
        picture = Picture(dag, shown)
        names = picture.short_ids
        direct = {(names[edge.parent], names[edge.child], edge.kind) for edge in picture.edges() if not edge.skips}
        skipping = {(names[edge.parent], names[edge.child]) for edge in picture.edges() if edge.skips}
        found = Reader(drawing(picture)).edges()
        assert {item for item in found if not item[0].startswith("left") and not item[1].startswith("left")} == direct
        left_out = {parent: child for parent, child, _ in found if parent.startswith("left")}
        assert {(parent, left_out[child]) for parent, child, _ in found if child.startswith("left")} == skipping


def test_what_a_revision_does_stands_below_it() -> None:
    dag = graph(a="", b="a", c="a", m="b c")
    effects = {
        "m": Summary(),
        "c": Summary(
            (
                Item("add", "tasks.priority"),
                Item("rename", "title → name"),
                Item("hazard", "locks tasks"),
                Item("hazard", "may fail on tasks", allowed="it is empty"),
            )
        ),
        "b": Summary((Item("drop", "audit"), Item("unread", "raw SQL", line=1), Item("unread", "raw SQL", line=2))),
        "a": NO_SCRIPT,
    }
    picture = Picture(dag, tuple(reversed(dag.order())), effects=effects)
    assert ["".join(text for text, _ in line) for line in graph_lines(picture, width=40)] == drawn(
        """
        ● m (head)
        ├─╮
        │ ● c
        │ │   + tasks.priority  title → name
        │ │   ⚠ locks tasks
        │ │   ⚠ may fail on tasks (allowed)
        ● │ b
        │ │   \u2212 audit  ? raw SQL
        ├─╯
        ● a
            ? no script
        """
    )
    assert [line for line in drawing(picture, ASCII) if "tasks" in line or "audit" in line] == [
        "| |   + tasks.priority  title -> name  ! locks tasks  ! may fail on tasks (allowed)",
        "| |   - audit  ? raw SQL",
    ]


def test_a_part_keeps_how_the_graph_connects() -> None:
    dag = graph(a="", b="a", c="b", d="b", m="c d", e="m")
    assert drawing(Picture(dag, ("e", "c", "d", "a"))) == drawn(
        """
        ● e (head)
        ~
        ├─╮
        ● │ c
        ~ │
        │ ● d
        │ ~
        ├─╯
        ● a
        """
    )


def test_ten_thousand_revisions_are_drawn_line_by_line() -> None:
    dag = RevisionDag(line(10_000))
    picture = Picture(dag, tuple(reversed(dag.order())))
    assert len(picture.short_ids) == 10_000
    lines = graph_lines(picture)
    assert len(list(islice(lines, 50))) == 50
    assert len(list(lines)) == 9_950
