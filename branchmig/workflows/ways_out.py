"""What to do about scripts that collide: the file to edit, or the order to put them in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from branchmig.errors import BranchmigError
from branchmig.git.history import short_ref
from branchmig.project.project import Project, View
from branchmig.workflows.own_revisions import may_rebase

if TYPE_CHECKING:
    from branchmig.effects.footprint import Collision

REBASE = "put yours on top: branchmig rebase"


def way_out(project: Project, view: View, collisions: Sequence[Collision]) -> str:
    """Return what to do about collisions between revisions of a view, worst first.

    Where no order of two scripts works, a rebase helps as little as a merge: names the file to edit, which is the
    one that the target branch does not have. Names `rebase` only where it would find revisions to move.
    """
    ref = project.target_ref
    target = ref and short_ref(ref)
    landed = _landed(project, target)
    hopeless = next((collision for collision in collisions if collision.fails_both_ways), None)
    worst = hopeless or collisions[0]
    places = [place for place in (worst.ours, worst.theirs) if place is not None]
    own = [place for place in places if place.revision not in landed] if landed else []
    shown = [
        f"{project.shown_path(view.dag[place.revision].path or place.revision)}:{place.line}"
        for place in (own if len(own) == 1 else places)
    ]
    which = f"edit {shown[0]}" if len(shown) == 1 else f"edit one of {' and '.join(shown)}"
    because = f", which {target} does not have" if len(own) == 1 and len(places) == 2 else ""
    if hopeless is not None:
        return f"{which}{because}: no order of the two works"
    return f"{which}{because}" + (f"; or {REBASE}" if may_rebase(project, view.dag, target) else "")


def _landed(project: Project, target: str | None) -> frozenset[str]:
    """Return the target's revisions; none where it is not known, or cannot be read."""
    try:
        return project.ref_view(target).ids if target else frozenset()
    except BranchmigError:
        return frozenset()
