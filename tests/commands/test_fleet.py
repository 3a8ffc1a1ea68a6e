from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from tests.conftest import MARIADB, POSTGRES, ROOT, answering_engine, fresh_database
from tests.fleets import SchemaFleet, SqliteFleet
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Cli, Result, Server

TARGETS = ("--targets", "targets.json")


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def fleet(tmp_path: Path) -> SqliteFleet:
    return SqliteFleet(tmp_path / "project", tenants=12, revisions=3)


def steady(text: str) -> str:
    """Leave out what differs from run to run."""
    text = re.sub(r"\d{8}-\d{6}-[0-9a-f]{4}", "RUN", text)
    return re.sub(r"\d+\.\d s", "S", text)


def outcomes(result: Result) -> dict[str, int]:
    found: dict[str, int] = json.loads(result.stdout)["outcomes"]
    return found


def test_every_target_comes_to_the_head_and_no_revision_runs_twice(cli: Cli, fleet: SqliteFleet) -> None:
    result = cli("-q", "fleet", "upgrade", "heads", *TARGETS, "--workers", "2", "--canary", "2", cwd=fleet.root)
    assert (result.exit_code, steady(result.stdout), result.stderr) == (
        0,
        "Run RUN: upgrade heads on 12 targets in S\n  12  done: 36 revisions\n",
        "",
    )
    assert fleet.wrong_tenants() == {}
    again = cli("fleet", "upgrade", "heads", *TARGETS, "--format", "json", cwd=fleet.root)
    document = json.loads(again.stdout)
    assert (again.exit_code, document["outcomes"]) == (0, {"nothing to do": 12})
    assert document["targets"][0] == {
        "name": "tenant_0001",
        "group": "",
        "outcome": "nothing to do",
        "from": [["r003"]],
        "to": [["r003"]],
        "steps": 0,
        "other_steps": 0,
        "ahead": [],
        "attempts": 0,
        "seconds": 0.0,
        "error": None,
    }
    assert fleet.wrong_tenants() == {}


@pytest.mark.soak
def test_old_code_leaves_targets_that_are_ahead_of_it_as_they_are(cli: Cli, tmp_path: Path) -> None:
    fleet = SqliteFleet(tmp_path / "project", tenants=4, revisions=3)
    ini = fleet.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}\n[branchmig]\njournal = true\n")
    few = (*TARGETS, "--only", "tenant_000[12]")
    assert cli("fleet", "upgrade", "heads", *few, cwd=fleet.root).exit_code == 0
    assert cli("fleet", "upgrade", "r001", *TARGETS, "--only", "tenant_0003", cwd=fleet.root).exit_code == 0
    (fleet.versions / "r003.py").unlink()
    refused = cli("fleet", "upgrade", "heads", *few, "--format", "json", cwd=fleet.root)
    assert (refused.exit_code, outcomes(refused)) == (1, {"orphan": 2})
    allowed = cli("fleet", "upgrade", "heads", "--allow-ahead", *TARGETS, cwd=fleet.root)
    assert (allowed.exit_code, steady(allowed.stdout)) == (
        0,
        "Run RUN: upgrade heads on 4 targets in S\n"
        "  2  done: 3 revisions\n"
        "  2  nothing to do\n"
        "     ahead of this checkout, by r003: tenant_0001, tenant_0002\n",
    )
    again = cli("fleet", "upgrade", "--resume", "last", "--format", "json", cwd=fleet.root)
    assert (again.exit_code, outcomes(again)) == (0, {"done": 2, "nothing to do": 2})
    # One that lacks something of the checkout is not ahead of it.
    fleet.table("r004", "r002")
    result = cli("fleet", "upgrade", "heads", "--allow-ahead", *few, "--format", "json", cwd=fleet.root)
    assert (result.exit_code, outcomes(result)) == (1, {"orphan": 2})
    assert "not ahead of this checkout: r004 is not applied" in result.stdout


