"""PURE. Alembic's operations by name: what a call of `op.…` changes and touches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from branchmig.effects.change import ConstraintKind
from branchmig.effects.footprint import elements
from branchmig.effects.footprint.core_sql import default_sql, expression_sql
from branchmig.effects.footprint.element_changes import (
    column_changes,
    constraint_change,
    literal_rows,
    on_table,
    table_changes,
    worded,
)
from branchmig.effects.footprint.model import DbObject
from branchmig.effects.footprint.operation import Operation
from branchmig.effects.footprint.record import Record, TableName, Unreadable, listed
from branchmig.effects.footprint.sql_texts import type_sql
from branchmig.effects.footprint.statements import execute, note_insert
from branchmig.effects.footprint.values import Arguments, Built, plain_text, table_of, texts, words_in

# They change nothing: what they give is looked at where it is used. `batch_alter_table` is a block, not a call.
INERT = frozenset(
    {"Operations", "batch_alter_table", "context", "create_module_class_proxy", "f", "get_bind", "get_context"}
    | {"implementation_for", "inline_literal", "register_operation"}
)
# They run what only they know.
OPAQUE = frozenset({"invoke", "run_async"})


def operate(name: str, arguments: Arguments, record: Record, batch: TableName | None = None) -> None:
    """Note what a call of `op.NAME`, or of a batch block's method, changes and touches."""
    if name in INERT:
        return
    if name not in HANDLED:
        known = "runs what it is given" if name in OPAQUE else "is no operation of alembic's own"
        record.cannot_read(f"op.{name} {known}")
        return
    parameters, handler = HANDLED[name]
    if batch is not None:
        parameters = tuple(parameter for parameter in parameters if parameter not in _GIVEN_BY_BATCH)
    given = {**dict(zip(parameters, arguments.positional, strict=False)), **arguments.keywords}
    rest = arguments.positional[len(parameters) :]
    try:
        handler(Operation(given, rest, arguments.is_open, batch, record))
    except Unreadable as reason:
        record.cannot_read(f"op.{name}: {reason.what}", has_changes=reason.has_changes)


def _add_column(call: Operation) -> None:
    column, how = call.value("column"), call.tolerant("if_not_exists")
    table = call.table()
    if isinstance(column, Built) and column.name == "Column":
        is_inline = call.given.get("inline_references") is True
        for change in column_changes(table, column, is_inline=False):
            if change.constraint != "foreign key" or not is_inline:
                flags = change.flags.union(how if change.kind == "add-column" else ())
                call.note(replace(change, line=change.line or column.line, flags=flags))
    elements.add_column(call.record, table, column, *how)


def _alter_column(call: Operation) -> None:
    table, column, record, given = call.table(), call.text("column_name"), call.record, call.given
    unchanged = {"type_": None, "nullable": None, "server_default": False, "comment": False, "autoincrement": None}
    words = {"type_": "type", "server_default": "default"}
    changed = [words.get(name, name) for name, value in unchanged.items() if given.get(name, value) is not value]
    _note_altered(call, table, column, {"type", "nullable", "default"}.intersection(changed))
    if changed:
        what = f"changes {listed(changed)} of column {table}.{column}"
        record.touch(table.part("column", column), "alter", what, *changed)
        record.use(table, what, *(["constraint"] if given.get("nullable") is False else []))
        elements.types(record, [given.get("type_")], what, is_created=False)
    if given.get("new_column_name") is not None:
        name = call.text("new_column_name")
        what = f"renames column {table}.{column} to {name}"
        if name != column:
            call.note(replace(on_table("rename-column", what, table, column), new_name=name))
        record.rename(table.part("column", column), name, what)
        record.use(table, what)
    elif call.is_open and not changed:
        raise Unreadable("its arguments are computed")


def _note_altered(call: Operation, table: TableName, column: str, changed: set[str]) -> None:
    if not changed:
        return
    given = call.given
    what = f"changes {' and '.join(sorted(changed))} of column {table}.{column}"
    default = given.get("server_default", False)
    if isinstance(default, Built) and default.name in ("Identity", "Computed"):
        changed = changed - {"default"} | {"generated"}
    flags = [*changed, "partly-restated"]
    flags += ["keeps-default"] if given.get("existing_server_default", False) is not False else []
    was = given.get("existing_nullable")
    flags += ["was-nullable" if was else "was-not-null"] if isinstance(was, bool) else []
    using = given.get("postgresql_using")
    nullable = given.get("nullable")
    change = replace(
        on_table("alter-column", what, table, column, *flags),
        type=type_sql(given.get("type_")),
        old_type=type_sql(given.get("existing_type")),
        nullable=nullable if isinstance(nullable, bool) else None,
        default=default_sql(default),
        condition="" if using is None else expression_sql(using),
    )
    call.note(change)


