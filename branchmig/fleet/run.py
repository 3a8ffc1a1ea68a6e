"""Carries a command out on a fleet: inspects all targets, then upgrades those not at the goal. Writes no screen.

Everything is looked at before anything is written: so two targets that are one database are found in time, each
distinct state is planned once, and what is at the goal is left alone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from branchmig.dag import RevisionDag
from branchmig.errors import ConfigurationError, FleetStopped
from branchmig.fleet.engine import LocalPool, Pool
from branchmig.fleet.goal import Goal
from branchmig.fleet.loop import Interrupts, Loop
from branchmig.fleet.moves import Moving, unseen
from branchmig.fleet.reports import Failure, MoveResult, Observation, first_double
from branchmig.fleet.schedule import Entry, Limits, Schedule, Verdict, stages_of
from branchmig.fleet.sources import resolved
from branchmig.fleet.targets import Target, server_of
from branchmig.fleet.tasks import RunContext, Task
from branchmig.fleet.troubles import Troubles
from branchmig.masking import masked
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.project.worktree import read_file

PROJECTS_OWN = "the project's own"
TO_LOOK, TO_MOVE = 1, 2  # connections that a target takes: env.py's, and that of the lock

LOOK_WITHIN = 60.0  # seconds for one look at a target, where --timeout does not say another time

WORKERS_PER_PROCESSOR = 4  # workers mostly wait: for a server, or for a disk


@dataclass(frozen=True, slots=True)
class Options:
    """How a fleet is worked on: where, how much at once, how carefully."""

    scheduler: str | None = None
    workers: int | None = None
    max_connections: int | None = None
    max_failures: int | None = None
    timeout: float | None = None
    retries: int = 3
    ends: float | None = None
    """When nothing new begins and what runs is cancelled, by the monotonic clock: --max-time."""

    @property
    def time_to_look(self) -> float:
        """Seconds for one look at a target."""
        return LOOK_WITHIN if self.timeout is None else self.timeout

    def limits(self, workers: int, connections: int) -> Limits:
        """Return the limits of a schedule whose targets take so many connections each."""
        targets = None if self.max_connections is None else max(1, self.max_connections // connections)
        return Limits(workers, targets, self.max_failures, self.retries)


class Watcher(Protocol):
    """Listener for the events of a run, as they happen."""

    def phase(self, title: str, total: int) -> None:
        """All later events belong to a phase, of `total` targets."""

    def running(self, names: Sequence[str]) -> None:
        """These targets are being worked on."""

    def seen(self, sighting: Observation) -> None:
        """A target was looked at, for the last time in this phase."""

    def again(self, name: str, failure: Failure | None) -> None:
        """A target will be tried again."""

    def interrupted(self) -> None:
        """Nothing new begins."""


class Fleet:
    """The targets of one command with the workers that go to them."""

    def __init__(
        self,
        project: Project,
        targets: Sequence[Target],
        shared: RunContext,
        options: Options,
        pool: Pool,
        watcher: Watcher,
        interrupts: Interrupts,
        troubles: Troubles,
    ) -> None:
        self.project, self.shared, self.options = project, shared, options
        self.targets = {target.name: target for target in targets}
        self.pool, self.watcher, self._interrupts, self._troubles = pool, watcher, interrupts, troubles
        self._servers = {target.name: _server(target, is_here=options.scheduler is None) for target in targets}
        self.stopped_because: str | None = None

    @property
    def is_interrupted(self) -> bool:
        """Whether Ctrl-C was pressed, or SIGTERM sent."""
        return self._interrupts.count > 0

    def survey(
        self, names: Sequence[str], title: str, known: Mapping[str, tuple[str, str]] | None = None
    ) -> dict[str, Observation]:
        """Look at some targets in their order and return what was found; nothing is written anywhere.

        With `known`, no two targets may be one database: these are the identities of targets that are not looked
        at, each with its name and its place in words. Raises FleetStopped at the first that are, and nothing more
        is looked at.
        """
        schedule = Schedule([self._entry(name, 0) for name in names], self.options.limits(self.pool.size, TO_LOOK))
        search = _Search(self.watcher, schedule, None if known is None else dict(known))
        self.watcher.phase(title, schedule.total)

        seconds = self.options.time_to_look

        def begin(entries: Sequence[Entry]) -> list[Task]:
            return [Task(self.targets[entry.name], timeout=seconds) for entry in entries]

        self._pass(schedule, _look, begin, search.note, seconds)
        if search.double is not None:
            raise search.double
        return {name: search.found[name] for name in names if name in search.found}

    def carry_out(self, moving: Moving, canaries: Sequence[str]) -> None:
        """Move targets that were looked at to the goal, `canaries` before the others."""
        order = [*canaries, *(name for name in self.targets if name not in set(canaries))]
        groups = [self.targets[name].group for name in order]
        stages = dict(zip(order, stages_of(groups, len(canaries)), strict=True))
        left = [self._entry(name, stages[name]) for name in moving.tasks]
        schedule = Schedule(left, self.options.limits(self.pool.size, TO_MOVE), bool(canaries))
        for name in moving.missed:
            schedule.miss(self._entry(name, stages[name]))
        self.watcher.phase(moving.goal.text, schedule.total)

        def begin(entries: Sequence[Entry]) -> list[Task] | None:
            return moving.begin([entry.name for entry in entries])

        def end(entry: Entry, result: object) -> Verdict:
            return moving.end(entry.name, result, schedule)

        self._pass(schedule, _move, begin, end, self.options.timeout)

    def _pass(
        self,
        schedule: Schedule,
        function: Callable[..., Any],
        begin: Callable[[Sequence[Entry]], Sequence[Task] | None],
        end: Callable[[Entry, object], Verdict],
        timeout: float | None,
    ) -> None:
        loop = Loop(self.pool, self._interrupts, self._troubles, timeout, self.options.ends)
        loop.run(schedule, function, begin, end, lambda: self.watcher.running(sorted(schedule.running)))
        self.stopped_because = schedule.stopped_because

    def _entry(self, name: str, stage: int) -> Entry:
        return Entry(name, self._servers[name], stage)


class _Search:
    """What a survey has found so far."""

    def __init__(self, watcher: Watcher, schedule: Schedule, known: dict[str, tuple[str, str]] | None) -> None:
        self._watcher, self._schedule, self._known = watcher, schedule, known
        self.found: dict[str, Observation] = {}
        self.double: FleetStopped | None = None

    def note(self, entry: Entry, result: object) -> Verdict:
        name = entry.name
        sighting = result if isinstance(result, Observation) else unseen(name, result)
        if sighting.is_transient and self._schedule.may_try_again(name):
            self._watcher.again(name, sighting.failure)
            return "again"
        self.found[name] = sighting
        self._compare(sighting)
        self._watcher.seen(sighting)
        return "right" if sighting.failure is None else "wrong"

    def _compare(self, sighting: Observation) -> None:
        if self._known is None:
            return
        double = first_double(self._known, sighting)
        if double is not None and self.double is None:
            self.double = _one_database(double, sighting.name)
            self._schedule.stop("two targets are one database")
        for number, place in enumerate(sighting.places):
            for identity in (sighting.identities[number], *sighting.files[number : number + 1]):
                self._known[identity] = (sighting.name, place)


@contextmanager
def gathered_fleet(
    project: Project,
    targets: Sequence[Target],
    shared: RunContext,
    options: Options,
    watcher: Watcher,
    output: str,
    troubles: Troubles,
) -> Iterator[Fleet]:
    """Give a fleet with its workers, and let these end with the block.

    Raises ConfigurationError for a secret that is not there, and for a Dask cluster that does not answer.
    """
    interrupts = Interrupts(watcher.interrupted, troubles)
    size = options.workers or (None if options.scheduler else WORKERS_PER_PROCESSOR * (os.cpu_count() or 1))
    pool: Pool
    with interrupts.heard():
        if options.scheduler is not None:
            pool = _dask_pool(options.scheduler, size, shared)
        else:
            pool = LocalPool(min(size or 1, len(targets)), shared, output, _prepare)
        with pool:
            yield Fleet(project, targets, shared, options, pool, watcher, interrupts, troubles)


def run_context_of(project: Project, invocation: Invocation, key: str, goal: Goal | None) -> RunContext:
    """Return what the workers need of a project; with a goal, the texts of the scripts are fixed from now on."""
    paths = [revision.path for revision in project.dag if revision.path is not None]
    digests = {} if goal is None else {path: hashlib.sha256(read_file(path)).hexdigest() for path in paths}
    return RunContext(key, os.getcwd(), invocation, tuple(project.dag), digests, goal)


def _dask_pool(scheduler: str, size: int | None, shared: RunContext) -> Pool:
    try:
        from branchmig.fleet.dask_engine import DaskPool
    except ImportError as error:
        raise ConfigurationError(
            "--engine dask needs Dask's distributed, which is not installed", "pip install 'branchmig[dask]'"
        ) from error
    return DaskPool(scheduler, size, shared.key, shared, _cancel)


def _one_database(other: tuple[str, str], name: str) -> FleetStopped:
    first, second = sorted((other[0], name))  # which of the two is looked at first is chance
    return FleetStopped(
        f"targets {first!r} and {second!r} are one database: {other[1]}; nothing was written anywhere",
        "leave one of the two out; if they are to be two: does env.py use what a target gives it: its x arguments, or "
        "sqlalchemy.url of the config?",
    )


def _server(target: Target, *, is_here: bool) -> str:
    """Return the server of a target. Its secrets are looked for now: one that is not there stops all, early."""
    try:
        address = resolved(target)
    except ConfigurationError:
        if is_here:
            raise
        return f"as on the workers: {target.url_env or target.url_file or target.url}"
    return PROJECTS_OWN if address.url is None else server_of(address.url)


def address_mark(target: Target) -> str | None:
    """Return a mark of the address of a target, which does not show it; None where it is not known here.

    The password is left out: it may change.
    """
    try:
        url = resolved(target).url
    except ConfigurationError:
        return None
    return hashlib.sha256("\0".join([masked(url or ""), *target.x]).encode()).hexdigest()[:32]


def _project(shared: RunContext) -> Project:
    """Return the project in a worker: its settings are read there, its graph was sent with the task."""
    config = Project.open(shared.invocation.files).config
    # Pins are for the database that one works on. A thousand tenants' would be a thousand refs that say the same.
    own = Project(replace(config, settings=replace(config.settings, pins=False)))
    return own.with_scripts(RevisionDag(shared.revisions), {})


def _look(shared: RunContext, task: Task) -> Observation:
    from branchmig.fleet.worker import look

    return look(shared, task, _project)


def _move(shared: RunContext, task: Task) -> MoveResult:
    from branchmig.fleet.worker import move

    return move(shared, task, _project)


def _cancel(shared: RunContext, name: str) -> None:
    from branchmig.fleet.worker import cancel

    cancel(shared.key, name)


def _prepare(parent_is_gone: Callable[[], object]) -> None:
    from branchmig.fleet.worker import serve

    serve(parent_is_gone)
