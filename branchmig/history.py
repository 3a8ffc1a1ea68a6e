"""PURE. Which revisions `history -r START:END` shows, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from branchmig import identifiers
from branchmig.errors import InvalidTarget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchmig.dag import RevisionDag
    from branchmig.model import Revision


def select_history(dag: RevisionDag, rev_range: str | None, applied: Sequence[str] = ()) -> tuple[Revision, ...]:
    """Return the revisions of `[start]:[end]`, both included, newest first; all of them without a range.

    With a start, only what descends from it by lineage; a relative start counts down from the end, a relative
    end up from the start. Raises InvalidTarget for what is no range, or one that joins unrelated revisions.
    """
    newest_first = reversed(dag.order())
    if rev_range is None or rev_range.strip() == ":":
        return tuple(dag[revision_id] for revision_id in newest_first)
    starts, ends = _ends(dag, rev_range, applied)
    shown = dag.ancestors(ends).union(ends)
    if not starts <= shown:
        raise InvalidTarget(
            f"Requested range {rev_range} does not refer to ancestor/descendant revisions along the same branch",
            "give the older revision first",
        )
    if starts:
        shown = shown & dag.descendants(starts, dependencies=False) - dag.ancestors(starts) | starts
    return tuple(dag[revision_id] for revision_id in newest_first if revision_id in shown)


def needs_database(rev_range: str | None) -> bool:
    """Return whether one end of the range is `current`."""
    return rev_range is not None and "current" in rev_range.strip().split(":")


def _ends(dag: RevisionDag, rev_range: str, applied: Sequence[str]) -> tuple[set[str], tuple[str, ...]]:
    if rev_range.count(":") != 1:
        raise InvalidTarget("History range requires [start]:[end], [start]:, or :[end]", "e.g. -r base:head")
    start, end = rev_range.strip().split(":")
    first = identifiers.parse(dag, start or "base")
    last = identifiers.parse(dag, end or "heads")
    if first.is_relative_to_database:
        ends = dag.resolve(last.text, applied)
        return {one for top in ends for one in identifiers.walk_down(dag, top, first)}, ends
    starts = dag.resolve(first.text, applied)
    ends = dag.resolve(last.text, starts if last.is_relative_to_database else applied)
    if first.label is not None and not starts:
        ends = identifiers.on_branch(dag, first.label, ends)
    return set(starts), ends
