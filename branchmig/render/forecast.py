"""What would be if branches landed, as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from branchmig.revisions.escaping import in_shell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from branchmig.dag import RevisionDag
    from branchmig.planning.forecast import Outcome

MOST_PAIRS = 20
"""Pairs that are named in text; JSON names all."""


def forecast_lines(
    dag: RevisionDag,
    allowed: int,
    *,
    target: str,
    outcomes: Sequence[Outcome],
    pairs: Sequence[Outcome],
    idle: Sequence[str],
) -> Iterator[str]:
    """One line for each branch that changes the graph, then the pairs that cannot both land."""
    yield f"into {target} (head {', '.join(dag.heads()) or 'none'}):"
    for outcome in outcomes:
        yield f"  {outcome.branches[0]}: {_state(outcome, allowed)}"
        action = None if outcome.is_fine(allowed) else _action(outcome, target)
        if action is not None:
            yield f"      {action}"
    if idle:
        yield f"  {len(idle)} other branch{'es' if len(idle) > 1 else ''} without new revisions"
    if pairs:
        yield ""
        yield "each lands alone, both do not:"
        # Those in conflict need more than a merge revision.
        for pair in sorted(pairs, key=lambda each_outcome: not each_outcome.conflicts)[:MOST_PAIRS]:
            yield f"  {pair.branches[0]} + {pair.branches[1]}: {_state(pair, allowed)}"
        if len(pairs) > MOST_PAIRS:
            yield f"  and {len(pairs) - MOST_PAIRS} more pairs; --format json names all"
        yield f"  land one, then on the other: git merge {in_shell(target)} && branchmig merge"


def forecast_document(
    dag: RevisionDag,
    allowed: int,
    *,
    target: str,
    outcomes: Sequence[Outcome],
    pairs: Sequence[Outcome],
    idle: Sequence[str],
) -> dict[str, Any]:
    """The same, whole."""
    return {
        "version": 1,
        "into": target,
        "heads": list(dag.heads()),
        "branches": [_entry(outcome, allowed) | {"action": _action(outcome, target)} for outcome in outcomes],
        "unchanged": list(idle),
        "pairs": [_entry(outcome, allowed) for outcome in pairs],
    }


def _entry(outcome: Outcome, allowed: int) -> dict[str, Any]:
    names = {"branch": outcome.branches[0]} if len(outcome.branches) == 1 else {"branches": list(outcome.branches)}
    return {
        **names,
        "ok": outcome.is_fine(allowed),
        "heads": list(outcome.heads),
        "duplicates": list(outcome.duplicates),
        "missing": list(outcome.missing),
        "unreadable": list(outcome.unreadable),
        "deleted": list(outcome.deleted),
        "rewritten": list(outcome.rewritten),
        "not_linear": list(outcome.bent),
        "broken": list(outcome.broken),
        "merge_conflicts": list(outcome.merge_conflicts),
        "conflicts": list(outcome.conflicts),
        "reason": outcome.reason or None,
    }


def _state(outcome: Outcome, allowed: int) -> str:
    if outcome.reason:
        return f"cannot tell: {outcome.reason}"
    parts = []
    # Where a file cannot be read, nobody knows which heads there are, and which parents are missing.
    if outcome.has_too_many_heads(allowed) and not outcome.unreadable:
        heads = outcome.crowded or outcome.heads
        parts.append(f"{len(heads)} heads: {', '.join(heads)}")
    if outcome.duplicates:
        parts.append(f"defined twice: {', '.join(outcome.duplicates)}")
    if outcome.missing and not outcome.unreadable:
        parts.append(f"parents missing: {', '.join(outcome.missing)}")
    in_conflict = [path for path in outcome.unreadable if not any(path in words for words in outcome.broken)]
    if in_conflict:
        parts.append(f"cannot be read: {', '.join(in_conflict)}")
    if outcome.deleted:
        parts.append(f"deleted: {', '.join(outcome.deleted)}")
    if outcome.rewritten:
        parts.append(f"rewritten: {', '.join(outcome.rewritten)}")
    if outcome.bent:
        parts.append(f"not one line: {', '.join(outcome.bent)}")
    parts += [*outcome.broken, *outcome.merge_conflicts]
    if outcome.conflicts:
        parts.append(f"in conflict over {', '.join(outcome.conflicts)}")
    return "; ".join(parts) or f"ok, head {', '.join(outcome.heads)}"


def _action(outcome: Outcome, target: str) -> str | None:
    branch = in_shell(outcome.branches[0])
    if outcome.reason:
        return None
    if outcome.deleted or outcome.rewritten:
        return (
            f"restore them there, and write a new revision: branchmig guard --at {branch} --target {in_shell(target)}"
        )
    if outcome.broken and not outcome.merge_conflicts:
        return f"correct it there: branchmig guard --at {in_shell(target)} --merged-with {branch}"
    if outcome.unreadable or outcome.missing or outcome.merge_conflicts:
        return f"git merge {in_shell(target)} there, and resolve what is in conflict"
    if outcome.duplicates:
        return "give one of the two revisions another id, and rename its file"
    if outcome.conflicts:
        return f"change one of the two: branchmig conflicts {in_shell(target)} --merged-with {branch}"
    if outcome.bent:
        return f"there: git merge {in_shell(target)} && branchmig rebase"
    if len(outcome.heads) > 1:
        return f"there: git merge {in_shell(target)} && branchmig merge"
    return None
