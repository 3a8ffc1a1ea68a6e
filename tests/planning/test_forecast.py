"""What landings leave, on literals."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from branchmig.dag import RevisionDag
from branchmig.model import Landing, Revision
from branchmig.planning.forecast import Outcome, _outcome, colliding_pairs, outcomes


def revision(revision_id: str, *parents: str, path: str | None = None) -> Revision:
    return Revision(revision_id, parents, path=path or f"/p/{revision_id}.py")


def landing(branch: str, *added: Revision, removed: tuple[str, ...] = (), unreadable: tuple[str, ...] = ()) -> Landing:
    return Landing(branch, {revision_id.id: revision_id for revision_id in added}, frozenset(removed), unreadable)


def outcome(target: RevisionDag, landing: Landing) -> Outcome:
    [found] = outcomes(target, [landing])
    return found


TARGET = RevisionDag([revision("a"), revision("b", "a")])


def test_a_branch_on_top_moves_the_head() -> None:
    assert outcome(TARGET, landing("x", revision("c", "b"), revision("d", "c"))) == Outcome(("x",), ("d",), (), ())


def test_a_branch_from_below_makes_a_second_head() -> None:
    found = outcome(TARGET, landing("x", revision("c", "a")))
    assert found == Outcome(("x",), ("b", "c"), (), ())
    assert not found.is_fine()
    assert found.is_fine(2)


def test_a_branch_that_brings_its_merge_is_fine() -> None:
    assert outcome(TARGET, landing("x", revision("c", "a"), revision("m", "b", "c"))).is_fine()


def test_an_id_that_the_target_has_is_defined_twice() -> None:
    found = outcome(TARGET, landing("x", revision("b", "a", path="/p/copy.py")))
    assert found == Outcome(("x",), ("b",), ("b",), ())
    assert not found.is_fine()


def test_a_rewritten_or_moved_revision_is_not_defined_twice() -> None:
    assert outcome(TARGET, landing("x", revision("b", "a", path="/p/moved.py"), removed=("b",))).is_fine()
    assert outcome(TARGET, landing("x", revision("b"), removed=("b",))) == Outcome(("x",), ("a", "b"), (), ())


def test_a_parent_that_is_nowhere_is_missing() -> None:
    assert outcome(TARGET, landing("x", revision("c", "z"))) == Outcome(("x",), ("b", "c"), (), ("z",))


def test_a_parent_that_the_branch_deletes_is_missing_for_what_stays() -> None:
    """The branch deletes 'a', on which the target's 'b' stands."""
    found = outcome(TARGET, landing("x", removed=("a",)))
    assert found == Outcome(("x",), ("b",), (), ("a",))
    assert not found.is_fine()


def test_a_revision_rewritten_below_others_is_no_head() -> None:
    assert outcome(TARGET, landing("x", revision("a", path="/p/moved.py"), removed=("a",))) == (
        Outcome(("x",), ("b",), (), ())
    )


def test_a_revision_put_elsewhere_gives_its_parent_back() -> None:
    """
    a ─ b          a ─ c
     └─ c    to     └─ d ─ b
    """
    target = RevisionDag([revision("a"), revision("b", "a"), revision("c", "a")])
    moved = landing("x", revision("d", "a"), revision("b", "d"), removed=("b",))
    assert outcome(target, moved) == Outcome(("x",), ("b", "c"), (), ())
    assert outcome(target, landing("x", revision("b", "c"), removed=("b",))) == Outcome(("x",), ("b",), (), ())
    assert outcome(target, landing("x", removed=("b", "c"))) == Outcome(("x",), ("a",), (), ())


def test_a_deleted_head_gives_its_parent_back() -> None:
    assert outcome(TARGET, landing("x", removed=("b",))) == Outcome(("x",), ("a",), (), ())


def test_a_file_that_cannot_be_read_is_not_fine() -> None:
    assert not outcome(TARGET, landing("x", unreadable=("v/c.py",))).is_fine()


def test_two_that_stand_on_the_same_head_collide() -> None:
    """
    b ─ c   (x)
     └─ d   (y)
    """
    x, y = landing("x", revision("c", "b")), landing("y", revision("d", "b"))
    assert colliding_pairs(TARGET, [x, y], 1) == [Outcome(("x", "y"), ("c", "d"), (), ())]
    assert colliding_pairs(TARGET, [x, y], 2) == []


def test_one_that_stands_on_the_other_does_not_collide() -> None:
    c = revision("c", "b")
    assert colliding_pairs(TARGET, [landing("x", c), landing("y", c, revision("d", "c"))], 1) == []


def test_two_that_bring_one_id_with_different_contents_collide() -> None:
    x, y = landing("x", revision("c", "b")), landing("y", revision("c", "b", path="/p/c_again.py"))
    assert colliding_pairs(TARGET, [x, y], 1) == [Outcome(("x", "y"), ("c",), ("c",), ())]


def test_what_cannot_land_alone_is_in_no_pair_nor_is_what_changes_nothing() -> None:
    bad, good, idle = landing("x", revision("c", "a")), landing("y", revision("d", "b")), landing("z")
    assert idle.changes_nothing
    assert colliding_pairs(TARGET, [bad, good, idle], 1) == []


def test_landing_in_an_empty_target() -> None:
    assert outcome(RevisionDag([]), landing("x", revision("a"))) == Outcome(("x",), ("a",), (), ())


@st.composite
def landings_on_a_target(draw: st.DrawFn) -> tuple[list[Revision], list[Landing]]:
    """A target, and two landings that add, delete and rewrite; parents may be anybody older, or nobody known."""
    ids = [f"r{number}" for number in range(draw(st.integers(1, 7)))]

    def drawn(revision_id: str, older: list[str], path: str | None = None) -> Revision:
        parents = draw(st.lists(st.sampled_from(older), max_size=2, unique=True)) if older else []
        return revision(revision_id, *parents, path=path)

    target = [drawn(revision_id, ids[:at]) for at, revision_id in enumerate(ids)]
    found = []
    for name in ("x", "y"):
        rewritten = draw(st.lists(st.sampled_from(ids), max_size=2, unique=True))
        deleted = draw(st.lists(st.sampled_from(ids), max_size=2, unique=True))
        added = [drawn(item, ids[: ids.index(item)], f"/p/{name}/{item}.py") for item in rewritten]
        new = [f"{name}{number}" for number in range(draw(st.integers(0, 2)))]
        added += [drawn(item, [*ids, *new[:at], "nobody"]) for at, item in enumerate(new)]
        found.append(landing(name, *added, removed=(*rewritten, *deleted)))
    return target, found


@given(landings_on_a_target())
def test_what_changes_tells_as_much_as_the_whole(drawn: tuple[list[Revision], list[Landing]]) -> None:
    target, landings = drawn
    for landed in ([landings[0]], landings):
        added = {revision_id.id: revision_id for landing in reversed(landed) for revision_id in landing.added.values()}
        removed = {item for landing in landed for item in landing.removed}
        whole = {revision.id: revision for revision in target if revision.id not in removed} | added
        parents = {parent for revision in whole.values() for parent in revision.parents}
        found = _outcome(RevisionDag(target), frozenset(RevisionDag(target).heads()), landed)
        assert (set(found.heads), set(found.missing)) == (whole.keys() - parents, parents - whole.keys())
