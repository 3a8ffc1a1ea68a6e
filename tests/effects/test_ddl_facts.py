from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from branchmig.effects.ddl_facts import facts_of, is_done, states_of

if TYPE_CHECKING:
    from collections.abc import Mapping

T = """\
CREATE TABLE `t` (
  `id` int(11) NOT NULL,
  `x` int(11) DEFAULT NULL COMMENT 'key, `y` ',
  PRIMARY KEY (`id`),
  UNIQUE KEY `u` (`x`),
  KEY `i` (`x`),
  CONSTRAINT `f` FOREIGN KEY (`x`) REFERENCES `p` (`id`)
) ENGINE=InnoDB"""
TABLES = {"t": T}


def changed(old: str, new: str) -> dict[str, str]:
    assert old in T
    return {"t": T.replace(old, new)}


WITH_Y = changed("  PRIMARY KEY", "  `y` int(11) DEFAULT NULL,\n  PRIMARY KEY")
WITH_Z = changed("  PRIMARY KEY", "  `z` int(11) DEFAULT NULL,\n  PRIMARY KEY")
ONE_MORE = {**TABLES, "u": "CREATE TABLE `u` (\n)"}
NONE: dict[str, str] = {}
CASES = [
    # statement, before, after, is it done?
    ("CREATE TABLE u (x INT)", TABLES, ONE_MORE, True),
    ("CREATE TABLE u (x INT)", TABLES, TABLES, False),
    ("CREATE TABLE IF NOT EXISTS t (x INT)", TABLES, TABLES, None),
    ("CREATE OR REPLACE TABLE t (x INT)", TABLES, ONE_MORE, None),
    ("CREATE TABLE u (x INT) AS SELECT 1 AS x", TABLES, ONE_MORE, None),
    ("DROP TABLE t", TABLES, NONE, True),
    ("DROP TABLE t", TABLES, TABLES, False),
    ("DROP TABLE t, u", ONE_MORE, NONE, True),
    ("DROP TABLE t, u", ONE_MORE, TABLES, None),
    ("DROP TABLE t, u", ONE_MORE, ONE_MORE, False),
    ("DROP TABLE IF EXISTS t, u", TABLES, NONE, True),
    ("DROP TABLE IF EXISTS u", TABLES, TABLES, None),
    ("RENAME TABLE t TO u", TABLES, {"u": T}, True),
    ("RENAME TABLE t TO u", TABLES, TABLES, False),
    ("ALTER TABLE t RENAME TO u", TABLES, {"u": T}, True),
    ("ALTER TABLE `t` RENAME `u`", TABLES, TABLES, False),
    ("RENAME TABLE t TO tmp, u TO t, tmp TO u", ONE_MORE, ONE_MORE, None),
    ("RENAME TABLE t TO u, u TO t", ONE_MORE, ONE_MORE, None),
    ("RENAME TABLE a.t TO b.t", TABLES, TABLES, None),
    ("ALTER TABLE t ADD COLUMN y INTEGER", TABLES, WITH_Y, True),
    ("ALTER TABLE t ADD y INTEGER", TABLES, TABLES, False),
    ("ALTER TABLE t ADD COLUMN y INTEGER", TABLES, WITH_Z, False),  # another program's
    ("ALTER TABLE t ADD COLUMN y INT, ADD COLUMN z INT", TABLES, WITH_Y, None),
    ("ALTER TABLE t ADD COLUMN IF NOT EXISTS x INT", TABLES, TABLES, None),
    ("ALTER TABLE t ADD COLUMN y ENUM('a,b', 'c)') NOT NULL COMMENT 'x, y', LOCK=NONE", TABLES, WITH_Y, True),
    ("ALTER TABLE t DROP COLUMN x", TABLES, changed("  `x` int(11) DEFAULT NULL COMMENT 'key, `y` ',\n", ""), True),
    ("ALTER TABLE t DROP x", TABLES, TABLES, False),
    ("ALTER TABLE t MODIFY x BIGINT", TABLES, changed("`x` int(11)", "`x` bigint(20)"), True),
    ("ALTER TABLE t MODIFY x INTEGER", TABLES, TABLES, None),
    ("ALTER TABLE t MODIFY x BIGINT", TABLES, WITH_Z, None),
    ("ALTER TABLE t CHANGE x y INTEGER NULL", TABLES, changed("`x` int(11)", "`y` int(11)"), True),
    ("ALTER TABLE t CHANGE x y INTEGER NULL", TABLES, TABLES, False),
    ("ALTER TABLE t CHANGE x x INTEGER NULL", TABLES, TABLES, None),
    ("ALTER TABLE t ALTER COLUMN x SET DEFAULT 5", TABLES, TABLES, None),
    ("CREATE INDEX j ON t (x)", TABLES, changed("KEY `i`", "KEY `j` (`x`),\n  KEY `i`"), True),
    ("CREATE UNIQUE INDEX j ON t (x)", TABLES, TABLES, False),
    ("DROP INDEX i ON t", TABLES, changed("  KEY `i` (`x`),\n", ""), True),
    ("DROP INDEX i ON t", TABLES, TABLES, False),
    ("ALTER TABLE t ADD CONSTRAINT g FOREIGN KEY (x) REFERENCES p (id)", TABLES, TABLES, False),
    ("ALTER TABLE t DROP FOREIGN KEY f", TABLES, changed("CONSTRAINT `f` FOREIGN KEY", "KEY `f`"), True),
    ("ALTER TABLE t ADD CONSTRAINT FOREIGN KEY (x) REFERENCES p (id)", TABLES, TABLES, None),
    ("ALTER TABLE t ADD UNIQUE KEY (x)", TABLES, TABLES, None),
    ("ALTER TABLE t ADD INDEX (x)", TABLES, TABLES, None),
    ("ALTER TABLE t DROP PRIMARY KEY", TABLES, TABLES, False),
    # What may leave no trace.
    ("ALTER TABLE t AUTO_INCREMENT = 1000", TABLES, TABLES, None),
    ("ALTER TABLE t EXCHANGE PARTITION p WITH TABLE u", ONE_MORE, ONE_MORE, None),
    ("ALTER TABLE t ENGINE = InnoDB", TABLES, TABLES, None),
    ("ALTER TABLE t ADD COLUMN y INT, AUTO_INCREMENT = 7", TABLES, TABLES, None),
    ("TRUNCATE TABLE t", TABLES, TABLES, None),
    ("CREATE VIEW v AS SELECT 1", TABLES, TABLES, None),
    ("ALTER TABLE t ADD COLUMN y INT /*! , ADD COLUMN z INT */", TABLES, TABLES, None),
    ("SET STATEMENT lock_wait_timeout = 5 FOR ALTER TABLE t ADD COLUMN y INT", TABLES, WITH_Y, True),
]


@pytest.mark.parametrize(("statement", "before", "after", "done"), CASES)
def test_whether_a_statement_is_done(
    statement: str, before: Mapping[str, str], after: Mapping[str, str], done: bool | None
) -> None:
    facts = facts_of(statement)
    states = [
        None if facts is None else states_of(facts, lambda name, tables=tables: tables.get(name.strip("`")))
        for tables in (before, after)
    ]
    assert is_done(facts, *states) == done


def test_records_of_older_versions_tell_nothing() -> None:
    facts = facts_of("ALTER TABLE t ADD COLUMN y INTEGER")
    assert facts is not None
    now = states_of(facts, TABLES.get)
    assert [is_done(facts, before, now) for before in ("absent", "0" * 32, None)] == [None, None, None]
