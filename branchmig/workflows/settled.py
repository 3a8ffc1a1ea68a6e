"""Finds revisions that must not change any more: landed in the target, or on either side of a merge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchmig.git.history import DEPTHS, commit_of, merge_base, short_ref
from branchmig.git.landed import is_landing_branch, is_landing_name, landed_twin, name_of, without_remote
from branchmig.project.project import INDEX, WORKTREE, Project, View

if TYPE_CHECKING:
    from branchmig.git.repository import Repository
    from branchmig.git.targets import Target
    from branchmig.project.layout import Layout


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
        tip = commit_of(project.tracked, ref)
        return cls(short_ref(ref), base or tip, tip, short_ref(ref))


def settled_work(project: Project, view: View, target: Target, landed: Mapping[str, str]) -> tuple[Settled, ...] | str:
    """Return the settled revisions: the target's at the merge base, and what either side of a merge has landed.

    `landed` are commits by the names of their branches. Without any, the reason why nothing is known to be settled;
    empty where nothing can have landed yet.
    """
    repository = project.repository
    if repository is None:
        return target.reason
    ours = "HEAD" if view.at in (WORKTREE, INDEX) else view.at
    own_name = name_of(repository, ours)
    there = _parted(repository, ours, target)
    found = [Settled(name, commit, commit, commit[:10]) for name, commit in landed.items()]
    if view.merged_with is not None:
        found = [*_of_sides(project, view, ours, own_name, target), *found]
    # The first is what `linear` compares with: what is merged, else the target.
    found = [*found, *there] if view.merged_with is not None else [*there, *found]
    short = without_remote(repository, own_name)
    if target.ref is None or short != without_remote(repository, target.ref):
        protected = protected_branches(project, view, target.ref, there)
        twin = landed_twin(repository, short) if is_landing_name(short, protected) else None
        if twin and (base := merge_base(repository, ours, twin)):
            found.append(Settled.of(project, twin, base))
    return tuple(found) or _why_none(project, ours, target)


def _parted(repository: Repository, ours: str, target: Target) -> tuple[Settled, ...]:
    """Return what the target has landed at the merge base with a place; empty if there is no known merge base."""
    base = target.ref and merge_base(repository, ours, target.ref)
    if not target.ref or not base:
        return ()
    name = short_ref(target.ref)
    return (Settled(name, base, target.commit or commit_of(repository, target.ref), name),)


def _of_sides(project: Project, view: View, ours: str, own_name: str, target: Target) -> list[Settled]:
    repository, theirs = project.tracked, view.merged_with or ""
    protected = protected_branches(project, view, target.ref)
    is_ours_landed = is_landing_branch(repository, own_name, ours, target.ref, protected)
    found = []
    if is_ours_landed:
        # A new branch at the target's commit has landed nothing itself: people know the target's name.
        is_at_target = target.ref is not None and repository.commit(ours) == repository.commit(target.ref)
        found = [Settled.of(project, target.ref if is_at_target and target.ref else own_name)]
    # A branch that is looked at as merged into main must keep what main has, not the other way round.
    if not is_ours_landed or is_landing_branch(repository, theirs, theirs, target.ref, protected):
        found.append(Settled.of(project, theirs))
    return found


def protected_branches(
    project: Project, view: View | None, target: str | None, there: Sequence[Settled] = ()
) -> Sequence[str] | None:
    """Return what the settings of the target, else those of the place, say of the branches that hold landed work."""
    layout = layout_of_target(project, view, target, there)
    own = project.config if view is None else project.config_of(view)
    return (own if layout is None else layout.config).settings.protected


def layout_of_target(
    project: Project, view: View | None, target: str | None, there: Sequence[Settled] = ()
) -> Layout | None:
    """Return the layout of the branch that work lands in; None where it has none.

    `there` is what is settled of it, where that was asked: a place that has all of the target and the same settings
    answers without another question to git.
    """
    from branchmig.project.layout import Layout
    from branchmig.workflows.changed_files import has_settings_of

    if target is None:
        return None
    has_all = view is not None and view.merged_with is None and any(settled.tip == settled.base for settled in there)
    if view is not None and has_all and has_settings_of(project, view, there[0].base):
        return project.layout_of(view)
    name = there[0].tip if there else target
    found = project.layouts.of_commits({target: name})[target]
    return found if isinstance(found, Layout) else None


def _why_none(project: Project, ours: str, target: Target) -> str:
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
