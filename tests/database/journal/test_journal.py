from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from branchmig.revisions.fingerprint import fingerprint, git_blob
from tests.conftest import ROOT
from tests.repositories import Checkout
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> ProjectFolder:
    return with_journal(ProjectFolder(tmp_path / "project", database_url))


@pytest.fixture
def on_sqlite(tmp_path: Path, sqlite_url: str) -> ProjectFolder:
    return with_journal(ProjectFolder(tmp_path / "project", sqlite_url))


def with_journal(project: ProjectFolder, *lines: str) -> ProjectFolder:
    ini = project.root / "alembic.ini"
    ini.write_text("\n".join([ini.read_text(), "[branchmig]", "journal = true", *lines, ""]))
    return project


def entries(project: ProjectFolder, *columns: str) -> list[tuple[Any, ...]]:
    """Return columns of the journal, oldest first."""
    engine = sa.create_engine(project.url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        table = sa.Table("branchmig_journal", sa.MetaData(), autoload_with=connection)
        found = connection.execute(sa.select(*(table.c[column] for column in columns)).order_by(table.c.id))
        return [tuple(row) for row in found]


def tables(project: ProjectFolder) -> list[str]:
    """Return the names of the tables; on MariaDB there is one more of ours."""
    return [table for table in project.tables() if table != "branchmig_statements"]


def line(project: ProjectFolder) -> None:
    """aaa1 -> bbb2 -> ccc3."""
    project.table("aaa1")
    project.table("bbb2", "aaa1")
    project.table("ccc3", "bbb2")


def run(project: ProjectFolder, *words: str) -> str:
    done = project.branchmig(*words)
    assert done.exit_code == 0, done.stderr
    return done.stderr


def test_each_step_is_written_down_with_its_script_and_parents(project: ProjectFolder) -> None:
    line(project)
    run(project, "upgrade", "heads")
    run(project, "downgrade", "-1")
    assert entries(project, "version_table", "revision", "direction", "parents", "rows_after") == [
        ("alembic_version", "aaa1", "upgrade", "[]", '["aaa1"]'),
        ("alembic_version", "bbb2", "upgrade", '["aaa1"]', '["bbb2"]'),
        ("alembic_version", "ccc3", "upgrade", '["bbb2"]', '["ccc3"]'),
        ("alembic_version", "ccc3", "downgrade", '["bbb2"]', '["bbb2"]'),
    ]
    source = (project.versions / "aaa1.py").read_bytes()
    assert entries(project, "blob", "fingerprint", "git_commit", "git_branch")[0] == (
        git_blob(source),
        fingerprint(source),
        None,
        None,
    )
    ((who, host, tool, started, lasted),) = entries(project, "who", "host", "tool", "started_at", "duration_ms")[:1]
    assert who
    assert host
    assert tool.startswith("branchmig ")
    assert started.year >= 2026
    assert 0 <= lasted < 60_000


def test_an_entry_goes_with_its_step_where_ddl_is_rolled_back(project: ProjectFolder) -> None:
    project.table("aaa1")
    project.revision("bbb2", "aaa1", upgrade="op.create_table('t', sa.Column('x', sa.Integer()))\nraise ValueError")
    assert project.branchmig("upgrade", "heads").exit_code == 3
    is_postgres = project.url.startswith("postgresql")
    assert project.rows() == (None if is_postgres else ["aaa1"])
    assert tables(project) == ["branchmig_journal", *([] if is_postgres else ["t", "t_aaa1"])]
    came_through = [] if is_postgres else [("aaa1", "upgrade", None)]
    assert entries(project, "revision", "direction", "detail") == [
        *came_through,
        ("bbb2", "failed", "upgrade: ValueError"),
    ]


def test_what_was_applied_before_the_journal_is_found_and_unknown(project: ProjectFolder) -> None:
    line(project)
    project.alembic("upgrade", "bbb2")
    run(project, "upgrade", "heads")
    assert entries(project, "revision", "direction", "blob", "rows_after")[:2] == [
        ("aaa1", "found", None, None),
        ("bbb2", "found", None, '["bbb2"]'),
    ]
    assert entries(project, "revision", "direction")[2:] == [("ccc3", "upgrade")]


def test_what_plain_alembic_did_in_between_is_found_or_gone(project: ProjectFolder) -> None:
    line(project)
    project.table("ddd4", "aaa1")
    run(project, "upgrade", "ccc3")
    project.alembic("downgrade", "aaa1")
    project.alembic("upgrade", "ddd4")
    assert "skipped" not in run(project, "upgrade", "heads")
    assert entries(project, "revision", "direction")[3:] == [
        ("bbb2", "gone"),
        ("ccc3", "gone"),
        ("ddd4", "found"),
        ("bbb2", "upgrade"),
        ("ccc3", "upgrade"),
    ]


def test_a_stamp_is_written_down_for_each_revision_that_it_concerns(project: ProjectFolder) -> None:
    line(project)
    run(project, "stamp", "bbb2")
    run(project, "stamp", "aaa1")
    run(project, "stamp", "--purge", "ccc3")
    told = entries(project, "revision", "direction", "rows_after")
    assert told == [
        ("aaa1", "stamp", None),
        ("bbb2", "stamp", '["bbb2"]'),
        ("bbb2", "unstamp", '["aaa1"]'),
        ("bbb2", "stamp", None),
        ("ccc3", "stamp", '["ccc3"]'),
    ]


@pytest.mark.heavy
def test_a_revision_put_below_an_applied_one_is_refused_until_it_has_run(project: ProjectFolder) -> None:
    """aaa1 -> ccc3 was applied; bbb2 is put between them."""
    project.table("aaa1")
    project.table("ccc3", "aaa1")
    run(project, "upgrade", "heads")
    project.table("bbb2", "aaa1")
    project.table("ccc3", "bbb2")
    expected = (
        "error: revision 'bbb2' (migrations/versions/bbb2.py) was never applied, but a revision above it is\n"
        "hint:  to run it: branchmig upgrade --missing; if its changes were made by hand: "
        "branchmig stamp --purge REVISION\n"
    )
    for words in (("upgrade", "heads"), ("upgrade", "+1"), ("downgrade", "base"), ("current", "--check-heads")):
        if words != ("upgrade", "+1"):
            refused = project.branchmig(*words)
            assert (refused.exit_code, refused.stderr.partition("error")[2]) == (3, expected.partition("error")[2])
    assert project.rows() == ["ccc3"]
    guarded = project.branchmig("guard", "--db", "--format", "json")
    assert guarded.exit_code == 1
    assert [problem["code"] for problem in json.loads(guarded.stdout)["problems"]] == ["skipped-revision"]
    shown = project.branchmig("upgrade", "--missing", "--plan")
    assert (shown.exit_code, shown.stdout) == (
        0,
        "1 step, from ccc3 to ccc3:\n  upgrade aaa1 -> bbb2  step bbb2\n",
    )
    asked = project.branchmig("upgrade", "--missing")
    assert (asked.exit_code, asked.stdout, tables(project)) == (
        1,
        shown.stdout,
        ["branchmig_journal", "t_aaa1", "t_ccc3"],
    )
    run(project, "upgrade", "--missing", "--yes")
    assert (project.rows(), tables(project)) == (["ccc3"], ["branchmig_journal", "t_aaa1", "t_bbb2", "t_ccc3"])
    assert entries(project, "revision", "direction", "rows_after")[-1] == ("bbb2", "upgrade", '["ccc3"]')
    assert "Nothing to do" in run(project, "upgrade", "heads")
    assert project.branchmig("current", "--check-heads").exit_code == 0
    run(project, "downgrade", "base")
    assert tables(project) == ["branchmig_journal"]


def test_an_edited_revision_is_a_warning_until_it_is_accepted(project: ProjectFolder) -> None:
    line(project)
    run(project, "upgrade", "heads")
    path = project.versions / "bbb2.py"
    path.write_text(path.read_text().replace("import sqlalchemy as sa\n", "import sqlalchemy as sa  # quoted\n\n"))
    assert run(project, "upgrade", "heads") == "Nothing to do: the database is at ccc3.\n"
    path.write_text(path.read_text().replace("'id'", "'key'"))
    warned = (
        "warning: revision 'bbb2' has changed since it was applied: its script was changed: "
        "migrations/versions/bbb2.py\n"
        "         if the change is right: branchmig repair --accept-edits\n"
    )
    assert run(project, "upgrade", "heads") == f"{warned}Nothing to do: the database is at ccc3.\n"
    assert run(project, "current") == warned
    assert run(project, "current", "--check-heads") == warned
    assert project.branchmig("guard", "--db").stderr.startswith(warned)
    before = entries(project, "revision", "direction", "blob")
    shown = "This was a dry run; it would accept the present scripts of bbb2.\n"
    assert run(project, "repair", "--accept-edits", "--dry-run") == shown
    assert entries(project, "revision", "direction", "blob") == before
    assert run(project, "repair", "--accept-edits") == "Accepted the present scripts of bbb2.\n"
    assert run(project, "upgrade", "heads") == "Nothing to do: the database is at ccc3.\n"
    assert run(project, "repair", "--accept-edits") == "Nothing to accept.\n"
    assert entries(project, "revision", "direction", "blob")[-1] == ("bbb2", "accept", git_blob(path.read_bytes()))


def test_a_revision_rebased_onto_another_line_is_told_by_its_parents(project: ProjectFolder) -> None:
    """aaa1 -> feat was applied; then feat goes onto main1, which was not."""
    project.table("aaa1")
    project.table("feat", "aaa1")
    run(project, "upgrade", "heads")
    project.table("main1", "aaa1")
    project.table("feat", "main1")
    assert project.branchmig("current").stderr == (
        "warning: revision 'main1' (migrations/versions/main1.py) was never applied, but a revision above it is\n"
        "warning: revision 'feat' has changed since it was applied: its parents became main1 (were aaa1): "
        "migrations/versions/feat.py\n"
        "         if the change is right: branchmig repair --accept-edits\n"
    )


def test_a_revision_that_no_longer_lies_below_the_rows_is_not_run_twice(project: ProjectFolder) -> None:
    line(project)
    run(project, "upgrade", "heads")
    project.table("ccc3", "aaa1")
    refused = project.branchmig("upgrade", "heads")
    assert refused.exit_code == 3
    assert "revision 'bbb2' (migrations/versions/bbb2.py) was applied at 20" in refused.stderr
    assert refused.stderr.endswith("hint:  to record it without running it again: branchmig stamp bbb2 ccc3\n")
    run(project, "stamp", "bbb2", "ccc3")
    assert "Nothing to do" in run(project, "upgrade", "heads")
    assert project.rows() == ["bbb2", "ccc3"]


def test_without_the_journal_check_heads_says_what_it_cannot_know(tmp_path: Path, sqlite_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    line(project)
    run(project, "upgrade", "heads")
    assert run(project, "current") == ""
    assert run(project, "current", "--check-heads") == (
        "note:  the heads are the rows of the version table; whether all below them has run cannot be known without "
        "the journal (branchmig adopt)\n"
    )
    assert "branchmig_journal" not in tables(project)
    for words in (("guard", "--db"), ("upgrade", "--missing"), ("repair", "--accept-edits")):
        refused = project.branchmig(*words)
        assert (refused.exit_code, refused.stderr.splitlines()[-1]) == (
            3,
            "hint:  to keep a journal from now on: branchmig adopt",
        )


def test_reading_creates_nothing(project: ProjectFolder) -> None:
    line(project)
    project.alembic("upgrade", "heads")
    for words in (("current",), ("current", "--check-heads"), ("upgrade", "--missing"), ("upgrade", "heads")):
        run(project, *words)
    assert tables(project) == ["t_aaa1", "t_bbb2", "t_ccc3"]


def test_the_commit_is_git_s_then_the_variable_s_then_the_setting_s(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = Checkout(tmp_path / "repo")
    with_journal(checkout)
    checkout.table("aaa1")
    commit = checkout.commit()
    run(checkout, "upgrade", "heads")
    assert entries(checkout, "git_commit", "git_branch") == [(commit, "main")]
    bare = with_journal(ProjectFolder(tmp_path / "image", sqlite_url), "git_commit = from-setting")
    line(bare)
    run(bare, "upgrade", "aaa1")
    monkeypatch.setenv("BRANCHMIG_GIT_COMMIT", "f" * 70)
    run(bare, "upgrade", "bbb2")
    monkeypatch.setenv("PATH", str(tmp_path))  # no git at all
    run(bare, "upgrade", "ccc3")
    cut = "f" * 63 + "…"
    assert entries(bare, "git_commit", "git_branch") == [("from-setting", None), (cut, None), (cut, None)]


def test_the_journal_lies_beside_the_version_table_and_knows_its_name(tmp_path: Path, postgres_url: str) -> None:
    options = ", version_table='versions', version_table_schema='meta'"
    project = with_journal(ProjectFolder(tmp_path / "project", postgres_url, options))
    project.execute("CREATE SCHEMA meta")
    line(project)
    run(project, "upgrade", "heads")
    engine = sa.create_engine(postgres_url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT version_table, revision FROM meta.branchmig_journal ORDER BY id")
        assert found.all() == [("versions", "aaa1"), ("versions", "bbb2"), ("versions", "ccc3")]
    assert "branchmig_journal" not in tables(project)


def test_one_transaction_for_each_migration_keeps_the_entries_of_those_that_ended(
    tmp_path: Path, postgres_url: str
) -> None:
    project = with_journal(ProjectFolder(tmp_path / "project", postgres_url, ", transaction_per_migration=True"))
    project.table("aaa1")
    project.revision("bbb2", "aaa1", upgrade="raise ValueError")
    assert project.branchmig("upgrade", "heads").exit_code == 3
    found = [("aaa1", "upgrade"), ("bbb2", "failed")]
    assert (project.rows(), entries(project, "revision", "direction")) == (["aaa1"], found)
    project.revision("bbb2", "aaa1")
    run(project, "upgrade", "heads")
    assert (project.rows(), entries(project, "revision", "direction")[2:]) == (["bbb2"], [("bbb2", "upgrade")])


def test_a_stamp_says_nothing_of_what_was_skipped(on_sqlite: ProjectFolder) -> None:
    on_sqlite.table("aaa1")
    on_sqlite.table("ccc3", "aaa1")
    run(on_sqlite, "upgrade", "heads")
    on_sqlite.table("bbb2", "aaa1")
    on_sqlite.table("ccc3", "bbb2")
    run(on_sqlite, "stamp", "aaa1")
    assert entries(on_sqlite, "revision", "direction")[2:] == [("ccc3", "unstamp")]


def test_a_stamp_of_several_heads_is_written_down_once(on_sqlite: ProjectFolder) -> None:
    """aaa1 -> bbb2, aaa1 -> ccc3: the stamp is a step for each row."""
    on_sqlite.table("aaa1")
    on_sqlite.table("bbb2", "aaa1")
    on_sqlite.table("ccc3", "aaa1")
    run(on_sqlite, "stamp", "heads")
    assert entries(on_sqlite, "revision", "direction", "rows_after") == [
        ("aaa1", "stamp", None),
        ("bbb2", "stamp", None),
        ("ccc3", "stamp", '["bbb2","ccc3"]'),
    ]


def test_many_revisions_are_found_and_stamped_at_once(on_sqlite: ProjectFolder) -> None:
    for number in range(600):
        parents = [f"r{number - 1:04}"] if number else []
        on_sqlite.revision(f"r{number:04}", *parents)
    run(on_sqlite, "stamp", "heads")
    on_sqlite.execute("DROP TABLE branchmig_journal")
    run(on_sqlite, "downgrade", "-1")
    assert len(entries(on_sqlite, "id")) == 601


def test_sync_follows_the_journal(tmp_path: Path) -> None:
    """base1 - feat1 was applied on a branch; then feat1 goes upon main1, which came to main meanwhile."""
    checkout = Checkout(tmp_path / "repo")
    with_journal(checkout)
    (checkout.root / ".gitignore").write_text("__pycache__\n*.db\n")
    checkout.table("base1")
    checkout.commit()
    checkout.git("switch", "--quiet", "--create", "feature")
    checkout.table("feat1", "base1")
    on_feature = checkout.commit()
    run(checkout, "upgrade", "heads")
    checkout.git("switch", "--quiet", "main")
    checkout.table("main1", "base1")
    on_main = checkout.commit()
    run(checkout, "sync", "--yes")
    checkout.git("switch", "--quiet", "feature")
    run(checkout, "sync", "--yes")
    assert entries(checkout, "direction", "revision", "git_commit")[2:] == [
        ("downgrade", "feat1", on_feature),
        ("upgrade", "main1", on_main),
        ("downgrade", "main1", on_main),
        ("upgrade", "feat1", on_feature),
    ]
    checkout.git("merge", "--quiet", "main")
    checkout.table("feat1", "main1")
    checkout.commit()
    assert "skipped: main1" in checkout.branchmig("status").stdout
    run(checkout, "sync", "--yes")
    assert (checkout.rows(), tables(checkout)) == (["feat1"], ["branchmig_journal", "t_base1", "t_feat1", "t_main1"])
    assert "skipped" not in checkout.branchmig("status").stdout
    assert checkout.branchmig("sync", "--yes").stdout.endswith("is where the checkout is: feat1.\n")
    run(checkout, "downgrade", "base")
    assert tables(checkout) == ["branchmig_journal"]


TWO_DATABASES = """\
from alembic import context
from sqlalchemy import create_engine, pool

url = context.config.get_main_option("sqlalchemy.url")
for one in (url, url.replace("test.db", "other.db")):
    with create_engine(one, poolclass=pool.NullPool).connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
"""


def test_each_database_of_an_env_py_has_a_journal_of_its_own(on_sqlite: ProjectFolder) -> None:
    """aaa1 -> ccc3 on both; bbb2 is put between them, and has run on the first one alone."""
    on_sqlite.write_env(TWO_DATABASES)
    on_sqlite.table("aaa1")
    on_sqlite.table("ccc3", "aaa1")
    run(on_sqlite, "upgrade", "heads")
    on_sqlite.table("bbb2", "aaa1")
    on_sqlite.table("ccc3", "bbb2")
    on_sqlite.write_env(TWO_DATABASES.replace("(url, url", "(url,) or (url"))
    run(on_sqlite, "upgrade", "--missing", "--yes")
    on_sqlite.write_env(TWO_DATABASES)
    refused = on_sqlite.branchmig("upgrade", "heads")
    assert (refused.exit_code, "'bbb2'" in refused.stderr) == (3, True)
    shown = on_sqlite.branchmig("upgrade", "--missing", "--plan")
    nothing, one_step, step = shown.stdout.splitlines()
    assert nothing.endswith("test.db: Nothing to do: the database is at ccc3.")
    assert one_step.endswith("other.db: 1 step, from ccc3 to ccc3:")
    assert step == "  upgrade aaa1 -> bbb2  step bbb2"
    run(on_sqlite, "upgrade", "--missing", "--yes")
    run(on_sqlite, "upgrade", "heads")
    assert entries(on_sqlite, "revision", "direction") == [
        ("aaa1", "upgrade"),
        ("ccc3", "upgrade"),
        ("bbb2", "upgrade"),
    ]
    told = on_sqlite.branchmig("audit", "--revision", "bbb2").stdout
    assert told.count(" bbb2 ") == 2
    assert [line.startswith("sqlite:///") for line in told.splitlines()] == [True, True]


ASYNC = """\
import asyncio

from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine

url = context.config.get_main_option("sqlalchemy.url").replace("sqlite:", "sqlite+aiosqlite:")


def run(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()


async def main():
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


asyncio.run(main())
"""


def test_an_async_env_py_keeps_a_journal_too(on_sqlite: ProjectFolder) -> None:
    on_sqlite.write_env(ASYNC)
    line(on_sqlite)
    run(on_sqlite, "upgrade", "heads")
    assert entries(on_sqlite, "revision", "direction") == [(item, "upgrade") for item in ("aaa1", "bbb2", "ccc3")]
    assert on_sqlite.branchmig("current", "--check-heads").exit_code == 0


def test_a_journal_of_an_older_version_is_read_and_gets_its_columns_in_place(project: ProjectFolder) -> None:
    line(project)
    run(project, "upgrade", "bbb2")
    before = entries(project, "id", "revision", "direction", "blob", "rows_after")
    later = ("message", "detail", "role", "deployed_by", "database_url", "database_id", "in_commit", "clone")
    project.execute(*(f"ALTER TABLE branchmig_journal DROP COLUMN {name}" for name in later))
    assert [
        entry["message"] for entry in json.loads(project.branchmig("audit", "--format", "json").stdout)["entries"]
    ] == [
        None,
        None,
    ]
    run(project, "upgrade", "heads")
    assert entries(project, "id", "revision", "direction", "blob", "rows_after")[:2] == before
    assert entries(project, "revision", "message")[2:] == [("ccc3", "step ccc3")]


def test_a_role_that_may_not_write_the_journal_runs_nothing(
    tmp_path: Path, postgres_url: str, postgres_engine: sa.Engine
) -> None:
    project = with_journal(ProjectFolder(tmp_path / "project", postgres_url))
    line(project)
    run(project, "upgrade", "aaa1")
    role, url = f"role_{sa.make_url(postgres_url).database}"[:60], sa.make_url(postgres_url)
    with postgres_engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN")
    try:
        project.execute(
            f"GRANT CREATE ON SCHEMA public TO {role}",
            f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}",
            f"REVOKE INSERT ON branchmig_journal FROM {role}",
        )
        ini = project.root / "alembic.ini"
        ini.write_text(ini.read_text().replace(postgres_url, url.set(username=role).render_as_string()))
        refused = project.branchmig("upgrade", "heads")
        assert (refused.exit_code, refused.stderr) == (
            3,
            f"error: the journal, table branchmig_journal, cannot be written: role {role} lacks a right\n"
            f"hint:  GRANT SELECT, INSERT ON branchmig_journal TO {role}\n",
        )
        project.execute(f"GRANT INSERT ON branchmig_journal TO {role}")
        refused = project.branchmig("upgrade", "heads")
        hint = f"hint:  GRANT USAGE ON SEQUENCE public.branchmig_journal_id_seq TO {role}\n"
        assert (refused.exit_code, hint in refused.stderr) == (3, True)
        project.execute(f"GRANT ALL ON SEQUENCE branchmig_journal_id_seq TO {role}")
        run(project, "upgrade", "heads")
        assert project.rows() == ["ccc3"]
    finally:
        project.execute(f"DROP OWNED BY {role}")
        with postgres_engine.connect() as connection:
            connection.exec_driver_sql(f"DROP ROLE {role}")


def test_a_sequence_behind_its_rows_is_found_before_the_first_statement(tmp_path: Path, postgres_url: str) -> None:
    project = with_journal(ProjectFolder(tmp_path / "project", postgres_url))
    line(project)
    run(project, "upgrade", "bbb2")
    project.execute("SELECT setval('branchmig_journal_id_seq', 1)")
    refused = project.branchmig("upgrade", "heads")
    way_out = "SELECT setval('public.branchmig_journal_id_seq', (SELECT max(id) FROM branchmig_journal))"
    assert (refused.exit_code, project.rows(), refused.stderr) == (
        3,
        ["bbb2"],
        "error: the journal, table branchmig_journal, cannot be written: its sequence public.branchmig_journal_id_seq "
        f"is behind its rows, as after a restore: 1, and the rows go up to 2\nhint:  {way_out}\n",
    )
    project.execute(way_out)
    run(project, "upgrade", "heads")


@pytest.mark.heavy
@pytest.mark.parametrize("broken", ["not executable", "no descriptors"])
def test_what_an_entry_needs_is_collected_before_the_first_statement(
    tmp_path: Path, sqlite_url: str, broken: str
) -> None:
    project = with_journal(ProjectFolder(tmp_path / "project", sqlite_url))
    line(project)
    (tmp_path / "bin").mkdir()
    git = tmp_path / "bin" / "git"
    git.touch()
    limits = [256] if broken == "not executable" else [12, 16, 20, 24]
    path = {"PATH": str(git.parent)} if broken == "not executable" else {}
    for limit in limits:
        done = subprocess.run(
            ["/bin/sh", "-c", f"ulimit -n {limit}; exec {sys.executable} -P -m branchmig upgrade heads"],
            cwd=project.root,
            env={**os.environ, "PYTHONPATH": str(ROOT), **path},
            capture_output=True,
            text=True,
            check=False,
        )
        made = [table for table in project.tables() if table.startswith("t_")]
        assert made == [f"t_{revision}" for revision in ("aaa1", "bbb2", "ccc3")[: len(made)]]
        applied = (project.rows() or [None])[0]
        assert applied == (made[-1].removeprefix("t_") if made else None), done.stderr
    run(project, "upgrade", "heads")


def test_a_failure_is_reported_and_recorded_where_env_py_s_search_path_leads(tmp_path: Path, postgres_url: str) -> None:
    project = with_journal(ProjectFolder(tmp_path / "project", postgres_url, ", transaction_per_migration=True"))
    env = (project.migrations / "env.py").read_text()
    before = "        context.configure(connection=connection"
    project.write_env(
        env.replace(
            before,
            f"        connection.exec_driver_sql('SET search_path TO t1')\n        connection.commit()\n{before}",
        )
    )
    project.execute("CREATE SCHEMA t1")
    project.table("aaa1")
    project.revision("bbb2", "aaa1", upgrade="raise ValueError")
    failed = project.branchmig("upgrade", "heads")
    assert failed.stderr.splitlines()[2:5] == [
        "       done: aaa1",
        "       not done: bbb2",
        "       the database is at: aaa1",
    ]
    assert (project.rows(schema="t1"), project.tables()) == (["aaa1"], [])
    engine = sa.create_engine(project.url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT revision, direction FROM t1.branchmig_journal ORDER BY id").all()
    assert found == [("aaa1", "upgrade"), ("bbb2", "failed")]
