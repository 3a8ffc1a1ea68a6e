"""The user's env.py, run unchanged with a function of ours in the place of alembic's plan.

The seam is alembic's documented one: `EnvironmentContext(config, script, fn=…)`, then `script.run_env()`.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from configparser import InterpolationError
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout, suppress
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import alembic.command
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext

from branchmig import terminal
from branchmig.database.journal.own_tables import OwnTablesHidden
from branchmig.database.keeping.worktrees import own_databases
from branchmig.database.run import failures
from branchmig.database.run.held import url_of_target
from branchmig.database.run.own_connections import OwnConnections, connected_to
from branchmig.database.run.quiet import console_spared, safe_log, without_log
from branchmig.database.run.run_listener import RunListener, listen
from branchmig.database.run.scripts import ProjectScripts, load_module
from branchmig.errors import (
    AheadOfCheckout,
    BranchmigError,
    GitError,
    LocationsMoved,
    OrphanRevision,
    RevisionGraphError,
)
from branchmig.model import Location
from branchmig.planning.undoing import Absent
from branchmig.project.config import Invocation, no_percent_name
from branchmig.project.config_texts import content_of, parsed_ini
from branchmig.project.import_path import open_to_project
from branchmig.project.project import Project
from branchmig.terminal import standard_streams

Work = Callable[[tuple[str, ...], MigrationContext], Iterable[Any] | None]
"""What one run_migrations() of env.py does: of its version rows and context; returns steps to run, if any."""
Found = TypeVar("Found")

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "current": {"check_heads": False, "verbose": False},
    "downgrade": {"revision": "", "sql": False, "tag": None},
    "stamp": {"revisions": [], "sql": False, "tag": None, "purge": False},
    "upgrade": {"revision": "heads", "sql": False, "tag": None},
}
"""What env.py finds in `config.cmd_opts` where a command of alembic is run that nobody typed."""


class Environment:
    """A project's env.py with the options that one command was given; those left out are as DEFAULTS has them."""

    def __init__(
        self, project: Project, invocation: Invocation, command: str, options: Mapping[str, Any] | None = None
    ) -> None:
        self.project, self.command, self._has_notes = project, command, invocation.has_notes
        self.is_typed, self._keeps_log = invocation.is_typed, invocation.keeps_log
        self.config = alembic_config(invocation, command, {**DEFAULTS.get(command, {}), **(options or {})})
        self._own = own_databases(project.config.script_location)
        open_to_project(project.config.import_path)
        with failures.translated("the configuration"):
            self.scripts = ProjectScripts(self.config, project)
        self._given_locations = _absolute(
            self.scripts.version_locations or [os.path.join(self.scripts.dir, "versions")]
        )
        self.script_arguments: dict[str, Any] = {}
        """What env.py gave to run_migrations() last: the arguments of every upgrade() and downgrade()."""
        self.typed_start: str | None = None
        """The start of a range as it was typed, which is what alembic's env.py is given, unresolved."""
        self.settled: str | None = None
        """The unfinished step that a run of this settles; any other one stops it."""
        self.context: MigrationContext | None = None
        """The context whose run_migrations() runs, or ran last: what a plan may be made from, beside the rows."""

    def run(
        self,
        work: Work,
        listeners: Sequence[RunListener] = (),
        **options: Any,
    ) -> int:
        """Run env.py; each of its run_migrations() calls `work(rows, context)` and runs the steps that it returns.

        Returns how often env.py called run_migrations(). `options` are those of alembic's EnvironmentContext
        (as_sql, starting_rev, tag, dont_mutate, …). What env.py raises comes out as EnvironmentFailed, a
        BranchmigError as it is.
        """
        calls: list[MigrationContext] = []

        def counted(rows: tuple[str, ...], context: MigrationContext) -> Iterator[Any]:
            calls.append(context)
            self.context = context
            self._follow_locations()
            try:
                yield from work(rows, context) or ()
            except OrphanRevision as error:
                raise self._perhaps_ahead(error, rows, context) from error

        # The context logs and prints to standard output, as env.py's own prints do: keep their order.
        sys.stdout.flush()
        try:
            with self._opened(counted, listeners, options):
                self.scripts.run_env()
        except OrphanRevision as error:
            raise self._located(error) from error
        if not calls:
            terminal.warning("env.py did not call context.run_migrations(): nothing was run")
        return len(calls)

    @contextmanager
    def _opened(self, work: Work, listeners: Sequence[RunListener], options: Mapping[str, Any]) -> Iterator[None]:
        """Make alembic's context ready for env.py, which runs within the block."""
        with (
            failures.translated(f"{self.scripts.dir}/env.py", self.project.shown_path),
            EnvironmentContext(self.config, self.scripts, fn=work, **options) as context,
            self._values_kept_secret(),
            connected_to(self._own),
            url_of_target(self.config),
            safe_log() if self.is_typed else nullcontext(),
            self._log_on_console(),
        ):
            listen(context, [OwnTablesHidden(), *self._connections(), *listeners])
            self._keep_arguments(context)
            if (typed := self.typed_start) is not None:
                given: Any = context
                given.get_starting_revision_argument = lambda: self.scripts.as_revision_number(typed)
            yield

    def ask(
        self,
        question: Callable[[tuple[str, ...], MigrationContext], Found],
        listeners: Sequence[RunListener] = (),
        **options: Any,
    ) -> list[Found]:
        """Run env.py without a step and return the answers of `question(rows, context)`; alembic writes nothing."""
        found: list[Found] = []
        self.run(
            lambda rows, context: found.append(question(rows, context)), listeners, **{"dont_mutate": True, **options}
        )
        return found

    def _log_on_console(self) -> AbstractContextManager[None]:
        """Keep alembic's log off the console where it is not wanted; on a terminal, progress takes its place."""
        if not self._keeps_log:
            return console_spared()
        return console_spared(has_steps_alone=True) if self.is_typed and sys.stderr.isatty() else nullcontext()

    def _keep_arguments(self, context: EnvironmentContext) -> None:
        run_migrations = context.run_migrations

        def kept(**arguments: Any) -> None:
            self.script_arguments = arguments
            run_migrations(**arguments)

        context.run_migrations = kept  # type: ignore[method-assign]

    def _follow_locations(self) -> None:
        """Raise LocationsMoved if env.py has set `context.script.version_locations` to others than are planned over."""
        found = _absolute(self.scripts.version_locations or [os.path.join(self.scripts.dir, "versions")])
        own = tuple(os.path.realpath(path) for path in self.project.config.version_locations)
        if found not in (self._given_locations, own):
            raise LocationsMoved(found)

    def _connections(self) -> list[RunListener]:
        return [OwnConnections(self._own)] if self._own else []

    def writing_listeners(self) -> list[RunListener]:
        """Return new listeners for one command that writes to the databases of this env.py."""
        from branchmig.database.run.run_listeners import listeners_of

        standard_streams.count_the_work()
        return [
            *self._connections(),
            *listeners_of(self.project, self.command, self.settled, has_notes=self._has_notes),
        ]

    def load(self, path: Path) -> ModuleType:
        """Execute a revision file and return its module. Raises whatever the file raises."""
        return load_module(path)

    def _perhaps_ahead(self, error: OrphanRevision, rows: tuple[str, ...], context: MigrationContext) -> OrphanRevision:
        """Return the error; with another way out where the journal shows that the database is only ahead."""
        from branchmig.database.journal.ahead import is_ahead_by_journal

        if not self.project.config.settings.journal:
            return error
        if not is_ahead_by_journal(context, self.project, rows):
            return self._recorded(error, rows, context)
        return AheadOfCheckout(
            f"{error.message}; the journal shows that the database is only ahead, as after a rollback of a deployment",
            "leave it as it is: branchmig upgrade heads --allow-ahead; to check it: branchmig current --check-heads "
            "--allow-ahead",
            error.identifier,
        )

    def _recorded(self, error: OrphanRevision, rows: tuple[str, ...], context: MigrationContext) -> OrphanRevision:
        """Return the error; without git, as in an image, with the commit that the journal has of the revision."""
        from branchmig.database.journal.journal import ledger_of
        from branchmig.planning.orphans import recorded_text

        with suppress(BranchmigError):
            if self.project.repository is None:
                entry = ledger_of(context, self.project, tuple(map(str, rows))).records.get(error.identifier)
                said = None if entry is None else recorded_text(entry)
                if said is not None:
                    return OrphanRevision(f"{error.message}; {said[0]}", said[1], error.identifier)
        return error

    def _located(self, error: OrphanRevision) -> OrphanRevision:
        """Return the error with where git has the revision: branch, commit, author and file; or that nothing has it."""
        from branchmig.git.orphans import locate
        from branchmig.planning.orphans import location_text

        if isinstance(error, AheadOfCheckout):
            return error
        project = self.project
        try:
            repository = project.repository
            if repository is None:
                return error
            found = locate(repository, project.folders_ever, error.identifier, is_recursive=project.config.is_recursive)
        except GitError as reason:
            return OrphanRevision(f"{error.message}; {reason.message}", error.hint, error.identifier)
        path = project.shown_path(f"{repository.top}/{found.path}") if found and found.path else ""
        fact = self._fact(error.identifier, found)
        if fact is not None and fact.place in ("here", "retired"):
            hint = "to see the applied revisions and what to do: branchmig status"
            return OrphanRevision(f"{error.message}: it {fact.reason}", hint, error.identifier)
        where, hint = location_text(found, path, is_shallow=repository.is_shallow)
        return OrphanRevision(f"{error.message}: {where}", hint, error.identifier)

    def _fact(self, revision_id: str, found: Location | None) -> Absent | None:
        from branchmig.project.retired import Question, absences

        applied = frozenset([revision_id])
        try:
            facts = absences(self.project, self.project.dag, Question({revision_id: found}, applied, applied))
        except (GitError, RevisionGraphError):
            return None
        return facts.found[revision_id]

    @contextmanager
    def _values_kept_secret(self) -> Iterator[None]:
        """Name the key whose '%' env.py's look-up fails on; ConfigParser's error quotes the value, a password."""
        try:
            yield
        except InterpolationError as error:
            raise no_percent_name(self.project.config.files.ini, error.option, "name") from error


