"""Rows that were set aside, merged by primary key into the table or column that a revision has made again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, CursorResult
from sqlalchemy.exc import SQLAlchemyError

from branchmig.database.run.failures import summary
from branchmig.database.run.transactions import savepoint
from branchmig.effects.own_table_changes import OURS

MOST_NAMED = 5  # rows that are named; the others are counted

Merged = tuple[int, list[str]]  # how many rows are back, and why others are not: they are set aside still


def merge_table(connection: Connection, kept: str, schema: str | None, table: str, _: str = "") -> Merged:
    """Put the rows of a table back: those whose keys are there again are updated, the others inserted."""
    inspector = sa.inspect(connection)
    entries: list[Any] = inspector.get_columns(table, schema=schema)
    key = list(inspector.get_pk_constraint(table, schema=schema)["constrained_columns"])
    old = {str(entry["name"]) for entry in inspector.get_columns(kept)}
    columns = [str(entry["name"]) for entry in entries if not entry.get("computed") and entry["name"] in old]
    reasons = _without_parents(connection, kept, schema, table)
    if not set(key) <= set(columns):
        key = []
    count = 0
    target, source = quoted(connection, schema, table), quoted(connection, None, kept)
    names = ", ".join(quoted(connection, None, name) for name in columns)
    always = any((entry.get("identity") or {}).get("always") for entry in entries)
    overriding = " OVERRIDING SYSTEM VALUE" if always else ""
    fits = f"NOT ({' OR '.join(reasons)})" if reasons else "1 = 1"
    same = _same(connection, key, target, source)
    if key:
        values = [name for name in columns if name not in key]
        for name in values:
            own = quoted(connection, None, name)
            _run(
                connection,
                f"UPDATE {target} SET {own} = (SELECT {source}.{own} FROM {source} WHERE {same}) "
                f"WHERE EXISTS (SELECT 1 FROM {source} WHERE {same} AND {fits})",
            )
        count += _run(connection, f"DELETE FROM {source} WHERE EXISTS (SELECT 1 FROM {target} WHERE {same}) AND {fits}")
    chosen = [dict(row) for row in said(connection, f"SELECT {names} FROM {source} WHERE {fits}").mappings()]
    try:
        with savepoint(connection):
            _run(connection, f"INSERT INTO {target} ({names}){overriding} SELECT {names} FROM {source} WHERE {fits}")
            count += _run(connection, f"DELETE FROM {source} WHERE {fits}")
        failed: list[str] = []
    except SQLAlchemyError:
        done, failed = _one_by_one(connection, kept, schema, table, key, chosen)
        count += done
    _advance(connection, schema, table, columns)
    return count, [*_named(connection, kept, key, reasons), *failed]


def merge_column(connection: Connection, kept: str, schema: str | None, table: str, column: str) -> Merged:
    """Put the values of a column back into the rows that have the same keys."""
    inspector = sa.inspect(connection)
    key = list(inspector.get_pk_constraint(table, schema=schema)["constrained_columns"])
    old = {str(entry["name"]) for entry in inspector.get_columns(kept)}
    names = {str(entry["name"]) for entry in inspector.get_columns(table, schema=schema)}
    if not key or not set(key) <= old or column not in names:
        return 0, [f"{_count(connection, kept)} values: the table has another key, or no such column, now"]
    target, source = quoted(connection, schema, table), quoted(connection, None, kept)
    own, same = quoted(connection, None, column), _same(connection, key, target, source)
    try:
        with savepoint(connection):
            _run(
                connection,
                f"UPDATE {target} SET {own} = (SELECT {source}.{own} FROM {source} WHERE {same}) "
                f"WHERE EXISTS (SELECT 1 FROM {source} WHERE {same})",
            )
            count = _run(connection, f"DELETE FROM {source} WHERE EXISTS (SELECT 1 FROM {target} WHERE {same})")
    except SQLAlchemyError as error:
        return 0, [f"{_count(connection, kept)} values: {summary(error)}"]
    left = _count(connection, kept)
    return count, [f"{_keys(connection, kept, key, '1 = 1', left)}: the rows are gone"] if left else []


def quoted(connection: Connection, schema: str | None, name: str) -> str:
    """Return a name as the server reads it."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    return f"{quote(schema)}.{quote(name)}" if schema else quote(name)


def said(connection: Connection, statement: str) -> CursorResult[Any]:
    """Run a statement as it is; many drivers take a % in a name for a place of a value."""
    is_format = connection.dialect.paramstyle in ("format", "pyformat")
    return connection.exec_driver_sql(statement.replace("%", "%%") if is_format else statement)


