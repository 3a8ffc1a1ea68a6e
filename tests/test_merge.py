"""Joining heads: which parents, what each side brings; in the drawings older revisions stand on the left."""

from __future__ import annotations

import pytest

from branchmig.dag import RevisionDag
from branchmig.errors import AmbiguousRevision, BranchmigError, InvalidTarget, UnknownRevision
from branchmig.merge import MergePlan, Side, existing_merge, merge_message, merge_note, plan_merge
from branchmig.model import Revision
from tests.graphs import graph

# t1 - t2 - a1 - a2    a1 carries 'left'
#    \ b1 - b2
# x1                   x1 depends on b1
DAG = graph({"a1": "left"}, {"x1": "b1"}, t1="", t2="t1", a1="t2", a2="a1", b1="t1", b2="b1", x1="")


def refusal(*identifiers: str, dag: RevisionDag = DAG, splice: bool = False) -> BranchmigError:
    with pytest.raises(BranchmigError) as caught:
        plan_merge(dag, identifiers, splice=splice)
    return caught.value


def test_all_heads_are_joined_unless_some_are_named() -> None:
    assert plan_merge(DAG) == plan_merge(DAG, ["a2", "b2", "x1"])
    assert plan_merge(DAG).parents == ("a2", "b2", "x1")


def test_each_side_brings_in_upgrade_order_what_no_other_has() -> None:
    assert plan_merge(DAG, ["a2", "b2"]) == MergePlan((Side("a2", ("t2", "a1", "a2")), Side("b2", ("b1", "b2"))))


def test_what_a_side_depends_on_counts_as_its_own() -> None:
    assert plan_merge(DAG, ["b2", "x1"]) == MergePlan((Side("b2", ("b2",)), Side("x1", ("x1",))))
    assert plan_merge(DAG, ["a2", "x1"]).sides[1] == Side("x1", ("b1", "x1"))


def test_parents_keep_the_order_in_which_they_are_named() -> None:
    assert plan_merge(DAG, ["b2", "left@head"]).parents == ("b2", "a2")


def test_heads_name_all_that_no_other_depends_on() -> None:
    assert plan_merge(DAG, ["heads"]).parents == ("a2", "b2", "x1")
    assert plan_merge(graph({}, {"x": "b"}, a="", b="a", x=""), ["heads"]).parents == ("x",)


def test_sides_of_a_criss_cross_bring_only_what_came_after_both_merge_bases() -> None:
    """
    a - b - d - f      d joins b and c, and so does e
      \\ c X e - g
    """
    dag = graph(a="", b="a", c="a", d="b c", e="c b", f="d", g="e")
    assert plan_merge(dag) == MergePlan((Side("f", ("d", "f")), Side("g", ("e", "g"))))


def test_unrelated_sides_bring_all_they_have() -> None:
    assert plan_merge(graph(a="", b="", c="b")) == MergePlan((Side("a", ("a",)), Side("c", ("b", "c"))))


def test_three_sides_bring_what_neither_of_the_other_two_has() -> None:
    dag = graph(t="", a="t", b="t", c="b", d="b")
    assert plan_merge(dag) == MergePlan((Side("a", ("a",)), Side("c", ("c",)), Side("d", ("d",))))


def test_a_single_head_leaves_nothing_to_join() -> None:
    assert plan_merge(graph(a="", b="a")) == MergePlan((Side("b", ("a", "b")),))
    assert plan_merge(RevisionDag([])) == MergePlan(())


def test_a_revision_named_twice_is_refused() -> None:
    error = refusal("a2", "b2", "left@head")
    assert isinstance(error, InvalidTarget)
    assert (error.message, error.hint) == ("revision 'a2' is given twice", "name each revision once")


def test_a_revision_and_its_ancestor_are_refused() -> None:
    error = refusal("a2", "t2", splice=True)
    assert isinstance(error, InvalidTarget)
    assert (error.message, error.hint) == (
        "revision 't2' is an ancestor of another that would be merged",
        "leave 't2' out",
    )


def test_a_revision_that_is_no_head_is_refused_without_splice() -> None:
    error = refusal("a1", "b2")
    assert isinstance(error, InvalidTarget)
    assert (error.message, error.hint) == (
        "Revision a1 is not a head revision",
        "merge a head, or allow a new branch with --splice",
    )
    assert plan_merge(DAG, ["a1", "b2"], splice=True).parents == ("a1", "b2")


def test_a_revision_may_be_unknown_or_ambiguous() -> None:
    assert isinstance(refusal("zzzz", "a2"), UnknownRevision)
    assert isinstance(refusal("ae", dag=graph(ae10="", ae11="")), AmbiguousRevision)


def test_the_message_names_the_parents() -> None:
    assert merge_message(plan_merge(DAG, ["a2", "b2"]), {}) == "merge a2 and b2"
    assert merge_message(plan_merge(DAG), {}) == "merge a2, b2 and x1"


def test_the_message_names_the_git_branches_that_parents_came_from() -> None:
    plan = plan_merge(DAG, ["a2", "b2"])
    assert merge_message(plan, {"a2": "main", "b2": "feature/b"}) == "merge main and feature/b"
    assert merge_message(plan, {"b2": "feature/b"}) == "merge a2 and feature/b"


def test_the_message_names_ids_where_two_parents_came_from_one_git_branch() -> None:
    assert merge_message(plan_merge(DAG, ["a2", "b2"]), {"a2": "main", "b2": "main"}) == "merge a2 and b2"


def test_the_note_lists_what_each_side_brings() -> None:
    dag = RevisionDag(
        [
            Revision("t1"),
            Revision("a1", ("t1",), message="add users\n\nwith a long story"),
            Revision("b1", ("t1",), message="add orders"),
            Revision("b2", ("b1",)),
        ]
    )
    assert merge_note(dag, plan_merge(dag), {"b2": "feature/orders"}) == [
        "a1 brings:",
        "    a1 add users",
        "feature/orders (b2) brings:",
        "    b1 add orders",
        "    b2",
    ]


def test_a_merge_that_another_git_branch_has_already_is_found_whatever_the_order_of_its_parents() -> None:
    plan = plan_merge(DAG, ["a2", "b2"])
    others = [Revision("m1", ("a2", "x1")), Revision("m2", ("b2", "a2")), Revision("m3", ("a2", "b2"))]
    assert existing_merge(plan, others) == others[1]
    assert existing_merge(plan, others[:1]) is None
