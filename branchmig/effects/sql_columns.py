"""PURE. The definition of a column or a constraint in SQL, to the parts of a change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from branchmig.effects.change import Change, ConstraintKind
from branchmig.effects.constraint_questions import exclusions
from branchmig.effects.sql_words import Statement

_AFTER_TYPE = (
    "NOT", "NULL", "DEFAULT", "GENERATED", "AS", "PRIMARY", "UNIQUE", "CHECK", "REFERENCES", "AUTO_INCREMENT",
    "AUTOINCREMENT", "COLLATE", "CHARSET", "COMMENT", "CONSTRAINT", "FIRST", "AFTER", "USING", "ON", "INVISIBLE",
    "KEY", "STORED", "VIRTUAL", "IDENTITY", "STORAGE", "COMPRESSION", "REF_SYSTEM_ID", ",",
)  # fmt: skip
_CONSTRAINTS: dict[str, ConstraintKind] = {
    "CHECK": "check", "UNIQUE": "unique", "PRIMARY": "primary key", "FOREIGN": "foreign key", "EXCLUDE": "exclude",
}  # fmt: skip
_SERIALS = {"smallserial": "smallint", "serial2": "smallint", "serial": "integer", "serial4": "integer"}
_SERIALS |= {"bigserial": "bigint", "serial8": "bigint"}


def column_of(words: Statement, table: tuple[str | None, str], is_typed: bool = True) -> Change:
    """Read a column's definition, from its name on; return it as a new column of a table."""
    name = words.next().value
    schema, owner = table
    what = f"adds column {'.'.join(part for part in (schema, owner, name) if part)}"
    column = Change("add-column", what, table=owner, schema=schema, name=name)
    type_ = type_of(words) if is_typed else ""
    serial = _SERIALS.get(type_.lower())
    if serial is not None:
        column = replace(column, nullable=False, flags=frozenset({"serial"}))
    return _constraints(words, replace(column, type=serial or type_))


def type_of(words: Statement) -> str:
    """Move past a type; return how it is spelled."""
    start = words.at
    while words:
        word = words.peek()
        # CHARACTER SET ends a type, CHARACTER VARYING is one.
        if word.is_(*_AFTER_TYPE) or words.follows("CHARACTER", "SET") or words.follows("WITH", "OPTIONS"):
            break
        if word.is_("("):
            words.inside()
        else:
            words.at += 1
    return Statement(words.text, words.words[start : words.at]).sql


def _constraints(words: Statement, column: Change) -> Change:
    while words:
        if read := _CLAUSES.get(words.next().value.upper()):
            column = read(words, column)
    return column


def _flagged(column: Change, *flags: str) -> Change:
    return replace(column, flags=column.flags.union(flags))


def _default(words: Statement, column: Change) -> Change:
    text = expression(words)
    return replace(column, default=None if text.upper() == "NULL" else text)


def _generated(words: Statement, column: Change) -> Change:
    if not words.take("ALWAYS"):
        words.take("BY", "DEFAULT")
    words.take("AS")
    return _computed(words, column)


def _computed(words: Statement, column: Change) -> Change:
    if words.take("IDENTITY"):
        return _flagged(replace(column, nullable=False), "identity")
    if not words.peek().is_("("):
        return column
    column = replace(column, condition=words.inside().sql)
    is_stored = any(word.is_("STORED", "PERSISTENT", "PERSISTED") for word in words.words[words.at :])
    return _flagged(column, "stored" if is_stored else "virtual")


def _primary(words: Statement, column: Change) -> Change:
    words.take("KEY")
    return _flagged(replace(column, nullable=False), "primary key")


def _pointing(words: Statement, made: Change) -> Change:
    schema, name = words.name()
    columns = _names(words.inside()) if words.peek().is_("(") else ()
    flags = made.flags | ({"match-full"} if words.has("MATCH", "FULL") else set())
    return replace(made, target=name, target_schema=schema, target_columns=columns, flags=flags)


def _check(words: Statement, column: Change) -> Change:
    condition = words.inside().sql if words.peek().is_("(") else ""
    return _flagged(replace(column, condition=column.condition or condition), "check")


_CLAUSES: dict[str, Callable[[Statement, Change], Change]] = {
    "NOT": lambda words, column: replace(column, nullable=False) if words.take("NULL") else column,
    "NULL": lambda _, column: replace(column, nullable=True),
    "DEFAULT": _default,
    "GENERATED": _generated,
    "AS": _computed,
    "PRIMARY": _primary,
    "UNIQUE": lambda _, column: _flagged(column, "unique"),
    "REFERENCES": lambda words, column: _flagged(_pointing(words, column), "references", "inline"),
    "CHECK": _check,
    "AUTO_INCREMENT": lambda _, column: _flagged(column, "identity"),
    "AUTOINCREMENT": lambda _, column: _flagged(column, "identity"),
    "IDENTITY": lambda _, column: _flagged(column, "identity"),
}


