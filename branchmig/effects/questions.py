"""PURE. Questions to the live rows as values, and those of them that PostgreSQL's own constraints ask.

A partition's bounds, an exclusion, a domain's check, a stored generated column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from branchmig.effects.change import UNKNOWN_SQL, Change
from branchmig.effects.constraint_questions import Partitioning, inside_partition, outside_partition, with_value
from branchmig.effects.dialects import dialect_kind
from branchmig.effects.footprint.model import folded
from branchmig.effects.foreseen_rows import Catalog, ForeseenRows, Foresight, Unclear
from branchmig.effects.schema_state import table_key
from branchmig.effects.sql_types import on_postgresql, parse_type


@dataclass(frozen=True, slots=True)
class Casts:
    """Values to be converted row by row: an expression over columns of a source, and the type that it must become."""

    expression: str
    type: str
    source: str
    alias: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that a step needs: `sql` selects the rows that break it, with the columns of `key` to name them by.

    `doubt` says why the answer may be another once the plan runs: a "yes, some break it" is then no answer. `more` says
    why rows may be there that were not asked. `casts` is asked in PostgreSQL's own language instead.
    """

    code: str
    revision: str
    object: str
    sql: str
    key: tuple[str, ...] = ()
    doubt: str = ""
    more: str = ""
    casts: Casts | None = None


@dataclass(frozen=True, slots=True)
class CannotAsk:
    """A need that cannot be asked for, and why."""

    code: str
    revision: str
    object: str
    reason: str


class Asking:
    """Follows the rows of a plan and makes questions of them; `doubt` is what makes every later answer uncertain."""

    def __init__(self, catalog: Catalog) -> None:
        self.foresight = Foresight(catalog)
        self.catalog, self.dialect = catalog, catalog.dialect
        self.is_mysql = dialect_kind(self.dialect) == "mysql"
        self.quoted = self.foresight.quoted
        self.doubt = ""

    def _shown(self, change: Change) -> str:
        listed = ", ".join(change.columns) if change.kind in ("create-index", "add-constraint") else change.name
        path = ".".join(part for part in (change.schema, change.table) if part)
        return f"{path} ({listed})" if change.columns and listed else f"{path}.{listed}" if listed else path

    def _rows(self, change: Change) -> ForeseenRows | None:
        """Return the rows of a change's table; None where there are none. Raises Unclear."""
        rows = self.foresight.rows(change.schema, change.table)
        if rows.is_made:
            if rows.more:
                raise Unclear(rows.more)
            return None
        if rows.unclear:
            raise Unclear(rows.unclear)
        return rows

    def _question(
        self, code: str, change: Change, revision: str, rows: ForeseenRows, where: str, text: str = ""
    ) -> Question:
        key = [self.quoted(name) for name in rows.key if folded(name) in rows.columns]
        listed = ", ".join(key) or "1"
        source = text or rows.source
        sql = f"SELECT {listed} FROM {source} AS {self.quoted(rows.name)}{f' WHERE {where}' if where else ''}"
        return Question(code, revision, self._shown(change), sql, tuple(rows.key) if key else (), self.doubt, rows.more)

    # --- PostgreSQL's own constraints

    def _partition(self, change: Change, revision: str) -> Iterator[Question]:
        by = self._partitioning(change)
        inside = None if by is None else inside_partition(change.condition, by)
        outside = None if by is None else outside_partition(change.condition, by)
        if by is None or inside is None or outside is None:
            raise Unclear("branchmig cannot ask which rows belong to this partition")
        part = replace(change, table=change.target, schema=change.target_schema, name="", columns=())
        if (rows := self._rows(part)) is not None:
            yield self._question("check-violated", part, revision, rows, outside)
        if by.default is not None and inside:
            rest = replace(part, schema=by.default[0], table=by.default[1])
            if (rows := self._rows(rest)) is not None:
                yield self._question("check-violated", rest, revision, rows, inside)

    def _partitioning(self, change: Change) -> Partitioning | None:
        """Return how the parent is divided: as the plan makes it, else as the database has it."""
        made = self.foresight.partitions.get(table_key(change.schema, change.table))
        return self.catalog.partitioning(change.schema, change.table) if made is None else Partitioning(made)

    def _exclusion(self, change: Change, revision: str) -> Iterator[Question]:
        rows = self._rows(change)
        if rows is None:
            return
        expressions = [expression for expression, _ in change.values]
        if not rows.key or not change.values or UNKNOWN_SQL in (*expressions, change.condition):
            raise Unclear("what it excludes is computed, or the table has no key to tell its rows apart")
        own, other = self.quoted(rows.name), self.quoted("branchmig_other")
        named = [
            self.quoted(rows.columns.get(folded(each), each)) if each.isidentifier() else each for each in expressions
        ]
        listed = ", ".join(f"({each}) AS branchmig_{number}" for number, each in enumerate(named))
        where = f" WHERE {change.condition}" if change.condition else ""
        source = f"(SELECT {own}.*, {listed} FROM {rows.source} AS {own}{where})"
        keys = [self.quoted(rows.column(name)) for name in rows.key]
        same = " AND ".join(f"{other}.{key} = {own}.{key}" for key in keys)
        pairs = " AND ".join(
            f"{own}.branchmig_{number} {sign} {other}.branchmig_{number}"
            for number, (_, sign) in enumerate(change.values)
        )
        excluded = f"EXISTS (SELECT 1 FROM {source} AS {other} WHERE NOT ({same}) AND {pairs})"
        yield self._question("check-violated", change, revision, rows, excluded, source)

    def _domain(self, change: Change, revision: str) -> Iterator[Question]:
        if not change.condition or UNKNOWN_SQL in change.condition:
            raise Unclear("its condition is computed")
        code = "null-values" if change.condition.upper() == "VALUE IS NOT NULL" else "check-violated"
        for schema, table, column in self.catalog.domain_columns(change.schema, change.name):
            on = replace(change, schema=schema, table=table, name=column, kind="alter-column")
            if (rows := self._rows(on)) is not None:
                where = f"NOT ({with_value(change.condition, self.quoted(rows.column(column)))})"
                yield self._question(code, on, revision, rows, where)

    def _generated(self, change: Change, revision: str, rows: ForeseenRows) -> Iterator[Question]:
        """Compute a stored column for each row, where that may fail."""
        kind = parse_type(change.type)
        if self.dialect != "postgresql" or kind is None or not MAY_FAIL.search(change.condition):
            return
        columns = tuple(map(self.quoted, rows.columns.values()))
        casts = Casts(change.condition, on_postgresql(kind), rows.source, self.quoted(rows.name), columns)
        yield replace(self._question("cast-fails", change, revision, rows, ""), casts=casts)


# What an expression over a row may fail of: a cast, a division.
MAY_FAIL = re.compile(r"::|\bcast\s*\(|/|%|\bto_\w+\s*\(|\b(?:sqrt|ln|log)\s*\(", re.IGNORECASE)
