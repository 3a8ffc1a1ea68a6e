"""A program: run branchmig on MariaDB, and be killed at the n-th point: before or after a statement, or a COMMIT.

All connections count: env.py's, and branchmig's own beside it. Reads lines "FOLDER POINT WORD…" and answers each with
how the run ended and how many points it came through; each run is a process of its own, forked with all imported.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from typing import Any

import pymysql

from branchmig import cli


class Points:
    """Counts the points that a run comes through."""

    count = 0
    target = 0


def point() -> None:
    Points.count += 1
    if Points.count == Points.target:
        os.kill(os.getpid(), signal.SIGKILL)


def watch(owner: Any, name: str) -> None:
    plain = getattr(owner, name)

    def watched(*arguments: Any, **more: Any) -> Any:
        point()
        result = plain(*arguments, **more)
        point()
        return result

    setattr(owner, name, watched)


def run(folder: str, at: int, words: list[str], report: int) -> None:
    Points.target = at
    watch(pymysql.cursors.Cursor, "execute")
    watch(pymysql.connections.Connection, "commit")
    with open(os.devnull, "w") as null, chdir(folder), redirect_stdout(null), redirect_stderr(null):
        code = cli.run(words)
    os.write(report, f"{code} {Points.count}".encode())
    os._exit(0)


def main() -> None:
    import branchmig.database.journal.repair
    import branchmig.database.run.runner  # noqa: F401  # what a run imports, once for all of them

    for line in sys.stdin:
        folder, at, *words = line.split()
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            run(folder, int(at), words, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as stream:
            told = stream.read().decode()
        os.waitpid(child, 0)
        sys.stdout.write(f"{told or 'killed'}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
