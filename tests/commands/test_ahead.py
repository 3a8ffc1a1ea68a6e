from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import ProjectFolder, git

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["journal", "git"])
def project(request: pytest.FixtureRequest, tmp_path: Path, database_url: str) -> ProjectFolder:
    """base1 (checked out) - new1 - new2, all applied; what is ahead is known by the journal, or by git."""
    project = ProjectFolder(tmp_path / "project", database_url)
    if request.param == "journal":
        ini = project.root / "alembic.ini"
        ini.write_text(ini.read_text() + "\n[branchmig]\njournal = true\n")
    project.table("base1")
    if request.param == "git":
        (project.root / ".gitignore").write_text("__pycache__\n*.db\n")
        git("init", "-q", "-b", "main", cwd=project.root)
        commit(project)
        git("switch", "-q", "-c", "release", cwd=project.root)
    project.table("new1", "base1")
    project.table("new2", "new1")
    if request.param == "git":
        commit(project)
    assert project.branchmig("upgrade", "heads").exit_code == 0
    if request.param == "git":
        git("switch", "-q", "main", cwd=project.root)
    else:
        (project.versions / "new1.py").unlink()
        (project.versions / "new2.py").unlink()
    return project


def commit(project: ProjectFolder) -> None:
    git("add", "-A", cwd=project.root)
    git("commit", "-q", "-m", "a commit", cwd=project.root)


@pytest.mark.heavy
def test_old_code_leaves_a_newer_database_as_it_is_where_that_is_allowed(project: ProjectFolder) -> None:
    refused = project.branchmig("upgrade", "heads")
    assert refused.exit_code == 3
    assert "the database is at 'new2', a revision that this checkout does not have" in refused.stderr
    is_known = (project.root / ".git").exists() or "--allow-ahead" in refused.stderr
    assert (is_known, "stamp --purge" in refused.stderr) == (True, False)
    before = (project.rows(), project.tables())
    assert project.branchmig("current", "--check-heads").exit_code == 3
    ready = project.branchmig("current", "--check-heads", "--allow-ahead")
    assert (ready.exit_code, ready.stdout) == (0, "new2 (ahead of this checkout)\n")
    for target in ("heads", "head", "base1"):
        allowed = project.branchmig("upgrade", target, "--allow-ahead")
        assert (allowed.exit_code, allowed.stderr) == (
            0,
            "note:  the database is ahead of this checkout: it is at new2; it has also applied "
            "new1, new2\n"
            "Nothing to do: the database is at new2.\n",
        )
    assert (project.rows(), project.tables()) == before


def test_status_names_no_purge_where_the_journal_shows_that_the_database_is_only_ahead(project: ProjectFolder) -> None:
    shown = project.branchmig("status").stdout
    assert "stamp --purge" not in shown
    if (project.root / ".git").exists():
        return  # an orphan that git has: sync knows what to do
    assert (
        "  lost: new1, new2: applied, but neither the checkout nor git has its script\n"
        "    the journal shows that the database is only ahead, as after a rollback of a deployment\n"
        "    -> leave it as it is: branchmig upgrade heads --allow-ahead\n"
    ) in shown
    project.table("main1", "base1")
    assert "stamp --purge" in project.branchmig("status").stdout


def test_a_database_that_is_elsewhere_is_not_ahead(project: ProjectFolder) -> None:
    project.table("other", "base1")
    assert project.branchmig("current", "--check-heads", "--allow-ahead").exit_code == 3
    (project.versions / "other.py").unlink()
    project.table("main1", "base1")
    result = project.branchmig("upgrade", "heads", "--allow-ahead")
    basis = "git" if (project.root / ".git").exists() else "the journal"
    assert (result.exit_code, result.stderr) == (
        3,
        f"error: the database is at new2, and not ahead of this checkout: main1 is not applied, as {basis} says\n"
        "hint:  switch to the git branch that the database follows, or 'branchmig status' for the whole picture\n",
    )


def test_without_journal_and_git_it_cannot_be_known(tmp_path: Path, sqlite_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.table("base1")
    project.table("new1", "base1")
    project.branchmig("upgrade", "heads")
    (project.versions / "new1.py").unlink()
    result = project.branchmig("upgrade", "heads", "--allow-ahead")
    assert (result.exit_code, result.stderr) == (
        3,
        "error: the database is at 'new1', a revision that this checkout does not have; whether all of this checkout "
        "is below it cannot be known: neither the journal nor git has it\n"
        "hint:  keep a journal (branchmig adopt), or run with --allow-ahead where git has the revision's branch\n",
    )


def test_a_database_that_is_behind_is_upgraded_as_ever(tmp_path: Path, sqlite_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.table("base1")
    result = project.branchmig("upgrade", "heads", "--allow-ahead")
    assert (result.exit_code, result.stderr) == (0, "Applied 1 revision; the database is at base1.\n")
    mixed = project.branchmig("upgrade", "heads", "--allow-ahead", "--plan")
    assert mixed.exit_code == 2