def _without_parents(connection: Connection, kept: str, schema: str | None, table: str) -> list[str]:
    """Return the conditions of rows whose parent row is gone: one for each foreign key."""
    conditions = []
    source = quoted(connection, None, kept)
    old = {str(entry["name"]) for entry in sa.inspect(connection).get_columns(kept)}
    for foreign in sa.inspect(connection).get_foreign_keys(table, schema=schema):
        own = foreign["constrained_columns"]
        if not set(own) <= old:
            continue
        parent = quoted(connection, foreign["referred_schema"], foreign["referred_table"])
        pairs = list(zip(own, foreign["referred_columns"], strict=True))
        is_set = " AND ".join(f"{source}.{quoted(connection, None, name)} IS NOT NULL" for name in own)
        places = [parent]
        if (foreign["referred_schema"], foreign["referred_table"]) == (schema, table):
            places.append(source)
        exists = []
        for place in places:
            match = " AND ".join(
                f"p.{quoted(connection, None, other)} = {source}.{quoted(connection, None, name)}"
                for name, other in pairs
            )
            exists.append(f"EXISTS (SELECT 1 FROM {place} p WHERE {match})")
        conditions.append(f"({is_set} AND NOT ({' OR '.join(exists)}))")
    return conditions


def _named(connection: Connection, kept: str, key: Sequence[str], conditions: Sequence[str]) -> list[str]:
    """Return a line that names the rows whose parent row is gone."""
    if not conditions:
        return []
    where = " OR ".join(conditions)
    source = quoted(connection, None, kept)
    count = int(said(connection, f"SELECT count(*) FROM {source} WHERE {where}").scalar_one())
    return [f"{_keys(connection, kept, key, where, count)}: the parent row is gone"] if count else []


def _keys(connection: Connection, kept: str, key: Sequence[str], where: str, count: int) -> str:
    if not key:
        return f"{count} row{'' if count == 1 else 's'}"
    names = ", ".join(quoted(connection, None, name) for name in key)
    source = quoted(connection, None, kept)
    asked = said(connection, f"SELECT {names} FROM {source} WHERE {where} ORDER BY {names}")
    found = asked.fetchmany(MOST_NAMED)
    shown = ", ".join("/".join(map(str, row)) for row in found)
    more = f" and {count - len(found)} more" if count > len(found) else ""
    return f"{'row' if count == 1 else 'rows'} {shown}{more}"


def _one_by_one(
    connection: Connection,
    kept: str,
    schema: str | None,
    table: str,
    key: Sequence[str],
    rows: Sequence[dict[str, Any]],
) -> tuple[int, list[str]]:
    """Insert what can be inserted, again while that helps: a row may need another one."""
    waiting, count = list(rows), 0
    target = sa.table(table, *(sa.column(name) for name in rows[0]), schema=schema)
    source = sa.table(kept, *(sa.column(name) for name in rows[0]))
    reasons: dict[int, str] = {}
    while waiting:
        rest = []
        for row in waiting:
            try:
                with savepoint(connection):
                    connection.execute(target.insert().values(row))
                    match = [source.c[name] == row[name] for name in key or row if row[name] is not None]
                    connection.execute(source.delete().where(*match))
                count += 1
            except SQLAlchemyError as error:
                reasons[id(row)] = summary(error)
                rest.append(row)
        if len(rest) == len(waiting):
            break
        waiting = rest
    named = [f"row {'/'.join(str(row[name]) for name in key or row)}: {reasons[id(row)]}" for row in waiting]
    more = [f"{len(named) - MOST_NAMED} more rows"] if len(named) > MOST_NAMED else []
    return count, [*named[:MOST_NAMED], *more]


def _advance(connection: Connection, schema: str | None, table: str, columns: Sequence[str]) -> None:
    """Let PostgreSQL's sequences go on behind the rows that are back."""
    if connection.dialect.name != "postgresql":
        return
    target = quoted(connection, schema, table)
    for name in columns:
        asked = {"table": target, "column": name}
        found = connection.execute(sa.text("SELECT pg_get_serial_sequence(:table, :column)"), asked).scalar()
        if found:
            own = quoted(connection, None, name)
            last = f"(SELECT max({own}) FROM {target})"
            _run(connection, f"SELECT setval('{found}', {last}) WHERE {last} IS NOT NULL")


def _same(connection: Connection, key: Sequence[str], target: str, source: str) -> str:
    names = [quoted(connection, None, name) for name in key]
    return " AND ".join(f"{target}.{name} = {source}.{name}" for name in names)


def _count(connection: Connection, name: str) -> int:
    return int(said(connection, f"SELECT count(*) FROM {quoted(connection, None, name)}").scalar_one())


def _run(connection: Connection, statement: str) -> int:
    return max(0, said(connection, f"{statement} {OURS}").rowcount)
