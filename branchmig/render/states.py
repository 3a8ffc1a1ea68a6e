"""States and databases as lines of text, and as the JSON document of `branchmig states`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from branchmig.render.documents import VERSION
from branchmig.render.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from branchmig.workflows.states import Kept


def state_lines(found: Kept) -> Iterator[str]:
    """Each state: key, heads, size, age and uses, and why it is not reusable; then the databases."""
    now = time.time()
    for state, hits, _ in found.states:
        heads = ", ".join(state.heads) or "base"
        age = _age(now - state.made)
        size = f", {_size(state.size)}" if state.content else ", not reusable"
        yield f"{state.key[:10]}  {heads}  ({state.dialect}{size}, made {age} ago, {counted(hits, 'hit')})"
        yield from (f"  {reason}" for reason in state.reasons)
    for made in found.databases:
        yield f"{made.name}  made by fresh {_age(now - made.made)} ago on {made.server}"


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
        }
        for state, hits, used in found.states
    ]
    databases = [
        {"name": made.name, "server": made.server, "made": _moment(made.made), "from_state": made.key or None}
        for made in found.databases
    ]
    return {"version": VERSION, "states": states, "databases": databases}


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _age(seconds: float) -> str:
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            return counted(int(seconds // length), unit)
    return counted(max(0, int(seconds)), "second")


def _size(count: int) -> str:
    for unit, length in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= length:
            return f"{count / length:.1f} {unit}"
    return f"{count} bytes"
