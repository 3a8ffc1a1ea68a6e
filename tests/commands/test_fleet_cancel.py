"""A time-out and a second Ctrl-C cancel what runs on the server: nothing goes on there once the report is written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tests.conftest import ROOT
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

TARGETS = ("--targets", "targets.json", "--format", "json", "--workers", "1")
SLEEP = {"postgresql": "SELECT pg_sleep(40)", "mysql": "SELECT SLEEP(40) FROM t_aaa1"}


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(params=["postgres_url", "mariadb_url"])
def server_url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


def sleeping_project(root: Path, url: str) -> ProjectFolder:
    project = ProjectFolder(root, "sqlite://")
    sleep = SLEEP[sa.make_url(url).get_backend_name()]
    project.table("aaa1")
    project.revision("bbb2", "aaa1", upgrade=f"op.execute('INSERT INTO t_aaa1 VALUES (1)')\nop.execute('{sleep}')")
    project.revision("ccc3", "bbb2", upgrade="op.create_table('late', sa.Column('id', sa.Integer()))")
    (project.root / "targets.json").write_text(json.dumps([{"name": "one", "url": url}]))
    return project


def start(project: ProjectFolder, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "branchmig", "-q", "fleet", "upgrade", *words, *TARGETS],
        cwd=project.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def running(url: str, text: str = "%") -> int:
    """Return how many other sessions in this database run a statement that is LIKE a text, or hold a transaction."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    statement = {
        "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND state <> 'idle' AND query ILIKE :text",
        "mysql": "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE() "
        "AND id <> CONNECTION_ID() AND command <> 'Sleep' AND COALESCE(info, '') LIKE :text",
    }[engine.dialect.name]
    with engine.connect() as connection:
        return int(connection.execute(sa.text(statement), {"text": text}).scalar_one())


def tables(url: str) -> list[str]:
    return sorted(sa.inspect(sa.create_engine(url, poolclass=sa.pool.NullPool)).get_table_names())


@pytest.mark.soak
def test_a_time_out_cancels_the_statement_on_the_server(tmp_path: Path, server_url: str) -> None:
    project = sleeping_project(tmp_path / "project", server_url)
    began = time.monotonic()
    process = start(project, "heads", "--timeout", "1")
    out, err = process.communicate(timeout=60)
    document = json.loads(out)
    assert (process.returncode, document["outcomes"]) == (1, {"timed out": 1}), err
    assert running(server_url) == 0
    assert time.monotonic() - began < 30
    message = document["targets"][0]["error"]["message"]
    assert message.startswith("it took longer than 1 s: interrupted by the coordinator in upgrade of bbb2")
    assert "late" not in tables(server_url)


def test_a_second_interrupt_cancels_the_statement_on_the_server(tmp_path: Path, server_url: str) -> None:
    project = sleeping_project(tmp_path / "project", server_url)
    process = start(project, "heads")
    until = time.monotonic() + 60
    while running(server_url, "%sleep(40)%") == 0 and time.monotonic() < until:
        time.sleep(0.05)
    for _ in range(2):
        os.kill(process.pid, signal.SIGINT)
        time.sleep(0.3)
    out, err = process.communicate(timeout=30)
    document = json.loads(out)
    assert (process.returncode, document["outcomes"]) == (130, {"interrupted": 1}), err
    assert running(server_url) == 0
    assert "late" not in tables(server_url)


@pytest.mark.soak
def test_a_look_that_hangs_is_timed_out_and_not_unreachable(tmp_path: Path, postgres_url: str) -> None:
    project = sleeping_project(tmp_path / "project", postgres_url)
    engine = sa.create_engine(postgres_url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.exec_driver_sql("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        process = start(project, "heads", "--timeout", "1", "--retries", "3")
        out, err = process.communicate(timeout=60)
    document = json.loads(out)
    assert (process.returncode, document["outcomes"]) == (1, {"timed out": 1}), err
    assert running(postgres_url) == 0
