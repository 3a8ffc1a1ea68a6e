from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from branchmig.database.locks import Subject, has_locks, lock_for
from branchmig.database.locks.mysql import lock_name
from branchmig.database.locks.postgresql import advisory_key, pools_transactions
from branchmig.database.run.side_connection import SideConnection, SideConnections
from branchmig.errors import EnvironmentFailed
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from branchmig.database.locks import DatabaseLock

LABEL = "branchmig upgrade ada@web-1 pid 4711"


@contextmanager
def lock_on(
    url: str, schema: str | None = None, table: str = "alembic_version", path: str = ""
) -> Iterator[DatabaseLock]:
    """Give a lock, not taken, on a version table, as an env.py connected to `url` would have it."""
    sides = SideConnections()
    with sa.create_engine(url, poolclass=NullPool).connect() as connection:
        if path:
            connection.execute(sa.text(f"SET search_path TO {path}"))
            connection.commit()
        lock = lock_for(connection, Subject(schema, table, LABEL), sides)
        assert lock is not None
        assert not connection.in_transaction()
        try:
            yield lock
        finally:
            lock.release()
            sides.close()


@contextmanager
def held(url: str, **more: str) -> Iterator[DatabaseLock]:
    """Hold the lock on a version table."""
    with lock_on(url, **more) as lock:  # type: ignore[arg-type]
        assert lock.try_take()
        yield lock


def without_waiting(project: ProjectFolder) -> ProjectFolder:
    with (project.root / "alembic.ini").open("a") as ini:
        ini.write("[branchmig]\nlock_timeout = 0\n")
    return project


def test_a_lock_is_held_once(database_url: str) -> None:
    with held(database_url) as first, lock_on(database_url) as second:
        assert first.is_held()
        assert not second.try_take()
        assert first.identity == second.identity
        first.release()
        assert second.try_take()
        assert second.is_held()


