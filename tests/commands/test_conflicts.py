"""`branchmig conflicts` on real repositories: exact text, whole JSON, nothing checked out and nothing run."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.repositories import Checkout, footprint
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path


ADD = "op.add_column('users', sa.Column('email', sa.String(), nullable=True))"
UPDATE = "op.execute(\"UPDATE users SET name = 'x'\")"
OTHER_UPDATE = "op.execute(\"UPDATE users SET name = 'y'\")"
HELPER = "from app.helpers import fix\nfix()"


@pytest.fixture
def meeting(tmp_path: Path) -> Checkout:
    """aaa1 ┬ bbb2 ─ ccc3 on main; └ ddd4 on feature, which is checked out."""
    repo = Checkout(tmp_path / "repo")
    repo.revision("aaa1", upgrade="op.create_table('users', sa.Column('id', sa.Integer()))")
    repo.commit()
    repo.git("branch", "feature")
    repo.revision("bbb2", "aaa1", upgrade=ADD)
    repo.revision("ccc3", "bbb2", upgrade=UPDATE)
    repo.commit()
    repo.git("switch", "--quiet", "feature")
    repo.revision("ddd4", "aaa1", upgrade=f"{ADD}\n{OTHER_UPDATE}\n{HELPER}")
    repo.commit()
    return repo


TEXT = """\
conflict: column users.email
    ours    migrations/versions/ddd4.py:18 (ddd4)
    theirs  migrations/versions/bbb2.py:18 (bbb2)
    both add column users.email: the second of the two fails

order: column users.name
    ours    migrations/versions/ddd4.py:19 (ddd4)
    theirs  migrations/versions/ccc3.py:18 (ccc3)
    both update users (name): the rows depend on which comes first

opaque: unknown
    ours    migrations/versions/ddd4.py:21 (ddd4)
    app.helpers.fix is called, which is not in this file

