"""PURE. The effects of a plan so far: what it made, filled and locked, and what later changes make harmless."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from branchmig.effects.change import Change
from branchmig.effects.footprint.model import folded
from branchmig.effects.schema_state import Schema, TableKey, method_name, table_key

_TAKES_LOCK = frozenset(
    {"add-column", "add-constraint", "alter-column", "create-index", "drop-column", "drop-constraint", "lock-table"}
    | {"move-table", "rename-column", "rename-constraint", "rename-table", "truncate"}
)


class Case(NamedTuple):
    """One change that a rule applies to, with code for the safer way."""

    code: str
    change: Change
    example: str
    table: tuple[str | None, str]


class PlanState:
    """Follows the changes of a plan: a change of a kind such as `add-column` by `_add_column`.

    `locked` are tables that its transaction holds against readers or writers, `unvalidated` the constraints that it has
    added NOT VALID itself, `planned` those of the whole plan. `open` are cases, by code and table, that a later change
    may make harmless: `taken_back`, as of a renamed table that gets a view of its old name. `asks_keys`: MySQL looks at
    rows for new foreign keys.
    """

    def __init__(self, before: Iterable[Change]) -> None:
        before = list(before)
        self.base, self.schema = Schema(before), Schema(before)
        self.made: set[TableKey] = set()
        self.added: dict[tuple[TableKey, str], Change] = {}
        self.filled: set[tuple[TableKey, str]] = set()
        self.objects: set[str] = set()
        self._copies: dict[TableKey, TableKey] = {}
        self.locked: set[TableKey] = set()
        self.unvalidated: set[tuple[TableKey, str]] = set()
        self.planned: set[tuple[TableKey, str]] = set()
        self.open: dict[tuple[str, TableKey], Case] = {}
        self.taken_back: list[Case] = []
        self.asks_keys = True

    @classmethod
    def alone(cls, schema: Schema, changes: Iterable[Change]) -> PlanState:
        """Return the state of a plan of a few changes that begins at some schema; the plan goes on with that schema."""
        state = cls(())
        state.base, state.schema = schema.part(changes), schema
        return state

    def is_made(self, change: Change) -> bool:
        """Return whether the plan has made a change's table, so that it is empty."""
        return table_key(change.schema, change.table) in self.made or "temporary" in change.flags

    def added_column(self, change: Change, name: str) -> Change | None:
        """Return a column that the plan has added to a change's table."""
        return self.added.get((table_key(change.schema, change.table), folded(name)))

    def holds_nothing(self, change: Change, columns: Sequence[str]) -> bool:
        """Return whether the plan has added some columns, all of them NULL in every row so far."""
        key = table_key(change.schema, change.table)
        added = [self.added_column(change, column) for column in columns]
        is_written = any((key, folded(column)) in self.filled for column in columns)
        return bool(columns) and not is_written and all(made is not None and not is_filled(made) for made in added)

    def begin(self) -> None:
        """Note that a transaction begins: nothing is locked."""
        self.locked, self.unvalidated = set(), set()

    def follow(self, change: Change) -> None:
        """Note what a change means for those that come after it."""
        key = table_key(change.schema, change.table)
        if "new-table" in change.flags and key not in self.made:
            return  # CREATE TABLE IF NOT EXISTS, of a table that is there
        is_held = change.in_transaction and not change.flags & {"new-table", "concurrently"}
        if change.kind in _TAKES_LOCK and is_held and change.table and key not in self.made:
            self.locked.add(key)
        if follow := getattr(self, method_name(change), None):
            follow(change, key)
        self.schema.apply(change)

    def _create_table(self, change: Change, key: TableKey) -> None:
        if "tolerant" not in change.flags or key not in self.base.tables:
            self.made.add(key)
        if change.target:
            self._insert(change, key)

    def _create_view(self, change: Change, key: TableKey) -> None:
        self.made.add(key)
        self._take_back(key, "drops-view", *(("renames-table", "moves-table") if self._is_whole(change) else ()))

    def _take_back(self, key: TableKey, *codes: str) -> bool:
        """Note that open cases are harmless after all; return whether there was one."""
        cases = [self.open.pop((code, key)) for code in codes if (code, key) in self.open]
        self.taken_back += cases
        return bool(cases)

    def _is_whole(self, change: Change) -> bool:
        """Return whether a SELECT takes all rows of a table with all columns, as they are."""
        known = self.schema.tables.get(table_key(change.target_schema, change.target))
        chosen = {folded(name.rpartition(".")[2].strip('"`')) for name, _ in change.values}
        is_listed = known is not None and known.made is not None and set(known.columns) <= chosen
        is_every = "every-column" in change.flags or is_listed
        return bool(change.target) and is_every and not change.flags & {"where", "summarized"}

    def _alter_column(self, change: Change, key: TableKey) -> None:
        case = self.open.get(("drops-default", key))
        is_optional = "nullable" in change.flags and change.nullable is True
        is_same = case is not None and folded(case.change.name) == folded(change.name)
        if is_same and ("identity-added" in change.flags or is_optional):
            self._take_back(key, "drops-default")

    def _set(self, change: Change, _: TableKey) -> None:
        self.asks_keys = change.condition not in ("0", "OFF", "FALSE")

    def _create_type(self, change: Change, _: TableKey) -> None:
        self.objects.add(folded(change.name))

    def _create_function(self, change: Change, key: TableKey) -> None:
        if not self._take_back(key, "drops-function") and folded(change.name) not in self.base.functions:
            self.objects.add(folded(change.name))

    def _add_column(self, change: Change, key: TableKey) -> None:
        self.added[(key, folded(change.name))] = change

    def _drop_column(self, change: Change, key: TableKey) -> None:
        self.added.pop((key, folded(change.name)), None)

    def _update(self, change: Change, key: TableKey) -> None:
        self.filled.update((key, folded(name)) for name, _ in change.values)

    def _insert(self, change: Change, key: TableKey) -> None:
        if self._is_whole(change):
            self._copies[key] = table_key(change.target_schema, change.target)

    def _add_constraint(self, change: Change, key: TableKey) -> None:
        if "partition" in change.flags:
            self._take_back(key, "renames-table")
        if "not-valid" in change.flags and change.name:
            self.planned.add((key, folded(change.name)))
            if change.in_transaction:
                self.unvalidated.add((key, folded(change.name)))

    def _rename_table(self, change: Change, key: TableKey) -> None:
        after = table_key(change.target_schema or change.schema, change.new_name)
        if key in self.made:
            self.made.discard(key)
            self.made.add(after)
        # A copy with all rows takes the name of the table that was dropped or set aside.
        if self._copies.get(key) == after:
            self._take_back(after, "drops-table", "renames-table")


def is_filled(change: Change) -> bool:
    """Return whether rows that are there get a value in a new column."""
    return change.default is not None or bool(change.flags & {"identity", "serial", "stored", "virtual", "computed"})
