"""Which revisions touch a table, under the names that it has had, and of which nobody can tell."""

from __future__ import annotations

import pytest

from branchmig.effects.summary import NO_SCRIPT, Item, Summary
from branchmig.errors import UsageError
from branchmig.planning.lanes import Node
from branchmig.planning.picture import Edge, Picture
from branchmig.planning.touching import tables_of, touching
from tests.graphs import graph


def picture(**effects: Summary) -> Picture:
    """A line a - b - c - …, newest first."""
    names = list(effects)
    dag = graph(**dict(zip(names, ["", *names], strict=False)))
    return Picture(dag, tuple(reversed(names)), effects=effects)


def of(*tables: str, renames: tuple[tuple[str, str], ...] = ()) -> Summary:
    return Summary(tables=tables, renames=renames)


def test_a_table_is_followed_through_its_names() -> None:
    renamed = picture(
        a=of("users"), b=of("teams"), c=of("users", "people", renames=(("users", "people"),)),
        d=of("people", "staff", renames=(("people", "staff"),)), e=of("staff"),
    )  # fmt: skip
    assert touching(renamed, "staff").shown == ("e", "d", "c", "a")
    assert touching(renamed, "people").shown == ("d", "c", "a")
    assert touching(renamed, "users").shown == ("c", "a")
    assert tables_of(renamed.effects)["a"] == ("people", "staff", "users")


def test_names_that_go_round_in_a_circle_come_to_an_end() -> None:
    swapped = picture(a=of("x", "y", "z", renames=(("x", "z"), ("y", "x"), ("z", "y"))))
    assert touching(swapped, "x").shown == ("a",)


def test_a_schema_counts_where_it_is_named() -> None:
    both = picture(a=of("shop.orders"), b=of("Orders"), c=of("old.orders"))
    assert touching(both, "orders").shown == ("b",)
    assert touching(both, "OLD.orders").shown == ("c",)
    assert touching(picture(a=of("shop.orders"), b=of("x")), "orders").shown == ("a",)


def test_what_cannot_be_read_stays_and_is_marked() -> None:
    unread = Summary((Item("unread", "raw SQL"),), ("x",))
    found = touching(picture(a=of("x"), b=unread, c=of("y"), d=NO_SCRIPT, e=of("y")), "y")
    assert (found.shown, found.unclear) == (("e", "d", "c", "b"), {"d", "b"})
    assert touching(picture(a=unread), "x").unclear == frozenset()


def test_what_is_left_out_in_between_is_marked_and_connects() -> None:
    found = touching(picture(a=of("x"), b=of("y"), c=of("y"), d=of("x"), e=of("x")), "x")
    assert list(found.nodes()) == [Node("e", ("d",)), Node("d", (":d",)), Node(":d", ("a",)), Node("a")]
    assert found.edges() == [Edge("a", "d", "lineage", skips=True), Edge("d", "e", "lineage")]


@pytest.mark.parametrize(
    ("name", "hint"),
    [("ordres", "did you mean 'orders'?"), ("zzz", None)],
)
def test_a_table_that_nothing_touches_is_refused(name: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        touching(picture(a=of("orders")), name)
    assert (caught.value.message, caught.value.hint) == (
        f"no revision of this graph is known to touch a table {name!r}",
        hint,
    )
