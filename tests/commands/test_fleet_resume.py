"""A resumed run is compared with what it was recorded for; in this process, so that workers are forked from one."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from branchmig.cli import run as run_here
from tests.fleets import SqliteFleet

if TYPE_CHECKING:
    from pathlib import Path

TARGETS = ("--targets", "targets.json")


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqliteFleet:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    fleet = SqliteFleet(tmp_path / "project", tenants=3, revisions=2)
    monkeypatch.chdir(fleet.root)
    return fleet


class Answer:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def outcomes(self) -> dict[str, str]:
        return {target["name"]: target["outcome"] for target in self.document["targets"]}


@pytest.fixture
def fleet_command(capfd: pytest.CaptureFixture[str]) -> Any:
    def call(*words: str) -> Answer:
        capfd.readouterr()
        code = run_here(["fleet", *words])
        return Answer(code, *capfd.readouterr())

    return call


def test_the_run_of_another_checkout_is_refused(
    fleet: SqliteFleet, tmp_path: Path, fleet_command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fleet_command("upgrade", "r001", *TARGETS, "--workers", "1").code == 0
    run = fleet_command("runs", "--format", "json").document["runs"][0]
    assert (run["states"], run["goal"], run["stopped"]) == ({"done": 3}, ["r001"], None)
    shown = fleet_command("show", run["run"], "--format", "json").document
    assert [(target["state"], target["outcome"], target["steps"]) for target in shown["targets"]] == [
        ("ended", "done", 1)
    ] * 3
    shutil.copytree(fleet.root, tmp_path / "second")
    monkeypatch.chdir(tmp_path / "second")
    refused = fleet_command("upgrade", "--resume", run["run"], "--workers", "1")
    assert refused.code == 3
    assert f"error: run {run['run']} is of another project: of {fleet.root}/alembic.ini [alembic]" in refused.err
    last = fleet_command("upgrade", "--resume", "last", "--workers", "1")
    assert last.code == 3
    assert "records no run 'last' of this project" in last.err
    assert "hint:  it has runs of other checkouts, which go on there: " in last.err
    agreed = fleet_command("upgrade", "--resume", run["run"], "--take-over", "--workers", "1")
    assert agreed.code == 0


def test_a_target_that_leads_elsewhere_since_is_refused_before_anything_is_written(
    fleet: SqliteFleet, fleet_command: Any
) -> None:
    assert fleet_command("upgrade", "heads", *TARGETS, "--only", "*[12]", "--workers", "1").code == 0
    rows = [{"name": name, "url": fleet.url_of(name)} for name in fleet.names]
    rows[0]["url"] = fleet.url_of("another")
    fleet.write_targets(rows)
    refused = fleet_command("upgrade", "--resume", "last", "--workers", "1")
    assert (refused.code, refused.out) == (3, "")
    assert "error: target 'tenant_0001' is another database than when run" in refused.err
    assert fleet.version("another") == []


def test_a_done_target_is_read_again_and_not_believed(fleet: SqliteFleet, fleet_command: Any) -> None:
    assert fleet_command("upgrade", "heads", *TARGETS, "--workers", "1").code == 0
    (fleet.tenants / "tenant_0002.db").unlink()  # say, a backup of before was restored
    resumed = fleet_command("upgrade", "--resume", "last", "--format", "json", "--workers", "1")
    assert resumed.code == 1
    assert resumed.outcomes == {"tenant_0001": "done", "tenant_0002": "failed", "tenant_0003": "done"}
    assert resumed.document["targets"][1]["error"]["message"] == (
        "this run has brought it to r002, and it is at base now: somebody else moved it"
    )
    assert fleet.version("tenant_0002") == []


def test_filters_and_canaries_are_honoured_by_a_resumed_run(fleet: SqliteFleet, fleet_command: Any) -> None:
    taken = fleet.tenants / "tenant_0001.db"
    with sqlite3.connect(taken) as connection:
        connection.execute("CREATE TABLE t_r002 (id INTEGER)")
    connection.close()
    first = fleet_command("upgrade", "heads", *TARGETS, "--canary", "1", "--format", "json", "--workers", "1")
    assert first.outcomes == {"tenant_0001": "failed", "tenant_0002": "not begun", "tenant_0003": "not begun"}
    hint = first.document["targets"][0]["error"]["hint"]
    assert "branchmig repair" not in hint
    only = fleet_command("upgrade", "--resume", "last", "--only", "*3", "--format", "json", "--workers", "1")
    assert (only.code, only.outcomes) == (0, {"tenant_0003": "done"})
    again = fleet_command("upgrade", "--resume", "last", "--canary", "1", "--format", "json", "--workers", "1")
    assert again.outcomes == {"tenant_0001": "failed", "tenant_0002": "not begun", "tenant_0003": "done"}
    assert again.document["stopped"] == "a canary failed"


def test_two_runs_count_their_own_steps(fleet: SqliteFleet, fleet_command: Any) -> None:
    assert fleet_command("upgrade", "r001", *TARGETS, "--workers", "1").code == 0
    run = fleet_command("runs", "--format", "json").document["runs"][0]["run"]
    state = next((fleet.root.parent / "state").rglob("fleet.sqlite3"))
    with sqlite3.connect(state) as connection:
        # As if the run had been cut off before it began the second target, which another run moved meanwhile.
        connection.execute(
            "UPDATE branchmig_fleet_target SET state = 'begun', seen = '[[]]', steps = 0 WHERE name = 'tenant_0002'"
        )
        connection.execute("UPDATE branchmig_fleet_run SET ended = NULL, owner = 'elsewhere:1'")
    connection.close()
    resumed = fleet_command("upgrade", "--resume", run, "--format", "json", "--workers", "1").document
    assert [(target["steps"], target["other_steps"]) for target in resumed["targets"]] == [(1, 0), (0, 1), (1, 0)]


def test_two_names_of_one_file_by_a_hard_link_are_one_target(fleet: SqliteFleet, fleet_command: Any) -> None:
    (fleet.tenants / "tenant_0001.db").touch()
    os.link(fleet.tenants / "tenant_0001.db", fleet.tenants / "link.db")
    fleet.write_targets([{"name": name, "url": fleet.url_of(name)} for name in [*fleet.names, "link"]])
    refused = fleet_command("upgrade", "heads", *TARGETS, "--workers", "1")
    assert refused.code == 3
    assert "targets 'link' and 'tenant_0001' are one database" in refused.err
    run = fleet_command("runs", "--format", "json").document["runs"][0]
    assert run["states"] == {"pending": 4}
    assert "are one database" in run["stopped"]


def test_any_command_runs_for_some_targets(fleet: SqliteFleet, fleet_command: Any) -> None:
    assert fleet_command("run", *TARGETS, "--only", "*2", "--", "upgrade", "r001").code == 0
    assert [fleet.version(name) for name in fleet.names] == [[], ["r001"], []]
    answered = fleet_command("run", *TARGETS, "--format", "json", "--", "current", "--check-heads")
    assert (answered.code, [target["exit"] for target in answered.document["targets"]]) == (1, [1, 1, 1])
    assert fleet_command("stamp", "--purge", "r002", *TARGETS, "--only", "*3").code == 0
    assert fleet.version("tenant_0003") == ["r002"]
    twice = fleet_command("status", *TARGETS, *TARGETS)
    assert (twice.code, twice.err.splitlines()[-2]) == (2, "error: --targets is given 2 times: give it once")


def test_what_was_reached_is_not_called_unreachable(fleet: SqliteFleet, fleet_command: Any) -> None:
    with sqlite3.connect(fleet.tenants / "tenant_0001.db") as connection:
        connection.execute("CREATE TABLE alembic_version (something_else TEXT)")
    connection.close()
    (fleet.tenants / "tenant_0002.db").mkdir()
    status = fleet_command("status", *TARGETS, "--workers", "1", "--format", "json", "--retries", "0")
    states = {target["name"]: target["state"] for target in status.document["targets"]}
    assert states == {"tenant_0001": "failed", "tenant_0002": "unreachable", "tenant_0003": "behind"}
    upgraded = fleet_command("upgrade", "heads", *TARGETS, "--workers", "1", "--retries", "0")
    assert sum(line.startswith("tenant_0002: unreachable") for line in upgraded.err.splitlines()) == 1


def test_without_a_state_folder_a_fleet_uses_what_can_be_written_to(
    fleet: SqliteFleet, tmp_path: Path, fleet_command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert fleet_command("status", *TARGETS, "--workers", "1").code == 0
    done = fleet_command("upgrade", "heads", *TARGETS, "--workers", "1")
    assert done.code == 0
    assert "warning: /proc/nowhere/branchmig cannot be written to: runs are recorded in" in done.err
    monkeypatch.setattr("branchmig.fleet.folders._is_writable", lambda folder: False)
    refused = fleet_command("upgrade", "heads", *TARGETS, "--workers", "1")
    assert refused.code == 3
    assert "set XDG_STATE_HOME or HOME" in refused.err
    monkeypatch.setenv("CONTROL", f"sqlite:///{tmp_path}/control.db")
    control = ("--record", "control", "--control-url-env", "CONTROL")
    assert fleet_command("upgrade", "heads", *TARGETS, "--workers", "1", *control).code == 0
