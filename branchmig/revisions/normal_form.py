"""PURE. A revision file's syntax tree without what has no effect: what linters and formatters change.

Annotations, docstrings, the order of imports, unused imports of harmless modules, `from __future__`, a superfluous
`pass`, and the spelling of the header are left out. Whatever could have an effect stays.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Literal, TypeGuard

from branchmig.revisions.respelling import respell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

HEADER = frozenset({"revision", "down_revision", "branch_labels", "depends_on"})

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Import = ast.Import | ast.ImportFrom
_Scope = Literal["module", "function", "class"]

# Code that names these may read what is otherwise without effect.
_READS_ANNOTATIONS = frozenset({"__annotations__", "__annotate__", "get_annotations", "get_type_hints", "signature"})
_READS_NAMES = frozenset({"__import__", "eval", "exec", "globals", "locals", "vars", "__all__", "__dict__", "modules"})
# Importing one of these changes nothing that a migration could notice. A fixed list: every version of Python, and
# every computer, must compute the same digest.
HARMLESS = frozenset(
    re.findall(
        r"\w+",
        """
    abc alembic argparse array ast asyncio base64 binascii bisect calendar cmath collections concurrent contextlib
    contextvars copy csv dataclasses datetime decimal difflib enum errno fnmatch fractions functools getpass glob
    hashlib heapq hmac html importlib inspect io ipaddress itertools json keyword logging math mimetypes numbers
    operator os pathlib pickle platform pprint queue random re secrets shlex shutil socket sqlalchemy sqlite3 sqlmodel
    statistics string struct subprocess sys tempfile textwrap threading time timeit traceback types typing
    typing_extensions unicodedata urllib uuid warnings weakref zlib zoneinfo
    """,
    )
)
_CONTEXTS = frozenset({ast.Load, ast.Store, ast.Del})
_LEAVES = frozenset({ast.Name, ast.Constant, ast.alias, ast.Pass, ast.Global, ast.Nonlocal})
_MENTIONS: dict[type, str] = {ast.Name: "id", ast.Attribute: "attr", ast.alias: "name"}
_WITH_DOCSTRING = frozenset({ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef})
_WITHOUT_BLOCKS = frozenset({ast.Expr, ast.Assign, ast.Import, ast.ImportFrom, ast.Return, ast.Pass})
_BUILTIN_TYPES = frozenset(
    {"bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "set", "str"}
    | {"tuple", "type"}
)


def reduce_to_effect(tree: ast.Module) -> None:
    """Remove what has no effect from a tree. It is walked once: a run computes a digest for each of its steps."""
    nodes = _nodes(tree)
    if respell(tree, nodes):
        nodes = _nodes(tree)
    mentioned = _mentioned(nodes)
    if "__doc__" not in mentioned:
        _drop_docstrings(nodes)
    keeps_future = not mentioned.isdisjoint(_READS_ANNOTATIONS) or any(map(_is_inspect, nodes))
    dropped: list[ast.AST] = []
    if not keeps_future:
        keeps_future = not _drop_annotations(tree, dropped, is_deferred=_takes_future_annotations(tree))
    nodes = _without(nodes, dropped) if ast.ClassDef not in map(type, nodes) else _nodes(tree)
    blocks = list(_blocks(tree))
    for block, _ in blocks:
        block[:] = _without_nothing(block, keeps_text="__doc__" in mentioned)
    tree.body[:] = [node for node in tree.body if keeps_future or not _is_future(node)]
    _order_imports([block for block, _ in blocks], nodes)
    for block, name in blocks:
        block[:] = block or ([ast.Pass()] if name == "body" else [])
    _order_header(tree, nodes, [block for block, _ in blocks])


def parsed(source: bytes) -> ast.Module | None:
    """Return the tree of a file as it is written; None if it is not Python."""
    try:
        with warnings.catch_warnings():
            # A "\\d" in a script must neither print a warning nor, under -W error, become a SyntaxError.
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def drop_docstrings(tree: ast.Module) -> None:
    """Remove every docstring of a tree."""
    _drop_docstrings(_nodes(tree))


def _drop_docstrings(nodes: Sequence[ast.AST]) -> None:
    for node in nodes:
        if type(node) in _WITH_DOCSTRING:
            assert isinstance(node, ast.Module | _Function | ast.ClassDef)
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and _is_text(first.value):
                # A body of nothing but a docstring does what `pass` does.
                node.body[:1] = [] if isinstance(node, ast.Module) or len(node.body) > 1 else [ast.Pass()]


def _is_text(node: ast.Constant) -> bool:
    return isinstance(node.value, str)


def _mentioned(nodes: Iterable[ast.AST]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        name = _MENTIONS.get(type(node))
        if name is not None:
            found.add(getattr(node, name))
    return found


def _is_inspect(node: ast.AST) -> bool:
    """Return whether a node imports Python's inspect; sqlalchemy.inspect() reads no annotations."""
    if isinstance(node, ast.Import):
        return any(alias.name == "inspect" for alias in node.names)
    return isinstance(node, ast.ImportFrom) and node.module == "inspect"


