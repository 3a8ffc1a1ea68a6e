"""Plans: their steps and the version rows after each; in the drawings older revisions stand on the left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from branchmig.dag import RevisionDag
from branchmig.errors import (
    AmbiguousRevision,
    BranchmigError,
    InvalidTarget,
    MultipleHeads,
    UnknownRevision,
    VersionTableError,
)
from branchmig.model import Plan, Step
from branchmig.planning.plan import plan_downgrade, plan_stamp, plan_upgrade
from tests.graphs import graph

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# t1 - t2 - a1 - a2         a1 carries 'left'
#         \ b1 - b2         b1 carries 'right'
FORK = graph({"a1": "left", "b1": "right"}, t1="", t2="t1", a1="t2", a2="a1", b1="t2", b2="b1")

# t1 - a1 - m1 - n1         m1 joins a1 and b1
#    \ b1 /
MERGE = graph({"a1": "left"}, t1="", a1="t1", b1="t1", m1="a1 b1", n1="m1")

# a1 - a2 - a3              x2 depends on a2
# x1 - x2 - x3
NEEDS = graph({"x1": "extra"}, {"x2": "a2"}, a1="", a2="a1", a3="a2", x1="", x2="x1", x3="x2")


def moves(plan: Plan) -> list[tuple[str | None, str]]:
    """Return each step's revision and the rows after it, in words."""
    return [(step.revision and step.revision.id, " ".join(step.heads_after)) for step in plan.steps]


def refusal(
    plan: Callable[[RevisionDag, str, Sequence[str | None]], Plan],
    dag: RevisionDag,
    target: str,
    applied: Sequence[str | None] = (),
) -> BranchmigError:
    with pytest.raises(BranchmigError) as caught:
        plan(dag, target, applied)
    return caught.value


# upgrade


def test_a_step_says_what_it_does_and_the_rows_around_it() -> None:
    assert plan_upgrade(FORK, "a1", ("t2",)) == Plan(
        ("t2",), (Step("upgrade", FORK["a1"], ("t2",), ("a1",), "worktree"),)
    )


def test_an_upgrade_of_nothing_to_all_heads_finishes_one_branch_before_the_next() -> None:
    assert moves(plan_upgrade(FORK, "heads")) == [
        ("t1", "t1"),
        ("t2", "t2"),
        ("a1", "a1"),
        ("a2", "a2"),
        ("b1", "a2 b1"),
        ("b2", "a2 b2"),
    ]


def test_an_upgrade_goes_on_from_the_rows() -> None:
    assert moves(plan_upgrade(FORK, "heads", ("a1", "b1"))) == [("a2", "a2 b1"), ("b2", "a2 b2")]
    assert moves(plan_upgrade(FORK, "right@head", ("a2",))) == [("b1", "a2 b1"), ("b2", "a2 b2")]


def test_an_upgrade_to_a_label_stops_at_the_revision_that_carries_it() -> None:
    assert moves(plan_upgrade(FORK, "right", ("t2",))) == [("b1", "b1")]


@pytest.mark.parametrize("target", ["t1", "a1", "base", "left@base", "t1-1"])
def test_an_upgrade_to_what_is_applied_has_nothing_to_do(target: str) -> None:
    plan = plan_upgrade(FORK, target, ["b2", "a1"])
    assert (plan, plan.heads_after) == (Plan(("a1", "b2")), ("a1", "b2"))


def test_an_upgrade_of_an_empty_project_has_nothing_to_do() -> None:
    assert plan_upgrade(RevisionDag([]), "head") == plan_upgrade(RevisionDag([]), "heads") == Plan(())


def test_a_merge_takes_both_rows_away() -> None:
    assert moves(plan_upgrade(MERGE, "head", ("a1",))) == [("b1", "a1 b1"), ("m1", "m1"), ("n1", "n1")]


def test_an_upgrade_brings_what_the_target_depends_on_and_its_row_gives_way() -> None:
    assert moves(plan_upgrade(NEEDS, "extra@head")) == [
        ("a1", "a1"),
        ("a2", "a2"),
        ("x1", "a2 x1"),
        ("x2", "x2"),
        ("x3", "x3"),
    ]


def test_a_row_stays_where_the_dependency_is_below_another_row() -> None:
    assert moves(plan_upgrade(NEEDS, "x2", ("a3",))) == [("x1", "a3 x1"), ("x2", "a3 x2")]


