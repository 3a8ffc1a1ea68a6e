"""Pins as lines of text, and as the JSON document of `branchmig pins`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from branchmig.render.documents import VERSION
from branchmig.render.text import counted

if TYPE_CHECKING:
    from branchmig.git.pins import Pin


def pin_lines(pins: Iterable[Pin]) -> Iterator[str]:
    """Each pin: its database, since when and by which commit, and its revisions with path and origin."""
    for pin in pins:
        yield pin.database or f"{pin.ref} (written by another version of branchmig, or not by it)"
        if pin.database:
            yield f"  {counted(len(pin.revisions), 'revision')}, {pin.when}, commit {pin.commit[:10]}"
        for revision_id, kept in sorted(pin.kept.items()):
            author = f"by {kept.author}" if kept.author else ""
            origin = ", ".join(part for part in (kept.branch, author) if part)
            yield f"  {revision_id}  {kept.path}{f'  ({origin})' if origin else ''}"


def pins_document(pins: Sequence[Pin]) -> dict[str, Any]:
    """The pins, by ref."""
    entries = [
        {
            "ref": pin.ref,
            "database": pin.database,
            "commit": pin.commit,
            "when": pin.when,
            "revisions": list(pin.revisions),
        }
        for pin in pins
    ]
    return {"version": VERSION, "pins": entries}
