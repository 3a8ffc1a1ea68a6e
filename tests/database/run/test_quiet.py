"""Where alembic's log is shown: in alembic's own commands, once for each step, and never where -q is given."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT
from tests.repositories import Checkout

if TYPE_CHECKING:
    from pathlib import Path

LOGGING = """
[loggers]
keys = root, alembic
[handlers]
keys = console
[formatters]
keys = short
[logger_root]
level = INFO
handlers = console
[logger_alembic]
level = INFO
handlers =
qualname = alembic
[handler_console]
class = StreamHandler
args = (sys.stderr,)
formatter = short
[formatter_short]
format = %(levelname)s %(message)s
"""


@pytest.fixture
def project(tmp_path: Path) -> Checkout:
    """aaa1 -> bbb2, with the log of a new project on the console."""
    checkout = Checkout(tmp_path / "repo")
    with (checkout.root / "alembic.ini").open("a") as ini:
        ini.write(LOGGING)
    env = checkout.migrations / "env.py"
    env.write_text(
        f"import logging.config\nfrom alembic import context\n"
        f"logging.config.fileConfig(context.config.config_file_name)\n{env.read_text()}"
    )
    checkout.table("aaa1")
    checkout.table("bbb2", "aaa1")
    checkout.commit()
    return checkout


def test_the_log_is_shown_by_the_commands_of_alembic_alone_and_never_with_q(project: Checkout) -> None:
    shown = project.process("upgrade", "heads").stderr
    assert shown.splitlines() == [
        "INFO Context impl SQLiteImpl.",
        "INFO Will assume non-transactional DDL.",
        "INFO Running upgrade  -> aaa1, step aaa1",
        "INFO Running upgrade aaa1 -> bbb2, step bbb2",
        "Applied 2 revisions; the database is at bbb2.",
    ]
    for quiet in ("downgrade base", "upgrade heads", "current", "stamp heads"):
        assert project.process("-q", *quiet.split()).stderr in ("",), quiet
    assert project.branchmig("-q", "downgrade", "base").exit_code == 0
    for ours in ("upgrade heads --plan", "downgrade base --plan", "upgrade heads --check", "stamp aaa1 --plan"):
        assert "INFO" not in project.branchmig(*ours.split()).stderr, ours
    for ours in ("sync --yes", "status", "sync", "guard --db", "graph --db"):
        assert "INFO" not in project.process(*ours.split()).stderr, ours


def test_a_handler_that_writes_a_file_gets_the_log_all_the_same(project: Checkout) -> None:
    ini = project.root / "alembic.ini"
    in_file = 'class = FileHandler\nargs = ("steps.log",)'
    ini.write_text(ini.read_text().replace("class = StreamHandler\nargs = (sys.stderr,)", in_file))
    assert project.process("-q", "upgrade", "heads").stderr == ""
    assert "INFO Running upgrade aaa1 -> bbb2, step bbb2" in (project.root / "steps.log").read_text()


def test_on_a_terminal_progress_takes_the_place_of_the_steps_in_the_log(project: Checkout) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-P", "-m", "branchmig", "upgrade", "heads"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
    with subprocess.Popen(command, cwd=project.root, env=environment, stdin=theirs, stderr=theirs) as process:
        os.close(theirs)
        said = b""
        while True:
            try:
                chunk = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            said += chunk
        assert process.wait() == 0
    os.close(ours)
    assert b"INFO" not in said
    assert b"Applied 2 revisions; the database is at bbb2." in said


def test_a_line_of_alembic_ends_before_what_branchmig_says_of_it(project: Checkout) -> None:
    both = subprocess.run(
        [sys.executable, "-P", "-m", "branchmig", "revision", "-m", "three", "--rev-id", "ccc3"],
        cwd=project.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=True,
    ).stdout.splitlines()
    assert both[-2].startswith("Generating ")
    assert both[-2].endswith("ccc3_three.py ...  done")
    assert both[-1] == "Wrote migrations/versions/ccc3_three.py (ccc3, after bbb2)."
