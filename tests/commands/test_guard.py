"""`branchmig guard` on real repositories: each rule broken and kept, in every format, with its exit code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from junitparser import JUnitXml

from branchmig.effects.hazard_rules import Rule
from branchmig.effects.hazards import Hazard
from branchmig.workflows import hazards
from tests.repositories import ROOT, Checkout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from branchmig.effects.change import Change


def set_policy(repo: Checkout, policy: str, target: str = "") -> None:
    with (repo.root / "alembic.ini").open("a") as file:
        file.write(f"\n[branchmig]\npolicy = {policy}\ntarget = {target}\n")


def codes(repo: Checkout, *options: str) -> list[str]:
    """Return the codes of the rules that are broken."""
    told = repo.branchmig("guard", "--format", "json", *options)
    document = json.loads(told.stdout)
    found = [problem["code"] for problem in document["problems"]]
    code = 1 if found else 3 if document["unchecked"] else 0
    assert (told.exit_code, document["ok"]) == (code, code == 0), told
    return found


def unchecked(repo: Checkout, *options: str) -> list[str]:
    """Return the codes of the rules that could not be checked."""
    document = json.loads(repo.branchmig("guard", "--format", "json", *options).stdout)
    return [rule["code"] for rule in document["unchecked"]]


def test_a_sound_graph(parted: Checkout) -> None:
    told = parted.branchmig("guard")
    assert (told.exit_code, told.stdout, told.stderr) == (0, "ok: one head, ccc3\n", "")


def test_no_revisions_are_a_sound_graph(repo: Checkout) -> None:
    assert repo.branchmig("guard").stdout == "ok: no revisions\n"


# --- multiple-heads


def test_two_heads_are_named_with_branch_commit_and_author(parted: Checkout) -> None:
    ours, theirs = parted.git("rev-parse", "feature"), parted.git("rev-parse", "main")
    told = parted.branchmig("guard", "--merged-with", "main")
    assert (told.exit_code, told.stderr) == (1, "")
    assert told.stdout == (
        f"multiple-heads: 2 heads: bbb2 (step bbb2; main, {theirs[:10]} by Ada Author); "
        f"ccc3 (step ccc3; feature, {ours[:10]} by Ada Author)\n"
        "    migrations/versions/bbb2.py\n"
        "    migrations/versions/ccc3.py\n"
        "    hint: join them: branchmig merge; or put yours on top: branchmig rebase\n"
    )


def test_a_head_that_is_not_committed_says_so(parted: Checkout) -> None:
    parted.revision("ddd4", "aaa1", message="new\nsecond line")
    commit = parted.git("rev-parse", "feature")
    assert parted.branchmig("guard").lines[0] == (
        f"multiple-heads: 2 heads: ccc3 (step ccc3; feature, {commit[:10]} by Ada Author); "
        "ddd4 (new; not committed yet, on feature)"
    )
    parted.git("switch", "--quiet", "--detach")
    assert parted.branchmig("guard").lines[0].endswith("ddd4 (new; not committed yet)")


def test_without_git_heads_are_named_by_what_they_do(parted: Checkout) -> None:
    shutil.rmtree(parted.top / ".git")
    parted.revision("ddd4", "aaa1")
    assert parted.branchmig("guard").lines[0] == "multiple-heads: 2 heads: ccc3 (step ccc3); ddd4 (step ddd4)"


def test_a_policy_allows_a_head_for_each_label(repo: Checkout) -> None:
    repo.revision("eee1", labels=("expand",))
    repo.revision("ccc1", labels=("contract",))
    repo.commit()
    assert codes(repo) == ["multiple-heads"]
    set_policy(repo, "one-head-per-label")
    assert codes(repo) == []
    assert repo.branchmig("guard").stdout == "ok: ccc1, eee1\n"
    repo.revision("eee2", "eee1")
    repo.revision("eee3", "eee1")
    assert codes(repo) == ["multiple-heads"]
    assert "2 heads: eee2 (" in repo.branchmig("guard").stdout


# --- the graph itself


def test_a_copied_revision(parted: Checkout) -> None:
    parted.revision("ccc3", "aaa1", name="copy.py")
    assert codes(parted, "--at", "index") == []
    assert codes(parted) == ["duplicate-revision"]


def test_a_missing_parent_is_told_once_and_not_as_a_deletion(parted: Checkout) -> None:
    parted.revision("ddd4", "zzz9")
    assert codes(parted) == ["missing-parent"]


def test_a_cycle(parted: Checkout) -> None:
    parted.revision("ccc3", "ddd4")
    parted.revision("ddd4", "ccc3")
    assert codes(parted) == ["cycle"]


def test_a_file_that_cannot_be_read(parted: Checkout) -> None:
    path = parted.revision("ddd4", "ccc3")
    path.write_text("revision = 'ddd4'\ndown_revision = parent()\n")
    assert codes(parted) == ["unreadable-revision"]
    assert "unreadable-revision: migrations/versions/ddd4.py:2: down_revision is computed" in (
        parted.branchmig("guard").stdout
    )


def test_a_settled_file_that_cannot_be_read_is_not_told_as_deleted(parted: Checkout) -> None:
    (parted.versions / "aaa1.py").write_text("revision = f()\ndown_revision = None\n")
    assert "deleted-revision" not in codes(parted)


def test_conflict_markers_in_a_body_leave_the_heads_known(parted: Checkout) -> None:
    path = parted.revision("ddd4", "ccc3")
    marked = "def upgrade():\n<<<<<<< HEAD\n    pass\n=======\n    return\n>>>>>>> main\n"
    path.write_text(path.read_text().replace("def upgrade():\n    pass\n", marked))
    line = path.read_text().split("\n").index("<<<<<<< HEAD") + 1
    told = json.loads(parted.branchmig("guard", "--format", "json").stdout)
    assert told["heads"] == ["ddd4"]
    assert [(problem["code"], problem["message"]) for problem in told["problems"]] == [
        ("conflict-markers", f"unresolved merge in migrations/versions/ddd4.py:{line}")
    ]


# --- what the target has


@pytest.fixture
def ahead(parted: Checkout) -> Checkout:
    """On feature, which has all of main: aaa1 ─ bbb2 ─ ccc3."""
    parted.git("switch", "--quiet", "--force-create", "feature", "main")
    parted.revision("ccc3", "bbb2")
    parted.commit()
    return parted


@pytest.mark.parametrize("at", ["worktree", "index", "HEAD"])
def test_a_settled_revision_was_rewritten(ahead: Checkout, at: str) -> None:
    ahead.revision("bbb2", "aaa1", upgrade="op.execute('select 1')")
    if at != "worktree":
        assert codes(ahead, "--at", at) == []
        ahead.git("add", ".")
    if at == "HEAD":
        ahead.commit()
    assert codes(ahead, "--at", at) == ["rewritten-revision"]
    assert ahead.branchmig("guard", "--at", at).stdout == (
        "rewritten-revision: revision 'bbb2' is on main, and its script was changed: migrations/versions/bbb2.py\n"
        "    migrations/versions/bbb2.py\n"
        "    hint: restore it, and write a new revision: databases that have it do not run it again; "
        "if no database has it, as after a failed run everywhere, say so in its file: "
        "# branchmig: allow rewritten-revision: REASON\n"
    )


def test_comments_formatting_and_docstrings_are_no_rewriting(ahead: Checkout) -> None:
    path = ahead.versions / "bbb2.py"
    text = path.read_text().replace("step bbb2", "reworded").replace("pass", "pass  # nothing")
    path.write_text(text.replace("'bbb2'", '"bbb2"'))
    path.rename(path.with_name("another_name.py"))
    assert codes(ahead) == []


def test_other_parents_and_another_id_are_rewriting(ahead: Checkout) -> None:
    ahead.revision("bbb2")
    assert "its parents became <base> (were aaa1)" in ahead.branchmig("guard").stdout
    ahead.revision("bbb9", "aaa1", name="bbb2.py")
    ahead.revision("ccc3", "bbb9")
    assert codes(ahead) == ["rewritten-revision"]
    assert "'bbb2' is on main, and its id became 'bbb9': migrations/versions/bbb2.py" in (
        ahead.branchmig("guard").stdout
    )


def test_what_the_target_has_rewritten_itself_is_not_this_branch_s_rewriting(parted: Checkout) -> None:
    parted.git("switch", "--quiet", "main")
    parted.revision("aaa1", upgrade="op.execute('SELECT 1')")
    parted.commit("on main")
    parted.git("switch", "--quiet", "feature")
    parted.git("merge", "--quiet", "--no-commit", "main")
    assert codes(parted, "--at", "index") == ["multiple-heads"]
    parted.revision("aaa1", upgrade="op.execute('SELECT 2')")
    assert codes(parted) == ["multiple-heads", "rewritten-revision"]


def test_a_settled_revision_was_deleted(ahead: Checkout) -> None:
    (ahead.versions / "bbb2.py").unlink()
    ahead.revision("ccc3", "aaa1")
    assert codes(ahead) == ["deleted-revision"]
    assert ahead.branchmig("guard").stdout == (
        "deleted-revision: revision 'bbb2' is on main, and its file was deleted: migrations/versions/bbb2.py\n"
        "    migrations/versions/bbb2.py\n"
        "    hint: restore it: git checkout main -- migrations/versions/bbb2.py; "
        "to undo what it did, write a new revision\n"
    )


def test_what_the_target_itself_gave_up_may_be_deleted(ahead: Checkout) -> None:
    ahead.git("switch", "--quiet", "main")
    (ahead.versions / "bbb2.py").unlink()
    ahead.commit()
    ahead.git("switch", "--quiet", "feature")
    (ahead.versions / "bbb2.py").unlink()
    ahead.revision("ccc3", "aaa1")
    assert codes(ahead) == []


def test_being_behind_the_target_is_no_deletion(parted: Checkout) -> None:
    assert codes(parted) == []
    parted.git("switch", "--quiet", "main")
    parted.revision("bbb2", "aaa1", upgrade="x = 1")
    parted.commit("main rewrote its own")
    parted.git("switch", "--quiet", "feature")
    assert codes(parted) == []


def test_a_revision_of_one_s_own_may_be_rewritten(parted: Checkout) -> None:
    parted.revision("ccc3", "aaa1", upgrade="x = 1")
    assert codes(parted) == []


def test_a_merge_must_keep_what_it_brings_in(parted: Checkout) -> None:
    """On feature, with main merged: what main has must stay as it is."""
    parted.revision("aaa1", upgrade="x = 1")
    assert codes(parted, "--merged-with", "main") == ["multiple-heads", "rewritten-revision"]


def test_a_branch_looked_at_as_merged_into_the_target_must_keep_what_the_target_has(parted: Checkout) -> None:
    parted.revision("aaa1", upgrade="x = 1")
    parted.commit()
    assert codes(parted, "--at", "main", "--merged-with", "feature") == ["multiple-heads", "rewritten-revision"]


_REF = "update-ref refs/remotes/{} line"
_HEAD = "symbolic-ref refs/remotes/{0}/HEAD refs/remotes/{0}/{1}"
WAYS = {
    "GITHUB_BASE_REF": ("origin/line", [_REF.format("origin/line")]),
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": ("line", []),
    "remote HEAD": ("origin/line", [_REF.format("origin/line"), _HEAD.format("origin", "line")]),
    "another remote": ("company/line", [_REF.format("company/line"), _HEAD.format("company", "line")]),
    "upstream": (
        "upstream/line",
        [_REF.format("upstream/line"), "update-ref refs/remotes/origin/line line~1", _HEAD.format("origin", "line")],
    ),
    "init.defaultBranch": ("line", ["config init.defaultBranch line"]),
    "a HEAD that leads nowhere": ("origin/main", [_REF.format("origin/main"), _HEAD.format("origin", "gone")]),
    "master": ("master", ["branch master line"]),
    "trunk": ("company/trunk", [_REF.format("company/trunk")]),
    "develop": ("develop", ["branch develop line"]),
}


@pytest.mark.parametrize("way", ["option", "setting", *WAYS])
def test_the_target_is_found(ahead: Checkout, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead.git("branch", "--move", "main", "line")
    ahead.revision("bbb2", "aaa1", upgrade="x = 1")
    assert (codes(ahead), unchecked(ahead)) == ([], ["rewritten-revision", "deleted-revision"])
    options = ["--target", "line"] if way == "option" else []
    if way == "setting":
        set_policy(ahead, "single-head", "line")
    elif way.isupper():
        monkeypatch.setenv(way, "line")
    name, commands = WAYS.get(way, ("line", []))
    for words in commands:
        ahead.git(*words.split())
    assert codes(ahead, *options) == ["rewritten-revision"]
    assert f"revision 'bbb2' is on {name}," in ahead.branchmig("guard", *options).stdout


def test_the_only_branch_is_its_own_target(repo: Checkout) -> None:
    repo.git("branch", "--move", "line")
    repo.revision("aaa1")
    assert (codes(repo), unchecked(repo)) == ([], [])  # nothing can have landed before the first commit
    repo.commit()
    assert (codes(repo), unchecked(repo)) == ([], [])
    repo.revision("aaa1", upgrade="x = 1")
    assert codes(repo) == ["rewritten-revision"]
    repo.git("branch", "another")
    assert unchecked(repo) == ["rewritten-revision", "deleted-revision"]


def test_what_ci_names_is_not_replaced_by_another_branch(ahead: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_BASE_REF", "release")
    told = ahead.branchmig("guard")
    assert (told.exit_code, told.stdout) == (
        3,
        "cannot tell: one head, ccc3\n"
        "not checked: rewritten-revision, deleted-revision: GITHUB_BASE_REF names 'release', and this clone does not "
        "have that branch; git fetch origin release:refs/remotes/origin/release\n",
    )
    set_policy(ahead, "linear")
    assert unchecked(ahead) == ["rewritten-revision", "deleted-revision", "not-linear"]
    ahead.revision("ddd4", "aaa1")
    assert codes(ahead) == ["multiple-heads"]  # what is wrong comes before what is not known
    assert unchecked(ahead) == ["rewritten-revision", "deleted-revision", "not-linear"]


@pytest.mark.parametrize("format_", ["github", "junit"])
def test_every_format_says_what_was_not_checked(ahead: Checkout, format_: str) -> None:
    told = ahead.branchmig("guard", "--format", format_)
    ahead.git("branch", "--move", "main", "line")
    unknown = ahead.branchmig("guard", "--format", format_)
    assert (told.exit_code, unknown.exit_code) == (0, 3)
    assert "deleted-revision" in unknown.stdout
    assert "deleted-revision" not in told.stdout
    assert "all rules hold" not in unknown.stdout


def test_a_target_that_is_not_there_is_no_answer(parted: Checkout) -> None:
    set_policy(parted, "single-head", "gone")
    told = parted.branchmig("guard")
    assert (told.exit_code, told.stdout) == (3, "")
    assert told.stderr == "error: git knows no ref or commit 'gone'\nhint:  git fetch, or see 'git branch --all'\n"


# --- linear


def test_a_line_is_kept_by_policy_alone(parted: Checkout) -> None:
    assert codes(parted) == []
    set_policy(parted, "linear")
    assert codes(parted) == ["not-linear"]
    assert parted.branchmig("guard").stdout == (
        "not-linear: revision 'ccc3' does not descend from main's head bbb2: migrations/versions/ccc3.py\n"
        "    migrations/versions/ccc3.py\n"
        "    hint: merge or rebase onto main, then set its down_revision to 'bbb2'\n"
    )
    parted.git("merge", "--quiet", "-m", "x", "main")
    parted.revision("mmm1", "bbb2", "ccc3")
    assert codes(parted) == ["not-linear", "not-linear"]
    (parted.versions / "mmm1.py").unlink()
    parted.revision("ccc3", "bbb2")
    assert codes(parted) == []


# --- formats


def test_json_is_whole(parted: Checkout) -> None:
    ours, theirs = parted.git("rev-parse", "feature")[:10], parted.git("rev-parse", "main")[:10]
    told = parted.branchmig("guard", "--merged-with", "main", "--format", "json")
    assert json.loads(told.stdout) == {
        "version": 1,
        "ok": False,
        "unchecked": [],
        "heads": ["bbb2", "ccc3"],
        "problems": [
            {
                "code": "multiple-heads",
                "message": f"2 heads: bbb2 (step bbb2; main, {theirs} by Ada Author); "
                f"ccc3 (step ccc3; feature, {ours} by Ada Author)",
                "hint": "join them: branchmig merge; or put yours on top: branchmig rebase",
                "revisions": ["bbb2", "ccc3"],
                "paths": ["migrations/versions/bbb2.py", "migrations/versions/ccc3.py"],
            }
        ],
        "waived": [],
    }
    assert json.loads(parted.branchmig("guard", "--format", "json").stdout) == {
        "version": 1,
        "ok": True,
        "unchecked": [],
        "heads": ["ccc3"],
        "problems": [],
        "waived": [],
    }


def test_github_annotates_files_from_the_top_and_escapes_what_it_reads(tmp_path: Path) -> None:
    repo = Checkout(tmp_path / "repo", "a,b")
    repo.revision("aaa1", message="100% ::error::\tand more", name="a:1,%.py")
    repo.revision("bbb2", name="b.py")
    told = repo.branchmig("guard", "--format", "github")
    text = (
        "2 heads: aaa1 (100%25 ::error::\tand more; not committed yet, on main); "
        "bbb2 (step bbb2; not committed yet, on main)"
        "%0Ajoin them: branchmig merge"
    )
    title = "title=branchmig multiple-heads"
    assert told.lines == [
        f"::error file=a%2Cb/migrations/versions/a%3A1%2C%25.py,line=1,{title}::{text}",
        f"::error file=a%2Cb/migrations/versions/b.py,line=1,{title}::{text}",
    ]
    assert told.exit_code == 1


def test_github_annotates_the_line_of_a_conflict(parted: Checkout) -> None:
    path = parted.revision("ddd4", "ccc3")
    path.write_text(path.read_text() + "<<<<<<< a\n=======\n>>>>>>> b\n")
    line = path.read_text().split("\n").index("<<<<<<< a") + 1
    assert parted.branchmig("guard", "--format", "github").lines == [
        f"::error file=migrations/versions/ddd4.py,line={line},title=branchmig conflict-markers"
        f"::unresolved merge in migrations/versions/ddd4.py:{line}%0Aresolve it"
    ]


def test_github_is_told_nothing_where_all_is_well(parted: Checkout) -> None:
    told = parted.branchmig("guard", "--format", "github")
    assert (told.exit_code, told.stdout) == (0, "")


def test_junit_can_be_read_by_its_library(parted: Checkout) -> None:
    sound = JUnitXml.fromstring(parted.branchmig("guard", "--format", "junit").stdout.encode())
    assert [(case.classname, case.name, case.is_passed) for suite in sound for case in suite] == [
        ("branchmig.planning.guard", "all rules hold", True)
    ]
    parted.revision("ccc4", "aaa1", message="a <tag> & \x0b control")
    broken = JUnitXml.fromstring(parted.branchmig("guard", "--format", "junit").stdout.encode())
    [case] = [case for suite in broken for case in suite]
    [failure] = case.result
    assert (case.classname, failure.message, failure.type) == (
        "branchmig.planning.guard.multiple-heads",
        "join them: branchmig merge; or put yours on top: branchmig rebase",
        "multiple-heads",
    )
    assert case.name.endswith("ccc4 (a <tag> & \ufffd control; not committed yet, on feature)")


# --- what it costs


def test_a_guard_that_is_content_imports_nothing_heavy(parted: Checkout) -> None:
    code = (
        "import sys\nfrom branchmig.cli import run\n"
        "assert run(['guard', '--at', 'index']) == 0\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & "
        "{'git', 'networkx', 'sqlalchemy', 'alembic', 'junitparser', 'mako'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=parted.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "ok: one head, ccc3\n[]\n", done


# --- waivers


def waive(repo: Checkout, name: str, comment: str) -> None:
    path = repo.versions / name
    path.write_text(f"{path.read_text()}\n# branchmig: allow {comment}\n")


@pytest.mark.parametrize("at", ["worktree", "index", "HEAD"])
def test_a_waiver_with_a_reason_lets_a_rewritten_revision_pass_and_is_shown(ahead: Checkout, at: str) -> None:
    ahead.revision("bbb2", "aaa1", upgrade="op.execute('select 1')")
    waive(ahead, "bbb2.py", "rewritten-revision: it never worked")
    if at != "worktree":
        ahead.git("add", ".")
    if at == "HEAD":
        ahead.commit()
    answer = ahead.branchmig("guard", "--at", at)
    assert (answer.exit_code, answer.lines) == (
        0,
        [
            "ok: one head, ccc3",
            "note: waived rewritten-revision: revision 'bbb2' is on main, and its script was changed: "
            "migrations/versions/bbb2.py",
            "    reason: it never worked",
        ],
    )
    document = json.loads(ahead.branchmig("guard", "--at", at, "--format", "json").stdout)
    assert (document["ok"], document["problems"]) == (True, [])
    assert document["waived"] == [
        {
            "code": "rewritten-revision",
            "message": "revision 'bbb2' is on main, and its script was changed: migrations/versions/bbb2.py",
            "paths": ["migrations/versions/bbb2.py"],
            "reason": "it never worked",
            "revisions": ["bbb2"],
        }
    ]
    assert ahead.branchmig("guard", "--at", at, "--format", "github").stdout.startswith("::notice file=")
    (suite,) = JUnitXml.fromstring(ahead.branchmig("guard", "--at", at, "--format", "junit").stdout)
    assert (suite.failures, suite.skipped) == (0, 1)


def test_a_waiver_without_a_reason_or_without_a_use_is_reported_until_it_has_landed(ahead: Checkout) -> None:
    ahead.revision("bbb2", "aaa1", upgrade="op.execute('select 1')")
    waive(ahead, "bbb2.py", "rewritten-revision")
    assert codes(ahead) == ["rewritten-revision", "waiver-without-reason"]
    ahead.git("checkout", "--", ".")
    waive(ahead, "bbb2.py", "rewritten-revision: why")
    assert codes(ahead) == ["unused-waiver"]
    ahead.commit()
    ahead.git("branch", "--force", "main")
    assert codes(ahead) == []


def test_two_heads_may_be_allowed_by_the_newer_one(parted: Checkout) -> None:
    assert codes(parted, "--merged-with", "main") == ["multiple-heads"]
    waive(parted, "ccc3.py", "multiple-heads: an expand and a contract line")
    assert codes(parted, "--merged-with", "main") == []


def test_a_backport_under_the_same_id_with_another_parent_is_another_revision(parted: Checkout) -> None:
    """main: aaa1 - bbb2 - ddd4. release/1.0: aaa1 - ddd4, cherry-picked; a database of one line skips the other's."""
    parted.git("switch", "--quiet", "main")
    parted.table("ddd4", "bbb2")
    parted.commit()
    parted.git("switch", "--quiet", "--create", "release/1.0", "main~2")
    parted.table("ddd4", "aaa1")
    parted.commit()
    told = parted.branchmig("guard")
    assert (told.exit_code, told.lines[0]) == (
        1,
        "diverged-revision: revision 'ddd4' is on main too, with parents bbb2 (here aaa1): migrations/versions/ddd4.py",
    )
    for options in (("--at", "release/1.0"), ("--at", "index"), ("--at", "main", "--merged-with", "release/1.0")):
        assert parted.branchmig("guard", *options).exit_code == 1, options
    for sides in (("release/1.0", "main"), ("main", "release/1.0")):
        answer = json.loads(
            parted.branchmig("conflicts", sides[0], "--merged-with", sides[1], "--format", "json").stdout
        )
        found = [(conflict["level"], conflict["object"]) for conflict in answer["conflicts"]]
        assert ("conflict", "revision ddd4") in found, answer


