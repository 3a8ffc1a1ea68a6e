"""PURE. Changes to the rules that match them: the known state of the table before, and who holds which lock.

Brief locks of the catalogue alone are no hazard; nor is what is done to tables that the same plan makes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from branchmig.effects.change import UNKNOWN_SQL, Change
from branchmig.effects.column_rules import ColumnRules
from branchmig.effects.footprint.model import folded
from branchmig.effects.hazard_rules import RULES
from branchmig.effects.plan_state import Case, PlanState
from branchmig.effects.schema_state import method_name, table_key

_ONE_ROW = re.compile(r"\A\s*[\w.\"`]*\bid[\"`]?\s*=\s*\S+\s*\Z|\bid[\"`]?\s+IN\s*\([\d,\s]+\)", re.IGNORECASE)
_CALLED = frozenset({"aggregate", "function", "procedure", "routine"})


_ALWAYS = {
    "commit": "transaction-in-script", "drop-schema": "drops-schema", "drop-table": "drops-table",
    "drop-view": "drops-view", "move-table": "moves-table", "rename-schema": "renames-schema",
    "rename-table": "renames-table",
}  # fmt: skip


class Judge(ColumnRules):
    """Follows the changes of a plan, revision by revision: a kind such as `add-column` by `_add_column`."""

    def __init__(self, dialect: str | None, before: Iterable[Change] = (), names: str = "") -> None:
        super().__init__(dialect, PlanState(before))
        self._names = re.compile(names) if names else None

    @property
    def taken_back(self) -> list[Case]:
        """Cases that a later change of the plan makes harmless."""
        return self._state.taken_back

    def alone(self, changes: Sequence[Change]) -> list[Case]:
        """Return the cases of the next revision if it is a plan of its own: what is there by then may have rows."""
        self._state = PlanState.alone(self._state.schema, changes)
        return self.revision(changes)

    def revision(self, changes: Sequence[Change]) -> list[Case]:
        """Return the cases among the changes of the next revision."""
        self._state.begin()
        found: list[Case] = []
        has_ended = False
        for given in changes:
            has_ended = given.kind == "commit" or (has_ended and given.kind != "begin")
            change = replace(given, in_transaction=given.in_transaction and not has_ended)
            if not change.in_transaction:
                self._state.begin()
            cases = [self._case(code, change) for code in self._codes(change)]
            for case in cases:
                self._state.open[(case.code, table_key(change.schema, change.table))] = case
            found += cases
            self._state.follow(change)
        return found

    def _case(self, code: str, change: Change) -> Case:
        parts = {
            "table": change.table or "...",
            "name": change.name or "...",
            "columns": ", ".join(f'"{column}"' for column in change.columns) or "...",
            "target": change.target or "...",
            "new_name": change.new_name or "...",
        }
        return Case(code, change, RULES[code].example.format(**parts), (change.schema, change.table))

    def _codes(self, change: Change) -> Iterator[str]:
        if self._names is not None:
            yield from self._conventions(change, self._names)
        is_attached = change.kind == "add-constraint" and "partition" in change.flags
        if "new-table" in change.flags or (change.table and self._state.is_made(change) and not is_attached):
            return
        if judge := getattr(self, method_name(change), None):
            yield from dict.fromkeys(judge(change))
        elif change.kind in _ALWAYS:
            yield _ALWAYS[change.kind]

    def _conventions(self, change: Change, names: re.Pattern[str]) -> Iterator[str]:
        kinds = {"create-table", "add-column", "create-index", "add-constraint", "create-view"}
        name = change.new_name if change.kind.startswith("rename-") else change.name if change.kind in kinds else ""
        if name and not names.fullmatch(name):
            yield "unconventional-name"

    # --- one kind of change each

    def _create_table(self, change: Change) -> Iterator[str]:
        if "replace" in change.flags:
            yield "replaces-table"

    def _drop_column(self, change: Change) -> Iterator[str]:
        if self._state.added_column(change, change.name) is None:
            yield "drops-column"

    def _drop_object(self, change: Change) -> Iterator[str]:
        name = folded(change.name)
        if name in self._state.objects:
            return
        # Triggers alone call a trigger's function, and PostgreSQL drops it only once they are gone.
        if change.flags & _CALLED and not self._state.schema.functions.get(name):
            yield "drops-function"
        if "cascade" in change.flags:
            yield "drops-default" if "sequence" in change.flags else "drops-with-cascade"

    def _truncate(self, change: Change) -> Iterator[str]:
        yield "drops-partition" if "partition" in change.flags else "deletes-rows"

    def _delete(self, change: Change) -> Iterator[str]:
        yield "deletes-rows"
        yield from self._under_lock(change)

    def _update(self, change: Change) -> Iterator[str]:
        is_limited = "where" in change.flags
        changed = [
            name
            for name, value in change.values
            if self._state.added_column(change, name) is None and not _keeps(name, value)
        ]
        fills = re.search(r"\bIS\s+NULL\b", change.condition, re.IGNORECASE) is not None
        if changed and not fills and (change.condition or not is_limited):
            yield "overwrites-values"
        if self._state.locked:
            yield from self._under_lock(change)
        elif not is_limited and not self.is_sqlite:
            yield "updates-every-row"

    def _under_lock(self, change: Change) -> Iterator[str]:
        is_held = bool(self._state.locked) and self.is_postgresql and change.in_transaction
        if is_held and not _ONE_ROW.search(change.condition):
            yield "fills-under-lock"

    def _insert(self, change: Change) -> Iterator[str]:
        if change.flags & {"replace", "upsert"}:
            yield "overwrites-values"
        if change.target and table_key(change.target_schema, change.target) in self._state.locked:
            yield from self._under_lock(change)

    def _create_index(self, change: Change) -> Iterator[str]:
        is_unique = "unique" in change.flags
        if "ignore" in change.flags:
            yield "deletes-rows"
        elif (
            is_unique and not self._is_unique_already(change) and not self._state.holds_nothing(change, change.columns)
        ):
            yield "adds-unique"
        if self.is_postgresql and "concurrently" in change.flags:
            if change.in_transaction:
                yield "concurrently-in-transaction"
        elif self._locks(change, on_mysql=bool(change.flags & {"fulltext", "spatial", "copies"})):
            yield "index-blocks-writes"
        if not is_unique and len(change.columns) > 3:
            yield "wide-index"

    def _is_unique_already(self, change: Change) -> bool:
        if UNKNOWN_SQL in change.columns:
            return False
        return any(schema.table(change).is_unique(change.columns) for schema in (self._state.base, self._state.schema))

    def _add_constraint(self, change: Change) -> Iterator[str]:
        flags, kind = change.flags, change.constraint
        if "partition" in flags:
            yield from self._attach(change)
            return
        is_later = "not-valid" in flags and self.is_postgresql
        if self.is_mysql and kind == "foreign key" and not self._state.asks_keys:
            return
        if is_later or flags & {"using-index", "not-enforced"}:
            return
        yield from self._refusals(change)
        is_checked = kind in ("check", "foreign key")
        if self._locks(change, on_mysql=is_checked):
            yield "constraint-blocks" if is_checked else "unique-blocks"

    def _attach(self, change: Change) -> Iterator[str]:
        key = table_key(change.target_schema, change.target)
        known = self._state.schema.tables.get(key)
        if key not in self._state.made and not (known is not None and known.has_bounds(change.condition)):
            yield from ("attaches-partition", "constraint-blocks")

    def _refusals(self, change: Change) -> Iterator[str]:
        """Yield what a constraint that is looked at now may fail of."""
        if change.constraint == "check":
            yield "adds-check"
        elif change.constraint == "exclude":
            yield "adds-exclusion"
        elif change.constraint != "foreign key":
            yield from self._key(change)
        elif not (
            self.is_sqlite
            or self._state.base.table(change).has_foreign_key(change)
            or self._state.holds_nothing(change, change.columns)
        ):
            yield "adds-foreign-key"

    def _key(self, change: Change) -> Iterator[str]:
        is_primary = change.constraint == "primary key"
        known = [self._state.schema.table(change).column(column) for column in change.columns]
        is_filled = all(column is not None and column.nullable is False for column in known)
        if self._is_unique_already(change) and (is_filled or not is_primary):
            return
        if "ignore" in change.flags:
            yield "deletes-rows"
        elif is_primary:
            yield "adds-primary-key"
        elif not self._state.holds_nothing(change, change.columns):
            yield "adds-unique"

    def _drop_constraint(self, change: Change) -> Iterator[str]:
        known = self._state.schema.table(change).constraints.get(folded(change.name))
        kind = change.constraint or (known.constraint if known is not None else "")
        if kind == "primary key" and self.is_mysql and "lock-none" not in change.flags:
            yield "rebuilds-table"
        elif kind == "foreign key":
            yield "drops-foreign-key"

    def _validate_constraint(self, change: Change) -> Iterator[str]:
        key = (table_key(change.schema, change.table), folded(change.name))
        known = self._state.schema.table(change).constraints.get(folded(change.name))
        if key in self._state.unvalidated:
            # The lock of ADD CONSTRAINT is kept until the transaction ends.
            yield from ("validates-constraint", "constraint-blocks")
        if key in self._state.planned or (known is not None and "not-valid" not in known.flags):
            return
        yield "validates-constraint"

    def _rename_column(self, change: Change) -> Iterator[str]:
        if self._state.added_column(change, change.name) is None:
            yield "renames-column"

    def _rename_object(self, change: Change) -> Iterator[str]:
        if "type" in change.flags and folded(change.name) not in self._state.objects:
            yield "renames-type"

    def _rename_value(self, change: Change) -> Iterator[str]:
        if folded(change.table) not in self._state.objects:
            yield "renames-value"

    def _rebuild_table(self, change: Change) -> Iterator[str]:
        flags = change.flags
        if flags & {"brief", "lock-none"} or self.is_sqlite:
            return
        if (self.is_mysql if flags & {"mysql", "system versioning"} else self.is_postgresql) or self.dialect is None:
            yield "rebuilds-table"

    def _lock_table(self, change: Change) -> Iterator[str]:
        if not self.is_sqlite:
            yield "locks-table"

    def _refresh_view(self, change: Change) -> Iterator[str]:
        if "concurrently" not in change.flags and self.is_postgresql:
            yield "refreshes-view"

    def _drop_index(self, change: Change) -> Iterator[str]:
        if self.is_postgresql and "concurrently" not in change.flags:
            yield "drops-index-under-lock"
        elif self.is_postgresql and change.in_transaction:
            yield "concurrently-in-transaction"


def _keeps(name: str, value: str) -> bool:
    """Return whether a column keeps the value that it has, if it has one: `nick`, `coalesce(nick, 'x')`."""
    kept = re.match(r"\s*\(?\s*(?:coalesce|ifnull)\s*\(\s*([\w\"`]+)\s*,", value, re.IGNORECASE)
    return folded((kept[1] if kept else value).strip('"` ')) == folded(name)
