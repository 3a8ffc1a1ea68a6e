"""What downgrades have set aside, as lines of text and as the JSON document of `branchmig kept`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

from branchmig.render.documents import VERSION
from branchmig.render.states import age_text, size_text
from branchmig.render.text import counted

if TYPE_CHECKING:
    from branchmig.database.keeping.setting_aside import Found


def kept_lines(found: Sequence[Found]) -> Iterator[str]:
    """`3  column users.nick  of ae10fc (12 rows, 8.2 kB, kept 2 days ago)`."""
    for database, rows in found:
        if len(found) > 1 and rows:
            yield f"{database}:"
        for kept in rows:
            what = "column" if kept.column else "table"
            size = "" if kept.size is None else f", {size_text(kept.size)}"
            age = age_text(time.time() - kept.kept_at.replace(tzinfo=UTC).timestamp())
            facts = f"{counted(kept.rows, 'row')}{size}, kept {age} ago"
            yield f"{kept.number}  {what} {kept}  of {kept.revision} ({facts})"


def kept_document(found: Sequence[Found]) -> dict[str, Any]:
    """What is set aside, in the order in which it was. Sizes are in bytes, times in UTC."""
    return {
        "version": VERSION,
        "kept": [
            {
                "number": kept.number,
                "database": database,
                "revision": kept.revision,
                "kind": "column" if kept.column else "table",
                "schema": kept.schema,
                "table": kept.table,
                "column": kept.column,
                "rows": kept.rows,
                "size": kept.size,
                "kept_at": kept.kept_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
            for database, rows in found
            for kept in rows
        ],
    }
