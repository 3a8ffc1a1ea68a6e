"""env.py as people have it: each runs under both programs and must leave the same."""

from __future__ import annotations

import logging
import shlex
import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.parity.pair import contents, in_any_order, without_dates
from tests.support import ENV, ProjectFolder, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MODELS = """\
import sqlalchemy as sa

metadata = sa.MetaData()
sa.Table("users", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(50)))
"""

JOURNEY = (
    "revision --rev-id aaa1 --autogenerate -m first",
    "upgrade head --sql",
    "upgrade head",
    "current",
    "current -v",
    "check",
    "revision --rev-id bbb2 -m second",
    "history -i",
    "upgrade +1",
    "downgrade -1",
    "stamp heads",
    "downgrade base",
)


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Undo what fileConfig of a template's env.py does to the loggers."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    for name in ("alembic", "sqlalchemy.engine"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def travel(folder: Path, run: Callable[..., Result], journey: tuple[str, ...]) -> list[object]:
    """Run a journey, and return what each command line did, printed and left behind."""
    seen: list[object] = []
    for words in journey:
        result = run(*shlex.split(words))
        assert result.exit_code == 0, (words, result.stderr)
        stdout = in_any_order(tuple(without_dates(result.stdout.replace(str(folder), "<root>")).splitlines()))
        seen.append((words, stdout, _databases(folder)))
    return [*seen, _files(folder)]


def _databases(folder: Path) -> dict[str, list[str]]:
    found = {}
    for path in sorted(folder.glob("*.db")):
        connection = sqlite3.connect(path)
        found[path.name] = sorted(connection.iterdump())
        connection.close()
    return found


def _files(folder: Path) -> dict[str, list[str]]:
    texts = {name: content.decode() for name, content in contents(folder).items() if not name.endswith(".db")}
    return {
        name: without_dates(text.replace(str(folder), "<root>")).splitlines()
        for name, text in texts.items()
        if name.startswith("migrations/versions")
    }


def twice(tmp_path: Path, make: Callable[[ProjectFolder], None], journey: tuple[str, ...] = JOURNEY) -> None:
    """Make a project in two folders, travel in one with branchmig and in the other with alembic, and compare."""
    seen = []
    for name in ("ours", "them"):
        root = tmp_path / name
        project = ProjectFolder(root, f"sqlite:///{root}/test.db")
        (root / "models.py").write_text(MODELS)
        make(project)
        seen.append(travel(root, project.branchmig if name == "ours" else project.alembic, journey))
    assert seen[0] == seen[1]


@pytest.mark.heavy
@pytest.mark.parametrize("template", ["generic", "async", "multidb", "pyproject", "pyproject_async"])
def test_the_env_py_of_each_template(tmp_path: Path, template: str) -> None:
    def make(project: ProjectFolder) -> None:
        for path in sorted(project.root.rglob("*"), reverse=True):
            if path.name != "models.py":
                path.rmdir() if path.is_dir() else path.unlink()
        assert project.alembic("init", "-t", template, "migrations").exit_code == 0
        ini = project.root / "alembic.ini"
        url = project.url.replace("sqlite:", "sqlite+aiosqlite:") if "async" in template else project.url
        text = ini.read_text().replace("driver://user:pass@localhost/dbname2", url.replace("test.db", "second.db"))
        ini.write_text(text.replace("driver://user:pass@localhost/dbname", url))
        env = project.migrations / "env.py"
        models = f"import runpy\nmetadata = runpy.run_path({str(project.root / 'models.py')!r})['metadata']\n"
        text = env.read_text().replace("target_metadata = None", f"{models}target_metadata = metadata")
        env.write_text(
            text.replace(
                "target_metadata = {}", f"{models}target_metadata = {{'engine1': metadata, 'engine2': metadata}}"
            )
        )

    # Offline, the template for several databases writes files of its own.
    journey = tuple(words for words in JOURNEY if template != "multidb" or "--sql" not in words)
    twice(tmp_path, make, tuple(words for words in journey if template != "multidb" or words != "history -i"))


SHARED = """\
from alembic import context
import sqlalchemy as sa

connection = context.config.attributes.get("connection")
if connection is None:
    connection = sa.create_engine(context.config.get_main_option("sqlalchemy.url")).connect()
context.configure(connection=connection, target_metadata=None)
with context.begin_transaction():
    context.run_migrations()
"""

