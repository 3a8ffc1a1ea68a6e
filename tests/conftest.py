"""Git as if freshly installed, a database of one's own on each server, and branchmig as a real process."""

from __future__ import annotations

import compileall
import gc
import os
import sys
import uuid
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from zlib import crc32

import pytest
from hypothesis import settings

from tests.browsers import browser  # noqa: F401  # a fixture

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection, Engine

    from tests.repositories import Checkout

ROOT = Path(__file__).parent.parent

GIT_IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada Author",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_AUTHOR_DATE": "2026-01-05T10:00:00+00:00",
    "GIT_COMMITTER_NAME": "Cem Committer",
    "GIT_COMMITTER_EMAIL": "cem@example.com",
    "GIT_COMMITTER_DATE": "2026-01-05T11:00:00+00:00",
}
PERSONAL_SETTINGS = frozenset(
    {"ALEMBIC_CONFIG", "COLUMNS", "EDITOR", "FORCE_COLOR", "NO_COLOR", "VISUAL", "XDG_CONFIG_HOME"}
    # A CI that runs these tests for a pull request names the branch in which its own work lands.
    | {"GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"}
)


@pytest.fixture(scope="session", autouse=True)
def isolated_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep whoever runs the tests out of them: their git settings and hooks, home, language, Alembic config.

    For the whole session, so that fixtures of any scope may use git.
    """
    place = tmp_path_factory.mktemp("isolated")
    for name in ("home", "templates"):
        (place / name).mkdir()
    # The processes that tests start find branchmig compiled, and leave no __pycache__ in a test's work tree.
    compileall.compile_dir(ROOT / "branchmig", quiet=1)
    (place / "gitconfig").touch()
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith("GIT_") or name in PERSONAL_SETTINGS:
                patch.delenv(name)
        patch.setenv("HOME", str(place / "home"))
        patch.setenv("LC_ALL", "C.UTF-8")
        patch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        patch.setattr(sys, "dont_write_bytecode", True)
        patch.setenv("GIT_CONFIG_GLOBAL", str(place / "gitconfig"))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("GIT_TEMPLATE_DIR", str(place / "templates"))
        patch.setenv("GIT_TERMINAL_PROMPT", "0")
        # Nothing has to outlive the server: PostgreSQL need not wait for the disk at each commit.
        patch.setenv("PGOPTIONS", "-c synchronous_commit=off")
        # PyMySQL reads the machine's certificates for each connection: 25 ms, which no test needs.
        patch.setenv("SSL_CERT_FILE", os.devnull)
        patch.setenv("SSL_CERT_DIR", os.devnull)
        for name, value in GIT_IDENTITY.items():
            patch.setenv(name, value)
        # On a busy machine anything takes longer than a second: a line of progress more or less is no difference.
        patch.setattr("branchmig.terminal.PROGRESS_AFTER", 3600.0)
        yield
        _drop_states(place / "home")
        _drop_idle_databases()


def _drop_states(home: Path) -> None:
    """Drop the states that projects of these tests have left on a server: the projects are gone, and their stores."""
    from branchmig.database.trial.address import read_address
    from branchmig.database.trial.servers import server_at
    from branchmig.database.trial.store import Store

    states = [state for folder in home.glob(".cache/branchmig/states/*") for state in Store(folder).states()]
    contents = [state.content for state in states if state.dialect == "postgresql" and state.content]
    if contents and (address := read_address(POSTGRES.url())) is not None:
        server = server_at(address, home)
        for content in contents:
            server.drop_content(content)
        server.close()


def pytest_configure(config: pytest.Config) -> None:
    """Let property tests draw the same examples at each run, so that a red run is a change's; `make soak` draws new.

    Without a time limit for an example: the machines that run this are shared.
    """
    settings.register_profile("same", max_examples=50, derandomize=True, deadline=None, database=None)
    settings.register_profile("new", deadline=None)
    settings.load_profile("new" if config.option.markexpr == "soak" else "same")


SERVER_NAMES = {"postgres": "mariadb", "postgres_url": "mariadb_url", "PostgreSQL": "MariaDB"}
"""The parameters that stand for PostgreSQL in tests that run on both servers, and their like for MariaDB."""


BEGIN_FIRST = [
    *("test_action.py", "test_compat.py", "test_docs.py", "test_fresh_laws.py", "test_graph_page.py"),
    *("test_plans_against_alembic.py", "test_pytest_plugin.py", "test_reading_runs_nothing.py", "test_reference.py"),
]
"""The files with tests that take many seconds."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave to `make soak` what makes `make test` long.

    That is one server of each test that runs on both, by the test's name: half of each kind stays. And all parameters
    of a heavy test but the first.
    """
    by_id = {item.nodeid: item for item in items}
    for item in items:
        test, _, parameters = item.nodeid.partition("[")
        words = parameters.removesuffix("]").split("-")
        for postgres, mariadb in SERVER_NAMES.items():
            if postgres in words:
                other = "-".join(mariadb if word == postgres else word for word in words)
                twin = by_id.get(f"{test}[{other}]")
                if twin is not None:
                    later = item if crc32(test.encode()) % 2 else twin
                    later.add_marker("soak")
    begun = set()
    for item in items:
        test = item.nodeid.partition("[")[0]
        if item.get_closest_marker("heavy") and not item.get_closest_marker("soak"):
            if test in begun:
                item.add_marker("soak")
            begun.add(test)
    # Last, one of them would leave the other processes without work.
    items.sort(key=lambda item: item.path.name not in BEGIN_FIRST)


def pytest_collection_finish() -> None:
    """Collect the garbage of tests alone: to look through all that is imported took a tenth of their time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why tests were skipped, each reason once: pytest's own -rs has a line for every test."""
    skipped = Counter(report.longrepr[2] for report in terminalreporter.stats.get("skipped", ()))
    for reason, count in sorted(skipped.items()):
        terminalreporter.write_line(f"SKIPPED [{count}] {reason.removeprefix('Skipped: ')}")


