"""PURE. The graph of revisions: heads, order, ancestry and merge bases follow the links of the revisions themselves.

The only module that imports networkx, and only to name the cycles of a set that has some: the import takes 0.1 to
0.2 s, which no command pays for a sound graph.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from branchmig import identifiers
from branchmig.errors import RevisionGraphError
from branchmig.model import Problem, Revision
from branchmig.revisions import integrity

if TYPE_CHECKING:
    import networkx


class RevisionDag:
    """A lawful set of revisions, checked as a whole when built and never changed after.

    Raises RevisionGraphError with every problem of the set: duplicate id, missing parent or dependency, cycle,
    label clash, an id that cannot be stored.
    """

    def __init__(self, revisions: Iterable[Revision]) -> None:
        members = sorted(revisions, key=lambda revision: (str(revision.id), revision.path or ""))
        self._revisions = {revision.id: revision for revision in members}
        self._labels = {label: revision.id for revision in members for label in revision.labels}
        problems = integrity.problems_of(members, self._revisions, self._labels)
        self._order, is_cyclic = _post_order(self._revisions, self._labels)
        if is_cyclic:
            problems += self._cycles()
        if problems:
            raise RevisionGraphError(problems)

    def __len__(self) -> int:
        return len(self._revisions)

    def __contains__(self, revision_id: object) -> bool:
        return revision_id in self._revisions

    def __iter__(self) -> Iterator[Revision]:
        """Iterate over the revisions, sorted by id."""
        return iter(self._revisions.values())

    def __getitem__(self, revision_id: str) -> Revision:
        return self._revisions[revision_id]

    @property
    def labels(self) -> Mapping[str, str]:
        """Every branch label with the id of the revision that carries it."""
        return self._labels

    @cached_property
    def unknown_labels(self) -> tuple[str, ...]:
        """Where files compute labels that cannot be known without running them, sorted."""
        return tuple(sorted(revision.unknown_labels for revision in self if revision.unknown_labels))

    def dependencies(self, revision_id: str) -> tuple[str, ...]:
        """Return the ids that the revision's depends_on names, labels resolved."""
        return _dependencies(self._revisions[revision_id], self._labels)

    def below(self, revision_id: str) -> tuple[str, ...]:
        """Return parents, then dependencies: all that must be applied before the revision, each once."""
        revision = self._revisions[revision_id]
        if not revision.depends_on:
            return revision.parents
        return tuple(dict.fromkeys(revision.parents + self.dependencies(revision_id)))

    def directly_below(self, revision_id: str) -> tuple[str, ...]:
        """Return parents, then the dependencies that no ancestor by lineage has too: alembic's down revisions.

        This is what users' on_version_apply callbacks see as MigrationInfo.down_revision_ids.
        """
        below = self.below(revision_id)
        parents = self._revisions[revision_id].parents
        if len(below) == len(parents):
            return below
        line = self.ancestors([revision_id], dependencies=False)
        inherited = {needed for ancestor in line for needed in self.dependencies(ancestor)}
        return tuple(name for name in below if name in parents or name not in inherited)

    def children(self, revision_id: str, *, dependencies: bool = False) -> tuple[str, ...]:
        """Return the revisions whose down_revision names this one (with `dependencies`: or depends_on), sorted."""
        return tuple(self._all_children[revision_id] if dependencies else self._children[revision_id])

    def heads(self, *, dependencies: bool = False) -> tuple[str, ...]:
        """Return the revisions that no other has as a parent, sorted.

        With `dependencies`, those that no other depends on either: what the version table holds once
        everything is applied (alembic's "effective" heads).
        """
        taken = self._all_children if dependencies else self._children
        return tuple(revision_id for revision_id in self._revisions if revision_id not in taken)

    def bases(self) -> tuple[str, ...]:
        """Return the revisions without a parent, sorted."""
        return tuple(revision.id for revision in self if not revision.parents)

    def branch_points(self) -> tuple[str, ...]:
        """Return the revisions that are a parent of more than one other, sorted."""
        return tuple(sorted(parent for parent, children in self._children.items() if len(children) > 1))

    def merge_points(self) -> tuple[str, ...]:
        """Return the revisions with more than one parent, sorted."""
        return tuple(revision.id for revision in self if len(revision.parents) > 1)

    def ancestors(self, ids: Iterable[str], dependencies: bool = True) -> frozenset[str]:
        """Return all that must be applied before any of `ids`, without `ids` themselves."""
        start = frozenset(ids)
        return self._reached(start, dependencies, downward=True) - start

    def including(self, ids: Iterable[str]) -> frozenset[str]:
        """Return `ids` with all that must be applied before them: what is applied where `ids` are the version rows."""
        start = frozenset(ids)
        return self._reached(start, dependencies=True, downward=True) | start

    def descendants(self, ids: Iterable[str], dependencies: bool = True) -> frozenset[str]:
        """Return all revisions that have one of `ids` as ancestor, without `ids` themselves."""
        start = frozenset(ids)
        return self._reached(start, dependencies, downward=False) - start

    def merge_bases(self, a: str, b: str) -> frozenset[str]:
        """Return the best common ancestors of `a` and `b`, as `git merge-base --all` does.

        A criss-cross history has more than one; unrelated revisions have none. A revision counts as its own
        ancestor: the merge base of a revision and its descendant is that revision.
        """
        common = self.including([a]) & self.including([b])
        return frozenset(name for name in common if common.isdisjoint(self._all_children[name]))

    def order(self) -> tuple[str, ...]:
        """Return every revision in upgrade order: one branch finished before the next begins.

        Depth first, post-order over parents, starting from the sorted heads; no file name takes part.
        """
        return self._order

    def lineage(self, revision_id: str) -> frozenset[str]:
        """Return the revision with its ancestors and descendants by down_revision alone: its branch."""
        item = [revision_id]
        return self.ancestors(item, dependencies=False) | self.descendants(item, dependencies=False) | {revision_id}

    def maximal(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Return the members of `ids` that are no ancestor of another member, sorted."""
        members = frozenset(ids)
        # Heads are nobody's ancestors.
        if len(members) < 2 or not any(self._all_children[member] for member in members):
            return tuple(sorted(members))
        return tuple(sorted(members - self._reached(members, dependencies=True, downward=True)))

    def ancestors_within(self, ids: Iterable[str]) -> frozenset[str]:
        """Return the members of `ids` that are an ancestor of another member by lineage."""
        members = frozenset(ids)
        return members & self._reached(members, dependencies=False, downward=True)

    def resolve(self, identifier: str, applied: Sequence[str] = ()) -> tuple[str, ...]:
        """Return the ids that `identifier` names, in alembic's grammar; `base` names none.

        `applied` are the rows of the version table, for `current` and relative steps. Raises UnknownRevision,
        AmbiguousRevision, MultipleHeads or InvalidTarget.
        """
        return identifiers.resolve(self, identifier, applied)

    def branch_labels(self, revision_id: str) -> tuple[str, ...]:
        """Return the labels of every branch that the revision is part of, sorted."""
        return tuple(sorted(self._labels_by_revision.get(revision_id, ())))

    @cached_property
    def _children(self) -> _Children:
        return _Children((parent, revision.id) for revision in self for parent in dict.fromkeys(revision.parents))

    @cached_property
    def _all_children(self) -> _Children:
        return _Children((parent, revision.id) for revision in self for parent in self.below(revision.id))

    @cached_property
    def _effective_heads(self) -> frozenset[str]:
        return frozenset(self.heads(dependencies=True))

    def _reached(self, start: Collection[str], dependencies: bool, downward: bool) -> frozenset[str]:
        """Return what at least one edge leads to: a member of `start` only where another member reaches it."""
        if not start:
            return frozenset()
        if downward and dependencies and self._effective_heads.issubset(start):
            # All that is no head is below one: `upgrade heads` on a fresh database.
            return frozenset(self._revisions).difference(self._effective_heads)
        if not downward:
            return reached(start, (self._all_children if dependencies else self._children).__getitem__)
        return reached(start, self.below if dependencies else lambda name: self._revisions[name].parents)

    def _cycles(self) -> list[Problem]:
        """Return a problem for each knot of the graph: the shortest description is one actual path through it."""
        import networkx

        graph: networkx.DiGraph[str] = networkx.DiGraph()
        for revision in self:
            graph.add_edges_from((below, revision.id) for below in self.below(revision.id))
        problems = []
        for knot in networkx.strongly_connected_components(graph):
            if len(knot) > 1 or any(graph.has_edge(item, item) for item in knot):
                edges = networkx.find_cycle(graph.subgraph(sorted(knot)), min(knot))
                problems.append(_cycle(self._revisions, [parent for parent, _ in edges]))
        return sorted(problems, key=lambda problem: problem.revisions)

    @cached_property
    def _labels_by_revision(self) -> dict[str, set[str]]:
        """Give each label to its revision, to all that descend from it, and down to the fork it starts at.

        alembic walks down only while no branch point or merge point stands between the tip and the revision
        (alembic.script.revision.RevisionMap._add_branches); so does this.
        """
        found: dict[str, set[str]] = {}
        forked: set[str] = set()
        for revision_id in self._order:
            revision = self._revisions[revision_id]
            found[revision_id] = set(revision.labels).union(*(found[parent] for parent in revision.parents))
            if self._is_junction(revision_id):
                forked |= found[revision_id]
        for label in self._labels.keys() - forked:
            for revision_id in self.trunk_below(self._labels[label]):
                found[revision_id].add(label)
        return found

    def trunk_below(self, revision_id: str) -> list[str]:
        """Return the ancestors that belong to this revision's branch alone: down to the next fork or merge."""
        trunk: list[str] = []
        parents = self._revisions[revision_id].parents
        while len(parents) == 1 and not self._is_junction(parents[0]):
            trunk.append(parents[0])
            parents = self._revisions[parents[0]].parents
        return trunk

    def is_merge_point(self, revision_id: str) -> bool:
        """Return whether the revision has more than one parent."""
        return len(self._revisions[revision_id].parents) > 1

    def is_branch_point(self, revision_id: str) -> bool:
        """Return whether more than one revision has this one as a parent."""
        return len(self._children[revision_id]) > 1

    def _is_junction(self, revision_id: str) -> bool:
        return len(self._all_children[revision_id]) > 1 or self.is_merge_point(revision_id)


class _Children(dict[str, list[str]]):
    """Children by parent; a revision that nobody has as a parent is absent and reads as childless."""

    def __init__(self, links: Iterable[tuple[str, str]]) -> None:
        super().__init__()
        for parent, child in links:
            self.setdefault(parent, []).append(child)

    def __missing__(self, revision_id: str) -> list[str]:
        return []


def reached(start: Iterable[str], onward: Callable[[str], Iterable[str]]) -> frozenset[str]:
    """Return what at least one step leads to from any of `start`; `onward` gives what one step leads to."""
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        fresh = [name for name in onward(waiting.pop()) if name not in found]
        found.update(fresh)
        waiting += fresh
    return frozenset(found)


def _dependencies(revision: Revision, labels: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(labels.get(needed, needed) for needed in revision.depends_on)


def _post_order(revisions: Mapping[str, Revision], labels: Mapping[str, str]) -> tuple[tuple[str, ...], bool]:
    """Return the revisions, each after all below it, and whether a cycle was met (then some may be missing)."""
    below = {
        revision.id: revision.parents + _dependencies(revision, labels) if revision.depends_on else revision.parents
        for revision in revisions.values()
    }
    taken = {parent for parents in below.values() for parent in parents}
    order: list[str] = []
    entered: set[str] = set()
    finished: set[str] = set()
    is_cyclic = False
    for head in below:
        if head in taken:
            continue
        entered.add(head)
        path = [(head, iter(below[head]))]
        while path:
            node, parents = path[-1]
            for parent in parents:
                if parent not in entered and parent in below:
                    entered.add(parent)
                    path.append((parent, iter(below[parent])))
                    break
                if parent in entered and parent not in finished:
                    is_cyclic = True
            else:
                path.pop()
                finished.add(node)
                order.append(node)
    return tuple(order), is_cyclic or len(order) < len(below)


def _cycle(revisions: Mapping[str, Revision], path: Sequence[str]) -> Problem:
    members = [revisions[revision_id] for revision_id in path if revision_id in revisions]
    files = integrity.paths_of(members)
    if len(path) == 1:
        is_lineage = path[0] in revisions[path[0]].parents
        message = f"revision {path[0]!r} {'is its own parent' if is_lineage else 'depends on itself'}"
    else:
        message = f"revisions form a cycle: {' -> '.join([*path, path[0]])}"
    if files:
        message += f" ({', '.join(files)})"
    return Problem("cycle", message, "correct the down_revision or depends_on of one of them", tuple(path), files)
