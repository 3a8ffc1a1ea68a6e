from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from branchmig.dag import RevisionDag
from branchmig.model import Plan, Revision
from branchmig.planning.journal_state import Entry, Ledger
from branchmig.planning.plan import plan_addition, plan_downgrade, plan_missing, plan_removal, plan_upgrade
from branchmig.revisions.fingerprint import fingerprint, git_blob
from tests.graphs import graph
from tests.oracle.histories import histories

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOON = datetime(2026, 1, 5, 12)


def script(revision: Revision) -> bytes:
    """A script as `source_of` gives it: its text follows from the revision."""
    return f"revision = {revision.id!r}\ndown_revision = {revision.parents!r}\n".encode()


def told(plan: Plan, dag: RevisionDag) -> list[Entry]:
    """What the journal writes as a plan runs."""
    return [
        Entry(
            "alembic_version",
            step.revision.id,
            step.direction,
            NOON,
            blob=git_blob(script(step.revision)),
            fingerprint=fingerprint(script(step.revision)),
            parents=dag.below(step.revision.id),
            rows_after=step.heads_after,
        )
        for step in plan.steps
        if step.revision is not None
    ]


def found(ids: Iterable[str], rows: tuple[str, ...]) -> list[Entry]:
    return [Entry("alembic_version", revision_id, "found", NOON, rows_after=rows) for revision_id in ids]


def ledger(dag: RevisionDag, entries: Iterable[Entry], *rows: str) -> Ledger:
    return Ledger(tuple(entries), tuple(sorted(rows)), dag, script)


def applied(dag: RevisionDag, target: str = "heads") -> list[Entry]:
    return told(plan_upgrade(dag, target), dag)


def states(of: Ledger) -> Mapping[str, str]:
    return dict(of.states)


def test_what_branchmig_applied_is_applied() -> None:
    dag = graph(a="", b="a", c="b")
    assert states(ledger(dag, applied(dag, "b"), "b")) == {"a": "applied", "b": "applied"}


def test_a_revision_below_an_applied_one_that_never_ran_is_skipped() -> None:
    """a - c was applied; then x was put between them, and y below x."""
    entries = applied(graph(a="", c="a"))
    now = ledger(graph(a="", y="a", x="y", c="x"), entries, "c")
    assert states(now) == {"a": "applied", "y": "skipped", "x": "skipped", "c": "edited"}
    assert (now.skipped, now.applied_ids()) == (("y", "x"), {"a", "c"})
    assert now.change_of("c") == "its parents became x (were a)"


def test_a_skipped_parent_of_a_new_merge_is_seen_through_depends_on() -> None:
    entries = applied(graph(a="", c="a"))
    now = ledger(graph(a="", x="a", c="a", depends_on={"c": "x"}), entries, "c")
    assert states(now) == {"a": "applied", "x": "skipped", "c": "edited"}


def test_what_is_older_than_the_journal_is_unknown_and_stays_so_once_it_is_found() -> None:
    dag = graph(a="", b="a", c="b")
    assert states(ledger(dag, [], "b")) == {"a": "unknown", "b": "unknown"}
    assert ledger(dag, [], "b").unrecorded == ("a", "b")
    recorded = ledger(dag, found("ab", ("b",)), "b")
    assert (states(recorded), recorded.unrecorded) == ({"a": "unknown", "b": "unknown"}, ())


def test_what_something_else_applied_in_between_is_unknown_and_not_skipped() -> None:
    dag = graph(a="", b="a", c="b")
    now = ledger(dag, applied(dag, "a"), "c")
    assert states(now) == {"a": "applied", "b": "unknown", "c": "unknown"}
    assert (now.is_complete, now.unrecorded, now.departed) == (False, ("b", "c"), ())


def test_what_something_else_reverted_in_between_is_departed_and_not_active() -> None:
    dag = graph(a="", b="a", c="b")
    now = ledger(dag, applied(dag), "a")
    assert (states(now), now.departed, now.applied_ids()) == ({"a": "applied"}, ("b", "c"), {"a"})


def test_a_skip_is_known_though_something_else_went_on_above_it() -> None:
    """a - c applied; x put below c; plain alembic then applied d above c."""
    now = ledger(graph(a="", x="a", c="x", d="c"), applied(graph(a="", c="a")), "d")
    assert states(now) == {"a": "applied", "x": "skipped", "c": "edited", "d": "unknown"}


