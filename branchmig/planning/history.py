"""PURE. Which revisions `history -r START:END` shows, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from branchmig import identifiers
from branchmig.dag import RevisionDag
from branchmig.errors import InvalidTarget
from branchmig.identifiers import Identifier
from branchmig.model import Revision


def select_history(dag: RevisionDag, rev_range: str | None, applied: Sequence[str] = ()) -> tuple[Revision, ...]:
    """Return the revisions of `[start]:[end]`, both included, newest first; all of them without a range.

    With a start, only what descends from it by lineage; a relative start counts down from the end, a relative
    end up from the start. Raises InvalidTarget for what is no range, or one that joins unrelated revisions.
    """
    newest_first = reversed(dag.order())
    if rev_range is None or rev_range.strip() == ":":
        return tuple(dag[revision_id] for revision_id in newest_first)
    shown: set[str] = set()
    for starts, ends in _ranges(dag, rev_range, applied):
        shown |= _between(dag, rev_range, starts, ends)
    return tuple(dag[revision_id] for revision_id in newest_first if revision_id in shown)


def needs_database(rev_range: str | None) -> bool:
    """Return whether one end of the range is `current`."""
    return rev_range is not None and "current" in rev_range.strip().split(":")


def _ranges(dag: RevisionDag, rev_range: str, applied: Sequence[str]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return pairs of starts and ends. A relative start makes a pair of each end: it counts down from there."""
    if rev_range.count(":") != 1:
        raise InvalidTarget("History range requires [start]:[end], [start]:, or :[end]", "e.g. -r base:head")
    start, end = rev_range.strip().split(":")
    first = identifiers.parse(dag, start or "base")
    last = identifiers.parse(dag, end or "heads")
    if first.is_relative_to_database:
        if (first.offset or 0) >= 0:
            raise InvalidTarget(f"{start!r} is no start of a range", "count down from the end, e.g. -r -3:head")
        ends = _on_branch_of(dag, first, _up_from(dag, last, (), applied))
        # Where there are fewer revisions below, it begins at the base: `-r -100:` is no error.
        steps = -(first.offset or 0)
        return [([(end,), *islice(identifiers.descend(dag, end, first), steps)][-1], (end,)) for end in ends]
    starts = dag.resolve(first.text, applied)
    return [(starts, _on_branch_of(dag, first, _up_from(dag, last, starts, applied)))]


def _between(dag: RevisionDag, rev_range: str, starts: Sequence[str], ends: Sequence[str]) -> frozenset[str]:
    shown = dag.ancestors(ends).union(ends)
    if not shown.issuperset(starts):
        raise InvalidTarget(
            f"Requested range {rev_range} does not refer to ancestor/descendant revisions along the same branch",
            "give the older revision first",
        )
    if not starts:
        return shown
    newer = dag.descendants(starts, dependencies=False) - dag.ancestors(starts)
    return (shown & newer).union(starts)


def _on_branch_of(dag: RevisionDag, first: Identifier, ends: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of `ends` that are on the branch that a start `label@…` names."""
    return ends if first.label is None else identifiers.on_branch(dag, first.label, ends)


def _up_from(dag: RevisionDag, last: Identifier, starts: tuple[str, ...], applied: Sequence[str]) -> tuple[str, ...]:
    """Return the ends; those that count upward stop at the head where there are fewer, as alembic's do."""
    if last.is_relative_to_database and (last.offset or 0) <= 0:
        raise InvalidTarget(f"{last.text!r} is no end of a range", "count up from the start, e.g. -r base:+3")
    if (last.offset or 0) <= 0:
        return dag.resolve(last.text, applied)
    if last.is_relative_to_database:
        start = identifiers.single_start(dag, last, starts)
    else:
        start = identifiers.start_of_walk(dag, last, applied)
    top = [start, *islice(identifiers.climb(dag, start, last), last.offset)][-1]
    return () if top is None else (top,)
