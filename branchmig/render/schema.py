"""A schema, or the difference of two, as lines of text and as a JSON document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from branchmig.planning.picture import first_line
from branchmig.render.documents import VERSION
from branchmig.render.text import counted

if TYPE_CHECKING:
    from branchmig.effects.entities import Column, ForeignKey, Mark, ShownColumn, ShownTable
    from branchmig.workflows.schema import Basis, ShownSchema

SIGNS: dict[Mark, str] = {"": " ", "added": "+", "removed": "-", "changed": "~"}
MOST_UNREAD = 5


def schema_lines(schema: ShownSchema) -> Iterator[str]:
    """Yield the tables with their columns, and last where they are known from."""
    for table in schema.tables:
        yield from _table(table, has_signs=schema.is_difference)
    if not schema.tables:
        yield "No table differs." if schema.is_difference else "No tables."
    yield ""
    yield from basis_lines(schema)


def basis_lines(schema: ShownSchema) -> list[str]:
    """Return where a schema is known from, and what it may lack."""
    basis = schema.basis
    lines = [basis_words(basis)]
    if basis.no_state:
        lines.append(f"Cached states could not be looked at: {first_line(basis.no_state)}")
    if basis.unread:
        number = len({revision_id for revision_id, _ in basis.unread})
        lines.append(f"Not complete: {counted(number, 'revision')} could not be read:")
        lines += [f"  {line}" for line in unread_words(basis)]
    partial = [first_line(table.name) for table in schema.tables if not table.is_whole]
    if partial:
        lines.append(f"Not complete: nothing that was read says all columns of {', '.join(partial)}")
    return lines


def basis_words(basis: Basis) -> str:
    """Return in a sentence where a schema is known from."""
    if basis.states:
        return f"From cached {'states' if len(basis.states) > 1 else 'state'} {', '.join(basis.states)}."
    return f"From the effects of {counted(basis.scripts, 'revision')}: branchmig read the scripts and ran none."


def unread_words(basis: Basis) -> list[str]:
    """Return the places that could not be read, in words; the first of them, and how many more there are."""
    found = [
        first_line(f"{revision_id}, line {place.line}: {place.what}" if revision_id else place.what)
        for revision_id, place in basis.unread
    ]
    more = len(found) - MOST_UNREAD
    return [*found[:MOST_UNREAD], *([f"and {more} more"] if more > 0 else [])]


def schema_document(schema: ShownSchema, at: str, heads: Sequence[str], from_: dict[str, Any] | None) -> dict[str, Any]:
    """Return all of it; `from_` says what was compared with, None for one schema."""
    return {"version": VERSION, "at": at, "revisions": list(heads), "from": from_, **schema_facts(schema)}


def schema_facts(schema: ShownSchema) -> dict[str, Any]:
    """Return the tables, where they are known from, and what they may lack."""
    basis = schema.basis
    return {
        "basis": "states" if basis.states else "effects",
        "states": list(basis.states),
        "no_state": basis.no_state or None,
        "complete": schema.is_complete,
        "unread": [
            {"revision": revision_id or None, "line": place.line or None, "what": place.what}
            for revision_id, place in basis.unread
        ],
        "tables": table_entries(schema.tables),
    }


def table_entries(tables: Sequence[ShownTable]) -> list[dict[str, Any]]:
    """Return tables with their columns and foreign keys; `change` is null for what is as it was."""
    return [
        {
            "name": table.name,
            "change": table.mark or None,
            "complete": table.is_whole,
            "columns": [_column_entry(shown) for shown in table.columns],
            "foreign_keys": [
                {
                    "columns": list(key.columns),
                    "target": key.target,
                    "target_columns": list(key.target_columns),
                    "change": mark or None,
                }
                for key, mark in table.keys
            ],
        }
        for table in tables
    ]


def was_words(shown: ShownColumn) -> str:
    """Return what a changed column was before, as far as that is otherwise: `was varchar(20), null`."""
    was, now = shown.before, shown.column
    if was is None:
        return ""
    words = [was.type or "of an unknown type"] if was.type != now.type else []
    words += [_nullable(was) or "null"] if was.nullable != now.nullable and was.is_key == now.is_key else []
    words += ["primary key" if was.is_key else "not of the primary key"] if was.is_key != now.is_key else []
    return f"was {', '.join(words)}"


def key_words(key: ForeignKey) -> str:
    """Return a foreign key in words: `user_id → users.id`."""
    there = [f"{key.target}.{column}" for column in key.target_columns] or [key.target]
    return f"{', '.join(key.columns)} → {', '.join(there)}"


def _column_entry(shown: ShownColumn) -> dict[str, Any]:
    before = None if shown.before is None else _facts(shown.before)
    return {"name": shown.column.name, **_facts(shown.column), "change": shown.mark or None, "before": before}


def _facts(column: Column) -> dict[str, Any]:
    return {"type": column.type or None, "nullable": column.nullable, "primary_key": column.is_key}


def _table(table: ShownTable, *, has_signs: bool) -> Iterator[str]:
    sign = f"{SIGNS[table.mark]} " if has_signs else ""
    yield f"{sign}{first_line(table.name)}"
    columns = [shown for shown in table.columns if shown.mark or not has_signs]
    rows = [(SIGNS[shown.mark], *_cells(shown, table)) for shown in columns]
    widths = [max((len(row[at]) for row in rows), default=0) for at in (1, 2)]
    for mark, name, kind, rest in rows:
        text = f"{name:<{widths[0]}}  {kind:<{widths[1]}}  {rest}".rstrip()
        yield f"{sign and '  '}  {mark if has_signs else ''}{' ' if has_signs else ''}{text}"
    for key, mark in table.keys:
        if len(key.columns) != 1 or (has_signs and mark and not _is_new(table, key)):
            yield f"{sign and '  '}  {SIGNS[mark] + ' ' if has_signs else ''}foreign key {first_line(key_words(key))}"


def _is_new(table: ShownTable, key: ForeignKey) -> bool:
    """Return whether a foreign key is shown beside its column already, which came or goes with it."""
    return any(shown.mark in ("added", "removed") and (shown.column.name,) == key.columns for shown in table.columns)


def _cells(shown: ShownColumn, table: ShownTable) -> tuple[str, str, str]:
    column = shown.column
    words = ["primary key" if column.is_key else _nullable(column)]
    words += [f"→ {key_words(key).partition(' → ')[2]}" for key, _ in table.keys if key.columns == (column.name,)]
    words.append(was_words(shown))
    return (
        first_line(column.name),
        first_line(column.type) or "?",
        first_line("  ".join(word for word in words if word)),
    )


def _nullable(column: Column) -> str:
    return {False: "not null", True: "", None: "null or not: unknown"}[column.nullable]