@pytest.mark.soak
def test_status_and_plan_say_where_targets_are_each_place_once(cli: Cli, fleet: SqliteFleet) -> None:
    fleet.write_targets({"name": name, "url": fleet.url_of(name)} for name in fleet.names[:4])
    upgraded = cli("fleet", "upgrade", "r002", *TARGETS, "--only", "*[12]", cwd=fleet.root)
    assert upgraded.exit_code == 0
    broken = sqlite3.connect(fleet.tenants / "tenant_0003.db")
    broken.executescript("CREATE TABLE alembic_version (version_num TEXT); INSERT INTO alembic_version VALUES ('gone')")
    broken.close()
    (fleet.tenants / "tenant_0004.db").mkdir()
    status = cli("fleet", "status", *TARGETS, cwd=fleet.root)
    assert (status.exit_code, status.stdout.splitlines()) == (
        1,
        [
            "4 targets; the head is r003",
            "  2  at r002, 1 pending: r003",
            "     tenant_0001, tenant_0002",
            "  1  at gone, orphan: gone",
            "     tenant_0003",
            "  1  unreachable: migrations/env.py:17: OperationalError: unable to open database file",
            "     tenant_0004",
        ],
    )
    as_json = json.loads(cli("fleet", "status", *TARGETS, "--format", "json", cwd=fleet.root).stdout)
    assert [(place["state"], place["targets"]) for place in as_json["places"]] == [
        ("behind", ["tenant_0001", "tenant_0002"]),
        ("orphan", ["tenant_0003"]),
        ("unreachable", ["tenant_0004"]),
    ]
    plan = cli("fleet", "plan", "-1", "--command", "downgrade", *TARGETS, cwd=fleet.root)
    assert (plan.exit_code, plan.stdout.splitlines()) == (
        1,
        [
            "2 targets at r002: tenant_0001, tenant_0002",
            "  1 step, from r002 to r001:",
            "    downgrade r002 -> r001  step r002",
            "1 target: at gone, orphan: gone: tenant_0003",
            "1 target: unreachable: migrations/env.py:17: OperationalError: unable to open database file: tenant_0004",
        ],
    )


def test_targets_broken_in_three_ways_leave_the_others_right(cli: Cli, fleet: SqliteFleet) -> None:
    taken = sqlite3.connect(fleet.tenants / "tenant_0003.db")
    taken.executescript("CREATE TABLE t_r002 (id INTEGER)")
    taken.close()
    (fleet.tenants / "tenant_0006.db").mkdir()
    orphan = sqlite3.connect(fleet.tenants / "tenant_0009.db")
    orphan.executescript("CREATE TABLE alembic_version (version_num TEXT); INSERT INTO alembic_version VALUES ('gone')")
    orphan.close()
    result = cli("fleet", "upgrade", "heads", *TARGETS, "--format", "jsonl", cwd=fleet.root)
    *lines, last = [json.loads(line) for line in result.stdout.splitlines()]
    assert (result.exit_code, last["summary"]["outcomes"]) == (
        1,
        {"done": 9, "failed": 1, "orphan": 1, "unreachable": 1},
    )
    ended = {line["target"]["name"]: line["target"] for line in lines}
    assert sorted(ended) == fleet.names
    failed = ended["tenant_0003"]
    assert (failed["from"], failed["to"], failed["steps"], failed["error"]["code"]) == (
        [[]],
        [["r001"]],
        1,
        "migration-failed",
    )
    assert failed["error"]["message"].splitlines()[0] == (
        "revision 'r002' (step r002) failed: OperationalError: table t_r002 already exists"
    )
    assert set(fleet.wrong_tenants()) == {"tenant_0003", "tenant_0006", "tenant_0009"}
    # Mended, the run goes on: what is done is not touched.
    with sqlite3.connect(fleet.tenants / "tenant_0003.db") as mended:
        mended.execute("DROP TABLE t_r002")
    mended.close()
    (fleet.tenants / "tenant_0006.db").rmdir()
    (fleet.tenants / "tenant_0009.db").unlink()
    before = {name: (fleet.tenants / f"{name}.db").stat().st_mtime_ns for name in fleet.names[:2]}
    resumed = cli("fleet", "upgrade", "--resume", "last", "--format", "json", cwd=fleet.root)
    assert (resumed.exit_code, outcomes(resumed)) == (0, {"done": 12})
    assert fleet.wrong_tenants() == {}
    assert {name: (fleet.tenants / f"{name}.db").stat().st_mtime_ns for name in fleet.names[:2]} == before


