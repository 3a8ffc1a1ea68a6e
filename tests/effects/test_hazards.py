"""What the upgrades of revisions destroy, lock or break, read from the scripts."""
# ruff: noqa: E501  # a table: each of its lines is one case

from __future__ import annotations

import pytest

from branchmig.effects.hazard_rules import HARMS, RULES
from branchmig.effects.hazards import Hazard, Policy, hazards_of
from tests.support import SCRIPT

ADVICE = Policy({"advice": "warning"}, names="[a-z_0-9]+")
PG, MY, LITE = "postgresql", "mysql", "sqlite"


def script(*lines: str) -> bytes:
    """A revision whose upgrade() consists of some lines, the first of which is line 18 of the file."""
    body = "\n".join(f"    {line}" for line in lines)
    text = SCRIPT.format(
        message="a step", revision="aaa1", revises="", parents=None, labels=None, depends_on=None,
        upgrade=body, downgrade="    pass",
    )  # fmt: skip
    return text.encode()


BEFORE = {
    "before1": script(
        "op.create_table('People', sa.Column('id', sa.Integer(), primary_key=True),",
        "    sa.Column('mail', sa.String(60), nullable=False, unique=True), sa.Column('nick', sa.String(40)),",
        "    sa.Column('age', sa.SmallInteger()), sa.Column('zip', sa.Text()), sa.Column('born', sa.DateTime()),",
        "    sa.Column('kind', sa.Enum('a', 'b', name='kind')), sa.Column('due', sa.Numeric(10, 2)),",
        "    sa.Column('state', sa.String(9), nullable=False, server_default='new'), sa.Column('team', sa.Integer()),",
        "    sa.ForeignKeyConstraint(['team'], ['teams.id'], name='fk_team'))",
        "op.execute('CREATE INDEX ix_nick ON \"People\" (nick)')",
    ),
    "before2": script(
        "op.execute('ALTER TABLE \"People\" ADD CONSTRAINT ck_nick CHECK (nick IS NOT NULL)')",
        "op.execute('ALTER TABLE \"People\" ADD CONSTRAINT ck_age CHECK (age > 0) NOT VALID')",
        "op.execute('ALTER TABLE old_name RENAME TO \"renamed\"')",
        "op.execute('CREATE FUNCTION known() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$')",
        "op.execute('CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$')",
    ),
    "before0": script("op.create_table('old_name', sa.Column('x', sa.String(5), nullable=False))"),
}


def codes(*lines: str, dialect: str | None = None, policy: Policy | None = None) -> list[str]:
    before = {item: BEFORE[item] for item in ("before0", "before1", "before2")}
    return [item.code for item in hazards_of({"aaa1": script(*lines)}, dialect, lambda: before, policy).found]


def sql(text: str) -> str:
    return f"op.execute({text!r})"


