from __future__ import annotations

import alembic.op
import pytest

from branchmig.effects.change import Change
from branchmig.effects.footprint import DbObject, Effect, Footprint, Opaque, read_footprint
from branchmig.effects.footprint.operations import HANDLED, INERT, OPAQUE
from branchmig.effects.footprint.script import MOST_STATEMENTS
from tests.footprints import FIRST_LINE, footprint_of, script, touched


def test_every_operation_of_alembic_is_handled_or_named() -> None:
    operations = {name for name in dir(alembic.op) if not name.startswith("_")}
    assert operations - HANDLED.keys() - INERT - OPAQUE == set()


def test_no_operation_is_in_two_lists() -> None:
    assert len(HANDLED.keys() | INERT | OPAQUE) == len(HANDLED) + len(INERT) + len(OPAQUE)


def test_a_touch_says_what_is_done_where_and_in_which_line() -> None:
    found = footprint_of("\nop.drop_column(\n    'users', 'email'\n)")
    change = Change("drop-column", "drops column users.email", FIRST_LINE, "users", name="email")
    assert found == Footprint(
        (
            Effect(DbObject("column", "email", "users"), "drop", FIRST_LINE, "drops column users.email"),
            Effect(DbObject("table", "users"), "use", FIRST_LINE, "drops column users.email"),
        ),
        changes=(change,),
    )


def test_an_empty_merge_revision_touches_nothing() -> None:
    assert footprint_of("pass") == Footprint()
    assert footprint_of('"""Join two heads."""') == Footprint()


TABLE = """
op.create_table('users',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('team_id', sa.Integer(), nullable=True),
    sa.Column('mood', sa.Enum('sad', 'glad', name='mood'), nullable=True),
    sa.CheckConstraint('id > 0', name=op.f('ck_users_id')),
    sa.ForeignKeyConstraint(['team_id'], ['app.teams.id'], name=op.f('fk_users_team_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_users')),
    sa.UniqueConstraint('team_id'),
    sa.Index('ix_inline', 'team_id'),
    schema='app',
)
"""


def test_create_table_has_its_columns_constraints_indexes_types_and_references() -> None:
    assert touched(TABLE) == [
        "create table app.users",
        "create column app.users.id",
        "create column app.users.team_id",
        "create column app.users.mood",
        "create type mood",
        "create constraint app.users.ck_users_id +check",
        "create constraint app.users.fk_users_team_id +foreign key",
        "use table app.teams +reference",
        "use column app.teams.id +reference",
        "create constraint app.users.pk_users +primary key",
        "create index app.ix_inline",
    ]


