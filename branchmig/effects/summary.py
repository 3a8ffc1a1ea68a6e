"""PURE. What the upgrade of a revision does, as a few short items that fit beside it: changes, hazards, and gaps.

Every change that the readers know has an item, and so has every place that they cannot read. A new table stands for
its own columns, constraints and indexes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from branchmig.effects.change import Change
from branchmig.effects.footprint import DbObject, Effect, Footprint, Opaque
from branchmig.effects.footprint.model import folded, folded_schema, shown_name
from branchmig.effects.schema_state import table_key

if TYPE_CHECKING:
    from branchmig.effects.hazards import Hazard

ItemKind = Literal["add", "drop", "rename", "alter", "rows", "hazard", "unread"]
_Named = tuple[str, str, str]
"""A verb, and what it is done to: the table that an object belongs to, or "", and the object's name."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that an upgrade does: in a few words (`text`), as a sentence (`what`), and where in the file.

    `allowed` is the reason that the file gives for a hazard.
    """

    kind: ItemKind
    text: str
    what: str = ""
    line: int = 0
    table: str = ""
    allowed: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """All items of one upgrade, in the order of the file, then hazards, then what cannot be read.

    `tables` are all that it touches, also those that it only reads or refers to; `renames` are (before, after).
    """

    items: tuple[Item, ...] = ()
    tables: tuple[str, ...] = ()
    renames: tuple[tuple[str, str], ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether the whole upgrade could be read."""
        return not any(item.kind == "unread" for item in self.items)


NO_SCRIPT = Summary((Item("unread", "no script", "there is no script to read"),))
"""Of a revision whose script is not there: only compiled, or lost."""


def summarize(
    footprint: Footprint, hazards: Sequence[Hazard] = (), allowed: Mapping[str, str] | None = None
) -> Summary:
    """Return the items of an upgrade. `allowed` are reasons by the codes that the file allows."""
    items = [*_changes(footprint), *_others(footprint)]
    for touch in () if items else footprint.touches:
        if touch.action == "read" and touch.object.kind == "table":
            table = _table_of(touch.object)
            items.append(Item("rows", f"reads {table}", touch.what, touch.line, table))
    items += _hazards(hazards, allowed or {})
    places = dict.fromkeys((*footprint.opaque, *footprint.unread))
    items += [Item("unread", _unread_text(place), place.what, place.line) for place in places]
    renames = [change for change in footprint.changes if change.kind in ("rename-table", "move-table")]
    pairs = tuple((_table(change), _new_table(change)) for change in renames)
    return Summary(tuple(dict.fromkeys(items)), _tables(footprint), pairs)


# --- changes


def _changes(footprint: Footprint) -> Iterator[Item]:
    whole = {
        (change.kind, *table_key(change.schema, change.table))
        for change in footprint.changes
        if change.kind in ("create-table", "drop-table")
    }
    for change in footprint.changes:
        known = _TEXTS.get(change.kind)
        is_part = (_PARTS.get(change.kind, ""), *table_key(change.schema, change.table)) in whole
        if known is None or is_part or "new-table" in change.flags:
            continue
        kind, words = known
        text = _altered(change, footprint) if change.kind == "alter-column" else words(change)
        table = _table(change) if change.table and change.kind not in _OF_NO_TABLE else ""
        yield Item(kind, text if change.table or change.name else change.what, change.what, change.line, table)


# What goes with its table, where the same upgrade makes or drops that.
_PARTS = {
    "add-column": "create-table",
    "add-constraint": "create-table",
    "create-index": "create-table",
    "drop-constraint": "drop-table",
    "drop-index": "drop-table",
}


def _table(change: Change) -> str:
    return shown_name(change.schema, change.table)


def _new_table(change: Change) -> str:
    if change.kind == "move-table":
        return shown_name(change.new_name, change.table)
    return shown_name(change.target_schema or change.schema, change.new_name)


def _column(change: Change) -> str:
    return f"{_table(change)}.{change.name}" if change.table else change.name


