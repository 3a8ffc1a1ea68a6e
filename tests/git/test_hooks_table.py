"""Every way in which two heads arrive, driven through git itself with the hooks installed.

Each is blocked, or told; and what was only told, or was not seen by any hook, is blocked at push at the latest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from branchmig.git.switching import FOLLOWED
from tests import forks
from tests.repositories import ROOT, Checkout

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path


TWO = "2 heads: bbb2 ("


@pytest.fixture
def hooked(parted: Checkout) -> Checkout:
    """On feature, hooks installed; what they do about the database is test_following's."""
    parted.environment |= {"PYTHONPATH": str(ROOT), FOLLOWED: "1"}
    told = parted.branchmig("hooks", "install")
    assert (told.exit_code, told.stdout) == (0, "")
    assert told.stderr == (
        "Installed pre-commit, pre-merge-commit, pre-push, post-checkout, post-merge, post-rewrite.\n"
    )
    return parted


@pytest.fixture
def remote(hooked: Checkout, tmp_path: Path) -> Checkout:
    """The same, with main on a remote."""
    bare = tmp_path / "remote.git"
    hooked.git("init", "--quiet", "--bare", str(bare))
    hooked.git("remote", "add", "origin", str(bare))
    hooked.git("push", "--quiet", "origin", "main", "--no-verify")
    return hooked


def blocked(done: subprocess.CompletedProcess[str], what: str) -> None:
    assert done.returncode != 0, done
    assert f"branchmig: {what}\n" in done.stderr, done
    assert TWO in done.stderr, done


def told(done: subprocess.CompletedProcess[str], what: str) -> None:
    assert done.returncode == 0, done
    assert f"branchmig: {what}\n" in done.stderr, done
    assert TWO in done.stderr, done
    assert len([line for line in done.stderr.splitlines() if line.startswith(("branchmig:", "hint", "  "))]) <= 8


