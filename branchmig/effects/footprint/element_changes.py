"""PURE. Columns, constraints and tables, as SQLAlchemy's constructors spell them, to changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import cast

from branchmig.effects.change import UNKNOWN_SQL, Change, ChangeKind, ConstraintKind
from branchmig.effects.footprint.core_sql import core_sql, default_sql, expression_sql
from branchmig.effects.footprint.elements import CONSTRAINTS
from branchmig.effects.footprint.record import TableName
from branchmig.effects.footprint.sql_texts import type_sql
from branchmig.effects.footprint.values import Built, plain_text, schema_of, texts
from branchmig.effects.sql_columns import constraint_words

RowTexts = Mapping[str, str]


def on_table(kind: ChangeKind, what: str, table: TableName, name: str = "", *flags: str) -> Change:
    """Return a change of a table, or of something with a name on it."""
    return Change(kind, what, table=table.name, schema=table.schema, name=name, flags=frozenset(flags))


def table_changes(table: TableName, items: Iterable[object], *flags: str) -> Iterator[Change]:
    """Yield the parts of a new table."""
    yield on_table("create-table", f"creates table {table}", table, table.name, *flags)
    for item in items:
        if not isinstance(item, Built):
            continue
        made = [_listed_constraint(table, item)] if item.name in CONSTRAINTS else []
        for change in column_changes(table, item, is_inline=True) if item.name == "Column" else made:
            yield replace(change, line=item.line, flags=change.flags | {"new-table"})


def column_changes(table: TableName, column: Built, *, is_inline: bool) -> Iterator[Change]:
    """Yield a new column, and the constraints and the index that are made for it beside it."""
    given = column.arguments
    name = plain_text(given.first("name"))
    if name is None:
        return
    parts = [item for item in given.positional[1:] if isinstance(item, Built)]
    built = {built.name: built for built in [*parts, *(v for v in given.keywords.values() if isinstance(v, Built))]}
    change = on_table("add-column", f"adds column {table}.{name}", table, name)
    kind = next((text for item in given.all() if (text := type_sql(item))), "")
    is_key = given.keywords.get("primary_key") is True
    nullable = given.keywords.get("nullable")
    flags = {flag for flag, found in (("primary key", is_key), ("identity", "Identity" in built)) if found}
    change = replace(change, type=kind, nullable=nullable if isinstance(nullable, bool) else not is_key)
    if "Computed" in built:
        computed = built["Computed"].arguments
        is_stored = computed.keywords.get("persisted", (*computed.positional, None, None)[1])
        # What is not said is stored on PostgreSQL (it knew nothing else before 18), and virtual on MySQL and MariaDB.
        flags.add("stored" if is_stored is True else "virtual" if is_stored is False else "computed")
        change = replace(change, condition=expression_sql(computed.first("sqltext")))
    elif "Identity" not in built:
        change = replace(change, default=default_sql(given.keywords.get("server_default")))
    yield replace(change, flags=change.flags.union(flags))
    yield from _beside(table, name, column, parts, is_inline=is_inline)


def _beside(table: TableName, name: str, column: Built, parts: list[Built], *, is_inline: bool) -> Iterator[Change]:
    keywords = column.arguments.keywords
    for built in parts:
        if built.name == "ForeignKey":
            target = (plain_text(built.arguments.first("column")) or "").split(".")
            made = constraint_change(table, plain_text(built.arguments.keywords.get("name")), "foreign key", (name,))
            if len(target) > 1:
                schema = ".".join(target[:-2]) or schema_of(built.arguments.keywords.get("schema"))
                made = replace(made, target=target[-2], target_schema=schema, target_columns=(target[-1],))
            yield worded(made)
        elif built.name == "CheckConstraint":
            yield _listed_constraint(table, built)
    if keywords.get("unique") is True and keywords.get("index") is not True:
        yield worded(constraint_change(table, None, "unique", (name,)))
    if keywords.get("index") is True and not is_inline:
        flags = ["unique"] if keywords.get("unique") is True else []
        made = on_table("create-index", f"creates index on {table} ({name})", table, f"ix_{table.name}_{name}", *flags)
        yield replace(made, columns=(name,))


def constraint_change(table: TableName, name: str | None, kind: str, columns: Iterable[str], *flags: str) -> Change:
    """Return a new constraint, without words yet."""
    made = on_table("add-constraint", "", table, name or "", *flags)
    return replace(made, constraint=cast("ConstraintKind", kind), columns=tuple(columns))


def worded(made: Change) -> Change:
    """Return a new constraint with the words for it."""
    return replace(made, what=constraint_words(made))


def _listed_constraint(table: TableName, item: Built) -> Change:
    """Return a constraint that stands among a table's columns."""
    kind = CONSTRAINTS[item.name]
    given = item.arguments
    made = constraint_change(table, plain_text(given.keywords.get("name")), kind, ())
    if kind == "check":
        made = replace(made, condition=expression_sql(given.first("sqltext")))
    elif kind == "foreign key":
        refers = given.second() or given.keywords.get("refcolumns", ())
        targets = [text.split(".") for text in texts(refers) or ()]
        made = replace(made, columns=texts(given.first("columns")) or ())
        if targets and len(targets[0]) > 1:
            schema = ".".join(targets[0][:-2]) or None
            named = tuple(target[-1] for target in targets)
            made = replace(made, target=targets[0][-2], target_schema=schema, target_columns=named)
    elif kind in ("unique", "primary key"):
        made = replace(made, columns=tuple(map(expression_sql, given.positional)))
    return worded(made)


def literal_rows(rows: object) -> tuple[tuple[str, ...], str]:
    """Return the columns of rows that a script writes out, and the rows as VALUES; nothing where one is computed."""
    if not isinstance(rows, tuple) or not rows or not all(isinstance(row, dict) and row for row in rows):
        return (), ""
    columns = tuple(map(str, rows[0]))
    listed = [", ".join(core_sql(row.get(name, UNKNOWN_SQL)) for name in columns) for row in rows]
    is_whole = all(row.keys() == rows[0].keys() for row in rows) and UNKNOWN_SQL not in "".join(listed)
    return (columns, f"VALUES {', '.join(f'({row})' for row in listed)}") if is_whole else ((), "")


def object_change(action: str, kind: str, name: str, schema: str | None) -> Change | None:
    """Return the change that `mood.drop(bind)` or `CreateSchema('x')` makes to an object that is no table."""
    kinds: dict[tuple[str, str], ChangeKind] = {
        ("create", "type"): "create-type",
        ("drop", "type"): "drop-object",
        ("drop", "sequence"): "drop-object",
        ("drop", "schema"): "drop-schema",
        ("drop", "index"): "drop-index",
    }
    found = kinds.get((action, kind))
    if found is None:
        return None
    flags = frozenset({kind}) if found == "drop-object" else frozenset()
    return Change(found, f"{action}s {kind} {name}", table=name, schema=schema, name=name, flags=flags)


def rows_change(
    kind: str, table: TableName, columns: tuple[str, ...] | None, what: str, condition: str | None, texts: RowTexts
) -> Change:
    """Return the change of rows by a Core statement, of a `condition` and new values, SQL as far as it is known.

    A condition of None is none at all.
    """
    values = tuple((name, texts.get(name, UNKNOWN_SQL)) for name in columns or ())
    is_known = UNKNOWN_SQL not in (condition or "")
    flags = [*([] if is_known else ["joined"]), *([] if condition is None else ["where"])] if kind != "insert" else []
    where = condition if condition and is_known else ""
    return replace(on_table(cast("ChangeKind", kind), what, table, "", *flags), values=values, condition=where)
