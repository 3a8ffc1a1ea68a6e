"""What each revision of a picture does, read from its script and never run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from branchmig.effects.footprint import read_footprint
from branchmig.effects.hazards import Policy, hazards_of_each
from branchmig.effects.summary import NO_SCRIPT, summarize
from branchmig.progress import with_progress
from branchmig.project.config import Invocation
from branchmig.project.project import Project, View
from branchmig.revisions.waivers import waivers_in
from branchmig.workflows.hazards import dialect_of, own_rules, scripts_below

if TYPE_CHECKING:
    from branchmig.planning.picture import Picture


def with_effects(
    project: Project, invocation: Invocation, view: View, picture: Picture, scripts: Mapping[str, bytes]
) -> Picture:
    """Return the picture with what each of its revisions does, except those at its boundary.

    A hazard counts as if the revision ran alone, after those before it. What its file allows is marked as allowed.
    """
    settings = project.config_of(view).settings
    dialect = dialect_of(invocation, project.config.settings)
    wanted = [picture.dag[name] for name in reversed(picture.shown) if name not in picture.boundary]
    known = [revision for revision in wanted if revision.id in scripts]
    read = with_progress(known, len(known), "reading what the upgrades do")
    footprints = {revision.id: read_footprint(scripts[revision.id], dialect=dialect) for revision in read}
    here = [revision for revision in known if revision.path and revision.id in view.dag]
    rules, _ = own_rules()
    hazards = hazards_of_each(
        {name: footprint.changes for name, footprint in footprints.items()},
        dialect,
        lambda: scripts_below(view, here),
        Policy(settings.hazards, settings.hazard_names or ""),
        rules,
    )
    effects = {revision.id: NO_SCRIPT for revision in wanted}
    for name, footprint in footprints.items():
        allowed = {waiver.code: waiver.reason for waiver in waivers_in(scripts[name])}
        effects[name] = summarize(footprint, hazards[name], allowed)
    return replace(picture, effects=effects)
