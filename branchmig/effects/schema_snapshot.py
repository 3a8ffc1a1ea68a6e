"""PURE. The contents of a database, and the differences of two states: one line for each difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Catalog:
    """The schema of a database: objects by name, each with its parts by name and what each is.

    `{"table users": {"column email": "VARCHAR(50) NOT NULL", "index ix_email": "UNIQUE (email)"}}`; an object
    without parts, a view or an enum, has its definition under "". `column_order` is kept apart: two branches that
    each add a column to one table leave it in another order, and often nobody minds.
    """

    objects: Mapping[str, Mapping[str, str]]
    column_order: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one table as text, by its column names. `is_whole` is False where there were too many to read."""

    columns: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    is_whole: bool = True


def schema_differences(catalog: Catalog, other: Catalog, names: tuple[str, str]) -> tuple[str, ...]:
    """Return a line for each thing that two catalogs differ in, column order left out.

    `names` says where each state comes from, as it ends a phrase: ("with ours first", "with theirs first").
    """
    lines: list[str] = []
    for name in sorted({*catalog.objects, *other.objects}):
        first, second = catalog.objects.get(name), other.objects.get(name)
        if first is None or second is None:
            lines.append(f"{name}: only {names[second is not None]}")
        elif first != second:
            lines += _part_differences(name, first, second, names)
    return tuple(lines)


def order_differences(catalog: Catalog, other: Catalog, names: tuple[str, str]) -> tuple[str, ...]:
    """Return a line for each table that has the same columns in another order."""
    return tuple(
        f"table {table}: column order alone differs: {', '.join(first)} {names[0]}, {', '.join(second)} {names[1]}"
        for table, first in sorted(catalog.column_order.items())
        for second in [other.column_order.get(table, ())]
        if first != second and set(first) == set(second)
    )


def row_differences(
    entry: Mapping[str, Rows],
    other: Mapping[str, Rows],
    names: tuple[str, str],
    ignored: Collection[tuple[str, str]] = (),
) -> dict[str, str]:
    """Return a line for each table of the same columns whose rows differ, by table; row order does not count.

    `ignored` are pairs of table and column that differ from one run to the next.
    """
    found: dict[str, str] = {}
    for table in sorted(set(entry) & set(other)):
        ours, theirs = entry[table], other[table]
        if not (ours.is_whole and theirs.is_whole and set(ours.columns) == set(theirs.columns)):
            continue
        kept = [column for column in sorted(ours.columns) if (table, column) not in ignored]
        first, second = _counted(ours, kept), _counted(theirs, kept)
        if first != second:
            found[table] = f"rows of {table}: {_row_difference(first - second, second - first, kept, names)}"
    return found


def volatile_columns(rows: Rows, again: Rows) -> Iterator[str]:
    """Yield the columns whose values are not the same in two runs of the same steps: clocks, random ids."""
    for column in sorted(set(rows.columns) & set(again.columns)):
        if _counted(rows, [column]) != _counted(again, [column]):
            yield column


def _part_differences(
    name: str, first: Mapping[str, str], second: Mapping[str, str], names: tuple[str, str]
) -> Iterator[str]:
    for part in sorted({*first, *second}):
        text, other = first.get(part), second.get(part)
        label = f"{name}, {part}" if part else name
        if text is None or other is None:
            there = other if text is None else text
            yield f"{label}: only {names[other is not None]}" + (f" ({there})" if there else "")
        elif text != other:
            yield f"{label}: {text} {names[0]}, {other} {names[1]}"


def _counted(rows: Rows, columns: Sequence[str]) -> Counter[tuple[str, ...]]:
    places = [rows.columns.index(column) for column in columns]
    return Counter(tuple(row[place] for place in places) for row in rows.values)


def _row_difference(
    first: Counter[tuple[str, ...]], second: Counter[tuple[str, ...]], columns: Sequence[str], names: tuple[str, str]
) -> str:
    number = max(first.total(), second.total())
    examples = []
    item, other = min(first, default=None), min(second, default=None)
    shown = [place for place, _ in enumerate(columns) if item is None or other is None or item[place] != other[place]]
    for row, name in ((item, names[0]), (other, names[1])):
        if row is not None:
            examples.append(f"{', '.join(f'{columns[place]} = {row[place]}' for place in shown)} {name}")
    return f"{number} differ{'s' if number == 1 else ''}, e.g. {'; '.join(examples)}"
