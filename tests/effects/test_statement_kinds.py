from __future__ import annotations

import pytest

from branchmig.effects.statement_kinds import kind_of

KINDS = {
    "CREATE TABLE t (x INT)": "commits",
    "  -- a word\n/* and more */ alter table t add x int": "commits",
    "# a word\nDROP INDEX i ON t": "commits",
    "INSERT INTO t VALUES ('a; b')": "waits",
    "UPDATE t SET x = 1": "waits",
    "CALL p()": "opaque",
    "LOCK TABLES t WRITE": "opaque",
    "INSERT INTO t VALUES (1); DROP TABLE t": "opaque",
    "CREATE TABLE t (x INT);": "commits",
    "": "opaque",
    # What may write in disguise.
    "SET STATEMENT max_statement_time = 5 FOR INSERT INTO t VALUES (1)": "waits",
    "set statement sql_mode = ' FOR x' for alter table t add y int": "commits",
    "SET STATEMENT a = 1 FOR SET STATEMENT b = 2 FOR DELETE FROM t": "waits",
    "SELECT f()": "opaque",
    "(SELECT f())": "opaque",
    "SELECT shop.now()": "opaque",
    "SELECT `now`()": "opaque",
    "SELECT 1, f (2)": "opaque",
    "SELECT 1 /* ' */, f() /* ' */": "opaque",
    "SELECT 1 -- '\n, f() -- '": "opaque",
    "SELECT nextval(s)": "opaque",
    "SELECT NEXT VALUE FOR s": "opaque",
    "SELECT s.nextval": "opaque",
    "SELECT setval(s, 100)": "opaque",
    "SELECT * FROM t INTO OUTFILE '/tmp/x'": "opaque",
    "SET @x = f()": "opaque",
    "SET GLOBAL max_connections = 5": "opaque",
    "SET SESSION a = 1, GLOBAL b = 2": "opaque",
    "SET @@global.b = 2": "opaque",
    "SET PASSWORD = 'x'": "opaque",
    "SET DEFAULT ROLE r": "opaque",
    "DO f()": "opaque",
    "EXECUTE s": "opaque",
    "EXECUTE IMMEDIATE 'INSERT INTO t VALUES (1)'": "opaque",
    "EXPLAIN SELECT * FROM (SELECT f()) x": "opaque",
    "ANALYZE UPDATE t SET x = 1": "opaque",
    "ANALYZE TABLE t": "commits",
    "WITH c AS (SELECT 1 AS x) UPDATE t, c SET t.x = c.x": "waits",
    "WITH c AS (SELECT 1) DELETE FROM t": "waits",
    "WITH c AS (SELECT f()) SELECT * FROM c": "opaque",
    "CREATE TEMPORARY TABLE t SELECT f()": "opaque",
    "/*!50000 INSERT INTO t VALUES (1) */": "opaque",
    "/*M! INSERT INTO t VALUES (1) */": "opaque",
    # What is proven to write nothing.
    "SELECT 1": None,
    "SELECT count(*), max(x) FROM t WHERE y IN (1, 2) AND (z = 'f(1)')": None,
    "(SELECT 1) UNION (SELECT 2)": None,
    "WITH c AS (SELECT 1 AS x) SELECT * FROM c": None,
    "SET FOREIGN_KEY_CHECKS = 0": None,
    "SET @x = 1, @y = (SELECT max(id) FROM t)": None,
    "SET NAMES utf8mb4": None,
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED": None,
    "SHOW TABLES": None,
    "USE shop": None,
    "PREPARE s FROM 'INSERT INTO t VALUES (1)'": None,
    "CREATE TEMPORARY TABLE t (x INT)": None,
    "SELECT * FROM v": None,
}


@pytest.mark.parametrize(("statement", "kind"), KINDS.items())
def test_what_a_statement_is_to_its_transaction(statement: str, kind: str | None) -> None:
    assert kind_of(statement) == kind


def test_nothing_waits_for_a_commit_where_each_statement_has_its_own() -> None:
    assert kind_of("INSERT INTO t VALUES (1)", is_autocommit=True) == "opaque"


def test_a_view_may_call_what_writes() -> None:
    assert kind_of("SELECT * FROM `v`", risky_views=["v"]) == "opaque"
    assert kind_of("SELECT * FROM v2", risky_views=["v"]) is None
