"""Looking at another branch runs none of its code; any name is a name; what is laid out is private; no password."""

from __future__ import annotations

import json
import os
import stat
import sys
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from branchmig.database.run.script_checkout import placed
from branchmig.project.config import ConfigFiles
from branchmig.project.project import Project
from tests.repositories import ROOT, Checkout, footprint

if TYPE_CHECKING:
    from pathlib import Path

# A script that leaves a mark wherever anything of it is run: at import, in a decorator, a default, a class body.
TRAP = '''\
"""trap"""
import pathlib

from alembic import op

MARK = pathlib.Path({mark!r})
MARK.touch()
revision = "ddd4"
down_revision = "aaa1"
branch_labels = None
depends_on = None


def touched(*_):
    MARK.touch()
    return lambda function: function


class Trap:
    MARK.touch()


@touched()
def upgrade(default=touched()):
    MARK.touch()


def downgrade(default=touched()):
    MARK.touch()
'''

READING = (
    *(
        f"{command} --at evil"
        for command in ("heads", "branches", "history -v", "show ddd4", "guard", "guard --format json")
    ),
    *(f"{command} --with evil" for command in ("heads -v", "branches", "history", "show ddd4", "guard")),
    *("heads --at evil --with main", "guard --at index --with evil", "guard --target evil"),
    *("upgrade heads --plan --at evil --from aaa1", "upgrade heads --plan --with evil --from aaa1"),
    *("downgrade base --plan --at evil --from ddd4", "upgrade heads --plan --at evil"),
    *("forecast", "forecast evil", "forecast --into evil", "forecast --format json"),
    *("train", "train evil", "train --target evil", "train evil --write --format json"),
    *("conflicts --with evil", "conflicts evil --with main", "conflicts --format json"),
    *(
        "rebase --onto evil --dry-run",
        "rebase --onto evil --dry-run --offline",
        "merge --dry-run",
        "verify --since evil",
    ),
    *("hooks run post-checkout main evil 1", "hooks run post-merge 0", "hooks run pre-commit"),
    *("current", "history -i", "show ddd4"),
)


@pytest.fixture
def trapped(parted: Checkout, tmp_path: Path) -> tuple[Checkout, Path]:
    """On feature; beside it a branch `evil` that has a trap wherever Python, alembic or pytest might look."""
    mark, old = tmp_path / "mark", parted.url
    parted.git("switch", "--quiet", "--create", "evil", "main~1")
    touch = f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n"
    (parted.versions / "ddd4.py").write_text(TRAP.format(mark=str(mark)))
    parted.write_env(touch)
    for name in ("conftest.py", "sitecustomize.py", "usercustomize.py", "helper.py", "alembic.py", "sqlalchemy.py"):
        (parted.top / name).write_text(touch)
        (parted.versions.parent / name).write_text(touch)
    (parted.versions / "__init__.py").write_text(touch)
    ini = parted.root / "alembic.ini"
    ini.write_text(ini.read_text() + "prepend_sys_path = .\n")
    parted.commit("evil")
    parted.git("switch", "--quiet", "feature")
    parted.url = f"sqlite:///{tmp_path}/app.db"
    ini.write_text(ini.read_text().replace(f"sqlalchemy.url = {old}", f"sqlalchemy.url = {parted.url}"))
    parted.execute(
        "CREATE TABLE alembic_version (version_num VARCHAR(32))", "INSERT INTO alembic_version VALUES ('ccc3')"
    )
    return parted, mark


def test_reading_another_branch_runs_none_of_its_code(trapped: tuple[Checkout, Path]) -> None:
    checkout, mark = trapped
    before = footprint(checkout.top)
    for command in READING:
        result = checkout.branchmig(*command.split(" "))
        assert result.exit_code in (0, 1, 3), (command, result)
        assert not mark.exists(), command
        assert "Traceback" not in result.stderr, (command, result)
    after = footprint(checkout.top)
    assert {path: facts for path, facts in after.items() if not path.startswith(".git/")} == {
        path: facts for path, facts in before.items() if not path.startswith(".git/")
    }


def test_the_trap_would_have_worked(trapped: tuple[Checkout, Path]) -> None:
    """The control: the same branch checked out, where running its code is what is asked for."""
    checkout, mark = trapped
    checkout.git("switch", "--quiet", "--force", "evil")
    checkout.process("current")
    assert mark.exists()


def test_what_runs_another_branchs_code_says_so_first(trapped: tuple[Checkout, Path]) -> None:
    checkout, mark = trapped
    result = checkout.branchmig("conflicts", "--merged-with", "evil", "--prove")
    first = result.stderr.splitlines()[0]
    assert first.startswith("Running env.py of the work tree and scripts of "), result
    assert "evil" in first
    assert mark.exists()


