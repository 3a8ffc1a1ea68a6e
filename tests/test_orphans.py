"""What is told of a revision that the checkout lacks, and what to type."""

from __future__ import annotations

import pytest

from branchmig.orphans import Location, told_of

COMMIT = "4ff9d9e74a0123456789012345678901234567ab"
BLOB = "c0ffee0123456789012345678901234567890123"
PATH = "migrations/versions/feat1.py"
ADA = f"commit 4ff9d9e74a by Ada, {PATH}"


def at(*found_in: str, branch: str | None = None, commit: str = COMMIT, was_on: str | None = None) -> Location:
    return Location(branch, commit, "Ada", PATH, BLOB, found_in, was_on)


@pytest.mark.parametrize(
    ("found", "message", "hint"),
    [
        (
            at("refs/heads/feature/x", branch="feature/x"),
            f"it is on feature/x, {ADA}",
            "to undo it: git switch feature/x, and there branchmig downgrade",
        ),
        (
            at("refs/heads/it's;x", branch="it's;x"),
            f"it is on it's;x, {ADA}",
            """to undo it: git switch 'it'"'"'s;x', and there branchmig downgrade""",
        ),
        (
            at("refs/heads/--orphan", branch="--orphan"),
            f"it is on --orphan, {ADA}",
            "to undo it: git switch --detach refs/heads/--orphan, and there branchmig downgrade",
        ),
        (
            at("refs/remotes/origin/x", branch="origin/x"),
            f"it is on origin/x, {ADA}",
            "to undo it: git switch --detach origin/x, and there branchmig downgrade",
        ),
        (
            at("refs/tags/v1"),
            f"it is on tag v1, {ADA}",
            "to undo it: git switch --detach v1, and there branchmig downgrade",
        ),
        (
            at("refs/stash"),
            f"it is in a stash, {ADA}",
            f"to undo it: git restore --source=4ff9d9e74a -- {PATH}, then branchmig downgrade",
        ),
        (
            at("HEAD"),
            f"it is on HEAD, {ADA}",
            "to undo it: git switch --create rescued 4ff9d9e74a, and there branchmig downgrade",
        ),
        (
            at("refs/branchmig/pins/db-1", was_on="feature/x"),
            f"it is in no branch any more; a pin keeps it by Ada, made on feature/x, {PATH}",
            f"to undo it: git restore --source=refs/branchmig/pins/db-1 -- {PATH}, then branchmig downgrade",
        ),
        (
            Location(None, COMMIT, "", PATH, BLOB, ("refs/branchmig/pins/db-1",)),
            f"it is in no branch any more; a pin keeps it, {PATH}",
            f"to undo it: git restore --source=refs/branchmig/pins/db-1 -- {PATH}, then branchmig downgrade",
        ),
        (
            at("reflog"),
            f"it is in no branch any more; a reflog keeps {ADA}",
            "to undo it: git switch --create rescued 4ff9d9e74a, and there branchmig downgrade",
        ),
        (
            at("index", commit=""),
            f"it is staged and not committed, {PATH}",
            f"to undo it: git restore -- {PATH}, then branchmig downgrade",
        ),
        (
            at("unreachable"),
            f"it is in no branch any more; nothing keeps {ADA}, but it is not collected yet",
            "to undo it: git switch --create rescued 4ff9d9e74a, and there branchmig downgrade",
        ),
        (
            at("unreachable", commit=""),
            "it is in no commit; nothing keeps its blob c0ffee0123, but it is not collected yet",
            f"to bring it back: git cat-file blob c0ffee0123 >{PATH}",
        ),
    ],
    ids=lambda value: value.found_in[0] if isinstance(value, Location) else "",
)
def test_a_found_orphan_is_told_with_its_place_and_a_way_back(found: Location, message: str, hint: str) -> None:
    assert told_of(found, PATH) == (message, hint)


def test_a_left_over_file_without_a_name_is_told_by_its_blob() -> None:
    found = Location(None, "", "", "", BLOB, ("unreachable",))
    assert told_of(found, "")[1] == "to bring it back: git cat-file blob c0ffee0123 >FILE.py"


def test_a_path_with_a_space_is_one_word_of_the_hint() -> None:
    assert told_of(at("refs/stash"), "my versions/f.py")[1] == (
        "to undo it: git restore --source=4ff9d9e74a -- 'my versions/f.py', then branchmig downgrade"
    )


def test_what_nothing_has_is_lost() -> None:
    assert told_of(None, "") == (
        "it is lost: no branch, stash, pin, reflog or left-over object of this clone has it",
        "a remote or another clone may have it: git fetch --all; else record another one: "
        "branchmig stamp --purge REVISION",
    )


def test_what_a_shallow_clone_lacks_may_be_further_down() -> None:
    assert told_of(None, "", is_shallow=True) == (
        "it is lost: no branch, stash, pin, reflog or left-over object of this shallow clone has it",
        "a remote or another clone may have it: git fetch --unshallow; else record another one: "
        "branchmig stamp --purge REVISION",
    )
