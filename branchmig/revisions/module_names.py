"""PURE. The places of a script that mean a name of its module, and the script with some of these names changed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from branchmig.errors import RevisionFileError
from branchmig.revisions.bindings import Function, bound_within, name_of, parameters

_NESTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_COMPREHENSION = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_BY_TEXT = frozenset({"eval", "exec", "globals", "locals", "vars"})
"""Functions that find names by their text, where a name that was changed would be missed."""


class ModuleNames:
    """What the names of one module mean, found without running it.

    `bound` are the names that the module binds itself, header fields included; `free` those that it uses and does not
    bind, builtins above all; `mentioned` every name in it, whatever it means there.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.bound = {name for node in tree.body for name, _, _ in bound_within(node)}
        self.mentioned: set[str] = set()
        self._places: dict[str, list[ast.AST]] = {}
        self._doubtful: set[str] = set()
        for node in tree.body:
            self._visit(node, (), frozenset())
        self.bound |= {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}
        self.free = frozenset(self._places) - self.bound

    @property
    def reads_by_text(self) -> str:
        """The function by which the module may find names by their text; empty where there is none."""
        return next(iter(sorted(_BY_TEXT & self.free)), "")

    def places(self, name: str) -> Sequence[ast.AST]:
        """Return the nodes that mean a name of the module."""
        return self._places.get(name, ())

    def rename(self, becomes: Mapping[str, str]) -> None:
        """Change names of the module in its tree. Raises RevisionFileError for one that may mean something else."""
        for old, new in becomes.items():
            if old in self._doubtful:
                raise RevisionFileError(f"{old!r} is a name of the module and of a class in it")
            if any(isinstance(node, ast.ClassDef) for node in self.places(old)) and self._is_in_a_text(old):
                raise RevisionFileError(f"a text in it names the class {old!r}, as of a relationship")
            for node in self.places(old):
                _set_name(node, old, new)

    def _is_in_a_text(self, name: str) -> bool:
        return any(isinstance(node, ast.Constant) and node.value == name for node in ast.walk(self.tree))

    def _visit(self, node: ast.AST, scopes: tuple[frozenset[str], ...], of_class: frozenset[str]) -> None:
        name = name_of(node)
        if name is not None:
            self._refer(name, node, scopes, of_class)
        match node:
            case ast.Global(names=names):
                for text in names:
                    self._places.setdefault(text, []).append(node)
            case ast.arg(arg=name):
                self.mentioned.add(name)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            body = node.body if isinstance(node.body, list) else [node.body]
            outer = [child for child in ast.iter_child_nodes(node) if child not in body]
            self._visit_all(outer, scopes, of_class)
            self._visit_all(body, (*scopes, frozenset(local_names(node))), frozenset())
        elif isinstance(node, ast.ClassDef):
            own = frozenset(name for statement in node.body for name, _, _ in bound_within(statement))
            self._visit_all([*node.decorator_list, *node.bases, *node.keywords], scopes, of_class)
            self._visit_all(node.body, scopes, own)
        elif isinstance(node, _COMPREHENSION):
            self._visit_comprehension(node, scopes, of_class)
        else:
            self._visit_all(ast.iter_child_nodes(node), scopes, of_class)

    def _visit_comprehension(
        self, node: _COMPREHENSION, scopes: tuple[frozenset[str], ...], of_class: frozenset[str]
    ) -> None:
        """Visit what a comprehension holds; what it goes through first is not within it."""
        first = node.generators[0].iter
        self._visit(first, scopes, of_class)
        inner = (*scopes, frozenset(name for each in node.generators for name in _stored(each.target)))
        parts: list[ast.AST] = [part for each in node.generators for part in (each.target, each.iter, *each.ifs)]
        parts += [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.comprehension)]
        self._visit_all([part for part in parts if part is not first], inner, frozenset())

    def _visit_all(
        self, nodes: Iterable[ast.AST], scopes: tuple[frozenset[str], ...], of_class: frozenset[str]
    ) -> None:
        for node in nodes:
            self._visit(node, scopes, of_class)

    def _refer(self, name: str, node: ast.AST, scopes: tuple[frozenset[str], ...], of_class: frozenset[str]) -> None:
        self.mentioned.add(name)
        if name in of_class:
            if isinstance(getattr(node, "ctx", None), ast.Load):
                self._doubtful.add(name)  # what is read before the class has it is the module's
        elif not any(name in scope for scope in scopes):
            self._places.setdefault(name, []).append(node)


