"""Reads the schema of a live database and of a scratch database with the same revisions applied, for comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL, Connection

from branchmig.database.trial.building import with_states
from branchmig.database.trial.catalog_mysql import database_defaults
from branchmig.database.trial.catalog_postgresql import objects_of_others
from branchmig.database.trial.reflection import VersionTables, read_catalog
from branchmig.database.trial.scratch import project_scratch
from branchmig.database.trial.trial_runner import Bench, failing_lines
from branchmig.effects.dialects import dialect_kind
from branchmig.effects.schema_snapshot import Catalog
from branchmig.errors import EnvironmentFailed, MigrationFailed
from branchmig.project.config import Invocation
from branchmig.project.project import Project


@dataclass(frozen=True, slots=True)
class Schema:
    """What a database consists of, as env.py's connection shows it.

    `left_out` are objects that are not this project's, each with the reason: another role's, or those that env.py hides
    from autogenerate. `search_path` and `defaults` (character set and collation) decide how the server writes things.
    """

    dialect: str
    version: str
    catalog: Catalog
    left_out: dict[str, str]
    search_path: str = ""
    defaults: tuple[str, str] | None = None


def schema_of(context: MigrationContext, like: Schema | None = None) -> Schema:
    """Return the schema that a context's connection leads to; read in the search_path of another one."""
    connection = context.connection
    assert connection is not None
    left_out = {}
    if connection.dialect.name == "postgresql":
        if like is not None:
            connection.execute(sa.text("SELECT set_config('search_path', :path, false)"), {"path": like.search_path})
        quote = connection.dialect.identifier_preparer.quote
        own = [quote(name) for name in (context.version_table_schema, context.version_table) if name]
        others = objects_of_others(connection, ".".join(own))
        left_out = {name: f"it belongs to the role {owner}" for name, owner in others.items()}
    found = read_schema(connection, {(context.version_table_schema, context.version_table)})
    left_out |= dict.fromkeys(_hidden(context, found.catalog), "env.py hides it from autogenerate")
    return replace(found, left_out=left_out | found.left_out)


def read_schema(connection: Connection, version_tables: VersionTables = ()) -> Schema:
    """Return the schema that a connection leads to; tables like `version_tables` are left out."""
    kind = dialect_kind(connection.dialect.name)
    path = str(connection.exec_driver_sql("SHOW search_path").scalar()) if kind == "postgresql" else ""
    catalog = read_catalog(connection, version_tables)
    return Schema(
        kind,
        ".".join(map(str, connection.dialect.server_version_info or ())),
        catalog,
        dict.fromkeys(others_version_tables(catalog), "it is another version table"),
        path,
        database_defaults(connection) if kind == "mysql" else None,
    )


def _hidden(context: MigrationContext, catalog: Catalog) -> list[str]:
    """Return the tables that env.py's include_name and include_object leave out."""
    include_name, include_object = context.opts.get("include_name"), context.opts.get("include_object")
    found = []
    for whole in catalog.objects:
        if not whole.startswith("table "):
            continue
        schema, _, name = whole.removeprefix("table ").rpartition(".")
        try:
            is_shown = include_name is None or include_name(
                name, "table", {"schema_name": schema or None, "schema_qualified_table_name": whole[6:]}
            )
            if is_shown and include_object is not None:
                table = sa.Table(name, sa.MetaData(), schema=schema or None)
                is_shown = include_object(table, name, "table", True, None)
        except Exception:  # the project's own code, which may expect more than a name
            continue
        if not is_shown:
            found.append(whole)
    return found


def others_version_tables(catalog: Catalog) -> list[str]:
    """Return the tables that have what a version table has, and nothing else."""
    return [f"table {table}" for table, names in catalog.column_order.items() if names == ("version_num",)]


def built_schema(
    project: Project, invocation: Invocation, calls: Sequence[frozenset[str]], like: Schema, *, has_states: bool
) -> Schema:
    """Return the schema that some revisions build, on a scratch database of the same kind of server.

    `calls` are the revisions for each run_migrations() of env.py; with `has_states` their scripts are the work tree's,
    and kept states may be used. Raises EnvironmentFailed where they cannot be built.
    """
    with bench_like(project, invocation, like, "what is applied does") as bench:
        return schema_on(bench, _built(bench, calls, like, has_states=has_states), like)


@contextmanager
def bench_like(project: Project, invocation: Invocation, like: Schema, subject: str) -> Iterator[Bench]:
    """Give a bench on the kind of server that a schema is from.

    Raises EnvironmentFailed for another kind, and where `subject` does not run there.
    """
    with project_scratch(project) as scratch:
        if scratch.dialect != like.dialect:
            raise EnvironmentFailed(
                f"the database is {like.dialect}, and scratch databases are {scratch.dialect}: nothing was compared",
                "name a server of that kind, where databases can be made: git config branchmig.scratchUrl "
                f"{like.dialect}://user@host/",
            )
        try:
            yield Bench(project, invocation, scratch)
        except MigrationFailed as error:
            raise EnvironmentFailed(
                f"cannot tell: {subject} not run on an empty {scratch.dialect} database: {error.message}",
                "repair the script, or give it what it needs to run on a database without rows",
                failing_lines(error),
            ) from error


def schema_on(bench: Bench, url: URL, like: Schema) -> Schema:
    """Return the schema of a scratch database, through env.py, as the live one was read."""
    return bench.environment(url).ask(lambda _, context: schema_of(context, like))[0]


def _built(bench: Bench, calls: Sequence[frozenset[str]], like: Schema, *, has_states: bool) -> URL:
    # States were made in databases with the server's usual character set.
    is_usual = like.defaults is None or bench.ask(bench.scratch.create(), database_defaults) == like.defaults
    if has_states and len(calls) == 1 and calls[0] and is_usual:
        with_states(bench, bench.project.view())
        return bench.base(calls[0])
    url = bench.scratch.create()
    bench.suit(url, like.defaults)
    bench.upgrade_each(url, calls)
    return url