def test_an_orphan_leads_on_by_the_parents_that_it_had() -> None:
    """a - f - g was applied on a branch; this checkout has a - m."""
    now = ledger(graph(a="", m="a"), applied(graph(a="", f="a", g="f")), "g")
    assert states(now) == {"a": "applied", "f": "applied", "g": "applied"}
    assert (now.beyond, now.applied_ids()) == (("f", "g"), {"a", "f", "g"})
    assert now.parents_as_applied == {"a": (), "f": ("a",), "g": ("f",)}


def test_what_no_longer_lies_below_a_row_is_applied_all_the_same() -> None:
    """a - b - c was applied; now c lies upon a."""
    now = ledger(graph(a="", b="a", c="a"), applied(graph(a="", b="a", c="b")), "c")
    assert (now.beyond, now.applied_ids()) == (("b",), {"a", "b", "c"})


def test_formatting_is_no_edit_and_the_same_blob_is_not_parsed() -> None:
    dag = graph(a="")
    entries = applied(dag)
    same = Ledger(tuple(entries), ("a",), dag, lambda entry: script(entry) + b"# a comment\n")
    other = Ledger(tuple(entries), ("a",), dag, lambda item: script(item) + b"x = 1\n")
    gone = Ledger(tuple(entries), ("a",), dag, lambda each_entry: None)
    assert [item.states["a"] for item in (same, other, gone)] == ["applied", "edited", "applied"]
    assert other.change_of("a") == "its script was changed"


def test_an_accepted_script_is_the_applied_one() -> None:
    dag = graph(a="", b="a")
    accepted = Entry("alembic_version", "a", "accept", NOON, blob=git_blob(script(dag["a"])), rows_after=("b",))
    assert states(ledger(dag, [*found("ab", ("b",)), accepted], "b")) == {"a": "applied", "b": "unknown"}


def test_a_digest_of_another_format_is_not_compared() -> None:
    dag = graph(a="")
    entry = Entry("alembic_version", "a", "upgrade", NOON, blob="0", fingerprint="0:ab", parents=(), rows_after=("a",))
    assert states(ledger(dag, [entry], "a")) == {"a": "applied"}


@given(histories(), st.data())
def test_a_history_that_branchmig_alone_applied_has_nothing_skipped_edited_or_unknown(
    revisions: tuple[Revision, ...], data: st.DataObject
) -> None:
    dag = RevisionDag(revisions)
    ids = st.lists(st.sampled_from(dag.order()), max_size=3)
    entries: list[Entry] = []
    rows: tuple[str, ...] = ()
    for _ in range(data.draw(st.integers(1, 4))):
        for plan_of in (plan_addition, plan_removal):
            plan = plan_of(dag, data.draw(ids), rows)
            entries += told(plan, dag)
            rows = plan.heads_after
    now = ledger(dag, entries, *rows)
    assert set(now.states.values()) <= {"applied"}
    assert now.applied_ids() == dag.ancestors(rows).union(rows) == now.active
    assert (now.is_complete, now.beyond, now.unrecorded, now.departed) == (True, (), (), ())


@given(histories(), st.data())
def test_a_revision_put_below_an_applied_one_is_the_one_that_is_skipped(
    revisions: tuple[Revision, ...], data: st.DataObject
) -> None:
    before = RevisionDag(revisions)
    entries = applied(before)
    rows = before.heads(dependencies=True)
    above = data.draw(st.sampled_from(revisions))
    put = Revision("new1", above.parents)
    changed = Revision(above.id, ("new1",), above.depends_on, above.labels)
    now = ledger(
        RevisionDag([put, changed, *(revision for revision in revisions if revision != above)]), entries, *rows
    )
    assert (now.skipped, now.unknown) == (("new1",), ())
    assert above.id in now.edited
    plan = plan_missing(now.dag, now.applied_ids(), rows)
    assert [(step.revision.id if step.revision else "", step.heads_after) for step in plan.steps] == [("new1", rows)]
    later = ledger(now.dag, [*entries, *told(plan, now.dag)], *rows)
    assert (later.skipped, later.applied_ids()) == ((), {*before.order(), "new1"})


@given(histories())
def test_after_everything_is_undone_nothing_is_active(revisions: tuple[Revision, ...]) -> None:
    dag = RevisionDag(revisions)
    up = plan_upgrade(dag, "heads")
    down = plan_downgrade(dag, "base", up.heads_after)
    now = ledger(dag, [*told(up, dag), *told(down, dag)])
    assert (now.states, now.records, now.applied_ids(), now.departed) == ({}, {}, frozenset(), ())
