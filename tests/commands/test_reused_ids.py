"""An id that a squash has set free, and that the same branch gives to another revision afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.commands.test_retired import (
    CHAIN,
    keeps_the_last_id,
    project,
    remove,
    rows,
    status,
    takes_a_new_id_in_the_middle,
    upgraded,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.repositories import Checkout


def takes_a_new_id_at_the_base(repo: Checkout) -> None:
    remove(repo, "r1", "r2")
    write(repo, "s12", None, "r1", "r2")
    write(repo, "r3", "s12")


def takes_all(repo: Checkout) -> None:
    remove(repo, *CHAIN)
    write(repo, "s15", None, *CHAIN)


REUSES = [
    (takes_a_new_id_at_the_base, "r2", "r5"),
    (takes_a_new_id_in_the_middle, "r3", "r5"),
    (keeps_the_last_id, "r2", "r5"),
    (takes_all, "r5", "s15"),
    (takes_all, "r2", "s15"),
]


def used_again(repo: Checkout, squash: Callable[[Checkout], None], revision: str, parent: str) -> None:
    squash(repo)
    repo.commit("squash")
    write(repo, revision, parent, "again", name=f"{revision}_again.py")
    repo.commit("again")


@pytest.mark.heavy
@pytest.mark.parametrize("reuse", REUSES)
@pytest.mark.parametrize("settings", [(), ("journal = true",)], ids=("pin", "journal"))
def test_nothing_is_moved_where_the_applied_revision_of_an_id_was_squashed(
    tmp_path: Path, sqlite_url: str, settings: tuple[str, ...], reuse: tuple[Callable[[Checkout], None], str, str]
) -> None:
    repo = on_feature(tmp_path, sqlite_url, *settings)
    before = upgraded(repo)
    used_again(repo, *reuse)
    squash, revision, parent = reuse
    done = repo.branchmig("sync", "--yes")
    assert (done.exit_code, "which this branch removed later" in done.stderr) == (3, True), done.stderr
    assert (rows(repo), repo.rows()) == (before, ["r5"])
    assert "id-collision" in str(status(repo)["problems"])
    # What the hint says.
    (repo.versions / f"{revision}_again.py").unlink()
    write(repo, "r6", parent, "again")
    if squash is takes_all:  # nothing shows that s15 does the same
        assert repo.branchmig("stamp", "--purge", "s15").exit_code == 0
    done = repo.branchmig("sync", "--yes")
    assert done.exit_code == 0, done.stderr
    assert (rows(repo), repo.rows()) == ({**before, "t_again": 3}, ["r6"])


def on_feature(tmp_path: Path, url: str, *settings: str) -> Checkout:
    """Return the project with r2 to r5 on a branch of their own, where nothing protects them from being undone."""
    repo = project(tmp_path, url, *settings)
    repo.git("switch", "--quiet", "--create", "feature")
    repo.git("branch", "--force", "main", "HEAD~4")
    return repo


@pytest.mark.heavy
def test_the_journal_of_a_database_shows_another_clone_that_an_id_was_used_again(
    tmp_path: Path, database_url: str
) -> None:
    repo = on_feature(tmp_path, database_url, "journal = true")
    before = upgraded(repo)
    used_again(repo, takes_a_new_id_at_the_base, "r2", "r5")
    repo.git("clone", "--quiet", "--branch", "feature", ".", str(tmp_path / "clone"))
    other = repo.copy(repo, tmp_path / "unused")
    other.top = other.root = tmp_path / "clone"
    done = other.branchmig("sync", "--yes")
    assert (done.exit_code, "which this branch removed later" in done.stderr) == (3, True), done.stderr
    assert rows(repo) == before


@pytest.mark.heavy
@pytest.mark.parametrize("reuse", REUSES[:4])
def test_a_database_within_the_squashed_range_is_left_alone(
    tmp_path: Path, sqlite_url: str, reuse: tuple[Callable[[Checkout], None], str, str]
) -> None:
    repo = on_feature(tmp_path, sqlite_url)
    before = upgraded(repo, "r2")
    used_again(repo, *reuse)
    done = repo.branchmig("sync", "--yes")
    assert (done.exit_code, rows(repo), repo.rows()) == (3, before, ["r2"])


@pytest.mark.heavy
def test_an_upgrade_warns_and_the_database_can_be_synced_on(tmp_path: Path, sqlite_url: str) -> None:
    """The pin says that r3 was put on r2, and the row r2 is the new one: their order is the checkout's."""
    repo = on_feature(tmp_path, sqlite_url)
    before = upgraded(repo)
    used_again(repo, takes_a_new_id_in_the_middle, "r3", "r5")
    done = repo.branchmig("upgrade", "heads")
    assert (done.exit_code, "warning: two revisions have the id 'r3'" in done.stderr) == (0, True), done.stderr
    done = repo.branchmig("sync", "--yes")
    assert done.exit_code == 0, done.stderr
    assert (rows(repo), repo.rows()) == ({**before, "t_again": 3}, ["r3"])
