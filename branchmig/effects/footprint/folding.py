"""PURE. Python on known values: joining strings, formatting, a handful of built-ins and methods.

What is not listed here is UNKNOWN. Nothing grows without bounds: a revision file is somebody else's code.
"""

from __future__ import annotations

import ast
import operator
import re
import textwrap
from collections.abc import Callable

from branchmig.effects.footprint.values import UNKNOWN, Arguments, Mix, is_known

LONGEST = 100_000
"""Characters of a string, items of a list."""

# '%9999d' and '{:9999}' ask for that much memory.
_WIDE = re.compile(r"\d{4}")
_TEXT_METHODS = frozenset(
    {"capitalize", "format", "join", "lower", "lstrip", "removeprefix", "removesuffix", "rstrip", "split"}
    | {"splitlines", "strip", "title", "upper"}
)
_COMPARISONS: dict[type[ast.cmpop], Callable[[object, object], object]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda item, other: operator.contains(other, item),  # type: ignore[arg-type]  # a TypeError is caught
    ast.NotIn: lambda item, other: not operator.contains(other, item),  # type: ignore[arg-type]  # the same
}
_SYMBOLS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.BitAnd: "&", ast.BitOr: "|", ast.Div: "/", ast.Mod: "%", ast.Mult: "*", ast.Sub: "-",
    ast.Eq: "==", ast.NotEq: "!=", ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<=",
    ast.Invert: "~", ast.Not: "not", ast.USub: "-",
}  # fmt: skip
_BUILTINS: dict[str, Callable[..., object]] = {
    "enumerate": lambda *given: tuple(enumerate(*given)),
    "frozenset": tuple,
    "len": len,
    "list": tuple,
    "range": lambda *given: tuple(range(*given)) if len(range(*given)) <= LONGEST else UNKNOWN,
    "reversed": lambda given: tuple(reversed(given)),
    "set": tuple,
    "sorted": lambda given: tuple(sorted(given)),
    "str": str,
    "tuple": tuple,
    "zip": lambda *given: tuple(zip(*given, strict=False)),
}
# list('…') of a string and tuple(mapping) go through the same door; a wrong number of arguments is the file's own bug.
_REFUSALS = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)


def joined(left: object, symbol: ast.operator, right: object) -> object:
    """Return what `left + right` or `'…' % right` gives; of anything else, what it is made of."""
    try:
        for kind in (tuple, str, int) if isinstance(symbol, ast.Add) else ():
            if isinstance(left, kind) and isinstance(right, kind):
                return _bounded(operator.add(left, right))
        if isinstance(symbol, ast.Mod) and isinstance(left, str) and is_known(right) and not _WIDE.search(left):
            return _bounded(left % right)
        if isinstance(symbol, ast.BitOr) and isinstance(left, dict) and isinstance(right, dict):
            return left | right
    except _REFUSALS:
        return UNKNOWN
    return Mix((left, right), _SYMBOLS.get(type(symbol), ""))


def compared(left: object, symbol: ast.cmpop, right: object) -> object:
    """Return what a comparison of known values gives; of others, what it is made of."""
    if type(symbol) in _COMPARISONS and is_known(left) and is_known(right):
        try:
            return bool(_COMPARISONS[type(symbol)](left, right))
        except _REFUSALS:
            return UNKNOWN
    return Mix((left, right), _SYMBOLS.get(type(symbol), ""))


def negated(symbol: ast.unaryop, value: object) -> object:
    """Return what `not value`, `-value` or `~value` gives; of an unknown one, what it is made of."""
    if isinstance(symbol, ast.Not) and is_known(value):
        return not value
    if isinstance(symbol, ast.USub) and isinstance(value, int | float):
        return -value
    return Mix((value,), _SYMBOLS.get(type(symbol), ""))


def item(value: object, key: object) -> object:
    """Return what `value[key]` gives."""
    if isinstance(value, tuple | dict | str) and is_known(key):
        try:
            return value[key]  # type: ignore[index,call-overload]  # a TypeError is caught
        except _REFUSALS:
            return UNKNOWN
    return UNKNOWN


def called_method(value: object, name: str, arguments: Arguments) -> object:
    """Return what a method of a string, tuple or dict gives."""
    given = arguments.positional
    if arguments.is_open or not all(is_known(item) for item in arguments.all()):
        return _mapping_method(value, name) if not arguments.all() else UNKNOWN
    try:
        if isinstance(value, str) and name == "replace" and len(given) == 2:
            old, new = map(str, given)
            return value.replace(old, new) if len(new) <= len(old) else UNKNOWN
        if isinstance(value, str) and name in _TEXT_METHODS and not (name == "format" and _WIDE.search(value)):
            found = getattr(value, name)(*given, **arguments.keywords)
            return tuple(found) if isinstance(found, list) else _bounded(found)
    except _REFUSALS:
        return UNKNOWN
    if isinstance(value, dict) and name == "get" and given:
        return value.get(given[0], given[1] if len(given) > 1 else None)
    return _mapping_method(value, name)


def called_builtin(name: str, arguments: Arguments) -> object:
    """Return what a built-in function gives."""
    if name not in _BUILTINS or arguments.is_open or arguments.keywords:
        return UNKNOWN
    given = tuple(tuple(item) if isinstance(item, dict) else item for item in arguments.positional)
    if not all(isinstance(item, tuple) or is_known(item) for item in given) or (name == "str" and not is_known(given)):
        return UNKNOWN
    try:
        return _bounded(_BUILTINS[name](*given))
    except _REFUSALS:
        return UNKNOWN


def dedented(arguments: Arguments) -> object:
    """Return what `textwrap.dedent` gives."""
    text = arguments.first("text")
    return textwrap.dedent(text) if isinstance(text, str) else UNKNOWN


def _mapping_method(value: object, name: str) -> object:
    if isinstance(value, dict) and name in {"items", "keys", "values"}:
        return tuple(getattr(value, name)())
    return value if isinstance(value, tuple | dict) and name == "copy" else UNKNOWN


def _bounded(value: object) -> object:
    return UNKNOWN if isinstance(value, str | tuple) and len(value) > LONGEST else value