def test_each_column_of_a_table_has_its_own_line() -> None:
    lines = {
        str(touche.object): touche.line for touche in footprint_of(TABLE).touches if touche.object.kind == "column"
    }
    assert lines == {
        "column app.users.id": FIRST_LINE + 1,
        "column app.users.team_id": FIRST_LINE + 2,
        "column app.users.mood": FIRST_LINE + 3,
        "column app.teams.id": FIRST_LINE + 5,
    }


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("op.drop_table('users', schema='app')", ["drop table app.users"]),
        ("op.drop_table('users', if_exists=True)", ["drop table users +tolerant"]),
        ("op.rename_table('users', 'people')", ["rename table users", "create table people"]),
        ("op.create_table_comment('users', 'who')", ["alter table users +comment"]),
        ("op.drop_table_comment('users')", ["alter table users +comment"]),
        (
            "op.add_column('users', sa.Column('email', sa.String(), nullable=True))",
            ["create column users.email", "use table users"],
        ),
        (
            "op.add_column('users', sa.Column('email', sa.String(), nullable=False))",
            ["create column users.email", "use table users +constraint"],
        ),
        (
            "op.add_column('users', sa.Column('n', sa.Integer(), nullable=False, server_default='0'))",
            ["create column users.n", "use table users"],
        ),
        (
            "op.add_column('users', sa.Column('team', sa.ForeignKey('app.teams.id')), schema='app')",
            [
                "create column app.users.team",
                "use table app.users",
                "use table app.teams +reference",
                "use column app.teams.id +reference",
            ],
        ),
        (
            "op.add_column('users', sa.Column('mood', postgresql.ENUM('a', name='mood')))",
            ["create column users.mood", "use table users", "use type mood"],
        ),
        ("op.drop_column('users', column_name='email')", ["drop column users.email", "use table users"]),
        (
            "op.alter_column('users', 'name', existing_type=sa.String(), type_=sa.Text(), nullable=True)",
            ["alter column users.name +nullable +type", "use table users"],
        ),
        (
            "op.alter_column('users', 'name', existing_type=sa.String(), nullable=False)",
            ["alter column users.name +nullable", "use table users +constraint"],
        ),
        (
            "op.alter_column('users', 'name', server_default=None)",
            ["alter column users.name +default", "use table users"],
        ),
        (
            "op.alter_column('users', 'name', comment=None, existing_comment='x')",
            ["alter column users.name +comment", "use table users"],
        ),
        (
            "op.alter_column('users', 'name', new_column_name='title', schema='app')",
            ["rename column app.users.name", "create column app.users.title", "use table app.users"],
        ),
        ("op.alter_column('users', 'name', existing_type=sa.String())", []),
        (
            "op.create_index(op.f('ix_users_email'), 'users', ['email', sa.text('lower(name)')], unique=True)",
            [
                "create index ix_users_email",
                "use table users +constraint",
                "use column users.email +index",
                "use column users.lower +index",
                "use column users.name +index",
            ],
        ),
        ("op.drop_index('ix', table_name='users')", ["drop index ix", "use table users"]),
        ("op.drop_index('ix')", ["drop index ix"]),
        (
            "op.create_unique_constraint('uq', 'users', ['a', 'b'])",
            [
                "create constraint users.uq +unique",
                "use table users +constraint",
                "use column users.a +constraint",
                "use column users.b +constraint",
            ],
        ),
        (
            "op.create_primary_key('pk', 'users', ['id'])",
            [
                "create constraint users.pk +primary key",
                "use table users +constraint",
                "use column users.id +constraint",
            ],
        ),
        (
            "op.create_check_constraint('ck', 'users', sa.column('age') > 0)",
            ["create constraint users.ck +check", "use table users +constraint", "use column users.age +constraint"],
        ),
        (
            "op.create_exclude_constraint('ex', 'users', ('period', '&&'), using='gist')",
            [
                "create constraint users.ex +exclude",
                "use table users +constraint",
                "use column users.period +constraint",
            ],
        ),
        (
            "op.create_foreign_key('fk', 'users', 'teams', ['team'], ['id'], referent_schema='app')",
            [
                "create constraint users.fk +foreign key",
                "use table users +constraint",
                "use column users.team +constraint",
                "use table app.teams +reference",
                "use column app.teams.id +reference",
            ],
        ),
        ("op.drop_constraint('uq', 'users', type_='unique')", ["drop constraint users.uq", "use table users"]),
        (
            "op.bulk_insert(sa.table('users', sa.column('name')), [{'name': 'x'}])",
            ["write table users +insert", "use column users.name +data"],
        ),
        ("sa.Enum('a', name='mood').create(op.get_bind(), checkfirst=True)", ["create type mood +tolerant"]),
        ("sa.Enum('a', name='mood').create(op.get_bind(), checkfirst=False)", ["create type mood"]),
        ("postgresql.ENUM(name='mood').drop(op.get_bind())", ["drop type mood +tolerant"]),
        ("op.execute(sa.schema.CreateSequence(sa.Sequence('s')))", ["create sequence s"]),
        ("op.execute(sa.schema.CreateSchema('app', if_not_exists=True))", ["create schema app +tolerant"]),
    ],
)  # fmt: skip
def test_an_operation(operation: str, expected: list[str]) -> None:
    assert touched(operation) == expected


def test_an_enum_that_is_text_or_not_to_be_created_makes_no_type() -> None:
    text = "sa.Column('a', sa.Enum('x', name='a', native_enum=False))"
    there = "sa.Column('b', postgresql.ENUM(name='b', create_type=False))"
    found = touched(f"op.create_table('t', {text}, {there})")
    assert [item for item in found if " type " in item] == ["use type b"]


def test_an_enum_without_a_name_is_named_after_its_class() -> None:
    before = "import enum\nclass Mood(enum.Enum):\n    SAD = 1\n"
    assert "create type mood" in touched("op.create_table('t', sa.Column('a', sa.Enum(Mood)))", before)
    assert "create type colour" in touched(
        "op.create_table('t', sa.Column('a', postgresql.ARRAY(sa.Enum(Colour))))", "from app.models import Colour"
    )


