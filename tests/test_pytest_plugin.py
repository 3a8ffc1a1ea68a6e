from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import pytest

from tests.conftest import MARIADB, POSTGRES, ROOT
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

TESTS = """
import os, pytest, sqlalchemy as sa, sqlalchemy.orm

opened = []

def rows(url):
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        return version, connection.exec_driver_sql("SELECT count(*) FROM t_aaa1").scalar()

@pytest.mark.parametrize("number", range(3))
def test_each_has_its_own(branchmig_url, number):
    assert rows(branchmig_url) == ("bbb2", 0)
    connection = sa.create_engine(branchmig_url).connect()
    connection.exec_driver_sql("INSERT INTO t_aaa1 (id) VALUES (7)")
    connection.commit()
    connection.exec_driver_sql("SELECT * FROM t_aaa1")
    opened.append(connection)
    if number == 2:
        connection.close()
        connection.engine.dispose()
    open("urls", "a").write(branchmig_url + "\\n")
    assert rows(branchmig_url) == ("bbb2", 1)
    if number == 1:
        connection.exec_driver_sql("CREATE TABLE more (id int)")
        connection.commit()
        assert False, "a test that fails"

def test_engine(branchmig_engine):
    with branchmig_engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM t_aaa1").scalar() == 0
        assert not sa.inspect(connection).has_table("more")
    open("urls", "a").write(branchmig_engine.url.render_as_string(hide_password=False) + "\\n")

@pytest.mark.parametrize("number", range(2))
def test_rolled_back(branchmig_connection, branchmig_session_url, number):
    assert str(branchmig_connection.engine.url.database) in branchmig_session_url
    session = sa.orm.Session(branchmig_connection, join_transaction_mode="create_savepoint")
    session.execute(sa.text("INSERT INTO t_aaa1 (id) VALUES (1)"))
    session.commit()
    session.close()
    assert branchmig_connection.exec_driver_sql("SELECT count(*) FROM t_aaa1").scalar() == 1

def test_nothing_of_it_is_left(branchmig_session_url):
    open("urls", "a").write(branchmig_session_url + "\\n")
    assert rows(branchmig_session_url)[1] == 0
"""


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", "sqlite:////nowhere/at/all.db")
    project.table("aaa1")
    project.table("bbb2", "aaa1")
    (project.root / "test_shop.py").write_text(TESTS)
    return project


def run_pytest(folder: Path, *options: str) -> tuple[int, str]:
    """Run pytest as users do: with the plug-in by its entry point, or by name where an old installation lacks that."""
    known = any(point.name == "branchmig" for point in entry_points(group="pytest11"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *([] if known else ["-p", "branchmig.pytest_plugin"]), *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def still_there(project: ProjectFolder) -> list[str]:
    """Return the databases that the tests were given and that exist."""
    import sqlalchemy as sa

    found = []
    for url in set((project.root / "urls").read_text().split()):
        try:
            if sa.make_url(url).get_backend_name() == "sqlite" and not os.path.exists(sa.make_url(url).database or ""):
                continue
            sa.create_engine(url, poolclass=sa.pool.NullPool).connect().close()
            found.append(url)
        except sa.exc.OperationalError:
            continue
    return found


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("sqlite", ()),
        ("postgres", ("-n", "2")),
        ("postgres", ("--branchmig-reset=truncate",)),
        ("mariadb", ()),
    ],
    ids=["sqlite", "postgres, two processes", "postgres, truncate", "mariadb"],
)
def test_each_test_has_a_database_of_its_own(
    kind: str, options: tuple[str, ...], project: ProjectFolder, request: pytest.FixtureRequest
) -> None:
    if kind != "sqlite":
        request.getfixturevalue(f"{kind}_engine")
        server = {"postgres": POSTGRES, "mariadb": MARIADB}[kind].url()
        (project.root / "pytest.ini").write_text(f"[pytest]\nbranchmig_server = {server}\n")

    code, said = run_pytest(project.root, *options)

    assert (code, "1 failed, 6 passed" in said) == (1, True), said
    assert "a test that fails" in said
    urls = (project.root / "urls").read_text().split()
    # What was written is emptied, but after a test that failed or left a connection open.
    assert len(set(urls)) == (5 if kind == "sqlite" or "-n" in options else 4)
    assert still_there(project) == []
    with pytest.MonkeyPatch.context() as patch:
        if kind != "sqlite":
            patch.setenv("BRANCHMIG_SCRATCH_URL", server)
        assert project.branchmig("states", "drop", "--all", "--yes").exit_code == 0
        assert project.branchmig("states", "prune").stderr == "Nothing to drop.\n"


@pytest.mark.soak
def test_a_project_that_does_not_run_says_why(project: ProjectFolder) -> None:
    project.revision("ccc3", "bbb2", upgrade="op.drop_table('none')")
    code, said = run_pytest(project.root, "-k", "engine")
    assert code == 1
    assert "error: revision 'ccc3' (step ccc3) failed" in said
    code, said = run_pytest(project.root, "-k", "engine", "--branchmig-config=none.ini")
    assert (code, "-c names none.ini, which does not exist" in said) == (1, True)


SHOP = """
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

app = Flask("shop")
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:////nowhere/at/all.db"
Migrate(app, SQLAlchemy(app))
"""
FLASK_TEST = """
import sqlalchemy as sa

def test_migrated(branchmig_engine):
    with branchmig_engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "aaa1"
    open("urls", "a").write(str(branchmig_engine.url) + "\\n")
"""


@pytest.mark.soak
def test_a_flask_project_builds_with_its_application(tmp_path: Path) -> None:
    pytest.importorskip("flask_migrate")
    from tests.test_flask_plugin import PROJECT_ENV

    project = ProjectFolder(tmp_path / "project", "")
    (project.root / "alembic.ini").rename(project.migrations / "alembic.ini")
    (project.root / "shop.py").write_text(SHOP)
    project.write_env(PROJECT_ENV)
    project.table("aaa1")
    (project.root / "test_shop.py").write_text(FLASK_TEST)
    program = f"{sys.executable} -W ignore -m flask --app shop branchmig"
    (project.root / "pytest.ini").write_text(f"[pytest]\nbranchmig_program = {program}\n")

    code, said = run_pytest(project.root)

    assert code == 0, said
    assert still_there(project) == []
    states = subprocess.run(
        [*program.split(), "states"],
        cwd=project.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert "aaa1  (sqlite" in states.stdout
    assert "made by fresh" not in states.stdout
