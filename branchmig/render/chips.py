"""What a revision does in a few words each, for every drawing: `+ tasks.priority`, `title → name`, `⚠ locks orders`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from branchmig.planning.picture import first_line

if TYPE_CHECKING:
    from branchmig.effects.summary import Item, Summary

MARKS = {"add": "+ ", "drop": "\u2212 ", "alter": "~ ", "rename": "", "rows": "", "hazard": "⚠ ", "unread": "? "}
_ASCII = {"\u2212": "-", "→": "->", "⚠": "!"}


def chip(item: Item) -> str:
    """Return an item as one line of printable text."""
    allowed = " (allowed)" if item.allowed else ""
    return first_line(MARKS[item.kind] + item.text) + allowed


def in_ascii(text: str) -> str:
    """Return the text of a chip with signs that every terminal has."""
    for sign, plain in _ASCII.items():
        text = text.replace(sign, plain)
    return text


def chips(summary: Summary) -> dict[str, Item]:
    """Return the items by their text: what an upgrade does several times is there once."""
    found: dict[str, Item] = {}
    for item in summary.items:
        found.setdefault(chip(item), item)
    return found


def effects_entry(summary: Summary) -> dict[str, Any]:
    """Return all items for a JSON document."""
    changes = [
        {"kind": item.kind, "text": item.text, "what": item.what, "line": item.line, "table": item.table or None}
        for item in summary.items
        if item.kind not in ("hazard", "unread")
    ]
    hazards = [
        {
            "text": item.text,
            "what": item.what,
            "line": item.line,
            "table": item.table or None,
            "allowed": item.allowed or None,
        }
        for item in summary.items
        if item.kind == "hazard"
    ]
    unread = [
        {"text": item.text, "what": item.what, "line": item.line} for item in summary.items if item.kind == "unread"
    ]
    return {"changes": changes, "hazards": hazards, "unread": unread, "tables": list(summary.tables)}
