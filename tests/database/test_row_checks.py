# ruff: noqa: E501  # tables: each line is one case
"""What pending revisions need of live rows, asked of real databases; and that what is found is what would fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from branchmig.database.row_checks import Violation, answers
from tests.support import SCRIPT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

ROWS = (
    "CREATE TABLE teams (id INTEGER PRIMARY KEY, name VARCHAR(20))",
    "INSERT INTO teams VALUES (1, 'red'), (2, 'blue')",
    "CREATE TABLE people (id INTEGER PRIMARY KEY, nick VARCHAR(20), age INTEGER, zip VARCHAR(20), team INTEGER, due NUMERIC(10, 2), born VARCHAR(20))",
    "INSERT INTO people VALUES (1, 'ada', 36, '10115', 1, 10.5, '2026-01-31'), (2, NULL, -1, '75001', 2, 120, '2026-02-30'),"
    " (3, 'Ada', 29, 'x12', 9, 99.99, '2026-03-01'), (4, 'bob', NULL, '9999999999', NULL, 1, NULL), (5, 'ada', 29, NULL, 1, NULL, NULL)",
    "CREATE TABLE void (id INTEGER PRIMARY KEY, x VARCHAR(5))",
    "CREATE TABLE seats (id INTEGER PRIMARY KEY, code VARCHAR(9) NOT NULL UNIQUE, team INTEGER REFERENCES teams (id))",
    "INSERT INTO seats VALUES (1, 'a1', 1), (2, 'A2', 1), (3, 'b1', NULL)",
)
ADD = "op.add_column('people', sa.Column('x', {}))"


def sql(*texts: str) -> str:
    return "\n".join(f"    op.execute({text!r})" for text in texts).strip()


NULLS, TWICE, BROKEN, ORPHANS = "null-values", "duplicate-values", "check-violated", "orphaned-rows"
LONG, RANGE, CAST, CANNOT = "value-too-long", "value-out-of-range", "cast-fails", "cannot"
# What runs, to what is found: code and keys; or that it cannot be known.
EVERYWHERE: dict[str, list[tuple[str, list[int]]]] = {
    "op.create_index('uq', 'people', ['zip', 'team'], unique=True)": [],
    "op.create_index('uq', 'people', ['born'], unique=True)": [],
    "op.create_index('ix', 'people', ['nick'])": [],
    "op.create_index('uq', 'void', ['x'], unique=True)": [],
    "op.create_index('uq', 'people', ['age', 'team'], unique=True)": [],
    sql("CREATE UNIQUE INDEX uq ON people (age)"): [(TWICE, [3, 5])],
    sql("UPDATE people SET age = 30 WHERE id = 5", "CREATE UNIQUE INDEX uq ON people (age)"): [],
    sql("DELETE FROM people WHERE age = 29 AND team = 9", "CREATE UNIQUE INDEX uq ON people (age)"): [],
    sql("UPDATE people SET age = 29 WHERE age IS NULL", "CREATE UNIQUE INDEX uq ON people (age)"): [(TWICE, [3, 4, 5])],
    sql("DELETE FROM people", "CREATE UNIQUE INDEX uq ON people (age)"): [],
    sql("ALTER TABLE people RENAME TO folk", "CREATE UNIQUE INDEX uq ON folk (age)"): [(TWICE, [3, 5])],
    "op.alter_column('people', 'age', new_column_name='years', existing_type=sa.Integer())\n    op.create_index('uq', 'people', ['years'], unique=True)": [
        (TWICE, [3, 5])
    ],
    "p = sa.table('people', sa.column('age'))\n    op.execute(p.update().values(age=1))\n    op.create_index('uq', 'people', ['age'], unique=True)": [
        (TWICE, [1, 2, 3, 4, 5])
    ],
    "op.execute(compute())\n    op.create_index('uq', 'people', ['age'], unique=True)": [(CANNOT, []), (CANNOT, [])],
    "op.create_index('uq', 'nowhere', ['age'], unique=True)": [(CANNOT, [])],
    "op.create_table('fresh', sa.Column('id', sa.Integer()))\n    op.create_index('uq', 'fresh', ['id'], unique=True)": [],
    "if op.get_bind().dialect.name == 'oracle':\n        op.create_index('uq', 'people', ['age'], unique=True)": [],
    sql("UPDATE seats SET code = 'x' WHERE id > 1"): [(TWICE, [2, 3])],
    sql("UPDATE seats SET code = lower(code), team = NULL"): [],
    sql("UPDATE seats SET code = (SELECT nick FROM people WHERE people.id = seats.id) WHERE id < 3"): [(NULLS, [2])],
    sql(
        "CREATE TABLE s (id int, v text)",
        "INSERT INTO s SELECT id, nick FROM people",
        "UPDATE s SET v = 'x'",
        "DELETE FROM s WHERE id = 1",
    ): [],
    sql("CREATE TABLE IF NOT EXISTS people (id int, age int UNIQUE)", "CREATE UNIQUE INDEX uq ON people (age)"): [
        (TWICE, [3, 5])
    ],
    ADD.format("sa.Integer(), nullable=True"): [],
    ADD.format("sa.Integer(), nullable=False, server_default='1'"): [],
    ADD.format("sa.Integer()") + "\n    " + sql("UPDATE people SET x = id", "CREATE UNIQUE INDEX uq ON people (x)"): [],
}
BATCH = "with op.batch_alter_table('{}') as batch:\n        batch."
ON_SQLITE: dict[str, list[tuple[str, list[int]]]] = {
    ADD.format("sa.Integer(), nullable=False"): [(NULLS, [1, 2, 3, 4, 5])],
    BATCH.format("people") + "alter_column('nick', nullable=False)": [(NULLS, [2])],
    BATCH.format("void") + "alter_column('x', nullable=False)": [],
    BATCH.format("people") + "create_check_constraint('ck', 'age > 0')": [(BROKEN, [2])],
    sql("CREATE UNIQUE INDEX uq ON people (nick COLLATE NOCASE)"): [(TWICE, [1, 3, 5])],
    sql("CREATE UNIQUE INDEX uq ON people (age) WHERE team = 1"): [],
}
ON_SERVERS: dict[str, list[tuple[str, list[int]]]] = {
    "op.alter_column('people', 'age', existing_type=sa.Integer(), nullable=False)": [(NULLS, [4])],
    ADD.format("sa.Integer()") + "\n    op.alter_column('people', 'x', existing_type=sa.Integer(), nullable=False)": [
        (NULLS, [1, 2, 3, 4, 5])
    ],
    ADD.format("sa.Integer()")
    + "\n    "
    + sql("UPDATE people SET x = 1")
    + "\n    op.alter_column('people', 'x', existing_type=sa.Integer(), nullable=False)": [],
    "op.create_check_constraint('ck', 'people', 'age > 0')": [(BROKEN, [2])],
    "op.create_check_constraint('ck', 'people', 'age > -5')": [],
    "op.create_foreign_key('fk', 'people', 'teams', ['team'], ['id'])": [(ORPHANS, [3])],
    sql("ALTER TABLE people ADD CONSTRAINT fk FOREIGN KEY (age) REFERENCES teams (id)"): [(ORPHANS, [1, 2, 3, 5])],
    sql("UPDATE people SET team = 1 WHERE team NOT IN (SELECT id FROM teams)")
    + "\n    op.create_foreign_key('fk', 'people', 'teams', ['team'], ['id'])": [],
    sql("INSERT INTO teams VALUES (9, 'new')")
    + "\n    op.create_foreign_key('fk', 'people', 'teams', ['team'], ['id'])": [],
    sql("DELETE FROM teams WHERE id = 2") + "\n    op.create_foreign_key('fk', 'people', 'teams', ['team'], ['id'])": [
        (ORPHANS, [2, 3])
    ],
    "op.alter_column('people', 'zip', existing_type=sa.String(20), type_=sa.String(5))": [(LONG, [4])],
    "op.alter_column('people', 'zip', existing_type=sa.String(20), type_=sa.String(30))": [],
    "op.alter_column('people', 'due', existing_type=sa.Numeric(10, 2), type_=sa.Numeric(4, 2))": [(RANGE, [2])],
    "op.alter_column('people', 'age', existing_type=sa.Integer(), type_=sa.SmallInteger())": [],
}
PEOPLE = "p = sa.table('people', sa.column('id', sa.Integer), sa.column('age', sa.Integer), sa.column('nick', sa.String))\n    "
UNIQUE_AGE = "\n    op.create_index('uq', 'people', ['age'], unique=True)"
# SQLAlchemy's statements and expressions, read without running them.
EVERYWHERE |= {
    PEOPLE + "op.execute(p.update().where(p.c.id == 5).values(age=30))" + UNIQUE_AGE: [],
    PEOPLE + "op.execute(p.update().where(p.c.age == None).values({p.c.age: p.c.id + 25}))" + UNIQUE_AGE: [
        (TWICE, [3, 4, 5])
    ],
    PEOPLE + "op.execute(sa.update(p).values(age=sa.case((p.c.id > 3, 7), else_=p.c.id)))" + UNIQUE_AGE: [
        (TWICE, [4, 5])
    ],
    PEOPLE
    + "op.execute(p.update().values(nick=sa.func.lower(p.c.nick)))\n    op.create_index('uq', 'people', ['nick'], unique=True)": [
        (TWICE, [1, 3, 5])
    ],
    PEOPLE
    + "op.get_bind().execute(sa.delete(p).where(sa.or_(p.c.id.in_([3, 9]), p.c.nick.is_(None))))"
    + UNIQUE_AGE: [],
    PEOPLE + "op.execute(p.update().where(p.c.id == compute()).values(age=30))" + UNIQUE_AGE: [(CANNOT, [])],
    "op.get_bind().execute(sa.text('DELETE FROM people WHERE id = :i'), {'i': 3})" + UNIQUE_AGE: [],
    "for i in op.get_bind().execute(sa.text('SELECT 1')):\n        op.get_bind().execute(sa.text('DELETE FROM people WHERE id = :i'), {'i': i})"
    + UNIQUE_AGE: [(CANNOT, [])],
    sql("UPDATE people SET age = 29 WHERE nick LIKE '%se%'", "CREATE UNIQUE INDEX uq ON people (age)"): [
        (TWICE, [3, 5])
    ],
}
EVERYWHERE |= {
    sql("INSERT INTO people (id, age) VALUES (7, 36)", "CREATE UNIQUE INDEX uq ON people (age)"): [
        (TWICE, [1, 3, 5, 7])
    ],
    sql("INSERT INTO people (id, age) SELECT id, 90 + id FROM teams", "CREATE UNIQUE INDEX uq ON people (age)"): [
        (TWICE, [1, 1, 2, 2]),
        (TWICE, [3, 5]),
    ],
    sql("CREATE TABLE p2 (id int, nick varchar(20) NOT NULL)", "INSERT INTO p2 SELECT id, nick FROM people"): [
        (NULLS, [])
    ],
    sql("CREATE TABLE p2 (nick varchar(20), id int NOT NULL)", "INSERT INTO p2 (id) SELECT id FROM people"): [],
    sql("INSERT INTO people (id) VALUES (7)", "CREATE UNIQUE INDEX uq ON people (age)"): [(CANNOT, [])],
    sql("INSERT INTO seats VALUES (4, 'a1', NULL)"): [(TWICE, [1, 4])],
    "op.bulk_insert(sa.table('teams', sa.column('id'), sa.column('name')), [{'id': 2, 'name': 'x'}, {'id': 3, 'name': 'x'}])": [
        (TWICE, [2, 2])
    ],
    "op.bulk_insert(sa.table('teams', sa.column('id')), [{'id': compute()}])": [],
    "class Names:\n        table = 'people'\n    op.create_index('uq', Names.table, ['age'], unique=True)": [
        (TWICE, [3, 5])
    ],
}
ON_SERVERS |= {
    "op.get_bind().exec_driver_sql('DELETE FROM people WHERE nick = %s AND id = %s', ('ada', 5))" + UNIQUE_AGE: [],
    "op.create_check_constraint('ck', 'people', sa.column('age') > 0)": [(BROKEN, [2])],
    "op.create_check_constraint('ck', 'people', sa.and_(sa.column('age') > -5, sa.column('nick').is_not(None)))": [
        (BROKEN, [2])
    ],
    sql("DELETE FROM teams WHERE id = 2"): [],
    sql("DELETE FROM teams"): [(ORPHANS, [1, 2])],
    sql("DELETE FROM teams WHERE name = 'red'"): [(ORPHANS, [1, 2])],
    sql("DELETE FROM seats", "DELETE FROM teams"): [],
    sql("UPDATE seats SET team = NULL WHERE id = 2", "DELETE FROM teams WHERE id = 1"): [(ORPHANS, [1])],
    sql("DROP TABLE seats", "DELETE FROM teams"): [],
}
PARTS = "CREATE TABLE parts (id int NOT NULL, nick varchar(20)) PARTITION BY {}"
ATTACH = "ALTER TABLE parts ATTACH PARTITION people FOR VALUES {}"
ON_POSTGRESQL: dict[str, list[tuple[str, list[int]]]] = {
    sql(PARTS.format("RANGE (id)"), ATTACH.format("FROM (2) TO (5)")): [(BROKEN, [1, 5])],
    sql(PARTS.format("RANGE (id)"), ATTACH.format("FROM (MINVALUE) TO (6)")): [],
    sql(PARTS.format("RANGE (id, age)"), ATTACH.format("FROM (1, 37) TO (MAXVALUE, 1)")): [(BROKEN, [1, 4])],
    sql(PARTS.format("LIST (nick)"), ATTACH.format("IN ('ada', NULL)")): [(BROKEN, [3, 4])],
    sql(PARTS.format("HASH (id)"), ATTACH.format("WITH (MODULUS 2, REMAINDER 0)")): [(CANNOT, [])],
    sql("ALTER TABLE divided ATTACH PARTITION people FOR VALUES FROM (0) TO (4)"): [(BROKEN, [4, 5])],
    sql("ALTER TABLE divided ATTACH PARTITION void FOR VALUES FROM (70) TO (90)"): [(BROKEN, [77])],
    sql("CREATE TABLE more PARTITION OF divided FOR VALUES FROM (70) TO (90)"): [(BROKEN, [77])],
    sql("ALTER TABLE hashed ATTACH PARTITION people FOR VALUES WITH (MODULUS 1, REMAINDER 0)"): [],
    sql("ALTER TABLE people ADD EXCLUDE USING btree (lower(nick) WITH =) WHERE (team = 1)"): [(BROKEN, [1, 5])],
    "op.create_exclude_constraint('ex', 'people', (sa.column('age'), '='), where=sa.text('id > 3'), using='btree')": [],
    sql("ALTER DOMAIN positive ADD CHECK (VALUE > 1)"): [(BROKEN, [1])],
    sql("ALTER DOMAIN positive SET NOT NULL"): [(NULLS, [2])],
    sql("ALTER TABLE people ADD score int DEFAULT 5 CHECK (score > 7)"): [(BROKEN, [1, 2, 3, 4, 5])],
    sql("ALTER TABLE people ADD boss int DEFAULT 9 REFERENCES teams (id)"): [(ORPHANS, [1, 2, 3, 4, 5])],
    sql("ALTER TABLE people ADD digits int GENERATED ALWAYS AS (zip::int) STORED"): [(RANGE, [4]), (CAST, [3])],
    sql("ALTER TABLE people ADD FOREIGN KEY (team, age) REFERENCES pairs (a, b) MATCH FULL"): [(ORPHANS, [1, 2, 5])],
    sql(
        "DELETE FROM people p USING people o WHERE o.age = p.age AND o.id < p.id",
        "CREATE UNIQUE INDEX uq ON people (age)",
    ): [],
    ADD.format("sa.Integer()")
    + "\n    "
    + sql(
        "UPDATE people SET x = t.id FROM teams t WHERE t.id = people.team", "ALTER TABLE people ALTER x SET NOT NULL"
    ): [(NULLS, [3, 4])],
    sql(
        "WITH d AS (SELECT max(id) AS id FROM people GROUP BY age) UPDATE people SET age = 99 FROM d WHERE d.id = people.id",
        "CREATE UNIQUE INDEX uq ON people (age)",
    ): [(TWICE, [1, 2, 4, 5])],
    ADD.format("sa.Integer(), nullable=False"): [(NULLS, [1, 2, 3, 4, 5])],
    sql('ALTER TABLE public."people" ADD CONSTRAINT uq UNIQUE (age)'): [(TWICE, [3, 5])],
    sql("CREATE UNIQUE INDEX uq ON People (lower(nick))"): [(TWICE, [1, 3, 5])],
    sql("CREATE UNIQUE INDEX uq ON people (nick) NULLS NOT DISTINCT WHERE id > 3"): [],
    sql("ALTER TABLE people ALTER COLUMN zip TYPE integer USING zip::integer"): [(RANGE, [4]), (CAST, [3])],
    sql("ALTER TABLE people ALTER COLUMN zip TYPE bigint USING nullif(zip, 'x12')::bigint"): [],
    sql("ALTER TABLE people ALTER COLUMN born TYPE date USING born::date"): [(CAST, [2])],
    sql("ALTER TABLE people ALTER COLUMN zip TYPE varchar(5) USING left(zip, 5)"): [],
    sql("CREATE TYPE kind AS ENUM ('ada', 'bob')", "ALTER TABLE people ALTER nick TYPE kind USING nick::kind"): [
        (CAST, [3])
    ],
    sql("ALTER TABLE people ADD CONSTRAINT ck CHECK (age > 0) NOT VALID"): [],
    sql(
        "ALTER TABLE people ADD CONSTRAINT ck CHECK (age > 0) NOT VALID", "ALTER TABLE people VALIDATE CONSTRAINT ck"
    ): [(BROKEN, [2])],
    sql("ALTER TABLE people VALIDATE CONSTRAINT there"): [(ORPHANS, [1, 2, 3, 5])],
    sql("ALTER TABLE people ADD CONSTRAINT e EXCLUDE USING btree (age WITH =)"): [(BROKEN, [3, 5])],
    sql("ALTER TABLE people ADD CONSTRAINT ck CHECK (nick ~ '^[a-z:]+$' OR born LIKE '2026-%')"): [],
    sql("DO $$ BEGIN DELETE FROM people WHERE id = 3; END $$", "CREATE UNIQUE INDEX uq ON people (age)"): [],
}
ON_MARIADB: dict[str, list[tuple[str, list[int]]]] = {
    ADD.format("sa.Integer(), nullable=False"): [],
    "op.create_unique_constraint('uq', 'people', ['nick'])": [(TWICE, [1, 3, 5])],
    sql("ALTER TABLE people ADD UNIQUE KEY uq (nick(1))"): [(TWICE, [1, 3, 5])],
    sql("ALTER TABLE people MODIFY zip int"): [(CAST, [3, 4])],
    sql("ALTER TABLE people MODIFY born date"): [(CAST, [2])],
    sql("ALTER TABLE people MODIFY nick enum('ada', 'eve')"): [(CAST, [4])],
    sql("ALTER TABLE people MODIFY age int unsigned NOT NULL"): [(RANGE, [2]), (NULLS, [4])],
    sql("SET FOREIGN_KEY_CHECKS=0", "ALTER TABLE people ADD FOREIGN KEY (team) REFERENCES teams (id)"): [],
}


def found(connection: Connection, body: str) -> list[tuple[str, list[int]]]:
    """Return the codes and keys of what is in the way of one revision; ("cannot", []) for what cannot be known."""
    script = SCRIPT.format(
        message="a step", revision="aaa1", revises="", parents=None, labels=None, depends_on=None,
        upgrade=f"    {body}", downgrade="    pass",
    )  # fmt: skip
    answered = []
    for answer in answers(connection, {"aaa1": script.encode()}):
        if isinstance(answer, Violation):
            assert answer.rows == len(answer.sample) or not answer.sample
            answered.append((answer.code, [key["id"] for key in answer.sample]))
        else:
            answered.append((CANNOT, []))
    return answered


def filled(url: str, *more: str) -> Iterator[Connection]:
    engine = sa.create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        for statement in (*ROWS, *more):
            connection.exec_driver_sql(statement)
    with engine.connect() as connection:
        yield connection


@pytest.fixture(scope="module")
def sqlite_rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    yield from filled(f"sqlite:///{tmp_path_factory.mktemp('rows') / 'app.db'}")


@pytest.mark.parametrize(("body", "expected"), [*EVERYWHERE.items(), *ON_SQLITE.items()])
def test_on_sqlite(sqlite_rows: Connection, body: str, expected: list[tuple[str, list[int]]]) -> None:
    assert found(sqlite_rows, body) == expected


def test_on_postgresql(postgres_url: str) -> None:
    there = (
        "ALTER TABLE people ADD CONSTRAINT there FOREIGN KEY (team) REFERENCES void (id) NOT VALID",
        "CREATE TABLE divided (id int NOT NULL PRIMARY KEY) PARTITION BY RANGE (id)",
        "CREATE TABLE rest PARTITION OF divided DEFAULT",
        "INSERT INTO divided VALUES (77)",
        "CREATE TABLE hashed (id int) PARTITION BY HASH (id)",
        "CREATE DOMAIN positive AS int CHECK (VALUE > 0)",
        "CREATE TABLE sized (id int PRIMARY KEY, size positive)",
        "INSERT INTO sized VALUES (1, 1), (2, NULL), (3, 3)",
        "CREATE TABLE pairs (a int, b int, PRIMARY KEY (a, b))",
        "INSERT INTO pairs VALUES (9, 29)",
    )
    cases = {**EVERYWHERE, **ON_SERVERS, **ON_POSTGRESQL}
    for connection in filled(postgres_url, *there):
        assert {body: found(connection, body) for body in cases} == cases


def test_on_mariadb(mariadb_url: str) -> None:
    cases = {**EVERYWHERE, **ON_SERVERS, **ON_MARIADB}
    for connection in filled(mariadb_url):
        assert {body: found(connection, body) for body in cases} == cases
