"""A process that has imported everything, and forks others that begin in the same moment: they collide hard.

Reads one order a line from standard input, as JSON, and answers each with one line: how every process ended.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import alembic.config
import psycopg
import pymysql
from sqlalchemy import Engine, event
from sqlalchemy.engine.default import DefaultDialect

from branchmig import cli
from branchmig.commands import downgrade, stamp, upgrade
from branchmig.database.journal import journal
from branchmig.database.locks import mysql, postgresql, sqlite
from branchmig.database.run import environment, run_listeners, runner

IMPORTED = (run_listeners, downgrade, environment, journal, mysql, postgresql, psycopg, pymysql, runner, sqlite, stamp)
assert upgrade is not None

STUCK = "stuck"


def main() -> None:
    """Carry out orders until standard input ends."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_carry_out(json.loads(line))) + "\n")
        sys.stdout.flush()


def _carry_out(order: dict[str, Any]) -> list[dict[str, Any]]:
    gate, opener = os.pipe()
    children = {}
    for number, start in enumerate(order["starts"]):
        pid = os.fork()
        if pid == 0:
            os.close(opener)
            _run(gate, start)
        children[pid] = number
    os.close(gate)
    began = time.monotonic()
    os.close(opener)  # they begin
    return _ended(children, order, began)


def _ended(children: dict[int, int], order: dict[str, Any], began: float) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = [{} for _ in children]
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        seconds = time.monotonic() - began
        if pid == 0:
            if seconds > order["timeout"]:
                for late in children:
                    os.kill(late, signal.SIGKILL)
            time.sleep(0.002)
            continue
        number = children.pop(pid)
        output = Path(order["starts"][number]["output"])
        results[number] = {
            "code": os.waitstatus_to_exitcode(status),
            "seconds": seconds,
            "output": output.read_text("utf-8", "replace"),
        }
        output.unlink()
    return results


def _run(gate: int, start: dict[str, Any]) -> NoReturn:
    output = os.open(start["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.chdir(start["cwd"])
    os.environ.update(start["environment"])
    if start["kill_at"] is not None:
        _kill_at(start["kill_at"], start["points"])
    os.read(gate, 1)  # until the other end is closed
    code: object = 70
    try:
        if start["program"] == "branchmig":
            code = cli.run(start["arguments"])
        else:
            alembic.config.main(argv=start["arguments"])
            code = 0
    except SystemExit as error:
        code = error.code
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code % 256 if isinstance(code, int) else 1)


def _kill_at(wanted: int, points_file: str) -> None:
    """Kill this process at its n-th point: after every statement, before and after every COMMIT."""
    count = 0

    def point(*_: Any) -> None:
        nonlocal count
        count += 1
        if count == wanted:
            os.kill(os.getpid(), signal.SIGKILL)
        if wanted == 0:
            Path(points_file).write_text(str(count))

    event.listen(Engine, "after_cursor_execute", point)
    commit = DefaultDialect.do_commit

    def do_commit(self: DefaultDialect, connection: Any) -> None:
        point()
        commit(self, connection)
        point()

    DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
