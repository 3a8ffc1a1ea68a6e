"""PURE. Raw SQL to changes, by its words and without a parser of one database's grammar.

A statement that is not known is named, never passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from branchmig.effects.change import UNKNOWN_SQL, Change, ChangeKind
from branchmig.effects.sql_alterations import alter_table
from branchmig.effects.sql_columns import column_of, constraint_of, parts_of
from branchmig.effects.sql_objects import altered
from branchmig.effects.sql_rows import copied_rows, delete, insert, merge, update
from branchmig.effects.sql_upkeep import cluster, lock, on_object, refresh, reindex, vacuum
from branchmig.effects.sql_words import Statement, statements_of, with_parameters, words_of

_MALFORMED = (AttributeError, IndexError, KeyError, ValueError, AssertionError, RecursionError)


def changes_in(text: str, parameters: Mapping[str, str] | None = None) -> Iterator[Change | str]:
    """Yield the changes of some SQL in their order; of a statement that is not known, its text.

    `parameters` are those whose values are known, as SQL.
    """
    plain = with_parameters(text, parameters or {}, UNKNOWN_SQL).replace("%%", "%")
    for statement in statements_of(plain):
        whole = statement.sql
        try:
            yield from list(_effects(statement))
        except _MALFORMED:
            yield whole


def _effects(words: Statement) -> Iterator[Change | str]:
    while words.take("("):
        pass
    first = words.next().value.upper()
    if first in _NOTHING:
        return
    read = _STATEMENTS.get(first)
    if read is None:
        raise ValueError(first)
    yield from read(words)


# --- ALTER


def _alter(words: Statement) -> Iterator[Change | str]:
    ways = set()
    while way := words.take_any("ONLINE", "OFFLINE", "IGNORE"):
        ways.add(way.lower())
    if words.take("TABLE"):
        if words.take("ALL", "IN", "TABLESPACE"):
            raise ValueError("every table of a tablespace")
        for change in alter_table(words):
            yield replace(change, flags=change.flags | (ways & {"ignore"}))
        return
    words.take("MATERIALIZED")
    word = words.next().value.upper()
    if word in ("VIEW", "SCHEMA", "TYPE", "DOMAIN", "SEQUENCE", "INDEX", "FOREIGN"):
        words.take("TABLE")
        words.take("IF", "EXISTS")
        yield from altered(word, words.name(), words)
    elif word not in _HARMLESS_TO_ALTER:
        raise ValueError(word)


_HARMLESS_TO_ALTER = frozenset(
    {"AGGREGATE", "COLLATION", "CONVERSION", "DATABASE", "DEFAULT", "EVENT", "EXTENSION", "FUNCTION", "GROUP"}
    | {"OPERATOR", "POLICY", "PROCEDURE", "PUBLICATION", "ROLE", "ROUTINE", "RULE", "SERVER", "STATISTICS"}
    | {"SUBSCRIPTION", "SYSTEM", "TABLESPACE", "TEXT", "TRIGGER", "USER", "LANGUAGE", "LARGE"}
)

# --- CREATE


def _create(words: Statement) -> Iterator[Change | str]:
    flags = {"replace"} if words.take("OR", "REPLACE") else set()
    while word := words.take_any(
        "TEMP", "TEMPORARY", "GLOBAL", "LOCAL", "UNLOGGED", "UNIQUE", "FULLTEXT", "SPATIAL", "ONLINE", "MATERIALIZED",
        "RECURSIVE", "FOREIGN", "VIRTUAL",
    ):  # fmt: skip
        flags.add("temporary" if word == "TEMP" else word.lower())
    # MySQL's ALGORITHM = …, DEFINER = …, SQL SECURITY … before VIEW.
    if words.peek().is_("ALGORITHM", "DEFINER", "SQL", "AGGREGATE", "CONSTRAINT", "TRUSTED", "PROCEDURAL"):
        words.until("VIEW", "FUNCTION", "PROCEDURE", "TRIGGER", "EVENT", "LANGUAGE")
    word = words.next().value.upper()
    flags |= {"concurrently"} if words.take("CONCURRENTLY") else set()
    flags |= {"tolerant"} if words.take("IF", "NOT", "EXISTS") else set()
    if word == "TABLE":
        yield from _create_table(words, flags)
    elif word == "INDEX":
        yield _create_index(words, flags)
    elif word == "VIEW":
        yield _create_view(words, flags)
    elif word in ("TYPE", "DOMAIN"):
        yield _create_type(words)
    elif word in ("FUNCTION", "PROCEDURE"):
        name = words.name()
        flags |= {"trigger"} if words.has("RETURNS", "TRIGGER") else set()
        yield on_object("create-function", f"creates {word.lower()}", name, word.lower(), *flags)
    elif word not in _HARMLESS_TO_CREATE:
        raise ValueError(word)


_HARMLESS_TO_CREATE = frozenset(
    {"ACCESS", "AGGREGATE", "CAST", "COLLATION", "CONVERSION", "DATABASE", "EVENT", "EXTENSION", "FUNCTION", "GROUP"}
    | {"LANGUAGE", "OPERATOR", "POLICY", "PROCEDURE", "PUBLICATION", "ROLE", "RULE", "SCHEMA", "SEQUENCE", "SERVER"}
    | {"STATISTICS", "SUBSCRIPTION", "TABLESPACE", "TEXT", "TRANSFORM", "TRIGGER", "USER", "PACKAGE"}
)


def _create_table(words: Statement, flags: set[str]) -> Iterator[Change]:
    table = words.name()
    says_others = words.has("LIKE") or words.has("INHERITS") or words.has("PARTITION", "OF") or words.has("SELECT")
    inside = words.inside() if words.peek().is_("(") and not words.peek(1).is_("SELECT", "WITH") else None
    parts = list(inside.parts()) if inside is not None else []
    is_like = says_others or any(part.peek().is_("LIKE") for part in parts)
    made = on_object("create-table", "creates table", table, *flags, *(["like"] if is_like else []))
    if words.has("SELECT"):
        made = copied_rows(made, words)
    is_part = words.take("PARTITION", "OF")
    if is_part:
        parent = words.name()
        part = on_object("add-constraint", "adds a partition to", parent, "partition")
        yield made
        yield replace(part, target=table[1], target_schema=table[0], condition=words.sql)
        return
    if words.has("PARTITION", "BY"):
        words.until("PARTITION")
        words.at += 2
        made = replace(made, condition=words.sql)
    yield made
    for statement in parts:
        if statement.peek().is_("LIKE", "INDEX", "KEY", "FULLTEXT", "SPATIAL", "PERIOD"):
            continue
        part = constraint_of(statement, table) or column_of(statement, table)
        yield replace(part, flags=part.flags | {"new-table"})


def _create_view(words: Statement, flags: set[str]) -> Change:
    made = on_object("create-view", "creates view", words.name(), *flags)
    shape = [word for word in words.words[words.at :] if word.is_("DISTINCT", "GROUP", "LIMIT", "UNION", "HAVING")]
    return replace(copied_rows(made, words), flags=made.flags | {"summarized"}) if shape else copied_rows(made, words)


def _create_index(words: Statement, flags: set[str]) -> Change:
    name = "" if words.peek().is_("ON") else words.name()[1]
    words.until("ON")
    words.take("ON")
    words.take("ONLY")
    table = words.name()
    words.until("(")
    columns = parts_of(words.inside()) if words.peek().is_("(") else ()
    flags |= {"nulls-not-distinct"} if words.has("NULLS", "NOT", "DISTINCT") else set()
    flags |= {"lock-none"} if _says(words, "LOCK", "NONE") else set()
    flags |= {"copies"} if _says(words, "ALGORITHM", "COPY") or _says(words, "LOCK", "SHARED") else set()
    where = ""
    if words.has("WHERE"):
        words.until("WHERE")
        words.at += 1
        where = words.sql
    shown = ".".join(part for part in table if part)
    what = " ".join(f"creates {'unique ' if 'unique' in flags else ''}index {name} on {shown}".split())
    return Change(
        "create-index", what, table=table[1], schema=table[0], name=name, columns=columns, condition=where,
        flags=frozenset(flags | ({"partial"} if where else set())),
    )  # fmt: skip


def _says(words: Statement, option: str, value: str) -> bool:
    return words.has(option, value) or words.has(option, "=", value)


def _create_type(words: Statement) -> Change:
    name = words.name()
    made = on_object("create-type", "creates type", name)
    if words.take("AS", "ENUM") and words.peek().is_("("):
        made = replace(made, columns=tuple(word.value for word in words.inside().words if word.kind == "string"))
    return made


# --- DROP


def _drop(words: Statement) -> Iterator[Change | str]:
    is_temporary = bool(words.take_any("TEMPORARY"))
    words.take_any("MATERIALIZED", "FOREIGN")
    word = words.next().value.upper()
    flags = {"concurrently"} if words.take("CONCURRENTLY") else set()
    flags |= {"tolerant"} if words.take("IF", "EXISTS") else set()
    flags |= {"cascade"} if words.has("CASCADE") else set()
    if word == "OWNED":
        yield on_object("drop-schema", "drops everything that is owned by", (None, words.words[-1].value))
    elif word in ("TABLE", "VIEW", "SCHEMA", "DATABASE", "INDEX"):
        kinds: dict[str, ChangeKind] = {"TABLE": "drop-table", "VIEW": "drop-view", "INDEX": "drop-index"}
        for statement in words.parts():
            name = statement.name()
            made = on_object(kinds.get(word, "drop-schema"), f"drops {word.lower()}", name, *flags)
            if word == "INDEX":
                on = statement.name() if statement.take("ON") else (None, "")
                made = replace(made, table=on[1], schema=on[0])
            if not is_temporary:
                yield made
    elif word in _OBJECTS_TO_DROP:
        for part in words.parts():
            yield on_object("drop-object", f"drops {word.lower()}", part.name(), word.lower(), *flags)
    elif word not in _HARMLESS_TO_CREATE | {"CONSTRAINT"}:
        raise ValueError(word)


_OBJECTS_TO_DROP = frozenset(
    {"AGGREGATE", "COLLATION", "DOMAIN", "EXTENSION", "FUNCTION", "PROCEDURE", "ROUTINE", "SEQUENCE", "TYPE"}
)


def _truncate(words: Statement) -> Iterator[Change]:
    words.take("TABLE")
    has_cascade = words.has("CASCADE")
    for statement in words.parts():
        statement.take("ONLY")
        flags = ["cascade"] if has_cascade else []
        yield on_object("truncate", "deletes every row of", statement.name(), *flags)


def _rename(words: Statement) -> Iterator[Change]:
    """MySQL's RENAME TABLE a TO b, c TO d."""
    if not words.take_any("TABLE", "TABLES"):
        if words.peek().is_("USER"):
            return
        raise ValueError(words.sql)
    words.take("IF", "EXISTS")
    for statement in words.parts():
        before = statement.name()
        statement.until("TO")
        statement.at += 1
        schema, name = statement.name()
        made = on_object("rename-table", "renames table", before)
        yield replace(made, new_name=name, target_schema=schema, what=f"{made.what} to {name}")