def test_a_canary_that_fails_keeps_the_rest_from_beginning(cli: Cli, fleet: SqliteFleet) -> None:
    taken = sqlite3.connect(fleet.tenants / "tenant_0002.db")
    taken.executescript("CREATE TABLE t_r002 (id INTEGER)")
    taken.close()
    result = cli("fleet", "upgrade", "heads", *TARGETS, "--canary", "2", "--format", "json", cwd=fleet.root)
    document = json.loads(result.stdout)
    assert (result.exit_code, document["outcomes"], document["stopped"]) == (
        1,
        {"done": 1, "failed": 1, "not begun": 10},
        "a canary failed",
    )
    assert set(fleet.wrong_tenants()) == set(fleet.names[1:])


def test_two_names_for_one_database_are_refused_before_anything_is_written(cli: Cli, fleet: SqliteFleet) -> None:
    (fleet.tenants / "link.db").symlink_to(fleet.tenants / "tenant_0001.db")
    (fleet.tenants / "tenant_0001.db").touch()
    fleet.write_targets(
        [{"name": name, "url": fleet.url_of(name)} for name in [*fleet.names[:4], "link", *fleet.names[4:]]]
    )
    result = cli("fleet", "upgrade", "heads", *TARGETS, cwd=fleet.root)
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.splitlines()[-2:] == [
        f"error: targets 'link' and 'tenant_0001' are one database: {fleet.tenants}/tenant_0001.db, "
        "table alembic_version; nothing was written anywhere",
        "hint:  leave one of the two out; if they are to be two: does env.py use what a target gives it: its x "
        "arguments, or sqlalchemy.url of the config?",
    ]
    assert [fleet.version(name) for name in fleet.names] == [[]] * 12


def test_an_env_py_that_connects_elsewhere_is_refused_before_its_first_statement(
    cli: Cli, fleet: SqliteFleet, tmp_path: Path
) -> None:
    text = (fleet.migrations / "env.py").read_text()
    elsewhere = tmp_path / "elsewhere.db"
    fleet.write_env(text.replace('context.config.get_main_option("sqlalchemy.url")', f"'sqlite:///{elsewhere}'"))
    result = cli("fleet", "upgrade", "heads", *TARGETS, "--max-failures", "0", "--format", "json", cwd=fleet.root)
    document = json.loads(result.stdout)
    assert (result.exit_code, document["stopped"]) == (1, "more than 0 failed")
    assert set(document["outcomes"]) == {"refused", "not begun"}
    error = next(target["error"] for target in document["targets"] if target["error"])
    assert error == {
        "code": "target-refused",
        "message": f"env.py connects to another database than the target's: {elsewhere}; no statement was sent to it",
        "hint": 'env.py must connect to config.get_main_option("sqlalchemy.url"), where the target\'s URL is; '
        "or give targets x arguments that env.py reads",
    }


@pytest.mark.soak
def test_schemas_of_one_database_are_targets_and_an_env_py_that_ignores_them_is_refused(
    cli: Cli, tmp_path: Path, postgres_url: str
) -> None:
    fleet = SchemaFleet(tmp_path / "project", postgres_url, tenants=6, revisions=3)
    env = (fleet.migrations / "env.py").read_text()
    fleet.write_env(env.replace("if schema:", "if False:"))
    refused = cli("fleet", "upgrade", "heads", "--schemas", "tenant_%", cwd=fleet.root)
    assert refused.exit_code == 3
    assert re.search(
        r"targets 'tenant_000\d' and 'tenant_000\d' are one database: \S+ on 127.0.0.1:5432, schema public, "
        r"table alembic_version; nothing was written anywhere",
        refused.stderr,
    )
    with fleet.engine.connect() as connection:
        assert not sa.inspect(connection).has_table("alembic_version")
    fleet.write_env(env)
    done = cli(
        "fleet", "upgrade", "heads", "--schemas", "tenant_%", "--max-connections", "2", "--format", "json",
        cwd=fleet.root,
    )  # fmt: skip
    assert (done.exit_code, outcomes(done)) == (0, {"done": 6})
    assert fleet.wrong_tenants() == {}
    down = cli("fleet", "downgrade", "-1", "--schemas", "tenant_%", "--format", "json", cwd=fleet.root)
    assert (down.exit_code, {target["to"][0][0] for target in json.loads(down.stdout)["targets"]}) == (0, {"r002"})


