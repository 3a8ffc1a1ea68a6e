"""`downgrade --keep-rows` and `kept`: what a downgrade drops comes back with the next upgrade, merged by key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> ProjectFolder:
    """base1 makes parents; feat1 gives them a note and children; both are applied, and have rows."""
    made = ProjectFolder(tmp_path / "project", database_url)
    made.revision(
        "base1",
        upgrade="op.create_table('parents', sa.Column('id', sa.Integer(), primary_key=True))\n"
        "op.create_table('bare', sa.Column('n', sa.Integer()))",
        downgrade="op.drop_table('bare')\nop.drop_table('parents')",
    )
    made.revision(
        "feat1",
        "base1",
        upgrade="""\
        op.add_column("parents", sa.Column("note", sa.String(20), server_default="new"))
        op.create_table(
            "children",
            sa.Column("id", sa.Integer(), primary_key=True),
            sa.Column("parent", sa.Integer(), sa.ForeignKey("parents.id")),
            sa.Column("name", sa.String(20), unique=True),
        )
        """,
        downgrade="op.drop_table('children')\nop.drop_column('parents', 'note')",
    )
    assert made.branchmig("upgrade", "head").exit_code == 0
    made.execute(
        "INSERT INTO parents (id, note) VALUES (1, 'one'), (2, 'two')",
        "INSERT INTO children (id, parent, name) VALUES (10, 1, 'ten'), (20, 2, 'twenty'), (30, NULL, 'it''s')",
    )
    return made


def all_rows(project: ProjectFolder, query: str) -> list[tuple[Any, ...]]:
    engine = sa.create_engine(project.url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        return sorted(tuple(row) for row in connection.execute(sa.text(query)))


def kept(project: ProjectFolder) -> list[tuple[str, str, str | None, int]]:
    document = json.loads(project.branchmig("kept", "list", "--format", "json").stdout)
    return [(entry["revision"], entry["table"], entry["column"], entry["rows"]) for entry in document["kept"]]


def test_what_was_dropped_last_comes_back_first(tmp_path: Path, database_url: str) -> None:
    """One revision makes both tables: the parents must have their rows before the children get theirs."""
    project = ProjectFolder(tmp_path / "both", database_url)
    project.revision(
        "aaa1",
        upgrade="op.create_table('parents', sa.Column('id', sa.Integer(), primary_key=True))\n"
        "op.create_table('children', sa.Column('id', sa.Integer(), primary_key=True),"
        " sa.Column('parent', sa.Integer(), sa.ForeignKey('parents.id')))",
        downgrade="op.drop_table('children')\nop.drop_table('parents')",
    )
    assert project.branchmig("upgrade", "head").exit_code == 0
    project.execute("INSERT INTO parents (id) VALUES (1)", "INSERT INTO children (id, parent) VALUES (10, 1)")
    assert project.branchmig("downgrade", "--keep-rows", "base").exit_code == 0
    result = project.branchmig("upgrade", "head")
    assert "Brought back parents: 1 row.\nBrought back children: 1 row.\n" in result.stderr
    assert all_rows(project, "SELECT id, parent FROM children") == [(10, 1)]


def test_rows_come_back_merged_by_key(project: ProjectFolder) -> None:
    result = project.branchmig("downgrade", "--keep-rows", "-1")
    assert result.exit_code == 0, result.stderr
    assert "Kept table children (3 rows).\nKept column parents.note (2 rows).\n" in result.stderr
    assert kept(project) == [("feat1", "children", None, 3), ("feat1", "parents", "note", 2)]
    assert [table for table in project.tables() if not table.startswith("branchmig_")] == ["bare", "parents"]
    project.execute("DELETE FROM parents WHERE id = 2", "INSERT INTO parents (id) VALUES (3)")
    result = project.branchmig("upgrade", "head")
    assert (result.exit_code, project.rows()) == (0, ["feat1"])
    for line in (
        "Brought back children: 2 rows.",
        "of children stay set aside: row 20: the parent row is gone",
        "Brought back parents.note: 1 row.",
        "of parents.note stay set aside: row 2: the rows are gone",
    ):
        assert line in result.stderr
    assert all_rows(project, "SELECT id, note FROM parents") == [(1, "one"), (3, "new")]
    assert all_rows(project, "SELECT id, name FROM children") == [(10, "ten"), (30, "it's")]
    assert kept(project) == [("feat1", "children", None, 1), ("feat1", "parents", "note", 1)]
    assert project.branchmig("kept", "drop", "--all").exit_code == 1
    assert len(kept(project)) == 2
    assert project.branchmig("kept", "drop", "--all", "--yes").exit_code == 0
    assert (kept(project), project.branchmig("kept").stderr) == ([], "Nothing is set aside.\n")


def test_what_cannot_be_kept_is_said_before_anything_runs(project: ProjectFolder) -> None:
    project.revision(
        "late1",
        "feat1",
        upgrade="op.add_column('bare', sa.Column('x', sa.Integer()))",
        downgrade="op.drop_column('bare', 'x')\nop.execute('DELETE FROM parents WHERE id = 99')",
    )
    assert project.branchmig("upgrade", "head").exit_code == 0
    result = project.branchmig("downgrade", "--keep-rows", "base1")
    assert (result.exit_code, project.rows(), kept(project)) == (1, ["late1"], [])
    assert "cannot be kept: late1: column bare.x, whose table has no primary key\n" in result.stderr
    assert "cannot be kept: late1: rows deleted from table parents, which no copy brings back\n" in result.stderr
    assert project.branchmig("downgrade", "--keep-rows", "--yes", "base1").exit_code == 0
    assert (project.rows(), len(kept(project))) == (["base1"], 2)


def test_autogenerate_does_not_see_what_is_set_aside(project: ProjectFolder) -> None:
    assert project.branchmig("downgrade", "--keep-rows", "base").exit_code == 0
    assert len(kept(project)) == 4
    env = (project.migrations / "env.py").read_text()
    project.write_env(env.replace("target_metadata=None", "target_metadata=__import__('sqlalchemy').MetaData()"))
    for path in project.versions.glob("*.py"):
        path.unlink()
    result = project.branchmig("revision", "--autogenerate", "-m", "nothing")
    assert result.exit_code == 0, result.stderr
    (written,) = project.versions.glob("*.py")
    assert "branchmig_kept" not in written.read_text()
