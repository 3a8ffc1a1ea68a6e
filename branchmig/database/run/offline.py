"""Writes the SQL of each revision by itself, as alembic's --sql does; no database is connected to."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic.runtime.migration import MigrationContext

from branchmig.database.run import failures
from branchmig.database.run.environment import Environment
from branchmig.database.run.scripts import load_module
from branchmig.database.run.steps import RunningStep
from branchmig.masking import masked
from branchmig.model import Revision
from branchmig.planning.plan import plan_upgrade
from branchmig.project.config import Invocation
from branchmig.project.project import Project

Announce = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class WrittenSql:
    """The SQL of each revision, and SQLAlchemy's names of the kinds of database that env.py has it written for."""

    texts: Mapping[str, str]
    dialects: tuple[str, ...]


def sql_of_each(project: Project, invocation: Invocation, ids: Collection[str], announce: Announce) -> dict[str, str]:
    """Return the SQL of each revision, as written_sql has it."""
    return dict(written_sql(project, invocation, ids, announce).texts)


def written_sql(project: Project, invocation: Invocation, ids: Collection[str], announce: Announce) -> WrittenSql:
    """Return the SQL that the upgrade of each revision runs, with parameters written into it.

    A revision that asks the database something cannot be written as SQL: then a comment says why. Where env.py has
    several databases, what each of them runs comes one after the other. `announce(number, total, text)` gets
    each. Raises EnvironmentFailed where env.py cannot run offline.
    """
    written: dict[str, list[str]] = {}
    dialects: dict[str, None] = {}
    environment = Environment(project, invocation, "upgrade", {"revision": "heads", "sql": True, "tag": None})
    plan = plan_upgrade(project.dag, "heads", ())

    def work(rows: tuple[str, ...], context: MigrationContext) -> Iterator[RunningStep]:
        dialects[context.dialect.name] = None
        for number, step in enumerate(plan.steps, 1):
            revision = step.revision
            assert revision is not None

            def upgrade(revision: Revision = revision, **given: Any) -> None:
                if revision.id in ids:
                    written.setdefault(revision.id, []).append(_sql(revision, context, given))

            announce(number, len(plan.steps), f"SQL of {revision.id}")
            yield RunningStep(step, upgrade, environment.scripts)

    environment.run(work, as_sql=True, starting_rev=None, destination_rev="heads", output_buffer=io.StringIO())
    texts = {name: ("\n".join(parts).strip() or "-- nothing to run") + "\n" for name, parts in written.items()}
    return WrittenSql(texts, tuple(dialects))


def _sql(revision: Revision, context: MigrationContext, given: dict[str, Any]) -> str:
    """Run a revision's upgrade() with what it writes going to a text of its own, not among the version rows'."""
    text = io.StringIO()
    impl = context.impl
    kept, impl.output_buffer = impl.output_buffer, text
    try:
        load_module(Path(revision.path or "")).upgrade(**given)
    except Exception as error:  # a script may raise anything, and the others have their SQL all the same
        reason = failures.summary(error).replace("\n", "\n-- ")
        text.write(f"-- cannot be written as SQL: {reason}\n")
    finally:
        impl.output_buffer = kept
    return masked(text.getvalue())
