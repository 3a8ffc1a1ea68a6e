"""A database for each linked work tree: made on first use, on SQLite, PostgreSQL and MariaDB."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tests.commands.test_switch_keep import ids, keep, repo, standing
from tests.faults.test_switch_keep_soak import SERVERS, killed_in
from tests.repositories import Checkout

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["repo"]


@pytest.fixture
def other(repo: Checkout, tmp_path: Path) -> Iterator[Checkout]:
    """A linked work tree, on feature; env.py opens the database that main uses."""
    repo.git("worktree", "add", "--quiet", str(tmp_path / "other"), "feature")
    made = Checkout.__new__(Checkout)
    made.__dict__.update(repo.__dict__)
    made.top = made.root = tmp_path / "other"
    made.migrations = made.top / "migrations"
    made.versions = made.migrations / "versions"
    yield made
    repo.run("worktree", "remove", "--force", str(made.top))
    assert repo.branchmig("states", "prune", "--yes").exit_code == 0


def own_of(other: Checkout) -> str:
    """Return the URL of the work tree's own database, which is not the one that env.py names."""
    record = json.loads((Path(other.git("rev-parse", "--absolute-git-dir")) / "branchmig/worktree.json").read_text())
    (own,) = record["databases"]
    return sa.make_url(other.url).set(database=own["name"]).render_as_string(hide_password=False)


def at_own(other: Checkout) -> Checkout:
    """Return the work tree with its own database in the place of the shared one, for what tests ask directly."""
    made = Checkout.__new__(Checkout)
    made.__dict__.update(other.__dict__)
    made.url = own_of(other)
    return made


@pytest.mark.heavy
def test_a_linked_work_tree_gets_a_database_and_leaves_that_of_main_alone(repo: Checkout, other: Checkout) -> None:
    result = other.branchmig("switch", "--keep", "feature")
    assert result.exit_code == 0, result.stderr
    assert "This work tree has a database of its own now, a copy of the shared database: " in result.stderr
    assert standing(repo) == ("main", ["base1"], [1], None)
    own = at_own(other)
    assert own.url != repo.url
    assert standing(own) == ("feature", ["feat1"], [1], [])
    own.execute("INSERT INTO t_feat1 (id) VALUES (7)")
    other.table("feat2", "feat1")
    other.commit("more")
    assert other.branchmig("upgrade", "head").exit_code == 0
    assert other.branchmig("current").stdout == "feat2 (head)\n"
    keep(other, "-c", "third", "main")
    keep(other, "feature")
    assert (standing(own), ids(own, "t_feat2")) == (("feature", ["feat2"], [1], [7]), [])
    keep(repo, "-c", "fourth")
    assert (standing(repo), ids(repo, "t_feat2")) == (("fourth", ["base1"], [1], None), None)


def test_git_removes_the_work_tree_and_prune_drops_its_database_with_a_yes(repo: Checkout, other: Checkout) -> None:
    keep(other, "feature")
    own = at_own(other)
    lines = [line for line in repo.branchmig("status").stdout.splitlines() if line.startswith("work tree ")]
    assert lines[0].startswith(f"work tree {repo.top} (main): ")
    assert lines[1].startswith(f"work tree {other.top} (feature): ")
    status = other.branchmig("status").stdout
    assert [line for line in status.splitlines() if line.startswith("work tree ")] == lines
    assert f"{lines[1].partition('): ')[2]}: at feat1" in status
    assert repo.branchmig("states", "prune").exit_code == 0
    repo.git("worktree", "move", str(other.top), f"{other.top}-moved")
    assert f"work tree {other.top}-moved (feature): " in repo.branchmig("states").stdout
    repo.git("worktree", "move", f"{other.top}-moved", str(other.top))
    repo.git("worktree", "remove", "--force", str(other.top))
    assert f"work tree {other.top}, which git has removed" in repo.branchmig("states").stdout
    refused = repo.branchmig("states", "prune")
    assert (refused.exit_code, "to drop them: branchmig states prune --yes" in refused.stderr) == (0, True)
    assert ids(own, "t_base1") == [1]
    pruned = repo.branchmig("states", "prune", "--yes", "--format", "json")
    assert json.loads(pruned.stdout)["dropped"] == [sa.make_url(own.url).database]
    if own.url.startswith("sqlite"):
        assert not Path(str(sa.make_url(own.url).database)).exists()
    else:
        with pytest.raises(sa.exc.OperationalError):
            ids(own, "t_base1")
    assert standing(repo) == ("main", ["base1"], [1], None)


@pytest.fixture
def relative(tmp_path: Path) -> Checkout:
    """A project whose SQLite file is below the folder that env.py runs in: each work tree has a path of its own."""
    made = Checkout(tmp_path / "repo")
    (made.top / ".gitignore").write_text("__pycache__\n*.db*\n")
    ini = made.root / "alembic.ini"
    lines = [line for line in ini.read_text().splitlines() if not line.startswith("sqlalchemy.url")]
    ini.write_text("\n".join([*lines, "sqlalchemy.url = sqlite:///%(here)s/app.db", ""]))
    made.table("base1")
    made.commit("base")
    made.git("branch", "feature")
    assert made.branchmig("upgrade", "head").exit_code == 0
    made.execute("INSERT INTO t_base1 (id) VALUES (1)")
    return made


def linked(made: Checkout, top: Path, branch: str) -> Checkout:
    made.git("worktree", "add", "--quiet", str(top), branch)
    found = Checkout.__new__(Checkout)
    found.__dict__.update(made.__dict__)
    found.top = found.root = top
    found.url = f"sqlite:///{top / 'app.db'}"
    return found