def test_a_batch_block_is_its_tables_operations() -> None:
    batch = """
        with op.batch_alter_table('users', schema='app') as batch_op:
            batch_op.add_column(sa.Column('email', sa.String()))
            batch_op.drop_column('old')
            batch_op.alter_column('name', existing_type=sa.String(), nullable=False)
            batch_op.create_index(batch_op.f('ix'), ['email'], unique=False)
            batch_op.drop_index('ix_old')
            batch_op.create_unique_constraint('uq', ['email'])
            batch_op.create_foreign_key('fk', 'teams', ['team'], ['id'])
            batch_op.drop_constraint('old_fk', type_='foreignkey')
            batch_op.create_table_comment('who')
    """
    plain = """
        op.add_column('users', sa.Column('email', sa.String()), schema='app')
        op.drop_column('users', 'old', schema='app')
        op.alter_column('users', 'name', existing_type=sa.String(), nullable=False, schema='app')
        op.create_index(op.f('ix'), 'users', ['email'], unique=False, schema='app')
        op.drop_index('ix_old', 'users', schema='app')
        op.create_unique_constraint('uq', 'users', ['email'], schema='app')
        op.create_foreign_key('fk', 'users', 'teams', ['team'], ['id'], source_schema='app')
        op.drop_constraint('old_fk', 'users', type_='foreignkey', schema='app')
        op.create_table_comment('users', 'who', schema='app')
    """
    assert touched(batch) == touched(plain)
    assert len(touched(batch)) == 22


@pytest.mark.parametrize(
    ("body", "before"),
    [
        ("op.drop_column(TABLE, COLUMN)", "TABLE = 'users'\nCOLUMN: str = 'email'"),
        ("table = 'us' + 'ers'\nop.drop_column(table, 'email')", ""),
        ("op.drop_column(f'{T}s', '%s' % 'email')", "T = 'user'"),
        ("op.drop_column('{}s'.format('user'), ''.join(['e', 'mail']))", ""),
        ("options = {'schema': None}\nop.drop_column(*('users', 'email'), **options)", ""),
        ("op.drop_column(NAMES['t'], NAMES['c'][0])", "NAMES = {'t': 'users', 'c': ['email']}"),
        ("o.drop_column('users', 'email')", "from alembic import op as o"),
        ("drop_column('users', 'email')", "from alembic.op import drop_column"),
        ("alembic.op.drop_column('users', 'email')", "import alembic"),
        ("_drop('users')", "def _drop(table, column='email'):\n    op.drop_column(table, column)"),
        ("_drop(column='email')", "def _drop(table='users', *, column):\n    op.drop_column(table, column)"),
        ("drop = lambda table: op.drop_column(table, 'email')\ndrop('users')", ""),
        ("for table in TABLES:\n    op.drop_column(table, 'email')", "TABLES = ('users',)"),
        ("for t, c in {'users': 'email'}.items():\n    op.drop_column(t, c)", ""),
        ("[op.drop_column(t, 'email') for t in ['users']]", ""),
        ("if True:\n    op.drop_column('users', 'email')\nelse:\n    op.drop_table('users')", ""),
        ("if op.get_bind().dialect.name == 'sqlite':\n    return\nop.drop_column('users', 'email')", ""),
        ("try:\n    op.drop_column('users', 'email')\nexcept Exception:\n    raise", ""),
        ("with op.get_context().autocommit_block():\n    op.drop_column('users', 'email')", ""),
        ("name = 'email' if False else 'email'\nop.drop_column('users', name)", "")
    ],
)  # fmt: skip
def test_what_can_be_known_without_running_is_known(body: str, before: str) -> None:
    assert touched(body, before) == ["drop column users.email", "use table users"]


