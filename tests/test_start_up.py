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
    return HEAVY & modules_of(folder, *arguments)


def modules_of(folder: Path, *arguments: str, **more: str) -> set[str]:
    """Run branchmig in a new process, which must end with 0, and return the modules that it loaded."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **more},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    code, *modules = done.stdout.splitlines()[-1].split()
    assert code == "0", done.stderr
    return set(modules)


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


def test_an_upgrade_loads_nothing_that_reads_scripts_or_squashes(project: ProjectFolder) -> None:
    modules = modules_of(project.root, "upgrade", "heads")
    reads_scripts = {
        "branchmig.effects.footprint",
        "branchmig.effects.hazard_rules",
        "branchmig.effects.losses",
        "branchmig.revisions.squash_bundle",
        "branchmig.workflows.old_scripts",
    }
    assert modules & reads_scripts == set()
    assert "branchmig.database.run.runner" in modules


def test_an_upgrade_outside_of_a_repository_starts_no_git(project: ProjectFolder, tmp_path: Path) -> None:
    git = tmp_path / "bin" / "git"
    git.parent.mkdir()
    git.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nexit 1\n')
    git.chmod(0o755)
    modules_of(project.root, "upgrade", "heads", PATH=f"{git.parent}{os.pathsep}{os.environ['PATH']}")
    assert not (tmp_path / "asked").exists()


def test_the_patterns_for_passwords_are_compiled_when_a_text_may_show_one() -> None:
    program = (
        "from branchmig import masking; p = masking._IN_SQL; masking.masked('3 steps, base to ae1'); "
        "print('compiled' in vars(p)); masking.masked('pw=x'); print('compiled' in vars(p))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
