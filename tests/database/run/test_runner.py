from __future__ import annotations

import importlib.util
import json
import os
import py_compile
import textwrap
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tests.support import ENV, ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

BOOM = """\
op.create_table('t_ccc3', sa.Column('id', sa.Integer(), primary_key=True))
op.execute("INSERT INTO t_aaa1 (id) VALUES (7)")
op.add_column('t_aaa1', sa.Column('y', sa.Integer()))
raise RuntimeError('boom')"""


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> ProjectFolder:
    return ProjectFolder(tmp_path / "project", database_url)


@pytest.fixture
def on_sqlite(tmp_path: Path, sqlite_url: str) -> ProjectFolder:
    return ProjectFolder(tmp_path / "project", sqlite_url)


def shown(url: str) -> str:
    """Return a URL as it is shown: the tests' servers have no passwords."""
    return str(sa.make_url(url))


def fork_and_merge(project: ProjectFolder) -> None:
    """aaa1 -> bbb2 -> ddd4 (m), aaa1 -> ccc3 -> ddd4, eee5 depends on ccc3."""
    project.table("aaa1")
    project.table("bbb2", "aaa1")
    project.table("ccc3", "aaa1", labels=("side",))
    project.revision("ddd4", "bbb2", "ccc3")
    project.table("eee5", "bbb2", depends_on=("side",))


@pytest.mark.heavy
def test_upgrade_and_downgrade_leave_the_rows_that_alembic_leaves(project: ProjectFolder) -> None:
    fork_and_merge(project)
    journeys = ["heads", "ddd4", "base", "ccc3", "eee5", "side@head", "heads"]
    seen = []
    for target in journeys:
        result = project.branchmig("downgrade" if target == "base" else "upgrade", target)
        assert result.exit_code == 0, result.stderr
        seen.append((target, project.rows(), project.tables()))
    assert project.branchmig("downgrade", "base").exit_code == 0
    expected = []
    for target in journeys:
        assert project.alembic("downgrade" if target == "base" else "upgrade", target).exit_code == 0
        expected.append((target, project.rows(), project.tables()))
    assert seen == expected


def test_only_the_scripts_of_the_plan_are_executed(on_sqlite: ProjectFolder) -> None:
    on_sqlite.table("aaa1")
    path = on_sqlite.table("bbb2", "aaa1")
    path.write_text(path.read_text() + "\nraise SystemError('imported')\n")
    assert on_sqlite.branchmig("upgrade", "aaa1").exit_code == 0
    assert on_sqlite.rows() == ["aaa1"]


def test_a_script_that_does_not_import_stops_the_run_before_anything_runs(project: ProjectFolder) -> None:
    project.table("aaa1")
    path = project.table("bbb2", "aaa1")
    path.write_text(path.read_text().replace("import sqlalchemy", "import no_such_module\nimport sqlalchemy"))
    result = project.branchmig("upgrade", "heads")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == (
        "error: revision 'bbb2' cannot be imported: migrations/versions/bbb2.py:9: "
        "ModuleNotFoundError: No module named 'no_such_module'\n"
        "hint:  nothing was run; correct the file and start again\n"
    )
    assert (project.rows() or [], project.tables()) == ([], [])


def test_a_script_with_a_syntax_error_is_named_by_its_line(on_sqlite: ProjectFolder) -> None:
    path = on_sqlite.revision("aaa1", upgrade="pass")
    path.write_text(path.read_text().replace("    pass", "    op.execute(('x')", 1))
    result = on_sqlite.branchmig("upgrade", "heads")
    assert result.exit_code == 3
    assert result.stderr.startswith(
        "error: revision 'aaa1' cannot be imported: migrations/versions/aaa1.py:18: SyntaxError: '(' was never closed\n"
    )


def test_a_script_without_upgrade_is_refused_before_anything_runs(on_sqlite: ProjectFolder) -> None:
    on_sqlite.table("aaa1")
    path = on_sqlite.table("bbb2", "aaa1")
    path.write_text(path.read_text().replace("def upgrade()", "def upgarde()"))
    result = on_sqlite.branchmig("upgrade", "heads")
    assert result.exit_code == 3
    assert result.stderr == (
        "error: migrations/versions/bbb2.py: revision 'bbb2' has no function upgrade()\nhint:  add 'def upgrade():'\n"
    )
    assert on_sqlite.tables() == []


def failing(project: ProjectFolder) -> None:
    project.table("aaa1")
    project.table("bbb2", "aaa1")
    project.revision("ccc3", "bbb2", upgrade=BOOM, message="add y")
    project.table("ddd4", "ccc3")


