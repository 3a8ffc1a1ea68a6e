"""`python -m benchmarks.fleet`: many SQLite tenants beside a shell loop of alembic, and beside `xargs -P 2`.

A thousand runs of alembic take a quarter of an hour: a sample is measured, in turn with the fleet, and scaled.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.history import ENV, write_project
from benchmarks.processes import CHECKOUT

STATUS_GOAL = 20.0
"""Seconds for `fleet status` of a thousand."""

# In a shell loop, the environment says where a tenant is; the fleet puts it into the config.
SHELL_ENV = "import os\n" + ENV.replace("create_engine(", 'create_engine(os.environ.get("TENANT") or ', 1)


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="branchmig-fleet-", dir=options.folder) as top:
        os.environ["XDG_STATE_HOME"] = str(Path(top) / "state")
        os.environ["PYTHONPATH"] = str(CHECKOUT)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        project = Path(top) / "project"
        write_project(project, "linear", options.revisions)
        (project / "migrations" / "env.py").write_text(SHELL_ENV)
        _shell(project, Path(top) / "warm", 1)
        print("\n".join(_measured(project, Path(top), options)))


def _measured(project: Path, top: Path, options: argparse.Namespace) -> list[str]:
    each = max(1, options.sample // 4)
    loops, crowds = [], []
    fleets: dict[int, float] = {}
    for turn, size in enumerate((options.tenants // 10, options.tenants // 3, options.tenants, 0)):
        loops.append(_shell(project, top / f"loop-{turn}", each) / each)
        crowds.append(_shell(project, top / f"xargs-{turn}", each, workers=2) / each)
        if size:
            words = ("upgrade", "heads", "--workers", str(options.workers))
            fleets[size] = _fleet(project, top / f"fleet-{size}", size, *words)
    status = _fleet(project, top / f"fleet-{options.tenants}", options.tenants, "status")
    return _lines(options, median(loops), median(crowds), fleets, status)


def _lines(
    options: argparse.Namespace, loop: float, crowd: float, fleets: dict[int, float], status: float
) -> list[str]:
    tenants = options.tenants
    fleet, loop, crowd = fleets[tenants], loop * tenants, crowd * tenants
    each = [f"| … {size:,} tenants: ms for each | {took / size * 1000:.0f} | | |" for size, took in fleets.items()]
    return [
        f"| what, {tenants:,} SQLite tenants, {options.revisions} revisions | seconds | fleet's share | goal |",
        "| --- | ---: | ---: | ---: |",
        f"| shell loop of `alembic upgrade head`, scaled | {loop:.0f} | {_share(fleet, loop, 15)} |",
        f"| `xargs -P 2`, scaled | {crowd:.0f} | {_share(fleet, crowd, 8)} |",
        f"| `fleet upgrade heads --workers {options.workers}` | {fleet:.1f} | | |",
        f"| `fleet status` | {status:.1f}{'' if status <= STATUS_GOAL else ' ✗'} | | ≤ {STATUS_GOAL:.0f} s |",
        *each,
    ]


def _share(part: float, whole: float, goal: int) -> str:
    return f"1/{whole / part:.1f}{'' if part * goal <= whole else ' ✗'} | ≤ 1/{goal}"


def _shell(project: Path, folder: Path, count: int, workers: int = 1) -> float:
    """Upgrade new tenants one after another, or with xargs so many at once. Returns seconds."""
    folder.mkdir()
    alembic = shutil.which("alembic", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if alembic is None:
        sys.exit("error: alembic is not on PATH")
    names = "\n".join(f"sqlite:///{folder}/{number}.db" for number in range(count))
    item = f'TENANT="$0" {alembic} upgrade head'
    command = ["xargs", "-P", str(workers), "-n", "1", "sh", "-c", item]
    return _timed(command, project, input=names, text=True)


def _fleet(project: Path, folder: Path, count: int, *words: str) -> float:
    folder.mkdir(exist_ok=True)
    rows = [{"name": f"t{number}", "url": f"sqlite:///{folder}/{number}.db"} for number in range(count)]
    (project / "targets.json").write_text(json.dumps(rows))
    command = [sys.executable, "-P", "-m", "branchmig", "-q", "fleet", *words, "--targets", "targets.json"]
    return _timed([*command, "--format", "json"], project, stdout=subprocess.DEVNULL)


def _timed(command: list[str], project: Path, **more: Any) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=project, check=True, **more)
    return time.perf_counter() - began


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__)
    parser.add_argument("--tenants", type=int, default=1000, help="size of the largest fleet (default 1000)")
    parser.add_argument("--revisions", type=int, default=20, help="revisions of the project (default 20)")
    parser.add_argument("--sample", type=int, default=30, help="tenants upgraded by alembic itself (default 30)")
    parser.add_argument("--workers", type=int, default=2, help="workers of the fleet (default 2)")
    parser.add_argument("--folder", metavar="DIR", help="where to put it all: the disk is a part of what is measured")
    return parser.parse_args()


if __name__ == "__main__":
    main()