def is_dispatcher(function: ast.stmt) -> bool:
    """Return whether a function only calls the one of a database: `globals()["upgrade_%s" % engine_name]()`.

    So alembic's template for several databases has it.
    """
    match function:
        case ast.FunctionDef(
            name=name,
            body=[*_, ast.Expr(ast.Call(ast.Subscript(ast.Call(ast.Name("globals")), key), args=[], keywords=[]))],
        ):
            texts = [node.value for node in ast.walk(key) if isinstance(node, ast.Constant)]
            is_alone = all(isinstance(node, ast.Expr) for node in function.body[:-1])
            return is_alone and any(isinstance(text, str) and text.startswith(f"{name}_") for text in texts)
    return False


def local_names(function: Function | ast.Lambda) -> set[str]:
    """Return the names that are local to a function: its parameters, and what it binds and does not declare global."""
    found = {argument.arg for argument in parameters(function.args)}
    if isinstance(function, ast.Lambda):
        return found
    found |= {name for node in function.body for name, _, _ in bound_within(node)}
    declared = {name for node in within(function) if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names}
    return found - declared


def within(function: Function) -> Iterator[ast.AST]:
    """Yield the nodes of a function's body without those of the functions and classes in it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _NESTED):
            waiting += ast.iter_child_nodes(node)


def renamed_text(text: str, becomes: Mapping[str, str]) -> str:
    """Return a module's text with other names for some of its own.

    Where each name stands is what ast says; where the text that this gives is not what the tree says, as in some
    f-strings before Python 3.12, the text is written again from the tree, without its comments.
    """
    names = ModuleNames(ast.parse(text))
    edits = [
        edit for old, new in becomes.items() for node in names.places(old) for edit in _edits(text, node, old, new)
    ]
    names.rename(becomes)
    changed = text
    for start, end, new in sorted(set(edits), reverse=True):
        changed = changed[:start] + new + changed[end:]
    try:
        is_right = ast.dump(ast.parse(changed)) == ast.dump(names.tree)
    except (SyntaxError, ValueError):
        is_right = False
    return changed if is_right else ast.unparse(ast.fix_missing_locations(names.tree))


def _stored(target: ast.expr) -> Iterator[str]:
    return (node.id for node in ast.walk(target) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))


def _set_name(node: ast.AST, old: str, new: str) -> None:
    match node:
        case ast.Name():
            node.id = new
        case ast.Global():
            node.names = [new if name == old else name for name in node.names]
        case ast.alias():
            if node.asname is None and "." in node.name:
                raise RevisionFileError(f"import {node.name} cannot be given another name")
            node.asname = new
        case ast.MatchMapping():
            node.rest = new
        case _:
            node.name = new  # type: ignore[attr-defined]  # all others that bind a name have one


def _edits(text: str, node: ast.AST, old: str, new: str) -> Iterator[tuple[int, int, str]]:
    """Yield where a name stands in the text, as far as that can be said of its node."""
    start, end = _span(text, node)
    piece = text[start:end]
    match node:
        case ast.Name():
            yield start, end, new
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            found = re.compile(rf"(?:async\s+)?(?:def|class)\s+({re.escape(old)})\b").match(piece)
            if found is not None:
                yield start + found.start(1), start + found.end(1), new
        case ast.alias():
            yield start, end, f"{node.name} as {new}"
        case ast.Global():
            for found in re.finditer(rf"\b{re.escape(old)}\b", piece):
                yield start + found.start(), start + found.end(), new


def _span(text: str, node: ast.AST) -> tuple[int, int]:
    lines = text.split("\n")
    first, last = node.lineno, node.end_lineno or node.lineno  # type: ignore[attr-defined]  # each is in the text

    def offset(line: int, column: int) -> int:
        before = sum(len(name) + 1 for name in lines[: line - 1])
        return before + len(lines[line - 1].encode()[:column].decode())

    return offset(first, node.col_offset), offset(last, node.end_col_offset)  # type: ignore[attr-defined]
