"""Alembic as the judge: its plans, and the rows that its HeadMaintainer writes, with no database behind it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic.runtime.migration import HeadMaintainer, MigrationStep
from alembic.script import ScriptDirectory
from alembic.script.revision import Revision as AlembicRevision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from branchmig.model import Direction, Revision

# What HeadMaintainer asks of a migration context; each statement answers that it met one row.
NO_DATABASE = SimpleNamespace(
    impl=SimpleNamespace(_exec=lambda statement: SimpleNamespace(rowcount=1)),
    dialect=SimpleNamespace(supports_sane_rowcount=True),
    as_sql=False,
    version_table="alembic_version",
    _version=sa.Table("alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32))),
)


class Script(AlembicRevision):
    """A revision with what a RevisionStep asks of its script."""

    module = SimpleNamespace(upgrade=lambda: None, downgrade=lambda: None)
    doc = ""


class ScriptsInMemory(ScriptDirectory):
    """Alembic's own directory of scripts over revisions that have no files, in the order given."""

    def __init__(self, revisions: Sequence[Revision]) -> None:
        self._in_memory = revisions
        super().__init__(str(Path(__file__).parent))

    def _load_revisions(self) -> Iterator[Any]:
        for revision in self._in_memory:
            yield Script(revision.id, revision.parents or None, revision.depends_on or None, revision.labels or None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The ids that alembic answers with; or, where it has no answer, the error that it raised."""

    ids: frozenset[str] = frozenset()
    error: str | None = None


def upgrade_verdict(scripts: ScriptDirectory, target: str, rows: Sequence[str]) -> Verdict:
    """Return the revisions that `alembic upgrade` runs."""
    return _verdict(lambda: (step.revision.revision for step in scripts._upgrade_revs(target, tuple(rows))))


def downgrade_verdict(scripts: ScriptDirectory, target: str, rows: Sequence[str]) -> Verdict:
    """Return the revisions that `alembic downgrade` runs."""
    return _verdict(lambda: (step.revision.revision for step in scripts._downgrade_revs(target, tuple(rows))))


def stamp_verdict(scripts: ScriptDirectory, target: str, rows: Sequence[str]) -> Verdict:
    """Return the rows that `alembic stamp` leaves."""

    def stamped() -> Iterable[str]:
        keeper = HeadMaintainer(NO_DATABASE, rows)
        for step in scripts._stamp_revs(target, tuple(rows)):
            keeper.update_to_step(step)
        return keeper.heads

    return _verdict(stamped)


def history_verdict(scripts: ScriptDirectory, start: str, end: str) -> Verdict:
    """Return the revisions that `alembic history -r start:end` shows."""
    return _verdict(lambda: (script.revision for script in scripts.walk_revisions(start or "base", end or "heads")))


def step_verdict(scripts: ScriptDirectory, direction: Direction, revision_id: str, rows: Sequence[str]) -> Verdict:
    """Return the rows that one step of alembic's leaves."""

    def stepped() -> Iterable[str]:
        keeper = HeadMaintainer(NO_DATABASE, rows)
        make = MigrationStep.upgrade_from_script if direction == "upgrade" else MigrationStep.downgrade_from_script
        keeper.update_to_step(make(scripts.revision_map, scripts.get_revision(revision_id)))
        return keeper.heads

    return _verdict(stepped)


def _verdict(answer: Callable[[], Iterable[str]]) -> Verdict:
    """Return what alembic makes of it. A CommandError is named by its cause, which tells more."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "downgrade -1 from multiple heads is ambiguous")
        try:
            return Verdict(frozenset(answer()))
        except Exception as error:  # alembic fails with AssertionError and KeyError too
            cause = error.__cause__ or error
            return Verdict(error=f"{type(cause).__name__}: {cause}")