COLUMN = "op.add_column('people', sa.Column('x', sa.Integer(), {}))"
BATCH = "with op.batch_alter_table('people') as batch:"
BLOCK = "with op.get_context().autocommit_block():"
CASES: list[tuple[str | tuple[str, ...], dict[str, list[str]]]] = [
    # what is destroyed
    ("op.drop_table('people')", {PG: ["drops-table"], MY: ["drops-table"], LITE: ["drops-table"]}),
    (sql('drop table IF EXISTS app."People" /* now */ CASCADE -- gone'), {PG: ["drops-table"]}),
    (sql("DROP TABLE a, b"), {MY: ["drops-table", "drops-table"]}),
    (("t = sa.table('x')", "sa.Table('people', sa.MetaData()).drop(op.get_bind())"), {PG: ["drops-table"]}),
    (sql("DROP SCHEMA app CASCADE"), {PG: ["drops-schema"]}),
    ((BATCH, "    batch.drop_column('nick')"), {LITE: ["drops-column"], PG: ["drops-column"]}),
    (sql("ALTER TABLE people ADD b int, DROP COLUMN IF EXISTS age, DROP nick"), {MY: ["drops-column"] * 2}),
    (sql("CREATE OR REPLACE TABLE people (id int)"), {MY: ["replaces-table"]}),
    (sql("DROP TYPE kind CASCADE"), {PG: ["drops-with-cascade"]}),
    (sql("DROP TYPE kind"), {PG: []}),
    (sql("ALTER TABLE people DROP PARTITION p1"), {MY: ["drops-partition"]}),
    (sql("ALTER TABLE people DETACH PARTITION old"), {PG: ["drops-partition"]}),
    (sql("TRUNCATE people, teams CASCADE"), {PG: ["deletes-rows", "deletes-rows"]}),
    (("op.get_bind().execute(sa.text('DELETE FROM people WHERE age < 3'))"), {PG: ["deletes-rows"]}),
    (sql("WITH gone AS (DELETE FROM people RETURNING *) INSERT INTO old SELECT * FROM gone"), {PG: ["deletes-rows"]}),
    (("p = sa.table('people', sa.column('age'))", "op.execute(p.delete().where(p.c.age > 3))"), {PG: ["deletes-rows"]}),
    (sql("UPDATE people SET nick = 'x' WHERE id = 3"), {PG: ["overwrites-values"], LITE: ["overwrites-values"]}),
    (sql("UPDATE people SET nick = lower(nick)"), {PG: ["overwrites-values", "updates-every-row"]}),
    (sql("UPDATE people SET nick = '' WHERE nick IS NULL"), {PG: [], MY: []}),
    (sql("UPDATE people SET nick = nick WHERE age = 3"), {PG: []}),
    ("op.alter_column('people', 'due', type_=sa.Integer())", {
        PG: ["loses-values", "changes-type"], MY: ["loses-values", "changes-type"], LITE: ["loses-values"],
    }),
    (sql("ALTER TABLE people ALTER born TYPE date"), {PG: ["loses-values", "changes-type"]}),
    (sql("ALTER TABLE people ALTER nick TYPE varchar(9) USING left(nick, 9)"), {PG: ["loses-values", "changes-type"]}),
    (sql("DO $$ BEGIN IF true THEN DROP TABLE people; END IF; EXECUTE 'TRUNCATE teams'; END $$"), {
        PG: ["drops-table", "deletes-rows"],
    }),
    # what fails on rows
    (COLUMN.format("nullable=False"), {PG: ["adds-required-column"], LITE: ["adds-required-column"], MY: ["requires-column"]}),
    (COLUMN.format("nullable=False, server_default='0'"), {PG: [], MY: [], LITE: []}),
    (COLUMN.format("sa.ForeignKey('teams.id')"), {PG: ["constraint-blocks"], MY: ["constraint-blocks"], LITE: []}),
    (COLUMN.format("unique=True, server_default='0'"), {PG: ["adds-unique", "unique-blocks"], MY: ["adds-unique"]}),
    (COLUMN.format("index=True"), {PG: ["index-blocks-writes"], MY: []}),
    (sql("ALTER TABLE people ADD team_id int REFERENCES teams (id)"), {PG: [], MY: ["constraint-blocks"]}),
    (sql("ALTER TABLE people ADD n int CHECK (n > 0)"), {PG: ["constraint-blocks"], MY: []}),
    (sql("ALTER TABLE people ADD at timestamp DEFAULT CURRENT_TIMESTAMP"), {LITE: ["adds-uncountable-default"], PG: []}),
    ("op.alter_column('people', 'age', nullable=False)", {PG: ["sets-not-null", "scans-not-null"], MY: ["sets-not-null"]}),
    (sql("ALTER TABLE people MODIFY age smallint NOT NULL"), {MY: ["sets-not-null"]}),
    (sql('ALTER TABLE ONLY public."People" ALTER COLUMN "age" SET NOT NULL'), {PG: ["sets-not-null", "scans-not-null"]}),
    (sql("ALTER TABLE people ALTER mail SET NOT NULL"), {PG: []}),
    (sql("ALTER TABLE people ALTER nick SET NOT NULL"), {PG: []}),
    ("op.alter_column('people', 'age', nullable=True)", {PG: [], MY: []}),
    ((BATCH, "    batch.create_unique_constraint('uq', ['nick', 'age'])"), {
        LITE: ["adds-unique"], PG: ["adds-unique", "unique-blocks"], MY: ["adds-unique"],
    }),
    (sql("ALTER TABLE people ADD UNIQUE KEY uq (nick(10))"), {MY: ["adds-unique"]}),
    (sql("CREATE UNIQUE INDEX uq ON people (lower(nick))"), {PG: ["adds-unique", "index-blocks-writes"], LITE: ["adds-unique"]}),
    ("op.create_index('uq', 'people', ['mail', 'age'], unique=True)", {PG: ["index-blocks-writes"], MY: []}),
    (("op.drop_constraint('x', 'people')", "op.create_primary_key('pk', 'people', ['nick'])"), {
        PG: ["adds-primary-key", "unique-blocks"],
    }),
    ("op.create_check_constraint('ck', 'people', 'age > 0')", {
        PG: ["adds-check", "constraint-blocks"], MY: ["adds-check", "constraint-blocks"], LITE: ["adds-check"],
    }),
    ("op.create_check_constraint('ck', 'people', 'age > 0', postgresql_not_valid=True)", {PG: []}),
    ("op.create_foreign_key('fk', 'people', 'teams', ['age'], ['id'])", {
        PG: ["adds-foreign-key", "constraint-blocks"], MY: ["adds-foreign-key", "constraint-blocks"], LITE: [],
    }),
    (("op.drop_constraint('fk_team', 'people')", "op.create_foreign_key('f', 'people', 'teams', ['team'], ['id'], ondelete='CASCADE')"), {
        PG: ["constraint-blocks"],
    }),
    (sql("ALTER TABLE people ADD CONSTRAINT x EXCLUDE USING gist (age WITH =)"), {PG: ["adds-exclusion", "unique-blocks"]}),
    (sql("ALTER TABLE people VALIDATE CONSTRAINT ck_age"), {PG: ["validates-constraint"]}),
    (sql("ALTER TABLE people VALIDATE CONSTRAINT ck_nick"), {PG: []}),
    (sql("ALTER TABLE people ATTACH PARTITION p FOR VALUES IN (1)"), {PG: ["attaches-partition", "constraint-blocks"]}),
    ("op.alter_column('people', 'nick', existing_type=sa.String(40), type_=sa.String(9))", {
        PG: ["narrows-type", "changes-type"], MY: ["narrows-type", "changes-type"], LITE: [],
    }),
    (sql("ALTER TABLE people ALTER COLUMN zip TYPE integer USING zip::integer"), {PG: ["casts-values", "changes-type"]}),
    (sql("ALTER TABLE people MODIFY kind enum('a')"), {MY: ["casts-values", "changes-type"]}),
    (sql("CREATE UNIQUE INDEX CONCURRENTLY ix ON people (age)"), {PG: ["adds-unique", "concurrently-in-transaction"]}),
    # what locks
    ("op.alter_column('people', 'age', type_=sa.BigInteger())", {PG: ["changes-type"], MY: ["changes-type"], LITE: []}),
    (sql("ALTER TABLE people ALTER due TYPE numeric(12, 4)"), {PG: ["changes-type"]}),
    (sql("ALTER TABLE people MODIFY nick text"), {MY: ["changes-type"]}),
    (sql("ALTER TABLE people CHANGE nick nick varchar(40) COLLATE utf8mb4_bin"), {MY: ["changes-type"]}),
    ("op.alter_column('renamed', 'x', type_=sa.String(9))", {PG: [], MY: []}),
    ("op.alter_column('people', 'nick', type_=app.Special())", {PG: ["changes-type"]}),
    (COLUMN.format("server_default=sa.func.clock_timestamp()"), {PG: ["rewrites-table"]}),
    (COLUMN.format("server_default=sa.func.now()"), {PG: [], LITE: ["adds-uncountable-default"]}),
    (COLUMN.format("sa.Computed('age * 2', persisted=True)"), {PG: ["rewrites-table"], MY: ["rewrites-table"]}),
    (COLUMN.format("sa.Computed('age * 2', persisted=False)"), {PG: [], MY: [], LITE: []}),
    (COLUMN.format("sa.Identity(), nullable=False"), {PG: ["rewrites-table"]}),
    (sql("ALTER TABLE people ADD COLUMN pos serial"), {PG: ["rewrites-table"]}),
    (sql("ALTER TABLE people ADD pos int NOT NULL AUTO_INCREMENT UNIQUE"), {MY: ["rewrites-table"]}),
    (sql("ALTER TABLE people ADD n int GENERATED ALWAYS AS (age + 1) VIRTUAL"), {MY: [], LITE: []}),
    ((BLOCK, "    op.execute('VACUUM (FULL, ANALYZE) people')"), {PG: ["rebuilds-table"]}),
    (sql("VACUUM people"), {PG: []}),
    (sql("ALTER TABLE people SET UNLOGGED"), {PG: ["rebuilds-table"]}),
    (sql("REINDEX TABLE people"), {PG: ["rebuilds-table"]}),
    (sql("REINDEX TABLE CONCURRENTLY people"), {PG: []}),
    (sql("ALTER TABLE people CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"), {MY: ["rebuilds-table"]}),
    (sql("ALTER TABLE people ENGINE = Aria"), {MY: ["rebuilds-table"]}),
    (sql("ALTER TABLE people ENGINE=InnoDB, COMMENT 'x'"), {MY: []}),
    (sql("ALTER TABLE people DROP PRIMARY KEY"), {MY: ["rebuilds-table"]}),
    (sql("ALTER TABLE people ADD CHECK (age > 0), ALGORITHM=INPLACE, LOCK=NONE"), {MY: ["adds-check"]}),
    (sql("LOCK TABLE people IN SHARE MODE"), {PG: ["locks-table"]}),
    (sql("LOCK TABLE people IN ROW EXCLUSIVE MODE"), {PG: []}),
    ("op.create_index('ix', 'people', ['age'])", {PG: ["index-blocks-writes"], MY: [], LITE: []}),
    ("op.create_index('ix', 'people', ['age'], mysql_prefix='FULLTEXT')", {MY: ["index-blocks-writes"]}),
    (sql("CREATE FULLTEXT INDEX ft ON people (zip)"), {MY: ["index-blocks-writes"]}),
    ((BLOCK, "    op.create_index('ix', 'people', ['age'], postgresql_concurrently=True)"), {PG: []}),
    (sql("REFRESH MATERIALIZED VIEW totals"), {PG: ["refreshes-view"]}),
    (("op.add_column('people', sa.Column('x', sa.Integer()))", sql("UPDATE people SET x = 1")), {PG: ["fills-under-lock"]}),
    (("op.add_column('people', sa.Column('x', sa.Integer()))", BLOCK, f"    {sql('UPDATE people SET x = 1 WHERE x IS NULL')}"), {PG: []}),
    # what breaks the code that runs
    ("op.rename_table('people', 'persons')", {PG: ["renames-table"], LITE: ["renames-table"]}),
    (sql("RENAME TABLE people TO persons, teams TO groups"), {MY: ["renames-table", "renames-table"]}),
    (("op.rename_table('people', 'persons')", sql("CREATE VIEW people AS SELECT * FROM persons")), {PG: [], MY: []}),
    ("op.alter_column('people', 'nick', new_column_name='handle')", {PG: ["renames-column"], MY: ["renames-column"]}),
    (sql("ALTER TABLE people RENAME nick TO handle"), {PG: ["renames-column"], LITE: ["renames-column"]}),
    (sql("ALTER TABLE people CHANGE nick handle varchar(40)"), {MY: ["renames-column"]}),
    (sql("ALTER TABLE people SET SCHEMA archive"), {PG: ["moves-table"]}),
    (sql("ALTER SCHEMA app RENAME TO core"), {PG: ["renames-schema"]}),
    (sql("DROP VIEW totals"), {PG: ["drops-view"]}),
    ((sql("DROP VIEW totals"), sql("CREATE VIEW totals AS SELECT 1")), {PG: []}),
    (sql("DROP FUNCTION IF EXISTS totals(int), app.sums"), {PG: ["drops-function"] * 2}),
    (sql("DROP PROCEDURE settle"), {MY: ["drops-function"]}),
    (sql("DROP FUNCTION totals(int) CASCADE"), {PG: ["drops-with-cascade", "drops-function"]}),
    ((sql("DROP FUNCTION totals(int)"), sql("CREATE FUNCTION totals(a int) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$")), {PG: []}),
    ((sql("CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$"), sql("DROP FUNCTION f")), {PG: []}),
    ((sql("CREATE FUNCTION f(a int) RETURNS int DETERMINISTIC RETURN a + 1"), sql("DROP FUNCTION f")), {MY: []}),
    ((sql("CREATE OR REPLACE FUNCTION known() RETURNS int LANGUAGE sql AS $$ SELECT 2 $$"), sql("DROP FUNCTION known")), {PG: ["drops-function"]}),
    ((sql("DROP TRIGGER tr ON people"), sql("DROP FUNCTION touch()")), {PG: []}),
    ("op.alter_column('people', 'state', server_default=None)", {PG: ["drops-default"], MY: ["drops-default"]}),
    (sql("ALTER TABLE people ALTER state DROP DEFAULT"), {PG: ["drops-default"], MY: ["drops-default"]}),
    (sql("ALTER TABLE people ALTER nick DROP DEFAULT"), {PG: []}),
    (sql("ALTER TABLE people ALTER id DROP DEFAULT"), {PG: ["drops-default"]}),
    (sql("ALTER TABLE elsewhere ALTER x DROP DEFAULT"), {PG: ["drops-default"]}),
    (sql("ALTER TABLE people MODIFY state varchar(9) NOT NULL"), {MY: ["drops-default"]}),
    ("op.alter_column('people', 'state', server_default='draft')", {PG: [], MY: []}),
    (sql("ALTER TABLE people ALTER id DROP IDENTITY IF EXISTS"), {PG: ["drops-default"]}),
    (sql("ALTER TYPE kind RENAME TO sort"), {PG: ["renames-type"]}),
    (sql("ALTER TYPE kind RENAME VALUE 'a' TO 'z'"), {PG: ["renames-value"]}),
    (sql("ALTER TYPE kind ADD VALUE 'c'"), {PG: []}),
    (sql("ALTER TABLE [dbo].[people] ALTER COLUMN [age] bigint NOT NULL"), {"mssql": ["sets-not-null", "changes-type"]}),
    # what looks like it
    ((sql("COMMIT"), sql("CREATE INDEX CONCURRENTLY ix ON people (age)")), {PG: []}),
    ((sql("CREATE TABLE IF NOT EXISTS people (id int NOT NULL, x int UNIQUE)"), "op.drop_column('people', 'nick')"), {PG: ["drops-column"], LITE: ["drops-column"]}),
    (sql("CREATE TABLE IF NOT EXISTS people (id int NOT NULL, x int UNIQUE, CHECK (x > 0))"), {PG: [], MY: [], LITE: []}),
    (sql("ALTER TABLE people ALTER nick TYPE varchar(200)"), {PG: []}),
    (sql("ALTER TABLE people ALTER nick TYPE text"), {PG: []}),
    (sql("ALTER TABLE people MODIFY nick varchar(60)"), {MY: []}),
    (sql("ALTER TABLE people MODIFY kind enum('a','b','c')"), {MY: []}),
    (sql("ALTER TABLE people RENAME CONSTRAINT ck_age TO ck_years"), {PG: []}),
    (sql("ALTER INDEX ix_nick RENAME TO ix_n"), {PG: []}),
    (sql("ALTER TABLE people RENAME INDEX ix_nick TO ix_n"), {MY: []}),
    (sql("COMMENT ON TABLE people IS 'DROP TABLE people; DELETE FROM people'"), {PG: []}),
    (sql("CREATE TRIGGER t AFTER INSERT ON people BEGIN DELETE FROM people; END"), {LITE: []}),
    ((sql("CREATE TABLE s AS SELECT * FROM people"), sql("DELETE FROM s"), "op.drop_table('s')"), {PG: [], LITE: []}),
    ((
        sql("CREATE TABLE people_new (id int, nick text)"), sql("INSERT INTO people_new SELECT * FROM people"),
        sql("DROP TABLE people"), sql("ALTER TABLE people_new RENAME TO people"),
    ), {LITE: []}),
    ((BLOCK, f"    {sql('ALTER TABLE people ADD CONSTRAINT c CHECK (age > 1) NOT VALID')}",
      f"    {sql('ALTER TABLE people VALIDATE CONSTRAINT c')}"), {PG: []}),
    ((sql("ALTER TABLE people ADD CONSTRAINT c CHECK (age > 1) NOT VALID"),
      sql("ALTER TABLE people VALIDATE CONSTRAINT c")), {PG: ["validates-constraint", "constraint-blocks"]}),
    ("op.drop_index('ix_nick', 'people')", {PG: [], MY: []}),
    # rows that are written over, and copies that lack columns
    (sql("REPLACE INTO people (nick) VALUES ('x')"), {MY: ["overwrites-values"], LITE: ["overwrites-values"]}),
    (sql("INSERT INTO people (nick) VALUES ('x') ON CONFLICT (nick) DO UPDATE SET age = 3"), {PG: ["overwrites-values"]}),
    (sql("INSERT INTO people (nick) VALUES ('x') ON CONFLICT DO NOTHING"), {PG: [], LITE: []}),
    (sql("INSERT INTO people (nick) VALUES ('x') ON DUPLICATE KEY UPDATE age = 3"), {MY: ["overwrites-values"]}),
    ((sql("CREATE TABLE p2 AS SELECT nick FROM people"), "op.drop_table('people')", "op.rename_table('p2', 'people')"), {
        PG: ["drops-table"], LITE: ["drops-table"],
    }),
    ((sql("CREATE TABLE p2 AS SELECT * FROM people"), "op.drop_table('people')", "op.rename_table('p2', 'people')"), {LITE: []}),
    ((sql("ALTER TABLE people RENAME TO folk"), sql("CREATE VIEW people AS SELECT nick FROM folk")), {PG: ["renames-table"]}),
    ((sql("ALTER TABLE people RENAME TO folk"), sql("CREATE VIEW people AS SELECT DISTINCT * FROM folk")), {PG: ["renames-table"]}),
    ((sql("ALTER TABLE people RENAME TO folk"), sql("CREATE VIEW people AS SELECT f.* FROM folk f")), {PG: []}),
    (sql("UPDATE people SET nick = coalesce(nick, 'x') WHERE age = 3"), {PG: [], MY: []}),
    (("p = sa.table('people', sa.column('nick'))", "op.execute(p.update().where(p.c.nick.is_(None)).values(nick='x'))"), {PG: []}),
    (sql('ALTER TABLE people ALTER nick TYPE varchar(40) COLLATE "C"'), {PG: ["changes-type"]}),
    (sql('ALTER TABLE people ALTER zip TYPE text COLLATE "C"'), {PG: []}),
    (sql("ALTER TABLE people ADD z int GENERATED ALWAYS AS (zip::int) STORED"), {PG: ["casts-values", "rewrites-table"]}),
    (sql("ALTER TABLE people ADD n int DEFAULT 1 CHECK (n > 3)"), {PG: ["adds-check", "constraint-blocks"], MY: []}),
    (sql("ALTER IGNORE TABLE people ADD UNIQUE KEY uq (nick)"), {MY: ["deletes-rows"]}),
    ((sql("SET foreign_key_checks = 0"), sql("ALTER TABLE people ADD FOREIGN KEY (team) REFERENCES x (id)")), {MY: []}),
    ((sql("ALTER TABLE people RENAME TO p2"), sql("CREATE TABLE people (id int) PARTITION BY RANGE (id)"),
      sql("ALTER TABLE people ATTACH PARTITION p2 FOR VALUES FROM (1) TO (9)")), {PG: ["attaches-partition", "constraint-blocks"]}),
    ((sql("ALTER TABLE people ADD CONSTRAINT c CHECK (id >= 1 AND id < 9)"),
      sql("ALTER TABLE t ATTACH PARTITION people FOR VALUES FROM (1) TO (9)")), {PG: ["adds-check", "constraint-blocks"]}),
    ((sql("ALTER TABLE people ALTER id DROP DEFAULT"), sql("ALTER TABLE people ALTER id ADD GENERATED ALWAYS AS IDENTITY")), {PG: []}),
    (("class Names:", "    table = 'people'", "op.drop_table(Names.table)"), {PG: ["drops-table"]}),
    (("if op.get_bind().engine.name == 'oracle':", "    op.drop_table('people')"), {PG: []}),
    (sql("ALTER TABLE people ALTER state DROP DEFAULT, ALTER state DROP NOT NULL"), {PG: []}),
    (sql("ALTER TABLE people ALTER state SET DEFAULT NULL"), {PG: ["drops-default"]}),
    ("op.alter_column('people', 'state', server_default=sa.text('NULL'))", {PG: ["drops-default"]}),
    (sql("ALTER TABLE people ALTER mail TYPE text USING lower(mail)"), {PG: ["overwrites-values", "changes-type"]}),
    (sql('ALTER TABLE people ALTER mail TYPE text USING CAST("mail" AS varchar(90))'), {PG: []}),
    (sql("ALTER TABLE people ALTER mail TYPE text USING mail::varchar(90)"), {PG: []}),
    (sql("ALTER TABLE people ALTER born TYPE timestamptz USING born AT TIME ZONE 'UTC'"), {PG: ["changes-type"]}),
    (sql("ALTER TABLE people DROP PRIMARY KEY, ADD PRIMARY KEY (mail)"), {MY: []}),
    (("op.add_column('people', sa.Column('x', sa.Integer()))", sql("UPDATE people SET x = 1 WHERE id = 1"), "op.alter_column('people', 'x', nullable=False)"), {
        MY: ["sets-not-null", "requires-column"],
    }),
]  # fmt: skip
ADVISED = {
    "op.add_column('people', sa.Column('doc', sa.JSON()))": ["adds-json-column"],
    "op.create_index('ix', 'new', ['a', 'b', 'c', 'd'])": ["wide-index"],
    "op.drop_index('ix_nick', 'people')": ["drops-index-under-lock"],
    "op.drop_constraint('fk_team', 'people')": ["drops-foreign-key"],
    "op.execute('COMMIT')": ["transaction-in-script"],
    "op.add_column('people', sa.Column('someThing', sa.Integer()))": ["unconventional-name"],
}
PLAYED = [(lines, dialect, expected) for lines, by_dialect in CASES for dialect, expected in by_dialect.items()]


