from __future__ import annotations

import time
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from branchmig.effects.footprint import (
    Collision,
    DbObject,
    Effect,
    Footprint,
    Opaque,
    Place,
    collisions,
    conflicting_pairs,
)
from tests.footprints import FIRST_LINE, footprint_of

ADD = "op.add_column('users', sa.Column('email', sa.String(), nullable=True))"
DROP = "op.drop_column('users', 'email')"
RENAME = "op.alter_column('users', 'email', new_column_name='mail')"
RETYPE = "op.alter_column('users', 'email', type_=sa.Text(), existing_type=sa.String())"
REQUIRE = "op.alter_column('users', 'email', nullable=False, existing_type=sa.String())"
COMMENT = "op.alter_column('users', 'email', comment='x', existing_comment=None)"
INDEX = "op.create_index('ix_email', 'users', ['email'])"
UNIQUE = "op.create_unique_constraint('uq_email', 'users', ['email'])"
POINT_AT = "op.create_foreign_key('fk', 'mails', 'users', ['to'], ['email'])"
UNNAMED = "op.create_foreign_key(None, 'mails', 'users', ['to'], ['email'])"
UPDATE = 'op.execute("UPDATE users SET email = lower(email)")'
INSERT = "op.bulk_insert(sa.table('users', sa.column('email')), [{'email': 'x'}])"
DELETE = "op.execute('DELETE FROM users')"
READ = "op.execute('INSERT INTO mails (\"to\") SELECT email FROM users')"
DROP_TABLE = "op.drop_table('users')"
RENAME_TABLE = "op.rename_table('users', 'people')"
CREATE = "op.create_table('users', sa.Column('id', sa.Integer()), sa.Column('email', sa.String()))"
VIEW = "op.execute('CREATE VIEW v AS SELECT email FROM users')"


def meet(ours: str, theirs: str) -> list[tuple[str, str, str]]:
    """Return level, object and reason of what two upgrades' bodies have in common."""
    found = collisions({"o": footprint_of(ours)}, {"t": footprint_of(theirs)})
    return [(item.level, item.object, item.reason) for item in found]


def levels(ours: str, theirs: str) -> list[tuple[str, str]]:
    return [(level, item) for level, item, _ in meet(ours, theirs)]


ANY_INSERT = "op.get_bind().execute(sa.insert(sa.table('users')), FURTHER)"

