"""What alembic runs around a new revision file, and where branchmig says a word more."""

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


@pytest.fixture
def pair(tmp_path: Path) -> list[ProjectFolder]:
    return [ProjectFolder(tmp_path / name, f"sqlite:///{tmp_path / name / 'app.db'}") for name in ("ours", "them")]


def with_hook(project: ProjectFolder, script: str, **options: str) -> None:
    tools = project.root / "tools"
    tools.mkdir()
    (tools / "format").write_text(f"#!/bin/sh\n{script}\n")
    (tools / "format").chmod(0o755)
    lines = "".join(f"f.{key} = {value}\n" for key, value in options.items())
    with (project.root / "alembic.ini").open("a") as file:
        file.write(f"\n[post_write_hooks]\nhooks = f\nf.type = exec\n{lines}")


def test_an_executable_is_looked_for_from_the_folder_that_the_hook_runs_in(pair: list[ProjectFolder]) -> None:
    for project, run in zip(pair, (pair[0].branchmig, pair[1].alembic), strict=True):
        with_hook(project, 'echo "# formatted" >> "$1"', executable="./format", cwd="%(here)s/tools")
        assert run("revision", "-m", "x", "--rev-id", "aaa1").exit_code == 0
        assert (project.versions / "aaa1_x.py").read_text().endswith("# formatted\n")


def test_what_cannot_run_is_refused_before_the_file_is_written(pair: list[ProjectFolder]) -> None:
    ours, other = pair
    with_hook(ours, "true", executable="./format", cwd="%(here)s/no_such")
    result = ours.branchmig("revision", "-m", "x", "--rev-id", "aaa1")
    assert (result.exit_code, list(ours.versions.glob("*.py"))) == (3, [])
    assert "of hook 'f' is no folder" in result.stderr
    with_hook(other, "true", executable="./no_such", cwd="%(here)s/tools")
    result = other.branchmig("revision", "-m", "x", "--rev-id", "aaa1")
    assert (result.exit_code, list(other.versions.glob("*.py"))) == (3, [])
    assert "'./no_such' of hook 'f' cannot be found" in result.stderr


def test_a_hook_that_fails_is_not_called_done(pair: list[ProjectFolder]) -> None:
    ours, theirs = pair
    for project in pair:
        with_hook(project, "exit 3", executable=str(project.root / "tools" / "format"))
    result = ours.branchmig("revision", "-m", "x", "--rev-id", "aaa1")
    assert result.exit_code == 0 == theirs.alembic("revision", "-m", "x", "--rev-id", "aaa1").exit_code
    assert "a post-write hook ended with 3" in result.stderr


def test_a_file_that_is_there_is_not_overwritten(pair: list[ProjectFolder]) -> None:
    ours = pair[0]
    ini = ours.root / "alembic.ini"
    ini.write_text(ini.read_text().replace("[alembic]\n", "[alembic]\nfile_template = %%(slug)s\n"))
    assert ours.branchmig("revision", "-m", "add users", "--rev-id", "aaa1").exit_code == 0
    before = (ours.versions / "add_users.py").read_bytes()
    result = ours.branchmig("revision", "-m", "add users", "--rev-id", "bbb2")
    assert result.exit_code == 3
    assert "add_users.py exists already, and would be overwritten" in result.stderr
    assert (ours.versions / "add_users.py").read_bytes() == before


def test_an_empty_parent_is_told_how_to_be_written(pair: list[ProjectFolder]) -> None:
    pair[0].revision("aaa1", "")
    result = pair[0].branchmig("heads")
    assert result.exit_code == 3
    assert "write down_revision = None if it is the first revision" in result.stderr


def test_an_error_of_a_model_names_its_file_and_not_the_url(pair: list[ProjectFolder]) -> None:
    ours = pair[0]
    (ours.root / "bad_models.py").write_text(
        "import sqlalchemy as sa\n\ntable = sa.Table('t', sa.MetaData())\nraise sa.exc.ArgumentError('no column')\n"
    )
    env = (ours.migrations / "env.py").read_text()
    ours.write_env(f"import sys\nsys.path.insert(0, {str(ours.root)!r})\nimport bad_models\n{env}")
    try:
        result = ours.branchmig("upgrade", "heads")
    finally:
        sys.path.remove(str(ours.root))
    assert "bad_models.py:4: ArgumentError: no column" in result.stderr
    assert "sqlalchemy.url" not in result.stderr
    ours.write_env(env.replace('config.get_main_option("sqlalchemy.url")', '"no url"'))
    assert "see sqlalchemy.url" in ours.branchmig("upgrade", "heads").stderr


def test_a_config_in_utf_8_is_read_whatever_the_locale(pair: list[ProjectFolder]) -> None:
    ours = pair[0]
    ini = ours.root / "alembic.ini"
    ini.write_text(f"# größer\n{ini.read_text()}", encoding="utf-8")
    ours.table("aaa1")
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "branchmig", "upgrade", "heads"],
        cwd=ours.root,
        env={**os.environ, **plain},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert ours.rows() == ["aaa1"]


def test_a_merge_below_several_recursive_locations_goes_to_that_of_the_first_head(pair: list[ProjectFolder]) -> None:
    """Alembic: "Path … is not represented in current version locations"."""
    ours, theirs = pair
    for project in pair:
        ini = project.root / "alembic.ini"
        keys = f"version_locations = {project.migrations}/one\n  {project.migrations}/two\n"
        lines = [line for line in ini.read_text().splitlines() if not line.startswith("path_separator")]
        text = "\n".join(lines) + "\n"
        more = f"[alembic]\npath_separator = newline\nrecursive_version_locations = true\n{keys}"
        ini.write_text(text.replace("[alembic]\n", more, 1))
        for name, revision in (("one/2026", "aaa1"), ("two/2026", "bbb2")):
            project.versions = project.migrations / name
            project.versions.mkdir(parents=True)
            project.revision(revision)
    words = ("merge", "-m", "x", "--rev-id", "mmm1", "heads")
    assert theirs.alembic(*words).exit_code != 0
    result = ours.branchmig(*words)
    assert result.exit_code == 0, result.stderr
    assert (ours.migrations / "one" / "mmm1_x.py").is_file()
    assert ours.branchmig("heads").stdout.startswith("mmm1")
