"""The graph answers; in the drawings older revisions stand on the left, and `>` marks a dependency."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import pytest

from branchmig.dag import RevisionDag
from branchmig.errors import RevisionGraphError
from branchmig.model import Revision
from branchmig.planning.plan import plan_downgrade, plan_upgrade
from tests.graphs import graph, line


@pytest.fixture
def two_lines() -> RevisionDag:
    """
    a - b - d - f      d and e join in f
      \\ c - e /
    x - y              y depends on c, and on x's label
    """
    return graph(
        a="", b="a", c="a", d="b", e="c", f="d e", x="", y="x", labels={"x": "extra"}, depends_on={"y": "c extra"}
    )  # fmt: skip


def test_an_empty_graph_has_nothing() -> None:
    dag = RevisionDag([])
    assert (len(dag), list(dag), dag.order(), dag.heads(), dag.bases()) == (0, [], (), (), ())
    assert (dag.branch_points(), dag.merge_points(), dag.labels) == ((), (), {})


def test_revisions_come_sorted_by_id_whatever_the_order_they_were_given_in() -> None:
    revisions = [Revision("b", ("a",)), Revision("c", ("b",)), Revision("a")]
    dag = RevisionDag(revisions)
    assert [revision.id for revision in dag] == ["a", "b", "c"]
    assert (len(dag), "b" in dag, "z" in dag, dag["b"]) == (3, True, False, Revision("b", ("a",)))


def test_heads_bases_branch_points_and_merge_points(two_lines: RevisionDag) -> None:
    assert two_lines.heads() == ("f", "y")
    assert two_lines.bases() == ("a", "x")
    assert two_lines.branch_points() == ("a",)
    assert two_lines.merge_points() == ("f",)


def test_a_head_that_another_revision_depends_on_is_a_head_only_without_dependencies() -> None:
    """a - b, x > b"""
    dag = graph(a="", b="a", x="", depends_on={"x": "b"})
    assert dag.heads() == ("b", "x")
    assert dag.heads(dependencies=True) == ("x",)


def test_a_dependency_makes_no_branch_point_and_no_merge_point() -> None:
    """a - b, x > a"""
    dag = graph(a="", b="a", x="", depends_on={"x": "a"})
    assert (dag.branch_points(), dag.merge_points(), dag.bases()) == ((), (), ("a", "x"))
    assert (dag.is_branch_point("a"), dag.is_merge_point("x")) == (False, False)


def test_ancestors_and_descendants_leave_out_the_revisions_themselves(two_lines: RevisionDag) -> None:
    assert two_lines.ancestors(["e"]) == {"a", "c"}
    assert two_lines.ancestors(["e", "c"]) == {"a"}
    assert two_lines.descendants(["b"]) == {"d", "f"}
    assert two_lines.descendants(["b", "d"]) == {"f"}
    assert (two_lines.ancestors([]), two_lines.descendants([])) == (frozenset(), frozenset())


def test_ancestors_and_descendants_follow_dependencies_unless_told_otherwise(two_lines: RevisionDag) -> None:
    assert two_lines.ancestors(["y"]) == {"a", "c", "x"}
    assert two_lines.ancestors(["y"], dependencies=False) == {"x"}
    assert two_lines.descendants(["c"]) == {"e", "f", "y"}
    assert two_lines.descendants(["c"], dependencies=False) == {"e", "f"}


def test_lineage_is_what_lies_below_and_above_by_parents_alone(two_lines: RevisionDag) -> None:
    assert two_lines.lineage("c") == {"a", "c", "e", "f"}
    assert two_lines.lineage("y") == {"x", "y"}


def test_below_are_the_parents_and_then_the_dependencies_with_labels_resolved() -> None:
    dag = graph(a="", b="", c="", m="b a", labels={"c": "users"}, depends_on={"m": "users a"})
    assert dag.dependencies("m") == ("c", "a")
    assert dag.below("m") == ("b", "a", "c")
    assert dag.below("a") == ()


def test_directly_below_leaves_out_a_dependency_that_an_ancestor_has_already() -> None:
    """x1 - x2 - x3; both x2 and x3 depend on a."""
    dag = graph(a="", x1="", x2="x1", x3="x2", depends_on={"x2": "a", "x3": "a"})
    assert dag.directly_below("x2") == ("x1", "a")
    assert dag.directly_below("x3") == ("x2",)
    assert dag.directly_below("a") == ()


def test_children_are_sorted_and_count_dependents_only_on_demand(two_lines: RevisionDag) -> None:
    assert two_lines.children("a") == ("b", "c")
    assert two_lines.children("c") == ("e",)
    assert two_lines.children("c", dependencies=True) == ("e", "y")
    assert two_lines.children("f") == ()


def test_maximal_are_those_that_no_other_of_them_stands_on(two_lines: RevisionDag) -> None:
    assert two_lines.maximal(["a", "d", "c"]) == ("c", "d")
    assert two_lines.maximal(["f", "d", "y", "c"]) == ("f", "y")
    assert two_lines.maximal(["y", "c"]) == ("y",)
    assert two_lines.maximal(["f"]) == ("f",)
    assert two_lines.maximal([]) == ()


def test_merge_base_of_two_branches_is_where_they_part(two_lines: RevisionDag) -> None:
    assert two_lines.merge_bases("d", "e") == {"a"}


def test_merge_base_of_a_revision_and_its_descendant_is_that_revision(two_lines: RevisionDag) -> None:
    assert two_lines.merge_bases("c", "f") == {"c"}
    assert two_lines.merge_bases("f", "c") == {"c"}
    assert two_lines.merge_bases("c", "c") == {"c"}


def test_merge_bases_of_a_criss_cross_are_both_tips() -> None:
    """
    a - b - d - f      d joins b and c, and so does e
      \\ c X e - g
    """
    dag = graph(a="", b="a", c="a", d="b c", e="c b", f="d", g="e")
    assert dag.merge_bases("f", "g") == {"b", "c"}


def test_unrelated_revisions_have_no_merge_base() -> None:
    assert graph(a="", b="").merge_bases("a", "b") == frozenset()


def test_merge_bases_count_what_both_depend_on(two_lines: RevisionDag) -> None:
    assert two_lines.merge_bases("y", "e") == {"c"}


def test_order_finishes_one_branch_before_the_next_begins() -> None:
    """
    a - b1 - b2 - m
      \\ c1 - c2 /
    """
    assert graph(a="", b1="a", b2="b1", c1="a", c2="c1", m="b2 c2").order() == ("a", "b1", "b2", "c1", "c2", "m")


def test_order_takes_the_parents_of_a_merge_as_the_merge_names_them() -> None:
    assert graph(a="", b1="a", b2="b1", c1="a", c2="c1", m="c2 b2").order() == ("a", "c1", "c2", "b1", "b2", "m")


def test_order_of_unrelated_branches_is_by_their_heads_ids() -> None:
    assert graph(z="", a="z", y="", b="y").order() == ("z", "a", "y", "b")


def test_order_puts_a_dependency_right_before_the_branch_that_needs_it() -> None:
    """a1 - a2 > x2, x1 - x2 - x3"""
    dag = graph(a1="", a2="a1", x1="", x2="x1", x3="x2", depends_on={"a2": "x2"})
    assert dag.order() == ("a1", "x1", "x2", "a2", "x3")


def test_order_does_not_depend_on_the_names_of_the_files() -> None:
    """T5: alembic upgrades unrelated branches in the order of their files."""
    headers = [("o2", ()), ("o1", ()), ("p1", ("o1",))]
    by_id = RevisionDag(Revision(header, parents, path=f"versions/{header}.py") for header, parents in headers)
    renamed = RevisionDag(
        Revision(header, parents, path=f"elsewhere/{9 - n}.py") for n, (header, parents) in enumerate(headers)
    )
    assert by_id.order() == renamed.order() == ("o2", "o1", "p1")
    plans = [[step.heads_after for step in plan_upgrade(dag, "heads").steps] for dag in (by_id, renamed)]
    assert plans[0] == plans[1] == [("o2",), ("o1", "o2"), ("o2", "p1")]


def test_a_branch_carries_its_label_up_and_down_to_where_it_forks() -> None:
    """
    t - a1 - a2 - a3    a2 carries 'users'
      \\ b1
    """
    dag = graph(t="", a1="t", a2="a1", a3="a2", b1="t", labels={"a2": "users"})
    assert {revision.id: dag.branch_labels(revision.id) for revision in dag} == {
        "t": (),
        "a1": ("users",),
        "a2": ("users",),
        "a3": ("users",),
        "b1": (),
    }


def test_a_label_goes_up_through_a_merge_but_not_down_again() -> None:
    dag = graph(a="", b="", m="a b", n="m", labels={"a": "left", "n": "after"})
    assert {revision.id: dag.branch_labels(revision.id) for revision in dag} == {
        "a": ("left",),
        "b": (),
        "m": ("left",),
        "n": ("after", "left"),
    }


def test_a_parent_that_is_named_twice_has_one_child() -> None:
    dag = RevisionDag([Revision("a"), Revision("b", ("a", "a"))])
    assert (dag.children("a"), dag.branch_points(), dag.heads(), dag.order()) == (("b",), (), ("b",), ("a", "b"))


@pytest.mark.soak
def test_a_line_of_100_000_revisions_is_built_ordered_and_planned() -> None:
    dag = RevisionDag(line(100_000))
    assert (dag.heads(), dag.bases()) == (("r099999",), ("r000000",))
    assert dag.order() == tuple(f"r{number:06}" for number in range(100_000))
    assert len(dag.ancestors(["r099999"])) == 99_999
    up = plan_upgrade(dag, "head")
    assert (len(up.steps), up.heads_after) == (100_000, ("r099999",))
    down = plan_downgrade(dag, "base", up.heads_after)
    assert (len(down.steps), down.heads_after) == (100_000, ())


def test_a_long_cycle_is_found_without_recursion() -> None:
    revisions = line(20_000)
    revisions[0] = Revision("r000000", ("r019999",))
    with pytest.raises(RevisionGraphError) as caught:
        RevisionDag(revisions)
    (problem,) = caught.value.problems
    assert (problem.code, len(problem.revisions)) == ("cycle", 20_000)


def test_memory_grows_in_proportion_to_the_number_of_revisions() -> None:
    def peak(length: int) -> int:
        revisions = line(length)
        tracemalloc.start()
        dag = RevisionDag(revisions)
        plan_upgrade(dag, "head")
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(20_000) < 4 * 1.5 * peak(5_000)


@pytest.mark.parametrize(
    "question",
    [
        "dag.heads()",
        "dag.heads(dependencies=True)",
        "dag.bases(), dag.order(), dag.branch_points(), dag.merge_points()",
        "dag.resolve('heads'), dag.resolve('b1')",
        "plan_upgrade(dag, 'heads', ('c1', 'd1'))",
        "plan_upgrade(dag, 'd1', ('c1', 'd1'))",
        "dag.ancestors(['c1']), dag.descendants(['a1'], dependencies=False), dag.merge_bases('c1', 'd1')",
    ],
)
def test_no_question_to_a_sound_graph_loads_networkx(question: str) -> None:
    program = f"""
import sys
from branchmig import Revision, RevisionDag, plan_upgrade
dag = RevisionDag([Revision("a1"), Revision("b1", ("a1",)), Revision("c1", ("b1",)), Revision("d1", (), ("b1",))])
{question}
print("networkx" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
