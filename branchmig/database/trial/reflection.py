"""Reads what a scratch database consists of, and its rows, in the server's own words: to compare two of them."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from branchmig.effects.own_table_changes import JOURNAL, OWN_TABLES
from branchmig.effects.schema_snapshot import Catalog, Rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import Connection

    VersionTables = Collection[tuple[str | None, str]]

MOST_ROWS = 10_000
"""A table with more rows is not compared row by row."""

_SQLITE_TABLES = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
_SQLITE_OTHERS = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE type <> 'table' AND sql IS NOT NULL"
_SQLITE_COLUMNS = """
    SELECT m.name, x.name, x.type, x."notnull", x.dflt_value, x.pk, x.hidden
    FROM sqlite_master m, pragma_table_xinfo(m.name) x WHERE m.type = 'table' ORDER BY m.name, x.cid"""
_SQLITE_KEYS = """
    SELECT m.name, k.id, k."table", k."from", k."to", k.on_update, k.on_delete
    FROM sqlite_master m, pragma_foreign_key_list(m.name) k WHERE m.type = 'table' ORDER BY m.name, k.id, k.seq"""
_SQLITE_UNIQUE = """
    SELECT m.name, i.name, c.name FROM sqlite_master m, pragma_index_list(m.name) i, pragma_index_info(i.name) c
    WHERE m.type = 'table' AND i.origin = 'u' ORDER BY m.name, i.name, c.seqno"""

_IN_SCHEMAS = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND left(n.nspname, 3) <> 'pg_'"
_NO_EXTENSION = "NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = {}.oid AND d.deptype = 'e')"
_POSTGRES = (
    f"""SELECT 'table', n.nspname, c.relname, 'kind', c.relkind::text FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'f') AND {_IN_SCHEMAS} AND {_NO_EXTENSION.format("c")}""",
    f"""SELECT 'table', n.nspname, c.relname, 'column ' || a.attname,
        format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
        || coalesce(' DEFAULT ' || pg_get_expr(x.adbin, x.adrelid), '')
        || CASE a.attidentity WHEN '' THEN '' ELSE ' IDENTITY ' || a.attidentity::text END
        || CASE a.attgenerated WHEN '' THEN '' ELSE ' GENERATED ' || a.attgenerated::text END
        || coalesce(' COMMENT ' || quote_literal(col_description(c.oid, a.attnum)), '')
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_attrdef x ON x.adrelid = c.oid AND x.adnum = a.attnum
        WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'f') AND {_IN_SCHEMAS}
        ORDER BY n.nspname, c.relname, a.attnum""",
    f"""SELECT 'table', n.nspname, c.relname, 'index ' || i.relname, pg_get_indexdef(x.indexrelid)
        FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_IN_SCHEMAS}""",
    f"""SELECT 'table', n.nspname, c.relname, 'constraint ' || x.conname, pg_get_constraintdef(x.oid)
        FROM pg_constraint x JOIN pg_class c ON c.oid = x.conrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_IN_SCHEMAS}""",
    f"""SELECT 'table', n.nspname, c.relname, 'trigger ' || t.tgname, pg_get_triggerdef(t.oid)
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT t.tgisinternal AND {_IN_SCHEMAS}""",
    f"""SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'view' END, n.nspname, c.relname, '',
        CASE c.relkind WHEN 'S' THEN 'sequence' ELSE pg_get_viewdef(c.oid) END
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('v', 'm', 'S') AND {_IN_SCHEMAS} AND {_NO_EXTENSION.format("c")}""",
    f"""SELECT 'enum', n.nspname, t.typname, '', string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
        FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid JOIN pg_namespace n ON n.oid = t.typnamespace
        WHERE {_IN_SCHEMAS} GROUP BY n.nspname, t.typname""",
    f"""SELECT 'function', n.nspname, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', '',
        pg_get_functiondef(p.oid) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE p.prokind IN ('f', 'p') AND {_IN_SCHEMAS} AND {_NO_EXTENSION.format("p")}""",
    "SELECT 'extension', 'public', extname, '', extversion FROM pg_extension",
    f"SELECT 'schema', 'public', n.nspname, '', '' FROM pg_namespace n WHERE {_IN_SCHEMAS}",
)

_MYSQL_OTHERS = (
    "SELECT 'view', table_name, view_definition FROM information_schema.views WHERE table_schema = DATABASE()",
    """SELECT 'trigger', trigger_name, concat(action_timing, ' ', event_manipulation, ' ON ', event_object_table, ' ',
       action_statement) FROM information_schema.triggers WHERE trigger_schema = DATABASE()""",
    """SELECT lower(routine_type), routine_name, routine_definition FROM information_schema.routines
       WHERE routine_schema = DATABASE()""",
    """SELECT 'sequence', table_name, 'sequence' FROM information_schema.tables
       WHERE table_schema = DATABASE() AND table_type = 'SEQUENCE'""",
)
_MYSQL_TABLES = """SELECT table_name FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY table_name"""


def read_catalog(connection: Connection, version_tables: VersionTables = ()) -> Catalog:
    """Return what a database consists of, the version tables and branchmig's own left out."""
    found = _READERS[connection.dialect.name](connection)
    hidden = {f"table {_qualified(schema, name)}" for schema, name in version_tables}
    objects = {name: parts for name, parts in found.items() if name not in hidden and not _is_own(name)}
    order = {
        name.removeprefix("table "): tuple(part.removeprefix("column ") for part in parts if part.startswith("column "))
        for name, parts in objects.items()
        if name.startswith("table ")
    }
    return Catalog(objects, order)


def _is_own(name: str) -> bool:
    last = name.rpartition(" ")[2].rpartition(".")[2]
    return last in OWN_TABLES or last == f"{JOURNAL}_id_seq"