@pytest.mark.parametrize(("lines", "dialect", "expected"), PLAYED, ids=[f"{item[1]}-{item[0]}"[:90] for item in PLAYED])
def test_an_upgrade(lines: str | tuple[str, ...], dialect: str, expected: list[str]) -> None:
    assert codes(*([lines] if isinstance(lines, str) else lines), dialect=dialect) == expected


@pytest.mark.parametrize(("line", "expected"), ADVISED.items(), ids=ADVISED)
def test_advice_is_given_where_it_is_asked_for(line: str, expected: list[str]) -> None:
    assert codes(line) == [code for code in codes(line) if RULES[code].effect != "advice"]
    assert [code for code in codes(line, policy=ADVICE) if RULES[code].effect == "advice"] == expected


def test_every_rule_has_a_case() -> None:
    given = {code for _, _, expected in PLAYED for code in expected} | {
        code for item in ADVISED.values() for code in item
    }
    assert given == RULES.keys()


def test_a_code_counts_as_the_settings_say_by_its_own_name_first() -> None:
    hazard = Hazard("drops-column", "drops column a.b", "aaa1", 1)
    for severities, expected in (
        ({}, "warning"),
        ({"all": "error"}, "error"),
        ({"all": "off", "destroys": "error"}, "error"),
        ({"destroys": "error", "drops-column": "off"}, "off"),
    ):
        assert Policy(severities).severity(hazard) == expected
    assert codes("op.drop_column('people', 'nick')", policy=Policy({"destroys": "off"})) == []