def _absolute(locations: Sequence[Any] | None) -> tuple[str, ...]:
    return tuple(os.path.realpath(location) for location in locations or ())


@contextmanager
def silent() -> Iterator[None]:
    """Keep standard output for the answer, and the steps of a thousand revisions out of the log."""
    with without_log(), redirect_stdout(sys.stderr):
        yield


def alembic_config(invocation: Invocation, command: str, options: Mapping[str, Any]) -> Config:
    """Return alembic's Config: the one that a program passed, else one for the files in use."""
    files, loaded = invocation.files, invocation.files.loaded
    if loaded is None:
        made = Config(
            file_=str(files.ini),
            toml_file=str(files.toml),
            ini_section=files.section,
            stdout=sys.stdout,  # alembic's default is the sys.stdout of when it was imported
            cmd_opts=_command_options(invocation, command, options),
        )
        try:
            _ = made.file_config
        except UnicodeDecodeError:  # alembic reads it in the locale's encoding
            made.file_config = parsed_ini(files.ini, content_of(files.ini))
        return made
    if invocation.is_typed:
        own = vars(loaded.cmd_opts) if loaded.cmd_opts is not None else {}
        loaded.cmd_opts = Namespace(**{**vars(_command_options(invocation, command, options)), **own})
    return loaded


def _command_options(invocation: Invocation, command: str, options: Mapping[str, Any]) -> Namespace:
    """Return what env.py finds in `config.cmd_opts`: the namespace that alembic's own argument parser makes."""
    return Namespace(
        config=list(invocation.given) or None,
        name=invocation.files.section,
        x=list(invocation.x) or None,
        raiseerr=invocation.raises,
        quiet=invocation.is_quiet,
        cmd=(getattr(alembic.command, command, None), [], list(options)),
        **options,
    )
