"""PURE. The ids that a squash names in its file: `replaces = ("…", …)`."""

from __future__ import annotations

import ast


def replaced_ids(source: bytes) -> tuple[str, ...]:
    """Return the ids in a file's literal `replaces = (…)`, its last; nothing where it has none."""
    if b"replaces" not in source:
        return ()
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    found: tuple[str, ...] = ()
    for node in body:
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(node, ast.Name) and node.id == "replaces" for node in targets):
            found = _literal_ids(node.value)
    return found


def _literal_ids(node: ast.expr | None) -> tuple[str, ...]:
    try:
        value = ast.literal_eval(node or ast.Constant(None))
    except (ValueError, TypeError):
        return ()
    ids = (value,) if isinstance(value, str) else value if isinstance(value, tuple | list | set) else ()
    return tuple(revision for revision in ids if isinstance(revision, str))
