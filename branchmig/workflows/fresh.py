"""New databases at the heads of a place: copies of a state, which is built first where there is none.

What a copy needs is imported here; what a build needs (alembic, SQLAlchemy, networkx) only when there is something to
build.
"""

from __future__ import annotations

import os
import re
import secrets
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace

from branchmig.database.trial.address import Address, read_address
from branchmig.database.trial.inputs import Digests
from branchmig.database.trial.place_files import inputs_at
from branchmig.database.trial.server import StateGone
from branchmig.database.trial.servers import server_at, server_of
from branchmig.database.trial.store import Made, State, store_of
from branchmig.errors import ConfigurationError, MigrationFailed
from branchmig.project.config import Invocation
from branchmig.project.config_facts import configured_url
from branchmig.project.project import Project
from branchmig.project.view import WORKTREE

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")


@dataclass(frozen=True, slots=True)
class Fresh:
    """A new database: its heads, the key of the state that it began from, and how many steps were run on that."""

    name: str
    address: Address
    heads: tuple[str, ...]
    from_state: str | None
    steps_run: int
    state: State | None
    """The state that the database is a copy of; None where none could be kept."""
    reasons: tuple[str, ...] = ()
    """Why no state was kept."""


class FreshDatabases:
    """Makes databases at the heads of one place of a project. Raises EnvironmentFailed where no server answers."""

    def __init__(self, project: Project, invocation: Invocation, at: str = WORKTREE) -> None:
        self._project, self._invocation = project, invocation
        self.store = store_of(project)
        self.server = server_of(project, self.store.folder)
        self._view = project.view(at)
        self._digests = Digests(self.store)
        self.inputs = inputs_at(project, invocation, self._view, self.server, self._digests)

    def make(self, name: str | None = None, announce: Callable[[], None] = lambda: None) -> Fresh:
        """Make a database; `announce` is called before any code of the project runs.

        Raises ConfigurationError for a name that cannot be, or that a database has; MigrationFailed and
        EnvironmentFailed where the revisions do not run.
        """
        if name is not None:
            self._refuse_name(name)
        state = self.state()
        if state is not None:
            try:
                return self.copied(state, name)
            except StateGone:
                self.store.remove(state)
        announce()
        return self._built(name)

    def foreseen(self, name: str | None) -> tuple[tuple[str, ...], State | None]:
        """Return the heads that a new database would have, and the state to copy; None where one would be built.

        Raises ConfigurationError as `make` does.
        """
        if name is not None:
            self._refuse_name(name)
        return self._view.dag.heads(), self.state()

    def state(self) -> State | None:
        """Return the state of the place, if it is kept and nothing has changed since."""
        base = self.inputs.base_of(self.inputs.scripts)
        found = [state for state in self.store.with_base(base) if state.content and self.inputs.is_current(state)]
        self._digests.keep()
        return found[0] if found else None

    def copied(self, state: State, name: str | None = None) -> Fresh:
        """Make a database that is like a state. Raises StateGone."""
        taken = self._spare(state) if name is None else None
        own = taken or name or new_name()
        address = self.server.database(own)
        if taken is None:
            self._note(own, state.key)
            self.server.copy(state.content, address)
        self._note(own, state.key, is_whole=True)
        self.store.hit(state)
        return Fresh(own, address, self._view.dag.heads(), state.key, 0, state)

    def apart(self) -> FreshDatabases:
        """Return the same with a connection of its own, for another process or thread."""
        twin = copy(self)
        twin.server = server_at(self.server.address, self.store.folder)
        return twin

    def make_spare(self, state: State) -> None:
        """Make a copy of a state for the next process. Raises StateGone."""
        name = new_name()
        made = Made(name, self.server.address.server, "spare", os.getpid(), key=state.key)
        self.store.note(made)
        self.server.copy(state.content, self.server.database(name))
        self.store.note(replace(made, is_whole=True))
        self.store.offer(state.key, name)

    def drop(self, name: str) -> None:
        """Drop a database that was made here."""
        self.server.drop(self.server.database(name))
        self.store.forget(name)

    def _spare(self, state: State) -> str | None:
        while (name := self.store.claim(state.key)) is not None:
            if self.server.exists(self.server.database(name)):
                return name
            self.store.forget(name)
        return None

    def _built(self, name: str | None) -> Fresh:
        from branchmig.workflows.states import drop_surplus
        from branchmig.workflows.trials import built

        own = name or new_name()
        address = self.server.database(own)
        with (
            self._kind_named(),
            built(self._project, self._invocation, self._view, self.store, self.server) as standing,
        ):
            self._note(own, "" if standing.state is None else standing.state.key)
            if standing.state is not None:
                self.server.copy(standing.state.content, address)
            else:
                self._copy_once(str(standing.url.database), address)
            self._note(own, "" if standing.state is None else standing.state.key, is_whole=True)
        drop_surplus(self.store, self.server)
        origin = None if standing.origin is None else standing.origin.key
        return Fresh(own, address, self._view.dag.heads(), origin, standing.steps_run, standing.state, standing.reasons)

    @property
    def other_kind(self) -> str | None:
        """The kind of database that the project is for, where the new one is SQLite for want of a scratch_url."""
        own = read_address(configured_url(self._project.config.files))
        is_other = own is not None and own.kind and own.kind != self.server.address.kind
        return own.driver.partition("+")[0] if own is not None and is_other else None

    @contextmanager
    def _kind_named(self) -> Iterator[None]:
        try:
            yield
        except MigrationFailed as error:
            if self.other_kind is None:
                raise
            hint = f"the project is for {self.other_kind}: let scratch_url name a server of that kind"
            raise MigrationFailed(error.message, hint, error.details, error.revision) from error

    def _copy_once(self, database: str, address: Address) -> None:
        content = f"branchmig_once_{secrets.token_hex(8)}"
        self.store.note(Made(content, self.server.address.server, "state", os.getpid()))
        try:
            self.server.keep(self.server.address.named(database), content)
            self.server.copy(content, address)
        finally:
            self.server.drop_content(content)
            self.store.forget(content)

    def _note(self, name: str, key: str, *, is_whole: bool = False) -> None:
        path = str(self.server.database(name).database) if self.server.address.kind == "sqlite" else ""
        server = self.server.address.server
        self.store.note(Made(name, server, "fresh", os.getpid(), is_whole=is_whole, key=key, path=path))

    def _refuse_name(self, name: str) -> None:
        if _NAME.fullmatch(name) is None:
            raise ConfigurationError(
                f"{name!r} cannot be the name of a database", "use letters, digits and _, at most 60, no digit first"
            )
        if self.server.exists(self.server.database(name)):
            known = {made.name for made in self.store.made()}
            hint = f"drop it: branchmig states drop {name}" if name in known else "give another name"
            raise ConfigurationError(f"there is a database {name!r} already", hint)


def new_name() -> str:
    """Return the name of a new database, which says whose it is."""
    return f"branchmig_fresh_{secrets.token_hex(5)}"


def make_spare_behind(databases: FreshDatabases, state: State) -> None:
    """Make a copy of a state while nobody waits for it, where a copy takes long and there is none."""
    server = databases.server
    if not server.has_spares or not hasattr(os, "fork") or databases.store.spares(state.key):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads: the child uses none of them
        child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        if os.fork() == 0:
            os.setsid()
            nothing = os.open(os.devnull, os.O_RDWR)
            for number in (0, 1, 2):
                os.dup2(nothing, number)
            databases.apart().make_spare(state)
    finally:
        os._exit(0)