# --- what else there is


def _with(words: Statement) -> Iterator[Change | str]:
    words.take("RECURSIVE")
    while True:
        words.until("AS")
        words.at += 1
        words.take("NOT")
        words.take("MATERIALIZED")
        inner = words.inside()
        if inner.peek().is_("INSERT", "UPDATE", "DELETE", "MERGE"):
            yield from _effects(inner)
        if not words.take(","):
            break
    queries = words.text[words.words[0].start : words.words[words.at - 1].end]
    for change in _effects(words):
        is_joined = isinstance(change, Change) and bool(change.source)
        yield replace(change, queries=queries) if isinstance(change, Change) and is_joined else change


def _select(words: Statement) -> Iterator[Change]:
    """A query changes nothing, but for SELECT … INTO a new table, and for a function of the project's own."""
    if words.peek().kind in ("name", "quoted") and not words.has("FROM"):
        schema, name = words.name()
        if words.peek().is_("(") and schema != "pg_catalog" and not _CALLABLE.fullmatch(name):
            raise ValueError(f"{name}() may do anything")
        words.at = 1
    if words.has("INTO") and not words.has("INTO", "@"):
        words.until("INTO")
        words.at += 1
        words.take_any("TEMPORARY", "TEMP", "UNLOGGED")
        words.take("TABLE")
        yield on_object("create-table", "creates table", words.name())