EMAIL, USERS = "column users.email", "table users"
RULES = [
    # both make it, or one makes what the other takes away
    (ADD, ADD, [("conflict", EMAIL)]),
    (CREATE, CREATE, [("conflict", USERS)]),
    (INDEX, INDEX, [("conflict", "index ix_email")]),
    (INDEX, INDEX.replace("'users'", "'teams'"), [("conflict", "index ix_email")]),
    (UNIQUE, UNIQUE, [("conflict", "constraint users.uq_email")]),
    (POINT_AT, POINT_AT.replace("'mails'", "'notes'"), [("conflict", "constraint mails.fk")]),
    (UNNAMED, UNNAMED, [("conflict", "constraint mails.foreign key (to)")]),
    (UNNAMED, UNNAMED.replace("'mails'", "'notes'"), []),
    (UNIQUE, UNIQUE.replace("'users'", "'teams'"), [("conflict", "constraint teams.uq_email")]),
    (UNIQUE, INDEX.replace("ix_email", "uq_email"), [("conflict", "constraint users.uq_email")]),
    (POINT_AT, POINT_AT.replace("'mails'", "'posts'"), [("conflict", "constraint mails.fk")]),
    (
        "op.create_primary_key('a', 'users', ['id'])",
        "op.create_primary_key('b', 'users', ['email'])",
        [("conflict", USERS)],
    ),
    (CREATE, "op.execute('CREATE VIEW users AS SELECT 1')", [("conflict", USERS)]),
    (
        "op.create_table('a', sa.Column('x', sa.Enum('s', name='mood')))",
        "op.create_table('b', sa.Column('x', sa.Enum('s', name='mood')))",
        [("conflict", "type mood")],
    ),
    ("op.execute('CREATE SCHEMA app')", "op.execute('CREATE SCHEMA app')", [("conflict", "schema app")]),
    (
        "op.execute('CREATE SCHEMA IF NOT EXISTS app')",
        "op.execute('CREATE SCHEMA IF NOT EXISTS app')",
        [],
    ),
    (VIEW.replace("CREATE", "CREATE OR REPLACE"), VIEW.replace("CREATE", "CREATE OR REPLACE"), [("order", "view v")]),
    ("op.execute(\"ALTER TYPE m ADD VALUE 'x'\")", "op.execute(\"ALTER TYPE m ADD VALUE 'x'\")",
     [("conflict", "value m.x"), ("order", "type m")]),
    ("op.execute(\"ALTER TYPE m ADD VALUE 'x'\")", "op.execute(\"ALTER TYPE m ADD VALUE 'y'\")", [("order", "type m")]),
    (ADD, DROP, [("conflict", EMAIL)]),
    # both take it away
    (DROP, DROP, [("conflict", EMAIL)]),
    (DROP_TABLE, DROP_TABLE, [("conflict", USERS)]),
    ("op.drop_index('ix_email', 'users')\n" + DROP_TABLE, "op.drop_index('ix_email', 'users')\n" + DROP_TABLE,
     [("conflict", USERS)]),
    ("op.drop_table('users', if_exists=True)", "op.drop_table('users', if_exists=True)", []),
    ("op.drop_constraint('uq', 'users')", "op.drop_constraint('uq', 'users')", [("conflict", "constraint users.uq")]),
    ("op.drop_constraint('uq', 'users')", "op.drop_constraint('uq', 'teams')", []),
    # one takes away what the other changes or uses
    *((DROP, other, [("conflict", EMAIL)]) for other in (RENAME, RETYPE, INDEX, UNIQUE, POINT_AT, UPDATE, READ, VIEW)),
    (DROP, INSERT, [("conflict", EMAIL)]),
    *((DROP_TABLE, other, [("conflict", USERS)]) for other in (ADD, DROP, RETYPE, INDEX, POINT_AT, UPDATE, READ)),
    (DROP_TABLE, INSERT, [("conflict", USERS)]),
    (DROP_TABLE, DELETE, [("conflict", USERS)]),
    ("op.execute('DROP SCHEMA app CASCADE')", "op.drop_column('t', 'x', schema='app')", [("conflict", "schema app")]),
    ("op.execute('DROP TYPE mood')", "op.add_column('t', sa.Column('x', sa.Enum('s', name='mood')))",
     [("conflict", "type mood")]),
    # a rename against what uses the old name, or the new one
    *((RENAME, other, [("conflict", EMAIL)]) for other in (RETYPE, POINT_AT, UPDATE, READ, VIEW)),
    (RENAME, RENAME.replace("'mail'", "'post'"), [("conflict", EMAIL)]),
    (RENAME, RENAME, [("conflict", EMAIL), ("conflict", "column users.mail")]),
    (RENAME, ADD.replace("'email'", "'mail'"), [("conflict", "column users.mail")]),
    (RENAME, INDEX, [("conflict", EMAIL)]),
    (RENAME, UNIQUE, [("conflict", EMAIL)]),
    *((RENAME_TABLE, other, [("conflict", USERS)]) for other in (ADD, INDEX, UPDATE, POINT_AT, DROP_TABLE)),
    (RENAME_TABLE, "op.create_table('people', sa.Column('id', sa.Integer()))", [("conflict", "table people")]),
    # both change it
    (RETYPE, RETYPE, [("order", EMAIL)]),
    (RETYPE, REQUIRE, [("order", EMAIL)]),
    (RETYPE, COMMENT, [("order", EMAIL)]),
    (RETYPE, INDEX, [("order", EMAIL)]),
    (RETYPE, POINT_AT, [("order", EMAIL)]),
    (RETYPE, VIEW, [("order", EMAIL)]),
    (COMMENT, INDEX, []),
    (COMMENT, VIEW, []),
    ("op.create_table_comment('users', 'x')", "op.create_table_comment('users', 'y')", [("order", USERS)]),
    # rows
    (UPDATE, UPDATE, [("order", EMAIL)]),
    (UPDATE, "op.execute(\"UPDATE users SET name = 'x'\")", []),
    (UPDATE, "op.execute('UPDATE users SET name = email')", [("order", EMAIL)]),
    (UPDATE, INSERT, [("order", USERS)]),
    (UPDATE, DELETE, [("order", USERS)]),
    (INSERT, INSERT, [("order", USERS)]),
    (READ, UPDATE, [("order", EMAIL)]),
    (READ, DELETE, [("order", USERS)]),
    (READ, READ, [("order", "table mails")]),
    (UPDATE, RETYPE, [("order", EMAIL)]),
    (INSERT, RETYPE, [("order", EMAIL)]),
    (UPDATE, COMMENT, []),
    (INSERT, REQUIRE, [("conflict", USERS), ("order", EMAIL)]),
    (INSERT, ADD.replace("'email'", "'x'").replace("True", "False"), [("conflict", USERS)]),
    (INSERT, ADD.replace("'email'", "'x'"), []),
    # one side makes what the other needs: one order fails
    (ADD, UPDATE, [("conflict", EMAIL)]),
    (ADD, INDEX, [("conflict", EMAIL)]),
    # rows for columns that cannot be told
    (ANY_INSERT, "op.drop_column('users', 'email')", [("conflict", EMAIL)]),
    (ANY_INSERT, RENAME, [("conflict", EMAIL)]),
    (ANY_INSERT, ADD, []),
    (ANY_INSERT, "op.drop_column('teams', 'email')", []),
    ("op.execute('INSERT INTO users VALUES (1)')", ADD, [("conflict", EMAIL)]),
    ("op.execute(sa.update(sa.table('users')).values(FURTHER))", RENAME, [("conflict", EMAIL)]),
    # a schema that is computed may be any
    (ADD.replace("('users'", "('users'").replace("True)", "True), schema=FURTHER"), ADD, [("conflict", EMAIL)]),
    (ADD.replace("True)", "True), schema=FURTHER"), ADD.replace("True)", "True), schema='app'"),
     [("conflict", "column users.email")]),
    (DELETE, ADD.replace("'email'", "'x'").replace("True", "False"), []),
    # what has nothing to do with each other
    (ADD, ADD.replace("'email'", "'phone'"), []),
    (ADD, ADD.replace("'users'", "'teams'"), []),
    (ADD, ADD.replace("'users',", "'users', schema='app', column="), []),
    (INDEX, INDEX.replace("ix_email", "ix_other"), []),
    (CREATE.replace("'users'", "'a'"), CREATE.replace("'users'", "'b'"), []),
    (POINT_AT, POINT_AT.replace("'fk', 'mails'", "'fk2', 'posts'"), []),
    ("pass", DROP_TABLE, []),
    # one name, written differently
    (ADD, ADD.replace("'users',", "'Users', schema='public', column="), [("conflict", "column public.Users.email")]),
]  # fmt: skip