def expression(words: Statement) -> str:
    """Move past a value: a literal, a call, what is in parentheses, with its casts; return it as it is written."""
    start = words.at
    if words.peek().is_("-", "+"):
        words.at += 1
    while words:
        if words.peek().is_("("):
            words.inside()
        else:
            words.name()
        goes_on = words.take("::") or words.peek().is_("(") or words.take_any("||", "+", "-", "*", "/")
        if not goes_on and not words.take("AT", "TIME", "ZONE"):
            break
    return Statement(words.text, words.words[start : words.at]).sql


def constraint_of(words: Statement, table: tuple[str | None, str]) -> Change | None:
    """Read a constraint of a table, from CONSTRAINT or its kind on; None where none stands here."""
    start = words.at
    name = ""
    if words.take("CONSTRAINT"):
        words.take("IF", "NOT", "EXISTS")
        if not words.peek().is_(*_CONSTRAINTS):
            name = words.next().value
    kind = _CONSTRAINTS.get(words.next().value.upper()) if words.peek().kind == "name" else None
    if kind is None:
        words.at = start
        return None
    schema, owner = table
    made = Change("add-constraint", "", table=owner, schema=schema, name=name, constraint=kind)
    made = _READERS[kind](words, made)
    flags = {flag for flag in ("not-valid", "not-enforced") if words.has(*flag.upper().split("-"))}
    made = replace(made, flags=made.flags | flags)
    return replace(made, what=constraint_words(made))


def constraint_words(made: Change) -> str:
    """Say in words what a new constraint is."""
    table = f"{made.schema}.{made.table}" if made.schema else made.table
    kind = f"{made.constraint} constraint" if made.constraint in ("check", "exclude", "unique") else made.constraint
    listed = f" ({', '.join(made.columns)})" if made.columns else ""
    to = f" to {made.target}" if made.target else ""
    return " ".join(f"creates {kind} {made.name} on {table}{listed}{to}".split())


def _keyed(words: Statement, made: Change) -> Change:
    words.take("KEY") or words.take("INDEX")
    flags = {"nulls-not-distinct"} if words.take("NULLS", "NOT", "DISTINCT") else set()
    if words.take("USING", "INDEX"):
        return replace(made, flags=frozenset({"using-index"}), target=words.name()[1])
    if words and not words.peek().is_("(", "USING"):
        made = replace(made, name=made.name or words.next().value)
    if words.take("USING"):
        words.at += 1
    columns = parts_of(words.inside()) if words.peek().is_("(") else ()
    return replace(made, columns=columns, flags=frozenset(flags))


def _foreign(words: Statement, made: Change) -> Change:
    words.take("KEY")
    words.take("IF", "NOT", "EXISTS")
    if words and not words.peek().is_("("):
        made = replace(made, name=made.name or words.next().value)
    made = replace(made, columns=_names(words.inside()) if words.peek().is_("(") else ())
    return _pointing(words, made) if words.take("REFERENCES") else made


def _excluded(words: Statement, made: Change) -> Change:
    values, condition = exclusions(words)
    return replace(made, values=values, condition=condition)


_READERS: dict[ConstraintKind, Callable[[Statement, Change], Change]] = {
    "check": lambda words, made: replace(made, condition=words.inside().sql if words.peek().is_("(") else ""),
    "exclude": _excluded,
    "foreign key": _foreign,
    "primary key": _keyed,
    "unique": _keyed,
}


def _names(words: Statement) -> tuple[str, ...]:
    return tuple(statement.words[0].value for statement in words.parts() if statement.words)


_OF_EXPRESSIONS = ("(", "::", ".", "+", "-", "*", "||", "COLLATE")


def parts_of(words: Statement) -> tuple[str, ...]:
    """Return the parts of an index: names, and expressions as SQL; MySQL's `name(10)` stays as it is."""
    found = []
    for statement in words.parts():
        while statement.words and statement.words[-1].is_("ASC", "DESC", "FIRST", "LAST", "NULLS"):
            statement.words = statement.words[:-1]
        if not statement.words:
            continue
        is_name = statement.words[0].kind in ("name", "quoted") and not statement.peek(1).is_(*_OF_EXPRESSIONS)
        text = statement.words[0].value if is_name else statement.sql
        found.append(text[1:-1] if text.startswith("(") and text.endswith(")") and not is_name else text)
    return tuple(found)
