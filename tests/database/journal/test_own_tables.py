from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from branchmig.database.trial.reflection import read_catalog
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

MODELS = """\
import sqlalchemy as sa

metadata = sa.MetaData()
sa.Table("t_aaa1", metadata, sa.Column("id", sa.Integer, primary_key=True))


def include_name(name, type_, parent_names):
    print("asked for", type_, name)
    return name != "left_out"


def include_object(thing, name, type_, reflected, compare_to):
    return name != "left_out_too"
"""
# The line of docs/journal.md.
FILTER = """\
def include_name(name, type_, parent_names):
    return not (type_ == "table" and name.startswith("branchmig_"))
"""


def with_models(project: ProjectFolder, options: str, models: str = MODELS) -> ProjectFolder:
    ini = project.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}\n[branchmig]\njournal = true\n")
    env = (project.migrations / "env.py").read_text()
    env = env.replace("config = context.config\n", f"config = context.config\n{models}\n")
    project.write_env(env.replace("target_metadata=None", f"target_metadata=metadata{options}"))
    project.table("aaa1")
    assert project.branchmig("upgrade", "heads").exit_code == 0
    assert "branchmig_journal" in project.tables()
    return project


@pytest.mark.parametrize("options", ["", ", include_schemas=True"])
def test_autogenerate_never_offers_the_journal_for_removal(tmp_path: Path, database_url: str, options: str) -> None:
    project = with_models(ProjectFolder(tmp_path / "project", database_url), options)
    if options and database_url.startswith("mysql"):
        pytest.skip("include_schemas compares every database of the server there")
    result = project.branchmig("check")
    assert (result.exit_code, result.stderr) == (0, "")


def test_the_filters_of_env_py_are_asked_of_everything_else(tmp_path: Path, sqlite_url: str) -> None:
    options = ", include_name=include_name, include_object=include_object"
    project = with_models(ProjectFolder(tmp_path / "project", sqlite_url), options)
    project.execute("CREATE TABLE left_out (x INT)", "CREATE TABLE left_out_too (x INT)")
    result = project.branchmig("check")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "asked for table left_out\n" in result.stdout
    assert "branchmig" not in result.stdout
    project.execute("CREATE TABLE extra (x INT)")
    assert "remove_table" in project.branchmig("check").stderr


def test_a_journal_in_a_schema_of_its_own_is_left_alone_too(tmp_path: Path, postgres_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", postgres_url)
    project.execute("CREATE SCHEMA meta")
    options = ", include_schemas=True, version_table_schema='meta'"
    ini = project.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}\n[branchmig]\njournal = true\n")
    env = (
        (project.migrations / "env.py")
        .read_text()
        .replace("config = context.config\n", f"config = context.config\n{MODELS}\n")
    )
    project.write_env(env.replace("target_metadata=None", f"target_metadata=metadata{options}"))
    project.table("aaa1")
    assert project.branchmig("upgrade", "heads").exit_code == 0
    assert project.branchmig("check").exit_code == 0


def test_one_line_of_a_filter_keeps_plain_alembic_from_it(tmp_path: Path, database_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", database_url)
    with_models(project, ", include_name=include_name", MODELS.partition("def")[0] + FILTER)
    result = project.alembic("check")
    assert result.exit_code == 0, result
    project.execute("CREATE TABLE extra (x INT)")
    assert project.alembic("check").exit_code != 0


@pytest.mark.heavy
def test_downgrade_base_and_a_purge_leave_the_journal(tmp_path: Path, database_url: str) -> None:
    project = with_models(ProjectFolder(tmp_path / "project", database_url), "")
    for words in (("downgrade", "base"), ("stamp", "--purge", "heads"), ("stamp", "--purge", "base")):
        assert project.branchmig(*words).exit_code == 0
        assert "branchmig_journal" in project.tables()


def test_comparisons_of_databases_leave_them_out(tmp_path: Path, database_url: str) -> None:
    with_models(ProjectFolder(tmp_path / "project", database_url), "")
    engine = sa.create_engine(database_url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        found = read_catalog(connection, {(None, "alembic_version")})
    objects = {name for name in found.objects if not name.startswith(("schema ", "extension "))}
    assert objects - {"sequence t_aaa1_id_seq"} == {"table t_aaa1"}
