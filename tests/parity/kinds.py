"""Projects as public ones are: each kind of env.py, header, script or template that they have, as small as it can be.

The shapes of shapes.py differ in their graph, and get many command lines; these get a few each. The package of the
project itself is called `shop` in all of them: the pair forgets it after each command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.parity.shapes import set_key
from tests.parity.test_moved_locations import project_of as moved_project
from tests.support import ENV, MAKO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support import ProjectFolder

READS_CONFIG = 'config.get_main_option("sqlalchemy.url")'


def constants(project: ProjectFolder) -> None:
    """OpenStack's neutron: branches in folders of a release, their labels from a module of the project."""
    _package(project, cli='EXPAND_BRANCH = "expand"\nCONTRACT_BRANCH = "contract"\n')
    set_key(project, "recursive_version_locations", "true")
    project.table("a1aa")
    for branch, revision in (("expand", "b2bb"), ("contract", "c2cc")):
        path = project.table(revision, "a1aa", depends_on=("b2bb",) if branch == "contract" else ())
        text = path.read_text().replace("branch_labels = None", f"branch_labels = (cli.{branch.upper()}_BRANCH,)")
        folder = project.versions / "mitaka" / branch
        folder.mkdir(parents=True)
        path.unlink()
        (folder / path.name).write_text(f"from shop import cli\n{text}\nneutron_milestone = ['mitaka']\n")


def moved(project: ProjectFolder) -> None:
    """Prefect: env.py looks for revisions in the folder of the database's kind."""
    made = moved_project(project.root / "made")
    made.migrations.joinpath("env.py").replace(project.migrations / "env.py")
    made.versions.joinpath("sqlite").replace(project.versions / "sqlite")


def own_table(project: ProjectFolder) -> None:
    """CKAN and plugins of any kind: a version table of their own."""
    env = ENV.replace("literal_binds=True", "literal_binds=True, version_table='shop_version'")
    project.write_env(env.replace("{options}", ", version_table='shop_version', version_table_pk=False"))
    _two(project)


def own_url(project: ProjectFolder) -> None:
    """FastAPI's templates, Onyx, Mealie: the URL comes from the application's settings."""
    _package(project, settings=f"class Settings:\n    URL = {project.url!r}\n\n\nsettings = Settings()\n")
    ini = project.root / "alembic.ini"
    ini.write_text(ini.read_text().replace(project.url, "driver://user:pass@localhost/dbname"))
    line = 'config = context.config\nconfig.set_main_option("sqlalchemy.url", settings.URL.replace("%", "%%"))\n'
    env = "from shop.settings import settings\n" + ENV.replace("{options}", "")
    project.write_env(env.replace("config = context.config\n", line))
    _two(project)


def long_ids(project: ProjectFolder) -> None:
    """Ids that people write by hand: longer than the column is wide."""
    project.table("a1aa")
    project.table("b2bb_add_the_table_of_users_and_their_addresses", "a1aa")


def dated(project: ProjectFolder) -> None:
    """Superset, Dispatch, Prefect: names of files that begin with dates."""
    set_key(project, "file_template", "%%(year)d_%%(rev)s_%%(slug)s")
    set_key(project, "truncate_slug_length", "8")
    set_key(project, "timezone", "UTC")
    for number, path in enumerate(_two(project)):
        path.rename(project.versions / f"202{9 - number}_01_01_{path.name}")


def own_template(project: ProjectFolder) -> None:
    """OpenStack, Warehouse, Dispatch: a script.py.mako with a licence, types, and no empty fields."""
    header, _, body = MAKO.partition("branch_labels = ")
    fields = "% if branch_labels:\nbranch_labels = ${repr(branch_labels)}\n% endif\n% if depends_on:\ndepends_on = "
    text = header.replace("revision = ${repr(up", "revision: str = ${repr(up") + fields
    text += body.partition("depends_on = ")[2].replace("}\n", "}\n% endif\n", 1)
    (project.migrations / "script.py.mako").write_text(f"# Licensed under the Apache License\n{text}")
    _two(project)


def batch(project: ProjectFolder) -> None:
    """MLflow, Optuna, JupyterHub: SQLite's tables are altered in batch mode."""
    project.write_env(ENV.replace("{options}", ", render_as_batch=True"))
    project.table("a1aa")
    table = "with op.batch_alter_table('t_a1aa') as table:\n    "
    add = "table.add_column(sa.Column('name', sa.String(10)))"
    project.revision(
        "b2bb",
        "a1aa",
        upgrade=f"{table}{add}\n    table.create_unique_constraint('u', ['name'])",
        downgrade=f"{table}table.drop_constraint('u', type_='unique')\n    table.drop_column('name')",
    )


