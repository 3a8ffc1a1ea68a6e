"""What a push may not take away: through pre-push and pre-receive, by real git."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from branchmig.git.switching import FOLLOWED
from tests import forks
from tests.repositories import ROOT, Checkout

if TYPE_CHECKING:
    from pathlib import Path


OPTIONS = {
    "pre-receive": "",
    "pre-receive --versions": "--versions migrations/versions --protected 'customer-*'",
}


@pytest.fixture
def remote(parted: Checkout, tmp_path: Path) -> Checkout:
    """On main, which a remote has, too; hooks are installed."""
    parted.environment |= {"PYTHONPATH": str(ROOT), FOLLOWED: "1"}
    parted.git("init", "--quiet", "--bare", "--initial-branch=main", str(tmp_path / "remote.git"))
    parted.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    parted.git("push", "--quiet", "origin", "main", "main:release/1.0", "feature")
    assert parted.branchmig("hooks", "install").exit_code == 0
    parted.git("switch", "--quiet", "main")
    return parted


def on_the_server(repo: Checkout, tmp_path: Path, options: str = "--versions migrations/versions") -> None:
    """Leave the check to the server's pre-receive."""
    assert repo.branchmig("hooks", "uninstall").exit_code == 0
    hook = tmp_path / "remote.git" / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{forks.python()} -P -m branchmig hooks run pre-receive {options}\n")
    hook.chmod(0o755)


@pytest.mark.heavy
@pytest.mark.parametrize("where", ["pre-push", "pre-receive"])
def test_a_branch_of_landed_work_pushed_by_force_keeps_what_the_server_has(
    remote: Checkout, tmp_path: Path, where: str
) -> None:
    """Without bbb2, and with bbb2 amended; main and a release branch. A feature branch may be rewritten."""
    if where == "pre-receive":
        on_the_server(remote, tmp_path)
    old = remote.git("rev-parse", "main")[:10]
    remote.git("reset", "--quiet", "--hard", "HEAD~1")
    for branch in ("main", "release/1.0"):
        done = remote.run("push", "--force", "origin", f"HEAD:{branch}")
        assert done.returncode == 1, done
        assert f"deleted-revision: revision 'bbb2' is on {branch}, and its file was deleted" in done.stderr
    assert where == "pre-receive" or f"git checkout {old} -- migrations/versions/bbb2.py" in done.stderr
    remote.revision("bbb2", "aaa1", upgrade="x = 1")
    remote.commit()
    done = remote.run("push", "--force", "origin", "HEAD:release/1.0")
    assert (done.returncode, "'bbb2' is on release/1.0, and its script was changed" in done.stderr) == (1, True), done
    remote.git("switch", "--quiet", "feature")
    remote.revision("ccc3", "aaa1", upgrade="x = 1")
    remote.commit("amended", "--amend")
    done = remote.run("push", "--force", "origin", "feature")
    assert (done.returncode, "branchmig" in done.stderr) == (0, False), done


def test_a_commit_that_only_the_remote_has_is_fetched_before_a_forced_push(remote: Checkout, tmp_path: Path) -> None:
    other = Checkout.copy(remote, tmp_path / "other")
    other.revision("ddd4", "bbb2")
    other.commit("by somebody else")
    other.git("push", "--quiet", "--no-verify", "origin", "main")
    new = other.git("rev-parse", "HEAD")
    remote.revision("eee5", "bbb2")
    remote.commit()
    done = remote.run("push", "--force", "origin", "main")
    assert done.returncode == 1, done
    assert (
        f"branchmig: could not check main\n  the server has main at {new[:10]}, and this clone does not have that "
        "commit; fetch and look at it first: git fetch origin main\n"
    ) in done.stderr
    remote.git("fetch", "--quiet", "origin", "main")
    assert "deleted-revision: revision 'ddd4' is on main" in remote.run("push", "--force", "origin", "main").stderr


def test_work_for_review_is_compared_with_the_branch_that_it_lands_in(remote: Checkout) -> None:
    """As Gerrit takes it: refs/for/BRANCH, with options after a %."""
    remote.git("switch", "--quiet", "--create", "topic")
    remote.revision("bbb2", "aaa1", upgrade="x = 1")
    remote.commit()
    for ref in ("refs/for/main", "refs/for/release/1.0%topic=x"):
        done = remote.run("push", "origin", f"HEAD:{ref}")
        branch = ref.removeprefix("refs/for/").partition("%")[0]
        assert (done.returncode, f"'bbb2' is on origin/{branch}, and its script was" in done.stderr) == (1, True), done
    unknown = remote.run("push", "origin", "HEAD:refs/for/gone")
    assert (unknown.returncode, "could not check gone\n  this clone does not have" in unknown.stderr) == (1, True)
    remote.git("reset", "--quiet", "--hard", "main")
    remote.revision("ddd4", "bbb2")
    remote.commit()
    assert remote.run("push", "origin", "HEAD:refs/for/main").returncode == 0


