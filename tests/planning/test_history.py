"""`history -r START:END`; in the drawing older revisions stand on the left."""

from __future__ import annotations

import pytest

from branchmig.dag import RevisionDag
from branchmig.errors import BranchmigError, InvalidTarget, UnknownRevision
from branchmig.planning.history import needs_database, select_history
from tests.graphs import graph

# t1 - t2 - a1 - a2 - a3    a1 carries 'left'
#         \ b1              b1 carries 'right'
# x1 - x2                   x2 depends on t1
DAG = graph(
    {"a1": "left", "b1": "right"}, {"x2": "t1"}, t1="", t2="t1", a1="t2", a2="a1", a3="a2", b1="t2", x1="", x2="x1"
)
LINE = graph(a1="", b1="a1", c1="b1", d1="c1", e1="d1")


def shown(rev_range: str | None, applied: tuple[str, ...] = (), dag: RevisionDag = DAG) -> str:
    return " ".join(revision.id for revision in select_history(dag, rev_range, applied))


def refusal(rev_range: str, dag: RevisionDag = DAG, applied: tuple[str, ...] = ()) -> BranchmigError:
    with pytest.raises(BranchmigError) as caught:
        select_history(dag, rev_range, applied)
    return caught.value


def test_without_a_range_everything_is_shown_newest_first() -> None:
    assert shown(None) == shown(":") == shown(" : ") == "x2 x1 b1 a3 a2 a1 t2 t1"
    assert [revision.id for revision in select_history(DAG, None)] == list(reversed(DAG.order()))


def test_an_empty_project_has_no_history() -> None:
    assert shown(None, dag=RevisionDag([])) == shown("base:heads", dag=RevisionDag([])) == ""


@pytest.mark.parametrize(
    ("rev_range", "answer"),
    [
        ("b1:d1", "d1 c1 b1"),
        ("b1:", "e1 d1 c1 b1"),
        (":c1", "c1 b1 a1"),
        ("b1:b1", "b1"),
        ("base:head", "e1 d1 c1 b1 a1"),
        ("c1:heads", "e1 d1 c1"),
        ("-2:", "e1 d1 c1"),
        ("-1:d1", "d1 c1"),
        ("-50:", "e1 d1 c1 b1 a1"),
        ("b1:+2", "d1 c1 b1"),
        ("b1:+50", "e1 d1 c1 b1"),
        (":+2", "b1 a1"),
        ("b1:c1+1", "d1 c1 b1"),
        ("b1:c1+50", "e1 d1 c1 b1"),
        ("b1:e1-1", "d1 c1 b1"),
        ("e1-2:", "e1 d1 c1"),
        ("current:", "e1 d1 c1"),
        (":current", "c1 b1 a1"),
        ("-1:current", "c1 b1"),
        ("current:+1", "d1 c1"),
    ],
)
def test_a_range_on_one_line_holds_both_ends(rev_range: str, answer: str) -> None:
    assert shown(rev_range, ("c1",), LINE) == answer


def test_a_range_between_two_revisions_leaves_out_other_branches() -> None:
    assert shown("t2:a2") == "a2 a1 t2"
    assert shown("t2:heads") == "b1 a3 a2 a1 t2"


def test_an_end_shows_what_it_depends_on_and_a_start_only_what_descends_from_it() -> None:
    assert shown(":x2") == "x2 x1 t1"
    assert shown("x1:x2") == "x2 x1"
    assert shown("t1:x2") == "t1"


def test_a_start_on_a_branch_shows_that_branch_with_its_trunk() -> None:
    assert shown("left@base:") == "a3 a2 a1 t2 t1"
    assert shown("right@base:heads") == "b1 t2 t1"
    assert shown("right@t2:heads") == "b1 t2"


def test_an_end_on_a_branch() -> None:
    assert shown(":left@head") == "a3 a2 a1 t2 t1"
    assert shown("left:left@head") == "a3 a2 a1"
    assert shown(":left@head-1") == "a2 a1 t2 t1"


def test_a_relative_start_counts_down_from_each_end() -> None:
    assert shown("-1:heads") == "x2 x1 b1 a3 a2 t2"
    assert shown("-1:left@head") == "a3 a2"
    assert shown("left@-2:heads") == "a3 a2 a1"


def test_a_relative_start_stops_at_the_base_of_its_own_end() -> None:
    assert shown("-2:heads") == "x2 x1 b1 a3 a2 a1 t2 t1"
    assert shown("-3:b1") == "b1 t2 t1"


def test_current_of_several_rows_is_each_of_them() -> None:
    assert shown(":current", ("a1", "x1")) == "x1 a1 t2 t1"
    assert shown("current:heads", ("a2", "b1")) == "b1 a3 a2"


def test_current_of_an_empty_database_is_the_base() -> None:
    assert shown(":current") == ""
    assert shown("current:left") == "a1 t2 t1"


def test_an_end_that_is_not_above_the_start_is_refused() -> None:
    for rev_range in ("a2:t1", "a1:b1", "x1:a1", "left@a1:b1"):
        error = refusal(rev_range)
        assert isinstance(error, InvalidTarget)
        assert (error.message, error.hint) == (
            f"Requested range {rev_range} does not refer to ancestor/descendant revisions along the same branch",
            "give the older revision first",
        )


@pytest.mark.parametrize("rev_range", ["", "a1", "a1:a2:a3", "::"])
def test_what_is_no_range_is_refused(rev_range: str) -> None:
    error = refusal(rev_range)
    assert isinstance(error, InvalidTarget)
    assert (error.message, error.hint) == (
        "History range requires [start]:[end], [start]:, or :[end]",
        "e.g. -r base:head",
    )


def test_a_start_cannot_count_up() -> None:
    error = refusal("+1:a2")
    assert isinstance(error, InvalidTarget)
    assert (error.message, error.hint) == ("'+1' is no start of a range", "count down from the end, e.g. -r -3:head")


def test_an_end_cannot_count_down() -> None:
    error = refusal("t1:-1")
    assert isinstance(error, InvalidTarget)
    assert (error.message, error.hint) == ("'-1' is no end of a range", "count up from the start, e.g. -r base:+3")


def test_a_relative_start_does_not_cross_a_merge() -> None:
    dag = graph(a="", b="a", c="a", m="b c", n="m")
    assert shown("-2:", dag=dag) == "n m c b"
    error = refusal("-3:", dag)
    assert isinstance(error, InvalidTarget)
    assert (error.message, error.hint) == (
        "'-3' crosses a merge revision: below it lie b, c",
        "name the revision to go to",
    )


def test_a_relative_end_does_not_choose_at_a_fork() -> None:
    error = refusal("t1:+2")
    assert isinstance(error, InvalidTarget)
    assert (error.message, error.hint) == (
        "'+2' is ambiguous: above t2 come a1, b1",
        "name one of them, e.g. 'a1'",
    )


def test_an_unknown_end_is_told_so() -> None:
    error = refusal("t1:zzzz")
    assert isinstance(error, UnknownRevision)
    assert error.message == "no revision or branch label 'zzzz'"


@pytest.mark.parametrize(
    ("rev_range", "needed"),
    [(None, False), (":", False), ("a1:head", False), ("current:", True), ("-3:current", True), (" :current ", True)],
)
def test_only_current_needs_the_database(rev_range: str | None, needed: bool) -> None:
    assert needs_database(rev_range) is needed
