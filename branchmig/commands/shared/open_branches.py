"""The git branches that are to land, and their target: the arguments of forecast and train."""

from __future__ import annotations

from branchmig.errors import GitError
from branchmig.git.history import commit_of
from branchmig.git.targets import find_target
from branchmig.project.project import Project


def target_of(project: Project, into: str | None, *, writes: bool = False) -> tuple[str, str]:
    """Return the branch that work lands in, with its commit.

    In CI, the settings of the checkout, a pull request's, do not name the branch whose template files are written with.
    """
    from branchmig.database.trusted import is_ci

    if writes and is_ci() and into is None:
        found = find_target(project.tracked, None, None)
        if found.ref is None:
            raise GitError(found.reason or "this repository has no commit yet", found.hint or "--target REF")
        return found.ref, commit_of(project.tracked, found.ref)
    target = project.target(into)
    return target, commit_of(project.tracked, target)


def branches_to_land(
    project: Project, names: tuple[str, ...], target: str, settled_at: str, *, pulls: bool = False
) -> dict[str, str]:
    """Return the branches to look at, with their commits: the pull requests, those named, or all.

    Raises GitError where no pull request was fetched: there may be any.
    """
    from branchmig.git.landing import open_branches, open_pulls

    if not names and not pulls:
        return open_branches(project.tracked, target, settled_at)
    found = open_pulls(project.tracked) if pulls else {}
    if pulls and not found:
        raise GitError(
            "this clone has no refs/pull/*/head, refs/merge-requests/*/head or refs/remotes/*/pr/*",
            "git fetch origin 'refs/pull/*/head:refs/pull/*/head'; on GitLab, merge-requests instead of pull",
        )
    return found | {name: commit_of(project.tracked, name) for name in names}
