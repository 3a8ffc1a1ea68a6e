from __future__ import annotations

import json
import tempfile
from typing import TYPE_CHECKING

import pytest

from tests.database.proofs import SPARING_POSTGRES, Place, place, set_scratch_url
from tests.repositories import Checkout

if TYPE_CHECKING:
    from pathlib import Path

USERS = "op.create_table('users', sa.Column('id', sa.Integer(), primary_key=True), sa.Column('name', sa.String(40)))"
NO_MODELS = "note: the models were not compared: env.py gives no target_metadata\n"
SQLITE_ONLY = "note: no scratch_url: this holds for SQLite only\n"
SQLITE_NOTES = f"note: rows made up for 1 table\n{NO_MODELS}{SQLITE_ONLY}"


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def there(request: pytest.FixtureRequest) -> Place:
    engine = None if request.param == "sqlite" else request.getfixturevalue(f"{request.param}_engine")
    return place(request.param, engine, engine)


def branch(tmp_path: Path, there: Place | None = None) -> Checkout:
    """aaa1 (main); a branch without revisions of its own is checked out."""
    checkout = Checkout(tmp_path / "project")
    set_scratch_url(checkout, there.scratch_url if there else None)
    checkout.revision("aaa1", upgrade=USERS, downgrade="op.drop_table('users')")
    checkout.git("add", ".")
    checkout.git("commit", "--quiet", "-m", "base")
    checkout.git("switch", "--quiet", "-c", "feature/x")
    return checkout


def test_what_goes_up_and_down_is_ok(tmp_path: Path, there: Place) -> None:
    checkout = branch(tmp_path, there)
    checkout.table("bbb2", "aaa1")
    checkout.revision(
        "ccc3",
        "bbb2",
        upgrade="op.create_index('ix_users_name', 'users', ['name'])",
        downgrade="op.drop_index('ix_users_name', 'users')",
    )
    result = checkout.branchmig("verify")
    notes = SQLITE_NOTES if there.dialect == "sqlite" else f"note: rows made up for 1 table\n{NO_MODELS}"
    assert (result.exit_code, result.stdout) == (0, f"ok    bbb2\nok    ccc3\n{notes}")
    assert result.stderr.splitlines()[0] == (
        "Running env.py of the work tree and the work tree's scripts (2 that main lacks, and all below), "
        "on scratch databases."
    )
    assert there.left() == []
    assert checkout.rows() is None


@SPARING_POSTGRES
def test_a_downgrade_that_leaves_something_behind_is_told_with_the_difference(tmp_path: Path, there: Place) -> None:
    checkout = branch(tmp_path, there)
    checkout.revision(
        "bbb2",
        "aaa1",
        upgrade="op.create_table('t', sa.Column('id', sa.Integer(), primary_key=True))\n"
        "op.create_index('ix_users_name', 'users', ['name'])",
        downgrade="op.drop_table('t')",
    )
    result = checkout.branchmig("verify")
    assert result.exit_code == 1
    part = "key ix_users_name" if there.dialect == "mysql" else "index ix_users_name"
    assert result.stdout.startswith(f"FAIL  bbb2: table users, {part}: only after the downgrade")
    assert "FAIL  bbb2: the second upgrade failed: revision 'bbb2' (step bbb2) failed: " in result.stdout
    assert there.left() == []


