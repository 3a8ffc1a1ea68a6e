"""Reads what a PostgreSQL database consists of, each thing in the server's own words."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Connection, text

_IN_SCHEMAS = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND left(n.nspname, 3) <> 'pg_'"
_NO_EXTENSION = "NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = {}.oid AND d.deptype = 'e')"
_OF_CLASS = "JOIN pg_class c ON c.oid = {} JOIN pg_namespace n ON n.oid = c.relnamespace"
_TABLE = "SELECT CASE WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END, n.nspname, c.relname"
_COMMENT = "coalesce(' COMMENT ' || quote_literal({}), '')"
_OWN_CLASS = f"{_IN_SCHEMAS} AND {_NO_EXTENSION.format('c')}"
_TABLES = f"c.relkind IN ('r', 'p', 'f') AND {_OWN_CLASS}"

_QUERIES = (
    f"{_TABLE}, 'kind', c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_TABLES}",
    f"""SELECT 'table', n.nspname, c.relname, part, said FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
        LATERAL (VALUES ('persistence', nullif(c.relpersistence::text, 'p')),
        ('options', array_to_string(c.reloptions, ', ')), ('comment', obj_description(c.oid, 'pg_class')),
        ('row security', CASE WHEN c.relforcerowsecurity THEN 'forced' WHEN c.relrowsecurity THEN 'on' END),
        ('partition key', CASE c.relkind WHEN 'p' THEN pg_get_partkeydef(c.oid) END),
        ('partition bound', pg_get_expr(c.relpartbound, c.oid)),
        ('inherits', (SELECT string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno)
          FROM pg_inherits i WHERE i.inhrelid = c.oid))) AS x (part, said) WHERE said <> '' AND {_TABLES}""",
    f"""{_TABLE}, 'column ' || a.attname,
        format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
        || CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0
          THEN (SELECT ' COLLATE ' || quote_ident(collname) FROM pg_collation WHERE oid = a.attcollation) ELSE '' END
        || coalesce(CASE a.attgenerated WHEN '' THEN ' DEFAULT ' ELSE ' GENERATED ' || a.attgenerated::text || ' AS '
          END || pg_get_expr(x.adbin, x.adrelid), '')
        || CASE a.attidentity WHEN '' THEN '' WHEN 'a' THEN ' IDENTITY ALWAYS' ELSE ' IDENTITY BY DEFAULT' END
        || {_COMMENT.format("col_description(c.oid, a.attnum)")}
        FROM pg_attribute a {_OF_CLASS.format("a.attrelid")} JOIN pg_type t ON t.oid = a.atttypid
        LEFT JOIN pg_attrdef x ON x.adrelid = c.oid AND x.adnum = a.attnum
        WHERE a.attnum > 0 AND NOT a.attisdropped AND {_TABLES}
        ORDER BY n.nspname, c.relname, a.attnum""",
    f"""{_TABLE}, 'index ' || i.relname,
        pg_get_indexdef(x.indexrelid) || CASE WHEN x.indisvalid THEN '' ELSE ' INVALID' END
        || CASE WHEN x.indisreplident THEN ' REPLICA IDENTITY' ELSE '' END
        || {_COMMENT.format("obj_description(i.oid, 'pg_class')")}
        FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid {_OF_CLASS.format("x.indrelid")} WHERE {_OWN_CLASS}""",
    f"""{_TABLE}, 'constraint ' || x.conname, pg_get_constraintdef(x.oid)
        || {_COMMENT.format("obj_description(x.oid, 'pg_constraint')")}
        FROM pg_constraint x {_OF_CLASS.format("x.conrelid")} WHERE x.contype NOT IN ('n', 't') AND {_OWN_CLASS}""",
    f"""{_TABLE}, 'trigger ' || t.tgname, pg_get_triggerdef(t.oid) || CASE t.tgenabled WHEN 'O' THEN ''
        WHEN 'D' THEN ' DISABLED' ELSE ' ENABLED ' || t.tgenabled::text END
        || {_COMMENT.format("obj_description(t.oid, 'pg_trigger')")}
        FROM pg_trigger t {_OF_CLASS.format("t.tgrelid")} WHERE NOT t.tgisinternal AND {_OWN_CLASS}""",
    f"""{_TABLE}, 'rule ' || r.rulename, pg_get_ruledef(r.oid)
        FROM pg_rewrite r {_OF_CLASS.format("r.ev_class")} WHERE r.rulename <> '_RETURN' AND {_OWN_CLASS}""",
    f"""{_TABLE}, 'policy ' || p.polname, p.polcmd::text || CASE WHEN p.polpermissive THEN '' ELSE ' RESTRICTIVE' END
        || ' TO ' || coalesce((SELECT string_agg(rolname, ', ' ORDER BY rolname) FROM pg_roles
          WHERE oid = ANY (p.polroles)), 'public')
        || coalesce(' USING ' || pg_get_expr(p.polqual, p.polrelid), '')
        || coalesce(' WITH CHECK ' || pg_get_expr(p.polwithcheck, p.polrelid), '')
        FROM pg_policy p {_OF_CLASS.format("p.polrelid")} WHERE {_OWN_CLASS}""",
    f"""{_TABLE}, 'statistics ' || s.stxname, pg_get_statisticsobjdef(s.oid)
        FROM pg_statistic_ext s {_OF_CLASS.format("s.stxrelid")} WHERE {_OWN_CLASS}""",
    f"""SELECT 'view', n.nspname, c.relname, '', CASE c.relkind WHEN 'm' THEN 'MATERIALIZED ' ELSE '' END
        || pg_get_viewdef(c.oid) || coalesce(' WITH ' || array_to_string(c.reloptions, ', '), '')
        || {_COMMENT.format("obj_description(c.oid, 'pg_class')")}
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('v', 'm') AND {_OWN_CLASS}""",
    f"""SELECT 'sequence', n.nspname, c.relname, '', format_type(s.seqtypid, NULL) || ' START ' || s.seqstart
        || ' INCREMENT ' || s.seqincrement || ' MINVALUE ' || s.seqmin || ' MAXVALUE ' || s.seqmax
        || ' CACHE ' || s.seqcache || CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END
        || coalesce((SELECT ' OWNED BY ' || d.refobjid::regclass || '.' || a.attname FROM pg_depend d
          JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
          WHERE d.objid = c.oid AND d.deptype IN ('a', 'i') AND d.refclassid = 'pg_class'::regclass
          AND d.classid = 'pg_class'::regclass LIMIT 1), '')
        FROM pg_sequence s {_OF_CLASS.format("s.seqrelid")} WHERE {_OWN_CLASS}""",
    f"""SELECT 'enum', n.nspname, t.typname, '', string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
        FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid JOIN pg_namespace n ON n.oid = t.typnamespace
        WHERE {_IN_SCHEMAS} AND {_NO_EXTENSION.format("t")} GROUP BY n.nspname, t.typname""",
    f"""SELECT 'domain', n.nspname, t.typname, '', format_type(t.typbasetype, t.typtypmod)
        || CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END || coalesce(' DEFAULT ' || t.typdefault, '')
        || coalesce((SELECT string_agg(' CONSTRAINT ' || x.conname || ' ' || pg_get_constraintdef(x.oid), ''
          ORDER BY x.conname) FROM pg_constraint x WHERE x.contypid = t.oid AND x.contype <> 'n'), '')
        FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
        WHERE t.typtype = 'd' AND {_IN_SCHEMAS} AND {_NO_EXTENSION.format("t")}""",
    f"""SELECT 'type', n.nspname, c.relname, '', string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod),
        ', ' ORDER BY a.attnum) FROM pg_attribute a {_OF_CLASS.format("a.attrelid")}
        WHERE c.relkind = 'c' AND a.attnum > 0 AND NOT a.attisdropped AND {_OWN_CLASS} GROUP BY n.nspname, c.relname""",
    f"""SELECT 'type', n.nspname, t.typname, '', 'RANGE OF ' || format_type(r.rngsubtype, NULL)
        FROM pg_range r JOIN pg_type t ON t.oid = r.rngtypid JOIN pg_namespace n ON n.oid = t.typnamespace
        WHERE {_IN_SCHEMAS} AND {_NO_EXTENSION.format("t")}""",
    f"""SELECT 'function', n.nspname, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', '',
        pg_get_functiondef(p.oid) || {_COMMENT.format("obj_description(p.oid, 'pg_proc')")}
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE p.prokind IN ('f', 'p', 'w') AND {_IN_SCHEMAS} AND {_NO_EXTENSION.format("p")}""",
    f"""SELECT 'aggregate', n.nspname, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', '',
        a.aggtransfn::text || ' ' || format_type(a.aggtranstype, NULL) || coalesce(' ' || a.agginitval, '')
        FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE {_IN_SCHEMAS} AND {_NO_EXTENSION.format("p")}""",
    "SELECT 'event trigger', 'public', evtname, '', evtevent || ' ' || evtfoid::regproc || ' ' || evtenabled::text "
    f"FROM pg_event_trigger t WHERE {_NO_EXTENSION.format('t')}",
    "SELECT 'publication', 'public', pubname, '', puballtables::text FROM pg_publication",
    "SELECT 'extension', 'public', extname, '', extversion FROM pg_extension",
    f"""SELECT 'schema', 'public', n.nspname, '', '' FROM pg_namespace n
        WHERE {_IN_SCHEMAS} AND {_NO_EXTENSION.format("n")}""",
)

_FOREIGN = f"""
    WITH own AS (SELECT relowner AS oid FROM pg_class WHERE oid = to_regclass(:own))
    SELECT 'table', n.nspname, c.relname, pg_get_userbyid(c.relowner) FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace, own
    WHERE c.relkind IN ('r', 'p', 'f') AND c.relowner <> own.oid AND {_OWN_CLASS}
    UNION ALL SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'view' END, n.nspname, c.relname,
    pg_get_userbyid(c.relowner) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, own
    WHERE c.relkind IN ('v', 'm', 'S') AND c.relowner <> own.oid AND {_OWN_CLASS}
    UNION ALL SELECT 'function', n.nspname, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
    pg_get_userbyid(p.proowner) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace, own
    WHERE p.proowner <> own.oid AND {_IN_SCHEMAS}
    UNION ALL SELECT k, n.nspname, t.typname, pg_get_userbyid(t.typowner) FROM pg_type t
    JOIN pg_namespace n ON n.oid = t.typnamespace, own, (VALUES ('enum'), ('domain'), ('type')) AS kinds (k)
    WHERE t.typowner <> own.oid AND t.typtype IN ('e', 'd', 'c', 'r') AND {_IN_SCHEMAS}
    UNION ALL SELECT 'schema', 'public', n.nspname, pg_get_userbyid(n.nspowner) FROM pg_namespace n, own
    WHERE n.nspowner <> own.oid AND {_IN_SCHEMAS}"""


def postgresql_objects(connection: Connection) -> dict[str, dict[str, str]]:
    """Return every object with its parts, as Catalog has them."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for query in _QUERIES:
        for kind, schema, name, part, definition in connection.exec_driver_sql(query):
            found[f"{kind} {_qualified(schema, name)}"][part] = " ".join(str(definition).split())
    return dict(found)


def objects_of_others(connection: Connection, version_table: str) -> dict[str, str]:
    """Return the objects that belong to another role than the version table does, each with that role."""
    rows = connection.execute(text(_FOREIGN), {"own": version_table})
    return {f"{kind} {_qualified(schema, name)}": str(owner) for kind, schema, name, owner in rows}


def _qualified(schema: str, name: str) -> str:
    return name if schema == "public" else f"{schema}.{name}"
