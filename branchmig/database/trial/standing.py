"""A database that stands at some revisions, and the state that it is a copy of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import URL

    from branchmig.database.trial.store import State


@dataclass(frozen=True, slots=True)
class Standing:
    """A scratch database, the state that it was made from, the steps that were run, and the state that is kept.

    `reasons` say why none is.
    """

    url: URL
    origin: State | None
    steps_run: int
    state: State | None
    reasons: tuple[str, ...] = ()
