"""Random downgrades with `--keep-rows` and upgrades, with writes between: each row is back, or named and set aside."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

Rows = dict[str, dict[int, dict[str, Any]]]
"""The rows of each table by primary key."""


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> ProjectFolder:
    """Four revisions: parents; children and a note of parents; a unique code of children; a table beside them."""
    made = ProjectFolder(tmp_path / "project", database_url)
    made.revision(
        "r1",
        upgrade="op.create_table('parents', sa.Column('id', sa.Integer(), primary_key=True), "
        "sa.Column('n', sa.Integer()))",
        downgrade="op.drop_table('parents')",
    )
    made.revision(
        "r2",
        "r1",
        upgrade="""\
        op.add_column("parents", sa.Column("note", sa.String(20)))
        op.create_table(
            "children",
            sa.Column("id", sa.Integer(), primary_key=True),
            sa.Column("parent", sa.Integer(), sa.ForeignKey("parents.id")),
            sa.Column("name", sa.String(20), unique=True),
        )
        """,
        downgrade="op.drop_table('children')\nop.drop_column('parents', 'note')",
    )
    made.revision(
        "r3",
        "r2",
        upgrade="op.add_column('children', sa.Column('code', sa.Integer()))",
        downgrade="op.drop_column('children', 'code')",
    )
    made.revision(
        "r4",
        "r3",
        upgrade="""\
        op.create_table(
            "extras",
            sa.Column("id", sa.Integer(), primary_key=True),
            sa.Column("child", sa.Integer(), sa.ForeignKey("children.id")),
            sa.Column("data", sa.LargeBinary()),
            sa.Column("price", sa.Numeric(10, 2)),
        )
        """,
        downgrade="op.drop_table('extras')",
    )
    assert made.branchmig("upgrade", "head").exit_code == 0
    return made


def look(made: ProjectFolder) -> tuple[Rows, Rows]:
    """Return the rows of the tables, and those that are set aside, by table."""
    engine = sa.create_engine(made.url, poolclass=sa.pool.NullPool)
    here: Rows = {}
    aside: Rows = {}
    with engine.connect() as connection:
        names = sa.inspect(connection).get_table_names()
        for name in ("parents", "children", "extras"):
            if name in names:
                found = connection.exec_driver_sql(f"SELECT * FROM {name}").mappings()
                here[name] = {row["id"]: dict(row) for row in found}
        if "branchmig_kept" in names:
            for kept in connection.exec_driver_sql("SELECT * FROM branchmig_kept ORDER BY id").mappings().all():
                found = connection.exec_driver_sql(f"SELECT * FROM branchmig_kept_{kept['id']}").mappings()
                rows = aside.setdefault(kept["table_name"], {})
                for row in found:
                    rows.setdefault(row["id"], {}).update(row)
    return here, aside


def write(made: ProjectFolder, here: Rows, chance: random.Random, number: int) -> None:
    """Insert, update and delete some rows of the tables that are there."""
    statements = [f"INSERT INTO parents (id, n) VALUES ({number}, {chance.randrange(9)})"]
    if here.get("parents"):
        parent = chance.choice(sorted(here["parents"]))
        statements.append(f"UPDATE parents SET n = {chance.randrange(99)} WHERE id = {parent}")
        if not any(row["parent"] == parent for row in here.get("children", {}).values()):
            statements.append(f"DELETE FROM parents WHERE id = {chance.choice([parent, -1])}")
    if "children" in here:
        statements.append(f"INSERT INTO children (id, parent, name) VALUES ({number}, {number}, 'name {number}')")
        statements.append(f"UPDATE parents SET note = 'it''s {number}' WHERE id <= {number}")
    if "children" in here and "code" in next(iter(here["children"].values()), {}):
        statements.append(f"UPDATE children SET code = {number} WHERE id = {number}")
    if "extras" in here:
        statements.append(f"INSERT INTO extras (id, child, price) VALUES ({number}, {number}, {number}.25)")
    made.execute(*statements)


def lost(before: Rows, after: Rows, aside: Rows) -> list[str]:
    """Return the values of `before` that are neither in the tables nor set aside."""
    found = []
    for table, rows in before.items():
        for key, row in rows.items():
            now = {**aside.get(table, {}).get(key, {}), **after.get(table, {}).get(key, {})}
            kept = aside.get(table, {}).get(key, {})
            found += [
                f"{table} {key}: {name} was {value!r}, is {now.get(name)!r}"
                for name, value in row.items()
                if value is not None and value not in (now.get(name), kept.get(name))
            ]
    return found


def go_down_and_up(made: ProjectFolder, rounds: int) -> None:
    """Go down to a random revision and up again, with writes before, between and after."""
    chance = random.Random(22)
    for number in range(1, rounds + 1):
        if number % 25 == 0 and made.url.startswith("mysql"):
            # MariaDB leaves dropped columns in the rows until the table is made again: "Row size too large" at last.
            made.execute("ALTER TABLE parents FORCE", "ALTER TABLE children FORCE")
        write(made, look(made)[0], chance, 2 * number)
        before, _ = look(made)
        target = chance.choice(["r1", "r2", "r3"])
        down = made.branchmig("downgrade", "--keep-rows", target)
        assert down.exit_code == 0, down.stderr
        below, aside = look(made)
        assert lost(before, below, aside) == [], (number, target)
        write(made, below, chance, 2 * number + 1)
        between, _ = look(made)
        up = made.branchmig("upgrade", "head")
        assert up.exit_code == 0, up.stderr
        after, aside = look(made)
        assert lost(between, after, aside) == [], (number, target)
        gone = set(before["parents"]) - set(between["parents"])
        for table, rows in before.items():
            for key in rows.keys() - after[table].keys() - (gone if table == "parents" else set()):
                assert key in aside.get(table, {}), (number, target, table, key)
                assert "stay set aside" in up.stderr, up.stderr


@pytest.mark.heavy
def test_rows_come_back_after_a_few_rounds(project: ProjectFolder) -> None:
    go_down_and_up(project, 3)


@pytest.mark.soak
def test_rows_come_back_after_many_rounds(project: ProjectFolder) -> None:
    go_down_and_up(project, int(os.environ.get("BRANCHMIG_ROUNDS", "200")))
