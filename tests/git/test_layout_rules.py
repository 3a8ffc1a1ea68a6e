"""The rules of guard and the hooks on places of other layouts and policies than the checkout's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests import forks
from tests.repositories import ROOT, Checkout

if TYPE_CHECKING:
    from pathlib import Path

ZERO = "0" * 40


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, isolated_environment: None) -> Checkout:
    """main has renamed `migrations` to `data base`; feature has `migrations`, with two heads; labels two allowed heads.

    line wants one line; pages is an orphan branch without the project; none has the settings and no revision.
    """
    repo = Checkout(tmp_path_factory.mktemp("rules") / "repo")
    repo.revision("aaa1", labels=("expand",))
    repo.commit("base")
    for name in ("feature", "labels", "line", "none"):
        repo.git("branch", name)
    repo.git("switch", "--quiet", "feature")
    for revision in ("bbb2", "ccc3"):
        repo.revision(revision, "aaa1")
    repo.commit()
    repo.git("switch", "--quiet", "labels")
    repo.revision("ddd4", labels=("contract",))
    settings(repo, "policy = one-head-per-label")
    repo.commit()
    repo.git("switch", "--quiet", "line")
    for revision in ("eee5", "fff6"):
        repo.revision(revision, "aaa1")
    repo.revision("eee7", "eee5", "fff6")
    settings(repo, "policy = linear")
    repo.commit()
    repo.git("switch", "--quiet", "none")
    repo.git("rm", "--quiet", "-r", "migrations/versions")
    repo.commit()
    repo.git("switch", "--quiet", "--orphan", "pages")
    (repo.root / "index.html").write_text("pages")
    repo.commit()
    repo.git("switch", "--quiet", "main")
    repo.git("mv", "migrations", "data base")
    settings(repo, location="data base")
    repo.commit("rename")
    return repo


def settings(repo: Checkout, *lines: str, location: str = "migrations") -> None:
    text = f"[alembic]\nscript_location = %(here)s/{location}\npath_separator = os\nsqlalchemy.url = {repo.url}\n"
    (repo.root / "alembic.ini").write_text("\n".join([text, *(["[branchmig]", *lines] if lines else []), ""]))


@pytest.fixture
def repo(template: Checkout, tmp_path: Path) -> Checkout:
    return template.instance(tmp_path / "repo")


def answer(repo: Checkout, *options: str) -> tuple[int, list[str], list[str]]:
    """Return guard's exit code, the codes of the rules that are broken, and of those that were not checked."""
    told = repo.branchmig("guard", "--format", "json", *options)
    document = json.loads(told.stdout)
    broken, unchecked = ([entry["code"] for entry in document[key]] for key in ("problems", "unchecked"))
    return told.exit_code, broken, unchecked


def pushed(repo: Checkout, *branches: str) -> tuple[int, str]:
    """Return how the pre-push hook ends when branches are pushed, and what it says."""
    lines = [f"refs/heads/{name} {repo.git('rev-parse', name)} refs/heads/{name} {ZERO}\n" for name in branches]
    told = repo.run(
        *("-c", f"alias.asked=!{forks.python()} -P -m branchmig hooks run pre-push origin url"),
        "asked",
        stdin="".join(lines).encode(),
        env={"PYTHONPATH": str(ROOT)},
    )
    return told.returncode, told.stderr


def test_a_branch_whose_folder_has_another_name(repo: Checkout) -> None:
    assert answer(repo) == (0, [], [])
    assert answer(repo, "--at", "feature") == (1, ["multiple-heads"], [])
    # git asks where the two new files belong, and would stop.
    merged = ["multiple-heads", "merge-conflict", "merge-conflict"]
    assert answer(repo, "--at", "main", "--merged-with", "feature") == (1, merged, [])
    commit = repo.git("rev-parse", "feature")[:10]
    told = repo.branchmig("guard", "--at", "main", "--merged-with", "feature").stdout
    assert f"bbb2 (step bbb2; feature, {commit} by Ada Author)" in told
    code, told = pushed(repo, "feature")
    assert (code, "feature is not a sound graph" in told, "2 heads: bbb2" in told) == (1, True, True)
    repo.git("switch", "--quiet", "feature")
    assert answer(repo, "--merged-with", "main") == (1, merged, [])
    assert answer(repo, "--at", "main") == (0, [], [])