def stepwise(project: ProjectFolder) -> None:
    """Airflow, Polar: a transaction for each revision, and statements outside of any."""
    project.write_env(ENV.replace("{options}", ", transaction_per_migration=True"))
    _two(project)
    apart = "with op.get_context().autocommit_block():\n    op.execute("
    project.revision(
        "c3cc",
        "b2bb",
        upgrade=f"{apart}'CREATE INDEX i ON t_b2bb (id)')",
        downgrade=f"{apart}'DROP INDEX i')",
    )


def tenants(project: ProjectFolder) -> None:
    """Onyx, Dispatch: env.py goes over tenants, or takes one from -x."""
    env = ENV.replace("{options}", ", version_table=f'{tenant}_version'").replace(
        "def run_online():", "def run_online(tenant):"
    )
    chosen = "    chosen = context.get_x_argument(as_dictionary=True).get('tenant')\n"
    loop = f"{chosen}    for tenant in [chosen] if chosen else ['red', 'blue']:\n"
    project.write_env(env.replace("else:\n    run_online()", f"else:\n{loop}        run_online(tenant)"))
    project.revision("a1aa")
    project.revision("b2bb", "a1aa")


def app_engine(project: ProjectFolder) -> None:
    """Flask-Migrate, Redash, Lemur: the application has the engine already."""
    _package(project, db=f"import sqlalchemy as sa\n\nengine = sa.create_engine({project.url!r})\n")
    env = f"from shop.db import engine\n{ENV}".replace("{options}", "")
    project.write_env(env.replace(f"    engine = create_engine({READS_CONFIG}, poolclass=pool.NullPool)\n", ""))
    _two(project)


def annotated(project: ProjectFolder) -> None:
    """Polar, Open WebUI, whatever alembic 1.12 and later began: headers with types."""
    for path in _two(project):
        text = path.read_text().replace("\nrevision = ", "\nrevision: str = ")
        text = text.replace("down_revision = ", "down_revision: Union[str, Sequence[str], None] = ")
        text = text.replace("branch_labels = None", "branch_labels: str | Sequence[str] | None = None")
        path.write_text(
            text.replace("from alembic import op", "from typing import Sequence, Union\nfrom alembic import op")
        )


def beside(project: ProjectFolder) -> None:
    """Rucio, AiiDA, Airflow: SQL in files beside the scripts, and helpers from the project."""
    _package(
        project,
        helpers="from pathlib import Path\n\n\ndef text(at, name):\n    return Path(at).with_name(name).read_text()\n",
    )
    (project.versions / "up.sql").write_text("CREATE TABLE t_sql (id INTEGER)")
    (project.versions / "down.sql").write_text("DROP TABLE t_sql")
    path = project.revision(
        "a1aa", upgrade="op.execute(text(__file__, 'up.sql'))", downgrade="op.execute(text(__file__, 'down.sql'))"
    )
    path.write_text(path.read_text().replace("import sqlalchemy", "from shop.helpers import text\nimport sqlalchemy"))
    project.table("b2bb", "a1aa")


def numbered(project: ProjectFolder) -> None:
    """JupyterHub's deployments, Keystone, many small ones: env.py gives new revisions the next number."""
    set_key(project, "revision_environment", "true")
    hook = (
        "def number(context_, revision, directives):\n"
        "    head = context.script.get_current_head()\n"
        "    directives[0].rev_id = f'{int(head or 0) + 1:04}'\n\n\n"
    )
    env = ENV.replace("{options}", ", process_revision_directives=number")
    project.write_env(env.replace("def run_offline", f"{hook}def run_offline"))
    project.table("0001")
    project.table("0002", "0001")


KINDS: dict[str, Callable[[ProjectFolder], None]] = {
    kind.__name__: kind
    for kind in (
        constants,
        moved,
        own_table,
        own_url,
        long_ids,
        dated,
        own_template,
        batch,
        stepwise,
        tenants,
        app_engine,
        annotated,
        beside,
        numbered,
    )
}


def _two(project: ProjectFolder) -> list[Path]:
    return [project.table("a1aa"), project.table("b2bb", "a1aa")]


def _package(project: ProjectFolder, **modules: str) -> None:
    folder = project.root / "shop"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    set_key(project, "prepend_sys_path", "%(here)s")
