"""PURE. The table of rules: what kinds of change do harm, why, and the safer way with its code.

docs/hazards.md shows this table; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Harm = Literal["destroys", "may fail", "locks", "breaks running code", "advice"]
HARMS: tuple[Harm, ...] = get_args(Harm)
"""What a hazard does, worst first."""

Severity = Literal["error", "warning", "off"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)


@dataclass(frozen=True, slots=True)
class Rule:
    """The harm of a kind of change, its reason, the safer way, and code for it with the change's own names.

    `example` has {table}, {name}, {columns}, {target} and {new_name} for these. `public` names the rules of Atlas,
    strong_migrations and squawk that look for the same. Advice is given where the settings ask for it.
    """

    effect: Harm
    why: str
    instead: str
    example: str = ""
    public: str = ""

    @property
    def severity(self) -> Severity:
        """How it counts where the settings do not say."""
        return "off" if self.effect == "advice" else "warning"


_LATER = "release code that does without it first, and drop it in a later release"
_COPY = 'op.execute("CREATE TABLE {table}_before AS SELECT * FROM {table}")'
_VALIDATED = """\
op.create_check_constraint("ck_{table}_{name}", "{table}", "{name} IS NOT NULL", postgresql_not_valid=True)
# in a later revision
op.execute("ALTER TABLE {table} VALIDATE CONSTRAINT ck_{table}_{name}")
op.alter_column("{table}", "{name}", nullable=False)"""
_CONCURRENTLY = """\
with op.get_context().autocommit_block():
    op.create_index("{name}", "{table}", [{columns}], postgresql_concurrently=True)"""
_DROP_CONCURRENTLY = """\
with op.get_context().autocommit_block():
    op.drop_index("{name}", "{table}", postgresql_concurrently=True)"""
_UNIQUE_CONCURRENTLY = """\
with op.get_context().autocommit_block():
    op.create_index("{name}", "{table}", [{columns}], unique=True, postgresql_concurrently=True)
