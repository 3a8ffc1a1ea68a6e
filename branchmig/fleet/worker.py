"""What a worker process does for one target of a fleet: looks, or moves it. One at a time: alembic is one per process.

It keeps the graph, the plan of each state and the compiled scripts between targets. env.py, its Config and the modules
of the scripts are made again for each: what one target left in them is not for the next.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from itertools import count
from pathlib import Path
from types import CodeType, ModuleType

from alembic.runtime.migration import MigrationContext

from branchmig.database.journal.ahead import beyond_checkout
from branchmig.database.journal.journal import ledger_of
from branchmig.database.run.interrupted_steps import left_behind
from branchmig.database.run.interruption import at_work, heed_coordinator
from branchmig.database.run.retryable_errors import is_transient
from branchmig.database.run.runner import run_plans
from branchmig.errors import AnswerIsNo, BranchmigError, RevisionFileError, TimedOut
from branchmig.fleet.goal import remaining
from branchmig.fleet.reports import MoveResult, Observation, Rows
from branchmig.fleet.sources import resolved
from branchmig.fleet.target_environment import TargetEnvironment, Visit
from branchmig.fleet.targets import Address
from branchmig.fleet.tasks import RunContext, Task
from branchmig.fleet.visit_errors import broken_off, failure_of, may_go_better, outcome_of_visit
from branchmig.model import Plan
from branchmig.planning.journal_state import Ledger
from branchmig.project.project import Project

OpenProject = Callable[[RunContext], Project]

_at_work = threading.Lock()


def look(shared: RunContext, task: Task, open_project: OpenProject) -> Observation:
    """Return where a target is; nothing is written, not even the version table. Raises nothing of the target's.

    `open_project` is called once for each run.
    """
    with _session(shared, open_project) as session, at_work():
        return session.look(task)


def move(shared: RunContext, task: Task, open_project: OpenProject) -> MoveResult:
    """Bring a target to the goal of its run and say how that ended. Raises nothing of the target's."""
    with _session(shared, open_project) as session, at_work():
        return session.move(task)


def cancel(key: str, name: str) -> None:
    """Cancel what this process does for a target of a run, from another thread of it."""
    for session in _kept:
        environment = session.at_work
        if session.shared.key == key and environment is not None and environment.target == name:
            for listener in environment.interruptions:
                listener.break_off("the coordinator")


def serve(is_alive: Callable[[], object]) -> None:
    """Set this process up as a worker: it heeds its coordinator, and ends when that does; not amid a target.

    `is_alive` returns when the coordinator is gone.
    """
    heed_coordinator()

    def wait() -> None:
        is_alive()
        with _at_work:
            os._exit(1)

    threading.Thread(target=wait, daemon=True, name="branchmig-fleet").start()


