"""What an upgrade does, in a few words for each change; nothing that the readers know is left out."""

from __future__ import annotations

import pytest

from branchmig.effects.footprint import read_footprint
from branchmig.effects.hazards import hazards_of_each
from branchmig.effects.summary import Summary, summarize
from tests.effects.test_hazards import script, sql


def summary(*lines: str) -> Summary:
    return summarize(read_footprint(script(*lines)))


def texts(*lines: str) -> list[str]:
    return [f"{item.kind} {item.text}" for item in summary(*lines).items]


CASES = [
    ("op.create_table('tasks', sa.Column('id', sa.Integer()))", ["add tasks"]),
    ("op.create_table('tasks', sa.Column('id', sa.Integer()), schema='app')", ["add app.tasks"]),
    ("op.add_column('tasks', sa.Column('priority', sa.Integer()))", ["add tasks.priority"]),
    ("op.drop_column('tasks', 'priority', schema='public')", ["drop tasks.priority"]),
    ("op.drop_table('audit')", ["drop audit"]),
    ("op.rename_table('tasks', 'jobs')", ["rename tasks → jobs"]),
    ("op.alter_column('tasks', 'title', new_column_name='name')", ["rename tasks.title → name"]),
    (
        "op.alter_column('tasks', 'title', type_=sa.String(80), nullable=False, comment='x')",
        ["alter tasks.title: varchar(80), not null, comment"],
    ),
    ("op.alter_column('tasks', 'title', comment='x')", ["alter tasks.title: comment"]),
    ("op.create_table_comment('tasks', 'x')", ["alter tasks: comment"]),
    ("op.create_index('ix', 'tasks', ['title'], unique=True)", ["add unique index ix on tasks"]),
    ("op.create_index(None, 'tasks', ['title'])", ["add index on tasks"]),
    ("op.drop_index('ix')", ["drop index ix"]),
    ("op.create_foreign_key(None, 'tasks', 'teams', ['team'], ['id'])", ["add foreign key on tasks (team)"]),
    ("op.create_check_constraint('ck', 'tasks', 'a > 1')", ["add check ck on tasks"]),
    ("op.create_check_constraint(None, 'tasks', 'a > 1')", ["add check on tasks"]),
    ("op.drop_constraint('ck', 'tasks')", ["drop constraint tasks.ck"]),
    ("op.bulk_insert(sa.table('tasks', sa.column('id')), [])", ["rows inserts into tasks"]),
    (sql("UPDATE tasks SET a = 1; DELETE FROM notes"), ["rows updates tasks", "rows deletes from notes"]),
    (sql("TRUNCATE tasks"), ["rows empties tasks"]),
    (sql("SELECT a FROM tasks"), ["rows reads tasks"]),
    (sql("CREATE FUNCTION f() RETURNS int AS 'select 1' LANGUAGE sql"), ["add function f"]),
    (sql("CREATE TRIGGER t BEFORE INSERT ON tasks EXECUTE PROCEDURE f()"), ["add trigger tasks.t"]),
    (sql("CREATE EXTENSION citext"), ["add extension citext"]),
    (sql("CREATE VIEW v AS SELECT * FROM tasks"), ["add view v"]),
    (sql("CREATE TYPE mood AS ENUM ('a')"), ["add type mood"]),
    (sql("ALTER TYPE mood ADD VALUE 'b'"), ["add mood: b"]),
    (sql("ALTER TABLE tasks VALIDATE CONSTRAINT ck"), ["alter constraint tasks.ck: validated"]),
    (sql("DO $$ begin end $$"), ["unread raw SQL"]),
    ("op.execute(statement())", ["unread raw SQL"]),
    ("op.sync_enum_values('a', 'b')", ["unread op.sync_enum_values"]),
    ("op.add_column(name(), sa.Column('x', sa.Integer()))", ["unread op.add_column"]),
    ("helper()", ["unread helper"]),
    ("pass", []),
]


@pytest.mark.parametrize(("lines", "expected"), CASES)
def test_each_kind_of_change_has_its_words(lines: str, expected: list[str]) -> None:
    assert texts(lines) == expected


def test_parts_go_with_the_table_that_the_same_upgrade_makes_or_drops() -> None:
    made = ("op.create_table('a', sa.Column('id', sa.Integer()))", "op.create_index('ix', 'a', ['id'])")
    assert texts(*made, "op.add_column('a', sa.Column('x', sa.Integer()))") == ["add a"]
    assert texts("op.drop_index('ix', 'a')", "op.drop_table('a')") == ["drop a"]
    assert texts("op.drop_index('ix', 'a')", "op.drop_table('b')") == ["drop index ix on a", "drop b"]


def test_a_file_that_does_not_compile_is_not_empty() -> None:
    broken = summarize(read_footprint(b"def upgrade(:"))
    assert [(item.kind, item.text) for item in broken.items] == [("unread", "script")]
    assert not broken.is_complete


def test_tables_are_all_that_is_touched_also_by_a_reference() -> None:
    found = summary(
        "op.create_table('tasks', sa.Column('team', sa.Integer(), sa.ForeignKey('app.teams.id')))",
        sql("INSERT INTO notes SELECT id FROM old_notes"),
        sql("ALTER TYPE mood ADD VALUE 'b'"),
        "op.rename_table('x', 'y')",
    )
    assert found.tables == ("app.teams", "notes", "old_notes", "tasks", "x", "y")
    assert found.renames == (("x", "y"),)


def test_each_revision_is_judged_alone_on_what_those_before_it_made() -> None:
    scripts = {
        "a": script("op.create_table('orders', sa.Column('x', sa.Integer()))", "op.create_index('i', 'orders', ['x'])"),
        "b": script("op.create_index('ix', 'orders', ['x'])"),
        "c": script("op.create_unique_constraint('uq', 'orders', ['x'])"),
        "d": script("op.create_unique_constraint('uq2', 'orders', ['x'])"),
        "e": script("op.drop_constraint('uq', 'orders')", "op.create_unique_constraint('uq3', 'orders', ['x'])"),
    }
    footprints = {name: read_footprint(text) for name, text in scripts.items()}
    changes = {name: footprint.changes for name, footprint in footprints.items()}
    hazards = hazards_of_each(changes, "postgresql")
    codes = {name: [hazard.code for hazard in found] for name, found in hazards.items()}
    assert codes == {
        "a": [],
        "b": ["index-blocks-writes"],
        "c": ["adds-unique", "unique-blocks"],
        "d": ["unique-blocks"],
        "e": ["unique-blocks"],
    }
    items = summarize(footprints["c"], hazards["c"], {"unique-blocks": "it is small"}).items
    assert [(item.text, item.table, item.allowed) for item in items if item.kind == "hazard"] == [
        ("may fail on orders", "orders", ""),
        ("locks orders", "orders", "it is small"),
    ]