def _takes_future_annotations(tree: ast.Module) -> bool:
    return any(_is_future(node) and any(alias.name == "annotations" for alias in node.names) for node in tree.body)


def _is_future(node: ast.stmt) -> TypeGuard[ast.ImportFrom]:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__" and node.level == 0


def _blocks(tree: ast.Module) -> Iterator[tuple[list[ast.stmt], str]]:
    """Yield every list of statements with its name, innermost ones included. Expressions, most of a tree, hold none."""
    waiting: list[ast.AST] = [tree]
    for node in waiting:
        for block, name in _blocks_of(node):
            waiting += block
            yield block, name
        waiting += _clauses_of(node)


def _nodes(tree: ast.AST) -> list[ast.AST]:
    """Return what ast.walk() yields, but for the contexts of names; in a sixth of the time."""
    found = [tree]
    for node in found:
        if type(node) in _LEAVES:
            continue
        for name in node._fields:
            value = getattr(node, name, None)
            if type(value) is list:
                found += [item for item in value if isinstance(item, ast.AST)]
            elif isinstance(value, ast.AST) and type(value) not in _CONTEXTS:
                found.append(value)
    return found


def _without(nodes: list[ast.AST], dropped: Iterable[ast.AST]) -> list[ast.AST]:
    """Return the nodes that are still in the tree, once others have been dropped from it with all below them."""
    gone = {id(node) for each_node in dropped for node in _nodes(each_node)}
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
        if isinstance(node, _Function):
            is_complete &= _drop_of_function(node, bound, dropped, is_deferred=is_deferred)
            scope = "function"
        elif isinstance(node, ast.ClassDef):
            is_complete &= _spell_optional(node, bound)
            scope = "class"
        if scope != "class":
            can_drop = is_deferred or scope == "function"
            for block, _ in _blocks_of(node):
                block[:] = [
                    _plain(node, bound, dropped, is_deferred=can_drop, scope=scope)
                    if isinstance(node, ast.AnnAssign)
                    else node
                    for node in block
                ]
                is_complete &= not (scope == "module" and any(isinstance(node, ast.AnnAssign) for node in block))
        inner = chain.from_iterable(block for block, _ in _blocks_of(node))
        waiting += [(child, scope) for child in (*inner, *_clauses_of(node))]
    return is_complete


def _drop_of_function(node: _Function, bound: frozenset[str], dropped: list[ast.AST], *, is_deferred: bool) -> bool:
    """Remove what annotates a function's parameters and its result; return whether nothing was kept."""
    given = node.args
    arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    arguments += [argument for argument in (given.vararg, given.kwarg) if argument is not None]
    written = [argument.annotation for argument in arguments if argument.annotation] + (
        [node.returns] if node.returns else []
    )
    if not written:
        return True
    if node.decorator_list or not all(is_deferred or _is_inert(each_node, bound) for each_node in written):
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
    for node in _nodes(annotation):
        if isinstance(node, ast.Name):
            if node.id not in bound:
                return False
        elif isinstance(node, ast.BinOp):
            # `"X" | None` raises TypeError.
            if not isinstance(node.op, ast.BitOr) or any(
                _is_quoted(each_node) for each_node in (node.left, node.right)
            ):
                return False
        elif not isinstance(node, ast.Attribute | ast.Subscript | ast.Constant | ast.Tuple | ast.List | ast.operator):
            return False
    return True


