"""`branchmig compat`: does the code of another place work on this checkout's schema, and the reverse?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import MARIADB, POSTGRES
from tests.database.proofs import set_scratch_url
from tests.repositories import Checkout

if TYPE_CHECKING:
    from pathlib import Path

MODELS = """\
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase):
    pass

class Team(Base):
    __tablename__ = "teams"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(9))
    places: Mapped[int] = mapped_column(sa.Integer, server_default="1")

class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(40), unique=True)
    nick: Mapped[str | None] = mapped_column(sa.String(40))
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("teams.id"), unique=True)
    mood: Mapped[str] = mapped_column(sa.Enum("sad", "ok", name="mood"))
    code: Mapped[str] = mapped_column(sa.String(9))
"""
BASE = """\
op.create_table('teams', sa.Column('id', sa.Integer(), primary_key=True),
    sa.Column('kind', sa.String(9), nullable=False),
    sa.Column('places', sa.Integer(), nullable=False, server_default='6'),
    sa.CheckConstraint("kind IN ('red', 'blue')", name='ck_kind'), sa.CheckConstraint('places > 5', name='ck_places'))
op.create_table('users', sa.Column('id', sa.Integer(), primary_key=True),
    sa.Column('name', sa.String(40), nullable=False, unique=True), sa.Column('nick', sa.String(40)),
    sa.Column('team_id', sa.Integer(), sa.ForeignKey('teams.id'), nullable=False, unique=True),
    sa.Column('mood', sa.Enum('sad', 'ok', name='mood'), nullable=False),
    sa.Column('code', sa.String(9), nullable=False), sa.CheckConstraint('length(code) = 5', name='ck_code'))
op.create_table('old', sa.Column('id', sa.Integer(), primary_key=True), sa.Column('note', sa.String(9)))
op.execute("INSERT INTO teams (kind, places) VALUES ('red', 7), ('blue', 8)")
"""
CHANGES = (
    "op.drop_column('old', 'note')",
    "op.add_column('teams', sa.Column('size', sa.Integer(), nullable=False, server_default='1'))\n"
    "with op.batch_alter_table('teams') as batch: batch.alter_column('size', server_default=None)",
    "with op.batch_alter_table('users') as batch:\n"
    "    batch.alter_column('nick', existing_type=sa.String(40), nullable=False)",
)

SMOKE = """\
import os, sqlite3
sqlite3.connect(os.environ["BRANCHMIG_URL"].removeprefix("sqlite:///")).execute("SELECT note FROM old")
"""


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Checkout:
    """aaa1 on main, with the models that it makes; a branch is checked out. No database is there."""
    checkout = Checkout(tmp_path / "project")
    (checkout.top / ".gitignore").write_text("app.db\n")
    if request.param != "sqlite":
        request.getfixturevalue(f"{request.param}_engine")
        url = (POSTGRES if request.param == "postgres" else MARIADB).url()
        ini = checkout.root / "alembic.ini"
        ini.write_text(ini.read_text().replace(checkout.url, f"{url}/no_such_database"))
        set_scratch_url(checkout, url)
    env = checkout.migrations / "env.py"
    text = env.read_text().replace("target_metadata=None", "target_metadata=models.Base.metadata")
    env.write_text(
        "import sys\nfrom pathlib import Path\n"
        f"sys.path.insert(0, str(Path(__file__).parents[1]))\nimport models\n{text}"
    )
    old = '\nclass Old(Base):\n    __tablename__ = "old"\n    id: Mapped[int] = mapped_column(primary_key=True)\n'
    old += "    note: Mapped[str | None]\n"
    (checkout.root / "models.py").write_text(
        MODELS + old.replace("Mapped[str | None]", "Mapped[str | None] = mapped_column(sa.String(9))")
    )
    checkout.revision("aaa1", upgrade=BASE)
    checkout.commit("base")
    checkout.git("switch", "--quiet", "-c", "feature")
    return checkout


def compat(checkout: Checkout, *options: str) -> tuple[int, dict[str, Any]]:
    told = checkout.branchmig("compat", "--format", "json", *options)
    assert told.exit_code < 3, told.stderr
    return told.exit_code, json.loads(told.stdout)


@pytest.mark.heavy
def test_each_break_names_table_column_and_revision(project: Checkout) -> None:
    """One that is harmless comes first; values suit checks, an enum, a unique foreign key; then three that break."""
    project.revision("bbb2", "aaa1", upgrade="op.add_column('users', sa.Column('bio', sa.Text()))")
    commit = project.git("rev-parse", "main")
    assert compat(project) == (
        0,
        {"version": 1, "with": "main", "commit": commit, "ok": True, "breaks": [], "unchecked": []},
    )
    for number, change in enumerate(CHANGES):
        project.revision(f"{'cde'[number] * 3}{number}", ("bbb2", "ccc0", "ddd1")[number], upgrade=change)
    code, found = compat(project, "--with", "main")
    places = [
        (each["table"], each["column"], each["statement"].split()[0], each["revision"]) for each in found["breaks"]
    ]
    assert (code, places, found["unchecked"]) == (
        1,
        [
            ("old", "note", "SELECT", "ccc0"),
            ("old", "note", "INSERT", "ccc0"),
            ("old", "note", "UPDATE", "ccc0"),
            ("teams", "size", "INSERT", "ddd1"),
            ("users", "nick", "INSERT", "eee2"),
        ],
        [],
    )


ON_SQLITE = pytest.mark.parametrize("project", ["sqlite"], indirect=True)


@ON_SQLITE
def test_what_nobody_can_tell_is_unchecked(project: Checkout) -> None:
    """A check that no value is found for, and a column that the code's own schema lacks, too."""
    models = project.root / "models.py"
    models.write_text(models.read_text() + "    gone: Mapped[str | None]\n")
    project.git("switch", "--quiet", "main")
    project.commit("map a column that no revision makes")
    project.git("switch", "--quiet", "-C", "feature")
    odd = "batch.create_check_constraint('ck_odd', 'places * 2 = 14 OR places = 2 * 4')"
    check = f"with op.batch_alter_table('teams') as batch: {odd}"
    project.revision("bbb2", "aaa1", upgrade=check)
    code, found = compat(project)
    unchecked = {(each["table"], each["statement"], each["reason"].partition(":")[0]) for each in found["unchecked"]}
    assert (code, found["breaks"]) == (0, [])
    assert unchecked >= {
        ("old", "SELECT", "it fails on the code's own schema, too"),
        ("teams", "INSERT", "no row was found that suits it"),
    }