def test_a_script_that_raises_is_reported_once_with_what_was_and_was_not_applied(
    project: ProjectFolder,
) -> None:
    failing(project)
    result = project.branchmig("upgrade", "heads")
    is_transactional = project.url.startswith("postgresql")
    undo = "sqlite" if project.url.startswith("sqlite") else "mariadb"
    hint = (
        "correct the script and run the same command again; --raiseerr shows the whole traceback"
        if is_transactional
        else f"{undo} does not roll DDL back: undo what ccc3 did so far before you run it again"
        f"{'; sqlite_transactional_ddl = true prevents that' if undo == 'sqlite' else ''}; "
        "--raiseerr shows the whole traceback"
    )
    assert result.exit_code == 3
    assert result.stderr == textwrap.dedent(
        f"""\
        error: revision 'ccc3' (add y) failed: RuntimeError: boom
               at migrations/versions/ccc3.py:21, in upgrade(): raise RuntimeError('boom')
               done: {"nothing of this run" if is_transactional else "aaa1, bbb2"}
               not done: {"aaa1, bbb2, ccc3, ddd4" if is_transactional else "ccc3, ddd4"}
               the database is at: {"base" if is_transactional else "bbb2"}
        hint:  {hint}
        """
    )
    assert project.rows() in ([], None) if is_transactional else project.rows() == ["bbb2"]


def test_with_a_transaction_per_migration_what_came_before_the_failure_is_kept(
    tmp_path: Path, postgres_url: str
) -> None:
    project = ProjectFolder(tmp_path / "project", postgres_url, env_options=", transaction_per_migration=True")
    failing(project)
    result = project.branchmig("upgrade", "heads")
    assert result.exit_code == 3
    assert "       done: aaa1, bbb2\n       not done: ccc3, ddd4\n       the database is at: bbb2\n" in result.stderr
    assert project.rows() == ["bbb2"]
    path = project.versions / "ccc3.py"
    path.write_text(path.read_text().replace("raise RuntimeError('boom')", "pass"))
    assert project.branchmig("upgrade", "heads").exit_code == 0
    assert project.rows() == ["ddd4"]


def test_a_failing_statement_is_shown_and_the_password_is_not(project: ProjectFolder) -> None:
    project.revision("aaa1", upgrade="op.execute('SELECT * FROM no_such_table')")
    result = project.branchmig("upgrade", "heads")
    assert result.exit_code == 3
    assert "no_such_table" in result.stderr.splitlines()[0]
    assert "       SQL: SELECT * FROM no_such_table\n" in result.stderr
    assert "Traceback" not in result.stderr


def test_raiseerr_gives_the_whole_traceback(on_sqlite: ProjectFolder) -> None:
    failing(on_sqlite)
    with pytest.raises(Exception, match="ccc3") as caught:
        on_sqlite.branchmig("--raiseerr", "upgrade", "heads")
    assert repr(caught.value.__cause__) == "RuntimeError('boom')"


def test_a_script_sees_its_own_file_and_what_lies_beside_it(project: ProjectFolder) -> None:
    (project.versions / "aaa1.sql").write_text("CREATE TABLE beside (id INTEGER)")
    project.revision(
        "aaa1", upgrade="import pathlib\nop.execute(pathlib.Path(__file__).with_suffix('.sql').read_text())"
    )
    assert project.branchmig("upgrade", "heads").exit_code == 0
    assert project.tables() == ["beside"]


CALLBACK = """
import json, pathlib
seen = pathlib.Path(config.config_file_name).with_name('seen.jsonl')


def on_version_apply(ctx, step, heads, run_args):
    with seen.open('a') as stream:
        stream.write(json.dumps([
            type(step).__name__, step.is_upgrade, step.is_stamp, step.is_migration,
            step.up_revision_id, list(step.up_revision_ids), sorted(step.down_revision_ids),
            step.up_revision.doc if step.up_revision_id else None,
            sorted(one.revision for one in step.source_revisions),
            sorted(one.revision for one in step.destination_revisions),
            sorted(heads), run_args]) + '\\n')
"""