def _drop_column(call: Operation) -> None:
    table, column, how = call.table(), call.text("column_name"), call.tolerant("if_exists")
    what = f"drops column {table}.{column}"
    call.note(on_table("drop-column", what, table, column, *how))
    call.record.touch(table.part("column", column), "drop", what, *how)
    call.record.use(table, what)


def _create_table(call: Operation) -> None:
    table, how = call.table(), call.tolerant("if_not_exists")
    prefixes = [word.lower() for word in texts(call.given.get("prefixes")) or ()]
    divided = plain_text(call.given.get("postgresql_partition_by")) or ""
    for change in table_changes(table, call.rest, *how, *prefixes):
        call.note(replace(change, condition=divided) if change.kind == "create-table" else change)
    elements.add_table(call.record, table, call.rest, *how)


def _drop_table(call: Operation) -> None:
    table, how = call.table(), call.tolerant("if_exists")
    what = f"drops table {table}"
    call.note(on_table("drop-table", what, table, table.name, *how))
    call.record.touch(table.object, "drop", what, *how)


def _rename_table(call: Operation) -> None:
    table, name = call.table("old_table_name"), call.text("new_table_name")
    what = f"renames table {table} to {name}"
    call.note(replace(on_table("rename-table", what, table), new_name=name))
    call.record.rename(table.object, name, what)


def _comment_table(call: Operation) -> None:
    table = call.table()
    call.record.touch(table.object, "alter", f"changes comment of table {table}", "comment")


def _create_index(call: Operation) -> None:
    table, name, given = call.table(), call.optional_text("index_name"), call.given
    columns, how, is_unique = call.value("columns", ()), call.tolerant("if_not_exists"), bool(given.get("unique"))
    parts = [expression_sql(column) for column in (columns if isinstance(columns, tuple) else (columns,))]
    lengths = given.get("mysql_length")
    if isinstance(lengths, dict):
        parts = [f"{part}({lengths[part]})" if part in lengths else part for part in parts]
    elif isinstance(lengths, int):
        parts = [f"{part}({lengths})" for part in parts]
    conditions = [given.get(key) for key in ("postgresql_where", "sqlite_where", "mssql_where")]
    where = next(filter(None, conditions), None)
    prefix = plain_text(given.get("mysql_prefix")) or ""
    options = {"unique": "unique", "postgresql_concurrently": "concurrently"}
    options |= {"postgresql_nulls_not_distinct": "nulls-not-distinct"}
    flags = [flag for key, flag in options.items() if given.get(key)]
    flags += [prefix.lower()] if prefix.upper() in ("FULLTEXT", "SPATIAL") else []
    flags += ["partial"] if where is not None else []
    what = " ".join(f"creates {'unique ' if is_unique else ''}index {name or ''} on {table}".split())
    change = on_table("create-index", what, table, name or "", *flags, *how)
    call.note(replace(change, columns=tuple(parts), condition="" if where is None else expression_sql(where)))
    over = (*elements.columns_of(columns), *(word for item in conditions for word in words_in(item)))
    elements.add_index(call.record, name, table, dict.fromkeys(over), is_unique, *how)


def _drop_index(call: Operation) -> None:
    name, how = call.text("index_name"), call.tolerant("if_exists")
    table = call.table() if call.batch is not None or call.given.get("table_name") is not None else None
    flags = ["concurrently"] if call.given.get("postgresql_concurrently") else []
    call.note(on_table("drop-index", f"drops index {name}", table or TableName(""), name, *flags))
    if table is None:
        call.record.touch(DbObject("index", name, None, call.schema()), "drop", f"drops index {name}", *how)
        return
    what = f"drops index {name} on {table}"
    call.record.touch(table.part("index", name), "drop", what, *how)
    call.record.use(table, what)


def _create_constraint(kind: ConstraintKind) -> Callable[[Operation], None]:
    def create(call: Operation) -> None:
        table, name, columns = call.table(), call.optional_text("constraint_name"), call.columns("columns")
        flags = ["nulls-not-distinct"] if call.given.get("postgresql_nulls_not_distinct") else []
        index = plain_text(call.given.get("postgresql_using_index"))
        flags += ["using-index"] if index else []
        call.note(worded(replace(constraint_change(table, name, kind, columns, *flags), target=index or "")))
        elements.add_constraint(call.record, table, name, kind, columns)

    return create


def _create_check_constraint(call: Operation) -> None:
    table, name, condition = call.table(), call.optional_text("constraint_name"), call.value("condition")
    change = constraint_change(table, name, "check", (), *_not_valid(call))
    call.note(worded(replace(change, condition=expression_sql(condition))))
    elements.add_constraint(call.record, table, name, "check", dict.fromkeys(words_in(condition)))


