"""The graph in Graphviz's language; Graphviz itself says whether it is."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from branchmig.render.graph_dot import dot_lines, quoted
from tests.render.pictures import EVIL, everything


def test_the_whole_graph() -> None:
    evil = EVIL.replace("\\", "\\\\").replace('"', '\\"')
    assert list(dot_lines(everything())) == [
        "digraph revisions {",
        "  rankdir=BT;",
        '  node [shape=box, style="rounded,filled", fillcolor="#ffffff", fontname="Helvetica", fontsize=11];',
        '  edge [color="#57606a", arrowsize=0.6];',
        '  "eeee0000" [label="eeee000\\nmade elsewhere\\norphan", fillcolor="#ffebe9"];',
        '  "dddd0000" [label="dddd000\\non main, skipped", fillcolor="#eaeef2"];',
        '  "cccc0000" [label="cccc000\\nadd é\\non feature/x, pending", fillcolor="#fff8c5"'
        ', color="#1a7f37", penwidth=2];',
        f'  "bbbb0000" [label="bbbb000\\n{evil}\\nusers, applied", fillcolor="#ddf4ff"];',
        '  "aaaa0000" [label="aaaa000\\nfirst\\napplied", fillcolor="#ddf4ff"'
        ', style="rounded,dashed", fontcolor="#6e7781"];',
        '  "aaaa0000" -> "bbbb0000";',
        '  "aaaa0000" -> "cccc0000";',
        '  "bbbb0000" -> "cccc0000" [style=dotted, constraint=false];',
        '  "bbbb0000" -> "dddd0000";',
        '  "cccc0000" -> "dddd0000";',
        '  "dddd0000" -> "eeee0000";',
        "}",
    ]


@pytest.mark.parametrize("text", ['a"b', "a\\", "a\\n", 'a\\"', "a\nb", ""])
def test_a_quoted_text_is_one_token(text: str) -> None:
    inside = quoted(text)[1:-1].replace("\\\\", "").replace('\\"', "")
    assert '"' not in inside
    assert "\\" not in inside


@pytest.mark.skipif(shutil.which("dot") is None, reason="no Graphviz; Debian: apt-get install graphviz")
def test_graphviz_draws_it() -> None:
    source = "\n".join(dot_lines(everything()))
    done = subprocess.run(["dot", "-Tjson"], input=source, capture_output=True, encoding="utf-8", check=True)
    assert done.stderr == ""
    drawn = json.loads(done.stdout)
    names = {item["_gvid"]: item["name"] for item in drawn["objects"]}
    assert sorted(names.values()) == ["aaaa0000", "bbbb0000", "cccc0000", "dddd0000", "eeee0000"]
    assert sorted((names[edge["tail"]], names[edge["head"]]) for edge in drawn["edges"]) == [
        ("aaaa0000", "bbbb0000"),
        ("aaaa0000", "cccc0000"),
        ("bbbb0000", "cccc0000"),
        ("bbbb0000", "dddd0000"),
        ("cccc0000", "dddd0000"),
        ("dddd0000", "eeee0000"),
    ]
