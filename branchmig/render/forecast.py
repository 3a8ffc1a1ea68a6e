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
    for one in outcomes:
        yield f"  {one.branches[0]}: {_state(one, allowed)}"
        action = None if one.is_fine(allowed) else _action(one, target)
        if action is not None:
            yield f"      {action}"
    if idle:
        yield f"  {len(idle)} other branch{'es' if len(idle) > 1 else ''} without new revisions"
    if pairs:
        yield ""
        yield "each lands alone, both do not:"
        # Those in conflict need more than a merge revision.
        for pair in sorted(pairs, key=lambda one: not one.conflicts)[:MOST_PAIRS]:
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
        "branches": [_entry(one, allowed) | {"action": _action(one, target)} for one in outcomes],
        "unchanged": list(idle),
        "pairs": [_entry(one, allowed) for one in pairs],
    }


def _entry(one: Outcome, allowed: int) -> dict[str, Any]:
    names = {"branch": one.branches[0]} if len(one.branches) == 1 else {"branches": list(one.branches)}
    return {
        **names,
        "ok": one.is_fine(allowed),
        "heads": list(one.heads),
        "duplicates": list(one.duplicates),
        "missing": list(one.missing),
        "unreadable": list(one.unreadable),
        "deleted": list(one.deleted),
        "rewritten": list(one.rewritten),
        "not_linear": list(one.bent),
        "broken": list(one.broken),
        "merge_conflicts": list(one.merge_conflicts),
        "conflicts": list(one.conflicts),
        "reason": one.reason or None,
    }


def _state(one: Outcome, allowed: int) -> str:
    if one.reason:
        return f"cannot tell: {one.reason}"
    parts = []
    if one.has_too_many_heads(allowed):
        heads = one.crowded or one.heads
        parts.append(f"{len(heads)} heads: {', '.join(heads)}")
    if one.duplicates:
        parts.append(f"defined twice: {', '.join(one.duplicates)}")
    if one.missing:
        parts.append(f"parents missing: {', '.join(one.missing)}")
    if one.unreadable:
        parts.append(f"cannot be read: {', '.join(one.unreadable)}")
    if one.deleted:
        parts.append(f"deleted: {', '.join(one.deleted)}")
    if one.rewritten:
        parts.append(f"rewritten: {', '.join(one.rewritten)}")
    if one.bent:
        parts.append(f"not one line: {', '.join(one.bent)}")
    parts += [*one.broken, *one.merge_conflicts]
    if one.conflicts:
        parts.append(f"in conflict over {', '.join(one.conflicts)}")
    return "; ".join(parts) or f"ok, head {', '.join(one.heads)}"


def _action(one: Outcome, target: str) -> str | None:
    branch = in_shell(one.branches[0])
    if one.reason:
        return None
    if one.deleted or one.rewritten:
        return (
            f"restore them there, and write a new revision: branchmig guard --at {branch} --target {in_shell(target)}"
        )
    if one.broken:
        return f"correct it there: branchmig guard --at {in_shell(target)} --merged-with {branch}"
    if one.unreadable or one.missing or one.merge_conflicts:
        return f"git merge {in_shell(target)} there, and resolve what is in conflict"
    if one.duplicates:
        return "give one of the two revisions another id, and rename its file"
    if one.conflicts:
        return f"change one of the two: branchmig conflicts {in_shell(target)} --merged-with {branch}"
    if one.bent:
        return f"there: git merge {in_shell(target)} && branchmig rebase"
    if len(one.heads) > 1:
        return f"there: git merge {in_shell(target)} && branchmig merge"
    return None