@pytest.mark.parametrize(("ours", "theirs", "expected"), RULES)
def test_a_rule_both_ways(ours: str, theirs: str, expected: list[tuple[str, str]]) -> None:
    assert levels(ours, theirs) == expected
    assert levels(theirs, ours) == expected


@pytest.mark.parametrize(
    ("ours", "theirs", "reason"),
    [
        (ADD, ADD, "both add column users.email: the second of the two fails"),
        (
            DROP_TABLE,
            ADD,
            "ours drops table users, theirs adds column users.email: the other fails once it is gone",
        ),
        (
            UPDATE,
            DROP,
            "ours updates users (email), theirs drops column users.email: the other fails once it is gone",
        ),
        (
            RENAME,
            RETYPE,
            "ours renames column users.email to mail, theirs changes type of column users.email: "
            "the other fails once it has its new name",
        ),
        (
            INDEX,
            INDEX.replace("'users'", "'teams'"),
            "ours creates index ix_email on users, theirs creates index ix_email on teams: "
            "a schema may have one index of that name, but on MySQL and SQL Server",
        ),
        (RETYPE, RETYPE, "both change type of column users.email: what comes last stays"),
        (
            RETYPE,
            COMMENT,
            "ours changes type of column users.email, theirs changes comment of column users.email: "
            "what comes last stays where the whole column is restated, as on MySQL",
        ),
        (
            UPDATE,
            DELETE,
            "ours updates users (email), theirs deletes rows from users: the rows depend on which comes first",
        ),
    ],
)  # fmt: skip
def test_a_reason_says_what_each_side_does_and_what_follows(ours: str, theirs: str, reason: str) -> None:
    assert [item for _, _, item in meet(ours, theirs)] == [reason]


