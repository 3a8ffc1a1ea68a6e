"""`branchmig graph` on real projects, repositories and databases."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import ROOT
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.repositories import Checkout
    from tests.support import Result


def drawn(result: Result) -> list[str]:
    """The lines of a run that said nothing else."""
    assert (result.exit_code, result.stderr) == (0, "")
    return result.lines


def document(result: Result) -> Any:
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


def refused(result: Result) -> tuple[int, str]:
    assert result.stdout == ""
    return result.exit_code, result.stderr


@pytest.fixture
def with_database(parted: Checkout) -> Checkout:
    """The parted checkout on a database of its own."""
    ini = parted.root / "alembic.ini"
    parted.url = f"sqlite:///{parted.top}.db"
    ini.write_text(re.sub("sqlite:///.*", parted.url, ini.read_text()))
    parted.git("commit", "--quiet", "--all", "-m", "own database")
    return parted


def test_outside_git_heads_are_heads(forked: ProjectFolder) -> None:
    assert drawn(forked.branchmig("graph")) == [
        "●╌╮ ccc3 (head) step ccc3",
        "│ ● bbb2 (head; side) step bbb2",
        "├─╯",
        "● aaa1 first",
    ]


def test_each_head_tells_its_git_branch_and_author(parted: Checkout) -> None:
    assert drawn(parted.branchmig("graph", "--merged-with", "main")) == [
        "●   ccc3 (head of feature by Ada Author) step ccc3",
        "│ ● + bbb2 (head of main by Ada Author) step bbb2",
        "├─╯",
        "●   aaa1 step aaa1",
    ]
    assert drawn(parted.branchmig("graph", "--at", "main")) == [
        "● bbb2 (head of main by Ada Author) step bbb2",
        "● aaa1 step aaa1",
    ]
    parted.revision("ddd4", "ccc3")
    assert drawn(parted.branchmig("graph", "-r", "ccc3:")) == [
        "● ddd4 (head of feature, not committed yet) step ddd4",
        "● ccc3 step ccc3",
        "~",
    ]


def test_what_a_ref_lacks(parted: Checkout) -> None:
    assert drawn(parted.branchmig("graph", "--since", "main")) == [
        "● ccc3 (head of feature by Ada Author) step ccc3",
        "◦ aaa1 step aaa1",
    ]
    assert drawn(parted.branchmig("graph", "--since", "feature")) == []


def test_what_the_database_says(with_database: Checkout) -> None:
    assert with_database.branchmig("--quiet", "upgrade", "aaa1").exit_code == 0
    assert drawn(with_database.branchmig("graph", "--db")) == [
        "○ ccc3 pending (head of feature by Ada Author) step ccc3",
        "● aaa1 applied step aaa1",
    ]


def test_an_orphan_stands_where_its_branch_has_it(with_database: Checkout) -> None:
    with_database.git("switch", "--quiet", "main")
    with_database.git("checkout", "--quiet", "feature", "--", "alembic.ini")
    with_database.revision("ddd4", "bbb2", message="made on main")
    with_database.commit()
    assert with_database.branchmig("--quiet", "upgrade", "head").exit_code == 0
    with_database.git("switch", "--quiet", "feature")
    assert drawn(with_database.branchmig("graph", "--db")) == [
        "✗ ddd4 orphan  made on main",
        "✗ bbb2 orphan  step bbb2",
        "│ ○ ccc3 pending (head of feature by Ada Author) step ccc3",
        "├─╯",
        "● aaa1 applied step aaa1",
    ]
    told = document(with_database.branchmig("graph", "--db", "--format", "json"))
    states = {revision["revision"]: revision["state"] for revision in told["revisions"]}
    assert states == {"aaa1": "applied", "bbb2": "orphan", "ccc3": "pending", "ddd4": "orphan"}


def test_of_a_lost_orphan_nothing_is_known_below(with_database: Checkout) -> None:
    path = with_database.revision("lost1", "ccc3")
    assert with_database.branchmig("--quiet", "upgrade", "head").exit_code == 0
    path.unlink()
    assert drawn(with_database.branchmig("graph", "--db"))[0] == "✗ lost1 orphan  step lost1"  # a pin keeps it
    for ref in with_database.git("for-each-ref", "--format=%(refname)", "refs/branchmig").splitlines():
        with_database.git("update-ref", "-d", ref)
    with_database.git("prune", "--expire=now")
    assert drawn(with_database.branchmig("graph", "--db")) == [
        "✗ lost1 orphan",
        "",
        "● ccc3 (head of feature by Ada Author) step ccc3",
        "● aaa1 step aaa1",
    ]


def test_what_the_journal_knows(with_database: Checkout) -> None:
    ini = with_database.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}[branchmig]\njournal = true\n")
    assert with_database.branchmig("--quiet", "upgrade", "head").exit_code == 0
    with_database.revision("ccc3", "aaa1", upgrade="op.execute('SELECT 2')")
    with_database.revision("new1", "aaa1")
    with_database.revision("top9", "ccc3", "new1")
    assert [line.split(" (")[0] for line in drawn(with_database.branchmig("graph", "--db"))] == [
        "○ top9 pending",
        "├─╮",
        "│ ○ new1 pending step new1",
        "◐ │ ccc3 edited  step ccc3",
        "├─╯",
        "● aaa1 applied step aaa1",
    ]
    with_database.git("stash", "--quiet", "--include-untracked", "--", "migrations")
    with_database.revision("new1")
    with_database.revision("aaa1", "new1")
    assert [line.split(" (")[0] for line in drawn(with_database.branchmig("graph", "--db"))] == [
        "● ccc3 applied",
        "◐ aaa1 edited  step aaa1",
        "◌ new1 skipped step new1",
    ]


def test_a_version_table_that_no_sound_database_has_is_told(forked: ProjectFolder) -> None:
    assert forked.branchmig("--quiet", "upgrade", "bbb2").exit_code == 0
    forked.execute("INSERT INTO alembic_version VALUES ('aaa1')")
    assert refused(forked.branchmig("graph", "--db")) == (
        3,
        "error: revision 'aaa1' is in the version table beside its descendant 'bbb2'\n"
        "hint:  'bbb2' includes it: branchmig stamp --purge bbb2\n",
    )


def test_a_range_from_what_the_database_is_at(forked: ProjectFolder) -> None:
    assert forked.branchmig("--quiet", "upgrade", "bbb2").exit_code == 0
    assert drawn(forked.branchmig("graph", "-r", ":current")) == ["● bbb2 (head; side) step bbb2", "● aaa1 first"]


EFFECTS = {
    "a1": ("", "op.create_table('tasks', sa.Column('id', sa.Integer(), primary_key=True))"),
    "b2": ("a1", "op.create_table('notes', sa.Column('id', sa.Integer(), primary_key=True))"),
    "c3": ("b2", "op.execute(statement())"),
    "d4": (
        "c3",
        "op.add_column('tasks', sa.Column('x', sa.Integer()))\nop.create_index('ix', 'tasks', ['id'])",
    ),
    "e5": ("d4", "op.rename_table('tasks', 'jobs')\n# branchmig: allow renames-table: nothing else reads it"),
}


@pytest.fixture
def with_effects(tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "shop", f"sqlite:///{tmp_path}/shop.db")
    for name, (parent, upgrade) in EFFECTS.items():
        project.revision(name, *parent.split(), upgrade=upgrade)
    return project


def test_what_each_revision_changes(with_effects: ProjectFolder) -> None:
    assert drawn(with_effects.branchmig("graph", "--effects")) == [
        "● e5 (head) step e5",
        "│   tasks → jobs  ⚠ breaks running code on tasks (allowed)",
        "● d4 step d4",
        "│   + tasks.x  + index ix on tasks",
        "● c3 step c3",
        "│   ? raw SQL",
        "● b2 step b2",
        "│   + notes",
        "● a1 step a1",
        "    + tasks",
    ]
    revisions = document(with_effects.branchmig("graph", "--effects", "--format", "json"))["revisions"]
    found = {revision["revision"]: revision["effects"] for revision in revisions}
    assert found["c3"] == {
        "changes": [],
        "hazards": [],
        "unread": [{"text": "raw SQL", "what": "op.execute: the statement is computed", "line": 18}],
        "tables": [],
    }
    rename = {"kind": "rename", "text": "tasks → jobs", "what": "renames table tasks to jobs", "line": 18}
    hazard = {
        "text": "breaks running code on tasks",
        "what": "renames table tasks to jobs: code that still runs knows it by its old name",
        "line": 18,
        "table": "tasks",
        "allowed": "nothing else reads it",
    }
    assert found["e5"] == {
        "changes": [{**rename, "table": "tasks"}],
        "hazards": [hazard],
        "unread": [],
        "tables": ["jobs", "tasks"],
    }


def test_what_touches_a_table_under_any_of_its_names(with_effects: ProjectFolder) -> None:
    result = with_effects.branchmig("graph", "--touching", "JOBS")
    assert result.exit_code == 0
    assert result.lines == [
        "● e5 (head) step e5",
        "● d4 step d4",
        "● c3 (not read in full) step c3",
        "~",
        "● a1 step a1",
    ]
    assert "branchmig cannot tell whether they touch JOBS" in result.stderr
    found = json.loads(with_effects.branchmig("graph", "--touching", "jobs", "--format", "json").stdout)
    assert [(edge["parent"], edge["child"], edge["skips"]) for edge in found["edges"]] == [
        ("a1", "c3", True),
        ("c3", "d4", False),
        ("d4", "e5", False),
    ]
    assert [revision["revision"] for revision in found["revisions"] if revision["unclear"]] == ["c3"]
    for format_, line in (("mermaid", "  r3 -->|…| r2"), ("dot", '  "a1" -> "c3" [label="…"];')):
        assert line in with_effects.branchmig("graph", "--touching", "jobs", "--format", format_).lines


def test_a_table_that_nothing_touches_is_an_error_with_the_nearest_name(with_effects: ProjectFolder) -> None:
    code, text = refused(with_effects.branchmig("graph", "--touching", "note"))
    assert code == 2
    assert "no revision of this graph is known to touch a table 'note'" in text
    assert "did you mean 'notes'? the scripts of these cannot be read in full: c3" in text


def test_json_as_a_whole(parted: Checkout) -> None:
    head = parted.git("rev-parse", "feature")
    base = parted.git("rev-parse", "feature~1")
    git = {"branch": "feature", "author": "Ada Author", "commit": head}

    def entry(name: str, *parents: str, **more: object) -> dict[str, object]:
        return {
            "revision": name,
            "down_revision": list(parents),
            "depends_on": [],
            "branch_labels": [],
            "message": f"step {name}",
            "path": f"migrations/versions/{name}.py",
            "state": None,
            "added": False,
            "boundary": False,
            "effects": None,
            "unclear": False,
            "places": [],
            **more,
        }

    assert document(parted.branchmig("graph", "--format", "json")) == {
        "version": 1,
        "at": "worktree",
        "merged_with": None,
        "revisions": [
            entry("aaa1", git={"branch": "main", "author": "Ada Author", "commit": base}),
            entry("ccc3", "aaa1", git=git),
        ],
        "edges": [{"parent": "aaa1", "child": "ccc3", "kind": "lineage", "skips": False}],
        "unplaced": [],
    }


def test_other_formats_go_to_standard_output_or_a_file(forked: ProjectFolder) -> None:
    for format_, first in (
        ("mermaid", "flowchart BT"),
        ("dot", "digraph revisions {"),
        ("svg", "<svg "),
        ("html", "<!DOC"),
    ):
        told = forked.branchmig("graph", "--format", format_)
        assert told.stdout.startswith(first)
        name = forked.root / f"graph.{format_}"
        assert drawn(forked.branchmig("graph", "--format", format_, "-o", str(name))) == []
        assert name.read_text(encoding="utf-8") == told.stdout
    assert forked.branchmig("graph", "-o", "graph.txt").exit_code == 0
    assert (forked.root / "graph.txt").read_text(encoding="utf-8") == forked.branchmig("graph").stdout


def test_a_chart_that_mermaid_would_not_draw_is_told(tmp_path: Path, forked: ProjectFolder) -> None:
    below = "ccc3"
    for number in range(500):
        forked.revision(f"n{number:04}", below)
        below = f"n{number:04}"
    told = forked.branchmig("graph", "--format", "mermaid")
    assert told.exit_code == 0
    assert told.stderr == (
        "warning: mermaid draws at most 500 lines from 50,000 letters, and this is 503 from "
        f"{len(told.stdout):,}: narrow it down with --since or -r\n"
    )


def test_a_file_that_cannot_be_written_is_told(forked: ProjectFolder) -> None:
    assert refused(forked.branchmig("graph", "-o", "nowhere/graph.txt")) == (
        3,
        "error: nowhere/graph.txt cannot be written: No such file or directory\nhint:  name another file: -o FILE\n",
    )


def test_a_range_and_a_ref_at_once_are_refused(parted: Checkout) -> None:
    assert refused(parted.branchmig("graph", "-r", "aaa1:", "--since", "main")) == (
        2,
        "error: --rev-range and --since each say what to draw\nhint:  give one of the two\n",
    )


def test_colours_are_for_whoever_asks(forked: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = forked.branchmig("graph").stdout
    painted = forked.branchmig("graph", "--color", "always").stdout
    assert "\x1b[" not in plain
    assert "\x1b[1;33maaa1\x1b[0m" in painted
    assert re.sub(r"\x1b\[[\d;]*m", "", painted) == plain
    monkeypatch.setenv("NO_COLOR", "1")
    assert forked.branchmig("graph", "--color", "always").stdout == plain


def test_ascii_where_standard_output_has_no_other_letters(parted: Checkout) -> None:
    parted.revision("ddd4", "aaa1", message="naïve")
    told = parted.process("graph", env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert told.stdout.splitlines() == [
        "* ddd4 (head of feature, not committed yet) na?ve",
        "| * ccc3 (head of feature by Ada Author) step ccc3",
        "+-'",
        "* aaa1 step aaa1",
    ]


def on_terminal(project: ProjectFolder, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run branchmig with a terminal as standard output; return how it ended, what came there, and standard error."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "branchmig", *arguments],
        cwd=project.root,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", **environment},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux says so where the other side is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    _, told = process.communicate()
    return process.returncode, shown.decode().replace("\r\n", "\n"), told


def test_on_a_terminal_it_is_painted_and_goes_through_the_pager(forked: ProjectFolder) -> None:
    code, shown, told = on_terminal(forked, "graph", BRANCHMIG_PAGER="sed 's/^/paged /'; echo LESS=$LESS", LESS="R")
    assert (code, told) == (0, "")
    lines = re.sub(r"\x1b\[[\d;]*m", "", shown).splitlines()
    assert lines[0] == "paged ●╌╮ ccc3 (head) step ccc3"
    assert lines[-1] == "LESS=R"
    assert "\x1b[" in shown
    _, plain, _ = on_terminal(forked, "graph", "--no-pager", BRANCHMIG_PAGER="sed 's/^/paged /'", NO_COLOR="1")
    assert plain == forked.branchmig("graph").stdout


@pytest.mark.parametrize(
    ("environment", "pager"),
    [
        ({"BRANCHMIG_PAGER": "echo b", "GIT_PAGER": "echo g", "PAGER": "echo p"}, "b\n"),
        ({"GIT_PAGER": "echo g", "PAGER": "echo p"}, "g\n"),
        ({"PAGER": "echo p"}, "core\n"),
    ],
)
def test_the_pager_is_chosen_as_git_chooses(parted: Checkout, environment: dict[str, str], pager: str) -> None:
    parted.git("config", "core.pager", "echo core")
    assert on_terminal(parted, "graph", **environment) == (0, pager, "")


def test_a_pager_that_is_left_early_is_no_failure(forked: ProjectFolder) -> None:
    below = "ccc3"
    for number in range(2000):
        forked.revision(f"n{number:04}", below, message="x" * 60)
        below = f"n{number:04}"
    code, shown, told = on_terminal(forked, "graph", BRANCHMIG_PAGER="head -n 1", NO_COLOR="1")
    assert (code, told) == (0, "")
    assert shown == "● n1999 (head) " + "x" * 60 + "\n"


def test_a_pager_that_is_not_there_is_told(forked: ProjectFolder) -> None:
    code, _, told = on_terminal(forked, "graph", BRANCHMIG_PAGER="no-such-pager 2>/dev/null")
    assert code == 3
    assert told == (
        "error: the pager cannot be run: no-such-pager 2>/dev/null\nhint:  set BRANCHMIG_PAGER, or give --no-pager\n"
    )


def test_a_page_is_not_for_a_terminal(forked: ProjectFolder) -> None:
    code, shown, told = on_terminal(forked, "graph", "--format", "html")
    assert (code, shown) == (2, "")
    assert told == "error: a page is not to be read in a terminal\nhint:  name a file: -o graph.html\n"
