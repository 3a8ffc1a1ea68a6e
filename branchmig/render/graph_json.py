"""A picture of the graph as the JSON document that other programs build on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from branchmig.model import ShownPath
from branchmig.render.chips import effects_entry
from branchmig.render.documents import VERSION, revision_entry

if TYPE_CHECKING:
    from branchmig.planning.picture import Picture


def graph_document(picture: Picture, shown_path: ShownPath) -> dict[str, Any]:
    """Return revisions and edges, sorted by id; `state`, `git` and `effects` are null where nothing is known."""
    return {
        "version": VERSION,
        "at": picture.at,
        "merged_with": picture.merged_with,
        "revisions": [_entry(picture, revision_id, shown_path) for revision_id in sorted(picture.shown)],
        "edges": [
            {"parent": edge.parent, "child": edge.child, "kind": edge.kind, "skips": edge.skips}
            for edge in picture.edges()
        ],
        "unplaced": [{"kind": lost.kind, "name": lost.name, "reason": lost.reason} for lost in picture.unplaced],
    }


def _entry(picture: Picture, revision_id: str, shown_path: ShownPath) -> dict[str, Any]:
    author = picture.authorships.get(revision_id)
    git = None if author is None else {"branch": author.branch, "author": author.author, "commit": author.commit}
    return {
        **revision_entry(picture.dag, picture.dag[revision_id], shown_path),
        "state": picture.states.get(revision_id),
        "git": git,
        "added": revision_id in picture.added,
        "boundary": revision_id in picture.boundary,
        "effects": effects_entry(picture.effects[revision_id]) if revision_id in picture.effects else None,
        "unclear": revision_id in picture.unclear,
        "places": [
            {"kind": place.kind, "name": place.name, "beyond": place.beyond}
            for place in picture.places.get(revision_id, ())
        ],
    }