op.execute("ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}")"""
_NOT_VALID = """\
# with postgresql_not_valid=True on the constraint; and in a later revision
op.execute("ALTER TABLE {table} VALIDATE CONSTRAINT {name}")"""
_PORTIONS = """\
with op.get_context().autocommit_block():
    while op.get_bind().execute(sa.text("UPDATE {table} SET ... WHERE id IN (SELECT id ... LIMIT 1000)")).rowcount:
        pass"""
_NEW_COLUMN = """\
op.add_column("{table}", sa.Column("{name}_new", ..., nullable=True))
# fill it in portions, let the code change over, and in a later release
op.drop_column("{table}", "{name}")"""
_FIND_TWICE = "branchmig upgrade heads --check  # names the rows that are there twice"

RULES: dict[str, Rule] = {
    "drops-schema": Rule(
        "destroys", "all that is in it is gone", _LATER, "", "Atlas DS101; squawk ban-drop-schema, ban-drop-database"
    ),
    "drops-table": Rule(
        "destroys", "its rows are gone, and code that still runs reads it", _LATER,
        "# in a later release\nop.drop_table(\"{table}\")", "Atlas DS102; squawk ban-drop-table",
    ),
    "drops-column": Rule(
        "destroys", "its values are gone, and code that still runs reads it", _LATER,
        "# in a later release\nop.drop_column(\"{table}\", \"{name}\")",
        "Atlas DS103; squawk ban-drop-column; strong_migrations: removing a column",
    ),
    "replaces-table": Rule(
        "destroys", "the table that is there is dropped first, with its rows",
        "create it only if it is not there, and change it where it is",
        "op.create_table(\"{table}\", ..., if_not_exists=True)",
        "strong_migrations: creating a table with the force option",
    ),
    "drops-with-cascade": Rule(
        "destroys", "columns, defaults and views that depend on it go as well",
        "change what depends on it first, and drop it without CASCADE, which fails where something is left",
        'op.execute("DROP ... {name}")',
        "Atlas DS103; squawk ban-drop-column, ban-drop-type, ban-drop-domain, ban-drop-extension",
    ),
    "drops-partition": Rule(
        "destroys", "the rows of the partition are gone", "detach it, and drop it once nobody misses it",
        'op.execute("ALTER TABLE {table} DETACH PARTITION {name}")',
        "Atlas DS102; squawk require-concurrent-partition-detach",
    ),
    "deletes-rows": Rule(
        "destroys", "no downgrade brings them back", "copy them into a table of their own first", _COPY,
        "strong_migrations: executing SQL directly; squawk ban-truncate-cascade",
    ),
    "overwrites-values": Rule(
        "destroys", "no downgrade brings the old values back", "copy them into a table of their own first", _COPY,
        "strong_migrations: executing SQL directly",
    ),
    "loses-values": Rule(
        "destroys", "the new type cannot hold a part of a value: fractions, times or digits are cut off",
        "keep the old values in a column of their own until nobody misses them", _NEW_COLUMN,
        "squawk changing-column-type; strong_migrations: changing the type of a column",
    ),
    "adds-required-column": Rule(
        "may fail", "rows that are there have no value for it, and code that still runs writes rows without it",
        "give it a server_default; or add it nullable, fill it, and set nullable=False in a later revision",
        'op.add_column("{table}", sa.Column("{name}", ..., nullable=False, server_default="..."))',
        "Atlas MF103, MY101; squawk adding-required-field",
    ),
    "adds-uncountable-default": Rule(
        "may fail", "SQLite takes such a column only for a table without rows",
        "let batch mode copy the table",
        'with op.batch_alter_table("{table}", recreate="always") as batch:\n    batch.add_column(...)',
    ),
    "sets-not-null": Rule(
        "may fail", "it fails if a row has NULL there, and code that still runs may write such rows",
        "fill it first; on PostgreSQL, add a check constraint with postgresql_not_valid=True and validate it before",
        _VALIDATED,
        "Atlas MF104, LT101; squawk adding-not-nullable-field; strong_migrations: setting NOT NULL",
    ),
    "adds-unique": Rule(
        "may fail", "it fails if two rows have the same values", "look for them first, and settle them",
        _FIND_TWICE, "Atlas MF101, MF102; squawk disallowed-unique-constraint",
    ),
    "adds-primary-key": Rule(
        "may fail", "it fails if two rows have the same values, or one has NULL",
        "look for them first, and settle them",
        _FIND_TWICE, "Atlas PG104, PG304; strong_migrations: adding a unique constraint",
    ),
    "adds-check": Rule(
        "may fail", "it fails if a row breaks it", "look for such rows first, and settle them",
        "branchmig upgrade heads --check  # names the rows that break it",
        "Atlas PG305; squawk constraint-missing-not-valid; strong_migrations: adding a check constraint",
    ),
    "adds-foreign-key": Rule(
        "may fail", "it fails if a row points to one that is not there", "look for such rows first, and settle them",
        "branchmig upgrade heads --check  # names the rows that point nowhere",
        "Atlas PG306; squawk adding-foreign-key-constraint; strong_migrations: adding a foreign key",
    ),
    "adds-exclusion": Rule(
        "may fail", "it fails if two rows exclude each other, and there is no way to add it without going through all",
        "look for such rows first, and add it while few write", "",
        "Atlas PG311; strong_migrations: adding an exclusion constraint",
    ),
    "attaches-partition": Rule(
        "may fail", "it fails if a row belongs to another partition",
        "add a check constraint that says so, and validate it before", "", "Atlas PG305",
    ),
    "validates-constraint": Rule(
        "may fail", "it fails if a row breaks the constraint; NOT VALID let such rows be",
        "look for such rows first, and settle them", "branchmig upgrade heads --check  # names the rows that break it",
        "squawk constraint-missing-not-valid; strong_migrations: adding a foreign key",
    ),
    "narrows-type": Rule(
        "may fail", "it fails if a value does not fit", "look for such values first; or keep the type, and add a check",
        "branchmig upgrade heads --check  # names the rows that do not fit",
        "squawk changing-column-type; strong_migrations: changing the type of a column",
    ),
    "casts-values": Rule(
        "may fail", "it fails if a value cannot be read as the new type",
        "add a new column, fill it with what can be read, and change over", _NEW_COLUMN,
        "squawk changing-column-type; strong_migrations: changing the type of a column",
    ),
    "concurrently-in-transaction": Rule(
        "may fail", "PostgreSQL refuses CONCURRENTLY inside a transaction",
        "put it into an autocommit block", _CONCURRENTLY,
        "Atlas PG103; squawk ban-concurrent-index-creation-in-transaction",
    ),
    "changes-type": Rule(
        "locks", "most changes of a type rewrite the whole table and its indexes while nothing else can use it",
        "add a new column, fill it in portions, let the code change over, and drop the old one later", _NEW_COLUMN,
        "Atlas PG301, MY110 to MY123, MY131; squawk changing-column-type; "
        "strong_migrations: changing the type of a column",
    ),
    "rewrites-table": Rule(
        "locks", "a value that differs from row to row rewrites the whole table while nothing else can use it",
        "add the column without it, set the default for new rows, and fill the others in portions",
        'op.add_column("{table}", sa.Column("{name}", ..., nullable=True))\n'
        'op.alter_column("{table}", "{name}", server_default=...)',
        "Atlas PG302, PG309, PG310, MY140; squawk adding-field-with-default, adding-serial-primary-key-field; "
        "strong_migrations: adding a column with a volatile default, an auto-incrementing or a stored generated column",
    ),
    "rebuilds-table": Rule(
        "locks", "the whole table, or its indexes, are rewritten while others wait",
        "do it in a quiet hour, outside of a deployment; on PostgreSQL with pg_repack, or REINDEX CONCURRENTLY",
        'with op.get_context().autocommit_block():\n    op.execute("REINDEX TABLE CONCURRENTLY {table}")',
        "Atlas MY131; squawk prefer-repack, require-concurrent-reindex; strong_migrations: executing SQL directly",
    ),
    "locks-table": Rule(
        "locks", "others wait until the transaction ends", "lock the rows that are changed, with SELECT ... FOR UPDATE",
        'op.execute("SELECT ... FROM {table} WHERE ... FOR UPDATE")', "strong_migrations: executing SQL directly",
    ),
    "scans-not-null": Rule(
        "locks", "every row is read while nothing else gets at the table",
        "add a check constraint with postgresql_not_valid=True, and validate it before", _VALIDATED,
        "Atlas PG303; squawk adding-not-nullable-field; strong_migrations: setting NOT NULL",
    ),
    "index-blocks-writes": Rule(
        "locks", "nothing can be written to the table until the index is built",
        "postgresql_concurrently=True, inside 'with op.get_context().autocommit_block():'", _CONCURRENTLY,
        "Atlas PG101; squawk require-concurrent-index-creation; strong_migrations: adding an index non-concurrently",
    ),
    "constraint-blocks": Rule(
        "locks", "every row is checked while nothing can be written to the table",
        "on PostgreSQL postgresql_not_valid=True, and VALIDATE CONSTRAINT in a later revision, which lets others write",
        _NOT_VALID,
        "Atlas PG305, PG306; squawk adding-foreign-key-constraint, constraint-missing-not-valid; strong_migrations: "
        "adding a foreign key, a reference, a check constraint",
    ),
    "unique-blocks": Rule(
        "locks", "its index is built while nothing else gets at the table",
        "create the unique index with postgresql_concurrently=True, then ADD CONSTRAINT ... UNIQUE USING INDEX",
        _UNIQUE_CONCURRENTLY,
        "Atlas PG104, PG105; squawk disallowed-unique-constraint; strong_migrations: adding a unique constraint",
    ),
    "refreshes-view": Rule(
        "locks", "nobody can read the view until it is filled",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY, with a unique index",
        'op.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY {table}")', "strong_migrations: executing SQL directly",
    ),
    "fills-under-lock": Rule(
        "locks", "the lock of the ALTER TABLE before it is kept while the rows are written",
        "fill it in a revision of its own, in portions, each in its own transaction", _PORTIONS,
        "strong_migrations: backfilling data",
    ),
    "updates-every-row": Rule(
        "locks", "every row stays locked until the revision has committed",
        "write them in portions, each in its own transaction", _PORTIONS, "strong_migrations: backfilling data",
    ),
    "renames-table": Rule(
        "breaks running code", "code that still runs knows it by its old name",
        "leave a view of the old name, or add a new table and change over to it",
        'op.rename_table("{table}", "{new_name}")\nop.execute("CREATE VIEW {table} AS SELECT * FROM {new_name}")',
        "Atlas BC101; squawk renaming-table; strong_migrations: renaming a table",
    ),
    "renames-column": Rule(
        "breaks running code", "code that still runs knows it by its old name",
        "add a new column, write both, change over, and drop the old one later",
        'op.add_column("{table}", sa.Column("{new_name}", ...))',
        "Atlas BC102; squawk renaming-column; strong_migrations: renaming a column",
    ),
    "moves-table": Rule(
        "breaks running code", "code that still runs looks for it in its old schema",
        "leave a view of the old name", 'op.execute("CREATE VIEW {table} AS SELECT * FROM {new_name}.{table}")',
        "Atlas BC101; squawk ban-set-schema; strong_migrations: renaming a schema",
    ),
    "renames-schema": Rule(
        "breaks running code", "code that still runs knows it by its old name",
        "make a new schema, and move to it table by table, with views of the old names", "",
        "Atlas BC101; squawk renaming-object; strong_migrations: renaming a schema",
    ),
    "drops-view": Rule(
        "breaks running code", "code that still runs reads it", _LATER,
        "# in a later release\nop.execute(\"DROP VIEW {table}\")", "squawk ban-drop-view",
    ),
    "drops-function": Rule(
        "breaks running code", "code that still runs calls it", _LATER,
        '# in a later release\nop.execute("DROP FUNCTION {name}")', "squawk ban-drop-function",
    ),
    "drops-default": Rule(
        "breaks running code", "code that still runs writes rows without it, and these fail from then on",
        "drop the default once all code that runs writes a value",
        '# in a later release\nop.alter_column("{table}", "{name}", server_default=None)',
        "squawk ban-drop-default, ban-drop-sequence; strong_migrations: changing the default value of a column",
    ),
    "requires-column": Rule(
        "breaks running code", "code that still runs writes rows without it, and these fail from then on",
        "give it a server_default until all code that runs writes a value",
        'op.add_column("{table}", sa.Column("{name}", ..., nullable=False, server_default="..."))',
        "Atlas MY101; squawk adding-required-field",
    ),
    "renames-type": Rule(
        "breaks running code", "code that still runs casts to it by its old name",
        "make a new type, and change over to it", "", "squawk renaming-object",
    ),
    "renames-value": Rule(
        "breaks running code", "code that still runs writes the old value, and does not know the new one",
        "add the new value, change over, and settle the rows later",
        'op.execute("ALTER TYPE {table} ADD VALUE \'{new_name}\'")',
        "Atlas BC102",
    ),
    "adds-json-column": Rule(
        "advice", "json has no equality: SELECT DISTINCT over it fails", "use jsonb",
        'op.add_column("{table}", sa.Column("{name}", postgresql.JSONB()))', "strong_migrations: adding a json column",
    ),
    "wide-index": Rule(
        "advice", "an index over more than three columns is seldom used for the last of them",
        "lead with the columns that tell most rows apart", "",
        "strong_migrations: keeping non-unique indexes to three columns",
    ),
    "drops-index-under-lock": Rule(
        "advice", "DROP INDEX waits for every query on the table, and others wait behind it",
        "postgresql_concurrently=True, inside an autocommit block",
        _DROP_CONCURRENTLY,
        "Atlas PG102; squawk require-concurrent-index-deletion; strong_migrations: removing an index non-concurrently",
    ),
    "drops-foreign-key": Rule(
        "advice", "nothing keeps rows from pointing nowhere from then on", "keep it while other code relies on it", "",
        "Atlas CD101",
    ),
    "transaction-in-script": Rule(
        "advice", "a revision that commits by itself cannot be rolled back as a whole",
        "use an autocommit block", "with op.get_context().autocommit_block():\n    ...",
        "Atlas TX101; squawk transaction-nesting",
    ),
    "unconventional-name": Rule(
        "advice", "its name does not match hazard_names of the settings", "rename it before it lands", "",
        "Atlas NM101 to NM106",
    ),
}  # fmt: skip
