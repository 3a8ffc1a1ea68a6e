"""Each place is read by its own settings file: folders, recursion, separators, packages, settings, moved files."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from branchmig.errors import ConfigurationError, NoProject
from branchmig.project.config import locate_files
from branchmig.project.layout import Layout
from branchmig.project.project import Project
from tests.repositories import Checkout

if TYPE_CHECKING:
    from pathlib import Path

SEVERAL = ["migrations/versions", "teams/a b", "teams/b"]
TOML = """\
[tool.alembic]
script_location = "%(here)s/migrations"
recursive_version_locations = true
[tool.branchmig]
policy = "linear"
target = "develop"
"""


def opened(repo: Checkout, monkeypatch: pytest.MonkeyPatch, *files: str) -> Project:
    monkeypatch.chdir(repo.root)
    return Project.open(locate_files(files, "alembic", {}))


def branch(repo: Checkout, name: str, start: str = "main") -> None:
    repo.git("switch", "--quiet", "--create", name, start)


def ini(repo: Checkout, *lines: str, location: str = "%(here)s/migrations") -> None:
    (repo.root / "alembic.ini").write_text("\n".join(["[alembic]", f"script_location = {location}", *lines, ""]))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, isolated_environment: None) -> Checkout:
    """A branch for each layout; main, which is checked out, has renamed the folder."""
    repo = Checkout(tmp_path_factory.mktemp("layouts") / "repo")
    repo.revision("aaa1")
    repo.commit()
    for separator, name in ((";", "several"), ("newline", "lines"), ("space", "spaces")):
        branch(repo, name)
        folders = ["%(here)s/" + folder for folder in SEVERAL if name != "spaces" or " " not in folder]
        text = {"newline": "\n    ", "space": " "}.get(separator, separator).join(folders)
        ini(repo, f"path_separator = {separator}", f"version_locations = {text}")
        (repo.root / "teams/a b").mkdir(parents=True, exist_ok=True)
        repo.revision("bbb2", "aaa1", name="../../teams/a b/bbb2.py")
        repo.commit()
    branch(repo, "toml")
    (repo.root / "alembic.ini").unlink()
    (repo.root / "pyproject.toml").write_text(TOML)
    (repo.versions / "deep").mkdir()
    repo.revision("ccc3", "aaa1", name="deep/ccc3.py")
    repo.commit()
    branch(repo, "packages")
    ini(repo, "prepend_sys_path = lib", location="shop.data:alembic")
    (repo.root / "lib/shop/data").mkdir(parents=True)
    for folder in ("shop", "shop/data"):
        (repo.root / "lib" / folder / "__init__.py").write_text("raise SystemExit('it was imported')\n")
    shutil.move(repo.migrations, repo.root / "lib/shop/data/alembic")
    repo.commit()
    repo.git("switch", "--quiet", "--orphan", "gh-pages")
    (repo.root / "index.html").write_text("pages")
    repo.commit()
    repo.git("switch", "--quiet", "main")
    repo.git("mv", "migrations", "db")
    ini(repo, location="db")
    repo.commit("rename the folder")
    return repo


@pytest.fixture
def places(template: Checkout, tmp_path: Path) -> Checkout:
    return template.instance(tmp_path / "repo")


def test_each_branch_has_the_layout_of_its_own_settings(places: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    project = opened(places, monkeypatch)
    found = {name: project.layout(name) for name in ("main", "several", "lines", "spaces", "toml", "packages")}
    assert {name: layout.folders for name, layout in found.items()} == {
        "main": ("db/versions",),
        "several": tuple(SEVERAL),
        "lines": tuple(SEVERAL),
        "spaces": ("migrations/versions", "teams/b"),
        "toml": ("migrations/versions",),
        "packages": ("lib/shop/data/alembic/versions",),
    }
    assert [name for name, layout in found.items() if layout.config.is_recursive] == ["toml"]
    settings = found["toml"].config.settings
    assert (settings.policy, settings.target, found["toml"].config.stated) == (
        "linear",
        "develop",
        {"policy", "target"},
    )
    with pytest.raises(NoProject, match=r"^gh-pages has no alembic.ini: this project is not there$"):
        project.layout("gh-pages")


def test_many_branches_are_asked_at_once(places: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    project = opened(places, monkeypatch)
    names = places.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    commits = {name: places.git("rev-parse", name) for name in names}
    found = project.layouts.of_commits(commits)
    assert list(found) == names
    known = {name: layout for name, layout in found.items() if isinstance(layout, Layout)}
    assert known.keys() == commits.keys() - {"gh-pages"}
    assert all(layout == project.layout(name) for name, layout in known.items())
    again = project.layouts.of_commits({"other": commits["several"]})
    assert again["other"] is found["several"]


def test_commands_read_each_place_by_its_own_settings(places: Checkout) -> None:
    heads = {"main": "aaa1", "several": "bbb2", "toml": "ccc3", "packages": "aaa1"}
    assert {name: places.heads("--at", name) for name in heads} == {name: [head] for name, head in heads.items()}
    assert places.branchmig("show", "bbb2", "--at", "several").exit_code == 0
    assert places.branchmig("heads", "--at", "gh-pages").stderr.startswith("error: gh-pages has no alembic.ini")
    places.git("switch", "--quiet", "several")
    assert places.heads("--at", "main") == ["aaa1"]
    assert places.heads("--merged-with", "toml") == ["bbb2", "ccc3"]


def test_the_settings_of_the_merged_tree_decide(places: Checkout) -> None:
    """main has renamed the folder: git carries the other branch's new file along, and the merge has main's settings."""
    branch(places, "late", "main~1")
    places.revision("ddd4", "aaa1")
    places.commit()
    assert places.heads("--merged-with", "main") == ["ddd4"]
    places.git("switch", "--quiet", "main")
    assert places.heads("--merged-with", "late") == ["ddd4"]


def test_settings_that_git_does_not_keep_are_those_of_the_disk(places: Checkout) -> None:
    places.git("rm", "--quiet", "--cached", "alembic.ini")
    (places.root / ".gitignore").write_text("alembic.ini\n")
    places.commit()
    assert places.heads("--at", "HEAD") == ["aaa1"]
    assert places.heads("--at", "several") == ["bbb2"]


def test_a_settings_file_that_moved_with_its_project_is_found(places: Checkout) -> None:
    """The project went into a subfolder; a file of the same name that goes with other revisions is not it."""
    (places.root / "backend").mkdir()
    places.git("mv", "alembic.ini", "db", "backend")
    ini(places, location="%(here)s/db")
    shutil.move(places.root / "alembic.ini", places.root / "backend/alembic.ini")
    places.commit()
    told = places.process("heads", "--at", "several", cwd=places.root / "backend")
    assert (told.stdout, told.stderr) == ("bbb2 (head)\n", "")
    branch(places, "other", "several")
    (places.root / "other").mkdir()
    places.git("mv", "alembic.ini", "other/alembic.ini")
    ini(places, location="%(here)s/none")
    shutil.move(places.root / "alembic.ini", places.root / "other/alembic.ini")
    places.commit()
    places.git("switch", "--quiet", "main")
    told = places.process("heads", "--at", "other", cwd=places.root / "backend")
    assert (told.returncode, told.stderr.splitlines()[0]) == (
        3,
        "error: other has no backend/alembic.ini: this project is not there",
    )


def test_settings_that_cannot_be_read_name_their_place(places: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    branch(places, "broken")
    (places.root / "alembic.ini").write_text("[alembic\n")
    places.commit()
    places.git("switch", "--quiet", "main")
    with pytest.raises(ConfigurationError, match=r"^broken: alembic.ini cannot be parsed"):
        opened(places, monkeypatch).layout("broken")


def test_a_folder_that_is_a_link_at_one_place(repo: Checkout, tmp_path: Path) -> None:
    """main keeps the old name as a link to the new folder; on the branch it is the folder itself."""
    repo.revision("aaa1")
    repo.commit()
    branch(repo, "old")
    repo.revision("bbb2", "aaa1")
    repo.commit()
    repo.git("switch", "--quiet", "main")
    repo.git("mv", "migrations", "db")
    (repo.root / "migrations").symlink_to("db")
    repo.commit()
    for place in ("worktree", "index", "HEAD"):
        assert repo.heads("--at", place) == ["aaa1"], place
    assert repo.heads("--at", "old") == ["bbb2"]
