"""The cost of a step: processor time of a whole upgrade of 400 revisions that make a table each, beside alembic's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from benchmarks.history import INI

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

REVISIONS = 400
DATABASE = "branchmig_bench_steps"
SERVERS = {
    "PostgreSQL": ("BRANCHMIG_TEST_POSTGRES_URL", "postgresql+psycopg://postgres@127.0.0.1:5432", "postgres"),
    "MariaDB": ("BRANCHMIG_TEST_MARIADB_URL", "mysql+pymysql://root@127.0.0.1:3306", "mysql"),
}
GOALS = {"SQLite": (1.05, 1.25), "PostgreSQL": (1.10, 1.25), "MariaDB": (1.10, 1.75)}
"""Without and with the journal."""


def arguments(kind: str, *, has_journal: bool) -> Callable[[str], tuple[str, ...]]:
    """Return the upgrade of either program; alembic keeps no journal."""
    journal = {"branchmig": f"{kind}-journal.ini"} if has_journal else {}
    return lambda program: (program, "-c", journal.get(program, f"{kind}.ini"), "upgrade", "heads")


def write_settings(kind: str) -> Callable[[Path, Path], object]:
    """Write the settings of the project for one kind of database, without and with the journal."""

    def write(folder: Path, output: Path) -> None:
        url = f"sqlite:///%(here)s/{DATABASE}.db" if kind == "SQLite" else server_url(kind, DATABASE).replace("%", "%%")
        text = INI.replace("sqlite:///%(here)s/app.db", url)
        (folder / f"{kind}.ini").write_text(text)
        (folder / f"{kind}-journal.ini").write_text(f"{text}\n[branchmig]\njournal = true\n")

    return write


def make_database(kind: str) -> Callable[[Path], object]:
    """Make the database anew."""

    def make(folder: Path) -> None:
        if kind == "SQLite":
            (folder / f"{DATABASE}.db").unlink(missing_ok=True)
            return
        run_on_server(kind, f"DROP DATABASE IF EXISTS {DATABASE}", f"CREATE DATABASE {DATABASE}")

    return make


def is_there(kind: str) -> Callable[[], bool]:
    """Return whether a server of the kind answers."""

    def ask() -> bool:
        try:
            return kind == "SQLite" or run_on_server(kind, "SELECT 1")
        except Exception:  # of the driver, of the network
            return False

    return ask


def run_on_server(kind: str, *statements: str) -> bool:
    import sqlalchemy as sa

    engine = sa.create_engine(
        server_url(kind, SERVERS[kind][2]), isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool
    )
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    return True


def server_url(kind: str, database: str) -> str:
    import sqlalchemy as sa

    variable, default, _ = SERVERS[kind]
    return sa.make_url(os.environ.get(variable) or default).set(database=database).render_as_string(hide_password=False)