AUTOGENERATED = """
# ### commands auto generated by Alembic - please adjust! ###
op.create_table('{table}',
sa.Column('id', sa.Integer(), nullable=False),
sa.Column('user_id', sa.Integer(), nullable=True),
sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_{table}_user_id_users')),
sa.PrimaryKeyConstraint('id', name=op.f('pk_{table}'))
)
op.create_index(op.f('ix_{table}_user_id'), '{table}', ['user_id'], unique=False)
with op.batch_alter_table('users', schema=None) as batch_op:
    batch_op.add_column(sa.Column('{column}', sa.String(length=50), nullable=True))
    batch_op.alter_column('name',
           existing_type=sa.VARCHAR(length=50),
           nullable=False)
    batch_op.create_index(batch_op.f('ix_users_{column}'), ['{column}'], unique=True)
# ### end Alembic commands ###
"""


def test_what_autogenerate_writes_on_two_branches() -> None:
    ours = AUTOGENERATED.format(table="orders", column="phone")
    theirs = AUTOGENERATED.format(table="invoices", column="phone")
    line = FIRST_LINE + 9
    assert collisions({"ae10": footprint_of(ours)}, {"b1fc": footprint_of(theirs)}) == (
        Collision(
            "conflict",
            "column users.phone",
            Place("ae10", line),
            Place("b1fc", line),
            "both add column users.phone: the second of the two fails",
            fails_both_ways=True,
        ),
        Collision(
            "conflict",
            "index ix_users_phone",
            Place("ae10", line + 4),
            Place("b1fc", line + 4),
            "both create unique index ix_users_phone on users: the second of the two fails",
            fails_both_ways=True,
        ),
        Collision(
            "order",
            "column users.name",
            Place("ae10", line + 1),
            Place("b1fc", line + 1),
            "both change nullable of column users.name: what comes last stays",
        ),
    )


def test_one_table_made_twice_is_one_finding() -> None:
    body = AUTOGENERATED.format(table="orders", column="a").split("with op")[0]
    assert meet(body, body) == [("conflict", "table orders", "both create table orders: the second of the two fails")]


def test_what_both_sides_make_and_one_of_them_uses_is_one_finding() -> None:
    used = f"{ADD}\n{CREATE}"
    found = [("conflict", USERS, "both create table users: the second of the two fails")]
    assert (meet(used, CREATE), meet(CREATE, used)) == (found, found)


def test_rows_without_column_names_meet_a_new_column_although_both_sides_add_one() -> None:
    rows = "op.execute(\"INSERT INTO users VALUES ('x')\")"
    own = ADD.replace("email", "phone")
    assert (levels(f"{own}\n{rows}", ADD), levels(own, ADD)) == ([("conflict", EMAIL)], [])


def test_what_cannot_be_read_is_named_once_for_each_revision() -> None:
    opaque = footprint_of("helper()\nother()\nop.drop_table('x')", "from app import helper, other")
    plain = footprint_of(DROP_TABLE)
    assert collisions({"o1": opaque, "o2": plain}, {"t1": footprint_of("op.execute(build())")}) == (
        Collision(
            "opaque",
            "unknown",
            Place("o1", FIRST_LINE),
            None,
            "app.helper is called, which is not in this file; 1 more place in it cannot be read",
        ),
        Collision(
            "opaque",
            "unknown",
            None,
            Place("t1", FIRST_LINE),
            "op.execute: the statement is computed",
        ),
    )


def test_what_cannot_be_read_meets_nothing_where_the_other_side_does_nothing() -> None:
    opaque = footprint_of("helper()")
    assert opaque.opaque != ()
    assert collisions({"o": opaque}, {"t": footprint_of("pass")}) == ()
    assert collisions({"o": opaque}, {}) == ()


def test_every_revision_that_takes_part_is_named_against_the_first_of_the_other_side() -> None:
    ours = {name: footprint_of(RETYPE) for name in ("o1", "o2", "o3")}
    theirs = {name: footprint_of(RETYPE) for name in ("t1", "t2")}
    found = [
        (collision.ours and collision.ours.revision, collision.theirs and collision.theirs.revision)
        for collision in collisions(ours, theirs)
    ]
    assert found == [("o1", "t1"), ("o1", "t2"), ("o2", "t1"), ("o3", "t1")]


def test_what_a_side_made_itself_is_no_use_of_what_the_other_makes() -> None:
    body = f"{CREATE}\n{INDEX}\n{UPDATE}"
    assert meet(body, body.replace("ix_email", "ix_other")) == [
        ("conflict", "table users", "both create table users: the second of the two fails")
    ]


