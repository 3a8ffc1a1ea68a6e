"""States and databases as lines of text, and as the JSON document of `branchmig states`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from branchmig.effects.losses import Losses
from branchmig.model import ShownPath
from branchmig.render.documents import VERSION
from branchmig.render.status import worktree_entry, worktree_line
from branchmig.render.sync import sync_lines
from branchmig.render.text import counted
from branchmig.revisions.escaping import in_shell

if TYPE_CHECKING:
    from branchmig.database.keeping.records import KeptState
    from branchmig.workflows.keeping import Move
    from branchmig.workflows.states import Kept


def state_lines(found: Kept) -> Iterator[str]:
    """Each state: key, heads, size, age and uses, and why it is not reusable; then the databases."""
    now = time.time()
    for state, hits, _ in found.states:
        heads = ", ".join(state.heads) or "base"
        age = age_text(now - state.made)
        size = f", {size_text(state.size)}" if state.content else ", not reusable"
        yield f"{state.key[:10]}  {heads}  ({state.dialect}{size}, made {age} ago, {counted(hits, 'hit')})"
        yield from (f"  {reason}" for reason in state.reasons)
    for _, kept in found.branches:
        branches = ", ".join(kept.branches) or "no branch"
        heads = ", ".join(kept.heads) or "base"
        size, age = size_text(kept.size), age_text(now - kept.made)
        yield f"{kept.name}  {branches} at {heads}  ({kept.kind}, {size}, left {age} ago, {kept.database})"
    for made in found.databases:
        yield f"{made.name}  made by fresh {age_text(now - made.made)} ago on {made.server}"
    yield from map(worktree_line, found.worktrees)


def move_line(move: Move) -> str:
    """`Kept the rows of main (12.4 MB), brought those of feature.`"""
    if move.how == "make":
        source = "the shared database" if move.original is None else f"the rows of {', '.join(move.original.branches)}"
        return f"This work tree has a database of its own now, a copy of {source}: {move.database.place.shown}"
    assert move.put is not None
    kept = f"Kept the rows of {_owners(move.put)} ({size_text(move.put.size)})"
    if move.original is None:
        return f"{kept}; the database goes on with a copy."
    return f"{kept}, brought {'a copy of ' if move.how.endswith('copy') else ''}those of {_owners(move.original)}."


def planned_move_lines(move: Move, shown_path: ShownPath) -> Iterator[str]:
    """What a switch would do with one database: which rows it keeps and brings, then the steps that follow."""
    shown, original = move.database.place.shown, move.original
    kept = "" if move.put is None else f"keeps the rows of {_owners(move.put)}"
    if move.how == "make":
        source = "it" if original is None else f"the rows of {_owners(original)}"
        yield f"{shown} stays as it is; this work tree gets a database of its own, a copy of {source}"
        yield from _changes(move.database.applied if original is None else original.applied, move.database.wanted)
        return
    if original is None:
        if kept:
            yield f"{shown}: {kept}; the database goes on with a copy"
        for plan in move.database.plans:
            yield from sync_lines(replace(plan, losses=Losses()), {}, shown_path)
        return
    copy = "a copy of " if move.how.endswith("copy") else ""
    age = age_text(time.time() - original.made)
    yield f"{shown}: {kept}, brings {copy}those of {_owners(original)} (at {_at(original.heads)}, left {age} ago)"
    yield from _changes(original.applied, move.database.wanted)


def _changes(applied: Sequence[str], wanted: Sequence[str]) -> Iterator[str]:
    down, up = sorted(set(applied).difference(wanted)), sorted(set(wanted).difference(applied))
    yield from (f"  reverts {', '.join(names)}" for names in [down] if names)
    yield from (f"  applies {', '.join(names)}" for names in [up] if names)


def kept_hint(states: Sequence[KeptState], branch: str) -> str:
    """Say which rows a switch without --keep leaves where they are."""
    state = states[0]
    at = _at(state.heads)
    return f"Rows of {branch} (at {at}) are kept; to bring them back: branchmig switch --keep {in_shell(branch)}"


def _owners(state: KeptState) -> str:
    return ", ".join(state.branches) or "a commit on no branch"


def _at(heads: Sequence[str]) -> str:
    return ", ".join(heads) or "base"


def states_document(found: Kept) -> dict[str, Any]:
    """The states, the one that was used last first, and the databases by name. Sizes are in bytes, times in UTC."""
    states = [
        {
            "key": state.key,
            "heads": list(state.heads),
            "revisions": len(state.scripts),
            "dialect": state.dialect,
            "size": state.size,
            "made": _moment(state.made),
            "used": _moment(used),
            "hits": hits,
            "reusable": bool(state.content),
            "reasons": list(state.reasons),
            "branches": [],
            "kept": False,
        }
        for state, hits, used in found.states
    ] + [
        {
            "key": kept.name,
            "heads": list(kept.heads),
            "revisions": len(kept.applied),
            "dialect": kept.kind,
            "size": kept.size,
            "made": _moment(kept.made),
            "used": _moment(kept.made),
            "hits": 0,
            "reusable": True,
            "reasons": [],
            "branches": list(kept.branches),
            "database": kept.database,
            "kept": True,
        }
        for _, kept in found.branches
    ]
    databases = [
        {"name": made.name, "server": made.server, "made": _moment(made.made), "from_state": made.key or None}
        for made in found.databases
    ]
    worktrees = [worktree_entry(use) for use in found.worktrees]
    return {"version": VERSION, "states": states, "databases": databases, "worktrees": worktrees}


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def age_text(seconds: float) -> str:
    """`2 days`."""
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            return counted(int(seconds // length), unit)
    return counted(max(0, int(seconds)), "second")


def size_text(count: int) -> str:
    """`12.4 MB`."""
    for unit, length in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= length:
            return f"{count / length:.1f} {unit}"
    return f"{count} bytes"
