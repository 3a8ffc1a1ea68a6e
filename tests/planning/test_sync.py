from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from branchmig.dag import RevisionDag
from branchmig.errors import VersionTableError
from branchmig.model import Plan, Revision
from branchmig.planning.plan import plan_upgrade
from branchmig.planning.sync import Applied, plan_sync
from tests.graphs import graph
from tests.oracle.histories import histories

if TYPE_CHECKING:
    from collections.abc import Sequence

lawful = settings(max_examples=60, derandomize=True, deadline=None, database=None)


def told(plan: Plan) -> list[str]:
    """Each step as `+c [b c]`: what it does and the rows after it."""
    signs = {"upgrade": "+", "downgrade": "-", "stamp": "="}
    return [
        f"{signs[step.direction]}{step.revision.id if step.revision else ''} [{' '.join(step.heads_after)}]"
        for step in plan.steps
    ]


def test_a_switch_to_another_branch_undoes_the_one_and_applies_the_other() -> None:
    """a - f - g (applied), a - m (wanted)."""
    applied = Applied(("g",), graph(a="", f="a", g="f", m="a"))
    assert told(plan_sync(graph(a="", m="a"), applied)) == ["-g [f]", "-f [a]", "+m [m]"]


def test_what_both_sides_have_stays_though_it_was_applied_later() -> None:
    """a - f, a - m, and m is wanted alone: a prefix of what was applied would undo m, too."""
    applied = Applied(("f", "m"), graph(a="", f="a", m="a"))
    assert told(plan_sync(graph(a="", m="a"), applied)) == ["-f [m]"]


def test_what_was_applied_on_top_of_what_goes_goes_along_and_comes_back() -> None:
    """a - f - m was applied; now m is above a."""
    applied = Applied(("m",), graph(a="", f="a", m="f"))
    assert told(plan_sync(graph(a="", m="a"), applied)) == ["-m [f]", "-f [a]", "+m [m]"]


def test_what_came_in_below_an_applied_revision_runs_and_leaves_the_rows() -> None:
    """a - f was applied; a rebase has put m below f."""
    applied = Applied(("f",), graph(a="", f="a"))
    assert told(plan_sync(graph(a="", m="a", f="m"), applied)) == ["+m [f]"]


def test_what_was_skipped_runs_though_the_rows_imply_it() -> None:
    dag = graph(a="", m="a", f="m")
    assert told(plan_sync(dag, Applied(("f",), dag, missing=frozenset("m")))) == ["+m [f]"]


def test_what_comes_to_light_below_a_hole_is_no_row_where_another_row_covers_it() -> None:
    """a - m - g and a - h; m was skipped: without g nothing but h is a row, for h stands on a."""
    applied = Applied(("g", "h"), graph(a="", m="a", g="m", h="a"), missing=frozenset("m"))
    assert told(plan_sync(graph(a="", h="a"), applied)) == ["-g [h]"]


def test_what_was_run_below_an_applied_revision_is_not_run_again() -> None:
    """f was applied upon a, then m was put between them and run."""
    now = graph(a="", m="a", f="m")
    applied = Applied(("f",), graph(a="", m="a", f="a"), beside=frozenset("m"))
    assert told(plan_sync(now, applied)) == []
    assert told(plan_sync(graph(a=""), applied)) == ["-m [f]", "-f [a]"]


def test_a_script_that_was_changed_is_undone_as_it_was_and_run_anew() -> None:
    dag = graph(a="", f="a", g="f")
    assert told(plan_sync(dag, Applied(("g",), dag, changed=frozenset("f")))) == [
        *("-g [f]", "-f [a]", "+f [f]", "+g [g]"),
    ]


def test_rows_are_counted_anew_where_two_applied_revisions_have_come_apart() -> None:
    """a - b - c was applied; now b and c are both above a: c no longer includes b."""
    applied = Applied(("c",), graph(a="", b="a", c="b"))
    assert told(plan_sync(graph(a="", b="a", c="a"), applied)) == ["=b [b c]"]
    apart = Applied(("b", "c"), graph(a="", b="a", c="a"))
    assert told(plan_sync(graph(a="", b="a", c="b"), apart)) == ["= [c]"]


def test_a_merge_revision_is_undone_into_its_parents() -> None:
    applied = Applied(("x",), graph(a="", b="a", c="a", x="b c"))
    assert told(plan_sync(graph(a="", b="a", c="a"), applied)) == ["-x [b c]"]


