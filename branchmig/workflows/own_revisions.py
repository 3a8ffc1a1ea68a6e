"""Finds this branch's own revisions in the work tree, also where the target uses their ids or file names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from branchmig.errors import BranchmigError, RevisionFileError, RevisionGraphError
from branchmig.git.history import has_ancestor, merging_commits, short_ref
from branchmig.git.staging import unmerged
from branchmig.model import Problem, Revision
from branchmig.planning.obstacles import RENUMBER
from branchmig.project.project import Project, View
from branchmig.revisions.escaping import in_shell
from branchmig.revisions.fingerprint import upgrade_fingerprint
from branchmig.workflows.same_ids import ids_where_they_part


@dataclass(frozen=True, slots=True)
class Sides:
    """The work tree's revisions: those that the target branch has, and this branch's own.

    `rivals` are the target's revisions whose ids own ones have, by id. `is_merged` says that the target's commit is
    part of this checkout.
    """

    landed: tuple[Revision, ...]
    own: tuple[Revision, ...]
    rivals: Mapping[str, Revision]
    is_merged: bool


def sides_of(project: Project, there: View, name: str) -> Sides:
    """Return whose the revisions of the work tree are; `there` is the target branch, called `name`.

    Identity is id plus effects. A file that this branch only edited or renamed is landed. Raises RevisionGraphError for
    files that cannot be read, RevisionFileError where a revision of a merged target is missing.
    """
    view = project.view()
    if view.problems or there.problems:
        raise RevisionGraphError([*view.problems, *there.problems])
    theirs = {revision.id: revision for revision in there.revisions if revision.path}
    sharing = [revision for revision in view.revisions if revision.id in theirs and revision.path]
    ours_do = _effects(view, sharing)
    theirs_do = _effects(there, [theirs[revision.id] for revision in sharing])
    at_base = ids_where_they_part(project, view, there) if sharing else frozenset()
    present = {(revision.id, revision.path) for revision in view.revisions}

    def is_landed(revision: Revision) -> bool:
        other = theirs.get(revision.id)
        if other is None:
            return False
        if ours_do[revision.path or ""] == theirs_do[other.path or ""]:
            return True
        return revision.id in at_base and (revision.path == other.path or (other.id, other.path) not in present)

    landed = tuple(revision for revision in view.revisions if is_landed(revision))
    own = tuple(revision for revision in view.revisions if not is_landed(revision))
    rivals = {revision.id: theirs[revision.id] for revision in own if revision.id in theirs}
    is_merged = _is_merged(project, there.at)
    if is_merged:
        _refuse_replaced(project, rivals, landed, there.at, name)
    return Sides(landed, own, rivals, is_merged)


def with_way_out(project: Project, problems: Sequence[Problem], target: str | None) -> list[Problem]:
    """Return the problems, with the hint of an id that two revisions have where `rebase --renumber` would help."""
    if not any(problem.code == "duplicate-revision" for problem in problems):
        return list(problems)
    helped = renumbered_ids(project, target)
    return [
        replace(problem, hint=RENUMBER)
        if problem.code == "duplicate-revision" and helped.issuperset(problem.revisions)
        else problem
        for problem in problems
    ]


def renumbered_ids(project: Project, target: str | None) -> frozenset[str]:
    """Return the ids that the target also uses and that `branchmig rebase --renumber` would give up, unrefused."""
    from branchmig.workflows.movable import refuse_shared

    if target is None or project.repository is None:
        return frozenset()
    try:
        there = project.ref_view(target)
        sides = sides_of(project, there, short_ref(target))
        refuse_shared(project, sides.own, rival_blobs(there, sides))
        return frozenset() if unmerged(project.repository, project.folders) else frozenset(sides.rivals)
    except BranchmigError:
        return frozenset()


def rival_blobs(there: View, sides: Sides) -> frozenset[str]:
    """Return the blobs of the target's files that have a name of an own file and are another revision."""
    names = {revision.path for revision in sides.own}
    return frozenset(blob for path, blob in there.blobs.items() if path in names)


def _effects(view: View, revisions: list[Revision]) -> dict[str, str]:
    texts = view.read([revision.path or "" for revision in revisions]) if revisions else {}
    return {path: upgrade_fingerprint(text) for path, text in texts.items()}


def _is_merged(project: Project, commit: str) -> bool:
    repository = project.tracked
    here = [name for name in (repository.commit("HEAD"), *merging_commits(repository)) if name]
    return any(has_ancestor(repository, name, commit) for name in here)


def _refuse_replaced(
    project: Project, rivals: Mapping[str, Revision], landed: tuple[Revision, ...], commit: str, name: str
) -> None:
    present = {revision.id for revision in landed}
    for revision_id, rival in rivals.items():
        if revision_id not in present:
            path = project.shown_path(rival.path or "")
            raise RevisionFileError(
                f"{name} is merged, and its revision {revision_id!r}, {path}, is not in this checkout: this branch's "
                "revision of that id replaced it",
                f"save this branch's file under another name, then restore the other: "
                f"git checkout {in_shell(commit[:12])} -- {in_shell(path)}",
            )
