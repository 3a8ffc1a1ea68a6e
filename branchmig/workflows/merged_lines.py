"""PURE. The two lines of revisions below a merge revision, and what walks them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from branchmig.dag import RevisionDag


@dataclass(frozen=True, slots=True)
class Pair:
    """Two lines of revisions that were compared, in upgrade order; `name` is that of the merge revision above them."""

    name: str
    ours: tuple[str, ...]
    theirs: tuple[str, ...]


def lines_below(
    merge: str,
    parents: Sequence[str],
    below: Callable[[str], Sequence[str]],
    in_order: Callable[[Iterable[str]], tuple[str, ...]],
    elsewhere: Collection[str] = (),
) -> Iterator[Pair]:
    """Yield each two lines below a merge revision, without what both have below them.

    A line that `elsewhere` has is theirs. Empty lines are left out: there is nothing to compare.
    """
    for combination, other in combinations(parents, 2):
        reached = [with_ancestors(below, [parent]) for parent in (combination, other)]
        lines = [in_order(reached[0] - reached[1]), in_order(reached[1] - reached[0])]
        lines.sort(key=lambda line: all(revision in elsewhere for revision in line))
        if all(lines):
            yield Pair(merge, lines[0], lines[1])


def in_order(dag: RevisionDag, ids: Iterable[str]) -> tuple[str, ...]:
    """Return revisions in upgrade order."""
    wanted = frozenset(ids)
    return tuple(revision_id for revision_id in dag.order() if revision_id in wanted) if wanted else ()


def with_ancestors(below: Callable[[str], Sequence[str]], ids: Iterable[str]) -> frozenset[str]:
    """Return revisions with all below them, by the checkout's links or those of applied revisions."""
    reached = set(ids)
    waiting = list(reached)
    while waiting:
        fresh = [revision_id for revision_id in below(waiting.pop()) if revision_id not in reached]
        reached.update(fresh)
        waiting += fresh
    return frozenset(reached)
