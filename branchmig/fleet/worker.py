"""What a worker process does for one target of a fleet: looks, or moves it. One at a time: alembic is one per process.

It keeps the graph, the plan of each state and the compiled scripts between targets. env.py, its Config and the modules
of the scripts are made anew for each: what one target left in them is not for the next.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from branchmig.database.identity import version_table_identity
from branchmig.database.journal.journal import ledger_of
from branchmig.database.run.environment import Environment, silent
from branchmig.database.run.held import held_to, target_url
from branchmig.database.run.interrupted_steps import left_behind
from branchmig.database.run.interruption import Interruption, at_work, heed_coordinator
from branchmig.database.run.retryable_errors import is_of_connecting, is_transient
from branchmig.database.run.run_listener import RunListener
from branchmig.database.run.runner import run_plans
from branchmig.errors import (
    BranchmigError,
    ConfigurationError,
    EnvironmentFailed,
    Interrupted,
    LockLost,
    LockTimeout,
    MigrationFailed,
    OrphanRevision,
    RevisionFileError,
    TargetRefused,
    TimedOut,
)
from branchmig.fleet.goal import distance, remaining
from branchmig.fleet.reports import Failure, MoveResult, Observation
from branchmig.fleet.targets import followed
from branchmig.terminal.known_secrets import without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import CodeType, ModuleType

    from alembic.runtime.migration import MigrationContext

    from branchmig.fleet.reports import Outcome, Rows
    from branchmig.fleet.targets import Address, Target
    from branchmig.fleet.tasks import RunContext, Task
    from branchmig.model import Plan, Step
    from branchmig.planning.journal_state import Ledger
    from branchmig.project.project import Project

    OpenProject = Callable[[RunContext], Project]

_at_work = threading.Lock()


def look(charge: RunContext, task: Task, open_project: OpenProject) -> Observation:
    """Return where a target is; nothing is written, not even the version table. Raises nothing of the target's.

    `open_project` is called once for each charge.
    """
    with _session(charge, open_project) as session, at_work():
        return session.look(task)


def move(charge: RunContext, task: Task, open_project: OpenProject) -> MoveResult:
    """Bring a target to the goal of its run and say how that ended. Raises nothing of the target's."""
    with _session(charge, open_project) as session, at_work():
        return session.move(task)


def cancel(key: str, name: str) -> None:
    """Cancel what this process does for a target of a run, from another thread of it."""
    for session in _kept:
        environment = session.at_work
        if session.charge.key == key and environment is not None and environment.target == name:
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


