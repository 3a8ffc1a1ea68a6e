from __future__ import annotations

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
    project = ProjectFolder(tmp_path / "project", database_url)
    (project.root / ".gitignore").write_text("__pycache__\n*.db\n")
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


def test_every_command_says_which_branch_holds_what_the_checkout_lacks(project: ProjectFolder) -> None:
    written = git("rev-parse", "--short=10", "feature/x", cwd=project.root).strip()
    expected = (
        "error: the database is at 'feat1', a revision that this checkout does not have: "
        f"it is on feature/x, commit {written} by Ada Author, migrations/versions/feat1.py\n"
        "hint:  to undo it: git switch feature/x, and there branchmig downgrade\n"
    )
    for arguments in COMMANDS:
        result = project.branchmig(*arguments)
        assert (arguments, result.exit_code, result.stderr) == (arguments, 3, expected)
    assert project.rows() == ["feat1"]


def test_a_revision_that_git_does_not_have_either_is_said_to_be_gone(project: ProjectFolder) -> None:
    git("branch", "-q", "-D", "feature/x", cwd=project.root)
    result = project.branchmig("current")
    assert (result.exit_code, result.stderr.splitlines()[0]) == (
        3,
        "error: the database is at 'feat1', a revision that this checkout does not have",
    )


def test_a_file_that_was_deleted_in_the_meantime_is_found_in_history(project: ProjectFolder) -> None:
    git("switch", "-q", "feature/x", cwd=project.root)
    git("rm", "-q", "migrations/versions/feat1.py", cwd=project.root)
    git("commit", "-q", "-m", "drop it", cwd=project.root)
    assert "it is on feature/x, commit " in project.branchmig("current").stderr