def test_one_revision_in_other_words_on_two_lines_is_one_revision(parted: Checkout) -> None:
    """The same file cherry-picked, with another docstring; and a revision of the base that main alone edited since."""
    parted.git("switch", "--quiet", "main")
    parted.table("ddd4", "aaa1")
    (parted.versions / "bbb2.py").unlink()
    parted.revision("aaa1", upgrade="x = 1")
    parted.commit()
    parted.git("switch", "--quiet", "--create", "release/1.0", "main~2")
    parted.table("ddd4", "aaa1", message="in other words")
    parted.commit()
    assert parted.branchmig("guard").exit_code == 0


def test_hazards_gate_by_their_severity_and_a_waiver_is_the_way_past(parted: Checkout) -> None:
    parted.git("merge", "--quiet", "--no-edit", "main")
    parted.revision("ccc3", "bbb2", upgrade="op.drop_column('users', 'age')\nop.execute('LOCK TABLE users')")
    ini = parted.root / "alembic.ini"
    text = ini.read_text()
    told = parted.branchmig("guard", "--hazards")
    assert (told.exit_code, told.lines[:2]) == (
        0,
        [
            "ok: one head, ccc3",
            "warning: drops-column (destroys): migrations/versions/ccc3.py:18: drops column users.age: its values are "
            "gone, and code that still runs reads it",
        ],
    )
    ini.write_text(f"{text}\n[branchmig]\nhazards = drops-column=error, locks=off\n")
    told = parted.branchmig("guard", "--hazards", "--format", "json")
    document = json.loads(told.stdout)
    assert (told.exit_code, document["ok"]) == (1, False)
    assert [(problem["code"], problem["revisions"], problem["paths"]) for problem in document["problems"]] == [
        ("drops-column", ["ccc3"], ["migrations/versions/ccc3.py"])
    ]
    assert 'op.drop_column("users", "age")' in document["problems"][0]["hint"]
    assert [(hazard["code"], hazard["severity"]) for hazard in document["hazards"]] == [("drops-column", "error")]
    assert parted.branchmig("guard", "--hazards").lines[-3:] == [
        "    hint: release code that does without it first, and drop it in a later release",
        "    # in a later release",
        '    op.drop_column("users", "age")',
    ]
    assert parted.branchmig("report", "--check", "--no-sql").exit_code == 1
    assert parted.branchmig("guard").exit_code == 0
    path = parted.versions / "ccc3.py"
    path.write_text(
        path.read_text().replace("def upgrade", "# branchmig: allow drops-column: unused since May\ndef upgrade")
    )
    told = parted.branchmig("guard", "--hazards", "--format", "json")
    document = json.loads(told.stdout)
    assert (told.exit_code, document["hazards"]) == (0, [])
    assert [(item["code"], item["reason"]) for item in document["waived"]] == [("drops-column", "unused since May")]


