"""PURE. From the text of a revision file: whether its downgrade does anything, and whether it says that it cannot."""

from __future__ import annotations

import ast
import re

IRREVERSIBLE = "# branchmig: irreversible"

_IRREVERSIBLE_LINE = re.compile(rb"#\s*branchmig:\s*irreversible\b")


def is_irreversible(source: bytes) -> bool:
    """Return whether the file says that its revision cannot be undone: a comment `# branchmig: irreversible`."""
    return _IRREVERSIBLE_LINE.search(source) is not None


def is_downgrade_forgotten(source: bytes) -> bool:
    """Return whether downgrade() is empty (`pass`, a docstring, `…`) or missing although upgrade() does something."""
    try:
        functions = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    except SyntaxError:
        return False  # running it says so, and where
    upgrade, downgrade = functions.get("upgrade"), functions.get("downgrade")
    if upgrade is None or _is_empty(upgrade):
        return False
    return downgrade is not None and _is_empty(downgrade)


def _is_empty(function: ast.FunctionDef) -> bool:
    return all(
        isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in function.body
    )
