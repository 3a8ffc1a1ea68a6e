"""env.py for one target of a fleet: held to the target, and looked at as it configures itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from alembic.runtime.migration import MigrationContext

from branchmig.database.identity import identity_of
from branchmig.database.run.environment import Environment, Work, silent
from branchmig.database.run.held import held_to, target_url
from branchmig.database.run.interruption import Interruption
from branchmig.database.run.run_listener import RunListener
from branchmig.database.run.transactions import left_as_it_was
from branchmig.errors import EnvironmentFailed, TargetRefused
from branchmig.fleet.goal import distance
from branchmig.fleet.reports import Rows
from branchmig.fleet.targets import Address
from branchmig.fleet.tasks import RunContext
from branchmig.model import Plan, Step
from branchmig.project.project import Project

Load = Callable[[Path], ModuleType]


class Visit(RunListener):
    """Which version tables env.py opened, and how far a visit came; `expected` are those that it may open."""

    def __init__(self, expected: Sequence[str] = ()) -> None:
        self.expected = tuple(expected)
        self.identities: list[str] = []
        self.places: list[str] = []
        self.is_transactional = False
        self.plans: dict[int, Plan] = {}
        self._begun: dict[int, Plan] = {}

    def step_begins(self, context: MigrationContext, step: Step) -> None:
        """Keep the plan whose steps run: it distinguishes this visit's work from that of others."""
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
        with left_as_it_was(context.connection):
            found = identity_of(context)
        number = len(self.identities)
        if self.expected and (number >= len(self.expected) or self.expected[number] != found.instant):
            raise TargetRefused(
                f"env.py is in {found.words} now, and was elsewhere when the run looked; nothing was run there",
                "does env.py choose its database by something else than its config and x arguments?",
            )
        self.identities.append(found.instant)
        self.places.append(found.words)
        self.is_transactional = context.impl.transactional_ddl


class TargetEnvironment(Environment):
    """env.py for one target: held to the target's URL where it has one, and to the place where it was seen."""

    def __init__(
        self, shared: RunContext, project: Project, load: Load, address: Address, visit: Visit, target: str
    ) -> None:
        invocation = replace(shared.invocation, x=(*shared.invocation.x, *address.x))
        command, options, self.destination = words_of_command(shared)
        super().__init__(project, invocation, command, options)
        self._load, self._visit, self.target = load, visit, target
        self.interruptions: list[Interruption] = []
        self._url = None if address.url is None else target_url(address.url)

    def run(
        self,
        work: Work,
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
        """Execute a revision file, compiled once for all targets."""
        return self._load(path) if path.suffix == ".py" else super().load(path)


def words_of_command(shared: RunContext) -> tuple[str, dict[str, Any], Any]:
    """Return what env.py finds of the command in its config, and the destination of alembic's context."""
    goal = shared.goal
    if goal is None:
        return "current", {"check_heads": False, "verbose": False}, None
    common = {"sql": False, "tag": goal.tag}
    if goal.command == "stamp":
        return "stamp", {"revisions": list(goal.targets), "purge": False, **common}, goal.targets
    return goal.command, {"revision": goal.targets[0], **common}, goal.targets[0]
