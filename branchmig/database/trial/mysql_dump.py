"""A database of MariaDB or MySQL as the statements that make another one like it.

These servers have no copy of a database. `CREATE TABLE … LIKE` takes as long as the table's own DDL, since both wait
for the table's file, and leaves foreign keys, triggers and views to be made by DDL all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from branchmig.effects.dialects import literal, quoted

if TYPE_CHECKING:
    from branchmig.database.trial.sessions import Session

_quoted, _literal = partial(quoted, kind="mysql"), partial(literal, kind="mysql")
_ROWS_TOGETHER = 200
_COMPUTED = re.compile("(VIRTUAL|STORED|PERSISTENT)", re.IGNORECASE)
BEGINNING = (
    "SET NAMES utf8mb4",
    "SET SESSION foreign_key_checks = 0, unique_checks = 0, time_zone = '+00:00', sql_mode = 'NO_AUTO_VALUE_ON_ZERO'",
)


def dump(session: Session, database: str) -> Iterator[str]:
    """Yield the statements that fill a new database, in use, with all that `database` has: grants, too."""
    session.run([f"USE `{database}`", *BEGINNING])
    yield from BEGINNING
    yield defaults(session, database)
    for statement in (*_tables(session), *programs(session, database), *_grants(session, database)):
        yield statement.replace(f"`{database}`.", "")


def defaults(session: Session, database: str) -> str:
    """Return the statement that gives a database the character set and the collation of another."""
    ((charset, collation),) = session.rows(
        "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata "
        f"WHERE schema_name = {_literal(database)}"
    )
    return f"ALTER DATABASE CHARACTER SET {charset} COLLATE {collation}"


def stored_columns(session: Session, table: str) -> list[tuple[Any, ...]]:
    """Return the columns of a table that are not computed, as SHOW COLUMNS has them."""
    return [row for row in session.rows(f"SHOW COLUMNS FROM {_quoted(table)}") if not _COMPUTED.search(row[5])]


def sequence(session: Session, name: str) -> Iterator[str]:
    """Yield the statements that make a sequence, which goes on where this one is."""
    yield session.rows(f"SHOW CREATE SEQUENCE {_quoted(name)}")[0][1]
    # What a restart would lose is lost here, too: numbers that the server had set aside.
    ((following,),) = session.rows(f"SELECT next_not_cached_value FROM {_quoted(name)}")
    yield f"DO SETVAL({_quoted(name)}, {following}, 0)"


def _tables(session: Session) -> Iterator[str]:
    kinds = dict(session.rows("SHOW FULL TABLES"))
    for name in (name for name, kind in kinds.items() if kind == "SEQUENCE"):
        yield from sequence(session, name)
    tables = [name for name, kind in kinds.items() if kind in ("BASE TABLE", "SYSTEM VERSIONED")]
    for name in tables:
        yield session.rows(f"SHOW CREATE TABLE {_quoted(name)}")[0][1]
    for name in tables:
        yield from _rows(session, name)


def _rows(session: Session, table: str) -> Iterator[str]:
    columns = stored_columns(session, table)
    names = ", ".join(_quoted(row[0]) for row in columns)
    asked = ", ".join(_exact(_quoted(row[0]), row[1]) for row in columns)
    found = session.rows(f"SELECT {asked} FROM {_quoted(table)}") if columns else []
    for start in range(0, len(found), _ROWS_TOGETHER):
        values = ", ".join(f"({', '.join(map(_literal, row))})" for row in found[start : start + _ROWS_TOGETHER])
        yield f"INSERT INTO {_quoted(table)} ({names}) VALUES {values}"


def _exact(column: str, type_: str) -> str:
    """Return what to ask for such that nothing is lost: a FLOAT is shown with six digits."""
    if type_.startswith("float"):
        return f"CAST({column} AS DOUBLE)"
    binary = ("bit", "binary", "varbinary", "geometry", "point", "line", "polygon", "multi")
    return f"CAST({column} AS BINARY)" if type_.startswith(binary) or "blob" in type_ else column


def _views(session: Session) -> Iterator[str]:
    """Yield the views twice: first with their columns alone, since a view may read another, or a function."""
    names = [name for name, kind in session.rows("SHOW FULL TABLES") if kind == "VIEW"]
    for name in names:
        columns = ", ".join(f"1 AS {_quoted(row[0])}" for row in session.rows(f"SHOW COLUMNS FROM {_quoted(name)}"))
        yield f"CREATE VIEW {_quoted(name)} AS SELECT {columns}"
    for kind in ("FUNCTION", "PROCEDURE"):
        for row in session.rows(f"SHOW {kind} STATUS WHERE Db = DATABASE()"):
            yield from _program(session, kind, row[1])
    for name in names:
        create = session.rows(f"SHOW CREATE VIEW {_quoted(name)}")[0][1]
        yield f"CREATE OR REPLACE {create.removeprefix('CREATE ')}"


def programs(session: Session, database: str) -> Iterator[str]:
    """Yield the statements that make views, routines, triggers and events; `database` is in use.

    Triggers come after the rows, which they must not act on.
    """
    yield from _views(session)
    triggers = session.rows(
        "SELECT trigger_name FROM information_schema.triggers "
        f"WHERE trigger_schema = '{database}' ORDER BY action_order"
    )
    for (name,) in triggers:
        yield from _program(session, "TRIGGER", name)
    for row in session.rows(f"SHOW EVENTS FROM `{database}`"):
        yield from _program(session, "EVENT", row[1])


def _program(session: Session, kind: str, name: str) -> Iterator[str]:
    row = session.rows(f"SHOW CREATE {kind} {_quoted(name)}")[0]
    # An event's row has its time zone before its text.
    mode, text = row[1], row[3 if kind == "EVENT" else 2]
    yield f"SET SESSION sql_mode = {_literal(mode)}"
    yield text
    yield "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'"


def _grants(session: Session, database: str) -> Iterator[str]:
    where = f"FROM information_schema.{{}} WHERE table_schema = '{database}' ORDER BY 1, 2, 3"
    asked = {
        "*": "SELECT grantee, privilege_type, is_grantable " + where.format("schema_privileges"),
        "table": "SELECT grantee, privilege_type, is_grantable, table_name " + where.format("table_privileges"),
        "column": "SELECT grantee, privilege_type, is_grantable, table_name, column_name "
        + where.format("column_privileges"),
    }
    for query in asked.values():
        for grantee, privilege, is_grantable, *names in session.rows(query):
            columns = f" ({_quoted(names[1])})" if len(names) > 1 else ""
            place = _quoted(names[0]) if names else "*"
            option = " WITH GRANT OPTION" if is_grantable == "YES" else ""
            yield f"GRANT {privilege}{columns} ON {place} TO {grantee}{option}"
