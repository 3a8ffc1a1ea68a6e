"""Answers from the readable files if others are unreadable: names what it leaves out, refuses what needs all files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from branchmig import terminal
from branchmig.dag import RevisionDag
from branchmig.errors import GitError, RevisionGraphError, UnknownRevision
from branchmig.model import ShownPath
from branchmig.project.config import Invocation
from branchmig.project.project import Project, View
from branchmig.render.problems import relative


@contextmanager
def readable(view: View, shown_path: ShownPath) -> Iterator[RevisionDag]:
    """Give the graph of the files that can be read, and warn of each of the others.

    A revision that is not found within the block may lie in one of those, so they are then the error. Raises
    RevisionGraphError, at once, where the readable files alone are no lawful graph.
    """
    dag = view.readable_dag
    for problem in view.problems:
        terminal.warning(f"left out of this answer: {relative(problem.message, problem, shown_path)}")
    warn_of_unknown_labels(dag, shown_path)
    try:
        yield dag
    except UnknownRevision as error:
        if not view.problems:
            raise
        raise RevisionGraphError(view.problems) from error


def named(project: Project, invocation: Invocation, dag: RevisionDag, rev: str) -> tuple[str, ...]:
    """Return the revisions that an identifier names; `current` asks the database."""
    applied: tuple[str, ...] = ()
    if rev == "current" and rev not in dag.labels:
        from branchmig.database.reader import read_applied

        applied = read_applied(project, invocation, "show")
    with looked_for_elsewhere(project):
        return dag.resolve(rev, applied)


def warn_of_unknown_labels(dag: RevisionDag, shown_path: ShownPath) -> None:
    """Warn of labels that cannot be known, where an answer shows the labels of each revision."""
    for place in dag.unknown_labels:
        path, _, line = place.rpartition(":")
        terminal.warning(f"branch_labels at {shown_path(path)}:{line} cannot be known without running the file")


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
