from __future__ import annotations

import pytest

from branchmig import Revision, RevisionDag
from branchmig.errors import UnknownRevision, VersionTableError
from branchmig.fleet.goal import Goal, remaining, set_goal

#   a1 -- b2 -- c3
#           \-- d4
DAG = RevisionDag([Revision("a1"), Revision("b2", ("a1",)), Revision("c3", ("b2",)), Revision("d4", ("b2",))])


def steps(goal: Goal, seen: tuple[str, ...], rows: tuple[str, ...]) -> list[str]:
    return [step.revision.id for step in remaining(DAG, goal, seen, rows).steps if step.revision is not None]


def test_heads_are_those_of_when_the_run_began() -> None:
    goal = set_goal(DAG, "upgrade", ["heads"])
    assert goal == Goal("upgrade", ("heads",), ("c3", "d4"))
    longer = RevisionDag([*DAG, Revision("e5", ("c3",))])
    assert remaining(longer, goal, (), ()).heads_after == ("c3", "d4")


def test_relative_targets_and_downgrades_have_no_ids() -> None:
    assert set_goal(DAG, "upgrade", ["+1"]) == Goal("upgrade", ("+1",))
    assert set_goal(DAG, "downgrade", ["-1"], "tag") == Goal("downgrade", ("-1",), (), "tag")
    assert set_goal(DAG, "stamp", ["c3", "d4"]) == Goal("stamp", ("c3", "d4"))


@pytest.mark.parametrize("command", ["upgrade", "downgrade", "stamp"])
def test_a_target_that_names_nothing_is_refused_before_anything_begins(command: str) -> None:
    with pytest.raises(UnknownRevision):
        set_goal(DAG, command, ["zz"])  # type: ignore[arg-type]


def test_what_a_run_left_half_done_is_finished() -> None:
    goal = set_goal(DAG, "upgrade", ["c3"])
    assert steps(goal, (), ()) == ["a1", "b2", "c3"]
    assert steps(goal, (), ("b2",)) == ["c3"]
    assert steps(goal, (), ("c3",)) == []


def test_a_relative_goal_counts_from_where_the_run_began() -> None:
    up, down = set_goal(DAG, "upgrade", ["+1"]), set_goal(DAG, "downgrade", ["-2"])
    assert steps(up, ("a1",), ("b2",)) == []
    assert steps(down, ("c3",), ("b2",)) == ["b2"]
    assert steps(down, ("c3",), ("a1",)) == []


def test_an_upgrade_goes_on_from_wherever_somebody_else_took_a_target() -> None:
    goal = set_goal(DAG, "upgrade", ["heads"])
    assert steps(goal, ("c3",), ("d4",)) == ["c3"]


def test_a_relative_goal_is_refused_where_somebody_else_moved_the_target() -> None:
    with pytest.raises(VersionTableError) as refused:
        steps(set_goal(DAG, "downgrade", ["-1"]), ("c3",), ("d4",))
    assert refused.value.message == "it was at c3 when the run began and is at d4 now: somebody else moved it"
    assert refused.value.hint == "look at it, then start a run of its own: branchmig fleet downgrade -1"
