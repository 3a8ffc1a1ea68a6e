"""`checks = true`: sync, switch and fleet upgrade ask the live rows before anything moves, as upgrade does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tests.conftest import MARIADB, fresh_database
from tests.repositories import Checkout
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TABLE = "op.create_table('users', sa.Column('id', sa.Integer(), primary_key=True), sa.Column('nick', sa.String(9)))"
UNIQUE = "op.create_index('uq', 'users', ['nick'], unique=True)"
IN_THE_WAY = "duplicate-values: revision bbb2 fails: users (nick): 2 rows with the same values as another (id=1; id=2)"
REFUSED = [
    "error: rows are in the way of pending revisions: nothing was run",
    f"       {IN_THE_WAY}",
    "hint:  settle these rows first, or do without the question: checks = false",
]


def forked(checkout: Checkout, main_downgrade: str = "pass") -> Checkout:
    """aaa1 on both branches, ccc3 on main, which is applied; bbb2 on feature makes a column with duplicates unique."""
    (checkout.top / ".gitignore").write_text("__pycache__\n*.db*\n")
    with (checkout.root / "alembic.ini").open("a") as file:
        file.write("\n[branchmig]\nchecks = true\n")
    checkout.revision("aaa1", upgrade=TABLE, downgrade="op.drop_table('users')")
    checkout.commit("base")
    checkout.git("switch", "--quiet", "-c", "feature")
    checkout.revision("bbb2", "aaa1", upgrade=UNIQUE, downgrade="op.drop_index('uq', 'users')")
    checkout.commit("feature")
    checkout.git("switch", "--quiet", "main")
    checkout.revision(
        "ccc3",
        "aaa1",
        upgrade="op.create_table('t', sa.Column('a', sa.Integer()))",
        downgrade=f"op.drop_table('t')\n{main_downgrade}",
    )
    checkout.commit("main")
    assert checkout.branchmig("upgrade", "heads").exit_code == 0
    checkout.execute("INSERT INTO users VALUES (1, 'ada'), (2, 'ada'), (3, NULL)")
    return checkout


@pytest.fixture(
    params=["sqlite", "postgres_url", *(pytest.param(name, marks=pytest.mark.soak) for name in ["mariadb_url"])]
)
def checkout(tmp_path: Path, request: pytest.FixtureRequest) -> Checkout:
    made = Checkout(tmp_path / "project")
    if request.param != "sqlite":
        ini, url = made.root / "alembic.ini", request.getfixturevalue(request.param)
        ini.write_text(ini.read_text().replace(made.url, url))
        made.url = url
    return made


def standing(checkout: Checkout) -> tuple[str, object]:
    return checkout.git("branch", "--show-current"), checkout.rows()


def test_a_switch_moves_neither_files_nor_database_while_rows_are_in_the_way(checkout: Checkout) -> None:
    forked(checkout)
    told = checkout.branchmig("switch", "feature", "--yes")
    assert (told.exit_code, told.stderr.splitlines()) == (1, REFUSED)
    assert standing(checkout) == ("main", ["ccc3"])
    checkout.execute("DELETE FROM users WHERE id = 2")
    assert checkout.branchmig("switch", "feature", "--yes").exit_code == 0
    assert standing(checkout) == ("feature", ["bbb2"])


def test_a_sync_reverts_nothing_either(checkout: Checkout) -> None:
    forked(checkout)
    checkout.git("switch", "--quiet", "feature")
    assert f"  in the way: {IN_THE_WAY}" in checkout.branchmig("sync", "--plan").lines
    planned = json.loads(checkout.branchmig("sync", "--plan", "--format", "json").stdout)["databases"][0]
    assert planned["obstacles"] == [{"code": "duplicate-values", "message": IN_THE_WAY, "hint": ""}]
    told = checkout.branchmig("sync", "--yes")
    assert (told.exit_code, told.stderr.splitlines()) == (1, REFUSED)
    assert checkout.rows() == ["ccc3"]
    checkout.execute("DELETE FROM users WHERE id = 2")
    assert checkout.branchmig("sync", "--yes").exit_code == 0
    assert checkout.rows() == ["bbb2"]


@pytest.mark.parametrize("checkout", ["sqlite"], indirect=True)
@pytest.mark.parametrize("first", ["", "import os\nop.execute(os.environ.get('NO_SUCH', 'SELECT 1'))"])
def test_rows_count_as_the_downgrades_before_leave_them(checkout: Checkout, first: str) -> None:
    """A downgrade that deletes the rows, and, before it, a statement that cannot be read."""
    forked(checkout, f"{first}\nop.execute('DELETE FROM users WHERE id = 2')")
    told = checkout.branchmig("switch", "feature", "--yes")
    assert (told.exit_code, standing(checkout)) == (0, ("feature", ["bbb2"])), told.stderr


@pytest.fixture(params=["sqlite", "mariadb"])
def tenants(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Two databases, by the names of targets."""
    if request.param == "sqlite":
        yield {name: f"sqlite:///{tmp_path / name}.db" for name in ("one", "two")}
        return
    engine = request.getfixturevalue("mariadb_engine")
    with fresh_database(engine, MARIADB) as one, fresh_database(engine, MARIADB) as two:
        yield {"one": one, "two": two}


@pytest.mark.heavy
def test_a_fleet_s_targets_are_refused_each_for_itself(
    tmp_path: Path, tenants: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    project = ProjectFolder(tmp_path / "app", "sqlite:///nowhere.db")
    with (project.root / "alembic.ini").open("a") as file:
        file.write("\n[branchmig]\nchecks = true\n")
    (project.root / "targets.json").write_text(json.dumps([{"name": name, "url": tenants[name]} for name in tenants]))
    project.revision("aaa1", upgrade=TABLE)
    fleet = ("fleet", "upgrade", "heads", "--targets", "targets.json", "--workers", "1", "--format", "json")
    assert project.branchmig(*fleet).exit_code == 0
    engine = sa.create_engine(tenants["two"], poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO users VALUES (1, 'ada'), (2, 'ada')")
    project.revision("bbb2", "aaa1", upgrade=UNIQUE)
    told = project.branchmig(*fleet)
    one, two = json.loads(told.stdout)["targets"]
    assert (told.exit_code, one["outcome"], one["to"], two["outcome"], two["to"]) == (
        1,
        "done",
        [["bbb2"]],
        "failed",
        [["aaa1"]],
    )
    assert two["error"]["message"].splitlines()[1] == IN_THE_WAY
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM users WHERE id = 2")
    resumed = project.branchmig("fleet", "upgrade", "--resume", "last", "--format", "json")
    assert (resumed.exit_code, json.loads(resumed.stdout)["outcomes"]) == (0, {"done": 2}), resumed.stdout
