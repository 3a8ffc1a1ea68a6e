"""`switch --keep`: each branch's database keeps its rows, on SQLite, PostgreSQL and MariaDB."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tests.repositories import Checkout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def repo(tmp_path: Path, database_url: str) -> Iterator[Checkout]:
    """base1 on main, applied, with a row; feat1 on feature, which nobody has applied."""
    repo = at_url(tmp_path / "repo", database_url)
    yield repo
    repo.branchmig("states", "drop", "--all", "--yes")


def at_url(top: Path, database_url: str) -> Checkout:
    repo = Checkout(top)
    repo.url = database_url
    (repo.top / ".gitignore").write_text("__pycache__\n*.db*\n")
    ini = repo.root / "alembic.ini"
    lines = [line for line in ini.read_text().splitlines() if not line.startswith("sqlalchemy.url")]
    ini.write_text("\n".join([*lines, f"sqlalchemy.url = {database_url.replace('%', '%%')}", ""]))
    repo.table("base1")
    repo.commit("base")
    repo.git("switch", "--quiet", "--create", "feature")
    repo.table("feat1", "base1")
    repo.commit("feature")
    repo.git("switch", "--quiet", "main")
    assert repo.branchmig("upgrade", "head").exit_code == 0
    repo.execute("INSERT INTO t_base1 (id) VALUES (1)")
    return repo


def ids(repo: Checkout, table: str) -> list[int] | None:
    engine = sa.create_engine(repo.url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(table):
            return None
        return sorted(row[0] for row in connection.exec_driver_sql(f"SELECT id FROM {table}"))


def standing(repo: Checkout) -> tuple[str, object, list[int] | None, list[int] | None]:
    return repo.git("branch", "--show-current"), repo.rows(), ids(repo, "t_base1"), ids(repo, "t_feat1")


def keep(repo: Checkout, *arguments: str) -> None:
    result = repo.branchmig("switch", "--keep", *arguments)
    assert result.exit_code == 0, result.stderr


def kept(repo: Checkout) -> list[tuple[list[str], list[str]]]:
    document = json.loads(repo.branchmig("states", "list", "--format", "json").stdout)
    return [(state["branches"], state["heads"]) for state in document["states"] if state["kept"]]


@pytest.mark.heavy
def test_each_branch_keeps_its_rows(repo: Checkout) -> None:
    result = repo.branchmig("switch", "--keep", "feature", "--format", "json")
    assert result.exit_code == 0, result.stderr
    (entry,) = json.loads(result.stdout)["databases"]
    assert (entry["action"], entry["branches"], entry["set_aside"]["branches"]) == ("copy", ["feature"], ["main"])
    assert standing(repo) == ("feature", ["feat1"], [1], [])
    repo.execute("INSERT INTO t_feat1 (id) VALUES (7)", "DELETE FROM t_base1", "INSERT INTO t_base1 (id) VALUES (2)")
    keep(repo, "main")
    assert standing(repo) == ("main", ["base1"], [1], None)
    assert kept(repo) == [(["feature"], ["feat1"])]
    repo.execute("INSERT INTO t_base1 (id) VALUES (3)")
    keep(repo, "-")
    assert standing(repo) == ("feature", ["feat1"], [2], [7])
    keep(repo, "main")
    assert standing(repo) == ("main", ["base1"], [1, 3], None)


def test_a_plan_names_the_rows_that_would_be_kept_and_brought(repo: Checkout) -> None:
    first = repo.branchmig("switch", "--keep", "--plan", "feature")
    assert first.exit_code == 0, first.stderr
    shown, *steps = first.stdout.splitlines()
    assert shown.endswith(": keeps the rows of main; the database goes on with a copy")
    assert steps[1:] == ["  upgrade base1 -> feat1  step feat1"]
    keep(repo, "feature")
    repo.execute("INSERT INTO t_feat1 (id) VALUES (7)")
    back = repo.branchmig("switch", "--keep", "--plan", "main")
    assert (back.exit_code, len(back.stdout.splitlines())) == (0, 1), back.stdout
    assert ": keeps the rows of feature, brings those of main (at base1, left " in back.stdout
    document = json.loads(repo.branchmig("switch", "--keep", "--plan", "main", "--format", "json").stdout)
    assert (document["databases"][0]["action"], document["steps"]) == ("exchange", [])
    hint = "Rows of main (at base1) are kept; to bring them back: branchmig switch --keep main\n"
    for words in (("--plan",), ()):
        assert repo.branchmig("switch", "main", *words).stderr.startswith(hint)
    assert (standing(repo), kept(repo)) == (("feature", ["feat1"], [1], [7]), [(["main"], ["base1"])])


def test_an_amended_revision_takes_no_row_that_is_not_kept(repo: Checkout) -> None:
    """The revision is undone as it was and run as it is now: what its table held is in a copy."""
    keep(repo, "feature")
    repo.execute("INSERT INTO t_feat1 (id) VALUES (99)")
    repo.revision(
        "feat1", "base1", upgrade="op.create_table('t_feat1', sa.Column('id', sa.Integer()), sa.Column('x', sa.Text()))"
    )
    repo.commit("feature", "--amend")
    keep(repo, "main")
    result = repo.branchmig("switch", "--keep", "feature")
    assert (result.exit_code, ids(repo, "t_feat1")) == (0, []), result.stderr
    assert "Kept a copy of the rows of feature as they were: " in result.stderr
    assert "destroys" not in result.stderr
    name = result.stderr.partition("as they were: ")[2].partition(".\n")[0]
    states = json.loads(repo.branchmig("states", "list", "--format", "json").stdout)["states"]
    assert name in [state["key"] for state in states]


@pytest.mark.heavy
def test_a_new_branch_shares_the_rows_until_it_migrates(repo: Checkout) -> None:
    keep(repo, "-c", "topic")
    assert (standing(repo), kept(repo)) == (("topic", ["base1"], [1], None), [])
    repo.execute("INSERT INTO t_base1 (id) VALUES (2)")
    keep(repo, "main")
    assert (standing(repo), kept(repo)) == (("main", ["base1"], [1, 2], None), [])
    keep(repo, "topic")
    repo.table("topic1", "base1")
    repo.commit("topic")
    result = repo.branchmig("upgrade", "head")
    assert (result.exit_code, result.stderr.splitlines()[0]) == (0, "Kept the rows of main as they are.")
    repo.execute("DELETE FROM t_base1")
    keep(repo, "main")
    assert standing(repo) == ("main", ["base1"], [1, 2], None)
    keep(repo, "topic")
    assert (standing(repo), ids(repo, "t_topic1")) == (("topic", ["topic1"], [], None), [])


@pytest.mark.heavy
def test_a_branch_begins_with_the_state_that_is_nearest(repo: Checkout) -> None:
    keep(repo, "feature")
    repo.execute("INSERT INTO t_base1 (id) VALUES (2)")
    repo.git("branch", "other", "main")
    keep(repo, "-c", "late", "main")
    assert standing(repo) == ("late", ["base1"], [1], None)
    assert kept(repo) == [(["feature"], ["feat1"])]
    repo.git("branch", "-m", "feature", "renamed")
    assert kept(repo) == [(["renamed"], ["feat1"])]
    keep(repo, "renamed")
    assert standing(repo) == ("renamed", ["feat1"], [1, 2], [])


def test_git_refuses_and_all_is_as_it_was(repo: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("branchmig.commands.switch.refuse_busy", lambda *_: None)
    repo.git("worktree", "add", "--quiet", str(tmp_path / "other"), "feature")
    result = repo.branchmig("switch", "--keep", "feature")
    assert (result.exit_code, "the database was restored" in result.stderr) == (3, True)
    assert (standing(repo), kept(repo)) == (("main", ["base1"], [1], None), [])


@pytest.mark.heavy
def test_another_client_is_named_and_nothing_moves(repo: Checkout) -> None:
    engine = sa.create_engine(repo.url, poolclass=sa.pool.NullPool)
    with closing(engine.connect()) as connection:
        connection.exec_driver_sql("SELECT count(*) FROM t_base1").all()
        if engine.dialect.name == "postgresql":
            connection.commit()
            result = repo.branchmig("switch", "--keep", "feature")
            assert (result.exit_code, "cannot be moved while other programs are connected" in result.stderr) == (
                3,
                True,
            )
            assert (standing(repo), kept(repo)) == (("main", ["base1"], [1], None), [])
        elif engine.dialect.name == "sqlite":
            connection.rollback()
        keep(repo, "--yes", "feature")
        connection.invalidate()
    assert standing(repo) == ("feature", ["feat1"], [1], [])


@pytest.mark.heavy
def test_the_hooks_know_one_place_of_a_database_whatever_is_set_aside(repo: Checkout) -> None:
    keep(repo, "feature")
    keep(repo, "main")
    noted = json.loads((repo.top / ".git" / "branchmig" / "rows.json").read_text())
    assert list(noted.values()) == [["base1"]]


@pytest.mark.heavy
def test_the_hooks_bring_the_rows_where_the_clone_agrees(repo: Checkout) -> None:
    assert repo.branchmig("hooks", "install").exit_code == 0
    repo.git("config", "branchmig.keep", "true")
    for arguments in (("switch", "feature"), ("switch", "main"), ("switch", "-c", "topic")):
        repo.git(*arguments)
    assert (standing(repo), kept(repo)) == (("topic", ["base1"], [1], None), [(["feature"], ["feat1"])])
    repo.table("topic1", "base1")
    repo.commit("topic")
    assert repo.branchmig("upgrade", "head").exit_code == 0
    repo.execute("DELETE FROM t_base1")
    repo.git("switch", "main")
    assert standing(repo) == ("main", ["base1"], [1], None)


def test_a_limit_drops_no_state_without_a_yes(repo: Checkout) -> None:
    """keep_size may come with a branch: rows go only when somebody agrees."""
    keep(repo, "feature")
    repo.git("branch", "other", "main")
    keep(repo, "other")
    repo.table("oth1", "base1")
    repo.commit("other")
    assert repo.branchmig("upgrade", "head").exit_code == 0
    keep(repo, "main")
    assert sorted(heads for _, heads in kept(repo)) == [["feat1"], ["oth1"]]
    ini = repo.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}\n[branchmig]\nkeep_size = 1kB\n")
    back = repo.branchmig("switch", "--keep", "other")
    assert (back.exit_code, "keep_size is exceeded; to drop branchmig_kept_" in back.stderr) == (0, True), back.stderr
    assert sorted(heads for _, heads in kept(repo)) == [["base1"], ["feat1"]]
    agreed = repo.branchmig("switch", "--keep", "--yes", "main")
    assert (agreed.exit_code, kept(repo)) == (0, [(["other"], ["oth1"])]), agreed.stderr


def test_the_journal_of_a_kept_state_is_that_of_the_database(repo: Checkout) -> None:
    """PostgreSQL gives each copy a number of its own: `audit` must not take the entries for another database's."""
    ini = repo.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}\n[branchmig]\njournal = true\n")
    repo.table("main2", "base1")
    repo.commit("keep a journal")
    assert repo.branchmig("upgrade", "head").exit_code == 0
    keep(repo, "-c", "late")
    repo.table("late1", "main2")
    repo.commit("late")
    assert repo.branchmig("upgrade", "head").exit_code == 0
    keep(repo, "main")
    audit = repo.branchmig("audit")
    assert (audit.exit_code, "main2" in audit.stdout, "another database" in audit.stdout) == (0, True, False)


@pytest.mark.heavy
@pytest.mark.parametrize("is_made_by_git", [False, True])
def test_a_branch_begins_with_the_rows_of_the_branch_that_it_is_made_from(repo: Checkout, is_made_by_git: bool) -> None:
    """main and second have the same revisions, with rows of their own; second's were kept last."""
    repo.git("switch", "--quiet", "--create", "second")
    repo.table("sec1", "base1")
    repo.commit("sec1")
    repo.git("switch", "--quiet", "main")
    keep(repo, "second")
    repo.execute("INSERT INTO t_base1 (id) VALUES (2)")
    assert repo.branchmig("downgrade", "base1").exit_code == 0
    repo.git("reset", "--quiet", "--hard", "main")
    keep(repo, "feature")
    if is_made_by_git:
        repo.git("branch", "third", "main")
    keep(repo, *(["third"] if is_made_by_git else ["--create", "third", "main"]))
    assert standing(repo) == ("third", ["base1"], [1], None)
    keep(repo, "second")
    assert standing(repo) == ("second", ["base1"], [1, 2], None)