@pytest.mark.parametrize("there", ["postgres"], indirect=True)
def test_an_enum_that_stays_behind_is_told(tmp_path: Path, there: Place) -> None:
    checkout = branch(tmp_path, there)
    checkout.revision(
        "bbb2",
        "aaa1",
        upgrade="op.create_table('t', sa.Column('mood', sa.Enum('calm', name='mood')))",
        downgrade="op.drop_table('t')",
    )
    result = checkout.branchmig("verify", "--format", "json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["ok"], document["revisions"]) == (1, False, ["bbb2"])
    assert document["findings"][0] == {"message": "enum mood: only after the downgrade", "subject": "bbb2"}


def test_a_downgrade_that_fails_is_told_with_its_statement(tmp_path: Path) -> None:
    checkout = branch(tmp_path)
    checkout.revision("bbb2", "aaa1", upgrade="op.execute('SELECT 1')", downgrade="op.execute('DROP TABLE nowhere')")
    result = checkout.branchmig("verify")
    assert (result.exit_code, result.stdout) == (
        1,
        "FAIL  bbb2: the downgrade failed: revision 'bbb2' (step bbb2) failed: "
        "OperationalError: no such table: nowhere; at migrations/versions/bbb2.py:22, in downgrade(): "
        "op.execute('DROP TABLE nowhere'); SQL: DROP TABLE nowhere\n"
        "note: tables that only the revisions filled\n" + SQLITE_ONLY,
    )


def test_an_upgrade_that_fails_is_told(tmp_path: Path) -> None:
    checkout = branch(tmp_path)
    checkout.revision("bbb2", "aaa1", upgrade="op.execute('DROP TABLE nowhere')", downgrade="op.execute('')")
    result = checkout.branchmig("verify")
    assert result.exit_code == 1
    assert result.stdout.startswith("FAIL  bbb2: the upgrade failed: revision 'bbb2' (step bbb2) failed: ")


def test_an_empty_downgrade_is_told(tmp_path: Path) -> None:
    checkout = branch(tmp_path)
    checkout.revision("bbb2", "aaa1", upgrade="op.execute(\"UPDATE users SET name = 'x'\")")
    result = checkout.branchmig("verify")
    assert (result.exit_code, result.stdout) == (
        1,
        "FAIL  bbb2: downgrade() is empty, upgrade() is not; write it, or say '# branchmig: irreversible' or, "
        "if there is nothing to undo, '# branchmig: allow empty-downgrade: REASON'\n" + SQLITE_NOTES,
    )


def test_an_empty_downgrade_is_in_order_where_the_upgrade_is_empty_or_the_file_says_so(tmp_path: Path) -> None:
    checkout = branch(tmp_path)
    checkout.revision("bbb2", "aaa1")
    path = checkout.revision("ccc3", "bbb2", upgrade="op.drop_table('users')", downgrade="raise NotImplementedError")
    path.write_text(path.read_text() + "\n# branchmig: irreversible\n")
    result = checkout.branchmig("verify")
    assert (result.exit_code, result.stdout) == (
        0,
        "ok    bbb2\nok    ccc3\nnote: rows made up for 1 table\n"
        "note: not taken down all together: ccc3 cannot be undone, as the file says\n" + NO_MODELS + SQLITE_ONLY,
    )


@SPARING_POSTGRES
def test_models_that_differ_are_told(tmp_path: Path, there: Place) -> None:
    checkout = branch(tmp_path, there)
    models = (
        "import sqlalchemy as sa\nmodels = sa.MetaData()\n"
        "sa.Table('users', models, sa.Column('id', sa.Integer(), primary_key=True), "
        "sa.Column('name', sa.String(40)), sa.Column('age', sa.Integer()))\n"
    )
    env = checkout.migrations / "env.py"
    env.write_text(models + env.read_text().replace("target_metadata=None", "target_metadata=models"))
    age = {"upgrade": "op.add_column('users', sa.Column('age', sa.Integer()))"}
    checkout.revision("bbb2", "aaa1", upgrade="op.execute('SELECT 1')", downgrade="op.execute('SELECT 1')")
    result = checkout.branchmig("verify")
    assert result.exit_code == 1
    assert "FAIL  models: differ from the schema: New upgrade operations detected: [('add_column', " in result.stdout
    checkout.revision("bbb2", "aaa1", downgrade="op.drop_column('users', 'age')", **age)
    result = checkout.branchmig("verify")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "ok    bbb2"), result.stdout


