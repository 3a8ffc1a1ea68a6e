from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tests.conftest import MARIADB, fresh_database
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BODY = """\
op.create_table('t_bbb2', sa.Column('id', sa.Integer(), primary_key=True))
op.execute("INSERT INTO t_aaa1 (id) VALUES (7)")
op.add_column('t_aaa1', sa.Column('y', sa.Integer()))
"""
BROKEN = f"{BODY}op.add_column('nowhere', sa.Column('z', sa.Integer()))\n"
MENDED = f"{BODY}op.add_column('t_aaa1', sa.Column('z', sa.Integer()))\n"
INTERRUPTED = (
    "error: upgrade of revision 'bbb2' (migrations/versions/bbb2.py) was interrupted: 3 statements done: "
    "ALTER TABLE t_aaa1 ADD COLUMN y INTEGER; the fourth failed: ALTER TABLE nowhere ADD COLUMN z INTEGER\n"
    "hint:  branchmig repair shows what can be done\n"
)


@pytest.fixture
def project(tmp_path: Path, mariadb_url: str) -> ProjectFolder:
    """aaa1 is applied; bbb2, above it, has failed at its fourth statement."""
    project = ProjectFolder(tmp_path / "project", mariadb_url)
    ini = project.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}\n[branchmig]\njournal = true\n")
    project.table("aaa1")
    project.revision("bbb2", "aaa1", upgrade=BROKEN)
    failed = project.branchmig("upgrade", "heads")
    assert failed.exit_code == 3
    assert failed.stderr.endswith(
        "hint:  the journal has the finished statements: correct the script, then branchmig repair --resume; "
        "--raiseerr shows the "
        "whole traceback\n"
    )
    return project


