"""Drift, and which revisions a schema corresponds to, as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from branchmig.render.text import counted, rows_text

if TYPE_CHECKING:
    from branchmig.workflows.drift import DatabaseDrift, Drift
    from branchmig.workflows.identify import Identity

LONGEST = 160
_MARKS = {"added": "+", "missing": "-", "changed": "~"}


def drift_document(databases: Sequence[DatabaseDrift]) -> dict[str, Any]:
    """Return the JSON document."""
    return {
        "version": 1,
        "databases": [
            {"url": each.url, "heads": list(each.heads), "drift": [_entry(item) for item in each.drift]}
            for each in databases
        ],
    }


def _entry(item: Drift) -> dict[str, Any]:
    return {
        "kind": item.difference.kind,
        "object": item.difference.object,
        "detail": item.difference.detail,
        "revision": item.revision,
        "commit": item.commit,
        "author": item.author,
    }


def drift_lines(databases: Sequence[DatabaseDrift]) -> list[str]:
    """Return the lines for people: per database what is added, missing and changed, and whose it is."""
    lines: list[str] = []
    for each in databases:
        at = rows_text(each.heads)
        if not each.drift:
            lines.append(f"{each.url} at {at}: no drift")
        else:
            lines.append(f"{each.url} at {at}: {counted(len(each.drift), 'difference')}")
        lines += [f"  {_line(item)}" for item in each.drift]
        lines += [f"  not compared: {name} ({reason})" for name, reason in each.left_out]
        lines += [f"  note: {note}" for note in each.notes]
    return lines


def _line(item: Drift) -> str:
    difference = item.difference
    detail = difference.detail if len(difference.detail) <= LONGEST else f"{difference.detail[:LONGEST]}…"
    said = f"{_MARKS[difference.kind]} {difference.kind:7} {difference.object}" + (f": {detail}" if detail else "")
    if item.revision is None:
        return f"{said} (no revision's)"
    by = f", commit {item.commit[:10]}" if item.commit else ""
    by += f" by {item.author}" if item.author else ""
    return f"{said} (revision {item.revision}{by})"


def identity_document(found: Identity) -> dict[str, Any]:
    """Return the JSON document of `identify`."""
    closest = {"heads": list(found.closest), "differences": found.differences} if found.heads is None else None
    return {
        "version": 1,
        "url": found.url,
        "heads": None if found.heads is None else list(found.heads),
        "undecided": list(found.undecided),
        "closest": closest,
    }


def identity_lines(found: Identity) -> list[str]:
    """Return the lines for people."""
    if found.heads is None:
        number = counted(found.differences, "difference")
        return [f"{found.url}: no revisions of this checkout build it; {rows_text(found.closest)} is closest, {number}"]
    lines = [f"{found.url}: at {rows_text(found.heads)}"]
    if found.undecided:
        lines.append(f"  without an effect, so they may be applied or not: {', '.join(found.undecided)}")
    if found.heads:
        lines.append(f"  -> to record it: branchmig stamp {' '.join(found.heads)}")
    return lines
