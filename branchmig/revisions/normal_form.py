"""PURE. A revision file's syntax tree without what has no effect: what linters and formatters change.

Annotations, docstrings, the order of imports, unused imports of harmless modules, `from __future__`, a superfluous
`pass`, and the spelling of the header are left out. Whatever could have an effect stays.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Literal

from branchmig.revisions.bindings import Function, Import, assigned, bound_by, is_nothing, parameters
from branchmig.revisions.import_order import (
    HEADER,
    aliases,
    binds_constants,
    is_future,
    is_inspect,
    mentioned_names,
    order_imports,
    tree_nodes,
)
from branchmig.revisions.respelling import respell

_Scope = Literal["module", "function", "class"]

# Code that names these may read what is otherwise without effect.
_READS_ANNOTATIONS = frozenset({"__annotations__", "__annotate__", "get_annotations", "get_type_hints", "signature"})
_WITH_DOCSTRING = frozenset({ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef})
_WITHOUT_BLOCKS = frozenset({ast.Expr, ast.Assign, ast.Import, ast.ImportFrom, ast.Return, ast.Pass})
_BUILTIN_TYPES = frozenset(
    {"bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "set", "str"}
    | {"tuple", "type"}
)


def reduce_to_effect(tree: ast.Module) -> None:
    """Remove what has no effect from a tree. It is walked once: a run computes a digest for each of its steps."""
    nodes = tree_nodes(tree)
    if respell(tree, nodes):
        nodes = tree_nodes(tree)
    names = mentioned_names(nodes)
    if "__doc__" not in names:
        drop_docstrings(nodes)
    keeps_future = not names.isdisjoint(_READS_ANNOTATIONS) or any(map(is_inspect, nodes))
    dropped: list[ast.AST] = []
    if not keeps_future:
        futures = [alias.name for node in tree.body if is_future(node) for alias in node.names]
        keeps_future = not _drop_annotations(tree, dropped, is_deferred="annotations" in futures)
    nodes = _without(nodes, dropped) if ast.ClassDef not in map(type, nodes) else tree_nodes(tree)
    blocks = list(_blocks(tree))
    for block, _ in blocks:
        block[:] = _without_nothing(block, keeps_text="__doc__" in names)
    tree.body[:] = [node for node in tree.body if keeps_future or not is_future(node)]
    order_imports([block for block, _ in blocks], nodes)
    for block, name in blocks:
        block[:] = block or ([ast.Pass()] if name == "body" else [])
    _order_header(tree, nodes, [block for block, _ in blocks])


def drop_docstrings(nodes: Sequence[ast.AST]) -> None:
    """Remove the docstrings of some nodes."""
    for node in nodes:
        if type(node) in _WITH_DOCSTRING:
            assert isinstance(node, ast.Module | Function | ast.ClassDef)
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and _is_quoted(first.value):
                # A body of nothing but a docstring does what `pass` does.
                node.body[:1] = [] if isinstance(node, ast.Module) or len(node.body) > 1 else [ast.Pass()]


def _blocks(tree: ast.Module) -> Iterator[tuple[list[ast.stmt], str]]:
    """Yield every list of statements with its name, innermost ones included. Expressions, most of a tree, hold none."""
    waiting: list[ast.AST] = [tree]
    for node in waiting:
        for block, name in _blocks_of(node):
            waiting += block
            yield block, name
        waiting += _clauses_of(node)


def _without(nodes: list[ast.AST], dropped: Iterable[ast.AST]) -> list[ast.AST]:
    """Return the nodes that are still in the tree, once others have been dropped from it with all below them."""
    gone = {id(node) for each_node in dropped for node in tree_nodes(each_node)}
    return [node for node in nodes if id(node) not in gone] if gone else nodes


def _blocks_of(node: ast.AST) -> Iterator[tuple[list[ast.stmt], str]]:
    if type(node) in _WITHOUT_BLOCKS:
        return
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list) and (block or name == "body"):
            yield block, name


def _clauses_of(node: ast.AST) -> Sequence[ast.AST]:
    """Return the parts of a statement that hold statements and are none: `except` and `case`."""
    if isinstance(node, ast.Match):
        return node.cases
    return getattr(node, "handlers", ())


# --- annotations


def _drop_annotations(tree: ast.Module, dropped: list[ast.AST], *, is_deferred: bool) -> bool:
    """Remove the annotations without effect; return whether `from __future__ import annotations` has none either.

    `dropped` gets what is no longer in the tree.

    Those of a class's fields have an effect on dataclasses and models, and those of a decorated function on what its
    decorator makes of it. Where a name in one is not bound, evaluating it fails.
    """
    bound = _BUILTIN_TYPES | frozenset(_bound_at_top(tree))
    is_complete = True
    waiting: list[tuple[ast.AST, _Scope]] = [(tree, "module")]
    while waiting:
        node, scope = waiting.pop()
        if isinstance(node, Function):
            is_complete &= _drop_of_function(node, bound, dropped, is_deferred=is_deferred)
            scope = "function"
        elif isinstance(node, ast.ClassDef):
            is_complete &= _spell_optional(node, bound)
            scope = "class"
        if scope != "class":
            can_drop = is_deferred or scope == "function"
            for block, _ in _blocks_of(node):
                for at, statement in enumerate(block):
                    if isinstance(statement, ast.AnnAssign):
                        block[at] = _plain(statement, bound, dropped, is_deferred=can_drop, scope=scope)
                        is_complete &= not (scope == "module" and isinstance(block[at], ast.AnnAssign))
        inner = chain.from_iterable(block for block, _ in _blocks_of(node))
        waiting += [(child, scope) for child in (*inner, *_clauses_of(node))]
    return is_complete


def _drop_of_function(node: Function, bound: frozenset[str], dropped: list[ast.AST], *, is_deferred: bool) -> bool:
    """Remove what annotates a function's parameters and its result; return whether nothing was kept."""
    arguments = parameters(node.args)
    written = [annotation for annotation in (*(each.annotation for each in arguments), node.returns) if annotation]
    if not written:
        return True
    if node.decorator_list or not all(is_deferred or _is_inert(annotation, bound) for annotation in written):
        return False
    for argument in arguments:
        argument.annotation = None
    node.returns = None
    dropped += written
    return True