def test_no_revisions_where_the_target_has_some(repo: Checkout) -> None:
    assert answer(repo, "--at", "none")[:2] == (1, ["deleted-revision", "no-revisions"])
    told = repo.branchmig("guard", "--at", "pages")
    assert (told.exit_code, told.lines[0]) == (
        1,
        "no-revisions: pages has no alembic.ini: this project is not there",
    )
    settings(repo, location="elsewhere")
    (repo.root / "elsewhere").mkdir()
    assert "no-revisions" in answer(repo)[1]


def test_the_only_revisions_are_those_of_the_branch(repo: Checkout) -> None:
    """The target has none yet: nothing is wrong with a first revision, nor with none."""
    repo.git("switch", "--quiet", "pages")
    for name in ("main", "labels", "line", "none"):
        repo.git("branch", "--delete", "--force", name)
    repo.git("branch", "--move", "pages", "main")
    repo.git("switch", "--quiet", "--create", "first")
    repo.git("checkout", "--quiet", "feature~1", "--", ".")
    repo.commit()
    assert answer(repo) == (0, [], [])
    assert answer(repo, "--merged-with", "main") == (0, [], [])


def test_the_policy_is_that_of_the_branch_that_the_work_lands_in(repo: Checkout) -> None:
    assert answer(repo, "--at", "labels") == (0, [], [])  # main states none
    assert answer(repo, "--at", "line") == (1, ["not-linear"], [])
    settings(repo, "policy = single-head", location="data base")
    repo.commit()
    assert answer(repo, "--at", "labels") == (1, ["multiple-heads"], [])
    assert answer(repo, "--at", "line") == (0, [], [])
    repo.git("switch", "--quiet", "labels")
    assert answer(repo) == (1, ["multiple-heads"], [])
    settings(repo, "policy = single-head")
    assert answer(repo, "--target", "labels") == (1, ["multiple-heads"], [])  # what is not committed there yet
    settings(repo, "policy = single-head", "target = line")
    assert answer(repo)[1] == ["multiple-heads", "not-linear"]


def test_a_push_lands_in_the_branch_itself(repo: Checkout) -> None:
    assert pushed(repo, "labels", "main", "pages") == (0, "")
    code, told = pushed(repo, "line")
    assert (code, "not-linear" in told) == (1, True)


def test_a_server_reads_the_settings_of_what_is_pushed(repo: Checkout, tmp_path: Path) -> None:
    server = tmp_path / "server.git"
    repo.git("init", "--quiet", "--bare", "--initial-branch=main", str(server))
    hook = server / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nexec {forks.python()} -P -m branchmig hooks run pre-receive\n")
    hook.chmod(0o755)
    env = {"PYTHONPATH": str(ROOT)}
    first = repo.run("push", str(server), "main", "labels", "pages", env=env)
    assert first.returncode == 0, first
    refused = repo.run("push", str(server), "feature", env=env)
    assert (refused.returncode, "2 heads: bbb2" in refused.stderr) == (1, True), refused
    repo.git("switch", "--quiet", "main")
    repo.git("rm", "--quiet", "-r", "data base", "alembic.ini")
    repo.commit()
    refused = repo.run("push", str(server), "main", env=env)
    assert (refused.returncode, "no-revisions: " in refused.stderr) == (1, True), refused


def test_a_revision_that_a_merge_leaves_in_the_old_folder(repo: Checkout) -> None:
    repo.git("config", "merge.directoryRenames", "false")
    code, broken, _ = answer(repo, "--at", "main", "--merged-with", "feature")
    assert (code, broken) == (1, ["left-behind", "left-behind"])
    told = repo.branchmig("guard", "--at", "main", "--merged-with", "feature")
    assert "after the merge, revision 'bbb2' of feature is in migrations/versions/bbb2.py" in told.stdout


