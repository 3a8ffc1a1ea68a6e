"""Graphs are drawn with the oldest revision on the left; `there` is what the target branch has."""

from __future__ import annotations

import pytest

from branchmig import Revision, RevisionDag
from branchmig.errors import InvalidTarget, MultipleHeads
from branchmig.planning.rebase import Move, moved_revisions, plan_line, plan_rebase, rebased


def graph(**parents: str) -> RevisionDag:
    return RevisionDag([Revision(revision_id, tuple(names.split())) for revision_id, names in parents.items()])


def new_parents(here: RevisionDag, there: RevisionDag) -> dict[str, tuple[str, ...]]:
    return {move.revision.id: move.parents for move in plan_rebase(here, there, "main").moves}


def test_a_chain_moves_by_its_lowest_revision() -> None:
    """a - m (main), a - x1 - x2 - x3 - x4 - x5."""
    there = graph(a="", m="a")
    here = graph(a="", m="a", x1="a", x2="x1", x3="x2", x4="x3", x5="x4")
    plan = plan_rebase(here, there, "main")
    assert plan.own == ("x1", "x2", "x3", "x4", "x5")
    assert plan.moves == (Move(here["x1"], ("m",)),)
    assert moved_revisions(here, plan) == {"x1", "x2", "x3", "x4", "x5"}
    after = RevisionDag(rebased(here, plan))
    assert (after.heads(), after.order()) == (("x5",), ("a", "m", "x1", "x2", "x3", "x4", "x5"))


def test_a_sub_dag_keeps_its_forks_and_merges() -> None:
    """a - m (main); a - x - y - w, x - z - w: an inner fork and merge."""
    here = graph(a="", m="a", x="a", y="x", z="x", w="y z")
    assert new_parents(here, graph(a="", m="a")) == {"x": ("m",)}


def test_own_merges_of_the_other_side_lose_that_parent() -> None:
    """a - m1 - m2 (main); a - x - j - y, where j had merged m1 in."""
    here = graph(a="", m1="a", m2="m1", x="a", j="x m1", y="j")
    plan = plan_rebase(here, graph(a="", m1="a", m2="m1"), "main")
    assert {move.revision.id: move.parents for move in plan.moves} == {"x": ("m2",), "j": ("x",)}
    assert RevisionDag(rebased(here, plan)).heads() == ("y",)


def test_two_lines_of_ones_own_both_go_on_top() -> None:
    here = graph(a="", m="a", x="a", y="a")
    assert new_parents(here, graph(a="", m="a")) == {"x": ("m",), "y": ("m",)}


def test_a_merge_of_two_revisions_of_the_other_side_stands_on_its_head() -> None:
    """a - b - m, a - c - m (main); x joined b and c."""
    there = graph(a="", b="a", c="a", m="b c")
    here = graph(a="", b="a", c="a", m="b c", x="b c")
    assert new_parents(here, there) == {"x": ("m",)}


def test_what_stands_there_already_does_not_move() -> None:
    here = graph(a="", m="a", x="m", y="x")
    plan = plan_rebase(here, graph(a="", m="a"), "main")
    assert (plan.moves, plan.own) == ((), ("x", "y"))


def test_a_base_of_ones_own_starts_a_line_and_stays() -> None:
    assert new_parents(graph(a="", m="a", x=""), graph(a="", m="a")) == {}


def test_nothing_of_ones_own_is_nothing_to_do() -> None:
    there = graph(a="", m="a")
    assert plan_rebase(graph(a=""), there, "main").moves == ()


def test_the_other_sides_head_must_be_here() -> None:
    with pytest.raises(InvalidTarget) as caught:
        plan_rebase(graph(a="", x="a"), graph(a="", m="a"), "main")
    assert (caught.value.message, caught.value.hint) == (
        "main's head 'm' is not in this checkout",
        "merge it first: git merge main, or git rebase main",
    )


def test_the_other_side_must_have_one_head() -> None:
    with pytest.raises(MultipleHeads) as caught:
        plan_rebase(graph(a="", m="a", n="a", x="a"), graph(a="", m="a", n="a"), "main")
    assert (caught.value.message, caught.value.hint) == (
        "main has 2 heads: m, n",
        "it needs one to rebase onto: branchmig merge, on main",
    )


def test_lines_go_on_top_of_what_has_landed_and_those_that_come_first_below_the_others() -> None:
    dag = graph(a="", b="a", x="a", y="a")
    moves = {move.revision.id: move.parents for move in plan_line(dag, {"a", "b"}, {"y"})}
    assert moves == {"y": ("b",), "x": ("y",)}