def test_a_hazard_says_what_is_done_and_where() -> None:
    example = '# in a later release\nop.drop_column("users", "age")'
    assert hazards_of({"aaa1": script("pass", "op.drop_column('users', 'age')")}).found == (
        Hazard("drops-column", "drops column users.age", "aaa1", 19, example),
    )


def test_the_worst_comes_first_and_else_the_order_in_which_they_run() -> None:
    first = script("op.rename_table('a', 'b')", "op.create_index('ix', 'c', ['x'])", "op.drop_column('c', 'y')")
    second = script("op.drop_table('d')", "op.alter_column('c', 'x', nullable=False)")
    found = hazards_of({"aaa1": first, "bbb2": second}).found
    assert [(item.code, item.revision, item.line) for item in found] == [
        ("drops-column", "aaa1", 20),
        ("drops-table", "bbb2", 18),
        ("sets-not-null", "bbb2", 19),
        ("index-blocks-writes", "aaa1", 19),
        ("scans-not-null", "bbb2", 19),
        ("renames-table", "aaa1", 18),
    ]
    assert [item.rule.effect for item in found] == sorted((item.rule.effect for item in found), key=HARMS.index)


def test_what_is_done_to_a_table_of_the_same_revisions_is_no_hazard() -> None:
    first = script("op.create_table('Users', sa.Column('id', sa.Integer()))")
    second = script(
        "op.add_column('users', sa.Column('age', sa.Integer(), nullable=False))",
        "op.create_index('ix', 'users', ['age'])",
        "op.alter_column('users', 'age', type_=sa.Text(), nullable=False)",
        "op.drop_table('users', schema='public')",
    )
    assert hazards_of({"aaa1": first, "bbb2": second}).found == ()


