"""Runs the revisions of a project one after another on a scratch database, and reads the schema after each."""

from __future__ import annotations

import os

from alembic.runtime.migration import MigrationContext

from branchmig import terminal
from branchmig.database.connecting import on_connection, parsed_url, shown
from branchmig.database.run.run_listener import RunListener
from branchmig.database.run.runner import run_plans
from branchmig.database.trial.drifting import Schema, bench_like, built_schema, read_schema
from branchmig.database.trial.reflection import read_catalog
from branchmig.effects.schema_drift import drift_between
from branchmig.effects.schema_identity import Steps
from branchmig.effects.schema_snapshot import Catalog
from branchmig.errors import EnvironmentFailed
from branchmig.model import Plan, Step
from branchmig.planning.plan import plan_addition
from branchmig.project.config import Invocation
from branchmig.project.project import Project


def schema_at(url: str) -> tuple[str, Schema]:
    """Return how to call the database of a URL, and its schema. Raises ConfigurationError, EnvironmentFailed."""
    parsed = parsed_url(url, "that is no database URL", "e.g. postgresql+psycopg://user@localhost/shop")
    if parsed.get_backend_name() == "sqlite" and not os.path.isfile(parsed.database or ""):
        raise EnvironmentFailed(f"there is no database {shown(parsed)}", "name a file that is there")
    return shown(parsed), on_connection(parsed, read_schema)


class _Watch(RunListener):
    """Reads the catalog before the first step and after each."""

    def __init__(self) -> None:
        self.catalogs: list[Catalog] = []
        self.order: list[str] = []

    def planned(self, context: MigrationContext, plan: Plan) -> None:
        """Read what is there before anything has run."""
        self._read(context)

    def step_ends(self, context: MigrationContext, step: Step) -> None:
        """Read what a step has left."""
        assert step.revision is not None
        self.order.append(step.revision.id)
        self._read(context)

    def _read(self, context: MigrationContext) -> None:
        assert context.connection is not None
        self.catalogs.append(read_catalog(context.connection, {(context.version_table_schema, context.version_table)}))


def steps_of(project: Project, invocation: Invocation, like: Schema) -> Steps:
    """Return what each revision of a project changes, seen on a scratch database. Raises EnvironmentFailed."""
    watch = _Watch()
    ids = [revision.id for revision in project.dag]
    progress = terminal.Progress(not invocation.has_notes)
    with bench_like(project, invocation, like, "the revisions do") as bench:
        url = bench.scratch.create()
        bench.suit(url, like.defaults)
        run_plans(bench.environment(url), lambda rows: plan_addition(project.dag, ids, rows), progress.step, [watch])
    below = {name: project.dag.ancestors([name]) for name in watch.order}
    return Steps(tuple(watch.order), below, tuple(watch.catalogs))


def is_built_by(project: Project, invocation: Invocation, applied: frozenset[str], live: Schema) -> bool:
    """Return whether some revisions, run on a scratch database, lead to a schema."""
    built = built_schema(project, invocation, [applied], live, has_states=True)
    found = drift_between(built.catalog, live.catalog)
    return not [each for each in found if each.kind != "added" or each.whole not in live.left_out]
