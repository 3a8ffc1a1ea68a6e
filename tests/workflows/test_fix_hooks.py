"""Every way in which git merges, with `hooks install --fix`, through git itself: docs/fixing.md has the same table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.repositories import ROOT, Checkout, footprint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


JOINED = "branchmig: joined the heads bbb2 and ccc3 with merge revision "
ADD = "op.add_column('users', sa.Column('email', sa.String()))"


@pytest.fixture
def fixing(parted: Checkout) -> Checkout:
    """'bbb2' on main, 'ccc3' on feature, which is checked out; a merge makes the heads one."""
    return installed(parted)


def installed(repo: Checkout) -> Checkout:
    repo.environment["PYTHONPATH"] = str(ROOT)
    assert repo.branchmig("-q", "hooks", "install", "--fix").exit_code == 0
    return repo


def on(repo: Checkout, branch: str, *parents: str, revision: str, **more: str) -> None:
    """Commit a revision on a branch, which is made at main's first commit where it is new; return to where it was."""
    before = repo.git("branch", "--show-current")
    if repo.run("switch", "--quiet", branch).returncode:
        repo.git("switch", "--quiet", "--create", branch, "main~1")
    repo.revision(revision, *parents, **more)  # type: ignore[arg-type]
    repo.commit(f"{revision} on {branch}")
    repo.git("switch", "--quiet", before)


def merge_revision(repo: Checkout) -> str:
    """Return the file of the only merge revision, from the top."""
    names = [path for path in repo.git("ls-files").splitlines() if "_merge_" in path]
    assert len(names) == 1, names
    return names[0]


def is_one(repo: Checkout, *parents: str) -> str:
    """Check that HEAD has one head, that git and alembic agree, and that nothing is left over; return the head."""
    assert repo.git("status", "--porcelain") == ""
    (head,) = repo.heads("--at", "HEAD")
    assert repo.alembic("heads").stdout.split()[0] == head
    shown = json.loads(repo.branchmig("heads", "--at", "HEAD", "--format", "json").stdout)["heads"][0]
    assert not parents or shown["down_revision"] == list(parents)
    return head


def add_line(path: Path, line: str) -> None:
    path.write_text(f"{path.read_text()}{line}\n")


def changed(repo: Checkout, name: str, other: str) -> list[str]:
    return repo.git("diff", "--name-only", name, other).splitlines()


def test_hooks_are_taken_away_with_what_was_agreed_to(parted: Checkout) -> None:
    before = footprint(parted.top)
    installed(parted)
    assert "post-commit       runs, and reports\n" in parted.branchmig("hooks", "status").stdout
    assert parted.git("config", "branchmig.fix") == "true"
    assert parted.branchmig("hooks", "uninstall").exit_code == 0
    config = parted.top / ".git" / "config"
    assert (parted.run("config", "branchmig.fix").returncode, "[branchmig" in config.read_text()) == (1, False)
    changed_since = {name for name, facts in footprint(parted.top).items() if facts != before.get(name)}
    assert changed_since <= {".git/config"}


# --- the merge itself


@pytest.mark.parametrize("words", [["--no-edit"], ["--no-ff", "-m", "a message"], ["--no-edit", "-s", "recursive"]])
def test_a_merge_has_the_merge_revision_in_its_commit(fixing: Checkout, words: list[str]) -> None:
    done = fixing.run("merge", *words, "main")
    assert done.returncode == 0, done.stderr
    head = is_one(fixing, "bbb2", "ccc3")
    path = merge_revision(fixing)
    assert f"{JOINED}{head}, in the merge commit\n" in done.stderr
    sides = fixing.git("rev-parse", "HEAD@{2}", "main").split()
    assert fixing.git("rev-parse", "HEAD^@").split() == sides
    # Beside the revision nothing differs from git's own merge, which the reflog keeps.
    assert changed(fixing, "HEAD@{1}", "HEAD") == [path]
    for what in ("%B", "%an %ae %at", "%cn %ce %ct"):
        assert fixing.git("log", "-1", f"--format={what}", "HEAD@{1}") == fixing.git("log", "-1", f"--format={what}")
    assert fixing.alembic("upgrade", "head").exit_code == 0
    fixing.git("reset", "--quiet", "--hard", "ORIG_HEAD")
    assert fixing.heads() == ["ccc3"]