def test_what_stands_on_a_dependency_becomes_a_row_beside_it() -> None:
    assert moves(plan_upgrade(NEEDS, "heads", ("x2",))) == [("a3", "a3 x2"), ("x3", "a3 x3")]


def test_steps_up_from_the_row() -> None:
    assert moves(plan_upgrade(FORK, "+1", ("t1",))) == [("t2", "t2")]
    assert moves(plan_upgrade(FORK, "+2", ())) == [("t1", "t1"), ("t2", "t2")]
    assert moves(plan_upgrade(FORK, "left@+1", ("t2",))) == [("a1", "a1")]
    assert moves(plan_upgrade(FORK, "left@+2", ("b1",))) == [("a1", "a1 b1"), ("a2", "a2 b1")]


def test_a_step_up_from_several_unrelated_rows_lists_them_with_what_to_type() -> None:
    error = refusal(plan_upgrade, FORK, "+1", ("b1", "a1"))
    assert isinstance(error, InvalidTarget)
    assert (error.message, error.hint) == (
        "'+1' is ambiguous: the database is at a1, b1",
        "name the branch, e.g. 'a1@+1', or a revision",
    )
    assert moves(plan_upgrade(FORK, "a1@+1", ("b1", "a1"))) == [("a2", "a2 b1")]


@pytest.mark.parametrize(
    ("target", "message", "hint"),
    [
        ("-1", "relative revision '-1' goes down, not up", "branchmig downgrade -1, or upgrade +1"),
        ("+0", "relative revision '+0' goes nowhere", "branchmig upgrade +1, or downgrade -1"),
        ("left@-1", "relative revision 'left@-1' goes down, not up", "branchmig downgrade left@-1, or upgrade +1"),
        (
            "current",
            "'current' counts from what is applied, which a target cannot name so",
            "upgrade and downgrade take relative steps: '+1', '-1'",
        ),
        (
            "+3",
            "relative revision '+3' didn't produce 3 migrations",
            "only 1 is there to count; 'branchmig history' lists them",
        ),
    ],
)
def test_an_upgrade_refuses_what_is_no_way_up(target: str, message: str, hint: str) -> None:
    error = refusal(plan_upgrade, FORK, target, ("a1",))
    assert isinstance(error, InvalidTarget)
    assert (error.message, error.hint) == (message, hint)


def test_an_upgrade_to_head_with_several_heads_lists_them() -> None:
    error = refusal(plan_upgrade, FORK, "head", ("t1",))
    assert isinstance(error, MultipleHeads)
    assert (error.message, error.hint, error.heads) == (
        "'head' means one head, and there are 2: a2, b2",
        "'left@head' for one branch, 'heads' for all of them, or join them: branchmig merge",
        ("a2", "b2"),
    )


# downgrade


def test_a_downgrade_to_a_revision_keeps_it() -> None:
    assert moves(plan_downgrade(FORK, "a1", ("a2",))) == [("a2", "a1")]
    assert moves(plan_downgrade(FORK, "t1", ("a2",))) == [("a2", "a1"), ("a1", "t2"), ("t2", "t1")]


def test_a_downgrade_below_a_fork_undoes_both_branches_and_then_the_trunk() -> None:
    assert moves(plan_downgrade(FORK, "t1", ("a1", "b2"))) == [
        ("b2", "a1 b1"),
        ("b1", "a1"),
        ("a1", "t2"),
        ("t2", "t1"),
    ]


def test_a_downgrade_to_base_undoes_everything_in_reverse() -> None:
    up = plan_upgrade(MERGE, "heads")
    down = plan_downgrade(MERGE, "base", up.heads_after)
    assert [step.revision for step in down.steps] == [step.revision for step in up.steps][::-1]
    assert [step.heads_after for step in down.steps] == [step.heads_before for step in up.steps][::-1]


def test_a_downgrade_on_a_branch_leaves_the_other() -> None:
    assert moves(plan_downgrade(FORK, "left@t2", ("a2", "b2"))) == [("a2", "a1 b2"), ("a1", "b2")]
    assert moves(plan_downgrade(FORK, "left@-1", ("a2", "b2"))) == [("a2", "a1 b2")]
    assert moves(plan_downgrade(FORK, "left@-2", ("a2", "b2"))) == [("a2", "a1 b2"), ("a1", "b2")]


def test_a_downgrade_of_what_others_depend_on_undoes_them_too() -> None:
    assert moves(plan_downgrade(NEEDS, "a1", ("a3", "x3"))) == [
        ("x3", "a3 x2"),
        ("x2", "a3 x1"),
        ("a3", "a2 x1"),
        ("a2", "a1 x1"),
    ]