def test_both_branches_of_an_unknown_condition_are_followed() -> None:
    body = """
        if op.get_bind().dialect.name == 'postgresql':
            op.drop_column('a', 'x')
            table = 'b'
        else:
            op.drop_column('a', 'y')
            table = 'c'
        op.drop_table(table)
    """
    assert touched(body) == [
        "drop column a.x",
        "use table a",
        "drop column a.y",
        "use table a",
        "? op.drop_table: the table name is computed",
    ]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (
            "for table in sa.inspect(op.get_bind()).get_table_names():\n    op.drop_column(table, 'x')",
            "op.drop_column: the table name is computed",
        ),
        ("op.add_column('users', make_column())", "op.add_column: the column is computed"),
        ("op.create_index('ix', 'users', unique=False, **extra())", "op.create_index: its arguments are computed"),
        ("op.create_unique_constraint('u', 't', columns())", "op.create_unique_constraint: the columns are computed"),
        ("helpers.fix('users')", "app.helpers.fix is called, which is not in this file"),
        ("op.execute(build())", "op.execute: the statement is computed"),
        ("op.execute(open('x.sql').read())", "op.execute: the statement is computed"),
        ("op.create_entity(1)", "op.create_entity is no operation of alembic's own"),
        ("op.invoke(1)", "op.invoke runs what it is given"),
        ("exec('x = 1')", "exec() runs what it is given"),
        ("sa.MetaData().create_all(op.get_bind())", "create_all() acts on whatever the models hold"),
        ("sa.orm.Session(bind=op.get_bind()).query(1)", "an ORM session's query() is called"),
        ("helpers.Fixer(1).run()", "Fixer.run() is called, whose effect cannot be read"),
        (
            "with op.batch_alter_table(name()) as b:\n    b.drop_column('x')",
            "batch.drop_column: the table name is computed",
        ),
        ("globals()['upgrade_x']()", "a function that is computed is called"),
        ("op.bulk_insert(table(), [])", "op.bulk_insert: the table is computed"),
        ("op.get_bind().execute(update_of(1))", "execute: the statement is computed"),
    ],
)  # fmt: skip
def test_what_cannot_be_known_is_named_not_guessed(body: str, what: str) -> None:
    before = (
        "from app import helpers\nfrom app.build import build, columns, extra, make_column, name, table, update_of\n"
    )
    found = footprint_of(body, before)
    assert [item.what for item in found.opaque if "not in this file" not in item.what or "helpers" in item.what] == [
        what
    ]
    assert found.touches == ()


def test_a_function_that_calls_itself_is_named() -> None:
    assert touched("again()", "def again():\n    again()") == ["? again() calls itself"]


def test_a_script_without_upgrade_or_that_does_not_compile_is_named() -> None:
    for text, line, what in (
        (b"x = 1", 1, "there is no upgrade() that could be followed"),
        (b"x = 1\n<<<<<<< ours\n", 2, "the file does not compile"),
    ):
        where = (Opaque(line, what),)
        assert read_footprint(text) == Footprint(opaque=where, unread=where)


def test_a_script_that_would_take_forever_is_given_up() -> None:
    loops = "".join(f"{'    ' * depth}for a{depth} in range(200):\n" for depth in range(4)) + "    " * 4 + "x = 1"
    assert touched(loops) == ["? the file is too long to be followed from here on"]
    assert MOST_STATEMENTS < 200**4


def test_a_script_cannot_make_the_reader_take_all_memory() -> None:
    body = (
        "x = 'x' * 10 ** 12\ny = '%99999999999d' % 1\nz = 'ab'\nfor _ in range(200):\n    z = z + z\nop.drop_table(z)"
    )
    assert touched(body) == ["? op.drop_table: the table name is computed"]


def test_a_third_partys_column_type_is_no_call_to_wonder_about() -> None:
    body = "op.add_column('users', sa.Column('place', geoalchemy2.types.Geometry(srid=make()), server_default=now()))"
    assert touched(body, "import geoalchemy2\nfrom app import make, now") == [
        "create column users.place",
        "use table users",
    ]


def test_core_statements_are_read() -> None:
    body = """
        users = sa.table('users', sa.column('id'), sa.column('name'))
        conn = op.get_bind()
        conn.execute(users.update().where(users.c.id == 1).values(name='x'))
        op.execute(sa.insert(users).values([{'name': 'y'}]))
        conn.execute(sa.delete(User).where(User.name == 'z'))
        for row in conn.execute(sa.select(users.c.id)).fetchall():
            conn.execute(sa.update(users).values({users.c.name: row[0]}))
    """
    before = "class User(Base):\n    __tablename__ = 'people'\n    __table_args__ = {'schema': 'app'}\n"
    assert touched(body, before) == [
        "write table users +columns +update",
        "write column users.name +data",
        "read column users.id",
        "write table users +insert",
        "use column users.name +data",
        "write table app.people +delete",
        "read column app.people.name",
        "read table users +columns",
        "read column users.id",
        "write table users +columns +update",
        "write column users.name +data",
    ]


