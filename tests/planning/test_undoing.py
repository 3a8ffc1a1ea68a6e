from __future__ import annotations

import pytest

from branchmig.model import Presence, Removal
from branchmig.planning.undoing import Squash, absent, settle, squashes, taken_away
from branchmig.revisions.replaced import replaced_ids
from tests.graphs import graph

REMOVAL = Removal("main", "a" * 40, "b" * 40, "Ada", "versions/r1.py")


@pytest.mark.parametrize(
    ("presence", "place", "reason"),
    [
        (Presence(here="v/r1.py"), "here", "is not in the work tree, and the checkout has it: v/r1.py"),
        (
            Presence(removal=REMOVAL, found_in=("refs/heads/old",)),
            "retired",
            "is retired: main had it until commit aaaaaaaaaa, and commit bbbbbbbbbb by Ada removed it",
        ),
        (
            Presence(removal=Removal("main")),
            "retired",
            "is retired: it landed on main, and main no longer has it",
        ),
        (Presence(found_in=("refs/heads/x", "refs/tags/v1")), "unlanded", "is unlanded work of another branch"),
        (Presence(found_in=("refs/remotes/origin/x",)), "unlanded", "is unlanded work of another branch"),
        (Presence(found_in=("refs/heads/x",), doubt="shallow"), "unknown", "may belong to this branch: shallow"),
        (Presence(found_in=("refs/tags/v1",)), "released", "is part of a release: only tag v1 holds it"),
        (Presence(found_in=("refs/tags/v1", "reflog")), "released", "is part of a release: only tag v1 holds it"),
        (Presence(found_in=("reflog",)), "unlanded", "is work of a branch that is gone"),
        (Presence(found_in=("refs/branchmig/pins/x",)), "unlanded", "is work of a branch that is gone"),
        (Presence(found_in=("refs/original/refs/heads/main",)), "unknown", "is not in any branch that git has"),
        (Presence(), "unknown", "is not in any branch that git has"),
    ],
)
def test_only_unlanded_work_may_be_undone(presence: Presence, place: str, reason: str) -> None:
    fact = absent("r1", presence)
    assert (fact.place, fact.reason) == (place, reason)


BEFORE = graph(a="", b="a", c="b", d="c")


def test_a_squash_that_keeps_the_last_id_replaces_what_is_gone_below_it() -> None:
    (found,) = squashes(graph(c="", d="c"), BEFORE, ["a", "b"], [], {}, REMOVAL)
    assert (found.into, found.replaced, found.keeps_id, found.is_certain) == (("c",), frozenset("ab"), True, True)


def test_a_new_id_in_the_middle_replaces_what_it_took_the_place_of() -> None:
    (found,) = squashes(graph(a="", s="a", d="s"), BEFORE, ["b", "c"], ["s"], {}, REMOVAL)
    assert (found.into, found.replaced, found.above, found.keeps_id) == (("s",), frozenset("bc"), ("d",), False)


def test_a_new_id_at_the_end_is_a_squash_only_if_its_file_says_so() -> None:
    here = graph(a="", b="a", s="b")
    (unsure,) = squashes(here, BEFORE, ["c", "d"], ["s"], {}, REMOVAL)
    assert (unsure.into, unsure.is_certain) == (("s",), False)
    (sure,) = squashes(here, BEFORE, ["c", "d"], ["s"], {"s": ("c", "d")}, REMOVAL)
    assert (sure.into, sure.replaced, sure.is_certain) == (("s",), frozenset("cd"), True)


def test_a_deletion_at_the_end_is_no_squash() -> None:
    assert squashes(graph(a="", b="a", c="b"), BEFORE, ["d"], [], {}, REMOVAL) == []


def test_a_database_has_a_squash_or_is_half_way_in_it() -> None:
    new = Squash(("s",), frozenset("bc"))
    assert settle([new], "abc").standing == {"s": frozenset("bc")}
    assert settle([new], "ab").half == (new,)
    assert settle([new], "a").half == ()
    kept = Squash(("c",), frozenset("ab"), keeps_id=True)
    assert (settle([kept], "ab").half, settle([kept], "abc").half) == ((kept,), ())


def test_what_was_squashed_is_gone_once_all_that_took_its_place_is_reverted() -> None:
    squash = Squash(("s", "t"), frozenset("bc"))
    reverted = {"s": frozenset("abcst"), "t": frozenset("abct")}
    assert taken_away([squash], reverted) == frozenset("bc")
    assert taken_away([squash], {"s": reverted["s"]}) == frozenset()
    assert taken_away([Squash(("s",), frozenset("bc"), is_certain=False)], reverted) == frozenset()


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (b"replaces = ('a', 'b')", ("a", "b")),
        (b"replaces: tuple[str, ...] = ('a',)", ("a",)),
        (b"replaces = 'a'", ("a",)),
        (b"replaces = 3", ()),
        (b"replaces = names()", ()),
        (b"replaces =", ()),
        (b"# replaces = ('a',)", ()),
    ],
)
def test_what_a_file_replaces_is_a_literal(text: bytes, ids: tuple[str, ...]) -> None:
    assert replaced_ids(text) == ids
