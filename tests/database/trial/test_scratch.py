from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from branchmig.database.connecting import on_connection
from branchmig.database.trial.address import read_address
from branchmig.database.trial.names import new_name
from branchmig.database.trial.scratch import scratch_databases
from branchmig.database.trial.sessions import open_session
from branchmig.errors import ConfigurationError, EnvironmentFailed
from tests.conftest import MARIADB, POSTGRES, ROOT, fresh_database
from tests.database.proofs import SPARING_POSTGRES, Place, forked, place, proof_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support import ProjectFolder

KINDS = ["sqlite", "postgres", "mariadb"]

# An env.py that takes its URL from the application, whatever the config says; it writes as soon as it connects.
STUBBORN = """\
from alembic import context
from sqlalchemy import create_engine, event, pool

engine = create_engine({url!r}, poolclass=pool.NullPool)

@event.listens_for(engine, "connect")
def greet(connection, _):
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE greeting (id INTEGER)")
    connection.commit()

with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
SEVERAL = "env.py and its scripts connect to more than one database"
REFUSED = "env.py connects to another database than the scratch database that it was given: "


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))


def _place(request: pytest.FixtureRequest, kind: str) -> Place:
    engine = None if kind == "sqlite" else request.getfixturevalue(f"{kind}_engine")
    return place(kind, engine, engine)


@pytest.fixture(params=KINDS)
def there(request: pytest.FixtureRequest) -> Place:
    return _place(request, request.param)


@pytest.fixture(scope="session")
def postgres_canary(postgres_engine: sa.Engine) -> Iterator[str]:
    with fresh_database(postgres_engine, POSTGRES) as url:
        _fill(url)
        yield url


@pytest.fixture(scope="session")
def mariadb_canary(mariadb_engine: sa.Engine) -> Iterator[str]:
    with fresh_database(mariadb_engine, MARIADB) as url:
        _fill(url)
        yield url


@pytest.fixture
def canary(request: pytest.FixtureRequest, there: Place, tmp_path: Path) -> str:
    """A database of the same kind that must stay as it is: one table, one row."""
    if there.engine is not None:
        name = "postgres" if there.dialect == "postgresql" else "mariadb"
        return str(request.getfixturevalue(f"{name}_canary"))
    _fill(f"sqlite:///{tmp_path / 'canary.db'}")
    return f"sqlite:///{tmp_path / 'canary.db'}"


def _fill(url: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE bird (id INTEGER)")
        connection.exec_driver_sql("INSERT INTO bird VALUES (1)")


def content(url: str) -> dict[str, list[tuple[object, ...]]]:
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        names = sorted(sa.inspect(connection).get_table_names())
        return {name: [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {name}")] for name in names}


ALIVE = {"bird": [(1,)]}


def on_canary(tmp_path: Path, there: Place, configured: str, **sides: str) -> ProjectFolder:
    return forked(tmp_path / "project", there, configured, sides.get("ours", "pass"), "pass")


@pytest.mark.heavy
def test_an_env_py_that_ignores_the_config_never_touches_its_database(
    tmp_path: Path, there: Place, canary: str
) -> None:
    folder = on_canary(tmp_path, there, "sqlite:///nothing.db")
    folder.write_env(STUBBORN.format(url=canary).replace("CREATE TABLE g", "CREATE TABLE IF NOT EXISTS g"))
    assert proof_of(folder).verdict == "commutes"
    assert content(canary) == ALIVE
    assert there.left() == []


@pytest.mark.parametrize("there", ["postgres", "mariadb"], indirect=True)
def test_an_env_py_that_connects_to_another_kind_of_server_is_refused(
    tmp_path: Path, there: Place, canary: str
) -> None:
    folder = forked(tmp_path / "project", place("sqlite"), "sqlite:///nothing.db", "pass", "pass")
    folder.write_env(STUBBORN.format(url=canary))
    with pytest.raises(EnvironmentFailed) as caught:
        proof_of(folder)
    kind = sa.make_url(canary).get_backend_name()
    assert (
        caught.value.message == f"env.py connects to {kind}, and the scratch databases are sqlite; nothing was opened"
    )
    assert caught.value.hint is not None
    assert caught.value.hint.endswith(f"scratch_url = {kind}://user@host/")
    assert content(canary) == ALIVE


@pytest.mark.heavy
@SPARING_POSTGRES
def test_the_configured_database_is_not_touched_by_a_proof(tmp_path: Path, there: Place, canary: str) -> None:
    assert proof_of(on_canary(tmp_path, there, canary)).verdict == "commutes"
    assert content(canary) == ALIVE


@pytest.mark.parametrize("there", ["sqlite"], indirect=True)
def test_a_refusal_that_env_py_swallows_is_one_all_the_same(tmp_path: Path, there: Place, canary: str) -> None:
    folder = on_canary(tmp_path, there, canary)
    swallowing = f"""\