@dataclass(frozen=True, slots=True)
class Server:
    """A database server for the tests: where it is, how to start one, how to make and drop a database."""

    name: str
    variable: str
    default: str
    start: str
    create: str
    connections: str
    kill: str

    def url(self, database: str = "") -> str:
        """Return the server's URL with `database` in the place of any database that it names."""
        from sqlalchemy import make_url

        url = make_url(os.environ.get(self.variable) or self.default)
        return (url.set(database=database) if database else url).render_as_string(hide_password=False)


POSTGRES = Server(
    name="PostgreSQL",
    variable="BRANCHMIG_TEST_POSTGRES_URL",
    default="postgresql+psycopg://postgres@127.0.0.1:5432",
    start="docker run --rm -d -p 5432:5432 -e POSTGRES_HOST_AUTH_METHOD=trust postgres",
    # template0 has no connections, ever; template1 may, and then cannot be copied.
    create="CREATE DATABASE {} TEMPLATE template0",
    connections="SELECT pid FROM pg_stat_activity WHERE datname = '{}'",
    kill="SELECT pg_terminate_backend({})",
)
MARIADB = Server(
    name="MariaDB",
    variable="BRANCHMIG_TEST_MARIADB_URL",
    default="mysql+pymysql://root@127.0.0.1:3306",
    start="docker run --rm -d -p 3306:3306 -e MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1 mariadb",
    create="CREATE DATABASE {} CHARACTER SET utf8mb4",
    connections="SELECT id FROM information_schema.processlist WHERE db = '{}'",
    kill="KILL {}",
)


def answering_engine(server: Server) -> Engine:
    """Return an engine on a server that answers; else the test is skipped, or fails where CI=true."""
    from sqlalchemy import create_engine
    from sqlalchemy.exc import OperationalError
    from sqlalchemy.pool import NullPool

    engine = create_engine(
        server.url(),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={"connect_timeout": 5},
    )
    failure = None
    try:
        engine.connect().close()
    except OperationalError as error:
        failure = error.orig
    if failure is None:
        return engine
    reason = f"no {server.name} answers at {engine.url}; start one: {server.start}; or set {server.variable}"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}\n{failure}", pytrace=False)
    pytest.skip(reason)


_idle: list[str] = []
"""PostgreSQL databases of this process that are empty and wait for a test."""