def _altered(change: Change, footprint: Footprint) -> str:
    """`tasks.title: varchar(80), not null`: what the column has from then on."""
    wanted = folded(change.table), folded(change.name)
    aspects = {
        aspect
        for touch in footprint.touches
        if touch.action == "alter" and (folded(touch.object.table or ""), folded(touch.object.name)) == wanted
        for aspect in touch.aspects
    } | change.flags
    words = {
        "type": change.type or "type",
        "nullable": {True: "nullable", False: "not null", None: "nullable or not"}[change.nullable],
        "default": "default",
        "generated": "generated",
        "identity": "identity",
        "comment": "comment",
        "autoincrement": "autoincrement",
    }
    parts = [text for aspect, text in words.items() if aspect in aspects]
    return f"{_column(change)}: {', '.join(parts)}" if parts else _column(change)


def _index(change: Change) -> str:
    unique = "unique " if "unique" in change.flags else ""
    return " ".join(f"{unique}index {change.name}{f' on {_table(change)}' if change.table else ''}".split())


def _constraint(change: Change) -> str:
    kind = change.constraint or "constraint"
    columns = f" ({', '.join(change.columns)})" if change.columns else ""
    on = f" on {_table(change)}{columns}" if change.table else ""
    return f"{kind}{on}" if change.columns or not change.name else f"{kind} {change.name}{on}"


def _object(change: Change) -> str:
    kinds = ("type", "domain", "extension", "function", "sequence", "procedure", "aggregate", "collation", "routine")
    return " ".join([*(kind for kind in kinds if kind in change.flags), change.name or change.table])


def _to(text: Callable[[Change], str]) -> Callable[[Change], str]:
    return lambda change: f"{text(change)} → {change.new_name}"


def _rows(verb: str) -> Callable[[Change], str]:
    return lambda change: f"{verb} {_table(change)}"


_TEXTS: dict[str, tuple[ItemKind, Callable[[Change], str]]] = {
    "add-column": ("add", _column),
    "add-constraint": ("add", _constraint),
    "add-value": ("add", lambda change: f"{change.table}: {change.name}"),
    "alter-column": ("alter", _column),
    "create-function": ("add", _object),
    "create-index": ("add", _index),
    "create-table": ("add", _table),
    "create-type": ("add", lambda change: f"type {change.name or change.table}"),
    "create-view": ("add", lambda change: f"view {_table(change)}"),
    "delete": ("rows", _rows("deletes from")),
    "drop-column": ("drop", _column),
    "drop-constraint": ("drop", lambda change: f"constraint {_column(change)}"),
    "drop-index": ("drop", _index),
    "drop-object": ("drop", _object),
    "drop-schema": ("drop", lambda change: f"schema {change.name or change.table}"),
    "drop-table": ("drop", _table),
    "drop-view": ("drop", lambda change: f"view {_table(change)}"),
    "insert": ("rows", _rows("inserts into")),
    "move-table": ("rename", lambda change: f"{_table(change)} → {_new_table(change)}"),
    "rebuild-table": ("alter", lambda change: f"{_table(change) or change.name or 'a table'}: rebuilt"),
    "refresh-view": ("rows", _rows("refreshes")),
    "rename-column": ("rename", _to(_column)),
    "rename-constraint": ("rename", _to(lambda change: f"constraint {_column(change)}")),
    "rename-index": ("rename", _to(lambda change: f"index {change.name or change.table}")),
    "rename-object": ("rename", _to(lambda change: change.name or change.table)),
    "rename-schema": ("rename", _to(lambda change: f"schema {change.name or change.table}")),
    "rename-table": ("rename", lambda change: f"{_table(change)} → {change.new_name}"),
    "rename-value": ("rename", _to(lambda change: f"{change.table}: {change.name}")),
    "truncate": ("rows", _rows("empties")),
    "update": ("rows", _rows("updates")),
    "validate-constraint": ("alter", lambda change: f"constraint {_column(change)}: validated"),
}


# --- what only touches know: functions, triggers, extensions, comments


_VERBS: dict[str, tuple[str, ...]] = {
    "add": ("create",), "create": ("create",), "drop": ("drop",), "rename": ("rename", "create"), "move": ("alter",),
    "alter": ("alter",), "delete": ("write",), "insert": ("write",), "truncate": ("write",), "update": ("write",),
    "rebuild": ("alter",), "refresh": ("write",), "validate": ("alter",),
}  # fmt: skip


