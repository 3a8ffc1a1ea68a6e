"""How live schemas differ from what their applied revisions build, with the scripts as they were applied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from branchmig.dag import RevisionDag
from branchmig.effects.schema_drift import Attribution, Difference, drift_between
from branchmig.errors import CannotFollow, EnvironmentFailed, GitError
from branchmig.git.authorship import authorships
from branchmig.model import Location, Revision
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.project.worktree import read_file
from branchmig.revisions.fingerprint import upgrade_fingerprint
from branchmig.workflows.database_state import DatabaseState, known_of
from branchmig.workflows.drift_notes import note_look

if TYPE_CHECKING:
    from branchmig.database.identity import Identity
    from branchmig.database.surveying import VersionTable
    from branchmig.database.trial.drift_revision import DriftRevision
    from branchmig.database.trial.drifting import Schema


@dataclass(frozen=True, slots=True)
class Drift:
    """A difference, and whose object it is: nobody's where no revision speaks of it."""

    difference: Difference
    revision: str | None = None
    commit: str | None = None
    author: str | None = None


@dataclass(frozen=True, slots=True)
class DatabaseDrift:
    """The differences of one database. `left_out` are its objects that are not this project's, with the reasons."""

    url: str
    heads: tuple[str, ...]
    drift: tuple[Drift, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Live:
    identity: Identity
    known: DatabaseState
    schema: Schema
    tables: Any = None

    @property
    def applied(self) -> frozenset[str]:
        ids = frozenset(revision.id for revision in self.known.history.dag) - self.known.skipped
        return ids.difference(*(self.known.history.dag[name].replaces for name in self.squashed))

    @property
    def squashed(self) -> frozenset[str]:
        """The squashes that are built in the place of what they replace: one of both is known, or only the squash."""
        dag, known = self.known.history.dag, self.known
        as_applied = known.history.sources.keys() | known.changed.keys()
        return frozenset(
            revision.id
            for revision in dag
            if revision.replaces
            and revision.id not in known.skipped
            and (revision.id not in as_applied or not all(name in dag for name in revision.replaces))
        )


def drift(project: Project, invocation: Invocation) -> tuple[DatabaseDrift, ...]:
    """Return how each database of env.py differs from what its applied revisions build; nothing is written there.

    Raises EnvironmentFailed where that is unknown: a script is lost, or does not run on a scratch database.
    """
    live = _looked_at(project, invocation)
    by_url: dict[str, list[_Live]] = {}
    for database in live:
        by_url.setdefault(database.identity.url, []).append(database)
    if len(by_url) > 1:
        raise EnvironmentFailed(
            f"env.py opens {len(by_url)} databases, and one at a time can be built for comparison",
            "choose one by -x, if env.py reads that",
        )
    found = tuple(_compared(project, invocation, url, databases) for url, databases in by_url.items())
    numbers = {database.url: len(database.drift) for database in found}
    note_look(project, {database.identity.name: numbers[database.identity.url] for database in live})
    return found


def write_drift_revision(
    project: Project, invocation: Invocation, message: str, *, is_dry_run: bool = False
) -> DriftRevision:
    """Write the revision that makes the difference a part of the history; with `is_dry_run` only make its text.

    Raises CannotFollow where there is no difference, or the database is not at the checkout's heads.
    """
    from branchmig.database.trial.drift_revision import write_drift

    live = _looked_at(project, invocation, has_tables=True)
    database = live[0]
    if len(live) > 1 or database.applied != {revision.id for revision in project.dag}:
        raise CannotFollow(
            "the database is not at the checkout's heads, so nothing can be written on top of them",
            "branchmig upgrade heads, or branchmig sync",
        )
    found = _compared(project, invocation, database.identity.url, live)
    if not found.drift:
        raise CannotFollow("there is no drift, so there is nothing to write")
    assert database.tables is not None
    differences = [item.difference for item in found.drift]
    return write_drift(
        project, invocation, database.schema, database.tables, differences, message, is_dry_run=is_dry_run
    )


def _looked_at(project: Project, invocation: Invocation, *, has_tables: bool = False) -> list[_Live]:
    from branchmig.database.run.environment import Environment
    from branchmig.database.surveying import survey
    from branchmig.database.trial.drift_revision import live_tables
    from branchmig.database.trial.drifting import schema_of

    def consider(surveyed: VersionTable) -> _Live:
        if surveyed.context.connection is None:
            raise EnvironmentFailed(
                "env.py gives no connection: there is no schema to look at", "is it in offline mode?"
            )
        known = known_of(project, project.dag, surveyed)
        _refuse_unclear(project, known)
        schema = schema_of(surveyed.context)
        tables = live_tables(surveyed.context.connection, tuple(schema.left_out)) if has_tables else None
        return _Live(surveyed.identity, known, schema, tables)

    environment = Environment(project, invocation, "current")
    found = survey(environment, consider)
    if not found:
        raise EnvironmentFailed("env.py did not call context.run_migrations(): no database was asked")
    return found


def _refuse_unclear(project: Project, known: DatabaseState) -> None:
    """Raise EnvironmentFailed where a script that was applied is not known for certain."""
    history = known.history
    if history.lost:
        raise EnvironmentFailed(
            f"cannot tell: the scripts of {', '.join(history.lost)} are applied, and nobody has them",
            "fetch the branch that has them: git fetch --all",
        )
    if known.unclear:
        name, at = next(iter(sorted(known.unclear.items())))
        raise EnvironmentFailed(
            f"cannot tell: {name} is another revision on {at.branch or at.commit}, and nothing records which one ran",
            "journal = true records it from now on",
        )
    gone = [name for name in sorted(known.records.keys() - known.changed.keys()) if _is_gone(project, known, name)]
    if gone:
        raise EnvironmentFailed(
            f"cannot tell: {', '.join(gone)} was edited since it ran, and git does not have the script that ran",
            "fetch the branch that has it: git fetch --all",
        )


def _is_gone(project: Project, known: DatabaseState, name: str) -> bool:
    """Return whether a script of the checkout is not the one that ran, which is nowhere."""
    record = known.records[name]
    path = project.dag[name].path if name in project.dag else None
    active = {revision.id for revision in known.history.dag} - known.skipped
    if path is None or not record.blob or name not in active or name in known.absences.settled.rewritten:
        return False
    source = project.view().script(project.dag[name])
    if record.is_of(source):
        return False
    try:
        text = dict(project.tracked.objects([record.blob])).get(record.blob)
    except GitError:
        text = None
    return text is None or upgrade_fingerprint(text) != upgrade_fingerprint(source)


def _compared(project: Project, invocation: Invocation, url: str, databases: Sequence[_Live]) -> DatabaseDrift:
    from branchmig.database.trial.drifting import built_schema

    live = databases[0].schema
    with _as_applied(project, databases) as (placed, commits):
        has_states = placed is project
        calls = [database.applied for database in databases]
        built = built_schema(placed, invocation, calls, live, has_states=has_states)
        differences = drift_between(built.catalog, live.catalog)
        others = live.left_out.keys() - built.catalog.objects
        kept = [item for item in differences if item.kind != "added" or item.whole not in others]
        applied = frozenset().union(*calls)
        drifts = _attributed(project, placed, kept, applied, commits, live.dialect)
    heads = tuple(sorted({row for database in databases for row in database.known.rows}))
    left_out = tuple(
        sorted(
            (name, live.left_out[name]) for name in {item.whole for item in differences} - {item.whole for item in kept}
        )
    )
    notes: tuple[str, ...] = ()
    if built.version != live.version:
        notes = (f"the database runs {live.dialect} {live.version}, scratch databases {built.version}",)
    return DatabaseDrift(url, heads, drifts, left_out, notes)


@contextmanager
def _as_applied(
    project: Project, databases: Sequence[_Live]
) -> Iterator[tuple[Project, Mapping[str, tuple[str, str]]]]:
    """Give the project with the applied revisions, their scripts as files; and commit and author of those from git.

    It is the project itself where all of them are in the work tree, as they were applied.
    """
    from branchmig.database.run.script_checkout import scripts_of_commits

    revisions: dict[str, Revision] = {}
    located: dict[str, Location] = {}
    for database in databases:
        known = database.known
        revisions |= {revision.id: revision for revision in _only(known.history.dag, database.applied)}
        old = database.applied - database.squashed
        located |= {name: at for name, at in known.history.sources.items() if name in old}
        located |= {name: change.at for name, change in known.changed.items() if name in old}
    if not located and _is_worktree(project, revisions):
        yield project, {}
        return
    dag = RevisionDag(revisions.values())
    if not located:
        yield project.with_dag(dag), {}
        return
    wanted = {name: (at.commit, at.path) if at.commit else (at.blob, "") for name, at in located.items()}
    with ExitStack() as stack:
        placed, files = stack.enter_context(scripts_of_commits(project, dag, wanted.values()))
        moved = [
            replace(revision, path=files[wanted[revision.id]]) if revision.id in wanted else revision
            for revision in dag
        ]
        authors = {name: (at.commit, at.author) for name, at in located.items()}
        yield placed.with_dag(RevisionDag(moved)), authors


def _only(dag: RevisionDag, applied: frozenset[str]) -> list[Revision]:
    """Return the applied revisions; in the place of parents that were skipped, the revisions below these."""

    def below(names: Sequence[str]) -> list[str]:
        found: list[str] = []
        for name in names:
            found += [name] if name in applied else below(dag[name].parents)
        return list(dict.fromkeys(found))

    return [replace(revision, parents=tuple(below(revision.parents))) for revision in dag if revision.id in applied]


def _is_worktree(project: Project, revisions: Mapping[str, Revision]) -> bool:
    dag = project.dag
    return all(name in dag for name in revisions) and all(
        set(revision.parents) == set(dag.below(name)) for name, revision in revisions.items()
    )


def _attributed(
    project: Project,
    placed: Project,
    differences: Sequence[Difference],
    applied: frozenset[str],
    commits: Mapping[str, tuple[str, str]],
    dialect: str,
) -> tuple[Drift, ...]:
    if not differences:
        return ()
    paths = {name: placed.dag[name].path or "" for name in placed.dag.order() if name in applied}
    read = placed.view().read if placed is project else lambda names: {name: read_file(name) for name in names}
    texts = read(list(paths.values()))
    builders = Attribution([(name, texts[path]) for name, path in paths.items()], dialect)
    pending = {name: project.dag[name].path or "" for name in project.dag.order() if name not in applied}
    later = project.view().read(list(pending.values()))
    others = Attribution([(name, later[path]) for name, path in pending.items()], dialect)
    owners = [others.maker(item) if item.kind == "added" else builders.revision(item) for item in differences]
    known = _authors(project, [name for name in owners if name is not None and name not in commits])
    found = {**known, **commits}
    return tuple(
        Drift(item, owner, *(found.get(owner, (None, None)) if owner else (None, None)))
        for item, owner in zip(differences, owners, strict=True)
    )


def _authors(project: Project, names: Sequence[str]) -> dict[str, tuple[str | None, str | None]]:
    try:
        if not names or project.repository is None or project.tracked.commit("HEAD") is None:
            return {}
        paths = {name: project.path_from_top(project.dag[name].path or "") for name in dict.fromkeys(names)}
        found = authorships(project.tracked, list(paths.values()), ["HEAD"], project.folders)
    except GitError:
        return {}
    return {name: (found[path].commit, found[path].author) for name, path in paths.items() if path in found}
