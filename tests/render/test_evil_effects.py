"""Names of tables in what a revision does, in every format: shown, and never read as anything else."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from branchmig.render.graph_dot import dot_lines
from branchmig.render.graph_mermaid import escaped, mermaid_lines
from branchmig.render.graph_svg import svg_lines
from tests.drawings import drawing
from tests.render.pictures import EVIL, with_effects


def test_in_a_terminal_they_are_printable_text_of_one_line() -> None:
    text = drawing(with_effects())
    assert all(line.isprintable() for line in text)
    assert any(f"+ orders{EVIL} [31m" in line for line in text)


def test_in_mermaid_they_are_numbered_entities() -> None:
    label = next(line for line in mermaid_lines(with_effects()) if "bbbb000" in line)
    assert f"<br/>{escaped(f'+ orders{EVIL} [31m')}<br/>" in label
    assert label.count("<") == label.count("<br/>")
    assert label.count('"') == 2


def test_in_dot_they_stay_within_their_string() -> None:
    line = next(line for line in dot_lines(with_effects()) if line.startswith('  "bbbb0000"'))
    assert "\x1b" not in line
    assert line.replace("\\\\", "").replace('\\"', "").count('"') % 2 == 0


def test_in_svg_they_are_text() -> None:
    root = ET.fromstring("".join(svg_lines(with_effects())))
    texts = [span.text for span in root.iter("{http://www.w3.org/2000/svg}tspan")]
    assert f"+ orders{EVIL} [31m" in texts
    assert root.find(".//{http://www.w3.org/2000/svg}script") is None
