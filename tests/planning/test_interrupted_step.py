from __future__ import annotations

from datetime import datetime

from branchmig.planning.interrupted_step import Statement, Unfinished, message_for, ordinal


def unfinished(*statements: Statement) -> Unfinished:
    noon = datetime(2026, 1, 5, 12)
    return Unfinished("ab", "alembic_version", "r10", "upgrade", ("r09",), ("r10",), noon, None, 7, statements)


CREATE = Statement(1, "CREATE TABLE t10 (\n\tid INTEGER\n)", "a", "commits", "done")
INSERT = Statement(2, "INSERT INTO audit (n) VALUES (10)", "b", "waits", "done")
ALTER = Statement(2, "ALTER TABLE t9 ADD COLUMN a9 INTEGER", "c", "commits")


def test_what_is_done_and_what_was_under_way_is_told() -> None:
    assert message_for(unfinished(CREATE, ALTER)) == (
        "1 statement done: CREATE TABLE t10 ( id INTEGER ); "
        "the second was under way: ALTER TABLE t9 ADD COLUMN a9 INTEGER"
    )
    lost = Statement(2, "INSERT INTO audit (n) VALUES (10)", "b", "waits")
    assert message_for(unfinished(CREATE, lost)) == (
        "1 statement done: CREATE TABLE t10 ( id INTEGER ); "
        "the second was rolled back: INSERT INTO audit (n) VALUES (10)"
    )
    failed = Statement(3, "ALTER TABLE t9 ADD COLUMN a9 INTEGER", "c", "commits", "failed")
    assert message_for(unfinished(CREATE, INSERT, failed)) == (
        "2 statements done: INSERT INTO audit (n) VALUES (10); the third failed: ALTER TABLE t9 ADD COLUMN a9 INTEGER"
    )
    assert message_for(unfinished(Statement(1, "CALL p()", "d", "opaque"))) == (
        "no statement done for certain; the first was under way: CALL p()"
    )


def test_what_was_lost_with_its_transaction_is_nothing() -> None:
    lost = Statement(1, "INSERT INTO audit (n) VALUES (10)", "b", "waits")
    failed = Statement(1, "CREATE TABLE t10 (x INT)", "b", "commits", "failed")
    assert [unfinished(*item).is_nothing for item in ([], [lost], [failed], [CREATE], [ALTER])] == [
        *(True, True, True),
        *(False, False),
    ]


def test_a_script_that_went_on_after_a_failure_cannot_be_resumed() -> None:
    failed = Statement(1, "CREATE TABLE t10 (x INT)", "b", "commits", "failed")
    assert unfinished(CREATE, ALTER).is_in_order
    assert not unfinished(failed, Statement(2, "CREATE TABLE u (x INT)", "b", "commits", "done")).is_in_order


def test_what_a_statement_left_in_its_session_is_needed_again() -> None:
    settings = [
        "SET @x = f()",
        "SELECT f() INTO @x",
        "CREATE TEMPORARY TABLE t SELECT f()",
        "SET STATEMENT a=1 FOR DO 0",
    ]
    done = [Statement(1, setting, "d", "opaque", "done") for setting in settings]
    assert [unfinished(item).needed_again == item for item in done] == [True, True, True, False]
    assert unfinished(CREATE, INSERT).needed_again is None


def test_numbers_in_words() -> None:
    assert [ordinal(item) for item in (1, 10, 11, 13, 21, 22, 101)] == [
        *("first", "tenth", "11th", "13th", "21st", "22nd", "101st"),
    ]