def test_what_either_side_of_a_merge_has_landed_is_not_rewritten(remote: Checkout) -> None:
    """release/1.0 has rel1 beside main; a branch from it, up to date with main, rewrites rel1."""
    remote.git("switch", "--quiet", "--create", "release/1.0")
    remote.revision("rel1", "bbb2")
    remote.commit()
    remote.git("switch", "--quiet", "--create", "fix")
    remote.revision("rel1", "bbb2", upgrade="x = 1")
    remote.commit()
    words = "rewritten-revision: revision 'rel1' is on release/1.0, and its script was changed"
    for options in (
        ("--merged-with", "release/1.0"),
        ("--at", "release/1.0", "--merged-with", "fix"),
        ("--at", "HEAD", "--target", "release/1.0"),
    ):
        answer = remote.branchmig("guard", *options)
        assert (answer.exit_code, words in answer.stdout) == (1, True), (options, answer)
    # Of two branches of somebody's own, the one that is looked at as merged in is compared with the target alone.
    remote.git("switch", "--quiet", "--create", "own", "main")
    remote.revision("own1", "bbb2")
    remote.commit()
    assert remote.branchmig("guard", "--at", "main", "--merged-with", "own").exit_code == 0


@pytest.mark.heavy
@pytest.mark.parametrize("where", ["pre-push", "pre-receive", "pre-receive --versions"])
def test_the_setting_of_the_target_says_which_branches_keep_what_they_have(
    remote: Checkout, tmp_path: Path, where: str
) -> None:
    """customer-a is protected, release/1.0 no longer; what the pushed branch says of it does not count."""
    ini = remote.root / "alembic.ini"
    if where != "pre-receive --versions":
        ini.write_text(ini.read_text() + "[branchmig]\nprotected = customer-*, hotfix/*\n")
    remote.commit("protect")
    remote.git("push", "--quiet", "--no-verify", "origin", "main", "main:customer-a")
    if where != "pre-push":
        on_the_server(remote, tmp_path, OPTIONS[where])
    remote.git("switch", "--quiet", "--create", "wip", "HEAD~2")
    ini.write_text(ini.read_text() + "[branchmig]\nprotected = nothing\n")
    remote.commit("protect nothing")
    done = remote.run("push", "--force", "origin", "HEAD:customer-a")
    assert (done.returncode, "deleted-revision: revision 'bbb2' is on customer-a" in done.stderr) == (1, True), done
    assert remote.run("push", "--force", "origin", "HEAD:release/1.0").returncode == 0
    # A branch at the commit of the target is not the target.
    remote.git("push", "--quiet", "--no-verify", "origin", "main:own")
    assert remote.run("push", "--force", "origin", "HEAD:own").returncode == 0


@pytest.mark.parametrize("where", ["pre-push", "pre-receive"])
def test_a_branch_of_landed_work_is_not_deleted_with_a_revision_that_the_target_lacks(
    remote: Checkout, tmp_path: Path, where: str
) -> None:
    remote.git("switch", "--quiet", "--create", "release/2.0")
    remote.revision("rel1", "bbb2")
    remote.commit()
    remote.git("push", "--quiet", "--no-verify", "origin", "release/2.0")
    if where == "pre-receive":
        on_the_server(remote, tmp_path)
        remote.git("config", "receive.denyDeleteCurrent", "ignore", cwd=tmp_path / "remote.git")
    for branch, words in {
        "release/2.0": "deleted-revision: release/2.0 has 'rel1', and TARGETmain does not have it",
        "main": "deleted-revision: main has 'aaa1', 'bbb2', which is where work lands",
    }.items():
        done = remote.run("push", "origin", "--delete", branch)
        expected = words.replace("TARGET", "origin/" if where == "pre-push" else "")
        assert (done.returncode, expected in done.stderr) == (1, True), done
    # release/1.0 is at main, and feature is somebody's own.
    for branch in ("release/1.0", "feature"):
        done = remote.run("push", "origin", "--delete", branch)
        assert (done.returncode, "branchmig" in done.stderr) == (0, False), done
