"""Plays planted cases on real servers: what the live rows say, what the server does, and what breaks running code."""

from __future__ import annotations

import io
import shutil
import textwrap
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from branchmig.database.row_checks import Violation, answers
from branchmig.database.trial.code_trial import tried
from tests.planted.bases import BASES, models

HEADER = """\
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql

revision, down_revision, branch_labels, depends_on = {revision!r}, {parent!r}, None, None
{module}


def upgrade():
{body}


def downgrade():
    pass
"""


@dataclass(frozen=True)
class Case:
    """One planted change. `answers` are, for each kind of database: hazards, what the rows say, what breaks.

    Hazards are codes in a row, rows codes or `?` for "cannot tell", breaks `table.column`.
    """

    name: str
    upgrade: str
    base: str = "shop"
    before: str = ""
    module: str = ""
    answers: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    def script(self) -> bytes:
        """Return the file of the revision that is looked at."""
        return script("bbb2", "aaa1", self.upgrade, self.module).encode()

    def below(self) -> dict[str, bytes]:
        """Return the files of the revisions below it."""
        found = {"aaa0": script("aaa0", None, BASES[self.base][0]).encode()}
        return found | ({"aaa1": script("aaa1", "aaa0", self.before).encode()} if self.before else {})


def script(revision: str, parent: str | None, body: str, module: str = "") -> str:
    """Return the text of a revision file."""
    written = textwrap.indent(body.strip("\n") or "pass", "    ")
    return HEADER.format(revision=revision, parent=parent, body=written, module=module)


def cases() -> list[Case]:
    """Return all planted cases."""
    with (Path(__file__).parent / "cases.toml").open("rb") as file:
        return [
            Case(**(entry | {"answers": {kind: tuple(each) for kind, each in entry["answers"].items()}}))
            for entry in tomllib.load(file)["case"]
        ]


class Server:
    """A database of one kind that is put back to a base before each case."""

    def __init__(self, kind: str, url: str, folder: Path) -> None:
        self.kind, self.url, self._folder = kind, url, folder
        self._sql: dict[str, str] = {}

    def connect(self) -> sa.Connection:
        """Open a new connection."""
        # Nothing here must survive a crash.
        options = {"options": "-c synchronous_commit=off"} if self.kind == "postgresql" else {}
        return sa.create_engine(self.url, poolclass=NullPool, connect_args=options).connect()

    def reset(self, case: Case, *, filled: bool) -> None:
        """Put the database back to a case's base, with rows or without, and run what comes before the change."""
        base, rows = BASES[case.base]
        if case.base not in self._sql:
            self._sql[case.base] = _as_sql(self.kind, base)
        statements = [self._sql[case.base], *(rows if filled else ())]
        if self.kind == "sqlite":
            self._reset_file(f"{case.base}{filled}", statements)
        else:
            with self.connect() as connection:
                _RESETS[self.kind](connection, statements)
        if case.before:
            with self.connect() as connection:
                run(connection, script("aaa1", "aaa0", case.before))

    def _reset_file(self, name: str, statements: list[str]) -> None:
        path, made = Path(str(sa.make_url(self.url).database)), self._folder / name
        if not made.exists():
            path.unlink(missing_ok=True)
            with self.connect() as connection:
                raw: Any = connection.connection.driver_connection
                raw.executescript(";".join(statements))
            shutil.copy(path, made)
        shutil.copy(made, path)


def _as_sql(kind: str, body: str) -> str:
    written = io.StringIO()
    options = {"as_sql": True, "output_buffer": written, "literal_binds": True}
    context = MigrationContext.configure(dialect_name=kind, opts=options)
    _upgrade(context, script("aaa0", None, body))
    return written.getvalue()


def _upgrade(context: MigrationContext, text: str) -> None:
    module: dict[str, Any] = {}
    exec(compile(text, "revision", "exec"), module)
    with Operations.context(context):
        module["upgrade"]()


def run(connection: sa.Connection, text: str) -> None:
    """Run the upgrade of a revision file as alembic does, in its transaction."""
    context = MigrationContext.configure(connection)
    with context.begin_transaction(_per_migration=True):
        _upgrade(context, text)
    connection.commit()


def _reset_postgresql(connection: sa.Connection, statements: list[str]) -> None:
    asked = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
    drops = [f'DROP SCHEMA "{name}" CASCADE' for name in connection.exec_driver_sql(asked).scalars()]
    raw: Any = connection.connection.driver_connection
    with raw.cursor() as cursor:
        cursor.execute(";".join([*drops, "CREATE SCHEMA public", *statements]), prepare=False)
    connection.commit()


def _reset_mysql(connection: sa.Connection, statements: list[str]) -> None:
    asked = "SELECT table_name, table_type = 'VIEW' FROM information_schema.tables WHERE table_schema = DATABASE()"
    connection.exec_driver_sql("SET foreign_key_checks = 0")
    for name, is_view in connection.exec_driver_sql(asked).all():
        connection.exec_driver_sql(f"DROP {'VIEW' if is_view else 'TABLE'} `{name}`")
    connection.exec_driver_sql("SET foreign_key_checks = 1")
    for statement in ";".join(statements).split(";"):
        if statement.strip():
            connection.exec_driver_sql(statement)
    connection.commit()


_RESETS = {"postgresql": _reset_postgresql, "mysql": _reset_mysql}


def rows_say(server: Server, case: Case) -> str:
    """Return the codes of what is in the way of the change, and `?` where nobody could tell."""
    server.reset(case, filled=True)
    with server.connect() as connection:
        found = answers(connection, {"bbb2": case.script()})
    return " ".join(sorted({each.code if isinstance(each, Violation) else "?" for each in found}))


def fails(server: Server, case: Case) -> str:
    """Run the change on the rows, after rows_say; return the error, an empty text for none."""
    with server.connect() as connection:
        try:
            run(connection, case.script().decode())
        except SQLAlchemyError as error:
            return str(error).splitlines()[0]
    return ""


def breaks(server: Server, case: Case) -> str:
    """Return the tables and columns of the running code for which a statement fails after the change."""
    found: list[set[str]] = []
    for text in (None, case.script().decode()):
        server.reset(case, filled=False)
        with server.connect() as connection:
            if text is not None:
                run(connection, text)
        with server.connect() as connection:
            trial = tried(connection, [models(case.base)], {(None, "alembic_version")})
        found.append({f"{each.table}.{each.column}" if each.column else each.table for each in trial.breaks})
    return " ".join(sorted(found[1] - found[0]))
