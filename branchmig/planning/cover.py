"""PURE. The fewest members of a set to leave out so that no two that stay exclude each other: a vertex cover."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

_MOST_EXACT = 300
_MOST_STEPS = 20_000
"""Up to so many members and steps of search a group of members is solved exactly; beyond, by their degree."""


def smallest_cover(names: Sequence[str], excluded: Mapping[str, Collection[str]]) -> frozenset[str]:
    """Return the fewest names to leave out so that nobody stays with somebody that it excludes.

    Of equal answers the one that leaves out later names. The answer depends on the arguments alone.
    """
    number = {name: at for at, name in enumerate(names)}
    masks = [sum(1 << number[other] for other in excluded.get(name, ()) if other in number) for name in names]
    left_out = 0
    for group in _groups(masks):
        left_out |= _Search(masks).cover(group)
    return frozenset(name for name, at in number.items() if left_out >> at & 1)


class _Search:
    """The search in one group: members are bits, and `masks` whom each excludes."""

    def __init__(self, masks: Sequence[int]) -> None:
        self._masks = masks
        self._known: dict[int, int] = {}
        self._steps = 0

    def cover(self, group: int) -> int:
        if group.bit_count() > _MOST_EXACT:
            return self._minimal(group, self._by_degree(group))
        return self._minimal(group, self._exact(group))

    def _exact(self, group: int) -> int:
        if group in self._known:
            return self._known[group]
        self._steps += 1
        if self._steps > _MOST_STEPS:
            return self._by_degree(group)
        widest, degree = -1, 0
        for at in _bits(group):
            others = self._masks[at] & group
            if not others:
                group &= ~(1 << at)
            elif others.bit_count() == 1:
                # Of two that exclude each other alone, to keep this one is never worse.
                return self._noted(group, others | self._exact(group & ~others & ~(1 << at)))
            elif others.bit_count() > degree:
                widest, degree = at, others.bit_count()
        if widest < 0:
            return 0
        others = self._masks[widest] & group
        without = 1 << widest | self._exact(group & ~(1 << widest))
        kept = others | self._exact(group & ~others & ~(1 << widest))
        return self._noted(group, min(without, kept, key=lambda cover: (cover.bit_count(), -cover)))

    def _noted(self, group: int, cover: int) -> int:
        self._known[group] = cover
        return cover

    def _by_degree(self, group: int) -> int:
        cover = 0
        while True:
            degrees = [((self._masks[at] & group).bit_count(), at) for at in _bits(group)]
            degree, at = max(degrees, default=(0, 0))
            if not degree:
                return cover
            cover |= 1 << at
            group &= ~(1 << at)

    def _minimal(self, group: int, cover: int) -> int:
        """Take back, the earliest first, what excludes nobody that stays."""
        for at in _bits(cover):
            if not self._masks[at] & group & ~cover:
                cover &= ~(1 << at)
        return cover


def _groups(masks: Sequence[int]) -> Iterator[int]:
    """Yield the members that hang together, each group as one mask; those that exclude nobody are in none."""
    seen = 0
    for at, mask in enumerate(masks):
        if not mask or seen >> at & 1:
            continue
        group, waiting = 0, 1 << at
        while waiting:
            group |= waiting
            reached = 0
            for member in _bits(waiting):
                reached |= masks[member]
            waiting = reached & ~group
        seen |= group
        yield group


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
