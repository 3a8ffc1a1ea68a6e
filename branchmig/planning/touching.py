"""PURE. The revisions of a picture that touch one table, under the names that the table has had."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from branchmig.dag import reached
from branchmig.errors import UsageError
from branchmig.planning.picture import Picture

if TYPE_CHECKING:
    from branchmig.effects.summary import Summary


def touching(picture: Picture, table: str) -> Picture:
    """Return the picture of those revisions alone, and of those of which it is unknown: these are `unclear`.

    Letter case does not count, nor does the schema where `table` names none. Raises UsageError where no revision of
    the picture is known to touch the table.
    """
    tables = tables_of(picture.effects)
    wanted = _named(table, {name for names in tables.values() for name in names})
    shown, unclear = [], set()
    for revision_id in picture.shown:
        if revision_id in picture.boundary:
            continue
        if wanted.intersection(tables.get(revision_id, ())):
            shown.append(revision_id)
        elif revision_id not in picture.effects or not picture.effects[revision_id].is_complete:
            shown.append(revision_id)
            unclear.add(revision_id)
    if not wanted:
        raise _unknown(table, tables, [picture.short_ids[name] for name in shown])
    return replace(picture, shown=tuple(shown), boundary=frozenset(), unclear=frozenset(unclear))


def _unknown(table: str, tables: Mapping[str, Sequence[str]], unclear: Sequence[str]) -> UsageError:
    near = get_close_matches(table, sorted({name for names in tables.values() for name in names}), n=1)
    hints = [f"did you mean {near[0]!r}?"] if near else []
    if unclear:
        hints.append(f"the scripts of these cannot be read in full: {', '.join(unclear)}")
    return UsageError(f"no revision of this graph is known to touch a table {table!r}", " ".join(hints) or None)


def tables_of(effects: Mapping[str, Summary]) -> dict[str, tuple[str, ...]]:
    """Return the tables that each revision touches: by the names in its script, and by those that they got later."""
    later: dict[str, set[str]] = {}
    spelt: dict[str, str] = {}
    for summary in effects.values():
        for before, after in summary.renames:
            later.setdefault(before.casefold(), set()).add(after.casefold())
        for name in (*summary.tables, *(after for _, after in summary.renames)):
            spelt.setdefault(name.casefold(), name)
    return {
        revision: tuple(sorted(spelt[key] for key in names | reached(names, lambda name: later.get(name, ()))))
        for revision, summary in effects.items()
        for names in [{name.casefold() for name in summary.tables}]
    }


def _named(table: str, known: Iterable[str]) -> set[str]:
    """Return the known tables that are meant: of this very name, else those of this name in any schema."""
    names = list(known)
    exact = {name for name in names if name.casefold() == table.casefold()}
    return exact or {name for name in names if name.rpartition(".")[2].casefold() == table.casefold()}
