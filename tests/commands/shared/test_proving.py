from __future__ import annotations

import json
import tempfile
from typing import TYPE_CHECKING

import pytest

from tests.database.proofs import USERS
from tests.repositories import Checkout
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

EMAIL = "op.add_column('users', sa.Column('email', sa.String(20)))"
TABLE = "op.create_table('t_{}', sa.Column('id', sa.Integer(), primary_key=True))"
SQLITE_ONLY = "no scratch_url: this holds for SQLite only"


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path / "tmp"


def two_branches(tmp_path: Path, ours: str, theirs: str) -> Checkout:
    """aaa1 - bbb2 (main), aaa1 - ccc3 (feature); an empty branch without scripts is checked out."""
    checkout = Checkout(tmp_path / "project")
    checkout.revision("aaa1", upgrade=USERS)
    checkout.commit("base")
    checkout.revision("bbb2", "aaa1", upgrade=theirs)
    checkout.commit("main")
    checkout.git("switch", "--quiet", "-c", "feature", "HEAD~1")
    checkout.revision("ccc3", "aaa1", upgrade=ours)
    checkout.commit("feature")
    checkout.git("switch", "--quiet", "-c", "elsewhere", "HEAD~1")
    return checkout


def test_conflicts_proves_two_branches_without_a_checkout(tmp_path: Path, temporary_folder: Path) -> None:
    checkout = two_branches(tmp_path, TABLE.format("c"), TABLE.format("b"))
    result = checkout.branchmig("conflicts", "feature", "--merged-with", "main", "--prove", "--format", "json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["ours"], document["theirs"]) == (0, ["ccc3"], ["bbb2"])
    assert document["proof"] == {
        "dialect": "sqlite",
        "verdict": "commutes",
        "detail": f"rows made up for 1 table; {SQLITE_ONLY}",
    }
    assert result.stderr == ("Running env.py of the work tree and scripts of feature and main, on scratch databases.\n")
    assert list(temporary_folder.iterdir()) == []
    assert (checkout.rows(), checkout.git("status", "--porcelain", "--", ":!*__pycache__*")) == (None, "?? app.db")


def test_conflicts_that_fail_when_run_end_with_1_and_the_statement(tmp_path: Path) -> None:
    checkout = two_branches(tmp_path, EMAIL, EMAIL)
    result = checkout.branchmig("conflicts", "feature", "--merged-with", "main", "--prove")
    assert result.exit_code == 1
    proof = result.stdout[result.stdout.index("Proof:") :].splitlines()
    assert proof[0] == "Proof: fails on sqlite: one order does not run"
    assert proof[1] == (
        "  ours first, then theirs: revision 'bbb2' (step bbb2) failed: "
        "OperationalError: duplicate column name: email; at migrations/versions/bbb2.py:18, in upgrade(): "
        f"{EMAIL}; SQL: ALTER TABLE users ADD COLUMN email VARCHAR(20)"
    )


def test_without_prove_no_script_runs(tmp_path: Path) -> None:
    checkout = two_branches(tmp_path, "raise SystemExit(9)", "raise SystemExit(9)")
    result = checkout.branchmig("conflicts", "feature", "--merged-with", "main", "--format", "json")
    assert json.loads(result.stdout)["proof"] is None


def test_a_seed_without_a_proof_is_refused(tmp_path: Path) -> None:
    checkout = two_branches(tmp_path, "pass", "pass")
    (tmp_path / "seed.sql").touch()
    for name in ("merge", "conflicts"):
        result = checkout.branchmig(name, "--seed", str(tmp_path / "seed.sql"))
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.splitlines()[-2] == "error: --seed goes with --prove: nothing else runs a script"


def test_where_one_side_brings_nothing_there_is_no_order(tmp_path: Path) -> None:
    checkout = two_branches(tmp_path, "pass", "pass")
    result = checkout.branchmig("conflicts", "--merged-with", "main", "--prove", "--format", "json")
    assert json.loads(result.stdout)["proof"] == {
        "dialect": "sqlite",
        "verdict": "nothing-to-compare",
        "detail": f"only one side brings revisions; {SQLITE_ONLY}",
    }


def test_merge_writes_the_verdict_into_the_docstring(tmp_path: Path) -> None:
    folder = ProjectFolder(tmp_path / "project", f"sqlite:///{tmp_path / 'app.db'}")
    folder.revision("aaa1", upgrade=USERS)
    folder.revision("bbb2", "aaa1", upgrade='op.execute("UPDATE users SET name = upper(name)")')
    folder.revision("ccc3", "aaa1", upgrade="op.execute(\"UPDATE users SET name = name || '_x'\")")
    (tmp_path / "seed.sql").write_text("INSERT INTO users VALUES (1, 'ada')")
    result = folder.branchmig("merge", "--prove", "--seed", str(tmp_path / "seed.sql"), "--rev-id", "ddd4")
    assert result.exit_code == 0, result.stderr
    line = "rows of users: 1 differs, e.g. name = 'ADA_x' with ours first; name = 'ADA_X' with theirs first"
    assert result.stderr.splitlines()[:5] == [
        "Running env.py of the work tree and the work tree's scripts, on scratch databases.",
        "Proof: differs on sqlite: the order matters",
        f"  {line}",
        "  note: the rows of seed.sql",
        f"  note: {SQLITE_ONLY}",
    ]
    (path,) = folder.versions.glob("*ddd4*")
    assert f"\nProof: differs on sqlite ({line})\n" in path.read_text()
    assert not (tmp_path / "app.db").exists()


def test_merge_dry_run_shows_the_proof_and_writes_nothing(tmp_path: Path) -> None:
    folder = ProjectFolder(tmp_path / "project", "sqlite:///app.db")
    folder.revision("aaa1")
    folder.table("bbb2", "aaa1")
    folder.table("ccc3", "aaa1")
    result = folder.branchmig("merge", "--prove", "--dry-run")
    assert result.stdout.splitlines()[-1] == (
        f"  Proof: commutes on sqlite (no rows, since there is no table yet to put them into; {SQLITE_ONLY})"
    )
    assert len(list(folder.versions.glob("*.py"))) == 3


def test_a_proof_that_cannot_be_made_writes_no_merge(tmp_path: Path) -> None:
    folder = ProjectFolder(tmp_path / "project", "sqlite:///app.db")
    folder.revision("aaa1", upgrade="op.execute('SELECT * FROM nowhere')")
    folder.table("bbb2", "aaa1")
    folder.table("ccc3", "aaa1")
    result = folder.branchmig("merge", "--prove")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.splitlines()[1:] == [
        "error: the revisions below do not run on a scratch database (sqlite): revision 'aaa1' (step aaa1) failed: "
        "OperationalError: no such table: nowhere",
        "       at migrations/versions/aaa1.py:18, in upgrade(): op.execute('SELECT * FROM nowhere')",
        "       SQL: SELECT * FROM nowhere",
        "hint:  scratch_url names a server of the kind that the revisions are written for",
    ]
    assert len(list(folder.versions.glob("*.py"))) == 3
