"""The graph that results if branches land, as text and as JSON."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from branchmig.revisions.escaping import in_shell

if TYPE_CHECKING:
    from branchmig.planning.forecast import Outcome
    from branchmig.workflows.landings import Forecast

MOST_SINGLE = 10
"""Up to so many branches have a line of their own; more are grouped."""

MOST_GROUPS = 10
"""Groups of branches, and of branches that do not land together, that are named in text; JSON names all."""

_MOST_NAMES = 4


def forecast_lines(found: Forecast, target: str) -> Iterator[str]:
    """Yield what the branches do that change the graph, each or in groups, then which cannot land together."""
    yield f"into {target} (head {', '.join(found.dag.heads()) or 'none'}):"
    if len(found.alone) <= MOST_SINGLE:
        for outcome in found.alone:
            yield f"  {outcome.branches[0]}: {_state(outcome, found.allowed)}"
            yield from _action_lines(outcome, found.allowed, target)
    else:
        yield from _grouped(found.alone, found.allowed, target)
    if found.idle:
        yield f"  {len(found.idle)} other branch{'es' if len(found.idle) > 1 else ''} without new revisions"
    if found.pairs:
        yield ""
        yield from _together(found, target)
    yield from _order(found)


def _order(found: Forecast) -> Iterator[str]:
    """Yield the branches that land together and leave other rows in another order."""
    together = {outcome.branches[0] for outcome in found.alone if outcome.is_fine(found.allowed)}
    lines = [
        f"  {' + '.join(names)}: {', '.join(objects)}" for names, objects in found.order.items() if together >= {*names}
    ]
    if lines:
        yield ""
        yield "the order of the two matters; to try both: branchmig conflicts BRANCH --with OTHER --prove"
        yield from lines[:MOST_GROUPS]
        if len(lines) > MOST_GROUPS:
            yield f"  and {len(lines) - MOST_GROUPS} more"


def faults(outcome: Outcome, target: str = "") -> list[str]:
    """Return the problems besides the shape of the graph, each once: consequences of another one are left out.

    With `target`, a conflict names what it is with.
    """
    if outcome.reason:
        return [f"cannot tell: {outcome.reason}"]
    git_words = " ".join(outcome.merge_conflicts)
    explained = " ".join((*outcome.broken, git_words))
    listed = (
        ("cannot be read", [path for path in outcome.unreadable if path not in explained]),
        ("deleted", [name for name in outcome.deleted if name not in git_words]),
        ("rewritten", [name for name in outcome.rewritten if name not in git_words]),
        ("defined twice", () if git_words else outcome.duplicates),
        # Where a file cannot be read, nobody knows which parents are missing.
        ("parents missing", () if outcome.unreadable or git_words else {*outcome.missing}.difference(outcome.deleted)),
    )
    found = [f"{words}: {', '.join(sorted(names))}" for words, names in listed if names]
    found += [*outcome.broken, *outcome.merge_conflicts]
    if outcome.conflicts:
        over = f"over {', '.join(outcome.conflicts)}"
        found.append(f"collides with {target} {over}" if target else f"in conflict {over}")
    return found


def forecast_document(found: Forecast, target: str) -> dict[str, Any]:
    """Return the same, whole."""
    allowed = found.allowed
    return {
        "version": 1,
        "into": target,
        "heads": list(found.dag.heads()),
        "branches": [_entry(outcome, allowed) | {"action": _action(outcome, target)} for outcome in found.alone],
        "unchanged": list(found.idle),
        "pairs": [_entry(outcome, allowed) for outcome in found.pairs],
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
    """Return what an outcome is; several heads only where nothing else is wrong, since then they follow from it."""
    wrong = faults(outcome)
    if wrong:
        return "; ".join(wrong)
    if outcome.bent:
        return f"not one line: {', '.join(outcome.bent)}"
    if outcome.has_too_many_heads(allowed):
        heads = outcome.crowded or outcome.heads
        return f"{len(heads)} heads: {', '.join(heads)}"
    return f"ok, head {', '.join(outcome.heads)}"


def _action_lines(outcome: Outcome, allowed: int, target: str) -> Iterator[str]:
    action = None if outcome.is_fine(allowed) else _action(outcome, target)
    if action is not None:
        yield f"      {action}"


def _grouped(outcomes: Sequence[Outcome], allowed: int, target: str) -> Iterator[str]:
    """Yield a line for each kind of outcome, those that land as they are first, then the largest."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(_kind(outcome, allowed), []).append(outcome)
    ordered = sorted(groups.items(), key=lambda group: (group[0] != "ok", -len(group[1])))
    for kind, group in ordered[:MOST_GROUPS]:
        states = {_state(outcome, allowed) for outcome in group}
        state = kind if len(states) > 1 else states.pop()
        yield f"  {_names([outcome.branches[0] for outcome in group])}: {state}"
        yield from _action_lines(group[0], allowed, target)
    left = sum(len(group) for _, group in ordered[MOST_GROUPS:])
    if left:
        yield f"  and {left} more that cannot land as they are; --format json names all"


