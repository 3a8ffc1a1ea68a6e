from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.support import ProjectFolder, git

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = [
    ("current",),
    ("upgrade", "head"),
    ("upgrade", "+1"),
    ("downgrade", "-1"),
    ("downgrade", "base1"),
    ("stamp", "head"),
    ("show", "current"),
    ("history", "-r", "current:"),
    ("check",),
    ("revision", "--autogenerate", "-m", "x"),
]


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> ProjectFolder:
    """base1 - main1 (main, checked out); base1 - feat1 (feature), which the database has applied."""
    return at_feat1(tmp_path / "project", database_url)


@pytest.fixture
def local(tmp_path: Path, sqlite_url: str) -> ProjectFolder:
    """The same on SQLite, where no more than what git has is in question."""
    return at_feat1(tmp_path / "project", sqlite_url)


def at_feat1(root: Path, url: str, settings: str = "pins = false\n") -> ProjectFolder:
    project = ProjectFolder(root, url)
    (project.root / ".gitignore").write_text("__pycache__\n*.db\n")
    # A pin would be found before all that is looked for here.
    ini = project.root / "alembic.ini"
    ini.write_text(ini.read_text() + f"[branchmig]\n{settings}")
    git("init", "-q", "-b", "main", cwd=project.root)
    project.table("base1")
    commit(project, "base")
    git("switch", "-q", "-c", "feature/x", cwd=project.root)
    project.table("feat1", "base1")
    commit(project, "feature")
    assert project.branchmig("upgrade", "head").exit_code == 0
    git("switch", "-q", "main", cwd=project.root)
    project.table("main1", "base1")
    commit(project, "main")
    return project


def commit(project: ProjectFolder, message: str) -> None:
    git("add", "-A", cwd=project.root)
    git("commit", "-q", "-m", message, cwd=project.root)


@pytest.mark.heavy
def test_every_command_says_which_branch_holds_what_the_checkout_lacks(project: ProjectFolder) -> None:
    written = git("rev-parse", "--short=10", "feature/x", cwd=project.root).strip()
    expected = (
        "error: the database is at 'feat1', a revision that this checkout does not have: "
        f"it is on feature/x, commit {written} by Ada Author, migrations/versions/feat1.py\n"
        "hint:  to undo it: branchmig sync; to go where it is: git switch feature/x\n"
    )
    for arguments in COMMANDS:
        result = project.branchmig(*arguments)
        assert (arguments, result.exit_code, result.stderr) == (arguments, 3, expected)
    assert project.rows() == ["feat1"]


AT_FEAT1 = "error: the database is at 'feat1', a revision that this checkout does not have"


def told(project: ProjectFolder) -> str:
    result = project.branchmig("current")
    assert (result.exit_code, result.stdout) == (3, "")
    return result.stderr


def with_pins(project: ProjectFolder) -> None:
    """Apply 'feat1' as it is applied where pins are not turned off."""
    ini = project.root / "alembic.ini"
    ini.write_text(ini.read_text().replace("pins = false\n", ""))
    git("switch", "-q", "feature/x", cwd=project.root)
    assert project.branchmig("downgrade", "base1").exit_code == 0
    assert project.branchmig("upgrade", "feat1").exit_code == 0
    git("switch", "-q", "main", cwd=project.root)


def delete_branch(project: ProjectFolder, *, is_collected: bool = False) -> str:
    """Delete the branch and return the commit that it was at, as it is told."""
    commit = git("rev-parse", "--short=10", "feature/x", cwd=project.root).strip()
    git("branch", "-q", "-D", "feature/x", cwd=project.root)
    if is_collected:
        git("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all", cwd=project.root)
        git("gc", "-q", "--prune=now", cwd=project.root)
    return commit


def test_a_deleted_branch_is_told_by_the_commit_that_a_reflog_keeps(local: ProjectFolder) -> None:
    commit = delete_branch(local)
    assert told(local) == (
        f"{AT_FEAT1}: it is no longer in any branch; "
        f"a reflog keeps commit {commit} by Ada Author, migrations/versions/feat1.py\n"
        "hint:  to undo it with the script that git has: branchmig sync\n"
    )
    assert local.branchmig("sync", "--yes").exit_code == 0
    assert local.tables() == ["t_base1", "t_main1"]


def test_what_was_collected_too_is_said_to_be_lost(local: ProjectFolder) -> None:
    delete_branch(local, is_collected=True)
    assert told(local) == (
        f"{AT_FEAT1}: it is lost: no branch, stash, pin, reflog or left-over object of this clone has it\n"
        "hint:  a remote or another clone may have it: git fetch --all; else record another one: "
        "branchmig stamp --purge REVISION\n"
    )


def test_what_was_collected_and_pinned_can_be_brought_back(local: ProjectFolder) -> None:
    path = "migrations/versions/feat1.py"
    with_pins(local)
    delete_branch(local, is_collected=True)
    assert told(local) == (
        f"{AT_FEAT1}: it is no longer in any branch; a pin keeps it by Ada Author, made on feature/x, {path}\n"
        "hint:  to undo it with the script that git has: branchmig sync\n"
    )
    shown = local.branchmig("status").stdout
    assert "feat1: applied, not in the checkout; no longer in any branch; a pin keeps it by Ada Author, " in shown
    assert local.branchmig("sync", "--yes").exit_code == 0
    assert local.tables() == ["t_base1", "t_main1"]
    assert local.branchmig("pins").stderr == "No pins.\n"


def test_git_that_cannot_look_is_not_taken_for_a_loss(local: ProjectFolder) -> None:
    delete_branch(local, is_collected=True)
    (local.root / ".git" / "refs" / "heads" / "broken").write_text(f"{'1' * 40}\n")
    assert told(local).startswith(f"{AT_FEAT1}; git could not look everywhere: ")


def test_without_git_the_branch_is_for_the_user_to_find(local: ProjectFolder) -> None:
    shutil.rmtree(local.root / ".git")
    assert told(local) == (
        f"{AT_FEAT1}\n"
        "hint:  switch to the git branch that holds it, or record another one: branchmig stamp --purge REVISION\n"
    )


def test_a_file_that_was_deleted_in_the_meantime_is_found_in_history(project: ProjectFolder) -> None:
    git("switch", "-q", "feature/x", cwd=project.root)
    git("rm", "-q", "migrations/versions/feat1.py", cwd=project.root)
    git("commit", "-q", "-m", "drop it", cwd=project.root)
    assert "feat1 is retired: feature/x had it until commit " in project.branchmig("current").stderr


@pytest.mark.parametrize("recorded", [True, False])
def test_without_git_the_journal_says_which_commit_has_the_revision(
    tmp_path: Path, sqlite_url: str, recorded: bool
) -> None:
    local = at_feat1(tmp_path / "project", sqlite_url, "pins = false\njournal = true\n")
    commit_id = git("rev-parse", "feature/x", cwd=local.root).strip()
    if not recorded:
        with sqlite3.connect(sqlite_url.partition("///")[2]) as database:
            database.execute("UPDATE branchmig_journal SET git_commit = '$(reboot)'")
        database.close()
    shutil.rmtree(local.root / ".git")
    said = told(local)
    assert ("stamp --purge" in said) is not recorded
    assert "reboot" not in said
    if recorded:
        assert f"from commit {commit_id[:10]} of git branch feature/x\n" in said
        assert f"git switch --detach {commit_id[:10]}, and there branchmig status" in said