def test_on_version_apply_callbacks_see_what_alembic_shows_them(project: ProjectFolder) -> None:
    fork_and_merge(project)
    env = ENV.replace("{options}", ", on_version_apply=on_version_apply").replace(
        "config = context.config", "config = context.config" + CALLBACK
    )
    project.write_env(env.replace("context.run_migrations()", "context.run_migrations(colour='blue')"))
    for path in project.versions.glob("*.py"):
        path.write_text(path.read_text().replace("grade():", "grade(colour):"))
    journeys = [("upgrade", "heads"), ("downgrade", "base"), ("stamp", "ddd4"), ("stamp", "base")]
    seen = project.root / "seen.jsonl"
    for arguments in journeys:
        assert project.branchmig(*arguments).exit_code == 0
    ours = [json.loads(line) for line in seen.read_text().splitlines()]
    seen.unlink()
    for arguments in journeys:
        assert project.alembic(*arguments).exit_code == 0
    theirs = [json.loads(line) for line in seen.read_text().splitlines()]
    # The order of unrelated revisions differs (T5), and with it the heads on the way.
    assert sorted(map(str, (revision_id[:-2] for revision_id in ours))) == sorted(
        map(str, (revision_id[:-2] for revision_id in theirs))
    )
    assert ours[-3:] == theirs[-3:]


