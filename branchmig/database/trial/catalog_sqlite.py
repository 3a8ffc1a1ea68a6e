"""Reads what a SQLite database consists of: from its pragmas, and from the text of its definitions what they lack."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

_TABLES = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
_OTHERS = (
    "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE type <> 'table' AND sql IS NOT NULL ORDER BY type, name"
)
_COLUMNS = """
    SELECT m.name, x.name, x.type, x."notnull", x.dflt_value, x.pk, x.hidden
    FROM sqlite_master m, pragma_table_xinfo(m.name) x WHERE m.type = 'table' ORDER BY m.name, x.cid"""
_KEYS = """
    SELECT m.name, k.id, k.seq, k."table", k."from", k."to", k.on_update, k.on_delete
    FROM sqlite_master m, pragma_foreign_key_list(m.name) k WHERE m.type = 'table' ORDER BY m.name, k.id, k.seq"""
_UNIQUE = """
    SELECT m.name, i.name, c.name FROM sqlite_master m, pragma_index_list(m.name) i, pragma_index_info(i.name) c
    WHERE m.type = 'table' AND i.origin = 'u' ORDER BY m.name, i.name, c.seqno"""
_NAMED = re.compile(r"\bCONSTRAINT (\S+) (PRIMARY KEY|UNIQUE|CHECK|FOREIGN KEY)", re.IGNORECASE)
_OF_COLUMN = re.compile(r"\b(?:COLLATE \w+|DEFERRABLE(?: INITIALLY DEFERRED)?)", re.IGNORECASE)
_EXPRESSION = re.compile(r"\bAS *(?=\()", re.IGNORECASE)
_TOKEN = re.compile(r"""--[^\n]*|/\*.*?(?:\*/|$)|('(?:[^']|'')*')|"((?:[^"]|"")*)"|`([^`]*)`|\[([^]]*)\]""", re.DOTALL)


def sqlite_objects(connection: Connection) -> dict[str, dict[str, str]]:
    """Return every object with its parts, as Catalog has them."""
    found: dict[str, dict[str, str]] = {}
    said: dict[str, dict[str, str]] = {}
    for name, sql in connection.exec_driver_sql(_TABLES):
        found[f"table {name}"] = _table_words(sql or "")
        said[f"table {name}"] = dict(_column_words(sql or ""))
    primary: dict[tuple[str, int], str] = {}
    for table, column, kind, not_null, default, key, hidden in connection.exec_driver_sql(_COLUMNS):
        known = said.get(f"table {table}", {}).get(column.casefold(), "")
        words = [_tight(kind or "no type").upper(), "NOT NULL" if not_null else ""]
        words += [_default_words(default), f"PRIMARY KEY {key}" if key else ""]
        words += ["GENERATED" if hidden else "", known]
        primary[table.casefold(), key - 1] = column
        found.get(f"table {table}", {})[f"column {column}"] = " ".join(word for word in words if word)
    _collect(found, connection, _UNIQUE, "unique")
    keys: dict[tuple[str, str], list[str]] = defaultdict(list)
    for table, number, place, other, column, named, on_update, on_delete in connection.exec_driver_sql(_KEYS):
        actions = f" ON UPDATE {on_update} ON DELETE {on_delete}"
        there = named or primary.get((other.casefold(), place), "its key")
        keys[table, str(number)].append(f"{column} -> {other}.{there}{actions}")
    for (table, _), columns in keys.items():
        found.get(f"table {table}", {})[f"foreign key {', '.join(columns)}"] = ""
    for kind, name, table, sql in connection.exec_driver_sql(_OTHERS):
        if kind == "index":
            found.get(f"table {table}", {})[f"index {name}"] = _index_words(sql)
        elif kind == "trigger":
            found.get(f"table {table}", found.get(f"view {table}", {}))[f"trigger {name}"] = _tight(sql)
        else:
            found[f"view {name}"] = {**found.get(f"view {name}", {}), "": _tight(sql)}
    return found


def _default_words(default: str | None) -> str:
    """Return the default of a column; none where it is NULL, which is the default of every column."""
    text = _tight(default or "null")
    return "" if text == "null" else f"DEFAULT {text.upper() if text.isidentifier() else text}"


def _index_words(sql: str) -> str:
    """Return what an index is over, in which order, and its WHERE."""
    text = _tight(sql)
    unique = "UNIQUE " if text.startswith("create unique") else ""
    return unique + re.sub(r" asc(?=[,)])", "", text[text.index("(") :])


def _collect(found: dict[str, dict[str, str]], connection: Connection, query: str, kind: str) -> None:
    """Add the columns that a query finds, of each thing that has no name of its own."""
    columns: dict[tuple[str, str], list[str]] = defaultdict(list)
    for table, name, column in connection.exec_driver_sql(query):
        columns[table, name].append(column)
    for (table, _), names in columns.items():
        found.get(f"table {table}", {})[f"{kind} ({', '.join(names)})"] = ""


def _table_words(sql: str) -> dict[str, str]:
    """Return what no pragma shows: checks, the names of constraints, and the words at the table's end."""
    text = _plain(sql)
    found = {f"constraint {name}": kind.upper() for name, kind in _NAMED.findall(text)}
    for start in re.finditer(r"\bCHECK *\(", text, re.IGNORECASE):
        found[f"check {_tight(_balanced(text[start.end() - 1 :]))}"] = ""
    for word in ("AUTOINCREMENT", "WITHOUT ROWID", "STRICT"):
        if re.search(rf"\b{word}\b", text, re.IGNORECASE):
            found[word.lower()] = ""
    return found


def _column_words(sql: str) -> Iterator[tuple[str, str]]:
    """Yield for each item of a CREATE TABLE, by its first word, what no pragma shows of a column."""
    text = _plain(sql)
    start = text.find("(")
    if start < 0:
        return
    for item in _items(_balanced(text[start:])[1:-1]):
        name, _, rest = item.partition(" ")
        words = [found[0].upper() for found in _OF_COLUMN.finditer(rest)]
        if generated := _EXPRESSION.search(rest):
            body = _balanced(rest[generated.end() :])
            stored = re.search(r"\bSTORED\b", rest, re.IGNORECASE)
            words.append(f"AS {_tight(body)}{' STORED' if stored else ''}")
        yield name.casefold(), " ".join(words)


def _items(text: str) -> Iterator[str]:
    depth, start, quoted = 0, 0, False
    for place, letter in enumerate(text):
        quoted ^= letter == "'"
        if quoted:
            continue
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            yield text[start:place].strip()
            start = place + 1
    yield text[start:].strip()


def _plain(sql: str) -> str:
    """Return SQL without what says nothing: comments, quotes around names, white space."""
    return " ".join(_TOKEN.sub(_plain_token, sql).split())


def _plain_token(token: re.Match[str]) -> str:
    text, *names = token.groups()
    return text or next((name for name in names if name is not None), " ")


def _tight(sql: str) -> str:
    """Return SQL in lower case with no more white space than needed; what stands in quotes as it is."""
    parts = _plain(sql).split("'")
    return "'".join(
        re.sub(r" ?([(),=<>+*/-]) ?", r"\1", part).lower() if at % 2 == 0 else part for at, part in enumerate(parts)
    )


def _balanced(text: str) -> str:
    depth = 0
    for place, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth == 0:
            return text[: place + 1]
    return text
