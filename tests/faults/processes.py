"""Processes that collide and die for the fault tests, the project they run on, and where the results go."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from tests.conftest import ROOT
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

SINGLE = 20
"""How many revisions the project has."""


@dataclass(frozen=True)
class Ended:
    """How a process ended, after how many seconds, and what it wrote."""

    code: int
    seconds: float
    output: str


class Starter:
    """Starts several processes of branchmig, or alembic, in the same moment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._zygote = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.zygote"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._zygote.stdout is not None
        assert self._zygote.stdout.readline() == "ready\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._zygote.stdin is not None
        assert self._zygote.stdout is not None
        self._zygote.stdin.close()
        self._zygote.stdout.close()
        self._zygote.wait(30)

    def run(
        self,
        project: ProjectFolder,
        *arguments: str,
        times: int = 1,
        program: str = "branchmig",
        kill_at: int | None = None,
        timeout: float = 120.0,
    ) -> list[Ended]:
        """Run a command in some processes at once, and return how they ended."""
        start = {
            "program": program,
            "arguments": list(arguments),
            "cwd": str(project.root),
            "environment": {},
            "kill_at": kill_at,
            "points": str(project.root / "points"),
        }
        starts = [{**start, "output": str(self._folder / uuid.uuid4().hex)} for _ in range(times)]
        assert self._zygote.stdin is not None
        assert self._zygote.stdout is not None
        self._zygote.stdin.write(json.dumps({"starts": starts, "timeout": timeout}) + "\n")
        self._zygote.stdin.flush()
        return [Ended(**load) for load in json.loads(self._zygote.stdout.readline())]

    def points(self, project: ProjectFolder, *arguments: str, program: str = "branchmig") -> int:
        """Run a command to its end, and return at how many points it could have been killed."""
        (ended,) = self.run(project, *arguments, program=program, kill_at=0)
        assert ended.code == 0, ended.output
        return int((project.root / "points").read_text())


def synthetic(root: Path, url: str, *, env_options: str = "", settings: str = "") -> ProjectFolder:
    """Return a project of 20 revisions: each writes one row and runs two DDL statements, in one order or another."""
    project = ProjectFolder(root, url, env_options)
    if settings:
        with (root / "alembic.ini").open("a") as ini:
            ini.write(f"[branchmig]\n{settings}\n")
    project.revision("r01", upgrade="op.create_table('audit', sa.Column('revision', sa.String(8)))")
    for number in range(2, SINGLE + 1):
        insert = f"op.execute(\"INSERT INTO audit (revision) VALUES ('r{number:02}')\")"
        ddl = [
            f"op.create_table('t{number:02}', sa.Column('id', sa.Integer, primary_key=True))",
            f"op.add_column('audit', sa.Column('a{number:02}', sa.Integer))",
        ]
        lines = [insert, *ddl] if number % 3 == 0 else [ddl[0], insert, ddl[1]] if number % 3 == 1 else [*ddl, insert]
        project.revision(f"r{number:02}", f"r{number - 1:02}", upgrade="\n".join(lines))
    return project


def faults(project: ProjectFolder) -> list[str]:
    """Return what is wrong with a database on which the whole project has run."""
    engine = sa.create_engine(project.url, poolclass=NullPool)
    wanted = [f"r{number:02}" for number in range(2, SINGLE + 1)]
    wrong = []
    with engine.connect() as connection:
        names = set(sa.inspect(connection).get_table_names())
        rows = sorted(connection.execute(sa.text("SELECT revision FROM audit")).scalars()) if "audit" in names else []
        lacking = {f"t{number:02}" for number in range(2, SINGLE + 1)} - names
        versions = list(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars())
    if rows != wanted:
        wrong.append(f"rows: {len(rows)} of {len(wanted)}, {len(rows) - len(set(rows))} of them double")
    if lacking:
        wrong.append(f"tables lacking: {sorted(lacking)}")
    if versions != [f"r{SINGLE}"]:
        wrong.append(f"version rows: {versions}")
    return wrong


def record(promise: str, **found: Any) -> None:
    """Add a line to the table of results, if $BRANCHMIG_SOAK_RESULTS names a file for it."""
    path = os.environ.get("BRANCHMIG_SOAK_RESULTS")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"promise": promise, **found}, sort_keys=True) + "\n")


def rounds(default: int) -> int:
    """Return how many rounds a soak test takes: $BRANCHMIG_SOAK_ROUNDS, if that is set."""
    return int(os.environ.get("BRANCHMIG_SOAK_ROUNDS") or default)


def failed(ended: Sequence[Ended]) -> list[Ended]:
    """Return the processes that did not end with 0."""
    return [item for item in ended if item.code != 0]
