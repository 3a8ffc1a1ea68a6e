"""`branchmig forecast` on real repositories: exact text, and every kind of branch."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.repositories import Checkout

if TYPE_CHECKING:
    from pathlib import Path


def branch(repo: Checkout, name: str, start: str = "main") -> None:
    repo.git("switch", "--quiet", "--create", name, start)


@pytest.fixture
def team(parted: Checkout) -> Checkout:
    """main: aaa1 ─ bbb2. feature: ccc3 beside bbb2. Others stand on bbb2."""
    for name, revision in (("add-x", "xxx1"), ("add-y", "yyy1")):
        branch(parted, name)
        parted.revision(revision, "bbb2")
        parted.commit()
    branch(parted, "docs")
    (parted.top / "notes.txt").write_text("x")
    parted.commit()
    parted.git("switch", "--quiet", "main")
    return parted


def test_each_branch_and_each_pair(team: Checkout) -> None:
    told = team.branchmig("forecast")
    assert (told.exit_code, told.stderr) == (1, "")
    assert (
        told.stdout
        == """\
into main (head bbb2):
  add-x: ok, head xxx1
  add-y: ok, head yyy1
  feature: 2 heads: bbb2, ccc3
      there: git merge main && branchmig merge
  1 other branch without new revisions

each lands alone, both do not:
  add-x + add-y: 2 heads: xxx1, yyy1
  land one, then on the other: git merge main && branchmig merge
"""
    )


def test_the_action_works(team: Checkout) -> None:
    team.git("switch", "--quiet", "feature")
    team.git("merge", "--quiet", "--no-edit", "main")
    assert team.branchmig("merge", "--rev-id", "mmm1").exit_code == 0
    team.commit()
    assert team.branchmig("forecast", "feature").lines == ["into main (head bbb2):", "  feature: ok, head mmm1"]
    team.git("switch", "--quiet", "main")
    team.git("merge", "--quiet", "--no-edit", "add-x")
    team.git("switch", "--quiet", "add-y")
    team.git("merge", "--quiet", "--no-edit", "main")
    assert team.branchmig("merge", "--rev-id", "mmm2").exit_code == 0
    team.commit()
    assert team.branchmig("forecast", "add-y").lines == ["into main (head xxx1):", "  add-y: ok, head mmm2"]


def test_json_has_the_whole(team: Checkout) -> None:
    team.git("branch", "--delete", "--force", "docs")
    told = json.loads(team.branchmig("forecast", "--format", "json").stdout)
    nothing = {
        **{key: [] for key in ("duplicates", "missing", "unreadable", "deleted", "rewritten", "not_linear")},
        "broken": [],
        "merge_conflicts": [],
        "conflicts": [],
        "reason": None,
    }
    fine = {"ok": True, **nothing, "action": None}
    assert told == {
        "version": 1,
        "into": "main",
        "heads": ["bbb2"],
        "branches": [
            {"branch": "add-x", "heads": ["xxx1"], **fine},
            {"branch": "add-y", "heads": ["yyy1"], **fine},
            {
                **fine,
                "branch": "feature",
                "heads": ["bbb2", "ccc3"],
                "ok": False,
                "action": "there: git merge main && branchmig merge",
            },
        ],
        "unchanged": [],
        "pairs": [
            {
                "branches": ["add-x", "add-y"],
                "ok": False,
                "heads": ["xxx1", "yyy1"],
                **nothing,
            }
        ],
    }


def test_only_the_branches_that_are_named(team: Checkout) -> None:
    told = team.branchmig("forecast", "add-x", "docs", "HEAD~1")
    assert (told.exit_code, told.stdout) == (
        0,
        "into main (head bbb2):\n  add-x: ok, head xxx1\n  2 other branches without new revisions\n",
    )
    missing = team.branchmig("forecast", "gone")
    assert (missing.exit_code, missing.stdout) == (3, "")
    assert missing.stderr == "error: git knows no ref or commit 'gone'\nhint:  git fetch, or see 'git branch --all'\n"


def test_duplicates_missing_parents_and_conflicts(parted: Checkout) -> None:
    branch(parted, "copied")
    parted.revision("bbb2", "aaa1", name="copy.py")
    parted.commit()
    branch(parted, "half")
    parted.revision("ddd4", "zzz9")
    parted.commit()
    branch(parted, "conflict", "main~1")
    parted.revision("aaa1", upgrade="x = 1")
    parted.commit()
    parted.git("switch", "--quiet", "main")
    parted.revision("aaa1", upgrade="x = 2")
    parted.commit()
    assert (
        parted.branchmig("forecast", "copied", "half", "conflict").stdout
        == """\
