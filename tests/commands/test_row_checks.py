"""`upgrade --check`, `checks = true`, and what `upgrade --plan` says a plan destroys."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

ROWS = "INSERT INTO users VALUES (1, 'ada'), (2, 'ada'), (3, NULL)"


@pytest.fixture
def users(tmp_path: Path) -> ProjectFolder:
    """aaa1, applied, has a table with three rows; bbb2, pending, makes a column of it unique."""
    project = ProjectFolder(tmp_path / "app", f"sqlite:///{tmp_path / 'app.db'}")
    table = "op.create_table('users', sa.Column('id', sa.Integer(), primary_key=True), sa.Column('nick', sa.String(9)))"
    project.revision("aaa1", upgrade=table, downgrade="op.drop_table('users')")
    assert project.branchmig("upgrade", "heads").exit_code == 0
    project.execute(ROWS)
    project.revision("bbb2", "aaa1", upgrade="op.create_index('uq', 'users', ['nick'], unique=True)")
    return project


def switch_on(project: ProjectFolder, setting: str) -> None:
    with (project.root / "alembic.ini").open("a") as file:
        file.write(f"\n[branchmig]\n{setting}\n")


def test_rows_in_the_way_are_counted_and_named_and_nothing_is_run(users: ProjectFolder) -> None:
    told = users.branchmig("upgrade", "--check")
    assert (told.exit_code, told.stderr, told.lines) == (
        1,
        "",
        [
            "duplicate-values: revision bbb2 fails: users (nick): 2 rows with the same values as another (id=1; id=2)",
        ],
    )
    told = users.branchmig("upgrade", "heads", "--check", "--format", "json")
    assert (told.exit_code, json.loads(told.stdout)) == (
        1,
        {
            "version": 1,
            "ok": False,
            "checks": [
                {
                    "code": "duplicate-values",
                    "revision": "bbb2",
                    "object": "users (nick)",
                    "rows": 2,
                    "sample": [{"id": 1}, {"id": 2}],
                }
            ],
            "unchecked": [],
        },
    )
    assert users.rows() == ["aaa1"]


def test_without_such_rows_all_is_well_and_what_cannot_be_asked_is_no_answer(users: ProjectFolder) -> None:
    users.execute("DELETE FROM users WHERE id = 2")
    told = users.branchmig("upgrade", "--check")
    assert (told.exit_code, told.lines) == (0, ["ok: no row is in the way of 1 pending revision"])
    users.revision("ccc3", "bbb2", upgrade="op.execute('CALL tidy_up()')")
    told = users.branchmig("upgrade", "--check")
    assert (told.exit_code, told.lines) == (
        3,
        [
            "not checked: unread-statement, revision ccc3: line 18: SQL that cannot be read: CALL tidy_up()",
            "cannot tell: no row is in the way of 2 pending revisions",
        ],
    )
    told = users.branchmig("upgrade", "bbb2", "--check", "--format", "json")
    assert (told.exit_code, json.loads(told.stdout)["ok"]) == (0, True)


@pytest.mark.parametrize("more", [("--plan",), ("--sql",), ("--missing",), ("--from", "aaa1"), ("--max-time", "3")])
def test_a_check_goes_with_nothing_that_runs(users: ProjectFolder, more: tuple[str, ...]) -> None:
    assert users.branchmig("upgrade", *([] if more == ("--missing",) else ["heads"]), "--check", *more).exit_code == 2


def test_with_checks_every_upgrade_asks_first_and_refuses(users: ProjectFolder) -> None:
    switch_on(users, "checks = true")
    told = users.branchmig("upgrade", "heads")
    assert (told.exit_code, told.stdout, told.stderr.splitlines()) == (
        1,
        "",
        [
            "error: rows are in the way of pending revisions: nothing was run",
            "       duplicate-values: revision bbb2 fails: users (nick): 2 rows with the same values as another "
            "(id=1; id=2)",
            "hint:  settle these rows first; branchmig upgrade heads --check asks again",
        ],
    )
    assert users.rows() == ["aaa1"]
    users.execute("DELETE FROM users WHERE id = 2")
    assert users.branchmig("upgrade", "heads").exit_code == 0
    assert users.rows() == ["bbb2"]


def test_a_database_ahead_of_the_checkout_is_for_the_run_to_judge(users: ProjectFolder) -> None:
    switch_on(users, "checks = true")
    users.execute("UPDATE alembic_version SET version_num = 'zzz9'")
    told = users.branchmig("upgrade", "heads")
    assert told.exit_code == 3
    assert told.stderr.splitlines()[0].startswith("note:  the rows were not checked: ")
    assert "error: " in told.stderr


def test_a_question_is_read_only_and_ends_in_time(postgres_url: str, tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path / "app", postgres_url)
    project.execute(
        "CREATE TABLE t (id int PRIMARY KEY)",
        "INSERT INTO t VALUES (1)",
        "CREATE FUNCTION slow(int) RETURNS boolean AS 'SELECT pg_sleep(9) IS NULL' LANGUAGE sql",
        "CREATE FUNCTION wipe(int) RETURNS boolean AS 'DELETE FROM t; SELECT true' LANGUAGE sql",
    )
    checks = ("op.create_check_constraint('c1', 't', 'wipe(id)')", "op.create_check_constraint('c2', 't', 'slow(id)')")
    project.revision("aaa1", upgrade="\n".join(checks))
    switch_on(project, "check_timeout = 0.2")
    told = project.branchmig("upgrade", "--check", "--format", "json")
    reasons = [cannot["reason"] for cannot in json.loads(told.stdout)["unchecked"]]
    assert told.exit_code == 3
    assert "read-only transaction" in reasons[0]
    assert "statement timeout" in reasons[1]


def test_a_plan_says_what_it_destroys_with_the_rows_that_are_there(users: ProjectFolder) -> None:
    body = "op.drop_column('users', 'nick')\nop.execute('DELETE FROM users WHERE id > 1')\nop.execute(words())"
    users.revision("ccc3", "bbb2", upgrade=body)
    users.revision("ddd4", "ccc3", upgrade="op.drop_table('users')\nop.create_table('users')\nop.drop_table('users')")
    told = users.branchmig("upgrade", "ccc3", "--plan")
    assert told.lines[-2:] == [
        "  destroys column users.nick (2 values), rows deleted from table users (it has 3)",
        "  cannot tell all that ccc3 destroys: line 20: op.execute: the statement is computed",
    ]
    told = users.branchmig("upgrade", "heads", "--plan", "--format", "json")
    document = json.loads(told.stdout)
    assert document["losses"] == [
        {"schema": None, "table": "users", "column": None, "rows": 3, "revision": "ddd4"},
    ]
    assert [unclear["revision"] for unclear in document["unclear"]] == ["ccc3"]
    for command, target, expected in (("upgrade", "bbb2", []), ("downgrade", "base", [("users", 3)])):
        told = users.branchmig(command, target, "--plan", "--format", "json")
        assert [(loss["table"], loss["rows"]) for loss in json.loads(told.stdout)["losses"]] == expected


def test_rows_after_a_line_that_cannot_be_read_may_not_be_in_the_way(users: ProjectFolder) -> None:
    index = "op.create_index('uq', 'users', ['nick'], unique=True)"
    users.revision("bbb2", "aaa1", upgrade=f"op.execute(str(op))\n{index}")
    told = users.branchmig("upgrade", "--check")
    assert told.lines[1] == (
        "not checked: duplicate-values of users (nick), revision bbb2: 2 rows break it now; line 18 of revision bbb2, "
        "which cannot be read, may change that"
    )
