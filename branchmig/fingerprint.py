"""PURE. Whether two versions of a revision file do the same: comments, formatting and docstrings do not count."""

from __future__ import annotations

import ast
import hashlib
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT = "1:"
"""What a digest begins with. Digests are stored in databases: another way of writing the tree gets another number."""

# What later versions of Python add to the tree, and what says how a thing is written rather than what it does. `ctx`
# follows from the place of a name.
_HEADER = frozenset({"revision", "down_revision", "branch_labels", "depends_on"})
_LEFT_OUT = frozenset({"ctx", "kind", "type_comment", "type_ignores", "type_params"})


def fingerprint(source: bytes) -> str:
    """Return a digest of what a revision file does; of its bytes where it is no Python.

    It is the same in every version of Python that reads the file, so that it can be stored.
    """
    tree = _parsed(source)
    return _digest(source if tree is None else "".join(_dump(tree)).encode("ascii"))


def upgrade_fingerprint(source: bytes) -> str:
    """Return a digest of what the upgrade does: without downgrade(), and without what places it in the graph.

    That is its id, parents, dependencies and labels. So a downgrade() that was mended leaves it as it was.
    """
    tree = _parsed(source)
    if tree is None:
        return _digest(source)
    tree.body = [node for node in tree.body if not _is_beside_upgrade(node)]
    return _digest("".join(_dump(tree)).encode("ascii"))


def _is_beside_upgrade(node: ast.stmt) -> bool:
    if isinstance(node, ast.FunctionDef) and node.name == "downgrade":
        return True
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return bool(targets) and all(isinstance(one, ast.Name) and one.id in _HEADER for one in targets)


def git_blob(source: bytes) -> str:
    """Return the id that git gives a file of that content, computed as git does."""
    return hashlib.sha1(b"blob %d\0" % len(source) + source, usedforsecurity=False).hexdigest()


def _parsed(source: bytes) -> ast.Module | None:
    """Return the syntax tree without docstrings; None of what is no Python."""
    try:
        with warnings.catch_warnings():
            # A "\\d" in somebody's script must neither print a warning nor, under -W error, become a SyntaxError.
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            _drop_docstring(node)
    return tree


def _digest(content: bytes) -> str:
    return FORMAT + hashlib.blake2b(content, digest_size=16).hexdigest()


def _drop_docstring(node: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        # A body of nothing but a docstring does what `pass` does.
        node.body[:1] = [] if isinstance(node, ast.Module) or len(node.body) > 1 else [ast.Pass()]


def _dump(tree: ast.AST) -> Iterator[str]:
    """Write a tree down, in ASCII; ast.dump changes with Python's version. Not recursive: sources may nest deeply."""
    waiting: list[Any] = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, _Text):
            yield one
        elif isinstance(one, ast.AST):
            if isinstance(one, ast.JoinedStr):
                one.values = _joined(one.values)
            yield f"({type(one).__name__}"
            fields = [(name, getattr(one, name, None)) for name in one._fields if name not in _LEFT_OUT]
            waiting.append(_Text(")"))
            for name, value in reversed(fields):
                if value is not None and value != []:
                    waiting += (value, _Text(f" {name}="))
        elif isinstance(one, list):
            waiting.append(_Text("]"))
            waiting.extend(reversed(one))
            yield "["
        else:
            yield f"{_constant(one)},"


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


def _constant(value: object) -> str:
    # repr() of a string shows what this very Python's Unicode table calls printable; of a long number it refuses.
    return hex(value) if isinstance(value, int) and not isinstance(value, bool) else ascii(value)
