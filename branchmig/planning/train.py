"""PURE. Git branches that are to land, to an order in which they can, with what each needs at its turn."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Literal

from branchmig.dag import RevisionDag
from branchmig.merge import MergePlan, NewMerge, Side
from branchmig.model import Landing, Revision
from branchmig.planning.cover import smallest_cover
from branchmig.planning.forecast import Outcome
from branchmig.planning.guard import heads_beside, labels_below
from branchmig.planning.rebase import Move, plan_line

Action = Literal["as-is", "merge", "rebase", "stop"]
Clashes = dict[tuple[str, str], tuple[str, ...]]
"""Over what each two branches collide that cannot both land: objects, revisions, files."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A branch that is to land: what it changes, what that would leave if it landed alone, and when it was made.

    `created` is the second of the epoch that a merge revision for it is dated with. `awaits` are parents that neither
    it nor the target has, and another branch brings. `contains` are the branches whose commits it has,
    `held` its revisions that a tag has, too, with the tag: they must not move.
    """

    landing: Landing
    outcome: Outcome
    created: int
    awaits: frozenset[str] = frozenset()
    contains: frozenset[str] = frozenset()
    held: Mapping[str, str] = field(default_factory=dict)

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


@dataclass(frozen=True, slots=True)
class _Change:
    """What a turn does to the target: what comes, with the merge revisions, what goes, and the heads after it."""

    turn: Turn
    added: Mapping[str, Revision] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    heads: tuple[str, ...] = ()


class _Run:
    """The target as it is while branches land: its revisions, and as which the branches brought them."""

    def __init__(self, dag: RevisionDag, policy: str, waiting: Sequence[Candidate]) -> None:
        self.turns: list[Turn] = []
        self.stops: dict[str, Turn] = {}
        self.revisions = {revision.id: revision for revision in dag}
        self._heads = dag.heads()
        self._policy = policy
        self._labels = labels_below(self.revisions)
        self._brought: dict[str, Revision] = {}
        self._bringer: dict[str, str] = {}
        self._tried: set[str] = set()
        self._waiting = list(waiting)
        self._before = _stands_on(waiting)
        self._followers = Counter(name for lower in self._before.values() for name in lower)

    def land_all(self) -> None:
        while self._waiting:
            waiting = {candidate.branch for candidate in self._waiting}
            first = [each for each in self._waiting if self._before[each.branch].isdisjoint(waiting)]
            ready = [candidate for candidate in first if self.revisions.keys() >= candidate.awaits]
            if not ready:
                for candidate in self._waiting:
                    missing = _absent(candidate, self) or tuple(sorted(candidate.awaits))
                    self.stops[candidate.branch] = Turn(candidate.branch, "stop", missing=missing)
                return
            chosen, change = self._next(ready)
            self._waiting.remove(chosen)
            if change.turn.action == "stop":
                self.stops[chosen.branch] = change.turn
                continue
            self.turns.append(change.turn)
            for name in change.gone:
                self.revisions.pop(name, None)
            self.revisions |= change.added
            self._heads = change.heads
            if self._policy == "one-head-per-label":
                is_other = change.gone or any(name in self._labels for name in change.added)
                self._labels |= labels_below(self.revisions if is_other else change.added, self._labels)
            self._brought |= chosen.landing.added
            self._bringer |= dict.fromkeys(change.added, chosen.branch)

    def _next(self, ready: Sequence[Candidate]) -> tuple[Candidate, _Change]:
        on_top = [candidate for candidate in ready if self._continues(candidate)]
        for candidate in sorted(on_top, key=lambda each: -self._followers[each.branch]):
            change = self._change(candidate)
            if change.turn.action == "as-is":
                return candidate, change
            self._tried.add(candidate.branch)
        return ready[0], self._change(ready[0])

    def _continues(self, candidate: Candidate) -> bool:
        """Return whether a branch may need nothing: it stands on a head, or brings no revision."""
        fresh = [revision for name, revision in candidate.landing.added.items() if name not in self._brought]
        stands = any(parent in self._heads for revision in fresh for parent in revision.parents)
        # A branch that had to be joined once has to be later, too, unless it then stands on a head.
        is_open = self._policy == "one-head-per-label" and candidate.branch not in self._tried
        return stands or not fresh or is_open

    def _change(self, candidate: Candidate) -> _Change:
        landing = candidate.landing
        fresh = {name: new for name, new in landing.added.items() if self._brought.get(name) != new}
        twice = sorted(name for name in fresh if name in self.revisions and name not in landing.removed)
        gone = landing.removed - landing.added.keys()
        heads, missing = self._after(fresh, gone)
        if twice or missing:
            faults = tuple(f"{self._bringer.get(name, 'the target')} has another revision {name}" for name in twice)
            return _Change(Turn(landing.branch, "stop", missing=missing, faults=faults))
        if self._policy == "linear":
            return self._lined_up(candidate, fresh, gone, heads)
        return self._joined(candidate, fresh, gone, heads)

    def _after(self, fresh: Mapping[str, Revision], gone: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the heads, and the parents that are missing, once something has come and gone."""
        parents = {parent for revision in fresh.values() for parent in revision.parents}
        if gone or any(name in self.revisions for name in fresh):
            after = {**{name: old for name, old in self.revisions.items() if name not in gone}, **fresh}
            parents = {parent for revision in after.values() for parent in revision.parents}
            return tuple(sorted(after.keys() - parents)), tuple(sorted(parents - after.keys()))
        missing = (name for name in parents if name not in fresh and name not in self.revisions)
        return tuple(sorted({*fresh, *self._heads} - parents)), tuple(sorted(missing))

    def _joined(
        self, candidate: Candidate, fresh: dict[str, Revision], gone: frozenset[str], heads: tuple[str, ...]
    ) -> _Change:
        merges = []
        while groups := self._groups(fresh, gone, heads):
            new = NewMerge(MergePlan(tuple(Side(head, ()) for head in groups[0])), candidate.created)
            fresh[new.id] = Revision(new.id, new.parents, message=new.message)
            heads = tuple(sorted({*heads, new.id}.difference(new.parents)))
            merges.append(new)
        return _Change(Turn(candidate.branch, "merge" if merges else "as-is", tuple(merges)), fresh, gone, heads)

    def _groups(
        self, fresh: Mapping[str, Revision], gone: Collection[str], heads: tuple[str, ...]
    ) -> Sequence[tuple[str, ...]]:
        if self._policy != "one-head-per-label":
            return [heads] if len(heads) > 1 else []
        is_other = gone or any(name in self.revisions for name in fresh)
        own = labels_below({**self.revisions, **fresh}) if is_other else labels_below(fresh, self._labels)
        return heads_beside(heads, lambda head: sorted(own[head] if head in own else self._labels[head]))

    def _lined_up(
        self, candidate: Candidate, fresh: dict[str, Revision], gone: frozenset[str], heads: tuple[str, ...]
    ) -> _Change:
        """Put what is new on top of the one head; a branch that joins lines itself cannot be put into one.

        git merges what another branch brought and a rebase has moved, but not into a copy that has other commits.
        """
        branch = candidate.branch
        copies = tuple(
            Move(revision, self.revisions[name].parents)
            for name, revision in sorted(candidate.landing.added.items())
            if name not in fresh
            and self.revisions[name].parents != revision.parents
            and self._bringer[name] not in candidate.contains
        )
        new = {name: revision for name, revision in fresh.items() if name not in self.revisions}
        faults = _not_one_line(new, is_first=not self.revisions)
        if faults:
            return _Change(Turn(branch, "stop", faults=faults))
        outside = {parent for revision in new.values() for parent in revision.parents if parent not in new}
        moves: tuple[Move, ...] = ()
        if len(heads) > 1 or (new and outside != {*self._heads}):
            moves = _moves(new, outside, self._heads)
            fresh |= {move.revision.id: replace(move.revision, parents=move.parents) for move in moves}
            heads, _ = self._after(fresh, gone)
        faults = tuple(
            f"revision {name} would move, and the tag {candidate.held[name]} has it, too"
            for name in (move.revision.id for move in moves)
            if name in candidate.held
        )
        if len(heads) > 1:
            faults = (f"the heads {', '.join(heads)} are not one line", *faults)
        if faults:
            return _Change(Turn(branch, "stop", faults=faults))
        moves = (*copies, *moves)
        return _Change(Turn(branch, "rebase" if moves else "as-is", moves=moves), fresh, gone, heads)


def _not_one_line(new: Mapping[str, Revision], *, is_first: bool) -> tuple[str, ...]:
    merges = sorted(name for name, revision in new.items() if len(revision.parents) > 1)
    bases = sorted(name for name, revision in new.items() if not revision.parents and not is_first)
    return (
        *(f"revision {name} is a merge revision, and the policy is linear" for name in merges),
        *(f"revision {name} has no parent, and the policy is linear" for name in bases),
    )


def _moves(new: Mapping[str, Revision], outside: Collection[str], heads: Sequence[str]) -> tuple[Move, ...]:
    """Return how new revisions get on top of the head; of what has landed, only what they stand on takes part."""
    lower = sorted({*outside}.difference(heads))
    below = [*map(Revision, lower), *(Revision(head, tuple(lower)) for head in heads)]
    bare = [replace(revision, depends_on=(), labels=()) for revision in new.values()]
    line = plan_line(RevisionDag([*below, *bare]), [revision.id for revision in below])
    return tuple(Move(new[move.revision.id], move.parents) for move in line)


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