def columns(project: ProjectFolder, table: str) -> list[str]:
    engine = sa.create_engine(project.url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        return [column["name"] for column in sa.inspect(connection).get_columns(table)]


def count(project: ProjectFolder, table: str) -> int:
    return number(project, f"SELECT count(*) FROM {table}")


def number(project: ProjectFolder, question: str) -> int:
    engine = sa.create_engine(project.url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        return int(connection.exec_driver_sql(question).scalar() or 0)


def test_every_command_that_writes_refuses_until_it_is_settled(project: ProjectFolder) -> None:
    for words in (("upgrade", "heads"), ("downgrade", "base"), ("stamp", "heads"), ("upgrade", "aaa1")):
        refused = project.branchmig(*words)
        assert (words, refused.exit_code, refused.stderr) == (words, 3, INTERRUPTED)
    assert project.rows() == ["aaa1"]
    assert project.branchmig("current").exit_code == 0


def test_status_says_how_far_it_came(project: ProjectFolder) -> None:
    assert (
        "  interrupted: upgrade of bbb2: 3 statements done: ALTER TABLE t_aaa1 ADD COLUMN y INTEGER; "
        "the fourth failed: ALTER TABLE nowhere ADD COLUMN z INTEGER\n"
        "    -> branchmig repair\n"
    ) in project.branchmig("status").stdout
    (unfinished,) = json.loads(project.branchmig("status", "--format", "json").stdout)["database"]["unfinished"]
    done = unfinished.pop("done")
    assert done[1:] == ["INSERT INTO t_aaa1 (id) VALUES (7)", "ALTER TABLE t_aaa1 ADD COLUMN y INTEGER"]
    assert unfinished == {"revision": "bbb2", "direction": "upgrade", "under_way": None}


def test_repair_shows_what_is_done_and_what_can_be(project: ProjectFolder) -> None:
    shown = project.branchmig("repair")
    assert shown.exit_code == 1
    title, *rest = shown.lines
    assert title.startswith("upgrade of bbb2 (migrations/versions/bbb2.py), begun 20")
    assert title.endswith(" UTC, was interrupted:")
    assert rest == [
        "  done         CREATE TABLE t_bbb2 ( id INTEGER NOT NULL AUTO_INCREMENT, PRIMARY KEY (id) )",
        "  done         INSERT INTO t_aaa1 (id) VALUES (7)",
        "  done         ALTER TABLE t_aaa1 ADD COLUMN y INTEGER",
        "  failed       ALTER TABLE nowhere ADD COLUMN z INTEGER",
        "",
        "--resume            run the script again and skip the statements that are done",
        "--mark-applied      record the step as done, running nothing",
        "--mark-not-applied  record the step as not done; its finished statements stay in the database",
    ]
    asked = project.branchmig("repair", "--resume")
    assert (asked.exit_code, asked.stderr) == (
        1,
        "error: nothing was changed: there is no terminal to ask for a yes\nhint:  --yes agrees to what is shown\n",
    )


def test_a_mended_script_is_resumed_after_what_is_done(project: ProjectFolder) -> None:
    project.revision("bbb2", "aaa1", upgrade=MENDED)
    resumed = project.branchmig("repair", "--resume", "--yes")
    assert resumed.exit_code == 0
    assert resumed.stderr.endswith("Settled upgrade of bbb2: it ran to its end.\n")
    assert (project.rows(), columns(project, "t_aaa1"), count(project, "t_aaa1")) == (["bbb2"], ["id", "y", "z"], 1)
    assert project.branchmig("repair").stderr == "Nothing to repair.\n"
    assert project.branchmig("upgrade", "heads").stderr == "Nothing to do: the database is at bbb2.\n"
    assert count(project, "branchmig_statements") == 0


def test_a_script_that_fails_again_is_as_it_was(project: ProjectFolder) -> None:
    before = project.branchmig("repair").lines[1:]
    assert project.branchmig("repair", "--resume", "--yes").exit_code == 3
    assert (project.branchmig("repair").lines[1:], count(project, "t_aaa1")) == (before, 1)


def test_a_script_that_begins_otherwise_is_not_run(project: ProjectFolder) -> None:
    project.revision("bbb2", "aaa1", upgrade=MENDED.replace("t_bbb2", "other"))
    refused = project.branchmig("repair", "--resume", "--yes")
    assert (refused.exit_code, refused.stderr) == (
        3,
        "error: the script of 'bbb2' does not begin as it did: its first statement was CREATE TABLE t_bbb2 ( id "
        "INTEGER NOT NULL AUTO_INCREMENT, PRIMARY KEY (id) ), and is CREATE TABLE other ( id INTEGER "
        "NOT NULL AUTO_INCREMENT, PRIMARY KEY (id) ); nothing was run\n"
        "hint:  resume it by hand: branchmig repair --mark-applied, or --mark-not-applied once it is undone\n",
    )
    assert "other" not in project.tables()


def test_what_was_finished_by_hand_is_marked_as_applied(project: ProjectFolder) -> None:
    marked = project.branchmig("repair", "--mark-applied", "--yes")
    assert marked.exit_code == 0
    assert marked.stderr.endswith("Settled upgrade of bbb2: it counts as done.\n")
    assert project.rows() == ["bbb2"]
    assert project.branchmig("current", "--check-heads").exit_code == 0
    assert project.branchmig("repair").exit_code == 0


def test_a_step_whose_rows_were_written_by_hand_needs_no_repair(project: ProjectFolder) -> None:
    project.execute("UPDATE alembic_version SET version_num = 'bbb2'")
    assert project.branchmig("repair").stderr == "Nothing to repair.\n"


def test_what_was_undone_by_hand_is_marked_as_not_applied(project: ProjectFolder) -> None:
    project.execute("DROP TABLE t_bbb2", "DELETE FROM t_aaa1", "ALTER TABLE t_aaa1 DROP COLUMN y")
    project.revision("bbb2", "aaa1", upgrade=MENDED)
    marked = project.branchmig("repair", "--mark-not-applied", "--yes")
    assert (marked.exit_code, marked.stderr) == (0, "Settled upgrade of bbb2: it counts as not done.\n")
    assert project.rows() == ["aaa1"]
    assert project.branchmig("upgrade", "heads").exit_code == 0
    assert count(project, "t_aaa1") == 1


def test_a_statement_under_way_is_looked_at(project: ProjectFolder) -> None:
    project.execute("DELETE FROM branchmig_statements WHERE number = 4 OR (number = 3 AND event = 'done')")
    project.revision("bbb2", "aaa1", upgrade=MENDED)
    assert "the third was under way: ALTER TABLE t_aaa1" in project.branchmig("upgrade", "heads").stderr
    assert project.branchmig("repair").lines[3] == "  done         ALTER TABLE t_aaa1 ADD COLUMN y INTEGER"
    project.execute("ALTER TABLE t_aaa1 DROP COLUMN y")
    assert project.branchmig("repair").lines[3] == "  not done     ALTER TABLE t_aaa1 ADD COLUMN y INTEGER"
    assert project.branchmig("repair", "--resume", "--yes").exit_code == 0
    assert (project.rows(), columns(project, "t_aaa1"), count(project, "t_aaa1")) == (["bbb2"], ["id", "y", "z"], 1)


@pytest.mark.heavy
@pytest.mark.parametrize("is_done", [True, False])
def test_what_no_look_can_tell_is_asked(tmp_path: Path, mariadb_url: str, is_done: bool) -> None:
    project = ProjectFolder(tmp_path / "project", mariadb_url)
    ini = project.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}\n[branchmig]\njournal = true\n")
    project.execute("CREATE TABLE t (x INT)", "CREATE PROCEDURE p() INSERT INTO t VALUES (1)")
    project.revision(
        "aaa1", upgrade="op.execute('CALL p()')\nop.create_table('u', sa.Column('x', sa.Integer()))\n1 / 0"
    )
    assert project.branchmig("upgrade", "heads").exit_code == 3
    project.execute("DELETE FROM branchmig_statements WHERE number = 2 OR event = 'done'", "DROP TABLE u")
    if not is_done:
        project.execute("DELETE FROM t")
    project.revision("aaa1", upgrade="op.execute('CALL p()')\nop.create_table('u', sa.Column('x', sa.Integer()))")
    refused = project.branchmig("repair", "--resume", "--yes")
    assert (refused.exit_code, refused.lines[1:], refused.stderr) == (
        3,
        [
            "  under way    CALL p()",
            "  branchmig cannot tell whether the last one is done: look, then give --under-way done, or not-done.",
        ],
        "error: branchmig cannot tell whether the first statement is done: CALL p()\n"
        "hint:  look at the database, then give --under-way done, or --under-way not-done\n",
    )
    told = project.branchmig("repair", "--resume", "--under-way", "done" if is_done else "not-done", "--yes")
    assert told.exit_code == 0, told
    assert (project.rows(), count(project, "t"), "u" in project.tables()) == (["aaa1"], 1, True)


SETUP = """\
CREATE TABLE a (x INT); CREATE TABLE b (x INT, y INT); CREATE TABLE log (x INT); CREATE SEQUENCE s;
CREATE TABLE p (x INT); CREATE TABLE counted (id INT AUTO_INCREMENT PRIMARY KEY); CREATE TABLE q (x INT);
CREATE TABLE parted (x INT) PARTITION BY RANGE (x) (PARTITION p0 VALUES LESS THAN (10));
CREATE FUNCTION f() RETURNS INT BEGIN INSERT INTO log VALUES (2)! RETURN 1! END;
CREATE VIEW v AS SELECT f() AS x
"""
UNDER_WAY = [
    "RENAME TABLE a TO tmp, b TO a, tmp TO b",
    "SELECT f()",
    "SELECT * FROM v",
    "SELECT nextval(s)",
    "EXECUTE IMMEDIATE 'INSERT INTO log VALUES (2)'",
    "ALTER TABLE parted EXCHANGE PARTITION p0 WITH TABLE q",
    "ALTER TABLE counted AUTO_INCREMENT = 1000",
]


@pytest.fixture(scope="module")
def many_kinds(tmp_path_factory: pytest.TempPathFactory, mariadb_engine: sa.Engine) -> Iterator[ProjectFolder]:
    with fresh_database(mariadb_engine, MARIADB) as url:
        project = ProjectFolder(tmp_path_factory.mktemp("kinds") / "project", url)
        ini = project.root / "alembic.ini"
        ini.write_text(f"{ini.read_text()}\n[branchmig]\njournal = true\n")
        project.execute(*(word.strip().replace("!", ";") for word in SETUP.split(";")))
        yield project


@pytest.mark.heavy
@pytest.mark.parametrize("statement", UNDER_WAY)
def test_what_is_not_shown_to_be_undone_is_never_run_again(many_kinds: ProjectFolder, statement: str) -> None:
    project, script = many_kinds, f"op.execute({statement!r})"
    if "EXCHANGE" in statement:
        # With autocommit = 0, MariaDB waits for a lock of this very session.
        script = f"with op.get_context().autocommit_block():\n    {script}"
    project.revision("bbb2", upgrade=f"{script}\n1 / 0")
    assert "ZeroDivisionError" in project.branchmig("upgrade", "heads").stderr
    project.execute("DELETE FROM branchmig_statements WHERE event <> 'began'")
    project.revision("bbb2", upgrade=script)
    refused = project.branchmig("repair", "--resume", "--yes")
    assert (refused.exit_code, refused.lines[1]) == (3, f"  under way    {statement}")
    assert project.branchmig("upgrade", "heads").exit_code == 3
    assert project.rows() == []
    settled = project.branchmig("repair", "--mark-not-applied", "--yes")
    assert settled.exit_code == 0, settled


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("before", "words"),
    [
        ("SET @x = f()", "what follows may need what it left in its session: SET @x = f()"),
        ("CREATE TEMPORARY TABLE t0 (x INT)", "used a temporary table, which ended with its session: INSERT INTO t0"),
    ],
)
def test_what_lacks_in_a_new_session_stops_a_resumed_script(many_kinds: ProjectFolder, before: str, words: str) -> None:
    project = many_kinds
    body = [before, "INSERT INTO t0 VALUES (1)" if "t0" in before else "DO 0", "ALTER TABLE p ADD COLUMN w INT"]
    script = "\n".join(f"op.execute({item!r})" for item in body)
    project.revision("bbb2", upgrade=f"{script}\n1 / 0")
    assert project.branchmig("upgrade", "heads").exit_code == 3
    project.revision("bbb2", upgrade=script)
    refused = project.branchmig("repair", "--resume", "--yes")
    assert (refused.exit_code, words in refused.stderr) == (3, True), refused
    assert project.branchmig("repair", "--mark-not-applied", "--yes").exit_code == 0
    project.execute("ALTER TABLE p DROP COLUMN w")


