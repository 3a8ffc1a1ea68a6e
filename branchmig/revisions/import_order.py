"""PURE. The imports of a script, sorted and without the unused, where their order and presence have no effect."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeGuard

from branchmig.revisions.bindings import Import, bound_by

HEADER = frozenset({"revision", "down_revision", "branch_labels", "depends_on"})

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


def mentioned_names(nodes: Iterable[ast.AST]) -> set[str]:
    """Return every name that the nodes mention: variables, attributes, imported names, keyword arguments."""
    found: set[str] = set()
    for node in nodes:
        name = _MENTIONS.get(type(node))
        if name is not None:
            found.add(getattr(node, name))
    return found


def is_inspect(node: ast.AST) -> bool:
    """Return whether a node imports Python's inspect; sqlalchemy.inspect() reads no annotations."""
    if isinstance(node, ast.Import):
        return any(alias.name == "inspect" for alias in node.names)
    return isinstance(node, ast.ImportFrom) and node.module == "inspect"


def is_future(node: ast.stmt) -> TypeGuard[ast.ImportFrom]:
    """Return whether a statement imports from __future__."""
    return isinstance(node, ast.ImportFrom) and node.module == "__future__" and node.level == 0


def tree_nodes(tree: ast.AST) -> list[ast.AST]:
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


def order_imports(blocks: Sequence[list[ast.stmt]], nodes: Iterable[ast.AST]) -> None:
    """Sort each block of imports, one name each, and leave out those that nothing uses and that do nothing."""
    used = _used([*(node for node in nodes if not isinstance(node, ast.alias)), *aliases(blocks)])
    imported = frozenset(bound_by(alias) for alias in aliases(blocks))
    for block in blocks:
        result: list[ast.stmt] = []
        imports: list[Import] = []
        between: list[ast.stmt] = []
        for node in block:
            if isinstance(node, Import):
                imports.append(node)
            elif imports and binds_constants(node) and imported.isdisjoint(_targets(node)):
                between.append(node)
            else:
                result += [*_sorted_imports(imports, used), *between, node]
                imports, between = [], []
        block[:] = [*result, *_sorted_imports(imports, used), *between]


def aliases(blocks: Iterable[Iterable[ast.stmt]]) -> list[ast.alias]:
    """Return the names that the import statements of the blocks import."""
    return [alias for block in blocks for node in block if isinstance(node, Import) for alias in node.names]


def _used(nodes: Sequence[ast.AST]) -> frozenset[str] | None:
    """Return the names that something may read; None if that cannot be known."""
    if not mentioned_names(nodes).isdisjoint(_READS_NAMES):
        return None
    found = {node.id for node in nodes if isinstance(node, ast.Name)}
    for node in nodes:
        if isinstance(node, ast.Global | ast.Nonlocal):
            found.update(node.names)
        elif isinstance(node, ast.AnnAssign):
            # An annotation that was kept may name something within a string.
            texts = (each.value for each in ast.walk(node.annotation) if isinstance(each, ast.Constant))
            found.update(*(_words(text) for text in texts if isinstance(text, str)))
    return frozenset(found)


def _words(text: str) -> list[str]:
    return "".join(letter if letter.isidentifier() or letter.isdigit() else " " for letter in text).split()


def _sorted_imports(imports: Iterable[Import], used: frozenset[str] | None) -> list[ast.stmt]:
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
        if is_future(node) or not _is_unused(node, alias, used, run)
    ]
    names = Counter(bound_by(node.names[0]) for node in {_key(item): item for item in single}.values())
    # The last of two imports of one name wins, and nobody knows which names a star brings.
    if "*" in names or any(number > 1 for name, number in names.items() if not _is_submodule(name, single)):
        return [*single]
    return [node for _, node in sorted({_key(item): item for item in single}.items())]


def _is_submodule(name: str, imports: Iterable[Import]) -> bool:
    """Return whether every import of a name is of the kind `import name.part`, which do not replace each other."""
    return all(
        isinstance(item, ast.Import) and item.names[0].asname is None
        for item in imports
        if bound_by(item.names[0]) == name
    )


def _single(node: Import, alias: ast.alias) -> Import:
    alias = ast.alias(alias.name, None if alias.asname == alias.name else alias.asname)
    return ast.Import([alias]) if isinstance(node, ast.Import) else ast.ImportFrom(node.module, [alias], node.level)


def _key(node: Import) -> tuple[int, str, str, str]:
    module, level = (node.module or "", node.level) if isinstance(node, ast.ImportFrom) else ("", -1)
    return (level, module, node.names[0].name, node.names[0].asname or "")


def _is_unread(alias: ast.alias, used: frozenset[str] | None) -> bool:
    name = bound_by(alias)
    is_found = name == "*" or name in HEADER or name.startswith(("upgrade", "downgrade"))
    return not (is_found or used is None or name in used)


def _is_unused(node: Import, alias: ast.alias, used: frozenset[str] | None, run: frozenset[str]) -> bool:
    if not _is_unread(alias, used):
        return False
    if isinstance(node, ast.ImportFrom):
        module = node.module or ""
        is_class = alias.name[:1].isupper()  # a module within the package would run, too
        return node.level == 0 and (module.partition(".")[0] in HARMLESS or (module in run and is_class))
    return alias.name.partition(".")[0] in HARMLESS


def binds_constants(node: ast.stmt) -> bool:
    """Return whether a statement only gives names constant values."""
    if not isinstance(node, ast.Assign) or not all(isinstance(target, ast.Name) for target in node.targets):
        return False
    plain = ast.Constant | ast.Tuple | ast.List | ast.Set
    return all(isinstance(part, plain) for part in tree_nodes(node.value))


def _targets(node: ast.stmt) -> list[str]:
    return [item.id for item in getattr(node, "targets", ()) if isinstance(item, ast.Name)]
