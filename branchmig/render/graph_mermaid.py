"""A picture of the graph as a mermaid flowchart, as pull requests on GitHub and GitLab draw it."""

from __future__ import annotations

from collections.abc import Iterator

from branchmig.model import Revision
from branchmig.planning.picture import Picture, first_line
from branchmig.render.chips import chips

MOST_EDGES, MOST_LETTERS = 500, 50_000
"""Mermaid draws no chart with more lines or of a longer text, unless its page is set up to."""

# Colours that can be read on a light and on a dark page, each with its own text.
_CLASSES = {
    "added": "fill:#dafbe1,stroke:#1a7f37,stroke-width:2px,color:#0a3d17",
    "applied": "fill:#ddf4ff,stroke:#0969da,color:#032f62",
    "boundary": "fill:none,stroke:#8c959f,stroke-dasharray:3 3",
    "edited": "fill:#fbefff,stroke:#8250df,color:#3e1f79",
    "orphan": "fill:#ffebe9,stroke:#cf222e,color:#82071e",
    "pending": "fill:#fff8c5,stroke:#9a6700,color:#4d2d00",
    "skipped": "fill:#eaeef2,stroke:#6e7781,color:#24292f",
}


def mermaid_lines(picture: Picture) -> Iterator[str]:
    """Yield the chart, without the fence that Markdown puts around it; the newest revision stands on top."""
    names = {revision_id: f"r{number}" for number, revision_id in enumerate(picture.shown)}
    yield "flowchart BT"
    for revision in picture.revisions:
        yield f'  {names[revision.id]}["{_label(picture, revision)}"]'
    for edge in picture.edges():
        arrow = "-.->" if edge.kind == "dependency" else "-->|…|" if edge.skips else "-->"
        yield f"  {names[edge.parent]} {arrow} {names[edge.child]}"
    members: dict[str, list[str]] = {}
    for revision_id in picture.shown:
        for name in _classes(picture, revision_id):
            members.setdefault(name, []).append(names[revision_id])
    for name in sorted(members):
        yield f"  classDef {name} {_CLASSES[name]}"
        yield f"  class {','.join(members[name])} {name}"


def _label(picture: Picture, revision: Revision) -> str:
    author = picture.authorships.get(revision.id)
    state = picture.states.get(revision.id)
    marks = [*([f"on {author.branch}"] if author is not None and author.branch else []), *picture.marks(revision.id)]
    marks += ["orphan"] if state == "orphan" else []
    done = list(chips(picture.effects[revision.id])) if revision.id in picture.effects else []
    lines = [picture.short_ids[revision.id], first_line(revision.message), " · ".join(marks), *done]
    return "<br/>".join(escaped(first_line(line)) for line in lines if line)


def escaped(text: str) -> str:
    """Return text as mermaid shows it: all that is neither a letter, a digit nor harmless becomes a numbered entity.

    Mermaid reads quotes, brackets, HTML and Markdown in a label, `#` begins its entities, and the ligature is what it
    writes in the place of one meanwhile.
    """
    return "".join(name if _is_harmless(name) else f"#{ord(name)};" for name in text)


def _is_harmless(letter: str) -> bool:
    return (letter.isalnum() and letter != "\ufb02") or letter in " .,:·/_+-"


def _classes(picture: Picture, revision_id: str) -> list[str]:
    """Return how a revision is painted: one way, as a second would only paint the first one over."""
    if revision_id in picture.boundary:
        return ["boundary"]
    if revision_id in picture.added:
        return ["added"]
    state = picture.states.get(revision_id)
    return [state] if state in _CLASSES else []