def read_rows(connection: Connection, tables: Iterable[str]) -> dict[str, Rows]:
    """Return the rows of some tables, named as in Catalog.column_order."""
    found = {}
    quote = connection.dialect.identifier_preparer.quote_identifier
    for table in tables:
        name = ".".join(quote(part) for part in table.split("."))
        result = connection.exec_driver_sql(f"SELECT * FROM {name} LIMIT {MOST_ROWS + 1}")
        values = tuple(tuple(_text(value) for value in row) for row in result)
        found[table] = Rows(tuple(result.keys()), values, len(values) <= MOST_ROWS)
    return found


def _text(value: object) -> str:
    return "NULL" if value is None else repr(value)


def _qualified(schema: str | None, name: str) -> str:
    return name if schema in (None, "public") else f"{schema}.{name}"


def _sqlite(connection: Connection) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, sql in connection.exec_driver_sql(_SQLITE_TABLES):
        found[f"table {name}"] = _sqlite_table_words(sql or "")
    for table, column, kind, not_null, default, key, hidden in connection.exec_driver_sql(_SQLITE_COLUMNS):
        words = [kind or "no type", "NOT NULL" if not_null else "", "" if default is None else f"DEFAULT {default}"]
        words += [f"PRIMARY KEY {key}" if key else "", "GENERATED" if hidden else ""]
        found.get(f"table {table}", {})[f"column {column}"] = " ".join(word for word in words if word)
    _collect(found, connection, _SQLITE_UNIQUE, "unique")
    keys: dict[tuple[str, str], list[str]] = defaultdict(list)
    for table, number, other, column, there, on_update, on_delete in connection.exec_driver_sql(_SQLITE_KEYS):
        actions = f" ON UPDATE {on_update} ON DELETE {on_delete}"
        keys[table, str(number)].append(f"{column} -> {other}.{there or 'its key'}{actions}")
    for (table, _), columns in keys.items():
        found.get(f"table {table}", {})[f"foreign key {', '.join(columns)}"] = ""
    for kind, name, table, sql in connection.exec_driver_sql(_SQLITE_OTHERS):
        if kind in ("index", "trigger"):
            found.get(f"table {table}", {})[f"{kind} {name}"] = _plain(sql)
        else:
            found[f"{kind} {name}"] = {"": _plain(sql)}
    return found


def _collect(found: dict[str, dict[str, str]], connection: Connection, query: str, kind: str) -> None:
    """Add what a query tells of the columns of each thing that has no name of its own."""
    columns: dict[tuple[str, str], list[str]] = defaultdict(list)
    for table, name, column in connection.exec_driver_sql(query):
        columns[table, name].append(column)
    for (table, _), names in columns.items():
        found.get(f"table {table}", {})[f"{kind} ({', '.join(names)})"] = ""


def _sqlite_table_words(sql: str) -> dict[str, str]:
    """Return what no pragma tells: checks, the names of constraints, and the words at the table's end."""
    text = _plain(sql)
    found = {f"constraint {name}": kind.upper() for name, kind in _NAMED.findall(text)}
    for start in re.finditer(r"\bCHECK *\(", text, re.IGNORECASE):
        found[f"check {_balanced(text[start.end() - 1 :])}"] = ""
    for word in ("AUTOINCREMENT", "WITHOUT ROWID", "STRICT"):
        if re.search(rf"\b{word}\b", text, re.IGNORECASE):
            found[word.lower()] = ""
    return found


_NAMED = re.compile(r"\bCONSTRAINT (\S+) (PRIMARY KEY|UNIQUE|CHECK|FOREIGN KEY)", re.IGNORECASE)


def _plain(sql: str) -> str:
    """Return SQL without what says nothing: quotes around names, white space."""
    return " ".join(re.sub(r'["`\[\]]', "", sql).split())


def _balanced(text: str) -> str:
    depth = 0
    for place, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth == 0:
            return text[: place + 1]
    return text


def _postgresql(connection: Connection) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for query in _POSTGRES:
        for kind, schema, name, part, definition in connection.exec_driver_sql(query):
            found[f"{kind} {_qualified(schema, name)}"][part] = " ".join(str(definition).split())
    return dict(found)


def _mysql(connection: Connection) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    quote = connection.dialect.identifier_preparer.quote_identifier
    for name in connection.exec_driver_sql(_MYSQL_TABLES).scalars().all():
        row = connection.exec_driver_sql(f"SHOW CREATE TABLE {quote(name)}").one()
        found[f"table {name}"] = dict(_mysql_parts(str(row[1])))
    here = connection.exec_driver_sql("SELECT DATABASE()").scalar_one()
    for query in _MYSQL_OTHERS:
        for kind, name, definition in connection.exec_driver_sql(query):
            found[f"{kind} {name}"] = {"": _plain(str(definition)).replace(f"{here}.", "")}
    return found


def _mysql_parts(sql: str) -> Iterable[tuple[str, str]]:
    """Yield the parts that SHOW CREATE TABLE has a line for each, and the table's options."""
    _, *lines, options = sql.splitlines()
    for line in lines:
        words = line.strip().removesuffix(",")
        if words.startswith("`"):
            name, _, definition = words[1:].partition("` ")
            yield f"column {name}", definition
        elif words.startswith("CONSTRAINT"):
            yield _plain(words), ""
        else:
            name, _, columns = words.partition(" (")
            yield _plain(name).lower(), f"({_plain(columns)}"
    yield "options", re.sub(r" AUTO_INCREMENT=\d+", "", options.removeprefix(") "))


_READERS = {"sqlite": _sqlite, "postgresql": _postgresql, "mysql": _mysql, "mariadb": _mysql}
