from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import pytest

from branchmig.effects.proof import Proof
from branchmig.errors import BranchmigError, EnvironmentFailed, MigrationFailed, NotCommitted
from tests.database.proofs import SPARING_POSTGRES, USERS, Place, forked, opened, place, proof_of

if TYPE_CHECKING:
    from pathlib import Path

SQLITE_ONLY = "no scratch_url: this holds for SQLite only"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The configured database: a file that must never appear."""
    return f"sqlite:///{tmp_path / 'configured.db'}"


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def there(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Each kind of database in turn."""
    return _place(request, request.param, tmp_path, monkeypatch)


@pytest.fixture
def on_sqlite(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return _place(request, "sqlite", tmp_path, monkeypatch)


def _place(request: pytest.FixtureRequest, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    engine = None if kind == "sqlite" else request.getfixturevalue(f"{kind}_engine")
    return place(kind, engine, engine)


def shown(proof: Proof) -> tuple[str, tuple[str, ...]]:
    return proof.verdict, proof.lines


@pytest.mark.heavy
def test_independent_tables_commute(tmp_path: Path, there: Place, url: str) -> None:
    ours = "op.create_table('a', sa.Column('id', sa.Integer(), primary_key=True))"
    theirs = "op.create_table('b', sa.Column('id', sa.Integer(), primary_key=True))"
    folder = forked(tmp_path / "project", there, url, ours, theirs)
    more = (SQLITE_ONLY,) if there.dialect == "sqlite" else ()
    assert proof_of(folder) == Proof(there.dialect, "commutes", (), ("rows made up for 1 table", *more))
    assert there.left() == []
    assert not (tmp_path / "configured.db").exists()


def test_the_same_column_on_both_sides_fails_in_both_orders(tmp_path: Path, there: Place, url: str) -> None:
    column = "op.add_column('users', sa.Column('email', sa.String(20)))"
    proof = proof_of(forked(tmp_path / "project", there, url, column, column))
    assert proof.verdict == "fails"
    first, second = proof.lines
    assert first.startswith("ours first, then theirs: revision 'ccc3' (step ccc3) failed: ")
    assert second.startswith("theirs first, then ours: revision 'bbb2' (step bbb2) failed: ")
    assert "; at migrations/versions/ccc3.py:18, in upgrade(): op.add_column" in first
    assert "; SQL: ALTER TABLE users ADD COLUMN email VARCHAR(20)" in first
    assert there.left() == []


@pytest.mark.parametrize("is_flipped", [False, pytest.param(True, marks=pytest.mark.soak)])
def test_a_rename_against_an_index_fails_in_one_order(tmp_path: Path, there: Place, url: str, is_flipped: bool) -> None:
    sides = ["op.alter_column('users', 'name', new_column_name='title', existing_type=sa.String(40))"]
    sides.append("op.create_index('ix_users_name', 'users', ['name'])")
    if there.dialect == "sqlite":
        sides[0] = "op.execute('ALTER TABLE users RENAME COLUMN name TO title')"
    proof = proof_of(forked(tmp_path / "project", there, url, *(reversed(sides) if is_flipped else sides)))
    first, then, failing = ("theirs", "ours", "bbb2") if is_flipped else ("ours", "theirs", "ccc3")
    assert proof.verdict == "fails"
    assert len(proof.lines) == 1
    assert proof.lines[0].startswith(f"{first} first, then {then}: revision {failing!r} (step {failing}) failed: ")
    assert "CREATE INDEX ix_users_name ON users (name)" in proof.lines[0]
    assert there.left() == []


UPPER = 'op.execute("UPDATE users SET name = upper(name)")'
SUFFIX = {
    "mysql": "op.execute(\"UPDATE users SET name = concat(name, '_x')\")",
    "sqlite": "op.execute(\"UPDATE users SET name = name || '_x'\")",
    "postgresql": "op.execute(\"UPDATE users SET name = name || '_x'\")",
}


@pytest.mark.heavy
def test_upper_case_against_a_suffix_differs_in_the_rows_of_a_seed(tmp_path: Path, there: Place, url: str) -> None:
    seed = tmp_path / "seed.sql"
    seed.write_text("-- one user; with a name\nINSERT INTO users (id, name) VALUES (1, 'ada; 100%');\n")
    proof = proof_of(forked(tmp_path / "project", there, url, UPPER, SUFFIX[there.dialect]), seed)
    lines = (
        "rows of users: 1 differs, e.g. name = 'ADA; 100%_x' with ours first; name = 'ADA; 100%_X' with theirs first",
    )
    more = (SQLITE_ONLY,) if there.dialect == "sqlite" else ()
    assert proof == Proof(there.dialect, "differs", lines, ("the rows of seed.sql", *more))
    assert there.left() == []


@SPARING_POSTGRES
def test_upper_case_against_a_suffix_differs_in_rows_made_up(tmp_path: Path, there: Place, url: str) -> None:
    proof = proof_of(forked(tmp_path / "project", there, url, UPPER, SUFFIX[there.dialect]))
    assert shown(proof) == (
        "differs",
        ("rows of users: 3 differ, e.g. name = 'A ROW 1_x' with ours first; name = 'A ROW 1_X' with theirs first",),
    )


@SPARING_POSTGRES
def test_one_column_of_each_side_differs_in_column_order_alone(tmp_path: Path, there: Place, url: str) -> None:
    ours = "op.add_column('users', sa.Column('a', sa.Integer()))"
    theirs = "op.add_column('users', sa.Column('b', sa.Integer()))"
    assert shown(proof_of(forked(tmp_path / "project", there, url, ours, theirs))) == (
        "differs",
        ("table users: column order alone differs: id, name, a, b with ours first, id, name, b, a with theirs first",),
    )


def test_what_each_side_makes_if_it_is_not_there_differs(tmp_path: Path, there: Place, url: str) -> None:
    text = 'op.execute("CREATE TABLE IF NOT EXISTS t (id INTEGER, note VARCHAR({}))")'
    proof = proof_of(forked(tmp_path / "project", there, url, text.format(10), text.format(20)))
    kinds = {"postgresql": "character varying({})", "mysql": "varchar({})", "sqlite": "VARCHAR({})"}
    kind = kinds[there.dialect] + (" DEFAULT NULL" if there.dialect == "mysql" else "")
    assert shown(proof) == (
        "differs",
        (f"table t, column note: {kind.format(10)} with ours first, {kind.format(20)} with theirs first",),
    )


def test_clocks_and_random_ids_do_not_count_as_differences(tmp_path: Path, on_sqlite: Place, url: str) -> None:
    random = 'op.execute("INSERT INTO users (name) VALUES (hex(randomblob(8)))")'
    theirs = "op.create_table('b', sa.Column('id', sa.Integer(), primary_key=True))"
    assert proof_of(forked(tmp_path / "project", on_sqlite, url, random, theirs)) == Proof(
        "sqlite",
        "commutes",
        (),
        (
            "rows made up for 1 table",
            "not compared, since each run gives other values: users.name",
            SQLITE_ONLY,
        ),
    )


def test_a_side_that_cannot_digest_made_up_rows_is_tried_without_them(
    tmp_path: Path, on_sqlite: Place, url: str
) -> None:
    ours = 'op.execute("INSERT INTO users SELECT * FROM users")'
    theirs = "op.create_table('b', sa.Column('id', sa.Integer(), primary_key=True))"
    proof = proof_of(forked(tmp_path / "project", on_sqlite, url, ours, theirs))
    assert proof.verdict == "commutes"
    assert proof.basis[0] == "tables that only the revisions filled"
    assert proof.basis[1].startswith("ours alone fails on made-up rows (revision 'bbb2' (step bbb2) failed: ")


@pytest.mark.heavy
@SPARING_POSTGRES
def test_a_side_that_fails_alone_fails(tmp_path: Path, there: Place, url: str) -> None:
    ours = "op.execute('SELECT nothing FROM nowhere')"
    theirs = "op.create_table('b', sa.Column('id', sa.Integer(), primary_key=True))"
    proof = proof_of(forked(tmp_path / "project", there, url, ours, theirs))
    assert proof.verdict == "fails"
    assert proof.lines[0].startswith("ours alone, on the base: revision 'bbb2' (step bbb2) failed: ")
    assert there.left() == []


@SPARING_POSTGRES
def test_a_base_that_does_not_run_proves_nothing(tmp_path: Path, there: Place, url: str) -> None:
    folder = forked(tmp_path / "project", there, url, "pass", "pass", base="op.execute('SELECT * FROM nowhere')")
    with pytest.raises(MigrationFailed, match=r"revision .aaa1. .* failed"):
        proof_of(folder)
    assert there.left() == []


@pytest.mark.parametrize("there", ["postgres"], indirect=True)
def test_enum_values_of_both_sides_differ_in_their_order(tmp_path: Path, there: Place, url: str) -> None:
    base = "op.execute(\"CREATE TYPE mood AS ENUM ('calm')\")"
    sides = [f"op.execute(\"ALTER TYPE mood ADD VALUE '{value}'\")" for value in ("glad", "sad")]
    assert shown(proof_of(forked(tmp_path / "project", there, url, *sides, base=base))) == (
        "differs",
        ("enum mood: 'calm', 'glad', 'sad' with ours first, 'calm', 'sad', 'glad' with theirs first",),
    )
    proof = proof_of(forked(tmp_path / "other", there, url, sides[0], sides[0], base=base))
    assert proof.verdict == "fails"
    assert "SQL: ALTER TYPE mood ADD VALUE 'glad'" in proof.lines[0]


@SPARING_POSTGRES
def test_an_exception_of_env_py_leaves_nothing_behind(tmp_path: Path, there: Place, url: str) -> None:
    folder = forked(tmp_path / "project", there, url, "pass", "pass")
    folder.write_env("raise RuntimeError('boom')\n")
    with pytest.raises(EnvironmentFailed, match="RuntimeError: boom"):
        proof_of(folder)
    assert there.left() == []


def test_an_env_py_that_runs_nothing_is_refused(tmp_path: Path, on_sqlite: Place, url: str) -> None:
    folder = forked(tmp_path / "project", on_sqlite, url, "pass", "pass")
    folder.write_env("pass\n")
    with pytest.raises(BranchmigError, match=r"env\.py did not call"):
        proof_of(folder)


def test_what_scripts_print_is_no_answer(
    tmp_path: Path, on_sqlite: Place, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert proof_of(forked(tmp_path / "project", on_sqlite, url, "print('hello')", "pass")).verdict == "commutes"
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "hello\nhello\n")


def test_the_programs_config_is_as_it_was(tmp_path: Path, on_sqlite: Place, url: str) -> None:
    from alembic.config import Config

    from branchmig.command import _files
    from branchmig.database.trial.prover import prove
    from branchmig.project.config import Invocation
    from branchmig.project.project import Project

    folder = forked(tmp_path / "project", on_sqlite, url, "pass", "pass")
    config = Config(str(folder.root / "alembic.ini"))
    project = Project.open(_files(config))
    proof = prove(project, Invocation(_files(config), is_typed=False), ["bbb2"], ["ccc3"], project.view())
    assert (proof.verdict, config.get_main_option("sqlalchemy.url")) == ("commutes", url)


def test_users_are_what_a_seed_meets(tmp_path: Path, on_sqlite: Place, url: str) -> None:
    seed = tmp_path / "seed.sql"
    seed.write_text("INSERT INTO nobody VALUES (1)")
    folder = forked(tmp_path / "project", on_sqlite, url, "pass", "pass", base=USERS)
    with pytest.raises(BranchmigError) as caught:
        proof_of(folder, seed)
    assert caught.value.message == f"seed {seed} does not run on the base: OperationalError: no such table: nobody"
    assert caught.value.details == ("SQL: INSERT INTO nobody VALUES (1)",)
    assert on_sqlite.left() == []


def test_pairs_of_three_heads_make_one_proof(tmp_path: Path, on_sqlite: Place, url: str) -> None:
    from branchmig.database.trial.prover import prove_heads

    column = "op.add_column('users', sa.Column('{}', sa.Integer()))"
    folder = forked(tmp_path / "project", on_sqlite, url, "pass", column.format("a"))
    folder.revision("ddd4", "aaa1", upgrade=column.format("a"))
    project, invocation = opened(folder)
    proof = prove_heads(project, invocation, ("bbb2", "ccc3", "ddd4"))
    assert proof.verdict == "fails"
    assert [line.partition(":")[0] for line in proof.lines] == ["ccc3 and ddd4", "ccc3 and ddd4"]


def test_scripts_of_git_blobs_run_with_what_lies_beside_them(tmp_path: Path, on_sqlite: Place) -> None:
    from branchmig.database.trial.prover import prove
    from tests.repositories import Checkout

    checkout = Checkout(tmp_path / "checkout")
    checkout.revision("aaa1", upgrade=USERS)
    checkout.commit("base")
    for name, revision in (("main", "bbb2"), ("feature", "ccc3")):
        if name == "feature":
            checkout.git("switch", "--quiet", "-c", name, "HEAD~1")
        (checkout.versions / f"{revision}.sql").write_text(f"CREATE TABLE {name} (id INTEGER)")
        (checkout.migrations / f"{name}.sql").write_text(f"INSERT INTO {name} VALUES (1)")
        script = f"""\
from pathlib import Path
here = Path(__file__)
assert {str(tmp_path / "checkout")!r} not in str(here)
assert here.parent.parent.parent.stat().st_mode & 0o777 == 0o700
op.execute((here.parent / '{revision}.sql').read_text())
op.execute((here.parent.parent / '{name}.sql').read_text())"""
        checkout.revision(revision, "aaa1", upgrade=script)
        checkout.commit(name)
    checkout.git("switch", "--quiet", "--orphan", "elsewhere")
    checkout.git("checkout", "main", "--", "alembic.ini", "migrations/env.py", "migrations/script.py.mako")
    project, invocation = opened(checkout)
    two = prove(project, invocation, ["ccc3"], ["bbb2"], project.view("feature"), other=project.view("main"))
    assert (two.verdict, two.lines, on_sqlite.left()) == ("commutes", (), [])
    view = project.view("feature", "main")
    proof = prove(project, invocation, ["ccc3"], ["bbb2"], view)
    assert (proof.verdict, proof.lines) == ("commutes", ())
    # git's objects stay as long as the view.
    assert on_sqlite.left() == [os.path.basename(view.snapshot.scratch.name)]


def test_a_script_of_a_git_blob_is_named_as_its_file_when_it_fails(tmp_path: Path, on_sqlite: Place) -> None:
    from branchmig.database.trial.prover import prove
    from tests.repositories import Checkout

    checkout = Checkout(tmp_path / "checkout")
    checkout.revision("aaa1", upgrade=USERS)
    checkout.revision("bbb2", "aaa1")
    checkout.revision("ccc3", "aaa1", upgrade="op.execute('DROP TABLE nowhere')")
    checkout.commit("all")
    project, invocation = opened(checkout)
    proof = prove(project, invocation, ["bbb2"], ["ccc3"], project.view("HEAD"))
    assert proof.lines == (
        "theirs alone, on the base: revision 'ccc3' (step ccc3) failed: OperationalError: no such table: nowhere; "
        "at migrations/versions/ccc3.py:18, in upgrade(): op.execute('DROP TABLE nowhere'); "
        "SQL: DROP TABLE nowhere",
    )


def test_an_async_env_py_is_given_an_async_url(tmp_path: Path, on_sqlite: Place) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'configured.db'}"
    folder = forked(tmp_path / "project", on_sqlite, url, "pass", "pass")
    folder.write_env("""\
import asyncio
from alembic import context
from sqlalchemy import pool
from sqlalchemy.ext.asyncio import create_async_engine


def work(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()


async def online():
    engine = create_async_engine(context.config.get_main_option("sqlalchemy.url"), poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(work)
    await engine.dispose()


asyncio.run(online())
""")
    assert proof_of(folder).verdict == "commutes"
    assert not (tmp_path / "configured.db").exists()


def test_a_url_that_env_py_is_yet_to_fill_in_is_no_obstacle(tmp_path: Path, on_sqlite: Place) -> None:
    folder = forked(tmp_path / "project", on_sqlite, "sqlite://", "pass", "pass")
    ini = folder.root / "alembic.ini"
    ini.write_text(ini.read_text().replace("sqlalchemy.url = sqlite://", "sqlalchemy.url = sqlite:///%(DB_NAME)s"))
    assert proof_of(folder).verdict == "commutes"


@pytest.mark.heavy
def test_made_up_rows_respect_keys_checks_and_generated_columns(tmp_path: Path, there: Place, url: str) -> None:
    base = """\
op.create_table('parent', sa.Column('id', sa.Integer(), primary_key=True))
op.create_table('child', sa.Column('code', sa.String(1), primary_key=True),
    sa.Column('parent_id', sa.Integer(), sa.ForeignKey('parent.id'), nullable=False, unique=True),
    sa.Column('twice', sa.Integer(), sa.Computed('parent_id * 2', persisted=True)),
    sa.Column('born', sa.Date(), nullable=False), sa.Column('price', sa.Numeric(6, 2), nullable=False),
    sa.Column('kind', sa.Enum('a', 'b', name='kind'), nullable=False), sa.Column('ok', sa.Boolean(), nullable=False))
op.create_table('choosy', sa.Column('id', sa.Integer(), sa.CheckConstraint('id < 0'), nullable=False))"""
    look = """\
rows = op.get_bind().exec_driver_sql('SELECT code, parent_id FROM child ORDER BY code').fetchall()
assert sorted(tuple(row) for row in rows) == [('B', 9002), ('a', 9001), ('c', 9003)], rows"""
    proof = proof_of(forked(tmp_path / "project", there, url, look, look, base=base))
    assert (proof.verdict, proof.lines, proof.basis[:1]) == (
        "commutes",
        (),
        ("rows made up for 2 tables, 1 left empty",),
    )


@pytest.mark.soak
def test_a_proof_over_200_revisions_takes_a_second_and_a_half(tmp_path: Path, on_sqlite: Place, url: str) -> None:
    import time

    from tests.repositories import Checkout

    checkout = Checkout(tmp_path / "checkout")
    for number in range(200):
        checkout.table(f"aa{number:04d}", *([f"aa{number - 1:04d}"] if number else []))
    checkout.commit("base")
    checkout.revision("bbb2", "aa0199", upgrade="op.add_column('t_aa0005', sa.Column('x', sa.Integer()))")
    checkout.commit("main")
    checkout.git("switch", "--quiet", "-c", "feature", "HEAD~1")
    checkout.revision("ccc3", "aa0199", upgrade="op.add_column('t_aa0006', sa.Column('x', sa.Integer()))")
    checkout.commit("feature")
    took = []
    for _ in range(3):
        began = time.perf_counter()
        done = checkout.process("conflicts", "--prove")
        took.append(time.perf_counter() - began)
        assert done.returncode == 0, done.stderr
    assert min(took) <= 1.5, took


@pytest.mark.parametrize("before", ["connection.execute(sa.text('SELECT 1'))", "connection.begin()"])
def test_nothing_is_proven_where_env_py_commits_nothing(tmp_path: Path, there: Place, url: str, before: str) -> None:
    """Two updates that do not commute: both orders would leave the same, nothing."""
    ours, theirs = (f"op.execute(\"UPDATE users SET name = name || '{item}'\")" for item in "ab")
    folder = forked(tmp_path / "project", there, url, ours, theirs)
    env = (folder.migrations / "env.py").read_text()
    line = "        context.configure(connection=connection"
    folder.write_env(
        env.replace(line, f"        {before}\n{line}").replace(
            "from sqlalchemy", "import sqlalchemy as sa\nfrom sqlalchemy"
        )
    )
    with pytest.raises(NotCommitted, match="the version table"):
        proof_of(folder)
    assert there.left() == []
