"""Killed at every statement and COMMIT on MariaDB: the record names what is done, and the rest runs from there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tests.conftest import ROOT
from tests.faults.history20 import NUMBER, defects, drop_everything, in_effect, write_history
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection


class Killer:
    """Runs branchmig on a project and kills it."""

    def __init__(self, project: ProjectFolder) -> None:
        self.project = project
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.killed"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, at: int = 0) -> str:
        """Return "killed", or the exit code and the number of points."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{self.project.root} {at} {' '.join(words)}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture
def killer(tmp_path: Path, mariadb_url: str) -> Iterator[Killer]:
    project = ProjectFolder(tmp_path / "project", mariadb_url)
    ini = project.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}\n[branchmig]\njournal = true\n")
    killer = Killer(project)
    yield killer
    killer.close()


@pytest.fixture
def connection(mariadb_url: str) -> Iterator[Connection]:
    engine = sa.create_engine(mariadb_url, poolclass=sa.pool.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


def explained(killer: Killer, connection: Connection, length: int) -> str:
    """Check what a killed run left behind against what branchmig says of it, and bring it to its end.

    Returns what was found: nothing, certain, or uncertain.
    """
    project = killer.project
    shown = project.branchmig("repair")
    told = [line.strip() for line in shown.lines if line.startswith("  ")]
    rows = project.rows() or []
    number = int(str(rows[0])[1:]) + 1 if rows else 1
    if shown.exit_code == 0:
        assert number > length or number == 1 or not any(in_effect(connection, number))
        kind = "nothing"
    else:
        assert f"upgrade of r{number:02} " in shown.stdout
        fates = [line.split("  ")[0] for line in told]
        truth = in_effect(connection, number)
        refused = project.branchmig("upgrade", "heads")
        assert (refused.exit_code, f"revision 'r{number:02}'" in refused.stderr) == (3, True), refused
        kind = "uncertain" if "under way" in fates else "certain"
        if kind == "certain":
            assert [fate == "done" for fate in fates] == truth[: len(fates)], (shown.stdout, truth)
            assert not any(truth[len(fates) :])
            resumed = project.branchmig("repair", "--resume", "--yes")
            assert resumed.exit_code == 0, resumed
    if kind != "uncertain":
        end = min(number + 1, length)
        ended = project.branchmig("upgrade", f"r{end:02}")
        assert ended.exit_code == 0, ended
        assert (project.rows(), defects(connection, end)) == ([f"r{end:02}"], [])
    return kind


def kill_at_each(killer: Killer, connection: Connection, length: int, every: int) -> Counter[str]:
    """Kill an upgrade of so many revisions at every n-th point, and count what was found after it."""
    write_history(killer.project, length)
    code, points = killer.run("upgrade", "heads").split()
    assert code == "0"
    found: Counter[str] = Counter()
    for at in range(1, int(points) + 1, every):
        drop_everything(connection)
        assert killer.run("upgrade", "heads", at=at) == "killed", at
        found[explained(killer, connection, length)] += 1
    return found


@pytest.mark.soak
def test_a_sample_of_points(killer: Killer, connection: Connection) -> None:
    found = kill_at_each(killer, connection, 4, 29)
    assert found["uncertain"] == 0
    assert found["certain"]


@pytest.mark.soak
def test_every_point(killer: Killer, connection: Connection) -> None:
    found = kill_at_each(killer, connection, NUMBER, 1)
    Path(os.environ.get("BRANCHMIG_SOAK_TABLE", os.devnull)).write_text(f"MariaDB, all points: {dict(found)}\n")
    assert found["uncertain"] == 0
