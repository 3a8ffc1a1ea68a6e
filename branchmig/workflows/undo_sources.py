"""Which version of each script a sync runs to undo a revision, and where its file is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from branchmig.errors import GitError
from branchmig.git.history import has_ancestor
from branchmig.model import Location, Plan, Problem
from branchmig.planning.obstacles import id_collision
from branchmig.project.project import Project
from branchmig.revisions.fingerprint import git_blob
from branchmig.workflows.applied_history import undoing_versions

if TYPE_CHECKING:
    from branchmig.workflows.database_state import DatabaseState


GIT = "git:"
"""How the source of a step begins whose script is taken from a commit or a blob."""


def undo_sources(project: Project, known: DatabaseState, plan: Plan) -> tuple[dict[str, Location], list[Problem]]:
    """Return where git has the scripts for a plan's downgrades, with notes."""
    undone = [step.revision.id for step in plan.steps if step.direction == "downgrade" and step.revision]
    changed = {name: change for name, change in known.changed.items() if name in undone}
    sources = {**known.history.sources, **{name: change.at for name, change in changed.items()}}
    newer = {name: at for name, at in known.history.newer.items() if name in undone}
    here = [
        revision_id
        for revision_id in undone
        if revision_id not in sources and revision_id in project.dag and project.dag[revision_id].path
    ]
    sources |= corrected_versions(project, here)
    notes = [
        id_collision(project.dag[revision_id], change.at) for revision_id, change in changed.items() if change.collides
    ]
    return sources, notes + [_newer_version(name, newer[name], sources[name]) for name in newer]


def corrected_versions(project: Project, ids: Sequence[str]) -> dict[str, Location]:
    """Return the newer versions of this checkout's scripts that other branches have, where they do the same upgrade."""
    from branchmig.git.orphans import versions_of

    try:
        if not ids or project.repository is None:
            return {}
    except GitError:
        return {}
    texts = project.view().scripts(project.dag[revision_id] for revision_id in ids)
    blobs = {revision_id: git_blob(text) for revision_id, text in texts.items()}
    chosen, _ = undoing_versions(project, ids, blobs)
    others = {name: at for name, at in chosen.items() if at.commit and at.blob != blobs[name]}
    if not others:
        return {}
    is_recursive = project.config.is_recursive
    versions = versions_of(project.tracked, project.folders_ever, others, is_recursive=is_recursive, wanted_blobs=blobs)
    own = {other: next((v.commit for v in versions[other] if v.blob == blobs[other]), "") for other in others}
    return {
        other: at for other, at in others.items() if own[other] and has_ancestor(project.tracked, at.commit, own[other])
    }


def _newer_version(revision_id: str, newest: Location, used: Location) -> Problem:
    where = f"{newest.branch}, " if newest.branch else ""
    return Problem(
        "newer-version",
        f"the newest version of {revision_id!r} ({where}commit {newest.commit[:10]}) does something else than what was "
        f"applied: it is undone with the version of commit {used.commit[:10] or used.blob[:10]}",
        "",
        (revision_id,),
    )


def with_sources(plan: Plan, sources: Mapping[str, Location]) -> Plan:
    """Return the plan with each downgrade's source in git where the checkout lacks its script."""
    steps = []
    for step in plan.steps:
        at = sources.get(step.revision.id) if step.revision and step.direction == "downgrade" else None
        name = "" if at is None else f"{GIT}{at.commit}:{at.path}" if at.commit else f"{GIT}{at.blob}"
        steps.append(replace(step, source=name) if name else step)
    return replace(plan, steps=tuple(steps))


def script_texts(project: Project, plan: Plan) -> dict[str, bytes]:
    """Return the scripts of what is undone, by revision, in the order of the plan."""
    steps = [step for step in plan.steps if step.direction == "downgrade" and step.revision is not None]
    names = {step.source.removeprefix(GIT): step for step in steps if step.source.startswith(GIT)}
    found = dict(project.tracked.blobs(list(names))) if names else {}
    texts: dict[str, bytes] = {}
    for step in steps:
        assert step.revision is not None
        name = step.source.removeprefix(GIT)
        if step.source.startswith(GIT):
            texts[step.revision.id] = found[name]
        elif step.revision.path is not None:
            texts[step.revision.id] = project.view().script(step.revision)
    return texts
