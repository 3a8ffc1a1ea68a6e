"""The tables of a live database, with their keys, constraints, domains and partitions, looked up once each."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Enum, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from branchmig.effects.change import Change
from branchmig.effects.constraint_questions import Partitioning
from branchmig.effects.dialects import literal
from branchmig.effects.footprint.model import folded
from branchmig.effects.foreseen_rows import LiveTable
from branchmig.effects.sql_columns import constraint_of
from branchmig.effects.sql_words import Statement, words_of


class LiveCatalog:
    """The tables of a connection's database, looked up once each."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.dialect = connection.dialect.name
        self._tables: dict[tuple[str | None, str], LiveTable | None] = {}

    @cached_property
    def _inspector(self) -> Any:
        return inspect(self._connection)

    def table(self, schema: str | None, name: str) -> LiveTable | None:
        """Return a table, however the letters of its name are written; None if it is not there."""
        if (schema, name) not in self._tables:
            self._tables[(schema, name)] = self._found(schema, name)
        return self._tables[(schema, name)]

    def _found(self, schema: str | None, name: str) -> LiveTable | None:
        names = self._inspector.get_table_names(schema=schema)
        spelled = name if name in names else next((other for other in names if folded(other) == folded(name)), None)
        if spelled is None:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a type that SQLAlchemy does not know has none here
            columns = self._inspector.get_columns(spelled, schema=schema)
        key = self._inspector.get_pk_constraint(spelled, schema=schema).get("constrained_columns") or ()
        types = {str(column["name"]): self._type(column["type"]) for column in columns}
        required = frozenset(str(column["name"]) for column in columns if not column["nullable"])
        keys = [tuple(map(str, key)), *self._unique(spelled, schema)]
        return LiveTable(spelled, schema, types, keys[0], required, tuple(dict.fromkeys(filter(None, keys))))

    def _unique(self, table: str, schema: str | None) -> Iterator[tuple[str, ...]]:
        """Yield the columns of each unique constraint or index that is over whole columns of every row."""
        for constraint in self._inspector.get_unique_constraints(table, schema=schema):
            yield tuple(constraint["column_names"])
        # SQLite has an index of its own making behind each UNIQUE of a table.
        more = {"include_auto_indexes": True} if self.dialect == "sqlite" else {}
        for index in self._inspector.get_indexes(table, schema=schema, **more):
            is_partial = any(name.endswith("_where") for name in index.get("dialect_options", {}))
            is_whole = None not in index["column_names"] and "expressions" not in index
            has_lengths = any(name.endswith("_length") for name in index.get("dialect_options", {}))
            if index["unique"] and is_whole and not is_partial and not has_lengths:
                yield tuple(map(str, index["column_names"]))

    def referring(self, table: LiveTable) -> list[Change]:
        """Return the foreign keys that keep rows of a table from being deleted."""
        found = []
        for (schema, name), keys in self._inspector.get_multi_foreign_keys(schema=table.schema).items():
            for key in keys:
                rule = str(key.get("options", {}).get("ondelete") or "NO ACTION").upper()
                same = (key["referred_schema"] or table.schema, key["referred_table"]) == (table.schema, table.name)
                if same and rule in ("NO ACTION", "RESTRICT"):
                    found.append(
                        Change(
                            "add-constraint",
                            "",
                            table=name,
                            schema=schema,
                            name=str(key["name"] or ""),
                            columns=tuple(key["constrained_columns"]),
                            constraint="foreign key",
                            target=table.name,
                            target_schema=table.schema,
                            target_columns=tuple(key["referred_columns"]),
                        )
                    )
        return found

    def _type(self, kind: Any) -> str:
        if isinstance(kind, Enum):
            listed = ", ".join(literal(value, "") for value in kind.enums)
            return f"{kind.name or ''} enum({listed})".strip()
        try:
            return str(kind.compile(dialect=self._connection.dialect))
        except SQLAlchemyError:
            return ""

    def domain_columns(self, schema: str | None, name: str) -> list[tuple[str | None, str, str]]:
        """Return the schema, table and name of each column of a domain."""
        asked = text(
            "SELECT n.nspname, c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND NOT a.attisdropped "
            "AND a.atttypid = to_regtype(:name)"
        )
        found = self._connection.execute(asked, {"name": self._path(schema, name)}).all()
        return [(str(each[0]), str(each[1]), str(each[2])) for each in found]

    def partitioning(self, schema: str | None, name: str) -> Partitioning | None:
        """Return how a table is divided into partitions; None where it is not, or is not there."""
        asked = text(
            "SELECT pg_get_partkeydef(p.partrelid), p.partrelid::regclass::text, "
            "(SELECT string_agg(pg_get_partition_constraintdef(i.inhrelid), ' OR ') FROM pg_inherits i "
            "WHERE i.inhparent = p.partrelid AND i.inhrelid <> p.partdefid), n.nspname, d.relname "
            "FROM pg_partitioned_table p LEFT JOIN pg_class d ON d.oid = p.partdefid "
            "LEFT JOIN pg_namespace n ON n.oid = d.relnamespace WHERE p.partrelid = to_regclass(:name)"
        )
        if self.dialect != "postgresql":
            return None
        found = self._connection.execute(asked, {"name": self._path(schema, name)}).first()
        if found is None:
            return None
        default = None if found[4] is None else (str(found[3]), str(found[4]))
        return Partitioning(str(found[0]), str(found[1]), found[2] or "", default)

    def _path(self, schema: str | None, name: str) -> str:
        quoted = self._connection.dialect.identifier_preparer.quote_identifier
        return ".".join(quoted(part) for part in (schema, name) if part)

    def constraint(self, table: LiveTable, name: str) -> Change | None:
        """Return a constraint of a table, as the change that would add it; None if it cannot be known."""
        if self.dialect != "postgresql":
            return None
        path = self._path(table.schema, table.name)
        asked = text(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid = to_regclass(:path) AND lower(conname) = lower(:name)"
        )
        written = self._connection.execute(asked, {"path": path, "name": name}).scalar()
        if written is None:
            return None
        return constraint_of(Statement(written, words_of(written)), (table.schema, table.name))