def test_undoing_a_dependent_brings_the_row_of_its_dependency_back() -> None:
    assert moves(plan_downgrade(NEEDS, "-1", ("x2",))) == [("x2", "a2 x1")]
    assert moves(plan_downgrade(NEEDS, "extra@base", ("x2",))) == [("x2", "a2 x1"), ("x1", "a2")]


def test_a_downgrade_to_the_row_has_nothing_to_do() -> None:
    assert plan_downgrade(FORK, "a1", ("b1", "a1")) == Plan(("a1", "b1"))
    assert plan_downgrade(FORK, "base") == plan_downgrade(FORK, "left@base") == Plan(())


def test_a_downgrade_to_what_is_applied_only_for_another_has_nothing_to_do() -> None:
    assert plan_downgrade(NEEDS, "a2", ("x3",)) == Plan(("x3",))


def test_a_downgrade_to_what_is_not_applied_is_refused() -> None:
    error = refusal(plan_downgrade, FORK, "b1", ("a2",))
    assert isinstance(error, InvalidTarget)
    assert (error.message, error.hint) == (
        "'b1' is not applied: the database is at a2",
        "'branchmig upgrade b1' applies it; 'branchmig stamp b1' only records it",
    )
    assert refusal(plan_downgrade, FORK, "b1").message == "'b1' is not applied: the database is at base"


def test_a_downgrade_to_several_heads_is_refused() -> None:
    error = refusal(plan_downgrade, FORK, "heads", ("a2", "b2"))
    assert isinstance(error, MultipleHeads)
    assert (error.message, error.hint) == (
        "'heads' means one head, and there are 2: a2, b2",
        "'left@head' for one branch, or name one of them",
    )


def test_a_step_down_from_several_unrelated_rows_lists_them_with_what_to_type() -> None:
    error = refusal(plan_downgrade, FORK, "-1", ("b1", "a2"))
    assert isinstance(error, InvalidTarget)
    assert (error.message, error.hint) == (
        "'-1' is ambiguous: the database is at a2, b1",
        "name the branch, e.g. 'a2@-1', or a revision",
    )
    assert moves(plan_downgrade(FORK, "a2@-1", ("b1", "a2"))) == [("a2", "a1 b1")]


@pytest.mark.parametrize(
    ("target", "rows", "message", "hint"),
    [
        ("+1", ("a1",), "relative revision '+1' goes up, not down", "branchmig upgrade +1, or downgrade -1"),
        ("-0", ("a1",), "relative revision '-0' goes nowhere", "branchmig upgrade +1, or downgrade -1"),
        (
            "current",
            ("a1",),
            "'current' counts from what is applied, which a target cannot name so",
            "upgrade and downgrade take relative steps: '+1', '-1'",
        ),
        (
            "-4",
            ("a1",),
            "relative revision '-4' didn't produce 4 migrations",
            "only 3 are there to count; 'branchmig history' lists them",
        ),
        (
            "-1",
            (),
            "relative revision '-1' didn't produce 1 migration",
            "only 0 are there to count; 'branchmig history' lists them",
        ),
        (
            "left@-1",
            ("b1",),
            "relative revision 'left@-1' didn't produce 1 migration",
            "only 0 are there to count; 'branchmig history' lists them",
        ),
    ],
)
def test_a_downgrade_refuses_what_is_no_way_down(target: str, rows: tuple[str, ...], message: str, hint: str) -> None:
    error = refusal(plan_downgrade, FORK, target, rows)
    assert isinstance(error, InvalidTarget)
    assert (error.message, error.hint) == (message, hint)


# T1: label@base undoes that branch's own revisions and nothing else


def test_label_at_base_leaves_a_shared_trunk_and_the_other_branch() -> None:
    assert moves(plan_downgrade(FORK, "left@base", ("a2", "b2"))) == [("a2", "a1 b2"), ("a1", "b2")]
    assert moves(plan_downgrade(FORK, "right@base", ("a2", "b1"))) == [("b1", "a2")]


def test_label_at_base_of_the_only_branch_applied_leaves_the_trunk_as_the_row() -> None:
    assert moves(plan_downgrade(FORK, "left@base", ("a2",))) == [("a2", "a1"), ("a1", "t2")]


def test_label_at_base_of_a_branch_that_is_not_applied_has_nothing_to_do() -> None:
    assert plan_downgrade(FORK, "left@base", ("b1",)) == Plan(("b1",))


