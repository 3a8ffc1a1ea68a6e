"""`branchmig identify`: which revisions a schema corresponds to, without its version table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.commands.test_drift import project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.repositories import Checkout

TABLE = "op.create_table('{}', sa.Column('id', sa.Integer(), primary_key=True))"


def history(tmp_path: Path, url: str) -> Checkout:
    """aaa1 -> bbb2 and ccc3, two lines; ddd4 merges them; eee5 makes a table and drops an index; fff6 changes rows."""
    checkout = project(tmp_path, url)
    checkout.revision("aaa1", upgrade=f"{TABLE.format('a')}\nop.add_column('a', sa.Column('x', sa.Integer()))")
    checkout.revision("bbb2", "aaa1", upgrade="op.create_index('ix_a', 'a', ['x'])")
    checkout.revision("ccc3", "aaa1", upgrade=TABLE.format("c"))
    checkout.revision("ddd4", "bbb2", "ccc3")
    checkout.revision("eee5", "ddd4", upgrade=f"{TABLE.format('e')}\nop.drop_index('ix_a', 'a')")
    checkout.revision("fff6", "eee5", upgrade="op.execute('UPDATE a SET x = 1')")
    return checkout


def identify(checkout: Checkout, *options: str) -> tuple[int, dict[str, Any]]:
    told = checkout.branchmig("identify", "--format", "json", *options)
    return told.exit_code, json.loads(told.stdout)


def on_server(tmp_path: Path, url: str) -> None:
    checkout = history(tmp_path, url)
    found = []
    for targets in (["aaa1"], ["ccc3"], ["bbb2"]):
        for target in targets:
            assert checkout.branchmig("upgrade", target).exit_code == 0
        checkout.execute("CREATE TABLE kept AS SELECT version_num FROM alembic_version", "DROP TABLE alembic_version")
        code, answer = identify(checkout)
        assert code == 0, answer
        found.append((code, answer["heads"], answer["undecided"]))
        checkout.execute("ALTER TABLE kept RENAME TO alembic_version")
    assert found == [(0, ["aaa1"], []), (0, ["ccc3"], []), (0, ["ddd4"], ["ddd4"])]


def test_postgresql(tmp_path: Path, postgres_url: str) -> None:
    on_server(tmp_path, postgres_url)


@pytest.mark.soak
def test_mariadb(tmp_path: Path, mariadb_url: str) -> None:
    on_server(tmp_path, mariadb_url)


def test_sqlite_by_its_url_also_where_nothing_fits_or_nobody_can_tell(tmp_path: Path) -> None:
    checkout = history(tmp_path, "sqlite")
    assert checkout.branchmig("upgrade", "ddd4").exit_code == 0
    other = f"sqlite:///{tmp_path / 'other.db'}"
    (tmp_path / "other.db").write_bytes((checkout.root / "app.db").read_bytes())
    checkout.execute("DROP TABLE c")
    told = checkout.branchmig("identify", other)
    assert (told.exit_code, told.lines) == (
        0,
        [
            f"{other}: at ddd4",
            "  without an effect, so they may be applied or not: ddd4",
            "  -> to record it: branchmig stamp ddd4",
        ],
    )
    # bbb2 without ccc3, and what nobody has made.
    assert identify(checkout)[1]["heads"] == ["bbb2"]
    checkout.execute("ALTER TABLE a ADD COLUMN hand INTEGER")
    assert identify(checkout) == (
        1,
        {
            "version": 1,
            "url": checkout.url,
            "heads": None,
            "undecided": [],
            "closest": {"heads": ["bbb2"], "differences": 1},
        },
    )
    checkout.execute("ALTER TABLE a DROP COLUMN hand", "DROP INDEX ix_a")
    checkout.execute(*(f"CREATE TABLE {name} (id INTEGER NOT NULL PRIMARY KEY)" for name in "ce"))
    told = checkout.branchmig("identify")
    assert (told.exit_code, told.stderr.splitlines()[-2:]) == (
        3,
        [
            "error: cannot tell: the schema is the same at fff6 and at eee5",
            "hint:  look into the rows whether fff6 has run, then: branchmig stamp REVISION",
        ],
    )
    assert checkout.branchmig("identify", "sqlite:////no/such.db").exit_code == 3


ONLY_MYSQL = """\
bind = op.get_bind()
if bind.dialect.name != 'mysql':
    return
op.drop_index(next(each['name'] for each in sa.inspect(bind).get_indexes('a')), 'a')
"""


def test_a_schema_operation_that_is_not_for_this_server_leaves_no_doubt(tmp_path: Path) -> None:
    checkout = project(tmp_path, "sqlite", TABLE.format("a"), ONLY_MYSQL)
    assert identify(checkout) == (
        0,
        {"version": 1, "url": checkout.url, "heads": ["bbb2"], "undecided": ["bbb2"], "closest": None},
    )


MAKES_N = "op.execute('CREATE TABLE IF NOT EXISTS n (id INTEGER)')"


@pytest.mark.parametrize(
    ("first", "second", "applied", "answer"),
    [
        (MAKES_N, MAKES_N, "bbb2", "the schema is the same at bbb2, ccc3 and at "),
        (MAKES_N, MAKES_N, "ccc3", "the schema is the same at bbb2, ccc3 and at "),
        (MAKES_N, f"{MAKES_N}\n{TABLE.format('z')}", "ccc3", "the schema is the same at bbb2, ccc3 and at ccc3"),
        (f"{MAKES_N}\n{TABLE.format('y')}", f"{MAKES_N}\n{TABLE.format('z')}", "ccc3", ["ccc3"]),
        (f"{MAKES_N}\n{TABLE.format('y')}", f"{MAKES_N}\n{TABLE.format('z')}", "bbb2", ["bbb2"]),
        (f"{MAKES_N}\n{TABLE.format('y')}", MAKES_N.replace("id", "other"), "ccc3", "ccc3 would make what another"),
    ],
)
def test_two_branches_that_make_one_table_if_it_is_not_there(
    tmp_path: Path, first: str, second: str, applied: str, answer: str | list[str]
) -> None:
    checkout = project(tmp_path, "sqlite", TABLE.format("a"))
    checkout.revision("bbb2", "aaa1", upgrade=first)
    checkout.revision("ccc3", "aaa1", upgrade=second)
    assert checkout.branchmig("upgrade", applied).exit_code == 0
    told = checkout.branchmig("identify", "--format", "json")
    if isinstance(answer, str):
        assert (told.exit_code, answer in told.stderr) == (3, True), told
    else:
        assert (told.exit_code, json.loads(told.stdout)["heads"]) == (0, answer), told
