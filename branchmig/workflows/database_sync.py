"""The database follows the checkout: what sync, switch and the hooks share.

Foreseen first, for each version table that env.py opens: the plan, where its scripts lie, what it destroys, what
stands in its way. Carried out then, if the database is still where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from branchmig.dag import RevisionDag
from branchmig.effects.downgrades import EMPTY, downgrade_obstacle
from branchmig.effects.losses import Losses, losses_of
from branchmig.errors import CannotFollow, InvalidTarget
from branchmig.git.history import tags_with
from branchmig.git.switching import branches_elsewhere
from branchmig.model import Plan, Problem, Revision, Step
from branchmig.planning.obstacles import beside_kept, lost, resting_on_kept, reused_ids, squash_problems, unclear_id
from branchmig.planning.sync import Applied, plan_sync
from branchmig.progress import Announce
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.workflows.applied_history import AppliedHistory, target_ids
from branchmig.workflows.database_state import DatabaseState, known_of
from branchmig.workflows.old_scripts import OldScripts, is_within_squash, old_scripts
from branchmig.workflows.undo_sources import GIT, script_texts, undo_sources, with_sources

if TYPE_CHECKING:
    from branchmig.database.identity import Identity
    from branchmig.database.row_checks import CheckedRows
    from branchmig.database.run.environment import Environment
    from branchmig.database.run.run_listener import RunListener
    from branchmig.database.surveying import VersionTable
    from branchmig.git.absence import Checkout
    from branchmig.planning.undoing import Absent


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """The options of sync and switch beyond the checkout.

    `goal` are the revisions to bring the database to, and `checkout` what git has there, where that is not the work
    tree. `undo` names revisions that are to be undone whatever they are. `allow_empty`: an empty downgrade() is no
    obstacle.
    """

    goal: RevisionDag | None = None
    checkout: Checkout | None = None
    undo: frozenset[str] = frozenset()
    allow_empty: bool = False


@dataclass(frozen=True)
class SyncPlan:
    """What bringing one database to a checkout would do.

    `kept` are applied revisions that the checkout lacks and that stay; `notes` are for people to read before they
    agree. `clone_applied` are the revisions that this clone has applied, as a journal or git's folder says.
    """

    identity: Identity
    history: AppliedHistory
    plan: Plan
    losses: Losses
    obstacles: tuple[Problem, ...]
    kept: tuple[Absent, ...] = ()
    notes: tuple[Problem, ...] = ()
    clone_applied: frozenset[str] = frozenset()
    checked: CheckedRows | None = None
    """What the live rows say to the upgrades, where `checks = true`."""
    old: OldScripts | None = None
    """The scripts that a squash replaced, where the database is in the middle of it."""

    @property
    def undone(self) -> tuple[Step, ...]:
        """The steps that take something away."""
        return tuple(step for step in self.plan.steps if step.direction == "downgrade")


def foresee(
    project: Project,
    invocation: Invocation,
    options: SyncOptions | None = None,
    look: Callable[[VersionTable], SyncPlan | None] = lambda _: None,
) -> list[SyncPlan]:
    """Return the plans that bring each database of env.py to the work tree's revisions, or to the wanted ones.

    Nothing is written. `look` is called with each version table, in order, and may return its plan itself. Raises
    VersionTableError for rows that no sound database holds, EnvironmentFailed where env.py or a database does not
    answer, GitError where git cannot say what may be undone.
    """
    from branchmig.database.surveying import survey

    asked = options or SyncOptions()

    def consider(surveyed: VersionTable) -> SyncPlan:
        return look(surveyed) or _foreseen(project, asked, surveyed)

    return survey(_environment(project, invocation), consider)


def carry_out(
    project: Project,
    invocation: Invocation,
    foreseen: Sequence[SyncPlan],
    announce: Announce,
    listeners: Sequence[RunListener] = (),
) -> list[Plan]:
    """Run what was foreseen. Raises CannotFollow where something stands in the way, before anything runs;

    EnvironmentFailed where a database has moved since, MigrationFailed where a script raises.
    """
    from branchmig.database.run.runner import run_plans
    from branchmig.database.run.script_checkout import scripts_of_sources
    from branchmig.database.surveying import ForeseenPlans

    refuse_obstacles(foreseen)
    sources = [step.source for plan in foreseen for step in plan.plan.steps]
    texts = {name: text for plan in foreseen if plan.old is not None for name, text in plan.old.texts.items()}
    with scripts_of_sources(project, _union(project.dag, foreseen), sources, texts) as (placed, files):
        plans = [(plan.identity, _with_files(plan.plan, files)) for plan in foreseen]
        planner = ForeseenPlans(plans)
        environment = _environment(placed, invocation)
        run_plans(environment, planner.plan, announce, [planner, *listeners], destination_rev="heads")
    return [plan.plan for plan in foreseen]


def follow_silently(project: Project, invocation: Invocation) -> tuple[SyncPlan, ...]:
    """Bring each database to the work tree without asking, as a hook does; return what was done.

    Raises CannotFollow where something stands in the way, or another work tree has the branch checked out whose
    revisions would be undone: two work trees on one database would pull it to and fro.
    """
    # git waits for its hook: where another run holds the database, that is said, and nothing more.
    settings = replace(project.config.settings, lock_timeout=0.0)
    project = type(project)(replace(project.config, settings=settings))
    if not len(project.dag):
        raise CannotFollow(
            "this checkout has no revisions at all, and all that is applied would be undone",
            "if that is what you want: branchmig sync",
        )
    foreseen = foresee(project, invocation)
    if not any(plan.plan.steps or plan.obstacles for plan in foreseen):
        return ()
    refuse_obstacles(foreseen)
    _refuse_shared(project, foreseen)
    for plan in foreseen:
        _refuse_unasked(project, plan)
    carry_out(project, invocation, foreseen, lambda *_: None)
    return tuple(foreseen)


def _refuse_unasked(project: Project, foreseen: SyncPlan) -> None:
    """Raise CannotFollow for what is undone only if somebody has seen the plan.

    That is what this clone has not applied, what is part of a release, what the checkout and the target branch both
    have, and what has a newer version that does something else than what was applied.
    """
    ask = "to see the plan, and undo it if you agree: branchmig sync"
    for note in foreseen.notes:
        if note.code == "newer-version":
            raise CannotFollow(note.message, ask)
    undone = [step.revision.id for step in foreseen.undone if step.revision]
    colliding = {revision for note in foreseen.notes if note.code == "id-collision" for revision in note.revisions}
    shared = {revision_id for revision_id in undone if revision_id in project.dag} - colliding
    landed = target_ids(project) if shared else frozenset()
    for revision_id in undone:
        if revision_id in shared & landed:
            raise CannotFollow(
                f"revision {revision_id!r} is in this checkout and has landed, "
                "and would be reverted with the revisions that it was applied on",
                ask,
            )
        if revision_id not in foreseen.clone_applied:
            raise CannotFollow(
                f"nothing shows that this clone has applied revision {revision_id!r}, which would be undone", ask
            )
        at = foreseen.history.sources.get(revision_id)
        if at is not None and at.commit and (tags := tags_with(project.tracked, at.commit)):
            raise CannotFollow(f"revision {revision_id!r} is part of the release {tags[0]}, and would be undone", ask)


def _refuse_shared(project: Project, foreseen: Sequence[SyncPlan]) -> None:
    undone = {step.revision.id: plan for plan in foreseen for step in plan.undone if step.revision}
    branches = {
        plan.history.sources[revision].branch: revision
        for revision, plan in undone.items()
        if revision in plan.history.sources
    }
    for branch, folder in branches_elsewhere(project.tracked).items() if branches else ():
        if branch in branches:
            raise CannotFollow(
                f"revision {branches[branch]!r} belongs to {branch}, which is checked out in {folder}",
                "give each work tree its own database, or update this one by hand: branchmig sync",
            )


def plan_past_retired(environment: Environment, target: str, rows: Sequence[str | None]) -> Plan | None:
    """Return the plan of an upgrade where the rows that the checkout lacks are retired; None where one is not.

    Nothing is undone. Raises CannotFollow where the database has some of the revisions that were squashed, and not all.
    """
    from branchmig.database.identity import identity_of
    from branchmig.database.surveying import VersionTable

    project, context = environment.project, environment.context
    assert context is not None
    surveyed = VersionTable(identity_of(context), tuple(sorted(rows, key=str)), context)
    known = known_of(project, project.dag, surveyed)
    facts, dag = known.absences, project.dag
    if any(row not in dag and row not in facts.of("retired", "squash") for row in known.rows):
        return None
    settled, history = facts.settled, known.history.dag
    stops = squash_problems(str(surveyed.identity), dag, history, facts)
    active = frozenset(revision.id for revision in history).union(settled.standing)
    tips = dag.resolve(target, dag.maximal(name for name in active if name in dag))
    applied = Applied(
        known.rows, history, known.skipped, frozenset(), known.recorded, active, settled.standing, settled.replaced
    )
    plan = Plan(known.rows) if stops else plan_sync(dag, applied, tips)
    _refuse([*stops, *beside_kept(plan, dag, facts, facts.of("retired", "squash"))])
    return plan


def refuse_obstacles(foreseen: Sequence[SyncPlan]) -> None:
    """Raise CannotFollow with all obstacles of the plans; AnswerIsNo where rows are in the way of their upgrades."""
    _refuse([problem for plan in foreseen for problem in plan.obstacles])
    checked = [plan.checked for plan in foreseen if plan.checked is not None]
    if checked:
        from branchmig.database.row_checks import refuse_violations

        refuse_violations(checked, "settle these rows first, or do without the question: checks = false")


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        first, *others = problems
        raise CannotFollow(first.message, first.hint or None, [f"also: {problem.message}" for problem in others])


def _environment(project: Project, invocation: Invocation):  # type: ignore[no-untyped-def]
    from branchmig.database.run.environment import Environment

    # env.py knows the commands of alembic.
    environment = Environment(project, invocation, "upgrade")
    environment.command = "sync"
    return environment


def _foreseen(project: Project, options: SyncOptions, surveyed: VersionTable) -> SyncPlan:
    goal = project.dag if options.goal is None else options.goal
    known = known_of(project, project.dag, surveyed, goal, options.checkout)
    old = _old_scripts(project, goal, known, options)
    if old is not None:
        goal = old.dag
        known = known_of(project, project.dag, surveyed, goal, options.checkout)
    settled = known.absences.settled
    named = known.history.dag.descendants(_known(known, options)) | options.undo
    kept = known.absences.of("here", "retired", "squash", "released", "unknown") - named
    rerun = {name: change.at for name, change in known.changed.items() if change.is_rerun}
    applied = Applied(
        known.rows,
        known.history.dag,
        known.skipped,
        frozenset(rerun) | options.undo,
        known.recorded,
        kept,
        settled.standing,
        settled.replaced,
    )
    name, facts = str(surveyed.identity), known.absences
    stops = squash_problems(name, goal, known.history.dag, facts)
    plan = Plan(known.rows) if stops else plan_sync(goal, applied)
    plan = plan if old is None else old.settled(plan)
    gone = frozenset(known.history.lost) - facts.of("here", "retired", "squash")
    stops += [*lost(name, sorted(gone)), *reused_ids(project.dag, known.reused)]
    stops += [*resting_on_kept(plan, facts, kept), *beside_kept(plan, goal, facts, kept - gone)]
    sources, notes = undo_sources(project, known, plan)
    notes += [unclear_id(name, project.dag[row], at) for row, at in known.unclear.items()]
    plan = with_sources(plan, sources)
    texts = script_texts(project, plan)
    losses = losses_of(texts)
    counted = replace(losses, certain=surveyed.counted(losses.certain))
    obstacles = (*stops, *_irreversible(project, plan, texts, options.allow_empty))
    stay = tuple(known.absences.found[name] for name in sorted(kept))
    checked = None
    if project.config.settings.checks and any(step.direction == "upgrade" for step in plan.steps):
        from branchmig.workflows.pending_rows import pending_rows

        checkout = options.checkout
        view = project.view() if options.goal is None or checkout is None else project.tree_view(checkout.commit)
        checked = pending_rows(project, surveyed, plan, view, {} if old is None else old.texts)
    return SyncPlan(
        surveyed.identity,
        known.history,
        plan,
        counted,
        obstacles,
        stay,
        tuple(notes),
        known.clone_applied,
        checked,
        old,
    )


def _old_scripts(project: Project, goal: RevisionDag, known: DatabaseState, options: SyncOptions) -> OldScripts | None:
    """Return the scripts that squashes replaced, for a database in the middle of their ranges; None for others.

    Where these scripts cannot be had, None if git shows another way on, which the problem of the squash says; else
    raises CannotFollow.
    """
    settled = known.absences.settled
    if not is_within_squash(goal, known.rows):
        return None
    if not settled.half and settled.replaced.issuperset(row for row in known.rows if row not in goal):
        return None
    try:
        return old_scripts(project, goal, known.rows, "HEAD" if options.checkout is None else options.checkout.commit)
    except CannotFollow:
        if settled.half:
            return None
        raise


def _known(known: DatabaseState, options: SyncOptions) -> list[str]:
    """Return the revisions that are named to be undone. Raises InvalidTarget for one that is not to be had."""
    for name in sorted(options.undo):
        if name not in known.absences.found:
            raise InvalidTarget(
                f"revision {name!r} is not applied and missing from the checkout: there is nothing to undo",
                "see the applied revisions: branchmig status; to go below a revision of the checkout: branchmig "
                "downgrade",
            )
    return sorted(options.undo)


def _irreversible(project: Project, plan: Plan, texts: Mapping[str, bytes], allow_empty: bool) -> list[Problem]:
    problems = []
    for step in plan.steps:
        if step.direction != "downgrade" or step.revision is None or step.revision.id not in texts:
            continue
        obstacle = downgrade_obstacle(texts[step.revision.id])
        if obstacle is None or (allow_empty and obstacle == EMPTY):
            continue
        problems.append(_obstacle(project, step, step.revision, obstacle))
    return problems


def _obstacle(project: Project, step: Step, revision: Revision, obstacle: str) -> Problem:
    hint = (
        "to continue and leave its changes in the database: --allow-empty"
        if obstacle == EMPTY
        else "write one on its branch, or start with a fresh database"
    )
    return Problem(
        "irreversible-revision",
        f"revision {revision.id!r} must be undone, and {obstacle}: {script_place(project, step, revision)}",
        hint,
        (revision.id,),
    )


def script_place(project: Project, step: Step, revision: Revision) -> str:
    """Return where a step's script is, as people write it: a path, or `abc123def4:path` for a commit's."""
    if not step.source.startswith(GIT):
        return project.shown_path(revision.path or "")
    commit, _, path = step.source.removeprefix(GIT).partition(":")
    return f"{commit[:10]}:{path}" if path else f"blob {commit[:10]}"


def _union(goal: RevisionDag, foreseen: Sequence[SyncPlan]) -> RevisionDag:
    """Return all revisions that take part: the checkout's as they are, the others as they were applied or replaced."""
    others: dict[str, Revision] = {}
    for plan in foreseen:
        found = [*plan.history.dag, *(() if plan.old is None else plan.old.dag)]
        others |= {revision.id: revision for revision in found if revision.id not in goal}
    return RevisionDag([*goal, *(replace(revision, labels=()) for revision in others.values())])


def _with_files(plan: Plan, files: Mapping[str, str]) -> Plan:
    """Return the plan whose steps name the files in which their scripts lie now."""
    steps = [
        replace(step, revision=replace(step.revision, path=files[step.source]))
        if step.revision is not None and step.source in files
        else step
        for step in plan.steps
    ]
    return replace(plan, steps=tuple(steps))
