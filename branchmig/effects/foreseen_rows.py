"""PURE. The rows of a table as the steps of a plan would leave them, as SQL that selects them from the live table.

An UPDATE becomes a CASE, a DELETE a WHERE, a new column its default: so what a later step needs can be asked of rows
that an earlier step would have changed, and nothing is written. What cannot be followed makes rows or columns unclear.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from branchmig.effects.change import UNKNOWN_SQL, Change
from branchmig.effects.constraint_questions import Partitioning
from branchmig.effects.dialects import dialect_kind, quoted
from branchmig.effects.footprint.model import folded
from branchmig.effects.schema_state import TableKey, method_name, table_key
from branchmig.effects.sql_rows import OWN_ROWS
from branchmig.effects.sql_types import is_same_kind, on_postgresql, parse_type


@dataclass(frozen=True, slots=True)
class LiveTable:
    """A table as the database has it: its names as they are spelled there, its columns' types, its primary key.

    `required` are the columns that are NOT NULL, `unique` what no two rows may share, the primary key among it.
    """

    name: str
    schema: str | None
    types: Mapping[str, str]
    key: tuple[str, ...] = ()
    required: frozenset[str] = frozenset()
    unique: tuple[tuple[str, ...], ...] = ()


class Catalog(Protocol):
    """What the live database says of its tables; `dialect` is SQLAlchemy's name of its kind."""

    dialect: str

    def table(self, schema: str | None, name: str) -> LiveTable | None:
        """Return a table, however the letters of its name are written; None if it is not there."""

    def referring(self, table: LiveTable) -> Sequence[Change]:
        """Return the foreign keys of other tables, or of its own, that keep rows of a table from being deleted."""

    def domain_columns(self, schema: str | None, name: str) -> Sequence[tuple[str | None, str, str]]:
        """Return the schema, table and name of each column of a domain."""

    def partitioning(self, schema: str | None, name: str) -> Partitioning | None:
        """Return how a table is divided into partitions; None where it is not, or is not there."""

    def constraint(self, table: LiveTable, name: str) -> Change | None:
        """Return a constraint of a table, as the change that would add it; None if it cannot be known."""


class Unclear(Exception):
    """The rows, or a column of them, cannot be known before the plan has run."""


@dataclass(frozen=True, slots=True)
class ForeseenRows:
    """Rows of one table: `source` is what to select from, `columns` their names there, by folded name.

    `unclear` says why nothing can be known of the rows, and `unclear_columns` of one column. `more` says why there may
    be more rows. `is_made`: the plan makes the table, so that there are none but those of `more`.
    """

    name: str
    source: str
    columns: Mapping[str, str]
    key: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    unclear: str = ""
    unclear_columns: Mapping[str, str] = field(default_factory=dict)
    more: str = ""
    is_made: bool = False
    is_changed: bool = False
    is_gone: bool = False

    def column(self, name: str) -> str:
        """Return how a column is spelled. Raises Unclear where it is not there or not known."""
        if self.unclear:
            raise Unclear(self.unclear)
        reason = self.unclear_columns.get(folded(name))
        if reason:
            raise Unclear(reason)
        if folded(name) not in self.columns:
            raise Unclear(f"{self.name} has no column {name}")
        return self.columns[folded(name)]


class Joined(NamedTuple):
    """The rows that a joined statement is about, seen from each row of its table under an `alias`."""

    alias: str
    queries: str
    rest: str

    def found(self) -> str:
        """Return the condition that a row is one of them."""
        return f"EXISTS ({self.queries} SELECT 1 {self.rest})"

    def value(self, text: str) -> str:
        """Return an expression over the joined rows as one over a row; of several, any."""
        return f"({self.queries} SELECT {text} {self.rest} LIMIT 1)"


