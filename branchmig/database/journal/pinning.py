"""Keeps the applied scripts of this machine's databases in git: a pin for each, before and after a run.

Before a run the pin gets what the run will apply, so that a killed run leaves nothing unpinned; after a run that went
through, what was undone is let go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from alembic.runtime.migration import MigrationContext

from branchmig import terminal
from branchmig.database.identity import identity_of
from branchmig.database.run.run_listener import RunListener
from branchmig.errors import GitError
from branchmig.git.repository import Repository
from branchmig.model import Plan, Revision
from branchmig.project.project import Project
from branchmig.project.worktree import source_of
from branchmig.revisions.fingerprint import git_blob, upgrade_fingerprint
from branchmig.revisions.revision_file import read_revision


class PinKeeper(RunListener):
    """Pins the revisions of this branch that a run applies to a local database."""

    def __init__(self, project: Project, *, has_notes: bool) -> None:
        self._project, self._has_notes = project, has_notes
        self._plans: list[tuple[str, Plan]] = []
        self._looked: dict[str, _Looked] = {}

    def planned(self, context: MigrationContext, plan: Plan) -> None:
        """Keep what is about to be applied, beside what the pin keeps already."""
        if not plan.steps or context.connection is None:
            return
        identity = identity_of(context)
        if not identity.is_local:
            return
        self._plans.append((identity.name, plan))
        self._keep(identity.name, plan, is_over=False)

    def runs_again(self) -> None:
        """Forget what git said: files may have changed while the run waited."""
        self._looked.clear()

    def succeeded(self) -> None:
        """Let go of what was undone."""
        for database, plan in self._plans:
            self._keep(database, plan, is_over=True)
            self._note(database, plan)

    def _note(self, database: str, plan: Plan) -> None:
        """Remember that this clone has applied the revisions: a hook undoes no others without being asked."""
        from branchmig.git.clones import note_applied

        applied: dict[str, str] = {}
        undone: set[str] = set()
        for step in plan.steps:
            if step.revision is None or step.direction == "stamp":
                continue
            applied.pop(step.revision.id, None)
            if step.direction == "downgrade":
                undone.add(step.revision.id)
            elif (source := source_of(step.revision)) is not None:
                applied[step.revision.id] = git_blob(source)
        try:
            if self._project.repository is not None:
                note_applied(self._project.repository, database, applied, undone)
        except (GitError, OSError):
            return  # then nothing is reverted by itself

    def _keep(self, database: str, plan: Plan, *, is_over: bool) -> None:
        try:
            repository = self._project.repository
            if repository is not None:
                looked = self._looked.setdefault(database, _Looked())
                _write(self._project, repository, database, plan, looked, is_over=is_over)
        except (GitError, OSError) as error:
            if self._has_notes and not is_over:
                words = error.message if isinstance(error, GitError) else str(error)
                terminal.warning(f"the files of the applied revisions could not be kept from git's gc: {words}")


class RowsKeeper(RunListener):
    """Notes the rows that a run leaves. Without a repository, or where nothing can be written, it does nothing."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._rows: dict[str, tuple[str, ...]] = {}

    def planned(self, context: MigrationContext, plan: Plan) -> None:
        """Remember which database the run is on, and where it will be."""
        if context.connection is not None and (identity := identity_of(context)).is_local:
            self._rows[identity.name] = plan.heads_after

    def succeeded(self) -> None:
        """Note where the databases are now."""
        from branchmig.git.rows import note_rows

        try:
            if self._rows and self._project.repository is not None:
                note_rows(self._project.repository, self._rows)
        except (GitError, OSError):
            return


@dataclass
class _Looked:
    """What git said of files before the run: it need not be asked again afterwards.

    `paths` are those that it was asked for, and `own` those of them that the target branch does not have just so;
    `files` are the blobs of what was written into its objects, the revisions and what lies beside them.
    """

    paths: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    files: Mapping[str, str] = field(default_factory=dict)