def test_settings_that_a_merge_leaves_in_conflict(repo: Checkout) -> None:
    repo.git("switch", "--quiet", "labels")
    repo.git("merge", "--quiet", "--strategy=ours", "main")
    settings(repo, "policy = linear", location="data base")
    repo.git("mv", "migrations", "data base")
    repo.commit()
    repo.git("switch", "--quiet", "main")
    settings(repo, "policy = single-head", location="data base")
    repo.commit()
    code, broken, _ = answer(repo, "--merged-with", "labels")
    assert (code, "merge-conflict" in broken) == (1, True)
    told = repo.branchmig("guard", "--merged-with", "labels")
    assert "alembic.ini is in conflict in the merge of labels into worktree" in told.stdout
    repo.run("merge", "labels")
    repo.git("checkout", "--quiet", "--ours", "alembic.ini")
    told = repo.branchmig("guard", "--at", "index")
    assert (told.exit_code, told.stderr.splitlines()[0]) == (
        3,
        "error: alembic.ini is in conflict, so the settings there cannot be known",
    )


def test_settings_in_conflict_over_folders_leave_no_graph(parted: Checkout) -> None:
    """Heads are not known, guard says so; where both sides name the same folders, the heads are known."""
    ini = parted.root / "alembic.ini"
    text = ini.read_text()
    for name, line in (("one", "version_locations = %(here)s/one"), ("two", "version_locations = %(here)s/two")):
        parted.git("switch", "--quiet", "--create", name, "main")
        ini.write_text(f"{text}{line}\n[branchmig]\npolicy = single-head\n")
        parted.commit(name)
    for name, policy in (("three", "linear"), ("four", "single-head")):
        parted.git("switch", "--quiet", "--create", name, "main")
        ini.write_text(f"{text}\n[branchmig]\npolicy = {policy}\n")
        parted.commit(name)
    unknown = parted.branchmig("heads", "--at", "one", "--merged-with", "two")
    assert (unknown.exit_code, unknown.stdout) == (3, "")
    assert "hint:  git merge two, and resolve the conflict there" in unknown.stderr
    answered = parted.branchmig("guard", "--at", "one", "--merged-with", "two", "--format", "json")
    found = json.loads(answered.stdout)
    # Nothing is said to be deleted, or missing, since it is not in folders that may be the wrong ones.
    assert [problem["code"] for problem in found["problems"]] == ["merge-conflict"]
    assert {entry["code"] for entry in found["unchecked"]} == {"rewritten-revision", "deleted-revision"}
    foreseen = json.loads(parted.branchmig("forecast", "two", "--into", "one", "--format", "json").stdout)["branches"][
        0
    ]
    assert foreseen["merge_conflicts"] == ["CONFLICT (content): Merge conflict in alembic.ini"]
    assert [foreseen[key] for key in ("broken", "deleted", "missing", "unreadable")] == [[], [], [], []]
    assert parted.branchmig("heads", "--at", "three", "--merged-with", "four").lines == ["bbb2 (head)"]
    named = parted.branchmig("guard", "--at", "three", "--merged-with", "refs/heads/four")
    assert (named.exit_code, "git merge four, and" in named.stdout) == (1, True)


def test_what_a_new_branch_at_the_target_deletes_is_named_after_the_target(parted: Checkout) -> None:
    parted.git("switch", "--quiet", "--create", "new", "main")
    (parted.versions / "bbb2.py").unlink()
    found = parted.branchmig("guard", "--merged-with", "main")
    assert (found.exit_code, "'bbb2' is on main" in found.stdout) == (1, True), found


def test_a_head_of_a_branch_that_has_the_old_folder_is_named_after_its_commit(repo: Checkout) -> None:
    """The merge has its file in the folder that main has renamed."""
    repo.git("switch", "--quiet", "feature")
    told = repo.branchmig("guard", "--merged-with", "main").stdout
    commit = repo.git("rev-parse", "HEAD")[:10]
    assert (
        f"bbb2 (step bbb2; feature, {commit} by Ada Author); ccc3 (step ccc3; feature, {commit} by Ada Author)" in told
    )