@contextmanager
def fresh_database(engine: Engine, server: Server) -> Iterator[str]:
    """Give the URL of an empty database, and end every connection to it afterwards.

    On PostgreSQL, where a new database is costly, it may be one that an earlier test has used.
    """
    from tests.reuse import is_emptied

    if server is POSTGRES and _idle:
        name = _idle.pop()
    else:
        name = f"branchmig_test_{uuid.uuid4().hex}"
        with engine.connect() as connection:
            connection.exec_driver_sql(server.create.format(name))
    try:
        yield server.url(name)
    finally:
        if server is POSTGRES and is_emptied(engine, server.url(name)):
            _idle.append(name)
        else:
            drop_database(engine, server, name)


def drop_database(engine: Engine, server: Server, name: str) -> None:
    """Drop a database, no matter who is still connected to it."""
    with engine.connect() as connection:
        kill_connections(connection, server, name)
        connection.exec_driver_sql(f"DROP DATABASE {name}")


def kill_connections(connection: Connection, server: Server, database: str) -> None:
    """End what a test left open: PostgreSQL would refuse the DROP DATABASE, MariaDB would wait for locks."""
    from sqlalchemy.exc import OperationalError

    for process_id in connection.exec_driver_sql(server.connections.format(database)).scalars().all():
        try:
            connection.exec_driver_sql(server.kill.format(process_id))
        except OperationalError as error:
            if "Unknown thread id" not in str(error):  # it ended by itself meanwhile
                raise


@pytest.fixture(scope="session")
def postgres_engine() -> Engine:
    return answering_engine(POSTGRES)


def _drop_idle_databases() -> None:
    if _idle:
        engine = answering_engine(POSTGRES)
        while _idle:
            drop_database(engine, POSTGRES, _idle.pop())


@pytest.fixture(scope="session")
def mariadb_engine() -> Engine:
    return answering_engine(MARIADB)


@pytest.fixture
def postgres_url(postgres_engine: Engine) -> Iterator[str]:
    """A database of this test's own on PostgreSQL."""
    with fresh_database(postgres_engine, POSTGRES) as url:
        yield url


@pytest.fixture
def mariadb_url(mariadb_engine: Engine) -> Iterator[str]:
    """A database of this test's own on MariaDB."""
    with fresh_database(mariadb_engine, MARIADB) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite file of this test's own, not yet there."""
    return f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database of this test's own, on each kind of server in turn."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@dataclass(frozen=True, slots=True)
class Result:
    """How a run of branchmig ended and what it wrote."""

    exit_code: int
    stdout: str
    stderr: str


class Cli(Protocol):
    """What the `cli` fixture gives."""

    def __call__(
        self,
        *args: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
    ) -> Result: ...


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Run branchmig as a process of its own, in `tmp_path` unless told; `env` comes on top of the tests'."""

    from tests import forks

    def run(
        *args: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
    ) -> Result:
        variables = {**forks.environment(), **(env or {})}
        done = forks.server().run([*map(str, args)], cwd or tmp_path, variables, (stdin or "").encode())
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def repo(tmp_path: Path) -> Checkout:
    """A project without a revision, in a git repository without a commit."""
    from tests.repositories import Checkout

    return Checkout(tmp_path / "repo")


@pytest.fixture(scope="session")
def parted_template(tmp_path_factory: pytest.TempPathFactory, isolated_environment: None) -> Checkout:
    from tests.repositories import Checkout

    template = Checkout(tmp_path_factory.mktemp("parted") / "repo")
    template.fork()
    return template


@pytest.fixture
def parted(parted_template: Checkout, tmp_path: Path) -> Checkout:
    """'aaa1' on both branches, 'bbb2' above it on main, 'ccc3' above it on feature, which is checked out."""
    return parted_template.instance(tmp_path / "repo")


@pytest.fixture(scope="session", autouse=True)
def forked_hooks(isolated_environment: None) -> None:
    """Hooks that a test installs start a fork of what is imported already, which costs a twentieth."""
    from tests import forks

    forks.hooks_start(forks.python())


@pytest.fixture
def real_hooks() -> Iterator[None]:
    """Hooks that a test installs start Python itself."""
    from branchmig.git.hook_text import Installation

    defaults = Installation.__init__.__defaults__ or ()
    Installation.__init__.__defaults__ = (*defaults[:-1], sys.executable)
    yield
    Installation.__init__.__defaults__ = defaults
