"""PURE. Git branches that are to land, to an order in which they can, with what each needs at its turn."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Literal

from branchmig.dag import RevisionDag
from branchmig.merge import MergePlan, NewMerge, Side
from branchmig.model import Revision
from branchmig.planning.cover import smallest_cover
from branchmig.planning.guard import disallowed_heads
from branchmig.planning.rebase import Move, plan_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from branchmig.planning.forecast import Landing, Outcome

Action = Literal["as-is", "merge", "rebase", "stop"]
Clashes = dict[tuple[str, str], tuple[str, ...]]
"""Over what each two branches collide that cannot both land: objects, revisions, files."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A branch that is to land: what it changes, what that would leave if it landed alone, and when it was made.

    `created` is the second of the epoch that a merge revision for it is dated with. `awaits` are parents that neither
    it nor the target has, and another branch brings.
    """

    landing: Landing
    outcome: Outcome
    created: int
    awaits: frozenset[str] = frozenset()

    @property
    def branch(self) -> str:
        """The name of the branch."""
        return self.landing.branch

    @property
    def is_able(self) -> bool:
        """Whether nothing but the shape of the graph keeps the branch from landing."""
        return replace(self.outcome, heads=(), crowded=None, bent=()).is_fine()


@dataclass(frozen=True, slots=True)
class Turn:
    """What a branch needs when it is its turn.

    `merges` are the merge revisions to add, `moves` the revisions to put on top. A branch that is stopped has what is
    wrong with it: the branches that it collides with, and over what; parents that do not land; or what it would leave.
    """

    branch: str
    action: Action
    merges: tuple[NewMerge, ...] = ()
    moves: tuple[Move, ...] = ()
    collides: tuple[tuple[str, tuple[str, ...]], ...] = ()
    missing: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    outcome: Outcome | None = None

    @property
    def is_unknown(self) -> bool:
        """Whether the branch is stopped for no more than that git cannot tell what it would do."""
        return self.outcome is not None and bool(self.outcome.reason)


def plan_train(dag: RevisionDag, candidates: Sequence[Candidate], clashes: Clashes, policy: str) -> tuple[Turn, ...]:
    """Return the turn of each branch: those that land, in an order in which they can, then those that are stopped.

    As few as possible are stopped. A branch that has the revisions of another comes after it. Among those that may be
    next, one that needs nothing comes first, then the earliest of `candidates`.
    """
    able = [candidate for candidate in candidates if candidate.is_able]
    names = [candidate.branch for candidate in able]
    clashes = {pair: objects for pair, objects in clashes.items() if {*pair} <= {*names}}
    excluded = _excluded(able, clashes)
    left_out = smallest_cover(names, excluded)
    run = _Run(dag, policy, [candidate for candidate in able if candidate.branch not in left_out])
    run.land_all()
    landed = {turn.branch for turn in run.turns}
    stops = []
    for candidate in candidates:
        name = candidate.branch
        if name in run.stops or name in landed:
            stops += [run.stops[name]] if name in run.stops else []
        elif not candidate.is_able:
            stops.append(Turn(name, "stop", outcome=candidate.outcome))
        else:
            stops.append(Turn(name, "stop", collides=_against(name, clashes, landed), missing=_absent(candidate, run)))
    return (*run.turns, *stops)


def same_id_clashes(candidates: Iterable[Candidate]) -> Clashes:
    """Return each two branches with one id for two revisions."""
    holders: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        for name in candidate.landing.added:
            holders[name].append(candidate)
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, group in sorted(holders.items()):
        for first, second in combinations(group, 2):
            if first.landing.added[name] != second.landing.added[name]:
                found[first.branch, second.branch].append(f"revision {name}")
    return {pair: tuple(ids) for pair, ids in found.items()}


def _excluded(able: Sequence[Candidate], clashes: Clashes) -> dict[str, set[str]]:
    """Return the branches that each branch excludes; one that needs another excludes what that one excludes."""
    found: dict[str, set[str]] = defaultdict(set)
    for first, second in clashes:
        found[first].add(second)
        found[second].add(first)
    for candidate in able:
        for revision in candidate.awaits:
            bringing = [other for other in able if revision in other.landing.added]
            if len(bringing) == 1:
                for other in found[bringing[0].branch] - {candidate.branch}:
                    found[candidate.branch].add(other)
                    found[other].add(candidate.branch)
    return found


def _against(name: str, clashes: Clashes, landed: Collection[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    pairs = [(pair, objects) for pair, objects in clashes.items() if name in pair]
    others = [(pair[0] if pair[1] == name else pair[1], objects) for pair, objects in pairs]
    return tuple([found for found in others if found[0] in landed] or others)


def _absent(candidate: Candidate, run: _Run) -> tuple[str, ...]:
    return tuple(sorted(name for name in candidate.awaits if name not in run.revisions))


class _Run:
    """The target as it is while branches land: its revisions, and as which the branches brought them."""

    def __init__(self, dag: RevisionDag, policy: str, waiting: Sequence[Candidate]) -> None:
        self.turns: list[Turn] = []
        self.stops: dict[str, Turn] = {}
        self.revisions = {revision.id: revision for revision in dag}
        self._policy = policy
        self._brought: dict[str, Revision] = {}
        self._waiting = list(waiting)
        self._before = _stands_on(waiting)
        self._followers: dict[str, int] = defaultdict(int)
        for lower in self._before.values():
            for name in lower:
                self._followers[name] += 1

    def land_all(self) -> None:
        while self._waiting:
            waiting = {candidate.branch for candidate in self._waiting}
            ready = [candidate for candidate in self._waiting if self._is_ready(candidate, waiting)]
            if not ready:
                for candidate in self._waiting:
                    self.stops[candidate.branch] = Turn(
                        candidate.branch, "stop", missing=_absent(candidate, self) or tuple(sorted(candidate.awaits))
                    )
                return
            chosen, after, turn = self._next(ready)
            self._waiting.remove(chosen)
            if turn.action == "stop":
                self.stops[chosen.branch] = turn
                continue
            self.turns.append(turn)
            self.revisions = after
            self._brought.update(chosen.landing.added)

    def _is_ready(self, candidate: Candidate, waiting: Collection[str]) -> bool:
        return self._before[candidate.branch].isdisjoint(waiting) and self.revisions.keys() >= candidate.awaits

    def _next(self, ready: Sequence[Candidate]) -> tuple[Candidate, dict[str, Revision], Turn]:
        heads = set(_heads(self.revisions))
        on_top = [candidate for candidate in ready if self._continues(candidate, heads)]
        for candidate in sorted(on_top, key=lambda each: -self._followers[each.branch]):
            after, turn = self._turn(candidate)
            if turn.action == "as-is":
                return candidate, after, turn
        return (ready[0], *self._turn(ready[0]))

    def _continues(self, candidate: Candidate, heads: Collection[str]) -> bool:
        """Return whether a branch may need nothing: it stands on a head, or brings no revision."""
        fresh = [revision for name, revision in candidate.landing.added.items() if name not in self._brought]
        stands = any(parent in heads for revision in fresh for parent in revision.parents)
        return stands or not fresh or self._policy == "one-head-per-label"

    def _turn(self, candidate: Candidate) -> tuple[dict[str, Revision], Turn]:
        landing = candidate.landing
        fresh = {name: new for name, new in landing.added.items() if self._brought.get(name) != new}
        twice = sorted(name for name in fresh if name in self.revisions and name not in landing.removed)
        gone = landing.removed - landing.added.keys()
        after = {name: revision for name, revision in self.revisions.items() if name not in gone} | fresh
        missing = sorted({parent for new in after.values() for parent in new.parents if parent not in after})
        if twice or missing:
            faults = tuple(f"revision {name} has landed, and is another" for name in twice)
            return after, Turn(landing.branch, "stop", missing=tuple(missing), faults=faults)
        if self._policy == "linear":
            return self._lined_up(landing.branch, fresh, after)
        return self._joined(candidate, after)

    def _joined(self, candidate: Candidate, after: dict[str, Revision]) -> tuple[dict[str, Revision], Turn]:
        merges = []
        while groups := self._groups(after):
            new = NewMerge(MergePlan(tuple(Side(head, ()) for head in groups[0])), candidate.created)
            after[new.id] = Revision(new.id, new.parents, message=new.message)
            merges.append(new)
        return after, Turn(candidate.branch, "merge" if merges else "as-is", tuple(merges))

    def _groups(self, revisions: Mapping[str, Revision]) -> Sequence[tuple[str, ...]]:
        if self._policy == "one-head-per-label":
            return disallowed_heads(RevisionDag(revisions.values()), self._policy)
        heads = _heads(revisions)
        return [heads] if len(heads) > 1 else []

    def _lined_up(
        self, branch: str, fresh: Mapping[str, Revision], after: dict[str, Revision]
    ) -> tuple[dict[str, Revision], Turn]:
        """Put what is new on top of the one head; a branch that joins lines itself cannot be put into one."""
        new = {name: revision for name, revision in fresh.items() if name not in self.revisions}
        merges = sorted(name for name, revision in new.items() if len(revision.parents) > 1)
        bases = sorted(name for name, revision in new.items() if not revision.parents and self.revisions)
        if merges or bases:
            faults = [f"revision {name} is a merge revision, and the policy is linear" for name in merges]
            faults += [f"revision {name} has no parent, and the policy is linear" for name in bases]
            return after, Turn(branch, "stop", faults=tuple(faults))
        [head] = _heads(self.revisions) or (None,)
        outside = {parent for revision in new.values() for parent in revision.parents if parent not in new}
        moves: tuple[Move, ...] = ()
        if len(_heads(after)) > 1 or (new and outside != ({head} if head else set())):
            below = [Revision(name) for name in sorted(outside - {head})]
            below += [Revision(head, tuple(sorted(outside - {head})))] if head else []
            bare = [replace(revision, depends_on=(), labels=()) for revision in new.values()]
            line = plan_line(RevisionDag([*below, *bare]), [revision.id for revision in below])
            moves = tuple(Move(new[move.revision.id], move.parents) for move in line)
            after |= {move.revision.id: replace(move.revision, parents=move.parents) for move in moves}
        if len(_heads(after)) > 1:
            return after, Turn(branch, "stop", faults=(f"the heads {', '.join(_heads(after))} are not one line",))
        return after, Turn(branch, "rebase" if moves else "as-is", moves=moves)


def _heads(revisions: Mapping[str, Revision]) -> tuple[str, ...]:
    parents = {parent for revision in revisions.values() for parent in revision.parents}
    return tuple(sorted(revisions.keys() - parents))


def _stands_on(candidates: Sequence[Candidate]) -> dict[str, set[str]]:
    """Return for each branch those whose revisions it has, and more."""
    holders: dict[str, set[str]] = defaultdict(set)
    sizes = {}
    for candidate in candidates:
        sizes[candidate.branch] = len(candidate.landing.added)
        for name in candidate.landing.added:
            holders[name].add(candidate.branch)
    found: dict[str, set[str]] = {candidate.branch: set() for candidate in candidates}
    for candidate in candidates:
        if candidate.landing.added:
            above = set.intersection(*(holders[name] for name in candidate.landing.added))
            for name in above:
                if sizes[name] > sizes[candidate.branch]:
                    found[name].add(candidate.branch)
    return found
