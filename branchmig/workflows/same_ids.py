"""Finds revisions that two sides have made since the merge base with the same id and other effects."""

from __future__ import annotations

from dataclasses import dataclass

from branchmig.errors import GitError
from branchmig.git.history import merge_base
from branchmig.model import Problem, ShownPath
from branchmig.planning.obstacles import RENUMBER
from branchmig.project.project import INDEX, WORKTREE, Project, View
from branchmig.revisions.fingerprint import upgrade_fingerprint


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
    Two files that do the same, whatever is below them, are one revision.
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