def _not_valid(call: Operation) -> tuple[str, ...]:
    return ("not-valid",) if call.given.get("postgresql_not_valid") else ()


def _create_exclude_constraint(call: Operation) -> None:
    table, name = call.table(), call.optional_text("constraint_name")
    where = call.given.get("where")
    pairs = [item for item in call.rest if isinstance(item, tuple) and len(item) == 2]
    values = tuple((expression_sql(item), str(sign)) for item, sign in pairs) if len(pairs) == len(call.rest) else ()
    change = constraint_change(table, name, "exclude", ())
    call.note(worded(replace(change, values=values, condition="" if where is None else expression_sql(where))))
    parts = [pair[0] for pair in call.rest if isinstance(pair, tuple) and pair]
    words = dict.fromkeys(column for part in parts for column in elements.columns_of(part))
    elements.add_constraint(call.record, table, name, "exclude", words)


def _create_foreign_key(call: Operation) -> None:
    name, columns = call.optional_text("constraint_name"), call.columns("local_cols")
    source = call.table("source_table", "source_schema")
    target = TableName(call.text("referent_table"), call.schema("referent_schema"))
    pointed = call.columns("remote_cols")
    flags = [*_not_valid(call), *(["match-full"] if str(call.given.get("match", "")).upper() == "FULL" else [])]
    change = constraint_change(source, name, "foreign key", columns, *flags)
    call.note(worded(replace(change, target=target.name, target_schema=target.schema, target_columns=pointed)))
    elements.add_constraint(call.record, source, name, "foreign key", columns)
    what = f"creates foreign key {name or ''} from {source} to {target}"
    call.record.reference(target, pointed, " ".join(what.split()))


def _drop_constraint(call: Operation) -> None:
    table, name = call.table(), call.text("constraint_name")
    what = f"drops constraint {name} on {table}"
    kinds: dict[str, ConstraintKind] = {"primary": "primary key", "foreignkey": "foreign key", "unique": "unique"}
    kind = kinds.get(plain_text(call.given.get("type_")) or "", "")
    call.note(replace(on_table("drop-constraint", what, table, name), constraint=kind))
    call.record.touch(table.part("constraint", name), "drop", what, *call.tolerant("if_exists"))
    call.record.use(table, what)


def _bulk_insert(call: Operation) -> None:
    given = call.value("table")
    table = table_of(given)
    if table is None:
        raise Unreadable("the table is computed")
    columns, source = literal_rows(call.given.get("rows"))
    call.note(replace(on_table("insert", f"inserts rows into {table}", table), columns=columns, source=source))
    note_insert(call.record, table, given, (call.value("rows", ()),))


_TABLE = "table_name"
_GIVEN_BY_BATCH = frozenset({_TABLE, "source_table", "old_table_name"})
_CONSTRAINT = ("constraint_name", _TABLE, "columns")
_Handler = tuple[tuple[str, ...], "Callable[[Operation], None]"]
# Name to the names of its positional arguments and what it touches. A batch block's methods leave out the table.
HANDLED: dict[str, _Handler] = {
    "add_column": ((_TABLE, "column"), _add_column),
    "alter_column": ((_TABLE, "column_name"), _alter_column),
    "bulk_insert": (("table", "rows"), _bulk_insert),
    "create_check_constraint": (("constraint_name", _TABLE, "condition"), _create_check_constraint),
    "create_exclude_constraint": (("constraint_name", _TABLE), _create_exclude_constraint),
    "create_foreign_key": (
        ("constraint_name", "source_table", "referent_table", "local_cols", "remote_cols"),
        _create_foreign_key,
    ),
    "create_index": (("index_name", _TABLE, "columns"), _create_index),
    "create_primary_key": (_CONSTRAINT, _create_constraint("primary key")),
    "create_table": ((_TABLE,), _create_table),
    "create_table_comment": ((_TABLE, "comment"), _comment_table),
    "create_unique_constraint": (_CONSTRAINT, _create_constraint("unique")),
    "drop_column": ((_TABLE, "column_name"), _drop_column),
    "drop_constraint": (("constraint_name", _TABLE, "type_"), _drop_constraint),
    "drop_index": (("index_name", _TABLE), _drop_index),
    "drop_table": ((_TABLE,), _drop_table),
    "drop_table_comment": ((_TABLE,), _comment_table),
    "execute": (("sqltext",), lambda call: execute(call.value("sqltext"), call.record)),
    "rename_table": (("old_table_name", "new_table_name"), _rename_table),
}