def _others(footprint: Footprint) -> Iterator[Item]:
    known = {named for change in footprint.changes for named in _named(change)}
    made = {
        (folded_schema(touch.object.schema), folded(touch.object.name))
        for touch in footprint.touches
        if touch.action == "create" and touch.object.kind == "table"
    }
    seen: set[_Named] = set()
    for touch in footprint.touches:
        obj, kind = touch.object, _KINDS.get(touch.action)
        named = touch.action, folded(obj.table or ""), folded(obj.name)
        is_part = touch.action != "drop" and obj.table is not None and (
            (folded_schema(obj.schema), folded(obj.table)) in made or obj.kind in ("index", "constraint")
        )  # fmt: skip
        is_written = obj.kind == "column" and touch.action == "write"
        if kind is None or named in known or named in seen or is_part or is_written:
            continue
        seen.add(named)
        yield Item(kind, _text_of(touch), touch.what, touch.line, _table_of(obj))


_KINDS: dict[str, ItemKind] = {"create": "add", "drop": "drop", "rename": "rename", "alter": "alter", "write": "rows"}


def _named(change: Change) -> Iterator[_Named]:
    """Yield what a change says of which objects, as touches name them."""
    table, name, new_name = folded(change.table), folded(change.name), folded(change.new_name)
    for verb in _VERBS.get(change.kind.partition("-")[0], ()):
        yield verb, table, name
        yield verb, "", name or table
        yield verb, "", table
        if new_name:
            yield verb, table, new_name
            yield verb, "", new_name
    if change.kind in ("add-value", "rename-value"):
        yield "alter", "", table


def _text_of(touch: Effect) -> str:
    obj = touch.object
    name = f"{_table_of(obj)}.{obj.name}" if obj.table and obj.kind != "index" else shown_name(obj.schema, obj.name)
    text = name if obj.kind in ("table", "column") else f"{obj.kind} {name}"
    if touch.action == "rename":
        return touch.what
    if touch.action == "alter" and touch.aspects:
        return f"{text}: {', '.join(sorted(touch.aspects))}"
    return f"writes {text}" if touch.action == "write" else text


def _table_of(obj: DbObject) -> str:
    if obj.kind in ("table", "view"):
        return shown_name(obj.schema, obj.name)
    return shown_name(obj.schema, obj.table) if obj.table and obj.kind != "value" else ""


def _tables(footprint: Footprint) -> tuple[str, ...]:
    names = [_table_of(touch.object) for touch in footprint.touches]
    names += [_table(change) for change in footprint.changes if change.table and change.kind not in _OF_NO_TABLE]
    by_key: dict[str, str] = {}
    for name in names:
        by_key.setdefault(folded(name), name)
    by_key.pop("", None)
    return tuple(by_key[key] for key in sorted(by_key))


_OF_NO_TABLE = frozenset(
    {"add-value", "create-function", "create-type", "drop-index", "drop-object", "drop-schema", "rename-index"}
    | {"rename-object", "rename-schema", "rename-value", "begin", "commit", "set"}
)


# --- hazards and gaps


_HARMS = {
    "destroys": "destroys data",
    "may fail": "may fail",
    "locks": "locks",
    "breaks running code": "breaks running code",
    "advice": "advice",
}
_PREPOSITIONS = {"destroys": "in ", "locks": "", "may fail": "on ", "breaks running code": "on ", "advice": "on "}


def _hazards(hazards: Sequence[Hazard], allowed: Mapping[str, str]) -> Iterator[Item]:
    """Yield an item for each kind of harm and table; the first hazard of it lends its words."""
    seen = set()
    for hazard in hazards:
        effect, table = hazard.rule.effect, shown_name(*hazard.table)
        reason = allowed.get(hazard.code, "")
        text = _HARMS[effect] + (f" {_PREPOSITIONS[effect]}{table}" if table else "")
        if (text, bool(reason)) not in seen:
            seen.add((text, bool(reason)))
            yield Item("hazard", text, f"{hazard.what}: {hazard.rule.why}", hazard.line, table, reason)


_OPERATION = re.compile(r"(?:op|batch)\.\w+|[\w.]+(?=\(\)| is called)")


def _unread_text(place: Opaque) -> str:
    if "SQL" in place.what or place.what.startswith(("op.execute", "execute")):
        return "raw SQL"
    found = _OPERATION.search(place.what)
    return found[0] if found else "script"
