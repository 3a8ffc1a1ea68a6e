from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.repositories import Checkout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def repo(tmp_path: Path) -> Checkout:
    """base1 - main1 on main; base1 - feat1 - feat2 on feature, which is checked out, and applied."""
    repo = Checkout(tmp_path / "repo")
    (repo.top / ".gitignore").write_text("__pycache__\n*.db*\n")
    repo.table("base1")
    repo.commit("base")
    repo.git("branch", "feature")
    repo.table("main1", "base1")
    repo.commit("main")
    repo.git("switch", "--quiet", "feature")
    repo.table("feat1", "base1")
    repo.table("feat2", "feat1")
    repo.commit("feature")
    assert repo.branchmig("upgrade", "head").exit_code == 0
    return repo


def standing(repo: Checkout) -> tuple[str, object, list[str]]:
    return repo.git("branch", "--show-current"), repo.rows(), repo.tables()


ON_FEATURE = ("feature", ["feat2"], ["t_base1", "t_feat1", "t_feat2"])
ON_MAIN = ("main", ["main1"], ["t_base1", "t_main1"])


def test_the_database_goes_along_to_the_other_branch_and_back(repo: Checkout) -> None:
    result = repo.branchmig("switch", "--yes", "main")
    assert (result.exit_code, result.stdout, result.stderr) == (
        0,
        f"{repo.url}: 3 steps, from feat2 to main1\n"
        "  downgrade feat2 -> feat1  step feat2\n"
        "  downgrade feat1 -> base1  step feat1\n"
        "  upgrade base1 -> main1  step main1\n"
        "  destroys table t_feat2 (0 rows), table t_feat1 (0 rows)\n",
        "Switched to branch 'main'\nReverted 2 revisions, applied 1; the database is at main1.\n",
    )
    assert standing(repo) == ON_MAIN
    assert repo.branchmig("switch", "--yes", "-").exit_code == 0
    assert standing(repo) == ON_FEATURE


def test_nothing_moves_without_a_yes(repo: Checkout) -> None:
    assert repo.branchmig("switch", "main").exit_code == 1
    assert standing(repo) == ON_FEATURE


def test_a_switch_that_git_would_refuse_touches_no_database(repo: Checkout) -> None:
    (repo.versions / "main1.py").write_text("# mine\nrevision = 'mine'\ndown_revision = 'feat2'\n")
    result = repo.branchmig("switch", "--yes", "main")
    assert (result.exit_code, result.stderr) == (
        3,
        "error: git would refuse to switch: Untracked working tree file 'migrations/versions/main1.py' would be "
        "overwritten by merge.\nhint:  commit or stash your changes\n",
    )
    assert standing(repo) == ON_FEATURE


