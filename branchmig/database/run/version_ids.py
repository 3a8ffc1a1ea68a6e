"""Checks that a version table can hold the ids of a plan: before the first step, and only if in doubt.

alembic writes an id as a literal into its SQL. What no database could take that way is refused when the graph is read
(integrity.py); what only some can, for the width of the column or its character set, is asked of this one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from branchmig.database.run.run_listener import RunListener
from branchmig.database.run.transactions import left_as_it_was
from branchmig.errors import VersionTableError
from branchmig.model import Plan, Step
from branchmig.revisions.integrity import ALEMBICS_LENGTH


class AskedBeforePurge(RunListener):
    """Ask before alembic empties the version table, and commits that: what is refused must not cost the rows."""

    def __init__(self, make_plan: Callable[[Sequence[str | None]], Plan]) -> None:
        self._make_plan = make_plan

    def configured(self, context: MigrationContext) -> None:
        """Make the plan from an empty table. Raises what that raises, and VersionTableError."""
        with left_as_it_was(context.connection):
            refuse_uncarried(context, self._make_plan(()))


def refuse_uncarried(context: MigrationContext, plan: Plan) -> None:
    """Raise VersionTableError, before anything of the plan ran, for an id that would not be stored as it is."""
    new = sorted({row for step in plan.steps for row in step.heads_after}.difference(plan.applied))
    if all(step.direction == "stamp" for step in plan.steps):
        _refuse_too_long(context, plan.applied, new)  # no script can make the column wider
    if context.as_sql:
        _refuse_doubled_percent(context, plan, new)
        return
    if all(map(str.isascii, new)) and not any(a.casefold() == b.casefold() for a, b in _pairs(plan)):
        return
    if context.dialect.name == "mysql":
        _refuse_on_mysql(context, plan, new)
    else:
        _refuse_unlike(context, plan, new, "CAST(:id AS VARCHAR(255))")


def with_width_checked(
    function: Callable[..., None], context: MigrationContext, step: Step, may_widen: Callable[[], bool]
) -> Callable[..., None]:
    """Return a step's function that refuses a too long id just before it writes the row.

    An earlier step may have made the column wider, or this one does. Where what a script did would stay, it is not
    begun, unless `may_widen` says that it may do that.
    """
    new = sorted(set(step.heads_after).difference(step.heads_before))
    if step.direction == "stamp" or not any(len(name) > ALEMBICS_LENGTH for name in new):
        return function

    def checked(**arguments: Any) -> None:
        if not context.impl.transactional_ddl and not may_widen():
            _refuse_too_long(context, step.heads_before, new)
        function(**arguments)
        _refuse_too_long(context, step.heads_before, new)

    return checked


def _refuse_too_long(context: MigrationContext, rows: Sequence[str], new: Sequence[str]) -> None:
    """Raise VersionTableError for an id that the column cannot hold; offline it is written as alembic writes it."""
    longest = max(new, key=len, default="")
    if len(longest) <= ALEMBICS_LENGTH or context.as_sql or context.dialect.name == "sqlite":
        return
    width = _width(context)
    if width is None or len(longest) <= width:
        return
    table = context.version_table
    change = "MODIFY version_num VARCHAR(255) NOT NULL"
    if context.dialect.name != "mysql":
        change = "ALTER COLUMN version_num TYPE VARCHAR(255)"
    raise VersionTableError(
        f"revision id {longest!r} has {len(longest)} characters; the version table holds {width}",
        "make the column wider, in an earlier revision or by hand: branchmig ensure_version; "
        f"ALTER TABLE {table} {change}",
        rows,
    )


def _width(context: MigrationContext) -> int | None:
    """Return how many characters the column holds: that of the table itself, or of the one that alembic would make."""
    column = context._version.c.version_num
    if not context.as_sql and context.connection is not None:
        inspector = inspect(context.connection)
        if inspector.has_table(context.version_table, schema=context.version_table_schema):
            found = inspector.get_columns(context.version_table, schema=context.version_table_schema)
            types = [entry["type"] for entry in found if entry["name"] == "version_num"]
            return getattr(types[0], "length", None) if types else None
    return getattr(column.type, "length", None)


def _refuse_doubled_percent(context: MigrationContext, plan: Plan, new: list[str]) -> None:
    """Refuse '%' where a driver wants it doubled: alembic would write it so into a script that no driver reads."""
    if not getattr(context.dialect.identifier_preparer, "_double_percents", False):
        return
    for revision_id in new:
        if "%" in revision_id:
            raise VersionTableError(
                f"revision id {revision_id!r} holds '%', which --sql would double for this driver",
                'give context.configure() dialect_opts={"paramstyle": "named"}, as alembic\'s templates do',
                plan.applied,
            )


def _pairs(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield the ids that stand beside each other in the table at some time."""
    for step in plan.steps:
        yield from combinations(step.heads_after, 2)


def _refuse_on_mysql(context: MigrationContext, plan: Plan, new: list[str]) -> None:
    charset, collation = _charset(context)
    _refuse_unlike(context, plan, new, f"CONVERT(:id USING {charset})")
    assert context.connection is not None
    left, right = (f"CONVERT({name} USING {charset}) COLLATE {collation}" for name in (":left", ":right"))
    question = text(f"SELECT {left} = {right}")
    for first, second in sorted(set(_pairs(plan))):
        if context.connection.execute(question, {"left": first, "right": second}).scalar():
            raise VersionTableError(
                f"revision ids {first!r} and {second!r} are one and the same to the version table ({collation})",
                "give one of the two files another id, or the column version_num a binary collation",
                plan.applied,
            )


def _charset(context: MigrationContext) -> tuple[str, str]:
    """Return character set and collation of the column."""
    assert context.connection is not None
    question = text(
        "SELECT character_set_name, collation_name FROM information_schema.columns WHERE table_name = :name "
        "AND column_name = 'version_num' AND table_schema = COALESCE(:schema, DATABASE())"
    )
    names = {"name": context.version_table, "schema": context.version_table_schema}
    row = context.connection.execute(question, names).first()
    if row is None:
        row = context.connection.execute(text("SELECT @@character_set_database, @@collation_database")).one()
    if row[0] is None:
        return "binary", "binary"
    # They are written into a statement: no name of MySQL's holds anything else.
    charset, collation = (re.sub(r"\W", "", str(item)) for item in row)
    return charset, collation


def _refuse_unlike(context: MigrationContext, plan: Plan, new: list[str], stored: str) -> None:
    """Raise VersionTableError for an id that the database does not give back as it was given."""
    assert context.connection is not None
    for revision_id in new:
        if revision_id.isascii():
            continue
        try:
            back = context.connection.execute(text(f"SELECT {stored}"), {"id": revision_id}).scalar()
        except (SQLAlchemyError, UnicodeError):  # the connection's own character set may lack the letter
            back = None
        if back != revision_id:
            raise VersionTableError(
                f"revision id {revision_id!r} holds a letter that this database cannot store",
                "give it an id of plain letters and digits, or the database a Unicode character set",
                plan.applied,
            )
