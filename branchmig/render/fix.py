"""The outcome of `branchmig fix`, or its obstacle, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from branchmig.model import ShownPath
from branchmig.render.conflicts import collision_document
from branchmig.render.proof import proof_lines

if TYPE_CHECKING:
    from branchmig.workflows.fix_branch import Fixed


def fix_document(fixed: Fixed) -> dict[str, Any]:
    """Return the whole answer."""
    is_done = not (fixed.is_stopped or fixed.is_nothing)
    action = "merge" if fixed.merges_onto and fixed.repair.action == "none" else fixed.repair.action
    return {
        "version": 1,
        "ok": not fixed.is_stopped,
        "action": action if is_done else "none",
        "revisions": list(fixed.repair.revisions) if is_done else [],
        "commit": fixed.commit,
        "conflicts": [collision_document(one) for one in fixed.repair.collisions] if fixed.is_stopped else [],
    }


def stopped_lines(fixed: Fixed, shown_path: ShownPath) -> Iterator[str]:
    """Return what the scripts collide over, and the proof where there is one."""
    repair = fixed.repair
    for one in repair.collisions:
        yield f"{one.level}: {one.object}"
        for place in (one.ours, one.theirs):
            if place is not None:
                yield f"    {shown_path((repair.paths or {})[place.revision])}:{place.line} ({place.revision})"
        yield f"    {one.reason}"
    yield from proof_lines(fixed.proof) if fixed.proof else ()
    yield f"Nothing was changed: the heads {', '.join(repair.heads)} collide over {', '.join(repair.objects)}."
