"""Databases for tests: `branchmig fresh` beside `alembic upgrade heads`, as whole commands and inside a pytest run.

As a program, `python -m benchmarks.fresh alembic|branchmig KIND` runs a few tests that read one row of a migrated
database of their own, and prints the median seconds of a test with its set-up and teardown.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.history import INI
from benchmarks.processes import run_module
from benchmarks.step_cost import run_on_server, server_url

if TYPE_CHECKING:
    from collections.abc import Callable

DATABASE = "branchmig_bench_fresh"
TESTS = 8
GOALS = {
    "SQLite": {100: 0.25, 1_000: 0.04, "test": 0.025},
    "PostgreSQL": {100: 0.4, 1_000: 0.125, "test": 0.33},
    "MariaDB": {100: 0.4, 1_000: 0.167, "test": 0.5},
}

TEST_FILE = """
import pytest
from benchmarks import fresh

@pytest.fixture
def alembic_url():
    yield from fresh.replayed({kind!r})

@pytest.mark.parametrize("number", range({tests}))
def test_reads(number, {fixture}):
    fresh.read({fixture})
"""


def arguments(kind: str) -> Callable[[str], tuple[str, ...]]:
    """Return the whole command of either program."""
    words = {"alembic": ("upgrade", "heads"), "branchmig": ("fresh",)}
    return lambda program: (program, "-c", f"fresh-{kind}.ini", *words[program])


def prepare(kind: str) -> Callable[[Path, Path], object]:
    """Write the settings, and have the state built."""

    def write(folder: Path, output: Path) -> None:
        url = f"sqlite:///%(here)s/{DATABASE}.db" if kind == "SQLite" else server_url(kind, DATABASE).replace("%", "%%")
        scratch = "" if kind == "SQLite" else f"scratch_url = {server_url(kind, '').replace('%', '%%')}\n"
        text = INI.replace("sqlite:///%(here)s/app.db", url)
        (folder / f"fresh-{kind}.ini").write_text(f"{text}\n[branchmig]\n{scratch}")
        run_module(["branchmig", *_config(kind), "fresh"], folder, output)

    return write


def make_database(kind: str) -> Callable[[Path], object]:
    """Make an empty database for alembic, and drop those that fresh has made."""

    def make(folder: Path) -> None:
        drop(kind)(folder, all_=False)
        if kind != "SQLite":
            run_on_server(kind, f"CREATE DATABASE {DATABASE}")

    return make


def drop(kind: str) -> Callable[..., object]:
    """Drop the databases of a case; with `all_`, the states too."""

    def work(folder: Path, *, all_: bool = True) -> None:
        (folder / f"{DATABASE}.db").unlink(missing_ok=True)
        if kind != "SQLite":
            run_on_server(kind, f"DROP DATABASE IF EXISTS {DATABASE}")
        output = folder / "states.json"
        listed = json.loads(
            run_module(["branchmig", *_config(kind), "states", "--format", "json"], folder, output).output
        )
        names = [made["name"] for made in listed["databases"]]
        words = ["--all"] if all_ else names
        if words:
            run_module(["branchmig", *_config(kind), "states", "drop", "--yes", *words], folder, output)

    return work


def _config(kind: str) -> tuple[str, str]:
    return "-c", f"fresh-{kind}.ini"


def replayed(kind: str) -> object:
    """Give the URL of a database that alembic has brought to the heads in this process, and drop it after."""
    import alembic.command
    import alembic.config

    folder = Path.cwd()
    if kind != "SQLite":
        run_on_server(kind, f"DROP DATABASE IF EXISTS {DATABASE}", f"CREATE DATABASE {DATABASE}")
    config = alembic.config.Config(f"fresh-{kind}.ini")
    alembic.command.upgrade(config, "heads")
    yield config.get_main_option("sqlalchemy.url")
    if kind == "SQLite":
        (folder / f"{DATABASE}.db").unlink()
    else:
        run_on_server(kind, f"DROP DATABASE {DATABASE}")


def read(url: str) -> None:
    """Read a row, as a test does."""
    import sqlalchemy as sa

    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM alembic_version").scalar() == 1


class _Times:
    """Adds up what set-up, call and teardown of each test took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: object) -> None:
        name, seconds = report.nodeid, report.duration  # type: ignore[attr-defined]
        assert not report.failed, report.longrepr  # type: ignore[attr-defined]
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds


def main() -> None:
    import pytest

    program, kind = sys.argv[1:]
    fixture = "alembic_url" if program == "alembic" else "branchmig_url"
    folder = Path.cwd() / f"tests-{program}-{kind}"
    folder.mkdir(exist_ok=True)
    (folder / "test_reads.py").write_text(TEST_FILE.format(kind=kind, tests=TESTS, fixture=fixture))
    times = _Times()
    words = ["-q", "-p", "no:cacheprovider", "--rootdir", ".", f"--branchmig-config=fresh-{kind}.ini", str(folder)]
    plugins = ["branchmig.pytest_plugin"] if "branchmig.pytest_plugin" not in _entry_points() else []
    sys.stdout = sys.stderr
    code = pytest.main([*words, *(word for name in plugins for word in ("-p", name))], [times])
    sys.stdout = sys.__stdout__
    if code != 0:
        sys.exit(f"the tests ended with {code}")
    print(median(times.seconds.values()))


def _entry_points() -> set[str]:
    from importlib.metadata import entry_points

    return {point.value for point in entry_points(group="pytest11")}


if __name__ == "__main__":
    main()
