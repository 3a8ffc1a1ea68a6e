"""PURE. One change that a revision makes, as a value: operations and raw SQL become the same changes.

Rules for hazards and live checks know these changes alone, never how they were written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ChangeKind = Literal[
    "add-column", "add-constraint", "add-value", "alter-column", "begin", "commit", "create-function", "create-index",
    "create-table", "create-type", "create-view", "delete", "drop-column", "drop-constraint", "drop-index",
    "drop-object", "drop-schema", "drop-table", "drop-view", "insert", "lock-table", "move-table", "rebuild-table",
    "refresh-view", "rename-column", "rename-constraint", "rename-index", "rename-object", "rename-schema",
    "rename-table", "rename-value", "set", "truncate", "update", "validate-constraint",
]  # fmt: skip
ConstraintKind = Literal["", "check", "exclude", "foreign key", "primary key", "unique"]

UNKNOWN_SQL = "<computed>"
"""Stands for an expression that only running the file would give."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change, in words (`what`) and in parts; a part that a kind does not have, or that is not known, is empty.

    `type` and `old_type` are a column's types as SQL spells them; `default` is SQL, None for no default; `nullable`
    is None where it is not said. `condition` is the SQL of a CHECK, of a WHERE (also a partial index's), of a type
    change's USING, or of a generated column. `columns` are an index's or a constraint's parts, expressions as SQL;
    `values` what an UPDATE sets. `target` is the table that a foreign key points to, or that rows come from.
    `in_transaction` is False inside an autocommit block. `source` is the FROM of rows that an UPDATE or a DELETE joins,
    `queries` the WITH before it; `new_name` is then the alias of the table itself.

    `flags` of columns: `required`, `identity`, `serial`, `stored`, `virtual`, `primary key`, `unique`, `index`,
    `references`, `check`; of an altered one, what is changed: `type`, `nullable`, `default`, `identity`, `generated`.
    `restated` (MySQL's MODIFY and CHANGE): what is not said is lost. Others: `batch`, `cascade`, `concurrently`,
    `fulltext`, `not-valid`, `partial`, `replace`, `temporary`, `tolerant`, `unique`, `using-index`, `where`,
    `trigger` (a function that only triggers call), `joined`, `like` (columns that the change does not say),
    `lock-none`, `new-table` (a part of a CREATE TABLE).
    """

    kind: ChangeKind
    what: str
    line: int = 0
    table: str = ""
    schema: str | None = None
    name: str = ""
    new_name: str = ""
    columns: tuple[str, ...] = ()
    type: str = ""
    old_type: str = ""
    nullable: bool | None = None
    default: str | None = None
    condition: str = ""
    constraint: ConstraintKind = ""
    target: str = ""
    target_schema: str | None = None
    target_columns: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    source: str = ""
    queries: str = ""
    flags: frozenset[str] = frozenset()
    in_transaction: bool = True
