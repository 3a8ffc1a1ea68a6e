"""The graph as SVG: well-formed whatever the strings are, and the same bytes at each run."""

from __future__ import annotations

from xml.etree import ElementTree

from branchmig.planning.picture import Picture
from branchmig.render.graph_svg import path_of, svg_lines
from branchmig.render.strokes import Stroke
from tests.graphs import graph
from tests.render.pictures import EVIL, everything

SVG = "{http://www.w3.org/2000/svg}"


def test_every_revision_is_there_with_its_words() -> None:
    root = ElementTree.fromstring("\n".join(svg_lines(everything())))
    texts = [[span.text for span in text.findall(f"{SVG}tspan")] for text in root.findall(f"{SVG}text")]
    assert texts == [
        ["eeee000", "orphan", "made elsewhere"],
        ["dddd000", "skipped"],
        ["cccc000", "pending", "+", "add é"],
        ["bbbb000", "applied", "users", EVIL],
        ["aaaa000", "applied", "first"],
    ]
    nodes = [item for item in root.findall(f"{SVG}circle") if item.find(f"{SVG}title") is not None]
    assert [node.get("class") for node in nodes] == [
        "node c0 orphan",
        "node c0 skipped",
        "node c1 pending",
        "node c0 f0",
        "node c0 f0",
    ]
    assert [item.get("class") for item in root.findall(f"{SVG}path")] == ["line c0", "line c1", "line needs c2"]


def test_a_line_of_two_as_a_whole() -> None:
    told = list(svg_lines(Picture(graph(a="", b="a"), ("b", "a"))))
    assert told[0] == (
        '<svg xmlns="http://www.w3.org/2000/svg" width="111" height="88" viewBox="0 0 111 88" role="img" '
        'aria-label="revision graph">'
    )
    assert told[2:] == [
        '<path class="line c0" d="M25 30V58"/>',
        '<circle class="node c0 f0" cx="25" cy="30" r="5"><title>b</title></circle>',
        '<text x="38" y="34"><tspan class="id">b</tspan><tspan class="mark" dx="10">head</tspan></text>',
        '<circle class="node c0 f0" cx="25" cy="58" r="5"><title>a</title></circle>',
        '<text x="38" y="62"><tspan class="id">a</tspan></text>',
        "</svg>",
    ]


def test_an_empty_graph_is_an_image() -> None:
    assert ElementTree.fromstring("".join(svg_lines(Picture(graph(), ())))).get("height") == "32"


def test_a_dependency_leaves_and_reaches_sideways() -> None:
    assert path_of(Stroke(0, 1, 0, 0, True), 0) == "M25 30C43 30 43 30 43 44C43 58 43 58 25 58"
    assert path_of(Stroke(1, 1, 0, 0, False), 0) == "M43 30C43 44 25 44 25 58"
