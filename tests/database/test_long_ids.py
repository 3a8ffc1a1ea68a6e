"""Ids longer than alembic's 32 characters, beside alembic: what decides is the column when the row is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

LONG = "a_revision_with_a_name_as_people_write_them"
# ruff: noqa: E501 - two statements
WIDEN = "op.alter_column('alembic_version', 'version_num', type_=sa.String(255), existing_type=sa.String(32), nullable=False)"
NARROW = "op.alter_column('alembic_version', 'version_num', type_=sa.String(32), existing_type=sa.String(255), nullable=False)"
OWN_TABLE = 'connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(255) PRIMARY KEY)")'


@pytest.fixture(params=["postgres_url", "mariadb_url"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(tmp_path / "project", request.getfixturevalue(request.param))


def test_a_chain_that_widens_the_column_runs_as_under_alembic(project: ProjectFolder) -> None:
    project.revision("aaa1", upgrade=WIDEN, downgrade=NARROW)
    project.revision(LONG, "aaa1")
    for run in (project.alembic, project.branchmig):
        assert run("upgrade", "heads").exit_code == 0
        assert project.rows() == [LONG]
        assert run("downgrade", "base").exit_code == 0
        assert project.rows() == []


def test_an_env_py_with_a_wide_table_of_its_own(project: ProjectFolder) -> None:
    env = (project.migrations / "env.py").read_text()
    own = f"{OWN_TABLE}\n        connection.commit()\n        context.configure("
    project.write_env(env.replace("context.configure(connection", f"{own}connection", 1))
    project.revision("aaa1")
    project.revision(LONG, "aaa1")
    result = project.branchmig("upgrade", "heads")
    assert (result.exit_code, project.rows()) == (0, [LONG]), result.stderr


def test_where_nothing_widens_it_the_step_is_refused_and_the_report_is_true(project: ProjectFolder) -> None:
    project.table("aaa1")
    project.table(LONG, "aaa1")
    result = project.branchmig("upgrade", "heads")
    assert result.exit_code == 3
    assert f"revision id {LONG!r} has {len(LONG)} characters; the version table holds 32" in result.stderr
    hint = result.stderr.partition("ensure_version; ")[2].strip()
    rows = [str(row) for row in project.rows() or []]
    at = ", ".join(rows) or "base"
    assert f"the database is at: {at}\n" in result.stderr, (result.stderr, rows)
    assert f"t_{LONG}" not in project.tables()
    assert ("t_aaa1" in project.tables()) == (rows == ["aaa1"])
    assert project.branchmig("ensure_version").exit_code == 0
    project.execute(hint)
    assert project.branchmig("upgrade", "heads").exit_code == 0
    assert project.rows() == [LONG]


def test_a_stamp_is_refused_before_it_writes(project: ProjectFolder) -> None:
    project.revision(LONG)
    assert project.branchmig("stamp", "heads").exit_code == 3
    assert not project.rows()


def test_offline_it_is_written_as_alembic_writes_it(project: ProjectFolder) -> None:
    project.revision("aaa1")
    project.revision(LONG, "aaa1")
    ours, theirs = project.branchmig("upgrade", "heads", "--sql"), project.alembic("upgrade", "heads", "--sql")
    assert (ours.exit_code, ours.stdout) == (0, theirs.stdout)