def _kind(outcome: Outcome, allowed: int) -> str:
    if outcome.is_fine(allowed):
        return "ok"
    wrong = [words.partition(": ")[0] for words in faults(outcome)]
    return "; ".join(wrong) if wrong else "not one line" if outcome.bent else "several heads"


def _together(found: Forecast, target: str) -> Iterator[str]:
    yield "each lands alone, both do not:"
    lines = [*_colliding(found.pairs), *_beside(found.pairs, found.allowed)]
    yield from lines[:MOST_GROUPS]
    if len(lines) > MOST_GROUPS:
        yield f"  and {len(lines) - MOST_GROUPS} more such groups; --format json names all"
    joining = "rebase" if found.policy == "linear" else "merge"
    yield f"  land one, then on the other: git merge {in_shell(target)} && branchmig {joining}"
    if len({branch for pair in found.pairs for branch in pair.branches}) > 2:
        yield f"  an order for all of them: branchmig train --target {in_shell(target)}"


def _colliding(pairs: Sequence[Outcome]) -> Iterator[str]:
    """Yield a line for each thing that is in conflict, with all that are in conflict over it."""
    over: dict[str, list[tuple[str, ...]]] = {}
    for pair in pairs:
        words = "; ".join(faults(pair))
        if words:
            over.setdefault(words, []).append(pair.branches)
    for words, both in over.items():
        beside = _neighbours(both)
        for group in _connected(beside):
            if all(len(beside[name] & {*group}) == len(group) - 1 for name in group):
                yield f"  {_names(group, ' + ')}: {words}"
            else:
                yield from (f"  {line}: {words}" for line in _stars(group, beside))


def _beside(pairs: Sequence[Outcome], allowed: int) -> Iterator[str]:
    """Yield a line for the branches that only need to be joined, two or more that hang together."""
    only = {pair.branches: pair for pair in pairs if not faults(pair)}
    for group in _connected(_neighbours(only)):
        pair = only.get((group[0], group[-1])) if len(group) == 2 else None
        state = "several heads" if pair is None else _state(pair, allowed)
        yield f"  {_names(group, ' + ')}: {state}"


def _neighbours(both: Collection[tuple[str, ...]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for first, second in both:
        found.setdefault(first, set()).add(second)
        found.setdefault(second, set()).add(first)
    return found


def _connected(beside: dict[str, set[str]]) -> Iterator[list[str]]:
    """Yield the groups that hang together, in the order of their first members; members in order, too."""
    number = {name: at for at, name in enumerate(beside)}
    seen: set[str] = set()
    for name in beside:
        if name in seen:
            continue
        group, waiting = {name}, [name]
        while waiting:
            fresh = beside[waiting.pop()] - group
            group |= fresh
            waiting += fresh
        seen |= group
        yield sorted(group, key=number.__getitem__)


def _stars(group: Sequence[str], beside: dict[str, set[str]]) -> Iterator[str]:
    """Yield each branch with those that it is in conflict with, until every two are named."""
    left = {name: set(beside[name]) for name in group}
    while any(left.values()):
        center = max(group, key=lambda name: len(left[name]))
        others = [name for name in group if name in left[center]]
        for name in others:
            left[name].discard(center)
        left[center] = set()
        yield f"{center} + {'each of ' if len(others) > 1 else ''}{_names(others)}"


def _names(names: Sequence[str], between: str = ", ") -> str:
    shown = between.join(names[:_MOST_NAMES])
    return f"{shown} and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else shown


def _action(outcome: Outcome, target: str) -> str | None:
    branch = in_shell(outcome.branches[0])
    if outcome.reason:
        return None
    if outcome.deleted or outcome.rewritten:
        return (
            f"restore them there, and write a new revision: branchmig guard --at {branch} --target {in_shell(target)}"
        )
    if outcome.broken and not outcome.merge_conflicts:
        return f"correct it there: branchmig guard --at {in_shell(target)} --with {branch}"
    if outcome.unreadable or outcome.missing or outcome.merge_conflicts:
        return f"git merge {in_shell(target)} there, and resolve the conflicts"
    if outcome.duplicates:
        return "give one of the two revisions another id, and rename its file"
    if outcome.conflicts:
        return f"change one of the two: branchmig conflicts {in_shell(target)} --with {branch}"
    if outcome.bent:
        return f"there: git merge {in_shell(target)} && branchmig rebase"
    if len(outcome.heads) > 1:
        return f"there: git merge {in_shell(target)} && branchmig merge"
    return None
