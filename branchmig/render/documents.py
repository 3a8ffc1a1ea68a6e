"""Values as the JSON documents that other programs build on; their keys are a promise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from branchmig.dag import RevisionDag
from branchmig.model import Plan, Revision, ShownPath, Step

if TYPE_CHECKING:
    from branchmig.effects.losses import Losses


VERSION = 1

SLOW = 10.0
"""Seconds from which on a step is named after a run."""


def revision_entry(dag: RevisionDag, revision: Revision, shown_path: ShownPath) -> dict[str, Any]:
    """One revision: ids in full, depends_on resolved, every known label of the branch that it is part of.

    `unknown_labels` is there, and true, where the revision's own labels are computed and cannot be known; `replaces` is
    there for a squash.
    """
    is_known = not revision.unknown_labels
    replaced = {"replaces": list(revision.replaces)} if revision.replaces else {}
    return {
        **replaced,
        "revision": revision.id,
        "down_revision": list(revision.parents),
        "depends_on": list(dag.dependencies(revision.id)),
        "branch_labels": list(dag.branch_labels(revision.id)),
        **({} if is_known else {"unknown_labels": True}),
        "message": revision.message,
        "path": None if revision.path is None else shown_path(revision.path),
    }


def revisions_document(
    key: str, dag: RevisionDag, revisions: Iterable[Revision], shown_path: ShownPath, **more: Any
) -> dict[str, Any]:
    """Some revisions under `key`, in the order given."""
    entries = [revision_entry(dag, revision, shown_path) for revision in revisions]
    return {"version": VERSION, key: entries, **more}


def plans_document(
    plans: Sequence[Plan], shown_path: ShownPath, losses: Sequence[Losses] | None = None
) -> dict[str, Any]:
    """A plan; where env.py has several databases, all of theirs under `plans`, in its order.

    `losses` are those of each plan, where it is shown before it runs.
    """
    lost: list[dict[str, Any]] = [
        {"losses": loss_entries(lost_by_plan), "unclear": unclear_entries(lost_by_plan)}
        for lost_by_plan in losses or ()
    ] or [{} for _ in plans]
    if len(plans) == 1:
        return {"version": VERSION, **plan_entry(plans[0], shown_path), **lost[0]}
    entries = [
        {"database": plan.database, **plan_entry(plan, shown_path), **more}
        for plan, more in zip(plans, lost, strict=True)
    ]
    return {"version": VERSION, "plans": entries}


def loss_entries(losses: Losses) -> list[dict[str, Any]]:
    """What is destroyed; `way` is there where a table loses rows, or their values, and stays."""
    return [
        {
            "schema": loss.schema,
            "table": loss.table,
            "column": loss.column,
            "rows": loss.rows,
            "revision": loss.revision,
        }
        | ({"way": loss.way} if loss.way != "drop" else {})
        for loss in losses.certain
    ]


def unclear_entries(losses: Losses) -> list[dict[str, str]]:
    """The revisions of which not all that they destroy is known, and why."""
    return [{"revision": revision, "why": why} for revision, why in losses.unclear]


def timed_document(
    plans: Sequence[Plan], times: Sequence[tuple[Step, float]], seconds: float, shown_path: ShownPath
) -> dict[str, Any]:
    """What a run has done: its plans, the seconds of each step, those of the whole, and the slowest steps first."""
    document = plans_document(plans, shown_path)
    left = list(times)
    for plan, entry in zip(plans, document.get("plans", [document]), strict=True):
        for step, shown in zip(plan.steps, entry["steps"], strict=True):
            found = next((item for item in left if item[0] == step), None)
            shown["seconds"] = None if found is None else round(found[1], 3)
            if found is not None:
                left.remove(found)
    document["seconds"] = round(seconds, 3)
    document["slowest"] = [
        {"revision": step.revision.id, "direction": step.direction, "seconds": round(duration, 3)}
        for step, duration in _slowest(times)
        if step.revision is not None
    ]
    return document


def slowest_text(times: Sequence[tuple[Step, float]]) -> str:
    """Return a line about the slowest steps of a run that took long; nothing where none did."""
    slow = [
        f"{step.revision.id} {seconds:.1f} s"
        for step, seconds in _slowest(times)
        if step.revision is not None and seconds >= SLOW
    ]
    return f"Slowest: {', '.join(slow)}." if slow else ""


def statements_entry(statements: Sequence[tuple[Step, str, float]]) -> list[dict[str, Any]]:
    """Return the slow statements of a run, the slowest first."""
    return [
        {"revision": None if step.revision is None else step.revision.id, "seconds": round(took, 3), "statement": text}
        for step, text, took in sorted(statements, key=lambda item: -item[2])[:5]
    ]


def statement_lines(statements: Sequence[tuple[Step, str, float]]) -> Iterator[str]:
    """Name the statements of a run that took long."""
    for entry in statements_entry(statements):
        if entry["seconds"] >= SLOW:
            yield f"  {entry['seconds']:.1f} s in {entry['revision']}: {entry['statement']}"


def _slowest(times: Sequence[tuple[Step, float]]) -> list[tuple[Step, float]]:
    return sorted(times, key=lambda time: -time[1])[:5]


def plan_entry(plan: Plan, shown_path: ShownPath) -> dict[str, Any]:
    """One plan: where from, where to, its steps."""
    return {
        "from": list(plan.applied),
        "to": list(plan.heads_after),
        "steps": [_step(step, shown_path) for step in plan.steps],
    }


def _step(step: Step, shown_path: ShownPath) -> dict[str, Any]:
    revision = step.revision
    path = None if revision is None or revision.path is None else shown_path(revision.path)
    return {
        "direction": step.direction,
        "revision": None if revision is None else revision.id,
        "down_revision": [] if revision is None else list(revision.parents),
        "message": "" if revision is None else revision.message,
        "path": path,
        "source": step.source,
        "heads_after": list(step.heads_after),
    }
