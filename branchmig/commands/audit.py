"""`branchmig audit`."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from branchmig import terminal
from branchmig.commands.shared.flow import confirm, say
from branchmig.commands.shared.options import REVISION_TEXT, dry_run_option, format_option, pass_invocation, yes_option
from branchmig.errors import ConfigurationError, OutputFailed
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render.audit import audit_entry, audit_lines
from branchmig.render.colours import audit_pieces


class Moment(click.ParamType):  # type: ignore[type-arg]  # generic only in click 8.4 and later
    """A time in ISO 8601, UTC unless it says otherwise; a day alone begins, or ends, at midnight."""

    name = "time"

    def __init__(self, *, is_end: bool) -> None:
        self._is_end = is_end

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time in UTC, without a zone, as the journal has it."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time: write 2026-01-31, or 2026-01-31T12:00", param, ctx)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC).replace(tzinfo=None)
        return moment + timedelta(days=1) if self._is_end and len(value) <= len("2026-01-31") else moment


@click.command("audit")
@click.option("--revision", metavar="REV", type=REVISION_TEXT, help="Only this revision: an id, or a prefix of one.")
@click.option("--since", type=Moment(is_end=False), help="Only from this time on.")
@click.option("--until", type=Moment(is_end=True), help="Only before this time, or to the end of this day.")
@click.option("--commit", metavar="COMMIT", help="Only what ran from this git commit: an id, or a prefix of one.")
@click.option("--limit", type=click.IntRange(min=1), help="At most this number of entries.")
@click.option(
    "--archive",
    metavar="FILE",
    type=click.Path(),
    help="Move the entries that no plan needs into a new FILE, a line of JSON each; with --until, only older ones.",
)
@format_option
@dry_run_option
@yes_option
@pass_invocation
def command(
    invocation: Invocation,
    revision: str | None,
    since: datetime | None,
    until: datetime | None,
    commit: str | None,
    limit: int | None,
    archive: str | None,
    format_: str,
    dry_run: bool,
    is_agreed: bool,
) -> None:
    """List what ran on a database, newest first.

    Times are in UTC. 'found' and 'gone': another tool applied or reverted the revision since the entry before.
    'failed': the run failed and left its revision unchanged.
    """
    from branchmig.database.journal.journal_table import EntryFilter
    from branchmig.database.reader import read_journals

    project = Project.open(invocation.files)
    if archive is not None:
        if revision or since or commit or limit:
            raise click.UsageError("--archive goes with --until alone")
        _archive(project, invocation, archive, until, dry_run=dry_run, is_agreed=is_agreed)
        return
    pages = read_journals(project, invocation, EntryFilter(revision or "", commit or "", since, until, limit))
    if not project.config.settings.journal and not any(page.entries for page in pages):
        raise ConfigurationError("this project keeps no journal", "to keep a journal from now on: branchmig adopt")
    if format_ == "json":
        entries = [audit_entry(entry, page.title) for page in pages for entry in page.entries]
        terminal.document({"version": 1, "entries": entries})
        return
    for page in pages:
        lines = audit_lines(page.entries, page.database_id)
        terminal.painted_answer((f"{page.title}: {line}" for line in lines) if len(pages) > 1 else lines, audit_pieces)


def _archive(
    project: Project, invocation: Invocation, path: str, until: datetime | None, *, dry_run: bool, is_agreed: bool
) -> None:
    """Write what no plan needs into a file, then take it out of the journal."""
    from branchmig.database.journal.archiving import archive
    from branchmig.database.reader import dispensable_of_journals
    from branchmig.database.run.environment import Environment

    if os.path.lexists(path):
        raise OutputFailed(f"{path} is there already", "name a new file: --archive FILE")
    count, times = dispensable_of_journals(project, invocation, until)
    if not count:
        terminal.note("Nothing to archive: every entry is the last one of its revision, or newer.")
        return
    terminal.answer([f"{count} entries, from {times[0]:%Y-%m-%d} to {times[-1]:%Y-%m-%d}"])
    confirm(f"Move them into {path}?", is_agreed, dry_run=dry_run)
    number = archive(Environment(project, invocation, "audit"), path, until)
    say(invocation, f"Moved {number} entries into {path}.")
