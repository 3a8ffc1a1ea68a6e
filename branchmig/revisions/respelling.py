"""PURE. One spelling for what pyupgrade and ruff rewrite: `timezone.utc` as `UTC`, and `format()` as an f-string."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from string import Formatter


def respell(tree: ast.Module, nodes: Sequence[ast.AST]) -> bool:
    """Give a tree, all of whose nodes are `nodes`, one spelling of each; return whether anything was changed."""
    modules = _names_of_datetime(nodes)
    named = any(isinstance(node, ast.alias) and node.name in ("datetime", "UTC") for node in nodes)
    called = any(isinstance(node, ast.Attribute) and node.attr == "format" for node in nodes)
    # Inner expressions first: an argument of format() may hold another one.
    holders = list(reversed(list(ast.walk(tree)))) if named or called else []
    for node in holders:
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.expr):
                setattr(node, name, _respelled(value, modules))
            elif isinstance(value, list):
                value[:] = [_respelled(item, modules) if isinstance(item, ast.expr) else item for item in value]
    for imported in nodes if "UTC" in modules else ():
        if isinstance(imported, ast.ImportFrom) and imported.module == "datetime":
            for alias in imported.names:
                alias.name = "timezone" if alias.name == "UTC" and alias.asname is None else alias.name
    return bool(holders)


def _names_of_datetime(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """Return what names the module datetime, and `UTC` where that is imported from it and bound nowhere else."""
    bound = [node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)]
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.asname or alias.name for alias in node.names if alias.name == "datetime"}
        elif isinstance(node, ast.ImportFrom) and node.module == "datetime" and node.level == 0:
            found |= {alias.name for alias in node.names if alias.name == "UTC" and alias.asname is None}
    return frozenset() if {"UTC", "timezone", *found}.intersection(bound) else frozenset(found)


def _respelled(node: ast.expr, modules: frozenset[str]) -> ast.expr:
    match node:
        case ast.Name(id="UTC", ctx=ast.Load()) if "UTC" in modules:
            return ast.Attribute(ast.Name("timezone", ast.Load()), "utc", ast.Load())
        case ast.Attribute(value=ast.Name(id=name) as module, attr="UTC") if name in modules:
            return ast.Attribute(ast.Attribute(module, "timezone", ast.Load()), "utc", ast.Load())
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(form)), attr="format")):
            return _as_f_string(form, node) or node
    return node


def _as_f_string(form: str, call: ast.Call) -> ast.JoinedStr | None:
    """Return the f-string that does what a call of format() does; None where the two may differ."""
    given = {str(number): value for number, value in enumerate(call.args)}
    given |= {keyword.arg or "**": keyword.value for keyword in call.keywords}
    used: list[str] = []
    try:
        parts = list(_parts(form, given, used))
    except (ValueError, KeyError):
        return None
    # An f-string evaluates what it shows where it shows it, and nothing else.
    is_plain = all(isinstance(value, ast.Name | ast.Constant) for value in given.values())
    return ast.JoinedStr(parts) if used == list(given) or (is_plain and used) else None


def _parts(form: str, given: dict[str, ast.expr], used: list[str]) -> Iterator[ast.expr]:
    text = ""
    automatic = count()
    for before, name, width, conversion in _joined(form):
        text += before
        if name is None:
            continue
        if text:
            yield ast.Constant(text)
        text = ""
        key = name or str(next(automatic))
        if "{" in (width or "") or isinstance(given[key], ast.Starred):
            raise ValueError(form)
        used.append(key)
        shown = ast.JoinedStr([ast.Constant(width)]) if width else None
        yield ast.FormattedValue(given[key], ord(conversion) if conversion else -1, shown)
    if text:
        yield ast.Constant(text)


def _joined(form: str) -> Iterator[tuple[str, str | None, str | None, str | None]]:
    """Yield the parts of a format as string.Formatter does; `{{` begins no part of its own."""
    text = ""
    for before, name, width, conversion in Formatter().parse(form):
        text += before
        if name is not None:
            yield text, name, width, conversion
            text = ""
    yield text, None, None, None
