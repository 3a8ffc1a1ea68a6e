"""Rows that a downgrade would drop: set aside in the step's transaction, and brought back by the same revision.

A dropped table is copied, not renamed: its constraints and indexes would keep the names that the next upgrade gives
to the new ones. A dropped column is copied with its row's primary key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from branchmig.database.keeping.merging import merge_column, merge_table, quoted, said
from branchmig.database.run.run_listener import RunListener
from branchmig.effects.dialects import KINDS, dialect_kind
from branchmig.effects.own_table_changes import KEPT, OURS
from branchmig.errors import AnswerIsNo
from branchmig.model import Plan, Step
from branchmig.project.worktree import read_file

if TYPE_CHECKING:
    from branchmig.effects.losses import Loss

_LIST = sa.Table(
    KEPT,
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("revision", sa.String(255), nullable=False),
    sa.Column("schema_name", sa.String(255)),
    sa.Column("table_name", sa.String(255), nullable=False),
    sa.Column("column_name", sa.String(255)),
    sa.Column("kept_at", sa.DateTime, nullable=False),
)


@dataclass(frozen=True, slots=True)
class KeptRows:
    """A table, or a column of one, that a downgrade has dropped; its rows are in a table of branchmig's."""

    number: int
    revision: str
    schema: str | None
    table: str
    column: str | None
    kept_at: datetime
    rows: int = 0
    size: int | None = None

    @property
    def name(self) -> str:
        """The table that holds the rows."""
        return f"{KEPT}_{self.number}"

    def __str__(self) -> str:
        return ".".join(part for part in (self.schema, self.table, self.column) if part)


class RowsSetAside(RunListener):
    """Sets aside what each downgrade of a run drops.

    Raises AnswerIsNo, before anything runs, where something cannot be kept and that is not agreed to.
    """

    def __init__(self, say: Callable[[str], None], *, is_agreed: bool) -> None:
        self._say, self._is_agreed = say, is_agreed
        self._losses: dict[str, tuple[Loss, ...]] = {}
        self.kept: list[KeptRows] = []

    def planned(self, context: MigrationContext, plan: Plan) -> None:
        """Read from the scripts what goes, and what of that cannot be kept."""
        from branchmig.effects.losses import losses_of  # most runs bring back, and set nothing aside

        connection = context.connection
        assert connection is not None
        reasons = []
        for step in plan.steps:
            if step.direction != "downgrade" or step.revision is None or step.revision.path is None:
                continue
            name = step.revision.id
            found = losses_of({name: read_file(step.revision.path)}, "downgrade", connection.dialect.name)
            self._losses[name] = tuple(loss for loss in found.certain if loss.way == "drop")
            reasons += [f"{name}: {loss}, which no copy brings back" for loss in found.certain if loss.way != "drop"]
            reasons += [f"{name}: what it drops cannot be read: {why}" for _, why in found.unclear]
            reasons += [
                f"{name}: {loss}, whose table has no primary key"
                for loss in self._losses[name]
                if loss.column is not None and _has_table(connection, loss) and not _key(connection, loss)
            ]
        if connection.dialect.name not in KINDS and self._losses:
            reasons.append(f"rows are not kept on {connection.dialect.name}")
        for reason in reasons:
            self._say(f"cannot be kept: {reason}")
        if reasons and not self._is_agreed:
            raise AnswerIsNo("nothing was run: not all rows can be kept", "to go on, and keep what can be kept: --yes")

    def step_begins(self, context: MigrationContext, step: Step) -> None:
        """Copy what the step drops."""
        if step.direction != "downgrade" or step.revision is None or context.connection is None:
            return
        for loss in self._losses.get(step.revision.id, ()):
            if _has_table(context.connection, loss):
                kept = _set_aside(context.connection, loss, step.revision.id)
                if kept is not None:
                    self.kept.append(kept)

    def succeeded(self) -> None:
        """Say what was set aside."""
        for kept in self.kept:
            what = "column" if kept.column else "table"
            self._say(f"Kept {what} {kept} ({kept.rows} row{'' if kept.rows == 1 else 's'}).")


