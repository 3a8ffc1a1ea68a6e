"""Scratch databases: made for a proof, copied, and dropped on every way out; the configured one is never among them."""

from __future__ import annotations

import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import URL, make_url

from branchmig.database.trial.address import Address, scratch_address
from branchmig.database.trial.names import PREFIX, new_name
from branchmig.database.trial.server import Server
from branchmig.database.trial.servers import named_folder, server_at
from branchmig.errors import EnvironmentFailed
from branchmig.project.config_facts import configured_url
from branchmig.project.consent import scratch_url
from branchmig.project.project import Project


class Scratch:
    """A place for scratch databases on one server; they are known by their URLs."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.dialect = server.address.kind
        self.made: list[URL] = []

    def create(self) -> URL:
        """Make an empty database."""
        url = self.reserve()
        self._server.create(self._address(url))
        return url

    def reserve(self) -> URL:
        """Return the URL of a database that somebody is about to make; it is dropped with the others.

        Noted before it is made: an interrupt between the two must not leave it behind.
        """
        url = make_url(self._server.database(new_name()).text(shows_password=True))
        self.made.append(url)
        return url

    def copy(self, url: URL) -> URL | None:
        """Make a database that is like another; None where this kind of server cannot copy one."""
        twin = self.reserve()
        if self._server.duplicate(self._address(url), self._address(twin)):
            return twin
        self.made.remove(twin)
        return None

    def drop_all(self) -> None:
        """Drop every database that was made here, going on where one cannot be dropped. Raises EnvironmentFailed."""
        failure: EnvironmentFailed | None = None
        for url in list(self.made):
            try:
                self._server.drop(self._address(url))
                self.made.remove(url)
            except EnvironmentFailed as error:
                failure = error
        self._server.close()
        if failure is not None:
            left = ", ".join(str(url.database) for url in self.made)
            raise EnvironmentFailed(
                f"scratch databases could not be dropped: {failure.message}", f"drop them by hand: {left}"
            ) from failure

    def _address(self, url: URL) -> Address:
        return self._server.address.named(str(url.database))


def project_scratch(project: Project) -> AbstractContextManager[Scratch]:
    """Give the place for scratch databases that a project's scratch_url names, as scratch_databases does."""
    return scratch_databases(scratch_url(project), configured_url(project.config.files))


@contextmanager
def scratch_databases(given: str | None, configured: str | None) -> Iterator[Scratch]:
    """Give a place for scratch databases, and drop all that was made there on every way out of the block.

    `given` is the scratch_url; without one, SQLite files in a temporary folder, through an async driver where the
    `configured` URL has one. SIGTERM and SIGHUP end the block as Ctrl-C does, and the process after it. Raises
    ConfigurationError as scratch_address does.
    """
    address, folder = scratch_address(given, configured), ""
    if address.kind == "sqlite":
        folder = tempfile.mkdtemp(prefix=PREFIX, dir=named_folder(address))
        address = address.named(folder)
    scratch = Scratch(server_at(address, Path(folder)))
    with _signals_as_interrupts():
        try:
            yield scratch
        finally:
            with _no_interrupts():
                if folder:
                    shutil.rmtree(folder, ignore_errors=True)
                else:
                    scratch.drop_all()


@contextmanager
def _signals_as_interrupts() -> Iterator[None]:
    """End the block on SIGTERM and SIGHUP as on Ctrl-C; once all is cleaned up, the process ends by that signal."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # A program that ignores or handles one of them (nohup) has a reason.
    known = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    ours = [number for number in known if signal.getsignal(number) == signal.SIG_DFL]
    received: list[int] = []

    def interrupt(number: int, _: object) -> None:
        received.append(number)
        raise KeyboardInterrupt

    for number in ours:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
        if received:
            signal.raise_signal(signal.Signals(received[0]))


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Do not let an impatient second Ctrl-C leave databases behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), signal.SIG_IGN) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
