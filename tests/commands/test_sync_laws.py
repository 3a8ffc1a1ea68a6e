"""After any sequence of switches, merges and amends, a sync leaves what a fresh upgrade of the checkout gives."""

from __future__ import annotations

import re
import sqlite3
import tempfile
import textwrap
from contextlib import chdir
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from branchmig.project.config import ConfigFiles
from branchmig.project.project import Project
from tests.repositories import Checkout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from branchmig.dag import RevisionDag

OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("table", "column", "branch", "switch", "switch", "merge", "rebase", "amend", "delete"),
                *("squash", "sparse", "clone", "correct", "equal"),
            ]
        ),
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
        self.made: dict[str, None] = {}
        audit = "op.create_table('audit', sa.Column('revision', sa.String(20)))"
        self.repo.revision(
            "base1",
            upgrade=f"{audit}\n{_create('base')}\n{_note('base1')}",
            downgrade="op.drop_table('base')\nop.drop_table('audit')",
        )
        self.repo.commit("base")
        self.branches = ["main"]
        self.sync()
        self.repo.execute("CREATE TABLE precious (id INTEGER)", "INSERT INTO precious VALUES (1), (2), (3)")

    def do(self, operation: str, choice: int) -> None:
        getattr(self, f"_{operation}")(choice)
        self.sync()

    def sync(self, *options: str) -> None:
        """Bring the database to the checkout, as a user would who does what the hints say; nothing goes unseen."""
        before = self._rows_of_tables()
        shown = self.repo.branchmig("sync", "--plan", *options)
        result = self.repo.branchmig("sync", "--yes", *options)
        if result.exit_code == 3 and "of which this checkout has" in result.stderr:
            assert self._rows_of_tables() == before
            # A part of what another branch squashed: only what is named is undone.
            self.sync("--undo", result.stderr.rpartition("branchmig sync --undo ")[2].split()[0])
            return
        if result.exit_code == 3 and "that were squashed into" in result.stderr:
            assert self._rows_of_tables() == before
            self._follow_hint(result.stderr)
            self.sync()
            return
        if result.exit_code == 3 and "which this branch removed later" in result.stderr:
            assert self._rows_of_tables() == before
            self._give_another_id(result.stderr.split("two revisions have the id '")[1].split("'")[0])
            self.sync()
            return
        assert result.exit_code == 0, result.stderr
        self._audit_rows(before, shown.stdout)
        empty = [name for name, number in self._rows_of_tables().items() if not number]
        self.repo.execute(*(f"INSERT INTO {name} (id) VALUES (1), (2)" for name in empty))

    def _follow_hint(self, text: str) -> None:
        found = re.search(r"git switch --detach (\w+); branchmig upgrade (\w+);", text)
        assert found is not None, text
        branch = self.repo.git("branch", "--show-current")
        self.repo.git("switch", "--quiet", "--detach", found[1])
        done = self.repo.branchmig("upgrade", found[2])
        self.repo.git("switch", "--quiet", branch)
        assert done.exit_code == 0, done.stderr

    def _give_another_id(self, revision: str) -> None:
        new = f"r{next(self.numbers):03}"
        for path in self.repo.versions.glob("*.py"):
            text = path.read_text()
            is_own = f"\nrevision = '{revision}'" in text
            lines = [line for line in text.splitlines() if is_own or line.startswith("down_revision = ")]
            for line in lines:
                text = text.replace(line, line.replace(f"'{revision}'", f"'{new}'"))
            path.write_text(text)
        self.repo.commit("another id")

    def _audit_rows(self, before: dict[str, int], shown: str) -> None:
        """See that whatever has fewer rows than before was named by the plan."""
        after = self._rows_of_tables()
        for name, number in before.items():
            assert after.get(name, 0) >= number or f"table {name} ({number} row" in shown, (name, number, shown)

    def _rows_of_tables(self) -> dict[str, int]:
        with sqlite3.connect(self.repo.top / "app.db") as connection:
            listing = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            names = [row[0] for row in listing if row[0] not in ("audit", "alembic_version")]
            return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}

    def _table(self, choice: int) -> None:
        item = f"r{next(self.numbers):03}"
        self._write(item, _create(item), f"op.drop_table('{item}')")

    def _column(self, choice: int) -> None:
        item = f"r{next(self.numbers):03}"
        add = f"op.add_column('base', sa.Column('c_{item}', sa.Integer()))"
        self._write(item, add, f"op.drop_column('base', 'c_{item}')")

    def _write(self, revision: str, upgrade: str, downgrade: str, name: str | None = None) -> None:
        heads = self.repo.heads()
        self.made[revision] = None
        forget = f"op.execute(\"DELETE FROM audit WHERE revision = '{revision}'\")"
        self.repo.revision(
            revision,
            *heads,
            upgrade=f"{upgrade}\n{_note(revision)}",
            downgrade=f"{downgrade}\n{forget}",
            name=name,
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
        elif not self._is_sound():
            self.repo.git("reset", "--quiet", "--hard", "ORIG_HEAD")

    def _rebase(self, choice: int) -> None:
        """Put this branch's own revisions on top of main's, in git and in their files, as if nothing were applied."""
        if self.repo.git("branch", "--show-current") == "main":
            return
        if self.repo.run("rebase", "--quiet", "main").returncode:
            self.repo.git("rebase", "--abort")
            return
        if not self._is_sound():
            self.repo.git("reset", "--quiet", "--hard", "ORIG_HEAD")
            return
        result = self.repo.branchmig("rebase", "--offline", "--onto", "main")
        assert result.exit_code in (0, 3), result.stderr  # main itself may have two heads
        self.repo.commit("on top")

    def _is_sound(self) -> bool:
        """Whether the merge or rebase left a graph: one id twice, or a parent that a squash took away, leaves none."""
        return self.repo.branchmig("heads").exit_code == 0

    def _squash(self, choice: int) -> None:
        """Make two revisions that lie alone on each other one, with the id of the upper or a new one."""
        dag = self._dag()
        pairs = [
            (dag[below[0]], revision)
            for revision in dag
            if len(below := dag.below(revision.id)) == 1
            and list(dag.children(below[0], dependencies=True)) == [revision.id]
        ]
        if not pairs:
            return
        lower, upper = pairs[choice % len(pairs)]
        (low_up, low_down), (up, down) = (_bodies(Path(item.path or "")) for item in (lower, upper))
        Path(lower.path or "").unlink()
        path = Path(upper.path or "")
        above = dag.children(upper.id, dependencies=True)
        new = f"s{next(self.numbers):03}" if choice % 2 and above else upper.id
        bodies = {"upgrade": f"{low_up}\n{up}", "downgrade": f"{down}\n{low_down}"}
        if new != upper.id:
            path.unlink()
            for revision_id in above:
                child = Path(dag[revision_id].path or "")
                child.write_text(child.read_text().replace(f"'{upper.id}'", f"'{new}'", 1))
        self.repo.revision(new, *lower.parents, **bodies, name=path.name if new == upper.id else f"{new}.py")
        self.repo.commit("squash")

    def _sparse(self, choice: int) -> None:
        """Take a head's file out of the work tree only: a sync leaves everything as it is."""
        dag = self._dag()
        heads = [revision_id for revision_id in dag.heads(dependencies=True) if len(dag) > 1]
        if not heads:
            return
        path = Path(dag[heads[choice % len(heads)]].path or "")
        text = path.read_text()
        before = self.state()
        self.repo.git("update-index", "--skip-worktree", str(path))
        path.unlink()
        assert self.repo.branchmig("sync", "--yes").exit_code == 0
        assert self.state() == before
        path.write_text(text)
        self.repo.git("update-index", "--no-skip-worktree", str(path))

    def _clone(self, choice: int) -> None:
        """Another clone applies work of its own to this database: a sync here leaves it, and it is undone there."""
        with tempfile.TemporaryDirectory() as folder:
            other = Checkout.copy(self.repo, Path(folder) / "unused")
            other.top = other.root = Path(folder) / "other"
            self.repo.git("clone", "--quiet", ".", str(other.top))
            other.migrations = other.top / "migrations"
            other.versions = other.migrations / "versions"
            other.git("switch", "--quiet", "--create", "theirs")
            item = f"r{next(self.numbers):03}"
            other.revision(item, *other.heads(), upgrade=_create(item), downgrade=f"op.drop_table('{item}')")
            other.commit(item)
            assert other.branchmig("upgrade", "heads").exit_code == 0
            before = self._rows_of_tables()
            assert self.repo.branchmig("sync", "--yes").exit_code == 3
            assert self._rows_of_tables() == before
            other.git("switch", "--quiet", "-")
            assert other.branchmig("sync", "--yes").exit_code == 0

    def _correct(self, choice: int) -> None:
        """Commit a downgrade that takes too much, then correct it: what it would have taken stays."""
        files = self._own_files()
        if not files:
            return
        path = files[choice % len(files)]
        text = path.read_text()
        wrong = "def downgrade():\n    op.execute('DELETE FROM precious')\n"
        path.write_text(text.replace("def downgrade():\n", wrong))
        self.repo.commit("a downgrade that takes too much")
        path.write_text(text)
        self.repo.commit("correct it")

    def _equal(self, choice: int) -> None:
        """Give a new revision an id that another branch has."""
        here = {revision.id for revision in self._dag()}
        others = [item for item in self.made if item not in here]
        if others:
            other = others[choice % len(others)]
            self._write(other, _create(f"{other}y"), f"op.drop_table('{other}y')", name=f"{other}_again.py")

    def _dag(self) -> RevisionDag:
        with chdir(self.repo.root):
            return Project.open(ConfigFiles(self.repo.root / "alembic.ini", self.repo.root / "pyproject.toml")).dag

    def _own_files(self) -> list[Path]:
        """The files of the revisions that main lacks, by name."""
        own = self.repo.git("diff", "--name-only", "--diff-filter=A", "main", "HEAD").splitlines()
        return [self.repo.top / name for name in sorted(own) if name.endswith(".py")]

    def _amend(self, choice: int) -> None:
        """Make the newest revision of this branch's own do something else.

        Not of a squash: nothing records what it did when the database followed it, by stamps alone.
        """
        files = self._own_files()
        if not files or "squash" in self.repo.git("log", "--format=%s", "main..HEAD").splitlines():
            return
        path = files[-1]
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


def _bodies(path: Path) -> tuple[str, str]:
    """Return the bodies of upgrade() and downgrade()."""
    up, down = path.read_text().split("def upgrade():\n")[1].split("def downgrade():\n")
    return textwrap.dedent(up), textwrap.dedent(down)


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
        listing = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = [row[0] for row in listing if row[0] != "precious"]
        return {
            name: {(row[1], row[2]) for row in connection.execute(f'PRAGMA table_info("{name}")')} for name in tables
        }


def follow(operations: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        team = Team(Path(folder))
        for operation, choice in operations:
            team.do(operation, choice)
        assert team.state() == team.fresh()


def test_what_only_the_applied_revision_of_an_id_was_put_on_goes_too() -> None:
    """main: base1 - r003 - r002; b1: base1 - another r002. A switch to b1 undoes both of main's."""
    follow([("branch", 0), ("table", 0), ("switch", 0), ("table", 0), ("equal", 0), ("switch", 1)])


@pytest.mark.soak
def test_an_id_that_a_squash_has_set_free_is_another_revision_when_it_is_used_again() -> None:
    """r003 and r004 of b1 become r004; then a new r003 is put on top of it."""
    follow([("branch", 0), ("table", 0), ("table", 0), ("table", 0), ("squash", 5), ("equal", 0)])


@pytest.mark.soak
@settings(max_examples=5)
@given(OPERATIONS)
def test_a_sync_leaves_what_a_fresh_upgrade_gives(operations: list[tuple[str, int]]) -> None:
    follow(operations)


@pytest.mark.soak
@settings(max_examples=150)
@given(OPERATIONS)
def test_many_sequences_of_switches_leave_what_a_fresh_upgrade_gives(operations: list[tuple[str, int]]) -> None:
    follow(operations)
