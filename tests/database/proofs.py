"""A forked project, a server to prove it on, and what is left there afterwards."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from branchmig.database.trial import scratch
from branchmig.database.trial.prover import prove
from branchmig.project.config import Invocation, locate_files
from branchmig.project.project import Project
from tests.conftest import MARIADB, POSTGRES
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from branchmig.effects.proof import Proof

# PostgreSQL makes and drops databases at the pace of its disk: many rules are shown on it in soak alone.
SPARING_POSTGRES = pytest.mark.parametrize(
    "there", ["sqlite", "mariadb", pytest.param("postgres", marks=pytest.mark.soak)], indirect=True
)

USERS = """\
op.create_table('users', sa.Column('id', sa.Integer(), primary_key=True), sa.Column('name', sa.String(40)))
"""


@dataclass(frozen=True)
class Place:
    """A kind of database: its name, the scratch_url that leads there, an engine on its server."""

    dialect: str
    scratch_url: str | None
    engine: Engine | None

    def left(self, process: int | None = None) -> list[str]:
        """Return the scratch databases that a process, this one by default, has left behind."""
        mark = f"_{process or os.getpid()}_"
        if self.engine is None:
            return [name for name in os.listdir(tempfile.gettempdir()) if name.startswith("branchmig")]
        query = "SELECT datname FROM pg_database" if self.dialect == "postgresql" else "SHOW DATABASES"
        with self.engine.connect() as connection:
            names = connection.exec_driver_sql(query).scalars().all()
        return [name for name in names if name.startswith(scratch.PREFIX) and mark in name]


def place(kind: str, postgres: Engine | None = None, mariadb: Engine | None = None) -> Place:
    """Return a kind of database by the name of its fixture."""
    if kind == "postgres":
        return Place("postgresql", POSTGRES.url(), postgres)
    return Place("mysql", MARIADB.url(), mariadb) if kind == "mariadb" else Place("sqlite", None, None)


def forked(root: Path, there: Place, url: str, ours: str, theirs: str, base: str = USERS) -> ProjectFolder:
    """aaa1 -> bbb2 (ours), aaa1 -> ccc3 (theirs); the scripts are given by what upgrade() does."""
    folder = ProjectFolder(root, url)
    set_scratch_url(folder, there.scratch_url)
    folder.revision("aaa1", upgrade=base)
    folder.revision("bbb2", "aaa1", upgrade=ours)
    folder.revision("ccc3", "aaa1", upgrade=theirs)
    return folder


def set_scratch_url(folder: ProjectFolder, url: str | None) -> None:
    """Write scratch_url into the project's settings."""
    if url is not None:
        with (folder.root / "alembic.ini").open("a") as stream:
            stream.write(f"\n[branchmig]\nscratch_url = {url.replace('%', '%%')}\n")


def opened(folder: ProjectFolder) -> tuple[Project, Invocation]:
    """Return a project and how it was asked for."""
    files = locate_files([str(folder.root / "alembic.ini")], "alembic", {})
    return Project.open(files), Invocation(files, is_quiet=True)


def proof_of(folder: ProjectFolder, seed: Path | None = None) -> Proof:
    """Prove bbb2 against ccc3."""
    project, invocation = opened(folder)
    return prove(project, invocation, ["bbb2"], ["ccc3"], project.view(), seed)
