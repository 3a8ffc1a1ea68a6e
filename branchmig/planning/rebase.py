"""PURE. Re-parent the revisions that only this side has onto the other side's head: which file names which parents."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from branchmig.dag import RevisionDag
from branchmig.errors import InvalidTarget, MultipleHeads
from branchmig.model import Revision
from branchmig.revisions.escaping import in_shell


@dataclass(frozen=True, slots=True)
class Move:
    """One revision and the parents that its file must name instead."""

    revision: Revision
    parents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RebasePlan:
    """The other side's head, this side's own revisions in upgrade order, and those whose file must change."""

    onto: str
    own: tuple[str, ...]
    moves: tuple[Move, ...]


def plan_rebase(here: RevisionDag, there: RevisionDag, name: str) -> RebasePlan:
    """Return how to put what only `here` has on top of the head of `there`, which people call `name`.

    Own revisions keep their order, forks and merges among themselves:

        a - b        (there)             a - b - x - y - m
         \\                        ->              \\ - z /
          x - y - m - ...  z beside y

    A parent that the other side has gives way to its head; beside an own parent it goes, as the head includes it.
    An own revision without parents starts a line of its own and stays. Raises MultipleHeads if `there` has
    several heads, InvalidTarget if this checkout lacks its head.
    """
    heads = there.heads()
    if len(heads) != 1:
        raise MultipleHeads(
            f"{name} has {len(heads)} heads: {', '.join(heads) or 'none'}",
            f"it needs one to rebase onto: branchmig merge, on {name}",
            heads,
        )
    onto = heads[0]
    own = tuple(revision_id for revision_id in here.order() if revision_id not in there)
    if own and onto not in here:
        raise InvalidTarget(
            f"{name}'s head {onto!r} is not in this checkout",
            f"merge it first: git merge {in_shell(name)}, or git rebase {in_shell(name)}",
        )
    moves = [Move(here[text], _new_parents(here[text], frozenset(own), onto)) for text in own]
    return RebasePlan(onto, own, tuple(move for move in moves if move.parents != move.revision.parents))


def on_squashes(revisions: Sequence[Revision]) -> list[Revision]:
    """Return the revisions with a squash as parent where a parent is missing that the squash replaces."""
    present = {revision.id for revision in revisions}
    squashes = {name: revision.id for revision in revisions for name in revision.replaces if name not in present}
    return [
        replace(revision, parents=tuple(dict.fromkeys(squashes.get(parent, parent) for parent in revision.parents)))
        for revision in revisions
    ]


def as_in_files(plan: RebasePlan, here: RevisionDag, files: Sequence[Revision]) -> RebasePlan:
    """Return the plan with a move for each revision whose file names other parents than the revision will have."""
    written = {revision.id: revision for revision in files}
    after = {revision.id: revision.parents for revision in rebased(here, plan)}
    moves = [Move(written[name], after[name]) for name in plan.own if written[name].parents != after[name]]
    return replace(plan, moves=tuple(moves))


def plan_line(dag: RevisionDag, landed: Collection[str], first: Collection[str] = ()) -> tuple[Move, ...]:
    """Return how several heads become one line: each line that has not landed goes on top of the one before it.

    The landed revisions stay as they are and come first, then the lines whose head is among `first`:

        a - b      (landed)            a - b - x - y
         \\ x      (first)       ->
          \\ y

    Inside of a line, forks and merges stay; a parent outside of it gives way, as in plan_rebase. Raises MultipleHeads
    if the landed revisions have several heads themselves: none of those may move.
    """
    settled = {revision_id for revision_id in landed if revision_id in dag}
    tips = [name for name in sorted(settled) if settled.isdisjoint(dag.children(name))]
    if len(tips) > 1:
        raise MultipleHeads(
            f"{', '.join(tips)} have all landed, and what has landed is not moved",
            "join them on the branch where they have landed: branchmig merge",
            tips,
        )
    tip = tips[0] if tips else None
    placed = settled
    moves = []
    for head in sorted(set(dag.heads()) - settled, key=lambda revision_id: (revision_id not in first, revision_id)):
        line = (dag.ancestors([head], dependencies=False) | {head}) - placed
        if tip is not None:
            moves += [Move(dag[name], _new_parents(dag[name], line, tip)) for name in dag.order() if name in line]
        placed |= line
        tip = head
    return tuple(move for move in moves if move.parents != move.revision.parents)


def with_moves(dag: RevisionDag, moves: Sequence[Move]) -> list[Revision]:
    """Return all revisions as they are after some moves."""
    parents = {move.revision.id: move.parents for move in moves}
    return [replace(revision, parents=parents[revision.id]) if revision.id in parents else revision for revision in dag]


def moved_revisions(here: RevisionDag, plan: RebasePlan) -> frozenset[str]:
    """Return every revision that has other revisions below it afterwards: those that move, and all above them."""
    roots = [move.revision.id for move in plan.moves]
    return here.descendants(roots).union(roots)


def rebased(here: RevisionDag, plan: RebasePlan) -> list[Revision]:
    """Return all revisions as they will be."""
    return with_moves(here, plan.moves)


def _new_parents(revision: Revision, own: Collection[str], onto: str) -> tuple[str, ...]:
    inside = tuple(parent for parent in revision.parents if parent in own)
    if inside or not revision.parents:
        return inside
    return (onto,)
