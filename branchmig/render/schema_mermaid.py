"""A schema, or the difference of two, as a mermaid entity diagram.

Names of columns and types are bare words there, which no escape helps: what is no such word goes into the comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from branchmig.planning.picture import first_line
from branchmig.render.graph_mermaid import escaped
from branchmig.render.schema import basis_lines, was_words

if TYPE_CHECKING:
    from branchmig.effects.entities import ForeignKey, ShownColumn, ShownTable
    from branchmig.workflows.schema import ShownSchema

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TYPE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\([0-9]+\))?")
_KEYS = frozenset({"pk", "fk", "uk"})
"""Words that mermaid reads as a mark of the column before them."""

LONGEST = 80


def mermaid_schema_lines(schema: ShownSchema) -> Iterator[str]:
    """Yield the diagram, without the fence that Markdown puts around it."""
    yield "erDiagram"
    for line in basis_lines(schema):
        yield f"  %% {escaped(line.strip())}"
    yield from entity_lines(schema.tables)


def entity_lines(tables: Sequence[ShownTable]) -> Iterator[str]:
    """Yield the tables, and the foreign keys between two of them."""
    names = {table.name: f"t{number}" for number, table in enumerate(tables)}
    for table in tables:
        yield from _entity(names[table.name], table)
    for table in tables:
        for key, mark in table.keys:
            if key.target in names:
                label = _clipped(f"{', '.join(key.columns)}{f' ({mark})' if mark else ''}")
                yield f'  {names[key.target]} {_cardinality(table, key)} {names[table.name]} : "{escaped(label)}"'


def _cardinality(table: ShownTable, key: ForeignKey) -> str:
    nullable = {shown.column.name: shown.column.nullable for shown in table.columns}
    may_be_none = any(nullable.get(column) is not False for column in key.columns)
    return "|o--o{" if may_be_none else "||--o{"


def _entity(name: str, table: ShownTable) -> Iterator[str]:
    notes: list[str] = [table.mark] if table.mark else []
    notes += [] if table.is_whole else ["not complete"]
    label = _clipped(table.name) + (f" ({', '.join(notes)})" if notes else "")
    head = f'  {name}["{escaped(first_line(label))}"]'
    if not table.columns:
        yield head
        return
    yield f"{head} {{"
    foreign = {column for key, _ in table.keys for column in key.columns}
    for shown in table.columns:
        yield f"    {_attribute(shown, table, is_foreign=shown.column.name in foreign)}"
    yield "  }"


def _attribute(shown: ShownColumn, table: ShownTable, *, is_foreign: bool) -> str:
    column = shown.column
    kind, name = _type(column.type), _name(column.name)
    notes = [shown.mark if shown.mark != "changed" else was_words(shown)]
    notes += [column.name] if name != column.name else []
    notes += [column.type] if kind not in (column.type, column.type.replace(" ", "_")) and column.type else []
    notes += ["not null"] if column.nullable is False and not column.is_key else []
    notes += [
        f"key to {key.target} {mark}"
        for key, mark in table.keys
        if mark and mark != shown.mark and column.name in key.columns
    ]
    keys = [*(["PK"] if column.is_key else []), *(["FK"] if is_foreign else [])]
    comment = escaped(first_line(_clipped(", ".join(note for note in notes if note))))
    return " ".join([kind, name, *([", ".join(keys)] if keys else []), *([f'"{comment}"'] if comment else [])])


def _type(text: str) -> str:
    """Return a type as a word: what is in parentheses stays only where it is a number."""
    word = text.replace(" ", "_")
    if _TYPE.fullmatch(word):
        return word
    return _safe(word.partition("(")[0]) or "unknown"


def _name(text: str) -> str:
    word = text if _WORD.fullmatch(text) else _safe(text) or "column"
    return f"{word}_" if word.casefold() in _KEYS else word


def _safe(text: str) -> str:
    word = re.sub(r"[^A-Za-z0-9_]+", "_", text)
    word = word.strip("_") if not word.strip("_") else word
    return f"_{word}" if word[:1].isdigit() else word


def _clipped(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
