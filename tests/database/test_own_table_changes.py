from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from branchmig.effects.own_table_changes import own_table_in, own_tables_changed, with_filter
from tests.support import ENV, ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

SPELLINGS = [
    "op.drop_table('branchmig_journal')",
    "op.drop_table('branchmig_statements', schema='app')",
    "op.execute('DROP TABLE IF EXISTS branchmig_journal')",
    "op.execute('drop table app.\"BRANCHMIG_JOURNAL\" cascade')",
    "op.execute('TRUNCATE branchmig_journal')",
    "op.execute('ALTER TABLE `branchmig_journal` ADD COLUMN x INT')",
    "op.execute('ALTER TABLE x RENAME TO branchmig_journal')",
    "op.execute('DROP TABLE ' 'branchmig' '_journal')",
    "op.execute('DROP TABLE a, branchmig_journal')",
    "op.execute('DROP TABLE ' + 'branchmig_journal')",
    "op.execute(f'DROP TABLE {schema}.branchmig_journal')",
    "op.rename_table('branchmig_journal', 'x')",
    "for name in ('a', 'branchmig_journal'):\n    op.drop_table(name)",
    "with op.batch_alter_table('branchmig_journal') as batch:\n    batch.drop_column('who')",
    "op.add_column('branchmig_journal', sa.Column('x', sa.Integer))",
    "op.execute('DELETE FROM app.branchmig_journal')",
    "op.execute(f'UPDATE branchmig_journal SET who = {who}')",
]
HARMLESS = [
    "'''drop branchmig_journal'''",
    "op.get_bind().execute(sa.select(sa.table('branchmig_journal', sa.column('id'))))",
    "op.execute('SELECT * FROM branchmig_journal')",
    "op.execute('DROP TABLE my_branchmig_journal_2')",
    "names = [t for t in ['a'] if t != 'branchmig_journal']",
    "op.drop_table('journal')  # not branchmig_journal",
]


@pytest.mark.parametrize("line", SPELLINGS)
def test_what_changes_a_table_of_branchmig_s_is_seen_by_any_spelling(line: str) -> None:
    body = "\n".join(f"    {item}" for item in line.splitlines())
    source = f"def upgrade():\n{body}\n\n\ndef downgrade():\n    pass\n".encode()
    assert own_tables_changed(source, "upgrade")
    assert not own_tables_changed(source, "downgrade")


@pytest.mark.parametrize("line", HARMLESS)
def test_what_reads_or_names_it_is_not(line: str) -> None:
    assert own_tables_changed(f"def upgrade():\n    {line}\n".encode(), "upgrade") == ()


def test_a_statement_that_was_put_together_is_seen_when_it_runs() -> None:
    assert own_table_in('DROP TABLE "app"."branchmig_journal"') == "branchmig_journal"
    assert own_table_in("INSERT INTO branchmig_journal VALUES (1)") is None
    assert own_table_in("ALTER TABLE branchmig_journal ADD COLUMN x INT /* branchmig */") is None


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", database_url)
    ini = project.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}\n[branchmig]\njournal = true\n")
    project.table("aaa1")
    assert project.branchmig("upgrade", "heads").exit_code == 0
    return project


def test_a_revision_that_drops_the_journal_is_refused_before_the_first_step(project: ProjectFolder) -> None:
    project.table("bbb2", "aaa1")
    project.revision("ccc3", "bbb2", upgrade="op.drop_table('branchmig_journal')")
    refused = project.branchmig("upgrade", "heads")
    assert (refused.exit_code, project.rows(), "branchmig_journal" in project.tables()) == (3, ["aaa1"], True)
    assert refused.stderr.splitlines() == [
        f"error: revision 'ccc3' (migrations/versions/ccc3.py:{line_of(project)}) would drop or change "
        "branchmig_journal, in which branchmig keeps its journal; nothing was run",
        "hint:  take that line out of migrations/versions/ccc3.py; and keep autogenerate from proposing it: "
        "branchmig adopt",
    ]
    assert "a run would be refused" in project.branchmig("upgrade", "heads", "--plan").stderr
    verdict = json.loads(project.branchmig("guard", "--format", "json").stdout)
    assert [(problem["code"], problem["revisions"]) for problem in verdict["problems"]] == [("own-tables", ["ccc3"])]
    project.revision("ccc3", "bbb2", upgrade="op.execute('DROP TABLE branch' + 'mig_journal'.lower())")
    late = project.branchmig("upgrade", "heads")
    assert (late.exit_code, "error: a statement would drop or change branchmig_journal" in late.stderr) == (3, True)
    assert "branchmig_journal" in project.tables()


def line_of(project: ProjectFolder) -> int:
    lines = (project.versions / "ccc3.py").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if "branchmig_journal" in line)


def test_adopt_writes_the_filter_that_keeps_plain_alembic_from_proposing_it(tmp_path: Path, sqlite_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.write_env(ENV.replace("{options}", "").replace("target_metadata=None", "target_metadata=metadata"))
    env = project.migrations / "env.py"
    env.write_text(f"import sqlalchemy as sa\n\nmetadata = sa.MetaData()\n{env.read_text()}")
    project.revision("aaa1")
    assert project.branchmig("adopt", "--yes").exit_code == 0
    assert project.branchmig("upgrade", "heads").exit_code == 0
    assert project.alembic("check").exit_code == 0
    assert project.branchmig("check").exit_code == 0
    assert project.branchmig("adopt", "--yes").stderr.endswith("Nothing to do: the project is set up.\n")


def test_an_env_py_with_a_filter_of_its_own_is_left_alone() -> None:
    plain = b"def run():\n    context.configure(connection=c)\n"
    assert with_filter(plain) is not None
    for own in (b"connection=c, include_object=f", b"connection=c, **options", b"url=u"):
        assert with_filter(plain.replace(b"connection=c", own)) is None
