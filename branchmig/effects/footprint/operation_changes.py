"""PURE. Alembic's operations to changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import cast

from branchmig.effects.change import UNKNOWN_SQL, Change, ChangeKind, ConstraintKind
from branchmig.effects.footprint.core_sql import core_sql, default_sql, expression_sql
from branchmig.effects.footprint.elements import CONSTRAINTS
from branchmig.effects.footprint.operation import Operation
from branchmig.effects.footprint.record import TableName
from branchmig.effects.footprint.sql_texts import type_sql
from branchmig.effects.footprint.values import Built, plain_text, schema_of, table_of, texts
from branchmig.effects.sql_columns import constraint_words

RowTexts = Mapping[str, str]


def changes_of(call: Operation) -> Iterator[Change]:
    """Yield what an operation does. Raises Unreadable where its table is computed."""
    read = _READERS.get(call.name)
    if read is not None:
        for change in read(call):
            yield change if call.batch is None else replace(change, flags=change.flags | {"batch"})


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
        for change in _column(table, item, is_inline=True) if item.name == "Column" else made:
            yield replace(change, line=item.line, flags=change.flags | {"new-table"})


def _column(table: TableName, column: Built, *, is_inline: bool) -> Iterator[Change]:
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
            made = _constraint(table, plain_text(built.arguments.keywords.get("name")), "foreign key", (name,))
            if len(target) > 1:
                schema = ".".join(target[:-2]) or schema_of(built.arguments.keywords.get("schema"))
                made = replace(made, target=target[-2], target_schema=schema, target_columns=(target[-1],))
            yield _worded(made)
        elif built.name == "CheckConstraint":
            yield _listed_constraint(table, built)
    if keywords.get("unique") is True and keywords.get("index") is not True:
        yield _worded(_constraint(table, None, "unique", (name,)))
    if keywords.get("index") is True and not is_inline:
        flags = ["unique"] if keywords.get("unique") is True else []
        made = on_table("create-index", f"creates index on {table} ({name})", table, f"ix_{table.name}_{name}", *flags)
        yield replace(made, columns=(name,))


def _constraint(table: TableName, name: str | None, kind: str, columns: Iterable[str], *flags: str) -> Change:
    made = on_table("add-constraint", "", table, name or "", *flags)
    return replace(made, constraint=cast("ConstraintKind", kind), columns=tuple(columns))


def _worded(made: Change) -> Change:
    return replace(made, what=constraint_words(made))


def _listed_constraint(table: TableName, item: Built) -> Change:
    """Return a constraint that stands among a table's columns."""
    kind = CONSTRAINTS[item.name]
    given = item.arguments
    made = _constraint(table, plain_text(given.keywords.get("name")), kind, ())
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
    return _worded(made)


# --- one operation each


def _add_column(call: Operation) -> Iterator[Change]:
    column = call.value("column")
    if isinstance(column, Built) and column.name == "Column":
        inline = call.given.get("inline_references") is True
        for change in _column(call.table(), column, is_inline=False):
            if change.constraint == "foreign key" and inline:
                continue
            flags = change.flags.union(call.tolerant("if_not_exists") if change.kind == "add-column" else ())
            yield replace(change, line=change.line or column.line, flags=flags)


