"""Writes the revision that would make what a live schema has otherwise a part of the history."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import produce_migrations
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from branchmig.database.trial.drifting import Schema, schema_on
from branchmig.database.trial.reflection import schemas_of
from branchmig.database.trial.scratch import project_scratch
from branchmig.database.trial.trial_runner import Bench, failing_lines
from branchmig.database.writer import write_operations
from branchmig.effects.schema_drift import Difference, drift_between
from branchmig.errors import MigrationFailed
from branchmig.project.config import Invocation
from branchmig.project.project import Project


def live_tables(connection: sa.Connection, left_out: Sequence[str]) -> sa.MetaData:
    """Return the tables of a live database, as models would have them; without those that are not this project's."""
    metadata = sa.MetaData()
    hidden = {name.removeprefix("table ") for name in left_out}
    for schema in schemas_of(connection):
        prefix = f"{schema}." if schema else ""
        metadata.reflect(connection, schema=schema, only=lambda name, _: f"{prefix}{name}" not in hidden)  # noqa: B023
    if connection.dialect.name not in ("mysql", "mariadb"):
        # Reflection says it of every column, and alembic would write it down, which only MySQL understands.
        for column in (column for table in metadata.tables.values() for column in table.columns):
            column.autoincrement = "auto"
    return metadata


@dataclass(frozen=True, slots=True)
class DriftRevision:
    """A revision that was written, or would be; `left` are the differences that remain after it."""

    path: str
    text: str
    left: tuple[Difference, ...]


def write_drift(
    project: Project,
    invocation: Invocation,
    live: Schema,
    tables: sa.MetaData,
    found: Sequence[Difference],
    message: str,
    *,
    is_dry_run: bool = False,
) -> DriftRevision:
    """Write a revision on top of the checkout's heads, and run it on a scratch database to see what it leaves.

    With `is_dry_run`, the file is a temporary one.
    """
    with project_scratch(project) as scratch:
        bench = Bench(project, invocation, scratch)
        url = scratch.create()
        bench.suit(url, live.defaults)
        bench.upgrade(url, [revision.id for revision in project.dag])

        def fill(context: MigrationContext, revision: Any, directives: list[Any]) -> None:
            (script,) = directives
            # SQLite cannot alter a table otherwise.
            context.opts["render_as_batch"] = context.opts.get("render_as_batch") or context.dialect.name == "sqlite"
            made = _operations(context, live, tables)
            for operations, own, is_undone in (
                (script.upgrade_ops, made.upgrade_ops, False),
                (script.downgrade_ops, made.downgrade_ops, True),
            ):
                going, coming = _by_hand(found, live.dialect, is_undone=is_undone)
                operations.ops[:] = [*going, *own.ops, *coming]

        environment = bench.environment(url)
        with environment.scripts.as_drafts() if is_dry_run else nullcontext():
            script = write_operations(environment, message, fill)
            text = Path(script).read_text(environment.scripts.output_encoding)
            again = project.with_dag(environment.scripts.dag)
            own = Bench(again, invocation, scratch)
            try:
                own.upgrade(url, [revision.id for revision in again.dag])
            except MigrationFailed as error:
                raise MigrationFailed(
                    f"the revision {'does' if is_dry_run else 'was written, and does'} not run on a scratch database: "
                    f"{error.message}",
                    "write it by hand" if is_dry_run else f"correct {script}, or remove it",
                    failing_lines(error),
                    error.revision,
                ) from error
            rest = drift_between(schema_on(own, url, live).catalog, live.catalog)
    left = tuple(each for each in rest if each.kind != "added" or each.whole not in live.left_out)
    return DriftRevision(environment.scripts.destination(script), text, left)


def _operations(context: MigrationContext, live: Schema, tables: sa.MetaData) -> Any:
    version_table = context.version_table
    hidden = {name.removeprefix("table ").rpartition(".")[2] for name in live.left_out} | {version_table}

    def is_ours(item: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
        return kind != "table" or (name not in hidden and not (name or "").startswith("branchmig_"))

    own = MigrationContext.configure(
        context.connection,
        opts={
            "compare_type": True,
            "compare_server_default": True,
            "include_object": is_ours,
            "include_schemas": context.dialect.name == "postgresql",
            "render_as_batch": context.dialect.name == "sqlite",
            "version_table": version_table,
            "version_table_schema": context.version_table_schema,
        },
    )
    return produce_migrations(own, tables)


def _by_hand(found: Sequence[Difference], dialect: str, *, is_undone: bool) -> tuple[list[Any], list[Any]]:
    """Return the statements for what autogenerate does not see: what goes before the tables change, what comes after.

    Only as far as a definition says it all.
    """
    pairs = [_statements(difference, dialect, is_undone=is_undone) for difference in found]
    going, coming = [before for before, _ in pairs if before], [after for _, after in pairs if after]
    return [ops.ExecuteSQLOp(text) for text in going], [ops.ExecuteSQLOp(text) for text in coming]


def _statements(difference: Difference, dialect: str, *, is_undone: bool) -> tuple[str, str]:
    """Return what takes the old definition of something away, and what makes the new one; empty where there is none."""
    before, after = difference.before, difference.after
    if is_undone:
        before, after = after, before
    kind, _, name = difference.object.partition(" ")
    table = difference.whole.partition(" ")[2]
    pair = ("", "")
    if kind == "constraint" and (before or after).upper().startswith("CHECK") and dialect != "sqlite":
        alter = f"ALTER TABLE {table}"
        pair = (f"{alter} DROP CONSTRAINT {difference.name}", f"{alter} ADD CONSTRAINT {difference.name} {after}")
    elif kind == "view" and "MATERIALIZED" not in before + after and " WITH " not in before + after:
        made = after if dialect == "sqlite" else f"CREATE VIEW {name} AS {_without_options(after)}"
        pair = (f"DROP VIEW {name}", made)
    elif kind == "extension":
        pair = (f"DROP EXTENSION {name}", f"CREATE EXTENSION {name}")
    elif kind == "trigger" and dialect == "postgresql" and "ABLED" not in before + after:
        pair = (f"DROP TRIGGER {difference.name} ON {table}", after)
    return pair[0] if before else "", pair[1] if after else ""


def _without_options(definition: str) -> str:
    return definition.partition(" CHECK OPTION ")[0].rstrip(";")
