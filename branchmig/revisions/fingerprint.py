"""PURE. Decides whether two versions of a revision file do the same, whatever linters and formatters changed."""

from __future__ import annotations

import ast
import hashlib
from functools import cache, lru_cache
from typing import Any

from branchmig.revisions.bindings import assigned, parsed
from branchmig.revisions.import_order import HEADER, tree_nodes
from branchmig.revisions.normal_form import drop_docstrings, reduce_to_effect

FORMAT = "2:"
"""What a digest begins with. Digests are stored in databases: another way of writing the tree gets another number."""

_EARLIER_FORMAT = "1:"
"""Digests of which annotations, imports and superfluous fields were a part; databases still hold them."""

# What later versions of Python add to the tree, and what says how a thing is written rather than what it does. `ctx`
# follows from the place of a name.
_LEFT_OUT = frozenset({"ctx", "kind", "type_comment", "type_ignores", "type_params"})


@lru_cache(maxsize=4096)  # the journal asks twice for each step, and a fleet's worker again for each target
def fingerprint(source: bytes) -> str:
    """Return a digest of what a revision file does; of its bytes where it is no Python.

    It is the same in every version of Python that reads the file, so that it can be stored.
    """
    return _digest(source, _reduced(parsed(source)))


def has_fingerprint(source: bytes, stored: str) -> bool | None:
    """Return whether a file does what a stored digest was computed of; None for a digest of an unknown format."""
    if stored.startswith(FORMAT):
        return fingerprint(source) == stored
    if not stored.startswith(_EARLIER_FORMAT):
        return None
    tree = parsed(source)
    if tree is not None:
        drop_docstrings(tree_nodes(tree))
    return _digest(source, tree, _EARLIER_FORMAT) == stored


def upgrade_fingerprint(source: bytes) -> str:
    """Return a digest of what the upgrade does: without downgrade(), and without what places it in the graph.

    That is its id, parents, dependencies and labels. So a corrected downgrade() leaves it as it was.
    """
    tree = parsed(source)
    if tree is not None:
        tree.body = [node for node in tree.body if not _is_beside_upgrade(node)]
    return _digest(source, _reduced(tree))


def module_fingerprint(source: bytes) -> str:
    """Return a digest of a module without comments and layout; of its bytes where it is no Python.

    Nothing else is left out: another module may use any name that this one imports, and its docstrings.
    """
    return _digest(source, parsed(source))


def _reduced(tree: ast.Module | None) -> ast.Module | None:
    if tree is not None:
        reduce_to_effect(tree)
    return tree


def _is_beside_upgrade(node: ast.stmt) -> bool:
    if isinstance(node, ast.FunctionDef) and node.name == "downgrade":
        return True
    targets = assigned(node)
    return bool(targets) and all(isinstance(target, ast.Name) and target.id in HEADER for target in targets)


def git_blob(source: bytes, like: str | None = None) -> str:
    """Return the id that git gives a file of that content, computed as git does.

    `like` is any object id of the repository, in full: one of 64 digits means that it uses SHA-256, not SHA-1.
    """
    content = b"blob %d\0" % len(source) + source
    if like is not None and len(like) == 64:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def _digest(source: bytes, tree: ast.Module | None, format_: str = FORMAT) -> str:
    content = source if tree is None else "".join(_dump(tree)).encode("ascii")
    return format_ + hashlib.blake2b(content, digest_size=16).hexdigest()


def _dump(tree: ast.AST) -> list[str]:
    """Write a tree down, in ASCII; ast.dump changes with Python's version. Not recursive: sources may nest deeply."""
    written: list[str] = []
    waiting: list[Any] = [tree]
    while waiting:
        item = waiting.pop()
        kind: type[Any] = type(item)
        if kind is _Text:
            written.append(item)
        elif kind is ast.Name:  # names and constants are most of a tree
            written.append(f"(Name id={item.id!a},)")
        elif kind is ast.Constant:
            written.append("(Constant)" if item.value is None else f"(Constant value={_constant(item.value)},)")
        elif isinstance(item, ast.AST):
            if isinstance(item, ast.JoinedStr):
                item.values = _joined(item.values)
            written.append(f"({kind.__name__}")
            waiting.append(_END)
            for name, text in _fields(kind):  # type: ignore[arg-type]  # a class is hashable
                value = getattr(item, name, None)
                if value is not None and value != []:
                    waiting += (value, text)
        elif kind is list:
            waiting.append(_END_OF_LIST)
            waiting.extend(reversed(item))
            written.append("[")
        else:
            written.append(f"{_constant(item)},")
    return written


@cache
def _fields(kind: Any) -> tuple[tuple[str, _Text], ...]:
    """Return the fields of a kind of node that are written down, last first, and what stands before each."""
    return tuple((name, _Text(f" {name}=")) for name in reversed(kind._fields) if name not in _LEFT_OUT)


def _joined(values: list[ast.expr]) -> list[ast.expr]:
    """Return the parts of an f-string, neighbouring texts as one and no empty ones: Python 3.12 has some."""
    parts: list[ast.expr] = []
    for value in values:
        last = parts[-1] if parts else None
        if not isinstance(value, ast.Constant):
            parts.append(value)
        elif isinstance(last, ast.Constant):
            parts[-1] = ast.Constant(f"{last.value!s}{value.value!s}")
        elif value.value != "":
            parts.append(value)
    return parts


class _Text(str):
    """What is written as it stands, beside the strings of the tree."""

    __slots__ = ()


_END, _END_OF_LIST = _Text(")"), _Text("]")


def _constant(value: object) -> str:
    # repr() of a string shows what this very Python's Unicode table calls printable; of a long number it refuses.
    return hex(value) if isinstance(value, int) and not isinstance(value, bool) else ascii(value)