INSERTS = [
    ("sa.insert(t).values([{'a': 1}, {'b': 2}])", ["a", "b"]),
    ("sa.insert(t).values({t.c.a: 1})", ["a"]),
    ("sa.insert(t), [{'a': 1}, {'b': 2}]", ["a", "b"]),
    ("t.insert(), {'a': 1}", ["a"]),
    ("t.insert(), parameters=ROWS", ["a", "b"]),
    ("sa.insert(t).values(a=1), [{'b': 2}]", ["a", "b"]),
    ("postgresql.insert(t).values(ROWS).on_conflict_do_nothing()", ["a", "b"]),
    ("mysql.insert(t).values(ROWS)", ["a", "b"]),
    ("sqlite.insert(t).values(a=1).returning(t.c.a)", ["a"]),
    ("t.insert().from_select(['a', 'b'], sa.select(other.c.x, other.c.y))", ["a", "b"]),
    # what cannot be known may be any column that the table declares
    ("t.insert(), rows_of_a_file()", ["a", "b", "c"]),
    ("t.insert().values(rows_of_a_file())", ["a", "b", "c"]),
    ("t.insert().values((1, 2, 3))", ["a", "b", "c"]),
    ("t.insert().values(**rows_of_a_file())", ["a", "b", "c"]),
    ("sa.insert(bare), rows_of_a_file()", None),
    ("sa.insert(bare), *rows_of_a_file()", None),
    ("sa.insert(bare), [{'a': 1}]", ["a"]),
]


@pytest.mark.parametrize(("arguments", "columns"), INSERTS, ids=[arguments for arguments, _ in INSERTS])
def test_an_insert_has_the_columns_of_its_rows(arguments: str, columns: list[str] | None) -> None:
    before = """
    from sqlalchemy.dialects import mysql, postgresql, sqlite
    from somewhere import rows_of_a_file
    t = sa.table('t', sa.column('a'), sa.column('b'), sa.column('c'))
    bare = sa.table('t')
    other = sa.table('other', sa.column('x'), sa.column('y'))
    ROWS = [{'a': 1}, {'a': 2, 'b': 3}]
    """
    footprint = footprint_of(f"op.get_bind().execute({arguments})", before)
    own = [touche for touche in footprint.touches if "other" not in str(touche.object)]
    assert {item.object.name for item in own if item.object.kind == "column"} == set(columns or ())
    assert [("any-column" in item.aspects) for item in own if item.action == "write"] == [columns is None]


@pytest.mark.parametrize(
    ("rows", "columns"),
    [("[{'a': 1}, {'b': 2}]", {*"ab"}), ("ROWS", {*"ab"}), ("rows_of_a_file()", {*"abc"}), ("[]", {*"abc"})],
)
def test_a_bulk_insert_has_the_columns_of_its_rows(rows: str, columns: set[str]) -> None:
    before = """
    from somewhere import rows_of_a_file
    t = sa.table('t', sa.column('a'), sa.column('b'), sa.column('c'))
    ROWS = [{'a': 1}, {'a': 2, 'b': 3}]
    """
    footprint = footprint_of(f"op.bulk_insert(t, {rows})", before)
    assert {touche.object.name for touche in footprint.touches if touche.object.kind == "column"} == columns


def test_an_upsert_updates_the_columns_that_it_sets() -> None:
    before = "from sqlalchemy.dialects import mysql, postgresql\nt = sa.table('t', sa.column('a'), sa.column('b'))"
    for upsert in (
        "postgresql.insert(t).values(a=1).on_conflict_do_update(index_elements=['a'], set_={'b': 2})",
        "mysql.insert(t).values(a=1).on_duplicate_key_update(b=2)",
        "mysql.insert(t).values(a=1).on_duplicate_key_update({'b': 2})",
    ):
        assert "write column t.b +data" in touched(f"op.execute({upsert})", before)


def test_a_computed_schema_does_not_hide_a_literal_table_name() -> None:
    before = "from somewhere import settings\nSCHEMA = settings.schema"
    dropped = ["drop column <schema>.t.a", "use table <schema>.t"]
    assert touched("op.drop_column('t', 'a', schema=SCHEMA)", before) == dropped
    assert touched("op.execute(sa.table('t', schema=SCHEMA).delete())", before) == ["write table <schema>.t +delete"]
    with_batch = "with op.batch_alter_table('t', schema=SCHEMA) as batch:\n    batch.drop_column('a')"
    assert touched(with_batch, before) == dropped


