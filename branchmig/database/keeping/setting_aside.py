"""What downgrades have set aside in the databases of env.py: found, and dropped."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from alembic.runtime.migration import MigrationContext

from branchmig.database.identity import identity_of
from branchmig.database.keeping.rows import KeptRows, forget, kept_rows
from branchmig.database.run.environment import Environment
from branchmig.database.run.runner import run_work
from branchmig.database.surveying import VersionTable, survey
from branchmig.errors import InvalidTarget
from branchmig.project.config import Invocation
from branchmig.project.project import Project

Found = tuple[str, tuple[KeptRows, ...]]
"""How to call a database, and what is set aside there."""


def chosen(project: Project, invocation: Invocation, numbers: Collection[int] | None) -> list[Found]:
    """Return what is set aside in each database of env.py: of some numbers, or all of it.

    Raises InvalidTarget for a number that nothing has.
    """

    def look(surveyed: VersionTable) -> Found:
        connection = surveyed.context.connection
        rows = [] if connection is None else kept_rows(connection)
        return str(surveyed.identity), tuple(kept for kept in rows if numbers is None or kept.number in numbers)

    found = survey(Environment(project, invocation, "current"), look)
    known = {kept.number for _, rows in found for kept in rows}
    for number in sorted(set(numbers or ()) - known):
        raise InvalidTarget(f"nothing is set aside under {number}", "see: branchmig kept list")
    return found


def drop_kept(project: Project, invocation: Invocation, found: Sequence[Found]) -> None:
    """Drop what is set aside in the databases of env.py."""
    waiting = dict(found)

    def drop(_: tuple[str, ...], context: MigrationContext) -> None:
        if context.connection is not None:
            with context.begin_transaction(_per_migration=True):
                for kept in waiting.pop(str(identity_of(context)), ()):
                    forget(context.connection, kept)

    run_work(Environment(project, invocation, "current"), drop, lambda: found)
