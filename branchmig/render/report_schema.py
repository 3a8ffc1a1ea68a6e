"""The tables that a pull request changes, as a part of its report: a mermaid entity diagram and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from branchmig.render.markdown import code, escaped, fenced
from branchmig.render.schema import basis_lines
from branchmig.render.schema_mermaid import entity_lines
from branchmig.render.text import counted

if TYPE_CHECKING:
    from branchmig.workflows.schema import ShownSchema

LONG, LARGEST = 40, 20_000
"""Lines from which on a diagram is folded; letters from which on there is none."""


def schema_blocks(schema: ShownSchema | None, into: str) -> Iterator[list[str]]:
    """Yield the diagram of the changed tables; nothing where no table is changed."""
    if schema is None or not schema.tables:
        return
    diagram = ["erDiagram", *entity_lines(schema.tables)]
    number = counted(len(schema.tables), "table")
    basis = "<br>".join(escaped(line.strip()) for line in basis_lines(schema))
    if sum(len(line) + 1 for line in diagram) > LARGEST:
        shown = code(f"branchmig show --schema --from {into}")
        yield [
            f"### Schema: {number} changed",
            "",
            basis,
            "",
            f"The diagram is too large to be drawn: {shown} has all.",
        ]
        return
    drawn = list(fenced("mermaid", "\n".join(diagram)))
    if len(diagram) > LONG:
        drawn = [f"<details><summary>{number}</summary>", "", *drawn, "", "</details>"]
    yield [f"### Schema: {number} changed", "", basis, "", *drawn]