def test_what_cannot_be_read_is_no_answer_until_somebody_has_looked(parted: Checkout) -> None:
    parted.git("merge", "--quiet", "--no-edit", "main")
    parted.revision("ccc3", "bbb2", upgrade="op.execute('CALL tidy_up()')")
    told = parted.branchmig("guard", "--hazards")
    assert (told.exit_code, told.lines) == (
        3,
        [
            "cannot tell: one head, ccc3",
            "not checked: hazards: migrations/versions/ccc3.py:18: SQL that cannot be read: CALL tidy_up()",
        ],
    )
    assert parted.branchmig("report", "--check", "--no-sql").exit_code == 3
    path = parted.versions / "ccc3.py"
    path.write_text(
        path.read_text().replace("def upgrade", "# branchmig: allow unread-statement: it only logs\ndef upgrade")
    )
    assert parted.branchmig("guard", "--hazards").exit_code == parted.branchmig("report", "--check").exit_code == 0


def test_rules_of_ones_own_count_and_one_that_fails_is_named(parted: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    parted.git("merge", "--quiet", "--no-edit", "main")
    parted.revision("ccc3", "bbb2", upgrade="op.create_table('Shouting')")
    rule = Rule("advice", "names are small here", "lower()")

    def small(revision: str, effects: Sequence[Change], dialect: str | None) -> Iterator[Hazard]:
        assert dialect == "sqlite"
        yield from (
            Hazard("shop-small", effect.what, revision, effect.line, own=rule)
            for effect in effects
            if not effect.name.islower()
        )

    def broken(*_: object) -> None:
        raise LookupError("no such thing")

    found = {"b": broken, "a": small}
    entries = [SimpleNamespace(name=name, load=lambda item=item: item) for name, item in found.items()]
    monkeypatch.setattr(hazards, "entry_points", lambda group: entries if group == "branchmig.hazards" else [])
    ini = parted.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}\n[branchmig]\nhazards = shop-small=error\n")
    told = parted.branchmig("guard", "--hazards", "--format", "json")
    document = json.loads(told.stdout)
    assert (told.exit_code, [problem["code"] for problem in document["problems"]]) == (1, ["shop-small"])
    assert document["unchecked"] == [
        {"code": "hazards", "reason": "the rule 'b' failed on revision ccc3: no such thing"}
    ]
    path = parted.versions / "ccc3.py"
    text = path.read_text().replace("def upgrade", "# branchmig: allow shop-small: an old habit\ndef upgrade")
    path.write_text(text)
    parted.commit("allow it")
    assert parted.branchmig("guard").exit_code == 0
    entries.pop(0)
    told = parted.branchmig("guard", "--hazards", "--format", "json")
    assert (told.exit_code, json.loads(told.stdout)["hazards"]) == (0, [])


def test_of_an_empty_table_only_what_breaks_code_is_left(parted: Checkout) -> None:
    parted.git("merge", "--quiet", "--no-edit", "main")
    body = "op.drop_table('empty')\nop.drop_table('full')\nop.rename_table('empty2', 'other')"
    parted.revision("ccc3", "bbb2", upgrade=body)
    names = ("empty", "full", "empty2")
    parted.execute(*(f'CREATE TABLE "{name}" (id INTEGER)' for name in names), 'INSERT INTO "full" VALUES (1)')
    told = parted.branchmig("guard", "--hazards", "--db", "--format", "json")
    assert [hazard["what"] for hazard in json.loads(told.stdout)["hazards"]] == [
        "drops table full",
        "renames table empty2 to other",
    ]


def test_hazards_of_nothing_new_are_said_not_to_be_checked(repo: Checkout) -> None:
    repo.table("aaa1")
    repo.commit()
    done = repo.branchmig("guard", "--hazards")
    note = "No revision is new here, so there was nothing to check for hazards.\n"
    assert (done.exit_code, done.stdout, done.stderr) == (0, "ok: one head, aaa1\n", note)
