"""What is told of a revision that the checkout lacks, and what to type."""

from __future__ import annotations

import pytest

from branchmig.model import Location
from branchmig.planning.orphans import location_text

COMMIT = "4ff9d9e74a0123456789012345678901234567ab"
BLOB = "c0ffee0123456789012345678901234567890123"
PATH = "migrations/versions/feat1.py"
UNDO = "to undo it with the script that git has: branchmig sync"
ADA = f"commit 4ff9d9e74a by Ada, {PATH}"


def at(*found_in: str, branch: str | None = None, commit: str = COMMIT, was_on: str | None = None) -> Location:
    return Location(branch, commit, "Ada", PATH, BLOB, found_in, was_on)


@pytest.mark.parametrize(
    ("found", "message", "hint"),
    [
        (
            at("refs/heads/feature/x", branch="feature/x"),
            f"it is on feature/x, {ADA}",
            "to undo it: branchmig sync; to go where it is: git switch feature/x",
        ),
        (
            at("refs/heads/it's;x", branch="it's;x"),
            f"it is on it's;x, {ADA}",
            """to undo it: branchmig sync; to go where it is: git switch 'it'"'"'s;x'""",
        ),
        (
            at("refs/heads/--orphan", branch="--orphan"),
            f"it is on --orphan, {ADA}",
            "to undo it: branchmig sync; to go where it is: git switch --detach refs/heads/--orphan",
        ),
        (
            at("refs/remotes/origin/x", branch="origin/x"),
            f"it is on origin/x, {ADA}",
            "to undo it: branchmig sync; to go where it is: git switch --detach origin/x",
        ),
        (
            at("refs/tags/v1"),
            f"it is on tag v1, {ADA}",
            "to undo it: branchmig sync; to go where it is: git switch --detach v1",
        ),
        (
            at("refs/tags/-v1"),
            f"it is on tag -v1, {ADA}",
            "to undo it: branchmig sync; to go where it is: git switch --detach refs/tags/-v1",
        ),
        (
            at("refs/stash"),
            f"it is in a stash, {ADA}",
            UNDO,
        ),
        (
            at("HEAD"),
            f"it is on HEAD, {ADA}",
            UNDO,
        ),
        (
            at("refs/branchmig/pins/db-1", was_on="feature/x"),
            f"it is no longer in any branch; a pin keeps it by Ada, made on feature/x, {PATH}",
            UNDO,
        ),
        (
            Location(None, COMMIT, "", PATH, BLOB, ("refs/branchmig/pins/db-1",)),
            f"it is no longer in any branch; a pin keeps it, {PATH}",
            UNDO,
        ),
        (
            at("reflog"),
            f"it is no longer in any branch; a reflog keeps {ADA}",
            UNDO,
        ),
        (
            at("index", commit=""),
            f"it is staged and not committed, {PATH}",
            UNDO,
        ),
        (
            at("unreachable"),
            f"it is no longer in any branch; nothing keeps {ADA}, but it is not collected yet",
            UNDO,
        ),
        (
            at("unreachable", commit=""),
            "it is in no commit; nothing keeps its blob c0ffee0123, but it is not collected yet",
            UNDO,
        ),
    ],
    ids=lambda value: value.found_in[0] if isinstance(value, Location) else "",
)
def test_a_found_orphan_is_told_with_its_place_and_a_way_back(found: Location, message: str, hint: str) -> None:
    assert location_text(found, PATH) == (message, hint)


def test_what_nothing_has_is_lost() -> None:
    assert location_text(None, "") == (
        "it is lost: no branch, stash, pin, reflog or left-over object of this clone has it",
        "a remote or another clone may have it: git fetch --all; else record another one: "
        "branchmig stamp --purge REVISION",
    )


def test_what_a_shallow_clone_lacks_may_be_further_down() -> None:
    assert location_text(None, "", is_shallow=True) == (
        "it is lost: no branch, stash, pin, reflog or left-over object of this shallow clone has it",
        "a remote or another clone may have it: git fetch --unshallow; else record another one: "
        "branchmig stamp --purge REVISION",
    )
