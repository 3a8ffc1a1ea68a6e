"""A picture of the graph as one SVG image, in colours that follow the viewer's light or dark theme."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import pairwise

from branchmig.planning.lanes import COLOURS, Row, lay_out
from branchmig.planning.picture import Picture, first_line
from branchmig.render.chips import chips
from branchmig.render.strokes import Stroke, strokes

ROW, LANE, MARGIN = 28, 18, 16
"""Pixels: the height of a row, the width of a lane, the space around all."""

_LETTER = 7.4  # about as wide as a letter of the text is

_STYLE = """\
svg{background:#fff;font:13px ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
text{fill:#1f2328}.id{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:12px;fill:#57606a}
.mark{font-weight:600;fill:#0969da}.quiet{fill:#59636e}.line{fill:none;stroke-width:2;stroke-linecap:round}
.needs{stroke-dasharray:1 5}.node{stroke-width:2}.added{fill:none;stroke:#1a7f37;stroke-width:2}
.pending,.skipped{fill:#fff}.skipped{stroke-dasharray:2 2}.orphan{fill:#cf222e;stroke:#cf222e}
.c0{stroke:#0969da}.c1{stroke:#8250df}.c2{stroke:#1a7f37}.c3{stroke:#bf5700}
.c4{stroke:#0e7c86}.c5{stroke:#bf3989}
.f0{fill:#0969da}.f1{fill:#8250df}.f2{fill:#1a7f37}.f3{fill:#bf5700}
.f4{fill:#0e7c86}.f5{fill:#bf3989}
@media(prefers-color-scheme:dark){svg{background:#0d1117}text{fill:#e6edf3}.id{fill:#9198a1}.mark{fill:#58a6ff}
.quiet{fill:#9198a1}.added{stroke:#3fb950}.pending,.skipped{fill:#0d1117}
.c0{stroke:#58a6ff}.c1{stroke:#bc8cff}.c2{stroke:#3fb950}.c3{stroke:#f0883e}
.c4{stroke:#39c5cf}.c5{stroke:#f778ba}
.f0{fill:#58a6ff}.f1{fill:#bc8cff}.f2{fill:#3fb950}.f3{fill:#f0883e}
.f4{fill:#39c5cf}.f5{fill:#f778ba}}
"""


def svg_lines(picture: Picture) -> Iterator[str]:
    """Yield the image; the newest revision stands on top."""
    rows = list(lay_out(picture.nodes()))
    lanes = max((max(len(row.above), len(row.below), row.column + 1) for row in rows), default=0)
    left = MARGIN + lanes * LANE + 4
    words = [list(_words(picture, row.id)) for row in rows]
    width = left + MARGIN + max((_width(line) for line in words), default=0)
    height = 2 * MARGIN + len(rows) * ROW
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="revision graph">'
    )
    yield f"<style>{_STYLE}</style>"
    yield from _lines(rows)
    for number, row in enumerate(rows):
        yield from _node(picture, row, number)
        if words[number]:
            yield f'<text x="{left}" y="{_y(number) + 4}">{"".join(_spans(words[number]))}</text>'
    yield "</svg>"


def path_of(stroke: Stroke, number: int) -> str:
    """Return a piece of a line between row `number` and the next, in SVG's language."""
    start, via, end = _x(stroke.start), _x(stroke.via), _x(stroke.end)
    top, bottom = _y(number), _y(number + 1)
    middle = (top + bottom) // 2
    if start == via == end:
        return f"M{start} {top}V{bottom}"
    if not stroke.is_dependency:
        return f"M{start} {top}C{start} {middle} {end} {middle} {end} {bottom}"
    leave = f"C{via} {top} {via} {top} {via} {middle}" if start != via else f"V{middle}"
    reach = f"C{via} {bottom} {via} {bottom} {end} {bottom}" if end != via else f"V{bottom}"
    return f"M{start} {top}{leave}{reach}"


def _lines(rows: list[Row]) -> Iterator[str]:
    """Yield one path for all lines of a kind and colour."""
    pieces: dict[tuple[bool, int], list[str]] = {}
    for number, (row, following) in enumerate(pairwise(rows)):
        for stroke in strokes(row, following):
            kind = stroke.is_dependency, stroke.colour % COLOURS
            pieces.setdefault(kind, []).append(path_of(stroke, number))
    for (is_dependency, colour), found in sorted(pieces.items()):
        dotted = " needs" if is_dependency else ""
        yield f'<path class="line{dotted} c{colour}" d="{"".join(found)}"/>'


def _node(picture: Picture, row: Row, number: int) -> Iterator[str]:
    x, y, colour = _x(row.column), _y(number), row.colour % COLOURS
    if row.id.startswith(":"):
        yield f'<path class="line c{colour} needs" d="M{x} {y}V{y + ROW // 2}"/>'
        return
    if row.id in picture.added:
        yield f'<circle class="added" cx="{x}" cy="{y}" r="9"/>'
    state = picture.states.get(row.id, "")
    looks = f"node c{colour} {state}" if state not in ("", "applied") else f"node c{colour} f{colour}"
    radius = 3 if row.id in picture.boundary else 5
    yield f'<circle class="{escape(looks)}" cx="{x}" cy="{y}" r="{radius}"><title>{_safe(row.id)}</title></circle>'


def _words(picture: Picture, revision_id: str) -> Iterator[tuple[str, str]]:
    if revision_id.startswith(":"):
        return
    revision = picture.dag[revision_id]
    yield "id", picture.short_ids[revision_id]
    state = picture.states.get(revision_id)
    if state:
        yield "quiet", state
    if revision_id in picture.added:
        yield "mark", "+"
    if revision_id in picture.heads:
        author = picture.authorships.get(revision_id)
        yield "mark", f"head of {author.branch}" if author is not None and author.branch else "head"
    for mark in picture.marks(revision_id):
        yield "mark", mark
    message = first_line(revision.message)
    if message:
        yield "quiet" if revision_id in picture.boundary else "message", message
    if revision_id in picture.effects:
        yield from (("quiet", text) for text in chips(picture.effects[revision_id]))


def _spans(words: list[tuple[str, str]]) -> Iterator[str]:
    for number, (kind, text) in enumerate(words):
        gap = ' dx="10"' if number else ""
        yield f'<tspan class="{kind}"{gap}>{_safe(text)}</tspan>'


def _width(words: list[tuple[str, str]]) -> int:
    letters = sum(len(text) for _, text in words)
    return round(letters * _LETTER) + 10 * len(words)


def _safe(text: str) -> str:
    return escape(first_line(text))


def _x(column: int) -> int:
    return MARGIN + column * LANE + LANE // 2


def _y(number: int) -> int:
    return MARGIN + number * ROW + ROW // 2
