"""PURE. Raw SQL to touches; the only room that imports sqlglot, and itself imported once there is SQL to read.

No dialect is assumed: what the neutral one cannot read, PostgreSQL's and MySQL's may. What none of them can read
is opaque.
"""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from branchmig.footprint.commands import read_command
from branchmig.footprint.elements import add_constraint, add_index
from branchmig.footprint.model import DbObject, Kind
from branchmig.footprint.record import Record, TableName, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_DIALECTS = (None, "postgres", "mysql")
# What drivers put values into: %s, %(name)s, and %% for a percent sign.
_DRIVER_PARAMETER = re.compile(r"%(?:\(\w+\))?s")
_MOST_SHOWN = 60


def read(text: str, record: Record) -> None:
    """Note what some SQL touches. Raises Unreadable where it cannot be read."""
    plain = _DRIVER_PARAMETER.sub("NULL", text).replace("%%", "%")
    for statement in _statements(plain):
        note = _NOTES.get(type(statement).__name__)
        if note is not None:
            note(statement, record)
        elif not isinstance(statement, _INERT) and not read_command(statement.sql(), record):
            raise Unreadable(f"SQL that cannot be read: {_shortened(statement.sql())}")


def _statements(text: str) -> list[exp.Expression]:
    """Parse in the first dialect that knows every statement, else in the first that parses at all."""
    first: list[exp.Expression] = []
    for dialect in _DIALECTS:
        try:
            with _quiet():
                found = [one for one in sqlglot.parse(text, dialect=dialect) if one is not None]
        except (SqlglotError, RecursionError):
            continue
        if all(isinstance(one, _INERT) or type(one).__name__ in _NOTES for one in found):
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


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST_SHOWN else f"{line[: _MOST_SHOWN - 1]}…"


def _table(node: exp.Expression | None) -> TableName:
    """Return the table that a node names. Raises Unreadable for what is none."""
    found = node if isinstance(node, exp.Table) else node.find(exp.Table) if node is not None else None
    if found is None or not found.name:
        raise Unreadable(f"SQL whose table cannot be read: {_shortened(node.sql() if node else '')}")
    return TableName(found.name, found.db or None)


def _named(node: exp.Expression) -> list[exp.Expression]:
    """Return what a DROP names: older versions of sqlglot keep one name, later ones a list."""
    return list(node.args.get("tables") or ([node.this] if node.this else []))


def _create(node: exp.Expression, record: Record) -> None:
    kind = str(node.args.get("kind") or "").upper()
    aspects = [word for word, key in (("replace", "replace"), ("tolerant", "exists")) if node.args.get(key)]
    if kind == "TABLE":
        _create_table(node, record, aspects)
    elif kind == "INDEX":
        _create_index(node, record, aspects)
    elif kind in _KINDS:
        one = _object(_KINDS[kind], node.this)
        what = f"creates {one}"
        record.touch(one, "create", what, *aspects)
        if kind == "TRIGGER":
            record.use(_table(node.args.get("properties")), what)
        if isinstance(node.expression, exp.Query):
            _reads(node.expression, record, what)
    else:
        raise Unreadable(f"SQL that cannot be read: {_shortened(node.sql())}")


def _object(kind: Kind, node: exp.Expression | None) -> DbObject:
    if kind == "schema":
        found = node if isinstance(node, exp.Table) else None
        return DbObject("schema", (found.db or found.name) if found else "")
    if isinstance(node, exp.Identifier):
        return DbObject(kind, node.name)
    name = _table(node)
    return DbObject(kind, name.name, None, name.schema)


def _create_table(node: exp.Expression, record: Record, aspects: list[str]) -> None:
    table = _table(node.this)
    what = f"creates table {table}"
    record.touch(table.object, "create", what, *aspects)
    for column in node.this.find_all(exp.ColumnDef):
        record.touch(table.part("column", column.name), "create", f"adds column {table}.{column.name}")
    for constraint in node.this.find_all(exp.Constraint):
        kind = _constraint_kind(constraint)
        record.touch(
            table.part("constraint", constraint.name),
            "create",
            f"creates {kind} {constraint.name} on {table}",
            kind,
        )
    _references(node.this, record, f"{what}, which references")
    if isinstance(node.expression, exp.Query):
        _reads(node.expression, record, what)


def _create_index(node: exp.Expression, record: Record, aspects: list[str]) -> None:
    columns = dict.fromkeys(column.name for column in node.this.find_all(exp.Column))
    table = _table(node.this.args.get("table"))
    add_index(record, node.this.name or None, table, columns, bool(node.args.get("unique")), *aspects)


def _drop(node: exp.Expression, record: Record) -> None:
    kind = str(node.args.get("kind") or "").upper()
    if kind not in _KINDS:
        raise Unreadable(f"SQL that cannot be read: {_shortened(node.sql())}")
    on = node.args.get("cluster")
    aspects = ["tolerant"] if node.args.get("exists") else []
    for named in _named(node):
        one = _object(_KINDS[kind], named)
        if on is not None:
            one = _table(on).part(one.kind, one.name)
            record.use(_table(on), f"drops {one}")
        record.touch(one, "drop", f"drops {one}", *aspects)