def test_scripts_of_another_place_are_laid_out_where_only_this_user_can_read(parted: Checkout) -> None:
    project = Project.open(ConfigFiles(parted.root / "alembic.ini", parted.root / "pyproject.toml"))
    with placed(project, project.view("main")) as there:
        path = there.dag["bbb2"].path
        assert path is not None
        assert not path.startswith(str(parted.top))
        folder = path.removesuffix("/migrations/versions/bbb2.py")
        facts = os.stat(folder)
        assert (stat.S_IMODE(facts.st_mode), facts.st_uid) == (0o700, os.geteuid())
    assert not os.path.exists(folder)


NAMES = ["$(touch pwned) a b'\"c", "-rf;touch pwned", "new\nline`touch pwned`\\", "$HOME é🐘"]


@pytest.mark.parametrize("name", NAMES)
def test_hooks_work_at_a_path_of_any_name(tmp_path: Path, name: str) -> None:
    top = tmp_path / name / "top"
    checkout = Checkout(top, f"sub {name}")
    checkout.environment["PYTHONPATH"] = str(ROOT)
    ini = "[alembic]\nscript_location = %(here)s/migrations\npath_separator = os\nsqlalchemy.url = sqlite://\n"
    (checkout.root / "alembic.ini").write_text(ini)  # its own URL would hold the path
    checkout.fork()
    installed = checkout.branchmig("hooks", "install")
    assert installed.exit_code == 0, installed
    silent = checkout.run("commit", "--quiet", "--allow-empty", "-m", "nothing")
    assert (silent.returncode, silent.stderr) == (0, "")
    checkout.revision("ddd4", "aaa1")
    checkout.git("add", "--all")
    blocked = checkout.run("commit", "--quiet", "-m", "two heads")
    assert blocked.returncode == 1, blocked
    assert "branchmig: this commit would not leave a sound graph" in blocked.stderr
    assert "multiple-heads: 2 heads: ccc3 (step ccc3" in blocked.stderr
    (checkout.versions / "ddd4.py").unlink()
    checkout.git("add", "--all")
    merged = checkout.run("merge", "--quiet", "--no-edit", "main")
    assert merged.returncode != 0, merged
    assert "branchmig: this merge would not leave a sound graph" in merged.stderr
    bare = tmp_path / name / "remote.git"
    checkout.git("merge", "--abort")
    checkout.git("init", "--quiet", "--bare", str(bare))
    checkout.git("remote", "add", "origin", str(bare))
    pushed = checkout.run("push", "--quiet", "origin", "feature")
    assert pushed.returncode == 0, pushed
    assert not list(tmp_path.rglob("pwned"))
    assert not (ROOT / "pwned").exists()


def test_names_of_files_that_are_no_text_or_several_lines_stay_one_line_and_one_document(parted: Checkout) -> None:
    for name in (
        b"\xff\xfe bad.py",
        b"two\x85 lines.py",
        b"\x1b[31mred.py",
        b"-rf.py",
        b"$(touch pwned).py",
        b"a'b\".py",
    ):
        (parted.versions / os.fsdecode(name)).write_text("<<<<<<< ours\n=======\n>>>>>>> theirs\nrevision = (\n")
    parted.git("add", "--all")
    for place in ((), ("--at", "index")):
        told = parted.process("heads", *place)
        assert told.returncode == 3, told
        lines = told.stderr.splitlines()
        assert [line.split(" ")[0] for line in lines] == ["error:", *[""] * 5, "hint:"], lines
        assert "\x1b" not in told.stderr
        document = json.loads(parted.process("guard", "--format", "json", *place).stdout)
        assert (document["ok"], len(document["problems"])) == (False, 6)
    assert not (parted.top / "pwned").exists()


def test_a_package_that_only_another_branch_names_is_not_imported_to_read_that_branch(parted: Checkout) -> None:
    """The branch's settings say where it has its revisions; what they name is looked for, and never imported."""
    parted.git("switch", "--quiet", "--create", "evil")
    package = parted.top / "trap_of_another_branch"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('imported')\n")
    ini = parted.root / "alembic.ini"
    ini.write_text(ini.read_text().replace("%(here)s/migrations", "trap_of_another_branch:migrations"))
    parted.commit("evil")
    parted.git("switch", "--quiet", "feature")
    refused = parted.branchmig("heads", "--at", "evil", "--format", "json")
    assert (refused.exit_code, "trap_of_another_branch" in refused.stdout) == (3, True)
    assert "trap_of_another_branch" not in sys.modules