class Foresight:
    """Follows the changes of a plan on a live database's tables: a kind such as `add-column` by `_add_column`."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog, self.dialect = catalog, catalog.dialect
        self.enums: dict[str, tuple[str, ...]] = {}
        self.partitions: dict[TableKey, str] = {}
        self.made_columns: dict[TableKey, dict[str, Change]] = {}
        self._rows: dict[TableKey, ForeseenRows] = {}

    def quoted(self, name: str) -> str:
        """Return a name in quotes, as this kind of database writes it."""
        return quoted(name, dialect_kind(self.dialect))

    def rows(self, schema: str | None, name: str) -> ForeseenRows:
        """Return the rows of a table as they are by now. Raises Unclear where the table is not there."""
        key = table_key(schema, name)
        if key not in self._rows:
            live = self.catalog.table(schema, name)
            if live is None:
                raise Unclear(f"there is no table {name} yet")
            path = ".".join(self.quoted(part) for part in (live.schema, live.name) if part)
            columns = {folded(column): column for column in live.types}
            types = {folded(column): kind for column, kind in live.types.items()}
            self._rows[key] = ForeseenRows(live.name, path, columns, live.key, types)
        return self._rows[key]

    def follow(self, change: Change, revision: str) -> None:
        """Note what a change makes of the rows."""
        follow = getattr(self, method_name(change), None)
        if "new-table" in change.flags and change.kind == "add-column":
            self.made_columns.setdefault(table_key(change.schema, change.table), {})[folded(change.name)] = change
        if follow is None or "new-table" in change.flags:
            return
        try:
            follow(change, revision)
        except Unclear:
            return  # a table that is not there: its first use reports that

    def mentions_changed(self, sql: str, but: ForeseenRows) -> bool:
        """Return whether some SQL reads a table that the plan has changed: the live one is another."""
        if not re.search(r"\bselect\b", sql, re.IGNORECASE):
            return False
        words = {word.casefold() for word in re.findall(r"[^\W\d]\w*", sql)}
        changed = {name for (_, name), rows in self._rows.items() if rows.is_changed or rows.is_made or rows.unclear}
        return not words.isdisjoint(changed) or (but.is_changed and folded(but.name) in words)

    def _keep(self, change: Change, rows: ForeseenRows) -> None:
        self._rows[table_key(change.schema, change.table)] = rows

    def _selected(self, rows: ForeseenRows, items: Mapping[str, str], alias: str = "", where: str = "") -> ForeseenRows:
        """Return rows with other columns: `items` are expressions by column name."""
        listed = ", ".join(f"{text} AS {self.quoted(name)}" for name, text in items.items())
        condition = f" WHERE {where}" if where else ""
        source = f"(SELECT {listed} FROM {rows.source} AS {self.quoted(alias or rows.name)}{condition})"
        columns = {folded(name): name for name in items}
        return replace(rows, source=source, columns=columns, is_changed=True)

    def _same(self, rows: ForeseenRows) -> dict[str, str]:
        return {name: self.quoted(name) for name in rows.columns.values()}

    # --- one kind of change each

    def _create_table(self, change: Change, revision: str) -> None:
        if "tolerant" in change.flags:
            with suppress(Unclear):
                self.rows(change.schema, change.table)
                return
        if change.condition:
            self.partitions[table_key(change.schema, change.table)] = change.condition
        more = f"revision {revision} fills {change.table} as it makes it" if change.target else ""
        self._keep(change, ForeseenRows(change.table, "", {}, more=more, is_made=True, is_changed=True))

    def _drop_table(self, change: Change, revision: str) -> None:
        reason = f"revision {revision} drops {change.table} first"
        self._keep(change, ForeseenRows(change.table, "", {}, unclear=reason, is_changed=True, is_gone=True))

    def _truncate(self, change: Change, revision: str) -> None:
        rows = self.rows(change.schema, change.table)
        if change.flags & {"partition", "cascade"}:
            self._keep(change, replace(rows, unclear=f"revision {revision} empties a part of {rows.name} first"))
        else:
            self._keep(change, self._selected(rows, self._same(rows), where="1 = 0"))

    def _rename_table(self, change: Change, revision: str) -> None:
        rows = self.rows(change.schema, change.table)
        self._drop_table(change, revision)
        name = change.new_name if change.kind == "rename-table" else change.table
        schema = (change.target_schema or change.schema) if change.kind == "rename-table" else change.new_name
        self._rows[table_key(schema, name)] = replace(rows, name=name, is_changed=True)

    _move_table = _rename_table

    def _add_column(self, change: Change, revision: str) -> None:
        rows = self.rows(change.schema, change.table)
        if rows.is_made:
            return
        unclear = dict(rows.unclear_columns)
        unclear.pop(folded(change.name), None)
        if change.flags & {"stored", "virtual", "computed"}:
            text = f"({change.condition})"
        elif change.flags & {"identity", "serial"}:
            text = "ROW_NUMBER() OVER ()"
        else:
            text = self._cast(change.default or "NULL", change.type)
        if UNKNOWN_SQL in text:
            unclear[folded(change.name)] = f"revision {revision} adds {rows.name}.{change.name} with a computed default"
            text = "NULL"
        made = self._selected(rows, {**self._same(rows), change.name: text})
        types = {**rows.types, folded(change.name): change.type}
        self._keep(change, replace(made, unclear_columns=unclear, types=types))

    def _cast(self, text: str, type_: str) -> str:
        kind = parse_type(type_)
        if self.dialect != "postgresql" or kind is None or kind.name == "enum":
            return text
        return f"CAST({text} AS {on_postgresql(kind)})"

    def _drop_column(self, change: Change, _: str) -> None:
        rows = self.rows(change.schema, change.table)
        items = {name: text for name, text in self._same(rows).items() if folded(name) != folded(change.name)}
        key = () if folded(change.name) in map(folded, rows.key) else rows.key
        if items and not rows.is_made:
            self._keep(change, replace(self._selected(rows, items), key=key))

    def _rename_column(self, change: Change, _: str) -> None:
        rows = self.rows(change.schema, change.table)
        if rows.is_made or folded(change.name) not in rows.columns:
            return
        old, after = rows.columns[folded(change.name)], folded(change.new_name)
        items = {(change.new_name if name == old else name): text for name, text in self._same(rows).items()}
        unclear = {(after if name == folded(old) else name): why for name, why in rows.unclear_columns.items()}
        types = {(after if name == folded(old) else name): kind for name, kind in rows.types.items()}
        key = tuple(change.new_name if name == old else name for name in rows.key)
        self._keep(change, replace(self._selected(rows, items), unclear_columns=unclear, types=types, key=key))

    def _alter_column(self, change: Change, revision: str) -> None:
        rows = self.rows(change.schema, change.table)
        if "type" not in change.flags or rows.is_made or self.dialect == "sqlite":
            return
        if is_same_kind(parse_type(rows.types.get(folded(change.name), "")), parse_type(change.type)):
            self._keep(change, replace(rows, types={**rows.types, folded(change.name): change.type}))
        else:
            # Values are converted: what they are then is not known here.
            reason = f"revision {revision} changes the type of {rows.name}.{change.name} first"
            unclear = {**rows.unclear_columns, folded(change.name): reason}
            types = {**rows.types, folded(change.name): change.type}
            self._keep(change, replace(rows, unclear_columns=unclear, types=types))

    def _update(self, change: Change, revision: str) -> None:
        rows = self.rows(change.schema, change.table)
        if rows.is_made:
            return
        reason = f"revision {revision} updates {rows.name} first"
        texts = [change.condition, *(text for _, text in change.values)]
        words = {folded(word) for text in texts for word in re.findall(r"[^\W\d]\w*", text)}
        joined = self._joined(change, rows)
        is_plain = ("joined" not in change.flags or joined is not None) and bool(change.values)
        is_plain &= UNKNOWN_SQL not in "".join(texts) and words.isdisjoint(rows.unclear_columns)
        if not is_plain or any(self.mentions_changed(text, rows) for text in texts) or rows.unclear:
            names = [name for name, _ in change.values]
            unclear = {**rows.unclear_columns, **{folded(name): reason for name in names}}
            why = rows.unclear or ("" if names else reason)
            self._keep(change, replace(rows, unclear_columns=unclear, unclear=why))
            return
        items = self._same(rows)
        spelled = {folded(name): text for name, text in change.values}
        where = change.condition if joined is None else joined.found()
        for name in items:
            if folded(name) in spelled:
                value = "NULL" if spelled[folded(name)].upper() == "DEFAULT" else spelled[folded(name)]
                value = self._cast(value if joined is None else joined.value(value), rows.types.get(folded(name), ""))
                items[name] = f"CASE WHEN ({where}) THEN ({value}) ELSE {items[name]} END" if where else f"({value})"
        cleared = {name: why for name, why in rows.unclear_columns.items() if where or name not in spelled}
        alias = change.new_name if joined is None else joined.alias
        self._keep(change, replace(self._selected(rows, items, alias), unclear_columns=cleared))

    def _joined(self, change: Change, rows: ForeseenRows) -> Joined | None:
        """Return the rows that a joined UPDATE or DELETE is about; None where it joins none, or cannot be followed."""
        keys = [rows.columns.get(folded(name)) for name in rows.key]
        text = f"{change.queries} {change.source} {change.condition}"
        is_clear = not any(folded(name) in rows.unclear_columns for name in rows.key)
        if not change.source or not keys or None in keys or not is_clear or UNKNOWN_SQL in text:
            return None
        own = f"{rows.source} AS {self.quoted(change.new_name or rows.name)}"
        source, number = _with_own(change, own)
        names = {folded(word) for word in re.findall(r"[^\W\d]\w*", f"{change.queries} {source.replace(own, '')}")}
        if number != 1 or not names.isdisjoint(self._changed_names(rows)):
            return None
        alias = self.quoted("branchmig_row")
        inner = self.quoted(change.new_name or rows.name)
        same = " AND ".join(f"{inner}.{self.quoted(str(key))} = {alias}.{self.quoted(str(key))}" for key in keys)
        condition = f"({change.condition}) AND {same}" if change.condition else same
        return Joined("branchmig_row", change.queries, f"FROM {source} WHERE {condition}")

    def _changed_names(self, own: ForeseenRows) -> set[str]:
        """Return the tables of which the live rows are no longer what the plan has by now."""
        changed = {name for (_, name), rows in self._rows.items() if rows.is_changed or rows.is_made or rows.unclear}
        return changed - (set() if own.is_changed else {folded(own.name)})

    def _delete(self, change: Change, revision: str) -> None:
        rows = self.rows(change.schema, change.table)
        if rows.is_made:
            return
        joined = self._joined(change, rows)
        is_known = UNKNOWN_SQL not in change.condition and not self.mentions_changed(change.condition, rows)
        if ("joined" in change.flags and joined is None) or rows.unclear or not is_known:
            self._keep(change, replace(rows, unclear=f"revision {revision} deletes rows of {rows.name} first"))
            return
        condition = change.condition if joined is None else joined.found()
        where = f"CASE WHEN ({condition}) THEN 0 ELSE 1 END = 1" if condition else "1 = 0"
        alias = change.new_name if joined is None else joined.alias
        self._keep(change, self._selected(rows, self._same(rows), alias, where))

    def _insert(self, change: Change, revision: str) -> None:
        rows = self.rows(change.schema, change.table)
        more = f"revision {revision} inserts rows into {rows.name} first"
        inserted = self._inserted(change, rows)
        if inserted is None:
            self._keep(change, replace(rows, more=more, is_changed=True))
            return
        columns = {folded(name): rows.columns[folded(name)] for name in change.columns or rows.columns}
        others = {key: name for key, name in rows.columns.items() if key not in columns}
        unclear = {**rows.unclear_columns, **dict.fromkeys(others, more)}
        self._keep(
            change, replace(rows, source=inserted, columns=columns | others, unclear_columns=unclear, is_changed=True)
        )

    def filling(self, change: Change) -> ForeseenRows | None:
        """Return the rows that an INSERT puts into a table that the plan makes; None where they cannot be known."""
        columns = self.made_columns.get(table_key(change.schema, change.table), {})
        names = [columns[folded(name)].name for name in change.columns or columns if folded(name) in columns]
        words = {folded(word) for word in re.findall(r"[^\W\d]\w*", change.source)}
        is_plain = re.match(r"\s*(SELECT|VALUES)\b", change.source, re.IGNORECASE) and UNKNOWN_SQL not in change.source
        changed = {name for (_, name), rows in self._rows.items() if rows.is_changed}
        if not is_plain or not names or len(names) < len(change.columns) or not words.isdisjoint(changed):
            return None
        empty = ", ".join(f"NULL AS {self.quoted(name)}" for name in names)
        source = f"(SELECT {empty} FROM (SELECT 1) AS branchmig_none WHERE 1 = 0 UNION ALL {change.source})"
        return ForeseenRows(change.table, source, {folded(name): name for name in names})

    def _inserted(self, change: Change, rows: ForeseenRows) -> str | None:
        """Return the rows of a table with those that an INSERT adds; None where these cannot be known."""
        is_clear = change.source and not change.flags & {"upsert", "replace"}
        text = f"{change.queries} {change.source}"
        words = {folded(word) for word in re.findall(r"[^\W\d]\w*", text)}
        is_known = is_clear and UNKNOWN_SQL not in text and "DEFAULT" not in text.upper()
        keys = [folded(name) for name in change.columns or rows.columns]
        if not is_known or rows.is_made or rows.unclear or not set(keys) <= rows.columns.keys():
            return None
        if not words.isdisjoint(self._changed_names(rows)):
            return None
        own = [rows.columns[key] for key in keys] + [name for key, name in rows.columns.items() if key not in keys]
        listed = ", ".join(map(self.quoted, own))
        empty = ", NULL" * (len(own) - len(keys))
        made = f"SELECT branchmig_new.*{empty} FROM ({text}) AS branchmig_new"
        if self.dialect == "postgresql":
            # NULL and literals of VALUES are text there.
            names = [f"c{number}" for number in range(len(keys))]
            cast = ", ".join(self._cast(name, rows.types.get(key, "")) for name, key in zip(names, keys, strict=True))
            made = f"SELECT {cast}{empty} FROM ({text}) AS branchmig_new ({', '.join(names)})"
        return f"(SELECT {listed} FROM {rows.source} AS {self.quoted(rows.name)} UNION ALL {made})"

    def _create_type(self, change: Change, _: str) -> None:
        self.enums[folded(change.name)] = change.columns


def _with_own(change: Change, own: str) -> tuple[str, int]:
    """Return the FROM of a joined statement with its own table's rows put in, and how often they were put in."""
    if OWN_ROWS in change.source:
        return change.source.replace(OWN_ROWS, own), 1
    alias = re.escape(change.new_name or change.table)
    name = rf'[\w.`"]*(?<![\w]){re.escape(change.table)}[`"]?'
    aliased = rf"{name}\s+(?:AS\s+)?{alias}\b" if change.new_name not in ("", change.table) else rf"{name}(?!\s*\.)"
    return re.subn(rf"(?<![\w.])(?:{aliased})", lambda _: own, change.source, count=1, flags=re.IGNORECASE)
