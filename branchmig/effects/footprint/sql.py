"""PURE. Raw SQL to touches; with sql_alter and sql_nodes the owner of sqlglot, imported once there is SQL to read.

No dialect is assumed: what the neutral one cannot read, PostgreSQL's and MySQL's may. What none of them can read
is opaque.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from branchmig.effects.footprint.commands import read_command
from branchmig.effects.footprint.elements import add_index
from branchmig.effects.footprint.model import EVERY_COLUMN, DbObject, Kind
from branchmig.effects.footprint.record import Record, TableName, Unreadable
from branchmig.effects.footprint.sql_alter import ALTERATIONS, note_alter
from branchmig.effects.footprint.sql_nodes import (
    constraint_kind,
    named_by,
    note_reads,
    note_references,
    table_in,
    unreadable,
)
from branchmig.effects.sql_words import shortened

if TYPE_CHECKING:
    from sqlglot.expressions import Expr as Node

_DIALECTS = (None, "postgres", "mysql")
# What drivers put values into: %s, %(name)s, and %% for a percent sign.
_DRIVER_PARAMETER = re.compile(r"%(?:\(\w+\))?s")
# sqlglot takes ONLY for a table, and a column that is renamed without the word COLUMN for a table too.
_ONLY = re.compile(r"\b(UPDATE|DELETE\s+FROM)\s+ONLY\s", re.IGNORECASE)
_RENAMED_COLUMN = re.compile(
    r"(\bALTER\s+TABLE\s[^;]*?\bRENAME)\s+(?!(?:TO|COLUMN|CONSTRAINT|INDEX|KEY|AS)\b)(\S+\s+TO\s)", re.IGNORECASE
)
# What a tree of another shape than expected ends in: the version of sqlglot is the user's.
_UNEXPECTED = (AttributeError, IndexError, KeyError, TypeError, ValueError)


def read(text: str, record: Record) -> None:
    """Note what some SQL touches. Raises Unreadable where it cannot be read."""
    plain = _DRIVER_PARAMETER.sub("NULL", text).replace("%%", "%")
    plain = _RENAMED_COLUMN.sub(r"\1 COLUMN \2", _ONLY.sub(r"\1 ", plain))
    statements = _statements(plain)
    for statement in statements:
        if type(statement).__name__ in _NOTES:
            _note(statement, record)
        elif not isinstance(statement, _INERT) and not read_command(statement.sql(), record):
            # As it is written, where it stands alone: sqlglot may have taken it for something else.
            written = text if len(statements) == 1 else statement.sql()
            raise Unreadable(f"SQL that cannot be read: {shortened(written)}")


def _note(statement: Node, record: Record) -> None:
    try:
        _NOTES[type(statement).__name__](statement, record)
        # WITH gone AS (DELETE FROM … RETURNING …) INSERT …
        for inner in statement.find_all(exp.Insert, exp.Update, exp.Delete):
            if inner is not statement and inner.find_ancestor(exp.CTE):
                _NOTES[type(inner).__name__](inner, record)
    except _UNEXPECTED as error:
        raise unreadable(statement) from error


def _statements(text: str) -> list[Node]:
    """Parse in the first dialect that knows every statement, else in the first that parses at all."""
    first: list[Node] = []
    for dialect in _DIALECTS:
        try:
            with _quiet():
                found = [node for node in sqlglot.parse(text, dialect=dialect) if node is not None]
        except (SqlglotError, RecursionError):
            continue
        if all(isinstance(node, _INERT) or type(node).__name__ in _NOTES for node in found):
            return found
        first = first or found
    # A single command that the parser stumbles on may be known by its first words.
    return first or [exp.Command(this="", expression=text)]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep sqlglot from logging what it cannot read: the finding says so."""
    logger = logging.getLogger("sqlglot")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _create(node: Node, record: Record) -> None:
    kind = str(node.args.get("kind") or "").upper()
    aspects = [word for word, key in (("replace", "replace"), ("tolerant", "exists")) if node.args.get(key)]
    if kind == "TABLE":
        _create_table(node, record, aspects)
    elif kind == "INDEX":
        _create_index(node, record, aspects)
    elif kind in _KINDS:
        obj = _object(_KINDS[kind], node.this)
        on = table_in(node.args.get("properties")) if kind == "TRIGGER" else None
        obj = on.part("trigger", obj.name) if on else obj
        what = f"creates {obj}"
        record.touch(obj, "create", what, *aspects)
        if on:
            record.use(on, what)
        if isinstance(node.expression, exp.Query):
            is_read = node.find(exp.MaterializedProperty) is not None
            note_reads(node.expression, record, what, is_view=not is_read)
    else:
        raise unreadable(node)


def _object(kind: Kind, node: Node | None) -> DbObject:
    if kind == "schema":
        found = node if isinstance(node, exp.Table) else None
        return DbObject("schema", (found.db or found.name) if found else "")
    if isinstance(node, exp.Identifier):
        return DbObject(kind, node.name)
    name = table_in(node)
    return DbObject(kind, name.name, None, name.schema)