def test_env_py_may_run_migrations_on_several_databases(tmp_path: Path, database_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", database_url)
    other = f"sqlite:///{tmp_path / 'other.db'}"
    project.write_env(
        textwrap.dedent(
            f"""
            from alembic import context
            from sqlalchemy import create_engine, pool
            for url in (context.config.get_main_option("sqlalchemy.url"), {other!r}):
                with create_engine(url, poolclass=pool.NullPool).connect() as connection:
                    context.configure(connection=connection)
                    with context.begin_transaction():
                        context.run_migrations()
            """
        )
    )
    project.table("aaa1")
    project.table("bbb2", "aaa1")
    project.alembic("upgrade", "aaa1")
    second = ProjectFolder(tmp_path / "second", other)
    second.execute("DROP TABLE t_aaa1", "DELETE FROM alembic_version")
    result = project.branchmig("upgrade", "heads")
    assert (result.exit_code, result.stderr) == (
        0,
        f"{shown(project.url)}: Applied 1 revision; the database is at bbb2.\n"
        f"{shown(other)}: Applied 2 revisions; the database is at bbb2.\n",
    )
    assert (project.rows(), second.rows()) == (["bbb2"], ["bbb2"])
    plan = json.loads(project.branchmig("upgrade", "heads", "--plan", "--format", "json").stdout)
    assert [item["from"] for item in plan["plans"]] == [["bbb2"], ["bbb2"]]


ASYNC_ENV = """
import asyncio
from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy import pool

def run(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()

async def main():
    engine = create_async_engine({url!r}, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()

asyncio.run(main())
"""


def test_an_async_env_py_works_and_its_version_table_is_asked_after_a_failure(on_sqlite: ProjectFolder) -> None:
    on_sqlite.write_env(ASYNC_ENV.format(url=on_sqlite.url.replace("sqlite:", "sqlite+aiosqlite:")))
    failing(on_sqlite)
    assert on_sqlite.branchmig("upgrade", "bbb2").exit_code == 0
    assert on_sqlite.rows() == ["bbb2"]
    result = on_sqlite.branchmig("upgrade", "heads")
    assert result.exit_code == 3
    assert "done: nothing of this run\n       not done: ccc3" in result.stderr
    assert "the database is at: bbb2\n" in result.stderr


def test_a_version_table_of_another_name_and_schema_is_used(tmp_path: Path, postgres_url: str) -> None:
    options = ", version_table='versions', version_table_schema='meta'"
    project = ProjectFolder(tmp_path / "project", postgres_url, env_options=options)
    project.execute("CREATE SCHEMA meta")
    failing(project)
    assert project.branchmig("upgrade", "bbb2").exit_code == 0
    assert project.rows("versions", "meta") == ["bbb2"]
    assert "the database is at: bbb2\n" in project.branchmig("upgrade", "heads").stderr
    assert project.branchmig("downgrade", "base").exit_code == 0
    assert project.rows("versions", "meta") == []


def test_an_error_in_env_py_names_its_line(on_sqlite: ProjectFolder) -> None:
    on_sqlite.table("aaa1")
    on_sqlite.write_env("x = 1\nx / 0\n")
    result = on_sqlite.branchmig("upgrade", "heads")
    assert result.exit_code == 3
    assert result.stderr == (
        "error: migrations/env.py:2: ZeroDivisionError: division by zero\nhint:  --raiseerr shows the whole traceback\n"
    )


def test_a_server_that_refuses_is_one_line_without_the_password(on_sqlite: ProjectFolder) -> None:
    on_sqlite.table("aaa1")
    ini = on_sqlite.root / "alembic.ini"
    ini.write_text(ini.read_text().replace(on_sqlite.url, "postgresql+psycopg://me:s3cret@127.0.0.1:1/db"))
    result = on_sqlite.branchmig("upgrade", "heads")
    assert result.exit_code == 3
    assert result.stderr.startswith("error: migrations/env.py:15: OperationalError: connection failed")
    assert "s3cret" not in result.stderr
    assert len(result.stderr.splitlines()) == 2


def test_an_env_py_that_runs_no_migrations_is_told(on_sqlite: ProjectFolder) -> None:
    on_sqlite.table("aaa1")
    on_sqlite.write_env("from alembic import context\n")
    result = on_sqlite.branchmig("upgrade", "heads")
    assert result == (type(result)(0, "", "warning: env.py did not call context.run_migrations(): nothing was run\n"))


@pytest.mark.parametrize(
    ("rows", "error", "hint"),
    [
        (["aaa"], "the version table holds 'aaa', an abbreviation of 'aaa1'", "branchmig stamp --purge aaa1"),
        ([None], "the version table holds NULL", "branchmig stamp --purge REVISION"),
        (["aaa1", "aaa1"], "the version table holds 'aaa1' 2 times", "branchmig stamp --purge aaa1"),
        (
            ["aaa1", "bbb2"],
            "revision 'aaa1' is in the version table beside its descendant 'bbb2'",
            "branchmig stamp --purge bbb2",
        ),
        (
            ["feedbeef"],
            "the database is at 'feedbeef', a revision that this checkout does not have",
            "--purge",
        ),
    ],
)
@pytest.mark.parametrize("command", [("upgrade", "heads"), ("downgrade", "base"), ("stamp", "heads"), ("current",)])
def test_rows_that_no_sound_database_holds_are_refused_before_any_write(
    project: ProjectFolder, rows: list[str | None], error: str, hint: str, command: tuple[str, ...]
) -> None:
    project.table("aaa1")
    project.table("bbb2", "aaa1")
    project.table("ccc3", "bbb2")
    values = ", ".join("(NULL)" if row is None else f"('{row}')" for row in rows)
    project.execute(
        "CREATE TABLE alembic_version (version_num VARCHAR(32))",
        f"INSERT INTO alembic_version VALUES {values}",
    )
    result = project.branchmig(*command)
    assert result.exit_code == 3
    assert result.stderr.startswith(f"error: {error}")
    assert hint in result.stderr.splitlines()[-1]
    assert (project.rows(), project.tables()) == (sorted(rows, key=str), [])
    if command[0] == "upgrade" and "REVISION" not in result.stderr:
        repaired = result.stderr.splitlines()[-1].partition("branchmig ")[2].split()
        assert project.branchmig(*repaired).exit_code == 0
        assert project.rows() == [repaired[-1]]


@pytest.mark.parametrize("is_missing", [False, True])
def test_an_empty_or_missing_versions_folder_is_no_success_for_a_database_with_rows(
    project: ProjectFolder, is_missing: bool
) -> None:
    project.table("aaa1")
    assert project.branchmig("upgrade", "heads").exit_code == 0
    (project.versions / "aaa1.py").unlink()
    if is_missing:
        for path in sorted(project.versions.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        project.versions.rmdir()
    for command in (("upgrade", "heads"), ("downgrade", "base"), ("current",), ("stamp", "heads")):
        result = project.branchmig(*command)
        assert (result.exit_code, result.stderr) == (
            3,
            "error: the database is at 'aaa1', and this project has no revisions at all\n"
            "hint:  is it the right checkout, and the right version_locations?\n",
        )
    assert project.rows() == ["aaa1"]


def test_check_heads_is_right_with_depends_on(project: ProjectFolder) -> None:
    """aaa1 -> aaa2 ; bbb1 -> bbb2 depends on aaa2: the table keeps only bbb2."""
    project.table("aaa1")
    project.table("aaa2", "aaa1")
    project.table("bbb1")
    project.table("bbb2", "bbb1", depends_on=("aaa2",))
    project.branchmig("upgrade", "aaa2")
    behind = project.branchmig("current", "--check-heads")
    assert (behind.exit_code, behind.stderr) == (
        1,
        "error: Database is not on all head revisions: it is at aaa2, the heads are bbb2\n"
        "hint:  branchmig upgrade heads\n",
    )
    project.branchmig("upgrade", "heads")
    there = project.branchmig("current", "--check-heads")
    assert (there.exit_code, there.stdout) == (0, "aaa2 (effective head)\nbbb2 (head)\n")
    assert project.rows() == ["bbb2"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("upgrade", "heads"),
        ("upgrade", "ddd4"),
        ("upgrade", "aaa1:ddd4"),
        ("upgrade", "bbb2:heads"),
        ("downgrade", "ddd4:aaa1"),
        ("downgrade", "bbb2:base"),
        ("stamp", "bbb2"),
        ("stamp", "aaa1:bbb2"),
        ("ensure_version",),
    ],
)
def test_offline_sql_is_alembics_byte_for_byte_on_a_plan_of_one_line(
    project: ProjectFolder, arguments: tuple[str, ...]
) -> None:
    project.table("aaa1")
    project.table("bbb2", "aaa1")
    project.table("ccc3", "bbb2")
    project.table("ddd4", "ccc3")
    ours = project.branchmig(*arguments, "--sql")
    theirs = project.alembic(*arguments, "--sql")
    assert (ours.exit_code, theirs.exit_code) == (0, 0), ours.stderr + theirs.stderr
    assert ours.stdout == theirs.stdout
    assert "alembic_version" in ours.stdout
    assert project.rows() is None


def test_a_revision_that_commits_in_its_middle_says_what_is_left_behind(tmp_path: Path, postgres_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", postgres_url)
    project.revision(
        "aaa1",
        upgrade="op.create_table('t_aaa1', sa.Column('id', sa.Integer()))\n"
        "with op.get_context().autocommit_block():\n    op.execute('SELECT 1')\nraise RuntimeError('boom')",
    )
    assert project.branchmig("upgrade", "head").stderr.splitlines()[-1] == (
        "hint:  what stands before its autocommit_block(), and in it, is committed: undo that, correct the script and "
        "run the same command again; --raiseerr shows the whole traceback"
    )
    assert project.tables() == ["t_aaa1"]


def test_a_script_that_was_changed_in_the_second_of_its_run_is_not_run_from_old_bytecode(
    on_sqlite: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python takes bytecode for fresh where the second and the size are the same."""
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    path = on_sqlite.table("aaa1")
    assert on_sqlite.branchmig("upgrade", "head").exit_code == 0
    assert on_sqlite.branchmig("downgrade", "base").exit_code == 0
    before = path.stat()
    path.write_text(path.read_text().replace("t_aaa1", "t_zzz9"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert on_sqlite.branchmig("upgrade", "head").exit_code == 0
    assert on_sqlite.tables() == ["t_zzz9"]


def test_bytecode_that_is_as_old_as_its_script_is_replaced_once(
    on_sqlite: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    monkeypatch.setattr("sys.pycache_prefix", None)
    path = on_sqlite.table("aaa1")
    bytecode = path.parent / "__pycache__" / os.path.basename(importlib.util.cache_from_source(str(path)))
    written = path.stat().st_mtime_ns - 60 * 10**9
    os.utime(path, ns=(written, written))
    py_compile.compile(str(path))
    os.utime(bytecode, ns=(written, written))
    path.write_text(path.read_text().replace("t_aaa1", "t_zzz9"))
    os.utime(path, ns=(written, written))
    assert on_sqlite.branchmig("upgrade", "head").exit_code == 0
    assert on_sqlite.tables() == ["t_zzz9"]
    compiled = bytecode.stat()
    assert compiled.st_mtime_ns > written
    assert on_sqlite.branchmig("downgrade", "base").exit_code == 0
    assert bytecode.stat().st_ino == compiled.st_ino


def test_an_autocommit_block_within_a_transaction_of_env_py_is_not_said_to_have_committed(
    tmp_path: Path, postgres_url: str
) -> None:
    project = ProjectFolder(tmp_path / "project", postgres_url)
    env = (project.migrations / "env.py").read_text()
    project.write_env(env.replace("engine.connect() as", "engine.begin() as"))
    block = "with op.get_context().autocommit_block():\n    op.execute('select 1')"
    project.revision("aaa1", upgrade=f"op.create_table('t', sa.Column('id', sa.Integer))\n{block}")
    result = project.branchmig("upgrade", "heads")
    assert (result.exit_code, project.tables()) == (3, [])
    assert "nothing was committed: in env.py write engine.connect()" in result.stderr
    assert "is committed" not in result.stderr
    project.write_env(env)
    assert project.branchmig("upgrade", "heads").exit_code == 0


def test_an_index_that_was_left_invalid_is_named_with_what_drops_it(tmp_path: Path, postgres_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", postgres_url)
    project.execute("CREATE TABLE t (x INT)", "INSERT INTO t VALUES (1), (1)")
    project.revision(
        "aaa1",
        upgrade="with op.get_context().autocommit_block():\n"
        "    op.create_index('Ix', 't', ['x'], unique=True, postgresql_concurrently=True)",
    )
    failed = project.branchmig("upgrade", "heads")
    assert failed.exit_code == 3
    assert 'hint:  an index was left invalid: DROP INDEX CONCURRENTLY "Ix"; then run' in failed.stderr
