"""PURE. What the steps of a plan need of the rows that are there, as questions to the live database.

A question is SQL that selects the rows which a step would stumble over. What cannot be asked is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from branchmig.effects.change import UNKNOWN_SQL, Change
from branchmig.effects.footprint import read_changes
from branchmig.effects.footprint.model import folded
from branchmig.effects.foreseen_rows import Catalog, ForeseenRows, Unclear
from branchmig.effects.plan_state import is_filled
from branchmig.effects.questions import Asking, CannotAsk, Casts, Question
from branchmig.effects.schema_state import method_name, table_key
from branchmig.effects.sql_types import on_postgresql, parse_type, type_change
from branchmig.effects.type_questions import fitting


def needs_of(
    scripts: Mapping[str, bytes], catalog: Catalog, undone: Mapping[str, bytes] | None = None
) -> Iterator[Question | CannotAsk]:
    """Yield what the upgrades of some revisions, in their order, need of the present rows.

    The downgrades of `undone` run before them, in their order: they are followed, and ask for nothing themselves.
    """
    reader = _Needs(catalog)
    for revision, script in (undone or {}).items():
        footprint = read_changes(script, "downgrade", catalog.dialect)
        for change in footprint.changes:
            reader.note(change, revision)
        if footprint.unread:
            reader.doubt_from(min(place.line for place in footprint.unread), revision)
    for revision, script in scripts.items():
        footprint = read_changes(script, dialect=catalog.dialect)
        unread = sorted(footprint.unread, key=lambda place: place.line)
        for place in unread:
            yield CannotAsk("unread-statement", revision, "", f"line {place.line}: {place.what}")
        for change in footprint.changes:
            if unread and unread[0].line < change.line:
                reader.doubt_from(unread[0].line, revision)
            yield from reader.read(change, revision)
        if unread:
            reader.doubt_from(unread[0].line, revision)


class _Needs(Asking):
    """Follows the changes of a plan, a kind such as `add-column` by `_add_column`."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(catalog)
        self._later: dict[tuple[str, str], Change] = {}
        self._asks_keys = True
        self._dropped: set[str] = set()

    def doubt_from(self, line: int, revision: str) -> None:
        """Note that nothing is certain after a line that cannot be read, the first such line of the plan."""
        self.doubt = self.doubt or f"line {line} of revision {revision}, which cannot be read, may change that"

    def read(self, change: Change, revision: str) -> Iterator[Question | CannotAsk]:
        """Yield what a change needs, then note what it does."""
        ask = getattr(self, method_name(change), None)
        if change.kind in ("update", "insert", "drop-constraint", "set"):
            # What an update leaves is asked, not what it finds.
            self.note(change, revision)
        if ask is not None and "new-table" not in change.flags:
            code = _CODES.get(change.constraint or change.kind, "check-violated")
            try:
                yield from ask(change, revision)
            except Unclear as reason:
                yield CannotAsk(code, revision, self._shown(change), str(reason))
        if change.kind not in ("update", "insert"):
            self.foresight.follow(change, revision)
        if change.kind == "add-column" and change.default is not None:
            for made in _inline_constraints(change):
                # MariaDB and MySQL do not look at rows for a check in a new column's own definition.
                if made.constraint != "check" or not self.is_mysql:
                    yield from self.read(made, revision)

    def note(self, change: Change, revision: str) -> None:
        """Note what a change does."""
        if change.kind == "drop-constraint":
            self._dropped.add(folded(change.name))
        if change.kind == "set" and change.name == "foreign_key_checks":
            self._asks_keys = change.condition not in ("0", "OFF", "FALSE")
        self.foresight.follow(change, revision)

    # --- one kind of change each

    def _add_column(self, change: Change, revision: str) -> Iterator[Question]:
        rows = self._rows(change)
        if rows is None:
            return
        if change.nullable is False and not is_filled(change) and not self.is_mysql:
            yield self._question("null-values", change, revision, rows, "")
        is_constant = re.search(r"\(|\bCURRENT_", change.default or "", re.IGNORECASE) is None
        if self.dialect == "sqlite" and "batch" not in change.flags and ("stored" in change.flags or not is_constant):
            yield self._question("default-not-constant", change, revision, rows, "")
        if change.flags & {"stored", "computed"}:
            yield from self._generated(change, revision, rows)
        if change.flags & {"unique", "primary key"} and change.default is not None:
            several = f"(SELECT COUNT(*) FROM {rows.source} AS {self.quoted('counted')}) > 1"
            yield self._question("duplicate-values", change, revision, rows, several)

    def _alter_column(self, change: Change, revision: str) -> Iterator[Question]:
        rows = self._rows(change)
        if rows is None:
            return
        if "type" in change.flags and self.dialect != "sqlite":
            yield from self._other_type(change, revision, rows)
        if "nullable" in change.flags and change.nullable is False:
            column = self.quoted(rows.column(change.name))
            yield self._question("null-values", change, revision, rows, f"{column} IS NULL")

    def _other_type(self, change: Change, revision: str, rows: ForeseenRows) -> Iterator[Question]:
        column = rows.column(change.name)
        old = parse_type(rows.types.get(folded(change.name), "") or change.old_type)
        new = parse_type(change.type)
        if new is None:
            raise Unclear("the new type is not known")
        asked = type_change(old, new, self.dialect)
        if old is not None and not (asked.narrows or asked.casts or asked.loses):
            return
        values = self.foresight.enums.get(new.name) or self.foresight.enums.get(new.label)
        where = fitting(self.quoted(column), old, new, self.dialect, change.condition, values)
        if where is not None:
            code, condition = where
            if condition:
                yield self._question(code, change, revision, rows, condition)
            return
        if self.dialect != "postgresql":
            raise Unclear("branchmig cannot ask whether values fit this type")
        columns = tuple(map(self.quoted, rows.columns.values()))
        expression = change.condition or self.quoted(column)
        question = self._question("cast-fails", change, revision, rows, "")
        casts = Casts(expression, on_postgresql(new), rows.source, self.quoted(rows.name), columns)
        yield replace(question, casts=casts)

    def _create_index(self, change: Change, revision: str) -> Iterator[Question]:
        if "unique" in change.flags:
            yield from self._unique(change, revision)

    def _add_constraint(self, change: Change, revision: str) -> Iterator[Question]:
        if "not-valid" in change.flags and self.dialect == "postgresql":
            self._later[(folded(change.table), folded(change.name))] = change
            return
        if change.flags & {"using-index", "not-enforced"}:
            return
        if not change.table:
            yield from self._domain(change, revision)
        elif "partition" in change.flags:
            yield from self._partition(change, revision)
        elif change.constraint == "exclude":
            yield from self._exclusion(change, revision)
        elif change.constraint == "check":
            yield from self._check(change, revision)
        elif change.constraint == "foreign key":
            yield from self._foreign_key(change, revision)
        else:
            yield from self._unique(change, revision)

    def _validate_constraint(self, change: Change, revision: str) -> Iterator[Question]:
        known = self._later.get((folded(change.table), folded(change.name)))
        if known is None:
            live = self.catalog.table(change.schema, change.table)
            known = None if live is None else self.catalog.constraint(live, change.name)
        if known is None:
            raise Unclear(f"what {change.name} says cannot be known")
        ask = {"check": self._check, "foreign key": self._foreign_key}.get(known.constraint)
        if ask is None:
            raise Unclear(f"{change.name} is neither a check nor a foreign key")
        yield from ask(known, revision)

    def _check(self, change: Change, revision: str) -> Iterator[Question]:
        rows = self._rows(change)
        if rows is None:
            return
        if not change.condition or UNKNOWN_SQL in change.condition:
            raise Unclear("its condition is computed")
        words = {folded(word) for word in re.findall(r"[^\W\d]\w*", re.sub(r"'[^']*'", "", change.condition))}
        for name in words & (rows.columns.keys() | rows.unclear_columns.keys()):
            rows.column(name)
        yield self._question("check-violated", change, revision, rows, f"NOT ({change.condition})")

    def _foreign_key(self, change: Change, revision: str) -> Iterator[Question]:
        if self.dialect == "sqlite" or not self._asks_keys:
            return  # SQLite looks at foreign keys when rows are written, where it is asked to at all
        rows = self._rows(change)
        if rows is None:
            return
        there = self.foresight.rows(change.target_schema, change.target)
        columns = [self.quoted(rows.column(name)) for name in change.columns]
        if there.is_made and not there.more:
            where = " AND ".join(f"{name} IS NOT NULL" for name in columns)
            yield self._question("orphaned-rows", change, revision, rows, where)
            return
        if there.more:
            raise Unclear(there.more)
        targets = [self.quoted(there.column(name)) for name in change.target_columns or there.key]
        own, other = self.quoted(rows.name), self.quoted("referred")
        pairs = " AND ".join(f"{other}.{there_} = {own}.{here}" for here, there_ in zip(columns, targets, strict=True))
        given = " AND ".join(f"{own}.{name} IS NOT NULL" for name in columns)
        missing = f"{given} AND NOT EXISTS (SELECT 1 FROM {there.source} AS {other} WHERE {pairs})"
        if "match-full" in change.flags:
            some = " OR ".join(f"{own}.{name} IS NOT NULL" for name in columns)
            missing = f"(({some}) AND NOT ({given})) OR ({missing})"
        yield self._question("orphaned-rows", change, revision, rows, missing)

    def _unique(self, change: Change, revision: str) -> Iterator[Question]:
        rows = self._rows(change)
        if rows is None or "ignore" in change.flags:
            return  # ALTER IGNORE deletes rows instead
        if not change.columns or UNKNOWN_SQL in (*change.columns, change.condition):
            raise Unclear("what it is over is computed")
        parts = [self._part(rows, part) for part in change.columns]
        if change.constraint == "primary key":
            empty = " OR ".join(f"{part} IS NULL" for part in parts)
            yield self._question("null-values", change, revision, rows, empty)
        conditions = [f"({change.condition})"] if change.condition else []
        if "nulls-not-distinct" not in change.flags:
            conditions += [f"{part} IS NOT NULL" for part in parts]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        times = self.quoted("times_here")
        inner = (
            f"(SELECT {self.quoted(rows.name)}.*, COUNT(*) OVER (PARTITION BY {', '.join(parts)}) AS {times} "
            f"FROM {rows.source} AS {self.quoted(rows.name)}{where})"
        )
        yield self._question("duplicate-values", change, revision, rows, f"{times} > 1", inner)

    def _update(self, change: Change, revision: str) -> Iterator[Question]:
        """What an UPDATE leaves must keep to the table's own rules; where it cannot be followed, nobody asks."""
        rows, live = self.foresight.rows(change.schema, change.table), self.catalog.table(change.schema, change.table)
        names = {folded(name) for name, _ in change.values}
        if rows.is_made or rows.unclear or live is None or not names.isdisjoint(rows.unclear_columns):
            return
        for name, text in change.values:
            if folded(name) in map(folded, live.required) and not re.match(r"\s*['\d]", text):
                yield self._question("null-values", change, revision, rows, f"{self.quoted(rows.column(name))} IS NULL")
        for key in live.unique:
            if not names.isdisjoint(map(folded, key)) and all(folded(name) in rows.columns for name in key):
                unique = replace(change, columns=key, constraint="unique", condition="", flags=frozenset())
                yield from self._unique(unique, revision)

    def _insert(self, change: Change, revision: str) -> Iterator[Question]:
        """Rows that are added must have keys of their own; where they cannot be known, nobody asks."""
        live = self.catalog.table(change.schema, change.table)
        made = self.foresight.made_columns.get(table_key(change.schema, change.table), {})
        if made and (filling := self.foresight.filling(change)) is not None:
            for name, column in made.items():
                if column.nullable is False and name in filling.columns:
                    where = f"{self.quoted(column.name)} IS NULL"
                    yield self._question("null-values", replace(change, columns=()), revision, filling, where)
        if live is None or made or not change.source:
            return
        rows = self.foresight.rows(change.schema, change.table)
        names = {folded(name) for name in change.columns or rows.columns}
        if rows.is_made or rows.more or rows.unclear or not names.isdisjoint(rows.unclear_columns):
            return
        for key in live.unique:
            if names.issuperset(map(folded, key)):
                unique = replace(change, columns=key, constraint="unique", condition="", flags=frozenset())
                yield from self._unique(unique, revision)

    def _delete(self, change: Change, revision: str) -> Iterator[Question]:
        """Rows that others point to cannot be deleted, unless these go with them."""
        rows, live = self.foresight.rows(change.schema, change.table), self.catalog.table(change.schema, change.table)
        if rows.is_made or live is None or self.dialect == "sqlite" or not self._asks_keys or "joined" in change.flags:
            return
        for key in self.catalog.referring(live):
            children = self.foresight.rows(key.schema, key.table)
            if children.is_gone or folded(key.name) in self._dropped:
                continue
            if UNKNOWN_SQL in change.condition:
                raise Unclear("which rows it deletes is computed")
            own, parent = self.quoted(children.name), self.quoted(change.new_name or rows.name)
            pairs = [
                f"{parent}.{self.quoted(rows.column(there))} = {own}.{self.quoted(children.column(here))}"
                for here, there in zip(key.columns, key.target_columns, strict=True)
            ]
            condition = f"({change.condition}) AND " if change.condition else ""
            gone = f"EXISTS (SELECT 1 FROM {rows.source} AS {parent} WHERE {condition}{' AND '.join(pairs)})"
            if folded(children.name) == folded(rows.name):
                if not change.condition:
                    continue
                gone = f"NOT ({change.condition}) AND {gone}"
            yield self._question("orphaned-rows", key, revision, children, gone)

    def _part(self, rows: ForeseenRows, text: str) -> str:
        """Return a part of an index as SQL; an expression stays as it is written."""
        length = re.fullmatch(r"[`\"]?(\w+)[`\"]?\s*\((\d+)\)", text)
        if length and folded(length[1]) in rows.columns:
            return f"LEFT({self.quoted(rows.column(length[1]))}, {length[2]})"
        if folded(text) in rows.columns or re.fullmatch(r"\w+", text):
            return self.quoted(rows.column(text))
        for name in {folded(word) for word in re.findall(r"[^\W\d]\w*", text)} & rows.unclear_columns.keys():
            rows.column(name)
        return f"({text})" if " COLLATE " not in text.upper() else text


def _inline_constraints(column: Change) -> Iterator[Change]:
    """Yield the constraints that are written in a new column's own definition."""
    made = replace(column, kind="add-constraint", name="", flags=frozenset(), columns=(column.name,))
    if "references" in column.flags:
        yield replace(made, constraint="foreign key", condition="")
    if "check" in column.flags:
        yield replace(made, constraint="check")


_CODES = {
    "add-column": "null-values",
    "alter-column": "null-values",
    "create-index": "duplicate-values",
    "delete": "orphaned-rows",
    "foreign key": "orphaned-rows",
    "primary key": "duplicate-values",
    "unique": "duplicate-values",
}
