"""PURE. Obstacles that stop a sync, and warnings that people should read before they agree to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from branchmig.dag import RevisionDag
from branchmig.model import Location, Plan, Problem, Removal, Revision
from branchmig.planning.undoing import Absences, Absent, Squash

RENUMBER = "give one of the two another id, on the branch that lands second: branchmig rebase --renumber"
"""The way out of two revisions with one id."""


def lost(database: str, ids: Sequence[str]) -> list[Problem]:
    """Return the problems that applied revisions are whose script nothing has."""
    return [
        Problem(
            "lost-revision",
            f"revision {revision_id!r} is applied to {database}, and neither the checkout nor git has its script: "
            "it cannot be undone",
            "restore its file (git fetch; a colleague's clone), or revert its changes by hand and record that: "
            "branchmig stamp --purge REVISION",
            (revision_id,),
        )
        for revision_id in ids
    ]


def squash_problems(
    database: str, goal: RevisionDag, before: RevisionDag, absences: Absences, *, has_old_scripts: bool = False
) -> list[Problem]:
    """Return the problems of a database that has some of the revisions that were squashed; `before` as applied.

    With `has_old_scripts`, an upgrade can run what the squashes replaced by itself.
    """
    applied = [revision.id for revision in before]
    problems = []
    for squash in absences.settled.half:
        mine = [name for name in applied if name in squash.replaced]
        at = ", ".join(before.maximal(mine))
        is_run = has_old_scripts and squash.into[0] in goal
        problems.append(
            in_the_middle(database, at, goal[squash.into[0]]) if is_run else _half(database, mine, at, squash)
        )
    return problems + [_unclear(database, goal, applied, squash) for squash in absences.settled.unclear]


def in_the_middle(database: str, at: str, squash: Revision) -> Problem:
    """Return the problem of a database that has applied only a part of what a squash replaces."""
    return Problem(
        "half-squashed",
        f"{database} is at {at}, within the revisions that {squash.id} replaces",
        "run the rest with the old scripts, which git's history or a bundle has: branchmig upgrade heads",
        tuple(sorted({*at.split(", "), squash.id})),
    )


def _half(database: str, mine: Sequence[str], at: str, squash: Squash) -> Problem:
    into, removal = ", ".join(squash.into), squash.removal
    name = removal.branch or "HEAD"
    removed = f", and {_commit(removal)} removed them" if removal.commit else ""
    up = "; ".join(f"branchmig upgrade {target}" for target in (squash.into if squash.keeps_id else squash.tops))
    return Problem(
        "half-squashed",
        f"{database} is at {at}, within the revisions that were squashed into {into}: {name} had their scripts until "
        f"commit {removal.last_commit[:10]}{removed}; nothing is reverted",
        f"run the rest with the scripts of that commit: git switch --detach {removal.last_commit[:10]}; {up}; "
        "git switch -; then branchmig sync",
        tuple(sorted({*mine, *squash.into})),
    )


def _unclear(database: str, goal: RevisionDag, applied: Sequence[str], squash: Squash) -> Problem:
    removal = squash.removal
    gone = sorted(name for name in squash.replaced if name in applied)
    commit = _commit(removal) if removal.commit else f"a rewrite of {removal.branch}"
    into = ", ".join(squash.into)
    rows = goal.maximal([*squash.into, *(revision_id for revision_id in applied if revision_id in goal)])
    return Problem(
        "unclear-squash",
        f"{commit} removed {', '.join(gone)}, applied to {database}, and added {into}: branchmig cannot tell whether "
        f"{into} does what they did",
        f"if it does: branchmig stamp --purge {' '.join(rows)}; if it does not: branchmig sync "
        f"{' '.join(f'--undo {name}' for name in gone)}",
        (*gone, *squash.into),
    )


def resting_on_kept(plan: Plan, absences: Absences, kept: Collection[str]) -> list[Problem]:
    """Return the revisions that would have to be undone only because they were applied on top of others."""
    undone = [step.revision.id for step in plan.steps if step.direction == "downgrade" and step.revision]
    return [
        Problem(
            "kept-revision",
            f"revision {revision_id!r} {absences.found[revision_id].reason}, "
            "and would have to be reverted with the revisions that it was applied on",
            f"to undo it, too: branchmig sync --undo {revision_id}",
            (revision_id,),
        )
        for revision_id in undone
        if revision_id in kept
    ]


def beside_kept(plan: Plan, goal: RevisionDag, absences: Absences, kept: Collection[str]) -> list[Problem]:
    """Return the rows that stay though the checkout lacks them, where something would be applied beside them."""
    if not any(step.direction == "upgrade" for step in plan.steps):
        return []
    rows = [row for row in plan.heads_after if row in kept and absences.found[row].place != "here"]
    return [_beside(absences.found[row], plan, goal) for row in rows]


def _beside(fact: Absent, plan: Plan, goal: RevisionDag) -> Problem:
    first = next(step.revision.id for step in plan.steps if step.direction == "upgrade" and step.revision)
    below = goal.below(first)
    keep = f"; to keep what it made and forget it: branchmig stamp --purge {' '.join(below)}" if below else ""
    if fact.place == "squash":
        rows = goal.maximal([*fact.stands_for, *(row for row in plan.applied if row in goal)])
        is_known = fact.stands_for and fact.revision in plan.applied
        keep = f"; if it does what they do: branchmig stamp --purge {' '.join(rows)}" if is_known else ""
    return Problem(
        "kept-revision",
        f"revision {fact.revision!r} {fact.reason}; it stays applied, and {first} cannot be applied beside it",
        f"to undo it: branchmig sync --undo {fact.revision}{keep}",
        (fact.revision,),
    )


def unclear_id(database: str, here: Revision, other: Location) -> Problem:
    """Return what is unknown where two revisions have one id, and no record says which of them is applied."""
    path, by = here.path or "", f", {_commit(other)}" if other.commit else ""
    return Problem(
        "unclear-id",
        f"two revisions have the id {here.id!r}: {path}, and that of {other.branch}{by}, {other.path}; "
        f"nothing records which of the two {database} has applied",
        f"{RENUMBER}; a journal records it from now on: branchmig adopt",
        (here.id,),
        (path, other.path),
    )


def id_collision(here: Revision, applied: Location) -> Problem:
    """Return the problem that two revisions with one id are: this checkout's, and another branch's, applied."""
    path, by = here.path or "", f", {_commit(applied)}" if applied.commit else ""
    return Problem(
        "id-collision",
        f"two revisions have the id {here.id!r}: this checkout's is {path}; the one that is applied is on "
        f"{applied.branch}{by}, {applied.path}",
        RENUMBER,
        (here.id,),
        (path, applied.path),
    )


def reused_ids(here: RevisionDag, applied: Mapping[str, Location]) -> list[Problem]:
    """Return the problems that revisions are whose id an applied one has, which this branch removed before."""
    return [
        Problem(
            "id-collision",
            f"two revisions have the id {name!r}: this checkout's is {here[name].path}; the one that is applied is of "
            f"{_commit(at)}, {at.path}, which this branch removed later, as a squash does",
            "give this checkout's revision an id that this branch never had, in its file and in those above it; "
            "then: branchmig sync",
            (name,),
            (here[name].path or "", at.path),
        )
        for name, at in applied.items()
    ]


def _commit(found: Removal | Location) -> str:
    return f"commit {found.commit[:10]}" + (f" by {found.author}" if found.author else "")
