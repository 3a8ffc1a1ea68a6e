"""`branchmig current`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from branchmig import terminal
from branchmig.commands.shared.flow import say
from branchmig.commands.shared.options import format_option, pass_invocation, verbose_option
from branchmig.commands.shared.readable import readable
from branchmig.dag import RevisionDag
from branchmig.errors import DatabaseBehind, OrphanRevision
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render.documents import revision_entry
from branchmig.render.problems import left_out
from branchmig.render.text import current_line, entry, rows_text

if TYPE_CHECKING:
    from branchmig.database.reader import VersionRows
    from branchmig.planning.journal_state import Ledger

WITHOUT_JOURNAL = (
    "note:  the heads are the rows of the version table; whether all below them has run cannot be known without the "
    "journal (branchmig adopt)"
)


@click.command("current")
@click.option("-c", "--check-heads", is_flag=True, help="Exit with 1 unless everything is applied.")
@click.option(
    "--allow-ahead", is_flag=True, help="With --check-heads: also accept a database that is ahead of this checkout."
)
@verbose_option
@format_option
@pass_invocation
def command(invocation: Invocation, check_heads: bool, allow_ahead: bool, verbose: bool, format_: str) -> None:
    """Show the revisions that a database is at."""
    project = Project.open(invocation.files)
    if allow_ahead and _show_ahead(project, invocation, check_heads, format_):
        return
    if check_heads:
        _ = project.dag  # a file that cannot be read may be above what looks like a head
    with readable(project.worktree, project.shown_path) as dag:
        databases = _databases(project, invocation, {"check_heads": check_heads, "verbose": verbose})
    for database in databases:
        if database.ledger is not None:
            _check_journal(database.ledger, project, check_heads)
    if check_heads:
        _refuse_behind(project.dag, databases)
        if not project.config.settings.journal:
            say(invocation, WITHOUT_JOURNAL)
    if format_ == "json":
        _show_document(project, dag, databases)
        return
    for database in databases:
        shown = [dag[revision_id] for revision_id in _tips(dag, database.rows)]
        if verbose:
            # Alembic's words; of several tenants in one database, each by its version table.
            name = database.title if len(databases) > 1 and database.title else database.url
            terminal.answer([f"Current revision(s) for {name}:"])
            terminal.answer(entry(dag, revision, project.worktree.docstring_of(revision)) for revision in shown)
        else:
            terminal.answer(current_line(dag, revision) for revision in shown)


def _databases(project: Project, invocation: Invocation, options: Mapping[str, object]) -> list[VersionRows]:
    """Return the rows of each database; where all that the checkout lacks is retired, in the checkout's own terms."""
    from branchmig.database.reader import VersionRows, read_version_rows

    try:
        return read_version_rows(project, invocation, "current", options)
    except OrphanRevision:
        from branchmig.workflows.status import rows_past_retired, standing

        found = standing(project, invocation).databases or ()
        rows = [rows_past_retired(project.dag, database) for database in found]
        if None in rows or not rows:
            raise
        for database in found:
            reasons = {revision_id: database.absences[revision_id].reason for revision_id in database.retired}
            terminal.note(*(f"note:  {name} {reason}; it stays applied" for name, reason in reasons.items()))
        return [VersionRows(database.name, at) for database, at in zip(found, rows, strict=True) if at is not None]


def _show_ahead(project: Project, invocation: Invocation, check_heads: bool, format_: str) -> bool:
    """Show what the databases are at where one is ahead. Returns whether one is; raises DatabaseBehind, NotAhead."""
    from branchmig.database.reader import databases_ahead, read_rows_as_they_are
    from branchmig.database.run.environment import Environment

    if not check_heads:
        raise click.UsageError("--allow-ahead goes with --check-heads")
    ahead = databases_ahead(Environment(project, invocation, "current", {"check_heads": True}))
    if not ahead:
        return False
    databases = [
        replace(rows, rows=tuple(sorted(rows.rows))) for rows in read_rows_as_they_are(project, invocation, "current")
    ]
    _refuse_behind(project.dag, [rows for rows in databases if rows.rows not in ahead])
    if format_ == "json":
        entries = [
            {"url": rows.url, "heads": list(rows.rows), "revisions": [], "ahead": list(ahead.get(rows.rows, ()))}
            for rows in databases
        ]
        terminal.document({"version": 1, "databases": entries})
        return True
    for database in databases:
        is_ahead = " (ahead of this checkout)" if database.rows in ahead else " (head)"
        terminal.answer(f"{row}{is_ahead}" for row in database.rows)
    return True


def _check_journal(ledger: Ledger, project: Project, check_heads: bool) -> None:
    """Warn of edited revisions. Raises SkippedRevisions where heads are checked, else warns of them too."""
    from branchmig.database.journal.journal_rules import skipped_error, warn_of_edits

    if ledger.skipped:
        error = skipped_error(ledger.skipped, project)
        if check_heads:
            raise error
        terminal.warning(error.message)
    warn_of_edits(ledger, project)


def _refuse_behind(dag: RevisionDag, databases: list[VersionRows]) -> None:
    heads = dag.heads(dependencies=True)
    for database in databases:
        if database.rows != heads:
            name = f" ({database.title})" if len(databases) > 1 and database.title else ""
            raise DatabaseBehind(
                f"Database is not on all head revisions{name}: it is at {rows_text(database.rows)}, "
                f"the heads are {rows_text(heads)}",
                "branchmig upgrade heads",
            )


def _tips(dag: RevisionDag, rows: tuple[str, ...]) -> list[str]:
    """Return the tip of each applied branch: rows, and heads that are only held through a dependency."""
    applied = dag.ancestors(rows).union(rows)
    return sorted(applied - dag.ancestors_within(applied))


def _show_document(project: Project, dag: RevisionDag, databases: list[VersionRows]) -> None:
    entries = [
        {
            "url": database.url,
            "heads": list(database.rows),
            "revisions": [revision_entry(dag, dag[row], project.shown_path) for row in database.rows],
        }
        for database in databases
    ]
    more = left_out(project.worktree.problems, project.shown_path)
    terminal.document({"version": 1, "databases": entries, **more})