# Functions of the servers that revisions call for their effect, or for a value.
_CALLABLE = re.compile(
    r"(pg|to|sqlite|json|jsonb|array|string|current|row|last|regexp|inet|st|ts|date|time|aes)_\w+|setval|nextval|currval|lastval"
    r"|set_config|now|version|count|max|min|sum|avg|coalesce|greatest|least|lower|upper|length|exists|cast|concat|database"
    r"|schema|get_lock|release_lock|round|abs|nullif|if|ifnull|case|found_rows|sleep|uuid|gen_random_uuid|random|rand|not"
    r"|changes|txid_current|format|replace|substr|substring|trim|quote_ident|obj_description|col_description|user",
    re.IGNORECASE,
)


def _transaction(kind: ChangeKind) -> Callable[[Statement], Iterator[Change]]:
    def read(words: Statement) -> Iterator[Change]:
        if not words.has("SAVEPOINT") and not words.take("TO"):
            yield Change(kind, f"{kind}s the transaction")

    return read


def _set(words: Statement) -> Iterator[Change]:
    """MySQL's FOREIGN_KEY_CHECKS, which decides whether rows are looked up; other settings change nothing here."""
    words.take_any("SESSION", "LOCAL", "GLOBAL")
    at = words.find("FOREIGN_KEY_CHECKS")
    if at is not None:
        value = words.words[-1].value.upper()
        yield Change("set", f"sets foreign_key_checks to {value}", name="foreign_key_checks", condition=value)


