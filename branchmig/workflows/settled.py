"""What must not be changed any more, seen from a place: what the target, or either side of a merge, has landed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchmig.project.project import INDEX, WORKTREE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from branchmig.git.targets import Target
    from branchmig.project.project import Project, View


@dataclass(frozen=True, slots=True)
class Settled:
    """What must not be changed: the revisions at `base` that the commit `tip` still has; `ref` is what to call it.

    `source` is what git takes them from.
    """

    ref: str
    base: str
    tip: str
    source: str

    @classmethod
    def of(cls, project: Project, ref: str, base: str | None = None) -> Settled:
        """Return all that a ref has, or what it had at `base` and still has."""
        from branchmig.git.history import commit_of, short_ref

        tip = commit_of(project.tracked, ref)
        return cls(short_ref(ref), base or tip, tip, short_ref(ref))


def settled_work(project: Project, view: View, target: Target, landed: Mapping[str, str]) -> tuple[Settled, ...] | str:
    """Return what is settled: the target where it parts from this place, and what either side of a merge has landed.

    `landed` are commits by the names of their branches. Without any, the reason why nothing is known to be settled;
    empty where nothing can have landed yet.
    """
    from branchmig.git.history import merge_base
    from branchmig.git.landed import is_landing_branch, landed_twin, name_of

    repository = project.repository
    if repository is None:
        return target.reason
    ours = "HEAD" if view.at in (WORKTREE, INDEX) else view.at
    own_name = name_of(repository, ours)
    found = [Settled(name, commit, commit, commit[:10]) for name, commit in landed.items()]
    if view.merged_with is not None:
        is_ours_landed = is_landing_branch(repository, own_name, ours, target.ref)
        # A branch that is looked at as merged into main must keep what main has, not the other way round.
        if not is_ours_landed or is_landing_branch(repository, view.merged_with, view.merged_with, target.ref):
            found.append(Settled.of(project, view.merged_with))
        if is_ours_landed:
            # A new branch at the target's commit has landed nothing itself: people know the target's name.
            is_at_target = target.ref is not None and repository.commit(ours) == repository.commit(target.ref)
            found.insert(0, Settled.of(project, target.ref if is_at_target and target.ref else own_name))
    base = target.ref and merge_base(repository, ours, target.ref)
    if target.ref and base:
        # The first is what `linear` compares with: what is merged, else the target.
        found.insert(0 if view.merged_with is None else len(found), Settled.of(project, target.ref, base))
    twin = landed_twin(repository, own_name, target.ref)
    if twin and (base := merge_base(repository, ours, twin)):
        found.append(Settled.of(project, twin, base))
    return tuple(found) or _why_none(project, ours, target)


def _why_none(project: Project, ours: str, target: Target) -> str:
    from branchmig.git.history import short_ref
    from branchmig.git.targets import DEPTHS

    repository = project.tracked
    if target.ref is None:
        return f"{target.reason}; {target.hint}" if target.reason else ""
    name = short_ref(target.ref)
    if repository.is_shallow:
        return (
            f"this clone is shallow: the commit at which {name} and {ours} part is not in it; "
            f"git fetch --unshallow ({DEPTHS})"
        )
    if repository.commit(ours) is None:
        return f"this branch has no commit yet, so it has none in common with {name}"
    return f"{ours} has no commit in common with {name}; if it lands elsewhere, name it: --target REF"