def test_label_at_base_of_a_branch_with_a_base_of_its_own_undoes_it_all() -> None:
    assert moves(plan_downgrade(NEEDS, "extra@base", ("a3", "x1"))) == [("x1", "a3")]


def test_label_at_base_undoes_what_lies_below_the_label_too_if_it_is_the_branchs_own() -> None:
    """
    t1 - l1 - l2 - l3     l3 carries 'late'
       \\ o1
    """
    dag = graph({"l3": "late"}, t1="", l1="t1", l2="l1", l3="l2", o1="t1")
    assert moves(plan_downgrade(dag, "late@base", ("l3", "o1"))) == [("l3", "l2 o1"), ("l2", "l1 o1"), ("l1", "o1")]


def test_label_at_base_takes_a_base_that_others_merely_depend_on() -> None:
    """s1 - s2 (shop), and x1 depends on s1: x1 cannot stay without it."""
    dag = graph({"s2": "shop"}, {"x1": "s1"}, s1="", s2="s1", x1="", y1="")
    assert moves(plan_downgrade(dag, "shop@base", ("s2", "x1", "y1"))) == [
        ("x1", "s2 y1"),
        ("s2", "s1 y1"),
        ("s1", "y1"),
    ]


def test_label_at_base_after_a_merge_undoes_the_merge_and_leaves_the_other_side() -> None:
    assert moves(plan_downgrade(MERGE, "left@base", ("n1",))) == [("n1", "m1"), ("m1", "a1 b1"), ("a1", "b1")]


def test_label_at_base_above_a_merge_leaves_what_was_merged() -> None:
    """
    a1 - m1 - l1 - l2     l1 carries 'next'
    b1 /
    """
    dag = graph({"l1": "next"}, a1="", b1="", m1="a1 b1", l1="m1", l2="l1")
    assert moves(plan_downgrade(dag, "next@base", ("l2",))) == [("l2", "l1"), ("l1", "m1")]


def test_label_at_base_undoes_dependents_of_the_branch_and_not_their_own_trunk() -> None:
    """
    t1 - l1 - l2     l1 carries 'left'
       \\ o1 - o2     o2 depends on l1
    """
    dag = graph({"l1": "left"}, {"o2": "l1"}, t1="", l1="t1", l2="l1", o1="t1", o2="o1")
    assert moves(plan_downgrade(dag, "left@base", ("l2", "o2"))) == [("o2", "l2 o1"), ("l2", "l1 o1"), ("l1", "o1")]


def test_a_revision_names_its_branch_as_a_label_does() -> None:
    assert plan_downgrade(FORK, "a2@base", ("a2", "b2")) == plan_downgrade(FORK, "left@base", ("a2", "b2"))


def test_counting_down_to_the_base_of_a_branch_leaves_other_branches() -> None:
    dag = graph({"a1": "left"}, a1="", b1="")
    assert moves(plan_downgrade(dag, "left@a1-1", ("a1", "b1"))) == [("a1", "b1")]
    assert moves(plan_downgrade(dag, "left@-1", ("a1", "b1"))) == [("a1", "b1")]


# T2: at a merge revision -1 undoes it


def test_a_step_down_at_a_merge_undoes_it_and_leaves_both_parents() -> None:
    assert moves(plan_downgrade(MERGE, "-1", ("m1",))) == [("m1", "a1 b1")]
    assert moves(plan_downgrade(MERGE, "m1-1", ("n1",))) == [("n1", "m1"), ("m1", "a1 b1")]


def test_steps_down_may_end_by_undoing_a_merge() -> None:
    assert moves(plan_downgrade(MERGE, "-2", ("n1",))) == [("n1", "m1"), ("m1", "a1 b1")]


def test_steps_down_across_a_merge_name_both_parents() -> None:
    for target, rows in (("-2", ("m1",)), ("-3", ("n1",)), ("left@-2", ("m1",))):
        error = refusal(plan_downgrade, MERGE, target, rows)
        assert isinstance(error, InvalidTarget)
        assert (error.message, error.hint) == (
            f"{target!r} crosses a merge revision: below it lie a1, b1",
            "name the revision to go to",
        )


def test_undoing_a_merge_whose_other_parent_is_below_another_row_leaves_one_parent() -> None:
    """
    t1 - a1 - m1
       \\ b1 /
          \\ c1
    """
    dag = graph(t1="", a1="t1", b1="t1", m1="a1 b1", c1="b1")
    assert moves(plan_downgrade(dag, "m1@-1", ("c1", "m1"))) == [("m1", "a1 c1")]


