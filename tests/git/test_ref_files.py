from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from branchmig.git.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.repositories import Checkout

NAMES = (
    *("HEAD", "HEAD^1", "MERGE_HEAD", "main", "feature", "no/such", "refs/heads/main", "refs/heads/feature"),
    *("refs/heads/main^1", "refs/heads/main~1", "refs/heads/main@{0}", "refs/heads/../heads/main", "refs/heads/no"),
    *("refs/tags/main", "refs/tags/feature", "refs/remotes/origin/main", "refs/remotes/origin", "refs/heads"),
)


def merge_in_progress(repo: Checkout) -> None:
    repo.git("merge", "--quiet", "--no-commit", "main")


def a_branch_whose_name_is_a_ref(repo: Checkout) -> None:
    repo.git("branch", "refs/tags/main", "refs/heads/main")


def a_remote_head(repo: Checkout) -> None:
    repo.git("update-ref", "refs/remotes/origin/main", "refs/heads/main")
    repo.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")


def an_alias_of_a_branch(repo: Checkout) -> None:
    repo.git("branch", "--quiet", "-D", "main")
    repo.git("symbolic-ref", "refs/heads/main", "refs/heads/feature")


CHANGES: list[Callable[[Checkout], object]] = [
    merge_in_progress,
    a_branch_whose_name_is_a_ref,
    lambda repo: repo.commit(),
    lambda repo: repo.git("branch", "--force", "main", "feature"),
    lambda repo: repo.git("branch", "--quiet", "-D", "main"),
    lambda repo: repo.git("switch", "--quiet", "main"),
    lambda repo: repo.git("switch", "--quiet", "--detach"),
    lambda repo: repo.git("switch", "--quiet", "--orphan", "other"),
    lambda repo: repo.git("pack-refs", "--all"),
    lambda repo: repo.git("tag", "--force", "main", "feature"),
    lambda repo: repo.git("tag", "--force", "-m", "a tag", "main", "main"),
    lambda repo: repo.git("update-ref", "refs/tags/main", "HEAD^{tree}"),
    a_remote_head,
    an_alias_of_a_branch,
]


def asked(repo: Checkout, *names: str) -> list[str | None]:
    """Return what git says that names stand for, from one process."""
    given = "".join(f"{name}^{{commit}}\n" for name in names).encode()
    lines = repo.git("cat-file", "--batch-check=%(objectname)", stdin=given).splitlines()
    return [None if line.endswith(" missing") else line for line in lines]


def discovered(repo: Checkout) -> Repository:
    found = Repository.discover(repo.top)
    assert found is not None
    return found


@pytest.mark.parametrize("is_packed", [False, True])
def test_what_git_s_files_say_is_what_git_says(parted: Checkout, is_packed: bool) -> None:
    """After each change, by one that has looked before: what it has learnt of commits must not outlive a ref's move."""
    repository = discovered(parted)
    for name in NAMES:
        repository.commit(name)
    for change in CHANGES:
        change(parted)
        if is_packed:
            parted.git("pack-refs", "--all")
        described = f"refs/tags/x-g{parted.git('rev-parse', 'feature')[:7]}"
        names = (*NAMES, described)
        assert [repository.commit(name) for name in names] == asked(parted, *names), CHANGES.index(change)
        parted.run("merge", "--abort")
        parted.git("switch", "--quiet", "--force", "feature")
        parted.run("branch", "main", "feature^")


def test_a_linked_work_tree_has_a_head_of_its_own(parted: Checkout) -> None:
    other = parted.top.parent / "other"
    parted.git("worktree", "add", "--quiet", str(other), "main")
    linked = Repository.discover(other)
    assert linked is not None
    for _ in range(2):
        assert [linked.commit(name) for name in ("HEAD", "refs/heads/feature")] == asked(parted, "main", "feature")


def test_a_commit_that_is_known_takes_no_process(parted: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = discovered(parted)
    names = ("HEAD", "refs/heads/feature", "refs/heads/main", "refs/tags/main", "MERGE_HEAD")
    before = [repository.commit(name) for name in names]
    monkeypatch.setattr("branchmig.git.repository.subprocess", None)
    assert [repository.commit(name) for name in names] == before


def test_a_branch_whose_commit_is_lost_is_no_commit(parted: Checkout) -> None:
    commit = parted.git("rev-parse", "main")
    (parted.top / ".git" / "objects" / commit[:2] / commit[2:]).unlink()
    assert discovered(parted).commit("refs/heads/main") is None