def test_what_begins_with_set_or_select_is_not_run_twice(many_kinds: ProjectFolder) -> None:
    project = many_kinds
    statements = [
        "SET STATEMENT max_statement_time = 5 FOR INSERT INTO q VALUES (1)",
        "SELECT f()",
        "SELECT nextval(s)",
    ]
    project.execute("DELETE FROM log", "DELETE FROM q")
    script = "\n".join(f"op.execute({item!r})" for item in [*statements, "ALTER TABLE q ADD COLUMN w INT"])
    project.revision("bbb2", upgrade=f"{script}\n1 / 0")
    assert project.branchmig("upgrade", "heads").exit_code == 3
    before = number(project, "SELECT nextval(s)")
    project.revision("bbb2", upgrade=script)
    resumed = project.branchmig("repair", "--resume", "--yes")
    assert (resumed.exit_code, count(project, "q"), count(project, "log")) == (0, 1, 1), resumed
    assert number(project, "SELECT nextval(s)") == before + 1
    assert project.branchmig("downgrade", "base").exit_code == 0
    project.execute("ALTER TABLE q DROP COLUMN w")


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("again", "said"), [((), "done"), (("d2",), "under way"), (("d1",), "under way"), (("d1", "d2"), "not done")]
)
def test_a_drop_of_two_tables_is_done_only_where_both_are_gone(
    many_kinds: ProjectFolder, again: tuple[str, ...], said: str
) -> None:
    project, script = many_kinds, "op.execute('DROP TABLE d1, d2')"
    project.execute("CREATE TABLE d1 (x INT)", "CREATE TABLE d2 (x INT)")
    project.revision("bbb2", upgrade=f"{script}\n1 / 0")
    assert project.branchmig("upgrade", "heads").exit_code == 3
    project.execute("DELETE FROM branchmig_statements WHERE event <> 'began'")
    project.execute(*(f"CREATE TABLE {name} (x INT)" for name in again))
    try:
        assert project.branchmig("repair").lines[1] == f"  {said:<12} DROP TABLE d1, d2"
    finally:
        assert project.branchmig("repair", "--mark-not-applied", "--yes").exit_code == 0
        project.execute("DROP TABLE IF EXISTS d1, d2")