import sqlalchemy as sa
try:
    with sa.create_engine({canary!r}, poolclass=sa.pool.NullPool).begin() as connection:
        connection.exec_driver_sql("DROP TABLE bird")
except Exception:
    pass
"""
    folder.write_env(swallowing + (folder.migrations / "env.py").read_text())
    with pytest.raises(EnvironmentFailed) as caught:
        proof_of(folder)
    assert caught.value.message.startswith(SEVERAL)
    assert content(canary) == ALIVE


@pytest.mark.parametrize("there", ["mariadb"], indirect=True)
def test_a_script_that_opens_an_engine_of_its_own_is_refused(tmp_path: Path, there: Place, canary: str) -> None:
    script = f"sa.create_engine({canary!r}, poolclass=sa.pool.NullPool).connect()"
    with pytest.raises(EnvironmentFailed) as caught:
        proof_of(on_canary(tmp_path, there, canary, ours=script))
    assert caught.value.message.startswith(SEVERAL)
    assert content(canary) == ALIVE
    assert there.left() == []


@pytest.mark.parametrize("there", ["sqlite"], indirect=True)
def test_a_connection_from_before_is_refused_at_its_first_statement(tmp_path: Path, there: Place, canary: str) -> None:
    folder = on_canary(tmp_path, there, canary)
    engine = sa.create_engine(canary, poolclass=sa.pool.StaticPool)
    connection = engine.connect()
    sys.modules["branchmig_test_connection"] = connection  # type: ignore[assignment]  # what an application may hold
    folder.write_env(
        "import sys\nfrom alembic import context\n"
        'context.configure(connection=sys.modules["branchmig_test_connection"])\n'
        "with context.begin_transaction():\n    context.run_migrations()\n"
    )
    try:
        with pytest.raises(EnvironmentFailed) as caught:
            proof_of(folder)
    finally:
        del sys.modules["branchmig_test_connection"]
        connection.close()
        engine.dispose()
    assert caught.value.message.startswith(REFUSED)
    assert content(canary) == ALIVE


LEAVING = {
    "sqlite": ("ATTACH DATABASE '{}' AS other",),
    "postgresql": ("CREATE ROLE branchmig_test_role",),
    "mysql": ("CREATE TABLE `{}`.more (id INTEGER)", "ALTER DATABASE `{}` CHARACTER SET latin1"),
}


@pytest.mark.parametrize("number", [0, 1])
def test_a_statement_that_leaves_the_database_is_refused(
    tmp_path: Path, there: Place, canary: str, number: int
) -> None:
    if number >= len(LEAVING[there.dialect]):
        pytest.skip("there is no other kind of statement that leaves it")
    statement = LEAVING[there.dialect][number].format(sa.make_url(canary).database)
    with pytest.raises(EnvironmentFailed) as caught:
        proof_of(on_canary(tmp_path, there, canary, ours=f'op.execute("{statement}")'))
    assert caught.value.message == (f"a statement reaches beyond the scratch database, and was not run: {statement}")
    assert content(canary) == ALIVE
    assert there.left() == []


@pytest.mark.heavy
@pytest.mark.parametrize("there", ["mariadb"], indirect=True)
@pytest.mark.parametrize(
    "statement",
    [
        "USE {}",
        "/* a comment */ USE {}",
        "UPDATE {}.bird SET id = 2",
        "INSERT INTO `{}`.`bird` VALUES (2)",
        "SELECT 1; DROP DATABASE {}",
    ],
)
def test_on_mariadb_no_statement_reaches_another_database(
    tmp_path: Path, there: Place, canary: str, statement: str
) -> None:
    name = sa.make_url(canary).database
    with pytest.raises(EnvironmentFailed):
        proof_of(on_canary(tmp_path, there, canary, ours=f'op.execute("{statement.format(name)}")'))
    assert content(canary) == ALIVE


@pytest.mark.parametrize("there", ["postgres"], indirect=True)
def test_a_pool_that_stays_open_keeps_no_database(tmp_path: Path, there: Place) -> None:
    folder = forked(tmp_path / "project", there, "sqlite:///nothing.db", "pass", "pass")
    env = folder.migrations / "env.py"
    kept = "import branchmig_test_pools\n"
    sys.modules["branchmig_test_pools"] = type(sys)("branchmig_test_pools")
    sys.modules["branchmig_test_pools"].kept = engines = []  # type: ignore[attr-defined]
    text = env.read_text().replace(", poolclass=pool.NullPool", "")
    env.write_text(
        kept + text.replace("    with engine", "    branchmig_test_pools.kept.append(engine)\n    with engine")
    )
    try:
        assert proof_of(folder).verdict == "commutes"
    finally:
        del sys.modules["branchmig_test_pools"]
        for engine in engines:
            engine.dispose()
    assert there.left() == []


def test_minus_x_and_a_percent_sign_reach_env_py(tmp_path: Path) -> None:
    from dataclasses import replace

    from branchmig.database.trial.prover import prove
    from tests.database.proofs import opened, set_scratch_url

    (tmp_path / "100%").mkdir()
    folder = forked(tmp_path / "project", place("sqlite"), "sqlite:///nothing.db", "pass", "pass")
    set_scratch_url(folder, f"sqlite:///{tmp_path / '100%'}")
    (folder.migrations / "env.py").write_text(
        'from alembic import context as c\nassert c.get_x_argument(as_dictionary=True) == {"tenant": "a"}\n'
        + (folder.migrations / "env.py").read_text()
    )
    project, invocation = opened(folder)
    told = replace(invocation, x=("tenant=a",))
    assert prove(project, told, ["bbb2"], ["ccc3"], project.view()).verdict == "commutes"
    assert os.listdir(tmp_path / "100%") == []


@pytest.mark.parametrize("there", KINDS, indirect=True)
def test_a_scratch_url_that_is_the_configured_database_is_refused(tmp_path: Path, there: Place, canary: str) -> None:
    same = {
        "sqlite": canary.replace("sqlite:", "sqlite+aiosqlite:"),
        "postgresql": canary.replace("+psycopg", "+asyncpg").replace("127.0.0.1", "localhost"),
        "mysql": canary.replace("mysql+pymysql", "mariadb").replace("127.0.0.1:3306", "localhost"),
    }[there.dialect]
    with (
        pytest.raises(ConfigurationError, match="is the configured database itself, where nothing is ever tried out"),
        scratch_databases(same, canary),
    ):
        raise AssertionError("not to be reached")


def test_a_scratch_url_shows_no_password() -> None:
    with (
        pytest.raises(ConfigurationError) as caught,
        scratch_databases("postgresql://ada:secret@h/db?password=secret", "postgresql://bob:other@H:5432/db"),
    ):
        raise AssertionError("not to be reached")
    assert caught.value.message == (
        "scratch_url postgresql://ada:***@h/db?… is the configured database itself, where nothing is ever tried out"
    )


def test_a_server_that_does_not_answer_is_told_without_the_password() -> None:
    url = sa.make_url("postgresql+psycopg://ada:secret@127.0.0.1:1/postgres")
    with pytest.raises(EnvironmentFailed) as caught:
        on_connection(url, lambda connection: None)
    assert caught.value.message.startswith("scratch database postgresql+psycopg://ada:***@127.0.0.1:1/postgres: ")
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "scratch_url is no database URL"),
        ("sqlite:////nowhere/at/all.db", "scratch_url sqlite:////nowhere/at/all.db names no folder"),
        (
            "oracle://h/",
            "scratch_url oracle://h: scratch databases are made on SQLite, PostgreSQL, MariaDB and MySQL",
        ),
    ],
)
def test_a_scratch_url_that_cannot_be_used_is_refused(url: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught, scratch_databases(url, None):
        raise AssertionError("not to be reached")
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("name", "other", "is_same"),
    [
        ("postgresql://h/a", "postgresql+asyncpg://u:p@H:5432/a", True),
        ("postgresql://h/a", "postgresql://h/b", False),
        ("postgresql://h/a", "postgresql://h:5433/a", False),
        ("postgresql:///a", "postgresql://127.0.0.1/a", True),
        ("postgresql:///a?host=/var/run/postgresql", "postgresql://localhost/a", True),
        ("postgresql://h/a", "mysql://h/a", False),
        ("mysql://h/a", "mariadb+pymysql://h:3306/a", True),
        ("sqlite:///a.db", "sqlite+aiosqlite:///./b/../a.db", True),
        ("sqlite://", "sqlite://", False),
    ],
)
def test_one_database_is_known_under_every_spelling(name: str, other: str, is_same: bool) -> None:
    address, another = read_address(name), read_address(other)
    assert address is not None
    assert another is not None
    assert address.is_same_database(another) is is_same


def test_options_of_an_async_driver_stay_with_it(postgres_url: str) -> None:
    url = sa.make_url(postgres_url).set(drivername="postgresql+asyncpg")
    given = url.update_query_dict({"prepared_statement_cache_size": "0"})
    address = read_address(given.render_as_string(hide_password=False))
    assert address is not None
    with closing(open_session(address)) as session:
        assert session.rows("SELECT 1") == [(1,)]


def test_a_name_says_whose_the_database_is() -> None:
    name = new_name()
    assert name.startswith("branchmig_scratch_")
    assert f"_{os.getpid()}_" in name
    assert socket.gethostname().lower()[:5].replace("-", "_") in name
    assert len(name) <= 63


@SPARING_POSTGRES
def test_an_exception_drops_what_was_made(there: Place) -> None:
    class Boom(Exception):
        pass

    def fail() -> None:
        with scratch_databases(there.scratch_url, None) as scratch:
            scratch.copy(scratch.create())
            assert there.left() != []
            raise Boom

    with pytest.raises(Boom):
        fail()
    assert there.left() == []


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.soak)])
def test_a_signal_drops_what_was_made(tmp_path: Path, there: Place, number: signal.Signals) -> None:
    script = "import time, pathlib\npathlib.Path('running').touch()\ntime.sleep(60)"
    folder = forked(tmp_path / "project", there, "sqlite:///nothing.db", script, "pass")
    code = "import sys; from branchmig.cli import main; main(sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "merge", "--prove", "heads"],
        cwd=folder.root,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "tmp")},
        stderr=subprocess.PIPE,
        text=True,
    )
    _wait_for(folder.root / "running", process)
    assert there.left(process.pid) != []
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert there.left(process.pid) == []
    assert process.returncode == (130 if number == signal.SIGINT else -number), errors
    assert list(folder.versions.glob("*merge*")) == []


def _wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


# --- an env.py that composes its own URL

UNREACHABLE = {
    "sqlite": "sqlite:////no/such/folder/app.db",
    "postgresql": "postgresql+psycopg://nobody:secret@127.0.0.1:1/app?sslmode=require",
    "mysql": "mysql+pymysql://nobody:secret@127.0.0.1:1/app?charset=utf8mb4",
}
SETTINGS = 'config = context.config\nconfig.set_main_option("sqlalchemy.url", {url!r})\n'


def test_the_configured_database_is_not_even_connected_to(tmp_path: Path, there: Place) -> None:
    """As FastAPI projects do it: env.py writes the application's URL over that of the config."""
    url = UNREACHABLE[there.dialect]
    folder = forked(tmp_path / "project", there, "sqlite:///nothing.db", "pass", "pass")
    env = (folder.migrations / "env.py").read_text()
    folder.write_env(env.replace("config = context.config\n", SETTINGS.format(url=url.replace("%", "%%"))))
    assert proof_of(folder).verdict == "commutes"
    assert there.left() == []


