"""PostgreSQL databases that tests use one after another: a new database costs a quarter of a second of CPU.

A database is given again only where everything that a test made is gone and the database itself is as it was created.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_OTHERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
_END_OTHERS = f"SELECT pg_terminate_backend(pid) FROM ({_OTHERS}) AS others"

_EMPTY = """
DO $$
DECLARE
    schema_name text;
BEGIN
    FOR schema_name IN
        SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', schema_name);
    END LOOP;
    CREATE SCHEMA public;
    COMMENT ON SCHEMA public IS 'standard public schema';
    IF current_setting('server_version_num')::int >= 150000 THEN
        ALTER SCHEMA public OWNER TO pg_database_owner;
        GRANT USAGE ON SCHEMA public TO PUBLIC;
    ELSE
        GRANT ALL ON SCHEMA public TO PUBLIC;
    END IF;
END $$
"""

# The server gives its own objects smaller numbers than this.
_FIRST_OID = 16384
_CATALOGS = (
    *("pg_cast", "pg_class", "pg_collation", "pg_constraint", "pg_conversion", "pg_default_acl", "pg_event_trigger"),
    *("pg_extension", "pg_foreign_data_wrapper", "pg_foreign_server", "pg_language", "pg_largeobject_metadata"),
    *("pg_operator", "pg_proc", "pg_publication", "pg_ts_config", "pg_ts_dict", "pg_type"),
)
_LEFT = " UNION ALL ".join(
    (
        *(f"SELECT '{catalog}' FROM {catalog} WHERE oid >= {_FIRST_OID}" for catalog in _CATALOGS),
        "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public')",
        "SELECT 'setting' FROM pg_db_role_setting WHERE setdatabase ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())",
        "SELECT 'prepared transaction' FROM pg_prepared_xacts WHERE database = current_database()",
        "SELECT 'database' FROM pg_database WHERE datname = current_database() AND (datistemplate OR NOT datallowconn"
        " OR datconnlimit <> -1 OR datacl IS NOT NULL OR datdba <> current_user::regrole"
        " OR shobj_description(oid, 'pg_database') IS NOT NULL)",
    )
)


def is_emptied(engine: Engine, url: str) -> bool:
    """Empty a database for the next test; no where something stays, or where the database is not to be reached."""
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError

    own = create_engine(url, poolclass=type(engine.pool), isolation_level="AUTOCOMMIT")
    try:
        with own.connect() as connection:
            _end_others(connection)
            connection.exec_driver_sql(_EMPTY)
            return not connection.exec_driver_sql(_LEFT).all()
    except (DBAPIError, TimeoutError):
        return False


def _end_others(connection: Connection) -> None:
    until = time.monotonic() + 10
    while connection.exec_driver_sql(_END_OTHERS).all():
        if time.monotonic() > until:
            raise TimeoutError
