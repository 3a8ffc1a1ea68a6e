"""What the upgrades of revisions destroy or lock, read from the scripts."""

from __future__ import annotations

import pytest

from branchmig.effects.hazards import EFFECTS, RULES, Hazard, hazards_of
from tests.support import SCRIPT


def script(*lines: str) -> bytes:
    """A revision whose upgrade() consists of some lines, the first of which is line 18 of the file."""
    body = "\n".join(f"    {line}" for line in lines)
    text = SCRIPT.format(
        message="a step", revision="aaa1", revises="", parents=None, labels=None, depends_on=None,
        upgrade=body, downgrade="    pass",
    )  # fmt: skip
    return text.encode()


def codes(*lines: str, dialect: str | None = None) -> list[str]:
    return [item.code for item in hazards_of({"aaa1": script(*lines)}, dialect).found]


COLUMN = "op.add_column('users', sa.Column('age', sa.Integer(), {}))"
CASES = {
    "op.drop_table('users')": ["drops-table"],
    "op.drop_column('users', 'age')": ["drops-column"],
    "op.execute('DROP SCHEMA app')": ["drops-schema"],
    "op.execute('DELETE FROM users')": ["deletes-rows"],
    "op.execute('TRUNCATE TABLE users')": ["deletes-rows"],
    "op.execute('UPDATE users SET age = 1')": [],
    COLUMN.format("nullable=False"): ["adds-required-column"],
    COLUMN.format("nullable=False, server_default='0'"): [],
    COLUMN.format("nullable=True"): [],
    COLUMN.format("server_default=sa.text('gen_random_uuid()')"): ["rewrites-table"],
    COLUMN.format("server_default=sa.func.clock_timestamp()"): ["rewrites-table"],
    COLUMN.format("server_default=sa.func.now()"): [],
    "op.add_column('users', sa.Column('twice', sa.Integer(), sa.Computed('age * 2')))": ["rewrites-table"],
    "op.execute('ALTER TABLE users ADD COLUMN age INT NOT NULL')": ["adds-required-column"],
    "op.alter_column('users', 'age', nullable=False)": ["sets-not-null"],
    "op.alter_column('users', 'age', nullable=True)": [],
    "op.alter_column('users', 'age', type_=sa.BigInteger())": ["changes-type"],
    "op.alter_column('users', 'age', type_=sa.BigInteger(), nullable=False)": ["sets-not-null", "changes-type"],
    "op.alter_column('users', 'age', server_default='1', comment='years')": [],
    "op.alter_column('users', 'age', new_column_name='years')": ["renames-column"],
    "op.rename_table('users', 'people')": ["renames-table"],
    "op.create_index('ix', 'users', ['age'])": ["index-blocks-writes"],
    "op.create_index('ix', 'users', ['age'], postgresql_concurrently=True)": [],
    "op.execute('CREATE INDEX ix ON users (age)')": ["index-blocks-writes"],
    "op.execute('CREATE INDEX CONCURRENTLY ix ON users (age)')": [],
    "op.create_foreign_key('fk', 'users', 'teams', ['team'], ['id'])": ["constraint-blocks"],
    "op.create_foreign_key('fk', 'users', 'teams', ['team'], ['id'], postgresql_not_valid=True)": [],
    "op.create_check_constraint('ck', 'users', 'age > 0')": ["constraint-blocks"],
    "op.create_check_constraint('ck', 'users', 'age > 0', postgresql_not_valid=True)": [],
    "op.execute('ALTER TABLE users ADD CONSTRAINT ck CHECK (age > 0)')": ["constraint-blocks"],
    "op.execute('ALTER TABLE users ADD CONSTRAINT ck CHECK (age > 0) NOT VALID')": [],
    "op.create_unique_constraint('uq', 'users', ['age'])": ["unique-blocks"],
    "op.create_primary_key('pk', 'users', ['id'])": ["unique-blocks"],
    "op.create_table('users', sa.Column('id', sa.Integer(), nullable=False))": [],
    "op.drop_index('ix', 'users')": [],
}


@pytest.mark.parametrize(("line", "expected"), CASES.items(), ids=CASES)
def test_an_upgrade(line: str, expected: list[str]) -> None:
    assert codes(line) == expected


def test_every_rule_has_a_case() -> None:
    assert {code for expected in CASES.values() for code in expected} == RULES.keys()


def test_a_hazard_says_what_is_done_and_where() -> None:
    assert hazards_of({"aaa1": script("pass", "op.drop_column('users', 'age')")}).found == (
        Hazard("drops-column", "drops column users.age", "aaa1", 19),
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
        ("renames-table", "aaa1", 18),
    ]
    assert [item.rule.effect for item in found] == sorted((item.rule.effect for item in found), key=EFFECTS.index)


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


def test_only_the_upgrade_is_looked_at() -> None:
    text = script("pass").decode().replace("def downgrade():\n    pass", "def downgrade():\n    op.drop_table('users')")
    assert hazards_of({"aaa1": text.encode()}).found == ()