def test_what_only_depends_on_gives_its_row_back() -> None:
    dag = graph(depends_on={"f": "b"}, a="", b="", f="a")
    assert told(plan_sync(graph(a="", b=""), Applied(("f",), dag))) == ["-f [a b]"]


def test_some_heads_alone_can_be_wanted() -> None:
    dag = graph(a="", b="a", c="a")
    assert told(plan_sync(dag, Applied(("c",), dag), ["b"])) == ["-c [a]", "+b [b]"]


def test_a_database_that_is_where_it_should_be_has_nothing_to_do() -> None:
    dag = graph(a="", b="a")
    assert plan_sync(dag, Applied(("b",), dag)) == Plan(("b",))


def test_rows_that_no_sound_database_holds_are_refused() -> None:
    dag = graph(a="", b="a")
    with pytest.raises(VersionTableError):
        plan_sync(dag, Applied(("a", "b"), dag))


@st.composite
def checkouts(draw: st.DrawFn) -> tuple[RevisionDag, RevisionDag, frozenset[str]]:
    """Draw the graph that was applied, the one that is wanted, which shares some of it, and what is applied of the
    first. What they share may have other parents in the second."""
    revisions = [replace(item, labels=(), depends_on=()) for item in draw(histories())]
    first = RevisionDag(revisions)
    ids = [revision.id for revision in first]
    kept = draw(st.permutations(sorted(set(draw(st.lists(st.sampled_from(ids)))))))
    made: list[Revision] = []
    for item in [*kept, *(f"new{number}" for number in range(draw(st.integers(0, 3))))]:
        own = first[item].parents if item in first else None
        earlier = [revision.id for revision in made]
        if own is None or not set(own) <= set(earlier) or draw(st.integers(0, 3)) == 0:
            own = tuple(draw(st.lists(st.sampled_from(earlier), max_size=2, unique=True))) if earlier else ()
        made.append(Revision(item, own))
    rows = draw(st.lists(st.sampled_from(ids), max_size=4))
    return first, RevisionDag(made), first.ancestors(rows).union(rows)


def follow(plan: Plan, first: RevisionDag, second: RevisionDag, applied: frozenset[str]) -> frozenset[str]:
    """Take every step, which must be possible, and return what is applied in the end."""
    heads: Sequence[str] = plan.applied
    for step in plan.steps:
        assert step.heads_before == heads
        heads = step.heads_after
        if step.direction == "downgrade":
            assert step.revision is not None
            assert step.revision.id in applied
            assert not first.descendants([step.revision.id]) & applied
            applied -= {step.revision.id}
        elif step.direction == "upgrade":
            assert step.revision is not None
            assert step.revision.id not in applied
            assert set(second.below(step.revision.id)) <= applied
            applied |= {step.revision.id}
        # What alembic's HeadMaintainer can write: one row becomes several, or several one.
        gone, come = set(step.heads_before) - set(heads), set(heads) - set(step.heads_before)
        assert min(len(gone), len(come)) <= 1
        assert set(heads) <= applied
    return applied


@lawful
@given(checkouts(), st.data())
def test_a_sync_ends_where_a_fresh_upgrade_of_the_checkout_ends(
    drawn: tuple[RevisionDag, RevisionDag, frozenset[str]], data: st.DataObject
) -> None:
    first, second, active = drawn
    rows = first.maximal(active)
    below = sorted(active - set(rows))
    missing = frozenset(data.draw(st.lists(st.sampled_from(below), max_size=2))) if below else frozenset()
    plan = plan_sync(second, Applied(rows, first, missing))
    assert follow(plan, first, second, active - missing) == {revision.id for revision in second}
    assert plan.heads_after == plan_upgrade(second, "heads").heads_after


@lawful
@given(checkouts())
def test_a_sync_undoes_nothing_but_what_is_unwanted_and_what_lies_above_it(
    drawn: tuple[RevisionDag, RevisionDag, frozenset[str]],
) -> None:
    first, second, active = drawn
    plan = plan_sync(second, Applied(first.maximal(active), first))
    undone = {step.revision.id for step in plan.steps if step.direction == "downgrade" and step.revision}
    unwanted = {item for item in active if item not in second}
    assert unwanted <= undone
    assert undone == {item for item in active if item in unwanted or first.ancestors([item]) & unwanted}
