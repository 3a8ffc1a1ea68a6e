"""Where databases are, seen from a squash: past it, in the middle of what it replaced, or below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from branchmig.dag import RevisionDag
from branchmig.model import Revision

State = Literal["past", "middle", "below", "unknown"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One version table: its rows, or why they cannot be known."""

    name: str
    rows: Sequence[str] | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """Where one database is. `rows` are those that say so; `reason` why it is unknown."""

    name: str
    state: State
    rows: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SquashStatus:
    """A squash, the path of its bundle if there is one, and the databases that were asked."""

    squash: Revision
    bundle: str
    databases: tuple[DatabaseStatus, ...]

    @property
    def is_in_use(self) -> bool:
        """Whether a database still needs the old scripts."""
        return any(database.state == "middle" for database in self.databases)

    @property
    def is_unknown(self) -> bool:
        """Whether one is unknown."""
        return any(database.state == "unknown" for database in self.databases)

    @property
    def may_go(self) -> bool:
        """Whether all that were asked can do without the old scripts, as far as all are known."""
        return not self.is_in_use and not self.is_unknown


def status_of(dag: RevisionDag, squash: Revision, asked: Asked) -> DatabaseStatus:
    """Return where a database is: `past`, in the `middle`, `below` (it will run the squash itself), or `unknown`."""
    if asked.rows is None:
        return DatabaseStatus(asked.name, "unknown", (), asked.error)
    rows = tuple(sorted(map(str, asked.rows)))
    known = [row for row in rows if row in dag]
    if squash.id in dag.ancestors(known).union(known):
        return DatabaseStatus(asked.name, "past", rows)
    if within := tuple(row for row in rows if row in squash.replaces):
        return DatabaseStatus(asked.name, "middle", within)
    # A row within another squash says where the database is, too: revisions above that are not applied.
    others = [revision for revision in dag if revision.replaces]
    lost = [row for row in rows if row not in dag and not any(row in other.replaces for other in others)]
    if lost:
        return DatabaseStatus(asked.name, "unknown", rows, f"this checkout does not have {', '.join(lost)}")
    return DatabaseStatus(asked.name, "below", rows)