@ON_SQLITE
def test_rows_made_up_are_such_as_an_enum_of_the_code_reads(project: Checkout) -> None:
    """Its column is a plain varchar: only the models say which values it may have."""
    models = project.root / "models.py"
    models.write_text(
        models.read_text().replace(
            "note: Mapped[str | None] = mapped_column(sa.String(9))",
            'note: Mapped[str | None] = mapped_column(sa.Enum("a", "b", native_enum=False, create_constraint=False))',
        )
    )
    project.git("switch", "--quiet", "main")
    project.commit("read an enum")
    project.git("switch", "--quiet", "-C", "feature")
    project.revision("bbb2", "aaa1", upgrade="op.add_column('users', sa.Column('bio', sa.Text()))")
    code, found = compat(project)
    assert (code, found["breaks"], found["unchecked"]) == (0, [], [])


@pytest.mark.soak
@ON_SQLITE
def test_the_reverse_and_a_command(project: Checkout) -> None:
    """New code on the old schema breaks where it needs what is new; COMMAND runs where the old code is."""
    project.revision("bbb2", "aaa1", upgrade="op.add_column('users', sa.Column('bio', sa.Text()))")
    models = project.root / "models.py"
    models.write_text(
        models.read_text().replace("    code: Mapped[str]", "    bio: Mapped[str | None]\n    code: Mapped[str]")
    )
    assert compat(project)[0] == 0
    code, found = compat(project, "--reverse")
    assert (code, {(each["table"], each["column"], each["revision"]) for each in found["breaks"]}) == (
        1,
        {("users", "bio", "bbb2")},
    )
    assert compat(project, "--run", '! grep -q bio models.py && test -f "${BRANCHMIG_URL#sqlite:///}"')[0] == 0
    code, found = compat(project, "--run", "echo it is red; exit 4")
    assert (code, found["breaks"], found["unchecked"][0]["reason"]) == (
        0,
        [],
        "it fails on the code's own schema, too: it exited with 4: it is red",
    )
    (project.root / "smoke.py").write_text(SMOKE)
    command = f"python3 {project.root / 'smoke.py'}"
    project.revision("ccc3", "bbb2", upgrade="op.drop_column('old', 'note')")
    told = project.branchmig("compat", "--run", command)
    assert told.exit_code == 1
    assert "  SELECT old.note: OperationalError: no such column: old.note (revision ccc3)" in told.lines
    assert f"  {command}: it exited with 1: " in told.stdout


@ON_SQLITE
def test_the_deployed_code_is_the_journals(project: Checkout) -> None:
    with (project.root / "alembic.ini").open("a") as file:
        file.write("\n[branchmig]\njournal = true\n")
    project.commit("keep a journal")
    told = project.branchmig("compat", "--deployed")
    assert (told.exit_code, told.stderr.splitlines()[0].partition(",")[0]) == (3, "error: the journal has no commit")
    assert project.branchmig("upgrade", "heads").exit_code == 0
    commit = project.git("rev-parse", "HEAD")
    project.revision("bbb2", "aaa1", upgrade="op.drop_table('old')")
    project.commit("drop a table")
    code, found = compat(project, "--deployed")
    assert (code, found["with"], found["breaks"][0]["table"]) == (1, commit, "old")
    ran = project.top / "ran"
    told = project.branchmig("compat", "--deployed", "--run", f"echo once >> {ran}")
    assert (told.exit_code, told.lines[0]) == (1, f"breaks: the code of {commit[:10]} on the schema of this checkout")
    assert ran.read_text() == "once\n"  # a command that works is not run on the code's own schema


@pytest.mark.soak
@ON_SQLITE
def test_code_that_cannot_be_asked_is_not_called_compatible(project: Checkout) -> None:
    told = project.branchmig("compat", "--with", "HEAD", "--deployed")
    assert told.exit_code == 2
    project.git("switch", "--quiet", "main")
    told = project.branchmig("compat")
    assert (told.exit_code, told.stderr.splitlines()[0]) == (
        3,
        "error: this checkout is at main itself, so nothing says which code to try",
    )
    env = project.migrations / "env.py"
    good = env.read_text()
    for text, message in (
        (good.replace("models.Base.metadata", "None"), "env.py gives no target_metadata with tables"),
        (f"1 / 0\n{good}", "ZeroDivisionError: division by zero"),
        (f"import os; os._exit(7)\n{good}", "the code's process ended with 7 and no answer"),
        (good.replace("str(Path(__file__).parents[1])", repr(str(project.root))), "the code imported models from"),
    ):
        env.write_text(text)
        project.commit("break env.py")
        env.write_text(good)
        told = project.branchmig("compat", "--with", "HEAD")
        assert (told.exit_code, message in told.stderr) == (3, True), told.stderr