def test_a_downgrade_to_one_parent_of_a_merge_leaves_the_other_parent_too() -> None:
    assert moves(plan_downgrade(MERGE, "a1", ("n1",))) == [("n1", "m1"), ("m1", "a1 b1")]


# A parent that is an ancestor of another parent is never a row beside it; alembic makes it one.


def test_a_redundant_parent_is_no_row() -> None:
    dag = graph(a1="", b1="a1", c1="", m1="b1 a1 c1")
    assert moves(plan_upgrade(dag, "m1", ("b1", "c1"))) == [("m1", "m1")]
    assert moves(plan_downgrade(dag, "m1-1", ("m1",))) == [("m1", "b1 c1")]


# T6: rows that no sound database holds are refused before anything is planned


@pytest.mark.parametrize(
    ("rows", "message", "hint"),
    [
        (
            (None,),
            "the version table holds NULL",
            "to set it right: branchmig stamp --purge REVISION",
        ),
        (
            ("b200", None, "a100"),
            "the version table holds NULL",
            "to set it right: branchmig stamp --purge a100 b200",
        ),
        (
            ("a100", "a100"),
            "the version table holds 'a100' 2 times",
            "to set it right: branchmig stamp --purge a100",
        ),
        (
            ("b200", "a100", "b200"),
            "the version table holds 'b200' 2 times",
            "to set it right: branchmig stamp --purge a100 b200",
        ),
        (
            ("a1",),
            "the version table holds 'a1', an abbreviation of 'a100'",
            "to set it right: branchmig stamp --purge a100",
        ),
        (
            ("b200", "a10"),
            "the version table holds 'a10', an abbreviation of 'a100'",
            "to set it right: branchmig stamp --purge a100 b200",
        ),
        (
            ("c300", "a100"),
            "revision 'a100' is in the version table beside its descendant 'c300'",
            "'c300' includes it: branchmig stamp --purge c300",
        ),
        (
            ("a100", "x100", "b200"),
            "revision 'b200' is in the version table beside its descendant 'x100'",
            "'x100' includes it: branchmig stamp --purge a100 x100",
        ),
    ],
)
@pytest.mark.parametrize(
    "plan", [plan_upgrade, plan_downgrade, lambda dag, target, rows: plan_stamp(dag, [target], rows)]
)
def test_rows_that_no_sound_database_holds(
    plan: Callable[..., Plan], rows: tuple[str | None, ...], message: str, hint: str
) -> None:
    """a100 - c300, b200, and x100, which depends on b200."""
    dag = graph(None, {"x100": "b200"}, a100="", c300="a100", b200="", x100="")
    error = refusal(plan, dag, "a100", rows)
    assert isinstance(error, VersionTableError)
    assert (error.message, error.hint, error.rows) == (message, hint, rows)


@pytest.mark.parametrize("row", ["dead", "ab", ""])
def test_a_row_that_no_revision_answers_to(row: str) -> None:
    error = refusal(plan_upgrade, graph(abcd="", abce=""), "heads", (row,))
    assert isinstance(error, UnknownRevision)
    assert (error.message, error.hint, error.identifier) == (
        f"the database is at {row!r}, a revision that this checkout does not have",
        "switch to the git branch that holds it, or record another one: branchmig stamp --purge REVISION",
        row,
    )


@pytest.mark.parametrize("target", ["head", "heads", "base", "-1", "dead"])
@pytest.mark.parametrize("plan", [plan_upgrade, plan_downgrade])
def test_rows_in_the_database_of_an_empty_project_are_an_error(plan: Callable[..., Plan], target: str) -> None:
    error = refusal(plan, RevisionDag([]), target, ("dead",))
    assert isinstance(error, UnknownRevision)
    assert (error.message, error.hint) == (
        "the database is at 'dead', and this project has no revisions at all",
        "is it the right checkout, and the right version_locations?",
    )


def test_rows_may_come_in_any_order() -> None:
    assert plan_upgrade(FORK, "heads", ["b1", "a1"]) == plan_upgrade(FORK, "heads", ("a1", "b1"))


def test_a_target_may_be_ambiguous_or_unknown() -> None:
    dag = graph(ae10="", ae11="")
    assert isinstance(refusal(plan_upgrade, dag, "ae"), AmbiguousRevision)
    assert isinstance(refusal(plan_downgrade, dag, "zz", ("ae10",)), UnknownRevision)


# stamp


