"""PURE. Types of columns: how they are spelled, and what changing one into another asks of the rows.

Sources: https://www.postgresql.org/docs/current/sql-altertable.html, and of MariaDB and MySQL the pages on online DDL.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from branchmig.effects.dialects import dialect_kind

_SYNONYMS = {
    "bool": "boolean", "bpchar": "char", "character": "char", "character varying": "varchar", "dec": "decimal",
    "decimal": "numeric", "double precision": "double", "fixed": "numeric", "float4": "real", "float8": "double",
    "int": "integer", "int2": "smallint", "int4": "integer", "int8": "bigint", "national varchar": "varchar",
    "nchar": "char", "nvarchar": "varchar", "varchar2": "varchar", "clob": "text", "bytea": "blob", "long": "bigint",
    "timestamp without time zone": "timestamp", "timestamp with time zone": "timestamptz", "varbinary": "varbinary",
    "time without time zone": "time", "time with time zone": "timetz", "serial": "integer", "bigserial": "bigint",
    "string": "varchar", "longvarchar": "text", "datetime2": "datetime",
}  # fmt: skip
_INTEGERS = {"boolean": 1, "tinyint": 1, "smallint": 2, "mediumint": 3, "integer": 4, "bigint": 8}
_DIGITS = {"boolean": 3, "tinyint": 3, "smallint": 5, "mediumint": 8, "integer": 10, "bigint": 19}
_FLOATS = {"real": 4, "float": 8, "double": 8}
_TEXTS = {"tinytext": 255, "text": 65_535, "mediumtext": 1 << 24, "longtext": 1 << 32, "citext": 1 << 30, "varchar": 0}
_SHORT = 63
_TEMPORAL = frozenset({"date", "datetime", "time", "timestamp", "timestamptz", "timetz", "interval", "year"})
_WRITTEN = re.compile(
    r"""\s*(?:(?P<label>[\w".]+)\s+)?(?P<enum>enum|set)\s*\((?P<values>.*)\)
      | \s*(?P<name>[\w".]+(?:\s+(?:varying|precision))?)\s*(?:\((?P<arguments>[^)]*)\))?(?P<rest>.*)""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


class SqlType(NamedTuple):
    """A type by its one name, with its numbers; `values` are those of an enum, `label` its type's own name."""

    name: str
    numbers: tuple[int, ...] = ()
    values: tuple[str, ...] = ()
    label: str = ""
    is_unsigned: bool = False

    @property
    def length(self) -> int | None:
        """The most letters of a text that is limited."""
        if self.numbers and self.name in ("varchar", "char"):
            return self.numbers[0]
        return 1 if self.name == "char" else None


def parse_type(text: str) -> SqlType | None:
    """Return the type that some SQL spells; None for none."""
    found = _WRITTEN.fullmatch(text.strip())
    if not text.strip() or found is None:
        return None
    if found["enum"]:
        values = tuple(item.replace("''", "'") for item in re.findall(r"'((?:[^']|'')*)'", found["values"]))
        return SqlType("enum", values=values, label=(found["label"] or "").strip('"').lower())
    rest = " ".join(found["rest"].lower().split())
    name = " ".join(found["name"].lower().replace('"', "").split())
    zoned = " ".join(part for part in (name, rest) if part and ("time zone" in rest or part == name))
    name = _SYNONYMS.get(zoned, _SYNONYMS.get(name, name)).rpartition(".")[2]
    numbers = tuple(int(item) for item in re.findall(r"\d+", found["arguments"] or ""))
    if name in _INTEGERS:
        numbers = ()  # MySQL's display width
    if "[]" in rest or "array" in rest.split():
        name += "[]"
    return SqlType(name, numbers, (), "", "unsigned" in rest.split())


_ON_POSTGRESQL = {"blob": "bytea", "datetime": "timestamp", "double": "double precision", "tinyint": "smallint"}


def on_postgresql(kind: SqlType) -> str:
    """Return how PostgreSQL spells a type."""
    numbers = f"({', '.join(map(str, kind.numbers))})" if kind.numbers else ""
    if kind.name == "enum":
        return kind.label or "text"
    return f"{_ON_POSTGRESQL.get(kind.name, kind.name)}{numbers}"


class TypeChange(NamedTuple):
    """What another type asks of the rows: whether they are `rewritten` or gone through while others wait, whether one
    may not fit (`narrows`: numbers and lengths; `casts`: text and others), and whether values lose a part (`loses`)."""

    rewrites: bool = False
    narrows: bool = False
    casts: bool = False
    loses: bool = False


def type_change(old: SqlType | None, new: SqlType | None, dialect: str | None) -> TypeChange:
    """Return what it asks to change a type; where one is not known, that the table is rewritten."""
    if old is None or new is None:
        return TypeChange(rewrites=True)
    old, new = _of_dialect(old, dialect), _of_dialect(new, dialect)
    if old == new:
        return TypeChange()
    if dialect == "sqlite":
        return TypeChange(loses=_loses_in_sqlite(old, new))
    found = _compared(old, new)
    if dialect_kind(dialect) == "mysql":
        return found._replace(rewrites=not _is_instant_on_mysql(old, new))
    return found._replace(rewrites=not _is_instant_on_postgresql(old, new))


def is_same_kind(old: SqlType | None, new: SqlType | None) -> bool:
    """Return whether values stay what they are, where they fit: another length or size of the same kind."""
    if old is None or new is None or new.name == "enum" or old.numbers[1:] != new.numbers[1:]:
        return False
    is_text = _is_text(old) and _is_text(new) and "char" not in (old.name, new.name)
    return old.name == new.name or is_text or {old.name, new.name} <= _INTEGERS.keys() - {"boolean"}


def _of_dialect(sql_type: SqlType, dialect: str | None) -> SqlType:
    if dialect_kind(dialect) == "mysql":
        is_double = sql_type.name == "float" and sql_type.numbers[:1] > (24,)
        name = {"boolean": "tinyint"}.get(sql_type.name, "double" if is_double else sql_type.name)
        return sql_type._replace(name=name)
    if dialect in (None, "postgresql"):
        if sql_type.name == "datetime":
            return sql_type._replace(name="timestamp")
        if sql_type.name == "float":
            small = bool(sql_type.numbers) and sql_type.numbers[0] <= 24
            return SqlType("real" if small else "double")
    return sql_type


def _is_text(sql_type: SqlType) -> bool:
    return sql_type.name in _TEXTS or sql_type.name == "char"


def _limit(sql_type: SqlType) -> float:
    if sql_type.name == "text":
        return float("inf")
    length = sql_type.length
    return float("inf") if length is None else length


def _compared(old: SqlType, new: SqlType) -> TypeChange:
    if _is_text(old) and _is_text(new):
        return TypeChange(narrows=_limit(new) < _limit(old))
    if old.name == "enum" and new.name == "enum":
        return TypeChange(casts=not set(old.values) <= set(new.values) or not new.values)
    if old.name == "enum" and _is_text(new):
        return TypeChange(narrows=max(map(len, old.values), default=0) > _limit(new))
    if _is_text(old):
        return TypeChange(casts=True)
    if _is_text(new):
        return TypeChange(narrows=_limit(new) < _longest(old))
    if old.name in _INTEGERS and new.name in _INTEGERS:
        before, after = _INTEGERS[old.name], _INTEGERS[new.name]
        loses_sign = new.is_unsigned != old.is_unsigned and (new.is_unsigned or after <= before)
        return TypeChange(narrows=after < before or loses_sign)
    if {old.name, new.name} <= {*_INTEGERS, *_FLOATS, "numeric", "money"}:
        return _numbers(old, new)
    if old.name in _TEMPORAL and new.name in _TEMPORAL:
        loses = new.name in ("date", "time", "timetz", "year") and old.name not in ("date", "time", new.name)
        fewer = old.name == new.name and _precision(new) < _precision(old)
        return TypeChange(loses=loses or fewer)
    return TypeChange(casts=old.name != new.name, narrows=old.name == new.name)


def _precision(sql_type: SqlType) -> int:
    return sql_type.numbers[0] if sql_type.numbers else 6


def _longest(sql_type: SqlType) -> float:
    if sql_type.name == "uuid":
        return 36
    return _DIGITS.get(sql_type.name, 25 if sql_type.name in _TEMPORAL else float("inf")) + (sql_type.name in _DIGITS)


def _numbers(old: SqlType, new: SqlType) -> TypeChange:
    (digits, scale), (new_digits, new_scale) = _shape(old), _shape(new)
    loses = new_scale < scale or (new.name == "real" and old.name != "real")
    return TypeChange(narrows=new_digits < digits, loses=loses)


def _shape(sql_type: SqlType) -> tuple[float, float]:
    """Return how many digits a number may have before its point, and after it."""
    if sql_type.name in _INTEGERS:
        return _DIGITS[sql_type.name], 0
    if sql_type.name in _FLOATS:
        return (38, 6) if sql_type.name == "real" else (308, 15)
    if not sql_type.numbers:
        return float("inf"), float("inf")
    precision, scale = (*sql_type.numbers, 0)[:2]
    return precision - scale, scale


def _is_instant_on_postgresql(old: SqlType, new: SqlType) -> bool:
    """Return whether PostgreSQL changes its catalogue alone."""
    if {old.name, new.name} <= {"varchar", "text", "citext"}:
        return _limit(new) >= _limit(old)
    if old.name == new.name == "numeric":
        is_wider = _shape(old)[1] == _shape(new)[1] and _shape(new) >= _shape(old)
        return not new.numbers or (bool(old.numbers) and is_wider)
    if old.name == new.name and new.name in ("timestamp", "timestamptz", "time", "timetz", "interval", "varbit"):
        return _precision(new) >= _precision(old)
    return (old.name, new.name) == ("cidr", "inet")


def _is_instant_on_mysql(old: SqlType, new: SqlType) -> bool:
    """Return whether MariaDB and MySQL do it without copying the table: while others can write."""
    if old.name == new.name == "varchar":
        # A length above 255 bytes takes a second byte in every row: that is 63 letters of utf8mb4.
        return _limit(new) >= _limit(old) and (_limit(old) > _SHORT) == (_limit(new) > _SHORT)
    return old.name == new.name == "enum" and bool(old.values) and new.values[: len(old.values)] == old.values


def _loses_in_sqlite(old: SqlType, new: SqlType) -> bool:
    """Return whether a copy in batch mode, which casts where the affinity is another, may lose a part of a value."""
    kinds = [_affinity(sql_type) for sql_type in (old, new)]
    return kinds[0] != kinds[1] and (kinds[1] == "INTEGER" or (kinds[1] in ("REAL", "NUMERIC") and kinds[0] == "TEXT"))


def _affinity(sql_type: SqlType) -> str:
    if sql_type.name in _INTEGERS and sql_type.name != "boolean":
        return "INTEGER"
    if _is_text(sql_type) or sql_type.name == "enum":
        return "TEXT"
    if sql_type.name in ("blob", "varbinary", "binary"):
        return "BLOB"
    return "REAL" if sql_type.name in _FLOATS else "NUMERIC"