def _alter_column(call: Operation) -> Iterator[Change]:
    table, name, given = call.table(), call.text("column_name"), call.given
    changed = {
        flag
        for flag, argument, unchanged in (
            ("type", "type_", None), ("nullable", "nullable", None), ("default", "server_default", False),
        )
        if given.get(argument, unchanged) is not unchanged
    }  # fmt: skip
    if changed:
        what = f"changes {' and '.join(sorted(changed))} of column {table}.{name}"
        default = given.get("server_default", False)
        if isinstance(default, Built) and default.name in ("Identity", "Computed"):
            changed = changed - {"default"} | {"generated"}
        flags = [*changed, "partly-restated"]
        flags += ["keeps-default"] if given.get("existing_server_default", False) is not False else []
        was = given.get("existing_nullable")
        flags += ["was-nullable" if was else "was-not-null"] if isinstance(was, bool) else []
        using = given.get("postgresql_using")
        nullable = given.get("nullable")
        yield replace(
            on_table("alter-column", what, table, name, *flags),
            type=type_sql(given.get("type_")),
            old_type=type_sql(given.get("existing_type")),
            nullable=nullable if isinstance(nullable, bool) else None,
            default=default_sql(default),
            condition="" if using is None else expression_sql(using),
        )
    if given.get("new_column_name") is not None:
        new_name = call.text("new_column_name")
        what = f"renames column {table}.{name} to {new_name}"
        if new_name != name:
            yield replace(on_table("rename-column", what, table, name), new_name=new_name)


def _drop_column(call: Operation) -> Iterator[Change]:
    table, name = call.table(), call.text("column_name")
    yield on_table("drop-column", f"drops column {table}.{name}", table, name, *call.tolerant("if_exists"))


def _create_table(call: Operation) -> Iterator[Change]:
    prefixes = [word.lower() for word in texts(call.given.get("prefixes")) or ()]
    divided = plain_text(call.given.get("postgresql_partition_by")) or ""
    for change in table_changes(call.table(), call.rest, *call.tolerant("if_not_exists"), *prefixes):
        yield replace(change, condition=divided) if change.kind == "create-table" else change


def _drop_table(call: Operation) -> Iterator[Change]:
    table = call.table()
    yield on_table("drop-table", f"drops table {table}", table, table.name, *call.tolerant("if_exists"))


def _rename_table(call: Operation) -> Iterator[Change]:
    table, name = call.table("old_table_name"), call.text("new_table_name")
    yield replace(on_table("rename-table", f"renames table {table} to {name}", table), new_name=name)


def _create_index(call: Operation) -> Iterator[Change]:
    table, name, given = call.table(), call.optional_text("index_name"), call.given
    columns = call.value("columns", ())
    parts = [expression_sql(column) for column in (columns if isinstance(columns, tuple) else (columns,))]
    lengths = given.get("mysql_length")
    if isinstance(lengths, dict):
        parts = [f"{part}({lengths[part]})" if part in lengths else part for part in parts]
    elif isinstance(lengths, int):
        parts = [f"{part}({lengths})" for part in parts]
    where = next((given[key] for key in ("postgresql_where", "sqlite_where", "mssql_where") if given.get(key)), None)
    prefix = plain_text(given.get("mysql_prefix")) or ""
    options = {"unique": "unique", "postgresql_concurrently": "concurrently"}
    options |= {"postgresql_nulls_not_distinct": "nulls-not-distinct"}
    flags = [flag for key, flag in options.items() if given.get(key)]
    flags += [prefix.lower()] if prefix.upper() in ("FULLTEXT", "SPATIAL") else []
    flags += [*(["partial"] if where is not None else []), *call.tolerant("if_not_exists")]
    what = " ".join(f"creates {'unique ' if given.get('unique') else ''}index {name or ''} on {table}".split())
    made = on_table("create-index", what, table, name or "", *flags)
    yield replace(made, columns=tuple(parts), condition="" if where is None else expression_sql(where))


def _drop_index(call: Operation) -> Iterator[Change]:
    name = call.text("index_name")
    table = call.table() if call.batch is not None or call.given.get("table_name") is not None else TableName("")
    flags = ["concurrently"] if call.given.get("postgresql_concurrently") else []
    yield on_table("drop-index", f"drops index {name}", table, name, *flags)


