"""PURE. Two or more heads to a merge revision; what each side brings since the merge base."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from branchmig.dag import RevisionDag
from branchmig.errors import InvalidTarget
from branchmig.model import Revision


@dataclass(frozen=True, slots=True)
class Side:
    """One parent of a merge, and the revisions, in upgrade order, that only it brings."""

    parent: str
    brings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MergePlan:
    """The parents that a merge revision will have, in order, and what each brings."""

    sides: tuple[Side, ...]

    @property
    def parents(self) -> tuple[str, ...]:
        """The parents, as the merge revision's down_revision names them."""
        return tuple(side.parent for side in self.sides)


@dataclass(frozen=True, slots=True)
class NewMerge:
    """A merge revision that is written unasked.

    Its id is made of all that its file is made of: two clones that repair one merge write one file, and two that
    write other files give these other ids.
    """

    plan: MergePlan
    created: int
    """The second of the epoch that its file is dated with."""

    @property
    def parents(self) -> tuple[str, ...]:
        """The parents, as in the plan."""
        return self.plan.parents

    @property
    def message(self) -> str:
        """The message: the branches of a clone have no part in it."""
        return merge_message(self.plan, {})

    @property
    def id(self) -> str:
        """The id: 12 hexadecimal digits, as alembic's."""
        seed = "\0".join([*self.parents, str(self.created)])
        return hashlib.blake2b(seed.encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()


def plan_merge(dag: RevisionDag, identifiers: Sequence[str] = (), *, splice: bool = False) -> MergePlan:
    """Return how to join the revisions that `identifiers` name: all heads if there are none.

    A plan with fewer than two sides means that there is nothing to join. Raises InvalidTarget for a revision
    named twice, one that is an ancestor of another, or, without `splice`, one that is no head.
    """
    parents = [text for name in identifiers for text in dag.resolve(name)] if identifiers else list(dag.heads())
    if twice := next((name for name in parents if parents.count(name) > 1), None):
        raise InvalidTarget(f"revision {twice!r} is given twice", "name each revision once")
    if lower := sorted(dag.ancestors_within(parents)):
        raise InvalidTarget(
            f"revision {lower[0]!r} is an ancestor of another that would be merged", f"leave {lower[0]!r} out"
        )
    not_heads = [revision_id for revision_id in parents if dag.children(revision_id)]
    if not_heads and not splice:
        raise InvalidTarget(
            f"Revision {not_heads[0]} is not a head revision", "merge a head, or allow a new branch with --splice"
        )
    return join_heads(dag, parents)


def join_heads(dag: RevisionDag, heads: Sequence[str]) -> MergePlan:
    """Return how to join some revisions: plan_merge without names to resolve."""
    return MergePlan(tuple(Side(head, _brought_by(dag, head, heads)) for head in heads))


def merge_message(plan: MergePlan, branches: Mapping[str, str]) -> str:
    """Return the message of a merge revision that was given none.

    `branches` are the git branches that parents came from; ids stand in where two came from one, or none is known.
    """
    names = [branches.get(parent, parent) for parent in plan.parents]
    if len(set(names)) < len(names):
        names = list(plan.parents)
    *first, last = names
    return f"merge {', '.join(first)} and {last}"


def merge_note(dag: RevisionDag, plan: MergePlan, branches: Mapping[str, str]) -> list[str]:
    """Return lines for the docstring of a merge revision: what each side brings since the merge base."""
    lines = []
    for side in plan.sides:
        name = f"{branches[side.parent]} ({side.parent})" if side.parent in branches else side.parent
        lines.append(f"{name} brings:")
        lines += [f"    {revision_id} {dag[revision_id].title}".rstrip() for revision_id in side.brings]
    return lines


def existing_merge(plan: MergePlan, elsewhere: Iterable[Revision]) -> Revision | None:
    """Return a revision of another branch that joins the very parents of this plan, if there is one."""
    return next((revision for revision in elsewhere if set(revision.parents) == set(plan.parents)), None)


def _brought_by(dag: RevisionDag, parent: str, parents: Sequence[str]) -> tuple[str, ...]:
    """Return what `parent` has and no other parent has, in upgrade order."""
    brought = dag.including([parent]) - dag.including(other for other in parents if other != parent)
    return tuple(revision_id for revision_id in dag.order() if revision_id in brought)
