"""The types of columns in branchmig's own tables: the same values on every database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator


class _Long(TypeDecorator[str]):
    """A text of any length; MySQL's dialect is imported where it is the database's."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name not in ("mysql", "mariadb"):
            return dialect.type_descriptor(Text())
        from sqlalchemy.dialects.mysql import MEDIUMTEXT

        return dialect.type_descriptor(MEDIUMTEXT())


class _Moment(TypeDecorator[Any]):
    """A time with its microseconds."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name not in ("mysql", "mariadb"):
            return dialect.type_descriptor(DateTime())
        from sqlalchemy.dialects.mysql import DATETIME

        return dialect.type_descriptor(DATETIME(fsp=6))


LONG = _Long()
NUMBER = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by itself only under INTEGER
MOMENT = _Moment()


def as_json(ids: Sequence[str] | None) -> str | None:
    """Return some ids as text."""
    return None if ids is None else json.dumps(list(ids), ensure_ascii=True, separators=(",", ":"))


def from_json(stored: str | None) -> tuple[str, ...] | None:
    """Return the ids that a text holds."""
    return None if stored is None else tuple(json.loads(stored))