into main (head bbb2):
  copied: defined twice: bbb2
      give one of the two revisions another id, and rename its file
  half: parents missing: zzz9
      git merge main there, and resolve the conflicts
  conflict: cannot be read: migrations/versions/aaa1.py
      git merge main there, and resolve the conflicts
"""
    )


def test_two_branches_that_bring_the_same_id(parted: Checkout) -> None:
    for name in ("one", "two"):
        branch(parted, name)
        parted.revision("ddd4", "bbb2", message=name, name=f"{name}.py")
        parted.commit()
    assert parted.branchmig("forecast", "one", "two").lines[-3:] == [
        "each lands alone, both do not:",
        "  one + two: defined twice: ddd4",
        "  land one, then on the other: git merge main && branchmig merge",
    ]


def test_a_branch_that_deletes_a_parent(parted: Checkout) -> None:
    branch(parted, "tidy")
    (parted.versions / "aaa1.py").unlink()
    parted.commit()
    assert parted.branchmig("forecast", "tidy").lines[1:] == [
        "  tidy: deleted: aaa1",
        "      restore them there, and write a new revision: branchmig guard --at tidy --target main",
    ]


@pytest.mark.soak
def test_every_rule_of_guard_applies(parted: Checkout) -> None:
    """Each branch alone breaks one rule; guard and forecast agree on each."""
    parted.git("switch", "--quiet", "main")
    with (parted.root / "alembic.ini").open("a") as file:
        file.write("[branchmig]\njournal = true\n")
    parted.commit()
    for name, change in (
        ("reverts", (parted.versions / "bbb2.py").unlink),
        ("rewrites", lambda: parted.revision("bbb2", "aaa1", upgrade="x = 1")),
        ("comments", lambda: parted.revision("bbb2", "aaa1", message="in other words")),
        ("clashes", lambda: parted.table("ccc9", "aaa1", name="other.py")),
        ("depends", lambda: parted.revision("ddd4", "bbb2", depends_on=("gone",))),
        ("turns", lambda: [parted.revision("eee5", "fff6"), parted.revision("fff6", "eee5")]),
        ("journal", lambda: parted.revision("ggg7", "bbb2", upgrade="op.drop_table('branchmig_journal')")),
        ("unused", lambda: parted.revision("hhh8", "bbb2", upgrade="pass  # branchmig: allow rewritten-revision: so")),
        ("unreasoned", lambda: parted.revision("iii9", "bbb2", upgrade="pass  # branchmig: allow multiple-heads")),
        ("waived", lambda: parted.revision("jjj1", "aaa1", upgrade="pass  # branchmig: allow multiple-heads: so")),
    ):
        branch(parted, name)
        change()
        parted.commit()
    parted.git("switch", "--quiet", "main")
    answer = parted.branchmig("forecast", "reverts", "rewrites", "comments")
    assert answer.lines == [
        "into main (head bbb2):",
        "  reverts: deleted: bbb2",
        "      restore them there, and write a new revision: branchmig guard --at reverts --target main",
        "  rewrites: rewritten: bbb2",
        "      restore them there, and write a new revision: branchmig guard --at rewrites --target main",
        "  comments: ok, head bbb2",
    ]
    assert [line.partition(":")[0] for line in parted.branchmig("forecast", "journal", "unused", "waived").lines] == [
        "into main (head bbb2)",
        "  journal",
        "      correct it there",
        "  unused",
        "      correct it there",
        "  waived",
    ]
    more = ("clashes", "depends", "turns", "journal", "unused", "unreasoned", "waived")
    for name in ("reverts", "rewrites", "comments", *more):
        exits = [
            parted.branchmig(*words).exit_code
            for words in (("forecast", name), ("guard", "--at", "main", "--merged-with", name))
        ]
        assert exits[0] == exits[1], name


@pytest.mark.parametrize("policy", ["linear", "one-head-per-label"])
def test_the_policy_of_the_target_counts(parted: Checkout, policy: str) -> None:
    parted.git("switch", "--quiet", "main")
    with (parted.root / "alembic.ini").open("a") as file:
        file.write(f"[branchmig]\npolicy = {policy}\n")
    parted.revision("exp1", "bbb2", labels=("expand",))
    parted.commit()
    for name, revision, parents, labels in (
        ("contract", "con1", ("bbb2",), ("contract",)),
        ("expand-more", "exp2", ("bbb2",), ("expand",)),
        ("on-top", "top1", ("exp1",), ()),
    ):
        branch(parted, name)
        parted.revision(revision, *parents, labels=labels)
        parted.commit()
    parted.git("switch", "--quiet", "main")
    for name in ("contract", "expand-more", "on-top"):
        answer = json.loads(parted.branchmig("forecast", name, "--format", "json").stdout)
        verdict = parted.branchmig("guard", "--at", "main", "--merged-with", name)
        assert answer["branches"][0]["ok"] is (verdict.exit_code == 0), (name, verdict)
    assert parted.branchmig("forecast", "on-top").exit_code == 0


def test_what_git_cannot_merge_is_said_in_its_words(parted: Checkout) -> None:
    branch(parted, "deletes")
    (parted.versions / "bbb2.py").unlink()
    parted.commit()
    parted.git("switch", "--quiet", "main")
    parted.revision("bbb2", "aaa1", upgrade="pass  # more words")
    parted.commit()
    answer = parted.branchmig("forecast", "deletes")
    assert answer.exit_code == 1
    assert (
        "CONFLICT (modify/delete): migrations/versions/bbb2.py deleted in deletes and modified in the target."
        in answer.stdout
    )


def test_a_branch_that_git_cannot_merge_is_named_and_the_others_go_on(team: Checkout) -> None:
    """A blob that only one branch needs is not there, as in a partial clone without its remote."""
    team.git("switch", "--quiet", "add-x")
    (team.top / "big.txt").write_text("x\n" * 10)
    team.commit()
    team.git("switch", "--quiet", "main")
    (team.top / "big.txt").write_text("y\n" * 10)
    team.commit()
    blob = team.git("rev-parse", "add-x:big.txt")
    (team.top / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    answer = team.branchmig("forecast")
    assert answer.exit_code == 1
    assert answer.lines[1].startswith("  add-x: cannot tell: git cannot merge the two: ")
    assert "  add-y: ok, head yyy1" in answer.lines
    assert team.branchmig("forecast", "add-x", "add-y").exit_code == 3


def test_a_branch_that_moved_the_revisions_is_looked_at_where_they_are(team: Checkout) -> None:
    branch(team, "renames")
    team.git("mv", "migrations", "db")
    ini = team.root / "alembic.ini"
    ini.write_text(ini.read_text().replace("/migrations", "/db"))
    text = (team.root / "db/versions/bbb2.py").read_text()
    (team.root / "db/versions/zzz1.py").write_text(text.replace("'aaa1'", "'zzz0'").replace("'bbb2'", "'zzz1'"))
    (team.root / "db/versions/zzz0.py").write_text(text.replace("'bbb2'", "'zzz0'"))
    team.commit()
    team.git("switch", "--quiet", "main")
    assert "  renames: 2 heads: bbb2, zzz1" in team.branchmig("forecast", "renames").lines


def test_a_branch_of_another_history_is_no_obstacle(team: Checkout) -> None:
    team.git("switch", "--quiet", "--orphan", "gh-pages")
    (team.top / "index.html").write_text("x")
    team.commit()
    team.git("switch", "--quiet", "main")
    told = team.branchmig("forecast")
    assert "  2 other branches without new revisions" in told.lines
    assert "gh-pages" not in told.stdout


def test_a_remote_branch_that_a_local_one_equals_comes_once(team: Checkout, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    team.git("clone", "--quiet", str(team.top), str(clone))
    team.git("branch", "--quiet", "--track", "add-x", "origin/add-x", cwd=clone)
    done = team.process("forecast", cwd=clone)
    assert (
        done.stdout
        == """\
