"""`branchmig audit`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from branchmig import terminal
from branchmig.commands.options import REVISION_TEXT, format_option, pass_invocation
from branchmig.errors import ConfigurationError
from branchmig.project import Project
from branchmig.render.audit import audit_entry, audit_lines

if TYPE_CHECKING:
    from branchmig.config import Invocation
    from branchmig.ledger import Entry


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
@click.option("--revision", metavar="REV", type=REVISION_TEXT, help="Only this revision: an id, or how it begins.")
@click.option("--since", type=Moment(is_end=False), help="Only from this time on.")
@click.option("--until", type=Moment(is_end=True), help="Only before this time, or to the end of this day.")
@click.option("--commit", metavar="COMMIT", help="Only what ran from this git commit: an id, or how it begins.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many entries.")
@format_option
@pass_invocation
def command(
    invocation: Invocation,
    revision: str | None,
    since: datetime | None,
    until: datetime | None,
    commit: str | None,
    limit: int | None,
    format_: str,
) -> None:
    """Show what has run on a database, newest first.

    Times are UTC. 'found' and 'gone' are what something else than branchmig has done since the entry before.
    """
    from branchmig.database.reader import read_journals

    project = Project.open(invocation.files)
    journals = read_journals(project, invocation)
    if not project.config.settings.journal and not any(entries for _, entries in journals):
        raise ConfigurationError("this project keeps no journal", "keep one from now on: branchmig adopt")

    def is_wanted(entry: Entry) -> bool:
        return (
            entry.revision.startswith(revision or "")
            and (entry.git_commit or "").startswith(commit or "")
            and (since is None or entry.started_at >= since)
            and (until is None or entry.started_at < until)
        )

    shown = [(url, list(filter(is_wanted, reversed(entries)))[:limit]) for url, entries in journals]
    if format_ == "json":
        terminal.document({"version": 1, "entries": [audit_entry(one, url) for url, found in shown for one in found]})
        return
    for url, entries in shown:
        if len(shown) > 1:
            terminal.answer([f"{url}:"])
        terminal.answer(audit_lines(entries))
