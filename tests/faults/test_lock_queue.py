"""A migration behind an open transaction does not keep readers waiting for longer than ddl_lock_timeout."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from tests.faults.processes import Ended, Starter, record, rounds
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

EVERY = 0.02
ALTER = "op.add_column('big', sa.Column('x', sa.Integer))"


@pytest.fixture(params=["postgres", "mariadb"])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{request.param}_url"))


@dataclass
class Readers:
    """Four threads that read a table, again and again, and note how long each read took."""

    url: str
    slowest: float = 0.0
    reads: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Readers:
        ready = threading.Barrier(5)
        self._threads = [threading.Thread(target=self._read, args=(ready,)) for _ in range(4)]
        for thread in self._threads:
            thread.start()
        ready.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _read(self, ready: threading.Barrier) -> None:
        engine = sa.create_engine(self.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT count(*) FROM big"))
            ready.wait(30)
            while not self._stop.wait(EVERY):
                began = time.monotonic()
                connection.execute(sa.text("SELECT count(*) FROM big"))
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.reads += 1


WAITERS = {
    "postgresql": "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())",
    "mysql": "SELECT count(*) FROM information_schema.processlist "
    "WHERE state = 'Waiting for table metadata lock' AND db = DATABASE()",
}


def upgraded_behind(
    starter: Starter, project: ProjectFolder, seconds: float, program: str = "branchmig", reader_url: str = ""
) -> tuple[Ended, Readers]:
    """Upgrade behind a transaction that has read the table, and ends some seconds after somebody waits for it."""
    project.execute("CREATE TABLE big (id INTEGER)")
    engine = sa.create_engine(project.url, poolclass=NullPool)
    is_over = threading.Event()

    def let_go() -> None:
        question = sa.text(WAITERS[engine.dialect.name])
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watching:
            while not (is_over.is_set() or watching.execute(question).scalar()):
                time.sleep(EVERY)
        is_over.wait(seconds)
        holder.rollback()

    with engine.connect() as holder:
        holder.execute(sa.text("SELECT count(*) FROM big"))
        waiting = threading.Thread(target=let_go)
        with Readers(reader_url or project.url) as readers:
            waiting.start()
            (ended,) = starter.run(project, "upgrade", "head", program=program)
        is_over.set()
        waiting.join()
    return ended, readers


def with_settings(project: ProjectFolder, settings: str) -> ProjectFolder:
    with (project.root / "alembic.ini").open("a") as ini:
        ini.write(f"[branchmig]\n{settings}\n")
    return project


@pytest.mark.soak
def test_readers_wait_no_longer_than_the_time_out(starter: Starter, tmp_path: Path, postgres_url: str) -> None:
    project = with_settings(ProjectFolder(tmp_path / "project", postgres_url), "ddl_lock_timeout = 0.3")
    project.revision("aaa1", upgrade=ALTER)
    ended, readers = upgraded_behind(starter, project, 1.5)
    assert ended.code == 0, ended.output
    lines = ended.output.splitlines()
    assert lines[0].startswith("aaa1 could not have a table lock: blocked by session ")
    assert "(postgres, idle in transaction), for " in lines[0]
    assert lines[0].endswith("s: SELECT count(*) FROM big")
    assert lines[1].startswith("rolled back; trying again in 0.")
    assert lines[-1] == "Applied 1 revision; the database is at aaa1."
    assert readers.slowest < 0.6


@pytest.mark.soak
def test_where_the_budget_is_spent_the_error_names_the_blocker(starter: Starter, tmp_path: Path, url: str) -> None:
    project = with_settings(ProjectFolder(tmp_path / "project", url), "ddl_lock_timeout = 1\nddl_lock_budget = 0.2")
    project.revision("aaa1", upgrade=ALTER)
    ended, readers = upgraded_behind(starter, project, 3)
    assert ended.code == 3
    assert "error: revision 'aaa1' (step aaa1) failed: " in ended.output
    assert "blocked by session " in ended.output
    assert "gave up after 0.2 s (ddl_lock_budget)" in ended.output
    assert "not done: aaa1\n" in ended.output
    assert project.rows() in (None, [])
    assert readers.slowest < 1.3


@pytest.mark.soak
def test_after_an_autocommit_block_there_is_no_time_out_since_there_could_be_no_second_try(
    starter: Starter, tmp_path: Path, postgres_url: str
) -> None:
    project = with_settings(ProjectFolder(tmp_path / "project", postgres_url), "ddl_lock_timeout = 0.3")
    block = "with op.get_context().autocommit_block():\n    op.execute('CREATE TABLE other (id INTEGER)')\n"
    project.revision("aaa1", upgrade=block + ALTER)
    ended, _ = upgraded_behind(starter, project, 1.2)
    assert (ended.code, ended.output) == (0, "Applied 1 revision; the database is at aaa1.\n")


@pytest.mark.parametrize("journal", ["false", pytest.param("true", marks=pytest.mark.soak)])
def test_on_mariadb_a_statement_is_tried_again_by_itself(
    starter: Starter, tmp_path: Path, mariadb_url: str, journal: str
) -> None:
    """What came before it was committed as it began: neither the row nor the table is made twice."""
    project = with_settings(ProjectFolder(tmp_path / "project", mariadb_url), f"journal = {journal}")
    before = "op.create_table('other', sa.Column('id', sa.Integer))\nop.execute('INSERT INTO seen VALUES (1)')\n"
    project.revision("aaa1", upgrade=before + ALTER)
    project.execute("CREATE TABLE seen (id INTEGER)")
    ended, readers = upgraded_behind(starter, project, 1.5)
    lines = ended.output.splitlines()
    assert ended.code == 0, ended.output
    assert lines[0].startswith("aaa1 could not have a table lock: ")
    assert "blocked by session " in lines[0]
    assert lines[1].startswith("nothing was changed; trying again in 0.")
    assert lines[-1] == "Applied 1 revision; the database is at aaa1."
    with sa.create_engine(mariadb_url, poolclass=NullPool).connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM seen")).scalar() == 1
    assert readers.slowest < 1.3


@pytest.mark.soak
def test_a_time_out_of_env_py_s_own_wins(starter: Starter, tmp_path: Path, postgres_url: str) -> None:
    url = f"{postgres_url}?options=-c%20lock_timeout%3D250"
    project = with_settings(ProjectFolder(tmp_path / "project", url), "ddl_lock_timeout = 20\nddl_lock_budget = 0")
    project.revision("aaa1", upgrade=ALTER)
    ended, readers = upgraded_behind(starter, project, 1.2, reader_url=postgres_url)
    assert ended.code == 3
    assert "LockNotAvailable" in ended.output
    assert readers.slowest < 0.6


@pytest.mark.soak
def test_what_was_applied_before_a_second_try_is_counted(starter: Starter, tmp_path: Path, postgres_url: str) -> None:
    options = ", transaction_per_migration=True"
    project = with_settings(ProjectFolder(tmp_path / "project", postgres_url, options), "ddl_lock_timeout = 0.3")
    project.table("aaa1")
    project.revision("bbb2", "aaa1", upgrade=ALTER)
    ended, _ = upgraded_behind(starter, project, 1)
    assert ended.code == 0
    assert "trying again" in ended.output
    assert ended.output.splitlines()[-1] == "Applied 2 revisions; the database is at bbb2."


@pytest.mark.soak
@pytest.mark.parametrize("seconds", [4, 30])
def test_readers_wait_no_longer_than_the_default_time_out(
    starter: Starter, tmp_path: Path, url: str, seconds: int
) -> None:
    number = rounds(5) if seconds == 4 else 1
    slowest, codes, database = 0.0, [], sa.make_url(url).get_backend_name()
    for round_ in range(number):
        project = ProjectFolder(tmp_path / f"project{round_}", url)
        project.revision(f"aaa{round_}", upgrade=ALTER)
        ended, readers = upgraded_behind(starter, project, seconds)
        codes.append(ended.code)
        slowest = max(slowest, readers.slowest)
        project.execute("DROP TABLE big", "DROP TABLE alembic_version")
    record(
        "lock queue",
        arm="branchmig",
        database=database,
        holder=seconds,
        rounds=number,
        slowest=round(slowest, 2),
        failed=sum(map(bool, codes)),
    )
    assert set(codes) == {0}
    assert slowest < 1.3


@pytest.mark.soak
def test_control_without_a_time_out_readers_wait_for_the_other_transaction(
    starter: Starter, tmp_path: Path, url: str
) -> None:
    project = ProjectFolder(tmp_path / "project", url)
    project.revision("aaa1", upgrade=ALTER)
    ended, readers = upgraded_behind(starter, project, 4, "alembic")
    record(
        "lock queue",
        arm="alembic",
        database=sa.make_url(url).get_backend_name(),
        holder=4,
        rounds=1,
        slowest=round(readers.slowest, 2),
        failed=int(bool(ended.code)),
    )
    assert readers.slowest > 3
