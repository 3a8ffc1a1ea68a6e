"""Decides whether the revisions of this branch may get other parents: not once somebody else has them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from branchmig.dag import RevisionDag
from branchmig.errors import BranchmigError, InvalidTarget
from branchmig.git.history import short_ref
from branchmig.model import Revision
from branchmig.project.project import Project

REBASED = (
    "would move",
    ": a database there would never run the revisions that are put below it",
    "join the lines with 'branchmig merge' instead; to move it all the same: branchmig rebase --force",
)
SQUASHED = (
    "would become a part of another",
    ": a database that follows there would not know the other",
    "squash what nobody else has; to squash it all the same: branchmig squash --own --force",
)
"""What would become of a revision, why that is bad for others, and what to type instead."""


def refuse_shared(
    project: Project, moving: Iterable[Revision], others: Collection[str] = (), words: tuple[str, str, str] = REBASED
) -> None:
    """Raise InvalidTarget for a revision that would move and that a tag or another branch holds.

    `others` are blobs of other revisions' files that happen to have the same name. `words` say it of another way
    to change revisions than a rebase.
    """
    from branchmig.git.shared_files import refs_holding

    paths = {project.path_from_top(revision.path): revision.id for revision in moving if revision.path}
    for path, refs in refs_holding(project.tracked, list(paths), others).items():
        names = ", ".join(short_ref(ref) for ref in refs[:3]) + (f" and {len(refs) - 3} more" if refs[3:] else "")
        what, why, hint = words
        has = "has" if len(refs) == 1 else "have"
        raise InvalidTarget(f"revision {paths[path]!r} {what}, and {names} {has} it, too{why}", hint)


def refuse_landed(project: Project, moving: Iterable[Revision], others: Collection[str] = ()) -> None:
    """Raise InvalidTarget for a revision that the target branch has, whatever branch the revisions are put onto."""
    target = project.target_ref
    paths = {project.path_from_top(revision.path): revision.id for revision in moving if revision.path}
    if target is None or not paths:
        return
    blobs = project.tracked.ids_of([f"{target}:{path}" for path in paths])
    for (path, revision_id), blob in zip(paths.items(), blobs, strict=True):
        if blob is not None and blob not in others:
            raise InvalidTarget(
                f"revision {revision_id!r} has landed: {short_ref(target)} has {path}",
                "change the revisions of the branch that has not landed; to change it all the same: "
                "branchmig rebase --force",
            )


def may_rebase(project: Project, dag: RevisionDag, target: str | None) -> bool:
    """Return whether `branchmig rebase` would find revisions of this branch to move, and not refuse them."""
    if target is None or project.repository is None:
        return False
    try:
        there = project.ref_view(target).dag
        own = [dag[revision_id] for revision_id in dag.order() if revision_id not in there]
        refuse_shared(project, own)
    except BranchmigError:
        return False
    return bool(own) and len(there.heads()) == 1
