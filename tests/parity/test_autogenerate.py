"""`revision --autogenerate` and `check`: with each thing that env.py may ask for, the files are alembic's."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from tests.parity.pair import contents, without_dates
from tests.support import ENV, ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

MODELS = """
import sqlalchemy as sa

metadata = sa.MetaData()
sa.Table("users", metadata, sa.Column("id", sa.Integer, primary_key=True),
         sa.Column("name", sa.Text, server_default="x", nullable=False), sa.Column("team", sa.ForeignKey("teams.id")))
sa.Table("teams", metadata, sa.Column("id", sa.BigInteger, primary_key=True), sa.Index("by_id", "id"))
more = sa.MetaData()
sa.Table("extras", more, sa.Column("id", sa.Integer, primary_key=True), sa.Column("kind", sa.Enum("a", "b", name="k")))
"""

DATABASE = (
    "CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(20) DEFAULT 'y')",
    "CREATE TABLE old (id INTEGER NOT NULL PRIMARY KEY, x INTEGER, y INTEGER)",
    "CREATE INDEX on_x ON old (x)",
)

CASES = {
    "models alone": ("", "target_metadata=metadata"),
    "several metadata": ("", "target_metadata=[metadata, more]"),
    "include_object": (
        "def include_object(object, name, type_, reflected, compare_to):\n    return name not in ('old', 'by_id')\n",
        "target_metadata=metadata, include_object=include_object",
    ),
    "include_name": (
        "def include_name(name, type_, parent_names):\n    return type_ != 'table' or name in ('users', 'teams')\n",
        "target_metadata=metadata, include_name=include_name, include_schemas=True",
    ),
    "no compare_type": ("", "target_metadata=metadata, compare_type=False"),
    "compare_type": (
        "def compare_type(context, inspected, column, inspected_type, type_):\n    return column.name == 'id'\n",
        "target_metadata=metadata, compare_type=compare_type",
    ),
    "compare_server_default": ("", "target_metadata=metadata, compare_server_default=True"),
    "render_item": (
        "def render_item(type_, obj, context):\n"
        "    if type_ == 'type' and isinstance(obj, sa.Text):\n"
        "        context.imports.add('import my.types')\n"
        "        return 'my.types.Text()'\n"
        "    return False\n",
        "target_metadata=metadata, render_item=render_item",
    ),
    "batch mode": ("", "target_metadata=metadata, render_as_batch=True"),
    "prefixes": ("", "target_metadata=metadata, sqlalchemy_module_prefix='sqla.', alembic_module_prefix='ops.'"),
    "plugins": ("", "target_metadata=metadata, autogenerate_plugins=['alembic.autogenerate.tables']"),
    "another name of the version table": ("", "target_metadata=metadata, version_table='versions'"),
    "directives that drop empty scripts": (
        "def directives(context, revision, scripts):\n"
        "    if not more.tables:\n        scripts[:] = []\n"
        "    scripts[0].message = 'from directives'\n",
        "target_metadata=metadata, process_revision_directives=directives",
    ),
    "directives that write nothing": (
        "def directives(context, revision, scripts):\n    scripts[:] = []\n",
        "target_metadata=metadata, process_revision_directives=directives",
    ),
    "directives that write several scripts": (
        "from alembic.operations import ops\n"
        "def directives(context, revision, scripts):\n"
        "    first = scripts[0]\n"
        "    second = ops.MigrationScript('new2', ops.UpgradeOps([ops.ExecuteSQLOp('SELECT 1')]),\n"
        "                                 ops.DowngradeOps([]), message='second', head=first.rev_id)\n"
        "    third = ops.MigrationScript('new3', ops.UpgradeOps([]), ops.DowngradeOps([]), message='third',\n"
        "                                head=first.rev_id, splice=True, branch_label='side', depends_on='new2')\n"
        "    scripts[:] = [first, second, third]\n",
        "target_metadata=metadata, process_revision_directives=directives",
    ),
    "a rewriter": (
        "from alembic.autogenerate import rewriter\nfrom alembic.operations import ops\n"
        "writer = rewriter.Rewriter()\n"
        "@writer.rewrites(ops.AddColumnOp)\n"
        "def add_column(context, revision, op):\n"
        "    return [op, ops.ExecuteSQLOp('-- added ' + op.column.name)]\n",
        "target_metadata=metadata, process_revision_directives=writer",
    ),
    "no metadata at all": ("", "target_metadata=None"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_files_are_alembics(tmp_path: Path, case: str) -> None:
    before, options = CASES[case]
    seen = []
    for name in ("ours", "them"):
        root = tmp_path / name
        project = ProjectFolder(root, f"sqlite:///{root}/test.db")
        project.write_env(MODELS + before + ENV.replace("target_metadata=None{options}", options))
        project.table("aaa1")
        project.execute(*DATABASE)
        run = project.branchmig if name == "ours" else project.alembic
        assert run("upgrade", "head").exit_code == 0
        project.execute("DROP TABLE t_aaa1")
        done = [
            run(*shlex.split(words)).exit_code == 0
            for words in ("check", "revision --autogenerate --rev-id new1 -m 'what changed'", "check")
        ]
        files = {path: without_dates(text.decode()) for path, text in contents(root).items() if "versions" in path}
        seen.append((done, files))
    if case == "directives that write nothing":
        # `check` of alembic ends there with an IndexError.
        assert [done for done, _ in seen] == [[True, True, True], [False, True, False]]
        seen = [(True, files) for _, files in seen]
    assert seen[0] == seen[1]


def test_check_says_in_alembics_words_what_is_new(tmp_path: Path, sqlite_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.write_env(MODELS + ENV.replace("target_metadata=None{options}", "target_metadata=more"))
    project.table("aaa1")
    assert project.branchmig("upgrade", "head").exit_code == 0
    project.execute("DROP TABLE t_aaa1")
    ours, theirs = project.branchmig("check"), project.alembic("check")
    assert (ours.exit_code, ours.stdout) == (1, "")
    # The text holds addresses of objects.
    words = "error: New upgrade operations detected: [('add_table', Table('extras', MetaData(), "
    assert ours.stderr.startswith(words)
    assert theirs.stdout.startswith(words.replace("error", "FAILED"))
    assert ours.stderr.splitlines()[-1] == "hint:  write them down: branchmig revision --autogenerate -m …"


@pytest.mark.parametrize("command", ["check", "revision --autogenerate"])
def test_models_are_only_compared_with_a_database_that_is_at_the_head(
    tmp_path: Path, sqlite_url: str, command: str
) -> None:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.write_env(MODELS + ENV.replace("target_metadata=None{options}", "target_metadata=metadata"))
    project.table("aaa1")
    project.table("bbb2", "aaa1")
    assert project.branchmig("upgrade", "aaa1").exit_code == 0
    result = project.branchmig(*command.split())
    assert (result.exit_code, result.stdout, result.stderr) == (
        3,
        "",
        "error: Target database is not up to date: it is at aaa1, the heads are bbb2\nhint:  branchmig upgrade heads\n",
    )
    assert project.alembic(*command.split()).exit_code != 0
    assert [path.name for path in project.versions.glob("*.py")] == ["aaa1.py", "bbb2.py"]
