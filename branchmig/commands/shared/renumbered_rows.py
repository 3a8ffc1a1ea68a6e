"""Finds databases that have applied revisions which get new ids, and updates their version rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from branchmig import terminal
from branchmig.dag import RevisionDag
from branchmig.errors import InvalidTarget, RevisionGraphError
from branchmig.model import Plan, Revision
from branchmig.planning.plan import plan_addition, plan_removal
from branchmig.project.config import Invocation
from branchmig.project.project import Project, View
from branchmig.revisions.fingerprint import git_blob, has_fingerprint

if TYPE_CHECKING:
    from branchmig.database.identity import Identity
    from branchmig.database.surveying import VersionTable
    from branchmig.planning.renumber import Renumbering
    from branchmig.workflows.applied_history import Record
    from branchmig.workflows.own_revisions import Sides


@dataclass(frozen=True, slots=True)
class AppliedHere:
    """The own revisions that each database has applied, by their old ids, and the project as it was applied."""

    by_database: Mapping[Identity, tuple[str, ...]] = field(default_factory=dict)
    project: Project | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """Return all of them, each once, in upgrade order."""
        order = () if self.project is None else self.project.dag.order()
        found = {revision_id for ids in self.by_database.values() for revision_id in ids}
        return tuple(revision_id for revision_id in order if revision_id in found)


def rows_of(project: Project, invocation: Invocation, sides: Sides, plan: Renumbering, there: View) -> AppliedHere:
    """Return the changing revisions that each database has applied.

    Raises InvalidTarget where a row may mean this branch's revision or the target's of the same id.
    """
    from branchmig.database.run.environment import Environment
    from branchmig.database.surveying import survey

    placed = project.with_scripts(_as_applied(sides), {})
    changing = {change.before.id for change in plan.changed} | plan.moved
    own = {revision.id: revision for revision in sides.own}

    def look(surveyed: VersionTable) -> tuple[Identity, tuple[str, ...]]:
        dag = placed.dag
        rows = [row for row in surveyed.rows if row is not None and row in dag and not is_rivals(surveyed, row)]
        has = dag.ancestors(rows).union(rows) & changing
        return surveyed.identity, tuple(revision_id for revision_id in dag.order() if revision_id in has)

    def is_rivals(surveyed: VersionTable, row: str) -> bool:
        if row not in sides.rivals:
            return False
        record = _record(placed, surveyed, row)
        texts = (project.view().read, own[row]), (there.read, sides.rivals[row])
        ours, theirs = (_is_of(record, read([revision.path or ""])[revision.path or ""]) for read, revision in texts)
        if ours or theirs:
            return not ours
        files = [project.shown_path(revision.path or "") for revision in (own[row], sides.rivals[row])]
        raise InvalidTarget(
            f"{surveyed.identity} has applied {row}, and nothing records whether that was {files[0]} or the target's "
            f"{files[1]}",
            "leave the database out with --offline, then set its rows with: branchmig stamp --purge REVISION",
        )

    environment = Environment(placed, invocation, "current")
    return AppliedHere(dict(survey(environment, look)), placed)


def take_down(invocation: Invocation, here: AppliedHere, *, stamps: bool) -> None:
    """Revert the applied revisions, or with `stamps` only take their rows away."""
    if here.project is not None:
        dag = here.project.dag
        _run(here.project, invocation, "downgrade", here, stamps, lambda ids, rows: plan_removal(dag, ids, rows))


def bring_up(invocation: Invocation, here: AppliedHere, becomes: Mapping[str, str], *, stamps: bool) -> list[Plan]:
    """Apply the revisions again under their new ids, or with `stamps` only set their rows."""
    project = Project.open(invocation.files)
    return _run(
        project,
        invocation,
        "upgrade",
        here,
        stamps,
        lambda ids, rows: plan_addition(
            project.dag, [becomes.get(revision_id, revision_id) for revision_id in ids], rows
        ),
    )


def _run(
    project: Project,
    invocation: Invocation,
    command: str,
    here: AppliedHere,
    stamps: bool,
    plan_of: Callable[[Sequence[str], Sequence[str | None]], Plan],
) -> list[Plan]:
    from branchmig.database.identity import identity_of
    from branchmig.database.run.environment import Environment
    from branchmig.database.run.runner import run_plans

    options = {"revisions": [], "purge": False} if stamps else {"revision": ""}
    environment = Environment(
        project, invocation, "stamp" if stamps else command, {**options, "sql": False, "tag": None}
    )

    def planned(rows: Sequence[str | None]) -> Plan:
        assert environment.context is not None
        plan = plan_of(here.by_database.get(identity_of(environment.context), ()), rows)
        return _stamping(plan) if stamps else plan

    return run_plans(environment, planned, terminal.Progress(not stamps).step)


def _stamping(plan: Plan) -> Plan:
    return replace(plan, steps=tuple(replace(step, direction="stamp") for step in plan.steps))


def _as_applied(sides: Sides) -> RevisionDag:
    """Return this branch's graph with the old ids: without the target's revisions of these ids and what is above."""
    left_out = set(sides.rivals)
    kept: list[Revision] = list(sides.landed)
    while True:
        some = [
            revision for revision in kept if left_out.isdisjoint((revision.id, *revision.parents, *revision.depends_on))
        ]
        if len(some) == len(kept):
            break
        left_out |= {revision.id for revision in kept} - {revision.id for revision in some}
        kept = some
    try:
        return RevisionDag([*kept, *sides.own])
    except RevisionGraphError as error:
        raise InvalidTarget(
            f"branchmig cannot tell which revisions of this branch a database has applied: {error.problems[0].message}",
            "leave the database out with --offline",
        ) from error


def _record(project: Project, surveyed: VersionTable, row: str) -> Record | None:
    from branchmig.workflows.applied_history import Record, pinned_records

    records = dict(pinned_records(project, project.dag, surveyed.identity.name) if surveyed.identity.is_local else {})
    if project.config.settings.journal:
        ledger = surveyed.ledger(project, [revision_id for revision_id in surveyed.rows if revision_id is not None])
        records |= {
            record: Record(e.parents, e.blob or "", e.fingerprint or "") for record, e in ledger.records.items()
        }
    return records.get(row)


def _is_of(record: Record | None, source: bytes) -> bool:
    if record is None or not record.blob:
        return False
    return git_blob(source, record.blob) == record.blob or bool(
        record.fingerprint and has_fingerprint(source, record.fingerprint)
    )
