"""Random trouble for fleets: nothing but a kill -9 of its own worker leaves a target half done; all can be resumed."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.commands.test_fleet_losses import end_sessions
from tests.commands.test_fleet_soak import states
from tests.conftest import POSTGRES, ROOT, fresh_database
from tests.fleets import DatabaseFleet, SqliteFleet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Fleet = SqliteFleet | DatabaseFleet

pytestmark = pytest.mark.soak

TENANTS, REVISIONS = 8, 4
TROUBLES = ("reader", "hangup", "disk", "control", "url", "checkout", "container")
ROUNDS = 3
"""Rounds of each trouble, each at a moment of its own."""


@contextmanager
def some_fleet(kind: str, root: Path, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    if kind == "sqlite":
        yield SqliteFleet(root, TENANTS, REVISIONS)
        return
    fleet = DatabaseFleet(
        root, request.getfixturevalue("mariadb_engine"), f"branchmig_test_{uuid.uuid4().hex[:12]}", TENANTS, REVISIONS
    )
    try:
        yield fleet
    finally:
        fleet.drop()


def begin(folder: Path, *words: str, in_container: bool = False, **environment: str) -> subprocess.Popen[str]:
    namespace = ["unshare", "--pid", "--fork", "--kill-child"] if in_container else []
    return subprocess.Popen(
        [*namespace, sys.executable, "-P", "-m", "branchmig", "-q", "fleet", "upgrade", *words, "--workers", "2"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_in_random_trouble_no_target_is_left_half_done(
    tmp_path: Path, request: pytest.FixtureRequest, kind: str, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if trouble == "container" and (os.geteuid() or shutil.which("unshare") is None):
        pytest.skip("a namespace of processes is root's to make")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    chance = random.Random(f"{kind} {trouble}")
    for number in range(ROUNDS):
        with (
            some_fleet(kind, tmp_path / f"round-{number}", request) as fleet,
            fresh_database(request.getfixturevalue("postgres_engine"), POSTGRES) as control,
        ):
            one_round(fleet, trouble, control, chance)


def one_round(fleet: Fleet, trouble: str, control: str, chance: random.Random) -> None:
    run_file = fleet.root / "runs"
    record = ["--run-file", str(run_file)]
    if trouble == "control":
        record = ["--record", "control", "--control-url-env", "CONTROL"]
    source = ["--targets", "targets.json"]
    process = begin(
        fleet.root, "heads", *source, *record, "--format", "jsonl",
        in_container=trouble == "container", CONTROL=control,
    )  # fmt: skip
    assert process.stdout is not None
    for _ in range(chance.randrange(1, TENANTS - 3)):
        process.stdout.readline()
    time.sleep(chance.uniform(0, 0.1))
    make_trouble(process, trouble, control, run_file)
    code = process.wait(300)
    is_killed = trouble in ("url", "checkout", "container")
    # A killed coordinator's workers end with the target that they have at hand.
    if not is_killed:
        assert code in (3, 130), (trouble, code, process.stderr and process.stderr.read())
        assert half_done(fleet) == {}
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    if trouble == "disk":
        with sqlite3.connect(run_file) as connection:
            connection.execute("DROP TRIGGER full")
    again = ["--resume", "last", *record, "--format", "json"]
    if trouble == "url":
        refuse_other_url(fleet, again)
    if trouble == "checkout":
        refuse_other_checkout(fleet, run_file)
    resumed = begin(fleet.root, *again, in_container=trouble == "container", CONTROL=control)
    out, err = resumed.communicate(timeout=300)
    if resumed.returncode and trouble == "container":  # its own workers were killed, and MariaDB cannot roll back
        settle(fleet, json.loads(out), again)
    else:
        assert (resumed.returncode, json.loads(out)["outcomes"].get("done")) == (0, TENANTS), (trouble, out, err)
    assert fleet.wrong_tenants() == {}, (trouble, out, err)


def make_trouble(process: subprocess.Popen[str], trouble: str, control: str, run_file: Path) -> None:
    if trouble == "reader":
        assert process.stdout is not None
        process.stdout.close()
    elif trouble == "hangup":
        os.killpg(process.pid, signal.SIGHUP)
    elif trouble == "control":
        end_sessions(control)
    elif trouble == "disk":
        with sqlite3.connect(run_file, timeout=30) as connection:
            connection.execute(
                "CREATE TRIGGER full BEFORE UPDATE ON branchmig_fleet_target "
                "BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"
            )
    else:  # the coordinator, or in a container all that is in it
        process.kill()


def half_done(fleet: Fleet) -> dict[str, object]:
    if isinstance(fleet, DatabaseFleet):
        return fleet.half_done()
    whole = [fleet.ids[:number] for number in range(len(fleet.ids) + 1)]
    found = {name: (fleet.version(name), sorted(fleet.audit(name).elements())) for name in fleet.names}
    return {
        name: (version, rows) for name, (version, rows) in found.items() if rows not in whole or version != rows[-1:]
    }


def refuse_other_url(fleet: Fleet, again: list[str]) -> None:
    """Have a target that the run has done lead to another one's database: nothing is written anywhere."""
    path = fleet.root / "targets.json"
    right = path.read_text()
    done = states(fleet.root / "runs")["ended"][0]
    rows = json.loads(right)
    other = {row["name"]: row["url"].replace(row["name"], f"{row['name']}_other") for row in rows}[done]
    path.write_text(json.dumps([{**row, "url": other if row["name"] == done else row["url"]} for row in rows]))
    refused = begin(fleet.root, *again)
    out, err = refused.communicate(timeout=300)
    assert refused.returncode == 3, (out, err)
    assert "is another database than when run" in json.loads(out)["error"]["message"]
    path.write_text(right)


def refuse_other_checkout(fleet: Fleet, run_file: Path) -> None:
    second = fleet.root.with_name(f"{fleet.root.name}-second")
    shutil.copytree(fleet.root, second, ignore=shutil.ignore_patterns("tenants", "runs*"))
    (run,) = [name for (name,) in sqlite3.connect(run_file).execute("SELECT run FROM branchmig_fleet_run")]
    refused = begin(second, "--resume", run, "--run-file", str(run_file))
    out, err = refused.communicate(timeout=300)
    assert (refused.returncode, out) == (3, ""), (out, err)
    assert "is of another project" in err


def settle(fleet: Fleet, document: dict[str, object], again: list[str]) -> None:
    """Settle by hand what a killed worker has left half done: it is explained, and then resumed."""
    targets: list[dict[str, object]] = document["targets"]  # type: ignore[assignment]
    wrong = [target for target in targets if target["outcome"] not in ("done", "nothing to do")]
    assert {str(target["error"]["code"]) for target in wrong} == {"unfinished-revision"}, wrong  # type: ignore[index]
    for target in wrong:
        words = ["fleet", "run", "--targets", "targets.json", "--only", str(target["name"]), "--"]
        subprocess.run(
            [sys.executable, "-P", "-m", "branchmig", *words, "repair", "--resume", "--yes"],
            cwd=fleet.root, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, capture_output=True,
        )  # fmt: skip
    resumed = begin(fleet.root, *again)
    out, err = resumed.communicate(timeout=300)
    assert resumed.returncode == 0, (out, err)
