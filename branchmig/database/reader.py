"""Reads the version rows of a database through env.py; writes nothing, not even the version table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from alembic.runtime.migration import MigrationContext

from branchmig import terminal
from branchmig.database.run.environment import Environment
from branchmig.database.run_state import version_table
from branchmig.errors import EnvironmentFailed
from branchmig.masking import masked
from branchmig.planning.plan import check_applied
from branchmig.project.config import Invocation
from branchmig.project.project import Project

if TYPE_CHECKING:
    from branchmig.database.journal.journal_table import EntryFilter
    from branchmig.planning.journal_state import Entry, Ledger


@dataclass(frozen=True, slots=True)
class VersionRows:
    """The rows of one version table, sorted, and the database they are in: a URL with its password masked.

    `title` names the version table where the URL does not say it all: one of several tenants.
    `ledger` is what its journal says of them; None where the settings have no journal.
    """

    url: str
    rows: tuple[str, ...]
    ledger: Ledger | None = field(default=None, compare=False)
    title: str = ""


def read_version_rows(
    project: Project, invocation: Invocation, command: str, options: Mapping[str, Any] | None = None
) -> list[VersionRows]:
    """Return the rows of each version table that env.py opens.

    Raises EnvironmentFailed, and what plan.check_applied raises for rows that no sound database holds.
    """

    def checked(rows: tuple[str, ...]) -> tuple[str, ...]:
        return project.rows_in_graph(lambda dag: check_applied(dag, rows))

    return _read(project, invocation, command, options, checked)


def read_rows_as_they_are(project: Project, invocation: Invocation, command: str) -> list[VersionRows]:
    """Return the rows of each version table that env.py opens, whatever they hold. Raises EnvironmentFailed."""
    return _read(project, invocation, command, None, lambda rows: rows)


def _read(
    project: Project,
    invocation: Invocation,
    command: str,
    options: Mapping[str, Any] | None,
    settled: Callable[[tuple[str, ...]], tuple[str, ...]],
) -> list[VersionRows]:
    def look(rows: tuple[str, ...], context: MigrationContext) -> VersionRows:
        known = settled(rows)
        return VersionRows(_url(context), known, _ledger(context, project, known), _title(context))

    return Environment(project, invocation, command, options).ask(look)


@dataclass(frozen=True, slots=True)
class JournalPage:
    """Entries of one version table's journal, and which database that is now: its title, and what the server says."""

    title: str
    database_id: str
    entries: tuple[Entry, ...]


def read_journals(project: Project, invocation: Invocation, chosen: EntryFilter) -> list[JournalPage]:
    """Return the wanted journal entries of each version table that env.py opens, newest first."""
    from branchmig.database.identity import identity_of
    from branchmig.database.journal.journal_table import chosen_entries

    def look(_: tuple[str, ...], context: MigrationContext) -> JournalPage:
        return JournalPage(_title(context), identity_of(context).recorded, chosen_entries(context, chosen))

    return Environment(project, invocation, "current").ask(look)


def dispensable_of_journals(
    project: Project, invocation: Invocation, until: datetime | None
) -> tuple[int, tuple[datetime, ...]]:
    """Return how many entries no plan needs, of all version tables that env.py opens, and their times, sorted."""
    from branchmig.database.journal.journal_table import dispensable_period

    found = Environment(project, invocation, "current").ask(lambda _, context: dispensable_period(context, until))
    return sum(number for number, _ in found), tuple(sorted(time for _, times in found for time in times))


def _url(context: MigrationContext) -> str:
    return "" if context.connection is None else masked(str(context.connection.engine.url))


def _title(context: MigrationContext) -> str:
    table = version_table(context)
    return "" if table is None else table.title


def _ledger(context: MigrationContext, project: Project, rows: tuple[str, ...]) -> Ledger | None:
    # Where some files cannot be read, nobody knows what was edited or skipped.
    if not project.config.settings.journal or project.worktree.problems:
        return None
    from branchmig.database.journal.journal import ledger_of

    try:
        return ledger_of(context, project, rows)
    except EnvironmentFailed as error:
        # A monitoring role may read the version table alone: that is what was asked for.
        terminal.warning(error.message)
        return None


def read_applied(project: Project, invocation: Invocation, command: str) -> tuple[str, ...]:
    """Return the rows of all version tables that env.py opens, each once, sorted."""
    return tuple(sorted({row for found in read_version_rows(project, invocation, command) for row in found.rows}))


def databases_ahead(environment: Environment, **options: Any) -> Mapping[tuple[str, ...], tuple[str, ...]]:
    """Return the rows of each version table that is ahead of the checkout, with what it has applied beyond it.

    Those whose rows the checkout has are left out. Raises NotAhead where rows are unknown here, and it does not lie
    above all that the checkout has, or that cannot be known; SkippedRevisions where the journal knows of some.
    """
    from branchmig.database.journal.ahead import beyond_checkout

    def look(rows: tuple[str, ...], context: MigrationContext) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return tuple(sorted(map(str, rows))), beyond_checkout(context, environment.project, rows)

    return {rows: beyond for rows, beyond in environment.ask(look, **options) if beyond}
