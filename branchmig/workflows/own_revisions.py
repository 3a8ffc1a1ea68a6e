"""This branch's own revisions: which they are, where the target uses their ids, and whether they may change."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from branchmig.dag import RevisionDag
from branchmig.errors import BranchmigError, GitError, InvalidTarget, RevisionFileError, RevisionGraphError
from branchmig.git.history import has_ancestor, merge_base, merging_commits, short_ref
from branchmig.git.staging import unmerged
from branchmig.model import Problem, Revision, ShownPath
from branchmig.planning.obstacles import RENUMBER
from branchmig.project.project import INDEX, WORKTREE, Project, View
from branchmig.revisions.escaping import in_shell
from branchmig.revisions.fingerprint import upgrade_fingerprint


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


@dataclass(frozen=True, slots=True)
class SameId:
    """One id, and the files of the two revisions that have it; the names say what the sides are."""

    revision: str
    our_path: str
    their_path: str
    our_name: str
    their_name: str

    @property
    def reason(self) -> str:
        """Say what collides, with both files."""
        return (
            f"two revisions have the id {self.revision!r}: {self.our_path} on {self.our_name}, and {self.their_path} "
            f"on {self.their_name}, which does something else"
        )

    def shown(self, shown_path: ShownPath) -> str:
        """Say it with the files as people write them."""
        return self.reason.replace(self.our_path, shown_path(self.our_path)).replace(
            self.their_path, shown_path(self.their_path)
        )

    def problem(self) -> Problem:
        """Return the collision as a problem with its way out."""
        return Problem("id-collision", self.reason, RENUMBER, (self.revision,), (self.our_path, self.their_path))


def same_ids(project: Project, ours: View, theirs: View, their_name: str) -> tuple[SameId, ...]:
    """Return the ids that two sides have each given to a revision of its own since they parted, sorted.

    A file that one side only changed has its id in the commit where they part: that is an edit, and no collision.
    Two files that do the same, even with other revisions below them, are one revision.
    """
    mine, others = ({revision.id: revision for revision in view.revisions if revision.path} for view in (ours, theirs))
    shared = mine.keys() & others.keys()
    suspects = sorted(shared - ids_where_they_part(project, ours, theirs)) if shared else []
    our_texts = ours.scripts(mine[suspect] for suspect in suspects)
    their_texts = theirs.scripts(others[suspect] for suspect in suspects)
    name = "this checkout" if ours.at in (WORKTREE, INDEX) else ours.at
    return tuple(
        SameId(suspect, str(mine[suspect].path), str(others[suspect].path), name, their_name)
        for suspect in suspects
        if upgrade_fingerprint(our_texts[suspect]) != upgrade_fingerprint(their_texts[suspect])
    )


def ids_where_they_part(project: Project, ours: View, theirs: View) -> frozenset[str]:
    """Return the ids of the commit where two sides part. Raises GitError where a shallow clone lacks it."""
    repository = project.tracked
    sides = ["HEAD" if view.at in (WORKTREE, INDEX) else view.at for view in (ours, theirs)]
    base = merge_base(repository, *(repository.commit(side) or side for side in sides))
    if base is None and repository.is_shallow:
        raise GitError(
            "this clone is shallow: whether both sides gave an id to a revision of their own is not in it",
            "git fetch --unshallow",
        )
    return frozenset() if base is None else project.tree_view(base, like=ours).ids


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