1 conflict, 1 where the order matters, 1 that cannot be read: 1 revision of worktree, 2 of main, since aaa1
"""


def test_the_work_tree_and_the_target_branch(meeting: Checkout) -> None:
    told = meeting.branchmig("conflicts")
    assert (told.stdout, told.stderr, told.exit_code) == (TEXT, "", 1)


def test_the_whole_document(meeting: Checkout) -> None:
    told = meeting.branchmig("conflicts", "--format", "json")
    assert (told.stderr, told.exit_code) == ("", 1)
    assert json.loads(told.stdout) == {
        "version": 1,
        "base": ["aaa1"],
        "ours": ["ddd4"],
        "theirs": ["bbb2", "ccc3"],
        "conflicts": [
            {
                "level": "conflict",
                "object": "column users.email",
                "ours": {"revision": "ddd4", "line": 18},
                "theirs": {"revision": "bbb2", "line": 18},
                "reason": "both add column users.email: the second of the two fails",
            },
            {
                "level": "order",
                "object": "column users.name",
                "ours": {"revision": "ddd4", "line": 19},
                "theirs": {"revision": "ccc3", "line": 18},
                "reason": "both update users (name): the rows depend on which comes first",
            },
            {
                "level": "opaque",
                "object": "unknown",
                "ours": {"revision": "ddd4", "line": 21},
                "theirs": {"revision": None, "line": None},
                "reason": "app.helpers.fix is called, which is not in this file",
            },
        ],
        "proof": None,
    }


def test_two_refs_are_read_without_a_checkout(meeting: Checkout) -> None:
    meeting.git("switch", "--quiet", "--orphan", "empty")
    meeting.git("checkout", "--quiet", "feature", "--", "alembic.ini", "migrations/env.py")
    before = footprint(meeting.top)
    told = meeting.branchmig("conflicts", "feature", "--merged-with", "main")
    assert (told.stdout, told.exit_code) == (TEXT.replace("of worktree", "of feature"), 1)
    assert footprint(meeting.top) == before


def test_the_sides_swap(meeting: Checkout) -> None:
    told = json.loads(meeting.branchmig("conflicts", "main", "--merged-with", "feature", "--format", "json").stdout)
    assert (told["ours"], told["theirs"]) == (["bbb2", "ccc3"], ["ddd4"])
    assert [
        (conflict["level"], conflict["ours"]["revision"], conflict["theirs"]["revision"])
        for conflict in told["conflicts"]
    ] == [
        ("conflict", "bbb2", "ddd4"),
        ("order", "ccc3", "ddd4"),
        ("opaque", None, "ddd4"),
    ]


def test_files_that_are_not_committed_count_in_the_work_tree_and_staged_ones_in_the_index(meeting: Checkout) -> None:
    meeting.revision("eee5", "ddd4", upgrade="op.drop_table('users')")
    for arguments, found in ((["worktree"], True), (["index"], False), (["HEAD"], False)):
        assert ("eee5" in meeting.branchmig("conflicts", *arguments).stdout) is found
    meeting.git("add", "--all")
    assert "eee5" in meeting.branchmig("conflicts", "index").stdout


def test_order_and_opaque_do_not_fail(meeting: Checkout) -> None:
    meeting.revision("ddd4", "aaa1", upgrade=f"{OTHER_UPDATE}\n{HELPER}")
    told = meeting.branchmig("conflicts")
    assert told.exit_code == 0
    assert told.lines[-1] == (
        "0 conflicts, 1 where the order matters, 1 that cannot be read: 1 revision of worktree, 2 of main, since aaa1"
    )


def test_sides_that_do_not_meet(meeting: Checkout) -> None:
    meeting.revision("ddd4", "aaa1", upgrade="op.create_table('teams', sa.Column('id', sa.Integer()))")
    told = meeting.branchmig("conflicts")
    assert (told.stdout, told.exit_code) == (
        "no conflicts: 1 revision of worktree, 2 of main, since aaa1\n",
        0,
    )


def test_a_branch_that_has_all_that_the_target_has(meeting: Checkout) -> None:
    meeting.git("switch", "--quiet", "main")
    told = meeting.branchmig("conflicts", "--format", "json")
    assert told.exit_code == 0
    assert json.loads(told.stdout) == {
        "version": 1,
        "base": ["ccc3"],
        "ours": [],
        "theirs": [],
        "conflicts": [],
        "proof": None,
    }


def test_after_a_git_merge_the_heads_are_compared(meeting: Checkout) -> None:
    meeting.git("merge", "--quiet", "--no-edit", "main")
    told = meeting.branchmig("conflicts")
    assert told.exit_code == 1
    assert told.lines[:4] == [
        "conflict: column users.email",
        "    ours    migrations/versions/bbb2.py:18 (bbb2)",
        "    theirs  migrations/versions/ddd4.py:18 (ddd4)",
        "    both add column users.email: the second of the two fails",
    ]
    assert told.lines[-1].endswith(": 2 revisions of ccc3, 1 of ddd4, since aaa1")


def test_a_merge_revision_does_not_hide_what_collides_below_it(meeting: Checkout) -> None:
    meeting.git("merge", "--quiet", "--no-edit", "main")
    assert meeting.branchmig("merge", "--rev-id", "mmm1", "--force").exit_code == 0
    told = meeting.branchmig("conflicts")
    assert (told.stdout, told.exit_code) == (TEXT, 1)


def test_heads_without_git(tmp_path: Path, sqlite_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.revision("aaa1")
    for name in ("bbb2", "ccc3", "ddd4"):
        project.revision(name, "aaa1", upgrade=ADD if name != "bbb2" else "op.drop_table('users')")
    told = json.loads(project.branchmig("conflicts", "--format", "json").stdout)
    assert (told["base"], told["ours"], told["theirs"]) == (["aaa1"], ["bbb2"], ["ccc3", "ddd4"])
    assert [
        (conflict["object"], conflict["ours"]["revision"], conflict["theirs"]["revision"])
        for conflict in told["conflicts"]
    ] == [
        ("table users", "bbb2", "ccc3"),
        ("table users", "bbb2", "ddd4"),
        ("column users.email", "ccc3", "ddd4"),
    ]


def test_one_head_without_git_cannot_be_compared(tmp_path: Path, sqlite_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.revision("aaa1")
    told = project.branchmig("conflicts")
    assert (told.stdout, told.exit_code) == ("", 3)
    assert told.stderr == (f"error: {project.migrations} is in no git repository\nhint:  git init\n")


def test_heads_that_the_policy_allows_are_not_compared(meeting: Checkout) -> None:
    settings = meeting.root / "alembic.ini"
    settings.write_text(f"{settings.read_text()}[branchmig]\npolicy = one-head-per-label\n")
    meeting.revision("fff6", labels=("other",), upgrade="op.drop_table('users')")
    meeting.revision("aaa1", labels=("first",), upgrade="op.create_table('users', sa.Column('id', sa.Integer()))")
    told = json.loads(meeting.branchmig("conflicts", "--format", "json").stdout)
    assert told["ours"] == ["ddd4", "fff6"]
    assert told["theirs"] == ["bbb2", "ccc3"]


def test_a_criss_cross_has_two_bases(meeting: Checkout) -> None:
    meeting.revision("bbb2", "aaa1", upgrade=ADD)
    meeting.revision("mmm1", "bbb2", "ddd4")
    meeting.commit()
    meeting.git("switch", "--quiet", "main")
    meeting.git("checkout", "--quiet", "feature~1", "--", "migrations/versions/ddd4.py")
    meeting.revision("nnn1", "bbb2", "ddd4")
    meeting.commit()
    told = json.loads(meeting.branchmig("conflicts", "feature", "--format", "json").stdout)
    assert (told["base"], told["ours"], told["theirs"]) == (["bbb2", "ddd4"], ["mmm1"], ["ccc3", "nnn1"])
    # Both merge revisions have the same two lines below them, which collide.
    assert {(conflict["level"], conflict["object"]) for conflict in told["conflicts"]} == {
        ("conflict", "column users.email"),
        ("opaque", "unknown"),
    }


def test_what_is_no_graph_cannot_be_told(meeting: Checkout) -> None:
    meeting.revision("eee5", "zzz9")
    told = meeting.branchmig("conflicts", "--format", "json")
    assert told.exit_code == 3
    assert json.loads(told.stdout)["error"]["code"] == "broken-graph"


def test_an_unknown_ref_is_said(meeting: Checkout) -> None:
    told = meeting.branchmig("conflicts", "--merged-with", "nowhere")
    assert (told.exit_code, told.stderr.splitlines()[0]) == (3, "error: git knows no ref or commit 'nowhere'")


def test_without_a_target_branch_the_other_side_must_be_named(meeting: Checkout) -> None:
    meeting.git("branch", "--quiet", "-m", "main", "line")
    told = meeting.branchmig("conflicts")
    assert (told.exit_code, told.stderr) == (
        3,
        "error: no git branch was found that the work lands in\n"
        "hint:  name it: --with REF, or target = REF in [branchmig]\n",
    )


def test_no_script_is_run(meeting: Checkout) -> None:
    mark = meeting.top / "was-run"
    for name in ("ddd4", "bbb2"):
        path = meeting.versions / f"{name}.py"
        source = path.read_text() if path.exists() else meeting.git("show", f"main:migrations/versions/{name}.py")
        path.write_text(f"open({str(mark)!r}, 'w')\n{source}")
    (meeting.migrations / "env.py").write_text(f"open({str(mark)!r}, 'w')\n")
    assert meeting.branchmig("conflicts").exit_code == 1
    assert not mark.exists()


def test_text_stops_at_fifty_findings_of_a_level(meeting: Checkout) -> None:
    columns = "\n".join(f"op.add_column('users', sa.Column('c{number:02}', sa.Integer()))" for number in range(60))
    meeting.revision("ddd4", "aaa1", upgrade=columns)
    meeting.commit()
    meeting.git("switch", "--quiet", "main")
    meeting.revision("ccc3", "bbb2", upgrade=columns)
    meeting.commit()
    told = meeting.branchmig("conflicts", "feature")
    assert told.lines[-2:] == [
        "and 10 more; --format json has all",
        "60 conflicts, 0 where the order matters, 0 that cannot be read: 1 revision of feature, 2 of main, since aaa1",
    ]
    assert sum(line.startswith("conflict: ") for line in told.lines) == 50


def test_a_process_of_its_own_loads_no_sqlalchemy_no_alembic_and_no_networkx(meeting: Checkout) -> None:
    heavy = "{'alembic', 'sqlalchemy', 'networkx'}"
    code = f"import sys; from branchmig import cli; cli.run(['conflicts']); print({heavy} & {{*sys.modules}})"
    done = meeting.process(python=(sys.executable, "-P", "-c", code, "--"))
    assert done.stdout.splitlines()[-1] == "set()"


def test_guard_names_conflicts_of_a_merge_that_is_looked_at(meeting: Checkout) -> None:
    told = json.loads(meeting.branchmig("guard", "--merged-with", "main", "--format", "json").stdout)
    assert [problem for problem in told["problems"] if problem["code"] != "multiple-heads"] == [
        {
            "code": "conflicting-revisions",
            "message": "both add column users.email: the second of the two fails "
            "(migrations/versions/ddd4.py:18, migrations/versions/bbb2.py:18)",
            "hint": "change one of the two; all of it: branchmig conflicts worktree --with main",
            "revisions": ["ddd4", "bbb2"],
            "paths": ["migrations/versions/ddd4.py", "migrations/versions/bbb2.py"],
        }
    ]
    alone = json.loads(meeting.branchmig("guard", "--format", "json").stdout)
    assert alone["problems"] == []


def test_guard_marks_the_lines_of_a_conflict_on_github(meeting: Checkout) -> None:
    lines = meeting.branchmig("guard", "--at", "feature", "--merged-with", "main", "--format", "github").lines
    assert [line.partition("::both")[0] for line in lines if "conflicting" in line] == [
        f"::error file=migrations/versions/{name}.py,line=18,title=branchmig conflicting-revisions"
        for name in ("ddd4", "bbb2")
    ]


def test_guard_says_nothing_of_order_and_of_what_cannot_be_read(meeting: Checkout) -> None:
    meeting.revision("ddd4", "aaa1", upgrade=f"{OTHER_UPDATE}\n{HELPER}")
    told = json.loads(meeting.branchmig("guard", "--merged-with", "main", "--format", "json").stdout)
    assert [problem["code"] for problem in told["problems"]] == ["multiple-heads"]


def test_forecast_marks_the_pairs_whose_revisions_are_in_conflict(meeting: Checkout) -> None:
    meeting.git("branch", "--quiet", "-D", "main")
    meeting.git("branch", "--quiet", "main", "feature")
    for name, upgrade in (("x", "op.drop_table('users')"), ("y", ADD.replace("email", "age")), ("z", "pass")):
        meeting.git("switch", "--quiet", "--create", f"add-{name}", "main")
        meeting.revision(f"{name}{name}{name}1", "ddd4", upgrade=upgrade)
        meeting.commit()
    # It stands on add-y, and has its revision too.
    meeting.git("switch", "--quiet", "--create", "on-y", "add-y")
    meeting.revision("vvv1", "yyy1")
    meeting.commit()
    told = json.loads(meeting.branchmig("forecast", "--format", "json").stdout)
    assert {tuple(pair["branches"]): pair["conflicts"] for pair in told["pairs"]} == {
        ("add-x", "add-y"): ["table users"],
        ("add-x", "add-z"): [],
        ("add-x", "on-y"): ["table users"],
        ("add-y", "add-z"): [],
        ("add-z", "on-y"): [],
    }
    assert "  add-x + each of add-y, on-y: in conflict over table users" in meeting.branchmig("forecast").lines


RENAMED = "op.alter_column('t', 'a', new_column_name='b')"
INDEXED = "op.create_index('ix_a', 't', ['a'])"
TABLE = "op.create_table('t', sa.Column('id', sa.Integer(), primary_key=True), sa.Column('a', sa.Integer()))"


@pytest.fixture
def merging(repo: Checkout) -> Checkout:
    """main renames t.a, feature indexes it by its old name; main is being merged into feature."""
    repo.revision("aaa1", upgrade=TABLE)
    repo.commit("base")
    repo.git("branch", "feature")
    repo.revision("bbb2", "aaa1", upgrade=RENAMED)
    repo.commit("rename")
    repo.git("switch", "--quiet", "feature")
    repo.revision("ccc3", "aaa1", upgrade=INDEXED)
    repo.commit("index")
    repo.git("merge", "--quiet", "--no-commit", "main")
    return repo


def test_merge_refuses_heads_of_which_one_order_fails(merging: Checkout) -> None:
    before = sorted(merging.versions.iterdir())
    for arguments in (["merge"], ["merge", "heads", "-m", "both"], ["merge", "bbb2", "ccc3", "--dry-run"]):
        done = merging.branchmig(*arguments)
        assert done.exit_code == 1
        assert "error: bbb2 and ccc3 collide over column t.a: at least one order fails\n" in done.stderr
        assert "migrations/versions/ccc3.py:" in done.stderr
    assert sorted(merging.versions.iterdir()) == before
    assert merging.branchmig("merge", "--force").exit_code == 0


def test_the_lines_below_a_merge_revision_are_compared_once_the_target_is_merged_in(merging: Checkout) -> None:
    assert merging.branchmig("merge", "--force", "--rev-id", "mmm9").exit_code == 0
    merging.commit("merge main")
    done = merging.branchmig("conflicts", "--format", "json", "--prove")
    document = json.loads(done.stdout)
    assert (done.exit_code, document["ours"], document["theirs"]) == (1, ["ccc3"], ["bbb2"])
    assert [(conflict["level"], conflict["object"]) for conflict in document["conflicts"]] == [
        ("conflict", "column t.a")
    ]
    assert document["proof"]["verdict"] == "fails"
    assert merging.branchmig("guard", "--merged-with", "main").exit_code == 1
    report = merging.branchmig("report", "--prove", "--check", "--format", "json", "--no-sql")
    document = json.loads(report.stdout)
    assert (report.exit_code, document["ok"], document["proof"]["verdict"]) == (1, False, "fails")
    assert [problem["code"] for problem in document["problems"]] == ["conflicting-revisions"]


def problems_of(repo: Checkout, *arguments: str) -> list[str]:
    return [
        problem["code"] for problem in json.loads(repo.branchmig(*arguments, "--format", "json").stdout)["problems"]
    ]


def test_guard_and_forecast_compare_the_lines_below_a_merge_revision_that_has_not_landed(
    merging: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert merging.branchmig("merge", "--force", "--rev-id", "mmm9").exit_code == 0
    # Nothing is added to git yet.
    assert problems_of(merging, "guard") == ["conflicting-revisions"]
    merging.git("add", "--all")
    [problem] = json.loads(merging.branchmig("guard", "--at", "index", "--format", "json").stdout)["problems"]
    files = [f"migrations/versions/{name}" for name in ("ccc3.py", "bbb2.py", "mmm9_merge_main_and_feature.py")]
    assert problem == {
        "code": "conflicting-revisions",
        "message": "ours creates index ix_a on t, theirs renames column t.a to b: an index or constraint follows the "
        f"column if it is there first, and else fails ({files[0]}:18, {files[1]}:18); merge revision 'mmm9' joins them",
        "hint": "change one of the two, or say in the merge revision's file why it may stay: # branchmig: allow "
        "conflicting-revisions: REASON; all of it: branchmig conflicts index --with main",
        "revisions": ["ccc3", "bbb2", "mmm9"],
        "paths": files,
    }
    assert merging.branchmig("hooks", "run", "pre-commit").exit_code == 1
    merging.commit("merge main")
    asked = (["guard"], ["guard", "--at", "feature"], ["guard", "--at", "main", "--merged-with", "feature"])
    assert [problems_of(merging, *item) for item in asked] == [["conflicting-revisions"]] * 3
    assert "Open: conflicting-revisions" in merging.branchmig("status").stdout
    told = merging.branchmig("forecast", "--format", "json")
    [branch] = json.loads(told.stdout)["branches"]
    assert (told.exit_code, branch["conflicts"]) == (1, ["column t.a"])

    # Any of the three files may allow it.
    merge = merging.top / files[2]
    merge.write_text(f"# branchmig: allow conflicting-revisions: main is applied first\n{merge.read_text()}")
    merging.commit("allow it")
    assert [problems_of(merging, *item) for item in asked] == [[]] * 3
    assert merging.branchmig("forecast").exit_code == 0

    # What has landed is no longer asked for, and what only a push would land is.
    merge.write_text(merge.read_text().partition("\n")[2])
    merging.commit("do not allow it")
    before = merging.git("rev-parse", "main")
    merging.git("switch", "--quiet", "main")
    merging.git("merge", "--quiet", "--ff-only", "feature")
    assert problems_of(merging, "guard") == []
    given = f"refs/heads/main {merging.git('rev-parse', 'main')} refs/heads/main {before}\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
    push = merging.branchmig("hooks", "run", "pre-push", "origin", "url")
    assert (push.exit_code, "merge revision 'mmm9' joins them" in push.stderr) == (1, True)


def test_a_merge_revision_whose_lines_do_not_meet_is_proven(repo: Checkout) -> None:
    repo.fork()
    repo.git("merge", "--quiet", "--no-commit", "main")
    assert repo.branchmig("merge").exit_code == 0
    repo.commit("merge main")
    done = repo.branchmig("conflicts", "--prove")
    assert (done.exit_code, "commutes" in done.stdout) == (0, True)
    assert "no conflicts: 1 revision of worktree, 1 of main" in done.stdout


def test_an_empty_side_is_nothing_to_compare(parted: Checkout) -> None:
    parted.git("switch", "--quiet", "--create", "ahead", "main")
    parted.revision("ddd4", "bbb2")
    plain = parted.branchmig("conflicts")
    assert (plain.exit_code, plain.lines) == (0, ["nothing to compare: 1 revision of worktree, 0 of main, since bbb2"])
    proven = parted.branchmig("conflicts", "--prove", "--format", "json")
    assert (proven.exit_code, json.loads(proven.stdout)["proof"]["verdict"]) == (3, "nothing-to-compare")
    checked = parted.branchmig("report", "--prove", "--check", "--no-sql")
    assert (checked.exit_code, "Proof: nothing-to-compare" in checked.stdout) == (0, True)


def test_a_branch_behind_merges_of_merges_is_compared(repo: Checkout) -> None:
    """main - a; f1, f2, f3 - r1, r2, r3 on a; m12 joins two, m123 all: a branch at a has nothing of these."""
    repo.table("aaaa")
    repo.commit("a")
    repo.git("branch", "behind")
    for number in "123":
        repo.git("switch", "--quiet", "-c", f"f{number}", "behind")
        repo.table(f"rrr{number}", "aaaa")
        repo.commit(f"r{number}")
    for branch, merged, revision, parents in (
        ("f2", "f1", "m12x", ("rrr1", "rrr2")),
        ("f3", "f2", "m123", ("rrr3", "m12x")),
    ):
        repo.git("switch", "--quiet", branch)
        repo.git("merge", "--quiet", "--no-edit", merged)
        repo.revision(revision, *parents)
        repo.commit(f"merge {merged}")
    repo.git("branch", "--force", "main", "f3")
    repo.git("switch", "--quiet", "behind")
    summary = "no conflicts: 4 revisions below merge revisions m123, m12x, since aaaa"
    for place in ("worktree", "f1"):
        found = repo.branchmig("conflicts", place, "--with", "main")
        assert (found.exit_code, found.stdout.splitlines()[-1].replace("m12x, m123", "m123, m12x")) == (0, summary)
    for command in (("guard", "--with", "main"), ("status",), ("report", "--no-sql"), ("fix", "--dry-run")):
        assert repo.branchmig(*command).exit_code == 0, command
    repo.git("switch", "--quiet", "main")
    assert json.loads(repo.branchmig("conflicts", "--with", "behind", "--format", "json").stdout)["base"] == ["aaaa"]
