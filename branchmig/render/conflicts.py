"""Objects that two sides both touch, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from branchmig.model import ShownPath
from branchmig.render.proof import proof_document
from branchmig.render.text import counted

if TYPE_CHECKING:
    from branchmig.effects.footprint import Collision, Place
    from branchmig.effects.proof import Proof
    from branchmig.workflows.conflicts import Comparison


MOST_SHOWN = 50
"""Findings of one level that are shown in text; JSON has all."""


def conflict_lines(comparison: Comparison, shown_path: ShownPath) -> Iterator[str]:
    """A block for each finding, worst first, and a line that counts them."""
    shown: Counter[str] = Counter()
    for collision in comparison.collisions:
        shown[collision.level] += 1
        if shown[collision.level] > MOST_SHOWN:
            continue
        yield f"{collision.level}: {collision.object}"
        reason = collision.reason
        for side, place, path in comparison.sides(collision):
            yield f"    {side:6}  {shown_path(path)}:{place.line} ({place.revision})"
            reason = reason.replace(path, shown_path(path))
        yield f"    {reason}"
        yield ""
    hidden = sum(max(0, number - MOST_SHOWN) for number in shown.values())
    if hidden:
        yield f"and {hidden} more; --format json has all"
    yield _summary(comparison)


def conflicts_document(comparison: Comparison, proof: Proof | None = None) -> dict[str, Any]:
    """The same, whole; `proof` is filled in where both orders were run."""
    return {
        "version": 1,
        "base": list(comparison.base),
        "ours": list(comparison.ours),
        "theirs": list(comparison.theirs),
        "conflicts": [collision_document(collision) for collision in comparison.collisions],
        "proof": proof_document(proof),
    }


def collision_document(collision: Collision) -> dict[str, Any]:
    """Return one finding as an entry of `conflicts`."""
    return {
        "level": collision.level,
        "object": collision.object,
        "ours": _place(collision.ours),
        "theirs": _place(collision.theirs),
        "reason": collision.reason,
    }


def _place(place: Place | None) -> dict[str, Any]:
    # Both keys stand there also for the side that an opaque finding does not speak of.
    return {"revision": place and place.revision, "line": place and place.line}


def _summary(comparison: Comparison) -> str:
    if comparison.merges:
        number = counted(len({*comparison.ours, *comparison.theirs}), "revision")
        noun = "merge revision" if len(comparison.merges) == 1 else "merge revisions"
        sides = f"{number} below {noun} {', '.join(comparison.merges)}"
    else:
        ours = f"{counted(len(comparison.ours), 'revision')} of {comparison.our_name}"
        sides = f"{ours}, {len(comparison.theirs)} of {comparison.their_name}"
    since = f", since {', '.join(comparison.base)}" if comparison.base else ""
    levels = [collision.level for collision in comparison.collisions]
    if not comparison.pairs and not levels:
        return f"nothing to compare: {sides}{since}"
    if not levels:
        return f"no conflicts: {sides}{since}"
    counts = [
        counted(levels.count("conflict"), "conflict"),
        f"{levels.count('order')} where the order matters",
        f"{levels.count('opaque')} that cannot be read",
    ]
    return f"{', '.join(counts)}: {sides}{since}"
