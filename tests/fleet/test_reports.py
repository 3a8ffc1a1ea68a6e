from __future__ import annotations

from branchmig import Revision, RevisionDag
from branchmig.fleet.record import TargetRecord, resumption
from branchmig.fleet.reports import (
    Failure,
    Observation,
    Report,
    Standing,
    TargetGroup,
    counted_outcomes,
    first_double,
    gathered,
    standing,
)

#   a1 -- b2 -- c3
DAG = RevisionDag([Revision("a1"), Revision("b2", ("a1",)), Revision("c3", ("b2",))])
DOWN = Failure("environment", "connection refused")


def test_where_a_target_stands() -> None:
    assert standing(DAG, Observation("t", rows=(("c3",),))) == Standing("at head", ("c3",))
    assert standing(DAG, Observation("t", rows=((),))) == Standing("behind", (), ("a1", "b2", "c3"))
    assert standing(DAG, Observation("t", rows=(("a1",), ("b2",)))) == Standing("behind", ("a1", "b2"), ("b2", "c3"))
    assert standing(DAG, Observation("t", rows=(("zz",),))) == Standing("orphan", ("zz",), (), ("zz",))
    assert standing(DAG, Observation("t", rows=(("a1", "c3"),))) == Standing("unsound", ("a1", "c3"))
    assert standing(DAG, Observation("t", failure=DOWN)) == Standing("unreachable")
    assert standing(DAG, Observation("t", rows=(("c3",),), skipped=("b2",))) == Standing(
        "skipped", ("c3",), (), (), ("b2",)
    )


def test_targets_are_gathered_by_place_and_the_unreachable_by_reason() -> None:
    head, far = Standing("at head", ("c3",)), Standing("behind", (), ("a1", "b2", "c3"))
    gone = Standing("unreachable")
    places = {"u1": gone, "f": far, "h1": head, "u2": gone, "h2": head, "u3": gone}
    failures = {"u1": DOWN, "u2": DOWN, "u3": Failure("environment", "no password")}
    assert gathered(places, failures) == (
        TargetGroup(head, ("h1", "h2")),
        TargetGroup(far, ("f",)),
        TargetGroup(gone, ("u1", "u2"), DOWN),
        TargetGroup(gone, ("u3",), failures["u3"]),
    )


def test_outcomes_are_counted_in_a_fixed_order() -> None:
    reports = [Report("a", "", "failed"), Report("b", "", "done"), Report("c", "", "failed")]
    assert list(counted_outcomes(reports).items()) == [("done", 1), ("failed", 2)]


def test_a_version_table_that_two_targets_open_is_found() -> None:
    seen = {"db|s": ("a", "db, schema s")}
    assert first_double(seen, Observation("b", ("other", "db|s"), ("x", "y"))) == ("a", "db, schema s")
    assert first_double(seen, Observation("a", ("db|s",), ("x",))) is None
    assert first_double(seen, Observation("b", ("other",), ("x",))) is None


def test_a_resumed_run_leaves_what_is_done_and_looks_at_what_is_uncertain_first() -> None:
    rows = (("a1",),)
    done = TargetRecord("done", "", "ended", rows, ("i",), "done", (("c3",),))
    records = [
        TargetRecord("pending", "", "pending"),
        done,
        TargetRecord("begun", "", "begun", rows),
        TargetRecord("failed", "", "ended", rows, (), "failed"),
    ]
    found = resumption(records)
    assert (found.done, found.uncertain, found.others) == ((done,), ("begun",), ("pending", "failed"))
    assert found.seen == {"begun": rows, "failed": rows}
    assert found.steps == {"pending": 0, "begun": 0, "failed": 0}