def test_worst_first() -> None:
    body = f"{UPDATE}\nhelper()\n{DROP_TABLE.replace('users', 'teams')}"
    assert [level for level, _ in levels(body, body)] == ["conflict", "order", "opaque", "opaque"]


def test_two_sides_of_200_revisions_are_compared_in_a_moment() -> None:
    def side(name: str) -> dict[str, Footprint]:
        return {
            f"{name}{number:03}": footprint_of(
                AUTOGENERATED.format(table=f"{name}{number}", column=f"{name}{number}") + UPDATE
            )
            for number in range(200)
        }

    began = time.process_time()
    found = collisions(side("a"), side("b"))
    assert {(item.level, item.object) for item in found} == {
        ("order", "column users.name"),
        ("order", "column users.email"),
        ("conflict", "table users"),
    }
    # Every revision is named, and the findings do not grow with the square: 400 for each of the three objects.
    assert len(found) == 399 * 3
    # Twice what a present machine takes, all scripts made and read.
    assert time.process_time() - began < 2.0


def touches(first_line: int) -> st.SearchStrategy[tuple[Effect, ...]]:
    """Some touches of a few objects, each on a line of its own, every second one from `first_line`."""
    objects = [
        DbObject("table", "a"),
        DbObject("view", "a"),
        DbObject("column", "x", "a"),
        DbObject("column", "X", "A", "public"),
        DbObject("index", "i", "a"),
        DbObject("index", "i", "b"),
        DbObject("constraint", "i", "a"),
        DbObject("constraint", "i", "b"),
        DbObject("schema", "s"),
        DbObject("table", "a", None, "s"),
        DbObject("type", "m"),
        DbObject("value", "v", "m"),
    ]
    aspects = ["columns", "constraint", "index", "insert", "tolerant", "type", "unique", "primary key", "reference"]
    build = st.builds(
        lambda object_, action, found: (object_, action, frozenset(found)),
        st.sampled_from(objects),
        st.sampled_from(["create", "drop", "rename", "alter", "use", "read", "write"]),
        st.lists(st.sampled_from(aspects), max_size=3),
    )
    return st.lists(build, max_size=6).map(
        lambda found: tuple(
            Effect(object_, action, first_line + 2 * at, f"{action}s {object_} {first_line + 2 * at}", marks)
            for at, (object_, action, marks) in enumerate(found)
        )
    )


def sides(first_line: int) -> st.SearchStrategy[list[Footprint]]:
    footprint = st.builds(
        Footprint,
        touches(first_line),
        st.lists(st.builds(Opaque, st.integers(1, 9), st.just("?")), max_size=1).map(tuple),
    )
    return st.lists(footprint, max_size=3)


@given(sides(1), sides(2))
def test_swapping_the_sides_swaps_them_in_the_answer(item: list[Footprint], other: list[Footprint]) -> None:
    ours = {f"o{at}": footprint for at, footprint in enumerate(item)}
    theirs = {f"t{at}": footprint for at, footprint in enumerate(other)}
    there = {(found.level, found.object, found.ours, found.theirs) for found in collisions(ours, theirs)}
    back = {(found.level, found.object, found.theirs, found.ours) for found in collisions(theirs, ours)}
    assert there == back


def test_of_many_sides_each_two_in_conflict_are_found() -> None:
    sides = {
        "one": {"a": footprint_of(ADD)},
        "other": {"b": footprint_of(ADD)},
        "apart": {"c": footprint_of(UPDATE.replace("users", "teams"))},
        "order": {"d": footprint_of(UPDATE.replace("email", "name"))},
        "on one": {"a": footprint_of(ADD), "e": footprint_of("op.drop_table('teams')")},
    }
    assert conflicting_pairs(sides) == {
        ("one", "other"): ("column users.email",),
        ("other", "on one"): ("column users.email",),
        ("apart", "on one"): ("table teams",),
    }


@given(st.lists(sides(1), max_size=4))
def test_of_many_sides_the_same_is_found_as_of_each_two(found: list[list[Footprint]]) -> None:
    many = {f"{at}": {f"{at}-{item}": each for item, each in enumerate(side)} for at, side in enumerate(found)}
    expected = {}
    for combination, other in combinations(many, 2):
        objects = {each.object for each in collisions(many[combination], many[other]) if each.level == "conflict"}
        if objects:
            expected[combination, other] = tuple(sorted(objects))
    assert conflicting_pairs(many) == expected