class WorkerSession:
    """What a worker keeps for as long as it serves one run."""

    def __init__(self, shared: RunContext, open_project: OpenProject) -> None:
        if os.path.isdir(shared.folder):
            os.chdir(shared.folder)  # prepend_sys_path = . and relative paths in env.py mean the project's folder
        self.shared = shared
        self.project = open_project(shared)
        self._codes: dict[str, CodeType] = {}
        self._plans: dict[tuple[Rows, tuple[str | None, ...]], Plan] = {}
        self.at_work: TargetEnvironment | None = None

    def look(self, task: Task) -> Observation:
        """Return where a target is."""
        began = time.perf_counter()
        visit, rows = Visit(), []
        skipped: set[str] = set()
        ahead: list[tuple[Rows, Rows]] = []
        interrupted: list[str] = []
        secrets: Sequence[str] = ()

        def note(found: tuple[str, ...], context: MigrationContext) -> None:
            rows.append(tuple(sorted(str(row) for row in found)))
            if self.shared.goal is not None and self.shared.goal.allows_ahead:
                beyond = beyond_checkout(context, self.project, found)
                ahead.extend([(rows[-1], beyond)] if beyond else [])
            ledger = self._ledger(context, rows[-1])
            if ledger is not None:
                skipped.update(ledger.skipped)
                interrupted.extend(step.revision for step in left_behind(context, ledger))

        try:
            address = resolved(task.target)  # its secrets are read here: they do not travel
            secrets = address.secrets
            self._environment(address, visit, task).ask(note, [visit])
        except (BranchmigError, SystemExit, KeyboardInterrupt) as error:
            cause = broken_off(error, task, began)
            return Observation(
                task.target.name,
                failure=failure_of(cause, secrets),
                outcome=outcome_of_visit(cause, visit),
                is_transient=is_transient(cause),
                seconds=_since(began),
            )
        return Observation(
            task.target.name,
            tuple(visit.identities),
            tuple(visit.places),
            tuple(file_identity(identity) for identity in visit.identities),
            tuple(rows),
            tuple(sorted(skipped)),
            tuple(interrupted),
            tuple(ahead),
            seconds=_since(began),
        )

    def _ledger(self, context: MigrationContext, rows: Rows) -> Ledger | None:
        """Return what the journal knows, where one is kept."""
        if not self.project.config.settings.journal or any(row not in self.project.dag for row in rows):
            return None
        return ledger_of(context, self.project, rows)

    def move(self, task: Task) -> MoveResult:
        """Bring a target to the goal and say how that ended."""
        began = time.perf_counter()
        visit = Visit(expected=task.identities)
        secrets: Sequence[str] = ()
        try:
            address = resolved(task.target)
            secrets = address.secrets
            plans = self._run(task, address, visit)
        except (BranchmigError, SystemExit, KeyboardInterrupt) as error:
            cause = broken_off(error, task, began)
            after = self._rows_after(task) if visit.identities or isinstance(error, AnswerIsNo) else ()
            return MoveResult(
                task.target.name,
                outcome_of_visit(cause, visit),
                after,
                visit.steps_to(after),
                failure_of(cause, secrets),
                may_go_better(cause, visit),
                _since(began),
            )
        steps = sum(len(plan.steps) for plan in plans)
        after = tuple(plan.heads_after for plan in plans)
        return MoveResult(task.target.name, "done" if steps else "nothing to do", after, steps, seconds=_since(began))

    def _rows_after(self, task: Task) -> tuple[Rows, ...]:
        """Return the rows of a target that did not come to the goal; none where they cannot be read."""
        try:
            return self.look(task).rows
        except KeyboardInterrupt:
            return ()

    def _run(self, task: Task, address: Address, visit: Visit) -> list[Plan]:
        goal = self.shared.goal
        assert goal is not None
        ends = None if task.timeout is None else time.monotonic() + task.timeout

        def make_plan(rows: Sequence[str | None]) -> Plan:
            number = len(visit.identities) - 1
            visit.plans[number] = plan = self._steps_left(task, number, rows)
            return plan

        def announce(number: int, total: int, text: str) -> None:
            # Between two steps nothing is half done.
            if ends is not None and time.monotonic() > ends:
                raise TimedOut(f"it took longer than {task.timeout:g} s: step {number} of {total} was not begun")

        if goal.command == "upgrade" and self.project.config.settings.checks:
            self._refuse_rows(address, task)
        environment = self.at_work = self._environment(address, visit, task)
        try:
            return run_plans(environment, make_plan, announce, destination_rev=environment.destination, tag=goal.tag)
        finally:
            self.at_work = None

    def _refuse_rows(self, address: Address, task: Task) -> None:
        """Raise AnswerIsNo where rows of a target are in the way of its steps."""
        from branchmig.database.row_checks import check_rows, refuse_violations

        numbers = count()
        environment = self._environment(address, Visit(), task)
        checked = check_rows(
            environment,
            lambda rows: self._steps_left(task, next(numbers), rows),
            self.project.config.settings.check_timeout,
        )
        refuse_violations(checked, "settle these rows there first, then go on with --resume")

    def _steps_left(self, task: Task, number: int, rows: Sequence[str | None]) -> Plan:
        """Return the steps that are left for the version table that env.py opens as its `number`th."""
        if tuple(sorted(map(str, rows))) in task.ahead:
            return Plan(tuple(sorted(map(str, rows))))
        return self._plan(task.seen[number] if number < len(task.seen) else (), tuple(rows))

    def _plan(self, seen: Rows, rows: tuple[str | None, ...]) -> Plan:
        """Return the steps that are left; made once for each state that targets are in."""
        assert self.shared.goal is not None
        key = (seen, tuple(sorted(rows, key=str)))
        if key not in self._plans:
            self._plans[key] = remaining(self.project.dag, self.shared.goal, seen, rows)
        return self._plans[key]

    def module(self, path: Path) -> ModuleType:
        """Execute a revision file, compiled once. Raises RevisionFileError for one that changed since the run began."""
        name = str(path)
        if name not in self._codes:
            source = path.read_bytes()
            if hashlib.sha256(source).hexdigest() != self.shared.digests.get(name):
                raise RevisionFileError(
                    f"{self.project.shown_path(name)} is not what it was when the run began",
                    "every target gets the same scripts: end the run, then go on with --resume",
                )
            self._codes[name] = compile(source, name, "exec", dont_inherit=True)
        spec = importlib.util.spec_from_file_location(re.sub(r"\W", "_", path.name), path)
        assert isinstance(spec, ModuleSpec)
        module = importlib.util.module_from_spec(spec)
        exec(self._codes[name], module.__dict__)
        return module

    def _environment(self, address: Address, visit: Visit, task: Task) -> TargetEnvironment:
        return TargetEnvironment(self.shared, self.project, self.module, address, visit, task.target.name)


@contextmanager
def _session(shared: RunContext, open_project: OpenProject) -> Iterator[WorkerSession]:
    """Give the session of a run, with nothing else at work in this process."""
    with _at_work:
        if not _kept or _kept[0].shared.key != shared.key:
            _kept[:] = [WorkerSession(shared, open_project)]
        yield _kept[0]


_kept: list[WorkerSession] = []


def file_identity(identity: str) -> str:
    """Return what is the same for all names of one SQLite file, and what distinguishes its version tables.

    Where there is no file yet, no link can lead to it.
    """
    if not identity.startswith("sqlite|"):
        return identity
    kind, server, rest = identity.split("|", 2)
    path, _, table = rest.rpartition("|")
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return identity
    return f"{kind}|{server}|{found.st_dev}:{found.st_ino}|{table}"


def _since(began: float) -> float:
    return round(time.perf_counter() - began, 6)