def test_a_column_that_the_same_revisions_add_may_be_dropped() -> None:
    lines = ("op.add_column('users', sa.Column('age', sa.Integer()))", "op.drop_column('users', 'age')")
    assert codes(*lines) == []


def test_a_table_of_the_same_name_in_another_schema_is_another_table() -> None:
    assert codes("op.create_table('users', schema='app')", "op.drop_table('users')") == ["drops-table"]


def test_a_renamed_table_is_not_taken_for_a_new_one() -> None:
    assert codes("op.rename_table('users', 'people')", "op.drop_table('people')") == ["drops-table", "renames-table"]


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        (None, ["drops-table", "index-blocks-writes", "changes-type"]),
        ("postgresql", ["drops-table", "index-blocks-writes", "changes-type"]),
        ("mysql", ["drops-table", "changes-type"]),
        ("sqlite", ["drops-table"]),
    ],
)
def test_locks_are_told_where_the_database_takes_them(dialect: str | None, expected: list[str]) -> None:
    lines = (
        "op.create_index('ix', 'users', ['age'])",
        "op.alter_column('users', 'age', type_=sa.Text())",
        "op.drop_table('a')",
    )
    assert codes(*lines, dialect=dialect) == expected


def test_what_cannot_be_read_is_told_with_its_place() -> None:
    found = hazards_of({"aaa1": script("op.drop_table(name_of_it())")})
    assert found.found == ()
    assert [(revision, item.line) for revision, item in found.unread] == [("aaa1", 18)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT tidy_up()", ["SELECT tidy_up()"]),
        ("CALL tidy_up()", ["CALL tidy_up()"]),
        ("EXEC sp_rename 'a', 'b'", ["EXEC sp_rename 'a', 'b'"]),
        ("DO $$ BEGIN PERFORM tidy_up(); END $$", ["SELECT tidy_up()"]),
        (
            "DO $$ BEGIN EXECUTE format('DROP TABLE %I', 'a'); END $$",
            ["EXECUTE format('DROP TABLE %I', 'a')"],
        ),
        ("SELECT setval('s', 1); SELECT pg_sleep(0); SELECT app.x FROM app", []),
        ("DO $$ DECLARE n int; BEGIN SELECT count(*) INTO n FROM people; n := n + 1; RAISE NOTICE '%', n; END $$", []),
    ],
)
def test_a_statement_that_may_do_anything_is_unread(text: str, expected: list[str]) -> None:
    found = hazards_of({"aaa1": script(sql(text))}, PG)
    assert found.found == ()
    assert [place.what.removeprefix("SQL that cannot be read: ") for _, place in found.unread] == expected


def test_only_the_upgrade_is_looked_at() -> None:
    text = script("pass").decode().replace("def downgrade():\n    pass", "def downgrade():\n    op.drop_table('users')")
    assert hazards_of({"aaa1": text.encode()}).found == ()
