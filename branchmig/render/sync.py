"""The effects of a sync, as text and as a JSON document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from branchmig.model import Plan, ShownPath
from branchmig.render.documents import VERSION, loss_entries, plan_entry, unclear_entries
from branchmig.render.problems import relative
from branchmig.render.text import counted, rows_text, step_text

if TYPE_CHECKING:
    from branchmig.effects.losses import Loss
    from branchmig.workflows.database_sync import SyncPlan


def sync_lines(foreseen: SyncPlan, origins: Mapping[str, str], shown_path: ShownPath) -> Iterator[str]:
    """The plan for one database; `origins` say of a revision that the checkout lacks where it is."""
    database, plan = str(foreseen.identity), foreseen.plan
    if plan.steps:
        goal = rows_text(plan.heads_after)
        yield f"{database}: {counted(len(plan.steps), 'step')}, from {rows_text(plan.applied)} to {goal}"
    elif foreseen.obstacles or foreseen.kept or foreseen.notes:
        yield f"{database} is at {rows_text(plan.applied)}: nothing to do"
    else:
        yield f"{database} is where the checkout is: {rows_text(plan.applied)}."
    for step in plan.steps:
        origin = origins.get(step.revision.id) if step.revision and step.direction == "downgrade" else None
        yield f"  {step_text(step)}{f'  ({origin})' if origin else ''}"
    if foreseen.losses.certain:
        yield f"  destroys {losses_text(foreseen.losses.certain)}"
    for revision, why in foreseen.losses.unclear:
        yield f"  cannot tell all that undoing {revision} destroys: {why}"
    for fact in foreseen.kept:
        yield f"  stays: {fact.revision} {fact.reason}"
    for problem in foreseen.notes:
        yield f"  note: {relative(problem.message, problem, shown_path)}"
        if problem.hint:
            yield f"    -> {problem.hint}"
    yield from _obstacle_lines(foreseen)


def _obstacle_lines(foreseen: SyncPlan) -> Iterator[str]:
    for entry in obstacle_entries(foreseen):
        yield f"  in the way: {entry['message']}"
    for unchecked in foreseen.checked.unchecked if foreseen.checked is not None else ():
        yield f"  cannot tell whether rows are in the way of {unchecked.revision}: {unchecked.reason}"


def obstacle_entries(foreseen: SyncPlan) -> list[dict[str, str]]:
    """What stands in the way of a plan: problems, and rows that break what a pending revision needs."""
    rows = foreseen.checked.violations if foreseen.checked is not None else ()
    problems = [(problem.code, problem.message, problem.hint) for problem in foreseen.obstacles]
    problems += [(violation.code, str(violation), "") for violation in rows]
    return [{"code": code, "message": message, "hint": hint} for code, message, hint in problems]


def outcome_line(plan: Plan) -> str:
    """`Reverted 2 revisions, applied 1; the database is at ae10fc.`"""
    if not plan.steps:
        return f"Nothing to do: the database is at {rows_text(plan.applied)}."
    verbs = {"downgrade": "reverted", "upgrade": "applied"}
    numbers = {verb: sum(step.direction == way for step in plan.steps) for way, verb in verbs.items()}
    first, *others = [f"{verb} {number}" for verb, number in numbers.items() if number] or ["counted the rows again"]
    number = next((number for number in numbers.values() if number), 0)
    noun = "" if not number else " revision" if number == 1 else " revisions"
    done = ", ".join([f"{first}{noun}", *others]).capitalize()
    return f"{done}; the database is at {rows_text(plan.heads_after)}."


def silent_lines(done: Sequence[SyncPlan]) -> list[str]:
    """What a hook prints of databases that it updated: the notes, then a line for each database with what is gone."""
    lines = [note.message for sync in done for note in sync.notes]
    for sync in done:
        lost = f" Gone: {losses_text(sync.losses.certain)}." if sync.losses.certain else ""
        lines.append(f"{outcome_line(sync.plan)}{lost}")
    return lines


def losses_text(losses: Iterable[Loss]) -> str:
    """Return each text once: several revisions may change the rows of one table."""
    return ", ".join(dict.fromkeys(map(_loss_text, losses)))


def _loss_text(loss: Loss) -> str:
    """`table gift_cards (12 rows)`, `column users.nick (3 values)`."""
    if loss.rows is None:
        return str(loss)
    if loss.way != "drop":
        return f"{loss} (it has {loss.rows})"
    return f"{loss} ({counted(loss.rows, 'value' if loss.column else 'row')})"


def sync_document(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The plans of all databases."""
    return {"version": VERSION, "databases": list(entries)}


def switch_document(
    leaving: str | None, branch: str | None, databases: Sequence[Mapping[str, Any]], steps: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """From which branch to which (None: a commit on no branch), which states were moved, and what was run."""
    return {"version": VERSION, "from": leaving, "branch": branch, "databases": list(databases), "steps": list(steps)}


def sync_entry(foreseen: SyncPlan, shown_path: ShownPath) -> dict[str, Any]:
    """The plan of one database, what it destroys, what stays, and what stands in its way."""
    losses = foreseen.losses
    return {
        "url": str(foreseen.identity),
        **plan_entry(foreseen.plan, shown_path),
        "destroys": loss_entries(losses),
        "unclear": unclear_entries(losses),
        "kept": [
            {"revision": absent.revision, "state": absent.place, "reason": absent.reason} for absent in foreseen.kept
        ],
        "notes": [
            {"code": problem.code, "message": relative(problem.message, problem, shown_path), "hint": problem.hint}
            for problem in foreseen.notes
        ],
        "obstacles": obstacle_entries(foreseen),
    }