def test_two_clones_that_repair_one_merge_write_one_revision(fixing: Checkout) -> None:
    fixing.git("merge", "--quiet", "--no-edit", "main")
    item = fixing.git("rev-parse", f"HEAD:{merge_revision(fixing)}")
    fixing.git("switch", "--quiet", "main")
    fixing.git("merge", "--quiet", "--no-edit", "feature~1")
    assert fixing.git("merge-base", "HEAD", "feature") != ""
    fixing.git("reset", "--quiet", "--hard", "HEAD~1")
    fixing.git("merge", "--quiet", "--no-edit", "feature^1")
    assert fixing.git("rev-parse", f"HEAD:{merge_revision(fixing)}") == item


def test_an_octopus_joins_three_heads(fixing: Checkout) -> None:
    on(fixing, "other", "aaa1", revision="ddd4")
    fixing.git("merge", "--quiet", "-m", "three", "main", "other")
    is_one(fixing, "bbb2", "ccc3", "ddd4")
    assert len(fixing.git("rev-parse", "HEAD^@").split()) == 3


def test_no_commit_and_a_conflict_take_it_into_the_commit_that_ends_them(fixing: Checkout) -> None:
    fixing.git("merge", "--quiet", "--no-commit", "main")
    done = fixing.run("commit", "--no-edit")
    assert "in this commit\n" in done.stderr
    is_one(fixing, "bbb2", "ccc3")
    assert len(fixing.git("rev-parse", "HEAD^@").split()) == 2
    fixing.git("reset", "--quiet", "--hard", "HEAD~1")
    for branch, text in (("main", "m"), ("feature", "f")):
        fixing.git("switch", "--quiet", branch)
        (fixing.top / "notes").write_text(text)
        fixing.commit("notes")
    assert fixing.run("merge", "--no-edit", "main").returncode == 1
    (fixing.top / "notes").write_text("both")
    fixing.git("commit", "--quiet", "--all", "--no-edit")
    is_one(fixing, "bbb2", "ccc3")


def test_squash_stages_it(fixing: Checkout) -> None:
    done = fixing.run("merge", "--squash", "main")
    assert f"{JOINED}" in done.stderr
    assert merge_revision(fixing) in fixing.git("diff", "--cached", "--name-only").splitlines()
    fixing.git("commit", "--quiet", "-m", "squashed")
    is_one(fixing, "bbb2", "ccc3")
    assert len(fixing.git("rev-parse", "HEAD^@").split()) == 1


def test_autostash_comes_back(fixing: Checkout) -> None:
    add_line(fixing.top / "alembic.ini", "# mine")
    fixing.git("merge", "--quiet", "--no-edit", "--autostash", "main")
    assert fixing.git("status", "--porcelain") == " M alembic.ini"
    fixing.git("checkout", "--quiet", "alembic.ini")
    is_one(fixing, "bbb2", "ccc3")


def test_what_lies_uncommitted_stays(fixing: Checkout) -> None:
    add_line(fixing.top / "alembic.ini", "# mine")
    (fixing.top / "new").write_text("x")
    fixing.revision("eee5", "ccc3")
    fixing.git("merge", "--quiet", "--no-edit", "main")
    assert fixing.git("status", "--porcelain").splitlines() == [
        " M alembic.ini",
        "?? migrations/versions/eee5.py",
        "?? new",
    ]
    assert len(fixing.heads("--at", "HEAD")) == 1


# --- pull, fast-forward, rebase, picks


