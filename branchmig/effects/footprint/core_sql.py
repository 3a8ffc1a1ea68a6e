"""PURE. SQLAlchemy's expressions to SQL, as far as they can be read without running the file.

`users.c.age >= 18`, `sa.and_(…)`, `sa.column("state").in_([…])`: operators, methods and functions that every database
writes alike. A part that is not known becomes UNKNOWN_SQL, and with it the whole expression.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from branchmig.effects import dialects
from branchmig.effects.change import UNKNOWN_SQL
from branchmig.effects.footprint.sql_texts import type_sql
from branchmig.effects.footprint.values import Built, Member, Mix, Ref, is_column, plain_text, table_of

_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")
_TEXTS = ("varchar", "char", "text", "nvarchar")


def default_sql(value: object) -> str | None:
    """Return a server default as SQL; None for none."""
    if value is None or value is False:
        return None
    if isinstance(value, str):
        return dialects.literal(value)
    written = expression_sql(value)
    return None if written.strip("() ").upper() == "NULL" else written


def expression_sql(value: object) -> str:
    """Return an expression as SQL: text, a column, a function of them; UNKNOWN_SQL for what is not one of these."""
    if isinstance(value, str):
        return value
    if isinstance(value, Member):
        return value.name
    if isinstance(value, Built):
        given = value.arguments
        if value.name in ("text", "literal_column", "column", "Column", "DefaultClause", "quoted_name"):
            first = given.positional[0] if given.positional else given.keywords.get("text", given.keywords.get("name"))
            return expression_sql(first)
        if value.name in ("asc", "desc", "nulls_first", "nulls_last"):
            return expression_sql(given.positional[0] if given.positional else value.base)
    return core_sql(value)


def core_sql(value: object) -> str:
    """Return an expression as SQL; UNKNOWN_SQL where a part of it is not known. A string is a literal here."""
    found = _written(value)
    return UNKNOWN_SQL if UNKNOWN_SQL in found else found


def literal(value: object) -> str:
    """Return a plain value as SQL; UNKNOWN_SQL for another."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str) and "\\" not in value and UNKNOWN_SQL not in value:
        return dialects.literal(value)
    return UNKNOWN_SQL


def _written(value: object) -> str:
    if isinstance(value, Mix):
        return _operation(value)
    if isinstance(value, Member):
        is_column = table_of(value.base) is not None or getattr(value.base, "name", "") in ("c", "columns")
        return _named(value.name) if is_column else UNKNOWN_SQL
    if not isinstance(value, Built):
        return literal(value)
    if isinstance(value.function, Member):
        return _method(value)
    if isinstance(value.function, Built):
        return _own_operator(value.function, value)
    read = _FUNCTIONS.get(value.name)
    if read is not None:
        return read(value)
    if isinstance(value.function, Ref) and ".func." in value.function.path:
        return _call(value)
    return UNKNOWN_SQL


def _named(name: object) -> str:
    return name if isinstance(name, str) and _PLAIN.fullmatch(name) else UNKNOWN_SQL


def _operation(value: Mix) -> str:
    parts, symbol = value.parts, value.symbol
    if len(parts) == 1 and symbol in ("not", "~", "-"):
        return f"({'- ' if symbol == '-' else 'NOT '}{_written(parts[0])})"
    if len(parts) != 2 or symbol not in _BINARY:
        return UNKNOWN_SQL
    if None in parts and symbol in ("==", "!="):
        symbol = "is" if symbol == "==" else "is not"
        parts = tuple(sorted(parts, key=lambda part: part is None))
    elif symbol == "+" and any(map(_is_text, parts)):
        return UNKNOWN_SQL  # each kind of database joins text in its own way
    left, right = map(_written, parts)
    return f"({left} {_BINARY[symbol]} {right})"


_BINARY = {
    "==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "&": "AND", "|": "OR", "+": "+", "-": "-",
    "*": "*",
    "is": "IS", "is not": "IS NOT",
}  # fmt: skip