def _write(
    project: Project, repository: Repository, database: str, plan: Plan, looked: _Looked, *, is_over: bool
) -> None:
    from branchmig.git.branch_files import files_beside, own_paths, write_blobs
    from branchmig.git.pins import pin_of, pinned_revisions, write_pin

    before = pin_of(repository, database)
    pinned = {} if before is None else pinned_revisions(before)
    paths = _paths(project, repository, plan, is_over=is_over)
    if not looked.paths.issuperset(paths.values()):
        looked.paths = frozenset(paths.values())
        looked.own = frozenset(own_paths(repository, project.config.settings.target, project.folders, looked.paths))
    own = looked.own
    kept = _kept(pinned, plan, paths, own, _refreshed(project, repository, pinned, plan)) if is_over else pinned
    fresh = {name: path for name, path in paths.items() if path in own and name not in kept}
    if not fresh and kept == pinned:
        return
    if not set(fresh.values()) <= looked.files.keys():
        every = {path for revision in project.dag if (path := _from_top(repository, revision.path))}
        beside = files_beside(repository, _folders(project, repository), every)
        looked.files = write_blobs(repository, list(dict.fromkeys([*fresh.values(), *beside])))
    files = looked.files if fresh else {}
    write_pin(
        repository,
        database,
        {**(before.files if before is not None and kept else {}), **files, **dict(kept.values())},
        {**{name: path for name, (path, _) in kept.items()}, **fresh},
        datetime.now(UTC).isoformat(timespec="seconds"),
        before,
    )


def _paths(project: Project, repository: Repository, plan: Plan, *, is_over: bool) -> Mapping[str, str]:
    """Return the path from the top of each work tree's revision that is applied when the plan is done, or before."""
    active = _active(project, plan.heads_after if is_over else (*plan.applied, *plan.heads_after))
    # A script that was laid out elsewhere for this run is pinned already, or on another branch.
    here = {
        revision_id: path
        for revision_id in active
        if (path := project.dag[revision_id].path) and project.root_of(path) is None
    }
    found = {name: _from_top(repository, path) for name, path in here.items()}
    # The path of an orphan is that of the commit that has it, where the checkout may have no such file.
    return {name: path for name, path in found.items() if path and (repository.top / path).is_file()}


def _kept(
    pinned: Mapping[str, tuple[str, str]],
    plan: Plan,
    paths: Mapping[str, str],
    own: Collection[str],
    refreshed: Collection[str],
) -> dict[str, tuple[str, str]]:
    """Return what the pin must go on keeping as it was applied: not what was undone, run again, or has landed."""
    moved = {step.revision.id for step in plan.steps if step.direction != "stamp" and step.revision}.union(refreshed)
    return {name: at for name, at in pinned.items() if name not in moved and (paths.get(name) in own)}


def _refreshed(project: Project, repository: Repository, pinned: Mapping[str, tuple[str, str]], plan: Plan) -> set[str]:
    """Return the revisions whose file of today says how they are applied: they lie on others now, which have run.

    Without it, what was run below an applied revision would count as never run, for the pin knows the old parents.
    """
    ran = {step.revision.id for step in plan.steps if step.direction == "upgrade" and step.revision}
    found = set()
    present = {name: source_of(project.dag[name]) for name in pinned if name in project.dag}
    others = {
        name: now
        for name, now in present.items()
        if now is not None and git_blob(now, pinned[name][1]) != pinned[name][1]
    }
    texts = dict(repository.objects([pinned[name][1] for name in others])) if others else {}
    for revision_id, now in others.items():
        path, blob = pinned[revision_id]
        before = texts.get(blob)
        old = read_revision(before, path) if before else None
        if not before or not isinstance(old, Revision):
            continue
        known = {*old.parents, *old.depends_on, *(project.dag.labels.get(name, name) for name in old.depends_on)}
        if set(project.dag.below(revision_id)) <= known | ran and upgrade_fingerprint(now) == upgrade_fingerprint(
            before
        ):
            found.add(revision_id)
    return found


def _active(project: Project, rows: Iterable[str]) -> frozenset[str]:
    known = [row for row in dict.fromkeys(rows) if row in project.dag]
    return project.dag.ancestors(known).union(known)


def _folders(project: Project, repository: Repository) -> list[str]:
    home = _from_top(repository, str(project.config.script_location))
    return list(dict.fromkeys([*project.folders, *([home] if home else [])]))


def _from_top(repository: Repository, path: str | None) -> str:
    top = f"{repository.top}/"
    real = str(Path(path).resolve()) if path else ""
    return real[len(top) :] if real.startswith(top) else ""
