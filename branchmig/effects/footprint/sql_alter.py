"""PURE. The parts of an ALTER TABLE, as sqlglot reads them, to touches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from branchmig.effects.footprint.elements import add_constraint, add_index
from branchmig.effects.footprint.model import Kind
from branchmig.effects.footprint.record import Record, TableName, Unreadable, listed
from branchmig.effects.footprint.sql_nodes import (
    constrained_columns,
    constraint_kind,
    named_by,
    note_references,
    table_in,
    unreadable,
)
from branchmig.effects.sql_words import shortened

if TYPE_CHECKING:
    from sqlglot.expressions import Expr as Node


# What MySQL adds to a table without the word COLUMN, and sqlglot may take for the name of one.
_NO_COLUMNS = frozenset({"FULLTEXT", "INDEX", "KEY", "PARTITION", "PERIOD", "SPATIAL"})


def _add_column(table: TableName, action: Node, record: Record) -> None:
    if action.name.upper() in _NO_COLUMNS and not action.this.args.get("quoted"):
        raise Unreadable(f"SQL that cannot be read: ADD {shortened(action.sql())}")
    what = f"adds column {table}.{action.name}"
    kinds = {type(kind).__name__: kind for kind in action.find_all(exp.ColumnConstraintKind)}
    null = kinds.get("NotNullColumnConstraint")
    is_filled = kinds.keys() & {"DefaultColumnConstraint", "GeneratedAsIdentityColumnConstraint"}
    rejects = null is not None and not null.args.get("allow_null") and not is_filled
    aspects = ["tolerant"] if action.args.get("exists") else []
    record.touch(table.part("column", action.name), "create", what, *aspects)
    record.use(table, what, *(["constraint"] if rejects else []))
    note_references(action, record, f"{what}, which references")


def _drop_part(table: TableName, action: Node, record: Record) -> None:
    kind = str(action.args.get("kind") or "COLUMN").upper()
    parts: dict[str, Kind] = {"COLUMN": "column", "CONSTRAINT": "constraint", "INDEX": "index"}
    if kind not in parts:
        raise unreadable(action)
    for named in named_by(action):
        obj = table.part(parts[kind], named.name)
        what = f"drops {obj}" if kind == "COLUMN" else f"drops {kind.lower()} {named.name} on {table}"
        record.touch(obj, "drop", what, *(["tolerant"] if action.args.get("exists") else []))
        record.use(table, what)


def _alter_column(table: TableName, action: Node, record: Record) -> None:
    keys = {"dtype": "type", "allow_null": "nullable", "default": "default", "drop": "default", "comment": "comment"}
    changed = [word for key, word in keys.items() if action.args.get(key) is not None]
    if action.args.get("allow_null") is not None:
        changed = ["nullable"]  # DROP NOT NULL is a drop for sqlglot, and no default
    rejects = action.args.get("allow_null") is False
    note_alter(table, action.name, changed or ["options"], record, ["constraint"] if rejects else [])


def _modify_column(table: TableName, action: Node, record: Record) -> None:
    """MySQL's MODIFY and CHANGE restate the whole column."""
    before = action.args.get("rename_from")
    name = before.name if before is not None else action.this.name
    note_alter(table, name, ["type", "nullable", "default"], record, [])
    if before is not None and before.name != action.this.name:
        what = f"renames column {table}.{name} to {action.this.name}"
        record.rename(table.part("column", name), action.this.name, what)


def note_alter(table: TableName, column: str, changed: list[str], record: Record, aspects: list[str]) -> None:
    """Note that a column is changed; `aspects` are those of the table's use."""
    what = f"changes {listed(changed)} of column {table}.{column}"
    record.touch(table.part("column", column), "alter", what, *changed)
    record.use(table, what, *aspects)


def _rename_column(table: TableName, action: Node, record: Record) -> None:
    before, after = action.this.name, action.args["to"].name
    what = f"renames column {table}.{before} to {after}"
    record.rename(table.part("column", before), after, what)
    record.use(table, what)


def _rename_table(table: TableName, action: Node, record: Record) -> None:
    name = table_in(action.this).name
    record.rename(table.object, name, f"renames table {table} to {name}")


def _add_constraint(table: TableName, action: Node, record: Record) -> None:
    for added in action.expressions:
        if isinstance(added, exp.IndexColumnConstraint):
            columns = dict.fromkeys(column.name for column in added.find_all(exp.Column))
            add_index(record, added.name or None, table, columns, is_unique=False)
            continue
        name = added.name if isinstance(added, exp.Constraint) else None
        add_constraint(record, table, name or None, constraint_kind(added), constrained_columns(added))
        note_references(added, record, f"creates foreign key {name or ''} from {table} to".replace("  ", " "))


# A part of ALTER TABLE, by the name of its node, to what it touches.
ALTERATIONS: dict[str, Callable[[TableName, Node, Record], None]] = {
    "AddConstraint": _add_constraint,
    "AlterColumn": _alter_column,
    "AlterRename": _rename_table,
    "ColumnDef": _add_column,
    "Drop": _drop_part,
    "ModifyColumn": _modify_column,
    "RenameColumn": _rename_column,
}
