"""The types of columns in branchmig's own tables: the same values on every database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, DateTime, Integer, Text
from sqlalchemy.dialects import mysql

if TYPE_CHECKING:
    from collections.abc import Sequence

LONG = Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
NUMBER = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by itself only under INTEGER
MOMENT = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def as_json(ids: Sequence[str] | None) -> str | None:
    """Return some ids as text."""
    return None if ids is None else json.dumps(list(ids), ensure_ascii=True, separators=(",", ":"))


def from_json(stored: str | None) -> tuple[str, ...] | None:
    """Return the ids that a text holds."""
    return None if stored is None else tuple(json.loads(stored))
