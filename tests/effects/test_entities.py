"""The tables that changes leave, and the differences of two schemas."""

from __future__ import annotations

import pytest

from branchmig.effects.entities import (
    Column,
    ForeignKey,
    ShownColumn,
    ShownTable,
    Table,
    as_they_are,
    differences,
    tables_of,
)
from branchmig.effects.footprint import read_changes
from tests.footprints import script


def tables(*bodies: str, dialect: str = "postgresql") -> tuple[Table, ...]:
    """The tables after the upgrades of some revisions."""
    return tables_of(change for body in bodies for change in read_changes(script(body), dialect=dialect).changes)


def sql(text: str, dialect: str = "postgresql") -> tuple[Table, ...]:
    return tables(f"op.execute({text!r})", dialect=dialect)


def test_operations_make_tables_with_types_keys_and_foreign_keys() -> None:
    made = """
        op.create_table('users', sa.Column('id', sa.Integer(), primary_key=True),
            sa.Column('email', sa.String(50), nullable=False))
        op.create_table('posts',
            sa.Column('id', sa.Integer()),
            sa.Column('who', sa.Integer(), sa.ForeignKey('users.id')),
            sa.Column('what', postgresql.ENUM('A', 'b', name='Kind')),
            sa.PrimaryKeyConstraint('id'), schema='blog')
    """
    posts = Table(
        "blog.posts",
        (Column("id", "integer", False, True), Column("who", "integer"), Column("what", "kind")),
        (ForeignKey(("who",), "users", ("id",)),),
    )
    users = Table("users", (Column("id", "integer", False, True), Column("email", "varchar(50)", False)))
    found = tables(made)
    assert [table.name for table in found] == ["blog.posts", "users"]
    assert found[1] == users
    assert (found[0].keys, [column.name for column in found[0].columns]) == (posts.keys, ["id", "who", "what"])
    assert found[0].columns[:2] == posts.columns[:2]


@pytest.mark.parametrize("dialect", ["postgresql", "mysql", "sqlite"])
def test_sql_makes_the_same_tables_as_operations(dialect: str) -> None:
    written = (
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email VARCHAR(50) NOT NULL); "
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, who INTEGER REFERENCES users (id))"
    )
    called = """
        op.create_table('users', sa.Column('id', sa.Integer(), primary_key=True),
            sa.Column('email', sa.String(50), nullable=False))
        op.create_table('posts', sa.Column('id', sa.Integer(), primary_key=True), sa.Column('who', sa.Integer()))
        op.create_foreign_key('fk', 'posts', 'users', ['who'], ['id'])
    """
    assert sql(written, dialect) == tables(called, dialect=dialect)


BASE = "CREATE TABLE a (id int PRIMARY KEY, x int NOT NULL); CREATE TABLE b (a_id int REFERENCES a (id), y int); "
ID = Column("id", "int", False, True)
X = Column("x", "int", False)


@pytest.mark.parametrize(
    ("more", "first", "second"),
    [
        (
            "ALTER TABLE a RENAME TO z",
            Table("b", (Column("a_id", "int"), Column("y", "int")), (ForeignKey(("a_id",), "z", ("id",)),)),
            Table("z", (ID, X)),
        ),
        (
            "ALTER TABLE a RENAME COLUMN id TO key; ALTER TABLE b RENAME a_id TO a_key",
            Table("a", (Column("key", "int", False, True), X)),
            Table("b", (Column("a_key", "int"), Column("y", "int")), (ForeignKey(("a_key",), "a", ("key",)),)),
        ),
        (
            "ALTER TABLE b DROP CONSTRAINT b_a_id_fkey; ALTER TABLE a DROP CONSTRAINT a_pkey",
            Table("a", (Column("id", "int", False), X)),
            Table("b", (Column("a_id", "int"), Column("y", "int"))),
        ),
        (
            "ALTER TABLE b DROP COLUMN a_id; ALTER TABLE a ALTER x TYPE bigint, ALTER x DROP NOT NULL",
            Table("a", (ID, Column("x", "bigint"))),
            Table("b", (Column("y", "int"),)),
        ),
        (
            "CREATE TABLE IF NOT EXISTS a (other text); ALTER TABLE a ADD COLUMN IF NOT EXISTS x text; "
            "CREATE TEMP TABLE t (i int); ALTER TABLE b SET SCHEMA s",
            Table("a", (ID, X)),
            Table("s.b", (Column("a_id", "int"), Column("y", "int")), (ForeignKey(("a_id",), "a", ("id",)),)),
        ),
    ],
)
def test_later_changes_are_followed(more: str, first: Table, second: Table) -> None:
    assert sql(BASE + more) == (first, second)


