"""Orders in which branches can land, on literals; and the laws of any such order."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from branchmig.dag import RevisionDag
from branchmig.model import Landing, Revision
from branchmig.planning.cover import smallest_cover
from branchmig.planning.forecast import outcomes
from branchmig.planning.train import Candidate, Clashes, Turn, plan_train, same_id_clashes

TARGET = RevisionDag([Revision("a"), Revision("b", ("a",))])


def candidate(branch: str, *added: Revision, awaits: tuple[str, ...] = ()) -> Candidate:
    landing = Landing(branch, {revision.id: revision for revision in added})
    [outcome] = outcomes(TARGET, [landing])
    if awaits:
        [outcome] = outcomes(RevisionDag([*TARGET, *map(Revision, awaits)]), [landing])
    return Candidate(landing, outcome, 7, frozenset(awaits))


def planned(*candidates: Candidate, clashes: Clashes | None = None, policy: str = "single-head") -> tuple[Turn, ...]:
    return plan_train(TARGET, candidates, clashes or {}, policy)


def told(turns: tuple[Turn, ...]) -> list[str]:
    """What each branch needs, with the merge revisions by their parents."""
    return [
        " ".join(
            [
                turn.branch,
                turn.action,
                *("+".join(new.parents) for new in turn.merges),
                *(f"{move.revision.id}>{'+'.join(move.parents)}" for move in turn.moves),
                *(f"{branch}:{','.join(objects)}" for branch, objects in turn.collides),
                *turn.missing,
                *turn.faults,
            ]
        )
        for turn in turns
    ]


def test_what_stands_on_the_head_lands_first_and_what_stands_on_it_next() -> None:
    """
    a ─ b ─ y1 ─ y2      x beside b, z beside y1
    """
    x, z = candidate("x", Revision("x1", ("a",))), candidate("z", Revision("z1", ("b",)))
    y1 = Revision("y1", ("b",))
    low, high = candidate("y", y1), candidate("more-y", y1, Revision("y2", ("y1",)))
    first = planned(x, z, high, low)
    merge = first[2].merges[0].id
    assert told(first) == [
        "y as-is",
        "more-y as-is",
        "x merge x1+y2",
        f"z merge {'+'.join(sorted([merge, 'z1']))}",
    ]
    assert planned(x, z, high, low) == first


def test_a_rebase_puts_whole_lines_on_top() -> None:
    y1 = Revision("y1", ("b",))
    turns = planned(
        candidate("x", Revision("x1", ("a",)), Revision("x2", ("x1",), depends_on=("b",))),
        candidate("y", y1),
        candidate("more-y", y1, Revision("y2", ("y1",))),
        candidate("joins", Revision("j1", ("a",)), Revision("j2", ("b", "j1"))),
        candidate("other", Revision("o1")),
        policy="linear",
    )
    assert told(turns) == [
        "y as-is",
        "more-y as-is",
        "x rebase x1>y2",
        "joins stop revision j2 is a merge revision, and the policy is linear",
        "other stop revision o1 has no parent, and the policy is linear",
    ]
    assert turns[2].moves[0].revision == Revision("x1", ("a",))


def test_a_copy_of_what_a_rebase_has_moved_is_moved_too() -> None:
    """copy has x1 in commits of its own, stack has those of x: git merges the one and not the other."""
    x1, head = Revision("x1", ("a",)), candidate("head", Revision("h1", ("b",)))
    copy, stack = candidate("copy", x1, Revision("c2", ("x1",))), candidate("stack", x1, Revision("s2", ("x1",)))
    stack = replace(stack, contains=frozenset({"x"}))
    assert told(planned(head, candidate("x", x1), stack, copy, policy="linear")) == [
        "head as-is",
        "x rebase x1>h1",
        "stack as-is",
        "copy rebase x1>h1 c2>s2",
    ]


def test_a_label_may_have_a_head_of_its_own() -> None:
    turns = planned(
        candidate("x", Revision("x1", ("b",), labels=("x",))),
        candidate("y", Revision("y1", ("b",))),
        candidate("z", Revision("z1", ("b",))),
        policy="one-head-per-label",
    )
    assert told(turns) == ["x as-is", "y as-is", "z merge y1+z1"]


def test_as_few_as_possible_are_stopped_and_say_why() -> None:
    """hub collides with three, one of which collides with a fourth: two are stopped, and not three."""
    names = ("hub", "one", "two", "three", "four")
    able = [candidate(name, Revision(f"{name}1", ("b",))) for name in names]
    pairs = [("hub", "one"), ("hub", "two"), ("hub", "three"), ("three", "four")]
    turns = planned(*able, clashes={pair: (f"table {pair[1]}",) for pair in pairs})
    assert [turn.branch for turn in turns if turn.action != "stop"] == ["one", "two", "three"]
    assert told(turns)[3:] == [
        "hub stop one:table one two:table two three:table three",
        "four stop three:table four",
    ]


def test_what_a_branch_stands_on_lands_first_or_stops_it() -> None:
    low, high = candidate("low", Revision("l1", ("b",))), candidate("high", Revision("h1", ("l1",)), awaits=("l1",))
    assert told(planned(high, low)) == ["low as-is", "high as-is"]
    rival = candidate("rival", Revision("r1", ("b",)))
    clashes = {("rival", "low"): ("table t",)}
    # Both that need low, and low itself, or the rival alone.
    assert [turn.branch for turn in planned(rival, high, low, clashes=clashes)] == ["low", "high", "rival"]
    assert told(planned(high)) == ["high stop l1"]
    circle = (
        candidate("p", Revision("p1", ("q1",)), awaits=("q1",)),
        candidate("q", Revision("q1", ("p1",)), awaits=("p1",)),
    )
    assert told(planned(*circle)) == ["p stop q1", "q stop p1"]


def test_one_id_for_two_revisions_lands_once() -> None:
    x, y = candidate("x", Revision("c", ("b",))), candidate("y", Revision("c", ("b",), path="/p/other.py"))
    clashes = same_id_clashes([x, y])
    assert told(planned(x, y, clashes=clashes)) == ["x as-is", "y stop x:revision c"]
    same = candidate("same", Revision("c", ("b",)))
    assert told(planned(x, same, clashes=same_id_clashes([x, same]))) == ["x as-is", "same as-is"]


def test_a_branch_that_breaks_another_rule_is_stopped_with_what_it_would_leave() -> None:
    landing = Landing("gone", {}, frozenset({"b"}), deleted=("b",))
    [outcome] = outcomes(TARGET, [landing])
    [turn] = planned(Candidate(landing, outcome, 7))
    assert (turn.action, turn.outcome, turn.is_unknown) == ("stop", outcome, False)


@given(
    st.integers(1, 9).flatmap(
        lambda size: st.tuples(st.just(size), st.sets(st.tuples(*[st.integers(0, size - 1)] * 2)))
    )
)
def test_no_smaller_cover_exists(drawn: tuple[int, set[tuple[int, int]]]) -> None:
    size, edges = drawn
    names = [str(number) for number in range(size)]
    pairs = {(str(a), str(b)) for a, b in edges if a != b}
    excluded = {name: {b if a == name else a for a, b in pairs if name in (a, b)} for name in names}

    def covers(chosen: frozenset[str]) -> bool:
        return all(chosen & {*pair} for pair in pairs)

    found = smallest_cover(names, excluded)
    assert covers(found)
    assert not any(covers(frozenset(less)) for less in combinations(names, len(found) - 1)) if found else True


@pytest.mark.parametrize("size", [60, 320])
def test_many_that_exclude_each_other_leave_one(size: int) -> None:
    names = [f"{number:03}" for number in range(size)]
    assert smallest_cover(names, {name: set(names) - {name} for name in names}) == frozenset(names[1:])
