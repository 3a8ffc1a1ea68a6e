"""PURE. The contents of a drawing of the graph: revisions, order and marks; not the looks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from branchmig.dag import RevisionDag
from branchmig.planning.lanes import Node

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from branchmig.model import Revision
    from branchmig.planning.lanes import EdgeKind

SHORTEST = 7
"""Characters of an id that are shown at least, as git does."""

APPLIED, PENDING, ORPHAN = "applied", "pending", "orphan"


@dataclass(frozen=True, slots=True)
class Authorship:
    """Which commit wrote a revision's file, on which git branch; `commit` is None for one not committed yet.

    `date` is the author's, `YYYY-MM-DD`.
    """

    branch: str | None = None
    commit: str | None = None
    author: str | None = None
    date: str | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """A line of the drawing: `child` names `parent` in its down_revision, or in its depends_on."""

    parent: str
    child: str
    kind: EdgeKind


@dataclass(frozen=True)
class Picture:
    """The revisions `shown`, newest first, of a graph.

    `states` say of each revision whether it is applied; they are empty where no database was asked. `added` is what a
    merge brings in, `boundary` what is shown only for what stands on it. `authorships` are known of some revisions.
    """

    dag: RevisionDag
    shown: tuple[str, ...]
    at: str = "worktree"
    merged_with: str | None = None
    states: Mapping[str, str] = field(default_factory=dict)
    added: frozenset[str] = frozenset()
    boundary: frozenset[str] = frozenset()
    authorships: Mapping[str, Authorship] = field(default_factory=dict)

    @cached_property
    def revisions(self) -> tuple[Revision, ...]:
        """The revisions shown, newest first."""
        return tuple(self.dag[revision_id] for revision_id in self.shown)

    def marks(self, revision_id: str) -> tuple[str, ...]:
        """Return the marks beside a revision's id: its labels, and how many revisions it replaces."""
        revision = self.dag[revision_id]
        return (*revision.labels, *([f"replaces {len(revision.replaces)}"] if revision.replaces else []))

    @cached_property
    def heads(self) -> frozenset[str]:
        """The heads of the whole graph; an orphan is none, as its file is not there."""
        return frozenset(revision_id for revision_id in self.dag.heads() if self.states.get(revision_id) != ORPHAN)

    @cached_property
    def short_ids(self) -> Mapping[str, str]:
        """Each id with as much of it as tells it from all others, and no less than SHORTEST characters."""
        ids = ["", *sorted(revision.id for revision in self.dag), ""]
        shared = [_shared(name, other) for name, other in pairwise(ids)]
        needed = zip(ids[1:-1], shared, shared[1:], strict=False)
        return {name: name[: max(SHORTEST, 1 + max(before, after))] for name, before, after in needed}

    def nodes(self) -> Iterator[Node]:
        """Yield the nodes of the layout. Below a revision whose parent is not shown is a node for the omitted ones.

        The latter's id is the revision's with a colon before it, which no id of a revision may hold.
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
                yield Node(left_out)

    def edges(self) -> list[Edge]:
        """Return every line between two revisions that are shown, sorted."""
        found = [
            Edge(parent, child, kind)
            for child in self.shown
            for kind, below in self._below(child)
            for parent in dict.fromkeys(below)
            if parent in self._members
        ]
        return sorted(found, key=lambda edge: (edge.child, edge.parent, edge.kind))

    def _below(self, child: str) -> tuple[tuple[EdgeKind, Sequence[str]], tuple[EdgeKind, Sequence[str]]]:
        parents = self.dag[child].parents
        needed = [revision_id for revision_id in self.dag.dependencies(child) if revision_id not in parents]
        return ("lineage", parents), ("dependency", [] if child in self.boundary else needed)

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
    return tuple(
        revision_id for revision_id in reversed(dag.order()) if revision_id in fresh or revision_id in boundary
    ), frozenset(boundary)


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


def _shared(name: str, other: str) -> int:
    return next((n for n, (a, b) in enumerate(zip(name, other, strict=False)) if a != b), min(len(name), len(other)))
