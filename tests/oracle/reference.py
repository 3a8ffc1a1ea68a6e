"""Alembic as the judge: its plans, and the rows that its HeadMaintainer writes, with no database behind it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic.runtime.migration import HeadMaintainer, MigrationStep
from alembic.script import ScriptDirectory
from alembic.script.revision import Revision as AlembicRevision
from alembic.script.revision import RevisionMap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from branchmig.model import Revision


class Script(AlembicRevision):
    """A revision with what a RevisionStep asks of its script."""

    module = SimpleNamespace(upgrade=lambda: None, downgrade=lambda: None)
    doc = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The revisions of alembic's plan, or the error it raised instead."""

    revisions: frozenset[str] = frozenset()
    error: Exception | None = None


def alembic_map(revisions: Iterable[Revision]) -> RevisionMap:
    """Return alembic's map of the same revisions, its files in the same order."""
    return RevisionMap(
        lambda: [Script(one.id, one.parents or None, one.depends_on or None, one.labels or None) for one in revisions]
    )
