"""A plan that was reviewed is what runs; nothing does once graph, scripts or database have moved."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from branchmig.cli import run as run_here
from tests.fleets import SqliteFleet
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", f"sqlite:///{tmp_path}/project/one.db")
    project.table("aaa1")
    project.table("bbb2", "aaa1")
    monkeypatch.chdir(project.root)
    assert run_here(["upgrade", "heads", "--plan", "--out", "plan.json"]) == 0
    return project


def tables(project: ProjectFolder) -> list[str]:
    with sqlite3.connect(project.root / "one.db") as connection:
        found = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    # alembic makes its version table before it asks for a plan.
    return sorted(name for name in found if name != "alembic_version")


def test_the_reviewed_plan_runs(project: ProjectFolder) -> None:
    assert tables(project) == []
    assert run_here(["upgrade", "--plan-file", "plan.json"]) == 0
    assert tables(project) == ["t_aaa1", "t_bbb2"]


def _graph(project: ProjectFolder) -> None:
    project.table("ccc3", "bbb2")


def _script(project: ProjectFolder) -> None:
    path = next(project.versions.glob("bbb2*.py"))
    path.write_text(path.read_text() + "\n# a comment\n")


def _database(project: ProjectFolder) -> None:
    assert run_here(["upgrade", "aaa1"]) == 0


def _another_database(project: ProjectFolder) -> None:
    ini = project.root / "alembic.ini"
    ini.write_text(ini.read_text().replace("one.db", "two.db"))


def _no_plan(project: ProjectFolder) -> None:
    (project.root / "plan.json").write_text("{}")


@pytest.mark.parametrize(
    ("move", "message"),
    [
        (_graph, "the graph has moved: upgrade aaa1, upgrade bbb2 was reviewed, and it would be upgrade aaa1, "),
        (_script, "the scripts of bbb2 are not those that were reviewed"),
        (_database, "the database was at base and is at aaa1 now"),
        (_another_database, "two.db, and "),
        (_no_plan, "plan.json is no file of a plan: KeyError"),
    ],
)
def test_nothing_runs_once_something_has_moved(
    project: ProjectFolder,
    capsys: pytest.CaptureFixture[str],
    move: Callable[[ProjectFolder], None],
    message: str,
) -> None:
    move(project)
    before = tables(project)
    capsys.readouterr()
    assert run_here(["upgrade", "--plan-file", "plan.json"]) == 3
    assert message in capsys.readouterr().err
    assert tables(project) == before


def test_a_plan_file_says_all_that_is_run(project: ProjectFolder) -> None:
    assert run_here(["upgrade", "heads", "--plan-file", "plan.json"]) == 2
    assert run_here(["upgrade", "heads", "--out", "plan.json"]) == 2


def test_a_fleet_runs_the_plans_that_were_reviewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    fleet = SqliteFleet(tmp_path / "fleet", tenants=2, revisions=2)
    monkeypatch.chdir(fleet.root)
    words = ["--targets", "targets.json", "--workers", "1"]
    assert run_here(["fleet", "plan", "heads", *words, "--out", "plan.json"]) == 0
    assert run_here(["fleet", "upgrade", "r001", *words, "--only", "*2"]) == 0
    capsys.readouterr()
    assert run_here(["fleet", "upgrade", "--plan-file", "plan.json", *words]) == 3
    refused = capsys.readouterr().err
    assert "error: target 'tenant_0002' was at base and is at r001 now" in refused
    assert "review a new plan: branchmig fleet plan REVISION --out FILE, with the same targets" in refused
    assert [fleet.version(name) for name in fleet.names] == [[], ["r001"]]
    assert run_here(["fleet", "upgrade", "--plan-file", "plan.json", *words, "--only", "*1"]) == 0
    assert [fleet.version(name) for name in fleet.names] == [["r002"], ["r001"]]
