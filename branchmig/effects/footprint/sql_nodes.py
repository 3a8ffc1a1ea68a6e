"""PURE. What a node of sqlglot names: tables, columns, references."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlglot import exp

from branchmig.effects.footprint.record import Record, TableName, Unreadable
from branchmig.effects.sql_words import shortened

if TYPE_CHECKING:
    from sqlglot.expressions import Expr as Node


def table_in(node: Node | None) -> TableName:
    """Return the table that a node names. Raises Unreadable for what is none."""
    found = node if isinstance(node, exp.Table) else node.find(exp.Table) if node is not None else None
    if found is None or not found.name:
        raise Unreadable(f"SQL whose table cannot be read: {shortened(node.sql() if node else '')}")
    return TableName(found.name, found.db or None)


def unreadable(node: Node) -> Unreadable:
    """Return the error for a statement, or a part of one, that is not known."""
    return Unreadable(f"SQL that cannot be read: {shortened(node.sql())}")


def named_by(node: Node) -> list[Node]:
    """Return what a DROP names: older versions of sqlglot keep one name, later ones a list."""
    return list(node.args.get("tables") or ([node.this] if node.this else []))


def constraint_kind(node: Node) -> str:
    """Return what kind of constraint a node defines."""
    if node.find(exp.ForeignKey):
        return "foreign key"
    if node.find(exp.PrimaryKey, exp.PrimaryKeyColumnConstraint):
        return "primary key"
    return "unique" if node.find(exp.UniqueColumnConstraint) else "check"


def constrained_columns(node: Node) -> list[str]:
    """Return the columns of a constraint: those in its parentheses, or in its condition."""
    key = node.find(exp.ForeignKey)
    if key is not None:
        return [expression.name for expression in key.expressions]
    found = {id(column): column for column in node.find_all(exp.Column)}
    listed = node.find(exp.UniqueColumnConstraint, exp.PrimaryKey)
    names = [column.name for column in found.values()]
    if listed is not None:
        names += [identifier.name for identifier in listed.find_all(exp.Identifier)]
    return list(dict.fromkeys(names))


def note_references(node: Node, record: Record, what: str) -> None:
    """Note the tables and columns that the foreign keys of a node point to."""
    for reference in node.find_all(exp.Reference):
        target = table_in(reference.this)
        parts = reference.this.expressions if isinstance(reference.this, exp.Schema) else []
        record.reference(target, [part.name for part in parts], f"{what} {target}")


def note_reads(
    node: Node,
    record: Record,
    what: str,
    but: TableName | None = None,
    set_here: Iterable[Node] = (),
    *,
    is_view: bool = False,
) -> None:
    """Note the tables that a statement reads, and those of its columns whose table is plain to see.

    A view reads nothing when it is made, but stands on what it names.
    """
    tables = _tables(node)
    columns: dict[TableName, dict[str, None]] = {table: {} for _, table in tables.values() if table != but}
    left_out = {id(column) for column in set_here}
    for column in node.find_all(exp.Column):
        for owner in _owners(column, tables) if id(column) not in left_out else ():
            columns.setdefault(owner, {})[column.name] = None
    for table, read in columns.items():
        if is_view:
            record.reference(table, read, what)
        elif table == but:
            for name in read:
                record.touch(table.part("column", name), "read", what)
        else:
            # `*` reads columns that are not named.
            record.read(table, read, what or f"reads {table}", is_complete=node.find(exp.Star) is None)


_Tables = dict[str, tuple["Node | None", TableName]]


def _tables(node: Node) -> _Tables:
    """Return, by alias, the tables of a statement that are no CTE, each with the SELECT that it stands in."""
    ctes = {cte.alias for cte in node.find_all(exp.CTE)}
    return {
        table.alias_or_name: (table.find_ancestor(exp.Select), TableName(table.name, table.db or None))
        for table in node.find_all(exp.Table)
        if table.name and (table.db or table.name not in ctes)
    }


def _owners(column: exp.Column, tables: _Tables) -> list[TableName]:
    """Return the table that a column is of; where it does not say, each one that stands beside it."""
    if column.table:
        return [tables[column.table][1]] if column.table in tables else []
    select = column.find_ancestor(exp.Select)
    return [table for place, table in tables.values() if place is select]
