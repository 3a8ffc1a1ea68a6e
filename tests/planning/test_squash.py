from __future__ import annotations

import pytest

from branchmig.dag import RevisionDag
from branchmig.errors import InvalidTarget
from branchmig.model import Revision
from branchmig.planning.squash import SquashPlan, plan_own_squash, plan_squash

R = Revision
LINE = (R("a"), R("b", ("a",)), R("c", ("b",)), R("d", ("c",)), R("e", ("d",)))


def squashed(plan: SquashPlan | None) -> tuple[object, ...]:
    assert plan is not None
    after = plan.after
    return (
        [revision_id.id for revision_id in plan.order],
        after.id,
        after.parents,
        after.depends_on,
        after.labels,
        after.replaces,
    )


def test_a_range_leaves_its_base_out_and_keeps_the_last_id() -> None:
    dag = RevisionDag(LINE)
    assert squashed(plan_squash(dag, ("a",), "d")) == (["b", "c", "d"], "d", ("a",), (), (), ("b", "c"))
    assert squashed(plan_squash(dag, (), "c")) == (["a", "b", "c"], "c", (), (), (), ("a", "b"))
    assert (plan_squash(dag, ("c",), "d"), plan_squash(dag, ("d",), "d")) == (None, None)
    plan = plan_squash(dag, ("a",), "d")
    assert plan is not None
    assert plan.graph(dag).order() == ("a", "d", "e")


def test_forks_and_merges_within_a_range_become_one_revision() -> None:
    r"""A - b - c - m - f; a - d - m; m depends on x, which is on a line of its own, and carries a label."""
    dag = RevisionDag(
        [
            R("a"),
            R("b", ("a",), labels=("left",)),
            R("c", ("b",)),
            R("d", ("a",), depends_on=("other", "w")),
            R("m", ("c", "d"), depends_on=("left",)),
            R("f", ("m",)),
            R("w"),
            R("x", ("w",), labels=("other",)),
        ]
    )
    expected = (["b", "c", "d", "m"], "m", ("a",), ("other",), ("left",), ("b", "c", "d"))
    assert squashed(plan_squash(dag, ("a",), "m")) == expected
    assert squashed(plan_squash(dag, ("b",), "m"))[1:3] == ("m", ("b",))
    assert squashed(plan_squash(dag, (), "m"))[1:4] == ("m", (), ("other",))


def test_what_a_squash_replaced_is_replaced_by_the_next_one() -> None:
    dag = RevisionDag([R("c", replaces=("a", "b")), R("d", ("c",)), R("e", ("d",))])
    assert squashed(plan_squash(dag, (), "e"))[-1] == ("a", "b", "c", "d")


@pytest.mark.parametrize(
    ("more", "message", "hint"),
    [
        (
            R("x", ("c",)),
            "other revisions have a parent in the middle of the range: x stands on c",
            "squash up to a fork, or from one on: branchmig squash a..c; branchmig squash c..e",
        ),
        (
            R("x", depends_on=("b",)),
            "other revisions have a parent in the middle of the range: x stands on b",
            "squash up to a fork, or from one on: branchmig squash b..e",
        ),
    ],
)
def test_a_range_on_which_others_stand_is_refused_by_name(more: Revision, message: str, hint: str) -> None:
    with pytest.raises(InvalidTarget) as caught:
        plan_squash(RevisionDag([*LINE, more]), ("a",), "e")
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_base_that_is_not_below_is_refused() -> None:
    with pytest.raises(InvalidTarget, match="'d' is not below 'b'") as caught:
        plan_squash(RevisionDag(LINE), ("d",), "b")
    assert caught.value.hint == "give the older one first: branchmig squash b..d"


def test_own_revisions_become_one_with_a_new_id_on_what_they_stood_on() -> None:
    """Own: o1 - m - o2, where m has merged what landed meanwhile."""
    dag = RevisionDag([R("a"), R("b", ("a",)), R("o1", ("a",)), R("m", ("o1", "b")), R("o2", ("m",)), R("x", ("o2",))])
    plan = plan_own_squash(dag, {"o1", "m", "o2"}, "new")
    assert squashed(plan) == (["o1", "m", "o2"], "new", ("b",), (), (), ())
    assert plan is not None
    assert plan.graph(dag)["x"].parents == ("new",)
    assert plan_own_squash(dag, {"o1"}, "new") is None
    with pytest.raises(InvalidTarget, match="have 2 heads: b, o1"):
        plan_own_squash(dag, {"o1", "b"}, "new")
