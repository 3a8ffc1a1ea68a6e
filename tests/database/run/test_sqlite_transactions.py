from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from branchmig.database.run.run_listeners import listeners_of
from tests.database.proofs import opened
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

FAILS = "op.create_table('t_bbb2', sa.Column('id', sa.Integer))\nraise RuntimeError('boom')"
AS_ENV_PY = """\
from alembic import context
from sqlalchemy import create_engine, event, pool

engine = create_engine(context.config.get_main_option("sqlalchemy.url"), poolclass=pool.NullPool)
{more}
with engine.{opened}() as connection:
    context.configure(connection=connection, {options})
    with context.begin_transaction():
        context.run_migrations()
"""
RECIPE = """
@event.listens_for(engine, "connect")
def connect(dbapi_connection, record):
    dbapi_connection.isolation_level = None


@event.listens_for(engine, "begin")
def begin(connection):
    connection.exec_driver_sql("BEGIN")
"""
ASYNC = """\
import asyncio
from alembic import context
from sqlalchemy import pool
from sqlalchemy.ext.asyncio import create_async_engine


def run(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()


async def main():
    url = context.config.get_main_option("sqlalchemy.url").replace("sqlite:", "sqlite+aiosqlite:")
    engine = create_async_engine(url, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


asyncio.run(main())
"""


def env(more: str = "", opened: str = "connect", options: str = "") -> str:
    return AS_ENV_PY.format(more=more, opened=opened, options=options)


@pytest.fixture
def project(tmp_path: Path, sqlite_url: str) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    with (project.root / "alembic.ini").open("a") as ini:
        ini.write("[branchmig]\nsqlite_transactional_ddl = true\n")
    project.table("aaa1")
    project.revision("bbb2", "aaa1", upgrade=FAILS)
    return project


@pytest.mark.parametrize(
    "text",
    [
        env(),
        env(opened="begin"),
        env(more=RECIPE),
        env(more=RECIPE, opened="begin"),
        env(more=RECIPE + 'engine = engine.execution_options(logging_token="one")'),
        env(more='engine = engine.execution_options(isolation_level="SERIALIZABLE")'),
        env().replace("connection=connection", "connection"),
        ASYNC,
    ],
    ids=[
        "connect",
        "begin",
        "own recipe",
        "own recipe, begin",
        "own recipe, options",
        "isolation level",
        "by position",
        "async",
    ],
)
def test_a_run_that_fails_leaves_nothing_behind(project: ProjectFolder, text: str) -> None:
    project.write_env(text)
    result = project.branchmig("upgrade", "heads")
    assert result.exit_code == 3, result.stderr
    assert "error: revision 'bbb2' (step bbb2) failed: RuntimeError: boom" in result.stderr
    assert "hint:  correct the script and run the same command again" in result.stderr
    assert (project.rows(), project.tables()) == (None, [])


def test_with_a_transaction_per_migration_what_came_before_is_kept(project: ProjectFolder) -> None:
    project.write_env(env(options="transaction_per_migration=True"))
    assert project.branchmig("upgrade", "heads").exit_code == 3
    assert (project.rows(), project.tables()) == (["aaa1"], ["t_aaa1"])


def test_control_without_the_setting_a_table_of_the_failed_revision_stays(project: ProjectFolder) -> None:
    ini = project.root / "alembic.ini"
    ini.write_text(ini.read_text().replace("ddl = true", "ddl = false"))
    assert project.branchmig("upgrade", "heads").exit_code == 3
    assert project.tables() == ["t_aaa1", "t_bbb2"]


def test_what_env_py_says_of_its_ddl_wins(project: ProjectFolder) -> None:
    project.write_env(env(options="transactional_ddl=False"))
    assert project.branchmig("upgrade", "heads").exit_code == 3
    assert project.tables() == ["t_aaa1", "t_bbb2"]


def test_an_autocommit_block_is_outside_of_the_transaction(project: ProjectFolder) -> None:
    project.revision("bbb2", "aaa1", upgrade="with op.get_context().autocommit_block():\n    op.execute('VACUUM')")
    project.revision("ccc3", "bbb2", upgrade=FAILS)
    assert project.branchmig("upgrade", "heads").exit_code == 3
    # The block has committed what came before it, as on PostgreSQL; what came after it is one transaction again.
    assert (project.rows(), project.tables()) == (["aaa1"], ["t_aaa1"])


def test_what_must_be_outside_of_a_transaction_is_told_how(project: ProjectFolder) -> None:
    project.revision("bbb2", "aaa1", upgrade="op.execute('VACUUM')")
    result = project.branchmig("upgrade", "heads")
    assert result.exit_code == 3
    assert "VACUUM must be outside of a transaction: with op.get_context().autocommit_block(): …\n" in result.stderr


def test_a_switch_of_foreign_keys_that_sqlite_would_ignore_is_refused(project: ProjectFolder) -> None:
    on = 'event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA foreign_keys = ON").close())'
    project.write_env(env(more=on))
    project.revision("bbb2", "aaa1", upgrade="op.execute('PRAGMA foreign_keys = OFF')\nop.drop_table('t_aaa1')")
    result = project.branchmig("upgrade", "heads")
    assert result.exit_code == 3
    assert (
        "PRAGMA foreign_keys = OFF: SQLite ignores this within a transaction (sqlite_transactional_ddl)"
        in result.stderr
    )
    assert "hint:  write it in env.py, before context.configure()" in result.stderr
    assert project.tables() == []
    project.revision("bbb2", "aaa1", upgrade="op.execute('PRAGMA foreign_keys = ON')")
    assert project.branchmig("upgrade", "heads").exit_code == 0


def test_batch_mode_works_in_the_transaction(project: ProjectFolder) -> None:
    batch = "with op.batch_alter_table('t_aaa1', recreate='always') as batch:\n"
    batch += "    batch.add_column(sa.Column('x', sa.Integer))\n"
    project.revision("bbb2", "aaa1", upgrade=f"{batch}raise RuntimeError('boom')")
    assert project.branchmig("upgrade", "heads").exit_code == 3
    assert project.tables() == []
    project.revision("bbb2", "aaa1", upgrade=batch)
    assert project.branchmig("upgrade", "heads").exit_code == 0
    assert project.rows() == ["bbb2"]


def test_a_program_s_connection_is_the_driver_s_again_afterwards(project: ProjectFolder) -> None:
    from alembic.config import Config

    from branchmig import command

    project.write_env(
        "from alembic import context\n"
        "context.configure(connection=context.config.attributes['connection'])\n"
        "with context.begin_transaction():\n    context.run_migrations()\n"
    )
    config = Config(str(project.root / "alembic.ini"))
    engine = sa.create_engine(project.url)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "aaa1")
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        assert raw.isolation_level == ""
        connection.execute(sa.text("CREATE TABLE more (id INTEGER)"))
        assert not raw.in_transaction
    engine.dispose()


def test_it_is_off_unless_it_is_asked_for(tmp_path: Path) -> None:
    project, _ = opened(ProjectFolder(tmp_path / "plain", "sqlite://"))
    names = [type(item).__name__ for item in listeners_of(project, "upgrade", None, has_notes=False)]
    assert names[0] == "MigrationLock"
    assert "SqliteTransactions" not in names
