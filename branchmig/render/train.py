"""The order in which branches can land, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from branchmig.render.forecast import faults

if TYPE_CHECKING:
    from branchmig.planning.train import Turn
    from branchmig.workflows.train import Train


def train_document(train: Train, target: str) -> dict[str, Any]:
    """Return the whole answer."""
    return {
        "version": 1,
        "into": target,
        "order": [
            {"branch": turn.branch, "action": turn.action, "needs": [*_needs(turn, target), *_order(train, turn)]}
            for turn in train.turns
        ],
        "ok": not train.stops,
    }


def train_lines(train: Train, target: str, written: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each branch, in the order in which they can land, then those that cannot."""
    yield f"into {target} (head {', '.join(train.there.dag.heads()) or 'none'}):"
    width = len(str(len(train.turns)))
    landing = [turn for turn in train.turns if turn.action != "stop"]
    for number, turn in enumerate(landing, 1):
        where = f" ({written[turn.branch][:10]})" if turn.branch in written and turn.action != "as-is" else ""
        yield f"  {number:>{width}}. {turn.branch}: {'; '.join(_needs(turn, target)) or 'as it is'}{where}"
        yield from (f"  {'':{width}}  {line}" for line in _order(train, turn))
    if train.stops:
        yield f"cannot land{' beside them' if landing else ''}:"
        for turn in train.stops:
            yield f"  {turn.branch}: {'; '.join(_needs(turn, target))}"
    if not train.turns and not train.idle:
        yield "no branch to land: git has no other branch; for a commit on no branch, name it: branchmig train HEAD"
    if train.idle:
        yield f"{len(train.idle)} other branch{'es' if len(train.idle) > 1 else ''} without new revisions"


def _order(train: Train, turn: Turn) -> Iterator[str]:
    """Yield with which branches that land before it the order matters: databases may run the two either way round."""
    before = [other.branch for other in train.turns[: train.turns.index(turn)] if other.action != "stop"]
    if turn.action == "stop":
        return
    for branch in before:
        objects = train.order.get((branch, turn.branch)) or train.order.get((turn.branch, branch))
        if objects:
            yield f"the order with {branch} matters over {', '.join(objects)}"


def _needs(turn: Turn, target: str) -> list[str]:
    found = [f"merge revision {new.id} joins {' and '.join(new.parents)}" for new in turn.merges]
    found += [f"{move.revision.id} on top of {', '.join(move.parents)}" for move in turn.moves]
    found += [f"collides with {branch} over {', '.join(objects)}" for branch, objects in turn.collides]
    found += [f"needs revision {name}, which does not land" for name in turn.missing]
    found += turn.faults
    if turn.outcome is not None:
        found += faults(turn.outcome, target)
    return found
