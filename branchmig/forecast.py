"""PURE. What the graph would be if git branches landed: each alone, and each two of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from branchmig.dag import RevisionDag
    from branchmig.model import Revision


@dataclass(frozen=True, slots=True)
class Landing:
    """What landing a git branch in the target adds to and takes from the revisions of the target."""

    branch: str
    added: Mapping[str, Revision]
    removed: frozenset[str] = frozenset()
    unreadable: tuple[str, ...] = ()

    @property
    def changes_nothing(self) -> bool:
        """Whether the target's graph stays as it is."""
        return not (self.added or self.removed or self.unreadable)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The graph after one or two landings: its heads, ids that exist twice, parents that are missing."""

    branches: tuple[str, ...]
    heads: tuple[str, ...]
    duplicates: tuple[str, ...]
    missing: tuple[str, ...]
    unreadable: tuple[str, ...] = ()

    def is_fine(self, heads_allowed: int = 1) -> bool:
        """Return whether nothing collides and no more than so many heads stand."""
        return len(self.heads) <= heads_allowed and not (self.duplicates or self.missing or self.unreadable)


def outcome(target: RevisionDag, *landings: Landing) -> Outcome:
    """Return what the graph would be after some landings. Set arithmetic over what changes, not over the whole."""
    added: dict[str, Revision] = {}
    duplicates: set[str] = set()
    for landing in landings:
        for revision_id, revision in landing.added.items():
            other = added.setdefault(revision_id, revision)
            if other != revision or (revision_id in target and revision_id not in landing.removed):
                duplicates.add(revision_id)
    removed = frozenset().union(*(landing.removed for landing in landings)) - added.keys()
    parents = {parent for revision in added.values() for parent in revision.parents}
    heads = _heads(target, removed, set(added)) - parents
    heads |= {revision_id for revision_id in added if revision_id not in parents}
    if removed:
        kept = (one for one in target if one.id not in removed and one.id not in added)
        parents |= {parent for one in kept for parent in one.parents}
    missing = {one for one in parents if one not in added and (one in removed or one not in target)}
    return Outcome(
        tuple(landing.branch for landing in landings),
        tuple(sorted(heads)),
        tuple(sorted(duplicates)),
        tuple(sorted(missing)),
        tuple(sorted(path for landing in landings for path in landing.unreadable)),
    )


def colliding_pairs(target: RevisionDag, landings: Sequence[Landing], heads_allowed: int) -> list[Outcome]:
    """Return each two branches that may land alone and not together, in the order of the landings."""
    alone = [one for one in landings if not one.changes_nothing and outcome(target, one).is_fine(heads_allowed)]
    pairs = (outcome(target, one, other) for one, other in combinations(alone, 2))
    return [pair for pair in pairs if not pair.is_fine(heads_allowed)]


def _heads(target: RevisionDag, removed: Iterable[str], replaced: set[str]) -> set[str]:
    """Return the heads of the target without what is removed; `replaced` revisions give up their old parents."""
    gone = set(removed)
    if not gone and not any(one in target for one in replaced):
        return set(target.heads())
    left = [one for one in target if one.id not in gone and one.id not in replaced]
    taken = {parent for one in left for parent in one.parents}
    return {one.id for one in left} - taken
