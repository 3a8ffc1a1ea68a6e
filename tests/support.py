"""Projects, made in a folder, and the two programs run on them."""

from __future__ import annotations

import io
import os
import textwrap
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING

import alembic.config
import sqlalchemy as sa

from branchmig import cli

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ENV = """\
from alembic import context
from sqlalchemy import create_engine, pool

config = context.config


def run_offline():
    context.configure(url=config.get_main_option("sqlalchemy.url"), literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


def run_online():
    engine = create_engine(config.get_main_option("sqlalchemy.url"), poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=None{options})
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
"""

MAKO = '''\
"""${message}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
Create Date: ${create_date}

"""
from alembic import op
import sqlalchemy as sa
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade():
    ${upgrades if upgrades else "pass"}


def downgrade():
    ${downgrades if downgrades else "pass"}
'''

SCRIPT = '''\
"""{message}

Revision ID: {revision}
Revises: {revises}
Create Date: 2026-01-01 00:00:00

"""
from alembic import op
import sqlalchemy as sa

revision = {revision!r}
down_revision = {parents!r}
branch_labels = {labels!r}
depends_on = {depends_on!r}


def upgrade():
{upgrade}


def downgrade():
{downgrade}
'''


@dataclass(frozen=True)
class Result:
    """How a program ended and what it wrote."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        return self.stdout.splitlines()


class _Captured(io.StringIO):
    """What alembic takes for a terminal that can write any letter; to a plain StringIO it writes ASCII."""

    encoding = "utf-8"  # type: ignore[assignment]  # an attribute without a setter there


class ProjectFolder:
    """An Alembic project in a folder of its own, on one database."""

    def __init__(self, root: Path, url: str, env_options: str = "") -> None:
        self.root, self.url = root, url
        self.migrations = root / "migrations"
        self.versions = self.migrations / "versions"
        self.versions.mkdir(parents=True)
        escaped = url.replace("%", "%%")
        (root / "alembic.ini").write_text(
            f"[alembic]\nscript_location = %(here)s/migrations\npath_separator = os\nsqlalchemy.url = {escaped}\n"
        )
        self.write_env(ENV.replace("{options}", env_options))
        (self.migrations / "script.py.mako").write_text(MAKO)

    def write_env(self, text: str) -> None:
        (self.migrations / "env.py").write_text(text)

    def revision(
        self,
        revision: str,
        *parents: str,
        upgrade: str = "pass",
        downgrade: str = "pass",
        depends_on: Sequence[str] = (),
        labels: Sequence[str] = (),
        message: str = "",
        name: str | None = None,
    ) -> Path:
        """Write a revision file and return its path."""
        path = self.versions / (name or f"{revision}.py")
        path.write_text(
            SCRIPT.format(
                revision=revision,
                message=message or f"step {revision}",
                revises=", ".join(parents),
                parents=_scalar(parents),
                labels=_scalar(labels),
                depends_on=_scalar(depends_on),
                upgrade=textwrap.indent(textwrap.dedent(upgrade), "    "),
                downgrade=textwrap.indent(textwrap.dedent(downgrade), "    "),
            )
        )
        return path

    def table(self, revision: str, *parents: str, **more: object) -> Path:
        """Write a revision that creates a table named after it."""
        create = f"op.create_table('t_{revision}', sa.Column('id', sa.Integer(), primary_key=True))"
        return self.revision(
            revision,
            *parents,
            upgrade=create,
            downgrade=f"op.drop_table('t_{revision}')",
            **more,  # type: ignore[arg-type]
        )

    def branchmig(self, *arguments: str) -> Result:
        """Run branchmig in this process."""
        out, err = io.StringIO(), io.StringIO()
        with chdir(self.root), redirect_stdout(out), redirect_stderr(err):
            code = cli.run(list(arguments))
        return Result(code, out.getvalue(), err.getvalue())

    def alembic(self, *arguments: str) -> Result:
        """Run alembic in this process; like its console script, but exceptions come out as exit code 1."""
        out, err = _Captured(), io.StringIO()
        code: object = 0
        with chdir(self.root), redirect_stdout(out), redirect_stderr(err):
            try:
                # Config.stdout defaults to the sys.stdout of import time.
                command_line = alembic.config.CommandLine()
                options = command_line.parser.parse_args(arguments)
                toml, ini = command_line._inis_from_config(options)
                command_line.run_cmd(
                    alembic.config.Config(ini, toml, options.name, stdout=out, cmd_opts=options, output_buffer=out),
                    options,
                )
            except SystemExit as error:
                code = error.code
            except Exception as error:  # what the console script shows as a traceback
                err.write(f"{type(error).__name__}: {error}\n")
                code = 1
        return Result(255 if code == -1 else int(str(code or 0)), out.getvalue(), err.getvalue())

    def rows(self, table: str = "alembic_version", schema: str | None = None) -> list[str | None] | None:
        """Return the rows of the version table, sorted; None if there is no table."""
        engine = sa.create_engine(self.url, poolclass=sa.pool.NullPool)
        with engine.connect() as connection:
            if not sa.inspect(connection).has_table(table, schema=schema):
                return None
            version = sa.table(table, sa.column("version_num"), schema=schema)
            found = [row[0] for row in connection.execute(sa.select(version))]
        return sorted(found, key=str)

    def tables(self) -> list[str]:
        """Return the names of the tables, without the version table."""
        engine = sa.create_engine(self.url, poolclass=sa.pool.NullPool)
        with engine.connect() as connection:
            return sorted(set(sa.inspect(connection).get_table_names()) - {"alembic_version"})

    def execute(self, *statements: str) -> None:
        """Run SQL on the database, committed."""
        engine = sa.create_engine(self.url, poolclass=sa.pool.NullPool)
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)


def git(*arguments: str, cwd: Path) -> str:
    """Run git and return what it prints."""
    import subprocess

    done = subprocess.run(["git", *arguments], cwd=cwd, check=True, capture_output=True, text=True, env=os.environ)
    return done.stdout


def _scalar(values: Sequence[str]) -> object:
    if not values:
        return None
    return values[0] if len(values) == 1 else tuple(values)