def test_the_database_is_brought_back_if_git_refuses_all_the_same(
    repo: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("branchmig.commands.switch.refuse_busy", lambda *_: None)
    repo.git("worktree", "add", "--quiet", str(tmp_path / "other"), "main")
    result = repo.branchmig("switch", "--yes", "main")
    assert (result.exit_code, result.stderr) == (
        3,
        f"error: git did not switch: 'main' is already checked out at '{tmp_path / 'other'}'; the database was "
        "restored\nhint:  see 'git status'\n",
    )
    assert standing(repo) == ON_FEATURE


def test_a_new_branch_leaves_the_database_as_it_is(repo: Checkout) -> None:
    repo.execute("UPDATE alembic_version SET version_num = 'feat1'")
    assert repo.branchmig("switch", "--create", "topic").exit_code == 0
    assert (repo.git("branch", "--show-current"), repo.rows()) == ("topic", ["feat1"])


def test_a_new_branch_at_another_place_takes_the_database_there(repo: Checkout) -> None:
    assert repo.branchmig("switch", "--yes", "--create", "topic", "main").exit_code == 0
    assert standing(repo) == ("topic", *ON_MAIN[1:])


def test_any_commit_can_be_visited(repo: Checkout) -> None:
    assert repo.branchmig("switch", "--yes", "--detach", "main~1").exit_code == 0
    assert standing(repo) == ("", ["base1"], ["t_base1"])


def test_a_branch_of_the_remote_is_found_as_git_finds_it(repo: Checkout, tmp_path: Path) -> None:
    repo.git("clone", "--quiet", ".", str(tmp_path / "clone"), cwd=repo.top)
    clone = Checkout.copy(repo, tmp_path / "unused")
    clone.top = clone.root = tmp_path / "clone"
    ini = clone.root / "alembic.ini"
    ini.write_text(ini.read_text().replace(repo.url, f"sqlite:///{clone.root / 'app.db'}"))
    clone.url = f"sqlite:///{clone.root / 'app.db'}"
    assert clone.branchmig("switch", "--yes", "main").exit_code == 0
    assert standing(clone) == ON_MAIN


def test_uncommitted_revisions_go_along(repo: Checkout) -> None:
    repo.table("mine1", "base1")
    assert repo.branchmig("upgrade", "heads").exit_code == 0
    assert repo.branchmig("switch", "--yes", "main").exit_code == 0
    assert standing(repo) == ("main", ["main1", "mine1"], ["t_base1", "t_main1", "t_mine1"])


def test_uncommitted_revisions_that_would_hang_on_nothing_stop_the_switch(repo: Checkout) -> None:
    path = repo.table("mine1", "feat2")
    result = repo.branchmig("switch", "--yes", "main")
    assert (result.exit_code, result.stderr) == (
        3,
        f"error: on main the revisions would be no sound graph: {path}: down_revision 'feat2' of revision 'mine1' "
        "does not exist\nhint:  commit or stash your changes; or look: branchmig guard --at BRANCH\n",
    )
    assert standing(repo)[:2] == ON_FEATURE[:2]


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("nope", "git knows no branch 'nope'", "'git branch --all' lists them; a commit takes --detach"),
        ("--orphan", "error: branchmig switch has no option --orphan\n", None),
        ("a*", "git knows no branch 'a*'", "'git branch --all' lists them; a commit takes --detach"),
    ],
)
def test_what_is_no_branch_is_told(repo: Checkout, name: str, message: str, hint: str | None) -> None:
    result = repo.branchmig("switch", "--yes", name)
    assert result.exit_code == (2 if hint is None else 3)
    assert message in result.stderr
    assert hint is None or f"hint:  {hint}\n" in result.stderr
    assert standing(repo) == ON_FEATURE


def test_a_config_file_that_git_does_not_track_is_the_same_on_each_branch(repo: Checkout) -> None:
    (repo.root / "own.ini").write_text((repo.root / "alembic.ini").read_text())
    (repo.top / ".git" / "info").mkdir(exist_ok=True)
    (repo.top / ".git" / "info" / "exclude").write_text("own.ini\n")
    assert repo.branchmig("-c", "own.ini", "switch", "--yes", "main").exit_code == 0
    assert standing(repo) == ON_MAIN
    repo.git("add", "--force", "own.ini")
    repo.commit("own.ini")
    assert repo.branchmig("-c", "own.ini", "switch", "--yes", "feature").stderr.startswith(
        "error: feature keeps its revisions elsewhere: it does not have own.ini\n"
    )


def test_without_a_url_the_hint_names_the_setting(repo: Checkout) -> None:
    repo.write_env("from alembic import context\n{}['url']\n")
    assert "hint:  is sqlalchemy.url set in the config file? (" in repo.branchmig("current").stderr


def test_a_branch_that_keeps_its_revisions_elsewhere_is_not_taken_for_one_without_any(repo: Checkout) -> None:
    assert repo.branchmig("switch", "--yes", "main").exit_code == 0
    repo.git("mv", "migrations", "db")
    ini = repo.root / "alembic.ini"
    ini.write_text(ini.read_text().replace("%(here)s/migrations", "%(here)s/db"))
    repo.commit("move")
    result = repo.branchmig("switch", "--yes", "feature")
    assert (result.exit_code, result.stderr) == (
        3,
        "error: feature keeps its revisions elsewhere: script_location is '%(here)s/migrations' there, and "
        "'%(here)s/db' here\nhint:  git switch feature, and there branchmig sync\n",
    )
    assert standing(repo) == ON_MAIN


