"""Branchmig as a process of its own without the second of CPU that its start takes: a fork of a process that has it.

`python -m tests.forks SOCKET` has imported everything, and waits. The client that `write_client` makes stands for
`python -P -m branchmig`: it hands its arguments, environment, folder and open files to a fork, and ends as that ends.
What a test says of start-up, imports and signals needs the real process.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import marshal
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parent.parent

CLIENT = """\
#!{python} -IS
import marshal, os, sys
import _socket
own = {{key: value for key, value in os.environb.items() if key.startswith((b"PYTHON", b"LC_", b"LANG"))}}
own.pop(b"PYTHONUNBUFFERED", None)
if sys.argv[1:4] != ["-P", "-m", "branchmig"] or own != {own!r}:
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
asked = marshal.dumps((sys.argv[4:], dict(os.environb), os.getcwdb()))
server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
server.connect({address!r})
files = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
server.sendmsg([len(asked).to_bytes(8, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, files)])
while asked:
    asked = asked[server.send(asked):]
code = server.recv(1)
if not code:
    os.kill(os.getpid(), 9)  # as the fork was
sys.exit(code[0])
"""


def environment() -> dict[str, str]:
    """Return the variables of a process that the forks stand for."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


class Forks:
    """The server, started, and the client that asks it."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "socket")
        self.client = folder / "python"
        self.own = _own(environment())
        self.client.write_text(CLIENT.format(python=sys.executable, address=self.address, own=self.own))
        self.client.chmod(0o755)
        self.server = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.forks", self.address, str(self.client)],
            cwd=ROOT,
            # alembic holds the standard output of the import for ever: unbuffered, its lines keep their order.
            env={**environment(), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert self.server.stdout is not None
        assert self.server.stdout.readline() == b"ready\n"

    def close(self) -> None:
        self.server.kill()
        self.server.communicate()

    def run(
        self, arguments: Sequence[str], folder: Path, variables: Mapping[str, str], given: bytes
    ) -> subprocess.CompletedProcess[bytes]:
        """Run branchmig as the client does, without the client's own start, which is a third of it."""
        if _own(variables) != self.own:
            command = [sys.executable, "-P", "-m", "branchmig", *arguments]
            return subprocess.run(command, cwd=folder, env=variables, input=given, capture_output=True, check=False)
        encoded = {os.fsencode(key): os.fsencode(value) for key, value in variables.items()}
        asked = marshal.dumps((list(arguments), encoded, os.fsencode(folder)))
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
            files[0].write(given)
            files[0].seek(0)
            server = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            server.settimeout(300)
            server.connect(self.address)
            socket.send_fds(server, [len(asked).to_bytes(8, "big")], [file.fileno() for file in files])
            server.sendall(asked)
            code = server.recv(1)
            for file in files:
                file.seek(0)
            return subprocess.CompletedProcess(
                [*arguments], code[0] if code else -signal.SIGKILL, files[1].read(), files[2].read()
            )


def _own(variables: Mapping[str, str]) -> dict[bytes, bytes]:
    """Return the variables that Python has read before a fork begins."""
    return {
        os.fsencode(key): os.fsencode(value)
        for key, value in variables.items()
        if key.startswith(("PYTHON", "LC_", "LANG")) and key != "PYTHONUNBUFFERED"
    }


@cache
def server() -> Forks:
    """Return the server of this process, which ends with it."""
    folder = tempfile.mkdtemp(prefix="forks")
    forks = Forks(Path(folder))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(forks.close)
    return forks


def python() -> str:
    """Return what to start in the place of Python, for `-P -m branchmig`."""
    return str(server().client)


def hooks_start(client: str) -> None:
    """Let the hooks that this process installs start the client."""
    from branchmig.git.hook_text import Installation

    defaults = Installation.__init__.__defaults__ or ()
    Installation.__init__.__defaults__ = (*defaults[:-1], client)


def main(address: str, client: str) -> None:
    """Answer clients, each with a fork, until killed."""
    import pkgutil

    import branchmig

    left_out = (
        "branchmig.integrations.pyinstaller",
        "branchmig.flask_plugin",
        "branchmig.__main__",
        "branchmig.fleet.dask_engine",
    )
    found = [module.name for module in pkgutil.walk_packages(branchmig.__path__, "branchmig.")]
    dialects = [f"sqlalchemy.dialects.{name}" for name in ("mysql.pymysql", "postgresql.psycopg", "sqlite.pysqlite")]
    for name in (*found, *dialects, "psycopg", "pymysql", "sqlalchemy.orm"):
        if not name.startswith(left_out):
            with contextlib.suppress(ImportError):
                __import__(name)
    hooks_start(client)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(address)
    listener.listen(64)
    signal.signal(signal.SIGCHLD, _reap)
    gc.collect()
    gc.freeze()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        asking, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _carry_out(asking)
        asking.close()


def _reap(*_: Any) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _carry_out(client: socket.socket) -> NoReturn:
    code: Any = 70
    try:
        head, files, _, _ = socket.recv_fds(client, 8, 3)
        asked = b""
        while len(asked) < int.from_bytes(head, "big"):
            asked += client.recv(1 << 20)
        arguments, variables, folder = marshal.loads(asked)
        _become(files, variables, folder)
        from branchmig import cli

        cli.main(arguments)
    except SystemExit as error:
        code = error.code
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        if not isinstance(code, int):
            code = 0 if code is None else 1
        with contextlib.suppress(OSError):
            client.send(bytes([code % 256]))
        os._exit(code % 256)


def _become(files: list[int], variables: dict[bytes, bytes], folder: bytes) -> None:
    """Take the client's open files, environment and folder for this process's own."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environb.clear()
    os.environb.update(variables)
    os.chdir(folder)
    tempfile.tempdir = None
    sys.argv = ["branchmig"]
    given = open(0, "rb", closefd=False)  # noqa: SIM115  # as long as the process
    sys.stdin = sys.__stdin__ = io.TextIOWrapper(given, encoding="utf-8", errors="surrogateescape")


if __name__ == "__main__":
    main(*sys.argv[1:])