def test_another_program_s_ddl_is_not_taken_for_the_statement_s(project: ProjectFolder) -> None:
    project.execute("DELETE FROM branchmig_statements WHERE number = 4 OR (number = 3 AND event = 'done')")
    project.execute("ALTER TABLE t_aaa1 DROP COLUMN y", "ALTER TABLE t_aaa1 ADD COLUMN others INT")
    project.revision("bbb2", "aaa1", upgrade=MENDED)
    assert project.branchmig("repair").lines[3] == "  not done     ALTER TABLE t_aaa1 ADD COLUMN y INTEGER"
    assert project.branchmig("repair", "--resume", "--yes").exit_code == 0
    assert columns(project, "t_aaa1") == ["id", "others", "y", "z"]


def test_a_failing_downgrade_is_recorded_too(project: ProjectFolder) -> None:
    project.revision("bbb2", "aaa1", upgrade=MENDED, downgrade="op.drop_table('t_bbb2')\nop.drop_table('nowhere')")
    assert project.branchmig("repair", "--resume", "--yes").exit_code == 0
    assert project.branchmig("downgrade", "-1").exit_code == 3
    assert project.branchmig("repair").lines[1:3] == [
        "  done         DROP TABLE t_bbb2",
        "  failed       DROP TABLE nowhere",
    ]
    assert project.branchmig("repair", "--mark-applied", "--yes").exit_code == 0
    assert project.rows() == ["aaa1"]