def _create_table(node: Node, record: Record, aspects: list[str]) -> None:
    table = table_in(node.this)
    what = f"creates table {table}"
    record.touch(table.object, "create", what, *aspects)
    for column in node.this.find_all(exp.ColumnDef):
        record.touch(table.part("column", column.name), "create", f"adds column {table}.{column.name}")
    for constraint in node.this.find_all(exp.Constraint):
        kind, name = constraint_kind(constraint), constraint.name
        record.touch(table.part("constraint", name), "create", f"creates {kind} {name} on {table}", kind)
    note_references(node.this, record, f"{what}, which references")
    if isinstance(node.expression, exp.Query):
        note_reads(node.expression, record, what)
    # LIKE other, PARTITION OF other
    for item in node.args["properties"].find_all(exp.Table) if node.args.get("properties") else ():
        record.use(table_in(item), what)


def _create_index(node: Node, record: Record, aspects: list[str]) -> None:
    columns = dict.fromkeys(column.name for column in node.this.find_all(exp.Column))
    table = table_in(node.this.args.get("table"))
    add_index(record, node.this.name or None, table, columns, bool(node.args.get("unique")), *aspects)


def _drop(node: Node, record: Record) -> None:
    kind = str(node.args.get("kind") or "").upper()
    if kind not in _KINDS:
        raise unreadable(node)
    on = node.args.get("cluster")
    aspects = ["tolerant"] if node.args.get("exists") else []
    for named in named_by(node):
        obj = _object(_KINDS[kind], named)
        if on is not None:
            obj = table_in(on).part(obj.kind, obj.name)
            record.use(table_in(on), f"drops {obj}")
        record.touch(obj, "drop", f"drops {obj}", *aspects)


def _alter(node: Node, record: Record) -> None:
    kind = str(node.args.get("kind") or "").upper()
    actions = node.args.get("actions") or []
    if kind != "TABLE":
        for action in actions:
            if kind not in _KINDS or not isinstance(action, exp.AlterRename):
                raise unreadable(node)
            obj, name = _object(_KINDS[kind], node.this), table_in(action.this).name
            record.rename(obj, name, f"renames {obj} to {name}")
        return
    if not actions:
        table = table_in(node.this)
        record.touch(table.object, "alter", f"changes options of table {table}", "options")
    for action in actions:
        note = ALTERATIONS.get(type(action).__name__)
        if note is None:
            raise unreadable(node)
        note(table_in(node.this), action, record)


def _insert(node: Node, record: Record) -> None:
    table = table_in(node.this)
    columns = [expression.name for expression in node.this.expressions] if isinstance(node.this, exp.Schema) else None
    what = f"inserts rows into {table}"
    if columns is None and node.args.get("default"):
        columns = []
    record.write(table, "insert", columns, what, *([EVERY_COLUMN] if columns is None else []))
    note_reads(node, record, what, but=table)


def _update(node: Node, record: Record) -> None:
    table = table_in(node.this)
    # SET (x, y) = (…) sets a tuple of them.
    sides = [expression.this for expression in node.expressions if isinstance(expression, exp.EQ)]
    set_here = [column for side in sides for column in side.find_all(exp.Column)]
    columns = [item.name for item in set_here]
    what = f"updates {table} ({', '.join(columns)})"
    record.write(table, "update", columns or None, what)
    note_reads(node, record, what, but=table, set_here=set_here)


def _delete(node: Node, record: Record) -> None:
    table = table_in(node.this)
    what = f"deletes rows from {table}"
    record.write(table, "delete", None, what)
    note_reads(node, record, what, but=table)


def _merge(node: Node, record: Record) -> None:
    table = table_in(node.this)
    what = f"merges rows into {table}"
    record.write(table, "insert", None, what)
    record.write(table, "update", None, what)
    note_reads(node, record, what, but=table)


def _truncate(node: Node, record: Record) -> None:
    for named in node.expressions:
        table = table_in(named)
        record.write(table, "delete", None, f"deletes rows from {table}")


def _comment(node: Node, record: Record) -> None:
    kind = str(node.args.get("kind") or "").upper()
    if kind == "COLUMN":
        column = node.this
        if not column.table:
            raise unreadable(node)
        table = TableName(column.table, column.db or None)
        note_alter(table, column.name, ["comment"], record, [])
    elif kind in _KINDS:
        obj = _object(_KINDS[kind], node.this)
        record.touch(obj, "alter", f"changes comment of {obj}", "comment")


_KINDS: dict[str, Kind] = {
    "TABLE": "table",
    "VIEW": "view",
    "INDEX": "index",
    "SEQUENCE": "sequence",
    "SCHEMA": "schema",
    "DATABASE": "schema",
    "TYPE": "type",
    "FUNCTION": "function",
    "PROCEDURE": "function",
    "TRIGGER": "trigger",
}
_INERT = (
    *(exp.Set, exp.Transaction, exp.Commit, exp.Rollback, exp.Analyze, exp.Grant, exp.Pragma, exp.Use),
    exp.Semicolon,
)
_NOTES: dict[str, Callable[[Node, Record], None]] = {
    "Alter": _alter,
    "Comment": _comment,
    "Create": _create,
    "Delete": _delete,
    "Drop": _drop,
    "Insert": _insert,
    "Merge": _merge,
    "TruncateTable": _truncate,
    "Update": _update,
    **dict.fromkeys(
        ("Except", "Intersect", "Select", "Subquery", "Union"), lambda node, record: note_reads(node, record, "")
    ),
}
