"""`branchmig squash`: one revision in the place of a range, for databases below it, in it and above it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.commands.test_retired import CHAIN, project, rows

if TYPE_CHECKING:
    from pathlib import Path

    from tests.repositories import Checkout


def squash(repo: Checkout, *words: str, code: int = 0) -> dict[str, object]:
    done = repo.branchmig("squash", *words, "--format", "json")
    assert done.exit_code == code, done.stderr
    document: dict[str, object] = json.loads(done.stdout)
    return document


def state(repo: Checkout) -> list[object]:
    files = sorted((path.name, path.read_bytes()) for path in repo.versions.glob("*.py"))
    return [repo.git("status", "--porcelain"), *files]


def test_a_range_becomes_one_revision_which_plain_alembic_runs(tmp_path: Path, database_url: str) -> None:
    repo = project(tmp_path, database_url)
    before = state(repo)
    repo.git("config", "branchmig.scratchUrl", scratch(database_url))
    found = squash(repo, "r1..r4", "--prove", "-m", "all of it")
    proof = found.pop("proof")
    assert (proof["verdict"], proof["dialect"]) == ("equal", database_url.partition("+")[0].partition(":")[0])  # type: ignore[index]
    assert found == {
        "version": 1,
        "ok": True,
        "revision": "r4",
        "replaces": ["r2", "r3"],
        "squashed": ["r2", "r3", "r4"],
        "down_revision": ["r1"],
        "depends_on": [],
        "branch_labels": [],
        "message": "all of it",
        "path": "migrations/versions/r4.py",
        "removed": ["migrations/versions/r2.py", "migrations/versions/r3.py"],
        "bundle": None,
        "data_migrations": ["r2", "r3", "r4"],
        "as_sql": [],
        "irreversible": [],
        "standing_elsewhere": [],
        "written": True,
    }
    assert 'replaces = (\n    "r2",\n    "r3",\n)' in (repo.versions / "r4.py").read_text()
    assert state(repo) != before
    assert repo.alembic("upgrade", "head").exit_code == 0
    assert (rows(repo), repo.rows()) == ({f"t_{item}": 3 for item in CHAIN}, ["r5"])
    assert repo.alembic("downgrade", "r1").exit_code == 0
    assert (rows(repo), repo.rows()) == ({"t_r1": 3}, ["r1"])


def scratch(url: str) -> str:
    return "sqlite://" if url.startswith("sqlite") else url.rpartition("/")[0] + "/"
