"""Brings git, the graph of the checkout and each database together for `status`.

What cannot be known costs only its own part: a graph that is not sound, a database that does not answer.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from branchmig.dag import RevisionDag
from branchmig.errors import BranchmigError, EnvironmentFailed, GitError, LocationsMoved, RevisionGraphError
from branchmig.git.history import current_branch, has_ancestor, merging_commits, short_ref
from branchmig.git.paths import paths_from_top, pathspecs
from branchmig.git.repository import split
from branchmig.model import Location, Problem, Revision, Unchecked
from branchmig.planning.guard import WAY_OUT, disallowed_heads
from branchmig.planning.obstacles import id_collision, in_the_middle, reused_ids, squash_problems, unclear_id
from branchmig.planning.squash import squash_of
from branchmig.project.config import LOCATIONS_OF_ENV, Invocation
from branchmig.project.project import Project
from branchmig.project.worktree import index_above
from branchmig.workflows.database_state import known_of
from branchmig.workflows.drift_notes import last_look
from branchmig.workflows.own_revisions import with_way_out
from branchmig.workflows.worktrees import WorktreeUse, interrupted_switches, uses

if TYPE_CHECKING:
    from branchmig.database.locks import Holder
    from branchmig.database.surveying import VersionTable
    from branchmig.planning.interrupted_step import Unfinished
    from branchmig.planning.undoing import Absent


@dataclass(frozen=True, slots=True)
class GitStanding:
    """What is checked out: None where HEAD is on no branch, or has no commit; `target` is where the work lands."""

    branch: str | None
    commit: str | None
    target: str | None


@dataclass(frozen=True, slots=True)
class DatabaseStanding:
    """One version table: its rows, what the checkout has beyond it, what it has beyond the checkout.

    `skipped` were never applied and lie below what is: an upgrade would not run them. `orphans` are applied and not in
    the checkout; those of `found` are in git, the others are lost. `rerun` are edited ones that a sync runs
    again. `unfinished` were interrupted, and have left something behind. `retired` landed here and were removed, and
    `left_out` are in the index or HEAD and not in the work tree: both stay. `absences` say it of each, and of orphans.
    `problems` are collisions of ids, and squashes that the database is half-way in. `error` says why nothing more is
    known.
    """

    name: str
    rows: tuple[str | None, ...] = ()
    pending: tuple[Revision, ...] = ()
    orphans: tuple[str, ...] = ()
    found: Mapping[str, Location] | None = None
    skipped: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    rerun: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    error: BranchmigError | None = None
    has_journal: bool = False
    unfinished: tuple[Unfinished, ...] = ()
    retired: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    absences: Mapping[str, Absent] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    running: Holder | None = None
    drift_look: tuple[int, int] | None = None
    """When this clone has looked at the drift last, in seconds of the epoch, and how many differences there were."""
    is_ahead: bool = False
    """Whether the journal shows that what is lost lies above the whole checkout, as after a rollback of its code."""
    unasked: str = ""
    """Why nobody knows whether a run is going on."""

    @property
    def open_points(self) -> list[str]:
        """What is to be done here, or is unknown, each in a few words."""
        if self.error is not None:
            return ["it could not be asked"]
        counts = {
            "interrupted": len(self.unfinished),
            "lost": len([orphan for orphan in self.orphans if orphan not in (self.found or {})]),
            "skipped": len(self.skipped),
            "orphaned": len([orphan for orphan in self.orphans if orphan in (self.found or {})]),
            "edited": len(self.edited),
            "pending": len(self.pending),
            "not checked out": len(self.left_out),
            "unknown to the journal": len(self.unknown),
        }
        points = [f"{number} {what}" for what, number in counts.items() if number]
        points += [problem.code for problem in self.problems]
        points += ["whether a run is going on is not known"] if self.unasked else []
        return [f"a run is going on ({self.running.who})", *points] if self.running else points


@dataclass(frozen=True)
class Standing:
    """All of it. `problems` are why the graph is not sound; then `dag` is None. `too_many` are heads beyond the policy.

    `databases` is None where they were not asked. `broken` are rules that the checkout breaks, `merge` those that only
    its merge with the target breaks, `unchecked` what could not be looked at, `ignored` the revision files that git
    ignores.
    """

    git: GitStanding | None
    dag: RevisionDag | None
    problems: tuple[Problem, ...]
    too_many: tuple[str, ...]
    databases: tuple[DatabaseStanding, ...] | None
    broken: tuple[Problem, ...] = ()
    merge: tuple[Problem, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()
    ignored: tuple[str, ...] = ()
    way_out: str = WAY_OUT
    """What to do about too many heads."""
    worktrees: tuple[WorktreeUse, ...] = ()
    """Whose database is whose, where a linked work tree has a database of its own."""

    @property
    def is_well(self) -> bool:
        """Whether everything was looked at and nothing is to be done."""
        return self.databases is not None and not self.open_points

    @property
    def open_points(self) -> list[str]:
        """What is to be done, or could not be looked at, each in a few words."""
        points = [problem.code for problem in self.problems]
        points += [f"{len(self.too_many)} heads"] if self.too_many else []
        points += [problem.code for problem in self.broken]
        points += [f"{problem.code} once {self._target} is merged" for problem in self.merge]
        points += [f"{unchecked.code} not checked" for unchecked in self.unchecked]
        points += ["revision files that git ignores"] if self.ignored else []
        is_alone = self.databases is not None and len(self.databases) == 1
        for database in self.databases or ():
            points += [point if is_alone else f"{database.name}: {point}" for point in database.open_points]
        return list(dict.fromkeys(points))

    @property
    def _target(self) -> str:
        return (self.git and self.git.target) or "the target"

    @property
    def is_unknown(self) -> bool:
        """Whether nothing is known to be wrong, and something could not be looked at."""
        databases = tuple(replace(database, error=None, unknown=(), unasked="") for database in self.databases or ())
        return not self.is_well and replace(self, databases=databases, unchecked=()).is_well


def standing(project: Project, invocation: Invocation, *, with_database: bool = True) -> Standing:
    """Return the state of git, graph and databases. Raises only ConfigurationError: without settings it cannot look."""
    dag: RevisionDag | None = None
    problems: tuple[Problem, ...] = ()
    try:
        dag = project.dag
    except RevisionGraphError as error:
        problems = tuple(with_way_out(project, error.problems, _target(project)))
    groups = () if dag is None else disallowed_heads(dag, project.config.settings.policy)
    too_many = tuple(dict.fromkeys(head for group in groups for head in group))
    broken, unchecked = _rules(project, problems)
    way_out = next((problem.hint for problem in broken if problem.code == "multiple-heads"), WAY_OUT)
    broken = tuple(problem for problem in broken if problem.code != "multiple-heads")  # shown as heads
    merge, not_merged = _merge_rules(project, broken)
    databases = _databases(project, invocation, dag) if with_database else None
    unchecked = tuple(dict.fromkeys((*unchecked, *not_merged)))
    return Standing(
        _git(project),
        dag,
        problems,
        too_many,
        databases,
        (*broken, *interrupted_switches(project)),
        merge,
        unchecked,
        _ignored_files(project),
        way_out,
        tuple(uses(project)),
    )


def _rules(
    project: Project, known: Sequence[Problem], merged_with: str | None = None
) -> tuple[tuple[Problem, ...], tuple[Unchecked, ...]]:
    """Return what the rules of guard say of the work tree, but for what is known, and what they could not check."""
    from branchmig.workflows.checks import inspect

    # Without a repository there is no branch to compare with: the line about git says so, and an image needs no more.
    is_in_git = "GIT_DIR" in os.environ or index_above(project.config.script_location) is not None
    try:
        verdict = inspect(project, merged_with=merged_with)
    except BranchmigError as error:
        return (), (Unchecked("guard", error.message),) if is_in_git else ()
    said = {(problem.code, problem.message) for problem in known}
    new = [problem for problem in verdict.problems if (problem.code, problem.message) not in said]
    return tuple(new), verdict.unchecked if is_in_git else ()


def _merge_rules(project: Project, known: Sequence[Problem]) -> tuple[tuple[Problem, ...], tuple[Unchecked, ...]]:
    """Return what the rules would say once the target was merged in, where it is not yet."""
    try:
        repository, target = project.repository, project.target_ref
        if not repository or not target or repository.commit("HEAD") is None:
            return (), ()
        if any(has_ancestor(repository, commit, target) for commit in ("HEAD", *merging_commits(repository))):
            return (), ()
    except GitError:
        return (), ()  # said of the checkout itself
    return _rules(project, known, target)


def _ignored_files(project: Project) -> tuple[str, ...]:
    """Return the revision files that git ignores, from the top: no other checkout has them."""
    try:
        if project.repository is None:
            return ()
        words = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--")
        listed = split(project.repository.run(*words, *pathspecs(project.folders)))
    except GitError:
        return ()
    files = paths_from_top(project.repository, {item.id: item.path for item in project.worktree.revisions})
    return tuple(sorted(set(files.values()).intersection(listed)))


def _target(project: Project) -> str | None:
    try:
        return project.target_ref
    except GitError:
        return None


def rows_past_retired(dag: RevisionDag, database: DatabaseStanding) -> tuple[str, ...] | None:
    """Return a database's rows by the checkout's revisions, if its other revisions are all retired; else None."""
    if database.error or database.orphans or database.left_out or database.problems or database.skipped:
        return None
    pending = {revision.id for revision in database.pending}
    return dag.maximal(revision.id for revision in dag if revision.id not in pending)


def _git(project: Project) -> GitStanding | None:
    try:
        repository, target = project.repository, project.target_ref
    except GitError:
        return None
    if repository is None:
        return None
    return GitStanding(current_branch(repository), repository.commit("HEAD"), target and short_ref(target))


def _databases(project: Project, invocation: Invocation, dag: RevisionDag | None) -> tuple[DatabaseStanding, ...]:
    """Return each version table that env.py opens; what stops env.py ends the list."""
    from branchmig.database.run.environment import Environment
    from branchmig.database.surveying import survey

    found: list[DatabaseStanding] = []

    def consider(surveyed: VersionTable) -> None:
        found.append(standing_of(project, dag, surveyed))

    try:
        # Without a sound graph, alembic's own objects are never made: env.py is only asked for its connection.
        at = project if dag is not None else project.with_scripts(RevisionDag([]), {})
        calls = len(survey(Environment(at, invocation, "current"), consider))
    except BranchmigError as error:
        if isinstance(error, LocationsMoved) and not LOCATIONS_OF_ENV.get():
            raise  # the command is run again over the folders that env.py sets
        found.append(DatabaseStanding("the database" if not found else "another database", error=error))
    else:
        if not calls:
            silent = EnvironmentFailed("env.py did not call context.run_migrations(): no database was asked")
            found.append(DatabaseStanding("the database", error=silent))
    return tuple(found)


def _has_old_scripts(project: Project, dag: RevisionDag, rows: Sequence[str]) -> bool:
    from branchmig.workflows.old_scripts import is_within_squash, old_scripts

    try:
        return is_within_squash(dag, rows) and bool(old_scripts(project, dag, rows).sources)
    except BranchmigError:
        return False


def standing_of(project: Project, dag: RevisionDag | None, surveyed: VersionTable) -> DatabaseStanding:
    """Return how a version table stands, as far as it can be known."""
    name = str(surveyed.identity)
    if dag is None:
        return DatabaseStanding(name, surveyed.rows)
    running, unasked = _running(surveyed)
    try:
        known = known_of(project, dag, surveyed)
    except BranchmigError as error:
        return DatabaseStanding(name, surveyed.rows, error=error)
    settled = known.absences.settled
    active = ({revision.id for revision in known.history.dag} - known.skipped) | settled.standing.keys()
    implied = dag.ancestors([row for row in known.rows if row in dag])
    lacking = [revision_id for revision_id in dag.order() if revision_id not in active]
    ledger = known.ledger
    stay = known.absences.of("here", "retired", "squash")
    colliding = {name: change for name, change in known.changed.items() if change.collides}
    rerun = tuple(name for name, change in known.changed.items() if change.is_rerun and not change.collides)
    edited = ledger.edited if ledger is not None else rerun
    # Where git does not say that they are retired, the squash that replaced them does.
    squashes = {name: squash for name in known.history.orphans if (squash := squash_of(dag, name)) is not None}
    within = frozenset(squashes) - stay
    stay |= within
    has_old = bool(settled.half or within) and _has_old_scripts(project, dag, known.rows)
    return DatabaseStanding(
        name,
        known.rows,
        tuple(dag[revision_id] for revision_id in lacking if revision_id not in implied),
        tuple(orphan for orphan in known.history.orphans if orphan not in stay),
        known.history.sources,
        tuple(revision_id for revision_id in lacking if revision_id in implied),
        tuple(name for name in edited if name not in settled.rewritten and name not in colliding),
        rerun,
        ()
        if ledger is None
        else tuple(
            revision_id for revision_id in ledger.unknown if revision_id not in settled.stood.union(settled.standing)
        ),
        has_journal=ledger is not None,
        unfinished=() if ledger is None else surveyed.unfinished(ledger),
        running=running,
        drift_look=last_look(project, surveyed.identity.name),
        unasked=unasked,
        is_ahead=ledger is not None and bool(known.history.orphans) and surveyed.is_ahead(project),
        retired=tuple(sorted(known.absences.of("retired", "squash") | within)),
        left_out=tuple(sorted(known.absences.of("here"))),
        absences=known.absences.found,
        problems=(
            *squash_problems(name, dag, known.history.dag, known.absences, has_old_scripts=has_old),
            *(in_the_middle(name, row, squashes[row]) for row in known.rows if row in within),
            *(id_collision(dag[row], change.at) for row, change in colliding.items() if not change.is_reused),
            *reused_ids(dag, known.reused),
            *(unclear_id(name, dag[row], at) for row, at in known.unclear.items()),
        ),
    )


def _running(surveyed: VersionTable) -> tuple[Holder | None, str]:
    """Return the run that is going on, or why that cannot be asked: a role may not read pg_locks."""
    try:
        return surveyed.running, ""
    except BranchmigError as error:
        return None, error.message
