"""PURE. From the text of a revision file: whether its downgrade does anything, and whether it says that it cannot."""

from __future__ import annotations

import ast
import re

from branchmig.revisions.waivers import EMPTY_DOWNGRADE, reason_for

IRREVERSIBLE = "# branchmig: irreversible"
EMPTY = "has an empty downgrade()"
FORGOTTEN = (
    f"downgrade() is empty, upgrade() is not; write it, or say '{IRREVERSIBLE}' or, if there is nothing to undo, "
    f"'# branchmig: allow {EMPTY_DOWNGRADE}: REASON'"
)

_IRREVERSIBLE_LINE = re.compile(rb"#\s*branchmig:\s*irreversible\b")


def is_irreversible(source: bytes) -> bool:
    """Return whether the file says that its revision cannot be undone: a comment `# branchmig: irreversible`."""
    return _IRREVERSIBLE_LINE.search(source) is not None


def is_downgrade_forgotten(source: bytes) -> bool:
    """Return whether downgrade() is empty (`pass`, a docstring, `…`) although upgrade() does something.

    `# branchmig: allow empty-downgrade: reason` says that this is intended.
    """
    return is_downgrade_empty(source) and reason_for(source, EMPTY_DOWNGRADE) is None


def is_downgrade_empty(source: bytes) -> bool:
    """Return whether downgrade() is empty although upgrade() does something, be that intended or not."""
    try:
        functions = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    except SyntaxError:
        return False  # running it says so, and where
    upgrade, downgrade = functions.get("upgrade"), functions.get("downgrade")
    if upgrade is None or _is_empty(upgrade):
        return False
    return downgrade is not None and _is_empty(downgrade)


def downgrade_obstacle(source: bytes) -> str | None:
    """Return why a revision cannot be undone by its downgrade(), in words that follow its name; None if it can.

    An empty downgrade() of an upgrade() that does something is an obstacle, and so is one that can only raise.
    """
    if is_irreversible(source):
        return f"says that it cannot be undone ({IRREVERSIBLE})"
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError):
        return "does not compile"
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    downgrade = functions.get("downgrade")
    if downgrade is None:
        return None if "downgrade" in _bound_otherwise(module) else "has no downgrade()"
    for node in downgrade.body:
        # What stands at the top of the function is reached, unless it has returned before.
        if isinstance(node, ast.Raise):
            return f"has a downgrade() that raises {_raised(node)}"
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant) and not node.test.value:
            return "has a downgrade() that raises AssertionError"
        if any(isinstance(each_node, ast.Return) for each_node in ast.walk(node)):
            break
    return EMPTY if is_downgrade_forgotten(source) else None


def _bound_otherwise(module: ast.Module) -> set[str]:
    """Return the names that a module imports, assigns, or defines within an `if` or a `try`."""
    found: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.alias):
            found.add(node.asname or node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef):
            found.add(node.name)
    return found


def _raised(node: ast.Raise) -> str:
    raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    return ast.unparse(raised) if raised is not None else "an error"


def _is_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.Return):
        return node.value is None or isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _is_empty(function: ast.FunctionDef) -> bool:
    return all(_is_nothing(node) for node in function.body)
