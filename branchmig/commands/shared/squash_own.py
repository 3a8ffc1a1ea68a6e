"""`branchmig squash --own`: this branch's own revisions become one, and the databases that have them follow."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from branchmig import terminal
from branchmig.commands.shared.flow import confirm
from branchmig.commands.shared.squashing import SquashOptions, carry_out, proven, report_squash, say_nothing
from branchmig.dag import RevisionDag
from branchmig.errors import InvalidTarget, RevisionFileError
from branchmig.git.history import short_ref
from branchmig.model import Plan, Step
from branchmig.planning.plan import plan_addition
from branchmig.planning.renumber import new_ids
from branchmig.planning.squash import SquashPlan, plan_own_squash
from branchmig.project.config import Invocation
from branchmig.project.project import Project, View
from branchmig.workflows.own_revisions import SQUASHED, Sides, refuse_shared, rival_blobs, sides_of
from branchmig.workflows.squash import Squash, compose

if TYPE_CHECKING:
    from branchmig.commands.shared.taking_down import Rewriting


def squash_own(invocation: Invocation, project: Project, options: SquashOptions, rewriting: Rewriting) -> None:
    """Make the revisions that the target branch lacks one revision with a new id, which names none of them.

    Raises InvalidTarget where a tag or another branch has one of them, or a database has applied one, unless the
    options say how to go on.
    """
    target = project.target(rewriting.onto)
    there, name = project.ref_view(target), short_ref(target)
    sides = sides_of(project, there, name)
    plan = _plan(project, sides, there)
    if plan is None:
        say_nothing(
            f"this branch has {len(sides.own)} revision{'s'[: len(sides.own) != 1]} that {name} lacks", options.format
        )
        return
    if not rewriting.force:
        refuse_shared(project, plan.order, rival_blobs(there, sides), SQUASHED)
    squash = _composed(project, invocation, plan, options)
    applied = () if rewriting.offline or options.dry_run else _applied(project, invocation, plan)
    if applied and not rewriting.sync:
        raise InvalidTarget(
            f"the database has applied {', '.join(applied)}, which would be gone",
            "let the database follow, which applies the rest and sets its version row: branchmig squash --own --sync",
        )
    proof = proven(project, invocation, squash, options)
    if applied:
        _apply_rest(project, invocation, plan, applied, yes=rewriting.yes)
    written = carry_out(project, squash, options)
    if applied and written:
        _stamp(project, invocation, squash)
    report_squash(project, squash, options, proof, written)
    if rewriting.offline and written and options.format == "text":
        terminal.warning("no database was asked: one that has applied these revisions knows them by their old ids")


def _plan(project: Project, sides: Sides, there: View) -> SquashPlan | None:
    from branchmig.database.file_names import draw_id

    own = [revision.id for revision in sides.own]
    taken = {revision.id for revision in (*sides.landed, *sides.own, *there.revisions)}
    taken.update(label for revision in (*sides.landed, *sides.own, *there.revisions) for label in revision.labels)
    others = taken.difference(own)
    first = next((name for name in project.dag.order() if name in own), "")
    new_id = next(new_ids([first], others, draw_id), "")
    # A number that nobody else counts with stays: then the id would be that of one that goes.
    return plan_own_squash(project.dag, own, draw_id() if new_id in own else new_id)


def _composed(project: Project, invocation: Invocation, plan: SquashPlan, options: SquashOptions) -> Squash:
    from branchmig.database.file_names import FileNames

    message = options.message or plan.order[0].title or f"squash of {len(plan.order)} revisions"
    source = project.view().script(plan.last)
    path = FileNames(project.config, invocation).named(replace(plan.after, message=message), source)
    if os.path.lexists(path) and path not in {revision.path for revision in plan.order}:
        raise RevisionFileError(
            f"{project.shown_path(path)} exists already, and would be overwritten", "give another message: -m MESSAGE"
        )
    return compose(project, invocation, plan, message, path)


def _applied(project: Project, invocation: Invocation, plan: SquashPlan) -> tuple[str, ...]:
    """Return those of the revisions that a database has, in upgrade order."""
    from branchmig.database.reader import read_applied

    rows = read_applied(project, invocation, "upgrade")
    has = project.dag.ancestors(rows).union(rows)
    return tuple(revision.id for revision in plan.order if revision.id in has)


def _apply_rest(
    project: Project, invocation: Invocation, plan: SquashPlan, applied: Sequence[str], *, yes: bool
) -> None:
    """Apply what is left of the revisions where a database has some of them. Raises AnswerIsNo without a yes."""
    from branchmig.database.run.environment import Environment
    from branchmig.database.run.runner import run_plans

    left = [revision for revision in plan.order if revision.id not in applied]
    if not left:
        return
    shown = ["These revisions will be applied with their own scripts first:"]
    shown += [f"  {revision.id}  {revision.title}" for revision in left]
    confirm("Go on?", yes, hint="to go on without being asked: --sync --yes", shown=shown)

    def rest(rows: Sequence[str | None]) -> Plan:
        has = {str(row) for row in rows}
        has |= project.dag.ancestors(row for row in has if row in project.dag)
        return plan_addition(project.dag, [plan.last.id] if plan.ids & has else [], rows)

    environment = Environment(project, invocation, "upgrade")
    run_plans(environment, rest, terminal.Progress().step)


def _stamp(project: Project, invocation: Invocation, squash: Squash) -> None:
    """Set the row of the last revision to the new id, in each database that has it."""
    from branchmig.database.run.environment import Environment
    from branchmig.database.run.runner import run_plans

    now, last, new = Project.open(invocation.files), squash.plan.last.id, squash.plan.after.id
    old = [replace(revision, labels=()) for revision in squash.plan.order]
    placed = now.with_scripts(RevisionDag([*now.dag, *old]), {})

    def stamped(rows: Sequence[str | None]) -> Plan:
        before = tuple(sorted(map(str, rows)))
        after = tuple(sorted({new if row == last else row for row in before}))
        steps = (Step("stamp", now.dag[new], before, after),) if after != before else ()
        return Plan(before, steps)

    environment = Environment(placed, invocation, "stamp", {"revisions": [new]})
    for done in run_plans(environment, stamped, lambda *_: None):
        if done.steps:
            terminal.note(f"Set the version row of the database; it is at {', '.join(done.heads_after)}.")