@pytest.mark.parametrize("kind", ["postgres_url", "mariadb_url"])
def test_a_lock_is_asked_for_now_and_then_and_a_session_that_is_ended_is_seen_at_once(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = request.getfixturevalue(kind)
    asked: list[object] = []
    ask = SideConnection.ask
    with held(url) as lock, sa.create_engine(url, poolclass=NullPool).connect() as other:
        monkeypatch.setattr(
            SideConnection, "ask", lambda side, work, *more: asked.append(work) or ask(side, work, *more)
        )
        monkeypatch.setattr("branchmig.database.locks.base.ASK_EVERY", 60.0)
        assert [lock.is_held() for _ in range(3)] == [True, True, True]
        assert len(asked) == 1
        monkeypatch.setattr("branchmig.database.locks.base.ASK_EVERY", 0.0)
        assert lock.is_held()
        assert len(asked) == 2
        monkeypatch.setattr("branchmig.database.locks.base.ASK_EVERY", 60.0)
        assert lock.is_held()
        assert len(asked) == 2
        _end_session_of_lock(other)
        until = time.monotonic() + 5
        while (error := _error_of(lock)) is None and time.monotonic() < until:
            assert len(asked) == 2
        assert error is not None
        assert error.startswith("the session of the lock does not answer")


def _error_of(lock: DatabaseLock) -> str | None:
    try:
        assert lock.is_held()
    except EnvironmentFailed as error:
        return error.message
    return None


def _end_session_of_lock(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database d ON d.oid = database "
            "WHERE locktype = 'advisory' AND datname = current_database()"
        )
        return
    name = lock_name(str(connection.exec_driver_sql("SELECT DATABASE()").scalar()), "alembic_version")
    number = connection.execute(sa.text("SELECT IS_USED_LOCK(:name)"), {"name": name}).scalar()
    connection.exec_driver_sql(f"KILL {number}")


def test_on_postgresql_the_holder_and_the_time_are_told_to_whoever_waits(postgres_url: str) -> None:
    with held(postgres_url), lock_on(postgres_url) as second:
        found = second.holder()
        assert found.who.startswith(f"{LABEL} (session ")
        assert found.since is not None
        assert found.since.startswith("20")


def test_another_schema_or_version_table_is_another_lock(postgres_url: str, mariadb_url: str) -> None:
    with held(postgres_url), lock_on(postgres_url, schema="other") as schema, lock_on(postgres_url, table="v") as table:
        assert schema.try_take()
        assert table.try_take()
    with held(mariadb_url), lock_on(mariadb_url, table="v") as table:
        assert table.try_take()


def test_a_search_path_and_a_schema_by_name_are_one_lock(postgres_url: str) -> None:
    with sa.create_engine(postgres_url, poolclass=NullPool).begin() as connection:
        connection.execute(sa.text("CREATE SCHEMA tenant"))
    with held(postgres_url, path="tenant"), lock_on(postgres_url, schema="tenant") as second:
        assert not second.try_take()
    with held(postgres_url), lock_on(postgres_url, schema="public") as second:
        assert not second.try_take()


def test_the_names_of_locks_stay_as_they_are() -> None:
    """Two versions of branchmig that run side by side must mean the same lock."""
    assert advisory_key("app", "public", "alembic_version") == ADVISORY_KEY
    assert lock_name("app", "alembic_version") == LOCK_NAME
    assert len(lock_name("x" * 200, "y" * 200)) <= 64


ADVISORY_KEY = -8166327461328686530
LOCK_NAME = "branchmig:271fd4d02b6f5cdfefbfec249ad4721d1428a4a4"


def test_who_waits_does_not_hold_up_an_index_that_is_built_concurrently(tmp_path: Path, postgres_url: str) -> None:
    """CREATE INDEX CONCURRENTLY waits for every transaction that has a snapshot: a waiting run must have none."""
    project = ProjectFolder(tmp_path / "project", postgres_url)
    project.table("aaa1")
    project.execute("CREATE TABLE big (id INTEGER)")
    ended: list[int] = []
    with held(postgres_url):
        waiting = threading.Thread(target=lambda: ended.append(project.branchmig("upgrade", "heads").exit_code))
        waiting.start()
        engine = sa.create_engine(postgres_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            sessions = sa.text(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'branchmig upgrade%' "
                "AND application_name NOT LIKE '%since%' AND datname = current_database()"
            )
            end = time.monotonic() + 20
            while connection.execute(sessions).scalar() == 0:
                assert time.monotonic() < end
            connection.execute(sa.text("SET statement_timeout = 5000"))
            connection.execute(sa.text("CREATE INDEX CONCURRENTLY i ON big (id)"))
    waiting.join(20)
    assert ended == [0]


def test_a_lost_lock_stops_the_run_before_the_next_step(tmp_path: Path, postgres_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", postgres_url, ", transaction_per_migration=True")
    ini = project.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}[branchmig]\njournal = true\n")
    project.table("aaa1")
    end = (
        'op.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity '
        "WHERE application_name LIKE 'branchmig%' AND datname = current_database()\")"
    )
    project.revision("bbb2", "aaa1", upgrade=end)
    project.table("ccc3", "bbb2")
    result = project.branchmig("upgrade", "heads")
    assert result.exit_code == 3
    assert result.stderr == (
        "error: the migration lock was lost before ccc3, which was not run: another run may have begun\n"
        "       done: aaa1, bbb2\n"
        "       not done: ccc3\n"
        "       the database is at: bbb2\n"
        "hint:  see what ended the session that held it, and 'branchmig current'; then run the same command again\n"
    )
    # bbb2 was committed: the journal has no entry that says it failed.
    assert [line.split()[3:5] for line in project.branchmig("audit").lines] == [
        ["upgrade", "bbb2"],
        ["upgrade", "aaa1"],
    ]


def test_a_lock_file_that_is_deleted_meanwhile_is_a_lost_lock(tmp_path: Path, sqlite_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.revision("aaa1", upgrade=f"import os\nos.remove({str(tmp_path / 'test.db.branchmig-lock')!r})")
    project.table("bbb2", "aaa1")
    result = project.branchmig("upgrade", "heads")
    assert "error: the migration lock was lost before bbb2, which was not run" in result.stderr
    assert project.rows() == ["aaa1"]


def test_a_symbolic_link_in_the_place_of_the_lock_file_is_refused(tmp_path: Path, sqlite_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.table("aaa1")
    target = tmp_path / "precious"
    target.write_text("as it was")
    link = tmp_path / "test.db.branchmig-lock"
    link.symlink_to(target)
    result = project.branchmig("upgrade", "heads")
    assert (result.exit_code, result.stderr) == (
        3,
        f"error: {link} is a symbolic link: no lock is taken through one, and its target was not touched\n"
        "hint:  remove it; branchmig makes a file of that name beside the database\n",
    )
    assert (target.read_text(), project.rows()) == ("as it was", None)


def test_the_lock_file_has_the_database_s_permissions_and_is_gone_afterwards(tmp_path: Path, sqlite_url: str) -> None:
    database, lock = tmp_path / "test.db", tmp_path / "test.db.branchmig-lock"
    database.touch(0o640)
    before = os.umask(0)
    try:
        with held(sqlite_url):
            assert lock.stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(before)
    assert not lock.exists()


def test_a_lock_file_that_a_killed_run_has_left_harms_nobody(tmp_path: Path, sqlite_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.table("aaa1")
    left = tmp_path / "test.db.branchmig-lock"
    left.write_text('{"who": "a run that is gone", "since": "2026-01-01T00:00:00Z"}')
    assert project.branchmig("upgrade", "heads").stderr == "Applied 1 revision; the database is at aaa1.\n"
    assert not left.exists()


def test_a_lock_file_is_never_removed_from_under_its_next_holder(sqlite_url: str) -> None:
    with lock_on(sqlite_url) as first, lock_on(sqlite_url) as second, lock_on(sqlite_url) as third:
        for _ in range(50):
            assert first.try_take()
            assert not second.try_take()
            first.release()
            assert second.try_take()
            assert not third.try_take()
            assert second.is_held()
            second.release()


def test_one_database_is_one_lock_by_whatever_name(tmp_path: Path, sqlite_url: str) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "test.db")
    (tmp_path / "test.db").touch()
    names = [f"sqlite:///{tmp_path}/link.db", f"sqlite:///file:{tmp_path}/test.db?uri=true"]
    for name in names:
        with held(sqlite_url), lock_on(name) as second:
            assert not second.try_take()


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&cache=shared&uri=true"]
)
def test_a_database_in_memory_needs_no_lock(url: str) -> None:
    with sa.create_engine(url, poolclass=sa.pool.StaticPool).connect() as connection:
        assert lock_for(connection, Subject(None, "alembic_version", LABEL), SideConnections()) is None


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to_has_no_lock(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    project = ProjectFolder(tmp_path / "project", f"sqlite:///{folder}/app.db")
    project.table("aaa1")
    folder.mkdir()
    assert project.branchmig("upgrade", "heads").exit_code == 0
    folder.chmod(0o500)
    result = project.branchmig("upgrade", "heads")
    folder.chmod(0o700)
    assert (result.exit_code, result.stderr.splitlines()[0]) == (
        0,
        f"warning: {folder} cannot be written to, so there is no lock, nor a way to migrate",
    )


def test_a_database_without_a_lock_is_told_of() -> None:
    assert [name for name in ("mariadb", "mssql", "mysql", "oracle", "postgresql", "sqlite") if has_locks(name)] == [
        "mariadb",
        "mssql",
        "mysql",
        "postgresql",
        "sqlite",
    ]


TENANTS = """\
from alembic import context
from sqlalchemy import create_engine, pool, text

engine = create_engine(context.config.get_main_option("sqlalchemy.url"), poolclass=pool.NullPool)
counted = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
               "(SELECT oid FROM pg_database WHERE datname = current_database())")
with engine.connect() as connection:
    for tenant in ("one", "two", "three"):
        connection.execute(text(f"SET search_path TO {tenant}"))
        connection.commit()
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
        print(connection.execute(counted).scalar())
        connection.commit()
"""
TWO_PHASES = """\
from alembic import context
from sqlalchemy import create_engine, pool, text

url = context.config.get_main_option("sqlalchemy.url")
engine = create_engine(url, poolclass=pool.NullPool)
opened = []
for table in ("first", "second"):
    connection = engine.connect()
    opened.append((connection, connection.begin()))
    context.configure(connection=connection, version_table=table, upgrade_token=table)
    context.run_migrations()
print(connection.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
                              "(SELECT oid FROM pg_database WHERE datname = current_database())")).scalar())
for connection, transaction in opened:
    transaction.commit()
    connection.close()
"""


def test_the_lock_of_a_tenant_that_is_done_is_given_back(tmp_path: Path, postgres_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", postgres_url)
    project.write_env(TENANTS)
    project.table("aaa1")
    project.execute("CREATE SCHEMA one", "CREATE SCHEMA two", "CREATE SCHEMA three")
    result = project.branchmig("upgrade", "heads")
    assert (result.exit_code, result.stdout) == (0, "1\n1\n1\n"), result.stderr
    assert project.tables() == []


def test_what_is_committed_in_the_end_keeps_its_lock_until_then(tmp_path: Path, postgres_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", postgres_url)
    project.write_env(TWO_PHASES)
    project.revision("aaa1")
    result = project.branchmig("upgrade", "heads")
    assert (result.exit_code, result.stdout) == (0, "2\n"), result.stderr
    assert (project.rows("first"), project.rows("second")) == (["aaa1"], ["aaa1"])


@pytest.mark.heavy
@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ"])
def test_a_program_s_transaction_that_does_not_see_the_other_run_is_refused(
    tmp_path: Path, postgres_url: str, level: str
) -> None:
    from alembic.config import Config

    from branchmig import command
    from branchmig.errors import EnvironmentFailed

    project = ProjectFolder(tmp_path / "project", postgres_url)
    project.write_env(
        "from alembic import context\n"
        "context.configure(connection=context.config.attributes['connection'])\n"
        "with context.begin_transaction():\n    context.run_migrations()\n"
    )
    project.table("aaa1")
    config = Config(str(project.root / "alembic.ini"))
    engine = sa.create_engine(postgres_url, poolclass=NullPool, isolation_level=level)
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT count(*) FROM pg_class"))
        config.attributes["connection"] = connection
        with held(postgres_url) as other:

            def work() -> None:
                project.execute(
                    "CREATE TABLE alembic_version (version_num varchar(32))",
                    "INSERT INTO alembic_version VALUES ('aaa1')",
                )
                other.release()

            timer = threading.Timer(0.5, work)
            timer.start()
            if level == "READ COMMITTED":
                command.upgrade(config, "heads")
                timer.join()
                assert project.tables() == []
                return
            with pytest.raises(EnvironmentFailed) as caught:
                command.upgrade(config, "heads")
            timer.join()
    assert caught.value.message == (
        "the connection that env.py was given is in a transaction that began before another run, "
        "and does not see what that run did"
    )


def free_port() -> int:
    with socket.socket() as item:
        item.bind(("127.0.0.1", 0))
        return int(item.getsockname()[1])


@pytest.fixture
def pooled_url(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str) -> Iterator[str]:
    """The test's database behind a PgBouncer that pools as the parameter says."""
    program = shutil.which("pgbouncer")
    if program is None:
        pytest.skip("no pgbouncer: apt-get install pgbouncer")
    url, port = sa.make_url(postgres_url), free_port()
    mode, _, size = request.param.partition(" ")
    (tmp_path / "users.txt").write_text(f'"{url.username}" ""\n')
    (tmp_path / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={url.host} port={url.port}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = trust\n"
        f"auth_file = {tmp_path}/users.txt\npool_mode = {mode}\nunix_socket_dir =\n"
        f"default_pool_size = {size or 20}\n"
    )
    # It refuses to run as root.
    user = ["-u", "postgres"] if os.name != "nt" and os.geteuid() == 0 else []
    for path in (tmp_path, *tmp_path.parents):
        if user and path != path.parent and "pytest" in str(path):
            path.chmod(0o755)
    process = subprocess.Popen(
        [program, *user, str(tmp_path / "pgbouncer.ini")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, process.communicate()[0]
                assert time.monotonic() < end
        yield url.set(port=port).render_as_string(hide_password=False)
    finally:
        process.terminate()
        process.communicate()


@pytest.mark.parametrize(("pooled_url", "pools"), [("transaction", True), ("session", False)], indirect=["pooled_url"])
def test_a_pooler_of_transactions_is_recognised(pooled_url: str, pools: bool) -> None:
    with sa.create_engine(pooled_url, poolclass=NullPool).connect() as connection:
        side = SideConnection.open(connection)
        try:
            assert pools_transactions(side, connection) is pools
        finally:
            side.close()


def test_without_a_pooler_none_is_seen(postgres_url: str) -> None:
    with sa.create_engine(postgres_url, poolclass=NullPool).connect() as connection:
        side = SideConnection.open(connection)
        assert not pools_transactions(side, connection)
        side.close()


@pytest.mark.parametrize("pooled_url", ["transaction"], indirect=True)
def test_behind_a_pooler_of_transactions_the_lock_holds_all_the_same(pooled_url: str, postgres_url: str) -> None:
    with held(pooled_url) as first, lock_on(pooled_url) as second, lock_on(postgres_url) as direct:
        for _ in range(10):
            assert not second.try_take()
            assert not direct.try_take()
        assert first.is_held()
        first.release()
        until = time.monotonic() + 5
        while not direct.try_take():
            assert time.monotonic() < until
        assert not second.try_take()


@pytest.mark.parametrize("pooled_url", ["transaction"], indirect=True)
def test_behind_a_pooler_of_transactions_it_is_said(tmp_path: Path, pooled_url: str) -> None:
    project = without_waiting(ProjectFolder(tmp_path / "project", pooled_url))
    project.table("aaa1")
    project.table("bbb2", "aaa1")
    result = project.branchmig("upgrade", "heads")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.splitlines()[0] == (
        "warning: a pooler hands each transaction to another session here (PgBouncer, pool_mode = transaction): the "
        "migration lock is held in an open transaction; connect migrations to the server itself if you can"
    )
    with held(pooled_url):
        assert (
            "gave up waiting, after 0 s, for branchmig upgrade ada@web-1"
            in project.branchmig("upgrade", "heads").stderr
        )


SWALLOWS = """\
from alembic import context
from sqlalchemy import create_engine, pool

engine = create_engine(context.config.get_main_option("sqlalchemy.url"), poolclass=pool.NullPool)
with engine.begin() as connection:
    try:
        context.configure(connection=connection)
        context.run_migrations()
    except:
        pass
"""


def test_an_env_py_that_swallows_everything_is_told_that_nothing_was_run(tmp_path: Path, postgres_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", postgres_url)
    project.write_env(SWALLOWS)
    project.table("aaa1")
    with held(postgres_url):
        result = project.branchmig("upgrade", "heads")
    assert (result.exit_code, result.stderr) == (
        3,
        "warning: env.py did not call context.run_migrations(): nothing was run\n"
        "error: env.py was to be run again, once another run was over, and caught what should have ended it\n"
        "hint:  let its 'except:' not catch BaseException; nothing was run\n",
    )
    assert project.branchmig("upgrade", "heads").exit_code == 0
    assert project.tables() == ["t_aaa1"]


@pytest.mark.parametrize("pooled_url", ["transaction"], indirect=True)
def test_nothing_is_left_on_a_session_that_the_pooler_gives_to_others(tmp_path: Path, pooled_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", pooled_url)
    project.execute("CREATE SCHEMA tenant")
    settings = sa.text(
        "SELECT name, setting FROM pg_settings WHERE source = 'session' AND name NOT IN ('application_name', "
        "'client_encoding', 'DateStyle', 'TimeZone', 'standard_conforming_strings') ORDER BY name"
    )
    project.table("aaa1")
    with lock_on(pooled_url, path="tenant") as lock:
        assert lock.try_take()
    assert project.branchmig("upgrade", "heads").exit_code == 0
    with sa.create_engine(pooled_url, poolclass=NullPool).connect() as connection:
        left = [tuple(row) for row in connection.execute(settings)]
    assert [name for name, _ in left if name in ("lock_timeout", "statement_timeout", "idle_session_timeout")] == []


@pytest.mark.parametrize("pooled_url", ["session 2"], indirect=True)
def test_two_connections_of_a_pooler_of_sessions_are_enough(
    pooled_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("branchmig.database.run.side_connection.OPEN_WITHIN", 1.0)
    project = ProjectFolder(tmp_path / "project", pooled_url)
    project.table("aaa1")
    done = project.branchmig("upgrade", "heads")
    assert (done.exit_code, done.stderr) == (0, "Applied 1 revision; the database is at aaa1.\n")


@pytest.mark.heavy
@pytest.mark.parametrize("pooled_url", ["session 1", "transaction 1"], indirect=True)
def test_a_pool_that_is_too_small_is_named_and_nothing_hangs(
    pooled_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("branchmig.database.run.side_connection.OPEN_WITHIN", 1.0)
    project = ProjectFolder(tmp_path / "project", pooled_url)
    project.table("aaa1")
    refused = project.branchmig("upgrade", "heads")
    assert (refused.exit_code, refused.stderr.splitlines()[0]) == (
        3,
        "error: a second connection to the database was not given within 1 s",
    )


@contextmanager
def role_on(url: str, engine: sa.Engine, options: str = "") -> Iterator[str]:
    """Give the URL of a role of its own on a test's database."""
    parsed = sa.make_url(url)
    role = f"role_{parsed.database}"[:60]
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN {options}")
    try:
        execute(url, f"GRANT ALL ON SCHEMA public TO {role}")
        yield parsed.set(username=role).render_as_string(hide_password=False)
    finally:
        execute(url, f"DROP OWNED BY {role}")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP ROLE {role}")


def execute(url: str, statement: str) -> None:
    with sa.create_engine(url, poolclass=NullPool).begin() as connection:
        connection.exec_driver_sql(statement)


def test_a_role_with_two_connections_can_upgrade(tmp_path: Path, postgres_url: str, postgres_engine: sa.Engine) -> None:
    with role_on(postgres_url, postgres_engine, "CONNECTION LIMIT 2") as url:
        project = ProjectFolder(tmp_path / "project", url)
        ini = project.root / "alembic.ini"
        ini.write_text(f"{ini.read_text()}\n[branchmig]\njournal = true\n")
        project.table("aaa1")
        assert project.branchmig("upgrade", "heads").exit_code == 0
        project.revision("bbb2", "aaa1", upgrade="raise ValueError")
        assert "the database is at: aaa1" in project.branchmig("upgrade", "heads").stderr


def test_a_role_that_may_not_see_locks_waits_without_a_name(
    tmp_path: Path, postgres_url: str, postgres_engine: sa.Engine
) -> None:
    with role_on(postgres_url, postgres_engine) as url, held(postgres_url):
        execute(postgres_url, "REVOKE SELECT ON pg_catalog.pg_locks FROM PUBLIC")
        project = without_waiting(ProjectFolder(tmp_path / "project", url))
        project.table("aaa1")
        waited = project.branchmig("upgrade", "heads")
        assert (waited.exit_code, waited.stderr.splitlines()[0]) == (
            3,
            "error: gave up waiting, after 0 s, for another run of branchmig, which has been migrating this database",
        )
        # Everything else can be told.
        told = project.branchmig("status", "--exit-code")
        assert "  pending: 1 revision: aaa1" in told.stdout
        assert "cannot be asked: InsufficientPrivilege: permission denied for view pg_locks" in told.stdout
