"""PURE. Decides whether one DDL statement is done: facts about named tables, columns and keys (MariaDB, MySQL).

A fact is looked at before the statement and after a crash. The statement is done if each fact is as the statement makes
it, and was not before. It is not done if each fact is as it was, and is not what the statement makes of it. Anything
else is unknown: a statement that may leave no trace (`AUTO_INCREMENT =`, `EXCHANGE PARTITION`), that was done in
part, or that moves names in a circle.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from branchmig.effects.statement_kinds import executed

Kind = Literal["table", "column", "key", "constraint", "primary"]

MOST = 7
"""Facts that are looked at for one statement: so many fit into the record."""

ABSENT = "-"

_RESERVED = "CHECK|COLUMN|CONSTRAINT|FOREIGN|FULLTEXT|IF|INDEX|KEY|PARTITION|PRIMARY|SPATIAL|TO|UNIQUE|USING"
_NAME = rf"(?:`(?:[^`]|``)+`|(?!(?:{_RESERVED})\b)[\w$]+)"
_TABLE_NAME = rf"{_NAME}(?:\s*\.\s*{_NAME})?"
_STATE = re.compile(r"-|[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Fact:
    """Something with a name that a statement makes, takes away, or changes; `table` is as it is written there."""

    table: str
    kind: Kind
    name: str
    after: Literal["present", "absent", "changed"]


def facts_of(statement: str) -> tuple[Fact, ...] | None:
    """Return the facts that a statement of DDL makes true; None where they would not show whether it is done."""
    text = executed(statement).strip().rstrip(";").strip()
    if re.search(r"/\*|--|#", _outside(text)):
        return None
    is_cut = text.endswith("…")
    for pattern, read in _STATEMENTS:
        found = re.fullmatch(pattern, text, re.IGNORECASE | re.DOTALL)
        if found:
            facts = None if is_cut and read is not _create_table else read(found)
            return facts if facts and len(facts) <= MOST and _are_distinct(facts) else None
    return None


def states_of(facts: Sequence[Fact], described: Callable[[str], str | None]) -> str:
    """Return how each fact is now, as the record has it; `described` gives SHOW CREATE TABLE, None for no table."""
    return ",".join(_state(fact, described(fact.table)) for fact in facts)


def is_done(facts: Sequence[Fact] | None, before: str | None, now: str | None) -> bool | None:
    """Return whether a statement is done, by the states of its facts before it and now; None if unknown."""
    if not facts or before is None or now is None:
        return None
    states = list(zip(facts, before.split(","), now.split(","), strict=False))
    # Records of older versions hold a digest of the whole table: another program may have changed that.
    if len(states) != len(facts) or not all(_STATE.fullmatch(word) for word in (*before.split(","), *now.split(","))):
        return None
    is_new = any(not _was_so(fact, then) for fact, then, _ in states)
    if is_new and all(_is_made(fact, then, since) for fact, then, since in states):
        return True
    must_show = any(fact.after != "changed" and not _was_so(fact, then) for fact, then, _ in states)
    return False if must_show and all(then == since for _, then, since in states) else None


def _is_made(fact: Fact, before: str, now: str) -> bool:
    if fact.after == "changed":
        return ABSENT not in (before, now) and before != now
    return (now == ABSENT) == (fact.after == "absent")


def _was_so(fact: Fact, before: str) -> bool:
    return fact.after != "changed" and (before == ABSENT) == (fact.after == "absent")


def _state(fact: Fact, description: str | None) -> str:
    if description is None:
        return ABSENT
    if fact.kind == "table":
        return "00000000"  # a table that is there is the same table, whatever else became of it
    pattern = _LINES[fact.kind].format(name=re.escape(fact.name))
    lines = (line.strip().rstrip(",") for line in description.splitlines()[1:])
    line = next((line for line in lines if re.match(pattern, line, re.IGNORECASE)), None)
    return ABSENT if line is None else hashlib.blake2b(line.encode(), digest_size=4).hexdigest()


_LINES: dict[Kind, str] = {
    "column": r"`{name}` ",
    "key": r"(?:(?:UNIQUE |FULLTEXT |SPATIAL )?KEY|CONSTRAINT) `{name}` ",
    "constraint": r"CONSTRAINT `{name}` ",
    "primary": r"PRIMARY KEY ",
}


def _create_table(found: re.Match[str]) -> tuple[Fact, ...] | None:
    rest = found["rest"]
    if re.search(r"\bSELECT\b", _outside(rest), re.IGNORECASE):
        return None  # the rows may come, or not
    return (Fact(found["table"], "table", found["table"], "present"),)


def _drop_tables(found: re.Match[str]) -> tuple[Fact, ...]:
    names = re.split(r"\s*,\s*", re.sub(r"\s+(?:RESTRICT|CASCADE)$", "", found["tables"].strip(), flags=re.IGNORECASE))
    return tuple(Fact(name, "table", name, "absent") for name in names)


def _rename_tables(found: re.Match[str]) -> tuple[Fact, ...] | None:
    facts: list[Fact] = []
    for word in re.split(r"\s*,\s*", found["renames"].strip()):
        pair = re.fullmatch(rf"({_TABLE_NAME})\s+TO\s+({_TABLE_NAME})", word, re.IGNORECASE)
        if pair is None:
            return None
        facts += _renamed(pair[1], pair[2])
    return tuple(facts)


def _renamed(old: str, new: str) -> tuple[Fact, ...]:
    return Fact(old, "table", old, "absent"), Fact(new, "table", new, "present")


def _index(after: Literal["present", "absent"]) -> Callable[[re.Match[str]], tuple[Fact, ...]]:
    return lambda found: (Fact(found["table"], "key", _plain(found["name"]), after),)


def _alter_table(found: re.Match[str]) -> tuple[Fact, ...] | None:
    facts: list[Fact] = []
    for clause in _clauses(found["rest"]):
        of_clause = _clause(found["table"], clause)
        if of_clause is None:
            return None
        facts += of_clause
    return tuple(facts)


def _clause(table: str, clause: str) -> list[Fact] | None:
    """Return the facts of one clause of ALTER TABLE."""
    if re.fullmatch(r"(?:ALGORITHM|LOCK)\s*=?\s*\w+", clause, re.IGNORECASE):
        return []
    for pattern, changes in _CLAUSES:
        found = re.match(pattern, clause, re.IGNORECASE | re.DOTALL)
        if found:
            names = [_plain(name) for name in found.groups()]
            if len(names) == 2 and names[0].lower() == names[1].lower():
                return [Fact(table, "column", names[0], "changed")]  # CHANGE x x INTEGER
            return [Fact(table, kind, name, after) for name, (kind, after) in zip(names or [""], changes, strict=True)]
    return None


_Change = tuple[Kind, Literal["present", "absent", "changed"]]
_IF = r"(?:IF\s+(?:NOT\s+)?EXISTS\s+)?"
_INDEX = r"(?:(?:UNIQUE|FULLTEXT|SPATIAL)(?:\s+(?:INDEX|KEY))?|INDEX|KEY)"
# In this order: what is no column must be known before the word COLUMN may be left out.
_CLAUSES: tuple[tuple[str, tuple[_Change, ...]], ...] = (
    (r"ADD\s+(?:CONSTRAINT\s+)?PRIMARY\s+KEY\b", (("primary", "present"),)),
    (r"DROP\s+PRIMARY\s+KEY\s*$", (("primary", "absent"),)),
    (rf"ADD\s+CONSTRAINT\s+{_IF}({_NAME})\s+(?:FOREIGN|UNIQUE|CHECK)\b", (("key", "present"),)),
    (rf"DROP\s+(?:FOREIGN\s+KEY|CONSTRAINT|CHECK)\s+{_IF}({_NAME})\s*$", (("constraint", "absent"),)),
    (rf"ADD\s+{_INDEX}\s+{_IF}({_NAME})\s*(?:USING\s+\w+\s*)?\(", (("key", "present"),)),
    (rf"DROP\s+(?:INDEX|KEY)\s+{_IF}({_NAME})\s*$", (("key", "absent"),)),
    (rf"RENAME\s+COLUMN\s+({_NAME})\s+TO\s+({_NAME})\s*$", (("column", "absent"), ("column", "present"))),
    (rf"RENAME\s+(?:INDEX|KEY)\s+({_NAME})\s+TO\s+({_NAME})\s*$", (("key", "absent"), ("key", "present"))),
    (rf"CHANGE\s+(?:COLUMN\s+)?{_IF}({_NAME})\s+({_NAME})\s", (("column", "absent"), ("column", "present"))),
    (rf"MODIFY\s+(?:COLUMN\s+)?{_IF}({_NAME})\s", (("column", "changed"),)),
    (rf"ALTER\s+(?:COLUMN\s+)?{_IF}({_NAME})\s+(?:SET|DROP)\s+DEFAULT\b", (("column", "changed"),)),
    (rf"ADD\s+COLUMN\s+{_IF}({_NAME})\s+\w", (("column", "present"),)),
    (rf"ADD\s+{_IF}(?!(?:PERIOD|SYSTEM)\b)({_NAME})\s+\w", (("column", "present"),)),
    (rf"DROP\s+COLUMN\s+{_IF}({_NAME})\s*(?:RESTRICT|CASCADE)?$", (("column", "absent"),)),
    (rf"DROP\s+{_IF}(?!(?:PERIOD|SYSTEM)\b)({_NAME})\s*$", (("column", "absent"),)),
)

_STATEMENTS: tuple[tuple[str, Callable[[re.Match[str]], tuple[Fact, ...] | None]], ...] = (
    (rf"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(?P<table>{_TABLE_NAME})\s*(?P<rest>\(.*)", _create_table),
    (rf"DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?P<tables>{_TABLE_NAME}(?:\s*,\s*{_TABLE_NAME})*(?:\s+\w+)?)", _drop_tables),
    (r"RENAME\s+TABLES?\s+(?P<renames>.*)", _rename_tables),
    (
        rf"CREATE\s+(?:(?:UNIQUE|FULLTEXT|SPATIAL)\s+)?INDEX\s+(?:IF\s+NOT\s+EXISTS\s+)?(?P<name>{_NAME})\s+"
        rf"(?:USING\s+\w+\s+)?ON\s+(?P<table>{_TABLE_NAME})\s*\(.*",
        _index("present"),
    ),
    (rf"DROP\s+INDEX\s+(?:IF\s+EXISTS\s+)?(?P<name>{_NAME})\s+ON\s+(?P<table>{_TABLE_NAME})", _index("absent")),
    (
        rf"ALTER\s+TABLE\s+(?P<table>{_TABLE_NAME})\s+RENAME\s*(?:TO\s|AS\s|=|\s)\s*(?P<to>{_TABLE_NAME})",
        lambda found: _renamed(found["table"], found["to"]),
    ),
    (rf"ALTER\s+(?:ONLINE\s+)?(?:IGNORE\s+)?TABLE\s+(?P<table>{_TABLE_NAME})\s+(?P<rest>.*)", _alter_table),
)


def _clauses(text: str) -> Iterator[str]:
    """Cut a text at the commas that stand in no quotes and no parentheses."""
    depth, clause = 0, ""
    for part in re.findall(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|`[^`]*`|.", text, re.DOTALL):
        depth += (part == "(") - (part == ")")
        if part == "," and depth == 0:
            yield clause.strip()
            clause = ""
        else:
            clause += part
    yield clause.strip()


def _outside(text: str) -> str:
    """Return a text without what stands in quotes."""
    return re.sub(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|`[^`]*`", "''", text, flags=re.DOTALL)


def _plain(name: str) -> str:
    return name[1:-1].replace("``", "`") if name.startswith("`") else name


def _are_distinct(facts: Sequence[Fact]) -> bool:
    """Return whether no name stands twice, as in `RENAME TABLE a TO tmp, b TO a, tmp TO b`."""
    # A table may be written with its database's name, and again without.
    bare = [re.split(r"\.\s*", fact.name.replace("`", ""))[-1].strip() for fact in facts]
    names = [
        (fact.kind, (name if fact.kind == "table" else fact.name).lower())
        for fact, name in zip(facts, bare, strict=True)
    ]
    return len(set(names)) == len(names)
