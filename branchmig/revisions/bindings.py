"""PURE. The names that a part of a module binds at module level."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator


def bound_within(top: ast.AST) -> Iterator[tuple[str, None, int]]:
    """Yield name and line of all that a node binds in the scope that it is in, with no value."""
    waiting = [top]  # not recursive: sources may be nested more deeply than Python calls
    while waiting:
        node = waiting.pop()
        name = _bound_name(node)
        if name is not None:
            yield name, None, node.lineno  # type: ignore[attr-defined]  # all that binds a name has a line
        waiting.extend(_children_in_module_scope(node))


def walrus_names(node: ast.AST) -> Iterator[str]:
    """Yield what `:=` binds in a statement; nothing of a function or class."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return
    for each_node in ast.walk(node):
        if isinstance(each_node, ast.NamedExpr) and isinstance(each_node.target, ast.Name):
            yield each_node.target.id


def _bound_name(node: ast.AST) -> str | None:
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            return name
        case ast.alias(name=name, asname=asname):
            return asname or name.partition(".")[0]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.ExceptHandler(name=name) | ast.MatchAs(name=name) | ast.MatchStar(name=name):
            return name
        case ast.MatchMapping(rest=name):
            return name
    return None


def _children_in_module_scope(node: ast.AST) -> Iterable[ast.AST]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            returns = [node.returns] if node.returns else []
            return [*node.decorator_list, node.args, *returns]
        case ast.Lambda():
            return [node.args]
        case ast.ClassDef():
            return [*node.decorator_list, *node.bases, *node.keywords]
        case ast.comprehension():
            return [node.iter, *node.ifs]
    return ast.iter_child_nodes(node)


def imported_files(source: bytes) -> frozenset[str]:
    """Return the last names of the modules that a script imports, and of the `.py` files that it names in a string."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    found: set[str] = set()
    for node in nodes:
        match node:
            case ast.Import(names=names):
                found |= {alias.name.rpartition(".")[2] for alias in names}
            case ast.ImportFrom(module=module, names=names):
                found |= {(module or "").rpartition(".")[2], *(alias.name for alias in names)}
            case ast.Constant(value=str(text)) if text.endswith(".py"):
                found.add(text.rpartition("/")[2][:-3])
    return frozenset(found)