def test_a_failure_that_left_nothing_needs_no_repair(tmp_path: Path, mariadb_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", mariadb_url)
    ini = project.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}\n[branchmig]\njournal = true\n")
    project.table("aaa1")
    project.revision("bbb2", "aaa1", upgrade='op.execute("INSERT INTO t_aaa1 (id) VALUES (7)")\n1 / 0')
    assert project.branchmig("upgrade", "heads").exit_code == 3
    assert project.branchmig("repair").stderr == "Nothing to repair.\n"
    project.revision("bbb2", "aaa1", upgrade='op.execute("INSERT INTO t_aaa1 (id) VALUES (8)")')
    assert project.branchmig("upgrade", "heads").exit_code == 0
    assert count(project, "t_aaa1") == 1


def test_bulk_inserts_reads_and_session_settings_do_not_count(tmp_path: Path, mariadb_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", mariadb_url)
    ini = project.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}\n[branchmig]\njournal = true\n")
    body = """\
    op.execute("SET FOREIGN_KEY_CHECKS = 0")
    t = op.create_table('t', sa.Column('id', sa.Integer(), primary_key=True), sa.Column('x', sa.Integer()))
    op.bulk_insert(t, [{'x': 1}, {'x': 2}, {'x': 3}])
    op.get_bind().execute(sa.insert(t), [{'x': 4}, {'x': 5}])
    assert op.get_bind().scalar(sa.text("SELECT count(*) FROM t")) == 5
    """
    project.revision("aaa1", upgrade=f"{body}op.create_index('ix', 'nowhere', ['x'])")
    assert project.branchmig("upgrade", "heads").exit_code == 3
    project.revision("aaa1", upgrade=f"{body}op.create_index('ix', 't', ['x'])")
    resumed = project.branchmig("repair", "--resume", "--yes")
    assert resumed.exit_code == 0, resumed
    assert (project.rows(), count(project, "t")) == (["aaa1"], 5)


def test_nothing_is_rolled_back_where_each_statement_commits_itself(tmp_path: Path, mariadb_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", mariadb_url)
    ini = project.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}\n[branchmig]\njournal = true\n")
    env = (project.migrations / "env.py").read_text()
    project.write_env(env.replace("poolclass=pool.NullPool", 'poolclass=pool.NullPool, isolation_level="AUTOCOMMIT"'))
    project.table("aaa1")
    body = 'op.execute("INSERT INTO t_aaa1 (id) VALUES (7)")'
    project.revision("bbb2", "aaa1", upgrade=f"{body}\n1 / 0")
    assert project.branchmig("upgrade", "heads").exit_code == 3
    assert project.branchmig("repair").lines[1] == "  done         INSERT INTO t_aaa1 (id) VALUES (7)"
    project.revision("bbb2", "aaa1", upgrade=body)
    assert project.branchmig("repair", "--resume", "--yes").exit_code == 0
    assert (project.rows(), count(project, "t_aaa1")) == (["bbb2"], 1)


def test_two_decisions_at_once_are_refused(project: ProjectFolder) -> None:
    result = project.branchmig("repair", "--mark-applied", "--resume", "--yes")
    assert (result.exit_code, "--resume and --mark-applied exclude each other" in result.stderr) == (2, True)
    assert project.branchmig("upgrade", "heads").stderr == INTERRUPTED


