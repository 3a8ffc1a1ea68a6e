"""Random switches and killed ones: no row is lost, and a kept state is that of its branch."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import branchmig.commands.switch as switch_command
from branchmig.database.keeping.mysql import MysqlKept
from branchmig.database.keeping.postgresql import PostgresKept
from branchmig.database.keeping.records import KeptStore
from branchmig.database.keeping.sqlite import SqliteKept
from branchmig.database.trial import sessions
from tests.commands.test_switch_keep import at_url, keep, kept, repo, standing
from tests.repositories import Checkout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["repo"]

BRANCHES = ("main", "b1", "b2", "b3", "b4")


@pytest.fixture
def five(tmp_path: Path, database_url: str) -> Any:
    """Five branches; the tables have a foreign key, a view, and on MariaDB a trigger."""
    made = Checkout(tmp_path / "repo")
    made.url = database_url
    (made.top / ".gitignore").write_text("__pycache__\n*.db*\n")
    ini = made.root / "alembic.ini"
    lines = [line for line in ini.read_text().splitlines() if not line.startswith("sqlalchemy.url")]
    ini.write_text("\n".join([*lines, f"sqlalchemy.url = {database_url.replace('%', '%%')}", ""]))
    made.revision(
        "base1",
        upgrade="""\
        op.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)")
        op.execute("CREATE TABLE c (id INTEGER PRIMARY KEY, t INTEGER, FOREIGN KEY (t) REFERENCES t (id))")
        op.execute("CREATE VIEW v AS SELECT id, n FROM t")
        if op.get_bind().dialect.name == "mysql":
            op.execute("CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.n = NEW.n + 1000")
            op.execute("CREATE PROCEDURE p() SELECT 1")
        """,
        downgrade="pass",
    )
    made.commit("base")
    for name in BRANCHES[1:]:
        made.git("switch", "--quiet", "--create", name, "main")
        made.revision(
            f"r{name}",
            "base1",
            upgrade=f'op.execute("CREATE TABLE {name} (id INTEGER PRIMARY KEY)")\n'
            f'op.execute("CREATE VIEW v{name} AS SELECT id FROM {name}")',
        )
        made.commit(name)
    made.git("switch", "--quiet", "main")
    assert made.branchmig("upgrade", "head").exit_code == 0
    yield made
    made.branchmig("states", "drop", "--all", "--yes")


def everything(made: Checkout) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of all tables and views."""
    engine = sa.create_engine(made.url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        names = [*inspector.get_table_names(), *inspector.get_view_names()]
        return {
            name: sorted(map(tuple, connection.exec_driver_sql(f"SELECT * FROM {name}")))
            for name in sorted(names)
            if name != "alembic_version"
        }


def write(made: Checkout, chance: random.Random, number: int) -> None:
    """Insert, update and delete some rows."""
    key = number * 10 + chance.randrange(10)
    statements = [
        f"INSERT INTO t (id, n) VALUES ({key}, {chance.randrange(100)})",
        f"INSERT INTO c (id, t) VALUES ({key}, {key})",
        f"UPDATE t SET n = n + 1 WHERE id < {chance.randrange(key + 1)}",
        f"DELETE FROM c WHERE id = {chance.randrange(key + 1)}",
    ]
    made.execute(*statements[: chance.randrange(1, 5)])


def wander(made: Checkout, switches: int) -> None:
    chance, here, model = random.Random(22), "main", {}
    for number in range(1, switches + 1):
        write(made, chance, number)
        model[here] = everything(made)
        here = chance.choice([name for name in BRANCHES if name != here])
        keep(made, here)
        if here in model:
            assert everything(made) == model[here]
        else:
            base = model.get("main") or next(iter(model.values()))
            assert {name: rows for name, rows in everything(made).items() if name in base} == base
    assert len(kept(made)) == len(model.keys() | {here}) - 1


@pytest.mark.heavy
def test_no_row_is_lost_by_a_few_switches(five: Checkout) -> None:
    wander(five, 4)


@pytest.mark.soak
def test_no_row_is_lost_by_many_switches(five: Checkout) -> None:
    wander(five, int(os.environ.get("BRANCHMIG_SWITCHES", "200")))


def keys(made: Checkout) -> list[tuple[list[str], list[str], str]]:
    document = json.loads(made.branchmig("states", "list", "--format", "json").stdout)
    return [(state["branches"], state["heads"], state["key"]) for state in document["states"] if state["kept"]]


def killed_in(made: Checkout, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, after: bool, *words: str) -> None:
    """Run `switch --keep` in a process that is killed before or after a function is called."""
    real: Callable[..., Any] = getattr(owner, name)

    def die(*arguments: Any, **more: Any) -> None:
        if after:
            real(*arguments, **more)
        os._exit(9)

    child = os.fork()
    if child == 0:
        monkeypatch.setattr(owner, name, die)
        made.branchmig("switch", "--keep", *words)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


SERVERS = {"sqlite": SqliteKept, "postgresql": PostgresKept, "mysql": MysqlKept}

PLACES = (
    ("intend", False),
    ("intend", True),
    ("duplicate", False),
    ("duplicate", True),
    ("exchange", False),
    ("exchange", True),
    ("add", False),
    ("note_active", True),
    ("switch", False),
    ("switch", True),
)


@pytest.mark.heavy
def test_after_a_kill_between_the_moves_the_next_switch_has_all_rows(
    repo: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    after_kills(repo, monkeypatch, (("exchange", False), ("exchange", True)), is_known=True)


@pytest.mark.soak
@pytest.mark.parametrize("is_known", [False, True])
def test_after_a_kill_at_any_point_the_next_switch_has_all_rows(
    repo: Checkout, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    after_kills(repo, monkeypatch, PLACES, is_known=is_known)


def after_kills(
    repo: Checkout, monkeypatch: pytest.MonkeyPatch, places: Sequence[tuple[str, bool]], *, is_known: bool
) -> None:
    """Kill switches to a branch that has a state, or to one that gets a copy of another's; then look at all rows."""
    server = SERVERS[sa.make_url(repo.url).get_backend_name()]
    repo.git("switch", "--quiet", "--create", "late", "main")
    repo.table("late1", "base1")
    repo.commit("late")
    repo.git("switch", "--quiet", "main")
    keep(repo, "feature")
    repo.execute("INSERT INTO t_feat1 (id) VALUES (7)", "INSERT INTO t_base1 (id) VALUES (2)")
    if is_known:
        keep(repo, "main")
    home, away = ("main", "feature") if is_known else ("feature", "late")
    expected = {"main": [1], "feature": [1, 2], "late": [1]}
    for name, after in places:
        owner = switch_command if name == "switch" else KeptStore if hasattr(KeptStore, name) else server
        if is_known and name == "duplicate":
            continue
        killed_in(repo, monkeypatch, owner, name, after, away)
        for branch in (away, home):
            keep(repo, branch)
            feat = [7] if branch == "feature" else None
            rows = [{"main": "base1", "feature": "feat1", "late": "late1"}[branch]]
            assert standing(repo) == (branch, rows, expected[branch], feat), (name, after)
        if not is_known:
            late = next(key for branches, _, key in keys(repo) if "late" in branches)
            assert repo.branchmig("states", "drop", late, "--yes").exit_code == 0
            assert len(kept(repo)) == 1


class Steps:
    """Ends the process before the nth change of a file or server."""

    def __init__(self, number: int) -> None:
        self._left = number

    def step(self) -> None:
        self._left -= 1
        if not self._left:
            os._exit(9)

    def counted(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            self.step()
            return real(*arguments, **more)

        return call

    def counted_statements(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def run(session: Any, statements: Sequence[str]) -> None:
            for statement in statements:
                self.step()
                real(session, [statement])

        return run


def killed_at(made: Checkout, monkeypatch: pytest.MonkeyPatch, number: int, *words: str) -> bool:
    """Run `switch --keep` in a process that is killed before its nth step; return whether it came that far."""
    child = os.fork()
    if child == 0:
        steps = Steps(number)
        for owner, name in ((os, "replace"), (os, "link"), (Path, "unlink"), (switch_command, "switch")):
            monkeypatch.setattr(owner, name, steps.counted(getattr(owner, name)))
        for session in (sessions._Postgres, sessions._Mysql):
            monkeypatch.setattr(session, "run", steps.counted_statements(session.run))
        os._exit(made.branchmig("switch", "--keep", *words).exit_code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 9)
    return code == 9


def after_kills_at_each_step(
    repo: Checkout, monkeypatch: pytest.MonkeyPatch, *, is_known: bool, is_open: bool = False, stride: int = 1
) -> int:
    """Kill switches at each step, repair, and look at all rows; return how many steps there are."""
    keep(repo, "feature")
    repo.execute("INSERT INTO t_feat1 (id) VALUES (7)", "INSERT INTO t_base1 (id) VALUES (2)")
    if is_known:
        keep(repo, "main")
    home, away = ("main", "feature") if is_known else ("feature", "main")
    expected = {"main": ("main", ["base1"], [1], None), "feature": ("feature", ["feat1"], [1, 2], [7])}
    held, number, told = None, 0, 0
    while True:
        number += stride
        if is_open:
            held = open(str(sa.make_url(repo.url).database), "rb")  # noqa: SIM115  # held while the switch runs
        is_killed = killed_at(repo, monkeypatch, number, away)
        if held is not None:
            held.close()
        status = repo.branchmig("status", "--no-db").stdout
        repaired = repo.branchmig("repair")
        told += "an interrupted switch was " in repaired.stderr
        assert ("interrupted-switch: " in status) is ("an interrupted switch was " in repaired.stderr)
        assert repaired.exit_code == 0 or "no journal to repair" in repaired.stderr, (number, repaired.stderr)
        for branch in (away, home):
            keep(repo, branch)
            assert standing(repo) == expected[branch], (number, branch)
        assert len(kept(repo)) == 1, number
        if not is_killed:
            assert told
            return number


def test_after_a_kill_at_some_steps_all_rows_are_there(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = at_url(tmp_path / "repo", sqlite_url)
    assert after_kills_at_each_step(repo, monkeypatch, is_known=True, is_open=True, stride=7) > 7


@pytest.mark.soak
@pytest.mark.parametrize("is_known", [False, True])
def test_after_a_kill_at_each_step_all_rows_are_there(
    repo: Checkout, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    assert after_kills_at_each_step(repo, monkeypatch, is_known=is_known) > 10


@pytest.mark.soak
@pytest.mark.parametrize("is_known", [False, True])
def test_after_a_kill_at_each_step_of_an_open_file_all_rows_are_there(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    repo = at_url(tmp_path / "repo", sqlite_url)
    assert after_kills_at_each_step(repo, monkeypatch, is_known=is_known, is_open=True) > 10