def silent(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done
    assert "branchmig" not in done.stderr, done
    assert "heads" not in done.stderr, done


def stopped_at_push(repo: Checkout) -> None:
    """The last gate on the client: nothing of two heads reaches the remote."""
    done = repo.run("push", "origin", "HEAD:refs/heads/landing")
    blocked(done, "landing is not a sound graph")
    assert repo.git("ls-remote", "origin", "landing") == ""


def way_out(repo: Checkout, *commit: str) -> None:
    """Join the heads, stage that, and commit: the hook lets it pass, and so does the push."""
    joined = repo.branchmig("merge", "-m", "join", "--rev-id", "mmm1")
    assert joined.exit_code == 0, joined
    repo.git("add", ".")
    done = repo.run("commit", "-m", "join the heads", *commit)
    silent(done)
    assert repo.heads("--at", "HEAD") == ["mmm1"]


COMMIT = "this commit would not leave a sound graph"
MERGE = "this merge would not leave a sound graph"


def second_head(repo: Checkout) -> Path:
    """Write a revision beside 'ccc3', as a copied file does."""
    return repo.revision("bbb2", "aaa1", name="second.py")


# --- blocked


def test_commit_is_blocked_and_the_way_out_passes(remote: Checkout) -> None:
    second_head(remote)
    remote.git("add", ".")
    done = remote.run("commit", "-m", "x")
    blocked(done, COMMIT)
    ours = remote.git("rev-parse", "HEAD")
    assert done.stderr == (
        "branchmig: this commit would not leave a sound graph\n"
        "  multiple-heads: 2 heads: bbb2 (step bbb2; not committed yet, on feature); "
        f"ccc3 (step ccc3; feature, {ours[:10]} by Ada Author)\n"
        "    hint: join them: branchmig merge; or put yours on top: branchmig rebase\n"
        "hint: correct it, 'git add' it and commit again; 'git commit --no-verify' goes past this check\n"
    )
    way_out(remote)
    remote.git("push", "origin", "HEAD:refs/heads/landing")


def test_commit_all_is_blocked(hooked: Checkout) -> None:
    hooked.revision("ddd4", "ccc3")
    hooked.commit()
    hooked.revision("ddd4", "aaa1")
    done = hooked.run("commit", "-a", "-m", "x")
    assert (done.returncode, "2 heads: ccc3 (" in done.stderr) == (1, True), done


def test_commit_of_paths_looks_at_those_paths_alone(hooked: Checkout) -> None:
    second = second_head(hooked)
    good = hooked.revision("ddd4", "ccc3")
    hooked.git("add", ".")
    silent(hooked.run("commit", "-m", "x", str(good)))
    done = hooked.run("commit", "-m", "x", str(second))
    assert (done.returncode, TWO in done.stderr) == (1, True), done
    way_out(hooked)


def test_commit_past_the_hook_is_blocked_at_push(remote: Checkout) -> None:
    second_head(remote)
    remote.git("add", ".")
    silent(remote.run("commit", "--no-verify", "-m", "x"))
    stopped_at_push(remote)
    way_out(remote)
    remote.git("push", "origin", "HEAD:refs/heads/landing")


def test_a_clean_merge_is_blocked_and_the_way_out_passes(remote: Checkout) -> None:
    ours, theirs = (remote.git("rev-parse", name)[:10] for name in ("feature", "main"))
    done = remote.run("merge", "--no-edit", "main")
    blocked(done, MERGE)
    assert done.stderr.startswith(
        "branchmig: this merge would not leave a sound graph\n"
        f"  multiple-heads: 2 heads: bbb2 (step bbb2; origin/main, {theirs} by Ada Author); "
        f"ccc3 (step ccc3; feature, {ours} by Ada Author)\n"
        "    hint: join them: branchmig merge; or put yours on top: branchmig rebase\n"
        "hint: correct it, 'git add' it and 'git commit'; or 'git merge --abort'\n"
    )
    way_out(remote)
    assert len(remote.git("rev-list", "--parents", "-1", "HEAD").split()) == 3
    remote.git("push", "origin", "HEAD:refs/heads/landing")


def test_the_other_way_out_of_a_blocked_merge_is_to_put_one_s_own_on_top(remote: Checkout) -> None:
    blocked(remote.run("merge", "--no-edit", "main"), MERGE)
    moved = remote.branchmig("rebase", "--offline")
    assert moved.exit_code == 0, moved
    assert remote.heads() == ["ccc3"]
    remote.git("add", ".")
    silent(remote.run("commit", "--no-edit"))
    remote.git("push", "origin", "HEAD:refs/heads/landing")


def test_a_blocked_merge_can_be_called_off(hooked: Checkout) -> None:
    blocked(hooked.run("merge", "--no-edit", "main"), MERGE)
    silent(hooked.run("merge", "--abort"))
    assert hooked.heads() == ["ccc3"]


def test_a_merge_after_a_conflict_is_blocked_at_its_commit(remote: Checkout) -> None:
    for branch, text in (("main", "one"), ("feature", "two")):
        remote.git("switch", "--quiet", branch)
        (remote.top / "notes.txt").write_text(text)
        remote.commit()
    assert remote.run("merge", "--no-edit", "main").returncode == 1
    (remote.top / "notes.txt").write_text("both")
    remote.git("add", ".")
    blocked(remote.run("commit", "--no-edit"), COMMIT)
    way_out(remote)
    remote.git("push", "origin", "HEAD:refs/heads/landing")


@pytest.mark.parametrize("option", ["--squash", "--no-commit"])
def test_a_merge_that_is_committed_by_hand_is_blocked(hooked: Checkout, option: str) -> None:
    silent(hooked.run("merge", option, "main"))
    done = hooked.run("commit", "-m", "x")
    assert (done.returncode, TWO in done.stderr) == (1, True), done
    way_out(hooked)


def test_stash_pop_is_blocked_at_its_commit(hooked: Checkout) -> None:
    second_head(hooked)
    hooked.git("stash", "--quiet", "--include-untracked")
    silent(hooked.run("stash", "pop"))
    hooked.git("add", ".")
    done = hooked.run("commit", "-m", "x")
    assert (done.returncode, TWO in done.stderr) == (1, True), done


def test_a_cherry_pick_after_a_conflict_is_blocked_at_its_commit(remote: Checkout) -> None:
    for branch, text in (("main", "one"), ("feature", "two")):
        remote.git("switch", "--quiet", branch)
        (remote.top / "notes.txt").write_text(text)
        remote.commit()
    remote.git("switch", "--quiet", "main")
    remote.revision("bbb9", "bbb2")
    (remote.top / "notes.txt").write_text("three")
    remote.commit()
    remote.git("switch", "--quiet", "feature")
    remote.revision("bbb2", "aaa1")
    remote.commit()
    assert remote.run("cherry-pick", "main").returncode == 1
    (remote.top / "notes.txt").write_text("all")
    remote.git("add", ".")
    done = remote.run("commit", "--no-edit")
    assert (done.returncode, "2 heads: bbb9 (" in done.stderr) == (1, True), done


# --- not blocked by git, so told, or seen at push


def landed(repo: Checkout) -> None:
    """Land on main what has two heads, as someone without hooks does."""
    repo.git("switch", "--quiet", "main")
    repo.revision("ddd4", "aaa1")
    repo.commit("two heads on main")


def test_a_fast_forward_pull_is_told(remote: Checkout, tmp_path: Path) -> None:
    remote.git("switch", "--quiet", "main")
    other = Checkout.copy(remote, tmp_path / "other")
    other.git("config", "core.hooksPath", "/dev/null")
    other.revision("ddd4", "aaa1")
    other.commit("by someone else")
    other.git("push", "--quiet", "origin", "main")
    done = remote.run("pull", "--ff-only", "--no-rebase", "origin", "main")
    told(done, "the merge left a graph that is not sound")
    remote.git("commit", "--allow-empty", "-m", "x")
    stopped_at_push(remote)
    way_out(remote)


def test_a_rebase_is_told_once_at_its_end(remote: Checkout) -> None:
    remote.revision("ddd4", "ccc3")
    remote.commit()
    done = remote.run("rebase", "main")
    told(done, "the rebase left a graph that is not sound")
    assert done.stderr.count("branchmig:") == 1
    stopped_at_push(remote)
    way_out(remote)


@pytest.mark.heavy
@pytest.mark.parametrize("backend", ["--merge", "--apply"])
def test_a_rebase_that_goes_on_after_a_conflict_is_told_at_its_end(remote: Checkout, backend: str) -> None:
    for branch, text in (("main", "one"), ("feature", "two")):
        remote.git("switch", "--quiet", branch)
        (remote.top / "notes.txt").write_text(text)
        remote.commit()
    stopped = remote.run("rebase", backend, "main")
    assert stopped.returncode == 1
    assert "branchmig" not in stopped.stderr
    (remote.top / "notes.txt").write_text("both")
    remote.git("add", ".")
    done = remote.run("-c", "core.editor=true", "rebase", "--continue")
    told(done, "the rebase left a graph that is not sound")
    stopped_at_push(remote)


def test_a_rebase_called_off_is_not_told(hooked: Checkout) -> None:
    for branch, text in (("main", "one"), ("feature", "two")):
        hooked.git("switch", "--quiet", branch)
        (hooked.top / "notes.txt").write_text(text)
        hooked.commit()
    assert hooked.run("rebase", "main").returncode == 1
    silent(hooked.run("rebase", "--abort"))
    assert hooked.heads() == ["ccc3"]


def test_an_amended_commit_is_not_a_rebase(hooked: Checkout) -> None:
    silent(hooked.run("commit", "--amend", "--no-edit"))


def test_cherry_pick_is_blocked_at_push(remote: Checkout) -> None:
    silent(remote.run("cherry-pick", "main"))
    assert remote.heads() == ["bbb2", "ccc3"]
    stopped_at_push(remote)
    way_out(remote)
    remote.git("push", "origin", "HEAD:refs/heads/landing")


def test_revert_is_blocked_at_push(remote: Checkout) -> None:
    remote.git("switch", "--quiet", "main")
    remote.revision("mmm0", "bbb2", "ccc3")
    remote.revision("ccc3", "aaa1")
    remote.commit("join")
    only = remote.versions / "mmm0.py"
    only.unlink()
    remote.run("commit", "-a", "--no-verify", "-m", "drop the join")
    silent(remote.run("revert", "--no-edit", "HEAD"))
    silent(remote.run("revert", "--no-edit", "HEAD"))
    assert remote.heads() == ["bbb2", "ccc3"]
    stopped_at_push(remote)


def test_am_is_blocked_at_push(remote: Checkout) -> None:
    patch = remote.git("format-patch", "-1", "--stdout", "main")
    silent(remote.run("am", stdin=patch.encode() + b"\n"))
    assert remote.heads() == ["bbb2", "ccc3"]
    stopped_at_push(remote)


def test_a_branch_with_two_heads_is_told_when_it_is_checked_out(remote: Checkout) -> None:
    landed(remote)
    silent(remote.run("switch", "feature"))
    done = remote.run("switch", "main")
    told(done, "this branch's graph is not sound")
    silent(remote.run("switch", "--create", "another"))
    silent(remote.run("checkout", "--", "alembic.ini"))
    silent(remote.run("restore", "--source=feature", "migrations"))


def test_a_new_work_tree_is_told(remote: Checkout, tmp_path: Path) -> None:
    landed(remote)
    remote.git("switch", "--quiet", "feature")
    linked = tmp_path / "linked tree"
    done = remote.run("worktree", "add", str(linked), "main")
    told(done, "this branch's graph is not sound")
    (linked / "migrations/versions/eee5.py").write_text(
        (linked / "migrations/versions/ddd4.py").read_text().replace("ddd4", "eee5")
    )
    remote.git("add", ".", cwd=linked)
    done = remote.run("commit", "-m", "x", cwd=linked)
    assert (done.returncode, "3 heads: bbb2 (" in done.stderr) == (1, True), done
    silent(remote.run("worktree", "add", str(tmp_path / "sound"), "-b", "sound", "feature"))


def test_a_bisect_is_not_told(hooked: Checkout) -> None:
    landed(hooked)
    for number in range(4):
        (hooked.top / "notes.txt").write_text(str(number))
        hooked.commit()
    silent(hooked.run("bisect", "start", "HEAD", "main~5"))
    while hooked.run("rev-parse", "--verify", "--quiet", "refs/bisect/bad").returncode == 0:
        step = hooked.run("bisect", "good")
        assert "branchmig" not in step.stderr
        if "first bad commit" in step.stdout:
            break
    reset = hooked.run("bisect", "reset")
    assert reset.returncode == 0


def test_a_branch_that_goes_back_is_told_nothing(hooked: Checkout) -> None:
    silent(hooked.run("reset", "--hard", "HEAD~1"))
    silent(hooked.run("switch", "--quiet", "--detach", "main"))


# --- push


def test_a_push_that_removes_or_brings_nothing_of_migrations_starts_nothing(remote: Checkout) -> None:
    remote.git("push", "--quiet", "origin", "feature")
    silent(remote.run("push", "origin", "feature"))
    silent(remote.run("push", "origin", "--delete", "feature"))
    remote.git("tag", "v1")
    silent(remote.run("push", "origin", "v1"))
    remote.git("switch", "--quiet", "--orphan", "gh-pages")
    (remote.top / "index.html").write_text("pages")
    remote.git("add", "index.html")
    silent(remote.run("commit", "-m", "pages"))
    silent(remote.run("push", "origin", "gh-pages"))


def test_a_push_of_several_branches_is_stopped_by_one(remote: Checkout) -> None:
    remote.git("branch", "sound", "feature")
    second_head(remote)
    remote.commit("past the hook")
    done = remote.run("push", "origin", "sound", "feature")
    blocked(done, "feature is not a sound graph")
    assert "sound is not" not in done.stderr


def test_a_rewritten_settled_revision_is_blocked_at_push(remote: Checkout) -> None:
    remote.git("switch", "--quiet", "main")
    remote.revision("bbb2", "aaa1", upgrade="x = 1")
    remote.commit()
    done = remote.run("push", "origin", "main")
    assert done.returncode == 1
    assert "rewritten-revision: revision 'bbb2' is on origin/main, and its script was changed" in done.stderr


# --- the server's own hook


def test_a_server_refuses_two_heads_from_quarantine(parted: Checkout, tmp_path: Path) -> None:
    bare = tmp_path / "server.git"
    parted.git("init", "--quiet", "--bare", str(bare))
    parted.git("remote", "add", "origin", str(bare))
    parted.git("push", "--quiet", "origin", "main")
    hook = bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        f"#!/bin/sh\nexec {forks.python()} -P -m branchmig hooks run pre-receive --versions migrations/versions\n"
    )
    hook.chmod(0o755)
    parted.environment["PYTHONPATH"] = str(ROOT)
    parted.git("merge", "--quiet", "-m", "x", "main")
    done = parted.run("push", "origin", "HEAD:main")
    assert done.returncode == 1
    ours = parted.git("rev-parse", "HEAD^1")[:10]
    assert "remote: branchmig: main is not a sound graph" in done.stderr
    assert f"ccc3 (step ccc3; {ours} by Ada Author)" in done.stderr, done.stderr
    assert "2 heads: bbb2 (step bbb2; main, " in done.stderr
    assert parted.git("ls-remote", "origin").split() == [parted.git("rev-parse", "main"), "refs/heads/main"]
    assert parted.branchmig("merge", "--rev-id", "mmm1").exit_code == 0
    parted.commit()
    assert parted.run("push", "origin", "HEAD:main").returncode == 0
    parted.revision("bbb2", "aaa1", upgrade="x = 1")
    parted.commit()
    rewritten = parted.run("push", "origin", "HEAD:main")
    assert "rewritten-revision: revision 'bbb2' is on main, and its script was changed" in rewritten.stderr
