"""Databases for trials: brings together what a build needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from branchmig.database.run.script_checkout import placed_alone
from branchmig.database.trial.building import Builder, Standing
from branchmig.database.trial.place_files import inputs_of
from branchmig.database.trial.scratch import project_scratch
from branchmig.database.trial.trial_runner import Bench
from branchmig.project.config import Invocation
from branchmig.project.project import Project, View

if TYPE_CHECKING:
    from branchmig.database.trial.server import Server
    from branchmig.database.trial.store import Store


@contextmanager
def built(project: Project, invocation: Invocation, view: View, store: Store, server: Server) -> Iterator[Standing]:
    """Give a scratch database with all revisions of a place applied, from the nearest state; it is dropped after."""
    with (
        project_scratch(project) as scratch,
        placed_alone(project, view) as at_place,
    ):
        bench = Bench(at_place, invocation, scratch)
        inputs = inputs_of(at_place, invocation, (view,), store, server)
        yield Builder(bench, inputs, store, server).at(revision.id for revision in at_place.dag)