def test_a_stamp_of_an_empty_table_inserts_the_row() -> None:
    assert plan_stamp(FORK, ["a1"]) == Plan((), (Step("stamp", FORK["a1"], (), ("a1",)),))


def test_a_stamp_moves_the_rows_that_are_related_and_leaves_the_others() -> None:
    assert moves(plan_stamp(FORK, ["a2"], ("a1", "b1"))) == [("a2", "a2 b1")]
    assert moves(plan_stamp(FORK, ["a1"], ("a2", "b1"))) == [("a1", "a1 b1")]
    assert moves(plan_stamp(FORK, ["t2"], ("a2", "b1"))) == [("t2", "t2")]
    assert moves(plan_stamp(FORK, ["a1"], ("b1",))) == [("a1", "a1 b1")]


def test_a_stamp_counts_dependencies_as_relation() -> None:
    assert moves(plan_stamp(NEEDS, ["x2"], ("a1", "x1"))) == [("x2", "x2")]
    assert moves(plan_stamp(NEEDS, ["a2"], ("x3",))) == [("a2", "a2")]


def test_a_stamp_of_several_revisions_sets_a_row_for_each() -> None:
    assert moves(plan_stamp(FORK, ["a2", "b1"], ("t1",))) == [("a2", "a2"), ("b1", "a2 b1")]
    assert moves(plan_stamp(MERGE, ["a1", "b1"], ("m1",))) == [("a1", "a1"), ("b1", "a1 b1")]


def test_a_stamp_of_heads_keeps_a_head_that_is_a_row_already() -> None:
    assert moves(plan_stamp(FORK, ["heads"], ("a2", "b1"))) == [("b2", "a2 b2")]
    assert moves(plan_stamp(NEEDS, ["heads"])) == [("a3", "a3"), ("x3", "a3 x3")]


def test_a_stamp_of_a_branchs_heads_sets_no_row_that_another_of_them_includes() -> None:
    dag = graph({"a": "left"}, {"c": "b"}, a="", b="a", c="a")
    assert plan_stamp(dag, ["left@heads"]).heads_after == ("c",)


def test_a_stamp_of_what_is_a_row_has_nothing_to_do() -> None:
    assert plan_stamp(FORK, ["a1"], ("a1", "b1")) == Plan(("a1", "b1"))
    assert plan_stamp(FORK, ["base"]) == Plan(())


def test_a_stamp_of_base_removes_every_row() -> None:
    assert plan_stamp(FORK, ["base"], ("a1", "b1")) == Plan(
        ("a1", "b1"),
        (Step("stamp", None, ("a1", "b1"), ("b1",)), Step("stamp", None, ("b1",), ())),
    )


def test_a_stamp_of_a_branchs_base_removes_its_rows() -> None:
    assert moves(plan_stamp(FORK, ["left@base"], ("a2", "b1"))) == [(None, "b1")]
    assert plan_stamp(FORK, ["left@base"], ("b1",)) == Plan(("b1",))


def test_a_stamp_of_a_revision_and_its_ancestor_is_refused() -> None:
    with pytest.raises(InvalidTarget) as caught:
        plan_stamp(FORK, ["a2", "t1"], ())
    assert (caught.value.message, caught.value.hint) == (
        "revision 't1' is asked for beside its descendant 'a2'",
        "'a2' includes it: leave 't1' out",
    )


@pytest.mark.parametrize(
    ("target", "message", "hint"),
    [
        ("+1", "'+1' cannot be stamped: it counts from what is applied", "name a revision, 'heads' or 'base'"),
        ("-1", "'-1' cannot be stamped: it counts from what is applied", "name a revision, 'heads' or 'base'"),
        (
            "left@-1",
            "'left@-1' cannot be stamped: it counts from what is applied",
            "name a revision, 'heads' or 'base'",
        ),
        (
            "current",
            "'current' counts from what is applied, which a target cannot name so",
            "upgrade and downgrade take relative steps: '+1', '-1'",
        ),
        ("t1-1", "'t1-1' is the base", "to remove every row: branchmig stamp base"),
        (
            "head",
            "'head' means one head, and there are 2: a2, b2",
            "'left@head' for one branch, 'heads' for all of them, or join them: branchmig merge",
        ),
    ],
)
def test_a_stamp_refuses_what_names_no_rows(target: str, message: str, hint: str) -> None:
    with pytest.raises(BranchmigError) as caught:
        plan_stamp(FORK, [target], ("a1", "b1"))
    assert (caught.value.message, caught.value.hint) == (message, hint)
