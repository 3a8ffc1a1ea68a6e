"""What each command loads: the heavy packages are counted, not the milliseconds that they cost."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {"alembic", "git", "mako", "networkx", "rich", "sqlalchemy"}

PROGRAM = """
import sys
from branchmig.cli import run
code = run(sys.argv[1:])
print()
print(code, *sys.modules)
"""


@pytest.fixture
def project(tmp_path: Path, sqlite_url: str) -> ProjectFolder:
    """aaa1 -> bbb2, aaa1 -> ccc3."""
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.table("aaa1")
    project.table("bbb2", "aaa1")
    project.table("ccc3", "aaa1")
    return project


def heavy_packages(folder: Path, *arguments: str) -> set[str]:
    """Run branchmig in a new process, which must end with 0, and return the heavy packages that it loaded."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    code, *modules = done.stdout.splitlines()[-1].split()
    assert code == "0", done.stderr
    return HEAVY & set(modules)


@pytest.mark.parametrize("option", ["--help", "-h", "--version"])
def test_help_and_version_load_no_heavy_package(option: str, tmp_path: Path) -> None:
    assert heavy_packages(tmp_path, option) == set()


@pytest.mark.parametrize(
    "arguments",
    [
        ("heads",),
        ("heads", "--resolve-dependencies"),
        ("heads", "--verbose"),
        ("heads", "--format", "json"),
        ("history",),
        ("history", "--verbose"),
        ("graph",),
        ("graph", "--format", "mermaid"),
        ("graph", "--format", "html"),
        ("branches",),
        ("branches", "--verbose"),
        ("show", "bbb2"),
        ("show", "heads"),
        ("merge", "--help"),
        ("upgrade", "--help"),
    ],
    ids=" ".join,
)
def test_a_command_that_only_looks_at_the_graph_loads_no_heavy_package(
    arguments: tuple[str, ...], project: ProjectFolder
) -> None:
    assert heavy_packages(project.root, *arguments) == set()


def test_heads_of_a_project_with_a_label_and_a_dependency_load_no_heavy_package(project: ProjectFolder) -> None:
    project.table("ddd4", "ccc3", labels=("side",))
    project.table("eee5", "bbb2", depends_on=("side",))
    assert heavy_packages(project.root, "heads") == set()


def test_history_of_a_range_loads_neither_sqlalchemy_nor_alembic(project: ProjectFolder) -> None:
    assert heavy_packages(project.root, "history", "-r", "aaa1:ccc3") == set()


def test_a_plan_from_given_rows_loads_neither_sqlalchemy_nor_alembic(project: ProjectFolder) -> None:
    assert heavy_packages(project.root, "upgrade", "heads", "--plan", "--from", "aaa1") == set()


def test_an_upgrade_with_nothing_to_do_loads_neither_networkx_nor_git(project: ProjectFolder) -> None:
    assert project.branchmig("upgrade", "heads").exit_code == 0
    # env.py loads alembic, and alembic the other two.
    assert heavy_packages(project.root, "upgrade", "heads") == {"alembic", "mako", "sqlalchemy"}
