"""PURE. Whether values fit another type: conditions in SQL that select those which do not."""

from __future__ import annotations

import re
from collections.abc import Sequence

from branchmig.effects.dialects import dialect_kind, literal
from branchmig.effects.footprint.model import folded
from branchmig.effects.sql_types import SqlType

_RANGES = {
    "tinyint": (-128, 127), "smallint": (-32_768, 32_767), "mediumint": (-8_388_608, 8_388_607),
    "integer": (-(2**31), 2**31 - 1), "bigint": (-(2**63), 2**63 - 1),
}  # fmt: skip
_NUMBERS = {*_RANGES, "numeric", "real", "double", "float"}
_TEXTS = {"varchar", "char", "text", "tinytext", "mediumtext", "longtext"}


def fitting(
    column: str, old: SqlType | None, new: SqlType, dialect: str, using: str, values: Sequence[str] | None
) -> tuple[str, str] | None:
    """Return a code and the condition of the values of a column that do not fit; an empty one where all do.

    None where SQL alone cannot say: PostgreSQL has to try each value then. `values` are those of an enum that the plan
    makes.
    """
    is_mysql = dialect_kind(dialect) == "mysql"
    if using and not _is_plain(using, column):
        return None
    allowed = values or (new.values if new.name == "enum" else None)
    if allowed:
        listed = ", ".join(map(literal, allowed))
        text = column if is_mysql else f"CAST({column} AS text)"
        return "cast-fails", f"{text} NOT IN ({listed})"
    if using or old is None:
        return None if not is_mysql else _on_mysql(column, old, new)
    if new.length is not None and old.name in _TEXTS:
        return "value-too-long", _longer(column, new.length, is_mysql=is_mysql)
    if old.name in _NUMBERS and new.name in _NUMBERS:
        # PostgreSQL rounds no float to digits.
        is_float = not is_mysql and old.name in ("real", "double", "float")
        return "value-out-of-range", _outside(f"CAST({column} AS numeric)" if is_float else column, new)
    return _on_mysql(column, old, new) if is_mysql else None


def _is_plain(using: str, column: str) -> bool:
    """Return whether a USING is the column alone, cast or not: `zip::integer`."""
    bare = folded(column.strip('"`'))
    found = re.fullmatch(r'"?(\w+)"?\s*(?:::\s*text\s*)?(?:::\s*[\w". ]+)', using.strip())
    return found is not None and folded(found[1]) == bare


def _longer(column: str, length: int, *, is_mysql: bool) -> str:
    # PostgreSQL cuts spaces off the end without a word; MariaDB refuses them.
    return f"CHAR_LENGTH({column}) > {length}" if is_mysql else f"rtrim(substr({column}, {length + 1})) <> ''"


def _outside(column: str, new: SqlType) -> str:
    if new.name in _RANGES:
        low, high = _RANGES[new.name]
        low, high = (0, high - low) if new.is_unsigned else (low, high)
        return f"ROUND({column}) < {low} OR ROUND({column}) > {high}"
    if new.name == "numeric" and new.numbers:
        precision, scale = (*new.numbers, 0)[:2]
        return f"ABS(ROUND({column}, {scale})) >= {10 ** (precision - scale)}"
    return ""


def _on_mysql(column: str, old: SqlType | None, new: SqlType) -> tuple[str, str] | None:
    """MariaDB and MySQL in strict mode: what they refuse to convert."""
    if new.length is not None:
        return "value-too-long", _longer(column, new.length, is_mysql=True)
    if new.name in _RANGES or new.name == "numeric":
        digits = r"[0-9]+" if new.name in _RANGES else r"([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][-+]?[0-9]+)?"
        number = f"{column} REGEXP '^[[:space:]]*[-+]?{digits}[[:space:]]*$'"
        outside = _outside(f"CAST({column} AS DECIMAL(65, 20))", new)
        return "cast-fails", f"NOT ({number})" + (f" OR ({number} AND ({outside}))" if outside else "")
    if new.name in ("date", "datetime", "timestamp"):
        kind = "DATE" if new.name == "date" else "DATETIME"
        return "cast-fails", f"{column} IS NOT NULL AND CAST({column} AS {kind}) IS NULL"
    if new.name == "json":
        return "cast-fails", f"NOT JSON_VALID({column})"
    return None
