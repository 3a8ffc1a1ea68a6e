"""PURE. The groups in which the help lists the commands, by what people do with them; knows no command's code."""

from __future__ import annotations

from collections.abc import Collection

GROUPS: dict[str, tuple[str, ...]] = {
    "Everyday": ("status", "revision", "upgrade", "downgrade", "current", "heads", "history", "show", "edit"),
    "Two branches": ("conflicts", "forecast", "fix", "merge", "rebase", "train", "squash"),
    "The database follows git": ("switch", "sync", "kept", "fresh", "states", "pins"),
    "Before you deploy": ("guard", "verify", "check", "compat", "report"),
    "Look back": ("graph", "branches", "audit", "drift", "identify", "repair", "stamp"),
    "Many databases": ("fleet",),
    "Set up": ("adopt", "init", "list_templates", "ensure_version", "hooks", "completion", "help"),
}
"""Title to commands, in the order of the help. A command that does not exist yet may have its place already."""

OTHERS = "Others"
"""The title of the commands that no group names."""


def grouped(names: Collection[str]) -> list[tuple[str, list[str]]]:
    """Return the titles with those of the commands that exist; a command without a group comes under OTHERS."""
    placed = {name for group in GROUPS.values() for name in group}
    groups = [(title, [name for name in group if name in names]) for title, group in GROUPS.items()]
    groups.append((OTHERS, sorted(set(names) - placed)))
    return [(title, group) for title, group in groups if group]