@pytest.mark.heavy
def test_an_engine_of_the_application_looks_for_tables_in_each_scratch_database(tmp_path: Path, there: Place) -> None:
    """One engine runs every trial: on MariaDB it remembers the name of the database that it connected to first."""
    engine = sa.create_engine(UNREACHABLE[there.dialect])
    sys.modules["branchmig_test_engine"] = engine  # type: ignore[assignment]  # what an application may hold
    folder = forked(tmp_path / "project", there, "sqlite:///nothing.db", "pass", "pass")
    folder.write_env(
        "import sys\nfrom alembic import context\n"
        'with sys.modules["branchmig_test_engine"].connect() as connection:\n'
        "    context.configure(connection=connection)\n"
        "    with context.begin_transaction():\n        context.run_migrations()\n"
    )
    try:
        assert proof_of(folder).verdict == "commutes"
        assert engine.dialect.default_schema_name == {"sqlite": "main", "postgresql": "public"}.get(
            there.dialect, "app"
        )
    finally:
        del sys.modules["branchmig_test_engine"]
        engine.dispose()
    assert there.left() == []


@pytest.mark.parametrize("there", ["sqlite"], indirect=True)
def test_an_engine_of_the_application_with_a_pool_is_redirected_and_given_back(tmp_path: Path, there: Place) -> None:
    file = tmp_path / "app.db"
    engine = sa.create_engine(f"sqlite:///{file}", poolclass=sa.pool.QueuePool)
    sys.modules["branchmig_test_engine"] = engine  # type: ignore[assignment]  # what an application may hold
    folder = forked(tmp_path / "project", there, "sqlite:///nothing.db", "pass", "pass")
    folder.write_env(
        "import sys\nfrom alembic import context\n"
        'with sys.modules["branchmig_test_engine"].connect() as connection:\n'
        "    context.configure(connection=connection)\n"
        "    with context.begin_transaction():\n        context.run_migrations()\n"
    )
    try:
        assert proof_of(folder).verdict == "commutes"
        assert not file.exists()
        with engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA database_list").one()[2] == str(file)
    finally:
        del sys.modules["branchmig_test_engine"]
        engine.dispose()