SQL = [
    ("CREATE TABLE a (x INT, y INT REFERENCES b (id), CONSTRAINT uq UNIQUE (x))",
     ["create table a", "create column a.x", "create column a.y", "create constraint a.uq +unique",
      "use table b +reference", "use column b.id +reference"]),
    ("CREATE TABLE IF NOT EXISTS a AS SELECT x FROM b",
     ["create table a +tolerant", "read table b +columns", "read column b.x"]),
    ("DROP TABLE IF EXISTS app.a CASCADE", ["drop table app.a +tolerant"]),
    ("ALTER TABLE a ADD COLUMN x INT NOT NULL", ["create column a.x", "use table a +constraint"]),
    ("ALTER TABLE a DROP COLUMN x, DROP COLUMN IF EXISTS y",
     ["drop column a.x", "use table a", "drop column a.y +tolerant", "use table a"]),
    ("ALTER TABLE a ALTER COLUMN x TYPE TEXT", ["alter column a.x +type", "use table a"]),
    ("ALTER TABLE a ALTER COLUMN x SET NOT NULL", ["alter column a.x +nullable", "use table a +constraint"]),
    ("ALTER TABLE a ALTER COLUMN x DROP NOT NULL", ["alter column a.x +nullable", "use table a"]),
    ("ALTER TABLE a ALTER COLUMN x SET DEFAULT 1", ["alter column a.x +default", "use table a"]),
    ("ALTER TABLE a MODIFY COLUMN x BIGINT", ["alter column a.x +default +nullable +type", "use table a"]),
    ("ALTER TABLE a RENAME COLUMN x TO y", ["rename column a.x", "create column a.y", "use table a"]),
    ("ALTER TABLE app.a RENAME TO b", ["rename table app.a", "create table app.b"]),
    ("ALTER TABLE a ADD CONSTRAINT fk FOREIGN KEY (x) REFERENCES b (id)",
     ["create constraint a.fk +foreign key", "use table a +constraint", "use column a.x +constraint",
      "use table b +reference", "use column b.id +reference"]),
    ("ALTER TABLE a DROP CONSTRAINT fk", ["drop constraint a.fk", "use table a"]),
    ("ALTER TABLE a RENAME CONSTRAINT x TO y", ["rename constraint a.x", "create constraint a.y", "use table a"]),
    ("ALTER TABLE a OWNER TO bob", ["alter table a +options"]),
    ("CREATE UNIQUE INDEX CONCURRENTLY ix ON a (lower(x)) WHERE y IS NULL",
     ["create index ix", "use table a +constraint", "use column a.x +index", "use column a.y +index"]),
    ("DROP INDEX ix", ["drop index ix"]),
    ("CREATE TYPE mood AS ENUM ('a')", ["create type mood"]),
    ("ALTER TYPE mood ADD VALUE IF NOT EXISTS 'b'", ["create value mood.b +tolerant", "alter type mood +values"]),
    ("DROP TYPE mood", ["drop type mood"]),
    ("CREATE EXTENSION IF NOT EXISTS pgcrypto", ["create extension pgcrypto +tolerant"]),
    ("CREATE SCHEMA app", ["create schema app"]),
    ("CREATE OR REPLACE VIEW v AS SELECT x FROM a",
     ["create view v +replace", "use table a +reference", "use column a.x +reference"]),
    ("CREATE OR REPLACE FUNCTION f() RETURNS trigger AS $$ BEGIN UPDATE a SET x = 1; END $$ LANGUAGE plpgsql",
     ["create function f +replace"]),
    ("CREATE TRIGGER tg BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()", ["create trigger a.tg", "use table a"]),
    ("COMMENT ON COLUMN a.x IS 'y'", ["alter column a.x +comment", "use table a"]),
    ("INSERT INTO a (x) SELECT y FROM b",
     ["write table a +insert", "use column a.x +data", "read table b +columns", "read column b.y"]),
    ("INSERT INTO a SELECT * FROM b JOIN c ON b.id = c.id AND done",
     ["write table a +any-column +every-column +insert", "read table b", "read column b.done",
      "read column b.id", "read table c", "read column c.done", "read column c.id"]),
    ("INSERT INTO a (x) VALUES (:x), (%(y)s)", ["write table a +insert", "use column a.x +data"]),
    ("UPDATE a SET x = b.y FROM b WHERE b.id = a.id",
     ["write table a +columns +update", "write column a.x +data", "read table b +columns", "read column b.y",
      "read column b.id", "read column a.id"]),
    ("DELETE FROM a WHERE x LIKE '%%y'", ["write table a +delete", "read column a.x"]),
    ("TRUNCATE TABLE a, b", ["write table a +delete", "write table b +delete"]),
    ("UPDATE a SET x = 1; DELETE FROM b;",
     ["write table a +columns +update", "write column a.x +data", "write table b +delete"]),
    ("UPDATE ONLY a SET (x, y) = (1, 2)",
     ["write table a +columns +update", "write column a.x +data", "write column a.y +data"]),
    ("WITH gone AS (DELETE FROM b WHERE b.x = 1) INSERT INTO a SELECT 1",
     ["write table a +any-column +every-column +insert", "read table b +columns", "read column b.x",
      "write table b +delete", "read column b.x"]),
    ("ALTER TABLE a RENAME x TO y", ["rename column a.x", "create column a.y", "use table a"]),
    ("ALTER TABLE a RENAME TO b", ["rename table a", "create table b"]),
    ("ALTER TABLE a ENGINE=InnoDB", ["alter table a +options"]),
    ("CREATE TABLE a PARTITION OF b FOR VALUES IN (1)", ["create table a", "use table b"]),
    ("ALTER TABLE a ADD PARTITION p", ["? op.execute: SQL that cannot be read: ADD PARTITION p"]),
    ("COMMENT ON COLUMN x IS 'y'", ["? op.execute: SQL that cannot be read: COMMENT ON COLUMN x IS 'y'"]),
    ("SET lock_timeout = '5s'", []),
    ("PRAGMA foreign_keys = ON", []),
    ("DO $$ BEGIN UPDATE a SET x = 1; END $$",
     ["? op.execute: SQL that cannot be read: DO $$ BEGIN UPDATE a SET x = 1; END $$"]),
    ("this is no SQL", ["? op.execute: SQL that cannot be read: this is no SQL"]),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "expected"), SQL, ids=[statement[:40] for statement, _ in SQL])
