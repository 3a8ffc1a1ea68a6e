"""Identifies the process that carries a fleet's run out, and whether it still does: host, boot, process and its start.

A process id alone shows nothing: in a container the coordinator is process 1 each time that it starts.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from branchmig.errors import FleetStopped
from branchmig.fleet.record import RunRecord, as_text, restored

TAKE_OVER = (
    "--take-over goes on with it all the same. Use it only when the other process has ended: two of them would record "
    "over each other, though each target still is moved by one at a time"
)


@dataclass(frozen=True, slots=True)
class Owner:
    """A process among all machines. `boot` distinguishes two starts of a machine, `space` two containers' processes.

    What the operating system does not show is empty.
    """

    host: str
    process: int
    started: str = ""
    boot: str = ""
    space: str = ""
    has_lock: bool = False


def owner(*, has_lock: bool) -> str:
    """Return this process, as a record holds it; `has_lock` says whether it holds the run's lock."""
    found = Owner(socket.gethostname(), os.getpid(), _start_of("self"), _boot(), _space(), has_lock)
    return as_text(found)


def refuse_running(record: RunRecord, place: str, *, is_free: bool | None) -> None:
    """Refuse to go on with a run that another process carries out, or may. Raises FleetStopped.

    `is_free` says whether the run's lock was free: a process that ends, however it does, leaves it. None where there
    is no such lock.
    """
    if record.ended is not None:
        return
    theirs = _parsed(record.owner)
    if theirs is None:
        raise FleetStopped(
            f"branchmig cannot tell whether run {record.run} is still going: its record does not say who carries it "
            f"out ({place})",
            f"see whether a process still runs it. {TAKE_OVER}",
        )
    if not record.owner.startswith("{") and theirs.host != socket.gethostname():
        return  # an earlier version said no more of it, and did not ask
    is_alive = not is_free if theirs.has_lock and is_free is not None else _is_alive(theirs)
    if is_alive is False:
        return
    who = f"process {theirs.process} on {theirs.host}"
    if is_alive:
        here = f", or end it: kill -INT {theirs.process}" if theirs.host == socket.gethostname() else ""
        raise FleetStopped(
            f"run {record.run} is still going: {who} carries it out ({place})", f"wait for it{here}. {TAKE_OVER}"
        )
    raise FleetStopped(
        f"branchmig cannot tell from here whether run {record.run} is still going: {who} carried it out ({place})",
        f"see whether that process still runs. {TAKE_OVER}",
    )


@contextmanager
def run_lock(path: str | None) -> Iterator[bool | None]:
    """Hold a lock on a file for the block, as a sign that this process lives; give whether it was free.

    None where there is no file to lock, or the file system has no locks. The kernel releases it with the process.
    """
    if path is None or os.name != "posix":
        yield None
        return
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        yield None
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        except OSError:
            yield None
        else:
            yield True
            with suppress(OSError):
                os.unlink(path)
    finally:
        os.close(descriptor)


def _is_alive(theirs: Owner) -> bool | None:
    """Return whether a process still runs; None where that cannot be seen from here."""
    if theirs.host != socket.gethostname() or os.name != "posix":
        return None
    if theirs.boot and theirs.boot != _boot():
        return False  # the machine was restarted since
    if theirs.space != _space():
        # The same container after a new start, where its process has the number again that it always has.
        return False if theirs.process == os.getpid() and theirs.started != _start_of("self") else None
    if theirs.started:
        return _start_of(theirs.process) == theirs.started
    try:
        os.kill(theirs.process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _start_of(process: int | str) -> str:
    """Return when a process was started, in ticks since the boot; empty where it is gone or unknown."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    # The name of the program, in parentheses, may hold anything.
    return text.rpartition(")")[2].split()[19]


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _space() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _parsed(text: str) -> Owner | None:
    """Return the process that owner() wrote, or an earlier version, host and number alone; None for anything else."""
    try:
        if text.startswith("{"):
            return restored(Owner, text)
        host, _, number = text.rpartition(":")
        return Owner(host, int(number), space=_space())
    except (TypeError, ValueError):
        return None