def clone(repo: Checkout, top: Path, branch: str) -> Checkout:
    """Return a clone with the hooks, whose `branch` has what `repo` had one commit ago."""
    repo.git("clone", "--quiet", "--branch", branch, str(repo.top), str(top))
    made = Checkout.copy(repo, top.with_name(f"{top.name}-copy"))
    made.top = made.root = top
    made.migrations = top / "migrations"
    made.versions = made.migrations / "versions"
    return installed(made)


@pytest.mark.parametrize("how", ["--no-rebase", "--rebase"])
def test_a_pull_leaves_one_head(parted: Checkout, tmp_path: Path, how: str) -> None:
    parted.git("switch", "--quiet", "main")
    made = clone(parted, tmp_path / "clone", "main")
    made.revision("eee5", "bbb2")
    made.commit("mine")
    on(parted, "main", "bbb2", revision="ddd4")
    done = made.run("pull", how, "--no-edit")
    assert done.returncode == 0, done.stderr
    is_one(made, "ddd4", "eee5")
    subject = made.git("log", "-1", "--format=%s")
    if how == "--rebase":
        assert subject.startswith("Joined the heads ddd4 and eee5 with merge revision ")
        assert made.git("log", "--format=%s", "-2").splitlines()[1] == "mine"
    else:
        assert subject.startswith("Merge branch 'main'")


def test_a_fast_forward_gets_a_commit_of_its_own_and_leaves_what_is_staged(fixing: Checkout) -> None:
    on(fixing, "two", "aaa1", revision="ddd4")
    fixing.git("switch", "--quiet", "two")
    fixing.git("-c", "branchmig.fix=false", "merge", "--quiet", "--no-edit", "--no-verify", "main")
    fixing.git("switch", "--quiet", "--create", "behind", "main")
    (fixing.top / "mine").write_text("x")
    fixing.git("add", "mine")
    done = fixing.run("merge", "--ff-only", "two")
    assert ", in commit " in done.stderr, done.stderr
    assert fixing.git("rev-parse", "HEAD~1") == fixing.git("rev-parse", "two")
    assert fixing.git("status", "--porcelain") == "A  mine"
    fixing.git("rm", "--quiet", "--force", "mine")
    is_one(fixing, "bbb2", "ddd4")


@pytest.mark.parametrize("backend", ["--merge", "--apply"])
def test_a_rebase_gets_a_commit_on_top(fixing: Checkout, backend: str) -> None:
    fixing.git("rebase", "--quiet", backend, "main")
    assert fixing.git("branch", "--show-current") == "feature"
    assert fixing.git("log", "-1", "--format=%s").startswith("Joined the heads bbb2 and ccc3")
    is_one(fixing, "bbb2", "ccc3")


def test_one_pick_gets_a_commit_and_several_are_told_of(fixing: Checkout) -> None:
    done = fixing.run("cherry-pick", "main")
    assert ", in commit " in done.stderr, done.stderr
    is_one(fixing, "bbb2", "ccc3")
    fixing.git("reset", "--quiet", "--hard", "HEAD~2")
    on(fixing, "main", "bbb2", revision="ddd4")
    done = fixing.run("cherry-pick", "main~1", "main")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("branchmig") == 2, done.stderr
    assert "branchmig: 2 heads are left; to join them: branchmig fix\n" in done.stderr
    assert fixing.git("status", "--porcelain") == ""


def test_a_revert_takes_the_merge_revision_back_and_its_revert_is_repaired(fixing: Checkout) -> None:
    fixing.git("merge", "--quiet", "--no-edit", "main")
    merged = fixing.git("rev-parse", "HEAD")
    fixing.git("revert", "--no-edit", "-m", "1", "HEAD")
    assert is_one(fixing) == "ccc3"
    reverted = fixing.git("rev-parse", "HEAD")
    fixing.revision("ddd4", "ccc3")
    fixing.commit("go on")
    done = fixing.run("revert", "--no-edit", reverted)
    assert done.returncode == 0, done.stderr
    assert ", in commit " in done.stderr
    assert is_one(fixing) not in ("ccc3", "ddd4")
    assert merged in fixing.git("log", "--format=%H").splitlines()


