from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support import ProjectFolder, git

if TYPE_CHECKING:
    from pathlib import Path

    from tests.repositories import Checkout


@pytest.fixture
def project(tmp_path: Path, sqlite_url: str) -> ProjectFolder:
    """aaa1; feature/x adds xxx1 - xxx2, feature/y adds yyy1; both are merged into main."""
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    (project.root / ".gitignore").write_text("__pycache__\n*.db\n")
    git("init", "-q", "-b", "main", cwd=project.root)
    project.table("aaa1", labels=())
    commit(project, "base")
    for branch, revisions in {"feature/x": ("xxx1", "xxx2"), "feature/y": ("yyy1",)}.items():
        git("switch", "-q", "-c", branch, "main", cwd=project.root)
        below = "aaa1"
        for revision in revisions:
            project.table(revision, below)
            below = revision
        commit(project, branch)
    git("switch", "-q", "main", cwd=project.root)
    git("merge", "-q", "--no-ff", "--no-edit", "feature/x", cwd=project.root)
    git("merge", "-q", "--no-ff", "--no-edit", "feature/y", cwd=project.root)
    return project


def commit(project: ProjectFolder, message: str) -> None:
    git("add", "-A", cwd=project.root)
    git("commit", "-q", "-m", message, cwd=project.root)


def written(project: ProjectFolder) -> str:
    (path,) = project.versions.glob("*merge*.py")
    return re.sub(r"Create Date: .*", "Create Date: then", path.read_text())


def test_a_merge_is_named_after_git_branches_and_says_what_each_brings(project: ProjectFolder) -> None:
    result = project.branchmig("merge", "--rev-id", "m0m0")
    assert result.exit_code == 0
    assert result.stderr.endswith(
        "Wrote migrations/versions/m0m0_merge_feature_x_and_feature_y.py (m0m0, parents xxx2, yyy1).\n"
    )
    assert written(project).split('"""')[1] == (
        "merge feature/x and feature/y\n\nRevision ID: m0m0\nRevises: xxx2, yyy1\nCreate Date: then\n\n"
        "feature/x (xxx2) brings:\n    xxx1 step xxx1\n    xxx2 step xxx2\nfeature/y (yyy1) brings:\n"
        "    yyy1 step yyy1\n\n"
    )
    assert project.branchmig("upgrade", "head").exit_code == 0
    assert project.rows() == ["m0m0"]


def test_a_message_of_ones_own_is_kept(project: ProjectFolder) -> None:
    project.branchmig("merge", "-m", "join lines", "--rev-id", "m0m0")
    (path,) = project.versions.glob("m0m0*.py")
    assert path.read_text().startswith('"""join lines\n')


def test_a_dry_run_says_what_would_be_joined_and_writes_nothing(project: ProjectFolder) -> None:
    before = sorted(project.versions.iterdir())
    result = project.branchmig("merge", "--dry-run")
    assert (result.exit_code, result.lines) == (
        0,
        [
            "merge feature/x and feature/y:",
            "  feature/x (xxx2) brings:",
            "      xxx1 step xxx1",
            "      xxx2 step xxx2",
            "  feature/y (yyy1) brings:",
            "      yyy1 step yyy1",
        ],
    )
    assert sorted(path for path in project.versions.iterdir() if path.name != "__pycache__") == [
        path for path in before if path.name != "__pycache__"
    ]


def test_what_the_target_has_joined_already_is_not_joined_again(project: ProjectFolder) -> None:
    git("branch", "late", cwd=project.root)
    project.branchmig("merge", "--rev-id", "m0m0")
    commit(project, "join")
    git("switch", "-q", "late", cwd=project.root)
    result = project.branchmig("merge")
    assert (result.exit_code, result.stderr) == (
        3,
        "error: main joins them already, with merge revision 'm0m0'\nhint:  git merge main, or git rebase main\n",
    )
    assert list(project.versions.glob("*merge*.py")) == []


def test_with_one_head_per_label_each_label_is_joined_for_itself(tmp_path: Path, sqlite_url: str) -> None:
    project = ProjectFolder(tmp_path / "labelled", sqlite_url)
    ini = project.root / "alembic.ini"
    ini.write_text(ini.read_text() + "\n[branchmig]\npolicy = one-head-per-label\n")
    project.table("eee1", labels=("expand",))
    project.table("eee2", "eee1")
    project.table("eee3", "eee1")
    project.table("ccc1", labels=("contract",))
    project.table("ccc2", "ccc1")
    assert project.branchmig("merge").exit_code == 0
    heads = project.branchmig("heads").lines
    assert [line.partition(" ")[2] for line in heads if line.startswith("ccc2")] == ["(contract) (head)"]
    assert [line.partition(" ")[2] for line in heads if not line.startswith("ccc2")] == ["(expand) (head)"]
    assert project.branchmig("merge").stderr == "Nothing to merge.\n"


def test_in_a_merge_their_revision_is_theirs_and_a_remote_is_no_part_of_a_name(parted: Checkout) -> None:
    """The branch that is merged is there as a remote's alone."""
    parted.git("update-ref", "refs/remotes/origin/main", "main")
    parted.git("update-ref", "refs/remotes/origin/topic/x", "feature")
    parted.git("switch", "--quiet", "main")
    parted.git("branch", "--quiet", "-D", "feature")
    parted.git("merge", "--quiet", "--no-commit", "origin/topic/x")
    told = parted.branchmig("guard").stdout
    assert "ccc3 (step ccc3; origin/topic/x, " in told
    assert "main and topic/x" in parted.branchmig("merge", "--dry-run").stdout


def test_what_has_landed_gives_a_merge_the_name_of_where_it_landed(parted: Checkout) -> None:
    """main was moved on to a branch that is still there, and another one is merged into it."""
    parted.git("branch", "--quiet", "topic", "main")
    parted.git("switch", "--quiet", "main")
    parted.git("merge", "--quiet", "--no-commit", "feature")
    assert "merge main and feature:" in parted.branchmig("merge", "--dry-run").stdout
