from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from branchmig.effects.own_table_changes import with_filter
from branchmig.project.settings import KEYS
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATES = ("async", "generic", "multidb", "pyproject", "pyproject_async")


@pytest.fixture
def empty(tmp_path: Path) -> ProjectFolder:
    return without_files(ProjectFolder(tmp_path / "ours", "sqlite://"))


def without_files(project: ProjectFolder) -> ProjectFolder:
    for path in sorted(project.root.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    return project


def files(project: ProjectFolder) -> dict[str, str]:
    return {
        path.relative_to(project.root).as_posix(): path.read_text()
        for path in project.root.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_files_are_alembics_with_our_settings_explained_at_the_end(
    empty: ProjectFolder, tmp_path: Path, template: str
) -> None:
    theirs = without_files(ProjectFolder(tmp_path / "them", "sqlite://"))
    said = [
        run("init", "-t", template, "--package", "db/migrations").stdout.replace(str(project.root), "<root>")
        for project, run in ((empty, empty.branchmig), (theirs, theirs.alembic))
    ]
    config, title = (
        ("pyproject.toml", "[tool.branchmig]") if "pyproject" in template else ("alembic.ini", "[branchmig]")
    )
    written, expected = files(empty), files(theirs)
    ours, _, settings = written.pop(config).partition(f"\n{title}\n")
    filtered = with_filter(expected["db/migrations/env.py"].encode())
    assert filtered is not None
    expected["db/migrations/env.py"] = filtered.decode()
    assert (said[0], written | {config: ours}) == (said[1], expected)
    assert [line for line in settings.splitlines() if line and not line.startswith("#")] == [
        "journal = true",
        "sqlite_transactional_ddl = true",
    ]
    assert "# policy = " in settings
    assert empty.branchmig("heads").exit_code == 0


@pytest.mark.parametrize("template", ["generic", "pyproject"])
def test_every_setting_is_explained(empty: ProjectFolder, template: str) -> None:
    empty.branchmig("init", "-t", template, "migrations")
    path = empty.root / ("alembic.ini" if template == "generic" else "pyproject.toml")
    settings = path.read_text().partition("branchmig]\n")[2]
    keys = [line.removeprefix("# ").partition(" = ")[0] for line in settings.splitlines() if " = " in line]
    assert sorted(keys) == sorted(KEYS)


@pytest.mark.parametrize(
    "key", [key for key in KEYS if key not in ("journal", "sqlite_transactional_ddl", "scratch_url")]
)
@pytest.mark.parametrize("template", ["generic", "pyproject"])
def test_a_setting_that_is_uncommented_is_sound(empty: ProjectFolder, template: str, key: str) -> None:
    empty.branchmig("init", "-t", template, "migrations")
    path = empty.root / ("alembic.ini" if template == "generic" else "pyproject.toml")
    path.write_text(path.read_text().replace(f"# {key} = ", f"{key} = "))
    assert empty.branchmig("heads") == type(empty.branchmig("heads"))(0, "", "")


def test_an_ini_file_that_was_there_stays_as_it_was(empty: ProjectFolder) -> None:
    ini = empty.root / "alembic.ini"
    ini.write_text("[alembic]\nscript_location = %(here)s/migrations\n")
    result = empty.branchmig("init", "migrations")
    assert result.exit_code == 0
    assert f"File {ini} already exists, skipping" in result.stdout
    assert ini.read_text() == "[alembic]\nscript_location = %(here)s/migrations\n"


def test_a_pyproject_file_that_was_there_gets_the_tables_that_it_lacks(empty: ProjectFolder) -> None:
    toml = empty.root / "pyproject.toml"
    toml.write_text('[project]\nname = "shop"\n')
    assert empty.branchmig("init", "-t", "pyproject", "migrations").exit_code == 0
    text = toml.read_text()
    assert text.startswith('[project]\nname = "shop"\n')
    assert [line for line in text.splitlines() if line.startswith("[")] == [
        "[project]",
        "[tool.alembic]",
        "[tool.branchmig]",
    ]
    before = '[tool.branchmig]\npolicy = "linear"\n'
    toml.write_text(before)
    assert empty.branchmig("init", "-t", "pyproject", "other").exit_code == 0
    assert toml.read_text().count("[tool.branchmig]") == 1


def test_a_config_file_of_another_name_is_written_where_c_says(empty: ProjectFolder) -> None:
    assert empty.branchmig("-c", "db.ini", "init", "migrations").exit_code == 0
    assert (empty.root / "db.ini").exists()
    assert not (empty.root / "alembic.ini").exists()
    assert empty.branchmig("-c", "db.ini", "heads").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("full",), "Directory full already exists and is not empty"),
        (("-t", "nope", "new"), "No such template 'nope'"),
    ],
)
def test_what_is_in_the_way_is_told_and_nothing_written(
    empty: ProjectFolder, arguments: tuple[str, ...], error: str
) -> None:
    (empty.root / "full").mkdir()
    (empty.root / "full" / "file").touch()
    result = empty.branchmig("init", *arguments)
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.splitlines()[0] == f"error: {error}"
    assert result.stderr.splitlines()[1].startswith("hint:  ")
    assert files(empty) == {"full/file": ""}


def test_list_templates_lists_alembics(empty: ProjectFolder) -> None:
    ours, theirs = empty.branchmig("list_templates"), empty.alembic("list_templates")
    assert ours.exit_code == 0
    assert sorted(ours.lines) == sorted(line.replace("alembic init", "branchmig init") for line in theirs.lines)
    assert [line.partition(" - ")[0] for line in ours.lines if " - " in line] == sorted(TEMPLATES)