@pytest.mark.parametrize("server", [POSTGRES, MARIADB], ids=lambda server: server.name)
def test_databases_of_a_server_are_targets_and_one_by_two_names_is_refused(
    cli: Cli, tmp_path: Path, server: Server
) -> None:
    project = ProjectFolder(tmp_path / "project", "sqlite://")
    project.table("aaa1")
    engine = answering_engine(server)
    with fresh_database(engine, server) as item, fresh_database(engine, server) as two:
        alias = sa.make_url(item).set(host="localhost").render_as_string(hide_password=False)
        rows = [{"name": "one", "url": item}, {"name": "two", "url": two}, {"name": "alias", "url": alias}]
        (project.root / "targets.json").write_text(json.dumps(rows))
        refused = cli("-q", "fleet", "upgrade", "heads", *TARGETS, "--workers", "1", cwd=project.root)
        place = f"{sa.make_url(item).database} on "
        assert refused.exit_code == 3
        assert refused.stderr.startswith(f"error: targets 'alias' and 'one' are one database: {place}")
        done = cli("-q", "fleet", "upgrade", "heads", *TARGETS, "--only", "one", "--only", "two", cwd=project.root)
        assert (done.exit_code, done.stdout.splitlines()[1]) == (0, "  2  done: 2 revisions")
        for url in (item, two):
            found = sa.create_engine(url, poolclass=sa.pool.NullPool)
            assert sa.inspect(found).get_table_names() == ["alembic_version", "t_aaa1"]


def test_a_run_that_is_begun_anew_counts_a_relative_goal_twice_where_one_that_is_resumed_does_not(
    cli: Cli, fleet: SqliteFleet
) -> None:
    """The arm without the record: what it is good for."""
    words = ("fleet", "upgrade", "+1", *TARGETS, "--only", "tenant_0001")
    assert cli(*words, cwd=fleet.root).exit_code == 0
    assert cli(*words, cwd=fleet.root).exit_code == 0
    assert fleet.version("tenant_0001") == ["r002"]
    assert cli("fleet", "upgrade", "--resume", "last", cwd=fleet.root).exit_code == 0
    assert fleet.version("tenant_0001") == ["r002"]


def test_a_secret_in_the_environment_or_a_file_is_used_and_never_shown(
    cli: Cli, tmp_path: Path, postgres_url: str
) -> None:
    project = ProjectFolder(tmp_path / "project", "sqlite://")
    project.table("aaa1")
    secret = "hunter2-hunter2"
    with_secret = sa.make_url(postgres_url).set(password=secret)
    nobody = with_secret.set(username="nobody_at_all").render_as_string(hide_password=False)
    (project.root / "url").write_text(with_secret.render_as_string(hide_password=False) + "\n")
    rows = [
        {"name": "by_file", "url_file": "url"},
        {"name": "by_variable", "url_env": "TENANT_URL"},
    ]
    (project.root / "targets.json").write_text(json.dumps(rows))
    result = cli("fleet", "upgrade", "heads", *TARGETS, "--retries", "0", cwd=project.root, env={"TENANT_URL": nobody})
    assert result.exit_code == 1
    assert "1  done: 1 revision" in result.stdout
    assert 'role "nobody_at_all" does not exist' in result.stdout
    stored = b"".join(path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file())
    for text in (result.stdout, result.stderr, stored.decode("latin-1")):
        assert secret not in text


def test_a_relative_goal_is_not_counted_twice_by_a_run_that_is_resumed(cli: Cli, fleet: SqliteFleet) -> None:
    fleet.write_targets({"name": name, "url": fleet.url_of(name)} for name in fleet.names[:3])
    assert cli("fleet", "upgrade", "+1", *TARGETS, cwd=fleet.root).exit_code == 0
    state = next((fleet.root.parent / "state").rglob("fleet.sqlite3"))
    with sqlite3.connect(state) as connection:
        # As if the program had been killed after the work on two of them and before it was noted.
        connection.execute("UPDATE branchmig_fleet_target SET state = 'begun' WHERE name <> 'tenant_0001'")
        connection.execute("UPDATE branchmig_fleet_run SET ended = NULL, owner = 'elsewhere:1'")
    connection.close()
    resumed = cli("fleet", "upgrade", "--resume", "last", "--format", "json", cwd=fleet.root)
    assert (resumed.exit_code, outcomes(resumed)) == (0, {"done": 3})
    assert [fleet.version(name) for name in fleet.names[:3]] == [["r001"]] * 3