def test_a_dropped_table_takes_the_keys_that_point_to_it() -> None:
    assert sql(f"{BASE}DROP TABLE a CASCADE") == (Table("b", (Column("a_id", "int"), Column("y", "int"))),)
    assert sql("CREATE TABLE s.t (i int); CREATE TABLE u (i int); DROP SCHEMA s CASCADE") == (
        Table("u", (Column("i", "int"),)),
    )


def test_a_second_unnamed_constraint_does_not_replace_another() -> None:
    drops = "op.drop_constraint('t_x_fkey', 't', type_='foreignkey')"
    added = "op.create_foreign_key(None, 't', 'a', ['y'], ['id'])\nop.create_foreign_key(None, 't', 'b', ['z'], ['id'])"
    made = "op.create_table('t', sa.Column('x', sa.Integer(), sa.ForeignKey('c.id')), sa.Column('y', sa.Integer()))"
    keys = [key.target for key in tables(made, drops, added)[0].keys]
    assert keys == ["a", "b"]


@pytest.mark.parametrize(
    "text",
    [
        "ALTER TABLE t ADD COLUMN x int",
        "CREATE TABLE t AS SELECT 1 AS x",
        "CREATE TABLE t (LIKE u, x int)",
        "CREATE TABLE t (x int) INHERITS (u)",
        "CREATE TABLE t PARTITION OF u FOR VALUES IN (1)",
    ],
)
def test_a_table_whose_columns_are_not_all_said_is_not_whole(text: str) -> None:
    (table,) = sql(text)
    assert not table.is_whole


def test_what_became_of_each_part() -> None:
    before = (
        Table("gone", (ID,)),
        Table("same", (ID,)),
        Table("t", (ID, Column("a", "text"), Column("b", "text")), (ForeignKey(("a",), "same", ("id",)),)),
    )
    wide = Column("A", "varchar(20)", False)
    after = (Table("new", (ID,)), Table("same", (ID,)), Table("t", (ID, wide, Column("c", "text")), (), is_whole=False))
    assert differences(before, after) == (
        ShownTable("gone", "removed", (ShownColumn(ID, "removed"),)),
        ShownTable("new", "added", (ShownColumn(ID, "added"),)),
        ShownTable(
            "t",
            "changed",
            (
                ShownColumn(ID),
                ShownColumn(wide, "changed", Column("a", "text")),
                ShownColumn(Column("c", "text"), "added"),
                ShownColumn(Column("b", "text"), "removed"),
            ),
            ((ForeignKey(("a",), "same", ("id",)), "removed"),),
            is_whole=False,
        ),
    )
    assert differences(after, after) == ()


def test_a_table_from_before_all_that_was_read_is_changed_and_not_added() -> None:
    after = sql(
        "ALTER TABLE t ADD COLUMN x int; ALTER TABLE t ALTER y SET NOT NULL; ALTER TABLE t DROP z; DROP TABLE o"
    )
    assert [table.name for table in as_they_are(after)] == ["t"]
    assert differences(after, after) == ()
    assert differences((), after) == (
        ShownTable("o", "removed", is_whole=False),
        ShownTable(
            "t",
            "changed",
            (
                ShownColumn(Column("x", "int"), "added"),
                ShownColumn(Column("y", "", False, is_made=False), "changed"),
                ShownColumn(Column("z", "", None, is_made=False, is_gone=True), "removed"),
            ),
            is_whole=False,
        ),
    )