@pytest.mark.parametrize("there", ["sqlite"], indirect=True)
def test_an_async_engine_is_redirected(tmp_path: Path, there: Place) -> None:
    folder = forked(tmp_path / "project", there, "sqlite:///nothing.db", "pass", "pass")
    folder.write_env(
        "import asyncio\nfrom alembic import context\nfrom sqlalchemy.ext.asyncio import create_async_engine\n"
        "def run(connection):\n    context.configure(connection=connection)\n"
        "    with context.begin_transaction():\n        context.run_migrations()\n"
        "async def main():\n"
        f"    engine = create_async_engine('sqlite+aiosqlite:///{tmp_path / 'app.db'}')\n"
        "    async with engine.connect() as connection:\n        await connection.run_sync(run)\n"
        "    await engine.dispose()\n"
        "asyncio.run(main())\n"
    )
    assert proof_of(folder).verdict == "commutes"
    assert not (tmp_path / "app.db").exists()


@pytest.mark.parametrize("there", ["sqlite"], indirect=True)
def test_two_databases_of_one_env_py_are_refused_before_the_second_is_opened(tmp_path: Path, there: Place) -> None:
    folder = forked(tmp_path / "project", there, "sqlite:///nothing.db", "pass", "pass")
    env = (folder.migrations / "env.py").read_text()
    other = f"import sqlalchemy\nsqlalchemy.create_engine('sqlite:///{tmp_path / 'other.db'}').connect().close()\n"
    folder.write_env(env + other)
    with pytest.raises(EnvironmentFailed) as caught:
        proof_of(folder)
    assert caught.value.message.startswith(SEVERAL)
    assert not (tmp_path / "other.db").exists()