def test_raw_sql(statement: str, expected: list[str], caplog: pytest.LogCaptureFixture) -> None:
    assert touched(f"op.execute({statement!r})") == expected
    assert caplog.records == []


@pytest.mark.parametrize(
    "call",
    [
        "op.execute({})",
        "op.execute(sa.text({}))",
        "op.execute(sa.text({}).bindparams(x=1))",
        "op.get_bind().execute(sa.text({}), {{'x': 1}})",
        "op.get_bind().exec_driver_sql({})",
        "conn = op.get_bind()\nwith conn.begin():\n    conn.execute(statement=sa.text({}))",
        "sa.orm.Session(bind=op.get_bind()).execute(sa.text({}))",
        "op.execute(sa.DDL({}))",
        "with op.batch_alter_table('b') as batch:\n    batch.execute({})",
    ],
)
def test_raw_sql_is_read_however_it_is_run(call: str) -> None:
    assert touched(call.format("'DELETE FROM a'")) == ["write table a +delete"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("f'DELETE FROM {s}.t'", ["write table <schema>.t +delete"]),
        ("f'DELETE FROM \"{s}\".t'", ["write table <schema>.t +delete"]),
        ("f'DELETE FROM {s}.{s}'", ["? op.execute: the statement is computed"]),
        ("f'UPDATE t SET a = {s}.b'", ["? op.execute: the statement is computed"]),
        ("f'{s}.t'", ["? op.execute: the statement is computed"]),
    ],
)
def test_a_computed_schema_in_sql_does_not_hide_the_table(text: str, found: list[str]) -> None:
    assert touched(f"s = op.get_context().version_table_schema\nop.execute({text})") == found


def test_reading_runs_nothing() -> None:
    assert touched("raise SystemExit(1)", "if __name__:\n    raise SystemExit(2)") == []
    assert read_footprint(script("op.drop_table('a')", "import no_such_module\n1 / 0")).touches != ()
