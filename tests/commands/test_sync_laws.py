"""After any sequence of switches, merges and amends, a sync leaves what a fresh upgrade of the checkout gives."""

from __future__ import annotations

import sqlite3
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.repositories import Checkout

if TYPE_CHECKING:
    from collections.abc import Iterator

OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["table", "column", "branch", "switch", "switch", "merge", "rebase", "amend", "delete"]),
        st.integers(0, 7),
    ),
    min_size=4,
    max_size=14,
)


class Team:
    """A repository in which things happen, and its database."""

    def __init__(self, folder: Path) -> None:
        self.repo = Checkout(folder / "repo")
        (self.repo.top / ".gitignore").write_text("__pycache__\n*.db*\n")
        self.numbers: Iterator[int] = count(1)
        audit = "op.create_table('audit', sa.Column('revision', sa.String(20)))"
        self.repo.revision(
            "base1",
            upgrade=f"{audit}\n{_create('base')}\n{_note('base1')}",
            downgrade="op.drop_table('base')\nop.drop_table('audit')",
        )
        self.repo.commit("base")
        self.branches = ["main"]
        self.sync()

    def do(self, operation: str, choice: int) -> None:
        getattr(self, f"_{operation}")(choice)
        self.sync()

    def sync(self) -> None:
        result = self.repo.branchmig("sync", "--yes")
        assert result.exit_code == 0, result.stderr

    def _table(self, choice: int) -> None:
        one = f"r{next(self.numbers):03}"
        self._write(one, _create(one), f"op.drop_table('{one}')")

    def _column(self, choice: int) -> None:
        one = f"r{next(self.numbers):03}"
        add = f"op.add_column('base', sa.Column('c_{one}', sa.Integer()))"
        self._write(one, add, f"op.drop_column('base', 'c_{one}')")

    def _write(self, revision: str, upgrade: str, downgrade: str) -> None:
        heads = self.repo.heads()
        forget = f"op.execute(\"DELETE FROM audit WHERE revision = '{revision}'\")"
        self.repo.revision(
            revision, *heads, upgrade=f"{upgrade}\n{_note(revision)}", downgrade=f"{downgrade}\n{forget}"
        )
        self.repo.commit(revision)

    def _branch(self, choice: int) -> None:
        name = f"b{next(self.numbers)}"
        self.repo.git("switch", "--quiet", "--create", name)
        self.branches.append(name)

    def _switch(self, choice: int) -> None:
        self.repo.git("switch", "--quiet", self.branches[choice % len(self.branches)])

    def _merge(self, choice: int) -> None:
        other = self.branches[choice % len(self.branches)]
        done = self.repo.run("merge", "--quiet", "--no-edit", "--no-verify", other)
        if done.returncode:  # an amended script, on both sides
            self.repo.git("merge", "--abort")

    def _rebase(self, choice: int) -> None:
        """Put this branch's own revisions on top of main's, in git and in their files, as if nothing were applied."""
        if self.repo.git("branch", "--show-current") == "main":
            return
        if self.repo.run("rebase", "--quiet", "main").returncode:
            self.repo.git("rebase", "--abort")
            return
        result = self.repo.branchmig("rebase", "--offline", "--onto", "main")
        assert result.exit_code in (0, 3), result.stderr  # main itself may have two heads
        self.repo.commit("on top")

    def _amend(self, choice: int) -> None:
        """Make the newest revision of this branch's own do something else."""
        branch = self.repo.git("branch", "--show-current")
        own = self.repo.git("diff", "--name-only", "--diff-filter=A", "main", "HEAD").splitlines()
        files = [name for name in sorted(own) if name.endswith(".py")]
        if branch == "main" or not files:
            return
        path = self.repo.top / files[-1]
        old = path.stem
        changed = path.read_text().replace(f"('{old}'", f"('{old}x'").replace(f"VALUES ('{old}x'", f"VALUES ('{old}'")
        path.write_text(changed)
        self.repo.commit("amend", "--amend")

    def _delete(self, choice: int) -> None:
        name = self.branches[choice % len(self.branches)]
        if name not in ("main", self.repo.git("branch", "--show-current")):
            self.repo.git("branch", "--quiet", "-D", name)
            self.repo.git("reflog", "expire", "--expire=now", "--all")
            self.repo.git("prune", "--expire=now")
            self.branches.remove(name)

    def state(self) -> tuple[object, object, object]:
        return self.repo.rows(), _schema(self.repo.top / "app.db"), _audit(self.repo.top / "app.db")

    def fresh(self) -> tuple[object, object, object]:
        """What an upgrade of an empty database gives."""
        ini, place = self.repo.root / "alembic.ini", self.repo.top / "fresh.db"
        before = ini.read_text()
        place.unlink(missing_ok=True)
        ini.write_text(before.replace("app.db", "fresh.db") + "[branchmig]\npins = false\n")
        try:
            assert self.repo.branchmig("upgrade", "heads").exit_code == 0
        finally:
            ini.write_text(before)
        with sqlite3.connect(place) as connection:
            rows = sorted(row[0] for row in connection.execute("SELECT version_num FROM alembic_version"))
        return rows, _schema(place), _audit(place)


def _create(name: str) -> str:
    return f"op.create_table('{name}', sa.Column('id', sa.Integer()))"


def _note(revision: str) -> str:
    return f"op.execute(\"INSERT INTO audit VALUES ('{revision}')\")"


def _audit(database: Path) -> list[str]:
    """Return what has run, once for each time that it ran and was not undone."""
    with sqlite3.connect(database) as connection:
        return sorted(row[0] for row in connection.execute("SELECT revision FROM audit"))


def _schema(database: Path) -> dict[str, set[tuple[str, str]]]:
    """Return the columns of each table: their order depends on who came first, on a fresh database too."""
    with sqlite3.connect(database) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: {(row[1], row[2]) for row in connection.execute(f'PRAGMA table_info("{name}")')} for name in tables
        }


def follow(operations: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        team = Team(Path(folder))
        for operation, choice in operations:
            team.do(operation, choice)
        assert team.state() == team.fresh()


@settings(max_examples=8)
@given(OPERATIONS)
def test_a_sync_leaves_what_a_fresh_upgrade_gives(operations: list[tuple[str, int]]) -> None:
    follow(operations)


@pytest.mark.soak
@settings(max_examples=150)
@given(OPERATIONS)
def test_many_sequences_of_switches_leave_what_a_fresh_upgrade_gives(operations: list[tuple[str, int]]) -> None:
    follow(operations)
