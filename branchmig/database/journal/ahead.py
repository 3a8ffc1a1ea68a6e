"""Decides whether a database is ahead of the checkout: it has applied the whole checkout, and revisions above it.

That is old code on a newer database, as after a rollback of a deployment. What is between is known from the journal
(the parents as they were applied), else from git, where it has the revision.
"""

from __future__ import annotations

from collections.abc import Sequence

from alembic.runtime.migration import MigrationContext

from branchmig.dag import RevisionDag
from branchmig.database.journal.journal import ledger_of
from branchmig.database.journal.journal_rules import skipped_error
from branchmig.errors import EnvironmentFailed, GitError, NotAhead, RevisionGraphError, SkippedRevisions
from branchmig.planning.journal_state import Ledger
from branchmig.project.project import Project


def beyond_checkout(context: MigrationContext, project: Project, rows: Sequence[str]) -> tuple[str, ...]:
    """Return what a database has applied beyond the checkout; nothing where the checkout has its rows.

    Raises NotAhead where it does not lie above all that the checkout has, or that cannot be known; SkippedRevisions.
    """
    lacking = sorted(row for row in map(str, rows) if row not in project.dag)
    # NULL, and a checkout without revisions, have an error of their own when it comes to the plan.
    if not lacking or not all(rows) or not len(project.dag):
        return ()
    return applied_outside_graph(ledger_of(context, project, tuple(rows)), lacking, project)


def is_ahead_by_journal(context: MigrationContext, project: Project, rows: Sequence[str]) -> bool:
    """Return whether the journal shows that all that the checkout has is applied, and more above it."""
    try:
        ledger = ledger_of(context, project, tuple(map(str, rows)))
        lacking = [row for row in ledger.rows if row not in project.dag]
        is_known = bool(lacking) and all(row in ledger.parents_as_applied for row in lacking)
        return is_known and len(project.dag) > 0 and bool(applied_outside_graph(ledger, lacking, project))
    except (NotAhead, SkippedRevisions, EnvironmentFailed, RevisionGraphError):
        return False


def applied_outside_graph(ledger: Ledger, lacking: Sequence[str], project: Project) -> tuple[str, ...]:
    """Return the applied revisions beyond the checkout, below the rows that the checkout lacks.

    Raises NotAhead where that cannot be known, SkippedRevisions where the journal knows of some.
    """
    if ledger.skipped:
        raise skipped_error(ledger.skipped, project)
    if all(row in ledger.parents_as_applied for row in lacking):
        active, beyond, basis = ledger.active, ledger.beyond, "the journal"
    else:
        active, beyond = _by_git(ledger, lacking, project)
        basis = "git"
    missing = [head for head in project.dag.heads(dependencies=True) if head not in active]
    if missing:
        raise NotAhead(
            f"the database is at {', '.join(ledger.rows)}, and not ahead of this checkout: "
            f"{', '.join(missing)} is not applied, as {basis} says",
            "switch to the git branch that the database follows, or 'branchmig status' for the whole picture",
            lacking[0],
        )
    return beyond


def _by_git(ledger: Ledger, lacking: Sequence[str], project: Project) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return all that the rows stand for, and what of it this checkout lacks, in the graphs of git's commits."""
    active = set(ledger.rows)
    for row in lacking:
        dag = _dag_with(row, project)
        if dag is None or row not in dag:
            raise NotAhead(
                f"the database is at {row!r}, a revision that this checkout does not have; whether all of this "
                "checkout is below it cannot be known: neither the journal nor git has it",
                "keep a journal (branchmig adopt), or run with --allow-ahead where git has the revision's branch",
                row,
            )
        active |= dag.ancestors([row])
    here = [row for row in ledger.rows if row in project.dag]
    active |= project.dag.ancestors(here)
    return frozenset(active), tuple(sorted(name for name in active if name not in project.dag))


def _dag_with(row: str, project: Project) -> RevisionDag | None:
    from branchmig.git.orphans import locate

    try:
        repository = project.repository
        if repository is None:
            return None
        found = locate(repository, project.folders_ever, row, is_recursive=project.config.is_recursive)
        return None if found is None else project.tree_view(found.commit).dag
    except (GitError, RevisionGraphError):
        return None
