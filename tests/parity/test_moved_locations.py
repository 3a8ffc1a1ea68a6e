"""An env.py that sets `context.script.version_locations`, as Prefect's does for each kind of database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

MOVING = """\
config = context.config
import os
context.script.version_locations = [os.path.join(context.script.dir, "versions", {folder})]
"""


def project_of(root: Path, folder: str = '"sqlite"') -> ProjectFolder:
    project = ProjectFolder(root, f"sqlite:///{root / 'app.db'}")
    env = (project.migrations / "env.py").read_text()
    project.write_env(env.replace("config = context.config\n", MOVING.format(folder=folder)))
    versions = project.versions
    for kind, ids in {"sqlite": ("aaa1", "bbb2"), "postgresql": ("xxx1", "yyy2")}.items():
        project.versions = versions / kind
        project.versions.mkdir()
        project.table(ids[0])
        project.table(ids[1], ids[0])
    project.versions = versions
    return project


COMMANDS = [
    ("upgrade", "aaa1"),
    ("upgrade", "+1"),
    ("downgrade", "-1"),
    ("current",),
    ("upgrade", "head"),
    ("current", "--check-heads"),
    ("downgrade", "base"),
    ("stamp", "heads"),
    ("upgrade", "base:bbb2", "--sql"),
    ("upgrade", "xxx1"),
]


@pytest.mark.parametrize("static", ["", "versions/postgresql"])
def test_plans_are_made_over_what_env_py_leaves(tmp_path: Path, static: str) -> None:
    pair = [project_of(tmp_path / name) for name in ("ours", "them")]
    for project in pair if static else ():
        ini = project.root / "alembic.ini"
        location = f"script_location = {project.migrations}\nversion_locations = {project.migrations / static}\n"
        ini.write_text(
            ini.read_text()
            .replace("[alembic]\n", f"[alembic]\n{location}path_separator = os\n")
            .replace("script_location = migrations\n", "")
        )
    ours, theirs = pair
    for words in COMMANDS:
        item, other = ours.branchmig(*words), theirs.alembic(*words)
        assert (item.exit_code == 0) == (other.exit_code == 0), (words, item.stderr, other.stdout + other.stderr)
        assert (ours.rows(), ours.tables()) == (theirs.rows(), theirs.tables()), words
        if "--sql" in words or words == ("current",):
            assert item.stdout == other.stdout


def test_other_folders_each_time_are_refused_before_anything_runs(tmp_path: Path) -> None:
    project = project_of(tmp_path / "project", "'sqlite', str(os.urandom(4).hex())")
    result = project.branchmig("upgrade", "heads")
    assert result.exit_code == 3
    assert "env.py sets other version_locations each time it runs" in result.stderr
    assert project.tables() == []
