"""`branchmig train` on real repositories: the order, why a branch is stopped, and commits that land."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.repositories import Checkout, footprint

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE = "op.create_table('users', sa.Column('id', sa.Integer))"


def add(repo: Checkout, name: str, revision: str, *parents: str, start: str = "main", upgrade: str = "pass") -> None:
    """Make a branch with one revision; main is checked out afterwards."""
    repo.git("switch", "--quiet", "--create", name, start)
    repo.revision(revision, *parents, upgrade=upgrade)
    repo.commit(f"add {revision}")
    repo.git("switch", "--quiet", "main")


@pytest.fixture
def team(parted: Checkout) -> Checkout:
    """main: aaa1 ─ bbb2. feature: ccc3 beside bbb2. Others stand on bbb2; t1 and t2 create one table."""
    parted.git("switch", "--quiet", "main")
    add(parted, "add-x", "xxx1", "bbb2")
    add(parted, "add-y", "yyy1", "bbb2")
    add(parted, "on-y", "yyy2", "yyy1", start="add-y")
    add(parted, "t1", "ttt1", "bbb2", upgrade=TABLE)
    add(parted, "t2", "ttt2", "bbb2", upgrade=TABLE)
    parted.git("switch", "--quiet", "--create", "docs")
    (parted.top / "notes.txt").write_text("x")
    parted.commit()
    parted.git("switch", "--quiet", "main")
    return parted


def actions(repo: Checkout, *words: str) -> list[tuple[str, str]]:
    told = json.loads(repo.branchmig("train", *words, "--format", "json").stdout)
    return [(entry["branch"], entry["action"]) for entry in told["order"]]


def land(repo: Checkout) -> list[str]:
    """Merge what the train wrote into main in its order; return the branches. There is one head after each."""
    order = [name for name, action in actions(repo) if action != "stop"]
    for name in order:
        repo.git("merge", "--quiet", "--no-ff", "-m", name, f"refs/branchmig/train/{name}")
        assert len(repo.heads()) == 1, name
        assert repo.git("status", "--porcelain", "--untracked-files=no") == ""
    return order


def test_an_order_with_what_each_needs(team: Checkout) -> None:
    told = team.branchmig("train")
    x, feature, t1 = (line.partition("merge revision ")[2].split(" ")[0] for line in told.lines[3:6])
    assert (told.exit_code, told.stderr) == (1, "")
    assert told.lines == [
        "into main (head bbb2):",
        "  1. add-y: as it is",
        "  2. on-y: as it is",
        f"  3. add-x: merge revision {x} joins xxx1 and yyy2",
        f"  4. feature: merge revision {feature} joins {' and '.join(sorted([x, 'ccc3']))}",
        f"  5. t1: merge revision {t1} joins {' and '.join(sorted([feature, 'ttt1']))}",
        "cannot land beside them:",
        "  t2: collides with t1 over table users",
        "1 other branch without new revisions",
    ]
    assert json.loads(team.branchmig("train", "on-y", "add-y", "--format", "json").stdout) == {
        "version": 1,
        "into": "main",
        "order": [
            {"branch": "add-y", "action": "as-is", "needs": []},
            {"branch": "on-y", "action": "as-is", "needs": []},
        ],
        "ok": True,
    }
    assert team.branchmig("train", "t1", "--into", "t2").exit_code == 1
    assert team.branchmig("train", "docs").exit_code == 0


@pytest.mark.parametrize("policy", ["single-head", "linear"])
def test_what_is_written_lands_in_that_order(team: Checkout, policy: str) -> None:
    # Settings and template are the target's: the checkout has others.
    ini, template = team.root / "alembic.ini", team.migrations / "script.py.mako"
    ini.write_text(f"{ini.read_text()}[branchmig]\npolicy = {policy}\n")
    template.write_text(f"{template.read_text()}# as main writes it\n")
    team.commit("policy and template")
    team.git("switch", "--quiet", "add-x")
    before, refs = footprint(team.root), team.git("for-each-ref", "refs/heads")
    told = team.branchmig("train", "--write")
    assert told.exit_code == 1
    assert "Wrote 5 refs: git for-each-ref refs/branchmig/train" in told.stderr
    after = footprint(team.root)
    assert {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)} <= {
        path for path in after if path.startswith(".git/")
    }
    assert (team.git("for-each-ref", "refs/heads"), team.git("status", "--porcelain")) == (refs, "")
    assert team.git("rev-parse", "refs/branchmig/train/add-y") == team.git("rev-parse", "add-y")
    # Nothing but the fix differs from git's own merge.
    [own, landed] = team.git("log", "-1", "--format=%P", "refs/branchmig/train/add-x").split()
    assert own == team.git("rev-parse", "add-x")
    merged = team.git("merge-tree", "--write-tree", own, landed)
    [changed] = team.git("diff", "--name-status", merged, "refs/branchmig/train/add-x").splitlines()
    assert changed[0] == ("A" if policy == "single-head" else "M")
    team.git("branch", "--quiet", "-D", "t2")
    team.git("switch", "--quiet", "main")
    assert land(team) == ["add-y", "on-y", "add-x", "feature", "t1"]
    made = [path for path in team.versions.glob("*_merge_*.py") if "# as main writes it" in path.read_text()]
    assert len(made) == (3 if policy == "single-head" else 0)
    assert team.alembic("heads").stdout.split()[0] == team.heads()[0]
    # What has landed is open no more, and a new train takes the refs of the old one away.
    assert team.branchmig("train", "--write", "add-x", "docs").exit_code == 0
    assert team.git("for-each-ref", "refs/branchmig/train") == ""


def test_a_branch_and_what_the_remote_has_of_it_come_once_as_the_later_of_the_two(team: Checkout) -> None:
    for name in ("docs", "feature", "on-y", "t1", "t2"):
        team.git("branch", "--quiet", "-D", name)
    team.branchmig("train", "--write")
    for name in ("add-x", "add-y"):
        team.git("update-ref", f"refs/remotes/origin/{name}", f"refs/branchmig/train/{name}")
    assert actions(team) == [("add-x", "as-is"), ("origin/add-y", "as-is")]
    # What was committed here since is the later state; a branch that was rewritten stands beside the remote's.
    team.git("switch", "--quiet", "add-y")
    team.git("merge", "--quiet", "origin/add-y")
    team.revision("yyy2", "yyy1")
    team.commit("more")
    assert [branch for branch, _ in actions(team)] == ["add-x", "add-y"]
    team.git("reset", "--quiet", "--hard", "main")
    team.revision("yyy1", "bbb2", upgrade=TABLE)
    team.commit("otherwise")
    assert "  origin/add-y: collides with add-y over revision yyy1" in team.branchmig("train").lines


def test_pull_requests_are_taken_from_their_refs(team: Checkout) -> None:
    none = team.branchmig("train", "--pulls")
    assert (none.exit_code, none.stdout, none.stderr.splitlines()[1]) == (
        3,
        "",
        "hint:  git fetch origin 'refs/pull/*/head:refs/pull/*/head'; on GitLab, merge-requests instead of pull",
    )
    for ref, branch in (
        ("refs/pull/10/head", "add-x"),
        ("refs/pull/9/head", "add-y"),
        ("refs/pull/9/merge", "t1"),
        ("refs/merge-requests/3/head", "feature"),
        ("refs/remotes/fork/pr/7", "on-y"),
    ):
        team.git("update-ref", ref, branch)
    assert actions(team, "--pulls") == [
        ("pull/9/head", "as-is"),
        ("fork/pr/7", "as-is"),
        ("merge-requests/3/head", "merge"),
        ("pull/10/head", "merge"),
    ]
    assert team.branchmig("train", "--pulls", "--write").exit_code == 0
    assert "refs/branchmig/train/pull/9/head" in team.git("for-each-ref")


def test_files_that_git_cannot_merge_stop_a_branch(team: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    (team.top / "app.py").write_text("x = 0\n")
    team.commit("app")
    for name, content in (("app1", "x = 1\n"), ("app2", "x = 2\n"), ("app3", "x = 1\n")):
        team.git("switch", "--quiet", "--create", name, "main")
        (team.top / "app.py").write_text(content)
        team.revision(f"{name}r", "bbb2")
        team.commit()
    team.git("switch", "--quiet", "main")
    expected = [("app1", "as-is"), ("app3", "merge"), ("app2", "stop")]
    assert actions(team, "app1", "app2", "app3") == expected
    assert (
        "  app2: collides with app1 over app.py; collides with app3 over app.py"
        in team.branchmig("train", "app1", "app2", "app3").lines
    )
    # So it is where the pairs are too many to look at each, and where the plan did not look at all.
    monkeypatch.setattr("branchmig.git.file_clashes.MOST_PAIRS", 0)
    assert actions(team, "app1", "app2", "app3") == expected
    monkeypatch.setattr("branchmig.workflows.train.conflicts_in_order", lambda *_: {})
    assert team.branchmig("train", "app1", "app2", "app3", "--write").lines[-1] == (
        "  app2: CONFLICT (content): Merge conflict in app.py"
    )
    (team.top / "app.py").write_text("x = 9\n")
    team.commit("app again")
    assert team.branchmig("train", "app1").lines[1:] == [
        "cannot land:",
        "  app1: CONFLICT (content): Merge conflict in app.py",
    ]


def test_what_guard_refuses_is_stopped_and_what_git_cannot_tell_is_no_answer(team: Checkout) -> None:
    def remove() -> None:
        (team.versions / "bbb2.py").unlink()

    def break_file() -> None:
        (team.versions / "zzz9.py").write_text("revision = (")

    def copy() -> None:
        team.revision("bbb2", "aaa1", name="copy.py")

    def collide() -> None:
        team.revision("uuu1", "bbb2", upgrade=TABLE)

    changes: dict[str, Callable[[], object]] = {"gone": remove, "broken": break_file, "copied": copy, "users": collide}
    for name, change in changes.items():
        team.git("switch", "--quiet", "--create", name, "main")
        change()
        team.commit()
    team.git("switch", "--quiet", "main")
    team.git("merge", "--quiet", "t1")
    told = team.branchmig("train", *changes)
    assert told.exit_code == 1
    assert told.lines[1:3] == ["cannot land:", "  gone: deleted: bbb2"]
    assert told.lines[3].startswith("  broken: migrations/versions/zzz9.py")
    assert told.lines[4:] == [
        "  copied: defined twice: bbb2",
        "  users: collides with main over table users",
    ]
    # What only add-x has of a file that both change is not there, as in a partial clone without its remote.
    for name in ("add-x", "main"):
        team.git("switch", "--quiet", name)
        (team.top / "big.txt").write_text(f"{name}\n" * 10)
        team.commit()
    blob = team.git("rev-parse", "add-x:big.txt")
    os.unlink(team.top / ".git" / "objects" / blob[:2] / blob[2:])
    told = team.branchmig("train", "add-x", "docs", "on-y", "--write")
    assert (told.exit_code, told.lines[3][:20]) == (3, "  add-x: cannot tell")
    assert "refs/branchmig/train/on-y" in team.git("for-each-ref")


def test_a_copy_with_commits_of_its_own_takes_what_a_rebase_has_made_of_it(team: Checkout) -> None:
    (team.root / "alembic.ini").write_text(f"{(team.root / 'alembic.ini').read_text()}[branchmig]\npolicy = linear\n")
    team.commit("the policy")
    path = f"migrations/versions/{(team.versions / 'ccc3.py').name}"
    team.git("switch", "--quiet", "--create", "copy", "main~1")
    team.git("checkout", "--quiet", "feature", "--", path)
    team.revision("ddd4", "ccc3")
    team.commit("a copy of ccc3, and what stands on it")
    team.git("switch", "--quiet", "main")
    told = json.loads(team.branchmig("train", "copy", "feature", "add-x", "--write", "--format", "json").stdout)
    assert [(entry["branch"], entry["needs"]) for entry in told["order"]] == [
        ("add-x", []),
        ("feature", ["ccc3 on top of xxx1"]),
        ("copy", ["ccc3 on top of xxx1"]),
    ]
    team.git("tag", "v1", "feature")
    assert team.branchmig("train", "add-x", "feature").lines[-2:] == [
        "cannot land beside them:",
        "  feature: revision ccc3 would move, and the tag v1 has it, too",
    ]
    for name in ("add-x", "feature", "copy"):
        team.git("merge", "--quiet", "--no-ff", "-m", name, f"refs/branchmig/train/{name}")
    assert team.heads() == ["ddd4"]
    assert team.alembic("history").stdout.splitlines()[:2] == [
        "ccc3 -> ddd4 (head), step ddd4",
        "xxx1 -> ccc3, step ccc3",
    ]


def test_in_ci_a_checkout_does_not_name_the_branch_whose_template_runs(
    team: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    template, ini = team.migrations / "script.py.mako", team.root / "alembic.ini"
    team.git("switch", "--quiet", "--create", "evil", "main")
    template.write_text(f"{template.read_text()}# evil\n")
    ini.write_text(f"{ini.read_text()}[branchmig]\ntarget = evil\n")
    team.commit("a pull request")
    monkeypatch.setenv("CI", "true")
    told = team.branchmig("train", "add-x", "add-y", "--write")
    assert (told.exit_code, told.lines[0]) == (0, "into main (head bbb2):")
    files = team.git("ls-tree", "-r", "--name-only", "refs/branchmig/train/add-y", "migrations/versions").splitlines()
    [merge] = [path for path in files if "_merge_" in path]
    assert "evil" not in team.git("show", f"refs/branchmig/train/add-y:{merge}")


def test_a_target_whose_own_heads_collide_takes_nothing(team: Checkout) -> None:
    for name in ("t1", "t2"):
        team.git("merge", "--quiet", "--no-edit", name)
    told = team.branchmig("train", "add-x")
    assert (told.exit_code, told.stdout) == (3, "")
    assert told.stderr == (
        "error: main itself has 2 heads: ttt1, ttt2\nhint:  join them there first: git switch main && branchmig fix\n"
    )


def test_two_whose_order_matters_are_named_wherever_they_are_joined(parted: Checkout) -> None:
    """Both UPDATEs run in either order, and leave other rows: no answer may keep silent about that."""
    parted.git("switch", "--quiet", "main")
    for name, revision, change in (("twice", "ttt1", "total * 2"), ("more", "mmm1", "total + 1")):
        add(parted, name, revision, "bbb2", upgrade=f'op.execute("UPDATE orders SET total = {change}")')
    train = json.loads(parted.branchmig("train", "twice", "more", "--format", "json").stdout)
    first, second = train["order"]
    assert (train["ok"], first["needs"]) == (True, [])
    assert second["needs"][1:] == [f"the order with {first['branch']} matters over column orders.total"]
    assert second["needs"][1] in parted.branchmig("train", "twice", "more").stdout
    assert parted.branchmig("forecast", "twice", "more").lines[-1] == "  twice + more: column orders.total"
    parted.git("switch", "--quiet", "twice")
    parted.git("merge", "--quiet", "--no-edit", "more")
    words = "warning: the order of mmm1 and ttt1 matters over column orders.total: "
    assert words in parted.branchmig("merge", "--dry-run").stderr
