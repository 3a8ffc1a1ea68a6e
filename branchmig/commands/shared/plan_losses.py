"""The losses of a plan: read from the scripts of its steps, counted in the plan's database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from branchmig.effects.losses import Losses, losses_of
from branchmig.model import Plan
from branchmig.project.project import View
from branchmig.render.sync import losses_text

if TYPE_CHECKING:
    from branchmig.database.run.environment import Environment


def plan_losses(
    view: View, plan: Plan, environment: Environment | None, old: Mapping[str, bytes] | None = None
) -> Losses:
    """Return what the steps of a plan destroy; with an environment, how many rows hold something there now.

    `old` are scripts that a squash replaced, by the sources of their steps.
    """
    elsewhere = {
        step.revision.id: (old or {})[step.source]
        for step in plan.steps
        if step.revision and step.source in (old or {})
    }
    steps = [step.revision for step in plan.steps if step.direction != "stamp" and step.revision is not None]
    known = {revision.path for revision in view.revisions}
    here = [revision for revision in steps if revision.path in known and revision.id not in elsewhere]
    is_down = any(step.direction == "downgrade" for step in plan.steps)
    context = None if environment is None else environment.context
    dialect = None if context is None else context.dialect.name
    found = {**elsewhere, **view.scripts(here)}
    sources = {revision.id: found[revision.id] for revision in steps if revision.id in found}
    losses = losses_of(sources, "downgrade" if is_down else "upgrade", dialect)
    unread = tuple((revision.id, "its script is not here") for revision in steps if revision.id not in found)
    if context is None:
        return replace(losses, unclear=(*losses.unclear, *unread))
    from branchmig.database.identity import identity_of
    from branchmig.database.surveying import VersionTable

    counted = VersionTable(identity_of(context), (), context).counted(losses.certain)
    return Losses(counted, (*losses.unclear, *unread))


def loss_lines(losses: Sequence[Losses]) -> Iterator[str]:
    """Yield the losses, and the revisions whose losses are unknown."""
    for lost in losses:
        if lost.certain:
            yield f"  destroys {losses_text(lost.certain)}"
        yield from (f"  cannot tell all that {revision} destroys: {why}" for revision, why in lost.unclear)