def test_the_revert_of_a_repair_is_not_repaired_again(fixing: Checkout) -> None:
    fixing.git("rebase", "--quiet", "main")
    done = fixing.run("revert", "--no-edit", "HEAD")
    assert done.returncode == 0, done.stderr
    assert "in commit" not in done.stderr
    assert fixing.heads() == ["bbb2", "ccc3"]


def test_a_later_rebase_repairs_again_what_git_drops_with_the_merge(fixing: Checkout) -> None:
    fixing.git("merge", "--quiet", "--no-edit", "main")
    (fixing.top / "notes").write_text("x")
    fixing.commit("notes")
    on(fixing, "main", "bbb2", revision="ddd4")
    fixing.git("rebase", "--quiet", "main")
    is_one(fixing, "ccc3", "ddd4")


# --- what it stops for


@pytest.mark.parametrize("name", ["merge", "rebase", "squash", "commit"])
def test_scripts_that_collide_are_named_and_nothing_is_changed(parted: Checkout, name: str) -> None:
    on(parted, "main", "bbb2", revision="ddd4", upgrade=ADD)
    on(parted, "feature", "ccc3", revision="eee5", upgrade=ADD)
    repo = installed(parted)
    words = {"merge": ["merge", "main"], "rebase": ["rebase", "main"], "squash": ["merge", "--squash", "main"]}
    if name == "commit":
        repo.git("merge", "--quiet", "--no-commit", "main")
    done = repo.run(*words.get(name, ["commit", "--no-edit"]))
    assert done.returncode == (1 if name in ("merge", "commit") else 0)
    assert ": their scripts collide over column users.email\n" in done.stderr
    assert "  conflict: column users.email: both add column users.email: the second of the two fails " in done.stderr
    assert not [path for path in repo.git("ls-files", "--cached", "--others").splitlines() if "_merge_" in path]
    if name == "merge":
        repo.git("merge", "--abort")
        assert repo.git("status", "--porcelain") == ""


def test_where_the_order_matters_a_proof_decides(repo: Checkout) -> None:
    columns = "sa.Column('id', sa.Integer, primary_key=True), sa.Column('n', sa.Integer)"
    repo.revision("aaa1", upgrade=f"op.create_table('users', {columns})")
    repo.commit()
    for branch, revision, number in (("main", "bbb2", 1), ("feature", "ccc3", 2)):
        repo.git("switch", "--quiet", *(["--create", branch, "main~1"] if branch != "main" else [branch]))
        repo.revision(revision, "aaa1", upgrade=f"op.execute('UPDATE users SET n = n + {number}')")
        repo.commit()
    installed(repo)
    stopped = repo.run("merge", "--no-edit", "main")
    assert (stopped.returncode, "  order: column users.n: " in stopped.stderr) == (1, True), stopped.stderr
    repo.git("merge", "--abort")
    repo.git("config", "branchmig.fix", "prove")
    done = repo.run("merge", "--no-edit", "main")
    assert done.returncode == 0, done.stderr
    is_one(repo, "bbb2", "ccc3")


def test_it_is_off_without_consent_and_any_other_fault_stops_the_merge(fixing: Checkout) -> None:
    fixing.git("config", "branchmig.fix", "false")
    done = fixing.run("merge", "main")
    assert (done.returncode, "multiple-heads: 2 heads: bbb2 (step bbb2; main, " in done.stderr) == (1, True)
    fixing.git("merge", "--abort")
    fixing.git("config", "branchmig.fix", "true")
    on(fixing, "main", "nowhere", revision="fff6")
    done = fixing.run("merge", "main")
    assert (done.returncode, "missing-parent: " in done.stderr) == (1, True), done.stderr


# --- what else takes part