def test_a_downgrade_that_fails_says_that_git_has_not_switched(repo: Checkout) -> None:
    path = repo.versions / "feat1.py"
    path.write_text(path.read_text().replace("op.drop_table('t_feat1')", "op.drop_table('no_such_table')"))
    repo.commit("broken")
    result = repo.branchmig("switch", "--yes", "main")
    assert result.exit_code == 3
    assert "       git has not switched; the revisions that were reverted before stay reverted\n" in result.stderr
    assert result.stderr.endswith("; to apply the reverted revisions again: branchmig sync\n")
    assert (repo.git("branch", "--show-current"), repo.rows()) == ("feature", ["feat1"])
    assert repo.branchmig("sync", "--yes").exit_code == 0
    assert standing(repo) == ON_FEATURE


def merging(repo: Checkout) -> None:
    repo.git("switch", "--quiet", "--create", "docs", "main")
    (repo.root / "notes").write_text("notes")
    repo.commit("notes")
    repo.git("switch", "--quiet", "feature")
    repo.git("merge", "--quiet", "--no-commit", "--no-ff", "docs")


def stopped(*command: str) -> Callable[[Checkout], None]:
    """Have git stop at a conflict, which is resolved in the index."""

    def stop(repo: Checkout) -> None:
        (repo.root / "notes").write_text("feature")
        repo.commit("notes")
        repo.git("switch", "--quiet", "main")
        (repo.root / "notes").write_text("main")
        repo.commit("other notes")
        repo.git("switch", "--quiet", "feature")
        (repo.root / "notes").write_text("more")
        repo.commit("more notes")
        assert repo.run(*command).returncode == 1
        repo.git("checkout", "--quiet", "HEAD", "--", "notes")

    return stop


def elsewhere(repo: Checkout) -> None:
    repo.git("worktree", "add", "--quiet", str(repo.top.parent / "tree"), "main")


REFUSALS = {
    "merge": (merging, "a merge is in progress"),
    "cherry-pick": (stopped("cherry-pick", "main"), "a cherry-pick is in progress"),
    "revert": (stopped("revert", "HEAD~1"), "a revert is in progress"),
    "rebase": (stopped("rebase", "main"), "a rebase is in progress"),
    "rebase --apply": (stopped("rebase", "--apply", "main"), "a rebase is in progress"),
    "another work tree": (elsewhere, "main is checked out in "),
}


@pytest.mark.parametrize("keep", ["--no-keep", "--keep"])
@pytest.mark.parametrize("why", REFUSALS)
def test_what_git_would_not_leave_or_enter_is_found_before_rows_are_lost(repo: Checkout, why: str, keep: str) -> None:
    begin, reason = REFUSALS[why]
    repo.execute("INSERT INTO t_feat2 (id) VALUES (7)")
    begin(repo)
    for words in (("--plan",), ("--yes",)):
        result = repo.branchmig("switch", keep, *words, "main")
        assert (result.exit_code, f"git would refuse to switch: {reason}" in result.stderr) == (3, True), result
    with sqlite3.connect(repo.root / "app.db") as connection:
        assert connection.execute("SELECT id FROM t_feat2").fetchall() == [(7,)]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("main", "there is a branch main already"),
        ("main/part", "there is a branch main already"),
        ("team", "there are branches below team/"),
        ("a..b", "'a..b' is no name for a branch"),
    ],
)
def test_a_branch_that_git_would_not_make_moves_no_database(repo: Checkout, name: str, reason: str) -> None:
    repo.git("branch", "team/one")
    result = repo.branchmig("switch", "--yes", "--create", name, "main")
    assert (result.exit_code, reason in result.stderr) == (3, True), result
    assert standing(repo) == ON_FEATURE


def test_the_database_follows_where_a_hook_fails_after_git_has_switched(repo: Checkout) -> None:
    hook = repo.top / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho no luck >&2\nexit 1\n")
    hook.chmod(0o755)
    result = repo.branchmig("switch", "--yes", "main")
    assert (result.exit_code, "no luck" in result.stderr) == (0, True), result
    assert standing(repo) == ON_MAIN
