"""PURE. The rules for new and changed columns: values, defaults, types, and NOT NULL."""

from __future__ import annotations

import re
from collections.abc import Iterator

from branchmig.effects.change import Change
from branchmig.effects.dialects import dialect_kind
from branchmig.effects.footprint.model import folded
from branchmig.effects.plan_state import PlanState, is_filled
from branchmig.effects.questions import MAY_FAIL
from branchmig.effects.sql_types import is_same_kind, parse_type, type_change

# Functions that give another value for each row: as a default, every row is rewritten.
_VOLATILE = re.compile(
    r"\b(clock_timestamp|gen_random_uuid|nextval|random|timeofday|uuid_generate_v[14]|uuidv[47]|uuid|rand|newid)\s*\(",
    re.IGNORECASE,
)
# SQLite adds a column with a constant default alone.
_NOT_CONSTANT = re.compile(r"\(|\bCURRENT_(TIME|DATE|TIMESTAMP)\b", re.IGNORECASE)
_CUTS = re.compile(r"::\s*(?:var)?char|\bcast\s*\(|\b(?:left|substr|substring)\s*\(", re.IGNORECASE)


def _is_plain(change: Change) -> bool:
    """Return whether the USING of another type is the column itself, cast or not: PostgreSQL computes no new values."""
    bare = re.sub(
        r"::[\w\s\".(),\[\]]+\Z|\A\s*CAST\s*\(|\s+AS\s+[\w\s().]+\)\s*\Z", "", change.condition, flags=re.IGNORECASE
    )
    is_zoned = re.search(r"\bAT\s+TIME\s+ZONE\b", bare, re.IGNORECASE) is not None
    return is_zoned or folded(bare.strip('() "')) in ("", folded(change.name))


class ColumnRules:
    """Rules for columns on one kind of database, in the state that a plan has reached."""

    def __init__(self, dialect: str | None, state: PlanState) -> None:
        self.dialect = dialect
        self.is_postgresql = dialect in (None, "postgresql")
        self.is_mysql = dialect_kind(dialect) == "mysql"
        self.is_sqlite = dialect == "sqlite"
        self._state = state

    def _locks(self, change: Change, *, on_mysql: bool) -> bool:
        """Return whether a change keeps others out on this kind of database."""
        return "lock-none" not in change.flags and (self.is_postgresql or (on_mysql and self.is_mysql))

    def _add_column(self, change: Change) -> Iterator[str]:
        """Yield the rules for a new column."""
        flags = change.flags
        if change.nullable is False and not is_filled(change):
            yield "requires-column" if self.is_mysql else "adds-required-column"
        if self._writes_each_row(change):
            yield "rewrites-table"
        if (
            "virtual" not in flags
            and self.is_postgresql
            and MAY_FAIL.search(change.condition if is_filled(change) else "")
        ):
            yield "casts-values"
        is_uncountable = "stored" in flags or _NOT_CONSTANT.search(change.default or "") is not None
        if self.is_sqlite and is_uncountable and "batch" not in flags:
            yield "adds-uncountable-default"
        if flags & {"unique", "primary key"}:
            if is_filled(change) and not flags & {"serial", "identity"}:
                yield "adds-unique"
            if self._locks(change, on_mysql=False):
                yield "unique-blocks"
        if flags & {"references", "check"} and not self.is_sqlite:
            yield from self._inline_constraint(change)
        if self.is_postgresql and change.type == "json":
            yield "adds-json-column"

    def _inline_constraint(self, change: Change) -> Iterator[str]:
        has_default = change.default is not None
        if "references" in change.flags:
            if has_default:
                yield "adds-foreign-key"
            # PostgreSQL looks nothing up where every row gets NULL.
            if self._locks(change, on_mysql=True) and (has_default or self.is_mysql):
                yield "constraint-blocks"
        # MariaDB and MySQL do not look at rows for a check in a new column's own definition.
        if "check" in change.flags and not self.is_mysql:
            if has_default:
                yield "adds-check"
            if self._locks(change, on_mysql=False):
                yield "constraint-blocks"

    def _writes_each_row(self, change: Change) -> bool:
        if self.is_sqlite or "lock-none" in change.flags:
            return False
        kinds = {"identity", "serial", "stored"} | (set() if self.is_mysql else {"computed"})
        return bool(change.flags & kinds) or _VOLATILE.search(change.default or "") is not None

    def _alter_column(self, change: Change) -> Iterator[str]:
        """Yield the rules for a column that becomes another."""
        if "type" in change.flags:
            yield from self._other_type(change)
        if change.nullable is False and "nullable" in change.flags:
            yield from self._not_null(change)
        if self._loses_default(change):
            yield "drops-default"
        if "generated" in change.flags and change.condition:
            yield "rewrites-table"

    def _other_type(self, change: Change) -> Iterator[str]:
        if self._state.added_column(change, change.name) is not None:
            return
        known = self._state.schema.table(change).column(change.name)
        old = parse_type(change.old_type or (known.type if known is not None else ""))
        asked = type_change(old, parse_type(change.type), self.dialect)
        cuts = asked.narrows and self.is_postgresql and _CUTS.search(change.condition) is not None
        is_alike = is_same_kind(old, parse_type(change.type))
        is_computed = self.is_postgresql and is_alike and not cuts and not _is_plain(change)
        rewrites = asked.rewrites or is_computed or (self.is_mysql and "copies" in change.flags)
        is_indexed = "collated" in change.flags and self._state.schema.table(change).has_index(change.name)
        if (rewrites or is_indexed) and not self.is_sqlite and "lock-none" not in change.flags:
            yield "changes-type"
        if is_computed:
            yield "overwrites-values"
        if asked.loses or cuts:
            yield "loses-values"
        if asked.narrows and not cuts and not self.is_sqlite:
            yield "narrows-type"
        if asked.casts and not self.is_sqlite:
            yield "casts-values"

    def _not_null(self, change: Change) -> Iterator[str]:
        table = self._state.schema.table(change)
        known = table.column(change.name)
        if "was-not-null" in change.flags or (
            known is not None and (known.nullable is False or "primary key" in known.flags)
        ):
            return
        if self.is_postgresql and table.has_no_nulls(change.name):
            return
        added = self._state.added_column(change, change.name)
        if added is None or not is_filled(added):
            yield "sets-not-null"
        if added is not None and added.default is None and not added.flags & {"identity", "serial"}:
            yield "requires-column"
        if self._locks(change, on_mysql=False):
            yield "scans-not-null"

    def _loses_default(self, change: Change) -> bool:
        """Return whether rows that are written without the column fail from then on."""
        known = self._state.schema.table(change).column(change.name)
        flags = change.flags
        if "identity" in flags and "restated" not in flags:
            return True
        if self.is_mysql and flags & {"restated", "partly-restated"} and flags & {"type", "nullable"}:
            # MODIFY restates the column: a default that it does not name is gone.
            if known is None or change.default is not None or flags & {"keeps-default", "identity"}:
                return False
            is_required = change.nullable is False or "was-not-null" in flags
            is_counted = (
                "restated" in flags and "primary key" in known.flags and known.type.lower().startswith(("int", "big"))
            )
            return (is_required and known.default is not None) or is_counted
        if "default" not in flags or change.default is not None or "restated" in flags:
            return False
        # A key may count by itself, and of a column that was only altered so far nobody knows how it was made.
        may_have_one = {"altered", "identity", "primary key", "serial"}
        if known is not None and known.default is None and not known.flags & may_have_one:
            return False
        is_nullable = "was-nullable" in flags or (known is not None and known.nullable is True)
        return not is_nullable