def _is_quoted(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and _is_text(node)


def _bound_at_top(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, _Import):
            yield from (_bound_by(alias) for alias in node.names)
        elif isinstance(node, _Function | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (node.id for node in targets if isinstance(node, ast.Name))


def _spell_optional(node: ast.ClassDef, bound: frozenset[str]) -> bool:
    """Write `Optional[X]` and `Union[X, Y]` of a class's fields as `X | None` and `X | Y`.

    Return whether evaluating what annotates the fields does nothing.
    """
    fields = [each_node for each_node in node.body if isinstance(each_node, ast.AnnAssign)]
    is_inert = all(_is_inert(each_node.annotation, bound) for each_node in fields)
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
    if name not in ("Optional", "Union") or any(_is_quoted(each_node) for each_node in parts):
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
        if not isinstance(node, ast.Pass)
        and not (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and not (keeps_text and _is_text(node.value))
        )
    ]


# --- imports


def _order_imports(blocks: Sequence[list[ast.stmt]], nodes: Iterable[ast.AST]) -> None:
    """Sort each block of imports, one name each, and leave out those that nothing uses and that do nothing."""
    used = _used([*(node for node in nodes if not isinstance(node, ast.alias)), *_aliases(blocks)])
    imported = frozenset(_bound_by(alias) for alias in _aliases(blocks))
    for block in blocks:
        result: list[ast.stmt] = []
        imports: list[_Import] = []
        between: list[ast.stmt] = []
        for node in block:
            if isinstance(node, _Import):
                imports.append(node)
            elif imports and _binds_constants(node) and imported.isdisjoint(_targets(node)):
                between.append(node)
            else:
                result += [*_sorted_imports(imports, used), *between, node]
                imports, between = [], []
        block[:] = [*result, *_sorted_imports(imports, used), *between]


def _aliases(blocks: Iterable[Iterable[ast.stmt]]) -> list[ast.alias]:
    return [alias for block in blocks for node in block if isinstance(node, _Import) for alias in node.names]


def _used(nodes: Sequence[ast.AST]) -> frozenset[str] | None:
    """Return the names that something may read; None if that cannot be known."""
    if not _mentioned(nodes).isdisjoint(_READS_NAMES):
        return None
    found = {node.id for node in nodes if isinstance(node, ast.Name)}
    for node in nodes:
        if isinstance(node, ast.Global | ast.Nonlocal):
            found.update(node.names)
        elif isinstance(node, ast.AnnAssign):
            # An annotation that was kept may name something within a string.
            words = (each_node.value for each_node in ast.walk(node.annotation) if isinstance(each_node, ast.Constant))
            found.update(*(_words(word) for word in words if isinstance(word, str)))
    return frozenset(found)


def _words(text: str) -> list[str]:
    return "".join(letter if letter.isidentifier() or letter.isdigit() else " " for letter in text).split()


def _sorted_imports(imports: Iterable[_Import], used: frozenset[str] | None) -> list[ast.stmt]:
    imports = list(imports)
    # A module that something else is imported from runs in any case.
    run = frozenset(
        node.module or ""
        for node in imports
        if isinstance(node, ast.ImportFrom) and not node.level and not all(_is_unread(a, used) for a in node.names)
    )
    single = [
        _single(node, alias)
        for node in imports
        for alias in node.names
        if _is_future(node) or not _is_unused(node, alias, used, run)
    ]
    names = Counter(_bound_by(node.names[0]) for node in {_key(item): item for item in single}.values())
    # The last of two imports of one name wins, and nobody knows which names a star brings.
    if "*" in names or any(number > 1 for name, number in names.items() if not _is_submodule(name, single)):
        return [*single]
    return [node for _, node in sorted({_key(item): item for item in single}.items())]


def _is_submodule(name: str, imports: Iterable[_Import]) -> bool:
    """Return whether every import of a name is of the kind `import name.part`, which do not replace each other."""
    return all(
        isinstance(item, ast.Import) and item.names[0].asname is None
        for item in imports
        if _bound_by(item.names[0]) == name
    )


def _single(node: _Import, alias: ast.alias) -> _Import:
    alias = ast.alias(alias.name, None if alias.asname == alias.name else alias.asname)
    return ast.Import([alias]) if isinstance(node, ast.Import) else ast.ImportFrom(node.module, [alias], node.level)


def _key(node: _Import) -> tuple[int, str, str, str]:
    module, level = (node.module or "", node.level) if isinstance(node, ast.ImportFrom) else ("", -1)
    return (level, module, node.names[0].name, node.names[0].asname or "")


def _is_unread(alias: ast.alias, used: frozenset[str] | None) -> bool:
    name = _bound_by(alias)
    is_found = name == "*" or name in HEADER or name.startswith(("upgrade", "downgrade"))
    return not (is_found or used is None or name in used)


def _is_unused(node: _Import, alias: ast.alias, used: frozenset[str] | None, run: frozenset[str]) -> bool:
    if not _is_unread(alias, used):
        return False
    if isinstance(node, ast.ImportFrom):
        module = node.module or ""
        is_class = alias.name[:1].isupper()  # a module within the package would run, too
        return node.level == 0 and (module.partition(".")[0] in HARMLESS or (module in run and is_class))
    return alias.name.partition(".")[0] in HARMLESS


def _bound_by(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _binds_constants(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Assign) or not all(isinstance(each_node, ast.Name) for each_node in node.targets):
        return False
    plain = ast.Constant | ast.Tuple | ast.List | ast.Set
    return all(isinstance(each_node, plain) for each_node in _nodes(node.value))


def _targets(node: ast.stmt) -> list[str]:
    return [item.id for item in getattr(node, "targets", ()) if isinstance(item, ast.Name)]


# --- the header


def _order_header(tree: ast.Module, nodes: Iterable[ast.AST], blocks: Iterable[Iterable[ast.stmt]]) -> None:
    """Put the header first, in one spelling, without the fields that say nothing."""
    bindings = Counter([*_stored(nodes), *map(_bound_by, _aliases(blocks))])
    header: dict[str, ast.Assign] = {}
    for node in tree.body:
        name = _header_name(node)
        if name and bindings[name] == 1 and isinstance(node, ast.Assign) and _binds_constants(node):
            header[name] = node
    if not header:
        return
    body = [node for node in tree.body if node not in header.values()]
    for node in header.values():
        node.value = _spelled(node.value)
    says = [node for name, node in sorted(header.items()) if name == "down_revision" or not _is_none(node.value)]
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
        elif isinstance(node, _Function | ast.ClassDef):
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


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None
