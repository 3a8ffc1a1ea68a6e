"""PURE. A run over a fleet as it is recorded: what it was to do, how far each target came, what a resumed run does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from branchmig.fleet.reports import AT_GOAL, Failure, Observation, Report, Rows

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from branchmig.fleet.goal import Goal
    from branchmig.fleet.tasks import Source

    Value = TypeVar("Value", bound=DataclassInstance)

State = Literal["pending", "begun", "ended"]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run: its id, its goal, where its targets come from. `owner` is the process that carries it out.

    `project` says which checkout's project it is about: the ini file and its section.
    """

    run: str
    goal: Goal
    source: Source
    folder: str
    owner: str
    began: float
    canaries: int = 0
    ended: float | None = None
    reason: str | None = None
    project: str = ""


@dataclass(frozen=True, slots=True)
class TargetRecord:
    """How far a run came with one target.

    `seen` are the rows before its first step, noted before that began: with them a resumed run knows what is left.
    """

    name: str
    group: str
    state: State
    seen: tuple[Rows, ...] | None = None
    identities: tuple[str, ...] = ()
    outcome: str | None = None
    after: tuple[Rows, ...] = ()
    steps: int = 0
    attempts: int = 0
    seconds: float = 0.0
    failure: Failure | None = None
    places: tuple[str, ...] = ()
    address: str | None = None
    other_steps: int = 0

    @property
    def is_done(self) -> bool:
        """Whether a resumed run leaves the target alone."""
        return self.state == "ended" and self.outcome in AT_GOAL

    @property
    def is_begun(self) -> bool:
        """Whether the run has been at work there."""
        return self.state != "pending" and self.attempts > 0

    @property
    def is_uncertain(self) -> bool:
        """Whether work on the target began and no end was noted."""
        return self.state == "begun"

    def report(self) -> Report:
        """Return the recorded end as a report."""
        return Report(
            self.name,
            self.group,
            self.outcome if self.state == "ended" and self.outcome else "not begun",  # type: ignore[arg-type]
            self.seen or (),
            self.after,
            self.steps,
            self.attempts,
            self.seconds,
            self.failure,
            self.identities,
            self.other_steps,
        )


@dataclass(frozen=True, slots=True)
class Resumption:
    """What a resumed run does: `done` targets are only looked at, `uncertain` ones before the others."""

    done: tuple[TargetRecord, ...]
    uncertain: tuple[str, ...]
    others: tuple[str, ...]
    seen: Mapping[str, tuple[Rows, ...]] = field(default_factory=dict)
    steps: Mapping[str, int] = field(default_factory=dict)


def resumption(records: Iterable[TargetRecord]) -> Resumption:
    """Sort the targets of a run that is to go on, in their recorded order."""
    every = list(records)
    return Resumption(
        tuple(record for record in every if record.is_done),
        tuple(record.name for record in every if record.is_uncertain),
        tuple(record.name for record in every if not record.is_done and not record.is_uncertain),
        {record.name: record.seen for record in every if record.seen is not None and not record.is_done},
        {record.name: record.steps for record in every if not record.is_done},
    )


def moved_away(recorded: TargetRecord, address: str | None, sighting: Observation) -> bool:
    """Return whether a target that the run has been to leads to another database now.

    Its server may have been restarted, or have another name: it is another database if neither what distinguishes it
    nor how it is called is as it was. `address` is that of now.
    """
    if sighting.failure is not None:
        return None not in (address, recorded.address) and address != recorded.address and recorded.is_begun
    if not recorded.identities or not sighting.identities:
        return False
    return recorded.identities != sighting.identities and recorded.places != sighting.places


def as_text(value: object) -> str:
    """Return version rows, or a value such as a goal, as a record holds it."""
    return json.dumps(asdict(value) if is_dataclass(value) and not isinstance(value, type) else value)


def from_text(text: str | None) -> Any:
    """Return what as_text() wrote, with tuples for lists; an empty tuple for no text."""
    return _with_tuples(json.loads(text or "[]"))


def restored(kind: type[Value], text: str) -> Value:
    """Return the value of a dataclass that as_text() wrote, without fields that this version does not know."""
    known = {field.name for field in fields(kind)}
    return kind(**{name: value for name, value in from_text(text).items() if name in known})


def _with_tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_with_tuples, value))
    return {name: _with_tuples(item) for name, item in value.items()} if isinstance(value, dict) else value