def start(fleet: ProjectFolder, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "branchmig", "fleet", *arguments],
        cwd=fleet.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )


SLOW = """
import pathlib, time
place = pathlib.Path({place!r})
(place / 'begun').touch()
until = time.monotonic() + 60
while not (place / 'go').exists() and time.monotonic() < until:
    time.sleep(0.01)
"""


def waiting_fleet(root: Path, tenants: int) -> SqliteFleet:
    """A fleet whose first revision says that it began, and goes on when it is told."""
    fleet = SqliteFleet(root, tenants=tenants, revisions=2)
    path = fleet.versions / "r001.py"
    slow = SLOW.format(place=str(root)).strip().replace("\n", "\n    ")
    path.write_text(path.read_text().replace("def upgrade():\n", f"def upgrade():\n    {slow}\n"))
    return fleet


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    while not path.exists():
        assert process.poll() is None, process.communicate()


@pytest.mark.heavy
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_finishes_what_runs_reports_and_ends_with_130(tmp_path: Path, number: signal.Signals) -> None:
    fleet = waiting_fleet(tmp_path / "project", tenants=4)
    process = start(fleet, "upgrade", "heads", *TARGETS, "--workers", "1", "--format", "json")
    wait_for(fleet.root / "begun", process)
    # To the whole group, as a terminal does.
    os.killpg(process.pid, number)
    assert process.stderr is not None
    line = process.stderr.readline()
    while "Interrupted" not in line:
        assert line, "the program ended"
        line = process.stderr.readline()
    (fleet.root / "go").touch()
    out, _ = process.communicate(timeout=60)
    document: dict[str, Any] = json.loads(out)
    assert (process.returncode, document["outcomes"], document["stopped"]) == (
        130,
        {"done": 1, "not begun": 3},
        "interrupted",
    )
    assert set(fleet.wrong_tenants()) == set(fleet.names[1:])


def test_a_worker_that_is_killed_is_replaced_and_its_target_taken_up(tmp_path: Path) -> None:
    fleet = waiting_fleet(tmp_path / "project", tenants=3)
    path = fleet.versions / "r001.py"
    path.write_text(path.read_text().replace("    import pathlib", "    import os, pathlib").replace(
        "(place / 'begun').touch()", "(place / 'pid').write_text(str(os.getpid())); (place / 'begun').touch()"
    ))  # fmt: skip
    process = start(fleet, "upgrade", "heads", *TARGETS, "--workers", "1", "--format", "json")
    wait_for(fleet.root / "begun", process)
    os.kill(int((fleet.root / "pid").read_text()), signal.SIGKILL)
    (fleet.root / "go").touch()
    out, err = process.communicate(timeout=60)
    document = json.loads(out)
    assert (process.returncode, document["outcomes"]) == (0, {"done": 3}), err
    assert sorted(target["attempts"] for target in document["targets"]) == [1, 1, 2]
    assert fleet.wrong_tenants() == {}


@pytest.mark.soak
def test_a_target_that_takes_too_long_is_broken_off_and_the_others_are_done(tmp_path: Path, cli: Cli) -> None:
    fleet = SqliteFleet(tmp_path / "project", tenants=3, revisions=2)
    path = fleet.versions / "r002.py"
    path.write_text(
        path.read_text().replace(
            "def upgrade():\n",
            "def upgrade():\n    import time\n"
            "    if 'tenant_0002' in str(op.get_bind().engine.url):\n        time.sleep(60)\n",
        )
    )
    result = cli("fleet", "upgrade", "heads", *TARGETS, "--timeout", "1", "--format", "json", cwd=fleet.root)
    document = json.loads(result.stdout)
    assert (result.exit_code, document["outcomes"]) == (1, {"done": 2, "timed out": 1})
    assert fleet.version("tenant_0002") == ["r001"]
    assert set(fleet.wrong_tenants()) == {"tenant_0002"}