def test_a_signed_merge_is_signed_again_and_one_that_cannot_be_stays_git_s_own(
    fixing: Checkout, tmp_path: Path
) -> None:
    gpg = tmp_path / "gpg"
    gpg.write_text(
        "#!/bin/sh\n[ ! -e fail ] || exit 1\ncat >/dev/null\necho '\n[GNUPG:] SIG_CREATED ' >&2\n"
        "printf '%s\\n' '-----BEGIN PGP SIGNATURE-----' '' x '-----END PGP SIGNATURE-----'\n"
    )
    gpg.chmod(0o755)
    fixing.git("config", "gpg.program", str(gpg))
    fixing.git("merge", "--quiet", "--no-edit", "-S", "main")
    assert "\ngpgsig -----BEGIN PGP SIGNATURE-----\n" in fixing.git("cat-file", "commit", "HEAD")
    is_one(fixing, "bbb2", "ccc3")
    fixing.git("reset", "--quiet", "--hard", "HEAD~1")
    hook = fixing.top / ".git" / "hooks" / "post-merge.before-branchmig"
    hook.write_text("#!/bin/sh\ntouch fail\n")
    hook.chmod(0o755)
    done = fixing.run("merge", "--no-edit", "-S", "main")
    assert "branchmig: the merge left several heads: git commit-tree failed: " in done.stderr
    (fixing.top / "fail").unlink()
    assert fixing.git("status", "--porcelain") == ""


def test_a_commit_msg_hook_has_its_say_in_every_commit(fixing: Checkout) -> None:
    hook = fixing.top / ".git" / "hooks" / "commit-msg"
    hook.write_text("#!/bin/sh\necho 'Change-Id: I1' >>\"$1\"\n")
    hook.chmod(0o755)
    fixing.git("merge", "--quiet", "--no-edit", "main")
    assert fixing.git("log", "-1", "--format=%B").endswith("Change-Id: I1")
    fixing.git("reset", "--quiet", "--hard", "HEAD~1")
    fixing.git("rebase", "--quiet", "main")
    assert fixing.git("log", "-1", "--format=%B").endswith("Change-Id: I1")
    is_one(fixing, "bbb2", "ccc3")


def test_a_linked_work_tree(fixing: Checkout, tmp_path: Path) -> None:
    fixing.git("worktree", "add", "--quiet", "-b", "linked", str(tmp_path / "linked"), "feature")
    done = fixing.run("merge", "--no-edit", "main", cwd=tmp_path / "linked")
    assert JOINED in done.stderr, done.stderr
    assert fixing.git("status", "--porcelain", cwd=tmp_path / "linked") == ""
    assert len(fixing.heads("--at", "linked")) == 1


