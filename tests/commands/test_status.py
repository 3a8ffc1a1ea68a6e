from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.database.test_locks import held
from tests.repositories import Checkout
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repo(tmp_path: Path) -> Checkout:
    """base1 - main1 on main, which is checked out; base1 - feat1 on feature, applied."""
    repo = Checkout(tmp_path / "repo")
    (repo.top / ".gitignore").write_text("__pycache__\n*.db*\n")
    repo.table("base1", message="begin")
    repo.commit("base")
    repo.git("switch", "--quiet", "--create", "feature")
    repo.table("feat1", "base1")
    repo.commit("feature")
    assert repo.branchmig("upgrade", "head").exit_code == 0
    repo.git("switch", "--quiet", "main")
    repo.table("main1", "base1", message="count stock")
    repo.commit("main")
    return repo


def test_status_shows_git_graph_and_database_with_what_mends_each(repo: Checkout) -> None:
    commit, feature = repo.git("rev-parse", "--short=10", "main"), repo.git("rev-parse", "--short=10", "feature")
    result = repo.branchmig("status")
    assert (result.exit_code, result.stdout) == (
        0,
        f"git: on main at {commit}\n"
        "head: main1 (count stock)\n"
        "\n"
        f"{repo.url}: at feat1\n"
        f"  orphan: feat1: applied, not in the checkout; on feature, commit {feature} by Ada Author, "
        "migrations/versions/feat1.py\n"
        "  pending: 1 revision: main1 (count stock)\n"
        "    -> branchmig sync\n"
        "  no journal: only a pin can show skipped or edited revisions (to keep a journal: branchmig adopt)\n"
        "\n"
        "Open: 1 orphaned; 1 pending.\n",
    )


def test_status_as_a_document(repo: Checkout) -> None:
    commit, feature = repo.git("rev-parse", "main"), repo.git("rev-parse", "feature")
    found = json.loads(repo.branchmig("status", "--format", "json").stdout)
    assert found["database"] == found["databases"][0]
    assert (found["version"], found["git"]) == (1, {"branch": "main", "commit": commit, "target": "main"})
    assert [head["revision"] for head in found["heads"]] == ["main1"]
    assert found["database"] == {
        "url": repo.url,
        "heads": ["feat1"],
        "pending": ["main1"],
        "orphans": [
            {
                "revision": "feat1",
                "state": "recoverable",
                "found_in": ["refs/heads/feature", *found["database"]["orphans"][0]["found_in"][1:]],
                "commit": feature,
                "path": "migrations/versions/feat1.py",
                "place": "unlanded",
            }
        ],
        "retired": [],
        "not_checked_out": [],
        "problems": [],
        "skipped": [],
        "edited": [],
        "unknown": [],
        "unfinished": [],
        "error": None,
    }


def test_all_is_well_where_everything_is_applied(repo: Checkout) -> None:
    assert repo.branchmig("sync", "--yes").exit_code == 0
    assert repo.branchmig("status").stdout.splitlines()[-2:] == ["", "All is well."]


def test_a_database_that_does_not_answer_costs_its_own_part_only(repo: Checkout) -> None:
    ini = repo.root / "alembic.ini"
    ini.write_text(ini.read_text().replace(repo.url, "postgresql+psycopg://ada:secret@127.0.0.1:1/app"))
    result = repo.branchmig("status")
    assert result.exit_code == 0
    assert "secret" not in result.stdout + result.stderr
    _, head, empty, database, _, points = result.stdout.splitlines()
    assert points == "Open: it could not be asked."
    assert (head, empty) == ("head: main1 (count stock)", "")
    assert database.startswith("the database: migrations/env.py:15: OperationalError: connection failed: ")


def test_a_graph_that_is_not_sound_costs_its_own_part_only(repo: Checkout) -> None:
    path = repo.table("main2", "nope")
    result = repo.branchmig("status")
    assert (result.exit_code, result.stdout.splitlines()[1:]) == (
        0,
        [
            f"  missing-parent: {path.relative_to(repo.root)}: down_revision 'nope' of revision 'main2' does not exist",
            "    -> restore the file of that revision, or correct the down_revision",
            "",
            f"{repo.url}: at feat1",
            "",
            "Open: missing-parent.",
        ],
    )


def test_without_a_database_nothing_of_the_project_is_run(repo: Checkout) -> None:
    repo.write_env("raise SystemError('run')")
    result = repo.branchmig("status", "--no-db")
    assert (result.exit_code, result.stdout.splitlines()[1:]) == (0, ["head: main1 (count stock)"])


def test_two_heads_are_shown_with_the_way_out(repo: Checkout) -> None:
    repo.table("main2", "base1")
    assert repo.branchmig("status", "--no-db").stdout.splitlines()[1:] == [
        "2 heads: main1 (count stock); main2 (step main2)",
        "  -> join them: branchmig merge; or put yours on top: branchmig rebase",
        "",
        "Open: 2 heads.",
    ]


