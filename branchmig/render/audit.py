"""The journal as lines of text and as a JSON document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from branchmig.ledger import Entry


def audit_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """`2026-11-25 07:40:12 UTC  upgrade   ae10fc  main 1a2b3c4d5e  ada@host  12 ms`, a line for each entry."""
    shown = [_fields(entry) for entry in entries]
    widths = [max((len(fields[column]) for fields in shown), default=0) for column in range(5)]
    for *fields, duration in shown:
        columns = [field.ljust(width) for field, width in zip(fields, widths, strict=True)]
        yield "  ".join([*columns, duration]).rstrip()


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
    }


def _fields(entry: Entry) -> tuple[str, ...]:
    where = " ".join(part for part in (entry.git_branch, (entry.git_commit or "")[:10]) if part)
    return (
        f"{entry.started_at:%Y-%m-%d %H:%M:%S} UTC",
        entry.direction,
        entry.revision,
        where or "-",
        f"{entry.who or '?'}@{entry.host or '?'}",
        f"{entry.duration_ms} ms" if entry.direction in ("upgrade", "downgrade") else "",
    )
