"""PURE. INSERT, UPDATE, DELETE and MERGE to changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from branchmig.effects.change import Change, ChangeKind
from branchmig.effects.sql_words import Statement

OWN_ROWS = "<own rows>"
"""Stands in a `source` for the table itself, where SQL does not name it beside those that it joins."""

_AFTER_WHERE = ("RETURNING", "ORDER", "LIMIT")


def _rows(kind: ChangeKind, verb: str, table: tuple[str | None, str], *flags: str) -> Change:
    shown = ".".join(part for part in table if part)
    return Change(kind, f"{verb} {shown}", table=table[1], schema=table[0], flags=frozenset(flags))


def _alias(words: Statement, *stops: str) -> str:
    words.take("AS")
    return "" if not words or words.peek().is_(*stops, ",", "(") else words.next().value


def _conditioned(change: Change, words: Statement) -> Change:
    """Add the WHERE, and that rows are limited, which cannot be followed."""
    flags = set(change.flags)
    condition = ""
    if words.take("WHERE"):
        condition = words.until(*_AFTER_WHERE).sql
        flags.add("where")
    is_limited = words.peek().is_("ORDER", "LIMIT")
    flags |= {"where", "joined"} if is_limited else set()
    return replace(change, condition=condition, flags=frozenset(flags), source="" if is_limited else change.source)


def update(words: Statement) -> Iterator[Change]:
    """Read what follows UPDATE."""
    while words.take_any("ONLY", "LOW_PRIORITY", "IGNORE"):
        pass
    if words.take("OR"):
        words.at += 1
    start = words.at
    table = words.name()
    alias = _alias(words, "SET", "JOIN", "INNER", "LEFT", "CROSS")
    flags = set() if words.peek().is_("SET") else {"joined"}
    words.until("SET")
    source = Statement(words.text, words.words[start : words.at]).sql if flags else ""
    words.take("SET")
    values = []
    for statement in words.until("FROM", "WHERE", *_AFTER_WHERE).parts():
        column = statement.next().value if not statement.peek().is_("(") else ""
        while statement.take("."):
            column = statement.next().value
        if not column or not statement.take("="):
            flags.add("joined")
            inside = statement.inside().words if statement.peek().is_("(") else ()
            values += [(word.value, "") for word in inside if word.kind in ("name", "quoted")]
            continue
        values.append((column, statement.sql))
    if words.take("FROM"):
        flags.add("joined")
        source = f"{OWN_ROWS}, {words.until('WHERE', 'RETURNING').sql}"
    made = replace(_rows("update", "updates", table, *flags), source=source)
    names = ", ".join(name for name, _ in values)
    made = replace(made, values=tuple(values), what=f"{made.what} ({names})", new_name=alias)
    yield _conditioned(made, words)


def delete(words: Statement) -> Iterator[Change]:
    """Read what follows DELETE."""
    while words.take_any("LOW_PRIORITY", "QUICK", "IGNORE"):
        pass
    targets = [] if words.peek().is_("FROM") else [words.name()[1]]  # DELETE a FROM a JOIN b …
    words.until("FROM")
    words.take("FROM")
    words.take("ONLY")
    joined = Statement(words.text, words.words[words.at :]).until("WHERE", *_AFTER_WHERE)
    table = words.name()
    alias = _alias(words, "WHERE", "USING", "JOIN", "INNER", "LEFT", "CROSS", *_AFTER_WHERE)
    others = words.until("WHERE", *_AFTER_WHERE)
    source = ""
    if others.take("USING"):
        source = f"{OWN_ROWS}, {others.sql}"
    elif targets or others:
        source = joined.sql
        named = dict(_tables_in(joined))
        table, alias = named.get((targets or [alias or table[1]])[0], table), (targets or [alias])[0]
    made = replace(_rows("delete", "deletes rows from", table, *(["joined"] if source else [])), source=source)
    yield _conditioned(replace(made, new_name=alias), words)


def _tables_in(joined: Statement) -> Iterator[tuple[str, tuple[str | None, str]]]:
    """Yield the tables of a FROM by their aliases."""
    while joined:
        table = joined.name()
        alias = _alias(joined, "JOIN", "INNER", "LEFT", "RIGHT", "CROSS", "ON", "USING", "STRAIGHT_JOIN")
        yield alias or table[1], table
        joined.until("JOIN", "STRAIGHT_JOIN", ",")
        joined.at += 1


def insert(words: Statement) -> Iterator[Change]:
    """Read what follows INSERT or REPLACE."""
    flags = {"replace"} if words.words[0].is_("REPLACE") else set()
    while word := words.take_any("OR", "LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE"):
        if word == "OR" and words.next().is_("REPLACE"):
            flags.add("replace")
    words.take("INTO")
    table = words.name()
    made = _rows("insert", "inserts rows into", table)
    _alias(words, "SELECT", "VALUES", "VALUE", "DEFAULT", "SET", "WITH", "OVERRIDING", "TABLE")
    if words.peek().is_("(") and not words.peek(1).is_("SELECT", "WITH"):
        made = replace(made, columns=tuple(part.words[0].value for part in words.inside().parts() if part.words))
    start = words.at
    is_plain = words.peek().is_("SELECT", "VALUES", "WITH") and not words.has("ON", "CONFLICT")
    source = words.until("RETURNING").sql if is_plain else ""
    words.at = start
    if words.has("SELECT"):
        flags.add("select")
        made = copied_rows(made, words)
    words.at = start
    made = replace(made, source=source)
    if words.has("DO", "UPDATE") or words.has("ON", "DUPLICATE"):
        flags.add("upsert")
    yield replace(made, flags=made.flags | flags)


def copied_rows(made: Change, words: Statement) -> Change:
    """Return a change with what its SELECT takes from where."""
    words.until("SELECT")
    words.take("SELECT")
    chosen = words.until("FROM").sql
    made = replace(made, values=tuple((part.strip(), "") for part in chosen.split(",")))
    flags = {"every-column"} if chosen.rpartition(".")[2].strip() == "*" else set()
    if words.take("FROM"):
        schema, name = words.name()
        flags |= {"where"} if words.has("WHERE") or words.has("LIMIT") or words.has("JOIN") else set()
        made = replace(made, target=name, target_schema=schema)
    return replace(made, flags=made.flags | flags)


def merge(words: Statement) -> Iterator[Change]:
    """Read what follows MERGE: rows may be changed, or deleted."""
    words.take("INTO")
    table = words.name()
    if words.has("DELETE"):
        yield _rows("delete", "merges, and deletes rows from", table, "where", "joined")
    yield _rows("update", "merges rows into", table, "where", "joined")