def _create_constraint(kind: ConstraintKind) -> Callable[[Operation], Iterator[Change]]:
    def create(call: Operation) -> Iterator[Change]:
        flags = ["nulls-not-distinct"] if call.given.get("postgresql_nulls_not_distinct") else []
        index = plain_text(call.given.get("postgresql_using_index"))
        flags += ["using-index"] if index else []
        made = _constraint(call.table(), call.optional_text("constraint_name"), kind, call.columns("columns"), *flags)
        yield _worded(replace(made, target=index or ""))

    return create


def _create_check(call: Operation) -> Iterator[Change]:
    made = _constraint(call.table(), call.optional_text("constraint_name"), "check", (), *_not_valid(call))
    yield _worded(replace(made, condition=expression_sql(call.value("condition"))))


def _not_valid(call: Operation) -> tuple[str, ...]:
    return ("not-valid",) if call.given.get("postgresql_not_valid") else ()


def _create_exclude(call: Operation) -> Iterator[Change]:
    made = _constraint(call.table(), call.optional_text("constraint_name"), "exclude", ())
    where = call.given.get("where")
    pairs = [item for item in call.rest if isinstance(item, tuple) and len(item) == 2]
    values = tuple((expression_sql(item), str(sign)) for item, sign in pairs) if len(pairs) == len(call.rest) else ()
    yield _worded(replace(made, values=values, condition="" if where is None else expression_sql(where)))


def _create_foreign_key(call: Operation) -> Iterator[Change]:
    name, columns = call.optional_text("constraint_name"), call.columns("local_cols")
    flags = [*_not_valid(call), *(["match-full"] if str(call.given.get("match", "")).upper() == "FULL" else [])]
    made = _constraint(call.table("source_table", "source_schema"), name, "foreign key", columns, *flags)
    target, schema = call.text("referent_table"), call.schema("referent_schema")
    yield _worded(replace(made, target=target, target_schema=schema, target_columns=call.columns("remote_cols")))


def _drop_constraint(call: Operation) -> Iterator[Change]:
    table, name = call.table(), call.text("constraint_name")
    kinds: dict[str, ConstraintKind] = {"primary": "primary key", "foreignkey": "foreign key", "unique": "unique"}
    kind = kinds.get(plain_text(call.given.get("type_")) or "", "")
    yield replace(on_table("drop-constraint", f"drops constraint {name} on {table}", table, name), constraint=kind)


def _bulk_insert(call: Operation) -> Iterator[Change]:
    table = table_of(call.value("table"))
    if table is not None:
        made = on_table("insert", f"inserts rows into {table}", table)
        columns, source = _literal_rows(call.given.get("rows"))
        yield replace(made, columns=columns, source=source)


def _literal_rows(rows: object) -> tuple[tuple[str, ...], str]:
    """Return the columns of rows that a script writes out, and the rows as VALUES; nothing where one is computed."""
    if not isinstance(rows, tuple) or not rows or not all(isinstance(row, dict) and row for row in rows):
        return (), ""
    columns = tuple(map(str, rows[0]))
    listed = [", ".join(core_sql(row.get(name, UNKNOWN_SQL)) for name in columns) for row in rows]
    is_whole = all(row.keys() == rows[0].keys() for row in rows) and UNKNOWN_SQL not in "".join(listed)
    return (columns, f"VALUES {', '.join(f'({row})' for row in listed)}") if is_whole else ((), "")


_READERS: dict[str, Callable[[Operation], Iterator[Change]]] = {
    "add_column": _add_column,
    "alter_column": _alter_column,
    "bulk_insert": _bulk_insert,
    "create_check_constraint": _create_check,
    "create_exclude_constraint": _create_exclude,
    "create_foreign_key": _create_foreign_key,
    "create_index": _create_index,
    "create_primary_key": _create_constraint("primary key"),
    "create_table": _create_table,
    "create_unique_constraint": _create_constraint("unique"),
    "drop_column": _drop_column,
    "drop_constraint": _drop_constraint,
    "drop_index": _drop_index,
    "drop_table": _drop_table,
    "rename_table": _rename_table,
}


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
