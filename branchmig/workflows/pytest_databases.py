"""Databases for the tests of one process: copies of a state, made ahead and dropped by a thread while tests run."""

from __future__ import annotations

import json
import os
import queue
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import chdir, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from branchmig.database.trial.address import Address, read_address
from branchmig.database.trial.names import PREFIX, new_name
from branchmig.database.trial.resetting import Resetter
from branchmig.database.trial.server import Server, StateGone
from branchmig.database.trial.servers import server_at
from branchmig.errors import BranchmigError, ConfigurationError, EnvironmentFailed
from branchmig.project.config import Invocation, locate_files
from branchmig.project.consent import SCRATCH_URL
from branchmig.project.project import Project
from branchmig.workflows.fresh import FreshDatabases

RESETS = ("copy", "truncate")


@dataclass(frozen=True, slots=True)
class Template:
    """What databases are copied from. `is_own` where this process made it, and drops it."""

    server: Server
    content: str
    is_own: bool = False


class PytestDatabases:
    """Makes and drops the databases of one test process."""

    def __init__(self, template: Template, reset: str | None = None) -> None:
        self._template = template
        self._server = template.server
        self._folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lent: dict[str, Address] = {}
        self._clean: list[str] = []
        self._resetters: dict[str, Resetter] = {}
        # A copy takes MariaDB as long as the revisions took: its time goes into making the tables' files.
        self._is_reset = self._server.address.kind == "mysql" if reset is None else reset == "truncate"
        self._is_reset = self._is_reset and self._server.has_spares
        self._helper = _Helper(self) if self._server.has_spares and not self._is_reset else None

    @classmethod
    def open(
        cls,
        root: Path,
        config: str | None,
        server: str | None,
        place: str | None,
        reset: str | None,
        program: str | None,
    ) -> PytestDatabases:
        """Find or build the state of a project; `root` is where the paths of the options begin.

        A build runs in a process of its own, since env.py sets up logging and event loops. Raises ConfigurationError,
        and what `fresh` raises.
        """
        if reset not in (None, *RESETS):
            raise ConfigurationError(
                f"branchmig_reset = {reset!r} is no way to reset", f"it can be: {', '.join(RESETS)}"
            )
        file = root / config if config else root / "alembic.ini"
        if not config and not file.is_file():
            file = root / "pyproject.toml"
        with _server_in_environment(server), chdir(file.parent if program is None else root):
            found = None if program else _known(file, place)
            if found is None:
                found = _built(file, place, program)
        return cls(found, reset)

    def new(self) -> str:
        """Return the URL of a new database."""
        address = self._helper.ready() if self._helper is not None else self.copy(self._server)
        url = address.text(shows_password=True)
        self._lent[url] = address
        return url

    def release(self, url: str) -> None:
        """Drop a database, whatever is still connected to it."""
        address = self._lent.pop(url)
        if self._helper is not None:
            self._helper.drop(address)
        else:
            self._server.drop(address)

    def lend(self) -> str:
        """Return the URL of a database in the state of a new one."""
        if self._clean:
            return self._clean.pop()
        url = self.new()
        if self._is_reset:
            self._resetters[url] = Resetter(self._server, self._lent[url])
        return url

    def give_back(self, url: str, *, is_failed: bool) -> None:
        """Drop a database that was lent; where that is wanted and safe, empty the tables that were written instead.

        After a test that failed, or left a connection open, it is dropped.
        """
        if self._is_reset and not is_failed and self._resetters[url].reset():
            self._clean.append(url)
        else:
            self._resetters.pop(url, None)
            self.release(url)

    def close(self) -> None:
        """Drop all that is left."""
        if self._helper is not None:
            self._helper.close()
        for address in self._lent.values():
            with suppress(BranchmigError):
                self._server.drop(address)
        if self._template.is_own:
            self._server.drop_content(self._template.content)
        self._server.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def copy(self, server: Server) -> Address:
        """Make a copy of the template. Raises EnvironmentFailed."""
        name = new_name()
        file = str(self._folder / f"{name}.db")
        address = server.address.named(file if server.address.kind == "sqlite" else name)
        try:
            server.copy(self._template.content, address)
        except StateGone as error:
            raise EnvironmentFailed("the state that tests are copied from is gone", "run the tests again") from error
        return address

    def apart(self) -> Server:
        """Return the server with a connection of its own."""
        return server_at(self._server.address, self._server.folder)


