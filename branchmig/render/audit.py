"""The journal as lines of text and as a JSON document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from branchmig.planning.journal_state import Entry


def audit_lines(entries: Iterable[Entry], database_id: str = "") -> Iterator[str]:
    """`2026-11-25 07:40:12 UTC  upgrade   ae10fc  main 1a2b3c4d5e  ada@host  12 ms  add users`, a line for each entry.

    Below it what an auditor must not miss: what failed, and what was recorded on another database than `database_id`.
    """
    found = list(entries)
    shown = [_fields(entry) for entry in found]
    widths = [max((len(fields[column]) for fields in shown), default=0) for column in range(6)]
    for entry, (*fields, message) in zip(found, shown, strict=True):
        columns = [field.ljust(width) for field, width in zip(fields, widths, strict=True)]
        yield "  ".join([*columns, message]).rstrip()
        if entry.detail:
            yield f"  {entry.detail}"
        if _is_elsewhere(entry, database_id):
            yield f"  recorded on another database: {entry.database_url}"


def _is_elsewhere(entry: Entry, database_id: str) -> bool:
    """Return whether an entry is of another database; not where a role could not ask which one it is."""
    known = [name for name in (entry.database_id, database_id) if name and not name.startswith("?")]
    return len(known) == 2 and known[0] != known[1]


def audit_entry(entry: Entry, database: str) -> dict[str, Any]:
    """One entry, everything that was recorded."""
    return {
        "database": database,
        "version_table": entry.version_table,
        "revision": entry.revision,
        "direction": entry.direction,
        "started_at": f"{entry.started_at.isoformat(timespec='microseconds')}Z",
        "duration_ms": entry.duration_ms,
        "git_commit": entry.git_commit,
        "git_branch": entry.git_branch,
        "blob": entry.blob,
        "fingerprint": entry.fingerprint,
        "parents": None if entry.parents is None else list(entry.parents),
        "rows_after": None if entry.rows_after is None else list(entry.rows_after),
        "who": entry.who,
        "host": entry.host,
        "tool": entry.tool,
        "message": entry.message,
        "detail": entry.detail,
        "role": entry.role,
        "deployed_by": entry.deployed_by,
        "recorded_database": entry.database_url,
        "database_id": entry.database_id,
        "in_commit": entry.in_commit,
    }


def _who(entry: Entry) -> str:
    """Return who ran a step: the system's user and host, the database's role, and whom it was for."""
    role = f" as {entry.role}" if entry.role else ""
    deployed_by = f" for {entry.deployed_by}" if entry.deployed_by else ""
    return f"{entry.who or '?'}@{entry.host or '?'}{role}{deployed_by}"


def _fields(entry: Entry) -> tuple[str, ...]:
    where = " ".join(part for part in (entry.git_branch, (entry.git_commit or "")[:10]) if part)
    return (
        f"{entry.started_at:%Y-%m-%d %H:%M:%S} UTC",
        entry.direction,
        entry.revision,
        f"{where} (not committed)" if entry.in_commit is False else where or "-",
        _who(entry),
        f"{entry.duration_ms} ms" if entry.direction in ("upgrade", "downgrade", "failed") else "",
        entry.message or "",
    )
