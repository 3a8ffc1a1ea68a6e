"""PURE. Statements that maintain or lock tables, to changes: VACUUM, CLUSTER, REINDEX, REFRESH, LOCK."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from branchmig.effects.change import Change, ChangeKind
from branchmig.effects.sql_words import Statement


def on_object(kind: ChangeKind, what: str, name: tuple[str | None, str], *flags: str) -> Change:
    """Return a change of an object that is no table; a table may have the same name, since a view may replace one."""
    shown = ".".join(part for part in name if part)
    return Change(kind, f"{what} {shown}", table=name[1], schema=name[0], name=name[1], flags=frozenset(flags))


def vacuum(words: Statement) -> Iterator[Change]:
    """Read what follows VACUUM: with FULL, the table is rewritten."""
    options = words.inside() if words.peek().is_("(") else None
    is_full = options.has("FULL") if options is not None else words.take("FULL")
    while words.take_any("FREEZE", "VERBOSE", "ANALYZE"):
        pass
    if is_full:
        yield _rebuilt(words, "VACUUM FULL", "postgresql")


def _rebuilt(words: Statement, how: str, *flags: str) -> Change:
    name = words.name() if words and words.peek().kind in ("name", "quoted") else (None, "")
    return replace(on_object("rebuild-table", "writes table", name, *flags), what=f"rewrites table {name[1]}: {how}")


def cluster(words: Statement) -> Iterator[Change]:
    """Read what follows CLUSTER."""
    if words.peek().is_("("):
        words.inside()
    words.take("VERBOSE")
    yield _rebuilt(words, "CLUSTER", "postgresql")


def reindex(words: Statement) -> Iterator[Change]:
    """Read what follows REINDEX."""
    options = words.inside() if words.peek().is_("(") else None
    word = words.take_any("INDEX", "TABLE", "SCHEMA", "DATABASE", "SYSTEM")
    if words.take("CONCURRENTLY") or (options is not None and options.has("CONCURRENTLY")):
        return
    name = words.name() if words else (None, "")
    made = on_object("rebuild-table", f"rebuilds the indexes of {word.lower()}", name, "postgresql", "reindex")
    yield replace(made, table=name[1] if word == "TABLE" else "")


def refresh(words: Statement) -> Iterator[Change]:
    """Read what follows REFRESH MATERIALIZED VIEW."""
    words.take("MATERIALIZED", "VIEW")
    flags = ["concurrently"] if words.take("CONCURRENTLY") else []
    yield on_object("refresh-view", "refreshes view", words.name(), *flags)


_WEAK_LOCKS = ("ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE")


def lock(words: Statement) -> Iterator[Change]:
    """Read what follows LOCK TABLE, but for modes in which others can write."""
    words.take_any("TABLE", "TABLES")
    for statement in words.parts():
        statement.take("ONLY")
        name = statement.name()
        rest = statement.sql.upper()
        mode = rest.removeprefix("IN ").partition(" MODE")[0]
        if not (rest.startswith("IN ") and mode in _WEAK_LOCKS):
            yield on_object("lock-table", "locks table", name)