def test_a_submodule(fixing: Checkout, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    fixing.git("init", "--quiet", str(outer))
    add = ("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(fixing.top), "inner")
    fixing.git(*add, cwd=outer)
    fixing.git("config", "--local", "branchmig.fix", "true", cwd=outer / "inner")
    hooks = fixing.git("rev-parse", "--git-path", "hooks", cwd=outer / "inner")
    made = Checkout.__new__(Checkout)
    made.__dict__.update(fixing.__dict__)
    made.top = made.root = outer / "inner"
    installed(made)
    done = made.run("merge", "--no-edit", "origin/main")
    assert (hooks != "", JOINED in done.stderr) == (True, True), done.stderr
    assert made.git("status", "--porcelain") == ""


def test_a_sparse_checkout_without_the_folder(fixing: Checkout) -> None:
    (fixing.top / "docs").mkdir()
    (fixing.top / "docs" / "a").write_text("x")
    fixing.commit("docs")
    fixing.git("sparse-checkout", "set", "docs")
    assert not fixing.versions.exists()
    done = fixing.run("merge", "--no-edit", "main")
    assert JOINED in done.stderr, done.stderr
    assert fixing.git("status", "--porcelain") == ""
    assert not fixing.versions.exists()
    fixing.git("sparse-checkout", "disable")
    is_one(fixing, "bbb2", "ccc3")


@pytest.mark.parametrize("ci", ["", "true"])
def test_nothing_of_the_branch_that_is_merged_runs(
    fixing: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ci: str
) -> None:
    """On one's own machine ours is trusted; in CI the target is, and the pull request that is checked out is not."""
    for name in ("CI", "GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.setenv(name, ci if name == "CI" else "")
    ours, theirs = "feature", "main"
    hostile = ours if ci else theirs
    fixing.git("switch", "--quiet", hostile)
    evil = f"open({str(tmp_path / 'mark')!r}, 'w').close()"
    template = fixing.migrations / "script.py.mako"
    template.write_text(f"<% {evil} %>\n{template.read_text()}")
    fixing.write_env(evil)
    fixing.revision("ddd4", "bbb2" if hostile == "main" else "ccc3", upgrade=evil)
    fixing.commit("hostile")
    fixing.git("switch", "--quiet", ours)
    done = fixing.run("merge", "--no-edit", theirs)
    assert "branchmig: joined the heads " in done.stderr, done.stderr
    assert not (tmp_path / "mark").exists()
    assert len(fixing.heads("--at", "HEAD")) == 1


# --- policies


@pytest.fixture
def linear(parted: Checkout) -> Checkout:
    for branch in ("main", "feature"):
        parted.git("switch", "--quiet", branch)
        add_line(parted.root / "alembic.ini", "\n[branchmig]\npolicy = linear\ntarget = main")
        parted.commit("linear")
    return installed(parted)


@pytest.mark.heavy
@pytest.mark.parametrize(("here", "there"), [("feature", "main"), ("main", "feature")])
@pytest.mark.parametrize("words", [("merge", "--no-edit"), ("rebase",)])
def test_under_linear_what_has_not_landed_moves_whichever_way_round(
    linear: Checkout, here: str, there: str, words: tuple[str, ...]
) -> None:
    linear.git("switch", "--quiet", here)
    done = linear.run(*words, there)
    assert "branchmig: put ccc3 on top of bbb2 (migrations/versions/ccc3.py), in " in done.stderr, done.stderr
    assert is_one(linear, "bbb2") == "ccc3"
    assert "Revises: bbb2\n" in (linear.versions / "ccc3.py").read_text()
    assert linear.alembic("upgrade", "head").exit_code == 0


def test_under_linear_two_lines_that_have_not_landed_follow_each_other(linear: Checkout) -> None:
    on(linear, "other", "aaa1", revision="ddd4")
    linear.git("merge", "--quiet", "--no-edit", "other")
    assert is_one(linear, "ccc3") == "ddd4"


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (lambda repo: repo.git("tag", "v1", "feature"), "the tag v1 has it, too"),
        (lambda repo: repo.git("branch", "-m", "feature", "release/1"), "have all landed, and what has landed is not"),
        (lambda repo: add_line(repo.versions / "ccc3.py", "# mine"), "has changes that are not committed"),
    ],
)
def test_under_linear_nothing_moves_that_may_not(
    linear: Checkout, prepare: Callable[[Checkout], object], reason: str
) -> None:
    prepare(linear)
    done = linear.run("merge", "--no-edit", "main")
    assert (done.returncode, reason in done.stderr) == (1, True), done.stderr
    assert "down_revision = 'aaa1'" in (linear.versions / "ccc3.py").read_text()


def test_one_head_per_label_joins_only_within_labels(parted: Checkout) -> None:
    for branch in ("main", "feature"):
        parted.git("switch", "--quiet", branch)
        add_line(parted.root / "alembic.ini", "\n[branchmig]\npolicy = one-head-per-label")
        parted.revision("xxx9", labels=("users",))
        parted.commit("labels")
    on(parted, "main", "xxx9", revision="ddd4")
    on(parted, "feature", "xxx9", revision="eee5")
    repo = installed(parted)
    repo.git("merge", "--quiet", "--no-edit", "main")
    assert repo.git("status", "--porcelain") == ""
    found = json.loads(repo.branchmig("heads", "--format", "json").stdout)["heads"]
    assert sorted(head["down_revision"] for head in found) == [["bbb2", "ccc3"], ["ddd4", "eee5"]]
