from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from branchmig.errors import FleetStopped
from branchmig.fleet.goal import Goal
from branchmig.fleet.owner import owner, refuse_running, run_lock
from branchmig.fleet.record import RunRecord
from branchmig.fleet.tasks import Source

if TYPE_CHECKING:
    from pathlib import Path


def run_of(owned_by: str, ended: float | None = None) -> RunRecord:
    return RunRecord("one", Goal("upgrade", ("heads",)), Source(file="t.toml"), "/p", owned_by, 5.0, ended=ended)


def changed(**values: object) -> str:
    return json.dumps({**json.loads(owner(has_lock=False)), **values})


def test_a_run_whose_process_lives_is_refused_with_what_to_do() -> None:
    with pytest.raises(FleetStopped) as refused:
        refuse_running(run_of(owner(has_lock=False)), "runs", is_free=None)
    host = os.uname().nodename
    assert refused.value.message == (f"run one is still going: process {os.getpid()} on {host} carries it out (runs)")
    assert refused.value.hint is not None
    assert refused.value.hint.startswith(f"wait for it, or end it: kill -INT {os.getpid()}. --take-over goes on")


@pytest.mark.parametrize(
    "owned_by",
    [
        changed(started="1"),  # the number of the process is another one's now
        changed(process=2**22 + 1),
        changed(boot="another start of the machine"),
        changed(process=os.getpid(), started="1", space="pid:[1]"),  # a container's first process, in its second life
        f"{os.uname().nodename}:{2**22 + 1}",  # as an earlier version recorded it
    ],
)
def test_a_run_whose_process_has_ended_is_gone_on_with(owned_by: str) -> None:
    refuse_running(run_of(owned_by), "runs", is_free=None)


@pytest.mark.parametrize("owned_by", ["", "nobody", '{"host": "h"', "{}", changed(host="elsewhere", more="of later")])
def test_a_record_that_names_no_process_is_not_taken_for_one_that_has_ended(owned_by: str) -> None:
    with pytest.raises(FleetStopped, match=r"branchmig cannot tell( from here)? whether run one") as refused:
        refuse_running(run_of(owned_by), "runs", is_free=None)
    assert "--take-over" in (refused.value.hint or "")


def test_a_run_that_is_over_is_gone_on_with() -> None:
    refuse_running(run_of(owner(has_lock=False), ended=6.0), "runs", is_free=None)


@pytest.mark.parametrize("owned_by", [changed(host="elsewhere"), changed(process=2, space="pid:[1]")])
def test_where_it_cannot_be_told_the_lock_tells_and_else_the_user(owned_by: str) -> None:
    with pytest.raises(FleetStopped, match="branchmig cannot tell from here whether run one is still going"):
        refuse_running(run_of(owned_by), "runs", is_free=None)
    locked = json.dumps({**json.loads(owned_by), "has_lock": True})
    refuse_running(run_of(locked), "runs", is_free=True)
    with pytest.raises(FleetStopped, match="is still going"):
        refuse_running(run_of(locked), "runs", is_free=False)


def test_the_lock_of_a_run_goes_with_the_process_that_holds_it(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    code = (
        "from branchmig.fleet.owner import run_lock\n"
        f"with run_lock({path!r}) as is_free: print(is_free, flush=True); input()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="ascii"
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "True\n"
    with run_lock(path) as is_free:
        assert is_free is False
    holder.kill()
    holder.communicate()
    with run_lock(path) as is_free:
        assert is_free is True
    assert not (tmp_path / "lock").exists()
    with run_lock("/proc/nowhere/lock") as is_free:
        assert is_free is None