def test_each_database_of_an_env_py_has_its_own_part(repo: Checkout) -> None:
    env = (repo.migrations / "env.py").read_text()
    item = '    engine = create_engine(config.get_main_option("sqlalchemy.url"), poolclass=pool.NullPool)\n'
    assert item in env
    several = "def run_online():\n    for name in ('app', 'other'):\n        run_one(name)\n\n\ndef run_one(name):\n"
    url = "config.get_main_option(\"sqlalchemy.url\").replace('app.db', name + '.db')"
    repo.write_env(
        env.replace("def run_online():\n", several).replace('config.get_main_option("sqlalchemy.url"), p', f"{url}, p")
    )
    found = json.loads(repo.branchmig("status", "--format", "json").stdout)
    assert [(database["url"], database["heads"], database["pending"]) for database in found["databases"]] == [
        (repo.url, ["feat1"], ["main1"]),
        (repo.url.replace("app.db", "other.db"), [], ["base1", "main1"]),
    ]
    assert repo.branchmig("sync", "--yes").exit_code == 0
    found = json.loads(repo.branchmig("status", "--format", "json").stdout)
    assert [database["heads"] for database in found["databases"]] == [["main1"], ["main1"]]


def test_an_edited_revision_is_not_all_well(repo: Checkout) -> None:
    repo.git("switch", "--quiet", "feature")
    path = repo.versions / "feat1.py"
    path.write_text(path.read_text().replace("t_feat1", "t_other"))
    assert (
        "\n  edited: feat1: changed since it was applied\n    -> branchmig sync runs it again\n"
        in repo.branchmig("status").stdout
    )
    assert repo.branchmig("status").stdout.splitlines()[-1] == "Open: multiple-heads once main is merged; 1 edited."
    assert repo.branchmig("upgrade", "feat1").stderr.startswith(
        f"warning: {repo.url}: edited: feat1: changed since it was applied\n         -> branchmig sync runs it again\n"
    )


def test_an_exit_code_says_whether_all_is_well(tmp_path: Path, sqlite_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.table("aaa1")
    behind = project.branchmig("status", "--exit-code", "--format", "json")
    assert (behind.exit_code, json.loads(behind.stdout)["ok"]) == (1, False)
    assert project.branchmig("status").exit_code == 0
    assert project.branchmig("upgrade", "heads").exit_code == 0
    well = project.branchmig("status", "--exit-code", "--format", "json")
    assert (well.exit_code, json.loads(well.stdout)["ok"]) == (0, True)
    ini = project.root / "alembic.ini"
    ini.write_text(ini.read_text().replace(sqlite_url, "sqlite:////nowhere/at/all.db"))
    assert project.branchmig("status", "--exit-code").exit_code == 3
    assert project.branchmig("status", "--exit-code", "--no-db").exit_code == 2


def test_what_only_the_merge_with_the_target_breaks_is_open(repo: Checkout) -> None:
    repo.git("switch", "--quiet", "feature")
    told = repo.branchmig("status").stdout
    assert "once main is merged in:\n  multiple-heads: 2 heads: feat1 (" in told
    assert told.splitlines()[-1] == "Open: multiple-heads once main is merged."
    found = json.loads(repo.branchmig("status", "--format", "json").stdout)
    assert ([merge_problem["code"] for merge_problem in found["merge_problems"]], found["ok"]) == (
        ["multiple-heads"],
        False,
    )


def test_what_nothing_else_knows_of_is_open(repo: Checkout) -> None:
    """Revisions that git ignores, and revisions that were applied before the journal was kept."""
    assert repo.branchmig("sync", "--yes").exit_code == 0
    ini = repo.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}[branchmig]\njournal = true\n")
    (repo.top / ".gitignore").write_text("__pycache__\n*.db*\nmain2*\n")
    repo.table("main2", "main1")
    assert repo.branchmig("upgrade", "head").exit_code == 0
    told = repo.branchmig("status").stdout.splitlines()
    assert "  ignored by git, so in no other checkout: migrations/versions/main2.py" in told
    assert told[-1] == "Open: revision files that git ignores; 2 unknown to the journal."


def test_a_run_that_is_going_on_is_named(tmp_path: Path, database_url: str) -> None:
    repo = Checkout(tmp_path / "repo")
    ini = repo.root / "alembic.ini"
    ini.write_text(ini.read_text().replace(repo.url, database_url.replace("%", "%%")))
    (repo.top / ".gitignore").write_text("__pycache__\n*.db*\n")
    repo.table("base1")
    repo.commit("base")
    assert repo.branchmig("upgrade", "head").exit_code == 0
    assert repo.branchmig("status").stdout.splitlines()[-1] == "All is well."
    with held(database_url):
        told = repo.branchmig("status").stdout.splitlines()
        assert [line for line in told if line.startswith("  running: ")]
        assert told[-1].startswith("Open: a run is going on (")
    assert repo.branchmig("status").stdout.splitlines()[-1] == "All is well."


def test_an_image_without_git_is_well_and_a_repository_that_git_cannot_read_is_not(
    tmp_path: Path, sqlite_url: str
) -> None:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.table("aaa1")
    assert project.branchmig("upgrade", "heads").exit_code == 0
    (tmp_path / "empty").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(tmp_path / "empty"))
        assert project.branchmig("status", "--exit-code").stdout.splitlines()[-1] == "All is well."
        (project.root / ".git").mkdir()
        told = project.branchmig("status", "--exit-code")
    assert (told.exit_code, told.stdout.splitlines()[-1]) == (3, "Open: guard not checked.")
