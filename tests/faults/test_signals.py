"""Ctrl-C and SIGTERM in the middle of an upgrade: what runs is cancelled, rolled back where that can be, and told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from tests.conftest import ROOT
from tests.faults.processes import record
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

# Each runs for a minute unless it is cancelled.
SLOW = {
    "sqlite": "op.execute('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000000) '"
    "' INSERT INTO t_aaa1 SELECT max(i) FROM n')",
    "postgresql": "op.execute('SELECT pg_sleep(60)')",
    "mysql": "op.execute('SELECT SLEEP(60) FROM t_aaa1')",
}
IN_PYTHON = "import time\ntime.sleep(60)"
SAY = "open('runs', 'w').close()\n"
ENV_ASYNC = """\
import asyncio
from alembic import context
from sqlalchemy import pool
from sqlalchemy.ext.asyncio import create_async_engine


def run(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()


async def main():
    engine = create_async_engine(context.config.get_main_option("sqlalchemy.url"), poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


asyncio.run(main())
"""


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> ProjectFolder:
    return ProjectFolder(tmp_path / "project", database_url, ", transaction_per_migration=True")


def interrupted(
    project: ProjectFolder, slow: str, *signals: signal.Signals, program: str = "branchmig"
) -> tuple[int, str, float]:
    """Upgrade, send signals when the second revision runs, and return exit code, words, and seconds it took then."""
    project.revision(
        "aaa1",
        upgrade="op.create_table('t_aaa1', sa.Column('id', sa.Integer))\nop.execute('INSERT INTO t_aaa1 VALUES (1)')",
    )
    project.revision("bbb2", "aaa1", upgrade=f"op.create_table('t_bbb2', sa.Column('id', sa.Integer))\n{SAY}{slow}")
    project.revision("ccc3", "bbb2")
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", program, "upgrade", "heads"],
        cwd=project.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 30
    while not (project.root / "runs").exists() and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    began = time.monotonic()
    for number in signals:
        process.send_signal(number)
        time.sleep(0.4)
    try:
        _, words = process.communicate(timeout=20)
    finally:
        process.kill()
    # On a slow machine, progress is told.
    words = "".join(line for line in words.splitlines(keepends=True) if not line.startswith("["))
    return process.returncode, words, time.monotonic() - began


def statements_running(url: str) -> int:
    """Return how many of our slow statements the server still runs."""
    questions = {
        "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(60)%' "
        "AND datname = current_database() AND pid <> pg_backend_pid()",
        "mysql": "SELECT count(*) FROM information_schema.processlist "
        "WHERE info LIKE 'SELECT SLEEP(60)%' AND db = DATABASE()",
    }
    engine = sa.create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        question = questions.get(engine.dialect.name)
        return int(connection.execute(sa.text(question)).scalar_one()) if question else 0


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.soak)])
def test_the_running_statement_is_cancelled_and_what_is_applied_is_told(
    project: ProjectFolder, number: signal.Signals
) -> None:
    name = sa.make_url(project.url).get_backend_name()
    code, words, seconds = interrupted(project, SLOW[name], number)
    by = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
    hints = {
        "postgresql": "run the same command again",
        "mysql": "mariadb does not roll DDL back: undo what bbb2 did so far before you run it again",
        "sqlite": "sqlite does not roll DDL back: undo what bbb2 did so far before you run it again; "
        "sqlite_transactional_ddl = true prevents that",
    }
    assert words == (
        f"error: interrupted by {by} in upgrade of bbb2\n"
        "       done: aaa1\n"
        "       not done: bbb2, ccc3\n"
        "       the database is at: aaa1\n"
        f"hint:  {hints[name]}\n"
    )
    assert code == 130
    assert seconds < 5
    assert statements_running(project.url) == 0
    assert project.tables() == (["t_aaa1"] if name == "postgresql" else ["t_aaa1", "t_bbb2"])


@pytest.mark.soak
def test_python_code_is_interrupted_too(project: ProjectFolder) -> None:
    code, words, seconds = interrupted(project, IN_PYTHON, signal.SIGINT)
    assert code == 130, words
    assert "error: interrupted by Ctrl-C in upgrade of bbb2\n" in words
    assert "the database is at: aaa1\n" in words
    assert seconds < 5


def test_the_lock_is_free_afterwards(tmp_path: Path, postgres_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", postgres_url)
    assert interrupted(project, SLOW["postgresql"], signal.SIGTERM)[0] == 130
    (project.root / "runs").unlink()
    project.revision("bbb2", "aaa1")
    with (project.root / "alembic.ini").open("a") as ini:
        ini.write("[branchmig]\nlock_timeout = 0\n")
    again = project.branchmig("upgrade", "heads")
    assert (again.exit_code, project.rows()) == (0, ["ccc3"])


@pytest.mark.soak
def test_an_async_env_py_is_interrupted(tmp_path: Path, postgres_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", postgres_url)
    project.write_env(ENV_ASYNC)
    code, words, seconds = interrupted(project, SLOW["postgresql"], signal.SIGINT)
    assert code == 130, words
    assert "error: interrupted by Ctrl-C in upgrade of bbb2\n" in words
    assert "the database is at: base\n" in words
    assert (seconds < 5, statements_running(postgres_url)) == (True, 0)


@pytest.mark.soak
def test_where_statements_are_recorded_repair_goes_on_from_there(tmp_path: Path, mariadb_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", mariadb_url)
    with (project.root / "alembic.ini").open("a") as ini:
        ini.write("[branchmig]\njournal = true\n")
    code, words, _ = interrupted(project, "op.execute('UPDATE t_aaa1 SET id = SLEEP(60)')", signal.SIGTERM)
    assert code == 130, words
    assert "error: interrupted by SIGTERM in upgrade of bbb2\n" in words
    assert "hint:  the journal has the finished statements; to see the ways out: branchmig repair\n" in words
    again = project.branchmig("upgrade", "heads")
    assert again.exit_code == 3
    assert "upgrade of revision 'bbb2' (migrations/versions/bbb2.py) was interrupted: " in again.stderr


def test_a_second_signal_ends_the_program_at_once(tmp_path: Path, sqlite_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    stubborn = (
        "import time\nfor _ in range(60):\n    try:\n        time.sleep(1)\n    except BaseException:\n        pass"
    )
    code, words, seconds = interrupted(project, stubborn, signal.SIGINT, signal.SIGINT)
    assert code == 130
    assert words == "interrupted again: stopped at once; 'branchmig current' shows the applied revisions\n"
    assert seconds < 5


def test_a_program_s_own_handlers_are_left_alone_and_others_given_back(tmp_path: Path, sqlite_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    seen: list[object] = []
    before = signal.signal(signal.SIGTERM, lambda *_: seen.append("mine"))
    try:
        mine = signal.getsignal(signal.SIGTERM)
        interrupt = signal.getsignal(signal.SIGINT)
        project.revision(
            "aaa1",
            upgrade="import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n"
            "assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler",
        )
        assert project.branchmig("upgrade", "heads").exit_code == 0
        assert seen == ["mine"]
        assert signal.getsignal(signal.SIGTERM) is mine
        assert signal.getsignal(signal.SIGINT) is interrupt
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.soak
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("server", ["postgres", "mariadb"])
def test_control_alembic_leaves_statements_running_and_tells_nothing(
    request: pytest.FixtureRequest, tmp_path: Path, server: str, number: signal.Signals
) -> None:
    """On SQLite it does not hear of a signal before the statement is over."""
    project = ProjectFolder(tmp_path / "project", str(request.getfixturevalue(f"{server}_url")))
    name = sa.make_url(project.url).get_backend_name()
    code, words, _ = interrupted(project, SLOW[name], number, program="alembic.config")
    running = statements_running(project.url)
    record("signals", arm="alembic", database=name, signal=number.name, code=code, running=running)
    assert "done: " not in words
    # psycopg cancels what it waits for when Ctrl-C is pressed.
    assert running == (0 if (server, number) == ("postgres", signal.SIGINT) else 1)