WALKING = """
script = context.script
seen = [(one.revision, one.down_revision, one.doc, one.is_head, one.is_base, one.is_branch_point,
         sorted(one.branch_labels), one.module.revision, one.longdoc.split('Create')[0])
        for one in script.walk_revisions()]
heads = (sorted(script.get_heads()), script.get_bases(), sorted(one.revision for one in script.get_revisions("heads")))
one = script.get_revision("aaa1")
print(sorted(seen), heads, sorted(one.nextrev), script.dir == context.script.dir, script.as_revision_number("aaa"))
print([one.revision for one in script.iterate_revisions("bbb2", "base")])
print(sorted(one.revision for one in context.get_context().script.walk_revisions())
      if context.get_context().script else None)
"""


def test_one_that_walks_context_script(tmp_path: Path) -> None:
    def make(project: ProjectFolder) -> None:
        project.table("aaa1", message="first\n\nbody")
        project.table("bbb2", "aaa1", labels=("side",))
        project.table("ccc3", "aaa1")
        project.write_env(ENV.replace("{options}", "") + WALKING)

    twice(tmp_path, make, ("upgrade heads", "current", "downgrade aaa1", "revision --rev-id ddd4 --head bbb2 -m more"))


def test_one_that_asks_for_the_head_and_the_arguments(tmp_path: Path) -> None:
    asking = """
print(context.get_head_revision(), context.get_head_revisions(), context.get_revision_argument(),
      context.get_tag_argument(), context.get_x_argument(), context.is_offline_mode())
"""

    def make(project: ProjectFolder) -> None:
        project.table("aaa1")
        project.table("bbb2", "aaa1")
        project.write_env(ENV.replace("{options}", "") + asking)

    journey = ("upgrade aaa", "upgrade head --tag now", "downgrade -1", "downgrade bbb2:base --sql", "upgrade +1")
    twice(tmp_path, make, (*journey, "-x a=b downgrade base", "upgrade aaa1:head --sql"))


TENANTS = ENV.replace(
    "        context.configure(connection=connection, target_metadata=None{options})",
    """\
        import sqlalchemy as sa
        tenant = context.get_x_argument(as_dictionary=True).get("tenant")
        connection.execute(sa.text('SET search_path TO "%s"' % tenant))
        connection.commit()
        connection.dialect.default_schema_name = tenant
        context.configure(connection=connection, target_metadata=None)""",
)


def test_the_multi_tenant_recipe(tmp_path: Path, postgres_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", postgres_url)
    project.write_env(TENANTS)
    project.table("aaa1")
    project.table("bbb2", "aaa1")
    for name, run in (("ours", project.branchmig), ("them", project.alembic)):
        project.execute(f"CREATE SCHEMA {name}")
        for words in ("upgrade head", "downgrade -1"):
            result = run("-x", f"tenant={name}", *words.split())
            assert result.exit_code == 0, result.stderr
    assert project.rows(schema="ours") == project.rows(schema="them") == ["aaa1"]
    assert project.rows() is None
    shown = project.branchmig("-x", "tenant=ours", "current"), project.alembic("-x", "tenant=them", "current")
    assert shown[0].stdout == shown[1].stdout == "aaa1\n"


def test_one_that_shares_a_connection(tmp_path: Path) -> None:
    import sqlalchemy as sa
    from alembic import command as alembic_command
    from alembic.config import Config

    from branchmig import command

    seen = []
    for name, commands in (("ours", command), ("them", alembic_command)):
        project = ProjectFolder(tmp_path / name, f"sqlite:///{tmp_path / name}/test.db")
        project.table("aaa1")
        project.table("bbb2", "aaa1")
        project.write_env(SHARED)
        config = Config(str(project.root / "alembic.ini"))
        engine = sa.create_engine("sqlite://")
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            commands.upgrade(config, "head")
            commands.downgrade(config, "-1")
            commands.stamp(config, ["bbb2"])
            seen.append(
                (sa.inspect(connection).get_table_names(), connection.exec_driver_sql(VERSIONS).scalars().all())
            )
        assert not (project.root / "test.db").exists()
        engine.dispose()
    assert seen[0] == seen[1] == (["alembic_version", "t_aaa1"], ["bbb2"])


VERSIONS = "SELECT version_num FROM alembic_version"