class _Helper:
    """A thread that has one copy ready, and drops what is given back."""

    def __init__(self, databases: PytestDatabases) -> None:
        self._databases = databases
        self._server = databases.apart()
        self._ready: queue.Queue[Address | BranchmigError] = queue.Queue()
        self._work: queue.Queue[Address | None] = queue.Queue()
        self._wanted = threading.Semaphore(0)
        self._is_over = False
        self._makes = threading.Thread(target=self._make_all, name="branchmig copies", daemon=True)
        self._drops = threading.Thread(target=self._drop_all, name="branchmig drops", daemon=True)
        self._makes.start()
        self._drops.start()
        self._wanted.release()

    def ready(self) -> Address:
        """Return the ready copy, and start the next one."""
        self._wanted.release()
        found = self._ready.get()
        if isinstance(found, BranchmigError):
            raise found
        return found

    def drop(self, address: Address) -> None:
        """Have a database dropped."""
        self._work.put(address)

    def close(self) -> None:
        """Wait until all is dropped, the copy that nobody took, too."""
        self._is_over = True
        self._wanted.release()
        self._makes.join()
        while not self._ready.empty():
            left = self._ready.get()
            if not isinstance(left, BranchmigError):
                self._work.put(left)
        self._work.put(None)
        self._drops.join()

    def _make_all(self) -> None:
        while True:
            self._wanted.acquire()
            if self._is_over:
                break
            try:
                self._ready.put(self._databases.copy(self._server))
            except BranchmigError as error:
                self._ready.put(error)
        self._server.close()

    def _drop_all(self) -> None:
        server = self._databases.apart()
        while (address := self._work.get()) is not None:
            # What cannot be dropped now carries the name of this process: `branchmig states prune` drops it.
            with suppress(BranchmigError):
                server.drop(address)
        server.close()


def _known(file: Path, place: str | None) -> Template | None:
    """Return the state of a project's place, if one is kept."""
    files = locate_files([file.name], "alembic", {})
    project = Project.open(files)
    databases = FreshDatabases(project, Invocation(files, is_typed=False), place or "worktree")
    state = databases.state()
    if state is None:
        databases.server.close()
        return None
    databases.store.hit(state)
    return Template(databases.server, state.content)


def _built(file: Path, place: str | None, program: str | None) -> Template:
    """Have `fresh` build what the tests start from, and keep it for this process where no state is kept."""
    command = shlex.split(program) if program else [sys.executable, "-P", "-m", "branchmig", "-c", file.name]
    words = ["fresh", "--format", "json", "--show-password", *(["--at", place] if place else [])]
    done = subprocess.run(
        [*command, *words], capture_output=True, encoding="utf-8", check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        raise EnvironmentFailed(
            f"{' '.join([*(command if program else ['branchmig']), *words[:1]])} ended with {done.returncode}",
            "correct the cause",
            done.stderr.splitlines(),
        )
    made = json.loads(done.stdout)
    found = None if program else _known(file, place)
    if found is None:
        address = read_address(made["url"])
        assert address is not None
        server = server_at(address.named(None), Path(tempfile.gettempdir()))
        found = Template(server, new_name(), is_own=True)
        server.keep(address, found.content)
    subprocess.run([*command, "states", "drop", "--yes", made["database"]], check=False, capture_output=True)
    return found


@contextmanager
def _server_in_environment(server: str | None) -> Iterator[None]:
    before = os.environ.get(SCRATCH_URL)
    if server:
        os.environ[SCRATCH_URL] = server
    try:
        yield
    finally:
        if server:
            if before is None:
                del os.environ[SCRATCH_URL]
            else:
                os.environ[SCRATCH_URL] = before
