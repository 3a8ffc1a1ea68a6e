"""PURE. The graph that results if git branches land: each alone, and each two of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from branchmig.dag import RevisionDag
from branchmig.model import Landing, Revision
from branchmig.progress import with_progress


@dataclass(frozen=True, slots=True)
class Outcome:
    """The graph after one or two landings: its heads, ids that exist twice, parents that are missing."""

    branches: tuple[str, ...]
    heads: tuple[str, ...]
    duplicates: tuple[str, ...]
    missing: tuple[str, ...]
    unreadable: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    """Objects of the database that the revisions of two branches are in conflict over, or one branch and the target."""
    deleted: tuple[str, ...] = ()
    rewritten: tuple[str, ...] = ()
    bent: tuple[str, ...] = ()
    """Revisions that do not continue one line, where the policy is `linear`."""
    crowded: tuple[str, ...] | None = None
    """Heads that the policy does not let stand beside each other; None where their number alone counts."""
    broken: tuple[str, ...] = ()
    """What else keeps the revisions from being a graph, in words."""
    merge_conflicts: tuple[str, ...] = ()
    reason: str = ""
    """Why git cannot merge the branch: then nothing else is known."""

    def has_too_many_heads(self, heads_allowed: int = 1) -> bool:
        """Return whether more heads stand than may."""
        return bool(self.crowded) if self.crowded is not None else len(self.heads) > heads_allowed

    def is_fine(self, heads_allowed: int = 1) -> bool:
        """Return whether nothing collides, no more than so many heads stand, and every rule of `guard` holds."""
        found = (self.duplicates, self.missing, self.unreadable, self.conflicts, self.merge_conflicts)
        rules = (self.deleted, self.rewritten, self.bent, self.broken, self.reason)
        return not any((*found, *rules, self.has_too_many_heads(heads_allowed)))


def outcomes(target: RevisionDag, landings: Iterable[Landing]) -> list[Outcome]:
    """Return what the graph would be after each landing alone."""
    heads = frozenset(target.heads())
    return [_outcome(target, heads, [landing]) for landing in landings]


def colliding_pairs(
    target: RevisionDag,
    landings: Sequence[Landing],
    heads_allowed: int,
    conflicts: Mapping[tuple[str, ...], tuple[str, ...]] | None = None,
    crowd: Callable[[Outcome, Sequence[Landing]], Outcome] | None = None,
) -> list[Outcome]:
    """Return each two branches that may land alone and not together, in the order of the landings.

    `conflicts` are pairs of them whose revisions are in conflict, with the objects. `crowd` says of an outcome which
    heads may not stand beside each other, where more counts than their number.
    """
    heads = frozenset(target.heads())
    changing = [landing for landing in landings if not landing.changes_nothing]
    alone = [landing for landing in changing if _outcome(target, heads, [landing]).is_fine(heads_allowed)]
    every = with_progress(combinations(alone, 2), len(alone) * (len(alone) - 1) // 2, "landing each two branches")
    pairs = (_outcome(target, heads, pair) for pair in every)
    if crowd is not None:
        both = combinations(alone, 2)
        pairs = (crowd(pair, landed) for pair, landed in zip(pairs, both, strict=False))
    known = conflicts or {}
    # One branch of a pair comes before the other, in the keys as in the outcome.
    marked = (replace(pair, conflicts=known[pair.branches]) if pair.branches in known else pair for pair in pairs)
    return [pair for pair in marked if not pair.is_fine(heads_allowed)]


def rivals(
    target: RevisionDag,
    own: Landing,
    others: Iterable[Landing],
    heads_allowed: int,
    conflicts: Mapping[str, tuple[str, ...]],
) -> list[Outcome]:
    """Return what would be after `own` and each of the others that cannot both land, in the order of the others.

    An other one that cannot land alone counts only for what the two do to each other. `conflicts` are the objects that
    a branch and `own` are in conflict over.
    """
    heads = frozenset(target.heads())
    found = []
    for other in others:
        if own.changes_nothing or other.changes_nothing:
            continue
        alone = _outcome(target, heads, [other])
        pair = replace(_outcome(target, heads, [own, other]), conflicts=conflicts.get(other.branch, ()))
        is_between_them = pair.conflicts or set(pair.duplicates) - set(alone.duplicates)
        if is_between_them or (alone.is_fine(heads_allowed) and not pair.is_fine(heads_allowed)):
            found.append(pair)
    return found


def _outcome(target: RevisionDag, heads: frozenset[str], landings: Sequence[Landing]) -> Outcome:
    """Set arithmetic over what changes, not over the whole: 400 branches make 80,000 pairs."""
    added, duplicates = _together(target, landings)
    removed = frozenset().union(*(landing.removed for landing in landings)) - added.keys()
    parents = {parent for revision in added.values() for parent in revision.parents}
    # What is no longer as it was in the target: gone, or another version of it.
    changed = removed.union(revision_id for revision_id in added if revision_id in target)
    needed = parents | {name for name in changed if not _has_lost_its_children(target, name, changed)}
    bared = (parent for name in changed for parent in target[name].parents if parent in target)
    left = (heads | {name for name in bared if _has_lost_its_children(target, name, changed)}) - changed
    return Outcome(
        tuple(landing.branch for landing in landings),
        tuple(sorted(left.union(added) - needed)),
        tuple(sorted(duplicates)),
        tuple(sorted(name for name in needed if name not in added and (name in removed or name not in target))),
        tuple(sorted(path for landing in landings for path in landing.unreadable)),
        deleted=tuple(sorted({name for landing in landings for name in landing.deleted})),
        rewritten=tuple(sorted({name for landing in landings for name in landing.rewritten})),
        merge_conflicts=tuple(dict.fromkeys(words for landing in landings for words in landing.merge_conflicts)),
        reason="; ".join(filter(None, (landing.reason for landing in landings))),
    )


def _together(target: RevisionDag, landings: Sequence[Landing]) -> tuple[dict[str, Revision], set[str]]:
    """Return what some landings add, and the ids that would then be defined twice."""
    added: dict[str, Revision] = {}
    duplicates: set[str] = set()
    for landing in landings:
        for revision_id, revision in landing.added.items():
            other = added.setdefault(revision_id, revision)
            if other != revision or (revision_id in target and revision_id not in landing.removed):
                duplicates.add(revision_id)
    return added, duplicates


def _has_lost_its_children(target: RevisionDag, revision_id: str, changed: frozenset[str]) -> bool:
    return all(child in changed for child in target.children(revision_id))