into origin/main (head bbb2):
  add-x: ok, head xxx1
  origin/add-y: ok, head yyy1
  origin/feature: 2 heads: bbb2, ccc3
      there: git merge origin/main && branchmig merge
  1 other branch without new revisions

each lands alone, both do not:
  add-x + origin/add-y: 2 heads: xxx1, yyy1
  land one, then on the other: git merge origin/main && branchmig merge
"""
    )


@pytest.mark.parametrize("way", ["option", "setting", "origin/HEAD", "main", "master"])
def test_the_target_is_chosen(parted: Checkout, way: str) -> None:
    if way != "main":
        parted.git("branch", "--move", "main", "master" if way == "master" else "trunk")
    options = ("--into", "trunk") if way == "option" else ()
    if way == "setting":
        with (parted.root / "alembic.ini").open("a") as file:
            file.write("[branchmig]\ntarget = trunk\n")
    if way == "origin/HEAD":
        parted.git("update-ref", "refs/remotes/origin/trunk", "trunk")
        parted.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
    name = {"main": "main", "master": "master", "origin/HEAD": "origin/trunk"}.get(way, "trunk")
    told = parted.branchmig("forecast", *options)
    assert told.lines[:2] == [f"into {name} (head bbb2):", "  feature: 2 heads: bbb2, ccc3"]


def test_no_target_is_no_answer(parted: Checkout) -> None:
    parted.git("branch", "--move", "main", "line")
    told = parted.branchmig("forecast")
    assert (told.exit_code, told.stdout) == (3, "")
    assert told.stderr == (
        "error: no git branch was found that the work lands in\n"
        "hint:  name it: --target REF, or target = REF in [branchmig]\n"
    )


def test_a_target_that_is_broken_is_no_answer(parted: Checkout) -> None:
    parted.git("switch", "--quiet", "main")
    parted.revision("bbb2", "zzz9")
    parted.commit()
    told = parted.branchmig("forecast")
    assert (told.exit_code, told.stdout) == (3, "")
    assert "down_revision 'zzz9' of revision 'bbb2' does not exist" in told.stderr


def many_branches(repo: Checkout, count: int, names: str = "refs/heads/b") -> None:
    """Make branches from main, each with a revision of its own, in one git process."""
    main = repo.git("rev-parse", "main")
    text = (repo.versions / "aaa1.py").read_text()
    lines = []
    for number in range(count):
        source = text.replace("'aaa1'", f"'n{number:03}'").replace("down_revision = None", "down_revision = 'bbb2'")
        size = len(source.encode())
        lines.append(
            f"commit {names}{number:03}\ncommitter C <c@example.com> 1767600000 +0000\ndata 1\nx\nfrom {main}\n"
            f"M 100644 inline migrations/versions/n{number:03}.py\ndata {size}\n{source}\n"
        )
    repo.git("fast-import", "--quiet", stdin="\n".join(lines).encode())


def test_sixty_branches_are_previewed_in_few_processes(parted: Checkout, tmp_path: Path) -> None:
    many_branches(parted, 60)
    log = tmp_path / "log"
    done = parted.process("forecast", env={"GIT_TRACE": str(log)})
    lines = done.stdout.splitlines()
    assert lines == [
        "into main (head bbb2):",
        "  b000, b001, b002, b003 and 56 more: ok",
        "  feature: 2 heads: bbb2, ccc3",
        "      there: git merge main && branchmig merge",
        "",
        "each lands alone, both do not:",
        "  b000 + b001 + b002 + b003 and 56 more: several heads",
        "  land one, then on the other: git merge main && branchmig merge",
        "  an order for all of them: branchmig train --target main",
    ]
    assert log.read_text().count("trace: built-in: git") <= 15
    pairs = json.loads(parted.branchmig("forecast", "--format", "json").stdout)["pairs"]
    assert len(pairs) == 60 * 59 // 2


def test_sixty_branches_of_every_kind_are_told_in_groups(parted: Checkout) -> None:
    """Of six kinds ten each: a group is one line, and so is each conflict, with all that are in it."""
    parted.git("switch", "--quiet", "main")
    text = (parted.versions / "aaa1.py").read_text()
    made, kinds = [], ("fine", "stale", "table", "missing", "copied", "deleted")
    for number in range(60):
        kind, revision = kinds[number % 6], f"n{number:03}"
        parent = {"stale": "aaa1", "missing": f"gone{number}"}.get(kind, "bbb2")
        table = f"op.create_table('t{number // 30}', sa.Column('id', sa.Integer))"
        source = text.replace("'aaa1'", repr(revision)).replace("revision = None", f"revision = {parent!r}", 1)
        source = source.replace("    pass\n", f"    {table}\n", 1) if kind == "table" else source
        copy = text.replace("'aaa1'", "'bbb2'")
        more = f"M 100644 inline migrations/versions/copy.py\ndata {len(copy)}\n{copy}\n" if kind == "copied" else ""
        more += "D migrations/versions/aaa1.py\n" if kind == "deleted" else ""
        made.append(
            f"commit refs/heads/{kind}{number:02}\ncommitter C <c@example.com> 1767600000 +0000\ndata 1\nx\n"
            f"from refs/heads/main^0\nM 100644 inline migrations/versions/{revision}.py\ndata {len(source)}\n"
            f"{source}\n{more}"
        )
    parted.git("fast-import", "--quiet", stdin="\n".join(made).encode())
    assert parted.branchmig("forecast").lines == [
        "into main (head bbb2):",
        "  fine00, fine06, fine12, fine18 and 16 more: ok",
        "  feature, stale01, stale07, stale13 and 7 more: several heads",
        "      there: git merge main && branchmig merge",
        "  copied04, copied10, copied16, copied22 and 6 more: defined twice: bbb2",
        "      give one of the two revisions another id, and rename its file",
        "  deleted05, deleted11, deleted17, deleted23 and 6 more: deleted: aaa1",
        "      restore them there, and write a new revision: branchmig guard --at deleted05 --target main",
        "  missing03, missing09, missing15, missing21 and 6 more: parents missing",
        "      git merge main there, and resolve the conflicts",
        "",
        "each lands alone, both do not:",
        "  table02 + table08 + table14 + table20 and 1 more: in conflict over table t0",
        "  table32 + table38 + table44 + table50 and 1 more: in conflict over table t1",
        "  fine00 + fine06 + fine12 + fine18 and 16 more: several heads",
        "  land one, then on the other: git merge main && branchmig merge",
        "  an order for all of them: branchmig train --target main",
    ]


@pytest.mark.soak
def test_four_hundred_branches_over_ten_thousand_revisions(tmp_path: Path) -> None:
    from benchmarks.history import write_project

    repo = Checkout(tmp_path / "repo")
    for path in (repo.root / "alembic.ini", repo.migrations / "env.py", repo.migrations / "script.py.mako"):
        path.unlink()
    repo.versions.rmdir()
    repo.migrations.rmdir()
    write_project(repo.root, "linear", 10_000)
    head = repo.heads()[0]
    (repo.versions / "aaa1.py").write_text("revision = 'aaa1'\ndown_revision = None\n")
    (repo.versions / "bbb2.py").write_text(f"revision = 'bbb2'\ndown_revision = ('aaa1', {head!r})\n")
    repo.commit()
    many_branches(repo, 400)
    before = os.times()
    done = repo.process("forecast")
    after = os.times()
    assert done.stdout.startswith("into main (head bbb2):\n  b000, b001, b002, b003 and 396 more: ok\n")
    assert after.children_user + after.children_system - before.children_user - before.children_system < 15


def test_a_name_that_is_both_a_branch_and_a_tag_is_refused(parted: Checkout) -> None:
    """git would take the tag, and a forecast of all branches the branch."""
    parted.git("tag", "feature", "main")
    for words in (("forecast", "feature"), ("guard", "--at", "feature"), ("guard", "--merged-with", "feature")):
        told = parted.branchmig(*words)
        assert (told.exit_code, told.stderr) == (
            3,
            "error: 'feature' is both a branch and a tag, at two commits\n"
            "hint:  write refs/heads/feature, or refs/tags/feature\n",
        ), words
    assert parted.branchmig("guard").exit_code == 0
    every, item = (parted.branchmig("forecast", *names).lines for names in ((), ("refs/heads/feature",)))
    assert [line.strip() for line in every][1] == [line.strip() for line in item][1].removeprefix("refs/heads/")
    parted.git("tag", "--force", "feature", "refs/heads/feature")
    assert parted.branchmig("forecast", "feature").exit_code == 1


def test_what_guard_allows_forecast_allows(parted: Checkout) -> None:
    """A waived rewriting and a squash that names what it replaces may land; without their words they may not."""
    parted.git("switch", "--quiet", "main")
    parted.revision("sss3", "bbb2")
    parted.commit()
    branch(parted, "waived")
    path = parted.revision("aaa1", upgrade="op.execute('select 2')")
    parted.commit("rewritten")
    branch(parted, "plain", "waived")
    parted.git("switch", "--quiet", "waived")
    path.write_text(f"# branchmig: allow rewritten-revision: no database has it\n{path.read_text()}")
    parted.commit("allowed")
    branch(parted, "squash")
    (parted.versions / "bbb2.py").unlink()
    squash = parted.revision("sss3", "aaa1", upgrade="op.execute('select 3')")
    squash.write_text(f"replaces = ('bbb2',)\n{squash.read_text()}")
    parted.commit("squashed")
    told = parted.branchmig("forecast", "waived", "squash", "plain")
    assert [line.strip() for line in told.lines if line.startswith("  ") and line[2] != " "] == [
        "waived: ok, head sss3",
        "squash: ok, head sss3",
        "plain: rewritten: aaa1",
    ]


def test_a_branch_whose_files_the_remote_keeps_does_not_end_the_others(parted: Checkout, tmp_path: Path) -> None:
    branch(parted, "far", "feature")
    parted.revision("fff6", "ccc3")
    # Its settings are at the remote, too: to ask for their ids must not fetch them.
    (parted.root / "alembic.ini").write_text(f"# far\n{(parted.root / 'alembic.ini').read_text()}")
    parted.commit()
    parted.git("switch", "--quiet", "main")
    parted.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    parted.git("clone", "--quiet", "--filter=blob:none", f"file://{parted.top}", str(clone))
    parted.git("switch", "--quiet", "--create", "near", cwd=clone)
    (clone / "migrations/versions/nnn7.py").write_text(
        (parted.versions / "bbb2.py").read_text().replace("aaa1", "x").replace("bbb2", "nnn7").replace("'x'", "'bbb2'")
    )
    parted.git("add", "--all", cwd=clone)
    parted.git("commit", "--quiet", "-m", "near", cwd=clone)
    parted.git("remote", "set-url", "origin", "file:///nowhere", cwd=clone)
    told = parted.process("forecast", "near", "origin/far", cwd=clone)
    lines = told.stdout.splitlines()
    assert (told.returncode, lines[1]) == (3, "  near: ok, head nnn7"), told
    assert lines[2].startswith("  origin/far: cannot tell: ")
    assert lines[3:] == []


def test_two_branches_with_one_revision_that_one_of_them_rewrites(parted: Checkout) -> None:
    """fix stands on release and changes rel1: git merges both in either order, and a database has one of the two."""
    parted.git("switch", "--quiet", "--create", "release", "main")
    parted.revision("rel1", "bbb2")
    parted.commit()
    for name, upgrade in (("fix", "x = 1"), ("formatted", "pass  # nothing")):
        parted.git("switch", "--quiet", "--create", name, "release")
        parted.revision("rel1", "bbb2", upgrade=upgrade)
        parted.commit()
    told = json.loads(parted.branchmig("forecast", "fix", "formatted", "release", "--format", "json").stdout)
    assert [(pair["branches"], pair["conflicts"]) for pair in told["pairs"]] == [
        (["fix", "formatted"], ["revision rel1"]),
        (["fix", "release"], ["revision rel1"]),
    ]


def test_a_pair_that_cannot_land_is_no_yes(parted: Checkout) -> None:
    parted.git("switch", "--quiet", "--create", "other", "main")
    parted.revision("ddd4", "bbb2")
    parted.commit()
    parted.git("switch", "--quiet", "--create", "third", "main")
    parted.revision("eee5", "bbb2")
    parted.commit()
    for branch in ("other", "third"):
        assert parted.branchmig("forecast", branch, "--target", "main").exit_code == 0
    assert parted.branchmig("forecast", "other", "third", "--target", "main").exit_code == 1
