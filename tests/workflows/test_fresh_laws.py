"""Whatever is edited, a fresh database is what a replay makes; whenever a build is killed, nothing half is seen."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT
from tests.support import ENV
from tests.workflows.test_fresh import NOWHERE, Freshes, content

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCRIPT = """
import names
from pathlib import Path
WIDTH = 10
text = names.PREFIX + Path(__file__).with_suffix('.txt').read_text() + str(WIDTH)
op.create_table('t_{id}', sa.Column('text', sa.String(99)))
op.execute("INSERT INTO t_{id} SELECT '{id}' || count(*) FROM sqlite_master")
op.bulk_insert(sa.table('t_{id}', sa.column('text')), [{{'text': text}}])
"""


LOOK = "SUFFIX = config.get_main_option('suffix')\n"
VIEW = """
            if not connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE type = 'view'").first():
                connection.exec_driver_sql(f'CREATE VIEW v_{SUFFIX} AS SELECT 1 AS n')
"""


class Edits:
    """A project of some revisions on two lines that are merged, and random edits of it."""

    def __init__(self, project: Freshes, chance: random.Random, *, env_writes: bool) -> None:
        self.project, self.chance, self.count = project, chance, 0
        root = project.root
        (root / "names.py").write_text("import deep\nPREFIX = deep.WORD + 'a'\n")
        (root / "deep.py").write_text("WORD = 'deep'\n")
        ini = root / "alembic.ini"
        ini.write_text(ini.read_text().replace("[branchmig]", "prepend_sys_path = %(here)s\nsuffix = x\n[branchmig]"))
        env = ENV.replace("{options}", "").replace("def run_offline", f"{LOOK}\ndef run_offline", 1)
        head, _, tail = env.rpartition("context.run_migrations()")
        project.write_env(f"{head}context.run_migrations(){VIEW if env_writes else ''}{tail}")
        self.parents = {"r0": (), "r1": ("r0",), "r2": ("r1",), "r3": ("r1",), "r4": ("r2", "r3"), "r5": ("r4",)}
        for name in self.parents:
            self.write(name)
            (project.versions / f"{name}.txt").write_text(name)

    def write(self, name: str) -> None:
        self.project.revision(name, *self.parents[name], upgrade=SCRIPT.format(id=name))

    def one(self) -> bool:
        """Edit something; return whether that can have an effect."""
        self.count += 1
        has_effect, edit = self.chance.choice(self.kinds())
        edit()
        return has_effect

    def kinds(self) -> list[tuple[bool, Callable[[], object]]]:
        root, name, new = self.project.root, self.chance.choice(sorted(self.parents)), f"w{self.count}"
        script = self.project.versions / f"{name}.py"
        return [
            (False, lambda: self.put(script, lambda text: f"{text}\n# {new}\n")),
            (False, lambda: self.put(script, lambda text: text.replace("WIDTH = ", "WIDTH  =  "))),
            (False, lambda: self.put(root / "deep.py", lambda text: f"# {new}\n{text}")),
            (False, lambda: self.put(root / "migrations" / "env.py", lambda text: f"{text}\n# {new}\n")),
            (False, lambda: self.put(root / "alembic.ini", lambda text: f"# {new}\n{text}")),
            (False, lambda: (root / f"{new}.txt").write_text(new)),
            (True, lambda: self.put(script, lambda text: text.replace("WIDTH = 1", f"WIDTH = {self.count}1"))),
            (True, lambda: self.put(root / "deep.py", lambda _: f"WORD = '{new}'\n")),
            (True, lambda: self.put(root / "names.py", lambda _: f"import deep\nPREFIX = deep.WORD + '{new}'\n")),
            (True, lambda: self.put(script.with_suffix(".txt"), lambda _: new)),
            (True, lambda: self.put(root / "alembic.ini", self.other_suffix)),
            (True, self.other_parent),
        ]

    def put(self, path: Path, change: Callable[[str], str]) -> None:
        """Change a file, and leave its modification time as it was half of the time."""
        before = path.stat()
        path.write_text(change(path.read_text()))
        if self.chance.random() < 0.5:
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def other_suffix(self, text: str) -> str:
        return "".join(
            f"suffix = x{self.count}\n" if line.startswith("suffix") else f"{line}\n" for line in text.splitlines()
        )

    def other_parent(self) -> None:
        self.parents["r3"] = ("r0",) if self.parents["r3"] == ("r1",) else ("r1",)
        self.write("r3")


@pytest.mark.parametrize("env_writes", [False, True])
@pytest.mark.parametrize("edits", [6, pytest.param(1_000, marks=pytest.mark.soak)])
def test_a_fresh_database_is_never_stale(edits: int, env_writes: bool, tmp_path: Path) -> None:
    chance = random.Random(edits)
    project = Freshes(tmp_path / "project", NOWHERE)
    project.settings()
    edited = Edits(project, chance, env_writes=env_writes)
    project.fresh()
    for number in range(edits):
        has_effect = edited.one()
        fresh = project.fresh()
        assert has_effect or fresh["steps_run"] == 0, number
        assert content(fresh["url"])[:2] == content(project.replay())[:2], number
        if number % 50 == 49:
            assert project.branchmig("states", "prune", "--keep-size", "1MB").exit_code == 0


@pytest.mark.parametrize("kills", [2, pytest.param(100, marks=pytest.mark.soak)])
def test_a_killed_build_leaves_nothing_that_is_handed_out(kills: int, tmp_path: Path) -> None:
    chance = random.Random(kills)
    project = Freshes(tmp_path / "project", NOWHERE)
    project.settings()
    ids = [f"r{number:02}" for number in range(12)]
    for number, name in enumerate(ids):
        project.table(name, *ids[max(0, number - 1) : number])
    whole = content(project.fresh()["url"])[:2]
    assert project.branchmig("states", "drop", "--all", "--yes").exit_code == 0

    for _ in range(kills):
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "branchmig", "fresh"],
            cwd=project.root,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=chance.uniform(0.3, 2.5))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        for state in project.states():
            assert (state["reusable"], state["size"] > 0) == (True, True)
        fresh = project.fresh()
        assert content(fresh["url"])[:2] == whole
        assert project.branchmig("states", "drop", "--all", "--yes").exit_code == 0
    project.branchmig("states", "prune")
    assert project.branchmig("states").stderr == "No states.\n"