class _Session:
    """What a worker keeps for as long as it serves one run."""

    def __init__(self, charge: RunContext, open_project: OpenProject) -> None:
        if os.path.isdir(charge.folder):
            os.chdir(charge.folder)  # prepend_sys_path = . and relative paths in env.py mean the project's folder
        self.charge = charge
        self.project = open_project(charge)
        self._codes: dict[str, CodeType] = {}
        self._plans: dict[tuple[Rows, tuple[str | None, ...]], Plan] = {}
        self.at_work: _TargetEnvironment | None = None

    def look(self, task: Task) -> Observation:
        began = time.perf_counter()
        visit, rows = _Visit(), []
        skipped: set[str] = set()
        interrupted: list[str] = []
        secrets: Sequence[str] = ()

        def note(found: tuple[str, ...], context: MigrationContext) -> list[Any]:
            rows.append(tuple(sorted(str(row) for row in found)))
            ledger = self._ledger(context, rows[-1])
            if ledger is not None:
                skipped.update(ledger.skipped)
                interrupted.extend(step.revision for step in left_behind(context, ledger))
            return []

        try:
            address = self._address(task.target)
            secrets = address.secrets
            _TargetEnvironment(self, address, visit, task.target.name).run(note, [visit], dont_mutate=True)
        except (BranchmigError, SystemExit, KeyboardInterrupt) as error:
            cause = _broken_off(error, task, began)
            return Observation(
                task.target.name,
                failure=_failure(cause, secrets),
                outcome=_outcome(cause, visit),
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
            seconds=_since(began),
        )

    def _ledger(self, context: MigrationContext, rows: Rows) -> Ledger | None:
        """Return what the journal knows, where one is kept."""
        if not self.project.config.settings.journal or any(row not in self.project.dag for row in rows):
            return None
        return ledger_of(context, self.project, rows)

    def move(self, task: Task) -> MoveResult:
        began = time.perf_counter()
        visit = _Visit(expected=task.identities)
        secrets: Sequence[str] = ()
        try:
            address = self._address(task.target)
            secrets = address.secrets
            plans = self._run(task, address, visit)
        except (BranchmigError, SystemExit, KeyboardInterrupt) as error:
            cause = _broken_off(error, task, began)
            after = self._rows_after(task) if visit.identities else ()
            return MoveResult(
                task.target.name,
                _outcome(cause, visit),
                after,
                visit.steps_to(after),
                _failure(cause, secrets),
                _may_go_better(cause, visit),
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

    def _run(self, task: Task, address: Address, visit: _Visit) -> list[Plan]:
        goal = self.charge.goal
        assert goal is not None
        ends = None if task.timeout is None else time.monotonic() + task.timeout

        def make_plan(rows: Sequence[str | None]) -> Plan:
            number = len(visit.identities) - 1
            plan = self._plan(task.seen[number] if number < len(task.seen) else (), tuple(rows))
            visit.plans[number] = plan
            return plan

        def announce(number: int, total: int, text: str) -> None:
            # Between two steps nothing is half done.
            if ends is not None and time.monotonic() > ends:
                raise TimedOut(f"it took longer than {task.timeout:g} s: step {number} of {total} was not begun")

        environment = self.at_work = _TargetEnvironment(self, address, visit, task.target.name)
        try:
            return run_plans(environment, make_plan, announce, destination_rev=environment.destination, tag=goal.tag)
        finally:
            self.at_work = None

    def _plan(self, seen: Rows, rows: tuple[str | None, ...]) -> Plan:
        """Return the steps that are left; made once for each state that targets are in."""
        assert self.charge.goal is not None
        key = (seen, tuple(sorted(rows, key=str)))
        if key not in self._plans:
            self._plans[key] = remaining(self.project.dag, self.charge.goal, seen, rows)
        return self._plans[key]

    def module(self, path: Path) -> ModuleType:
        """Execute a revision file, compiled once. Raises RevisionFileError for one that changed since the run began."""
        name = str(path)
        if name not in self._codes:
            source = path.read_bytes()
            if hashlib.sha256(source).hexdigest() != self.charge.digests.get(name):
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

    def _address(self, target: Target) -> Address:
        """Return the target with its secrets, which are read here: they do not travel."""
        try:
            return followed(target, os.environ, lambda path: Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigurationError(
                f"target {target.name!r}: {error.filename} cannot be read: {error.strerror}", "see its url_file"
            ) from error


class _Visit(RunListener):
    """Which version tables env.py opened, and how far a visit came; `expected` are those that it may open."""

    def __init__(self, expected: Sequence[str] = ()) -> None:
        self.expected = tuple(expected)
        self.identities: list[str] = []
        self.places: list[str] = []
        self.is_transactional = False
        self.plans: dict[int, Plan] = {}
        self._begun: dict[int, Plan] = {}

    def step_begins(self, context: MigrationContext, step: Step) -> None:
        """Keep the plan whose steps run: with it, what this visit has done can be told from what others did."""
        number = len(self.identities) - 1
        self._begun.setdefault(number, self.plans[number])

    def steps_to(self, rows: Sequence[Rows]) -> int:
        """Return how many steps this visit has done, where the version tables hold `rows` now."""
        return sum(
            distance(self._begun[number], revision) for number, revision in enumerate(rows) if number in self._begun
        )

    def begin(self) -> None:
        """Forget what env.py opened before: it is run again from its start."""
        self.identities.clear()
        self.places.clear()

    def configured(self, context: MigrationContext) -> None:
        """Look where env.py is before the version table is read, which may create it. Raises TargetRefused."""
        identity, place = self._identity(context)
        number = len(self.identities)
        if self.expected and (number >= len(self.expected) or self.expected[number] != identity):
            raise TargetRefused(
                f"env.py is in {place} now, and was elsewhere when the run looked; nothing was run there",
                "does env.py choose its database by something else than its config and x arguments?",
            )
        self.identities.append(identity)
        self.places.append(place)
        self.is_transactional = context.impl.transactional_ddl

    def _identity(self, context: MigrationContext) -> tuple[str, str]:
        connection = context.connection
        assert connection is not None
        was_within = connection.in_transaction()
        try:
            return version_table_identity(context)
        finally:
            if not was_within:
                connection.rollback()


class _TargetEnvironment(Environment):
    """env.py for one target: held to the target's URL where it has one, and to the place where it was seen."""

    def __init__(self, session: _Session, address: Address, visit: _Visit, target: str) -> None:
        charge = session.charge
        invocation = replace(charge.invocation, x=(*charge.invocation.x, *address.x))
        command, options, self.destination = _words(charge)
        super().__init__(session.project, invocation, command, options)
        self._session, self._visit, self.target = session, visit, target
        self.interruptions: list[Interruption] = []
        self._url = None if address.url is None else target_url(address.url)

    def run(
        self,
        work: Callable[[tuple[str, ...], MigrationContext], Iterable[Any]],
        listeners: Sequence[RunListener] = (),
        **options: Any,
    ) -> int:
        """Run env.py as Environment does. Raises TargetRefused too, and where run_migrations() is never called."""
        self._visit.begin()
        with silent(), held_to(self._url):
            calls = super().run(work, listeners, **options)
        if not calls:
            raise EnvironmentFailed("env.py did not call context.run_migrations(): nothing was run")
        return calls

    def writing_listeners(self) -> list[RunListener]:
        """Return the look at where env.py is, before whatever else hears of it."""
        listeners = [self._visit, *super().writing_listeners()]
        self.interruptions = [listener for listener in listeners if isinstance(listener, Interruption)]
        return listeners

    def load(self, path: Path) -> ModuleType:
        return self._session.module(path) if path.suffix == ".py" else super().load(path)


def _words(charge: RunContext) -> tuple[str, dict[str, Any], Any]:
    """Return what env.py finds of the command in its config, and the destination of alembic's context."""
    goal = charge.goal
    if goal is None:
        return "current", {"check_heads": False, "verbose": False}, None
    common = {"sql": False, "tag": goal.tag}
    if goal.command == "stamp":
        return "stamp", {"revisions": list(goal.targets), "purge": False, **common}, goal.targets
    return goal.command, {"revision": goal.targets[0], **common}, goal.targets[0]


@contextmanager
def _session(charge: RunContext, open_project: OpenProject) -> Iterator[_Session]:
    """Give the session of a run, with nothing else at work in this process."""
    with _at_work:
        if not _kept or _kept[0].charge.key != charge.key:
            _kept[:] = [_Session(charge, open_project)]
        yield _kept[0]


_kept: list[_Session] = []


def _outcome(error: BaseException, visit: _Visit) -> Outcome:
    if isinstance(error, OrphanRevision):
        return "orphan"
    if isinstance(error, TargetRefused):
        return "refused"
    if isinstance(error, TimedOut):
        return "timed out"
    if isinstance(error, Interrupted):
        return "interrupted"
    return "unreachable" if not visit.identities and is_of_connecting(error) else "failed"


def _broken_off(error: BaseException, task: Task, began: float) -> BaseException:
    """Return what a coordinator's signal has come to: the time was over, or somebody pressed Ctrl-C twice."""
    if not isinstance(error, Interrupted | KeyboardInterrupt):
        return error
    found = error if isinstance(error, Interrupted) else Interrupted("interrupted before anything was run", None, [])
    if task.timeout is None or time.perf_counter() - began < task.timeout:
        return found
    return TimedOut(
        f"it took longer than {task.timeout:g} s: {found.message}",
        f"{found.hint}; --timeout SECONDS gives it longer" if found.hint else "--timeout SECONDS gives it longer",
        found.details,
    )


def _may_go_better(error: BaseException, visit: _Visit) -> bool:
    """Return whether to try again: never what a script did, unless the database has undone all of it."""
    if isinstance(error, LockTimeout | LockLost):
        return True  # no step was begun without the lock
    if isinstance(error, MigrationFailed) and not visit.is_transactional:
        return False
    return is_transient(error)


def file_identity(identity: str) -> str:
    """Return what is the same for all names of one SQLite file, and what tells its version tables apart.

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


def _failure(error: BaseException, secrets: Sequence[str]) -> Failure:
    if not isinstance(error, BranchmigError):
        return Failure("environment", without_secrets(f"env.py ended the program: exit code {error}", secrets))
    return Failure(
        error.code,
        without_secrets(error.message, secrets),
        None if error.hint is None else without_secrets(error.hint, secrets),
        tuple(without_secrets(line, secrets) for line in error.details),
    )


def _since(began: float) -> float:
    return round(time.perf_counter() - began, 6)
