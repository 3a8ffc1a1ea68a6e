"""What env.py never commits is no success: the version rows are read back on a connection of branchmig's own."""

from __future__ import annotations

import gc
import json
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from filelock import FileLock

from branchmig import command
from branchmig.database.run.readback import ReadBack
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
from alembic import context
import sqlalchemy as sa

config = context.config
url = config.get_main_option("sqlalchemy.url")
engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
"""

# Each leaves what it did uncommitted; the line to add, as the hint words it, is inserted before or after.
UNCOMMITTED = {
    "a statement before configure()": """\
with engine.connect() as conn:
    conn.execute(sa.text("SELECT 1"))
    context.configure(connection=conn)
    with context.begin_transaction():
        context.run_migrations()
""",
    "a transaction that nobody ends": """\
conn = engine.connect()
outer = conn.begin()
context.configure(connection=conn)
with context.begin_transaction():
    context.run_migrations()
""",
    "transaction_per_migration": """\
with engine.connect() as conn:
    conn.execute(sa.text("SELECT 1"))
    context.configure(connection=conn, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
""",
}

COMMITTED = {
    "engine.begin()": """\
with engine.begin() as connection:
    connection.execute(sa.text("SELECT 1"))
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
""",
    "autocommit": """\
with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
    connection.execute(sa.text("SELECT 1"))
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
""",
    "per migration": """\
with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
""",
    "left open": """\
connection = engine.connect()
context.configure(connection=connection)
with context.begin_transaction():
    context.run_migrations()
connection.execute(sa.text("SELECT 1"))
""",
    "committed by hand": """\
with engine.connect() as connection:
    connection.execute(sa.text("SELECT 1"))
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
""",
}

ASYNC = """\
import asyncio
from sqlalchemy.ext.asyncio import create_async_engine


def migrate(connection):
    connection.execute(sa.text("SELECT 1"))
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()


async def main():
    engine = create_async_engine(url, poolclass=sa.pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


asyncio.run(main())
"""


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> ProjectFolder:
    made = ProjectFolder(tmp_path / "project", database_url)
    made.revision("aaa1")
    made.revision("bbb2", "aaa1")
    return made


def with_line(text: str, hint: str) -> str:
    """Do what a hint says to env.py."""
    assert "just before context.configure()" in hint, hint
    line = hint.split("add the line '")[1].split("'")[0]
    return "".join(
        f"{' ' * (len(row) - len(row.lstrip()))}{line}\n{row}" if "context.configure(" in row else row
        for row in text.splitlines(keepends=True)
    )


def end_process() -> None:
    """Close the connections that env.py has left open, as the end of its process does."""
    gc.collect()
    for found in gc.get_objects():
        if type(found) is sa.Connection and not found.closed:
            found.invalidate()
            found.close()


@pytest.mark.heavy
def test_what_env_py_never_commits_is_no_success(project: ProjectFolder) -> None:
    for text in UNCOMMITTED.values():
        project.write_env(HEAD + text)
        done = project.branchmig("upgrade", "heads")
        end_process()
        assert (done.exit_code, done.stdout) == (3, "")
        assert (
            "error: the version table is at base, and not at bbb2 as upgrade should have left it: env.py began a "
            "transaction before context.configure() and never committed it (migrations/env.py:"
        ) in done.stderr
        assert project.rows() in (None, [])


def test_a_step_that_leaves_the_rows_as_they_are_must_be_committed(tmp_path: Path, postgres_url: str) -> None:
    """bbb2 comes below the applied ccc3, so that the version rows are the same before and after it."""
    project = ProjectFolder(tmp_path / "project", postgres_url)
    with (project.root / "alembic.ini").open("a") as ini:
        ini.write("\n[branchmig]\njournal = true\n")
    project.table("aaa1")
    project.table("ccc3", "aaa1")
    assert project.branchmig("upgrade", "heads").exit_code == 0
    project.table("bbb2", "aaa1")
    project.table("ccc3", "bbb2")
    project.write_env(HEAD + UNCOMMITTED["a statement before configure()"])
    failed = project.branchmig("upgrade", "--missing", "--yes")
    assert (failed.exit_code, project.rows()) == (3, ["ccc3"])
    assert "and never committed it (migrations/env.py:9)" in failed.stderr
    assert "t_bbb2" not in project.tables()


def test_the_line_that_is_named_corrects_env_py(project: ProjectFolder) -> None:
    wrong = HEAD + UNCOMMITTED["a statement before configure()"]
    project.write_env(wrong)
    project.write_env(with_line(wrong, project.branchmig("upgrade", "heads").stderr))
    assert project.branchmig("upgrade", "heads").stderr == "Applied 2 revisions; the database is at bbb2.\n"
    project.write_env(wrong)
    for arguments in (("downgrade", "aaa1"), ("stamp", "--purge", "base"), ("stamp", "aaa1")):
        assert (project.branchmig(*arguments).exit_code, project.rows()) == (3, ["bbb2"])


@pytest.mark.heavy
def test_what_is_committed_in_whatever_way_is_a_success(project: ProjectFolder) -> None:
    for text in COMMITTED.values():
        project.write_env(HEAD + text)
        done = project.branchmig("upgrade", "heads", "--format", "json")
        end_process()
        assert (done.exit_code, json.loads(done.stdout)["to"]) == (0, ["bbb2"]), done.stderr
        assert project.rows() == ["bbb2"]
        assert project.branchmig("downgrade", "base").exit_code == 0


def test_json_tells_an_error_and_no_plan(project: ProjectFolder) -> None:
    project.write_env(HEAD + UNCOMMITTED["a statement before configure()"])
    done = project.branchmig("upgrade", "heads", "--format", "json")
    assert (done.exit_code, json.loads(done.stdout)["error"]["code"]) == (3, "not-committed")


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_an_async_env_py_is_read_back_too(tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue(f"{kind}_url").replace("sqlite://", "sqlite+aiosqlite://")
    project = ProjectFolder(tmp_path / "project", url)
    project.revision("aaa1")
    project.write_env(HEAD.replace("engine =", "# ") + ASYNC)
    done = project.branchmig("upgrade", "heads")
    assert done.exit_code == 3
    assert "env.py began a transaction" in done.stderr
    project.write_env(with_line(HEAD.replace("engine =", "# ") + ASYNC, done.stderr))
    assert project.branchmig("upgrade", "heads").exit_code == 0


def test_a_rollback_of_env_py_s_own_is_told_as_such(project: ProjectFolder) -> None:
    text = UNCOMMITTED["a statement before configure()"].replace('conn.execute(sa.text("SELECT 1"))', "pass")
    project.write_env(HEAD + text.replace("with context.begin_transaction():", "if conn.begin_nested():"))
    done = project.branchmig("upgrade", "heads")
    if project.url.startswith("postgresql"):
        assert done.exit_code == 3
        assert "nothing of it was committed" in done.stderr
        assert "run context.run_migrations() in 'with context.begin_transaction():'" in done.stderr
    else:
        assert done.exit_code in (0, 3)
        assert (done.exit_code == 0) == (project.rows() == ["bbb2"])


def test_a_rollback_within_a_block_of_begin_is_no_missing_commit(project: ProjectFolder) -> None:
    body = "        context.configure(connection=c)\n        context.run_migrations()\n        outer.rollback()\n"
    project.write_env(f"{HEAD}with engine.connect() as c:\n    with c.begin() as outer:\n{body}")
    done = project.branchmig("upgrade", "heads")
    assert (done.exit_code, project.rows() or []) == (3, [])
    assert "env.py rolled back the transaction that it began before context.configure()" in done.stderr
    assert ".commit()" not in done.stderr


def test_the_cause_is_named_where_ddl_commits_a_part_of_the_run(tmp_path: Path, mariadb_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", mariadb_url)
    project.table("aaa1")
    project.table("bbb2", "aaa1")
    project.write_env(HEAD + UNCOMMITTED["a statement before configure()"])
    done = project.branchmig("upgrade", "heads")
    assert (done.exit_code, project.rows()) == (3, ["aaa1"])
    assert "env.py began a transaction before context.configure() and never committed it" in done.stderr
    assert "add the line 'conn.commit()'" in done.stderr


def test_a_version_table_that_is_rolled_back_is_no_success(tmp_path: Path, postgres_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", postgres_url)
    good = (project.migrations / "env.py").read_text()
    project.write_env(HEAD + UNCOMMITTED["a statement before configure()"])
    done = project.branchmig("ensure_version")
    assert done.exit_code == 3
    assert "never committed it" in done.stderr
    project.write_env(good)
    assert project.branchmig("ensure_version").exit_code == 0
    assert project.rows() == []


def test_a_program_may_commit_its_own_transaction_later(project: ProjectFolder) -> None:
    from alembic.config import Config

    project.write_env(
        HEAD + "context.configure(connection=config.attributes['connection'])\ncontext.run_migrations()\n"
    )
    config = Config(str(project.root / "alembic.ini"))
    engine = sa.create_engine(project.url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()
    assert project.rows() == ["bbb2"]


@pytest.mark.parametrize("pool", ["StaticPool", "NullPool", "SingletonThreadPool"])
def test_a_database_in_memory_is_no_failure(tmp_path: Path, pool: str) -> None:
    project = ProjectFolder(tmp_path / "project", "sqlite://")
    project.revision("aaa1")
    project.write_env(HEAD.replace("NullPool", pool) + COMMITTED["committed by hand"])
    assert project.branchmig("upgrade", "heads").stderr == "Applied 1 revision; the database is at aaa1.\n"
    if pool != "NullPool":
        project.write_env(HEAD.replace("NullPool", pool) + UNCOMMITTED["a statement before configure()"])
        assert project.branchmig("upgrade", "heads").exit_code == 3


def test_a_version_table_in_an_attached_file_is_found(tmp_path: Path, sqlite_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.revision("aaa1")
    attach = f"connection.exec_driver_sql(\"ATTACH DATABASE '{tmp_path / 'other.db'}' AS other\"); connection.commit()"
    text = COMMITTED["per migration"].replace(
        "context.configure(", f"{attach}\n    context.configure(version_table_schema='other', "
    )
    project.write_env(HEAD + text)
    assert project.branchmig("upgrade", "heads").exit_code == 0
    project.write_env(
        HEAD
        + text.replace("    context.configure", "    connection.execute(sa.text('SELECT 1'))\n    context.configure")
    )
    assert project.branchmig("downgrade", "base").exit_code == 3


TENANTS = {
    "search_path": """\
with engine.connect() as connection:
    for tenant in ("one", "two", "three"):
        connection.exec_driver_sql(f"SET search_path TO {tenant}")
        connection.commit()
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
""",
    "schema_translate_map": """\
for tenant in ("one", "two", "three"):
    with engine.connect().execution_options(schema_translate_map={None: tenant}) as connection:
        context.configure(connection=connection, version_table_schema=tenant)
        with context.begin_transaction():
            context.run_migrations()
""",
    "databases": """\
for tenant in ("one", "two", "three"):
    with sa.create_engine(url + tenant, poolclass=sa.pool.NullPool).connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
""",
}


@pytest.mark.heavy
@pytest.mark.parametrize("kind", TENANTS)
def test_each_of_several_databases_is_named(tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> None:
    is_sqlite = kind == "databases"
    url = request.getfixturevalue("sqlite_url" if is_sqlite else "postgres_url")
    names = [f"{url}{item}" if is_sqlite else f"{url} ({item}.alembic_version)" for item in ("one", "two", "three")]
    project = ProjectFolder(tmp_path / "project", url)
    project.write_env(HEAD + TENANTS[kind])
    with (project.root / "alembic.ini").open("a") as ini:
        ini.write("\n[branchmig]\njournal = true\n")
    if not is_sqlite:
        project.execute("CREATE SCHEMA one", "CREATE SCHEMA two", "CREATE SCHEMA three")
    project.revision("aaa1")
    plans = json.loads(project.branchmig("upgrade", "heads", "--plan", "--format", "json").stdout)["plans"]
    assert [plan["database"] for plan in plans] == names
    assert project.branchmig("upgrade", "heads", "--plan").lines[::2] == [
        f"{name}: 1 step, from base to aaa1:" for name in names
    ]
    done = project.branchmig("upgrade", "heads")
    assert done.stderr == "".join(f"{name}: Applied 1 revision; the database is at aaa1.\n" for name in names)
    audit = project.branchmig("audit").lines
    assert [line.split(": ")[0] for line in audit] == names
    counter = "".join(("import os\n", "tenants = os.environ.setdefault('BRANCHMIG_TEST_TENANTS', '')\n"))
    project.revision(
        "bbb2",
        "aaa1",
        upgrade=f"{counter}os.environ['BRANCHMIG_TEST_TENANTS'] = tenants + '.'\nassert len(tenants) < 1, 'the second'",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("BRANCHMIG_TEST_TENANTS", raising=False)
        patch.setenv("BRANCHMIG_TEST_TENANTS", "")
        failed = project.branchmig("upgrade", "heads")
    assert failed.exit_code == 3
    assert f"error: revision 'bbb2' (step bbb2) failed in {names[1]}: AssertionError" in failed.stderr
    assert f"{names[0]}: done: bbb2; not done: nothing; the database is at: bbb2\n" in failed.stderr
    assert f"{names[1]}: done: nothing of this run; not done: bbb2; the database is at: aaa1\n" in failed.stderr
    assert names[2] not in failed.stderr


def test_what_is_rolled_back_for_all_tenants_at_once_is_said_of_each(tmp_path: Path, postgres_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", postgres_url)
    project.execute("CREATE SCHEMA one", "CREATE SCHEMA two", "CREATE SCHEMA three")
    project.revision("aaa1")
    project.write_env(HEAD + TENANTS["search_path"].replace("        connection.commit()\n", ""))
    done = project.branchmig("upgrade", "heads")
    assert done.exit_code == 3
    for name in ("one", "two", "three"):
        assert f"{postgres_url} ({name}.alembic_version): not applied: it is at base\n" in done.stderr
    project.write_env(
        with_line(HEAD + TENANTS["search_path"].replace("        connection.commit()\n", ""), done.stderr)
    )
    assert project.branchmig("upgrade", "heads").exit_code == 0


def test_what_alembic_has_done_meanwhile_is_not_claimed(project: ProjectFolder) -> None:
    """alembic takes no lock: it applies bbb2 while branchmig runs it, and branchmig's own attempt fails."""
    meanwhile = f"sa.create_engine({project.url!r}, poolclass=sa.pool.NullPool).connect()"
    project.revision(
        "bbb2",
        "aaa1",
        upgrade=f"""\
        with {meanwhile} as other:
            other.execute(sa.text("UPDATE alembic_version SET version_num = 'bbb2'"))
            other.commit()
        raise RuntimeError("it is there")
        """,
    )
    assert project.branchmig("upgrade", "aaa1").exit_code == 0
    done = project.branchmig("upgrade", "heads")
    assert done.exit_code == 3
    assert "done: nothing of this run\n" in done.stderr
    assert "the database is at: bbb2\n" in done.stderr
    assert "something else has moved the version table meanwhile: this run left it at aaa1\n" in done.stderr


def test_what_is_written_beside_a_plan_is_committed_or_told(project: ProjectFolder) -> None:
    with (project.root / "alembic.ini").open("a") as ini:
        ini.write("\n[branchmig]\njournal = true\n")
    assert project.branchmig("upgrade", "heads").exit_code == 0
    path = project.versions / "bbb2.py"
    path.write_text(path.read_text().replace("pass", "op.execute('SELECT 1')", 1))
    good = (project.migrations / "env.py").read_text()
    project.write_env(HEAD + UNCOMMITTED["a statement before configure()"])
    done = project.branchmig("repair", "--accept-edits")
    assert done.exit_code == 3, done.stderr
    assert "env.py began a transaction before context.configure() and never committed it" in done.stderr
    project.write_env(good)
    assert project.branchmig("repair", "--accept-edits").exit_code == 0


def test_the_rows_are_read_back_before_another_run_may_take_the_lock(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    for owner, name in ((ReadBack, "_look"), (FileLock, "release")):
        original = getattr(owner, name)

        def noted(*given: object, _name: str = name, _original: Any = original, **options: object) -> object:
            order.append(_name)
            return _original(*given, **options)

        monkeypatch.setattr(owner, name, noted)
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.write_env(HEAD + TENANTS["databases"])
    project.revision("aaa1")
    assert project.branchmig("upgrade", "heads").exit_code == 0
    assert [name for name, _ in groupby(order)] == ["_look", "release"] * 3


COUNTED = """\
home = context.script.dir

@sa.event.listens_for(engine, "connect")
def connected(*_):
    with open(home + "/connections", "a") as file:
        file.write("1")


with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
    END
"""
END_LOCK = {
    "postgres": "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())",
    "mariadb": "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()",
}


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
@pytest.mark.parametrize("is_lost", [False, True], ids=["", "that is lost"])
def test_the_rows_are_read_back_by_the_session_of_the_lock(
    tmp_path: Path, kind: str, is_lost: bool, request: pytest.FixtureRequest
) -> None:
    project = ProjectFolder(tmp_path / "project", request.getfixturevalue(f"{kind}_url"))
    project.revision("aaa1")
    end = f"[connection.exec_driver_sql(f'KILL {{number}}') for number in found if {kind == 'mariadb'}]"
    end = f'found = connection.exec_driver_sql("{END_LOCK[kind]}").scalars().all(); {end}'
    project.write_env(HEAD + COUNTED.replace("END", end if is_lost else "pass"))
    done = project.branchmig("upgrade", "heads")
    assert (done.exit_code, done.stderr) == (0, "Applied 1 revision; the database is at aaa1.\n")
    # env.py's and the lock's; a server may end the latter's session, and the rows are read by a third one then.
    connections = (project.root / "migrations" / "connections").read_text()
    assert len(connections) == (3 if is_lost else 2)
