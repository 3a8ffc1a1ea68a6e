"""What a picture shows: ids as short as can be, states, edges, what is left out."""

from __future__ import annotations

from branchmig.dag import RevisionDag
from branchmig.model import Revision
from branchmig.planning.lanes import Node
from branchmig.planning.picture import Edge, Picture, first_line, since, states_of, with_orphans
from tests.graphs import graph


def short_ids(*ids: str) -> list[str]:
    dag = RevisionDag(Revision(revision_id) for revision_id in ids)
    return list(Picture(dag, tuple(ids)).short_ids.values())


def test_ids_are_shown_with_seven_characters_or_as_many_as_tell_them_apart() -> None:
    assert short_ids("abc", "abcd") == ["abc", "abcd"]
    assert short_ids("abcdefgh1", "abcdefgh2", "b" * 32) == ["abcdefgh1", "abcdefgh2", "bbbbbbb"]
    assert short_ids("abcdefg", "abcdefghi") == ["abcdefg", "abcdefgh"]
    assert short_ids() == []


def test_a_revision_is_applied_where_every_database_has_it() -> None:
    dag = graph(a="", b="a", c="b", d="a")
    assert states_of(dag, [["c"]]) == {"a": "applied", "b": "applied", "c": "applied", "d": "pending"}
    assert states_of(dag, [["c"], ["b", "d"]]) == {"a": "applied", "b": "applied", "c": "pending", "d": "pending"}
    assert states_of(dag, [[]]) == dict.fromkeys("abcd", "pending")


def test_an_orphan_keeps_what_is_known_of_its_place() -> None:
    dag = graph({"b": "users"}, a="", b="a")
    orphan = Revision("o", ("b", "gone"), ("gone", "a"), ("users",), "made elsewhere", "v/o.py")
    wider = with_orphans(dag, [orphan])
    assert wider["o"] == Revision("o", ("b",), ("a",), (), "made elsewhere", "v/o.py")
    assert Picture(wider, ("o", "b", "a"), states={"o": "orphan"}).heads == frozenset()


def test_what_another_graph_lacks_with_what_it_stands_on() -> None:
    dag = graph(depends_on={"d": "x"}, a="", b="a", c="b", d="c", x="", y="x")
    assert since(dag, {"a", "b", "x", "y"}) == (("d", "x", "c", "b"), frozenset({"b", "x"}))
    assert since(dag, {revision.id for revision in dag}) == ((), frozenset())
    assert since(dag, ()) == (tuple(reversed(dag.order())), frozenset())


def test_nodes_and_edges_of_a_part() -> None:
    dag = graph(depends_on={"c": "x y", "b": "x"}, a="", b="a", c="b", x="", y="")
    picture = Picture(dag, ("c", "y", "b"))
    assert list(picture.nodes()) == [
        Node("c", ("b",), ("y", ":c")),
        Node(":c"),
        Node("y"),
        Node("b", (":b",)),
        Node(":b"),
    ]
    assert picture.edges() == [Edge("b", "c", "lineage"), Edge("y", "c", "dependency")]


def test_what_stands_at_the_edge_has_no_lines_to_what_is_left_out() -> None:
    dag = graph(depends_on={"b": "x"}, a="", b="a", c="b", x="")
    picture = Picture(dag, ("c", "b", "x"), boundary=frozenset({"b", "x"}))
    assert list(picture.nodes()) == [Node("c", ("b",)), Node("b"), Node("x")]
    assert picture.edges() == [Edge("b", "c", "lineage")]


def test_the_first_line_of_a_message_is_printable() -> None:
    assert first_line("\n  add users\n\nbody") == "add users"
    assert first_line("a\x1b[31m\u2028b\x07\udc80") == "a [31m b"
    assert first_line("") == ""
