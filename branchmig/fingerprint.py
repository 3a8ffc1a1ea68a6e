"""PURE. Whether two versions of a revision file do the same: comments, formatting and docstrings do not count."""

from __future__ import annotations

import ast
import hashlib
import warnings


def fingerprint(source: bytes) -> str:
    """Return a digest of what a revision file does; of its bytes where it is no Python.

    Two digests are comparable within one version of Python: the syntax tree changes between versions.
    """
    try:
        with warnings.catch_warnings():
            # A "\d" in somebody's script must neither print a warning nor, under -W error, become a SyntaxError.
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return hashlib.blake2b(source, digest_size=16).hexdigest()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            _drop_docstring(node)
    return hashlib.blake2b(ast.dump(tree).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _drop_docstring(node: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        # A body of nothing but a docstring does what `pass` does.
        node.body[:1] = [] if isinstance(node, ast.Module) or len(node.body) > 1 else [ast.Pass()]