def test_a_file_below_the_work_tree_begins_as_that_of_the_main_tree(relative: Checkout, tmp_path: Path) -> None:
    other = linked(relative, tmp_path / "other", "feature")
    keep(other, "feature")
    assert ids(other, "t_base1") == [1]
    other.execute("INSERT INTO t_base1 (id) VALUES (2)")
    keep(other, "feature")
    assert (ids(other, "t_base1"), ids(relative, "t_base1")) == ([1, 2], [1])
    relative.git("worktree", "remove", "--force", str(other.top))
    other = linked(relative, tmp_path / "other", "feature")
    keep(other, "feature")
    assert relative.branchmig("states", "prune", "--yes").exit_code == 0
    assert (ids(other, "t_base1"), ids(relative, "t_base1")) == ([1], [1])


@pytest.mark.heavy
def test_a_new_work_tree_gets_its_database_where_the_clone_keeps_rows(repo: Checkout, tmp_path: Path) -> None:
    assert repo.branchmig("hooks", "install").exit_code == 0
    repo.git("config", "branchmig.keep", "true")
    added = repo.run("worktree", "add", str(tmp_path / "other"), "feature")
    assert "branchmig: this work tree has a database of its own: " in added.stderr
    assert standing(repo) == ("main", ["base1"], [1], None)
    repo.git("worktree", "remove", "--force", str(tmp_path / "other"))
    assert repo.branchmig("states", "prune", "--yes").exit_code == 0


@pytest.mark.heavy
@pytest.mark.parametrize("after", [False, True])
def test_a_kill_while_the_database_is_made_leaves_nothing_behind(
    other: Checkout, repo: Checkout, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    killed_in(other, monkeypatch, SERVERS[sa.make_url(repo.url).get_backend_name()], "branch_off", after, "feature")
    keep(other, "feature")
    assert standing(at_own(other)) == ("feature", ["feat1"], [1], [])
    assert own_of(other).removesuffix(".db").endswith("_other")
    assert repo.branchmig("states").stdout.count("work tree ") == 2


def test_an_env_py_that_cannot_be_led_to_the_own_database_runs_nothing(repo: Checkout, other: Checkout) -> None:
    """A connection that env.py makes by a function of its own goes where that function says."""
    keep(other, "feature")
    other.execute("INSERT INTO t_base1 (id) VALUES (5)")
    plain = sa.make_url(repo.url)
    driver = {
        "sqlite": "sqlite3.connect({database!r})",
        "postgresql": "psycopg.connect(host={host!r}, port={port!r}, user={username!r}, dbname={database!r})",
        "mysql": "pymysql.connect(host={host!r}, port={port!r}, user={username!r}, database={database!r})",
    }[plain.get_backend_name()]
    words = driver.format(**plain.translate_connect_args(), **{"port": None} if plain.port is None else {})
    (other.migrations / "env.py").write_text(
        f"""
import sqlite3, psycopg, pymysql
import sqlalchemy as sa
from alembic import context

engine = sa.create_engine("{plain.drivername}://", creator=lambda: {words}, poolclass=sa.pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
    )
    result = other.branchmig("downgrade", "base")
    assert (result.exit_code, "which other work trees use" in result.stderr) == (3, True), result.stderr
    assert standing(repo) == ("main", ["base1"], [1, 5], None)


@pytest.mark.heavy
def test_a_client_of_the_shared_database_is_named_and_stays_connected(repo: Checkout, other: Checkout) -> None:
    """Only PostgreSQL cannot copy a database that somebody is connected to; the others copy beside the client."""
    engine = sa.create_engine(repo.url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM t_base1").all()
        connection.commit()
        result = other.branchmig("switch", "--keep", "feature")
        is_refused = engine.dialect.name == "postgresql"
        assert result.exit_code == (3 if is_refused else 0), result.stderr
        assert ("while other programs are connected: " in result.stderr) is is_refused
        assert other.branchmig("states").stdout.count("work tree ") == (0 if is_refused else 2)
        assert connection.exec_driver_sql("SELECT id FROM t_base1").all() == [(1,)]
    keep(other, "feature")
    assert standing(repo) == ("main", ["base1"], [1], None)


@pytest.mark.heavy
def test_the_main_work_tree_drops_the_states_of_a_linked_work_tree(repo: Checkout, other: Checkout) -> None:
    keep(other, "feature")
    keep(other, "-c", "third", "main")
    shown = repo.branchmig("states", "drop", "--all", "--yes")
    assert shown.exit_code == 0, shown.stderr
    document = json.loads(repo.branchmig("states", "list", "--format", "json").stdout)
    assert [state for state in document["states"] if state["kept"]] == []
    assert standing(at_own(other)) == ("third", ["base1"], [1], None)


@pytest.mark.heavy
def test_a_plan_says_that_the_shared_database_stays_as_it_is(repo: Checkout, other: Checkout) -> None:
    shown = other.branchmig("switch", "--keep", "--plan", "feature")
    assert shown.exit_code == 0, shown.stderr
    first, *steps = shown.lines
    assert first.endswith(" stays as it is; this work tree gets a database of its own, a copy of it")
    assert steps == ["  applies feat1"]
    document = json.loads(other.branchmig("switch", "--keep", "--plan", "feature", "--format", "json").stdout)
    assert [entry["action"] for entry in document["databases"]] == ["make"]
    keep(other, "feature")
    assert "stays as it is" not in other.branchmig("switch", "--keep", "--plan", "feature").stdout
