"""A picture of the graph as one page that needs nothing else: no network, no other file.

What comes from a repository gets into the page as JSON that no markup can be in; the script puts it there as text.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from branchmig.model import ShownPath
from branchmig.planning.lanes import Row, lay_out
from branchmig.planning.touching import tables_of
from branchmig.render.chips import chips
from branchmig.render.strokes import strokes

if TYPE_CHECKING:
    from branchmig.effects.summary import Item
    from branchmig.planning.picture import Picture

Line = tuple[str, str, str]
"""Who wrote a line: commit, author, date. Three times "" where it is not committed yet."""

# What would end the script element that holds the JSON, or begin a comment in it; what ends a line in old JavaScript.
_UNSAFE = {name: f"\\u{ord(name):04x}" for name in "<>&\u2028\u2029"}


STYLES = ("graph.css", "schema.css")
SCRIPTS = (
    "schema.js",
    "schema_lines.js",
    "schema_view.js",
    "graph.js",
    "graph_find.js",
    "graph_revision.js",
    "graph_keys.js",
)
"""The parts of the page's script, in the order in which they stand in it; the last of them starts it."""


@dataclass(frozen=True, slots=True)
class Details:
    """What a page shows of revisions when they are chosen, by id: script, SQL, and who wrote each line.

    `schema` is what each revision does to the schema, from schema_page.
    """

    scripts: Mapping[str, str] = field(default_factory=dict)
    sql: Mapping[str, str] = field(default_factory=dict)
    blame: Mapping[str, Sequence[Line]] = field(default_factory=dict)
    schema: Sequence[Sequence[Any]] = ()


def page(picture: Picture, title: str, details: Details, shown_path: ShownPath) -> str:
    """Return the page. It refuses to load anything, and to run or apply what is not its own script and style."""
    style = "".join(_asset(name) for name in STYLES)
    script = "".join(_asset(name) for name in SCRIPTS)
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = {
        "title": escape(f"{title}: revisions"),
        "policy": policy,
        "style": style,
        "script": script,
        "data": embedded(_data(picture, title, details, shown_path)),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _asset("graph.html"))


def embedded(content: Any) -> str:
    """Return a value as JSON that can stand in a page's script element, whatever strings are in it."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    for letter, written in _UNSAFE.items():
        text = text.replace(letter, written)
    # A lone surrogate, as in a file name that is no UTF-8, cannot be written into a page.
    return text.encode("utf-8", "replace").decode()


def _data(picture: Picture, title: str, details: Details, shown_path: ShownPath) -> dict[str, Any]:
    rows = list(lay_out(picture.nodes()))
    touched = tables_of(picture.effects)
    tables = sorted({name for names in touched.values() for name in names})
    numbers = {name: number for number, name in enumerate(tables)}
    entries: list[dict[str, Any]] = []
    number = 0
    for row, following in zip_longest(rows, rows[1:]):
        entry = _geometry(row, following)
        if not row.id.startswith(":"):
            number += 1
            entry |= {"number": number, **_facts(picture, row.id, shown_path), **_details(details, row.id)}
            if row.id in picture.effects:
                entry["effects"] = [_item(item) for item in chips(picture.effects[row.id]).values()]
                entry["tables"] = [numbers[name] for name in touched[row.id]]
        entries.append(entry)
    has = {name: any(entry.get(name) for entry in entries) for name in ("branch", "author", "date", "state")}
    place = picture.at + (f" merged with {picture.merged_with}" if picture.merged_with else "")
    width = max((len(short) for short in picture.short_ids.values()), default=7)
    schema = {"schema": details.schema} if details.schema else {}
    bases = [{"name": _database(url), "url": url} for url in picture.databases]
    return {
        "title": title,
        "place": place,
        "databases": bases,
        "unplaced": [f"{lost.kind} {lost.name}: {lost.reason}" for lost in picture.unplaced],
        "tables": tables,
        "rows": entries,
        "has": has,
        "idWidth": width,
        **schema,
    }


def _database(url: str) -> str:
    """Return the name of the database in a URL; a URL that names none is its own name."""
    return url.partition("?")[0].rstrip("/").rpartition("/")[2] or url


def _item(item: Item) -> dict[str, Any]:
    found = {"kind": item.kind, "text": item.text, "what": item.what, "line": item.line, "allowed": item.allowed}
    return {name: value for name, value in found.items() if value}


def _geometry(row: Row, following: Row | None) -> dict[str, Any]:
    pieces = [] if following is None else strokes(row, following)
    flat = [
        value
        for stroke in pieces
        for value in (stroke.start, stroke.via, stroke.end, stroke.colour, int(stroke.is_dependency))
    ]
    return {"x": row.column, "c": row.colour, "w": max(len(row.above), len(row.below), row.column + 1), "s": flat}


def _facts(picture: Picture, revision_id: str, shown_path: ShownPath) -> dict[str, Any]:
    revision, author = picture.dag[revision_id], picture.authorships.get(revision_id)
    places = picture.places.get(revision_id, ())
    return {
        "id": revision_id,
        "short": picture.short_ids[revision_id],
        "message": revision.message,
        "labels": list(picture.marks(revision_id)[: -len(places) or None]),
        "places": [[place.kind, place.words] for place in places],
        "branchLabels": list(picture.dag.branch_labels(revision_id)) if picture.dag.labels else [],
        "parents": list(revision.parents),
        "needs": list(picture.dag.dependencies(revision_id)),
        "path": None if revision.path is None else shown_path(revision.path),
        "state": picture.states.get(revision_id),
        "head": revision_id in picture.heads,
        "added": revision_id in picture.added,
        "edge": revision_id in picture.boundary,
        "unclear": revision_id in picture.unclear,
        "branch": author and author.branch,
        "author": author and author.author,
        "date": author and author.date,
        "commit": author and author.commit,
    }


def _details(details: Details, revision_id: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "script": details.scripts.get(revision_id),
        "sql": details.sql.get(revision_id),
    }
    if lines := details.blame.get(revision_id):
        commits = list(dict.fromkeys(lines))
        numbers = {commit: number for number, commit in enumerate(commits)}
        found["blame"] = {"commits": commits, "lines": [numbers[line] for line in lines]}
    return {name: value for name, value in found.items() if value is not None}


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _asset(name: str) -> str:
    return files("branchmig.render").joinpath("assets", name).read_text(encoding="utf-8")
