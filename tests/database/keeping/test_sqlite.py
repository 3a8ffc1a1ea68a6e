"""What shows, after a kill, which of two states a SQLite file has."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from branchmig.database.keeping.records import Active, Intent, KeptState
from branchmig.database.keeping.sqlite import SqliteKept

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, row: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"CREATE TABLE IF NOT EXISTS t (id INTEGER); INSERT INTO t VALUES ({row});")


@pytest.mark.parametrize(
    ("has", "outcome", "left"),
    [(1, False, ["bring"]), (2, True, ["put"]), (3, None, ["bring", "put"])],
    ids=["the state of before", "the state to come", "neither"],
)
def test_the_rows_show_whether_a_copied_file_was_exchanged(
    tmp_path: Path, has: int, outcome: bool | None, left: list[str]
) -> None:
    """Both states may have the same revisions applied; what was written since makes it unclear: both stay."""
    for name, row in (("put", 1), ("bring", 2)):
        write(tmp_path / f"{name}.db", row)
    write(tmp_path / "app.sqlite", has)
    original = KeptState("bring", ("feature",), ("a1",), ("a1",))
    intent = Intent(KeptState("put", ("main",), ("a1",), ("a1",)), "bring", original, Active((), ()), is_ready=True)
    assert SqliteKept(tmp_path / "app.sqlite", tmp_path).is_exchanged(intent) is outcome
    assert sorted(path.stem for path in tmp_path.glob("*.db")) == left
