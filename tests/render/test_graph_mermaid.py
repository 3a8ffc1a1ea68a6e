"""The graph as a mermaid chart."""

from __future__ import annotations

from branchmig.planning.picture import Picture
from branchmig.render.graph_mermaid import escaped, mermaid_lines
from tests.graphs import graph
from tests.render.pictures import everything


def test_the_whole_chart() -> None:
    evil = (
        "#60;/script#62;#60;script#62;alert#40;1#41;#60;/script#62; #34;quoted#34; #39;single#39; --#62; "
        "#35;#91;x#93;#123;y#125;#96;z#96; #38;amp#59; #92; end"
    )
    assert list(mermaid_lines(everything())) == [
        "flowchart BT",
        '  r0["eeee000<br/>made elsewhere<br/>orphan"]',
        '  r1["dddd000<br/>on main"]',
        '  r2["cccc000<br/>add é<br/>on feature/x"]',
        f'  r3["bbbb000<br/>{evil}<br/>users"]',
        '  r4["aaaa000<br/>first"]',
        "  r4 --> r3",
        "  r4 --> r2",
        "  r3 -.-> r2",
        "  r3 --> r1",
        "  r2 --> r1",
        "  r1 --> r0",
        "  classDef added fill:#dafbe1,stroke:#1a7f37,stroke-width:2px,color:#0a3d17",
        "  class r2 added",
        "  classDef applied fill:#ddf4ff,stroke:#0969da,color:#032f62",
        "  class r3 applied",
        "  classDef boundary fill:none,stroke:#8c959f,stroke-dasharray:3 3",
        "  class r4 boundary",
        "  classDef orphan fill:#ffebe9,stroke:#cf222e,color:#82071e",
        "  class r0 orphan",
        "  classDef skipped fill:#eaeef2,stroke:#6e7781,color:#24292f",
        "  class r1 skipped",
    ]


def test_without_a_database_nothing_is_painted() -> None:
    dag = graph(a="", b="a")
    assert list(mermaid_lines(Picture(dag, ("b", "a")))) == ["flowchart BT", '  r0["b"]', '  r1["a"]', "  r1 --> r0"]


def test_an_empty_graph() -> None:
    assert list(mermaid_lines(Picture(graph(), ()))) == ["flowchart BT"]


def test_nothing_that_mermaid_reads_is_left_in_a_label() -> None:
    assert escaped("`a`\n```") == "#96;a#96;#10;#96;#96;#96;"
    assert escaped("\ufb02°°60¶ß") == "#64258;#176;#176;60#182;ß"
    assert escaped("grüße 漢字, v1.2/x_y-z+1: ok") == "grüße 漢字, v1.2/x_y-z+1: ok"
