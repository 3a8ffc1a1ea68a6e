"""PURE. The state of each revision, from a journal's entries, the version rows and the graph: how it is applied.

The version rows say what is active: they and all below them, in the graph of today. The journal says what has really
run. Where the two differ, a revision was put below an applied one, was edited, or something else has run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal, get_args

from branchmig.dag import RevisionDag, reached
from branchmig.model import Revision
from branchmig.revisions.fingerprint import git_blob, has_fingerprint

SourceOf = Callable[[Revision], bytes | None]

Event = Literal["upgrade", "downgrade", "stamp", "unstamp", "found", "gone", "accept", "failed"]
"""What an entry says of its revision.

`stamp` and `unstamp` are what a stamp has said, one entry for each revision that it concerns. `found` and `gone` are
what something else than branchmig has done since the entry before. `accept` takes the present script for the one
that was applied. `failed` is a run that left its revision as it was.
"""

EVENTS: tuple[Event, ...] = get_args(Event)
_COMING = frozenset({"upgrade", "stamp", "found", "accept"})

State = Literal["applied", "edited", "skipped", "unknown"]
"""How an active revision is applied.

`applied`: by this very script, or one that does the same. `edited`: by another script, or upon other parents.
`skipped`: never, though one above it is. `unknown`: before there was a journal, or by something else.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a journal; times are UTC without a zone, `duration_ms` is in milliseconds.

    `parents` are the parents and the resolved depends_on that the revision had; None where nobody knew. `rows_after`
    are the version rows that the step left, sorted; None in all but the last of entries that were written together.
    `role` is the database's name for who was connected, `database_id` what the server said of itself, and `in_commit`
    whether the script, as it ran, was in `git_commit`. `clone` is the mark of the git clone that ran the step.
    """

    version_table: str
    revision: str
    direction: str
    started_at: datetime
    duration_ms: int = 0
    git_commit: str | None = None
    git_branch: str | None = None
    blob: str | None = None
    fingerprint: str | None = None
    parents: tuple[str, ...] | None = None
    rows_after: tuple[str, ...] | None = None
    who: str | None = None
    host: str | None = None
    tool: str | None = None
    id: int = 0
    message: str | None = None
    detail: str | None = None
    role: str | None = None
    deployed_by: str | None = None
    database_url: str | None = None
    database_id: str | None = None
    in_commit: bool | None = None
    clone: str | None = None


@dataclass(frozen=True)
class Ledger:
    """One version table's journal brought together with its rows and a graph.

    `rows` may name revisions that the graph lacks. `source_of` gives the present script of a revision; it is asked
    only of revisions whose script can have changed. `excused` are revisions that stand for retired ones: they count as
    applied as they are.
    """

    entries: tuple[Entry, ...]
    rows: tuple[str, ...]
    dag: RevisionDag
    source_of: SourceOf
    excused: frozenset[str] = frozenset()

    @cached_property
    def records(self) -> Mapping[str, Entry]:
        """The last entry of each revision that was applied, and not taken away again, as far as was recorded."""
        found: dict[str, Entry] = {}
        for entry in self.entries:
            if entry.direction in _COMING:
                found[entry.revision] = entry
            elif entry.direction != "failed":
                found.pop(entry.revision, None)
        return found

    @cached_property
    def reverted(self) -> Mapping[str, frozenset[str]]:
        """The revisions that were reverted last, each with those that had been recorded as applied before that."""
        found: dict[str, frozenset[str]] = {}
        before: set[str] = set()
        for entry in self.entries:
            if entry.revision in self.records and entry.direction in _COMING:
                before.add(entry.revision)
            elif entry.direction == "downgrade" and entry.revision not in self.records:
                found[entry.revision] = frozenset(before)
        return found

    @cached_property
    def recorded_rows(self) -> tuple[str, ...]:
        """The version rows as the last entry left them."""
        return next((entry.rows_after for entry in reversed(self.entries) if entry.rows_after is not None), ())

    @property
    def is_complete(self) -> bool:
        """Whether the rows are as the journal left them: nothing else has moved them since."""
        return self.recorded_rows == tuple(sorted(self.rows))

    @cached_property
    def active(self) -> frozenset[str]:
        """The rows and all below them: in the graph, and where it lacks one, by the parents as applied."""
        return self._closure(self.rows)

    @cached_property
    def states(self) -> Mapping[str, State]:
        """The state of every active revision, in upgrade order; those that the graph lacks come last, by id."""
        return {revision_id: self._state(revision_id) for revision_id in self._in_order(self.active)}

    @property
    def skipped(self) -> tuple[str, ...]:
        """Revisions below an applied one that were never applied, in upgrade order."""
        return self._in_state("skipped")

    @property
    def edited(self) -> tuple[str, ...]:
        """Revisions whose script or parents changed since they were applied, in upgrade order."""
        return self._in_state("edited")

    @property
    def unknown(self) -> tuple[str, ...]:
        """Active revisions of which the journal cannot say how they were applied, in upgrade order."""
        return self._in_state("unknown")

    @cached_property
    def beyond(self) -> tuple[str, ...]:
        """Applied revisions that the graph does not show so: it lacks them, or has them no longer below a row."""
        # At base nothing is left: a squash that was reverted has taken away what it replaced, too.
        stale = frozenset(self.records) - self.active if self.rows and self.is_complete else frozenset()
        return tuple(sorted({name for name in self.active if name not in self.dag} | stale))

    @cached_property
    def parents_as_applied(self) -> Mapping[str, tuple[str, ...]]:
        """The parents, and the resolved depends_on, that each recorded revision had when it was applied."""
        return {record: entry.parents for record, entry in self.records.items() if entry.parents is not None}

    def applied_ids(self) -> frozenset[str]:
        """Return what is really applied, as far as can be known: without what was skipped, with what is beyond."""
        return (self.active - self._unrecorded_below).union(self.beyond)

    @property
    def unrecorded(self) -> tuple[str, ...]:
        """Active revisions that something else than branchmig has applied, not recorded yet, in upgrade order."""
        missing = self.active.difference(self.records) - self._unrecorded_below
        return self._in_order(missing)

    @property
    def departed(self) -> tuple[str, ...]:
        """Recorded revisions that something else than branchmig has taken away, sorted."""
        return tuple(sorted(self.records.keys() - self.applied_ids()))

    def change_of(self, revision_id: str) -> str | None:
        """Say what of a recorded revision is not as it was applied; None where it does the same."""
        record = self.records[revision_id]
        if revision_id not in self.dag:
            return None
        now = self.dag.below(revision_id)
        if record.parents is not None and set(record.parents) != set(now):
            return f"its parents became {_listed(now)} (were {_listed(record.parents)})"
        source = None if record.blob is None else self.source_of(self.dag[revision_id])
        if source is None or git_blob(source, record.blob) == record.blob:
            return None
        is_same = has_fingerprint(source, record.fingerprint) if record.fingerprint is not None else None
        return "its script was changed" if is_same is False else None

    @cached_property
    def _unrecorded_below(self) -> frozenset[str]:
        """What was never recorded although the journal was complete when all above it was: nobody has applied it."""
        known = self._closure(self.recorded_rows).intersection(self.dag.order())
        return self.active.difference(self.records, self.excused) & known

    def _state(self, revision_id: str) -> State:
        record = self.records.get(revision_id)
        if record is None:
            return "skipped" if revision_id in self._unrecorded_below else "unknown"
        if record.direction == "found":
            return "unknown"
        return "applied" if revision_id in self.excused or self.change_of(revision_id) is None else "edited"

    def _in_order(self, ids: frozenset[str]) -> tuple[str, ...]:
        known = [revision_id for revision_id in self.dag.order() if revision_id in ids]
        return (*known, *sorted(ids.difference(known)))

    def _in_state(self, state: State) -> tuple[str, ...]:
        return tuple(name for name, its in self.states.items() if its == state)

    def _closure(self, rows: Iterable[str]) -> frozenset[str]:
        """Return some revisions and all below them; where the graph lacks one, its parents as applied lead on."""
        start = frozenset(rows)
        found = reached(start, lambda name: () if name in self.dag else self.parents_as_applied.get(name, ())) | start
        return self.dag.including(name for name in found if name in self.dag) | found


def _listed(ids: Sequence[str]) -> str:
    return ", ".join(ids) or "<base>"
