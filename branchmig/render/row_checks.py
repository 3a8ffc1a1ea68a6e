"""The answers of the live rows to pending revisions, as text and as a JSON document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from branchmig.render.documents import VERSION
from branchmig.render.text import counted

if TYPE_CHECKING:
    from branchmig.database.row_checks import CheckedRows


def check_lines(checked: Sequence[CheckedRows]) -> Iterator[str]:
    """Yield the broken needs, then the unchecked ones, then the verdict."""
    for database in checked:
        title = f"{database.database}: " if len(checked) > 1 else ""
        for violation in database.violations:
            yield f"{title}{violation}"
        for cannot in database.unchecked:
            place = f" of {cannot.object}" if cannot.object else ""
            yield f"{title}not checked: {cannot.code}{place}, revision {cannot.revision}: {cannot.reason}"
        if not database.violations:
            word = "ok" if database.is_ok else "cannot tell"
            yield f"{title}{word}: no row is in the way of {counted(database.pending, 'pending revision')}"


def check_document(checked: Sequence[CheckedRows]) -> dict[str, Any]:
    """Return the document; where env.py has several databases, each entry names its own."""
    are_several = len(checked) > 1
    return {
        "version": VERSION,
        "ok": all(database.is_ok for database in checked),
        "checks": [
            {
                "code": violation.code,
                "revision": violation.revision,
                "object": violation.object,
                "rows": violation.rows,
                "sample": [dict(key) for key in violation.sample],
                **({"database": database.database} if are_several else {}),
            }
            for database in checked
            for violation in database.violations
        ],
        "unchecked": [
            {
                "code": cannot.code,
                "revision": cannot.revision,
                "object": cannot.object,
                "reason": cannot.reason,
                **({"database": database.database} if are_several else {}),
            }
            for database in checked
            for cannot in database.unchecked
        ],
    }