class RowsBroughtBack(RunListener):
    """Brings rows that were set aside back, after the same revision has run again."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._kept: dict[str, list[KeptRows]] = {}
        self._said: list[str] = []

    def planned(self, context: MigrationContext, plan: Plan) -> None:
        """Look whether anything is set aside for what is going to run."""
        self._kept, self._said = {}, []
        names = {step.revision.id for step in plan.steps if step.direction == "upgrade" and step.revision is not None}
        if not names or context.connection is None or context.as_sql:
            return
        for kept in kept_rows(context.connection, is_counted=False):
            if kept.revision in names:
                self._kept.setdefault(kept.revision, []).append(kept)

    def step_ends(self, context: MigrationContext, step: Step) -> None:
        """Merge the rows into what the revision has made. What was dropped last is made first."""
        if step.direction != "upgrade" or step.revision is None or context.connection is None:
            return
        connection = context.connection
        waiting = self._kept.get(step.revision.id, [])
        for kept in sorted(waiting, key=lambda kept: (kept.column is not None, -kept.number)):
            if not sa.inspect(connection).has_table(kept.table, schema=kept.schema):
                self._said.append(f"rows of {kept} stay set aside: there is no such table now")
                continue
            merge = merge_table if kept.column is None else merge_column
            back, rest = merge(connection, kept.name, kept.schema, kept.table, kept.column or "")
            self._said.append(f"Brought back {kept}: {back} row{'' if back == 1 else 's'}.")
            self._said += [f"of {kept} stay set aside: {reason}" for reason in rest]
            if not rest:
                forget(connection, kept)

    def succeeded(self) -> None:
        """Say what came back, and what did not."""
        for line in self._said:
            self._say(line)


def kept_rows(connection: Connection, *, is_counted: bool = True) -> list[KeptRows]:
    """Return what is set aside in a database, in the order in which it was."""
    if not sa.inspect(connection).has_table(KEPT):
        return []
    found = [KeptRows(*row) for row in connection.execute(sa.select(_LIST).order_by(_LIST.c.id))]
    if not is_counted:
        return found
    return [replace(kept, rows=_count(connection, kept.name), size=_size(connection, kept.name)) for kept in found]


def forget(connection: Connection, kept: KeptRows) -> None:
    """Drop what is set aside."""
    said(connection, f"DROP TABLE IF EXISTS {quoted(connection, None, kept.name)} {OURS}")
    connection.execute(_LIST.delete().where(_LIST.c.id == kept.number))


def _set_aside(connection: Connection, loss: Loss, revision: str) -> KeptRows | None:
    key = _key(connection, loss)
    columns = [str(entry["name"]) for entry in sa.inspect(connection).get_columns(loss.table, schema=loss.schema)]
    if loss.column is not None and (not key or loss.column not in columns):
        return None
    _LIST.create(connection, checkfirst=True)
    number = (connection.execute(sa.select(sa.func.max(_LIST.c.id))).scalar() or 0) + 1
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    kept = KeptRows(number, revision, loss.schema, loss.table, loss.column, now)
    chosen = columns if loss.column is None else [*(name for name in key if name != loss.column), loss.column]
    names = ", ".join(quoted(connection, None, name) for name in chosen)
    source = quoted(connection, loss.schema, loss.table)
    target = quoted(connection, None, kept.name)
    said(connection, f"CREATE TABLE {target} AS SELECT {names} FROM {source} {OURS}")
    values = (number, revision, loss.schema, loss.table, loss.column, now)
    connection.execute(_LIST.insert().values(dict(zip(_LIST.c.keys(), values, strict=True))))
    return replace(kept, rows=_count(connection, kept.name))


def _has_table(connection: Connection, loss: Loss) -> bool:
    return sa.inspect(connection).has_table(loss.table, schema=loss.schema)


def _key(connection: Connection, loss: Loss) -> Sequence[str]:
    found: Any = sa.inspect(connection).get_pk_constraint(loss.table, schema=loss.schema)
    return list(found["constrained_columns"])


def _count(connection: Connection, name: str) -> int:
    return int(said(connection, f"SELECT count(*) FROM {quoted(connection, None, name)}").scalar_one())


def _size(connection: Connection, name: str) -> int | None:
    try:
        if connection.dialect.name == "postgresql":
            return int(connection.execute(sa.text("SELECT pg_total_relation_size(:name)"), {"name": name}).scalar_one())
        if dialect_kind(connection.dialect.name) == "mysql":
            query = (
                "SELECT data_length + index_length FROM information_schema.tables "
                "WHERE table_schema = DATABASE() AND table_name = :name"
            )
            return int(connection.execute(sa.text(query), {"name": name}).scalar_one())
        query = "SELECT sum(pgsize) FROM dbstat WHERE name = :name"
        return int(connection.execute(sa.text(query), {"name": name}).scalar_one())
    except (SQLAlchemyError, TypeError):
        return None
