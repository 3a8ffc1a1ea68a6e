"""PURE. From the text of a revision file: whether its downgrade does anything, and whether it says that it cannot."""

from __future__ import annotations

import ast
import re

from branchmig.revisions.bindings import bound_name, is_nothing, parsed
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
    module = parsed(source)
    if module is None:
        return False  # running it says so, and where
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
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
    module = parsed(source)
    if module is None:
        return "does not compile"
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    downgrade = functions.get("downgrade")
    if downgrade is None:
        # It may be imported, assigned, or defined within an `if` or a `try`.
        return None if "downgrade" in map(bound_name, ast.walk(module)) else "has no downgrade()"
    for node in downgrade.body:
        # What stands at the top of the function is reached, unless it has returned before.
        if isinstance(node, ast.Raise):
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            return f"has a downgrade() that raises {ast.unparse(raised) if raised is not None else 'an error'}"
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant) and not node.test.value:
            return "has a downgrade() that raises AssertionError"
        if any(isinstance(part, ast.Return) for part in ast.walk(node)):
            break
    return EMPTY if is_downgrade_forgotten(source) else None


def _is_empty(function: ast.FunctionDef) -> bool:
    ends = (node for node in function.body if not is_nothing(node))
    return all(isinstance(node, ast.Return) and isinstance(node.value, ast.Constant | None) for node in ends)