def test_rows_of_a_seed_are_there_for_the_migration(tmp_path: Path) -> None:
    checkout = branch(tmp_path)
    (tmp_path / "seed.sql").write_text("INSERT INTO users VALUES (1, NULL)")
    checkout.revision(
        "bbb2",
        "aaa1",
        upgrade="assert op.get_bind().exec_driver_sql('SELECT count(*) FROM users').scalar() == 1",
        downgrade="op.execute('SELECT 1')",
    )
    result = checkout.branchmig("verify", "--seed", str(tmp_path / "seed.sql"))
    assert (result.exit_code, result.stdout) == (0, f"ok    bbb2\nnote: the rows of seed.sql\n{NO_MODELS}{SQLITE_ONLY}")


def test_nothing_new_is_nothing_to_verify(tmp_path: Path) -> None:
    checkout = branch(tmp_path)
    result = checkout.branchmig("verify")
    assert (result.exit_code, result.stdout, result.stderr) == (
        0,
        "Nothing to verify: the work tree has no revision that main lacks.\n",
        "",
    )
    document = json.loads(checkout.branchmig("verify", "--format", "json").stdout)
    assert document == {
        "version": 1,
        "ok": True,
        "dialect": None,
        "revisions": [],
        "findings": [],
        "notes": ["the work tree has no revision that main lacks"],
    }


def test_without_git_nobody_can_tell_what_to_verify(tmp_path: Path) -> None:
    from tests.support import ProjectFolder

    folder = ProjectFolder(tmp_path / "project", "sqlite:///app.db")
    folder.table("aaa1")
    result = folder.branchmig("verify")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("error: cannot tell which revisions are new: this project is in no git repository")


def test_since_a_commit_only_what_it_lacks_is_tried_out(tmp_path: Path) -> None:
    checkout = branch(tmp_path)
    checkout.table("bbb2", "aaa1")
    checkout.git("add", ".")
    checkout.git("commit", "--quiet", "-m", "bbb2")
    checkout.table("ccc3", "bbb2")
    assert checkout.branchmig("verify").stdout.splitlines()[:2] == ["ok    bbb2", "ok    ccc3"]
    assert checkout.branchmig("verify", "--since", "HEAD").stdout.splitlines()[0] == "ok    ccc3"


def test_a_base_that_does_not_run_cannot_be_told(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "project")
    checkout.revision("aaa1", upgrade="op.execute('SELECT * FROM nowhere')")
    checkout.git("add", ".")
    checkout.git("commit", "--quiet", "-m", "base")
    checkout.table("bbb2", "aaa1")
    result = checkout.branchmig("verify")
    assert (result.exit_code, result.stdout) == (3, "")
    assert (
        "error: the revisions below do not run on a scratch database (sqlite): revision 'aaa1' (step aaa1) failed: "
        in result.stderr
    )


@pytest.mark.parametrize("before", ["connection.execute(sa.text('SELECT 1'))", "connection.begin()"])
def test_nothing_is_verified_where_env_py_commits_nothing(tmp_path: Path, there: Place, before: str) -> None:
    """Every catalog would be the empty one: up and down would seem to leave what was there before."""
    checkout = branch(tmp_path, there)
    checkout.revision("bbb2", "aaa1", upgrade="op.add_column('users', sa.Column('age', sa.Integer()))")
    env = (checkout.migrations / "env.py").read_text()
    line = "        context.configure(connection=connection"
    assert line in env
    checkout.write_env(f"import sqlalchemy as sa\n{env.replace(line, f'        {before}{chr(10)}{line}')}")
    done = checkout.branchmig("verify", "--format", "json")
    error = json.loads(done.stdout)["error"]
    assert (done.exit_code, error["code"]) == (3, "not-committed")
    assert "env.py began a transaction before context.configure() and never committed it" in error["message"]
    assert "migrations/env.py:" in error["message"]
    assert there.left() == []
