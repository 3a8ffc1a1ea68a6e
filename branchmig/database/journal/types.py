"""The types of columns in branchmig's own tables: the same values on every database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Integer, Text
from sqlalchemy.types import UserDefinedType


class _Moment(UserDefinedType[datetime]):
    """A time with its microseconds, for MariaDB and MySQL."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "DATETIME(6)"


LONG = Text().with_variant(Text(100_000), "mysql", "mariadb")  # they make a MEDIUMTEXT of it
NUMBER = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by itself only under INTEGER
MOMENT = DateTime().with_variant(_Moment(), "mysql", "mariadb")


def as_json(ids: Sequence[str] | None) -> str | None:
    """Return some ids as text."""
    return None if ids is None else json.dumps(list(ids), ensure_ascii=True, separators=(",", ":"))


def from_json(stored: str | None) -> tuple[str, ...] | None:
    """Return the ids that a text holds."""
    return None if stored is None else tuple(json.loads(stored))