PASSWORDS = ("s3same-open", "p%40ss/w:rd-open", "two%20words-open")
LEAKS = (
    ("postgresql+psycopg://app:{}@127.0.0.1:1/db", "current"),
    ("postgresql+psycopg://127.0.0.1:1/db?user=app&password={}", "current"),
    ("postgresql+psycopg://127.0.0.1:1/db?user=app&sslpassword={}&sslmode=bogus", "current"),
    ("postgresql+psycopg://app@127.0.0.1:{}/db", "current"),
    ("mysql+pymysql://app:{}@127.0.0.1:1/db", "upgrade heads"),
    ("mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3D{}%3B", "current"),
    ("foo://app:{}@127.0.0.1/db", "check"),
    ("postgresql://app:{}", "current"),
)


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize(("url", "command"), LEAKS)
def test_no_password_of_a_url_is_in_any_output(
    parted: Checkout, monkeypatch: pytest.MonkeyPatch, url: str, command: str, password: str
) -> None:
    """Nor of one that env.py repeats in what it raises."""
    ini = parted.root / "alembic.ini"
    text = ini.read_text().replace(parted.url, url.format(password).replace("%", "%%"))
    ini.write_text(text)
    env = (parted.migrations / "env.py").read_text()
    repeating = env.replace(
        "def run_online():\n", "def run_online():\n    url = config.get_main_option('sqlalchemy.url')\n"
    )
    repeating = repeating.replace(
        "    engine =", "    if __import__('os').environ.get('REPEAT'):\n        raise LookupError(url)\n    engine ="
    )
    parted.write_env(repeating)
    secret = password.replace("%40", "@").replace("%20", " ")
    for repeats in ("", "1"):
        monkeypatch.setenv("REPEAT", repeats)
        told = parted.branchmig(*command.split(" "))
        assert told.exit_code == 3, told
        for output in (told.stdout, told.stderr):
            assert password not in output, told
            assert secret not in output, told


def test_a_traceback_shows_no_password_either(parted: Checkout) -> None:
    ini = parted.root / "alembic.ini"
    ini.write_text(ini.read_text().replace(parted.url, "postgresql+psycopg://app:s3same-open@127.0.0.1:1/db"))
    env = (parted.migrations / "env.py").read_text()
    parted.write_env(env + "\nraise LookupError(config.get_main_option('sqlalchemy.url'))\n")
    told = parted.process("--raiseerr", "upgrade", "heads", "--sql", python=(sys.executable, "-P"))
    assert told.returncode == 1, told
    assert "LookupError: postgresql+psycopg://app:***@127.0.0.1:1/db" in told.stderr
    assert "s3same" not in told.stdout + told.stderr


def test_the_url_of_current_verbose_hides_a_password_of_its_query(parted: Checkout, postgres_url: str) -> None:
    ini = parted.root / "alembic.ini"
    ini.write_text(ini.read_text().replace(parted.url, f"{postgres_url}?password=s3same-open"))
    told = parted.branchmig("current", "-v")
    assert (told.exit_code, "s3same" in told.stdout + told.stderr) == (0, False)
    document = json.loads(parted.branchmig("current", "--format", "json").stdout)
    assert [database["url"] for database in document["databases"]] == [f"{postgres_url}?password=***"]


def test_a_password_that_is_an_ordinary_word_leaves_messages_as_they_are(
    parted: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordinary = parted.branchmig("show", "nothing")
    for word in ("revision", "Label", "branch", "alembic"):
        monkeypatch.setenv("DB_PASSWORD", word)
        assert parted.branchmig("show", "nothing") == ordinary
    monkeypatch.setenv("DB_PASSWORD", "s3same-nothing")
    assert "'***'" in parted.branchmig("show", "s3same-nothing").stderr


ROLES = (
    ("postgres_url", "ALTER ROLE nobody_at_all PASSWORD 's3same-open'"),
    ("mariadb_url", "ALTER USER nobody_at_all IDENTIFIED BY 's3same-open'"),
    ("mariadb_url", 'CHANGE MASTER TO MASTER_PASSWORD="s3same-open", MASTER_NONSENSE=1'),
)


@pytest.mark.parametrize(("server", "statement"), ROLES)
def test_no_password_of_a_statement_is_in_an_error_the_journal_or_a_report(
    parted: Checkout, request: pytest.FixtureRequest, server: str, statement: str
) -> None:
    url = request.getfixturevalue(server)
    ini = parted.root / "alembic.ini"
    text = ini.read_text().replace(parted.url, url.replace("%", "%%"))
    ini.write_text(f"{text}[branchmig]\njournal = true\n")
    parted.url = url
    parted.revision("ddd4", "ccc3", upgrade=f"op.execute({statement!r})")
    outputs = []
    for command in ("upgrade heads", "upgrade heads", "repair", "audit", "status", "report --at worktree"):
        ended = parted.branchmig(*command.split(" "))
        outputs += [ended.stdout, ended.stderr]
    assert any("nobody_at_all" in output or "MASTER" in output for output in outputs)
    assert not [output for output in outputs if "s3same" in output]
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        for table in sa.inspect(connection).get_table_names():
            rows = connection.exec_driver_sql(f"SELECT * FROM {table}").all()
            assert "s3same" not in repr(rows), table
