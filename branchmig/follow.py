"""The database follows the checkout: what sync, switch and the hooks share.

Foreseen first, for each version table that env.py opens: the plan, where its scripts lie, what it destroys, what
stands in its way. Carried out then, if the database is still where it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from branchmig.applied import AppliedHistory, Record, applied_history, changed_scripts, pinned_records
from branchmig.dag import RevisionDag
from branchmig.downgrades import EMPTY, downgrade_obstacle
from branchmig.errors import CannotFollow, UnknownRevision
from branchmig.losses import Losses, losses_of
from branchmig.model import Plan, Problem, Revision, Step
from branchmig.plan import check_applied
from branchmig.render.sync import loss_text, outcome_line
from branchmig.sync import Applied, plan_sync

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from branchmig.config import Invocation
    from branchmig.database.identity import Identity
    from branchmig.database.surveying import Surveyed
    from branchmig.git.orphans import Location
    from branchmig.ledger import Ledger
    from branchmig.project import Project

    Announce = Callable[[int, int, str], None]

GIT = "git:"


@dataclass(frozen=True)
class Foreseen:
    """What bringing one database to a checkout would do."""

    identity: Identity
    history: AppliedHistory
    plan: Plan
    losses: Losses
    obstacles: tuple[Problem, ...]

    @property
    def undone(self) -> tuple[Step, ...]:
        """The steps that take something away."""
        return tuple(step for step in self.plan.steps if step.direction == "downgrade")


def foresee(
    project: Project, invocation: Invocation, wanted: RevisionDag | None = None, *, allow_empty: bool = False
) -> list[Foreseen]:
    """Return what brings each database of env.py to the work tree's revisions, or to `wanted`; nothing is written.

    With `allow_empty`, an empty downgrade() is no obstacle. Raises VersionTableError for rows that no sound database
    holds, EnvironmentFailed where env.py or a database does not answer.
    """
    from branchmig.database.surveying import survey

    goal = project.dag if wanted is None else wanted

    def consider(surveyed: Surveyed) -> Foreseen:
        return _foreseen(project, goal, surveyed, allow_empty)

    return survey(_environment(project, invocation), consider)


def carry_out(project: Project, invocation: Invocation, foreseen: Sequence[Foreseen], announce: Announce) -> list[Plan]:
    """Run what was foreseen. Raises CannotFollow where something stands in the way, before anything runs;

    EnvironmentFailed where a database has moved since, MigrationFailed where a script raises.
    """
    from branchmig.database.placing import scripts_of_commits
    from branchmig.database.runner import run_plans
    from branchmig.database.surveying import ForeseenPlans

    refuse_obstacles(foreseen)
    steps = [step for one in foreseen for step in one.plan.steps]
    with scripts_of_commits(project, _union(project.dag, foreseen), _scripts(steps)) as (placed, files):
        plans = [(one.identity, _with_files(one.plan, files)) for one in foreseen]
        planner = ForeseenPlans(plans)
        run_plans(_environment(placed, invocation), planner.plan, announce, [planner], destination_rev="heads")
    return [one.plan for one in foreseen]


def follow_silently(project: Project, invocation: Invocation) -> list[str]:
    """Bring each database to the work tree without asking, as a hook does; return lines that say what was done.

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
    if not any(one.plan.steps for one in foreseen):
        return []
    _refuse_shared(project, foreseen)
    carry_out(project, invocation, foreseen, lambda *_: None)
    lines = []
    for one in foreseen:
        lost = f" Gone: {', '.join(map(loss_text, one.losses.certain))}." if one.losses.certain else ""
        lines.append(f"{outcome_line(one.plan)}{lost}")
    return lines


def _refuse_shared(project: Project, foreseen: Sequence[Foreseen]) -> None:
    from branchmig.git.switching import branches_elsewhere

    undone = {step.revision.id: one for one in foreseen for step in one.undone if step.revision}
    branches = {
        one.history.sources[revision].branch: revision
        for revision, one in undone.items()
        if revision in one.history.sources
    }
    for branch, folder in branches_elsewhere(project.tracked).items() if branches else ():
        if branch in branches:
            raise CannotFollow(
                f"revision {branches[branch]!r} belongs to {branch}, which is checked out in {folder}",
                "give each work tree a database of its own, or bring this one along by hand: branchmig sync",
            )


def refuse_obstacles(foreseen: Sequence[Foreseen]) -> None:
    """Raise CannotFollow with all that stands in the way of what was foreseen."""
    problems = [problem for one in foreseen for problem in one.obstacles]
    if problems:
        first, *others = problems
        raise CannotFollow(first.message, first.hint or None, [f"also: {problem.message}" for problem in others])


def _environment(project: Project, invocation: Invocation):  # type: ignore[no-untyped-def]
    from branchmig.database.environment import Environment

    # env.py knows the commands of alembic.
    environment = Environment(project, invocation, "upgrade", {"revision": "heads", "sql": False, "tag": None})
    environment.command = "sync"
    return environment


