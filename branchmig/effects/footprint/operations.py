"""PURE. Alembic's operations by name: what a call of `op.…` touches."""

from __future__ import annotations

from collections.abc import Callable

from branchmig.effects.footprint import elements
from branchmig.effects.footprint.model import DbObject
from branchmig.effects.footprint.operation import Operation
from branchmig.effects.footprint.operation_changes import changes_of
from branchmig.effects.footprint.record import Record, TableName, Unreadable, listed
from branchmig.effects.footprint.statements import execute, note_insert
from branchmig.effects.footprint.values import Arguments, table_of, words_in

# They change nothing: what they give is looked at where it is used. `batch_alter_table` is a block, not a call.
INERT = frozenset(
    {"Operations", "batch_alter_table", "context", "create_module_class_proxy", "f", "get_bind", "get_context"}
    | {"implementation_for", "inline_literal", "register_operation"}
)
# They run what only they know.
OPAQUE = frozenset({"invoke", "run_async"})


def operate(name: str, arguments: Arguments, record: Record, batch: TableName | None = None) -> None:
    """Note what a call of `op.NAME`, or of a batch block's method, touches."""
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
    call = Operation(name, given, rest, arguments.is_open, batch, record)
    try:
        for change in changes_of(call):
            record.change(change)
        handler(call)
    except Unreadable as reason:
        record.cannot_read(f"op.{name}: {reason.what}", has_changes=reason.has_changes)


def _add_column(call: Operation) -> None:
    elements.add_column(call.record, call.table(), call.value("column"), *call.tolerant("if_not_exists"))


def _alter_column(call: Operation) -> None:
    table, column, record = call.table(), call.text("column_name"), call.record
    obj = table.part("column", column)
    changed = [
        word
        for word, argument, unchanged in (
            ("type", "type_", None),
            ("nullable", "nullable", None),
            ("default", "server_default", False),
            ("comment", "comment", False),
            ("autoincrement", "autoincrement", None),
        )
        if call.given.get(argument, unchanged) is not unchanged
    ]
    if changed:
        what = f"changes {listed(changed)} of column {table}.{column}"
        is_refusing = call.given.get("nullable") is False
        record.touch(obj, "alter", what, *changed)
        record.use(table, what, *(["constraint"] if is_refusing else []))
        elements.types(record, [call.given.get("type_")], what, is_created=False)
    name = call.given.get("new_column_name")
    if name is not None:
        what = f"renames column {table}.{column} to {call.text('new_column_name')}"
        record.rename(obj, call.text("new_column_name"), what)
        record.use(table, what)
    if call.is_open and not changed and name is None:
        raise Unreadable("its arguments are computed")


def _drop_column(call: Operation) -> None:
    table, column = call.table(), call.text("column_name")
    what = f"drops column {table}.{column}"
    call.record.touch(table.part("column", column), "drop", what, *call.tolerant("if_exists"))
    call.record.use(table, what)


def _create_table(call: Operation) -> None:
    elements.add_table(call.record, call.table(), call.rest, *call.tolerant("if_not_exists"))


def _drop_table(call: Operation) -> None:
    table = call.table()
    call.record.touch(table.object, "drop", f"drops table {table}", *call.tolerant("if_exists"))


def _rename_table(call: Operation) -> None:
    table = call.table("old_table_name")
    name = call.text("new_table_name")
    call.record.rename(table.object, name, f"renames table {table} to {name}")


def _comment_table(call: Operation) -> None:
    table = call.table()
    call.record.touch(table.object, "alter", f"changes comment of table {table}", "comment")


def _create_index(call: Operation) -> None:
    columns = elements.columns_of(call.value("columns", ()))
    where = [call.given.get(key) for key in ("postgresql_where", "sqlite_where", "mssql_where")]
    columns += tuple(word for item in where for word in words_in(item))
    name, is_unique = call.optional_text("index_name"), bool(call.given.get("unique"))
    how = call.tolerant("if_not_exists")
    elements.add_index(call.record, name, call.table(), dict.fromkeys(columns), is_unique, *how)


def _drop_index(call: Operation) -> None:
    name = call.text("index_name")
    named = call.batch is not None or call.given.get("table_name") is not None
    table = call.table() if named else None
    what = f"drops index {name}{f' on {table}' if table else ''}"
    obj = table.part("index", name) if table else DbObject("index", name, None, call.schema())
    call.record.touch(obj, "drop", what, *call.tolerant("if_exists"))
    if table:
        call.record.use(table, what)


def _create_constraint(kind: str) -> Callable[[Operation], None]:
    def create(call: Operation) -> None:
        columns = call.columns("columns")
        elements.add_constraint(call.record, call.table(), call.optional_text("constraint_name"), kind, columns)

    return create


def _create_check_constraint(call: Operation) -> None:
    words = dict.fromkeys(words_in(call.value("condition")))
    elements.add_constraint(call.record, call.table(), call.optional_text("constraint_name"), "check", words)


def _create_exclude_constraint(call: Operation) -> None:
    parts = [pair[0] for pair in call.rest if isinstance(pair, tuple) and pair]
    words = dict.fromkeys(column for part in parts for column in elements.columns_of(part))
    elements.add_constraint(call.record, call.table(), call.optional_text("constraint_name"), "exclude", words)


def _create_foreign_key(call: Operation) -> None:
    source = call.table("source_table", "source_schema")
    target = TableName(call.text("referent_table"), call.schema("referent_schema"))
    name = call.optional_text("constraint_name")
    columns = call.columns("local_cols")
    elements.add_constraint(call.record, source, name, "foreign key", columns)
    what = f"creates foreign key {name or ''} from {source} to {target}"
    call.record.reference(target, call.columns("remote_cols"), " ".join(what.split()))


def _drop_constraint(call: Operation) -> None:
    table, name = call.table(), call.text("constraint_name")
    what = f"drops constraint {name} on {table}"
    call.record.touch(table.part("constraint", name), "drop", what, *call.tolerant("if_exists"))
    call.record.use(table, what)


def _bulk_insert(call: Operation) -> None:
    given = call.value("table")
    table = table_of(given)
    if table is None:
        raise Unreadable("the table is computed")
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
