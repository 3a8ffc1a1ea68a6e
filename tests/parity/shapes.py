"""A dozen Alembic projects, each of another shape. A shape is a function that fills a ProjectFolder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import ENV

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support import ProjectFolder

ASYNC_ENV = """\
import asyncio

from alembic import context
from sqlalchemy import pool
from sqlalchemy.ext.asyncio import create_async_engine

url = context.config.get_main_option("sqlalchemy.url").replace("sqlite:", "sqlite+aiosqlite:")


def do_run_migrations(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()


async def run_async_migrations():
    engine = create_async_engine(url, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(do_run_migrations)
    await engine.dispose()


if context.is_offline_mode():
    context.configure(url=url, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    asyncio.run(run_async_migrations())
"""

MULTIDB_ENV = """\
from alembic import context
from sqlalchemy import create_engine, pool

url = context.config.get_main_option("sqlalchemy.url")
urls = {"main": url, "other": url + ".other"}

for name, one in urls.items():
    if context.is_offline_mode():
        context.configure(url=one, literal_binds=True)
        with context.begin_transaction():
            context.run_migrations(engine_name=name)
    else:
        with create_engine(one, poolclass=pool.NullPool).connect() as connection:
            context.configure(connection=connection, upgrade_token=f"{name}_upgrades")
            with context.begin_transaction():
                context.run_migrations(engine_name=name)
"""


def linear(project: ProjectFolder) -> None:
    """a1aa -> b2bb -> c3cc -> d4dd."""
    project.table("a1aa", message="create users\n\nWith a body\nof two lines.")
    project.table("b2bb", "a1aa")
    project.table("c3cc", "b2bb", message="ünïcode — message")
    project.table("d4dd", "c3cc")


def forked(project: ProjectFolder) -> None:
    """a1aa -> b2bb -> b3bb ; a1aa -> c2cc."""
    project.table("a1aa")
    project.table("b2bb", "a1aa")
    project.table("b3bb", "b2bb")
    project.table("c2cc", "a1aa")


def merged(project: ProjectFolder) -> None:
    """a1aa -> b2bb -> m4mm -> e5ee ; a1aa -> c3cc -> m4mm."""
    project.table("a1aa")
    project.table("b2bb", "a1aa")
    project.table("c3cc", "a1aa")
    project.revision("m4mm", "b2bb", "c3cc", message="merge")
    project.table("e5ee", "m4mm")


def criss_cross(project: ProjectFolder) -> None:
    """a1aa -> b1bb, b2bb ; both -> m1mm and m2mm."""
    project.table("a1aa")
    project.table("b1bb", "a1aa")
    project.table("b2bb", "a1aa")
    project.revision("m1mm", "b1bb", "b2bb")
    project.revision("m2mm", "b1bb", "b2bb")


def labelled(project: ProjectFolder) -> None:
    """a1aa -> b2bb (users) -> b3bb ; a1aa -> c2cc (shop) -> c3cc."""
    project.table("a1aa")
    project.table("b2bb", "a1aa", labels=("users",))
    project.table("b3bb", "b2bb")
    project.table("c2cc", "a1aa", labels=("shop",))
    project.table("c3cc", "c2cc")


def bases(project: ProjectFolder) -> None:
    """a1aa (one) -> a2aa ; b1bb (two) -> b2bb ; c1cc."""
    project.table("a1aa", labels=("one",))
    project.table("a2aa", "a1aa")
    project.table("b1bb", labels=("two",))
    project.table("b2bb", "b1bb")
    project.table("c1cc")


def depends(project: ProjectFolder) -> None:
    """a1aa -> a2aa (lib) ; b1bb -> b2bb, which depends on lib."""
    project.table("a1aa")
    project.table("a2aa", "a1aa", labels=("lib",))
    project.table("b1bb")
    project.table("b2bb", "b1bb", depends_on=("lib",))


def depends_across(project: ProjectFolder) -> None:
    """a1aa -> a2aa -> a3aa ; b1bb (depends on a1aa) -> b2bb (depends on a2aa)."""
    project.table("a1aa")
    project.table("a2aa", "a1aa")
    project.table("a3aa", "a2aa")
    project.table("b1bb", depends_on=("a1aa",))
    project.table("b2bb", "b1bb", depends_on=("a2aa",))


def locations(project: ProjectFolder) -> None:
    """a1aa -> a2aa in versions/ ; b1bb (plugin) -> b2bb in plugin/."""
    set_key(project, "version_locations", "%(here)s/migrations/versions:%(here)s/plugin")
    project.table("a1aa", labels=("core",))
    project.table("a2aa", "a1aa")
    plugin = project.root / "plugin"
    plugin.mkdir()
    project.table("b1bb", labels=("plugin",)).rename(plugin / "b1bb.py")
    project.table("b2bb", "b1bb").rename(plugin / "b2bb.py")


def pyproject_only(project: ProjectFolder) -> None:
    """a1aa -> b2bb, with no ini file at all."""
    (project.root / "alembic.ini").unlink()
    (project.root / "pyproject.toml").write_text(
        '[tool.alembic]\nscript_location = "%(here)s/migrations"\nprepend_sys_path = ["."]\n'
        'file_template = "%%(rev)s-%%(slug)s"\ntruncate_slug_length = 12\n'
    )
    project.write_env(
        ENV.replace("{options}", "").replace('config.get_main_option("sqlalchemy.url")', repr(project.url))
    )
    project.table("a1aa")
    project.table("b2bb", "a1aa")


def with_async_env(project: ProjectFolder) -> None:
    """a1aa -> b2bb, through an async engine."""
    project.write_env(ASYNC_ENV)
    project.table("a1aa")
    project.table("b2bb", "a1aa")


def multidb(project: ProjectFolder) -> None:
    """a1aa -> b2bb, on two databases."""
    project.write_env(MULTIDB_ENV)
    for path in (project.table("a1aa"), project.table("b2bb", "a1aa")):
        path.write_text(path.read_text().replace("grade():", "grade(engine_name):"))


def recursive(project: ProjectFolder) -> None:
    """a1aa -> b2bb -> c3cc, in folders within folders."""
    set_key(project, "recursive_version_locations", "true")
    set_key(project, "file_template", "%%(year)d/%%(rev)s_%%(slug)s")
    for number, path in enumerate(
        (project.table("a1aa"), project.table("b2bb", "a1aa"), project.table("c3cc", "b2bb"))
    ):
        folder = project.versions / f"20{number}" / "deep"
        folder.mkdir(parents=True)
        path.rename(folder / path.name)


def empty(project: ProjectFolder) -> None:
    """No revision at all."""


def dotted(project: ProjectFolder) -> None:
    """059 -> v3.2.0.a -> x_ü: ids as people have them."""
    project.table("059")
    project.revision("v3.2.0.a", "059")
    project.revision("x_ü", "v3.2.0.a")


SHAPES: dict[str, Callable[[ProjectFolder], None]] = {
    shape.__name__: shape
    for shape in (
        linear,
        forked,
        merged,
        criss_cross,
        labelled,
        bases,
        depends,
        depends_across,
        locations,
        pyproject_only,
        with_async_env,
        multidb,
        recursive,
        empty,
        dotted,
    )
}


def set_key(project: ProjectFolder, key: str, value: str) -> None:
    """Add a key to a project's alembic.ini."""
    ini = project.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}{key} = {value}\n")
