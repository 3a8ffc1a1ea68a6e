"""PURE. SQL statements that a parser passes over as they stand (types, extensions, functions), read by their words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast

from branchmig.effects.footprint.model import DbObject, Kind
from branchmig.effects.footprint.record import Record, TableName

_PART = r'(?:"[^"]+"|`[^`]+`|\[[^\]]+\]|[^\W\d][\w$]*)'
_NAME = rf"({_PART}(?:\s*\.\s*{_PART})*)"
_TOLERANT = r"(IF (?:NOT )?EXISTS )?"


def read_command(text: str, record: Record) -> bool:
    """Note what a statement touches that is known by its first words; return whether it is."""
    plain = " ".join(_COMMENT.sub(" ", text).split()).rstrip("; ")
    for pattern, note in _COMMANDS:
        if found := re.match(pattern, plain, re.IGNORECASE):
            note(found, record)
            return True
    return False


def _name(written: str) -> TableName:
    parts = [part.strip().strip('"`[]') for part in re.findall(_PART, written)]
    return TableName(parts[-1], ".".join(parts[:-1]) or None)


def _object(kind: Kind, written: str) -> DbObject:
    name = _name(written)
    return DbObject(kind, name.name, None, name.schema)


def _add_value(found: re.Match[str], record: Record) -> None:
    written, tolerant, value = found.groups()
    obj = _object("type", written)
    what = f"adds value {value!r} to {obj}"
    # Two values stand in the order in which they were added, so the type itself is altered too.
    record.touch(DbObject("value", value, obj.name, obj.schema), "create", what, *_aspects(tolerant))
    record.touch(obj, "alter", what, "values")


def _rename_value(found: re.Match[str], record: Record) -> None:
    written, before, after = found.groups()
    obj = _object("type", written)
    what = f"renames value {before!r} of {obj} to {after!r}"
    record.rename(DbObject("value", before, obj.name, obj.schema), after, what)
    record.touch(obj, "use", what)


def _rename(found: re.Match[str], record: Record) -> None:
    obj = _object(_kind(found[1]), found[2])
    after = _name(found[3]).name
    record.rename(obj, after, f"renames {obj} to {after}")


def _rename_constraint(found: re.Match[str], record: Record) -> None:
    table, before, after = _name(found[1]), _name(found[2]).name, _name(found[3]).name
    what = f"renames constraint {before} on {table} to {after}"
    record.rename(table.part("constraint", before), after, what)
    record.use(table, what)


def _validate(found: re.Match[str], record: Record) -> None:
    table, name = _name(found[1]), _name(found[2]).name
    what = f"validates constraint {name} on {table}"
    record.touch(table.part("constraint", name), "use", what)
    record.use(table, what)


def _create(found: re.Match[str], record: Record) -> None:
    replace, kind, tolerant, written = found.groups()
    obj = _object(_kind(kind), written)
    record.touch(obj, "create", f"creates {obj}", *(["replace"] if replace else _aspects(tolerant)))


def _drop(found: re.Match[str], record: Record) -> None:
    kind, tolerant, written = found.groups()
    obj = _object(_kind(kind), written)
    record.touch(obj, "drop", f"drops {obj}", *_aspects(tolerant))


def _alter(found: re.Match[str], record: Record) -> None:
    obj = _object(_kind(found[1]), found[2])
    record.touch(obj, "alter", f"changes options of {obj}", "options")


def _refresh(found: re.Match[str], record: Record) -> None:
    obj = _object("view", found[1])
    record.touch(obj, "use", f"refreshes {obj}")


def _insert(found: re.Match[str], record: Record) -> None:
    table = _name(found[1])
    record.write(table, "insert", None, f"inserts rows into {table}")


def _kind(word: str) -> Kind:
    kinds: dict[str, Kind] = {"DOMAIN": "type", "PROCEDURE": "function", "MATERIALIZED VIEW": "view"}
    return kinds.get(word.upper(), cast("Kind", word.lower()))


def _aspects(tolerant: str | None) -> list[str]:
    return ["tolerant"] if tolerant else []


_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_DEFINED = "(TYPE|DOMAIN|EXTENSION|FUNCTION|PROCEDURE|SEQUENCE)"
_COMMANDS: tuple[tuple[str, Callable[[re.Match[str], Record], None]], ...] = (
    (rf"ALTER TYPE {_NAME} ADD VALUE {_TOLERANT}'([^']*)'", _add_value),
    (rf"ALTER TYPE {_NAME} RENAME VALUE '([^']*)' TO '([^']*)'", _rename_value),
    (rf"ALTER TABLE (?:IF EXISTS )?(?:ONLY )?{_NAME} RENAME CONSTRAINT {_NAME} TO {_NAME}", _rename_constraint),
    (rf"ALTER TABLE (?:IF EXISTS )?(?:ONLY )?{_NAME} VALIDATE CONSTRAINT {_NAME}$", _validate),
    (rf"ALTER (TYPE|DOMAIN|SEQUENCE|INDEX|(?:MATERIALIZED )?VIEW|FUNCTION|TABLE) {_NAME} RENAME TO {_NAME}", _rename),
    (rf"RENAME (TABLE) {_NAME} TO {_NAME}$", _rename),
    (rf"CREATE (OR REPLACE )?{_DEFINED} {_TOLERANT}{_NAME}", _create),
    (rf"DROP {_DEFINED} {_TOLERANT}{_NAME}", _drop),
    (rf"ALTER (SEQUENCE) {_NAME} ", _alter),
    (rf"ALTER (TABLE) (?:ONLY )?{_NAME} (?:OWNER TO|(?:NO )?FORCE|ENABLE|DISABLE|SET \(|REPLICA) ?", _alter),
    (rf"REFRESH MATERIALIZED VIEW (?:CONCURRENTLY )?{_NAME}", _refresh),
    (rf"REPLACE (?:INTO )?{_NAME}", _insert),
    (
        r"(?:ANALYZE|BEGIN|CHECKPOINT|COMMIT|GRANT|LOCK|NOTIFY|OPTIMIZE|PRAGMA|RELEASE|RESET|REVOKE|ROLLBACK|SAVEPOINT"
        r"|SET|SHOW|START|USE|VACUUM)\b",
        lambda *_: None,  # settings, transactions, rights: nothing that another revision could collide with
    ),
)
