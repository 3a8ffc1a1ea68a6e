"""PURE. Conditions in SQL that select the rows against a partition's bounds, an exclusion or a domain's check."""

from __future__ import annotations

import re
from typing import NamedTuple

from branchmig.effects.dialects import literal
from branchmig.effects.sql_words import Statement, words_of


class Partitioning(NamedTuple):
    """How PostgreSQL divides a table: `key` as `RANGE (id, day)`; what the catalog has of its partitions, if asked.

    `path` is the table's name in SQL, `others` a condition that rows of its other partitions meet.
    """

    key: str
    path: str = ""
    others: str = ""
    default: tuple[str | None, str] | None = None


def outside_partition(bound: str, by: Partitioning) -> str | None:
    """Return the condition of rows that do not belong to a partition, given its bound; None where it cannot be said.

    `bound` is `FOR VALUES FROM (1) TO (9)`, `FOR VALUES IN ('a', NULL)`, `FOR VALUES WITH (…)` or `DEFAULT`.
    """
    inside = inside_partition(bound, by)
    if inside is None:
        return None
    return f"({inside}) IS NOT TRUE" if inside else "1 = 0"


def inside_partition(bound: str, by: Partitioning) -> str | None:
    """Return the condition of rows that belong to a partition; an empty one where all do."""
    words, key = _read(bound), _read(by.key)
    way = key.next().value.upper()
    if not key.peek().is_("("):
        return None
    parts = [part.sql for part in key.inside().parts()]
    if words.take("DEFAULT"):
        return f"NOT COALESCE({by.others}, false)" if by.others else ""
    if not words.take("FOR", "VALUES"):
        return None
    if words.take("IN") and way == "LIST":
        return _listed(parts[0], [part.sql for part in words.inside().parts()])
    if words.take("FROM") and way == "RANGE":
        low = words.inside().parts()
        words.take("TO")
        return _between(parts, low, words.inside().parts())
    if words.take("WITH") and way == "HASH" and by.path:
        numbers = re.findall(r"\d+", words.sql)
        return f"satisfies_hash_partition({literal(by.path)}::regclass, {', '.join(numbers)}, {', '.join(parts)})"
    return None


def _read(text: str) -> Statement:
    return Statement(text, words_of(text))


def _listed(key: str, values: list[str]) -> str:
    given = [value for value in values if value.upper() != "NULL"]
    parts = [f"({key}) IN ({', '.join(given)})"] if given else []
    return " OR ".join([*parts, *([f"({key}) IS NULL"] if len(given) < len(values) else [])])


def _between(keys: list[str], low: list[Statement], high: list[Statement]) -> str:
    parts = [f"({key}) IS NOT NULL" for key in keys]
    for bounds, sign, whole in ((low, ">", ("MINVALUE", "MAXVALUE")), (high, "<", ("MAXVALUE", "MINVALUE"))):
        at = next((at for at, part in enumerate(bounds) if part.peek().is_("MINVALUE", "MAXVALUE")), len(bounds))
        # What follows MINVALUE or MAXVALUE is never compared.
        is_open = at < len(bounds) and bounds[at].peek().is_(whole[0])
        takes_equal = is_open if at < len(bounds) else sign == ">"
        if at == 0:
            parts += [] if is_open else ["false"]
            continue
        own, given = ", ".join(f"({key})" for key in keys[:at]), ", ".join(part.sql for part in bounds[:at])
        parts.append(f"({own}) {sign}{'=' if takes_equal else ''} ({given})")
    return " AND ".join(parts)


def exclusions(words: Statement) -> tuple[tuple[tuple[str, str], ...], str]:
    """Read what follows EXCLUDE; return its expressions with their operators, and its WHERE."""
    if words.take("USING"):
        words.at += 1
    found = []
    for part in words.inside().parts() if words.peek().is_("(") else []:
        expression = part.until("WITH")
        part.at += 1
        # `room gist_int4_ops`: a column with its operator class
        is_named = len(expression.words) > 1 and all(word.kind in ("name", "quoted") for word in expression.words)
        own = expression.words[:1] if is_named else expression.words
        found.append((Statement(expression.text, own).sql, part.sql.replace("OPERATOR", "").strip("() ")))
    condition = ""
    if words.has("WHERE"):
        words.until("WHERE")
        words.at += 1
        condition = words.inside().sql if words.peek().is_("(") else ""
    return tuple(found), condition


def with_value(condition: str, column: str) -> str:
    """Return a domain's condition for a column: VALUE is the column."""
    return "".join(
        part if part.startswith("'") else re.sub(r"\bVALUE\b", lambda _: column, part, flags=re.IGNORECASE)
        for part in re.split(r"('(?:[^']|'')*')", condition)
    )
