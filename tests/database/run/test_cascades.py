"""Batch mode on SQLite with foreign_keys on: alembic loses the rows of other tables without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

TABLES = """\
op.create_table('parent', sa.Column('id', sa.Integer, primary_key=True), sa.Column('x', sa.String))
op.create_table('child', sa.Column('id', sa.Integer, primary_key=True),
    sa.Column('parent_id', sa.Integer, sa.ForeignKey('parent.id', ondelete={action!r})))"""
BATCH = """\
with op.batch_alter_table('parent') as batch:
    batch.alter_column('x', type_=sa.Text, existing_type=sa.String)"""


def family(tmp_path: Path, action: str | None = "CASCADE", pragma: str = "ON") -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", f"sqlite:///{tmp_path / 'app.db'}")
    env = (project.migrations / "env.py").read_text()
    switch = (
        "    from sqlalchemy import event\n"
        f"    event.listen(engine, 'connect', lambda one, _: one.execute('PRAGMA foreign_keys={pragma}'))\n"
    )
    project.write_env(env.replace("    with engine.connect()", f"{switch}    with engine.connect()", 1))
    project.revision("aaa1", upgrade=TABLES.format(action=action))
    project.revision("bbb2", "aaa1", upgrade=BATCH)
    assert project.branchmig("upgrade", "aaa1").exit_code == 0
    return project


@pytest.mark.parametrize(
    ("action", "words"),
    [("CASCADE", "delete 2 rows of 'child' (ON DELETE CASCADE)"), ("SET NULL", "set to NULL in 2 rows of 'child'")],
)
def test_a_batch_operation_that_would_lose_rows_is_refused_with_counts(tmp_path: Path, action: str, words: str) -> None:
    project = family(tmp_path, action)
    project.execute("INSERT INTO parent VALUES (1, 'a')", "INSERT INTO child VALUES (1, 1), (2, 1), (3, NULL)")
    result = project.branchmig("upgrade", "heads")
    assert result.exit_code == 3
    assert words in result.stderr
    assert "PRAGMA foreign_keys=OFF" in result.stderr
    assert project.tables() == ["child", "parent"]
    assert project.rows() == ["aaa1"]
    assert project.branchmig("upgrade", "heads").exit_code == 3
    env = (project.migrations / "env.py").read_text()
    way_out = result.stderr.partition("context.configure(): ")[2].partition("\n")[0]
    project.write_env(
        env.replace("        context.configure(connection", f"        {way_out}\n        context.configure(connection")
    )
    assert project.branchmig("upgrade", "heads").exit_code == 0
    assert project.rows() == ["bbb2"]


@pytest.mark.parametrize(
    ("action", "pragma", "rows"),
    [
        ("CASCADE", "ON", ()),
        ("CASCADE", "OFF", ("INSERT INTO child VALUES (1, 1)",)),
        ("CASCADE", "ON", ("INSERT INTO child VALUES (1, NULL)",)),
    ],
)
def test_where_nothing_is_lost_it_runs(tmp_path: Path, action: str, pragma: str, rows: tuple[str, ...]) -> None:
    project = family(tmp_path, action, pragma)
    project.execute("INSERT INTO parent VALUES (1, 'a')", *rows)
    result = project.branchmig("upgrade", "heads")
    assert (result.exit_code, project.rows()) == (0, ["bbb2"]), result.stderr