def _plain(
    node: ast.AnnAssign, bound: frozenset[str], dropped: list[ast.AST], *, is_deferred: bool, scope: _Scope
) -> ast.stmt:
    """Return an annotated assignment without its annotation; as it is if evaluating that may do something."""
    if not (is_deferred or _is_inert(node.annotation, bound)):
        return node
    if node.value is None and scope != "function" and not isinstance(node.target, ast.Name):
        return node
    dropped.append(node.annotation)
    if node.value is not None:
        return ast.Assign([node.target], node.value)
    if scope == "function":  # it makes the name a local variable
        return ast.AnnAssign(node.target, ast.Constant(None), None, node.simple)
    dropped.append(node.target)
    return ast.Pass()


def _is_inert(annotation: ast.expr, bound: frozenset[str]) -> bool:
    """Return whether evaluating an annotation does nothing."""
    for node in tree_nodes(annotation):
        if isinstance(node, ast.Name):
            if node.id not in bound:
                return False
        elif isinstance(node, ast.BinOp):
            # `"X" | None` raises TypeError.
            if not isinstance(node.op, ast.BitOr) or any(map(_is_quoted, (node.left, node.right))):
                return False
        elif not isinstance(node, ast.Attribute | ast.Subscript | ast.Constant | ast.Tuple | ast.List | ast.operator):
            return False
    return True


def _is_quoted(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _bound_at_top(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, Import):
            yield from (bound_by(alias) for alias in node.names)
        elif isinstance(node, Function | ast.ClassDef):
            yield node.name
        else:
            yield from (target.id for target in assigned(node) if isinstance(target, ast.Name))


def _spell_optional(node: ast.ClassDef, bound: frozenset[str]) -> bool:
    """Write `Optional[X]` and `Union[X, Y]` of a class's fields as `X | None` and `X | Y`.

    Return whether evaluating what annotates the fields does nothing.
    """
    fields = [statement for statement in node.body if isinstance(statement, ast.AnnAssign)]
    is_inert = all(_is_inert(field.annotation, bound) for field in fields)
    for field in fields:
        holder = ast.Tuple([field.annotation])
        for inner in list(ast.walk(holder)):
            for name, value in ast.iter_fields(inner):
                if isinstance(value, ast.expr):
                    setattr(inner, name, _as_union(value))
                elif isinstance(value, list):
                    value[:] = [_as_union(item) if isinstance(item, ast.expr) else item for item in value]
        field.annotation = holder.elts[0]
    return is_inert


def _as_union(node: ast.expr) -> ast.expr:
    if not isinstance(node, ast.Subscript):
        return node
    name = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
    parts = node.slice.elts if name == "Union" and isinstance(node.slice, ast.Tuple) else [node.slice]
    if name not in ("Optional", "Union") or any(map(_is_quoted, parts)):
        return node
    whole = parts[0]
    for part in [*parts[1:], *([ast.Constant(None)] if name == "Optional" else [])]:
        whole = ast.BinOp(whole, ast.BitOr(), part)
    return whole


# --- statements without effect


def _without_nothing(block: Iterable[ast.stmt], *, keeps_text: bool) -> list[ast.stmt]:
    """Leave out `pass`, `...` and other constants that stand alone; texts may be docstrings that something reads."""
    return [
        node
        for node in block
        if not is_nothing(node) or (keeps_text and isinstance(node, ast.Expr) and _is_quoted(node.value))
    ]


# --- the header


def _order_header(tree: ast.Module, nodes: Iterable[ast.AST], blocks: Iterable[Iterable[ast.stmt]]) -> None:
    """Put the header first, in one spelling, without the fields that say nothing."""
    bindings = Counter([*_stored(nodes), *map(bound_by, aliases(blocks))])
    header: dict[str, ast.Assign] = {}
    for node in tree.body:
        name = _header_name(node)
        if name and bindings[name] == 1 and isinstance(node, ast.Assign) and binds_constants(node):
            header[name] = node
    if not header:
        return
    body = [node for node in tree.body if node not in header.values()]
    for node in header.values():
        node.value = _spelled(node.value)
    says = [
        node
        for name, node in sorted(header.items())
        if name == "down_revision" or not (isinstance(node.value, ast.Constant) and node.value.value is None)
    ]
    tree.body[:] = [*says, *body]


def _header_name(node: ast.stmt) -> str | None:
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id if node.targets[0].id in HEADER else None
    return None


def _stored(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield each place but an import that binds or reads a name: one that is read must stay where it is."""
    for node in nodes:
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, Function | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Global):
            yield from node.names


def _spelled(value: ast.expr) -> ast.expr:
    """Return a field's value in one spelling: what alembic takes for the same is the same."""
    if isinstance(value, ast.Tuple | ast.List | ast.Set):
        if not value.elts:
            return ast.Constant(None)
        if len(value.elts) == 1 and _is_quoted(value.elts[0]):
            return value.elts[0]
        return value if isinstance(value, ast.Set) else ast.Tuple(value.elts)
    return value
