"""A picture of the graph in Graphviz's language."""

from __future__ import annotations

from collections.abc import Iterator

from branchmig.model import Revision
from branchmig.planning.picture import Picture, first_line
from branchmig.render.chips import chips

_FILLS = {
    "applied": "#ddf4ff",
    "edited": "#fbefff",
    "orphan": "#ffebe9",
    "pending": "#fff8c5",
    "skipped": "#eaeef2",
}


def dot_lines(picture: Picture) -> Iterator[str]:
    """Yield the graph: the newest revision stands on top, lines lead from parent to child."""
    yield "digraph revisions {"
    yield "  rankdir=BT;"
    yield '  node [shape=box, style="rounded,filled", fillcolor="#ffffff", fontname="Helvetica", fontsize=11];'
    yield '  edge [color="#57606a", arrowsize=0.6];'
    for revision in picture.revisions:
        facts = ", ".join(f"{name}={value}" for name, value in _facts(picture, revision).items())
        yield f"  {quoted(revision.id)} [{facts}];"
    for edge in picture.edges():
        style = " [style=dotted, constraint=false]" if edge.kind == "dependency" else ""
        style = ' [label="…"]' if edge.skips else style
        yield f"  {quoted(edge.parent)} -> {quoted(edge.child)}{style};"
    yield "}"


def quoted(text: str) -> str:
    """Return a text as a string of the language; what is no letter of one line becomes a blank."""
    return '"' + first_line(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _facts(picture: Picture, revision: Revision) -> dict[str, str]:
    state = picture.states.get(revision.id)
    author = picture.authorships.get(revision.id)
    marks = [*([f"on {author.branch}"] if author is not None and author.branch else []), *picture.marks(revision.id)]
    marks += [state] if state else []
    done = list(chips(picture.effects[revision.id])) if revision.id in picture.effects else []
    lines = [picture.short_ids[revision.id], first_line(revision.message), ", ".join(marks), *done]
    # Between two strings \n is the language's own line break; what is in them is escaped.
    facts = {"label": '"' + "\\n".join(quoted(line)[1:-1] for line in lines if line) + '"'}
    if state in _FILLS:
        facts["fillcolor"] = f'"{_FILLS[state]}"'
    if revision.id in picture.added:
        facts |= {"color": '"#1a7f37"', "penwidth": "2"}
    if revision.id in picture.boundary:
        facts |= {"style": '"rounded,dashed"', "fontcolor": '"#6e7781"'}
    return facts
