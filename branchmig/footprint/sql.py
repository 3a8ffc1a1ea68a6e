"""PURE. Raw SQL to touches; the only room that imports sqlglot, and only once there is SQL to read.

No dialect is assumed: what the neutral one cannot read, PostgreSQL's and MySQL's may. What none of them can read
is opaque.
"""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from branchmig.footprint.commands import read_command
from branchmig.footprint.record import Record, TableName, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlglot import Expression

NEEDED = "raw SQL is read with sqlglot: pip install 'branchmig[sql]'"

_DIALECTS = (None, "postgres", "mysql")
# What drivers put values into, and `op.execute` passes on: %s, %(name)s, and %% for a percent sign.
_DRIVER_PARAMETER = re.compile(r"%(?:\(\w+\))?s")


def read(text: str, record: Record) -> None:
    """Note what some SQL touches. Raises Unreadable where it cannot be read, or sqlglot is missing."""
    try:
        from branchmig.footprint.sql_nodes import note
    except ImportError:
        raise Unreadable(NEEDED) from None
    plain = _DRIVER_PARAMETER.sub("NULL", text).replace("%%", "%")
    for statement in _statements(plain):
        if isinstance(statement, str):
            read_command(statement, record)
        else:
            note(statement, record)
