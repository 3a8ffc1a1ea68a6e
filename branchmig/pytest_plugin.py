"""The pytest plug-in: a migrated database for each test, copied from a state.

pytest finds it through the entry point `pytest11`. Without a test that asks for a fixture, nothing is opened.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from branchmig.workflows.pytest_databases import PytestDatabases

_FAILED = pytest.StashKey[bool]()

OPTIONS = {
    "config": "config file of the project, from pytest's root folder (default: alembic.ini, else pyproject.toml)",
    "server": "server on which databases are made, as scratch_url (default: the project's scratch_url, else SQLite)",
    "place": "whose revisions to apply: worktree (default), index, or any git ref or commit",
    "reset": "how a test gets a clean database: copy, or truncate: empty what the last one wrote, where that is safe "
    "(default: truncate on MariaDB and MySQL, else copy)",
    "program": "command line that stands for `branchmig`, e.g. flask --app shop branchmig",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add an option and an ini key for each of OPTIONS: the option comes first."""
    group = parser.getgroup("branchmig", "migrated databases")
    for name, text in OPTIONS.items():
        group.addoption(f"--branchmig-{name}", default=None, metavar=name.upper(), help=text)
        parser.addini(f"branchmig_{name}", text, default="")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Note in a test that it failed, for the teardown of its database."""
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


@pytest.fixture(scope="session")
def branchmig_databases(pytestconfig: pytest.Config) -> Iterator[PytestDatabases]:
    """The databases of this test process: `new()` gives the URL of one, `release(url)` drops it."""
    from branchmig.errors import BranchmigError
    from branchmig.workflows.pytest_databases import PytestDatabases

    values = {
        name: pytestconfig.getoption(f"--branchmig-{name}") or pytestconfig.getini(f"branchmig_{name}") or None
        for name in OPTIONS
    }
    databases = None
    try:
        databases = PytestDatabases.open(pytestconfig.rootpath, **values)
    except BranchmigError as error:
        pytest.fail("\n".join([error.message, *error.details, f"hint: {error.hint}"]), pytrace=False)
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def branchmig_session_url(branchmig_databases: PytestDatabases) -> Iterator[str]:
    """URL of a database at the heads, for the whole session (of each process under pytest-xdist)."""
    url = branchmig_databases.new()
    yield url
    branchmig_databases.release(url)


@pytest.fixture
def branchmig_url(branchmig_databases: PytestDatabases, request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a database at the heads, for this test alone; it is dropped however the test ends."""
    url = branchmig_databases.lend()
    yield url
    branchmig_databases.give_back(url, is_failed=_FAILED in request.node.stash)


@pytest.fixture
def branchmig_engine(branchmig_url: str) -> Iterator[Any]:
    """SQLAlchemy engine on `branchmig_url`: an AsyncEngine where its driver is async."""
    from branchmig.database.trial.engines import engine_of, let_go

    engine = engine_of(branchmig_url)
    yield engine
    let_go(engine)


@pytest.fixture
def branchmig_connection(branchmig_session_url: str) -> Iterator[Any]:
    """Connection in a transaction on the session's database, rolled back after the test.

    Sessions are bound to it with join_transaction_mode="create_savepoint", so that they may commit.
    """
    from branchmig.database.trial.engines import rolled_back

    with rolled_back(branchmig_session_url) as connection:
        yield connection