def _is_text(value: object) -> bool:
    """Return whether a value is text, or may be: only a column of another type is known not to be."""
    if isinstance(value, int | float):
        return False
    column: object = value
    if isinstance(value, Member) and isinstance(table := value.base, Member | Built):
        declared = table.base if isinstance(table, Member) else table
        parts = declared.arguments.positional[1:] if isinstance(declared, Built) else ()
        named = [item for item in parts if isinstance(item, Built) and is_column(item)]
        column = next((item for item in named if plain_text(item.arguments.first("text")) == value.name), None)
    if not isinstance(column, Built) or not is_column(column):
        return True
    kind = next((text for item in column.arguments.all() if (text := type_sql(item))), "")
    return not kind or kind.startswith(_TEXTS)


def _method(value: Built) -> str:
    given, base = value.arguments, value.base
    if value.name in ("c", "columns") or given.is_open or given.keywords:
        return UNKNOWN_SQL
    if value.name in ("in_", "not_in", "notin_"):
        items = given.positional[0] if len(given.positional) == 1 else None
        listed = ", ".join(map(_written, items)) if isinstance(items, tuple) and items else UNKNOWN_SQL
        return f"({_written(base)} {'' if value.name == 'in_' else 'NOT '}IN ({listed}))"
    pattern = _METHODS.get(value.name)
    if pattern is None or pattern.count("{") != len(given.positional) + 1:
        return UNKNOWN_SQL
    return f"({pattern.format(_written(base), *map(_written, given.positional))})"


_METHODS = {
    "is_": "{} IS {}", "is_not": "{} IS NOT {}", "isnot": "{} IS NOT {}", "like": "{} LIKE {}",
    "not_like": "{} NOT LIKE {}", "notlike": "{} NOT LIKE {}", "ilike": "lower({}) LIKE lower({})",
    "between": "{} BETWEEN {} AND {}",
}  # fmt: skip


def _own_operator(function: Built, value: Built) -> str:
    """Read `column.op("~")("^[a-z]")`."""
    sign = function.arguments.positional[:1]
    if function.name not in ("op", "bool_op") or len(value.arguments.positional) != 1 or not isinstance(sign[0], str):
        return UNKNOWN_SQL
    return f"({_written(function.base)} {sign[0]} {_written(value.arguments.positional[0])})"


def _call(value: Built) -> str:
    given = value.arguments
    if value.name in ("current_timestamp", "current_date", "current_time") and not given.positional:
        return value.name.upper()
    if given.is_open or given.keywords:
        return UNKNOWN_SQL
    return f"{value.name}({', '.join(map(_written, given.positional))})"


def _joined(word: str) -> Callable[[Built], str]:
    def join(value: Built) -> str:
        parts = value.arguments.positional
        return f"({f' {word} '.join(map(_written, parts))})" if parts and not value.arguments.is_open else UNKNOWN_SQL

    return join


def _text(value: Built) -> str:
    text = value.arguments.first("text")
    return f"({text})" if isinstance(text, str) and re.search(r"(?<![:\w]):\w", text) is None else UNKNOWN_SQL


def _cast(value: Built) -> str:
    item, kind = (*value.arguments.positional, None, None)[:2]
    written = type_sql(kind)
    return f"CAST({_written(item)} AS {written})" if written else UNKNOWN_SQL


def _case(value: Built) -> str:
    given = value.arguments
    whens = [item for item in given.positional if isinstance(item, tuple) and len(item) == 2]
    if len(whens) != len(given.positional) or not whens or given.is_open or given.keywords.keys() - {"else_"}:
        return UNKNOWN_SQL
    listed = " ".join(f"WHEN {_written(when)} THEN {_written(then)}" for when, then in whens)
    rest = f" ELSE {_written(given.keywords['else_'])}" if "else_" in given.keywords else ""
    return f"CASE {listed}{rest} END"


def _only(value: Built) -> object:
    given = value.arguments
    return given.positional[0] if len(given.positional) == 1 else UNKNOWN_SQL


_FUNCTIONS: dict[str, Callable[[Built], str]] = {
    "Column": lambda value: _named(plain_text(value.arguments.first("name"))),
    "and_": _joined("AND"),
    "between": lambda value: UNKNOWN_SQL,
    "case": _case,
    "cast": _cast,
    "column": lambda value: _named(plain_text(value.arguments.first("text"))),
    "false": lambda _: "false",
    "literal": lambda value: _written(_only(value)),
    "literal_column": _text,
    "not_": lambda value: f"(NOT {_written(_only(value))})",
    "null": lambda _: "NULL",
    "or_": _joined("OR"),
    "text": _text,
    "true": lambda _: "true",
}
