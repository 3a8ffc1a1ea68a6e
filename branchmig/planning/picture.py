"""PURE. The contents of a drawing of the graph: revisions, order and marks; not the looks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from branchmig.dag import RevisionDag
from branchmig.identifiers import shared_length
from branchmig.model import Origin, Revision
from branchmig.planning.lanes import EdgeKind, Node

if TYPE_CHECKING:
    from branchmig.effects.summary import Summary

SHORTEST = 7
"""Characters of an id that are shown at least, as git does."""

APPLIED, PENDING, ORPHAN = "applied", "pending", "orphan"


@dataclass(frozen=True, slots=True)
class Edge:
    """A line of the drawing: `child` names `parent` in its down_revision, or in its depends_on.

    Where it `skips`, there are only revisions between the two that are left out.
    """

    parent: str
    child: str
    kind: EdgeKind
    skips: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Who is at a revision: a `database`, a git `branch` or a `tag`.

    `beyond` counts its revisions that the graph lacks.
    """

    kind: str
    name: str
    beyond: int = 0

    @property
    def words(self) -> str:
        """`db prod`, `branch main +2`, `tag v1`."""
        beyond = f" +{self.beyond}" if self.beyond else ""
        return f"{'db' if self.kind == 'database' else self.kind} {self.name}{beyond}"


@dataclass(frozen=True, slots=True, order=True)
class Unplaced:
    """Who is at no revision of the graph, and why."""

    kind: str
    name: str
    reason: str


@dataclass(frozen=True)
class Picture:
    """The revisions `shown`, newest first, of a graph.

    `states` say of each revision whether it is applied; they are empty where no database was asked. `added` is what a
    merge brings in, `boundary` what is shown only for what stands on it. `authorships` and `effects` are known of some
    revisions. `unclear` are shown although it is unknown whether they belong here: their scripts cannot be read in
    full. `databases` are those that were asked: URLs without passwords. `places` are the databases, git branches and
    tags at each revision, `unplaced` those that are at none.
    """

    dag: RevisionDag
    shown: tuple[str, ...]
    at: str = "worktree"
    merged_with: str | None = None
    states: Mapping[str, str] = field(default_factory=dict)
    added: frozenset[str] = frozenset()
    boundary: frozenset[str] = frozenset()
    authorships: Mapping[str, Origin] = field(default_factory=dict)
    effects: Mapping[str, Summary] = field(default_factory=dict)
    unclear: frozenset[str] = frozenset()
    databases: tuple[str, ...] = ()
    places: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    unplaced: tuple[Unplaced, ...] = ()

    @cached_property
    def revisions(self) -> tuple[Revision, ...]:
        """The revisions shown, newest first."""
        return tuple(self.dag[revision_id] for revision_id in self.shown)

    def marks(self, revision_id: str) -> tuple[str, ...]:
        """Return the marks beside a revision's id: labels, how many it replaces, whether it is unread, who is there."""
        revision = self.dag[revision_id]
        replaced = [f"replaces {len(revision.replaces)}"] if revision.replaces else []
        unread = ["not read in full"] if revision_id in self.unclear else []
        return (*revision.labels, *replaced, *unread, *(place.words for place in self.places.get(revision_id, ())))

    @cached_property
    def heads(self) -> frozenset[str]:
        """The heads of the whole graph; an orphan is none, as its file is not there."""
        return frozenset(revision_id for revision_id in self.dag.heads() if self.states.get(revision_id) != ORPHAN)

    @cached_property
    def short_ids(self) -> Mapping[str, str]:
        """The shortest beginning of each id that no other id has, of SHORTEST characters at least."""
        ids = ["", *sorted(revision.id for revision in self.dag), ""]
        shared = [shared_length(name, other) for name, other in pairwise(ids)]
        needed = zip(ids[1:-1], shared, shared[1:], strict=False)
        return {name: name[: max(SHORTEST, 1 + max(before, after))] for name, before, after in needed}

    def nodes(self) -> Iterator[Node]:
        """Yield the nodes of the layout. Below a revision whose parent is not shown is a node for the omitted ones.

        The latter's id is the revision's with a colon before it, which no id of a revision may hold. It leads to the
        next revisions below that are shown.
        """
        shown = self._members
        for revision_id in self.shown:
            if revision_id in self.boundary:
                yield Node(revision_id, self._within(self.dag[revision_id].parents))
                continue
            parents = self.dag[revision_id].parents
            dependencies = self.dag.dependencies(revision_id)
            left_out = f":{revision_id}"
            hidden_parents = (left_out,) if not shown.issuperset(parents) else ()
            hidden_needed = (left_out,) if not hidden_parents and not shown.issuperset(dependencies) else ()
            yield Node(revision_id, self._within(parents) + hidden_parents, self._within(dependencies) + hidden_needed)
            if hidden_parents or hidden_needed:
                yield Node(left_out, self._beyond(revision_id))

    def edges(self) -> list[Edge]:
        """Return every line between two revisions that are shown, sorted."""
        found = [
            Edge(parent, child, kind)
            for child in self.shown
            for kind, below in self._below(child)
            for parent in dict.fromkeys(below)
            if parent in self._members
        ]
        found += [Edge(parent, child, "lineage", skips=True) for child in self.shown for parent in self._beyond(child)]
        return sorted(found, key=lambda edge: (edge.child, edge.parent, edge.kind))

    def _below(self, child: str) -> tuple[tuple[EdgeKind, Sequence[str]], tuple[EdgeKind, Sequence[str]]]:
        parents = self.dag[child].parents
        needed = [revision_id for revision_id in self.dag.dependencies(child) if revision_id not in parents]
        return ("lineage", parents), ("dependency", [] if child in self.boundary else needed)

    def _beyond(self, child: str) -> tuple[str, ...]:
        """Return the next shown revisions below the omitted ones that a revision stands on or depends on."""
        below = self.dag.below(child)
        if child in self.boundary or self._members.issuperset(below):
            return ()
        near = {name for name in below if name in self._members}
        found = frozenset[str]().union(*(self._nearest[name] for name in below if name not in near)) - near
        further = frozenset[str]().union(*(self.dag.ancestors([name]) for name in found | near)) if found else found
        return tuple(sorted(found - further))

    @cached_property
    def _nearest(self) -> Mapping[str, frozenset[str]]:
        """The next shown revisions at or below each revision: itself, if it is shown."""
        nearest: dict[str, frozenset[str]] = {}
        for name in self.dag.order():
            if name in self._members:
                nearest[name] = frozenset({name})
            else:
                nearest[name] = frozenset[str]().union(*(nearest[below] for below in self.dag.below(name)))
        return nearest

    def _within(self, ids: Sequence[str]) -> tuple[str, ...]:
        return tuple(revision_id for revision_id in ids if revision_id in self._members)

    @cached_property
    def _members(self) -> frozenset[str]:
        return frozenset(self.shown)


