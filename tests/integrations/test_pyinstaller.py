"""PyInstaller and archives: what a frozen program needs, and what cannot be read."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from branchmig.integrations.pyinstaller import hook_folders
from tests.conftest import ROOT

if TYPE_CHECKING:
    from tests.support import ProjectFolder


def test_pyinstaller_is_told_where_the_hook_is() -> None:
    (folder,) = hook_folders()
    assert (Path(folder) / "hook-branchmig.py").is_file()
    text = (ROOT / "pyproject.toml").read_text()
    assert (
        '[project.entry-points.pyinstaller40]\nhook-dirs = "branchmig.integrations.pyinstaller:hook_folders"\n' in text
    )


@pytest.mark.soak
def test_a_frozen_program_runs_a_project(tmp_path: Path, sqlite_project: ProjectFolder) -> None:
    program = shutil.which("pyinstaller") or str(Path(sys.executable).parent / "pyinstaller")
    if not Path(program).exists() or not entry_points(group="pyinstaller40"):
        pytest.skip("pyinstaller is not installed")
    (tmp_path / "main.py").write_text("from branchmig.cli import main\nmain()\n")
    subprocess.run([program, "--noconfirm", "--onedir", "main.py"], cwd=tmp_path, check=True, capture_output=True)
    sqlite_project.table("aaa1")
    frozen = str(tmp_path / "dist" / "main" / "main")
    for words in (["heads"], ["upgrade", "heads"], ["current"], ["list_templates"]):
        done = subprocess.run([frozen, *words], cwd=sqlite_project.root, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
    assert sqlite_project.rows() == ["aaa1"]
    subprocess.run([frozen, "init", "new"], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "new" / "env.py").is_file()


@pytest.fixture
def sqlite_project(tmp_path: Path) -> ProjectFolder:
    from tests.support import ProjectFolder

    return ProjectFolder(tmp_path / "project", f"sqlite:///{tmp_path / 'app.db'}")


def test_a_package_in_an_archive_says_what_is_the_matter(
    tmp_path: Path, sqlite_project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "zipped_app.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped_app/__init__.py", "")
        file.writestr("zipped_app/migrations/env.py", "")
    monkeypatch.syspath_prepend(str(archive))
    ini = sqlite_project.root / "alembic.ini"
    lines = ini.read_text().splitlines()
    changed = [
        "script_location = zipped_app:migrations" if line.startswith("script_location") else line for line in lines
    ]
    ini.write_text("\n".join(changed) + "\n")
    try:
        result = sqlite_project.branchmig("upgrade", "heads")
    finally:
        sys.modules.pop("zipped_app", None)
    assert result.exit_code == 3
    assert f"is in the archive {archive}" in result.stderr