def _foreseen(project: Project, goal: RevisionDag, surveyed: Surveyed, allow_empty: bool) -> Foreseen:
    known = known_of(project, project.dag, surveyed)
    beside = frozenset() if known.ledger is None else known.ledger.applied_ids()
    applied = Applied(known.rows, known.history.dag, known.skipped, frozenset(known.changed), beside)
    plan = _with_sources(plan_sync(goal, applied), {**known.history.sources, **known.changed})
    texts = _texts(project, plan)
    losses = losses_of(texts)
    counted = replace(losses, certain=surveyed.counted(losses.certain))
    obstacles = (*_lost(known.history, surveyed.identity), *_irreversible(project, plan, texts, allow_empty))
    return Foreseen(surveyed.identity, known.history, plan, counted, obstacles)


@dataclass(frozen=True)
class Known:
    """What can be known of one database: its rows, what lies below them, and what a journal or a pin adds.

    `ledger` is None without a journal. `skipped` were never applied though the rows imply them; `changed` are this
    branch's own revisions whose script did something else when it was applied, with where that script is.
    """

    rows: tuple[str, ...]
    history: AppliedHistory
    ledger: Ledger | None
    skipped: frozenset[str]
    changed: Mapping[str, Location]


def known_of(project: Project, here: RevisionDag, surveyed: Surveyed) -> Known:
    """Return what can be known of a database. Raises VersionTableError for rows that no sound database holds."""
    rows = sound_rows(here, surveyed.rows)
    records = pinned_records(project, here, str(surveyed.identity)) if surveyed.identity.is_local else {}
    ledger = surveyed.ledger(project, rows) if project.config.settings.journal else None
    if ledger is not None:
        records |= {one: Record(e.parents, e.blob or "", e.fingerprint or "") for one, e in ledger.records.items()}
    # What was run below an applied revision is no part of what that one was applied upon.
    known = rows if ledger is None else {*rows, *ledger.applied_ids()}
    history = applied_history(project, here, known, records)
    active = {one.id for one in history.dag}
    skipped = frozenset(ledger.skipped) & active if ledger is not None else frozenset()
    return Known(rows, history, ledger, skipped, changed_scripts(project, here, active - skipped, records))


def sound_rows(dag: RevisionDag, rows: Sequence[str | None]) -> tuple[str, ...]:
    """Return the rows of a version table, also those that the checkout lacks.

    Raises VersionTableError for NULL, a row that is there twice, an abbreviated id, an ancestor beside its descendant.
    """
    known = [row for row in rows if row is None or row in dag]
    try:
        check_applied(dag, rows)
    except UnknownRevision:
        check_applied(dag, known)
    return tuple(sorted(str(row) for row in rows))


def _with_sources(plan: Plan, sources: Mapping[str, Location]) -> Plan:
    """Return the plan with each downgrade's source in git where the checkout lacks its script."""
    steps = []
    for step in plan.steps:
        at = sources.get(step.revision.id) if step.revision and step.direction == "downgrade" else None
        name = "" if at is None else f"{GIT}{at.commit}:{at.path}" if at.commit else f"{GIT}{at.blob}"
        steps.append(replace(step, source=name) if name else step)
    return replace(plan, steps=tuple(steps))


def _texts(project: Project, plan: Plan) -> dict[str, bytes]:
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
            texts |= {step.revision.id: project.view().read([step.revision.path])[step.revision.path]}
    return texts


def _lost(history: AppliedHistory, identity: Identity) -> list[Problem]:
    return [
        Problem(
            "lost-revision",
            f"revision {one!r} is applied to {identity}, and neither the checkout nor git has its script: "
            "it cannot be undone",
            "get its file back (git fetch; a colleague's clone), or undo by hand what it did and record it: "
            "branchmig stamp --purge REVISION",
            (one,),
        )
        for one in history.lost
    ]


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
        "to go on all the same, and leave behind what it made: --allow-empty"
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
    """Return where a step's script lies, as people write it: a path, or `abc123def4:path` for a commit's."""
    if not step.source.startswith(GIT):
        return project.shown_path(revision.path or "")
    commit, _, path = step.source.removeprefix(GIT).partition(":")
    return f"{commit[:10]}:{path}" if path else f"blob {commit[:10]}"


def _union(goal: RevisionDag, foreseen: Sequence[Foreseen]) -> RevisionDag:
    """Return all revisions that take part: the checkout's as they are, the others as they were applied."""
    others: dict[str, Revision] = {}
    for one in foreseen:
        others |= {revision.id: revision for revision in one.history.dag if revision.id not in goal}
    return RevisionDag([*goal, *others.values()])


def _scripts(steps: Sequence[Step]) -> list[tuple[str, str]]:
    named = [step.source.removeprefix(GIT) for step in steps if step.source.startswith(GIT)]
    return [(commit, path) for commit, _, path in (name.partition(":") for name in named)]


def _with_files(plan: Plan, files: Mapping[tuple[str, str], str]) -> Plan:
    """Return the plan whose steps name the files in which their scripts lie now."""
    steps = []
    for step in plan.steps:
        if step.revision is not None and step.source.startswith(GIT):
            commit, _, path = step.source.removeprefix(GIT).partition(":")
            steps.append(replace(step, revision=replace(step.revision, path=files[commit, path])))
        else:
            steps.append(step)
    return replace(plan, steps=tuple(steps))
