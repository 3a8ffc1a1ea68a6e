"""PURE. The effect of a call in a revision file: an operation, SQL, a function of the same file, or unknown."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import cast

from branchmig.effects.footprint import folding
from branchmig.effects.footprint.operations import operate
from branchmig.effects.footprint.record import Record, TableName, Unreadable
from branchmig.effects.footprint.statements import define, execute
from branchmig.effects.footprint.values import (
    UNKNOWN,
    Arguments,
    BatchBlock,
    Built,
    LocalClass,
    LocalFunction,
    Member,
    Mix,
    Ref,
    is_class,
    plain_text,
    schema_of,
)

Enter = Callable[[LocalFunction, Arguments], object]

_OPERATION = "alembic.op."
_EXECUTES = frozenset({"exec_driver_sql", "execute", "executemany", "scalar", "scalars"})
_OF_SESSIONS = frozenset(
    {"add", "add_all", "bulk_insert_mappings", "bulk_save_objects", "bulk_update_mappings", "merge", "query"}
)
# Standard modules that revision files use and that reach no database.
_HARMLESS = frozenset(
    {"alembic", "base64", "builtins", "collections", "copy", "dataclasses", "datetime", "decimal", "enum"}
    | {"fractions", "functools", "hashlib", "inspect", "itertools", "json", "locale", "logging", "math", "operator"}
    | {"os", "pathlib", "pprint", "random", "re", "secrets", "string", "sys", "textwrap", "time", "typing"}
    | {"sqlalchemy", "unicodedata", "uuid", "warnings", "zoneinfo"}
)
_RUNS_CODE = frozenset({"__import__", "eval", "exec", "map", "filter"})


class Calls:
    """Knows what calls do. `enter` follows a function of the file; `is_value` says whether only values are made."""

    def __init__(self, record: Record, enter: Enter, is_value: Callable[[], bool]) -> None:
        self._record, self._enter, self._is_value = record, enter, is_value

    def call(self, node: ast.Call, function: object, arguments: Arguments) -> object:
        """Note what a call touches, and return what it gives."""
        before, self._record.line = self._record.line, node.lineno
        try:
            if isinstance(function, LocalFunction):
                return self._enter(function, arguments)
            if isinstance(function, Ref):
                return self._reference(function, arguments)
            if isinstance(function, Member):
                return self._method(function, arguments)
            is_operator = isinstance(function, Built) and function.name in ("op", "bool_op")  # column.op("~")("^a")
            if not isinstance(function, LocalClass) and not is_operator and not self._is_value():
                self._record.cannot_read("a function that is computed is called")
            return Built(function, arguments, self._record.line)
        finally:
            self._record.line = before

    def _reference(self, function: Ref, arguments: Arguments) -> object:
        path = function.path
        if path.startswith(_OPERATION):
            return self._operation(path.removeprefix(_OPERATION), arguments)
        root = path.partition(".")[0]
        if root == "builtins":
            return self._builtin(function, arguments)
        if path == "textwrap.dedent":
            return folding.dedented(arguments)
        if root == "alembic" and function.name == "execute":
            self._execute("context.execute", arguments)
        elif root not in _HARMLESS and not is_class(function) and not self._is_value():
            self._record.cannot_read(f"{path} is called, which is not in this file")
        return Built(function, arguments, self._record.line)

    def _operation(self, name: str, arguments: Arguments) -> object:
        if name == "batch_alter_table":
            table = plain_text(arguments.first("table_name"))
            schema = schema_of(arguments.keywords.get("schema", arguments.second()))
            return BatchBlock(None if table is None else TableName(table, schema))
        if name == "f":
            return arguments.first("name")
        operate(name, arguments, self._record)
        # op.create_table gives the table, for a bulk_insert to follow.
        made = "sqlalchemy.Table" if name == "create_table" else _OPERATION + name
        return Built(Ref(made), arguments, self._record.line)

    def _builtin(self, function: Ref, arguments: Arguments) -> object:
        if function.name == "getattr" and len(arguments.positional) >= 2 and isinstance(arguments.positional[1], str):
            base, name = arguments.positional[:2]
            return Ref(f"{base.path}.{name}") if isinstance(base, Ref) else Member(base, str(name))
        if function.name in _RUNS_CODE:
            self._record.cannot_read(f"{function.name}() runs what it is given")
            return UNKNOWN
        found = folding.called_builtin(function.name, arguments)
        # Mixed, not unknown: the columns of `str(users.c.id)` are still read.
        return Mix(arguments.all()) if found is UNKNOWN else found

    def _method(self, function: Member, arguments: Arguments) -> object:
        base, name = function.base, function.name
        if isinstance(base, BatchBlock):
            return self._batch(base, name, arguments)
        if isinstance(base, str | tuple | dict):
            return folding.called_method(base, name, arguments)
        if name in _EXECUTES and (arguments.positional or arguments.keywords or arguments.is_open):
            self._execute(name, arguments)
        elif name in {"create", "drop"} and isinstance(base, Built):
            checks = arguments.keywords.get("checkfirst", arguments.second())
            if not define(name, base, False if checks is False else None, self._record):
                self._record.cannot_read(f"{name}() is called on something that is computed")
        elif name in {"create_all", "drop_all"}:
            self._record.cannot_read(f"{name}() acts on whatever the models hold")
        elif name in _OF_SESSIONS and _is_session(base):
            self._record.cannot_read(f"an ORM session's {name}() is called")
        elif _is_foreign(base) and not self._is_value():
            function_of = cast("Built", base).function
            shown = function_of.name if isinstance(function_of, Ref | LocalClass) else "object"
            self._record.cannot_read(f"{shown}.{name}() is called, whose effect cannot be read")
        return Built(function, arguments, self._record.line)

    def _batch(self, block: BatchBlock, name: str, arguments: Arguments) -> object:
        if name == "f":
            return arguments.first("name")
        if block.table is None:
            self._record.cannot_read(f"batch.{name}: the table name is computed")
        else:
            operate(name, arguments, self._record, block.table)
        return Built(Ref(f"alembic.batch.{name}"), arguments, self._record.line)

    def _execute(self, name: str, arguments: Arguments) -> None:
        given = arguments.positional[:1] or tuple(arguments.keywords.values())[:1]
        try:
            # Besides its statement, execute() is given the rows of an insert, or one of them.
            keywords = [arguments.keywords.get(key) for key in ("parameters", "params", "multiparams")]
            rows = (*arguments.positional[1:2], *(keyword for keyword in keywords if keyword is not None))
            execute(given[0] if given else UNKNOWN, self._record, (*rows, UNKNOWN) if arguments.is_open else rows)
        except Unreadable as reason:
            self._record.cannot_read(f"{name}: {reason.what}", has_changes=reason.has_changes)


def _is_session(value: object) -> bool:
    """Return whether a value is `Session(…)`, or `sessionmaker(…)()`, or something got from one."""
    while isinstance(value, Built | Member):
        if isinstance(value, Built) and value.name in {"Session", "scoped_session", "sessionmaker"}:
            return True
        value = value.function if isinstance(value, Built) else value.base
    return False


def _is_foreign(value: object) -> bool:
    """Return whether a value is an object of a class that is not alembic's, SQLAlchemy's or harmless."""
    function = value.function if isinstance(value, Built) else None
    if isinstance(function, Ref):
        return function.path.partition(".")[0] not in _HARMLESS and is_class(function)
    return isinstance(function, LocalClass)
