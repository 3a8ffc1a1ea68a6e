"""Where revisions are tried out: a project's env.py and scripts, run on scratch databases and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL, Connection

from branchmig import terminal
from branchmig.database.connecting import on_connection
from branchmig.database.run.environment import Environment, Work, silent
from branchmig.database.run.held import url_in_config
from branchmig.database.run.readback import ReadBack
from branchmig.database.run.run_listener import RunListener
from branchmig.database.run.runner import run_plans
from branchmig.database.trial.connection_guard import ConnectionGuard
from branchmig.database.trial.redirecting import Redirection
from branchmig.errors import BranchmigError, EnvironmentFailed, MigrationFailed
from branchmig.model import Plan
from branchmig.planning.plan import plan_addition, plan_removal
from branchmig.project.config import Invocation
from branchmig.project.config_facts import configured_url
from branchmig.project.project import Project

if TYPE_CHECKING:
    from branchmig.database.trial.scratch import Scratch
    from branchmig.database.trial.seeding import Seed

Answer = TypeVar("Answer")

ONLY_SQLITE = "no scratch_url: this holds for SQLite only"


class ScratchEnvironment(Environment):
    """env.py with a scratch database in its config, and held to that."""

    def __init__(self, project: Project, invocation: Invocation, guard: ConnectionGuard, url: URL) -> None:
        super().__init__(project, invocation, "upgrade")
        self._guard, self._url = guard, url
        self.version_tables: set[tuple[str | None, str]] = set()
        self.target_metadata: Any = None

    def run(
        self,
        work: Work,
        listeners: Sequence[RunListener] = (),
        **options: Any,
    ) -> int:
        """Run env.py as Environment does; what it prints goes to standard error, what alembic logs nowhere.

        A connection to the database that env.py names, whatever that is, is opened in the scratch database instead.
        Raises EnvironmentFailed where that cannot be done, before a statement is sent anywhere else, and where env.py
        never calls run_migrations().
        """

        def watched(rows: tuple[str, ...], context: MigrationContext) -> Iterable[Any] | None:
            self.version_tables.add((context.version_table_schema, context.version_table))
            self.target_metadata = context.opts.get("target_metadata")
            return work(rows, context)

        redirection = Redirection(self._url, self._guard.kind, self._guard.refuse)
        with (
            url_in_config(self.config, self._url),
            self._guard.watching(),
            redirection.redirecting(),
            silent(),
        ):
            calls = super().run(watched, listeners, **{"destination_rev": "heads", **options})
            # What the run has left is read on a new connection: outside this block, that goes where env.py points.
            for listener in listeners:
                if isinstance(listener, ReadBack):
                    listener.look()
        if not calls:
            raise EnvironmentFailed("env.py did not call context.run_migrations(): nothing was run")
        return calls

    def writing_listeners(self) -> list[RunListener]:
        """Return none: nobody else knows a scratch database, and what was done to it needs no record."""
        return []


class Bench:
    """Runs revisions of one project on scratch databases."""

    def __init__(self, project: Project, invocation: Invocation, scratch: Scratch) -> None:
        self.project, self.invocation, self.scratch = project, invocation, scratch
        self.version_tables: set[tuple[str | None, str]] = set()
        self._others: tuple[str, ...] | None = None
        self._build: Callable[[Collection[str]], URL] | None = None
        # One for all runs: each alone may be short.
        self._progress = terminal.Progress(not invocation.has_notes)

    @property
    def dialect(self) -> str:
        """The kind of database that everything is tried out on."""
        return self.scratch.dialect

    def begin_with(self, build: Callable[[Collection[str]], URL]) -> None:
        """Let `base` call a function, which may begin from kept states."""
        self._build = build

    def base(self, ids: Collection[str]) -> URL:
        """Return a scratch database with the revisions below those on trial.

        Raises MigrationFailed: then nothing is known of them.
        """
        try:
            if self._build is not None:
                return self._build(ids)
            url = self.scratch.create()
            self.upgrade(url, ids)
            return url
        except MigrationFailed as error:
            raise MigrationFailed(
                f"the revisions below do not run on a scratch database ({self.dialect}): {error.message}",
                "scratch_url names a server of the kind that the revisions are written for",
                failing_lines(error),
                error.revision,
            ) from error

    def filled_base(self, ids: Collection[str], seeding: Seed) -> tuple[URL, str]:
        """Return a scratch database as `base` does, with rows, and what it holds. Raises MigrationFailed."""
        url = self.base(ids)
        return url, self.ask(url, lambda connection: seeding.fill(connection, self.version_tables))

    def upgrade(self, url: URL, wanted: Collection[str]) -> None:
        """Apply some revisions, ids in full, with all below them. Raises MigrationFailed."""
        self._run(url, lambda rows: plan_addition(self.project.dag, wanted, rows))

    def suit(self, url: URL, defaults: tuple[str, str] | None) -> None:
        """Give a database another's defaults, character set and collation: MariaDB writes tables by them."""
        if defaults is not None:
            statement = f"ALTER DATABASE {url.database} CHARACTER SET {defaults[0]} COLLATE {defaults[1]}"
            self.ask(url, lambda connection: connection.exec_driver_sql(statement))

    def upgrade_each(self, url: URL, calls: Sequence[Collection[str]]) -> None:
        """Apply some revisions in each run_migrations() of env.py. Raises MigrationFailed."""
        waiting = iter(calls)
        self._run(url, lambda rows: plan_addition(self.project.dag, next(waiting), rows))

    def downgrade(self, url: URL, unwanted: Collection[str]) -> None:
        """Revert some revisions with all that depends on them. Raises MigrationFailed."""
        self._run(url, lambda rows: plan_removal(self.project.dag, unwanted, rows))

    def environment(self, url: URL) -> ScratchEnvironment:
        """Return env.py on one of the scratch databases."""
        guard = ConnectionGuard(url, self.dialect, self._other_databases(url))
        return ScratchEnvironment(self.project, self.invocation, guard, url)

    def ask(self, url: URL, question: Callable[[Connection], Answer]) -> Answer:
        """Return what `question` finds on a connection to a scratch database."""
        return on_connection(url, question)

    def _run(self, url: URL, make_plan: Callable[[Sequence[str | None]], Plan]) -> None:
        environment = self.environment(url)
        run_plans(environment, make_plan, self._progress.step)
        self.version_tables |= environment.version_tables

    def _other_databases(self, url: URL) -> tuple[str, ...]:
        """Return the databases that a statement on this server could name: on MySQL, `database.table` is enough."""
        if self.dialect != "mysql":
            return ()
        if self._others is None:
            names = on_connection(url, lambda connection: connection.exec_driver_sql("SHOW DATABASES").scalars().all())
            own = {"information_schema", "performance_schema", *(str(made.database) for made in self.scratch.made)}
            self._others = tuple(sorted(set(names) - own))
        return self._others


def refusal_to_be_tried(project: Project, invocation: Invocation) -> BranchmigError | None:
    """Run env.py on an empty scratch database, without a step; return why that cannot be done, if it cannot."""
    from branchmig.database.trial.scratch import scratch_databases

    try:
        with scratch_databases(project.config.settings.scratch_url, configured_url(project.config.files)) as scratch:
            Bench(project, invocation, scratch).environment(scratch.create()).run(lambda *_: None)
    except BranchmigError as error:
        return error
    return None


def failing_lines(error: BranchmigError) -> list[str]:
    """Return where a revision failed, and with which statement: of a scratch database nothing else matters."""
    return [line for line in error.details if line.startswith(("at ", "SQL: "))]


def in_words(error: BranchmigError) -> str:
    """Return how a revision failed on a scratch database, in one line."""
    return "; ".join([error.message, *failing_lines(error)])