def states_of(dag: RevisionDag, databases: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return of each revision whether it is `applied` in every database, by the rows of their version tables."""
    applied = [dag.ancestors(rows).union(rows) for rows in databases]
    return {revision.id: APPLIED if all(revision.id in rows for rows in applied) else PENDING for revision in dag}


def since(dag: RevisionDag, known: Collection[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the revisions outside `known`, newest first, with their parents; and these parents alone."""
    fresh = {revision.id for revision in dag if revision.id not in known}
    boundary = {below for name in fresh for below in dag.below(name)} - fresh
    return tuple(name for name in reversed(dag.order()) if name in fresh | boundary), frozenset(boundary)


def with_orphans(dag: RevisionDag, orphans: Sequence[Revision]) -> RevisionDag:
    """Return the graph with revisions that a database holds and the project lacks.

    What they say of others counts only as far as those are there; their labels do not count, as others may have
    taken them since.
    """
    ids = {revision.id for revision in dag}.union(revision.id for revision in orphans)
    known = [
        replace(
            revision,
            parents=tuple(parent for parent in revision.parents if parent in ids),
            depends_on=tuple(name for name in revision.depends_on if name in ids),
            labels=(),
        )
        for revision in orphans
    ]
    return RevisionDag([*dag, *known])


def first_line(message: str) -> str:
    """Return the first line of a message, as one line of printable text."""
    line = message.strip().partition("\n")[0]
    return "".join(letter if letter.isprintable() else " " for letter in line).rstrip()
