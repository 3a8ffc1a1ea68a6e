"""Reads what a MariaDB or MySQL database consists of, each thing in the server's own words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

_OTHERS = (
    """SELECT 'view', table_name, concat(view_definition, ' CHECK OPTION ', check_option, ' SECURITY ', security_type)
       FROM information_schema.views WHERE table_schema = DATABASE()""",
    """SELECT 'trigger', trigger_name, concat(action_timing, ' ', event_manipulation, ' ON ', event_object_table, ' ',
       action_statement) FROM information_schema.triggers WHERE trigger_schema = DATABASE()""",
    """SELECT lower(r.routine_type), r.routine_name, concat(coalesce((SELECT group_concat(concat_ws(' ',
       p.parameter_mode, p.parameter_name, p.dtd_identifier) ORDER BY p.ordinal_position SEPARATOR ', ')
       FROM information_schema.parameters p WHERE p.specific_schema = r.routine_schema
       AND p.specific_name = r.specific_name AND p.routine_type = r.routine_type), ''), ' ', r.sql_data_access, ' ',
       r.is_deterministic, ' ', r.security_type, ' ', coalesce(r.routine_comment, ''), ' ',
       coalesce(r.routine_definition, '')) FROM information_schema.routines r WHERE r.routine_schema = DATABASE()""",
    """SELECT 'event', event_name, concat_ws(' ', event_type, execute_at, interval_value, interval_field, status,
       on_completion, event_definition) FROM information_schema.events WHERE event_schema = DATABASE()""",
)
_TABLES = """SELECT table_name FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY table_name"""
_SEQUENCES = """SELECT table_name FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_type = 'SEQUENCE'"""
_SEQUENCE = "SELECT start_value, minimum_value, maximum_value, increment, cache_size, cycle_option FROM "
_SAME_ACTION = re.compile(r" ON (DELETE|UPDATE) (NO ACTION|RESTRICT)\b")
"""InnoDB does the same for both, and without either."""


def mysql_objects(connection: Connection) -> dict[str, dict[str, str]]:
    """Return every object with its parts, as Catalog has them."""
    found: dict[str, dict[str, str]] = {}
    quote = connection.dialect.identifier_preparer.quote_identifier
    for name in connection.exec_driver_sql(_TABLES).scalars().all():
        row = connection.exec_driver_sql(f"SHOW CREATE TABLE {quote(name)}").one()
        found[f"table {name}"] = dict(_parts(str(row[1])))
    here = connection.exec_driver_sql("SELECT DATABASE()").scalar_one()
    for query in _OTHERS:
        for kind, name, definition in connection.exec_driver_sql(query):
            found[f"{kind} {name}"] = {"": _plain(str(definition)).replace(f"{here}.", "")}
    for name in connection.exec_driver_sql(_SEQUENCES).scalars().all():
        row = connection.exec_driver_sql(_SEQUENCE + quote(name)).one()
        words = ("START", "MINVALUE", "MAXVALUE", "INCREMENT", "CACHE", "CYCLE")
        found[f"sequence {name}"] = {"": " ".join(f"{word} {value}" for word, value in zip(words, row, strict=True))}
    return found


def database_defaults(connection: Connection) -> tuple[str, str]:
    """Return the character set and the collation that new tables of the database get."""
    row = connection.exec_driver_sql("SELECT @@character_set_database, @@collation_database").one()
    return str(row[0]), str(row[1])


def _parts(sql: str) -> Iterator[tuple[str, str]]:
    """Yield the parts that SHOW CREATE TABLE has a line for each, and the table's options."""
    _, *lines = sql.splitlines()
    end = next(at for at, line in enumerate(lines) if line.startswith(")"))
    is_memory = "ENGINE=MEMORY" in lines[end]
    for line in lines[:end]:
        words = line.strip().removesuffix(",")
        if words.startswith("`"):
            name, _, definition = words[1:].partition("` ")
            yield f"column {name}", definition
        elif words.startswith("CONSTRAINT"):
            name, _, definition = words.removeprefix("CONSTRAINT `").partition("` ")
            yield f"constraint {name}", _SAME_ACTION.sub("", _plain(definition))
        else:
            name, _, columns = words.partition(" (")
            kind, _, own = _plain(name).rpartition(" ") if "`" in name else (_plain(name), "", "")
            said = f"({_plain(columns)}"
            # A BTREE is what every engine makes by default, except MEMORY.
            yield f"{kind.lower()} {own}".strip(), said if is_memory else said.replace(") USING BTREE", ")")
    options = " ".join([lines[end].removeprefix(") "), *(line.strip() for line in lines[end + 1 :])])
    yield "options", re.sub(r" AUTO_INCREMENT=\d+", "", options)


def _plain(sql: str) -> str:
    """Return SQL without what says nothing: quotes around names, white space."""
    return " ".join(sql.replace("`", "").split())