def test_a_fleet_says_of_an_interrupted_target_what_settles_it(project: ProjectFolder) -> None:
    (project.root / "targets.csv").write_text(f"name,url\none,{project.url}\n")
    status = project.branchmig("-q", "fleet", "status", "--targets", "targets.csv")
    assert "at aaa1, interrupted within bbb2: branchmig repair" in status.stdout
    upgrade = project.branchmig("-q", "fleet", "upgrade", "aaa1", "--targets", "targets.csv")
    assert (upgrade.exit_code, "a run was killed within bbb2, and half of it is there" in upgrade.stdout) == (1, True)


def test_a_plan_says_that_its_run_would_be_refused(project: ProjectFolder) -> None:
    told = project.branchmig("upgrade", "heads", "--plan").stderr
    assert told.startswith(
        "warning: a run would be refused: upgrade of revision 'bbb2' (migrations/versions/bbb2.py) was"
    )


def test_who_may_not_write_is_told_that_and_not_of_a_bug(
    tmp_path: Path, mariadb_url: str, mariadb_engine: sa.Engine
) -> None:
    project = ProjectFolder(tmp_path / "project", mariadb_url)
    ini, url = project.root / "alembic.ini", sa.make_url(mariadb_url)
    ini.write_text(f"{ini.read_text()}\n[branchmig]\njournal = true\n")
    project.table("aaa1")
    assert project.branchmig("upgrade", "heads").exit_code == 0
    project.table("bbb2", "aaa1")
    with mariadb_engine.connect() as connection:
        connection.exec_driver_sql("CREATE OR REPLACE USER branchmig_test_ro IDENTIFIED BY ''")
        connection.exec_driver_sql(f"GRANT SELECT ON {url.database}.* TO branchmig_test_ro")
    try:
        ini.write_text(ini.read_text().replace(mariadb_url, str(url.set(username="branchmig_test_ro"))))
        result = project.branchmig("upgrade", "heads")
        assert (result.exit_code, "command denied to user" in result.stderr) == (3, True), result.stderr
    finally:
        with mariadb_engine.connect() as connection:
            connection.exec_driver_sql("DROP USER branchmig_test_ro")


@pytest.mark.soak
def test_steps_that_came_through_before_a_kill_are_let_go_of_without_a_word(tmp_path: Path, mariadb_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", mariadb_url)
    ini = project.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}\n[branchmig]\njournal = true\n")
    project.table("aaa1")
    project.table("bbb2", "aaa1")
    killed = project.revision("ccc3", "bbb2", upgrade="import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    words = [sys.executable, "-m", "branchmig", "-c", str(ini), "upgrade", "heads"]
    subprocess.run(words, cwd=project.root, capture_output=True, check=False)
    assert project.rows() == ["bbb2"]
    assert project.branchmig("repair").stderr == "Nothing to repair.\n"
    # Killed again, amid a statement's step: what is repaired is named, what came through before it is not.
    kill = "os.kill(os.getpid(), signal.SIGKILL)"
    killed.write_text(killed.read_text().replace(kill, f"op.execute('CREATE TABLE c (id INTEGER)')\n    {kill}"))
    subprocess.run(words, cwd=project.root, capture_output=True, check=False)
    killed.write_text(killed.read_text().replace(kill, "pass"))
    again = project.branchmig("repair", "--resume", "--yes")
    assert (again.exit_code, again.stderr.count("note:"), project.rows()) == (0, 0, ["ccc3"])
    assert count(project, "branchmig_statements") == 0


def test_the_last_of_the_steps_that_came_through_is_named(tmp_path: Path, mariadb_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", mariadb_url)
    ini = project.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}\n[branchmig]\njournal = true\n")
    project.table("aaa1")
    project.table("bbb2", "aaa1")
    killed = project.revision("ccc3", "bbb2", upgrade="import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    words = [sys.executable, "-m", "branchmig", "-c", str(ini), "upgrade", "heads"]
    subprocess.run(words, cwd=project.root, capture_output=True, check=False)
    killed.write_text(killed.read_text().replace("os.kill(os.getpid(), signal.SIGKILL)", "pass"))
    # Each of the two is on record, and only the last could have been interrupted when it was done.
    again = project.branchmig("upgrade", "heads")
    assert (again.exit_code, again.stderr.count("note:")) == (0, 1)
    assert "upgrade of bbb2 was interrupted when it was done already" in again.stderr
    assert (project.rows(), count(project, "branchmig_statements")) == (["ccc3"], 0)
