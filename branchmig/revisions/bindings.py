"""PURE. Python's syntax tree as the readers of revision files need it: parsed quietly, and which names it binds."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator

UNPARSABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""ValueError was for NUL bytes before Python 3.11.4; the last two are for sources nested too deeply."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
Import = ast.Import | ast.ImportFrom


def parse_quietly(source: bytes | str) -> ast.Module:
    r"""Return the tree of a file. Raises one of UNPARSABLE; a "\d" in it prints no warning, and never raises one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def parsed(source: bytes) -> ast.Module | None:
    """Return the tree of a file as it is written; None if it is not Python."""
    try:
        return parse_quietly(source)
    except UNPARSABLE:
        return None


def assigned(node: ast.AST) -> list[ast.expr]:
    """Return the targets of an assignment, annotated or not; none of another statement."""
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AnnAssign) else []


def elements_of(value: ast.expr | None) -> list[ast.expr | None]:
    """Return the expressions in a tuple, a list or a set; else the expression itself."""
    return [*value.elts] if isinstance(value, ast.Tuple | ast.List | ast.Set) else [value]


def bound_by(alias: ast.alias) -> str:
    """Return the name that an imported name is bound to: `a` for `import a.b`."""
    return alias.asname or alias.name.partition(".")[0]


def parameters(given: ast.arguments) -> list[ast.arg]:
    """Return every parameter of a function."""
    starred = (argument for argument in (given.vararg, given.kwarg) if argument is not None)
    return [*given.posonlyargs, *given.args, *given.kwonlyargs, *starred]


def bound_within(top: ast.AST) -> Iterator[tuple[str, None, int]]:
    """Yield name and line of all that a node binds in the scope that it is in, with no value."""
    waiting = [top]  # not recursive: sources may be nested more deeply than Python calls
    while waiting:
        node = waiting.pop()
        name = bound_name(node)
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


def bound_name(node: ast.AST) -> str | None:
    """Return the name that a node binds or deletes itself."""
    return None if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) else name_of(node)


def name_of(node: ast.AST) -> str | None:
    """Return the name that a node reads or binds itself, not by a part of it."""
    match node:
        case ast.Name(id=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.alias():
            return bound_by(node)
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
    tree = parsed(source)
    found: set[str] = set()
    for node in () if tree is None else ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found |= {alias.name.rpartition(".")[2] for alias in names}
            case ast.ImportFrom(module=module, names=names):
                found |= {(module or "").rpartition(".")[2], *(alias.name for alias in names)}
            case ast.Constant(value=str(text)) if text.endswith(".py"):
                found.add(text.rpartition("/")[2][:-3])
    return frozenset(found)


def is_nothing(node: ast.stmt) -> bool:
    """Return whether a statement does nothing: `pass`, a docstring, `…`."""
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
