"""The git branches that are to land, and where: what forecast and train are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from branchmig.project.project import Project


def target_of(project: Project, into: str | None) -> tuple[str, str]:
    """Return the branch that work lands in, with its commit."""
    from branchmig.git.history import commit_of

    target = project.target(into)
    return target, commit_of(project.tracked, target)


def branches_to_land(
    project: Project, names: tuple[str, ...], target: str, settled_at: str, *, pulls: bool = False
) -> dict[str, str]:
    """Return the branches to look at, with their commits: the pull requests, those named, or all."""
    from branchmig.git.history import commit_of
    from branchmig.git.landing import open_branches, open_pulls

    if not names and not pulls:
        return open_branches(project.tracked, target, settled_at)
    found = open_pulls(project.tracked) if pulls else {}
    return found | {name: commit_of(project.tracked, name) for name in names}
