"""Fleets to try things on: a project whose revisions leave a trace at each run, and tenants that count them."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tests.support import ProjectFolder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# SQLAlchemy's recipe for DDL within transactions on SQLite: what is killed leaves nothing half done.
SQLITE_ENV = """\
from alembic import context
from sqlalchemy import create_engine, event, pool

engine = create_engine(context.config.get_main_option("sqlalchemy.url"), poolclass=pool.NullPool)


@event.listens_for(engine, "connect")
def leave_transactions_to_us(connection, record):
    connection.isolation_level = None


@event.listens_for(engine, "begin")
def begin(connection):
    connection.exec_driver_sql("BEGIN IMMEDIATE")


with engine.connect() as connection:
    context.configure(connection=connection, transactional_ddl=True, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
"""

# As alembic's cookbook has it, under "Rudimental Schema-Level Multi Tenancy for PostgreSQL".
SCHEMA_ENV = """\
from alembic import context
from sqlalchemy import create_engine, pool, text

schema = context.get_x_argument(as_dictionary=True).get("schema")
engine = create_engine(context.config.get_main_option("sqlalchemy.url"), poolclass=pool.NullPool)
with engine.connect() as connection:
    if schema:
        connection.execute(text(f'set search_path to "{schema}"'))
        connection.commit()
        connection.dialect.default_schema_name = schema
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""


def revision_ids(count: int) -> list[str]:
    return [f"r{number:03}" for number in range(1, count + 1)]


def write_revisions(project: ProjectFolder, count: int, more: str = "pass") -> None:
    """Write a line of revisions. Each notes in the table `audit` that it ran; `more` is done by each as well."""
    parent: tuple[str, ...] = ()
    for revision in revision_ids(count):
        create = "op.create_table('audit', sa.Column('revision', sa.String(32)))\n" if not parent else ""
        project.revision(
            revision,
            *parent,
            upgrade=f"{create}op.create_table('t_{revision}', sa.Column('id', sa.Integer()))\n"
            f"op.execute(\"INSERT INTO audit VALUES ('{revision}')\")\n{more}",
            downgrade=f"op.drop_table('t_{revision}')\n"
            + (
                "op.drop_table('audit')"
                if not parent
                else f"op.execute(\"DELETE FROM audit WHERE revision = '{revision}'\")"
            ),
        )
        parent = (revision,)


class SqliteFleet(ProjectFolder):
    """A project and a number of SQLite files that it goes to, named in targets.toml."""

    def __init__(self, root: Path, tenants: int, revisions: int, *, is_transactional: bool = True) -> None:
        super().__init__(root, "sqlite:///nowhere.db")
        if is_transactional:
            self.write_env(SQLITE_ENV)
        write_revisions(self, revisions)
        self.ids = revision_ids(revisions)
        self.tenants = root / "tenants"
        self.tenants.mkdir()
        self.names = [f"tenant_{number:04}" for number in range(1, tenants + 1)]
        self.write_targets([{"name": name, "url": self.url_of(name)} for name in self.names])

    def url_of(self, name: str) -> str:
        return f"sqlite:///{self.tenants / name}.db"

    def write_targets(self, rows: Iterable[dict[str, object]]) -> None:
        (self.root / "targets.json").write_text(json.dumps(list(rows)))

    def audit(self, name: str) -> Counter[str]:
        """How often each revision ran in a tenant."""
        return Counter(row for (row,) in self.ask(name, "SELECT revision FROM audit"))

    def version(self, name: str) -> list[str]:
        return [row for (row,) in self.ask(name, "SELECT version_num FROM alembic_version")]

    def ask(self, name: str, sql: str) -> list[tuple[str, ...]]:
        path = self.tenants / f"{name}.db"
        if not path.is_file():
            return []
        connection = sqlite3.connect(path)
        try:
            return connection.execute(sql).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise
        finally:
            connection.close()

    def wrong_tenants(self) -> dict[str, object]:
        """Return the tenants that are not at the head, or where a revision did not run just once."""
        once = Counter(dict.fromkeys(self.ids, 1))
        return {
            name: (self.version(name), self.audit(name))
            for name in self.names
            if self.version(name) != [self.ids[-1]] or self.audit(name) != once
        }


class SchemaFleet(ProjectFolder):
    """A project on one PostgreSQL database with a schema for each tenant."""

    def __init__(self, root: Path, url: str, tenants: int, revisions: int) -> None:
        super().__init__(root, url)
        self.write_env(SCHEMA_ENV)
        write_revisions(self, revisions)
        self.ids = revision_ids(revisions)
        self.names = [f"tenant_{number:04}" for number in range(1, tenants + 1)]
        self.engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
        with self.engine.begin() as connection:
            for name in self.names:
                connection.exec_driver_sql(f"CREATE SCHEMA {name}")

    def wrong_tenants(self) -> dict[str, object]:
        """Return the tenants that are not at the head, or where a revision did not run just once."""
        wrong: dict[str, object] = {}
        once = Counter(dict.fromkeys(self.ids, 1))
        with self.engine.connect() as connection:
            for name in self.names:
                if not sa.inspect(connection).has_table("audit", schema=name):
                    wrong[name] = "untouched"
                    continue
                audit = Counter(connection.exec_driver_sql(f"SELECT revision FROM {name}.audit").scalars())
                version = connection.exec_driver_sql(f"SELECT version_num FROM {name}.alembic_version").scalars().all()
                if audit != once or list(version) != [self.ids[-1]]:
                    wrong[name] = (version, audit)
        return wrong


class DatabaseFleet(ProjectFolder):
    """A project and a number of databases of one MariaDB server, with the journal, named in targets.json."""

    def __init__(self, root: Path, engine: sa.Engine, prefix: str, tenants: int, revisions: int) -> None:
        super().__init__(root, "sqlite:///nowhere.db")
        ini = root / "alembic.ini"
        ini.write_text(f"{ini.read_text()}\n[branchmig]\njournal = true\n")
        write_revisions(self, revisions)
        self.ids, self._engine = revision_ids(revisions), engine
        self.names = [f"{prefix}_{number:04}" for number in range(1, tenants + 1)]
        for name in self.names:
            with engine.connect() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {name}")
        urls = [engine.url.set(database=name).render_as_string(hide_password=False) for name in self.names]
        self.write_targets([{"name": name, "url": url} for name, url in zip(self.names, urls, strict=True)])

    def write_targets(self, rows: Iterable[dict[str, object]]) -> None:
        (self.root / "targets.json").write_text(json.dumps(list(rows)))

    def drop(self) -> None:
        for name in self.names:
            with self._engine.connect() as connection:
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")

    def ask(self, name: str, sql: str) -> list[tuple[str, ...]]:
        with self._engine.connect() as connection:
            connection.exec_driver_sql(f"USE {name}")
            try:
                return [tuple(row) for row in connection.exec_driver_sql(sql)]
            except sa.exc.ProgrammingError as error:
                if "doesn't exist" in str(error):
                    return []
                raise
            finally:
                connection.invalidate()

    def wrong_tenants(self) -> dict[str, object]:
        """Return the tenants that are not at the head, or where a revision did not run just once."""
        return {
            name: state for name in self.names if (state := self.state(name)) != (self.ids[-1:], self.ids, self.ids)
        }

    def half_done(self) -> dict[str, object]:
        """Return the tenants whose tables, rows and version are not those of one and the same revision."""
        found = {name: self.state(name) for name in self.names}
        whole = [(self.ids[:number][-1:], self.ids[:number], self.ids[:number]) for number in range(len(self.ids) + 1)]
        return {name: state for name, state in found.items() if state not in whole}

    def state(self, name: str) -> tuple[list[str], list[str], list[str]]:
        """Return the version rows, the revisions that left their row, and those whose table is there."""
        version = [row for (row,) in self.ask(name, "SELECT version_num FROM alembic_version")]
        rows = sorted(row for (row,) in self.ask(name, "SELECT revision FROM audit"))
        tables = sorted(table for (table,) in self.ask(name, "SHOW TABLES LIKE 't\\_r%%'"))
        return version, rows, [table.removeprefix("t_") for table in tables]
