"""Names the git branch that has a revision which the user typed and the checkout lacks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from branchmig.errors import GitError, UnknownRevision
from branchmig.project.project import Project


@contextmanager
def looked_for_elsewhere(project: Project) -> Iterator[None]:
    """Add to an UnknownRevision of the block where git has the revision, if it has one of just that id."""
    try:
        yield
    except UnknownRevision as error:
        raise _found(project, error) from error


def _found(project: Project, error: UnknownRevision) -> UnknownRevision:
    from branchmig.git.orphans import locate

    try:
        repository = project.repository
        if repository is None:
            return error
        at = locate(repository, project.folders_ever, error.identifier, is_recursive=project.config.is_recursive)
    except GitError:
        return error
    if at is None or not at.commit:
        return error
    where = f"{at.branch}, commit" if at.branch else "commit"
    path = project.shown_path(f"{repository.top}/{at.path}")
    return UnknownRevision(
        f"{error.message} in this checkout: it is on {where} {at.commit[:10]} by {at.author}, {path}",
        f"to look at it: branchmig show {error.identifier} --at {at.branch or at.commit[:10]}",
        error.identifier,
    )