def _do(words: Statement) -> Iterator[Change | str]:
    """PostgreSQL's anonymous block: its statements, as if each of them ran."""
    body = next((word.value for word in words.words if word.kind == "string"), None)
    if body is None:
        raise ValueError("DO")
    yield from _block(body)


_CONTROL = re.compile(
    r"\A(?:BEGIN|ELSE|LOOP|THEN|EXCEPTION\s+WHEN\s+[^;]*?\bTHEN|WHEN\s+[^;]*?\bTHEN|(?:ELS)?IF\s[^;]*?\bTHEN"
    r"|(?:FOR|FOREACH|WHILE)\s[^;]*?\bLOOP)\s+",
    re.IGNORECASE | re.DOTALL,
)
_PASSES = re.compile(
    r"(?:END|NULL|SELECT|RAISE|RETURN|DECLARE|EXIT|CONTINUE|GET|ASSERT|OPEN|CLOSE|FETCH)\b|[\w.]+\s*:=|\Z",
    re.IGNORECASE,
)


def _block(body: str) -> Iterator[Change | str]:
    begins = re.search(r"\bBEGIN\b", body, re.IGNORECASE)
    rest = body if begins is None else body[begins.end() :]
    for statement in statements_of(rest):
        text = statement.sql.strip()
        while control := _CONTROL.match(text):
            text = text[control.end() :]
        if _PASSES.match(text):
            continue
        text = re.sub(r"\APERFORM\b", "SELECT", text, flags=re.IGNORECASE)
        executed = re.match(r"EXECUTE\s+(?=['$])", text, re.IGNORECASE)
        if executed is not None:
            literal = words_of(text[executed.end() :])
            if len(literal) > 1:
                raise ValueError("EXECUTE of a computed text")
            text = literal[0].value
        yield from changes_in(text)


_STATEMENTS: dict[str, Callable[[Statement], Iterator[Change | str]]] = {
    "ALTER": _alter,
    "BEGIN": _transaction("begin"),
    "CLUSTER": cluster,
    "COMMIT": _transaction("commit"),
    "CREATE": _create,
    "DELETE": delete,
    "DO": _do,
    "DROP": _drop,
    "END": _transaction("commit"),
    "INSERT": insert,
    "LOCK": lock,
    "MERGE": merge,
    "REFRESH": refresh,
    "REINDEX": reindex,
    "RENAME": _rename,
    "REPLACE": insert,
    "ROLLBACK": _transaction("commit"),
    "SELECT": _select,
    "SET": _set,
    "START": _transaction("begin"),
    "TRUNCATE": _truncate,
    "UPDATE": update,
    "VACUUM": vacuum,
    "WITH": _with,
}
_NOTHING = frozenset(
    {"ANALYZE", "ATTACH", "CHECK", "CHECKPOINT", "COMMENT", "COPY", "DEALLOCATE", "DESC", "DESCRIBE", "DETACH"}
    | {"DISCARD", "EXPLAIN", "FLUSH", "GRANT", "KILL", "LISTEN", "LOAD", "NOTIFY", "OPTIMIZE", "PRAGMA", "PREPARE"}
    | {"PURGE", "REASSIGN", "RELEASE", "RESET", "REVOKE", "SAVEPOINT", "SECURITY", "SHOW", "TABLE", "UNLISTEN"}
    | {"UNLOCK", "USE", "VALUES"}
)
