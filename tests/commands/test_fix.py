"""`branchmig fix` on branches and pull requests, with real remotes; CI is what its variables say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from branchmig.errors import GitError
from branchmig.integrations.pull_request import pull_request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.repositories import Checkout
    from tests.support import Result

ADD = "op.add_column('users', sa.Column('email', sa.String()))"
CI = ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "GITHUB_EVENT_NAME", "GITHUB_HEAD_REF", "GITHUB_BASE_REF")
CI += (
    "GITHUB_REPOSITORY",
    "GITHUB_EVENT_PATH",
    "GITHUB_REF_NAME",
    "CI_MERGE_REQUEST_IID",
    "CI_PROJECT_ID",
    "CI_MERGE_REQUEST_EVENT_TYPE",
)


@pytest.fixture(autouse=True)
def no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CI:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def served(parted: Checkout, tmp_path: Path) -> Checkout:
    """The branches of `parted` on a server, and feature checked out, which follows its branch there."""
    parted.git("init", "--quiet", "--bare", str(tmp_path / "server.git"))
    parted.git("remote", "add", "origin", str(tmp_path / "server.git"))
    parted.git("push", "--quiet", "--set-upstream", "origin", "feature", "main")
    return parted


def fix(repo: Checkout, *words: str, code: int = 0) -> Result:
    told = repo.branchmig("fix", *words)
    assert told.exit_code == code, told
    return told


def document(repo: Checkout, *words: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(fix(repo, *words, "--format", "json", code=code).stdout)
    return found


def refs(repo: Checkout) -> str:
    """Return every ref here and on the server."""
    return repo.git("show-ref", "--head") + (repo.git("ls-remote", "origin") if repo.git("remote") else "")


def unchanged(repo: Checkout, *words: str, code: int = 3) -> str:
    """Run fix, which must change no ref and no file; return what it says."""
    before, files = refs(repo), repo.git("status", "--porcelain")
    told = fix(repo, *words, code=code)
    assert (refs(repo), repo.git("status", "--porcelain")) == (before, files)
    return told.stderr + told.stdout


# --- on a branch


def test_the_target_is_merged_in_with_the_merge_revision_in_one_commit(parted: Checkout) -> None:
    before = parted.git("rev-parse", "HEAD", "main").split()
    found = document(parted)
    (head,) = parted.heads("--at", "HEAD")
    assert found == {
        "version": 1,
        "ok": True,
        "action": "merge",
        "revisions": [head],
        "commit": parted.git("rev-parse", "HEAD"),
        "conflicts": [],
    }
    assert parted.git("rev-parse", "HEAD^@").split() == before
    assert parted.git("status", "--porcelain") == ""
    assert parted.git("log", "-1", "--format=%s") == "Merge main into feature"
    assert parted.alembic("heads").stdout.split()[0] == head
    again = document(parted)
    assert (again["ok"], again["action"], again["revisions"], again["commit"]) == (True, "none", [], None)


def test_nothing_is_merged_where_heads_are_one(parted: Checkout) -> None:
    parted.git("switch", "--quiet", "--create", "empty", "main~1")
    assert unchanged(parted, code=0) == "Nothing to fix.\n"


def test_heads_of_the_branch_itself_get_a_commit_on_top(parted: Checkout) -> None:
    parted.git("merge", "--quiet", "--no-edit", "main")
    told = fix(parted)
    assert told.stderr.startswith("Joined the heads bbb2 and ccc3 with merge revision "), told
    assert len(parted.git("rev-parse", "HEAD^@").split()) == 1
    assert len(parted.heads("--at", "HEAD")) == 1


def test_what_the_target_has_joined_already_is_only_merged_in(parted: Checkout) -> None:
    parted.git("merge", "--quiet", "--no-edit", "main")
    parted.git("switch", "--quiet", "main")
    parted.git("merge", "--quiet", "--no-edit", "feature")
    parted.branchmig("merge", "--rev-id", "eee5")
    parted.commit("join")
    parted.git("switch", "--quiet", "feature")
    assert document(parted)["revisions"] == []
    assert parted.heads() == ["eee5"]


def test_a_merge_in_progress_is_ended_or_with_no_commit_staged(parted: Checkout) -> None:
    parted.git("merge", "--quiet", "--no-commit", "main")
    assert document(parted, "--no-commit")["commit"] is None
    assert parted.git("diff", "--cached", "--name-only").count(".py") == 2
    parted.git("merge", "--abort")
    parted.git("merge", "--quiet", "--no-commit", "main")
    fix(parted)
    assert len(parted.git("rev-parse", "HEAD^@").split()) == 2
    assert (len(parted.heads()), parted.git("status", "--porcelain")) == (1, "")


def test_no_commit_leaves_a_merge_to_be_committed(parted: Checkout) -> None:
    fix(parted, "--no-commit", "--onto", "main")
    parted.git("commit", "--quiet", "--no-edit")
    assert len(parted.git("rev-parse", "HEAD^@").split()) == 2
    assert len(parted.heads()) == 1
    parted.git("reset", "--quiet", "--hard", "HEAD~1")
    parted.revision("ddd4", "aaa1")
    parted.git("add", ".")
    fix(parted, "--no-commit")
    assert parted.git("status", "--porcelain").count("A  migrations/versions/") == 2
    assert len(parted.heads()) == 1


def test_a_revision_that_is_not_committed_is_not_passed_over(parted: Checkout) -> None:
    path = parted.revision("ddd4", "aaa1")
    assert "migrations/versions/ddd4.py is not committed" in unchanged(parted)
    assert "migrations/versions/ddd4.py is not staged\nhint:  git add" in unchanged(parted, "--no-commit")
    path.unlink()


def test_a_dry_run_is_a_patch_that_git_applies(parted: Checkout) -> None:
    told = unchanged(parted, "--dry-run", code=0)
    assert told.startswith("Would merge main, and join the heads bbb2 and ccc3 with merge revision ")
    patch = fix(parted, "--dry-run").stdout
    parted.git("merge", "--quiet", "--no-edit", "main")
    parted.git("apply", "--index", stdin=patch.encode())
    assert len(parted.heads()) == 1


@pytest.mark.parametrize("line", ["policy = linear", "policy = linear\ntarget = main"])
def test_under_linear_the_branch_goes_on_top(parted: Checkout, line: str) -> None:
    for branch in ("main", "feature"):
        parted.git("switch", "--quiet", branch)
        ini = parted.root / "alembic.ini"
        ini.write_text(f"{ini.read_text()}\n[branchmig]\n{line}\n")
        parted.commit("linear")
    found = document(parted)
    assert (found["action"], found["revisions"], parted.heads()) == ("rebase", ["ccc3"], ["ccc3"])
    parted.git("switch", "--quiet", "main")
    parted.git("reset", "--quiet", "--hard", "feature")
    parted.revision("ddd4", "bbb2")
    parted.commit("fork")
    assert "have all landed" in unchanged(parted)


def test_scripts_that_collide_are_named(parted: Checkout) -> None:
    parted.revision("ddd4", "ccc3", upgrade=ADD)
    parted.commit()
    parted.git("switch", "--quiet", "main")
    parted.revision("eee5", "bbb2", upgrade=ADD)
    parted.commit()
    parted.git("switch", "--quiet", "feature")
    assert unchanged(parted, code=1).endswith(
        "Nothing was changed: the heads ddd4, eee5 collide over column users.email.\n"
    )
    found = document(parted, code=1)
    assert (found["ok"], found["action"], found["commit"]) == (False, "none", None)
    assert [(one["level"], one["object"]) for one in found["conflicts"]] == [("conflict", "column users.email")]


def test_where_the_order_may_matter_a_proof_decides_but_in_ci_only_when_asked(
    repo: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = "sa.Column('id', sa.Integer, primary_key=True), sa.Column('n', sa.Integer)"
    repo.revision("aaa1", upgrade=f"op.create_table('users', {columns})")
    repo.commit()
    for branch, revision in (("main", "bbb2"), ("feature", "ccc3")):
        repo.git("switch", "--quiet", *(["--create", branch, "main~1"] if branch != "main" else [branch]))
        repo.revision(revision, "aaa1", upgrade=f"op.execute('UPDATE users SET n = n + {len(branch)}')")
        repo.commit()
    monkeypatch.setenv("CI", "true")
    assert "order: column users.n" in unchanged(repo, code=1)
    monkeypatch.setenv("CI", "")
    assert document(repo)["action"] == "merge"


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda repo: repo.revision("fff6", "nowhere"), "down_revision 'nowhere'"),
        (lambda repo: (repo.top / "alembic.ini").write_text("<<<<<<< x\n"), ""),
        (lambda repo: repo.revision("aaa1", upgrade="op.execute('SELECT 2')"), "'aaa1'"),  # the target has it otherwise
    ],
)
def test_any_other_fault_is_not_repaired(parted: Checkout, prepare: Callable[[Checkout], object], words: str) -> None:
    prepare(parted)
    parted.commit("broken")
    assert words in unchanged(parted)


def test_what_git_cannot_merge_is_left_to_git(parted: Checkout) -> None:
    for branch in ("main", "feature"):
        parted.git("switch", "--quiet", branch)
        (parted.top / "notes").write_text(branch)
        parted.commit("notes")
    assert "git cannot merge" in unchanged(parted)


# --- pushes


def test_a_push_is_one_commit_to_that_branch(served: Checkout) -> None:
    before = refs(served)
    old = served.git("rev-parse", "HEAD")
    served.git("tag", "-a", "-m", "x", "mine")
    found = document(served, "--push")
    new = served.git("rev-parse", "HEAD")
    assert (found["commit"], served.git("rev-parse", "HEAD^1")) == (new, old)
    served.git("tag", "-d", "mine")
    assert refs(served) == before.replace(old, new)


def refuse_pushes(repo: Checkout) -> None:
    hook = repo.root.parent / "server.git" / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not you >&2\nexit 1\n")
    hook.chmod(0o755)


def move_branch(repo: Checkout) -> None:
    tree = repo.git("rev-parse", "HEAD^{tree}")
    other = repo.git("commit-tree", tree, "-p", "HEAD", "-m", "somebody else")
    repo.git("push", "--quiet", "origin", f"{other}:refs/heads/feature")


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (refuse_pushes, "error: the push to feature on origin was refused: remote: not you"),
        (move_branch, "error: feature on origin is at "),
        (lambda repo: repo.git("push", "--quiet", "origin", ":feature"), "error: origin has no branch feature"),
        (lambda repo: repo.git("branch", "--unset-upstream"), "error: feature has no upstream"),
        (lambda repo: repo.git("switch", "--quiet", "--detach"), "error: no branch is checked out"),
        (lambda repo: repo.git("remote", "set-url", "--push", "origin", "/nowhere"), "was refused: "),
        (lambda repo: repo.git("commit", "--quiet", "--allow-empty", "-m", "mine"), "has commits to be pushed"),
    ],
)
def test_a_push_that_may_not_be_changes_no_ref(
    served: Checkout, prepare: Callable[[Checkout], object], words: str
) -> None:
    prepare(served)
    assert words in unchanged(served, "--push", "--onto", "main")


def event(repo: Checkout, patch: pytest.MonkeyPatch, head: str, name: str = "pull_request") -> None:
    """Have a workflow run for the pull request that wants feature of the repository `head` in main of acme/shop."""
    content = {
        "pull_request": {
            "head": {"ref": "feature", "sha": repo.git("rev-parse", "feature"), "repo": {"full_name": head}},
            "base": {"ref": "main", "repo": {"full_name": "acme/shop"}},
        }
    }
    file = repo.root.parent / "event.json"
    file.write_text(json.dumps(content))
    given = {"GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(file), "GITHUB_REPOSITORY": "acme/shop"}
    for variable, value in {**given, "CI": "true", "GITHUB_BASE_REF": "main"}.items():
        patch.setenv(variable, value)


def test_in_a_pull_request_its_branch_is_pushed_to_from_the_merge_that_is_checked_out(
    served: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = served.git("rev-parse", "feature")
    event(served, monkeypatch, "acme/shop")
    served.git("switch", "--quiet", "--detach", "main")
    served.git("merge", "--quiet", "--no-edit", "feature")
    merge = served.git("rev-parse", "HEAD")
    found = document(served, "--push")
    served.git("fetch", "--quiet", "origin")
    assert served.git("rev-parse", "origin/feature") == found["commit"]
    assert served.git("rev-parse", "origin/feature^1") == old
    assert served.git("rev-parse", "HEAD", "feature").split() == [merge, old]
    assert len(served.heads("--at", "origin/feature")) == 1


def test_a_fork_s_branch_is_not_taken_for_the_base_repository_s_of_that_name(
    served: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    event(served, monkeypatch, "stranger/shop")
    assert (
        "error: the pull request's branch feature is in stranger/shop, and this job is acme/shop's: nothing is pushed"
        in unchanged(served, "--push")
    )
    monkeypatch.delenv("GITHUB_EVENT_PATH")
    assert "GITHUB_EVENT_PATH does not say" in unchanged(served, "--push")


def test_in_a_merge_queue_the_fix_for_its_order_is_said_and_nothing_is_pushed(
    served: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("GITHUB_EVENT_NAME", "merge_group")
    monkeypatch.setenv("GITHUB_REF_NAME", "gh-readonly-queue/main/pr-1")
    served.git("merge", "--quiet", "--no-edit", "main")
    told = unchanged(served, "--push")
    assert "error: the checkout is a merge queue's own" in told
    assert "the fix: Joined the heads bbb2 and ccc3 with merge revision " in told
    served.git("reset", "--quiet", "--hard", "main")
    assert unchanged(served, "--push", code=0) == "Nothing to fix.\n"


def test_a_pull_request_is_not_trusted(served: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = served.root.parent / "mark"
    evil = f"open({str(mark)!r}, 'w').close()"
    template = served.migrations / "script.py.mako"
    template.write_text(f"<% {evil} %>\n{template.read_text()}")
    served.write_env(evil)
    ini = served.root / "alembic.ini"
    hook = f"[post_write_hooks]\nhooks = evil\nevil.type = exec\nevil.executable = touch\nevil.options = {mark}\n"
    ini.write_text(
        f"{ini.read_text()}file_template = evil_%%(rev)s\nrevision_environment = true\n{hook}"
        "[branchmig]\npolicy = one-head-per-label\ntarget = feature\n"
    )
    served.revision("ddd4", "ccc3", upgrade=evil)
    (served.top / ".hooks").mkdir()
    (served.top / ".hooks" / "commit-msg").write_text(f"#!/bin/sh\ntouch {mark}\n")
    (served.top / ".hooks" / "commit-msg").chmod(0o755)
    served.commit("hostile")
    served.git("config", "core.hooksPath", ".hooks")
    served.git("push", "--quiet", "--no-verify")
    event(served, monkeypatch, "acme/shop")
    found = document(served, "--push")
    assert not mark.exists()
    assert [path for path in served.git("ls-files").splitlines() if "evil" in path] == []
    assert served.heads() == found["revisions"]


@pytest.mark.parametrize(
    ("variables", "answer"),
    [
        ({}, None),
        ({"GITHUB_EVENT_NAME": "push"}, None),
        ({"SOURCE_PROJECT_ID": "7", "SOURCE_BRANCH_NAME": "x", "SOURCE_BRANCH_SHA": "abc"}, ("x", "abc", "")),
        (
            {"SOURCE_PROJECT_ID": "8", "SOURCE_BRANCH_NAME": "x"},
            ("x", "def", "the merge request's branch x is in project 8, and this job is of project 7"),
        ),
        (
            {"SOURCE_PROJECT_ID": "7", "SOURCE_BRANCH_NAME": "x", "EVENT_TYPE": "merge_train"},
            ("x", "def", "the checkout is a merge queue's own: GitLab makes and deletes it"),
        ),
    ],
)
def test_what_ci_says_of_a_job(variables: dict[str, str], answer: tuple[str, str, str] | None) -> None:
    gitlab = {"CI_MERGE_REQUEST_IID": "1", "CI_PROJECT_ID": "7", "CI_COMMIT_SHA": "def"}
    named = {f"CI_MERGE_REQUEST_{name}": value for name, value in variables.items()}
    found = pull_request(named | gitlab if "SOURCE_PROJECT_ID" in variables else variables)
    assert (found and (found.branch, found.commit, found.refusal)) == answer
    if not variables:
        with pytest.raises(GitError, match="SOURCE_PROJECT_ID"):
            pull_request(gitlab)
