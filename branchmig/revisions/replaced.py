"""PURE. The ids that a squash names in its file: `replaces = ("…", …)`."""

from __future__ import annotations

import ast

from branchmig.revisions.bindings import assigned, parsed


def replaced_ids(source: bytes) -> tuple[str, ...]:
    """Return the ids in a file's literal `replaces = (…)`, its last; nothing where it has none."""
    if b"replaces" not in source:
        return ()
    tree = parsed(source)
    found: tuple[str, ...] = ()
    for node in () if tree is None else tree.body:
        if any(isinstance(target, ast.Name) and target.id == "replaces" for target in assigned(node)):
            found = _literal_ids(getattr(node, "value", None))
    return found


def _literal_ids(node: ast.expr | None) -> tuple[str, ...]:
    try:
        value = ast.literal_eval(node or ast.Constant(None))
    except (ValueError, TypeError):
        return ()
    ids = (value,) if isinstance(value, str) else value if isinstance(value, tuple | list | set) else ()
    return tuple(revision for revision in ids if isinstance(revision, str))