def _alter(node: exp.Expression, record: Record) -> None:
    kind = str(node.args.get("kind") or "").upper()
    actions = node.args.get("actions") or []
    if kind != "TABLE":
        for action in actions:
            if kind not in _KINDS or not isinstance(action, exp.AlterRename):
                raise Unreadable(f"SQL that cannot be read: {_shortened(node.sql())}")
            one, name = _object(_KINDS[kind], node.this), _table(action.this).name
            record.rename(one, name, f"renames {one} to {name}")
        return
    for action in actions:
        note = _ALTERATIONS.get(type(action).__name__)
        if note is None:
            raise Unreadable(f"SQL that cannot be read: {_shortened(node.sql())}")
        note(_table(node.this), action, record)


def _add_column(table: TableName, action: exp.Expression, record: Record) -> None:
    what = f"adds column {table}.{action.name}"
    kinds = {type(one).__name__: one for one in action.find_all(exp.ColumnConstraintKind)}
    null = kinds.get("NotNullColumnConstraint")
    is_filled = kinds.keys() & {"DefaultColumnConstraint", "GeneratedAsIdentityColumnConstraint"}
    rejects = null is not None and not null.args.get("allow_null") and not is_filled
    aspects = ["tolerant"] if action.args.get("exists") else []
    record.touch(table.part("column", action.name), "create", what, *aspects)
    record.use(table, what, *(["constraint"] if rejects else []))
    _references(action, record, f"{what}, which references")


def _drop_part(table: TableName, action: exp.Expression, record: Record) -> None:
    kind = str(action.args.get("kind") or "COLUMN").upper()
    parts: dict[str, Kind] = {"COLUMN": "column", "CONSTRAINT": "constraint", "INDEX": "index"}
    if kind not in parts:
        raise Unreadable(f"SQL that cannot be read: {_shortened(action.sql())}")
    for named in _named(action):
        one = table.part(parts[kind], named.name)
        what = f"drops {one}" if kind == "COLUMN" else f"drops {kind.lower()} {named.name} on {table}"
        record.touch(one, "drop", what, *(["tolerant"] if action.args.get("exists") else []))
        record.use(table, what)


def _alter_column(table: TableName, action: exp.Expression, record: Record) -> None:
    keys = {"dtype": "type", "allow_null": "nullable", "default": "default", "drop": "default", "comment": "comment"}
    changed = [word for key, word in keys.items() if action.args.get(key) is not None]
    if action.args.get("allow_null") is not None:
        changed = ["nullable"]  # DROP NOT NULL is a drop for sqlglot, and no default
    rejects = action.args.get("allow_null") is False
    _note_alter(table, action.name, changed or ["options"], record, ["constraint"] if rejects else [])


def _modify_column(table: TableName, action: exp.Expression, record: Record) -> None:
    """MySQL's MODIFY and CHANGE restate the whole column."""
    before = action.args.get("rename_from")
    name = before.name if before is not None else action.this.name
    _note_alter(table, name, ["type", "nullable", "default"], record, [])
    if before is not None and before.name != action.this.name:
        what = f"renames column {table}.{name} to {action.this.name}"
        record.rename(table.part("column", name), action.this.name, what)


def _note_alter(table: TableName, column: str, changed: list[str], record: Record, aspects: list[str]) -> None:
    what = f"changes {' and '.join(changed)} of column {table}.{column}"
    record.touch(table.part("column", column), "alter", what, *changed)
    record.use(table, what, *aspects)


def _rename_column(table: TableName, action: exp.Expression, record: Record) -> None:
    before, after = action.this.name, action.args["to"].name
    what = f"renames column {table}.{before} to {after}"
    record.rename(table.part("column", before), after, what)
    record.use(table, what)


def _rename_table(table: TableName, action: exp.Expression, record: Record) -> None:
    name = _table(action.this).name
    record.rename(table.object, name, f"renames table {table} to {name}")


def _add_constraint(table: TableName, action: exp.Expression, record: Record) -> None:
    for added in action.expressions:
        if isinstance(added, exp.IndexColumnConstraint):
            columns = dict.fromkeys(column.name for column in added.find_all(exp.Column))
            add_index(record, added.name or None, table, columns, is_unique=False)
            continue
        name = added.name if isinstance(added, exp.Constraint) else None
        add_constraint(record, table, name or None, _constraint_kind(added), _constrained(added))
        _references(added, record, f"creates foreign key {name or ''} from {table} to".replace("  ", " "))


def _constraint_kind(node: exp.Expression) -> str:
    if node.find(exp.ForeignKey):
        return "foreign key"
    if node.find(exp.PrimaryKey, exp.PrimaryKeyColumnConstraint):
        return "primary key"
    return "unique" if node.find(exp.UniqueColumnConstraint) else "check"


