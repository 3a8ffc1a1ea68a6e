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
    from collections.abc import Callable, Iterator, Sequence

    from alembic.runtime.migration import RevisionStep

    from branchmig.model import Revision

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
        for one in self._in_memory:
            yield Script(one.id, one.parents or None, one.depends_on or None, one.labels or None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The revisions that alembic's plan runs; or, where it has none, what it raised."""

    revisions: frozenset[str] = frozenset()
    error: str | None = None


def verdict(answer: Callable[[], Iterable[Any]], name: Callable[[Any], str] = lambda step: step.revision.revision) -> Verdict:
    """Return what alembic makes of a command. CommandErrors are named by their cause, which tells more."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "downgrade -1 from multiple heads is ambiguous")
        try:
            return Verdict(frozenset(map(name, answer())))
        except Exception as error:
            cause = error.__cause__ or error
            return Verdict(error=f"{type(cause).__name__}: {cause}")


def upgrade_verdict(scripts: ScriptDirectory, target: str, rows: Sequence[str]) -> Verdict:
    """Return the revisions of `alembic upgrade`."""
    return verdict(lambda: scripts._upgrade_revs(target, tuple(rows)))


def downgrade_verdict(scripts: ScriptDirectory, target: str, rows: Sequence[str]) -> Verdict:
    """Return the revisions of `alembic downgrade`."""
    return verdict(lambda: scripts._downgrade_revs(target, tuple(rows)))


def rows_after_each(
    scripts: ScriptDirectory, direction: str, order: Sequence[str], rows: Sequence[str]
) -> Iterator[tuple[str, ...]]:
    """Give the rows that alembic's HeadMaintainer leaves after each step of `order`."""
    keeper = HeadMaintainer(NO_DATABASE, rows)
    make = MigrationStep.upgrade_from_script if direction == "upgrade" else MigrationStep.downgrade_from_script
    for revision_id in order:
        keeper.update_to_step(make(scripts.revision_map, scripts.revision_map.get_revision(revision_id)))
        yield tuple(sorted(keeper.heads))


def history_verdict(scripts: ScriptDirectory, start: str | tuple[str, ...], end: str | tuple[str, ...]) -> Verdict:
    """Return the revisions of `alembic history -r start:end`."""
    return verdict(lambda: scripts.walk_revisions(start or "base", end or "heads"), lambda one: one.revision)
