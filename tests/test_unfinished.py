from __future__ import annotations

from datetime import datetime

import pytest

from branchmig.unfinished import Statement, Unfinished, is_done_by, kind_of, ordinal, table_of, told, without_secrets


def unfinished(*statements: Statement) -> Unfinished:
    noon = datetime(2026, 1, 5, 12)
    return Unfinished("ab", "alembic_version", "r10", "upgrade", ("r09",), ("r10",), noon, None, 7, statements)


CREATE = Statement(1, "CREATE TABLE t10 (\n\tid INTEGER\n)", "a", "commits", "done")
INSERT = Statement(2, "INSERT INTO audit (n) VALUES (10)", "b", "waits", "done")
ALTER = Statement(2, "ALTER TABLE t9 ADD COLUMN a9 INTEGER", "c", "commits")


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("CREATE TABLE t (x INT)", "commits"),
        ("  -- a word\n/* and more */ alter table t add x int", "commits"),
        ("# a word\nDROP INDEX i ON t", "commits"),
        ("CREATE TEMPORARY TABLE t (x INT)", None),
        ("INSERT INTO t VALUES ('a; b')", "waits"),
        ("UPDATE t SET x = 1", "waits"),
        ("SELECT 1", None),
        ("SET FOREIGN_KEY_CHECKS = 0", None),
        ("SHOW TABLES", None),
        ("CALL p()", "opaque"),
        ("LOCK TABLES t WRITE", "opaque"),
        ("INSERT INTO t VALUES (1); DROP TABLE t", "opaque"),
        ("CREATE TABLE t (x INT);", "commits"),
        ("", "opaque"),
    ],
)
def test_what_a_statement_is_to_its_transaction(statement: str, kind: str | None) -> None:
    assert kind_of(statement) == kind


def test_nothing_waits_for_a_commit_where_each_statement_has_its_own() -> None:
    assert kind_of("INSERT INTO t VALUES (1)", is_autocommit=True) == "opaque"


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("CREATE TABLE `my t` (x INT)", "`my t`"),
        ("CREATE TABLE IF NOT EXISTS shop.t (x INT)", "shop.t"),
        ("ALTER TABLE t ADD COLUMN x INT", "t"),
        ("DROP TABLE IF EXISTS t", "t"),
        ("CREATE UNIQUE INDEX ix ON t (x)", "t"),
        ("DROP INDEX ix ON `t`", "`t`"),
        ("RENAME TABLE t TO u", "t"),
        ("CREATE VIEW v AS SELECT 1", None),
        ("TRUNCATE TABLE t", None),
    ],
)
def test_the_table_that_ddl_changes(statement: str, table: str | None) -> None:
    assert table_of(statement) == table


def test_what_is_done_and_what_was_under_way_is_told() -> None:
    assert told(unfinished(CREATE, ALTER)) == (
        "1 statement done: CREATE TABLE t10 ( id INTEGER ); "
        "the second was under way: ALTER TABLE t9 ADD COLUMN a9 INTEGER"
    )
    lost = Statement(2, "INSERT INTO audit (n) VALUES (10)", "b", "waits")
    assert told(unfinished(CREATE, lost)) == (
        "1 statement done: CREATE TABLE t10 ( id INTEGER ); "
        "the second was rolled back: INSERT INTO audit (n) VALUES (10)"
    )
    failed = Statement(3, "ALTER TABLE t9 ADD COLUMN a9 INTEGER", "c", "commits", "failed")
    assert told(unfinished(CREATE, INSERT, failed)) == (
        "2 statements done: INSERT INTO audit (n) VALUES (10); the third failed: ALTER TABLE t9 ADD COLUMN a9 INTEGER"
    )
    assert told(unfinished(Statement(1, "CALL p()", "d", "opaque"))) == (
        "no statement done for certain; the first was under way: CALL p()"
    )


def test_what_was_lost_with_its_transaction_is_nothing() -> None:
    lost = Statement(1, "INSERT INTO audit (n) VALUES (10)", "b", "waits")
    failed = Statement(1, "CREATE TABLE t10 (x INT)", "b", "commits", "failed")
    assert [unfinished(*one).is_nothing for one in ([], [lost], [failed], [CREATE], [ALTER])] == [
        *(True, True, True),
        *(False, False),
    ]


def test_a_script_that_went_on_after_a_failure_cannot_be_resumed() -> None:
    failed = Statement(1, "CREATE TABLE t10 (x INT)", "b", "commits", "failed")
    assert unfinished(CREATE, ALTER).is_in_order
    assert not unfinished(failed, Statement(2, "CREATE TABLE u (x INT)", "b", "commits", "done")).is_in_order


def test_a_table_that_is_not_as_before_shows_that_it_is_done() -> None:
    seen = Statement(1, "ALTER TABLE t ADD x INT", "d", "commits", None, "before")
    assert [is_done_by(seen, now) for now in ("after", "before", None)] == [True, False, None]
    assert is_done_by(ALTER, "after") is None


def test_passwords_are_not_recorded() -> None:
    assert (
        without_secrets("CREATE USER u IDENTIFIED BY 's3''cret' WITH x") == "CREATE USER u IDENTIFIED BY '***' WITH x"
    )
    assert without_secrets("SET PASSWORD = 's3cret'") == "SET PASSWORD = '***'"
    assert without_secrets("INSERT INTO t VALUES ('a')") == "INSERT INTO t VALUES ('a')"


def test_numbers_in_words() -> None:
    assert [ordinal(one) for one in (1, 10, 11, 13, 21, 22, 101)] == [
        *("first", "tenth", "11th", "13th", "21st", "22nd", "101st"),
    ]