def _constrained(node: exp.Expression) -> list[str]:
    """Return the columns of a constraint: those in its parentheses, or in its condition."""
    key = node.find(exp.ForeignKey)
    if key is not None:
        return [one.name for one in key.expressions]
    found = {id(one): one for one in node.find_all(exp.Column)}
    listed = node.find(exp.UniqueColumnConstraint, exp.PrimaryKey)
    names = [one.name for one in found.values()]
    if listed is not None:
        names += [one.name for one in listed.find_all(exp.Identifier)]
    return list(dict.fromkeys(names))


def _references(node: exp.Expression, record: Record, what: str) -> None:
    for reference in node.find_all(exp.Reference):
        target = _table(reference.this)
        columns = [one.name for one in reference.this.expressions] if isinstance(reference.this, exp.Schema) else []
        record.reference(target, columns, f"{what} {target}")


def _insert(node: exp.Expression, record: Record) -> None:
    table = _table(node.this)
    columns = [one.name for one in node.this.expressions] if isinstance(node.this, exp.Schema) else []
    what = f"inserts rows into {table}"
    record.write(table, "insert", columns, what)
    _reads(node, record, what, but=table)


def _update(node: exp.Expression, record: Record) -> None:
    table = _table(node.this)
    columns = [one.this.name for one in node.expressions if isinstance(one, exp.EQ)]
    what = f"updates {table} ({', '.join(columns)})"
    record.write(table, "update", columns or None, what)
    _reads(node, record, what, but=table, set_here=[one.this for one in node.expressions if isinstance(one, exp.EQ)])


def _delete(node: exp.Expression, record: Record) -> None:
    table = _table(node.this)
    what = f"deletes rows from {table}"
    record.write(table, "delete", None, what)
    _reads(node, record, what, but=table)


def _merge(node: exp.Expression, record: Record) -> None:
    table = _table(node.this)
    what = f"merges rows into {table}"
    record.write(table, "insert", None, what)
    record.write(table, "update", None, what)
    _reads(node, record, what, but=table)


def _truncate(node: exp.Expression, record: Record) -> None:
    for named in node.expressions:
        table = _table(named)
        record.write(table, "delete", None, f"deletes rows from {table}")


def _select(node: exp.Expression, record: Record) -> None:
    _reads(node, record, "")


def _comment(node: exp.Expression, record: Record) -> None:
    kind = str(node.args.get("kind") or "").upper()
    if kind == "COLUMN":
        column = node.this
        table = TableName(column.args["table"].name, column.db or None)
        _note_alter(table, column.name, ["comment"], record, [])
    elif kind in _KINDS:
        one = _object(_KINDS[kind], node.this)
        record.touch(one, "alter", f"changes comment of {one}", "comment")


def _reads(
    node: exp.Expression,
    record: Record,
    what: str,
    but: TableName | None = None,
    set_here: Iterable[exp.Expression] = (),
) -> None:
    """Note the tables that a statement reads, and those of its columns whose table is plain to see."""
    named = {cte.alias for cte in node.find_all(exp.CTE)}
    tables = {one.alias_or_name: TableName(one.name, one.db or None) for one in node.find_all(exp.Table)}
    tables = {alias: table for alias, table in tables.items() if table.schema or table.name not in named}
    columns: dict[TableName, dict[str, None]] = {table: {} for table in tables.values() if table != but}
    left_out = {id(one) for one in set_here}
    only = next(iter(tables.values())) if len(tables) == 1 else None
    for column in node.find_all(exp.Column):
        owner = tables.get(column.table) if column.table else only
        if owner is not None and id(column) not in left_out:
            columns.setdefault(owner, {})[column.name] = None
    for table, read in columns.items():
        if table == but:
            for name in read:
                record.touch(table.part("column", name), "read", what)
        else:
            record.read(table, read, what or f"reads {table}")


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
_INERT = (exp.Set, exp.Transaction, exp.Commit, exp.Rollback, exp.Analyze, exp.Grant, exp.Pragma, exp.Use, exp.Semicolon)
_NOTES: dict[str, Callable[[exp.Expression, Record], None]] = {
    "Alter": _alter,
    "Comment": _comment,
    "Create": _create,
    "Delete": _delete,
    "Drop": _drop,
    "Except": _select,
    "Insert": _insert,
    "Intersect": _select,
    "Merge": _merge,
    "Select": _select,
    "TruncateTable": _truncate,
    "Union": _select,
    "Update": _update,
}
_ALTERATIONS: dict[str, Callable[[TableName, exp.Expression, Record], None]] = {
    "AddConstraint": _add_constraint,
    "AlterColumn": _alter_column,
    "AlterRename": _rename_table,
    "ColumnDef": _add_column,
    "Drop": _drop_part,
    "ModifyColumn": _modify_column,
    "RenameColumn": _rename_column,
}
