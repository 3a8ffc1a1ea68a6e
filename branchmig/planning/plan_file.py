"""PURE. A reviewed plan as a file holds it, and what has changed since: graph, scripts, or database."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from branchmig.errors import PlanMoved
from branchmig.model import Plan, Revision, Step

Digest = Callable[[Revision], str | None]

VERSION = 1


@dataclass(frozen=True, slots=True)
class ReviewedPlan:
    """What was reviewed: the command with its target, and the plan of each database, or of each target of a fleet."""

    command: str
    target: str
    plans: tuple[Mapping[str, Any], ...]

    def of_target(self, name: str) -> Mapping[str, Any] | None:
        """Return the plan of a fleet's target; None if it was not reviewed."""
        return next((entry for entry in self.plans if name in entry.get("targets", ())), None)


def plan_document(command: str, target: str, plans: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of a file that holds plans."""
    content = {"version": VERSION, "command": command, "target": target, "plans": list(plans)}
    return [json.dumps(content, indent=2, sort_keys=True)]


def entry(plan: Plan, digest: Digest, database: str | None = None, targets: Sequence[str] = ()) -> dict[str, Any]:
    """Return one plan with the digests of its scripts: for a database, or for targets that are at the same rows."""
    found: dict[str, Any] = {"from": list(plan.applied), "steps": [_step(step, digest) for step in plan.steps]}
    if database is not None:
        found["database"] = database
    if targets:
        found["targets"] = list(targets)
    return found


def read_plan(text: str, place: str) -> ReviewedPlan:
    """Return the plans that a file holds. Raises PlanMoved for one that was not written by this version."""
    try:
        data = json.loads(text)
        if data["version"] != VERSION:
            raise KeyError("version")
        return ReviewedPlan(data["command"], data["target"], tuple(dict(plan) for plan in data["plans"]))
    except (ValueError, KeyError, TypeError) as error:
        raise PlanMoved(f"{place} is no file of a plan: {type(error).__name__}", _AGAIN) from error


def refuse_moved(
    reviewed: Mapping[str, Any] | None, plan: Plan, digest: Digest, database: str | None = None, name: str = ""
) -> None:
    """Raise PlanMoved unless a plan, as it would be made now, is the one that was reviewed."""
    what, again = (f"target {name!r}", _AGAIN_IN_FLEET) if name else ("the database", _AGAIN)
    if reviewed is None:
        raise PlanMoved(f"{what} has no plan in the file that was reviewed", again)
    now = entry(plan, digest)
    if None not in (database, reviewed.get("database")) and database != reviewed["database"]:
        raise PlanMoved(f"{what} is another one: {database}, and {reviewed['database']} was reviewed", again)
    if reviewed["from"] != now["from"]:
        raise PlanMoved(f"{what} was at {_rows(reviewed['from'])} and is at {_rows(now['from'])} now", again)
    then, steps = reviewed["steps"], now["steps"]
    if [_place(item) for item in then] != [_place(step) for step in steps]:
        raise PlanMoved(f"the graph has moved: {_ids(then)} was reviewed, and it would be {_ids(steps)} now", again)
    edited = [item["revision"] for item, other in zip(then, steps, strict=True) if item["sha256"] != other["sha256"]]
    if edited:
        raise PlanMoved(f"the scripts of {', '.join(edited)} are not those that were reviewed", again)


_AGAIN = "nothing was run; review a new plan: branchmig upgrade REVISION --plan --out FILE"
_AGAIN_IN_FLEET = "nothing was run; review a new plan: branchmig fleet plan REVISION --out FILE, with the same targets"


def _step(step: Step, digest: Digest) -> dict[str, Any]:
    revision = step.revision
    return {
        "direction": step.direction,
        "revision": None if revision is None else revision.id,
        "heads_after": list(step.heads_after),
        "down_revision": [] if revision is None else [*revision.parents, *revision.depends_on],
        "message": "" if revision is None else revision.message,
        "sha256": None if revision is None else digest(revision),
    }


def _place(step: Mapping[str, Any]) -> tuple[Any, ...]:
    return step["direction"], step["revision"], step["heads_after"], step["down_revision"]


def _rows(rows: Sequence[str]) -> str:
    return ", ".join(rows) or "base"


def _ids(steps: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{entry['direction']} {entry['revision']}" for entry in steps) or "nothing"
