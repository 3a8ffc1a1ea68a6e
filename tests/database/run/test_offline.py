"""The SQL of each revision by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from branchmig.database.run.offline import sql_of_each
from branchmig.errors import EnvironmentFailed
from branchmig.project.config import Invocation, locate_files
from branchmig.project.project import Project
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path


def written(project: ProjectFolder, *ids: str) -> dict[str, str]:
    invocation = Invocation(locate_files([str(project.root / "alembic.ini")], "alembic", {}), (), True, False, ())
    return sql_of_each(Project.open(invocation.files), invocation, ids, lambda *_: None)


@pytest.fixture
def project(tmp_path: Path, sqlite_url: str) -> ProjectFolder:
    """aaa1 - bbb2 - ccc3, which asks the database; ddd4 stands on aaa1, and does nothing."""
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.table("aaa1")
    project.revision("bbb2", "aaa1", upgrade="op.execute('UPDATE t_aaa1 SET id = 1')\nop.drop_table('t_aaa1')")
    project.revision("ccc3", "bbb2", upgrade="op.get_bind().execute(sa.text('SELECT 1')).scalar()")
    project.revision("ddd4", "aaa1")
    return project


def test_each_revision_has_its_own_sql_and_no_other(project: ProjectFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert written(project, "aaa1", "bbb2", "ccc3", "ddd4") == {
        "aaa1": "CREATE TABLE t_aaa1 (\n    id INTEGER NOT NULL, \n    PRIMARY KEY (id)\n);\n",
        "bbb2": "UPDATE t_aaa1 SET id = 1;\n\nDROP TABLE t_aaa1;\n",
        "ccc3": "SELECT 1;\n\n"
        "-- cannot be written as SQL: AttributeError: 'NoneType' object has no attribute 'scalar'\n",
        "ddd4": "-- nothing to run\n",
    }
    assert capsys.readouterr().out == ""
    assert project.rows() is None


def test_only_the_scripts_asked_for_are_run(project: ProjectFolder) -> None:
    (project.versions / "aaa1.py").write_text((project.versions / "aaa1.py").read_text() + "\nraise SystemExit\n")
    assert written(project, "ddd4") == {"ddd4": "-- nothing to run\n"}


def test_a_script_that_cannot_be_imported_costs_only_its_own(project: ProjectFolder) -> None:
    path = project.versions / "aaa1.py"
    path.write_text(path.read_text() + "\nraise RuntimeError('first\\nsecond')\n")
    assert written(project, "aaa1", "ddd4") == {
        "aaa1": "-- cannot be written as SQL: RuntimeError: first second\n",
        "ddd4": "-- nothing to run\n",
    }


def test_an_env_py_without_an_offline_mode_is_told(project: ProjectFolder) -> None:
    project.write_env("raise NotImplementedError('online only')\n")
    with pytest.raises(EnvironmentFailed, match="online only"):
        written(project, "aaa1")
